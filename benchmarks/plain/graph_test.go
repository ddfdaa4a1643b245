package plain

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/benchmarks/landscape"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// The plain graph and pkg/graph give the same answers, also after changes, whatever the options.
func TestGraphAgrees(t *testing.T) {
	l := landscape.New(landscape.Options{Shoots: 400})
	for _, options := range []Options{
		{}, {Implied: true}, {Implied: true, Apart: true}, {Implied: true, Apart: true, Compare: true},
		{Implied: true, Apart: true, Compare: true, Inside: true},
	} {
		t.Run(fmt.Sprintf("%+v", options), func(t *testing.T) {
			plain, built := New(options), graph.New(graph.Options{})
			vertices := map[graph.Vertex]bool{{Kind: graph.KindSecret, Namespace: "garden", Name: "absent"}: true}
			set := func(o *garden.Object) {
				plain.Set(o.Vertex, o.Edges())
				built.Set(o.Vertex, o.Edges())
				for _, e := range o.Edges() {
					vertices[e.From], vertices[e.To] = true, true
				}
			}
			compare := func() {
				t.Helper()
				for v := range vertices {
					require.Equal(t, built.HasObject(v), plain.HasObject(v), v)
					for i := range l.Seeds {
						seed := l.SeedName(i)
						require.Equal(t, built.Reaches(v, seed), plain.Reaches(v, seed), "%s for %s", v, seed)
					}
				}
			}
			var objects []*garden.Object
			for o := range l.Objects() {
				extracted, err := garden.Extract(o)
				require.NoError(t, err)
				objects = append(objects, extracted)
				set(extracted)
			}
			for i := range l.Shoots {
				x := l.ShootVertex(i)
				vertices[graph.Vertex{Kind: graph.KindSecret, Namespace: x.Namespace, Name: x.Name + ".ssh-keypair"}] = true
			}
			compare()
			for i := range 30 {
				moved, err := garden.Extract(l.Shoot(i, l.Stranger(i)))
				require.NoError(t, err)
				set(moved)
			}
			compare()
			for i := 0; i < len(objects); i += 2 {
				plain.Delete(objects[i].Vertex)
				built.Delete(objects[i].Vertex)
			}
			compare()
			for _, o := range objects {
				plain.Delete(o.Vertex)
			}
			require.Zero(t, len(plain.vertices)+len(plain.impliable))
		})
	}
}
