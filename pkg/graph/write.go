package graph

import (
	"cmp"
	"slices"
	"strings"
)

// Set says that the object exists and owns exactly these edges. Edges that are not allow-listed are left out and
// counted (Stats). Neither edges nor the names in it are kept. A Set that changes nothing costs a comparison of the
// edges with those given before; another order is no other graph, but costs more.
func (g *Graph) Set(object Vertex, edges []Edge) {
	g.writing.Lock()
	defer g.writing.Unlock()
	allowed := allowListed(edges)
	if !object.Kind.valid() {
		g.leftOut++
	} else if g.changeTo(object, true, allowed) {
		g.leftOut += uint64(len(edges) - len(allowed)) //nolint:gosec // not negative
	}
}

// allowListed returns those edges that are allow-listed, as a rule all of them.
func allowListed(edges []Edge) []Edge {
	for i := range edges {
		if !edges[i].allowListed() {
			return slices.DeleteFunc(slices.Clone(edges), func(e Edge) bool { return !e.allowListed() })
		}
	}
	return edges
}

// Delete says that the object does not exist (any more).
func (g *Graph) Delete(object Vertex) {
	g.writing.Lock()
	defer g.writing.Unlock()
	g.changeTo(object, false, nil)
}

// changeTo makes an object exist or not, with these edges. It reports whether that changes anything.
func (g *Graph) changeTo(object Vertex, exists bool, edges []Edge) bool {
	owner := g.find(object)
	old := g.at(owner).edges().owned
	// What is the same at both ends of the two lists stays, and the rest goes and comes.
	same := func(e edge, given *Edge) bool {
		return g.is(e.from, &given.From, owner, &object) && g.is(e.to, &given.To, owner, &object)
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

	g.mu.Lock()
	defer g.mu.Unlock()
	if owner == none {
		owner = g.intern(object)
	}
	g.setObject(owner, exists)
	owned := append(make([]edge, 0, len(edges)), old[:head]...)
	for _, e := range edges[head : len(edges)-tail] {
		owned = append(owned, edge{g.intern(e.From), g.intern(e.To)})
	}
	owned = append(owned, old[len(old)-tail:]...)
	g.replace(owner, owned, owned[head:len(owned)-tail], old[head:len(old)-tail])
	g.work += len(edges) + len(old)
	g.tidyUp()
	return true
}

// is reports whether v has the number, knowing one vertex with its number.
func (g *Graph) is(number id, v *Vertex, knownNumber id, known *Vertex) bool {
	if number == knownNumber {
		return *v == *known
	}
	at := g.at(number)
	return at.kind == v.Kind && at.name == v.Name && g.at(at.namespace).name == v.Namespace
}

// intern returns the number of a vertex, a new one if need be.
func (g *Graph) intern(v Vertex) id {
	if found := g.find(v); found != none {
		return found
	}
	k := key{name: strings.Clone(v.Name)}
	if v.Namespace != "" {
		k.namespace = g.intern(Vertex{Name: v.Namespace})
		g.at(k.namespace).uses++
	}
	number := g.next
	if last := len(g.free) - 1; last >= 0 {
		number, g.free = g.free[last], g.free[:last]
	} else if g.next++; int(number/pageSize) == len(g.pages) {
		g.pages = append(g.pages, new([pageSize]vertex))
	}
	*g.at(number) = vertex{key: k, kind: v.Kind}
	g.ids[v.Kind][k] = number
	return number
}

// tidyUp ends a change: vertices that nothing needs any more go, and scopes are made anew.
func (g *Graph) tidyUp() {
	for len(g.unused) > 0 {
		number := g.unused[len(g.unused)-1]
		g.unused = g.unused[:len(g.unused)-1]
		v := g.at(number)
		if v.uses > 0 || v.object || g.ids[v.kind][v.key] != number { // it is needed again, or gone already
			continue
		}
		delete(g.ids[v.kind], v.key)
		if v.namespace != none {
			g.dropUse(v.namespace)
		}
		*v = vertex{}
		g.free = append(g.free, number)
	}
	if g.scopesStale && g.parentScope == ParentScopeEverything {
		g.findScopes()
	}
	g.scopesStale = false
}

func (g *Graph) dropUse(v id) {
	at := g.at(v)
	if at.uses--; at.uses == 0 {
		g.unused = append(g.unused, v)
	}
}

func (g *Graph) setObject(v id, exists bool) {
	switch at := g.at(v); {
	case exists && !at.object:
		g.objects[at.kind]++
	case !exists && at.object:
		g.objects[at.kind]--
		g.unused = append(g.unused, v)
	}
	g.at(v).object = exists
}

// replace makes owned the edges of the owner, of which come are new, and gone those that it had.
func (g *Graph) replace(owner id, owned, come, gone []edge) {
	change := func(intoOwner bool) {
		for _, e := range come {
			if (e.to == owner) == intoOwner {
				g.addEdge(owner, e)
			}
		}
		for _, e := range gone {
			if (e.to == owner) == intoOwner {
				g.removeEdge(owner, e)
			}
		}
	}
	// Edges into the owner come first: then what the owner itself gains and loses is passed on along exactly those
	// that it will have. Meanwhile nothing is passed on along them, since the graph has no cycles.
	change(true)
	g.at(owner).keep().owned = owned
	change(false)
}

func (g *Graph) addEdge(owner id, e edge) {
	from, to := g.at(e.from), g.at(e.to)
	g.edges[from.kind][to.kind]++
	from.uses++
	to.uses++
	if to.isSeed() {
		g.addSeed(e.from, e.to)
		return
	}
	if e.to != owner {
		to.keep().others = append(to.keep().others, e.from)
	}
	for _, s := range to.seeds {
		g.addSeed(e.from, s.seed)
	}
}

// removeEdge is the inverse of addEdge.
func (g *Graph) removeEdge(owner id, e edge) {
	from, to := g.at(e.from), g.at(e.to)
	g.edges[from.kind][to.kind]--
	g.dropUse(e.from)
	g.dropUse(e.to)
	if to.isSeed() {
		g.removeSeed(e.from, e.to)
		return
	}
	if e.to != owner {
		// Which of several equal ones it is does not matter.
		i := slices.Index(to.links.others, e.from)
		g.work += i
		to.links.others = slices.Delete(to.links.others, i, i+1)
	}
	for _, s := range to.seeds {
		g.removeSeed(e.from, s.seed)
	}
}

func findSeed(seeds []seedCount, seed id) (int, bool) {
	return slices.BinarySearchFunc(seeds, seed, func(s seedCount, seed id) int { return cmp.Compare(s.seed, seed) })
}

// addSeed counts one more edge from the vertex that leads to the Seed. The first one is passed on against the edges.
func (g *Graph) addSeed(v, seed id) {
	g.work++
	at := g.at(v)
	i, found := findSeed(at.seeds, seed)
	if found {
		at.seeds[i].count++
		return
	}
	at.seeds = slices.Insert(at.seeds, i, seedCount{seed, 1})
	g.passOn(v, seed, true)
}

// removeSeed is the inverse of addSeed. The last edge is passed on.
func (g *Graph) removeSeed(v, seed id) {
	g.work++
	at := g.at(v)
	i, _ := findSeed(at.seeds, seed)
	if at.seeds[i].count--; at.seeds[i].count > 0 {
		return
	}
	if at.seeds = slices.Delete(at.seeds, i, i+1); len(at.seeds) == 0 {
		at.seeds = nil
	}
	g.passOn(v, seed, false)
}

// passOn tells the sources of all edges into a vertex that it reaches the Seed now, or no longer. Edges into a Seed end
// there.
func (g *Graph) passOn(v, seed id, reached bool) {
	at := g.at(v)
	if at.isSeed() {
		g.scopesStale = true
		return
	}
	tell := (*Graph).removeSeed
	if reached {
		tell = (*Graph).addSeed
	}
	edges := at.edges()
	g.work += len(edges.owned) + len(edges.others)
	for _, e := range edges.owned {
		if e.to == v {
			tell(g, e.from, seed)
		}
	}
	for _, from := range edges.others {
		tell(g, from, seed)
	}
}

func (v *vertex) edges() links {
	if v.links == nil {
		return links{}
	}
	return *v.links
}

// keep returns what edges are kept with the vertex, to change it.
func (v *vertex) keep() *links {
	if v.links == nil {
		v.links = &links{}
	}
	return v.links
}

// findScopes finds for each Seed the Seeds that lead to it. The graph of Seeds is tiny; bad data can put cycles into
// it.
func (g *Graph) findScopes() {
	g.scopes = map[id][]id{}
	for _, start := range g.ids[KindSeed] {
		reached := map[id]bool{start: true}
		for queue := []id{start}; len(queue) > 0; queue = queue[1:] {
			for _, s := range g.at(queue[0]).seeds {
				if !reached[s.seed] {
					reached[s.seed] = true
					queue = append(queue, s.seed)
					g.scopes[s.seed] = append(g.scopes[s.seed], start)
				}
			}
		}
	}
	for seed, scope := range g.scopes {
		scope = append(scope, seed)
		slices.Sort(scope)
		g.scopes[seed] = scope
	}
}
