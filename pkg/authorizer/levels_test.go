package authorizer_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

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
		Facts: garden.SeedFacts{ShootName: backed.Name}}}
}

func TestKubeconfigs(t *testing.T) {
	registry := prometheus.NewRegistry()
	policy := access.New(shootsOf{}, access.Config{Rules: []access.Rule{
		{Match: access.Match{Seeds: []string{"s1"}}, Levels: access.Levels{Seeds: access.LevelViewer}},
		{Levels: access.Levels{Shoots: access.LevelAdmin}},
	}}, registry)
	a := newAuthorizer(t, authorizer.Options{Access: policy})
	strict := newAuthorizer(t, authorizer.Options{Access: policy, Mode: authorizer.ModeDeny})
	kubeconfig := func(level, seed string) request {
		return on("create", shoots+"/"+level+"kubeconfig", "garden-"+seed+"/own")
	}
	for _, c := range []struct {
		row
		reason string
	}{
		{row{allow, g1, kubeconfig("viewer", "s1")}, "the client has level viewer in scope seeds by rule 1"},
		{row{none, g1, kubeconfig("admin", "s1")},
			"needs level admin, the client has level viewer in scope seeds by rule 1"},
		{row{allow, g2, kubeconfig("admin", "s2")}, "level admin in scope shoots by rule 2"},
		{row{allow, g2, kubeconfig("viewer", "s2")}, "level admin in scope shoots by rule 2"},
		{row{none, g2, on("get", shoots+"/viewerkubeconfig", "garden-s2/own")}, "allowed verbs: create"},
		{row{none, g2, kubeconfig("admin", "s1")}, "needs a Shoot on the client's Seed"},
		{row{none, g2, kubeconfig("admin", "s3")}, "needs a Shoot on the client's Seed"},
		{row{none, person(), kubeconfig("admin", "s1")}, "not a seed client"},
	} {
		c.User = c.who
		e := a.Explain(t.Context(), c.request)
		require.Equal(t, c.want, e.Decision, describe(c.request))
		require.Contains(t, e.Reason, c.reason)
		if e.Rule == nil {
			continue
		}
		require.Equal(t, authorizer.StepLevel, e.Step)
		if c.want == none {
			c.want = deny
		}
		decision, _, _ := strict.Authorize(t.Context(), c.request)
		require.Equal(t, c.want, decision, describe(c.request))
	}
	require.Equal(t, 1, testutil.CollectAndCount(registry, "seedguard_kubeconfig_requests_total"), "below their level")

	// Without a level above none, the subresources are like any other that no rule names.
	for _, options := range []authorizer.Options{{}, {Access: access.New(shootsOf{}, access.Config{}, nil)}} {
		r := kubeconfig("admin", "s2")
		r.User = g2
		e := newAuthorizer(t, options).Explain(t.Context(), r)
		require.Equal(t, authorizer.StepSubresource, e.Step)
		require.Equal(t, none, e.Decision)
	}
}
