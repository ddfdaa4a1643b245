package graph

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"
	"gonum.org/v1/gonum/graph/traverse"
)

// Short constructors.

func seed(name string) Vertex              { return Vertex{KindSeed, "", name} }
func shoot(namespace, name string) Vertex  { return Vertex{KindShoot, namespace, name} }
func secret(namespace, name string) Vertex { return Vertex{KindSecret, namespace, name} }
func edges(pairs ...Vertex) (list []Edge) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, Edge{pairs[i], pairs[i+1]})
	}
	return list
}

// scopes are the two parent scopes.
var scopes = []ParentScope{ParentScopeSeed, ParentScopeEverything}

// targets are the kinds that an edge from the kind may lead to.
func targets(from Kind) []Kind {
	return slices.DeleteFunc(Kinds(), func(to Kind) bool { return !from.PointsTo(to) })
}

// model is the graph by its definition, in the dumbest way.
type model struct {
	scope   ParentScope
	objects map[Vertex][]Edge
}

func newModel(scope ParentScope) *model { return &model{scope: scope, objects: map[Vertex][]Edge{}} }

// edges returns all edges, those that follow from Shoots' names included.
func (m *model) edges() map[Edge]bool {
	all := map[Edge]bool{}
	for object, owned := range m.objects {
		for _, e := range owned {
			if inKindTable(e) {
				all[e] = true
			}
		}
		if object.Kind == KindShoot && object.Name != "" {
			for kind, suffixes := range map[Kind][]string{
				KindSecret:         {".ca-cluster", ".ssh-keypair", ".ssh-keypair.old", ".monitoring"},
				KindInternalSecret: {".ca-client"},
				KindConfigMap:      {".ca-cluster", ".ca-kubelet"},
				KindShootState:     {""},
			} {
				for _, suffix := range suffixes {
					all[Edge{Vertex{kind, object.Namespace, object.Name + suffix}, object}] = true
				}
			}
		}
	}
	return all
}

func inKindTable(e Edge) bool {
	for _, v := range []Vertex{e.From, e.To} {
		if v.Kind == 0 || int(v.Kind) >= numKinds || v.Kind == KindSeed && v.Namespace != "" {
			return false
		}
	}
	return e.From.Kind.PointsTo(e.To.Kind)
}

// dump prints the model in the form of (*Graph).dump.
func (m *model) dump() string {
	lines := map[string]bool{}
	for object := range m.objects {
		lines[quoted(object)+" object"] = true
	}
	for e := range m.edges() {
		lines[quoted(e.From)+" -> "+quoted(e.To)] = true
	}
	return printLines(lines)
}

// dump prints the graph's view, with names quoted, sorted.
func (g *Graph) dump() string {
	w := g.View()
	lines := map[string]bool{}
	for _, n := range gonum.NodesOf(w.Nodes()) {
		n := n.(Node)
		if n.Object {
			lines[quoted(n.Vertex)+" object"] = true
		}
		for _, to := range gonum.NodesOf(w.From(n.ID())) {
			lines[quoted(n.Vertex)+" -> "+quoted(to.(Node).Vertex)] = true
		}
	}
	return printLines(lines)
}

func quoted(v Vertex) string { return fmt.Sprintf("%s %q %q", v.Kind, v.Namespace, v.Name) }

func printLines(lines map[string]bool) string {
	var sorted []string
	for line := range lines {
		sorted = append(sorted, line)
	}
	slices.Sort(sorted)
	return strings.Join(sorted, "\n")
}

// oracle answers from a plain gonum graph, by searching it depth first.
type oracle struct {
	scope ParentScope
	graph *simple.DirectedGraph
	ids   map[Vertex]int64
	names map[int64]Vertex
}

func (m *model) oracle() *oracle {
	o := &oracle{m.scope, simple.NewDirectedGraph(), map[Vertex]int64{}, map[int64]Vertex{}}
	for e := range m.edges() {
		o.graph.SetEdge(simple.Edge{F: o.node(e.From), T: o.node(e.To)})
	}
	return o
}

func (o *oracle) node(v Vertex) gonum.Node {
	id, ok := o.ids[v]
	if !ok {
		id = int64(len(o.ids))
		o.ids[v], o.names[id] = id, v
		o.graph.AddNode(simple.Node(id))
	}
	return simple.Node(id)
}

// seeds returns the Seeds that a path leads to from v.
func (o *oracle) seeds(v Vertex) map[string]bool {
	found := map[string]bool{}
	search := traverse.DepthFirst{
		Visit: func(n gonum.Node) {
			if v := o.names[n.ID()]; v.Kind == KindSeed && v.Namespace == "" {
				found[v.Name] = true
			}
		},
		Traverse: func(e gonum.Edge) bool {
			from := o.names[e.From().ID()]
			return o.scope == ParentScopeEverything || from.Kind != KindSeed || from == v
		},
	}
	search.Walk(o.graph, o.node(v), nil)
	return found
}

// world makes random objects whose names collide as often as possible.
type world struct {
	*rand.Rand
	universe []Vertex
	seeds    []string
}

func newWorld(random *rand.Rand) *world {
	w := &world{Rand: random, seeds: []string{"a", "b", "c", "d", "e"}}
	for _, name := range w.seeds {
		w.universe = append(w.universe, seed(name))
	}
	for kind := Kind(1); kind.valid(); kind++ {
		if kind == KindSeed {
			continue
		}
		for _, namespace := range []string{"", "n"} {
			for _, name := range []string{"a", "b"} {
				w.universe = append(w.universe, Vertex{kind, namespace, name})
			}
		}
	}
	for _, name := range []string{
		"a.ssh-keypair", "b.monitoring", "a.ssh-keypair.old", ".monitoring", "a.ca-cluster", "a/b",
	} {
		w.universe = append(w.universe,
			Vertex{KindSecret, "n", name}, Vertex{KindConfigMap, "n", name}, Vertex{KindShoot, "n", name})
	}
	w.universe = append(w.universe, Vertex{KindSeed, "n", "a"})
	return w
}

func (w *world) vertex(kind Kind) Vertex {
	for {
		if v := w.universe[w.IntN(len(w.universe))]; kind == 0 || v.Kind == kind {
			return v
		}
	}
}

// edge returns mostly an edge that the kind table has.
func (w *world) edge(object Vertex) Edge {
	if w.IntN(20) == 0 {
		return Edge{w.vertex(0), w.vertex(0)}
	}
	from := object
	if w.IntN(2) == 0 {
		from = w.vertex(0)
	}
	to := targets(from.Kind)
	kind := to[w.IntN(len(to))]
	if object.Kind == kind && w.IntN(2) == 0 {
		return Edge{from, object}
	}
	return Edge{from, w.vertex(kind)}
}

func (w *world) object() (Vertex, []Edge) {
	object := w.vertex(0)
	var list []Edge
	for range w.IntN(6) {
		list = append(list, w.edge(object))
		if w.IntN(4) == 0 {
			list = append(list, list[w.IntN(len(list))])
		}
	}
	return object, list
}

// TestAgainstModel drives the graph and the model with the same random events, and compares all that can be asked.
func TestAgainstModel(t *testing.T) {
	for _, scope := range scopes {
		for run := range 8 {
			t.Run(fmt.Sprintf("%s/%d", scope, run), func(t *testing.T) {
				w := newWorld(rand.New(rand.NewPCG(uint64(run), 1)))
				g, m := New(Options{ParentScope: scope}), newModel(scope)
				for step := range 250 {
					object, list := w.object()
					switch w.IntN(8) {
					case 0, 1, 2:
						g.Delete(object)
						delete(m.objects, object)
					case 3:
						list = m.objects[object] // a heartbeat
						fallthrough
					case 4:
						if _, exists := m.objects[object]; exists { // the same set in another order
							list = slices.Clone(m.objects[object])
							w.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
						}
						fallthrough
					default:
						g.Set(object, list)
						m.objects[object] = list
					}
					g.checkInvariants(t)
					if step%10 == 0 {
						compare(t, w, g, m)
					}
				}
				compareAfresh(t, w, g, m)
				for object := range m.objects {
					g.Delete(object)
					g.checkInvariants(t)
				}
				require.Empty(t, g.dump())
				require.Empty(t, g.Stats().Vertices)
				require.Empty(t, g.Stats().Edges)
			})
		}
	}
}

// compare asks the graph about every vertex and Seed, and lets gonum search for the answer.
func compare(t *testing.T, w *world, g *Graph, m *model) {
	t.Helper()
	require.Equal(t, m.dump(), g.dump())
	o, view, all := m.oracle(), g.View(), m.edges()
	vertices := slices.Clone(w.universe)
	for _, v := range o.names {
		vertices = append(vertices, v)
	}
	vertices = append(vertices, seed("unheard of"), secret("n", "unheard of"), secret("unheard of", "a"))
	for _, v := range vertices {
		_, exists := m.objects[v]
		require.Equal(t, exists, g.HasObject(v), v)
		expected := o.seeds(v)
		require.Len(t, expected, len(g.Seeds(v)), v)
		for _, name := range append(w.seeds, "unheard of") {
			require.Equal(t, expected[name], g.Reaches(v, name), "%s reaches %s", v, name)
			path := view.Path(v, name)
			require.Equal(t, expected[name], path != nil, "path from %s to %s", v, name)
			for i := range path {
				switch i {
				case 0:
					require.Equal(t, v, path[i])
				default:
					require.True(t, all[Edge{path[i-1], path[i]}])
				}
				if i == len(path)-1 {
					require.Equal(t, seed(name), path[i])
				} else if i > 0 && m.scope == ParentScopeSeed {
					require.NotEqual(t, KindSeed, path[i].Kind)
				}
			}
		}
		for _, name := range g.Seeds(v) {
			require.True(t, expected[name], "%s reaches %s", v, name)
		}
	}
}

// compareAfresh builds the same objects in other orders.
func compareAfresh(t *testing.T, w *world, g *Graph, m *model) {
	t.Helper()
	for range 3 {
		fresh := New(Options{ParentScope: m.scope})
		var objects []Vertex
		for object := range m.objects {
			objects = append(objects, object)
		}
		slices.SortFunc(objects, func(a, b Vertex) int { return strings.Compare(quoted(a), quoted(b)) })
		w.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		for _, object := range objects {
			fresh.Set(object, m.objects[object])
			fresh.checkInvariants(t)
		}
		require.Equal(t, fresh.dump(), g.dump())
		require.Equal(t, fresh.Stats().Vertices, g.Stats().Vertices)
		require.Equal(t, fresh.Stats().Objects, g.Stats().Objects)
		require.Equal(t, fresh.Stats().Edges, g.Stats().Edges)
		compare(t, w, fresh, m)
	}
}

// TestKindsAreLayered: apart from the edges that end at a Seed, kinds point one way only. Counting rests on it.
func TestKindsAreLayered(t *testing.T) {
	layers := simple.NewDirectedGraph()
	for from := Kind(1); from.valid(); from++ {
		for _, to := range targets(from) {
			target := int64(to)
			if to == KindSeed {
				target = numKinds // the Seed as the end of a path, as against the start of one
			}
			layers.SetEdge(simple.Edge{F: simple.Node(from), T: simple.Node(target)})
		}
	}
	_, err := topo.Sort(layers)
	require.NoError(t, err)
}

func TestKindTable(t *testing.T) {
	for kind := Kind(1); kind.valid(); kind++ {
		parsed, ok := ParseKind(kind.String())
		require.True(t, ok)
		require.Equal(t, kind, parsed)
		require.NotEmpty(t, targets(kind), "%s points to something", kind)
	}
	_, ok := ParseKind("Kind(0)")
	require.False(t, ok)
	require.Equal(t, "Kind(200)", Kind(200).String())
	require.False(t, Kind(200).Tracked())
	require.True(t, KindShoot.Tracked())
	require.False(t, KindSecret.Tracked())
}

func TestImpliedShoot(t *testing.T) {
	for _, row := range []struct {
		kind     Kind
		name     string
		expected string
	}{
		{KindSecret, "x.ca-cluster", "x"},
		{KindSecret, "x.ssh-keypair", "x"},
		{KindSecret, "x.ssh-keypair.old", "x"},
		{KindSecret, "x.monitoring", "x"},
		{KindSecret, "x.ssh-keypair.monitoring", "x.ssh-keypair"},
		{KindInternalSecret, "x.ca-client", "x"},
		{KindConfigMap, "x.ca-cluster", "x"},
		{KindConfigMap, "x.ca-kubelet", "x"},
		{KindShootState, "x", "x"},
		{KindSecret, "x", ""},
		{KindSecret, ".monitoring", ""},
		{KindSecret, "x.ca-client", ""},
		{KindSecret, "x.ca-kubelet", ""},
		{KindSecret, "x.monitoring.", ""},
		{KindSecret, "x.old", ""},
		{KindConfigMap, "x.monitoring", ""},
		{KindInternalSecret, "x.ca-cluster", ""},
		{KindShootState, "", ""},
		{KindShoot, "x", ""},
		{Kind(200), "x.monitoring", ""},
	} {
		v, ok := ImpliedShoot(Vertex{row.kind, "n", row.name})
		if row.expected == "" {
			require.False(t, ok, row)
			continue
		}
		require.True(t, ok, row)
		require.Equal(t, shoot("n", row.expected), v)
	}
}

// TestNamesReadTwice: a vertex that is referred to counts under a name that a Shoot implies, too, whether that Shoot
// exists or not.
func TestNamesReadTwice(t *testing.T) {
	for _, v := range []Vertex{
		secret("n", "x.monitoring"), secret("", "x.ca-cluster"), {KindConfigMap, "n", "x.ca-kubelet"},
		{KindInternalSecret, "n", "x.ca-client"}, {KindShootState, "n", "x"},
	} {
		g := New(Options{})
		ask := func(byItself, byName bool) {
			t.Helper()
			g.checkInvariants(t)
			require.Equal(t, byItself, g.Reaches(v, "b"), v)
			require.Equal(t, byName, g.Reaches(v, "a"), v)
			require.False(t, g.Reaches(v, "c"), v)
		}
		x, y, z := shoot(v.Namespace, "x"), shoot("m", "y"), shoot("m", "z")
		g.Set(x, edges(x, seed("a")))
		g.Set(z, edges(z, seed("c")))
		ask(false, true)
		g.Set(y, edges(y, seed("b"), v, y))
		ask(true, true)
		g.Delete(x)
		ask(true, false)
		g.Delete(y)
		ask(false, false)
		g.Set(x, edges(x, seed("a")))
		g.Set(y, edges(y, seed("b"), v, y))
		ask(true, true)
		g.Set(y, edges(y, seed("b")))
		ask(false, true)
	}
}

// FuzzNames: two vertices are the same only when kind, namespace and name are, whatever is in them.
func FuzzNames(f *testing.F) {
	f.Add("n", "x", "n/x", "")
	f.Add("n", "x", "n\x00x", "")
	f.Add("", "n/x", "n", "x")
	f.Add("", "", "", "\x00")
	f.Add("n", "x.ssh-keypair", "n", "x")
	f.Add("é", "x", "e\u0301", "x")
	f.Add("n", strings.Repeat("x", 10000), "n", strings.Repeat("x", 9999))
	f.Fuzz(func(t *testing.T, namespace1, name1, namespace2, name2 string) {
		first, second := secret(namespace1, name1), secret(namespace2, name2)
		g := New(Options{})
		for i, v := range []Vertex{first, second} {
			target := shoot("shoots", fmt.Sprint(i))
			g.Set(target, edges(v, target, target, seed(fmt.Sprint(i))))
		}
		for i, v := range []Vertex{first, second} {
			require.True(t, g.Reaches(v, fmt.Sprint(i)))
			// It could be a name that one of the two Shoots implies.
			if implied, ok := ImpliedShoot(v); !ok || implied.Namespace != "shoots" {
				require.Equal(t, first == second, g.Reaches(v, fmt.Sprint(1-i)))
			}
			require.False(t, g.HasObject(v))
			node, ok := g.View().Find(v)
			require.True(t, ok)
			require.Equal(t, v, node.Vertex)
		}
		require.Equal(t, first == second, Node{Vertex: first}.DOTID() == Node{Vertex: second}.DOTID())

		// The same strings as objects and as Seeds.
		g.Set(shoot(namespace1, name1), edges(shoot(namespace1, name1), seed(name2)))
		require.True(t, g.HasObject(shoot(namespace1, name1)))
		require.True(t, g.Reaches(shoot(namespace1, name1), name2))
		require.Equal(t, shoot(namespace1, name1) == shoot(namespace2, name2), g.HasObject(shoot(namespace2, name2)))
		require.Equal(t, namespace2 == "", g.Reaches(Vertex{KindSeed, namespace2, name2}, name2))
		g.checkInvariants(t)
	})
}

func TestObjectsOfNoKindAreLeftOut(t *testing.T) {
	g := New(Options{})
	for _, kind := range []Kind{0, numKinds, 255} {
		g.Set(Vertex{kind, "", "n"}, nil)
		require.False(t, g.HasObject(Vertex{kind, "", "n"}))
		g.Delete(Vertex{kind, "", "n"})
	}
	g.Set(shoot("n", "x"), nil)
	require.False(t, g.HasObject(Vertex{0, "", "n"}), "there is no such kind")
	require.False(t, g.Reaches(Vertex{0, "", "n"}, "a"))
	require.Equal(t, uint64(3), g.Stats().LeftOut)
	require.Equal(t, map[Kind]int{KindShoot: 1}, g.Stats().Vertices)
}

func TestEdgesLeftOutAreCounted(t *testing.T) {
	g := New(Options{})
	x := shoot("n", "x")
	list := edges(
		x, seed("a"),
		x, secret("n", "s"), // the wrong way round
		x, x,
		x, Vertex{KindSeed, "n", "a"},
		seed("a"), seed("b"),
		x, Vertex{200, "n", "a"},
	)
	g.Set(x, list)
	require.Equal(t, uint64(5), g.Stats().LeftOut)
	require.Equal(t, map[[2]Kind]int{{KindShoot, KindSeed}: 1}, g.Stats().Edges)
	g.Set(x, list)
	require.Equal(t, uint64(5), g.Stats().LeftOut, "a heartbeat counts nothing")
	require.False(t, g.Reaches(x, "b"))
}

// TestNumbersAreUsedAgain: what is gone takes no number, so vertices and namespaces do not pile up.
func TestNumbersAreUsedAgain(t *testing.T) {
	g := New(Options{})
	kept := shoot("n", "kept")
	g.Set(kept, edges(kept, seed("a")))
	for i := range 5000 {
		x := shoot(fmt.Sprint("once-only-", i), fmt.Sprint("once-only-", i))
		g.Set(x, edges(x, seed(fmt.Sprint("seed-", i)), x, seed("a"), secret(x.Namespace, "s"), x))
		g.Delete(x)
	}
	g.checkInvariants(t)
	require.LessOrEqual(t, int(g.next), 10)
	require.Equal(t, map[Kind]int{KindShoot: 1, KindSeed: 1}, g.Stats().Vertices)
}

// TestAnEdgeGivenTwice counts twice, and lives until it is given no more.
func TestAnEdgeGivenTwice(t *testing.T) {
	g := New(Options{})
	x, s := shoot("n", "x"), secret("n", "s")
	for _, list := range [][]Edge{
		edges(x, seed("a"), x, seed("a"), s, x, s, x), edges(x, seed("a"), s, x, s, x), edges(s, x, x, seed("a")),
	} {
		g.Set(x, list)
		g.checkInvariants(t)
		require.True(t, g.Reaches(s, "a"))
		counted := g.Stats().Edges
		require.Len(t, list, counted[[2]Kind{KindShoot, KindSeed}]+counted[[2]Kind{KindSecret, KindShoot}])
	}
	g.Set(x, edges(s, x))
	require.False(t, g.Reaches(s, "a"))
}

// TestCallersMemoryIsNotKept: the graph keeps copies, so the caller may do with its list what it likes.
func TestCallersMemoryIsNotKept(t *testing.T) {
	g := New(Options{})
	list := edges(shoot("n", "x"), seed("a"))
	g.Set(shoot("n", "x"), list)
	list[0] = Edge{shoot("n", "x"), seed("b")}
	require.True(t, g.Reaches(shoot("n", "x"), "a"))
	g.Set(shoot("n", "x"), list)
	require.False(t, g.Reaches(shoot("n", "x"), "a"))
	require.True(t, g.Reaches(shoot("n", "x"), "b"))
}
