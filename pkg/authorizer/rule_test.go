package authorizer

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

func TestTableIsValid(t *testing.T) {
	_, err := build(Rules())
	require.NoError(t, err)
	// The rows of a resource are in one place.
	require.True(t, slices.IsSortedFunc(table, func(a, b Rule) int {
		return strings.Compare(a.Resource.Resource, b.Resource.Resource)
	}))
}

// TestBuildFails: a row that says something else than it seems to say does not get into the table.
func TestBuildFails(t *testing.T) {
	for _, c := range []struct {
		about, err string
		change     func(*Rule)
	}{
		{"no resource", "no resource or no version", func(r *Rule) { r.Resource.Resource = "" }},
		{"no version", "no resource or no version", func(r *Rule) { r.Version = "" }},
		{"no client", "for no client", func(r *Rule) { r.Clients = nil }},
		{"unknown client", "no client of kind 7", func(r *Rule) { r.Clients = []identity.ClientKind{7} }},
		{"the client that is none", "no client of kind 0", func(r *Rule) { r.Clients = []identity.ClientKind{0} }},
		{"a client twice", "two rules for things.example.org of gardenlet", func(r *Rule) {
			r.Clients = []identity.ClientKind{identity.Gardenlet, identity.Gardenlet}
		}},
		{"nothing allowed", "allows nothing", func(r *Rule) {
			r.Always, r.ViaGraph, r.Selector, r.Exceptions = nil, 0, Selector{}, nil
		}},
		{"a verb allowed twice", `"create" is allowed both`, func(r *Rule) { r.ViaGraph |= Create }},
		{"a verb granted twice", `grants "create" twice`, func(r *Rule) { r.Always = append(r.Always, admitted(Create)) }},
		{"an empty grant", "grants no verb", func(r *Rule) { r.Always = append(r.Always, Grant{}) }},
		{"all verbs, always", "names no verbs, but all", func(r *Rule) {
			r.Always, r.ViaGraph, r.Selector = []Grant{unguarded(AnyVerb, "x")}, 0, Selector{}
		}},
		{"all verbs by the graph", "names no verbs, but all", func(r *Rule) { r.Always, r.ViaGraph = nil, AnyVerb }},
		{"a graph without the kind", "graph does not know", func(r *Rule) { r.Kind = noKind }},
		{"reads that are admitted", `guard "get"`, func(r *Rule) {
			r.Always, r.ViaGraph = []Grant{admitted(Create | Get)}, List
		}},
		{"a subresource twice", "is there twice", func(r *Rule) { r.Subresources = []string{"status", "x", "status"} }},
		{"a subresource without a name", "has no name", func(r *Rule) { r.Subresources = []string{""} }},
		{"two selectors", "on a field and on a label", func(r *Rule) {
			r.Selector = Selector{Field: "a", Label: exactly("b")}
		}},
		{"a selector without a list", "selector is for a list", func(r *Rule) { r.ViaGraph = Get }},
		{"updates confined that are not allowed", "confines updates", func(r *Rule) {
			r.OnlyOwn = []string{"status"}
		}},
		{"a subresource confined that is not allowed", `subresource "scale"`, func(r *Rule) {
			r.ViaGraph |= Update
			r.NotOwn = []string{"", "scale"}
		}},
		{"namespaces of a cluster-scoped resource", "no namespaces", func(r *Rule) {
			r.Namespaced, r.Exceptions, r.Namespaces = false, nil, []Pattern{exactly("x")}
		}},
		{"an exception without a verb", "no verb", func(r *Rule) { r.Exceptions[0].Verbs = 0 }},
		{"an exception without a reason", "does not say why", func(r *Rule) { r.Exceptions[0].Why = "" }},
		{"an exception without a namespace", "none where there is one", func(r *Rule) {
			r.Exceptions[0].Namespace = Pattern{}
		}},
		{"an exception with a namespace of a cluster-scoped resource", "where there is none", func(r *Rule) {
			r.Namespaced = false
		}},
		{"an exception without a name", "no name", func(r *Rule) { r.Exceptions[0].Name = Pattern{} }},
	} {
		t.Run(c.about, func(t *testing.T) {
			rule := Rule{
				Target:  Target{schema.GroupResource{Group: "example.org", Resource: "things"}, "v1", graph.KindSecret, true},
				Clients: gardenlet, Always: []Grant{admitted(Create)}, ViaGraph: Get | List, Subresources: []string{"status"},
				Selector:   seedLabel,
				Exceptions: []Exception{{Verbs: Get, Namespace: seedNamespace, Name: anyName, Why: "x"}},
			}
			_, err := build([]Rule{rule})
			require.NoError(t, err)
			c.change(&rule)
			_, err = build([]Rule{rule})
			require.ErrorContains(t, err, c.err)
		})
	}
	_, err := build([]Rule{table[0], table[0]})
	require.ErrorContains(t, err, "two rules for backupbuckets.core.gardener.cloud of gardenlet")
}

func TestVerbs(t *testing.T) {
	for i, name := range verbNames {
		require.Equal(t, []string{name}, verbOf(name).Names())
		require.Equal(t, i, verbOf(name).index())
	}
	for _, other := range []string{"", "*", "GET", "bind", "proxy", "get "} {
		require.Equal(t, otherVerb, verbOf(other), other)
		require.NotZero(t, AnyVerb&verbOf(other), other)
	}
	require.Equal(t, "*", AnyVerb.String())
	require.Equal(t, "create delete", (Delete | Create).String())
	require.Empty(t, Verbs(0).Names())
}

func TestPatterns(t *testing.T) {
	const id = "4c40cb" // of garden/a
	for _, c := range []struct {
		pattern Pattern
		name    string
		matches []string
		not     []string
	}{
		{exactly("x"), "x", []string{"x"}, []string{"", "xx", "X", "xa"}},
		{Pattern{}, "", []string{""}, []string{"x"}},
		{anyName, "*", []string{"", "x", "a/b"}, nil},
		{Pattern{"x-", Anything}, "x-*", []string{"x-", "x-y"}, []string{"x", "", "yx-"}},
		{seedNamespace, "seed-<seed>", []string{"seed-a"}, []string{"seed-", "seed-ab", "seed-b", "a", "", "seed-seed-a"}},
		{Pattern{"", SeedName}, "<seed>", []string{"a"}, []string{"", "b", "aa"}},
		{Pattern{"t-", BootstrapTokenID}, "t-<id of garden/<seed>>", []string{"t-" + id},
			[]string{"t-", "t-a", id, "t-" + id + "0", "t-" + id[:5]}},
		{Pattern{"x", 99}, "x", nil, []string{"x", "xa", ""}},
	} {
		require.Equal(t, c.name, c.pattern.String())
		for _, s := range c.matches {
			require.True(t, c.pattern.matches(s, "a"), "%s: %q", c.pattern, s)
		}
		for _, s := range c.not {
			require.False(t, c.pattern.matches(s, "a"), "%s: %q", c.pattern, s)
		}
	}
}
