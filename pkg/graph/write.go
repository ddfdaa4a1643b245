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
			e := gen.edges.at(next)
			if gen.sameVertex(e.from, owner, want.From, object) && gen.sameVertex(e.to, owner, want.To, object) {
				next = e.next
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
	edge     uint32 // 0 when it does not exist yet
}

func compareEdgeKeys(a, b edgeKey) int {
	if a.ends != b.ends {
		return cmp.Compare(a.ends, b.ends)
	}
	return a.position - b.position
}

// setEdges makes edges the ones that the owner owns: it removes what is no longer there, then adds what is new. Readers see
// nothing of it before publish, so no vertex is ever seen without what it had and will have.
func (g *Graph) setEdges(gen *generation, owner uint32, object Vertex, edges []Edge) {
	wanted, owned, removed := g.wanted[:0], g.owned[:0], g.removed[:0]
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
		wanted = append(wanted, edgeKey{ends: uint64(resolve(e.From))<<32 | uint64(resolve(e.To)), position: i})
	}
	slices.SortFunc(wanted, compareEdgeKeys)
	wanted = slices.CompactFunc(wanted, func(a, b edgeKey) bool { return a.ends == b.ends })
	for id := gen.states.at(owner).owned; id != 0; {
		e := gen.edges.at(id)
		owned = append(owned, edgeKey{ends: uint64(e.from)<<32 | uint64(e.to), edge: id})
		id = e.next
	}
	slices.SortFunc(owned, compareEdgeKeys)

	i := 0
	for _, have := range owned {
		for i < len(wanted) && wanted[i].ends < have.ends {
			i++
		}
		if i < len(wanted) && wanted[i].ends == have.ends {
			wanted[i].edge = have.edge
		} else {
			removed = append(removed, have.edge)
		}
	}
	g.removeEdges(gen, owner, removed)

	// The list is made anew before the new edges take effect, because what they change is passed on along it.
	slices.SortFunc(wanted, func(a, b edgeKey) int { return a.position - b.position })
	link, added := &gen.states.at(owner).owned, removed[:0]
	for _, want := range wanted {
		if want.edge == 0 {
			want.edge = gen.allocateEdge(uint32(want.ends & math.MaxUint32))
			added = append(added, want.edge, uint32(want.ends>>32))
		}
		*link = want.edge
		link = &gen.edges.at(want.edge).next
	}
	*link = 0
	for i := 0; i < len(added); i += 2 {
		g.addEdge(gen, owner, added[i], added[i+1])
	}
	g.work += len(edges) + len(wanted) + len(owned)
	// One huge object should not make its scratch space permanent.
	if cap(wanted)+cap(owned)+cap(added) > 1<<16 {
		wanted, owned, added = nil, nil, nil
	}
	g.wanted, g.owned, g.removed = wanted, owned, added
}

// allocateEdge returns a new edge that is not yet in effect.
func (gen *generation) allocateEdge(to uint32) uint32 {
	id := gen.freeEdges
	if id != 0 {
		gen.freeEdges = gen.edges.at(id).next
		gen.freeEdgeCount--
	} else {
		id = gen.edges.add()
	}
	*gen.edges.at(id) = edge{to: to}
	return id
}

// addEdge puts an edge into effect.
func (g *Graph) addEdge(gen *generation, owner, id, from uint32) {
	e := gen.edges.at(id)
	e.from = from
	g.countEdge(gen, e, true)
	gen.linkForeign(owner, id)
	gen.eachSeedBeyond(e.to, func(seed uint32) { g.addSeed(gen, from, seed) })
}

// linkForeign makes an edge known to the vertex that it leads to, unless that needs no list or is the owner.
func (gen *generation) linkForeign(owner, id uint32) {
	to := gen.edges.at(id).to
	if to == owner || gen.vertices.at(to).isSeed() {
		return
	}
	link := gen.freeLinks
	if link != 0 {
		gen.freeLinks = gen.inLinks.at(link).next
	} else {
		link = gen.inLinks.add()
	}
	state := gen.states.at(to)
	*gen.inLinks.at(link) = inLink{edge: id, next: state.foreign}
	state.foreign = link
}

// removeEdges takes edges out of the graph and frees them. The owner's list is left for the caller to repair.
func (g *Graph) removeEdges(gen *generation, owner uint32, ids []uint32) {
	for _, id := range ids {
		e := gen.edges.at(id)
		g.countEdge(gen, e, false)
		from := e.from
		e.from = 0
		gen.eachSeedBeyond(e.to, func(seed uint32) { g.removeSeed(gen, from, seed) })
	}
	for _, id := range ids {
		if to := gen.edges.at(id).to; to != owner && !gen.vertices.at(to).isSeed() {
			g.unlinkRemoved(gen, gen.states.at(to))
		}
	}
	for _, id := range ids {
		*gen.edges.at(id) = edge{next: gen.freeEdges}
		gen.freeEdges = id
		gen.freeEdgeCount++
	}
}

// unlinkRemoved takes all removed edges out of a vertex' list of foreign edges.
func (g *Graph) unlinkRemoved(gen *generation, state *vertexState) {
	for link := &state.foreign; *link != 0; g.work++ {
		in := gen.inLinks.at(*link)
		if gen.edges.at(in.edge).from != 0 {
			link = &in.next
			continue
		}
		free := *link
		*link = in.next
		*in = inLink{next: gen.freeLinks}
		gen.freeLinks = free
	}
}

// eachIn calls f with the source of each edge into the vertex, but for a Seed, where edges end.
func (g *Graph) eachIn(gen *generation, id uint32, f func(from uint32)) {
	if gen.vertices.at(id).isSeed() {
		return
	}
	state := gen.states.at(id)
	for owned := state.owned; owned != 0; g.work++ {
		e := gen.edges.at(owned)
		if e.to == id && e.from != 0 {
			f(e.from)
		}
		owned = e.next
	}
	for link := state.foreign; link != 0; g.work++ {
		in := gen.inLinks.at(link)
		if from := gen.edges.at(in.edge).from; from != 0 {
			f(from)
		}
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
		link := &state.owned
		for owned := from.owned; owned != 0; {
			e := old.edges.at(owned)
			*link = next.copyEdge(to, ids[e.from], ids[e.to])
			link = &next.edges.at(*link).next
			owned = e.next
		}
	}
	next.alive, next.dead = old.alive, 0
	g.scopesDirty = true
	g.publish(next)
	g.dirty = nil
	g.compactions++
	g.generation.Store(next)
}

// copyEdge adds an edge whose consequences are known.
func (gen *generation) copyEdge(owner, from, to uint32) uint32 {
	id := gen.allocateEdge(to)
	gen.edges.at(id).from = from
	gen.states.at(from).edges++
	gen.states.at(to).edges++
	gen.linkForeign(owner, id)
	return id
}
