package graph

import "slices"

// Set says that the object exists and owns exactly these edges. Edges that are not allow-listed are left out and
// counted (Stats). Neither edges nor the names in it are kept. A Set that changes nothing costs a comparison of the
// edges with those given before; another order is no other graph, but costs more.
func (g *Graph) Set(object Vertex, edges []Edge) {
	g.mu.Lock()
	defer g.mu.Unlock()
	allowed := edges
	if slices.ContainsFunc(edges, Edge.leftOut) {
		allowed = slices.DeleteFunc(slices.Clone(edges), Edge.leftOut)
	}
	if !object.Kind.valid() {
		g.leftOut++
	} else if g.changeTo(object, true, allowed) {
		g.leftOut += uint64(len(edges) - len(allowed)) //nolint:gosec // not negative
	}
}

// Delete says that the object does not exist (any more).
func (g *Graph) Delete(object Vertex) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changeTo(object, false, nil)
}

// changeTo makes an object exist or not, with these edges. It reports whether that changes anything.
func (g *Graph) changeTo(object Vertex, exists bool, edges []Edge) bool {
	owner := g.find(object)
	old := g.at(owner).owned
	// What is the same at both ends of the two lists stays, and the rest goes and comes.
	same := func(e edge, given *Edge) bool {
		return g.at(e.from).Vertex == given.From && g.at(e.to).Vertex == given.To
	}
	head, tail := 0, 0
	for head < min(len(old), len(edges)) && same(old[head], &edges[head]) {
		head++
	}
	if head == len(old) && head == len(edges) && g.at(owner).object == exists {
		return false
	}
	for tail < min(len(old), len(edges))-head && same(old[len(old)-1-tail], &edges[len(edges)-1-tail]) {
		tail++
	}

	owner = g.intern(object)
	if at := g.at(owner); at.object != exists {
		at.object = exists
		if exists {
			g.objects[at.Kind]++
		} else {
			g.objects[at.Kind]--
		}
	}
	owned := append(make([]edge, 0, len(edges)), old[:head]...)
	for _, e := range edges[head : len(edges)-tail] {
		owned = append(owned, edge{g.intern(e.From), g.intern(e.To)})
	}
	come, gone := owned[head:], old[head:len(old)-tail]
	owned = append(owned, old[len(old)-tail:]...)
	g.work += len(edges) + len(old)

	// Edges into the owner change first: then what the owner itself gains and loses is passed on along exactly those
	// that it will have. Meanwhile nothing is passed on along them, since the graph has no cycles.
	for _, into := range []bool{true, false} {
		for _, e := range come {
			if (e.to == owner) == into {
				g.changeEdge(owner, e, 1)
			}
		}
		for _, e := range gone {
			if (e.to == owner) == into {
				g.changeEdge(owner, e, -1)
			}
		}
		g.at(owner).owned = owned
	}
	g.tidyUp(owner)
	for _, e := range gone {
		g.tidyUp(e.from)
		g.tidyUp(e.to)
	}
	if g.scopesStale {
		g.findScopes()
	}
	return true
}

// intern returns the number of a vertex, a new one if need be.
func (g *Graph) intern(v Vertex) id {
	if found := g.find(v); found != none {
		return found
	}
	// One copy, so that both are in one place.
	names := v.Namespace + v.Name
	v.Namespace, v.Name = names[:len(v.Namespace)], names[len(v.Namespace):]
	number := g.next
	if last := len(g.free) - 1; last >= 0 {
		number, g.free = g.free[last], g.free[:last]
	} else if g.next++; int(number/pageSize) == len(g.pages) {
		g.pages = append(g.pages, new([pageSize]vertex))
	}
	at := g.at(number)
	*at = vertex{Vertex: v}
	at.seeds = at.first[:0]
	g.names(v)[v] = number
	g.vertices[v.Kind]++
	return number
}

// tidyUp removes a vertex that nothing needs any more.
func (g *Graph) tidyUp(number id) {
	v := g.at(number)
	if v.uses > 0 || v.object || g.find(v.Vertex) != number { // the last: it is gone already
		return
	}
	delete(g.names(v.Vertex), v.Vertex)
	g.vertices[v.Kind]--
	*v = vertex{}
	g.free = append(g.free, number)
}

// changeEdge adds an edge of the owner, or removes one, by 1 or -1.
func (g *Graph) changeEdge(owner id, e edge, by int32) {
	from, to := g.at(e.from), g.at(e.to)
	g.edges[from.Kind][to.Kind] += int(by)
	from.uses += by
	to.uses += by
	if to.Kind == KindSeed {
		g.changeSeed(e.from, e.to, by)
		return
	}
	switch {
	case e.to == owner:
	case by > 0:
		to.others = append(to.others, e.from)
	default:
		i := slices.Index(to.others, e.from) // which of several equal ones it is does not matter
		g.work += i
		to.others = slices.Delete(to.others, i, i+1)
	}
	for _, s := range to.seeds {
		g.changeSeed(e.from, s.seed, by)
	}
}

// changeSeed counts an edge more or less, by 1 or -1, from the vertex that leads to the Seed. The first and the last
// one are passed on to the sources of all edges into the vertex, if it is not a Seed, where edges end.
func (g *Graph) changeSeed(v, seed id, by int32) {
	g.work++
	at := g.at(v)
	switch i, found := g.findSeed(at.seeds, g.at(seed).Name); {
	case !found:
		at.seeds = slices.Insert(at.seeds, i, seedCount{seed, 1})
	case at.seeds[i].count+by > 0:
		at.seeds[i].count += by
		return
	default:
		at.seeds = slices.Delete(at.seeds, i, i+1)
	}
	if at.Kind == KindSeed {
		g.scopesStale = g.parentScope == ParentScopeEverything
		return
	}
	g.work += len(at.owned) + len(at.others)
	for _, e := range at.owned {
		if e.to == v {
			g.changeSeed(e.from, seed, by)
		}
	}
	for _, from := range at.others {
		g.changeSeed(from, seed, by)
	}
}

// findScopes finds for each Seed the Seeds that lead to it. The graph of Seeds is tiny; bad data can put cycles into
// it.
func (g *Graph) findScopes() {
	g.scopes, g.scopesStale = map[string][]string{}, false
	for _, start := range g.ids[KindSeed] {
		reached := []id{start}
		for i := 0; i < len(reached); i++ {
			to := g.at(reached[i])
			g.scopes[to.Name] = append(g.scopes[to.Name], g.at(start).Name)
			for _, s := range to.seeds {
				if !slices.Contains(reached, s.seed) {
					reached = append(reached, s.seed)
				}
			}
		}
	}
	for _, scope := range g.scopes {
		slices.Sort(scope)
	}
}
