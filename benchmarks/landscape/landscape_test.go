package landscape

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

func build(t *testing.T, l *Landscape) (*graph.Graph, map[graph.Kind]int) {
	t.Helper()
	g, count := graph.New(graph.Options{}), map[graph.Kind]int{}
	seen := map[graph.Vertex]bool{}
	for o := range l.Objects() {
		extracted, err := garden.Extract(o)
		require.NoError(t, err)
		require.False(t, seen[extracted.Vertex], extracted.Vertex)
		seen[extracted.Vertex] = true
		g.Set(extracted.Vertex, extracted.Edges())
		count[extracted.Kind]++
	}
	return g, count
}

func TestLandscape(t *testing.T) {
	l := New(Options{Shoots: 1000})
	g, count := build(t, l)
	require.Equal(t, map[graph.Kind]int{
		graph.KindProject: 51, graph.KindCredentialsBinding: 50, graph.KindSecretBinding: 13,
		graph.KindSeed: 20, graph.KindBackupBucket: 20, graph.KindManagedSeed: 16, graph.KindGardenlet: 4,
		graph.KindControllerDeployment: 12, graph.KindControllerInstallation: 240, graph.KindServiceAccount: 240,
		graph.KindShoot: 1016, graph.KindBackupEntry: 1000, graph.KindBastion: 2,
	}, count)
	require.Zero(t, g.Stats().LeftOut)

	for i := range l.Shoots {
		own, stranger := l.SeedName(l.SeedOf(i)), l.SeedName(l.Stranger(i))
		x := l.ShootVertex(i)
		require.Equal(t, []string{own}, g.Seeds(x))
		require.Equal(t, []string{own}, g.Seeds(l.DNSSecret(i)))
		require.Equal(t, []string{own},
			g.Seeds(graph.Vertex{Kind: graph.KindBackupEntry, Namespace: x.Namespace, Name: l.BackupEntryName(i)}))
		namespace := graph.Vertex{Kind: graph.KindNamespace, Name: x.Namespace}
		require.True(t, g.Reaches(namespace, own))
		require.False(t, g.Reaches(namespace, stranger))
	}
	profile := graph.Vertex{Kind: graph.KindCloudProfile, Name: CloudProfile}
	require.Len(t, g.Seeds(profile), l.Seeds-2)
	require.Equal(t, []string{l.SeedName(l.Seeds - 1)},
		g.Seeds(graph.Vertex{Kind: graph.KindCloudProfile, Name: OtherCloudProfile}))
}

func TestDefaultSeeds(t *testing.T) {
	for shoots, seeds := range map[int]int{1000: 20, 10000: 100, 100000: 500} {
		require.Equal(t, seeds, New(Options{Shoots: shoots}).Seeds)
	}
}

// The size of objects changes nothing that is kept of them, and no run differs from another.
func TestRealistic(t *testing.T) {
	small, large := New(Options{Shoots: 40}), New(Options{Shoots: 40, Realistic: true})
	a, b := slices.Collect(small.Objects()), slices.Collect(large.Objects())
	require.Len(t, b, len(a))
	require.Equal(t, b, slices.Collect(large.Objects()))
	for i := range a {
		x, err := garden.Extract(a[i])
		require.NoError(t, err)
		y, err := garden.Extract(b[i])
		require.NoError(t, err)
		require.Equal(t, x, y)
	}
	encoded, err := json.Marshal(large.Shoot(7, 1))
	require.NoError(t, err)
	require.InDelta(t, 20000, len(encoded), 10000)
	t.Logf("a Shoot takes %d bytes", len(encoded))
}
