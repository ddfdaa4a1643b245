package garden

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/graph"
)

// What is packed comes out again, whatever the names, and only equal edges of an owner are packed alike.
func TestPackedEdges(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	namespaces := []string{"", "ns", "garden", strings.Repeat("n", 128)}
	names := []string{"a", "b", "", "\x00", "\x80\xff", "with/slash", strings.Repeat("x", 127), strings.Repeat("y", 128),
		strings.Repeat("z", 1<<14)}
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	vertex := func() graph.Vertex {
		kind := graph.Kind(random.IntN(256)) //nolint:gosec // below 256
		return graph.Vertex{Kind: kind, Namespace: pick(namespaces), Name: pick(names)}
	}
	for range 2000 {
		owner := vertex()
		var edges []graph.Edge
		for range random.IntN(8) {
			e := graph.Edge{From: vertex(), To: vertex()}
			switch random.IntN(4) {
			case 0:
				e.From = owner
			case 1:
				e.To = owner
			}
			edges = append(edges, e)
		}
		packed := packedEdges(appendPacked(nil, owner, edges))
		require.Equal(t, edges, packed.appendTo(nil, owner))
		if len(edges) > 0 {
			i := random.IntN(len(edges))
			changed := append([]graph.Edge(nil), edges...)
			changed[i].To.Name += "'"
			require.NotEqual(t, packed, packedEdges(appendPacked(nil, owner, changed)))
		}
	}
}
