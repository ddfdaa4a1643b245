package benchmarks

import (
	"runtime"
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
		g.Set(extracted.Vertex, extracted.Edges())
		if extracted.Kind == graph.KindShoot {
			shoots = append(shoots, extracted)
		}
	}
	full := g.Stats().Bytes
	require.LessOrEqual(t, full/l.Shoots, 470)
	for range 3 {
		for _, s := range shoots {
			g.Delete(s.Vertex)
		}
		for _, s := range shoots {
			g.Set(s.Vertex, s.Edges())
		}
	}
	require.LessOrEqual(t, g.Stats().Bytes, 2*full)
}

// What an informer keeps of objects of 20 kB a Shoot is little, and keeps nothing else of them alive.
func TestObjectsKeepLittle(t *testing.T) {
	l := landscape.New(landscape.Options{Shoots: 2000, Realistic: true})
	kept := []*garden.Object{}
	before := heap()
	for o := range l.Objects() {
		extracted, err := garden.Extract(o)
		require.NoError(t, err)
		kept = append(kept, extracted)
	}
	require.LessOrEqual(t, (heap()-before)/uint64(l.Shoots), uint64(1000))
	runtime.KeepAlive(kept)
}
