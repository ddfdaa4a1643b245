package graph

import (
	"math"
	"net/url"
	"slices"

	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/path"
	"gonum.org/v1/gonum/graph/simple"
)

// View is a copy of a graph as of one moment, implied vertices included, as gonum's graph.Directed. It does not change
// any more and is safe for concurrent use. Its nodes are of type Node and know how to be written by gonum's dot
// encoding.
type View struct {
	parentScope ParentScope
	// vertices are those of the graph by their numbers; free numbers have a zero vertex.
	vertices []viewed
	// readTwice finds the vertices whose names a Shoot may imply as well. There are few.
	readTwice map[Vertex]int64
	// out and in are all edges but the implied ones, each once and sorted: from<<32 | to in out, to<<32 | from in in.
	out, in []uint64
}

type viewed struct {
	Vertex
	object bool
}

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

// Attributes implements gonum's encoding.Attributer: objects are drawn solid, others dashed, implied ones dotted,
// Seeds as boxes.
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

// View copies the graph. Decisions go on meanwhile; a Set or Delete waits for some milliseconds with 100,000 Shoots.
func (g *Graph) View() *View {
	w := g.copy()
	slices.Sort(w.out)
	w.out = slices.Compact(w.out)
	w.in = make([]uint64, len(w.out))
	for i, e := range w.out {
		w.in[i] = e>>32 | e<<32
	}
	slices.Sort(w.in)
	w.readTwice = map[Vertex]int64{}
	for i := range w.vertices {
		if _, ok := ImpliedShoot(w.vertices[i].Vertex); ok {
			w.readTwice[w.vertices[i].Vertex] = int64(i)
		}
	}
	return w
}

func (g *Graph) copy() *View {
	g.writing.Lock()
	defer g.writing.Unlock()
	w := &View{parentScope: g.parentScope, vertices: make([]viewed, g.next)}
	for i := range w.vertices {
		v := g.at(id(i))                                  //nolint:gosec // as many as numbers
		w.vertices[i] = viewed{g.vertex(id(i)), v.object} //nolint:gosec // as many as numbers
		for _, e := range v.edges().owned {
			w.out = append(w.out, uint64(e.from)<<32|uint64(e.to))
		}
	}
	return w
}

// impliedID is the id of an implied node: its place in the list of implied resources, counted from 1, above the Shoot's
// number. The id of any other node is the number of its vertex.
func impliedID(resource int, shoot int64) int64 { return int64(resource+1)<<32 | shoot }

// number returns the number of a vertex that is not implied, 0 if there is none. It looks at all of them: nobody asks
// often.
func (w *View) number(v Vertex) int64 {
	if v.Kind == 0 {
		return 0
	}
	return max(0, int64(slices.IndexFunc(w.vertices, func(x viewed) bool { return x.Vertex == v })))
}

// impliedBy returns the ids of the nodes that a Shoot object implies. An explicit one of the same name takes the place
// of an implied one.
func (w *View) impliedBy(shoot int64) (ids []int64) {
	if v := w.vertices[shoot]; !v.object || v.Kind != KindShoot || v.Name == "" {
		return nil
	}
	for i := range implied {
		if explicit, ok := w.readTwice[w.impliedVertex(i, shoot)]; ok {
			ids = append(ids, explicit)
		} else {
			ids = append(ids, impliedID(i, shoot))
		}
	}
	return ids
}

func (w *View) impliedVertex(resource int, shoot int64) Vertex {
	v := w.vertices[shoot].Vertex
	return Vertex{Kind: implied[resource].kind, Namespace: v.Namespace, Name: v.Name + implied[resource].suffix}
}

// impliedEdge returns the end of the implied edge from a node, 0 if it has none.
func (w *View) impliedEdge(n Node) int64 {
	if n.Implied {
		return n.id & math.MaxUint32
	}
	if shoot, ok := ImpliedShoot(n.Vertex); ok {
		if to := w.number(shoot); w.vertices[to].object {
			return to
		}
	}
	return 0
}

// Find returns the node of a vertex, false when the graph has no such vertex.
func (w *View) Find(v Vertex) (Node, bool) {
	if n, ok := w.node(w.number(v)); ok {
		return n, true
	}
	shoot := w.impliedEdge(Node{Vertex: v})
	for i := range implied {
		if shoot != 0 && w.impliedVertex(i, shoot) == v {
			return w.node(impliedID(i, shoot))
		}
	}
	return Node{}, false
}

// node returns the node with the id.
func (w *View) node(n int64) (Node, bool) {
	resource, number := int(n>>32)-1, n&math.MaxUint32
	if n <= 0 || number >= int64(len(w.vertices)) {
		return Node{}, false
	}
	if v := w.vertices[number]; resource < 0 {
		return Node{id: n, Vertex: v.Vertex, Object: v.object}, v.Kind != 0
	}
	if !slices.Contains(w.impliedBy(number), n) {
		return Node{}, false
	}
	return Node{id: n, Vertex: w.impliedVertex(resource, number), Implied: true}, true
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
	for n := range int64(len(w.vertices)) {
		if w.vertices[n].Kind != 0 {
			ids = append(ids, n)
		}
		for _, id := range w.impliedBy(n) {
			if id > math.MaxUint32 {
				ids = append(ids, id)
			}
		}
	}
	return w.nodes(ids)
}

// ends returns the lower halves of those edges whose upper half is the number.
func ends(edges []uint64, number int64) (ids []int64) {
	from, _ := slices.BinarySearch(edges, uint64(number)<<32) //nolint:gosec // not negative
	for _, e := range edges[from:] {
		if int64(e>>32) != number { //nolint:gosec // a half
			break
		}
		ids = append(ids, int64(e&math.MaxUint32)) //nolint:gosec // a half
	}
	return ids
}

// From implements gonum's graph.Graph.
func (w *View) From(id int64) gonum.Nodes {
	n, ok := w.node(id)
	if !ok {
		return gonum.Empty
	}
	ids := ends(w.out, id)
	if shoot := w.impliedEdge(n); shoot != 0 && !slices.Contains(ids, shoot) {
		ids = append(ids, shoot)
	}
	return w.nodes(ids)
}

// To implements gonum's graph.Directed.
func (w *View) To(id int64) gonum.Nodes {
	n, ok := w.node(id)
	if !ok || n.Implied {
		return gonum.Empty
	}
	ids := ends(w.in, id)
	for _, from := range w.impliedBy(id) {
		if !slices.Contains(ids, from) {
			ids = append(ids, from)
		}
	}
	return w.nodes(ids)
}

// HasEdgeFromTo implements gonum's graph.Directed.
func (w *View) HasEdgeFromTo(from, to int64) bool {
	n, ok := w.node(from)
	if !ok || to <= 0 || to > math.MaxUint32 {
		return false // nothing points to an implied node
	}
	_, ok = slices.BinarySearch(w.out, uint64(from)<<32|uint64(to)) //nolint:gosec // not negative
	return ok && !n.Implied || w.impliedEdge(n) == to
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
	return &nodes{view: w, ids: ids}
}

// nodes makes nodes as they are asked for: a list of all of a big graph is much larger than the graph.
type nodes struct {
	view *View
	ids  []int64
	next int // index of the element after the current one
}

// Next implements gonum's graph.Iterator.
func (n *nodes) Next() bool {
	n.next = min(n.next, len(n.ids)) + 1
	return n.next <= len(n.ids)
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

// walk is a View as far as paths go: with ParentScopeSeed not beyond the first Seed that they enter.
type walk struct {
	*View
	start int64
}

// From implements gonum's traverse.Graph.
func (w walk) From(id int64) gonum.Nodes {
	if n, ok := w.node(id); !ok || id != w.start && w.parentScope == ParentScopeSeed && n.Vertex.isSeed() {
		return gonum.Empty
	}
	return w.View.From(id)
}

// Path returns a shortest path from v to the named Seed, both included, nil when there is none.
func (w *View) Path(v Vertex, seed string) []Vertex {
	target := Vertex{Kind: KindSeed, Name: seed}
	if v == target {
		return []Vertex{v}
	}
	from, ok := w.Find(v)
	to, found := w.Find(target)
	if !ok || !found {
		return nil
	}
	steps, _ := path.DijkstraFromTo(from, to, walk{View: w, start: from.id})
	var vertices []Vertex
	for _, n := range steps {
		vertices = append(vertices, n.(Node).Vertex)
	}
	return vertices
}
