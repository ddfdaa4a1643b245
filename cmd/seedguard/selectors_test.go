package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	apiversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/config"
)

func TestSelectors(t *testing.T) {
	for value, sent := range map[config.WithSelectors]bool{config.WithSelectorsTrue: true, config.WithSelectorsFalse: false, config.WithSelectorsAuto: true} {
		s := newSelectors(&config.Authorizer{WithSelectors: value})
		require.Equal(t, sent, s.sent(), "%s: before a version is known, the stricter reading holds", value)
		require.Equal(t, value == config.WithSelectorsAuto, s.auto)
	}
	s := newSelectors(&config.Authorizer{WithSelectors: config.WithSelectorsAuto})
	for _, c := range []struct {
		version string
		sent    bool
	}{
		{"v1.33.9", false}, {"v1.34.0", true}, {"v1.33.1-gke.100", false}, {"v1.34.2+k3s1", true}, {"v1.37.1", true}, {"v2.0.0", true}, {"v1.9.0", false},
	} {
		require.NoError(t, s.lookUp(klog.Background(), func() (*apiversion.Info, error) { return &apiversion.Info{GitVersion: c.version}, nil }))
		require.Equal(t, c.sent, s.sent(), c.version)
	}
	for _, broken := range []func() (*apiversion.Info, error){
		func() (*apiversion.Info, error) { return nil, errors.New("unreachable") },
		func() (*apiversion.Info, error) { return &apiversion.Info{GitVersion: "none"}, nil },
	} {
		require.Error(t, s.lookUp(klog.Background(), broken))
		require.False(t, s.sent(), "stays as it was")
	}
}
