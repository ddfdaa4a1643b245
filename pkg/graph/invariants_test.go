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
	require.False(t, g.scopesStale)
	require.Equal(t, vertex{}, *g.at(none))
	require.LessOrEqual(t, int(g.next), len(g.pages)*pageSize)

	// Every number is free or that of one vertex.
	free := map[id]bool{none: true}
	for _, number := range g.free {
		require.False(t, free[number])
		free[number] = true
		require.Equal(t, vertex{}, *g.at(number))
	}
	alive := 0
	for kind := range g.ids {
		for k, number := range g.ids[kind] {
			v := g.at(number)
			require.True(t, k == v.Vertex && number == g.find(k), k)
			_, impliable := ImpliedShoot(k)
			require.True(t, impliable && kind == numKinds || !impliable && kind == int(k.Kind), k)
			require.False(t, free[number])
			alive++
		}
	}
	require.Equal(t, int(g.next), alive+len(free))

	// Edges: each in its owner's list, and in its target's unless that is a Seed or the owner.
	var want counters
	uses, others := map[id]int32{}, map[id][]id{}
	counts := map[id]map[id]int32{}
	for number := range g.next {
		v := g.at(number)
		if !free[number] {
			want.vertices[v.Kind]++
		}
		if v.object {
			want.objects[v.Kind]++
		} else {
			require.True(t, len(v.owned) == 0, "only objects own edges")
		}
		if counts[number] == nil {
			counts[number] = map[id]int32{}
		}
		for _, e := range v.owned {
			given := Edge{g.at(e.from).Vertex, g.at(e.to).Vertex}
			require.False(t, given.leftOut(), given)
			want.edges[given.From.Kind][given.To.Kind]++
			uses[e.from]++
			uses[e.to]++
			if counts[e.from] == nil {
				counts[e.from] = map[id]int32{}
			}
			if g.at(e.to).Kind == KindSeed {
				counts[e.from][e.to]++
				continue
			}
			if e.to != number {
				others[e.to] = append(others[e.to], e.from)
			}
			for _, s := range g.at(e.to).seeds {
				counts[e.from][s.seed]++
			}
		}
	}
	for number := range g.next {
		v := g.at(number)
		require.True(t, uses[number] == v.uses, g.at(number).Vertex)
		require.True(t, free[number] || v.object || v.uses > 0, "%s is needed by nothing", g.at(number).Vertex)
		slices.Sort(others[number])
		require.True(t, slices.Equal(others[number], slices.Sorted(slices.Values(v.others))), g.at(number).Vertex)
		seeds := []seedCount{}
		for seed, n := range counts[number] {
			seeds = append(seeds, seedCount{seed, n})
		}
		slices.SortFunc(seeds, func(a, b seedCount) int { return cmp.Compare(g.at(a.seed).Name, g.at(b.seed).Name) })
		require.True(t, slices.Equal(seeds, v.seeds), "%s: %v, not %v", g.at(number).Vertex, v.seeds, seeds)
	}
	want.leftOut = g.leftOut
	require.Equal(t, want, g.counters)

	if g.parentScope != ParentScopeEverything {
		require.Empty(t, g.scopes)
	}
	for _, scope := range g.scopes {
		require.True(t, slices.IsSorted(scope))
	}
}
