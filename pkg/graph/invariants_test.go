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

	// Edges: each in one owner's list, in its target's list unless that is a Seed, and counted at both ends.
	owners, ownerOf := map[uint32]int{}, map[uint32]uint32{}
	for id := uint32(1); id < gen.vertices.length; id++ {
		seen := map[[2]uint32]bool{}
		for e := gen.states.at(id).owned; e != 0; e = gen.edges.at(e).next {
			owners[e]++
			ownerOf[e] = id
			ends := [2]uint32{gen.edges.at(e).from, gen.edges.at(e).to}
			require.False(t, seen[ends], "an object owns an edge once")
			seen[ends] = true
		}
	}
	ins, links := map[uint32]uint32{}, map[uint32]bool{}
	for id := uint32(1); id < gen.vertices.length; id++ {
		for link := gen.states.at(id).foreign; link != 0; link = gen.inLinks.at(link).next {
			e := gen.inLinks.at(link).edge
			require.NotContains(t, ins, e)
			ins[e] = id
			links[link] = true
		}
	}
	for link := gen.freeLinks; link != 0; link = gen.inLinks.at(link).next {
		require.False(t, links[link])
		links[link] = true
	}
	require.Len(t, links, int(gen.inLinks.length)-1)
	free := map[uint32]bool{}
	for e := gen.freeEdges; e != 0; e = gen.edges.at(e).next {
		free[e] = true
	}
	require.Len(t, free, int(gen.freeEdgeCount))
	counts, degree := map[uint32]map[uint32]uint32{}, map[uint32]uint32{}
	for id := uint32(1); id < gen.edges.length; id++ {
		e := gen.edges.at(id)
		require.Equal(t, e.from == 0, free[id])
		if e.from == 0 {
			require.NotContains(t, owners, id)
			continue
		}
		require.Equal(t, 1, owners[id])
		edge := Edge{gen.vertex(e.from), gen.vertex(e.to)}
		require.True(t, edge.foreseen())
		want.edges[edge.From.Kind][edge.To.Kind]++
		degree[e.from]++
		degree[e.to]++
		if counts[e.from] == nil {
			counts[e.from] = map[uint32]uint32{}
		}
		if target := gen.vertices.at(e.to); target.isSeed() {
			require.NotContains(t, ins, id)
			counts[e.from][target.seedIndex()]++
		} else {
			if ownerOf[id] == e.to {
				require.NotContains(t, ins, id)
			} else {
				require.Equal(t, e.to, ins[id])
			}
			gen.eachSeed(e.to, func(seed uint32) { counts[e.from][seed]++ })
		}
	}

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
