package graph

import "unsafe"

// Stats are counters of a graph, for metrics. Implied vertices are in none of them.
type Stats struct {
	// Vertices counts the vertices by kind, Objects those of them that are objects themselves.
	Vertices, Objects map[Kind]int
	// Edges counts the edges by the kinds of their ends. An edge with two owners counts twice.
	Edges map[EdgeKinds]int
	// Refused counts, since the start, the edges that were refused because the kind table does not foresee them. The
	// same object counts again when it is set with other edges.
	Refused uint64
	// Compactions counts how often memory was reclaimed from vertices that are gone.
	Compactions uint64
	// Bytes is roughly the memory that the graph takes.
	Bytes int
}

// EdgeKinds are the kinds of the two ends of an edge.
type EdgeKinds struct {
	From, To Kind
}

// counters are what the writer keeps for Stats.
type counters struct {
	vertices, objects [numKinds]int
	edges             [numKinds][numKinds]int
	refused           uint64
	compactions       uint64
	// setBytes is the memory of all shared sets beyond their places.
	setBytes int
}

// Stats returns the counters as of now. It waits for a running Set or Delete.
func (g *Graph) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Stats{
		Vertices: map[Kind]int{}, Objects: map[Kind]int{}, Edges: map[EdgeKinds]int{},
		Refused: g.refused, Compactions: g.compactions, Bytes: g.generation.Load().bytes() + g.setBytes,
	}
	for from := Kind(1); from.valid(); from++ {
		if g.vertices[from] > 0 {
			s.Vertices[from] = g.vertices[from]
		}
		if g.objects[from] > 0 {
			s.Objects[from] = g.objects[from]
		}
		for to := Kind(1); to.valid(); to++ {
			if n := g.edges[from][to]; n > 0 {
				s.Edges[EdgeKinds{from, to}] = n
			}
		}
	}
	return s
}

// countEdge counts an edge that comes or goes, and what that means for its ends.
func (g *Graph) countEdge(gen *generation, from, to uint32, comes bool) {
	edges := &g.edges[gen.vertices.at(from).kind()][gen.vertices.at(to).kind()]
	if comes {
		*edges++
	} else {
		*edges--
	}
	for _, id := range [...]uint32{from, to} {
		state := gen.states.at(id)
		before := state.alive()
		if comes {
			state.edges++
		} else {
			state.edges--
		}
		g.countVertex(gen, id, before, state.alive())
	}
}

// countVertex counts a vertex that was alive or not before and is or is not now.
func (g *Graph) countVertex(gen *generation, id uint32, before, now bool) {
	if before == now {
		return
	}
	n := 1
	if before {
		n = -1
	}
	g.vertices[gen.vertices.at(id).kind()] += n
	gen.alive += n
	gen.dead -= n
}

// countSet counts the memory of a shared set after a change.
func (g *Graph) countSet(set *sharedSet, published *seedSet) {
	bytes := cap(set.counts) * int(unsafe.Sizeof(seedCount{}))
	if published != nil {
		bytes += int(unsafe.Sizeof(*published)) + cap(published.words)*8
	}
	g.setBytes += bytes - set.bytes
	set.bytes = bytes
}
