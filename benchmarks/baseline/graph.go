// Package baseline is what the benchmarks compare seedguard with: the straightforward ways to do the same.
//
//  1. Graph is a gonum directed graph in maps behind a lock for many readers or one writer. Every resource is a vertex,
//     the project resources of Shoots too, and every question is a depth-first search (parentScope Everything).
//  2. Codec answers SubjectAccessReviews through the API types and the codecs of client-go.
//  3. Admission decodes whole objects and looks into whole objects, for a Secret into the configurations in all
//     ManagedSeeds.
//  4. Process keeps whole objects in informers' caches, and fills Graph from them.
//
// It is written for these benchmarks; Gardener's own authorizer works along the same lines.
package baseline

import (
	"sync"

	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/traverse"

	"github.com/seedguard/seedguard/pkg/graph"
)

// node is a vertex that gonum can keep.
type node struct {
	id int64
	graph.Vertex
}

// ID implements gonum's Node.
func (n *node) ID() int64 { return n.id }

// Graph answers by searching. It is safe for concurrent use.
type Graph struct {
	mu    sync.RWMutex
	graph *simple.DirectedGraph
	nodes map[graph.Vertex]*node
	next  int64
	// owned are the edges of each object, and owners counts the objects of each edge.
	owned  map[graph.Vertex][]graph.Edge
	owners map[graph.Edge]int
	// degree counts the edges of a vertex: one without goes.
	degree map[*node]int
}

// NewGraph returns an empty graph.
func NewGraph() *Graph {
	return &Graph{
		graph: simple.NewDirectedGraph(), nodes: map[graph.Vertex]*node{},
		owned: map[graph.Vertex][]graph.Edge{}, owners: map[graph.Edge]int{}, degree: map[*node]int{},
	}
}

// ProjectResources are the suffixes of what a Shoot implies by its name.
var ProjectResources = []struct {
	Kind   graph.Kind
	Suffix string
}{
	{graph.KindSecret, ".ca-cluster"}, {graph.KindSecret, ".ssh-keypair"}, {graph.KindSecret, ".ssh-keypair.old"},
	{graph.KindSecret, ".monitoring"},
	{graph.KindInternalSecret, ".ca-client"}, {graph.KindConfigMap, ".ca-cluster"}, {graph.KindConfigMap, ".ca-kubelet"},
	{graph.KindShootState, ""},
}

// Set replaces the edges of an object.
func (g *Graph) Set(object graph.Vertex, edges []graph.Edge) {
	edges = append([]graph.Edge(nil), edges...)
	if object.Kind == graph.KindShoot {
		for _, r := range ProjectResources {
			edges = append(edges, graph.Edge{
				From: graph.Vertex{Kind: r.Kind, Namespace: object.Namespace, Name: object.Name + r.Suffix}, To: object,
			})
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.owned[object]
	g.owned[object] = edges
	for _, e := range edges {
		g.addLocked(e)
	}
	for _, e := range old {
		g.removeLocked(e)
	}
}

// Delete drops an object with its edges.
func (g *Graph) Delete(object graph.Vertex) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.owned[object] {
		g.removeLocked(e)
	}
	delete(g.owned, object)
}

func (g *Graph) addLocked(e graph.Edge) {
	g.owners[e]++
	if g.owners[e] > 1 {
		return
	}
	from, to := g.nodeLocked(e.From), g.nodeLocked(e.To)
	g.graph.SetEdge(g.graph.NewEdge(from, to))
	g.degree[from]++
	g.degree[to]++
}

func (g *Graph) removeLocked(e graph.Edge) {
	g.owners[e]--
	if g.owners[e] > 0 {
		return
	}
	delete(g.owners, e)
	from, to := g.nodes[e.From], g.nodes[e.To]
	g.graph.RemoveEdge(from.id, to.id)
	for _, n := range []*node{from, to} {
		g.degree[n]--
		if g.degree[n] == 0 {
			delete(g.degree, n)
			delete(g.nodes, n.Vertex)
			g.graph.RemoveNode(n.id)
		}
	}
}

func (g *Graph) nodeLocked(v graph.Vertex) *node {
	n := g.nodes[v]
	if n == nil {
		g.next++
		n = &node{g.next, v}
		g.nodes[v] = n
		g.graph.AddNode(n)
	}
	return n
}

// Reaches reports whether a path leads from v to the Seed.
func (g *Graph) Reaches(v graph.Vertex, seed string) bool {
	target := graph.Vertex{Kind: graph.KindSeed, Name: seed}
	if v == target {
		return true
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	from, to := g.nodes[v], g.nodes[target]
	if from == nil || to == nil {
		return false
	}
	search := traverse.DepthFirst{}
	return search.Walk(g.graph, from, func(n gonum.Node) bool { return n.ID() == to.id }) != nil
}

// HasObject reports whether the object itself exists.
func (g *Graph) HasObject(object graph.Vertex) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	_, ok := g.owned[object]
	return ok
}
