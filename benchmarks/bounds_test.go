package benchmarks

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/benchmarks/landscape"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// The graph's memory, as it counts it, stays where the report shows it in a landscape with everything that a garden has, and deleting
// and creating all Shoots again and again leaves little behind.
func TestGraphMemory(t *testing.T) {
	l := landscape.New(landscape.Options{Shoots: 10000})
	g := graph.New(graph.Options{})
	var shoots []*garden.Object
	for o := range l.Objects() {
		extracted, err := garden.Extract(o)
		require.NoError(t, err)
		g.Set(extracted.Vertex, extracted.Edges)
		if extracted.Kind == graph.KindShoot {
			shoots = append(shoots, extracted)
		}
	}
	full := g.Stats().Bytes
	require.LessOrEqual(t, full/l.Shoots, 560)
	for range 3 {
		for _, s := range shoots {
			g.Delete(s.Vertex)
		}
		for _, s := range shoots {
			g.Set(s.Vertex, s.Edges)
		}
	}
	require.LessOrEqual(t, g.Stats().Bytes, 2*full)
}

// What an informer keeps of an object has no more room for edges than they need.
func TestObjectsKeepLittle(t *testing.T) {
	l := landscape.New(landscape.Options{Shoots: 100, Realistic: true})
	for o := range l.Objects() {
		extracted, err := garden.Extract(o)
		require.NoError(t, err)
		// The allocator's size classes leave an eighth at most.
		require.LessOrEqual(t, cap(extracted.Edges)*7, max(1, len(extracted.Edges))*8, extracted.Vertex)
	}
}
