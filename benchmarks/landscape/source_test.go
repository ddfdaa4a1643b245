package landscape

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/test/still"
)

// A garden gets the same objects from memory, from an API server that streams them, and from one that has pages alone.
func TestSources(t *testing.T) {
	l := New(Options{Shoots: 1200, Realistic: true})
	kube := func(streams bool) garden.Source {
		api := httptest.NewServer(l.APIServer(streams))
		t.Cleanup(api.Close)
		config := &rest.Config{Host: api.URL}
		version, err := discovery.NewDiscoveryClientForConfigOrDie(config).ServerVersion()
		require.NoError(t, err)
		require.Equal(t, "37", version.Minor)
		source, err := garden.NewKubeSource(config)
		require.NoError(t, err)
		return source
	}

	want, _ := build(t, l)
	for name, source := range map[string]garden.Source{"memory": still.Source(l.Of), "streams": kube(true),
		"pages": kube(false)} {
		t.Run(name, func(t *testing.T) {
			g := graph.New(graph.Options{})
			watched := garden.New(garden.Options{Source: source, Graph: g})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- watched.Run(ctx) }()
			waiting, stop := context.WithTimeout(ctx, time.Minute)
			defer stop()
			require.NoError(t, watched.WaitReady(waiting))
			for _, kind := range kinds {
				n := 0
				for range l.Of(kind) {
					n++
				}
				require.Len(t, watched.List(kind), n, kind)
			}
			for i := range l.Shoots {
				require.Equal(t, want.Seeds(l.ShootVertex(i)), g.Seeds(l.ShootVertex(i)))
				require.Equal(t, want.Seeds(l.DNSSecret(i)), g.Seeds(l.DNSSecret(i)))
			}
			cancel()
			require.NoError(t, <-ended)
		})
	}
}
