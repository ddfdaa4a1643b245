package main

import (
	"context"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/util/version"
	apiversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/config"
)

// selectors knows whether the API server sends the selectors of requests (SPEC 3). It is safe for concurrent use.
type selectors struct {
	auto  bool
	value atomic.Bool
}

// sentSince is the first version of kube-apiserver that sends selectors always.
var sentSince = version.MustParseGeneric("1.34.0")

// newSelectors returns what is configured. Until a version is known it takes them to be sent, which allows less.
func newSelectors(c *config.Authorizer) *selectors {
	s := &selectors{auto: c.WithSelectors == config.WithSelectorsAuto}
	s.value.Store(c.WithSelectors != config.WithSelectorsFalse)
	return s
}

func (s *selectors) sent() bool { return s.value.Load() }

// follow looks the API server's version up until ctx ends.
func (s *selectors) follow(ctx context.Context, serverVersion func() (*apiversion.Info, error)) error {
	logger := klog.FromContext(ctx).WithName("selectors")
	for {
		wait := versionInterval
		if err := s.lookUp(logger, serverVersion); err != nil {
			logger.Error(err, "The API server's version could not be read; whether it sends selectors stays as it was", "sent", s.sent())
			wait = versionRetry
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func (s *selectors) lookUp(logger klog.Logger, serverVersion func() (*apiversion.Info, error)) error {
	info, err := serverVersion()
	if err != nil {
		return err
	}
	v, err := version.ParseGeneric(info.GitVersion)
	if err != nil {
		return err
	}
	sent := v.AtLeast(sentSince)
	if s.value.Swap(sent) != sent {
		logger.Info("Whether the API server sends selectors was found out from its version", "version", info.GitVersion, "sent", sent)
	}
	return nil
}
