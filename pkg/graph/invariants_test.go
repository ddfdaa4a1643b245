package graph

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkInvariants checks all that the fields' comments promise. Tests run it after every change.
func (g *Graph) checkInvariants(t testing.TB) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.generation.Load()
	require.Empty(t, g.dirty)
	require.Empty(t, g.droppedSets)
	require.False(t, g.scopesDirty)
	require.Equal(t, gen.vertices.length, gen.states.length)

	require.Equal(t, vertexState{}, *gen.states.at(0), "index 0 stands for none")
	require.Zero(t, gen.vertices.at(0).reach.Load())

	// Every id is found by its name, and by no other way.
	entries := 0
	for i := range *gen.table.Load() {
		if (*gen.table.Load())[i].Load() != 0 {
			entries++
		}
	}
	require.Equal(t, int(gen.vertices.length)-1, entries)
	var want counters
	alive, dead := 0, 0
	for id := uint32(1); id < gen.vertices.length; id++ {
		v, r, state := gen.vertex(id), gen.vertices.at(id), gen.states.at(id)
		require.Equal(t, id, gen.findVertex(v), v)
		require.Equal(t, v.isSeed(), r.isSeed())
		if shoot, ok := ImpliedShoot(v); ok {
			require.True(t, gen.readTwice.has(gen.hashName(gen.hashNamespace(shoot.Namespace), KindShoot, shoot.Name)), v)
		}
		if r.isSeed() {
			require.Equal(t, id, *gen.seeds.at(r.seedIndex()))
			require.Zero(t, state.foreign)
		}
		require.Equal(t, uint32(state.reach), r.reach.Load(), "%s: readers see what the writer knows", v)
		if !state.alive() {
			require.True(t, state.reach.nothing())
			require.Zero(t, state.owned)
			require.Zero(t, state.foreign)
		}
		switch {
		case v.Kind == 0:
			require.False(t, state.alive())
		case state.alive():
			want.vertices[v.Kind]++
			alive++
		default:
			dead++
		}
		if state.reach.object() {
			want.objects[v.Kind]++
		} else {
			require.Zero(t, state.owned, "only objects own edges")
		}
	}
	require.Equal(t, []int{alive, dead}, []int{gen.alive, gen.dead})

	// Edges: each once in its owner's records, in its target's list unless that is a Seed or the owner, and counted at both ends.
	records := map[uint32]bool{}
	take := func(at uint32) {
		require.Positive(t, at, "place 0 stands for none")
		require.Less(t, at, gen.edges.length)
		require.False(t, records[at], "every record is free or one owner's")
		records[at] = true
	}
	foreign := map[[2]uint32]int{}
	counts, degree := map[uint32]map[uint32]uint32{}, map[uint32]uint32{}
	for id := uint32(1); id < gen.vertices.length; id++ {
		seen := map[[2]uint32]bool{}
		for at := gen.states.at(id).owned; at != 0; {
			from, to, next := gen.edge(id, at)
			take(at)
			if from != id && to != id {
				take(at + 1)
			}
			at = next
			require.False(t, seen[[2]uint32{from, to}], "an object owns an edge once")
			seen[[2]uint32{from, to}] = true
			edge := Edge{gen.vertex(from), gen.vertex(to)}
			require.True(t, edge.foreseen(), edge)
			want.edges[edge.From.Kind][edge.To.Kind]++
			degree[from]++
			degree[to]++
			if counts[from] == nil {
				counts[from] = map[uint32]uint32{}
			}
			if target := gen.vertices.at(to); target.isSeed() {
				counts[from][target.seedIndex()]++
				continue
			}
			if to != id {
				foreign[[2]uint32{from, to}]++
			}
			gen.eachSeed(to, func(seed uint32) { counts[from][seed]++ })
		}
	}
	used := len(records)
	for n, at := range gen.freeEdges {
		for ; at != 0; at = uint32(*gen.edges.at(at)) {
			for i := range n {
				take(at + i)
			}
		}
	}
	require.Len(t, records, int(gen.edges.length)-1)
	require.Equal(t, len(records)-used, int(gen.freeEdgeCount))
	links := map[uint32]bool{}
	for id := uint32(1); id < gen.vertices.length; id++ {
		for link := gen.states.at(id).foreign; link != 0; link = gen.inLinks.at(link).next {
			foreign[[2]uint32{gen.inLinks.at(link).from, id}]--
			require.False(t, links[link])
			links[link] = true
		}
	}
	for ends, missing := range foreign {
		require.Zero(t, missing, "%s -> %s: in the target's list once for each foreign owner", gen.vertex(ends[0]), gen.vertex(ends[1]))
	}
	for link := gen.freeLinks; link != 0; link = gen.inLinks.at(link).next {
		require.False(t, links[link])
		links[link] = true
	}
	require.Len(t, links, int(gen.inLinks.length)-1)

	// Reach: each Seed with the number of edges that lead to it; sets have a place of their own.
	places := map[uint32]bool{}
	for _, place := range gen.freeSets {
		require.False(t, places[place])
		places[place] = true
		require.Nil(t, gen.published.at(place).Load())
	}
	for id := uint32(1); id < gen.vertices.length; id++ {
		state := gen.states.at(id)
		require.Equal(t, degree[id], state.edges, gen.vertex(id))
		var kept []seedCount
		switch r := state.reach; {
		case r.nothing():
		case r.multi():
			require.False(t, places[r.index()])
			places[r.index()] = true
			set := gen.sets.at(r.index())
			kept = set.counts
			require.GreaterOrEqual(t, len(kept), 2)
			require.False(t, set.changed)
			published := gen.published.at(r.index()).Load()
			require.Equal(t, id, published.owner)
			var members, expected []uint32
			published.each(func(seed uint32) { members = append(members, seed) })
			for _, c := range kept {
				expected = append(expected, c.seed)
			}
			require.Equal(t, expected, members)
		default:
			kept = []seedCount{{r.index(), state.count}}
		}
		var expected []seedCount
		for seed, n := range counts[id] {
			expected = append(expected, seedCount{seed, n})
		}
		slices.SortFunc(expected, func(a, b seedCount) int { return cmp.Compare(a.seed, b.seed) })
		require.Equal(t, expected, kept, "%s: counts", gen.vertex(id))
	}
	require.Len(t, places, int(gen.sets.length))
	for place := range gen.sets.length {
		want.setBytes += int(gen.sets.at(place).bytes)
	}
	want.refused, want.compactions = g.refused, g.compactions
	require.Equal(t, want, g.counters)
}
