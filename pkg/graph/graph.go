package graph

import (
	"slices"
	"strings"
	"sync"
)

// Options configure a Graph.
type Options struct {
	// ParentScope defaults to ParentScopeSeed.
	ParentScope ParentScope
}

// Graph is the resource graph. All methods may be called by many goroutines at once.
type Graph struct {
	parentScope ParentScope

	// mu guards what follows.
	mu sync.RWMutex
	// ids finds a vertex, in the map of its kind. The last map has the few whose names a Shoot may imply as well, so that
	// an implied one takes one look-up in a large map. Invariant: all are alive.
	ids [numKinds + 1]map[Vertex]id
	// pages hold the vertices by their ids. They never move, so growing copies nothing.
	pages []*[pageSize]vertex
	// free lists the ids that no vertex has now. Invariant: their places are zero.
	free []id
	// next is the least number that no vertex has had.
	next id
	// scopes has, for each Seed, the names of itself and of those that lead to it, sorted. Invariant: empty with
	// ParentScopeSeed.
	scopes map[string][]string

	counters
	// scopesStale: a Seed's own reach has changed. Invariant: false outside of a Set or Delete.
	scopesStale bool
	// work counts the vertices and edges that changes have looked at. Tests bound it.
	work int
}

// id is the number of a vertex, small so that edges and sets take little memory and the garbage collector need not
// follow them. A number is used again when its vertex is gone.
type id uint32

// none is the number of no vertex. Its place is always zero: no object, no edges, no Seeds.
const none id = 0

// vertex is a vertex with what is known of it. Invariant: it is an object or in use.
type vertex struct {
	// seeds are the Seeds that the vertex reaches, with the number of its edges that lead to each. Invariant: sorted by
	// name, and no count is 0.
	seeds []seedCount
	// first is where seeds begins, so that most decisions find all of a vertex in one line of the processor's cache.
	first [1]seedCount
	// object: it is an object of the garden, as against being only referred to.
	object bool
	// uses counts the edges from and to this vertex.
	uses int32
	Vertex
	// owned are the edges that this object owns, in the order in which they were given.
	owned []edge
	// others are the sources of the edges into this vertex that other objects own; its own are in owned. Invariant:
	// empty for a Seed, whose list would be long and is never needed, since edges end there.
	others []id
}

type edge struct{ from, to id }

type seedCount struct {
	seed  id
	count int32
}

// pageSize is small enough for a graph of a few vertices to cost little.
const pageSize = 1 << 10

// New returns an empty graph.
func New(opts Options) *Graph {
	g := &Graph{parentScope: opts.ParentScope, pages: []*[pageSize]vertex{new([pageSize]vertex)}, next: 1}
	for kind := range g.ids {
		g.ids[kind] = map[Vertex]id{}
	}
	return g
}

func (g *Graph) at(v id) *vertex { return &g.pages[v/pageSize][v%pageSize] }

// names returns that of ids which v belongs to. The kind must be valid.
func (g *Graph) names(v Vertex) map[Vertex]id {
	if _, ok := ImpliedShoot(v); ok {
		return g.ids[numKinds]
	}
	return g.ids[v.Kind]
}

// find returns the number of a vertex. Its inverse is what g.at names.
func (g *Graph) find(v Vertex) id {
	if !v.Kind.valid() {
		return none
	}
	return g.names(v)[v]
}

// Reaches reports whether a path, possibly empty, leads from v to the named Seed: whether a client of that Seed is
// related to v. It allocates nothing.
func (g *Graph) Reaches(v Vertex, seed string) bool {
	if v.isSeed() && v.Name == seed {
		return true
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.reaches(v, seed)
}

// reaches reports whether a path leads to the Seed from v, or from the Shoot object that implies v by its name.
func (g *Graph) reaches(v Vertex, seed string) bool {
	if shoot, ok := ImpliedShoot(v); ok {
		if at := g.at(g.find(shoot)); at.object && g.related(at.seeds, seed) {
			return true
		}
	}
	return g.related(g.at(g.find(v)).seeds, seed)
}

// related reports whether the Seed is one of these, or one of these leads to it.
func (g *Graph) related(seeds []seedCount, seed string) bool {
	_, found := g.findSeed(seeds, seed)
	scope := g.scopes[seed]
	return found || len(scope) > 0 && slices.ContainsFunc(seeds, func(s seedCount) bool {
		_, found := slices.BinarySearch(scope, g.at(s.seed).Name)
		return found
	})
}

// findSeed returns the place of a Seed, and whether it is there.
func (g *Graph) findSeed(seeds []seedCount, name string) (int, bool) {
	return slices.BinarySearchFunc(seeds, name, func(s seedCount, name string) int {
		return strings.Compare(g.at(s.seed).Name, name)
	})
}

// Seeds returns the names of all Seeds that v reaches, sorted: those for which Reaches is true.
func (g *Graph) Seeds(v Vertex) (names []string) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if v.isSeed() {
		names = append(names, v.Name)
	}
	for k := range g.ids[KindSeed] {
		if g.reaches(v, k.Name) {
			names = append(names, k.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// HasObject reports whether the object itself exists (Set and not deleted), as against being only referred to. It
// allocates nothing.
func (g *Graph) HasObject(object Vertex) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.at(g.find(object)).object
}
