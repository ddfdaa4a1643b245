package benchmarks

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/benchmarks/baseline"
	"github.com/seedguard/seedguard/benchmarks/landscape"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// sizeList is what the benchmarks run on, smallest first.
var sizeList = flag.String("shoots", "1000,10000,100000", "landscape sizes, smallest first")

func TestMain(m *testing.M) {
	if kubeconfig := os.Getenv(baselineKubeconfig); kubeconfig != "" {
		if err := runBaseline(kubeconfig); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	klog.SetLogger(klog.New(nil)) // silent
	os.Exit(m.Run())
}

func sizes(b *testing.B) (list []int) {
	b.Helper()
	for word := range strings.SplitSeq(*sizeList, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}

func largest(b *testing.B) int {
	b.Helper()
	list := sizes(b)
	return list[len(list)-1]
}

// resourceGraph is what seedguard's graph and the baseline have in common.
type resourceGraph interface {
	Set(graph.Vertex, []graph.Edge)
	Delete(graph.Vertex)
	Reaches(graph.Vertex, string) bool
	HasObject(graph.Vertex) bool
}

// implementations are the graphs to compare.
var implementations = []struct {
	name string
	new  func() resourceGraph
}{
	{"seedguard", func() resourceGraph { return graph.New(graph.Options{}) }},
	{"baseline", func() resourceGraph { return baseline.NewGraph() }},
}

// world is a landscape with one of the graphs built on it. Benchmarks that change the graph leave it as they found it.
type world struct {
	*landscape.Landscape
	objects []object
	graph   resourceGraph
	empty   func() resourceGraph
}

// object is an object with the edges that it owns.
type object struct {
	graph.Vertex
	edges []graph.Edge
}

// latest is the world made last. No other is kept, so that the garbage collector has no other to mark: the testing
// package collects before each benchmark.
var latest struct {
	sync.Mutex
	name  string
	world *world
}

func worldOf(b *testing.B, name string, shoots int, empty func() resourceGraph) *world {
	b.Helper()
	latest.Lock()
	defer latest.Unlock()
	if latest.name == name {
		return latest.world
	}
	latest.world = nil
	w := &world{Landscape: landscape.New(landscape.Options{Shoots: shoots}), graph: empty(), empty: empty}
	for o := range w.Objects() {
		extracted, err := garden.Extract(o)
		if err != nil {
			b.Fatal(err)
		}
		if edges := extracted.Edges(); len(edges) > 0 || extracted.Kind.Tracked() { // nothing else reaches the graph
			w.objects = append(w.objects, object{extracted.Vertex, edges})
		}
	}
	w.fill(w.graph)
	latest.name, latest.world = name, w
	return w
}

func (w *world) fill(g resourceGraph) {
	for _, o := range w.objects {
		g.Set(o.Vertex, o.edges)
	}
}

// each runs a benchmark at each size with each graph.
func each(b *testing.B, run func(b *testing.B, w *world)) {
	for _, n := range sizes(b) {
		for _, implementation := range implementations {
			name := fmt.Sprintf("shoots=%d/impl=%s", n, implementation.name)
			b.Run(name, func(b *testing.B) { run(b, worldOf(b, name, n, implementation.new)) })
		}
	}
}

// question is one for a graph with the answer.
type question struct {
	graph.Vertex
	seed string
	want bool
}

// questions are as many as it takes for the processor's caches to help no more than in production.
const questions = 1 << 14

// ask makes questions about random Shoots of Projects whose Shoots no benchmark moves.
func (w *world) ask(make func(shoot int, own, stranger string) question) []question {
	random := rand.New(rand.NewPCG(3, 4))
	list := []question{}
	for range questions {
		i := random.IntN(w.Shoots)
		if movable(i) {
			i = (i + 20) % w.Shoots
		}
		if movable(i) {
			i = 0
		}
		q := make(i, w.SeedName(w.SeedOf(i)), w.SeedName(w.Stranger(i)))
		// The strings of a request have just been read: they are in the cache, unlike the graph's.
		q.Namespace, q.Name, q.seed = strings.Clone(q.Namespace), strings.Clone(q.Name), strings.Clone(q.seed)
		list = append(list, q)
	}
	return list
}

// movable: the Shoots of every second Project are those that benchmarks move.
func movable(shoot int) bool { return shoot/20%2 == 1 }

// vertices are the kinds of vertices that decisions are about.
var vertices = []struct {
	name string
	ask  func(w *world) func(i int, own, stranger string) question
}{
	{"private/answer=hit", func(w *world) func(int, string, string) question {
		return func(i int, own, _ string) question { return question{w.DNSSecret(i), own, true} }
	}},
	{"private/answer=miss", func(w *world) func(int, string, string) question {
		return func(i int, _, stranger string) question { return question{w.DNSSecret(i), stranger, false} }
	}},
	{"implied/answer=hit", func(w *world) func(int, string, string) question {
		return func(i int, own, _ string) question { return question{implied(w, i), own, true} }
	}},
	{"implied/answer=miss", func(w *world) func(int, string, string) question {
		return func(i int, _, stranger string) question { return question{implied(w, i), stranger, false} }
	}},
	{"namespace/answer=hit", func(w *world) func(int, string, string) question {
		return func(i int, own, _ string) question { return question{namespace(w, i), own, true} }
	}},
	{"namespace/answer=miss", func(w *world) func(int, string, string) question {
		return func(i int, _, stranger string) question { return question{namespace(w, i), stranger, false} }
	}},
	{"cloudprofile/answer=hit", func(w *world) func(int, string, string) question {
		return func(i int, own, _ string) question {
			if w.SeedOf(i) == w.Seeds-1 { // the one on another cloud
				own = w.SeedName(0)
			}
			return question{graph.Vertex{Kind: graph.KindCloudProfile, Name: landscape.CloudProfile}, own, true}
		}
	}},
	{"cloudprofile/answer=miss", func(w *world) func(int, string, string) question {
		return func(int, string, string) question {
			return question{graph.Vertex{Kind: graph.KindCloudProfile, Name: landscape.CloudProfile}, w.SeedName(w.Seeds - 1),
				false}
		}
	}},
	{"cluster-identity/answer=hit", func(*world) func(int, string, string) question {
		return func(_ int, own, _ string) question { return question{clusterIdentity, own, true} }
	}},
	{"cluster-identity/answer=miss", func(*world) func(int, string, string) question {
		return func(int, string, string) question { return question{clusterIdentity, "no-such-seed", false} }
	}},
	{"absent/answer=miss", func(w *world) func(int, string, string) question {
		return func(i int, own, _ string) question {
			x := w.ShootVertex(i)
			return question{graph.Vertex{Kind: graph.KindSecret, Namespace: x.Namespace, Name: x.Name + "-none"}, own, false}
		}
	}},
}

var clusterIdentity = graph.Vertex{Kind: graph.KindConfigMap, Namespace: "kube-system", Name: "cluster-identity"}

func implied(w *world, i int) graph.Vertex {
	x := w.ShootVertex(i)
	return graph.Vertex{Kind: graph.KindSecret, Namespace: x.Namespace, Name: x.Name + ".ssh-keypair"}
}

func namespace(w *world, i int) graph.Vertex {
	return graph.Vertex{Kind: graph.KindNamespace, Name: w.ShootVertex(i).Namespace}
}

// latencies are samples, of many goroutines once merged.
type latencies struct {
	samples []time.Duration
	stride  int
	seen    int
}

// maxSamples bounds what one goroutine keeps.
const maxSamples = 1 << 18

func newLatencies(expected int) *latencies {
	return &latencies{stride: expected/maxSamples + 1}
}

func (l *latencies) add(d time.Duration) {
	if l.seen++; l.seen%l.stride == 0 {
		l.samples = append(l.samples, d)
	}
}

// report reports percentiles of what all goroutines saw.
func report(b *testing.B, all []*latencies) {
	var merged []time.Duration
	for _, l := range all {
		merged = append(merged, l.samples...)
	}
	if len(merged) == 0 {
		return
	}
	slices.Sort(merged)
	for _, p := range []struct {
		unit string
		at   float64
	}{{"p50-ns", 0.5}, {"p99-ns", 0.99}, {"p99.9-ns", 0.999}} {
		b.ReportMetric(float64(merged[int(p.at*float64(len(merged)-1))]), p.unit)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
