package graph

// Stats are counters of a graph, for metrics. Implied vertices are in none of them.
type Stats struct {
	// Vertices counts the vertices by kind, Objects those of them that are objects themselves.
	Vertices, Objects map[Kind]int
	// Edges counts the edges by the kinds of their ends. An edge counts once for each time that an
	// owner gives it.
	Edges map[EdgeKinds]int
	// LeftOut counts, since the start, the edges that were left out because they are not allow-listed. The same object
	// counts again when it is set with other edges.
	LeftOut uint64
}

// EdgeKinds are the kinds of the two ends of an edge.
type EdgeKinds struct {
	From, To Kind
}

// counters are what the writer keeps for Stats.
type counters struct {
	objects [numKinds]int
	edges   [numKinds][numKinds]int
	leftOut uint64
}

// Stats returns the counters as of now. It waits for a running Set or Delete.
func (g *Graph) Stats() Stats {
	g.writing.Lock()
	defer g.writing.Unlock()
	s := Stats{Vertices: map[Kind]int{}, Objects: map[Kind]int{}, Edges: map[EdgeKinds]int{}, LeftOut: g.leftOut}
	for k := range g.ids[numKinds] {
		s.Vertices[k.kind]++
	}
	for from := Kind(1); from.valid(); from++ {
		if n := len(g.ids[from]); n > 0 {
			s.Vertices[from] += n
		}
		if n := g.objects[from]; n > 0 {
			s.Objects[from] = n
		}
		for to := Kind(1); to.valid(); to++ {
			if n := g.edges[from][to]; n > 0 {
				s.Edges[EdgeKinds{from, to}] = n
			}
		}
	}
	return s
}
