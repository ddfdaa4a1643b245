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

// counters are what is kept for Stats. The names of namespaces are vertices of kind 0.
type counters struct {
	vertices, objects [numKinds]int
	edges             [numKinds][numKinds]int
	leftOut           uint64
}

// Stats returns the counters as of now.
func (g *Graph) Stats() Stats {
	g.mu.RLock()
	defer g.mu.RUnlock()
	s := Stats{Vertices: map[Kind]int{}, Objects: map[Kind]int{}, Edges: map[EdgeKinds]int{}, LeftOut: g.leftOut}
	for _, from := range Kinds() {
		if n := g.vertices[from]; n > 0 {
			s.Vertices[from] = n
		}
		if n := g.objects[from]; n > 0 {
			s.Objects[from] = n
		}
		for to, n := range g.edges[from] {
			if n > 0 {
				s.Edges[EdgeKinds{from, Kind(to)}] = n //nolint:gosec // there are few kinds
			}
		}
	}
	return s
}
