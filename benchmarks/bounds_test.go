package benchmarks

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/benchmarks/landscape"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// The graph's memory stays where the report shows it in a landscape with everything that a garden has, and deleting and
// creating all Shoots again and again leaves little behind.
func TestGraphMemory(t *testing.T) {
	l := landscape.New(landscape.Options{Shoots: 10000})
	objects, shoots := []*garden.Object{}, []*garden.Object{}
	for o := range l.Objects() {
		extracted, err := garden.Extract(o)
		require.NoError(t, err)
		objects = append(objects, extracted)
		if extracted.Kind == graph.KindShoot {
			shoots = append(shoots, extracted)
		}
	}
	before := heap()
	g := graph.New(graph.Options{})
	for _, o := range objects {
		g.Set(o.Vertex, o.Edges())
	}
	full := heap() - before
	require.LessOrEqual(t, full/uint64(l.Shoots), uint64(1400))
	for range 3 {
		for _, s := range shoots {
			g.Delete(s.Vertex)
		}
		for _, s := range shoots {
			g.Set(s.Vertex, s.Edges())
		}
	}
	require.LessOrEqual(t, heap()-before, full+full/4)
	runtime.KeepAlive(objects)
	runtime.KeepAlive(g)
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
