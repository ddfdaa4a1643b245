package graph

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"
)

// TestReadersAllocateNothing, whatever way a question takes.
func TestReadersAllocateNothing(t *testing.T) {
	for _, scope := range scopes {
		g := New(Options{ParentScope: scope})
		profile, long := Vertex{KindCloudProfile, "", "aws"}, strings.Repeat("x", 10000)
		for i := range 100 {
			x := shoot("n", fmt.Sprint("x", i))
			g.Set(x, edges(x, seed(fmt.Sprint("s", i)), profile, x, secret("n", long), x))
		}
		g.Set(Vertex{KindManagedSeed, "garden", "s1"}, edges(
			seed("s1"), Vertex{KindManagedSeed, "garden", "s1"}, Vertex{KindManagedSeed, "garden", "s1"}, shoot("n", "x2")))
		for _, q := range []struct {
			v        Vertex
			seed     string
			expected bool
		}{
			{shoot("n", "x1"), "s1", true},
			{shoot("n", "x1"), "s2", scope == ParentScopeEverything},
			{shoot("n", "x1"), "s3", false},
			{secret("n", "x1.ssh-keypair"), "s1", true},
			{secret("n", "x1.ssh-keypair"), "s3", false},
			{profile, "s99", true},
			{profile, "s100", false},
			{secret("n", long), "s5", true},
			{secret("m", long), "s5", false},
			{secret("n", "unheard of"), "s5", false},
			{seed("s1"), "s1", true},
			{seed("s1"), "s2", true},
		} {
			require.Equal(t, q.expected, g.Reaches(q.v, q.seed), q)
			require.Zero(t, testing.AllocsPerRun(100, func() { g.Reaches(q.v, q.seed) }), q)
			require.Zero(t, testing.AllocsPerRun(100, func() { g.HasObject(q.v) }), q)
		}
	}
}

func TestHeartbeatsAllocateNothing(t *testing.T) {
	g := New(Options{})
	x := shoot("n", "x")
	list := edges(x, seed("a"), x, seed("a"), Vertex{KindNamespace, "", "n"}, x, secret("n", "s"), x)
	g.Set(x, list)
	before := g.work
	require.Zero(t, testing.AllocsPerRun(100, func() { g.Set(x, list) }))
	require.Equal(t, before, g.work, "a heartbeat takes no work in the index")
}

// TestReadersBesideABusyWriter: a Shoot moves to and fro between Seeds a and b, both children of p, and always keeps c,
// while so much else comes and goes that numbers are used again all the time. Whoever reads sees it on exactly one of a
// and b, and never on d.
func TestReadersBesideABusyWriter(t *testing.T) {
	for _, scope := range scopes {
		t.Run(string(scope), func(t *testing.T) {
			g := New(Options{ParentScope: scope})
			x, binding := shoot("n", "x"), Vertex{KindSecretBinding, "n", "b"}
			for _, name := range []string{"a", "b"} {
				ms := Vertex{KindManagedSeed, "garden", name}
				g.Set(ms, edges(seed(name), ms, ms, shoot("garden", name)))
				g.Set(shoot("garden", name), edges(shoot("garden", name), seed("p")))
			}
			other := shoot("n", "other")
			g.Set(other, edges(other, seed("d")))
			place := func(name string) {
				g.Set(x, edges(x, seed(name), x, seed("c"), binding, x))
			}
			place("a")

			var stop atomic.Bool
			var reads atomic.Int64
			var readers sync.WaitGroup
			failures := make(chan string, 2)
			for range 2 {
				readers.Go(func() {
					for ; !stop.Load(); reads.Add(1) {
						for _, v := range []Vertex{x, secret("n", "x.ssh-keypair"), binding} {
							var seen string
							for _, name := range g.Seeds(v) {
								if name != "p" {
									seen += name
								}
							}
							switch {
							case seen != "ac" && seen != "bc":
								failures <- fmt.Sprintf("%s on %q", v, seen)
							case !g.Reaches(v, "c"), g.Reaches(v, "d"), g.Reaches(v, "p") != (scope == ParentScopeEverything):
								failures <- v.String() + ": wrong answer"
							case v == x && !g.HasObject(v):
								failures <- "the Shoot is gone"
							default:
								continue
							}
							return
						}
					}
				})
			}
			for i := 0; i < 3000 || reads.Load() < 1000 && len(failures) == 0; i++ {
				place([]string{"b", "a"}[i%2])
				churn := shoot("churn", fmt.Sprint(i))
				g.Set(churn, edges(churn, seed("d"), churn, seed("a"), secret("churn", fmt.Sprint(i)), churn,
					churn, seed(fmt.Sprint(i))))
				if i > 10 {
					g.Delete(shoot("churn", fmt.Sprint(i-10)))
				}
				if i%100 == 0 {
					g.View()
					g.Stats()
				}
			}
			stop.Store(true)
			readers.Wait()
			select {
			case failure := <-failures:
				t.Fatal(failure)
			default:
			}
			g.checkInvariants(t)
		})
	}
}

// TestWorkDoesNotGrowWithTheGraph counts what the writer looks at.
func TestWorkDoesNotGrowWithTheGraph(t *testing.T) {
	for _, n := range []int{1000, 20000} {
		l := newLandscape(n)
		g := l.build()
		for i, x := range l.shoots[:200] {
			before := g.work
			list := l.shootEdges(x, l.seeds[i%len(l.seeds)])
			g.Set(x, list)
			// The edges given, wanted and owned, then the ones into the Shoot for a Seed that goes and one that comes,
			// with what hangs on those, and their vertices published.
			require.LessOrEqual(t, g.work-before, 15*len(list), "moving one of %d Shoots", n)

			before = g.work
			g.Delete(x)
			g.Set(x, list)
			require.LessOrEqual(t, g.work-before, 25*len(list), "deleting and creating one of %d Shoots", n)
		}
	}
}

// TestWorkOfASeedThatGoes: in proportion to what is on the Seed, and the same in a small landscape and a large one.
func TestWorkOfASeedThatGoes(t *testing.T) {
	for _, n := range []int{1000, 20000} {
		l := newLandscape(n)
		g := l.build()
		gone := l.seeds[3]
		before, objects := g.work, 0
		for _, object := range l.order {
			if slices.ContainsFunc(l.owned[object], func(e Edge) bool { return e.To == gone }) {
				g.Delete(object)
				objects++
			}
		}
		require.Greater(t, objects, 100)
		require.LessOrEqual(t, g.work-before, 30*objects, "%d objects on one Seed among %d Shoots", objects, n)
		require.False(t, g.Reaches(Vertex{KindCloudProfile, "", "aws"}, gone.Name))
	}
}

// TestRelistTakesNoWork: objects that come again unchanged are compared, and the index is left alone.
func TestRelistTakesNoWork(t *testing.T) {
	l := newLandscape(1000)
	g := l.build()
	before := g.work
	for _, object := range l.order {
		g.Set(object, l.owned[object])
	}
	require.Equal(t, before, g.work)
}

// TestManyEdgesOfOneObject: work is in proportion, also for one object with very many edges.
func TestManyEdgesOfOneObject(t *testing.T) {
	g := New(Options{})
	x := shoot("n", "x")
	list := edges(x, seed("a"))
	for i := range 10000 {
		list = append(list, Edge{secret("n", fmt.Sprint(i)), x})
	}
	g.Set(x, list)
	g.Set(x, append(edges(x, seed("b")), list[5000:]...))
	require.Less(t, g.work, 300000)
	require.True(t, g.Reaches(secret("n", "9999"), "b"))
	require.False(t, g.Reaches(secret("n", "9999"), "a"))
	require.False(t, g.Reaches(secret("n", "1"), "a"))
	g.Delete(x)
	require.Empty(t, g.Stats().Vertices)
}

func TestStats(t *testing.T) {
	g := New(Options{})
	x, y := shoot("n", "x"), shoot("n", "y")
	g.Set(x, edges(x, seed("a"), secret("n", "s"), x))
	g.Set(y, edges(y, seed("a"), secret("n", "s"), y))
	g.Set(Vertex{KindManagedSeed, "garden", "m"}, edges(Vertex{KindManagedSeed, "garden", "m"}, shoot("garden", "m")))
	stats := g.Stats()
	require.Equal(t, map[Kind]int{KindShoot: 3, KindSecret: 1, KindSeed: 1, KindManagedSeed: 1}, stats.Vertices)
	require.Equal(t, map[Kind]int{KindShoot: 2, KindSecret: 0, KindSeed: 0, KindManagedSeed: 1}, stats.Objects)
	require.Equal(t, map[[2]Kind]int{
		{KindShoot, KindSeed}: 2, {KindSecret, KindShoot}: 2, {KindManagedSeed, KindShoot}: 1,
	}, stats.Edges)
}

func TestViewIsADirectedGraph(t *testing.T) {
	g := New(Options{})
	x, y := shoot("n", "x"), shoot("n", "y")
	g.Set(x, edges(x, seed("a"), secret("n", "s"), x))
	g.Set(y, edges(y, seed("b"), secret("n", "s"), y, secret("n", "x.monitoring"), y, secret("n", "y.monitoring"), y))
	w := g.View()
	g.Delete(x)
	g.Delete(y)

	var _ gonum.Directed = w
	all := gonum.NodesOf(w.Nodes())
	require.Len(t, all, 2+2+1+2*8, "Seeds, Shoots, one Secret, and what the two Shoots imply or refer to")
	require.Equal(t, len(all), w.Nodes().Len())
	_, err := topo.Sort(w)
	require.NoError(t, err)
	seen := map[int64]bool{}
	for _, n := range all {
		require.False(t, seen[n.ID()])
		seen[n.ID()] = true
		require.Equal(t, n, w.Node(n.ID()))
		found, ok := w.Find(n.(Node).Vertex)
		require.True(t, ok)
		require.Equal(t, n, found)
	}
	// From, To, Edge, HasEdgeFromTo and HasEdgeBetween agree on every pair.
	count := 0
	for _, u := range all {
		for _, v := range all {
			from := containsNode(w.From(u.ID()), v)
			require.Equal(t, from, containsNode(w.To(v.ID()), u), "%v -> %v", u, v)
			require.Equal(t, from, w.HasEdgeFromTo(u.ID(), v.ID()))
			require.Equal(t, from, w.Edge(u.ID(), v.ID()) != nil)
			require.Equal(t, from || w.HasEdgeFromTo(v.ID(), u.ID()), w.HasEdgeBetween(u.ID(), v.ID()))
			if from {
				count++
				require.Equal(t, simple.Edge{F: u, T: v}, w.Edge(u.ID(), v.ID()))
			}
		}
	}
	require.Equal(t, 2+2+1+2*8, count)

	for _, id := range []int64{-1, int64(len(all)), 1 << 20, 1 << 32, 1 << 50} {
		require.Nil(t, w.Node(id), id)
		require.Zero(t, w.From(id).Len())
		require.Zero(t, w.To(id).Len())
		require.False(t, w.HasEdgeFromTo(id, all[0].ID()))
		require.False(t, w.HasEdgeFromTo(all[0].ID(), id))
	}
	explicit, ok := w.Find(secret("n", "x.monitoring"))
	require.True(t, ok)
	require.False(t, explicit.Implied)
	_, ok = w.Find(secret("n", "unheard of"))
	require.False(t, ok)
	_, ok = g.View().Find(x)
	require.False(t, ok)
}

func containsNode(list gonum.Nodes, n gonum.Node) bool {
	for list.Next() {
		if list.Node().ID() == n.ID() {
			return true
		}
	}
	return false
}

func TestDOT(t *testing.T) {
	g := New(Options{})
	hostile := secret("n", "\"]; x -> y // <b>&\n\\")
	g.Set(shoot("n", "x"), edges(shoot("n", "x"), seed("a"), hostile, shoot("n", "x")))
	part := simple.NewDirectedGraph()
	for _, e := range [][2]Vertex{{hostile, shoot("n", "x")}, {shoot("n", "x"), seed("a")}} {
		from, _ := g.View().Find(e[0])
		to, _ := g.View().Find(e[1])
		part.SetEdge(simple.Edge{F: from, T: to})
	}
	text, err := dot.Marshal(part, "seedguard", "", "\t")
	require.NoError(t, err)
	require.Equal(t, `strict digraph seedguard {
	// Node definitions.
	"Shoot/n/x" [style=solid];
	"Seed/a" [
		style=dashed
		shape=box
	];
	"Secret/n/%22%5D%3B%20x%20-%3E%20y%20%2F%2F%20%3Cb%3E&%0A%5C" [style=dashed];

	// Edge definitions.
	"Shoot/n/x" -> "Seed/a";
	"Secret/n/%22%5D%3B%20x%20-%3E%20y%20%2F%2F%20%3Cb%3E&%0A%5C" -> "Shoot/n/x";
}`, string(text))
	text, err = dot.Marshal(g.View(), "", "", "")
	require.NoError(t, err)
	require.Contains(t, string(text), `"Secret/n/x.monitoring" [style=dotted]`)
	require.Equal(t, 1+1+8, strings.Count(string(text), "->"))
}
