package graph

import (
	"cmp"
	"math"
	"slices"
)

// Set says that the object exists and owns exactly these edges. Edges that the kind table does not foresee are left out and
// counted (Stats). Neither edges nor the names in it are kept. A Set that changes nothing costs a comparison of the edges in
// the order in which they were given before; another order is the same set, but costs more.
func (g *Graph) Set(object Vertex, edges []Edge) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !object.Kind.valid() {
		g.refused++
		return
	}
	gen := g.generation.Load()
	owner := gen.findVertex(object)
	if owner != 0 && gen.states.at(owner).reach.object() {
		if gen.ownsExactly(owner, object, edges) {
			return
		}
	} else {
		owner = gen.intern(object)
		g.setObject(gen, owner, true)
	}
	g.setEdges(gen, owner, object, edges)
	g.finish(gen)
}

// Delete says that the object does not exist (any more).
func (g *Graph) Delete(object Vertex) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.generation.Load()
	owner := gen.findVertex(object)
	if owner == 0 || !gen.states.at(owner).reach.object() {
		return
	}
	g.setEdges(gen, owner, object, nil)
	g.setObject(gen, owner, false)
	g.finish(gen)
}

// finish ends a change: readers see it from here on.
func (g *Graph) finish(gen *generation) {
	g.publish(gen)
	if gen.dead > gen.alive+g.compactionFloor || int(gen.freeEdgeCount) > int(gen.edges.length)/2+g.compactionFloor {
		g.compact()
	}
}

// ownsExactly says whether edges are those that the owner has, in the same order.
func (gen *generation) ownsExactly(owner uint32, object Vertex, edges []Edge) bool {
	next := gen.states.at(owner).owned
	// More repeated or refused edges than this (a Shoot names its Seed twice) are sorted out by setEdges.
	spare := 8
	for i, want := range edges {
		if next != 0 {
			from, to, after := gen.edge(owner, next)
			if gen.sameVertex(from, owner, want.From, object) && gen.sameVertex(to, owner, want.To, object) {
				next = after
				continue
			}
		}
		if spare--; spare < 0 || want.foreseen() && !slices.Contains(edges[:i], want) {
			return false
		}
	}
	return next == 0
}

// sameVertex says whether id is v, knowing one id and its vertex.
func (gen *generation) sameVertex(id, knownID uint32, v, known Vertex) bool {
	if id == knownID {
		return v == known
	}
	return gen.is(id, v.Kind, v.Namespace, v.Name)
}

// edgeKey is an edge while two lists of edges are compared.
type edgeKey struct {
	ends     uint64 // from<<32 | to
	position int    // in the list given to Set
	stays    bool   // both owned and wanted
}

func newEdgeKey(from, to uint32, position int) edgeKey {
	return edgeKey{ends: uint64(from)<<32 | uint64(to), position: position}
}

func (k edgeKey) from() uint32 { return uint32(k.ends >> 32) }
func (k edgeKey) to() uint32   { return uint32(k.ends & math.MaxUint32) }

func compareEdgeKeys(a, b edgeKey) int {
	if a.ends != b.ends {
		return cmp.Compare(a.ends, b.ends)
	}
	return a.position - b.position
}

// setEdges makes edges the ones that the owner owns. Readers see nothing of it before publish, so no vertex is ever seen
// without what it had and will have.
func (g *Graph) setEdges(gen *generation, owner uint32, object Vertex, edges []Edge) {
	wanted, owned := g.wanted[:0], g.owned[:0]
	resolve := func(v Vertex) uint32 {
		if v == object {
			return owner
		}
		return gen.intern(v)
	}
	for i, e := range edges {
		if !e.foreseen() {
			g.refused++
			continue
		}
		wanted = append(wanted, newEdgeKey(resolve(e.From), resolve(e.To), i))
	}
	slices.SortFunc(wanted, compareEdgeKeys)
	wanted = slices.CompactFunc(wanted, func(a, b edgeKey) bool { return a.ends == b.ends })
	for at := gen.states.at(owner).owned; at != 0; {
		from, to, next := gen.edge(owner, at)
		owned = append(owned, newEdgeKey(from, to, 0))
		at = next
	}
	slices.SortFunc(owned, compareEdgeKeys)
	i := 0
	for j := range owned {
		for i < len(wanted) && wanted[i].ends < owned[j].ends {
			i++
		}
		if i < len(wanted) && wanted[i].ends == owned[j].ends {
			wanted[i].stays, owned[j].stays = true, true
		}
	}

	// What changes beyond the owner is passed on along the edges into it, which therefore change first. Meanwhile nothing
	// is passed on along them, since the graph has no cycles.
	change := func(intoOwner bool) {
		for _, e := range owned {
			if !e.stays && (e.to() == owner) == intoOwner {
				g.removeEdge(gen, owner, e.from(), e.to())
			}
		}
		for _, e := range wanted {
			if !e.stays && (e.to() == owner) == intoOwner {
				g.addEdge(gen, owner, e.from(), e.to())
			}
		}
	}
	change(true)
	slices.SortFunc(wanted, func(a, b edgeKey) int { return a.position - b.position })
	gen.storeEdges(owner, wanted)
	change(false)

	g.work += len(edges) + len(wanted) + len(owned)
	// One huge object should not make its scratch space permanent.
	if cap(wanted)+cap(owned) > 1<<16 {
		wanted, owned = nil, nil
	}
	g.wanted, g.owned = wanted, owned
}

// edge returns the ends of the owner's edge at a place in edges, and the place of its next one, 0 after the last.
func (gen *generation) edge(owner, at uint32) (from, to, next uint32) {
	e := *gen.edges.at(at)
	switch e & edgeShape {
	case edgeFrom:
		from, to = e.end(), owner
	case edgeTo:
		from, to = owner, e.end()
	default:
		from = e.end()
		at++
		e = *gen.edges.at(at)
		to = e.end()
	}
	if e&edgeMore == 0 {
		return from, to, 0
	}
	return from, to, at + 1
}

// storeEdges replaces the records of the owner's edges.
func (gen *generation) storeEdges(owner uint32, list []edgeKey) {
	state := gen.states.at(owner)
	if state.owned != 0 {
		n := uint32(1)
		for *gen.edges.at(state.owned + n - 1)&edgeMore != 0 {
			n++
		}
		*gen.edges.at(state.owned) = edge(gen.freeEdges[n])
		gen.freeEdges[n] = state.owned
		gen.freeEdgeCount += n
		state.owned = 0
	}
	n := uint32(len(list)) //nolint:gosec // each takes memory
	for _, e := range list {
		if e.from() != owner && e.to() != owner {
			n++
		}
	}
	if n == 0 {
		return
	}
	state.owned = gen.allocateEdges(n)
	at := state.owned
	store := func(e edge) {
		*gen.edges.at(at) = e
		at++
	}
	for _, e := range list {
		switch owner {
		case e.to():
			store(newEdge(e.from(), edgeFrom))
		case e.from():
			store(newEdge(e.to(), edgeTo))
		default:
			store(newEdge(e.from(), edgeBeside))
			store(newEdge(e.to(), edgeBeside))
		}
	}
	*gen.edges.at(at - 1) &^= edgeMore
}

// allocateEdges returns the place of so many records of edges, one after the other.
func (gen *generation) allocateEdges(n uint32) uint32 {
	if at := gen.freeEdges[n]; at != 0 {
		gen.freeEdges[n] = uint32(*gen.edges.at(at))
		gen.freeEdgeCount -= n
		return at
	}
	at := gen.edges.length
	for range n {
		gen.edges.add()
	}
	return at
}

// addEdge puts an edge into effect, apart from the owner's records.
func (g *Graph) addEdge(gen *generation, owner, from, to uint32) {
	g.countEdge(gen, from, to, true)
	if to != owner && !gen.vertices.at(to).isSeed() {
		gen.linkForeign(from, to)
	}
	gen.eachSeedBeyond(to, func(seed uint32) { g.addSeed(gen, from, seed) })
}

// removeEdge is the inverse of addEdge.
func (g *Graph) removeEdge(gen *generation, owner, from, to uint32) {
	g.countEdge(gen, from, to, false)
	if to != owner && !gen.vertices.at(to).isSeed() {
		g.unlinkForeign(gen, from, to)
	}
	gen.eachSeedBeyond(to, func(seed uint32) { g.removeSeed(gen, from, seed) })
}

// linkForeign makes an edge that another object owns known to the vertex that it leads to.
func (gen *generation) linkForeign(from, to uint32) {
	link := gen.freeLinks
	if link != 0 {
		gen.freeLinks = gen.inLinks.at(link).next
	} else {
		link = gen.inLinks.add()
	}
	state := gen.states.at(to)
	*gen.inLinks.at(link) = inLink{from: from, next: state.foreign}
	state.foreign = link
}

// unlinkForeign is the inverse of linkForeign. Which of several owners' links it takes does not matter: they are the same.
func (g *Graph) unlinkForeign(gen *generation, from, to uint32) {
	for link := &gen.states.at(to).foreign; *link != 0; g.work++ {
		in := gen.inLinks.at(*link)
		if in.from != from {
			link = &in.next
			continue
		}
		free := *link
		*link = in.next
		*in = inLink{next: gen.freeLinks}
		gen.freeLinks = free
		return
	}
}

// eachIn calls f with the source of each edge into the vertex, but for a Seed, where edges end.
func (g *Graph) eachIn(gen *generation, id uint32, f func(from uint32)) {
	if gen.vertices.at(id).isSeed() {
		return
	}
	state := gen.states.at(id)
	for at := state.owned; at != 0; g.work++ {
		from, to, next := gen.edge(id, at)
		if to == id {
			f(from)
		}
		at = next
	}
	for link := state.foreign; link != 0; g.work++ {
		in := gen.inLinks.at(link)
		f(in.from)
		link = in.next
	}
}

// setObject says whether a vertex is an object.
func (g *Graph) setObject(gen *generation, id uint32, object bool) {
	state := gen.states.at(id)
	before := state.alive()
	kind := gen.vertices.at(id).kind()
	if object {
		state.reach |= reachObject
		g.objects[kind]++
	} else {
		state.reach &^= reachObject
		g.objects[kind]--
	}
	g.countVertex(gen, id, before, state.alive())
	g.dirty = append(g.dirty, id)
}

func (s *vertexState) alive() bool { return s.edges > 0 || s.reach.object() }

// eachSeedBeyond calls f for each Seed that an edge to the vertex leads to. f must not change what the vertex reaches.
func (gen *generation) eachSeedBeyond(to uint32, f func(seed uint32)) {
	if target := gen.vertices.at(to); target.isSeed() {
		f(target.seedIndex())
		return
	}
	gen.eachSeed(to, f)
}

// eachSeed calls f for each Seed that edges from the vertex lead to.
func (gen *generation) eachSeed(id uint32, f func(seed uint32)) {
	switch r := gen.states.at(id).reach; {
	case r.nothing():
	case r.multi():
		for _, c := range gen.sets.at(r.index()).counts {
			f(c.seed)
		}
	default:
		f(r.index())
	}
}

func compareSeed(c seedCount, seed uint32) int { return cmp.Compare(c.seed, seed) }

// addSeed counts one more edge of the vertex that leads to the Seed. The first one is passed on against the edges.
func (g *Graph) addSeed(gen *generation, id, seed uint32) {
	g.work++
	state := gen.states.at(id)
	switch r := state.reach; {
	case r.nothing():
		state.reach, state.count = r.with(0, seed), 1
	case r.multi():
		set := gen.sets.at(r.index())
		i, found := slices.BinarySearchFunc(set.counts, seed, compareSeed)
		if found {
			set.counts[i].count++
			return
		}
		if n := len(set.counts); n == cap(set.counts) {
			// There may be tens of thousands of small sets: doubling each would waste more than copying costs.
			set.counts = append(make([]seedCount, 0, n+n/8+2), set.counts...)
		}
		set.counts = slices.Insert(set.counts, i, seedCount{seed, 1})
		set.changed = true
	case r.index() == seed:
		state.count++
		return
	default:
		place := gen.addSet()
		set := gen.sets.at(place)
		set.changed = true
		set.counts = []seedCount{{r.index(), state.count}, {seed, 1}}
		if seed < r.index() {
			set.counts[0], set.counts[1] = set.counts[1], set.counts[0]
		}
		state.reach = r.with(reachMulti, place)
	}
	g.seedsChanged(gen, id)
	g.eachIn(gen, id, func(from uint32) { g.addSeed(gen, from, seed) })
}

// removeSeed is the inverse of addSeed. The last edge is passed on.
func (g *Graph) removeSeed(gen *generation, id, seed uint32) {
	g.work++
	state := gen.states.at(id)
	r := state.reach
	if !r.multi() {
		if state.count--; state.count > 0 {
			return
		}
		state.reach = r & reachObject
	} else {
		set := gen.sets.at(r.index())
		i, _ := slices.BinarySearchFunc(set.counts, seed, compareSeed)
		if set.counts[i].count--; set.counts[i].count > 0 {
			return
		}
		set.counts = slices.Delete(set.counts, i, i+1)
		set.changed = true
		if len(set.counts) == 1 {
			state.reach, state.count = r.with(0, set.counts[0].seed), set.counts[0].count
			g.droppedSets = append(g.droppedSets, r.index())
		}
	}
	g.seedsChanged(gen, id)
	g.eachIn(gen, id, func(from uint32) { g.removeSeed(gen, from, seed) })
}

func (g *Graph) seedsChanged(gen *generation, id uint32) {
	g.dirty = append(g.dirty, id)
	if gen.vertices.at(id).isSeed() {
		g.scopesDirty = true
	}
}

// addSet returns the index of a free place for a set.
func (gen *generation) addSet() uint32 {
	if last := len(gen.freeSets) - 1; last >= 0 {
		place := gen.freeSets[last]
		gen.freeSets = gen.freeSets[:last]
		return place
	}
	gen.published.add()
	return gen.sets.add()
}

// publish shows readers what has changed.
func (g *Graph) publish(gen *generation) {
	for _, id := range g.dirty {
		state := gen.states.at(id)
		if state.reach.multi() {
			place := state.reach.index()
			if set := gen.sets.at(place); set.changed {
				published := newSeedSet(id, set.counts)
				gen.published.at(place).Store(published)
				set.changed = false
				g.countSet(set, published)
			}
		}
		if r := &gen.vertices.at(id).reach; r.Load() != uint32(state.reach) {
			r.Store(uint32(state.reach))
		}
	}
	g.work += len(g.dirty)
	g.dirty = g.dirty[:0]
	// Only now does no vertex lead to these places.
	for _, place := range g.droppedSets {
		set := gen.sets.at(place)
		gen.published.at(place).Store(nil)
		set.counts, set.changed = nil, false
		g.countSet(set, nil)
	}
	gen.freeSets = append(gen.freeSets, g.droppedSets...)
	g.droppedSets = g.droppedSets[:0]
	if g.scopesDirty && g.parentScope == ParentScopeEverything {
		gen.publishScopes()
	}
	g.scopesDirty = false
}

// publishScopes finds, for each Seed, the Seeds that lead to it. The graph of Seeds is tiny; bad data can put cycles into it.
func (gen *generation) publishScopes() {
	parents := map[uint32][]uint32{}
	for seed := range gen.seeds.length {
		gen.eachSeed(*gen.seeds.at(seed), func(parent uint32) {
			if parent != seed {
				parents[seed] = append(parents[seed], parent)
			}
		})
	}
	members := map[uint32][]seedCount{}
	for seed := range parents {
		reached := map[uint32]bool{seed: true}
		for queue := []uint32{seed}; len(queue) > 0; queue = queue[1:] {
			for _, parent := range parents[queue[0]] {
				if !reached[parent] {
					reached[parent] = true
					queue = append(queue, parent)
					members[parent] = append(members[parent], seedCount{seed: seed})
				}
			}
		}
	}
	scopes := make([]*seedSet, gen.seeds.length)
	for seed, others := range members {
		others = append(others, seedCount{seed: seed})
		slices.SortFunc(others, func(a, b seedCount) int { return cmp.Compare(a.seed, b.seed) })
		scopes[seed] = newSeedSet(0, others)
	}
	gen.scopes.Store(&scopes)
}

// compact moves the living into a new generation.
func (g *Graph) compact() {
	old := g.generation.Load()
	next := newGeneration(old.seed, old.alive+old.alive/8)
	// Ids keep their order, so the Seeds' indices do, and sorted sets stay sorted.
	ids := make([]uint32, old.vertices.length)
	for id := uint32(1); id < old.vertices.length; id++ {
		if old.states.at(id).alive() {
			ids[id] = next.intern(old.vertex(id))
		}
	}
	seedIndex := func(index uint32) uint32 { return next.vertices.at(ids[*old.seeds.at(index)]).seedIndex() }
	g.setBytes = 0
	for id, to := range ids {
		if to == 0 {
			continue
		}
		from, state := old.states.at(uint32(id)), next.states.at(to)
		switch r := from.reach; {
		case r.nothing():
			state.reach = r
		case r.multi():
			place := next.addSet()
			state.reach = r.with(reachMulti, place)
			set := next.sets.at(place)
			set.counts, set.changed = slices.Clone(old.sets.at(r.index()).counts), true
			for i := range set.counts {
				set.counts[i].seed = seedIndex(set.counts[i].seed)
			}
		default:
			state.reach, state.count = r.with(0, seedIndex(r.index())), from.count
		}
		g.dirty = append(g.dirty, to)
		state.edges = from.edges
		for link := from.foreign; link != 0; {
			in := old.inLinks.at(link)
			next.linkForeign(ids[in.from], to)
			link = in.next
		}
		if from.owned == 0 {
			continue
		}
		state.owned = next.edges.length
		for at, more := from.owned, true; more; at++ {
			e := *old.edges.at(at)
			*next.edges.at(next.edges.add()) = edge(ids[e.end()])<<edgeBits | e&(1<<edgeBits-1)
			more = e&edgeMore != 0
		}
	}
	next.alive, next.dead = old.alive, 0
	g.scopesDirty = true
	g.publish(next)
	g.dirty = nil
	g.compactions++
	g.generation.Store(next)
}
