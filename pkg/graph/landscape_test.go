package graph

import (
	"fmt"
	"math/rand/v2"
)

// landscape is a garden of n Shoots on n/200 Seeds (at least 10), 20 Shoots to a Project, each Shoot with the vertices
// and edges that a real one has beside its implied ones: a BackupEntry, a DNS Secret of its own, and what it shares
// with the Project's other Shoots or with all.
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
		entry := Vertex{KindBackupEntry, namespace,
			fmt.Sprintf("shoot--%s--%s--0f5a7ee8-0000-4000-8000-%012d", project, x.Name, i)}
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
