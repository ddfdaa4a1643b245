package snapshot

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/garden/directory"
	"github.com/seedguard/seedguard/pkg/graph"
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
		s, err := Read(t.Context(), source(t), c, nil, func(garden.Progress) {})
		require.NoError(t, err)
		namespace := graph.Vertex{Kind: graph.KindNamespace, Name: "seed-child"}
		require.True(t, s.Graph.Reaches(namespace, "child"))
		require.Equal(t, want, s.Graph.Reaches(namespace, "parent"), scope)
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Read(ctx, source(t), config.Default(), nil, func(garden.Progress) {})
	require.Error(t, err)
}

// TestGardenThatHangsIsGivenUp, and the error says what is missing.
func TestGardenThatHangsIsGivenUp(t *testing.T) {
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hanging.Close()
	source, err := garden.NewKubeSource(&rest.Config{Host: hanging.URL})
	require.NoError(t, err)
	defer source.Redial() // so that the server can close
	watched := garden.New(garden.Options{Source: source, Graph: graph.New(graph.Options{})})
	told := 0
	err = read(t.Context(), watched, 200*time.Millisecond, func(garden.Progress) { told++ })
	require.ErrorContains(t, err, "shoots.core.gardener.cloud not synced")
	require.ErrorContains(t, err, "nothing came for 200ms")
	require.Greater(t, told, 1)
}

// TestAsRead: the garden behind it, of which there is none here, is not asked again.
func TestAsRead(t *testing.T) {
	var r AsRead
	_, err := r.Live(t.Context(), "s", graph.Vertex{})
	require.ErrorIs(t, err, garden.ErrNotAvailable)
	_, err = r.Exists(t.Context(), "s", schema.GroupVersionResource{}, "", "")
	require.ErrorIs(t, err, garden.ErrNotAvailable)
	_, _, err = r.BootstrapTokenDescription(t.Context(), "s", "")
	require.ErrorIs(t, err, garden.ErrNotAvailable)
}
