package benchmarks

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seedguard/seedguard/benchmarks/plain"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// BenchmarkDecision measures one look-up in the graph while nobody writes. The baseline searches.
func BenchmarkDecision(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		g := w.graph
		for _, v := range vertices {
			list := w.ask(v.ask(w))
			b.Run("vertex="+v.name+"/goroutines=1", func(b *testing.B) {
				decide(b, g, list)
			})
			b.Run("vertex="+v.name+"/goroutines=2", func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
				b.ReportAllocs()
				var start atomic.Int64
				b.RunParallel(func(pb *testing.PB) {
					for i := int(start.Add(questions / 2)); pb.Next(); i++ {
						if q := &list[i%questions]; g.Reaches(q.Vertex, q.seed) != q.want {
							b.Error(q)
							return
						}
					}
				})
			})
		}
	})
}

func decide(b *testing.B, g resourceGraph, list []question) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if q := &list[i%questions]; g.Reaches(q.Vertex, q.seed) != q.want {
			b.Fatal(q)
		}
	}
}

// moves are Shoots with their edges on two Seeds.
type move struct {
	shoot    graph.Vertex
	versions [2][]graph.Edge
}

func (w *world) moves(b *testing.B) []move {
	b.Helper()
	var list []move
	for i := 0; i < w.Shoots-1 && len(list) < questions; i++ {
		if !movable(i) {
			continue
		}
		var m move
		for version, seed := range []int{w.SeedOf(i), w.Stranger(i)} {
			m.shoot, m.versions[version] = extract(b, w, i, seed)
		}
		list = append(list, m)
	}
	return list
}

func extract(b *testing.B, w *world, shoot, seed int) (graph.Vertex, []graph.Edge) {
	b.Helper()
	o, err := garden.Extract(w.Shoot(shoot, seed))
	if err != nil {
		b.Fatal(err)
	}
	return o.Vertex, o.Edges()
}

// moveBack puts all Shoots where they were.
func moveBack(g resourceGraph, moves []move) {
	for _, m := range moves {
		g.Set(m.shoot, m.versions[0])
	}
}

// BenchmarkDecisionWhileWriting measures the time of single look-ups (private, implied, and a Namespace missed, in
// turn) by two goroutines, with nobody else at work, with a writer that moves 1,000 Shoots a second, and with one that
// moves Shoots without pause. The clock is read around each, which takes some 50 ns.
func BenchmarkDecisionWhileWriting(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		g := w.graph
		var mixed []question
		hits, shared, misses := w.ask(vertices[0].ask(w)), w.ask(vertices[2].ask(w)), w.ask(vertices[5].ask(w))
		for i := range questions {
			mixed = append(mixed, [][]question{hits, shared, misses}[i%3][i])
		}
		moves := w.moves(b)
		for _, writer := range []string{"quiet", "paced", "unpaused"} {
			b.Run("writer="+writer, func(b *testing.B) {
				stop, moved := make(chan struct{}), 0
				var writing, reading sync.WaitGroup
				if writer != "quiet" {
					writing.Go(func() {
						write(stop, writer == "paced", func() {
							m := &moves[moved%len(moves)]
							g.Set(m.shoot, m.versions[(moved/len(moves)+1)%2])
							moved++
						})
					})
				}
				const readers = 2
				all := make([]*latencies, readers)
				b.ResetTimer()
				for r := range readers {
					all[r] = newLatencies(b.N / readers)
					reading.Go(func() {
						for i := range (b.N + readers - 1) / readers {
							q := &mixed[(i+r*questions/2)%questions]
							start := time.Now()
							answer := g.Reaches(q.Vertex, q.seed)
							all[r].add(time.Since(start))
							if answer != q.want {
								b.Error(q)
								return
							}
						}
					})
				}
				reading.Wait()
				b.StopTimer()
				close(stop)
				writing.Wait()
				report(b, all)
				if writer != "quiet" {
					b.ReportMetric(float64(moved)/b.Elapsed().Seconds(), "moves/s")
				}
				moveBack(g, moves)
			})
		}
	})
}

// write calls change until stop is closed, without pause or 1,000 times a second.
func write(stop <-chan struct{}, paced bool, change func()) {
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for started, changes := time.Now(), 0; ; {
		select {
		case <-stop:
			return
		default:
		}
		// Late ticks are dropped, late changes are not.
		if paced && time.Since(started) < time.Duration(changes)*time.Millisecond {
			<-pace.C
			continue
		}
		change()
		changes++
	}
}

func heartbeat(b *testing.B, g resourceGraph, moves []move) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m := &moves[i*7%len(moves)]
		g.Set(m.shoot, m.versions[0])
	}
}

func moveAll(b *testing.B, g resourceGraph, moves []move) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m := &moves[i*7%len(moves)]
		edges := m.versions[(i/len(moves)+1)%2]
		g.Set(m.shoot, edges)
		if !g.Reaches(m.shoot, edges[0].To.Name) {
			b.Fatal(m.shoot)
		}
	}
	b.StopTimer()
	moveBack(g, moves)
}

// BenchmarkUpdate measures one change of one Shoot: an update that changes no edge, a move to another Seed, and a
// delete and a create.
func BenchmarkUpdate(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		g := w.graph
		moves := w.moves(b)
		b.Run("change=heartbeat", func(b *testing.B) { heartbeat(b, g, moves) })
		b.Run("change=move", func(b *testing.B) { moveAll(b, g, moves) })
		remove := func(list []move) {
			for _, m := range list {
				g.Delete(m.shoot)
			}
		}
		batches := func(b *testing.B, prepare, measured func([]move)) {
			b.ReportAllocs()
			for done := 0; done < b.N; {
				batch := moves[:min(len(moves), 1000, b.N-done)]
				b.StopTimer()
				prepare(batch)
				b.StartTimer()
				measured(batch)
				done += len(batch)
			}
			b.StopTimer()
			moveBack(g, moves)
		}
		create := func(list []move) { moveBack(g, list) }
		b.Run("change=delete", func(b *testing.B) { batches(b, create, remove) })
		b.Run("change=create", func(b *testing.B) { batches(b, remove, create) })
	})
}

// BenchmarkDeleteSeed measures how long it takes when a Seed goes with all that is on it: each object is deleted.
func BenchmarkDeleteSeed(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		g := w.graph
		seed := graph.Vertex{Kind: graph.KindSeed, Name: w.SeedName(1)}
		var on []object
		for _, o := range w.objects {
			for _, e := range o.edges {
				if e.To == seed {
					on = append(on, o)
					break
				}
			}
		}
		lease := graph.Vertex{Kind: graph.KindLease, Namespace: "gardener-system-seed-lease", Name: seed.Name}
		for range b.N {
			for _, o := range on {
				g.Delete(o.Vertex)
			}
			if g.Reaches(lease, seed.Name) {
				b.Fatal("the Seed is still there")
			}
			b.StopTimer()
			for _, o := range on {
				g.Set(o.Vertex, o.edges)
			}
			b.StartTimer()
		}
		b.ReportMetric(float64(len(on)), "objects/op")
	})
}

// BenchmarkColdStart measures how long it takes to build the graph once the objects have arrived, and what it takes of
// the heap. Not counted are the objects themselves, whose strings the baseline shares.
func BenchmarkColdStart(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		before := heap()
		var g resourceGraph
		b.ResetTimer()
		for range b.N {
			g = w.empty()
			w.fill(g)
		}
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/float64(w.Shoots), "B/shoot")
		if q := w.ask(vertices[0].ask(w))[0]; !g.Reaches(q.Vertex, q.seed) {
			b.Fatal(q)
		}
		runtime.KeepAlive(g)
	})
}

// ablations are the plain graph with one thing after the other that pkg/graph does, and pkg/graph, which does all.
var ablations = []struct {
	name string
	new  func() resourceGraph
}{
	{"plain", with(plain.Options{})},
	{"implied", with(plain.Options{Implied: true})},
	{"apart", with(plain.Options{Implied: true, Apart: true})},
	{"compare", with(plain.Options{Implied: true, Apart: true, Compare: true})},
	{"inside", with(plain.Options{Implied: true, Apart: true, Compare: true, Inside: true})},
	{"numbers", func() resourceGraph { return graph.New(graph.Options{}) }},
}

func with(options plain.Options) func() resourceGraph {
	return func() resourceGraph { return plain.New(options) }
}

// BenchmarkAblation measures what budgets are about on each of the ablations, in the largest landscape: decisions,
// changes, how long it takes to build the graph, its heap, and how long a collection of garbage takes longer with it
// than without.
func BenchmarkAblation(b *testing.B) {
	for _, a := range ablations {
		b.Run("graph="+a.name, func(b *testing.B) {
			name := fmt.Sprintf("Ablation/graph=%s", a.name)
			w := worldOf(b, name, largest(b), func() resourceGraph { return nothing{} })
			without, empty := collect()
			g := a.new()
			started := time.Now()
			w.fill(g)
			built := time.Since(started)
			with, full := collect()
			b.Run("what=build", func(b *testing.B) {
				b.ReportMetric(float64(built), "ns/op")
				b.ReportMetric(float64(full-empty)/float64(w.Shoots), "B/shoot")
				b.ReportMetric(float64(with-without), "gc-ns")
			})
			for _, v := range vertices {
				list := w.ask(v.ask(w))
				b.Run("what=decision/vertex="+v.name, func(b *testing.B) { decide(b, g, list) })
			}
			moves := w.moves(b)
			b.Run("what=heartbeat", func(b *testing.B) { heartbeat(b, g, moves) })
			b.Run("what=move", func(b *testing.B) { moveAll(b, g, moves) })
		})
	}
}

// nothing is a graph that keeps nothing.
type nothing struct{ resourceGraph }

func (nothing) Set(graph.Vertex, []graph.Edge) {}

// collect returns how long the garbage collector takes for all that is live, the shortest of some times, and how much
// that is.
func collect() (took time.Duration, live uint64) {
	took = time.Hour
	for range 5 {
		started := time.Now()
		runtime.GC()
		took = min(took, time.Since(started))
	}
	return took, heap()
}

// BenchmarkRelist measures how long the graph takes to be told of every object again, without a change.
func BenchmarkRelist(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		for b.Loop() {
			w.fill(w.graph)
		}
		b.ReportMetric(float64(len(w.objects)), "objects/op")
	})
}
