package explain

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

func newAuthorizer(t *testing.T, g *graph.Graph) *authorizer.Authorizer {
	t.Helper()
	a, err := authorizer.New(authorizer.Options{Graph: g, References: true})
	require.NoError(t, err)
	return a
}

func about(verb string, v graph.Vertex) Question {
	return Question{
		Verb: verb, Resource: v.Kind.Resource().GroupResource(), Namespace: v.Namespace, Name: v.Name,
	}
}

func TestWhoCan(t *testing.T) {
	g := newGraph(graph.ParentScopeSeed)
	a := newAuthorizer(t, g)
	who := func(q Question) (allowed, others []Answer) {
		return WhoCan(t.Context(), a, []string{"a", "b"}, nil, q)
	}

	allowed, others := who(about("get", secret))
	require.Equal(t, []Answer{{
		Allowed: true, Seeds: []string{"a"}, Clients: []string{"gardenlet", "extension"}, Verbs: []string{"get"},
		Rule: "secrets of gardenlet, extension", Step: authorizer.StepGraph,
		Reason: "secrets: a path leads from the object to the client's Seed",
	}}, allowed)
	require.Len(t, others, 1)
	require.Equal(t, []string{"b"}, others[0].Seeds)
	require.Contains(t, others[0].Reason, "no relationship found")

	allowed, _ = who(about(AllVerbs, secret))
	require.Len(t, allowed, 2)
	require.Equal(t, []string{"create"}, allowed[0].Verbs)
	require.Equal(t, []string{"a", "b"}, allowed[0].Seeds)
	require.Equal(t, []string{"get", "update", "patch", "delete"}, allowed[1].Verbs)
	require.Equal(t, []string{"a"}, allowed[1].Seeds)

	// Gardenlets and extensions have rules of their own.
	allowed, others = who(Question{Verb: "create", Resource: schema.GroupResource{Resource: "serviceaccounts"},
		Subresource: "token", Namespace: "seed-a", Name: "extension-x"})
	require.Len(t, allowed, 1)
	require.Equal(t, []string{"gardenlet"}, allowed[0].Clients)
	require.Equal(t, []string{"a"}, allowed[0].Seeds)
	require.Equal(t, "serviceaccounts of gardenlet", allowed[0].Rule)
	require.Equal(t, authorizer.StepException, allowed[0].Step)
	require.NotEmpty(t, others)

	allowed, others = who(Question{Verb: "get", Resource: schema.GroupResource{Resource: "pods"}, Name: "x"})
	require.Empty(t, allowed)
	require.Len(t, others, 1)
	require.Empty(t, others[0].Rule)
	require.Equal(t, "no rule names this resource", others[0].Reason)
}

// TestWhoCanWithSelectors: lists and watches have the selector that confines them, and say which.
func TestWhoCanWithSelectors(t *testing.T) {
	a := newAuthorizer(t, newGraph(graph.ParentScopeSeed))
	for kind, selector := range map[graph.Kind]string{
		graph.KindShoot:                  "label selector name.seed.gardener.cloud/<seed>=true",
		graph.KindControllerInstallation: "field selector spec.seedRef.name=<seed>",
		graph.KindGardenlet:              "field selector metadata.name=<seed>",
		graph.KindBackupEntry:            "",
	} {
		q := Question{Verb: "list", Resource: kind.Resource().GroupResource()}
		if kind == graph.KindGardenlet {
			q.Namespace = "garden"
		}
		allowed, others := WhoCan(t.Context(), a, []string{"a", "b"}, nil, q)
		require.Len(t, allowed, 1, kind)
		require.Equal(t, selector, allowed[0].Selector)
		require.Equal(t, []string{"a", "b"}, allowed[0].Seeds)
		require.Empty(t, others)
	}
	allowed, _ := WhoCan(t.Context(), a, []string{"a"}, nil, about("list", lonely))
	require.Empty(t, allowed, "Secrets are not listed")
}

// shoots has one Shoot, on the Seed a.
type shoots struct{}

func (shoots) Get(graph.Vertex) *garden.Object {
	return &garden.Object{Vertex: shoot, Facts: garden.ShootFacts{SeedName: "a"}}
}
func (shoots) List(graph.Kind) []*garden.Object { return nil }

// TestWhoCanByLevel: globs of extensions are asked about where levels decide, and nowhere else.
func TestWhoCanByLevel(t *testing.T) {
	viewer := access.Levels{Shoots: access.LevelViewer}
	policy := access.New(shoots{}, access.Config{Rules: []access.Rule{
		{Match: access.Match{Extensions: []string{"provider-*", "[xy]-admin"}}, Levels: viewer},
	}}, nil)
	a, err := authorizer.New(authorizer.Options{Graph: newGraph(graph.ParentScopeSeed), Access: policy})
	require.NoError(t, err)
	q := about("create", shoot)
	q.Subresource = "viewerkubeconfig"
	allowed, others := WhoCan(t.Context(), a, []string{"a", "b"}, policy.Extensions(), q)
	require.Len(t, allowed, 1)
	require.Equal(t, []string{"extension [xy]-admin", "extension provider-*"}, allowed[0].Clients)
	require.Equal(t, []string{"a"}, allowed[0].Seeds)
	require.Equal(t, authorizer.StepLevel, allowed[0].Step)
	require.Contains(t, allowed[0].Reason, "level viewer in scope shoots by rule 1")
	require.Equal(t, []string{"gardenlet", "extension"}, others[0].Clients)

	allowed, _ = WhoCan(t.Context(), a, []string{"a"}, policy.Extensions(), about("get", shoot))
	require.Equal(t, []string{"gardenlet", "extension"}, allowed[0].Clients)
}

// TestWhoCanAgrees: for each row of the table, each Seed, client and verb, what WhoCan puts together is what the
// authorizer answers to the client alone.
func TestWhoCanAgrees(t *testing.T) {
	g := newGraph(graph.ParentScopeSeed)
	child(g)
	a, seeds := newAuthorizer(t, g), []string{"a", "b"}
	for _, rule := range authorizer.Rules() {
		if rule.Kind == 0 {
			continue
		}
		for _, v := range []graph.Vertex{
			vertex(rule.Kind, "ns", "web"), vertex(rule.Kind, "ns", "account"), vertex(rule.Kind, "garden", "b"),
		} {
			if !rule.Namespaced {
				v.Namespace = ""
			}
			allowed, others := WhoCan(t.Context(), a, seeds, nil, about(AllVerbs, v))
			answers := 0
			for _, answer := range slices.Concat(allowed, others) {
				answers += len(answer.Seeds) * len(answer.Clients) * len(answer.Verbs)
				for _, seed := range answer.Seeds {
					for _, verb := range answer.Verbs {
						for _, kind := range answer.Clients {
							c := identity.Client{Kind: identity.Gardenlet, Seed: seed}
							if kind == "extension" {
								c = identity.Client{Kind: identity.Extension, Seed: seed, Extension: "any"}
							}
							want := ask(t.Context(), a, c, verb, about(verb, v))
							require.Equal(t, want.Allowed, answer.Allowed, "%s by %v", about(verb, v), c)
							require.Equal(t, want.Reason, answer.Reason)
						}
					}
				}
			}
			require.Equal(t, len(seeds)*2*8, answers, "each is answered once")
		}
	}
}

func TestSeedsOf(t *testing.T) {
	var some []string
	for i := range 8 {
		some = append(some, fmt.Sprint("s", i))
	}
	for _, c := range []struct {
		seeds []string
		all   int
		want  string
	}{
		{some, 8, "all 8 Seeds"},
		{some[:1], 1, "s0"},
		{some[:6], 8, "s0, s1, s2, s3, s4, s5"},
		{some, 500, "s0, s1, s2, s3, s4 and 3 more (8 of 500)"},
	} {
		require.Equal(t, c.want, (&Answer{Seeds: c.seeds}).SeedsOf(c.all))
	}
}
