package explain

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/graph"
)

func vertex(kind graph.Kind, namespace, name string) graph.Vertex {
	return graph.Vertex{Kind: kind, Namespace: namespace, Name: name}
}

var (
	seedA, seedB = vertex(graph.KindSeed, "", "a"), vertex(graph.KindSeed, "", "b")
	secret       = vertex(graph.KindSecret, "ns", "account")
	binding      = vertex(graph.KindSecretBinding, "ns", "binding")
	shoot        = vertex(graph.KindShoot, "ns", "web")
	lonely       = vertex(graph.KindSecret, "ns", "lonely")
)

// set makes an object that owns the edges between each two vertices in a row.
func set(g *graph.Graph, object graph.Vertex, ends ...graph.Vertex) {
	var edges []graph.Edge
	for i := 0; i < len(ends); i += 2 {
		edges = append(edges, graph.Edge{From: ends[i], To: ends[i+1]})
	}
	g.Set(object, edges)
}

// newGraph returns a graph with the Seeds a and b, and on a a Shoot with its binding and Secret.
func newGraph(scope graph.ParentScope) *graph.Graph {
	g := graph.New(graph.Options{ParentScope: scope})
	set(g, seedA)
	set(g, seedB)
	set(g, binding, secret, binding)
	set(g, shoot, binding, shoot, shoot, seedA)
	return g
}

// child makes Seed b a child of a.
func child(g *graph.Graph) {
	managed, soil := vertex(graph.KindManagedSeed, "garden", "b"), vertex(graph.KindShoot, "garden", "soil")
	set(g, managed, seedB, managed, managed, soil, managed, seedB)
	set(g, soil, soil, seedA)
}

func TestWhyNot(t *testing.T) {
	const (
		unused = "Secret ns/account is referred to by SecretBinding ns/binding, which no Shoot on Seed b uses " +
			"(spec.secretBindingName)"
		elsewhere = "SecretBinding ns/binding is referred to by Shoot ns/web, which names Seed a " +
			"(spec.seedName, status.seedName), not b"
		anything = "; a BackupBucket, ControllerDeployment, CredentialsBinding, Gardenlet, ManagedSeed, SecretBinding, " +
			"Seed, ServiceAccount or Shoot could"
	)
	for name, c := range map[string]struct {
		about graph.Vertex
		seed  string
		more  func(*graph.Graph)
		want  []string
	}{
		"on another Seed": {secret, "b", nil, []string{unused, elsewhere}},
		"binding": {binding, "b", nil,
			[]string{"no Shoot on Seed b uses SecretBinding ns/binding (spec.secretBindingName)", elsewhere}},
		"Shoot": {shoot, "b", nil, []string{"Shoot ns/web names Seed a (spec.seedName, status.seedName), not b"}},
		"Seed that does not exist": {shoot, "c", nil, []string{"Seed c does not exist",
			"Shoot ns/web names Seed a (spec.seedName, status.seedName), not c"}},
		"not scheduled": {shoot, "", func(g *graph.Graph) { set(g, shoot) },
			[]string{"Shoot ns/web names no Seed (spec.seedName, status.seedName)"}},
		"of a Shoot that is not scheduled": {secret, "", func(g *graph.Graph) { set(g, shoot, binding, shoot) }, []string{
			"Secret ns/account is referred to by SecretBinding ns/binding, which no Shoot on any Seed uses " +
				"(spec.secretBindingName)",
			"SecretBinding ns/binding is referred to by Shoot ns/web, which names no Seed " +
				"(spec.seedName, status.seedName)"}},
		"without a Shoot": {secret, "a", func(g *graph.Graph) { g.Delete(shoot) }, []string{
			"Secret ns/account is referred to by SecretBinding ns/binding, which no object refers to; a Shoot could"}},
		"nothing refers to it": {lonely, "a", nil, []string{"no object refers to Secret ns/lonely" + anything}},
		"Shoot does not exist": {vertex(graph.KindShoot, "ns", "x"), "a", nil, []string{"Shoot ns/x does not exist"}},
		"object does not exist": {vertex(graph.KindSecretBinding, "ns", "x"), "a", nil, []string{
			"SecretBinding ns/x does not exist, and no object refers to it; a Shoot could"}},
		"its Shoot is elsewhere": {vertex(graph.KindSecret, "ns", "web.ssh-keypair"), "b", nil, []string{
			"Secret ns/web.ssh-keypair belongs by its name to Shoot ns/web, which names Seed a " +
				"(spec.seedName, status.seedName), not b"}},
		"its Shoot does not exist": {vertex(graph.KindSecret, "ns", "x.monitoring"), "a", nil, []string{
			"Secret ns/x.monitoring would belong by its name to Shoot ns/x, which does not exist, and no object refers to it" +
				anything}},
		"a binding does not exist": {lonely, "a", func(g *graph.Graph) {
			set(g, shoot, binding, shoot, vertex(graph.KindCredentialsBinding, "ns", "gone"), shoot, shoot, seedA)
		}, []string{"CredentialsBinding ns/gone is referred to by Shoot ns/web on Seed a, and does not exist",
			"no object refers to Secret ns/lonely" + anything}},
		"a Shoot does not exist": {vertex(graph.KindBackupEntry, "ns", "e"), "b", func(g *graph.Graph) {
			e := vertex(graph.KindBackupEntry, "ns", "e")
			set(g, e, e, seedA, e, vertex(graph.KindShoot, "ns", "gone"))
		}, []string{"BackupEntry ns/e names Seed a (spec.seedName, status.seedName), not b",
			"BackupEntry ns/e refers to Shoot ns/gone, which does not exist"}},
		"installed elsewhere": {vertex(graph.KindControllerInstallation, "", "i"), "b", func(g *graph.Graph) {
			i := vertex(graph.KindControllerInstallation, "", "i")
			set(g, i, i, seedA)
		}, []string{"ControllerInstallation i names Seed a (spec.seedRef), not b"}},
		"a Seed's own": {vertex(graph.KindSecret, "garden", "backup"), "b", func(g *graph.Graph) {
			set(g, seedA, vertex(graph.KindSecret, "garden", "backup"), seedA)
		}, []string{"Seed b does not use Secret garden/backup (spec.backup.credentialsRef, " +
			"spec.dns.provider.credentialsRef, spec.dns.internal.credentialsRef and 2 more)"}},
		"two ways on": {vertex(graph.KindBackupBucket, "", "bucket"), "b", func(g *graph.Graph) {
			bucket, entry := vertex(graph.KindBackupBucket, "", "bucket"), vertex(graph.KindBackupEntry, "ns", "entry")
			set(g, bucket, bucket, seedA)
			set(g, entry, bucket, entry, entry, shoot)
		}, []string{
			"BackupBucket bucket names Seed a (spec.seedName), not b, and no BackupEntry on Seed b uses it " +
				"(spec.bucketName)",
			"BackupEntry ns/entry refers to Shoot ns/web, which names Seed a (spec.seedName, status.seedName), not b"}},
		"on a child of the Seed": {shoot, "a", func(g *graph.Graph) {
			child(g)
			set(g, shoot, shoot, seedB)
		}, []string{"Shoot ns/web names Seed b (spec.seedName, status.seedName), not a",
			"Seed b is a child of Seed a, whose clients reach what is on it with parentScope Everything alone"}},
		"Seed of no ManagedSeed": {seedB, "a", nil, []string{"no object refers to Seed b; a ManagedSeed could"}},
		"parent": {seedA, "b", child,
			[]string{"no object refers to Seed a; a ManagedSeed could"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGraph(graph.ParentScopeSeed)
			if c.more != nil {
				c.more(g)
			}
			gaps, more := WhyNot(g.View(), c.about, c.seed)
			var says []string
			for _, gap := range gaps {
				says = append(says, gap.Says)
			}
			require.Equal(t, c.want, says)
			require.False(t, more)
		})
	}
}

// TestWhyNotForPrograms: the way to a gap, and the fields by which it could be closed.
func TestWhyNotForPrograms(t *testing.T) {
	gaps, _ := WhyNot(newGraph(graph.ParentScopeSeed).View(), secret, "b")
	require.Equal(t, []graph.Vertex{secret, binding}, gaps[0].Way)
	require.Equal(t, []Field{{"Shoot", "spec.secretBindingName"}}, gaps[0].Fields)
	require.Equal(t, []graph.Vertex{secret, binding, shoot}, gaps[1].Way)
	require.Equal(t, []Field{{"Shoot", "spec.seedName"}, {"Shoot", "status.seedName"}}, gaps[1].Fields)
}

// TestWhyNotIsBounded: whatever refers to an object, the answer is short.
func TestWhyNotIsBounded(t *testing.T) {
	g, profile := newGraph(graph.ParentScopeSeed), vertex(graph.KindCloudProfile, "", "aws")
	for i := range 1000 {
		other := vertex(graph.KindShoot, "ns", string(rune('a'+i%26))+string(rune('a'+i/26)))
		set(g, other, profile, other, other, seedA)
	}
	gaps, more := WhyNot(g.View(), profile, "b")
	require.Len(t, gaps, maxGaps)
	require.True(t, more)
	require.Equal(t, "no Shoot on Seed b uses CloudProfile aws (spec.cloudProfile)", gaps[0].Says)
	require.Equal(t,
		"CloudProfile aws is referred to by Shoot ns/aa, which names Seed a (spec.seedName, status.seedName), not b",
		gaps[1].Says)
}
