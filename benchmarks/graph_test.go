package benchmarks

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if q := &list[i%questions]; g.Reaches(q.Vertex, q.seed) != q.want {
						b.Fatal(q)
					}
				}
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

// BenchmarkDecisionWhileWriting measures the time of single look-ups (private, implied, and a Namespace missed, in turn) by two
// goroutines, with nobody else at work and with a writer that moves Shoots without pause. The clock is read around each, which
// takes some 50 ns.
func BenchmarkDecisionWhileWriting(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		g := w.graph
		var mixed []question
		hits, shared, misses := w.ask(vertices[0].ask(w)), w.ask(vertices[2].ask(w)), w.ask(vertices[5].ask(w))
		for i := range questions {
			mixed = append(mixed, [][]question{hits, shared, misses}[i%3][i])
		}
		moves := w.moves(b)
		for _, writer := range []string{"quiet", "moving"} {
			b.Run("writer="+writer, func(b *testing.B) {
				stop, moved := make(chan struct{}), 0
				var writing, reading sync.WaitGroup
				if writer == "moving" {
					writing.Go(func() {
						for i := 1; ; i++ {
							select {
							case <-stop:
								return
							default:
							}
							m := &moves[i%len(moves)]
							g.Set(m.shoot, m.versions[(i/len(moves)+1)%2])
							moved++
						}
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
				if writer == "moving" {
					b.ReportMetric(float64(moved)/b.Elapsed().Seconds(), "moves/s")
				}
				moveBack(g, moves)
			})
		}
	})
}

// BenchmarkUpdate measures one change of one Shoot: an update that changes no edge, a move to another Seed, and a delete and a create.
func BenchmarkUpdate(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		g := w.graph
		moves := w.moves(b)
		b.Run("change=heartbeat", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m := &moves[i*7%len(moves)]
				g.Set(m.shoot, m.versions[0])
			}
		})
		b.Run("change=move", func(b *testing.B) {
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
		})
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

// BenchmarkColdStart measures how long it takes to build the graph once the objects have arrived, and what it takes of the heap.
// Not counted are the objects themselves, whose strings the baseline shares.
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

// BenchmarkRelist measures how long the graph takes to be told of every object again, without a change.
func BenchmarkRelist(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		for b.Loop() {
			w.fill(w.graph)
		}
		b.ReportMetric(float64(len(w.objects)), "objects/op")
	})
}
