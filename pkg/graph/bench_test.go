package graph

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// landscape is a garden of n Shoots on n/200 Seeds (at least 10), 20 Shoots to a Project, each Shoot with the vertices and
// edges that a real one has beside its implied ones: a BackupEntry, a DNS Secret of its own, and what it shares with
// the Project's other Shoots or with all.
type landscape struct {
	seeds, shoots []Vertex
	owned         map[Vertex][]Edge
	order         []Vertex
}

func newLandscape(n int) *landscape {
	random := rand.New(rand.NewPCG(1, 2))
	l := &landscape{owned: map[Vertex][]Edge{}}
	set := func(object Vertex, list []Edge) {
		l.owned[object] = list
		l.order = append(l.order, object)
	}
	for i := range max(10, n/200) {
		s := seed(fmt.Sprintf("aws-eu%d", i))
		l.seeds = append(l.seeds, s)
		set(s, edges(
			Vertex{KindNamespace, "", "seed-" + s.Name}, s,
			Vertex{KindConfigMap, "kube-system", "cluster-identity"}, s,
			Vertex{KindLease, "gardener-system-seed-lease", s.Name}, s,
			secret("garden", "backup-"+s.Name), s,
		))
		bucket := Vertex{KindBackupBucket, "", fmt.Sprintf("7ee8b5a0-0000-4000-8000-%012d", i)}
		set(bucket, edges(secret("garden", "backup-"+s.Name), bucket, bucket, s))
	}
	set(seed("empty"), edges(Vertex{KindLease, "gardener-system-seed-lease", "empty"}, seed("empty"))) // no Shoot is on it
	for i := range n {
		project := fmt.Sprintf("prj%05d", i/20)
		namespace := "garden-" + project
		x := shoot(namespace, fmt.Sprintf("shoot%06d", i))
		at := random.IntN(len(l.seeds))
		s := l.seeds[at]
		binding := Vertex{KindCredentialsBinding, namespace, "cloud-credentials"}
		if i%20 == 0 {
			set(Vertex{KindProject, "", project}, edges(Vertex{KindProject, "", project}, Vertex{KindNamespace, "", namespace}))
			set(binding, edges(secret(namespace, "cloud-credentials"), binding))
		}
		l.shoots = append(l.shoots, x)
		set(x, l.shootEdges(x, s))
		bucket := Vertex{KindBackupBucket, "", fmt.Sprintf("7ee8b5a0-0000-4000-8000-%012d", at)}
		entry := Vertex{KindBackupEntry, namespace, fmt.Sprintf("shoot--%s--%s--0f5a7ee8-0000-4000-8000-%012d", project, x.Name, i)}
		set(entry, edges(bucket, entry, entry, s, entry, s, entry, x))
	}
	return l
}

func (l *landscape) shootEdges(x, s Vertex) []Edge {
	return edges(
		x, s, x, s,
		Vertex{KindNamespace, "", x.Namespace}, x,
		Vertex{KindCredentialsBinding, x.Namespace, "cloud-credentials"}, x,
		Vertex{KindCloudProfile, "", "aws"}, x,
		Vertex{KindExposureClass, "", "internet"}, x,
		Vertex{KindConfigMap, x.Namespace, "audit-policy"}, x,
		secret(x.Namespace, x.Name+"-dns"), x,
	)
}

func (l *landscape) build() *Graph {
	g := New(Options{})
	for _, object := range l.order {
		g.Set(object, l.owned[object])
	}
	return g
}

// BenchmarkGraph measures decisions and changes at several sizes, in random order so that the processor's caches help no
// more than they would in production. The memory of the graph per Shoot is reported with Build. Left out: the caller's work.
//
//	go test -run '^$' -bench Graph ./pkg/graph
func BenchmarkGraph(b *testing.B) {
	for _, n := range []int{1000, 10000, 100000} {
		l := newLandscape(n)
		g := l.build()
		b.Run(fmt.Sprintf("shoots=%d", n), func(b *testing.B) { l.run(b, g) })
	}
}

func (l *landscape) run(b *testing.B, g *Graph) {
	random := rand.New(rand.NewPCG(3, 4))
	const questions = 1 << 15
	type question struct {
		v    Vertex
		seed string
	}
	// ask asks the questions made from random Shoots; all have the same answer.
	ask := func(name string, want bool, make func(x Vertex, own, other string) question) {
		list := []question{}
		for range questions {
			x := l.shoots[random.IntN(len(l.shoots))]
			own := l.owned[x][0].To.Name
			other := own
			for other == own {
				other = l.seeds[random.IntN(len(l.seeds))].Name
			}
			q := make(x, own, other)
			// The strings of a request have just been read: they are in the cache, unlike the graph's.
			q.v.Namespace, q.v.Name, q.seed = strings.Clone(q.v.Namespace), strings.Clone(q.v.Name), strings.Clone(q.seed)
			list = append(list, q)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if q := &list[i%questions]; g.Reaches(q.v, q.seed) != want {
					b.Fatal(q)
				}
			}
		})
	}
	ask("Reaches/private/hit", true, func(x Vertex, own, _ string) question { return question{x, own} })
	ask("Reaches/private/miss", false, func(x Vertex, _, other string) question { return question{x, other} })
	ask("Reaches/secret/hit", true, func(x Vertex, own, _ string) question {
		return question{secret(x.Namespace, x.Name+"-dns"), own}
	})
	ask("Reaches/implied/hit", true, func(x Vertex, own, _ string) question {
		return question{secret(x.Namespace, x.Name+".ssh-keypair"), own}
	})
	ask("Reaches/implied/miss", false, func(x Vertex, _, other string) question {
		return question{secret(x.Namespace, x.Name+".monitoring"), other}
	})
	ask("Reaches/absent", false, func(x Vertex, own, _ string) question {
		return question{secret(x.Namespace, x.Name+"-none"), own}
	})
	ask("Reaches/namespace/hit", true, func(x Vertex, own, _ string) question {
		return question{Vertex{KindNamespace, "", x.Namespace}, own}
	})
	ask("Reaches/cloudprofile/hit", true, func(_ Vertex, own, _ string) question {
		return question{Vertex{KindCloudProfile, "", "aws"}, own}
	})
	ask("Reaches/cloudprofile/miss", false, func(_ Vertex, _, _ string) question {
		return question{Vertex{KindCloudProfile, "", "aws"}, "empty"}
	})
	ask("Reaches/clusteridentity/hit", true, func(_ Vertex, own, _ string) question {
		return question{Vertex{KindConfigMap, "kube-system", "cluster-identity"}, own}
	})
	// As with the questions: what is set has just been read.
	type object struct {
		vertex Vertex
		edges  []Edge
	}
	objects := []object{}
	for range questions {
		x := l.shoots[random.IntN(len(l.shoots))]
		x.Namespace, x.Name = strings.Clone(x.Namespace), strings.Clone(x.Name)
		objects = append(objects, object{x, l.shootEdges(x, l.owned[x][0].To)})
	}
	b.Run("Heartbeat", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			o := &objects[i%questions]
			g.Set(o.vertex, o.edges)
		}
	})
	b.Run("Move", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			o, s := &objects[i%questions], l.seeds[random.IntN(len(l.seeds))]
			o.edges[0].To, o.edges[1].To = s, s
			g.Set(o.vertex, o.edges)
			if !g.Reaches(o.vertex, s.Name) {
				b.Fatal(o.vertex, s)
			}
		}
	})
	b.Run("DeleteAndCreate", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			o := &objects[i%questions]
			g.Delete(o.vertex)
			g.Set(o.vertex, o.edges)
		}
	})
	b.Run("View", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			g.View()
		}
	})
	b.Run("Compact", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			g.compact()
		}
	})
	b.Run("Build", func(b *testing.B) {
		before := heap()
		var built *Graph
		for b.Loop() {
			built = l.build()
		}
		b.ReportMetric(float64(heap()-before)/float64(len(l.shoots)), "B/shoot")
		b.ReportMetric(float64(built.Stats().Bytes)/float64(len(l.shoots)), "counted-B/shoot")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(l.shoots)), "ns/shoot")
		runtime.KeepAlive(built)
	})
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
