// Package plain is the graph with the same index as pkg/graph, and nothing beyond it: one map, pointers, one RWMutex.
// The benchmarks take it to show what each thing that pkg/graph does beyond that is worth: Options adds one after the
// other.
package plain

import (
	"slices"
	"strings"
	"sync"

	"github.com/seedguard/seedguard/benchmarks/baseline"
	"github.com/seedguard/seedguard/pkg/graph"
)

// Options say what the graph does beyond the index.
type Options struct {
	// Implied: what a Shoot implies is found by the Shoot's name, and is no vertex.
	Implied bool
	// Apart: the vertices whose names a Shoot may imply have a map of their own, so that a miss of an implied one takes
	// one look-up in a large map.
	Apart bool
	// Compare: a Set compares the edges with the owner's own, in their order, and applies only what differs.
	Compare bool
	// Inside: the first of a vertex's Seeds is in the vertex itself.
	Inside bool
}

// Graph keeps for each vertex the Seeds that it reaches, with parentScope Seed. It is safe for concurrent use.
type Graph struct {
	Options
	mu                  sync.RWMutex
	vertices, impliable map[graph.Vertex]*vertex
}

type vertex struct {
	graph.Vertex
	object bool
	uses   int
	owned  []edge
	others []*vertex
	seeds  []seedCount // sorted by name
	first  [1]seedCount
}

type edge struct{ from, to *vertex }

type seedCount struct {
	seed  *vertex
	count int
}

// New returns an empty graph.
func New(options Options) *Graph {
	return &Graph{Options: options, vertices: map[graph.Vertex]*vertex{}, impliable: map[graph.Vertex]*vertex{}}
}

// names returns the map that v belongs to.
func (g *Graph) names(v graph.Vertex) map[graph.Vertex]*vertex {
	if g.Apart {
		if _, ok := graph.ImpliedShoot(v); ok {
			return g.impliable
		}
	}
	return g.vertices
}

// Set makes the object exist with these edges, of which all must be allow-listed.
func (g *Graph) Set(object graph.Vertex, edges []graph.Edge) { g.set(object, true, edges) }

// Delete makes the object not exist.
func (g *Graph) Delete(object graph.Vertex) { g.set(object, false, nil) }

func (g *Graph) set(object graph.Vertex, exists bool, edges []graph.Edge) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if object.Kind == graph.KindShoot && exists && !g.Implied {
		edges = slices.Clip(edges)
		for _, r := range baseline.ProjectResources {
			implied := graph.Vertex{Kind: r.Kind, Namespace: object.Namespace, Name: object.Name + r.Suffix}
			edges = append(edges, graph.Edge{From: implied, To: object})
		}
	}
	if !exists && g.names(object)[object] == nil {
		return
	}
	owner := g.intern(object)
	head, tail := 0, 0
	if g.Compare {
		same := func(a edge, b graph.Edge) bool { return a.from.Vertex == b.From && a.to.Vertex == b.To }
		for head < min(len(owner.owned), len(edges)) && same(owner.owned[head], edges[head]) {
			head++
		}
		for tail < min(len(owner.owned), len(edges))-head &&
			same(owner.owned[len(owner.owned)-1-tail], edges[len(edges)-1-tail]) {
			tail++
		}
		if owner.object == exists && head == len(edges) && head == len(owner.owned) {
			return
		}
	}
	owner.object = exists
	come := make([]edge, 0, len(edges)-head-tail)
	for _, e := range edges[head : len(edges)-tail] {
		come = append(come, edge{g.intern(e.From), g.intern(e.To)})
	}
	old := owner.owned
	gone := old[head : len(old)-tail]
	change := func(into bool) {
		for _, e := range come {
			if (e.to == owner) == into {
				addEdge(owner, e)
			}
		}
		for _, e := range gone {
			if (e.to == owner) == into {
				removeEdge(owner, e)
			}
		}
	}
	change(true)
	owner.owned = slices.Concat(old[:head], come, old[len(old)-tail:])
	change(false)
	g.tidyUp(owner)
	for _, e := range gone {
		g.tidyUp(e.from)
		g.tidyUp(e.to)
	}
}

func (g *Graph) intern(v graph.Vertex) *vertex {
	found := g.names(v)[v]
	if found == nil {
		v.Namespace, v.Name = strings.Clone(v.Namespace), strings.Clone(v.Name)
		found = &vertex{Vertex: v}
		if g.Inside {
			found.seeds = found.first[:0]
		}
		g.names(v)[v] = found
	}
	return found
}

func (g *Graph) tidyUp(v *vertex) {
	if !v.object && v.uses == 0 {
		delete(g.names(v.Vertex), v.Vertex)
	}
}

func addEdge(owner *vertex, e edge) {
	e.from.uses++
	e.to.uses++
	if e.to.Kind == graph.KindSeed {
		change(e.from, e.to, 1)
		return
	}
	if e.to != owner {
		e.to.others = append(e.to.others, e.from)
	}
	for _, s := range e.to.seeds {
		change(e.from, s.seed, 1)
	}
}

func removeEdge(owner *vertex, e edge) {
	e.from.uses--
	e.to.uses--
	if e.to.Kind == graph.KindSeed {
		change(e.from, e.to, -1)
		return
	}
	if e.to != owner {
		i := slices.Index(e.to.others, e.from)
		e.to.others = slices.Delete(e.to.others, i, i+1)
	}
	for _, s := range e.to.seeds {
		change(e.from, s.seed, -1)
	}
}

// change counts an edge of v that leads to the Seed, or one less, and passes the first and the last on.
func change(v, seed *vertex, by int) {
	i, found := find(v.seeds, seed.Name)
	switch {
	case !found:
		v.seeds = slices.Insert(v.seeds, i, seedCount{seed, 1})
	case v.seeds[i].count+by > 0:
		v.seeds[i].count += by
		return
	default:
		v.seeds = slices.Delete(v.seeds, i, i+1)
	}
	if v.Kind == graph.KindSeed {
		return
	}
	for _, e := range v.owned {
		if e.to == v {
			change(e.from, seed, by)
		}
	}
	for _, from := range v.others {
		change(from, seed, by)
	}
}

func find(seeds []seedCount, name string) (int, bool) {
	return slices.BinarySearchFunc(seeds, name, func(s seedCount, name string) int {
		return strings.Compare(s.seed.Name, name)
	})
}

// Reaches reports whether a path leads from v to the Seed.
func (g *Graph) Reaches(v graph.Vertex, seed string) bool {
	if v.Kind == graph.KindSeed && v.Name == seed {
		return true
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.Implied {
		if shoot, ok := graph.ImpliedShoot(v); ok {
			if x := g.names(shoot)[shoot]; x != nil && x.object && x.reaches(seed) {
				return true
			}
		}
	}
	x := g.names(v)[v]
	return x != nil && x.reaches(seed)
}

func (v *vertex) reaches(seed string) bool {
	_, found := find(v.seeds, seed)
	return found
}

// HasObject reports whether the object itself exists.
func (g *Graph) HasObject(object graph.Vertex) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	v := g.names(object)[object]
	return v != nil && v.object
}
