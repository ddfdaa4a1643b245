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

// Stats counts as of now. Decisions go on meanwhile; a Set or Delete waits for some milliseconds with 100,000 Shoots.
func (g *Graph) Stats() Stats {
	g.writing.Lock()
	defer g.writing.Unlock()
	s := Stats{Vertices: map[Kind]int{}, Objects: map[Kind]int{}, Edges: map[EdgeKinds]int{}, LeftOut: g.leftOut}
	for number := range g.next {
		if v := g.at(number); v.kind != 0 {
			s.Vertices[v.kind]++
			if v.object {
				s.Objects[v.kind]++
			}
		}
	}
	for from := range g.edges {
		for to, n := range g.edges[from] {
			if n > 0 {
				s.Edges[EdgeKinds{Kind(from), Kind(to)}] = n //nolint:gosec // there are few kinds
			}
		}
	}
	return s
}
