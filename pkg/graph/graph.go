package graph

import "sync"

// PLACEHOLDER implementation: correct and slow, so that the other packages can be built at once. Replaced by the graph's author.

// Options configure a Graph.
type Options struct {
	// ParentScope defaults to ParentScopeSeed.
	ParentScope ParentScope
}

// Graph is the resource graph.
type Graph struct {
	mu     sync.RWMutex
	opts   Options
	owned  map[Vertex][]Edge
}

// New returns an empty graph.
func New(opts Options) *Graph { return &Graph{opts: opts, owned: map[Vertex][]Edge{}} }

// Set says that the object exists and owns exactly these edges.
func (g *Graph) Set(object Vertex, edges []Edge) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owned[object] = append([]Edge(nil), edges...)
}

// Delete says that the object does not exist (any more).
func (g *Graph) Delete(object Vertex) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.owned, object)
}

// HasObject says whether the object itself exists (Set and not deleted), as against being only referred to.
func (g *Graph) HasObject(object Vertex) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	_, ok := g.owned[object]
	return ok
}

// Reaches says whether a client of the named Seed is related to v.
func (g *Graph) Reaches(v Vertex, seed string) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	seen := map[Vertex]bool{}
	var walk func(Vertex, bool) bool
	walk = func(v Vertex, start bool) bool {
		if v.Kind == KindSeed && v.Name == seed {
			return true
		}
		if seen[v] || (v.Kind == KindSeed && !start && g.opts.ParentScope != ParentScopeEverything) {
			return false
		}
		seen[v] = true
		for _, es := range g.owned {
			for _, e := range es {
				if e.From == v && walk(e.To, false) {
					return true
				}
			}
		}
		return false
	}
	return walk(v, true)
}
