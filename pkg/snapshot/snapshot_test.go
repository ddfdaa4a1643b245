package snapshot_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/garden/directory"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/snapshot"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

// source holds Seed child, whose ManagedSeed is on Seed parent.
func source(t *testing.T) garden.Source {
	t.Helper()
	var objects []*garden.Object
	for _, content := range []string{
		`{"apiVersion": "core.gardener.cloud/v1beta1", "kind": "Seed", "metadata": {"name": "parent"}}`,
		`{"apiVersion": "core.gardener.cloud/v1beta1", "kind": "Seed", "metadata": {"name": "child"}}`,
		`{"apiVersion": "core.gardener.cloud/v1beta1", "kind": "Shoot", "metadata": {"name": "s", "namespace": "garden"},
			"spec": {"seedName": "parent"}}`,
		`{"apiVersion": "seedmanagement.gardener.cloud/v1alpha1", "kind": "ManagedSeed",
			"metadata": {"name": "child", "namespace": "garden"}, "spec": {"shoot": {"name": "s"}}}`,
	} {
		o, err := directory.Decode([]byte(content))
		require.NoError(t, err)
		objects = append(objects, o)
	}
	return directory.Fixed(objects)
}

// TestRead: all that there is has reached the graph, by the configuration, and nothing goes on.
func TestRead(t *testing.T) {
	for scope, want := range map[graph.ParentScope]bool{graph.ParentScopeSeed: false, graph.ParentScopeEverything: true} {
		c := config.Default()
		c.Authorizer.ParentScope = scope
		s, err := snapshot.New(source(t), c, nil)
		require.NoError(t, err)
		require.NoError(t, s.Read(t.Context()))
		namespace := graph.Vertex{Kind: graph.KindNamespace, Name: "seed-child"}
		require.True(t, s.Graph.Reaches(namespace, "child"))
		require.Equal(t, want, s.Graph.Reaches(namespace, "parent"), scope)
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	s, err := snapshot.New(source(t), config.Default(), nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, s.Read(ctx))
}

// TestAsRead: the garden behind it, of which there is none here, is not asked again.
func TestAsRead(t *testing.T) {
	var r snapshot.AsRead
	_, err := r.Live(t.Context(), "s", graph.Vertex{})
	require.ErrorIs(t, err, garden.ErrNotAvailable)
	_, err = r.Exists(t.Context(), "s", schema.GroupVersionResource{}, "", "")
	require.ErrorIs(t, err, garden.ErrNotAvailable)
	_, _, err = r.BootstrapTokenDescription(t.Context(), "s", "")
	require.ErrorIs(t, err, garden.ErrNotAvailable)
}
