package graph

import (
	"math"
	"net/url"
	"slices"

	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/path"
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/traverse"
)

// View is a consistent copy of a graph's vertices and edges, implied ones included, as gonum's graph.Directed. It does not change
// any more and is safe for concurrent use. Its nodes are of type Node and know how to be written by gonum's dot encoding.
type View struct {
	gen         *generation
	parentScope ParentScope
	// flags has viewAlive and viewObject of each vertex by its id.
	flags []uint8
	// out and in are the ends of the edges from and to each vertex, outStart and inStart where those of a vertex start.
	out, in           []uint32
	outStart, inStart []uint32
}

const (
	viewAlive uint8 = 1 << iota
	viewObject
)

// Node is a node of a View.
type Node struct {
	Vertex Vertex
	// Object: the vertex is an object of the garden, as against being only referred to.
	Object bool
	// Implied: the vertex is there only because of the name of a Shoot.
	Implied bool

	id int64
}

// ID implements gonum's graph.Node. An id means something in its View only.
func (n Node) ID() int64 { return n.id }

// DOTID implements gonum's dot.Node. Different vertices have different ids, whatever is in their names.
func (n Node) DOTID() string {
	if n.Vertex.Namespace == "" {
		return n.Vertex.Kind.String() + "/" + url.PathEscape(n.Vertex.Name)
	}
	return n.Vertex.Kind.String() + "/" + url.PathEscape(n.Vertex.Namespace) + "/" + url.PathEscape(n.Vertex.Name)
}

// Attributes implements gonum's encoding.Attributer: objects are drawn solid, others dashed, implied ones dotted, Seeds as boxes.
func (n Node) Attributes() []encoding.Attribute {
	style := "dashed"
	switch {
	case n.Implied:
		style = "dotted"
	case n.Object:
		style = "solid"
	}
	attributes := []encoding.Attribute{{Key: "style", Value: style}}
	if n.Vertex.isSeed() {
		attributes = append(attributes, encoding.Attribute{Key: "shape", Value: "box"})
	}
	return attributes
}

// View copies the graph. Readers go on meanwhile; a Set or Delete waits for some milliseconds with 100,000 Shoots.
func (g *Graph) View() *View {
	w, edges := g.snapshot()
	slices.Sort(edges)
	edges = slices.Compact(edges)

	n := len(w.flags) + 1
	w.out, w.outStart = make([]uint32, len(edges)), make([]uint32, n)
	w.in, w.inStart = make([]uint32, len(edges)), make([]uint32, n)
	for _, e := range edges {
		w.outStart[e>>32+1]++
		w.inStart[e&math.MaxUint32+1]++
	}
	for i := 1; i < n; i++ {
		w.outStart[i] += w.outStart[i-1]
		w.inStart[i] += w.inStart[i-1]
	}
	next := slices.Clone(w.inStart)
	for i, e := range edges {
		from, to := uint32(e>>32), uint32(e&math.MaxUint32)
		w.out[i] = to
		w.in[next[to]] = from
		next[to]++
	}
	return w
}

// snapshot copies under the lock what a View is made of, and nothing more: names never change.
func (g *Graph) snapshot() (w *View, edges []uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.generation.Load()
	w = &View{gen: gen, parentScope: g.parentScope, flags: make([]uint8, gen.vertices.length)}
	edges = make([]uint64, 0, gen.edges.length-gen.freeEdgeCount)
	for id := range uint32(len(w.flags)) { //nolint:gosec // as many as ids
		state := gen.states.at(id)
		if state.alive() {
			w.flags[id] = viewAlive
		}
		if state.reach.object() {
			w.flags[id] |= viewObject
		}
		for at := state.owned; at != 0; {
			from, to, next := gen.edge(id, at)
			edges = append(edges, uint64(from)<<32|uint64(to))
			at = next
		}
	}
	return w, edges
}

// The id of an explicit node is its vertex' id. That of an implied node is the Shoot's, with the kind and the number of the
// suffix in the upper half, which is never 0.
func impliedNodeID(kind Kind, suffix int, shoot uint32) int64 {
	return int64(kind)<<40 | int64(suffix)<<32 | int64(shoot)
}

func (w *View) has(id uint32, flag uint8) bool {
	return uint64(id) < uint64(len(w.flags)) && w.flags[id]&flag != 0
}

// find returns the id of a living explicit vertex, 0 if there is none.
func (w *View) find(v Vertex) uint32 {
	if id := w.gen.findVertex(v); w.has(id, viewAlive) {
		return id
	}
	return 0
}

// impliedShoot returns the id of the Shoot that implies v, 0 if there is none.
func (w *View) impliedShoot(v Vertex) uint32 {
	if shoot, ok := ImpliedShoot(v); ok {
		if id := w.find(shoot); w.has(id, viewObject) {
			return id
		}
	}
	return 0
}

// Find returns the node of a vertex, false when the graph has no such vertex.
func (w *View) Find(v Vertex) (Node, bool) {
	if id := w.find(v); id != 0 {
		return w.explicit(id), true
	}
	if shoot := w.impliedShoot(v); shoot != 0 {
		suffix := slices.Index(impliedSuffixes[v.Kind], v.Name[len(w.gen.vertex(shoot).Name):])
		return Node{id: impliedNodeID(v.Kind, suffix, shoot), Vertex: v, Implied: true}, true
	}
	return Node{}, false
}

func (w *View) explicit(id uint32) Node {
	return Node{id: int64(id), Vertex: w.gen.vertex(id), Object: w.has(id, viewObject)}
}

// node returns the node with the id.
func (w *View) node(id int64) (Node, bool) {
	if id <= math.MaxUint32 {
		if id <= 0 || !w.has(uint32(id), viewAlive) {
			return Node{}, false
		}
		return w.explicit(uint32(id)), true
	}
	kind, suffix, shoot := id>>40, int(id>>32&0xff), uint32(id&math.MaxUint32)
	if kind >= numKinds || suffix >= len(impliedSuffixes[kind]) || !w.has(shoot, viewObject) {
		return Node{}, false
	}
	v := w.gen.vertex(shoot)
	if v.Kind != KindShoot {
		return Node{}, false
	}
	v.Kind, v.Name = Kind(kind), v.Name+impliedSuffixes[kind][suffix]
	if w.find(v) != 0 {
		return Node{}, false // known by its explicit id
	}
	return Node{id: id, Vertex: v, Implied: true}, true
}

// eachImplied calls f with the nodes that a Shoot object implies. An explicit one of the same name takes its place.
func (w *View) eachImplied(shoot uint32, f func(id int64)) {
	v := w.gen.vertex(shoot)
	if v.Kind != KindShoot || v.Name == "" {
		return
	}
	for kind, suffixes := range impliedSuffixes {
		for i, suffix := range suffixes {
			if id := w.find(Vertex{Kind: Kind(kind), Namespace: v.Namespace, Name: v.Name + suffix}); id != 0 {
				f(int64(id))
			} else {
				f(impliedNodeID(Kind(kind), i, shoot))
			}
		}
	}
}

// Node implements gonum's graph.Graph. It returns nil when there is no such node.
func (w *View) Node(id int64) gonum.Node {
	if n, ok := w.node(id); ok {
		return n
	}
	return nil
}

// Nodes implements gonum's graph.Graph.
func (w *View) Nodes() gonum.Nodes {
	var ids []int64
	for id := range uint32(len(w.flags)) { //nolint:gosec // as many as ids
		if w.has(id, viewAlive) {
			ids = append(ids, int64(id))
		}
		if w.has(id, viewObject) && w.gen.vertices.at(id).kind() == KindShoot {
			w.eachImplied(id, func(implied int64) {
				if implied > math.MaxUint32 {
					ids = append(ids, implied)
				}
			})
		}
	}
	return w.nodes(ids)
}

// From implements gonum's graph.Graph.
func (w *View) From(id int64) gonum.Nodes {
	n, ok := w.node(id)
	if !ok {
		return gonum.Empty
	}
	var ids []int64
	if !n.Implied {
		for _, to := range w.out[w.outStart[id]:w.outStart[id+1]] {
			ids = append(ids, int64(to))
		}
	}
	if shoot := w.impliedShoot(n.Vertex); shoot != 0 && !slices.Contains(ids, int64(shoot)) {
		ids = append(ids, int64(shoot))
	}
	return w.nodes(ids)
}

// To implements gonum's graph.Directed.
func (w *View) To(id int64) gonum.Nodes {
	n, ok := w.node(id)
	if !ok || n.Implied {
		return gonum.Empty
	}
	var ids []int64
	for _, from := range w.in[w.inStart[id]:w.inStart[id+1]] {
		ids = append(ids, int64(from))
	}
	if n.Object && n.Vertex.Kind == KindShoot {
		w.eachImplied(uint32(id&math.MaxUint32), func(implied int64) {
			if !slices.Contains(ids, implied) {
				ids = append(ids, implied)
			}
		})
	}
	return w.nodes(ids)
}

// HasEdgeFromTo implements gonum's graph.Directed.
func (w *View) HasEdgeFromTo(from, to int64) bool {
	n, ok := w.node(from)
	if !ok || to <= 0 || to > math.MaxUint32 {
		return false // nothing points to an implied node
	}
	if !n.Implied {
		if _, ok := slices.BinarySearch(w.out[w.outStart[from]:w.outStart[from+1]], uint32(to)); ok {
			return true
		}
	}
	return w.impliedShoot(n.Vertex) == uint32(to)
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

func (w *View) nodes(ids []int64) gonum.Nodes {
	if len(ids) == 0 {
		return gonum.Empty
	}
	return &nodes{view: w, ids: ids, next: 0}
}

// nodes makes nodes as they are asked for: a list of all of a big graph is much larger than the graph.
type nodes struct {
	view *View
	ids  []int64
	next int // index of the element after the current one
}

// Next implements gonum's graph.Iterator.
func (n *nodes) Next() bool {
	if n.next < len(n.ids) {
		n.next++
		return true
	}
	n.next = len(n.ids) + 1
	return false
}

// Len implements gonum's graph.Iterator.
func (n *nodes) Len() int { return max(0, len(n.ids)-n.next) }

// Reset implements gonum's graph.Iterator.
func (n *nodes) Reset() { n.next = 0 }

// Node implements gonum's graph.Nodes.
func (n *nodes) Node() gonum.Node {
	if n.next == 0 || n.next > len(n.ids) {
		return nil
	}
	return n.view.Node(n.ids[n.next-1])
}

// walk is a View as far as paths go: not beyond the first Seed that they enter, with ParentScopeSeed.
type walk struct {
	*View
	start    int64
	backward bool
}

// From implements gonum's traverse.Graph.
func (w walk) From(id int64) gonum.Nodes {
	if n, ok := w.node(id); !ok || id != w.start && w.parentScope == ParentScopeSeed && n.Vertex.isSeed() {
		return gonum.Empty
	}
	if w.backward {
		return w.To(id)
	}
	return w.View.From(id)
}

// Edge implements gonum's traverse.Graph.
func (w walk) Edge(from, to int64) gonum.Edge {
	if w.backward {
		from, to = to, from
	}
	return w.View.Edge(from, to)
}

// Reachable returns the part of the graph on the paths from v. It is empty when the graph has no such vertex.
func (w *View) Reachable(v Vertex) gonum.Directed { return w.part(v, false) }

// Leading returns the part of the graph on the paths to v. It is empty when the graph has no such vertex.
func (w *View) Leading(v Vertex) gonum.Directed { return w.part(v, true) }

func (w *View) part(v Vertex, backward bool) gonum.Directed {
	part := simple.NewDirectedGraph()
	start, ok := w.Find(v)
	if !ok {
		return part
	}
	part.AddNode(start)
	search := traverse.BreadthFirst{Traverse: func(e gonum.Edge) bool {
		part.SetEdge(e)
		return true
	}}
	search.Walk(walk{View: w, start: start.id, backward: backward}, start, nil)
	return part
}

// Path returns a shortest path from v to the named Seed, both included, nil when Reaches is false. Cost as View.
func (g *Graph) Path(v Vertex, seed string) []Vertex { return g.View().Path(v, seed) }

// Path returns a shortest path from v to the named Seed, both included, nil when there is none.
func (w *View) Path(v Vertex, seed string) []Vertex {
	target := Vertex{Kind: KindSeed, Name: seed}
	if v == target {
		return []Vertex{v}
	}
	from, ok := w.Find(v)
	if !ok {
		return nil
	}
	to, ok := w.Find(target)
	if !ok {
		return nil
	}
	found, _ := path.DijkstraFromTo(from, to, walk{View: w, start: from.id})
	var vertices []Vertex
	for _, n := range found {
		vertices = append(vertices, n.(Node).Vertex)
	}
	return vertices
}
