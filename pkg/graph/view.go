package graph

import (
	"maps"
	"net/url"
	"slices"

	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/iterator"
	"gonum.org/v1/gonum/graph/path"
	"gonum.org/v1/gonum/graph/simple"
)

// View is a copy of a graph as of one moment, implied vertices included, as gonum's graph.Directed. It does not change
// any more and is safe for concurrent use. Its nodes are of type Node.
type View struct {
	parentScope ParentScope
	// nodes are all but the implied ones; their ids are their places. The ids of implied ones follow.
	nodes []Node
	// implied has the id of the Shoot times len(implied), plus the place of the suffix there. The nodes are made when
	// they are asked for, since there are many.
	implied []int
	// out and in are all edges, each once and sorted: from<<32 | to in out, to<<32 | from in in.
	out, in []uint64
}

// Node is a node of a View. It knows how to be written by gonum's dot encoding.
type Node struct {
	Vertex Vertex
	// Object: the vertex is an object of the garden, as against being only referred to.
	Object bool
	// Implied: the vertex is there only because of the name of a Shoot.
	Implied bool

	id int
}

// ID implements gonum's graph.Node. An id means something in its View only.
func (n Node) ID() int64 { return int64(n.id) }

// DOTID implements gonum's dot.Node. Different vertices have different ids, whatever is in their names.
func (n Node) DOTID() string {
	return Vertex{n.Vertex.Kind, url.PathEscape(n.Vertex.Namespace), url.PathEscape(n.Vertex.Name)}.String()
}

// Attributes implements gonum's encoding.Attributer: objects are drawn solid, others dashed, implied ones dotted,
// Seeds as boxes.
func (n Node) Attributes() []encoding.Attribute {
	attributes := []encoding.Attribute{{Key: "style", Value: "dashed"}}
	if n.Implied {
		attributes[0].Value = "dotted"
	} else if n.Object {
		attributes[0].Value = "solid"
	}
	if n.Vertex.isSeed() {
		attributes = append(attributes, encoding.Attribute{Key: "shape", Value: "box"})
	}
	return attributes
}

// View copies the graph. Everybody else waits for some milliseconds with 100,000 Shoots, while the pages are copied.
func (g *Graph) View() *View {
	var frozen Graph
	g.mu.RLock()
	for _, page := range g.pages {
		clone := *page // the edges that an object owns are replaced as a whole, so they need no copy
		frozen.pages = append(frozen.pages, &clone)
	}
	impliable := slices.Collect(maps.Values(g.ids[numKinds]))
	w, ids, explicit := &View{parentScope: g.parentScope}, make([]int, g.next), map[Vertex]int{}
	g.mu.RUnlock()

	for number := range ids {
		if v := frozen.at(id(number)); v.Kind != 0 { //nolint:gosec // as many as numbers
			ids[number] = len(w.nodes)
			w.nodes = append(w.nodes, Node{id: ids[number], Vertex: v.Vertex, Object: v.object}) //nolint:gosec
		}
	}
	for number := range ids {
		for _, e := range frozen.at(id(number)).owned { //nolint:gosec // as many as numbers
			w.out = append(w.out, pack(ids[e.from], ids[e.to]))
		}
	}
	for _, number := range impliable {
		explicit[frozen.at(number).Vertex] = ids[number]
	}
	for _, shoot := range w.nodes {
		if !shoot.Object || shoot.Vertex.Kind != KindShoot || shoot.Vertex.Name == "" {
			continue
		}
		for suffix := range implied {
			from, ok := explicit[impliedVertex(shoot.Vertex, suffix)]
			if !ok {
				from = len(w.nodes) + len(w.implied)
				w.implied = append(w.implied, shoot.id*len(implied)+suffix)
			}
			w.out = append(w.out, pack(from, shoot.id))
		}
	}
	slices.Sort(w.out)
	w.out = slices.Compact(w.out)
	for _, e := range w.out {
		w.in = append(w.in, e>>32|e<<32)
	}
	slices.Sort(w.in)
	return w
}

func pack(from, to int) uint64 { return uint64(from)<<32 | uint64(to) } //nolint:gosec // not negative

func impliedVertex(shoot Vertex, suffix int) Vertex {
	return Vertex{implied[suffix].kind, shoot.Namespace, shoot.Name + implied[suffix].suffix}
}

// Find returns the node of a vertex. When the graph has no such vertex it returns false, and a node without neighbours.
// It looks at all: nobody asks often.
func (w *View) Find(v Vertex) (Node, bool) {
	for id := range w.len() {
		if n := w.node(id); n.Vertex == v {
			return n, true
		}
	}
	return Node{Vertex: v, id: -1}, false
}

func (w *View) len() int { return len(w.nodes) + len(w.implied) }

func (w *View) node(id int) Node {
	if id < len(w.nodes) {
		return w.nodes[id]
	}
	by := w.implied[id-len(w.nodes)]
	return Node{id: id, Vertex: impliedVertex(w.nodes[by/len(implied)].Vertex, by%len(implied)), Implied: true}
}

// Node implements gonum's graph.Graph. It returns nil when there is no such node.
func (w *View) Node(id int64) gonum.Node {
	if id < 0 || id >= int64(w.len()) {
		return nil
	}
	return w.node(int(id))
}

// Nodes implements gonum's graph.Graph.
func (w *View) Nodes() gonum.Nodes {
	return iterator.NewImplicitNodes(0, w.len(), func(id int) gonum.Node { return w.node(id) })
}

// From implements gonum's graph.Graph.
func (w *View) From(id int64) gonum.Nodes { return w.ends(w.out, id) }

// To implements gonum's graph.Directed.
func (w *View) To(id int64) gonum.Nodes { return w.ends(w.in, id) }

// ends returns the nodes in the lower halves of those edges whose upper half is the id.
func (w *View) ends(edges []uint64, id int64) gonum.Nodes {
	if w.Node(id) == nil {
		return gonum.Empty
	}
	first, _ := slices.BinarySearch(edges, uint64(id)<<32) //nolint:gosec // not negative
	end, _ := slices.BinarySearch(edges, pack(int(id)+1, 0))
	lower := func(i int) gonum.Node { return w.node(int(uint32(edges[i]))) } //nolint:gosec // that is the lower half
	return iterator.NewImplicitNodes(first, end, lower)
}

// HasEdgeFromTo implements gonum's graph.Directed.
func (w *View) HasEdgeFromTo(from, to int64) bool {
	_, found := slices.BinarySearch(w.out, pack(int(from), int(to)))
	return found && w.Node(from) != nil && w.Node(to) != nil
}

// HasEdgeBetween implements gonum's graph.Graph.
func (w *View) HasEdgeBetween(x, y int64) bool { return w.HasEdgeFromTo(x, y) || w.HasEdgeFromTo(y, x) }

// Edge implements gonum's graph.Graph. It returns nil when there is no such edge.
func (w *View) Edge(from, to int64) gonum.Edge {
	if !w.HasEdgeFromTo(from, to) {
		return nil
	}
	return simple.Edge{F: w.Node(from), T: w.Node(to)}
}

// walk is a View as far as paths go: with ParentScopeSeed not beyond the first Seed that they enter.
type walk struct {
	*View
	start int64
}

// From implements gonum's traverse.Graph.
func (w walk) From(id int64) gonum.Nodes {
	if id != w.start && w.parentScope != ParentScopeEverything && w.node(int(id)).Vertex.isSeed() {
		return gonum.Empty
	}
	return w.View.From(id)
}

// Path returns a shortest path from v to the named Seed, both included, nil when there is none.
func (w *View) Path(v Vertex, seed string) (vertices []Vertex) {
	target := Vertex{Kind: KindSeed, Name: seed}
	if v == target {
		return []Vertex{v}
	}
	from, known := w.Find(v)
	to, found := w.Find(target)
	if !known || !found {
		return nil
	}
	steps, _ := path.DijkstraFromTo(from, to, walk{w, from.ID()})
	for _, n := range steps {
		vertices = append(vertices, n.(Node).Vertex)
	}
	return vertices
}
