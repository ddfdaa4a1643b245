package authorizer_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"k8s.io/apiserver/pkg/authentication/user"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// shootsOf has the Shoot <namespace>/own on each Seed, and a ManagedSeed that the Shoot of s1 backs.
type shootsOf struct{}

func (shootsOf) Get(v graph.Vertex) *garden.Object {
	for _, seed := range []string{"s1", "s2"} {
		if v == own(graph.KindShoot, seed) {
			return &garden.Object{Vertex: v, Facts: garden.ShootFacts{SeedName: seed}}
		}
	}
	return nil
}

func (shootsOf) List(kind graph.Kind) []*garden.Object {
	if kind != graph.KindManagedSeed {
		return nil
	}
	backed := own(graph.KindShoot, "s1")
	return []*garden.Object{{Vertex: graph.Vertex{Kind: kind, Namespace: backed.Namespace, Name: "of-another-name"},
		Facts: garden.ManagedSeedFacts{ShootName: backed.Name}}}
}

func TestKubeconfigs(t *testing.T) {
	registry := prometheus.NewRegistry()
	policy := access.New(shootsOf{}, access.Config{Rules: []access.Rule{
		{Match: access.Match{Seeds: []string{"s1"}}, Levels: access.Levels{Seeds: access.LevelViewer}},
		{Levels: access.Levels{Shoots: access.LevelAdmin}},
	}}, registry)
	a := newAuthorizer(t, authorizer.Options{Access: policy})
	ask := func(who user.Info, verb, subresource, shoot string) authorizer.Explanation {
		request := kauthorizer.AttributesRecord{
			User: who, Verb: verb, APIGroup: "core.gardener.cloud", Resource: "shoots", Subresource: subresource,
			Namespace: "garden-" + shoot, Name: "own", ResourceRequest: true,
		}
		return a.Explain(t.Context(), request)
	}
	for _, c := range []struct {
		who                      user.Info
		verb, subresource, shoot string
		want                     kauthorizer.Decision
		reason                   string
	}{
		{g1, "create", "viewerkubeconfig", "s1", allow, "the client has level viewer in scope seeds by rule 1"},
		{g1, "create", "adminkubeconfig", "s1", none,
			"needs level admin, the client has level viewer in scope seeds by rule 1"},
		{g2, "create", "adminkubeconfig", "s2", allow, "level admin in scope shoots by rule 2"},
		{g2, "create", "viewerkubeconfig", "s2", allow, "level admin in scope shoots by rule 2"},
		{g2, "get", "viewerkubeconfig", "s2", none, "allowed verbs: create"},
		{g2, "create", "adminkubeconfig", "s1", none, "needs a Shoot on the client's Seed"},
		{g2, "create", "adminkubeconfig", "s3", none, "needs a Shoot on the client's Seed"},
		{person(), "create", "adminkubeconfig", "s1", none, "not a seed client"},
	} {
		e := ask(c.who, c.verb, c.subresource, c.shoot)
		require.Equal(t, c.want, e.Decision, "%s %s %s", c.verb, c.subresource, c.shoot)
		require.Contains(t, e.Reason, c.reason)
	}
	require.Equal(t, authorizer.StepLevel, ask(g1, "create", "adminkubeconfig", "s1").Step)
	require.Equal(t, 1, testutil.CollectAndCount(registry, "seedguard_kubeconfig_requests_total"), "below their level")

	// Without a level above none, the subresources are like any other that no rule names.
	for _, options := range []authorizer.Options{{}, {Access: access.New(shootsOf{}, access.Config{}, nil)}} {
		a = newAuthorizer(t, options)
		e := ask(g2, "create", "adminkubeconfig", "s2")
		require.Equal(t, authorizer.StepSubresource, e.Step)
		require.Equal(t, none, e.Decision)
	}
}
