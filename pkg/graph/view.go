package graph

import (
	"math"
	"net/url"
	"slices"

	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/iterator"
	"gonum.org/v1/gonum/graph/path"
	"gonum.org/v1/gonum/graph/simple"
)

// View is a copy of a graph as of one moment, implied vertices included, as gonum's graph.Directed. It does not change
// any more and is safe for concurrent use. Its nodes are of type Node, made when they are asked for: a list of all of a
// big graph would be much larger than the graph.
type View struct {
	parentScope ParentScope
	// vertices are those of the graph; their ids are their places. The ids of implied ones follow.
	vertices []viewed
	implied  []impliedBy
	// out and in are all edges, each once and sorted: from<<32 | to in out, to<<32 | from in in.
	out, in []uint64
}

type viewed struct {
	Vertex
	object bool
}

// impliedBy is a vertex that is there because of the name of a Shoot, and the place of its suffix in the list of them.
type impliedBy struct{ shoot, suffix uint32 }

// Node is a node of a View. It knows how to be written by gonum's dot encoding.
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
	return Vertex{n.Vertex.Kind, url.PathEscape(n.Vertex.Namespace), url.PathEscape(n.Vertex.Name)}.String()
}

// Attributes implements gonum's encoding.Attributer: objects are drawn solid, others dashed, implied ones dotted,
// Seeds as boxes.
func (n Node) Attributes() []encoding.Attribute {
	attributes := []encoding.Attribute{{Key: "style", Value: "dashed"}}
	switch {
	case n.Implied:
		attributes[0].Value = "dotted"
	case n.Object:
		attributes[0].Value = "solid"
	}
	if n.Vertex.isSeed() {
		attributes = append(attributes, encoding.Attribute{Key: "shape", Value: "box"})
	}
	return attributes
}

// View copies the graph. Decisions go on meanwhile; a Set or Delete waits for some milliseconds with 100,000 Shoots.
func (g *Graph) View() *View {
	w := g.copy()
	w.addImplied()
	slices.Sort(w.out)
	w.out = slices.Compact(w.out)
	w.in = make([]uint64, len(w.out))
	for i, e := range w.out {
		w.in[i] = e>>32 | e<<32
	}
	slices.Sort(w.in)
	return w
}

func (g *Graph) copy() *View {
	g.writing.Lock()
	defer g.writing.Unlock()
	w := &View{parentScope: g.parentScope}
	places := make([]uint64, g.next)
	for number := range g.next {
		if v := g.at(number); v.kind != 0 {
			places[number] = uint64(len(w.vertices))
			w.vertices = append(w.vertices, viewed{g.vertex(number), v.object})
		}
	}
	for number := range g.next {
		for _, e := range g.at(number).owned {
			w.out = append(w.out, places[e.from]<<32|places[e.to])
		}
	}
	return w
}

// addImplied adds what Shoot objects imply. A vertex that is there already takes the place of an implied one.
func (w *View) addImplied() {
	there := map[Vertex]int{}
	for i, v := range w.vertices {
		if _, ok := ImpliedShoot(v.Vertex); ok {
			there[v.Vertex] = i
		}
	}
	for shoot, v := range w.vertices {
		if !v.object || v.Kind != KindShoot || v.Name == "" {
			continue
		}
		for suffix := range implied {
			from, ok := there[impliedVertex(v.Vertex, suffix)]
			if !ok {
				from = len(w.vertices) + len(w.implied)
				w.implied = append(w.implied, impliedBy{uint32(shoot), uint32(suffix)}) //nolint:gosec // from numbers of 32 bits
			}
			w.out = append(w.out, uint64(from)<<32|uint64(shoot)) //nolint:gosec // not negative
		}
	}
}

func impliedVertex(shoot Vertex, suffix int) Vertex {
	return Vertex{implied[suffix].kind, shoot.Namespace, shoot.Name + implied[suffix].suffix}
}

// Find returns the node of a vertex, false when the graph has no such vertex. It looks at all of them: nobody asks
// often.
func (w *View) Find(v Vertex) (Node, bool) {
	if i := slices.IndexFunc(w.vertices, func(x viewed) bool { return x.Vertex == v }); i >= 0 {
		return w.node(i), true
	}
	if shoot, ok := ImpliedShoot(v); ok {
		if n, ok := w.Find(shoot); ok {
			for nodes := w.To(n.id); nodes.Next(); {
				if n := nodes.Node().(Node); n.Vertex == v {
					return n, true
				}
			}
		}
	}
	return Node{}, false
}

func (w *View) node(id int) Node {
	if id < len(w.vertices) {
		return Node{id: int64(id), Vertex: w.vertices[id].Vertex, Object: w.vertices[id].object}
	}
	by := w.implied[id-len(w.vertices)]
	return Node{id: int64(id), Vertex: impliedVertex(w.vertices[by.shoot].Vertex, int(by.suffix)), Implied: true}
}

func (w *View) has(id int64) bool { return id >= 0 && id < int64(len(w.vertices)+len(w.implied)) }

// Node implements gonum's graph.Graph. It returns nil when there is no such node.
func (w *View) Node(id int64) gonum.Node {
	if !w.has(id) {
		return nil
	}
	return w.node(int(id))
}

// Nodes implements gonum's graph.Graph.
func (w *View) Nodes() gonum.Nodes {
	return iterator.NewImplicitNodes(0, len(w.vertices)+len(w.implied), func(id int) gonum.Node { return w.node(id) })
}

// From implements gonum's graph.Graph.
func (w *View) From(id int64) gonum.Nodes { return w.ends(w.out, id) }

// To implements gonum's graph.Directed.
func (w *View) To(id int64) gonum.Nodes { return w.ends(w.in, id) }

// ends returns the nodes in the lower halves of those edges whose upper half is the id.
func (w *View) ends(edges []uint64, id int64) gonum.Nodes {
	if !w.has(id) {
		return gonum.Empty
	}
	first, _ := slices.BinarySearch(edges, uint64(id)<<32) //nolint:gosec // not negative
	end, _ := slices.BinarySearch(edges, uint64(id+1)<<32) //nolint:gosec // not negative
	return iterator.NewImplicitNodes(first, end, func(i int) gonum.Node { return w.node(int(edges[i] & math.MaxUint32)) })
}

// HasEdgeFromTo implements gonum's graph.Directed.
func (w *View) HasEdgeFromTo(from, to int64) bool {
	_, found := slices.BinarySearch(w.out, uint64(from)<<32|uint64(to)) //nolint:gosec // not negative
	return found && w.has(from) && w.has(to)
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
	if id != w.start && w.parentScope == ParentScopeSeed && w.node(int(id)).Vertex.isSeed() {
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
	steps, _ := path.DijkstraFromTo(from, to, walk{w, from.id})
	for _, n := range steps {
		vertices = append(vertices, n.(Node).Vertex)
	}
	return vertices
}
