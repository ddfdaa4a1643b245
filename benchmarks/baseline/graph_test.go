package baseline

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/benchmarks/landscape"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// The baseline and seedguard's graph give the same answers, of every vertex for every Seed, also after changes.
func TestGraphAgrees(t *testing.T) {
	l := landscape.New(landscape.Options{Shoots: 1000})
	slow, fast := NewGraph(), graph.New(graph.Options{ParentScope: graph.ParentScopeEverything})
	vertices := map[graph.Vertex]bool{{Kind: graph.KindSecret, Namespace: "garden", Name: "absent"}: true}
	set := func(o *garden.Object) {
		slow.Set(o.Vertex, o.Edges())
		fast.Set(o.Vertex, o.Edges())
		for _, e := range slow.owned[o.Vertex] {
			vertices[e.From], vertices[e.To] = true, true
		}
	}
	var objects []*garden.Object
	for o := range l.Objects() {
		extracted, err := garden.Extract(o)
		require.NoError(t, err)
		objects = append(objects, extracted)
		set(extracted)
	}
	compare := func() {
		t.Helper()
		for v := range vertices {
			for i := range l.Seeds {
				seed := l.SeedName(i)
				require.Equal(t, slow.Reaches(v, seed), fast.Reaches(v, seed), "%s for %s", v, seed)
			}
			if v.Kind.Tracked() {
				require.Equal(t, slow.HasObject(v), fast.HasObject(v), v)
			}
		}
	}
	compare()
	for i := range 30 {
		moved, err := garden.Extract(l.Shoot(i, l.Stranger(i)))
		require.NoError(t, err)
		set(moved)
	}
	compare()
	for i := 0; i < len(objects); i += 2 {
		slow.Delete(objects[i].Vertex)
		fast.Delete(objects[i].Vertex)
	}
	compare()
	for _, o := range objects {
		slow.Delete(o.Vertex)
	}
	require.Empty(t, slow.nodes)
	require.Empty(t, slow.owners)
	require.Empty(t, slow.degree)
	require.Zero(t, slow.graph.Nodes().Len())
}
