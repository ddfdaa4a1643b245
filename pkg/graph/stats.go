package graph

// Stats are counters of a graph, for metrics. Implied vertices are in none of them.
type Stats struct {
	// Vertices counts the vertices by kind, Objects those of them that are objects themselves, perhaps none.
	Vertices, Objects map[Kind]int
	// Edges counts the edges by the kinds of their ends, from and to. An edge counts once for each time that an owner
	// gives it.
	Edges map[[2]Kind]int
	// LeftOut counts, since the start, the edges that were left out because they are not allow-listed. The same object
	// counts again when it is set with other edges.
	LeftOut uint64
}

// counters are what is kept for Stats.
type counters struct {
	vertices, objects [numKinds]int
	edges             [numKinds][numKinds]int
	leftOut           uint64
}

// Stats returns the counters as of now.
func (g *Graph) Stats() Stats {
	g.mu.RLock()
	defer g.mu.RUnlock()
	s := Stats{Vertices: map[Kind]int{}, Objects: map[Kind]int{}, Edges: map[[2]Kind]int{}, LeftOut: g.leftOut}
	for _, from := range Kinds() {
		if n := g.vertices[from]; n > 0 {
			s.Vertices[from], s.Objects[from] = n, g.objects[from]
		}
		for to, n := range g.edges[from] {
			if n > 0 {
				s.Edges[[2]Kind{from, Kind(to)}] = n //nolint:gosec // there are few kinds
			}
		}
	}
	return s
}
