package authorizer_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	kadmission "k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/scenario"
	"github.com/seedguard/seedguard/test/scenarios"
)

func TestNewNeedsAGraph(t *testing.T) {
	_, err := authorizer.New(authorizer.Options{})
	require.ErrorContains(t, err, "graph")
}

// TestSteps: the steps are taken in their order, and every decision says where it fell and what would be allowed.
func TestSteps(t *testing.T) {
	a := newAuthorizer(t, authorizer.Options{Exists: exists(false, new([]string))})
	for _, c := range []struct {
		step   authorizer.Step
		rule   string
		reason string
		row
	}{
		{authorizer.StepClient, "", "not a seed client", row{none, person(), on("get", "secrets", "seed-s1/x")}},
		{authorizer.StepResource, "", "no rule names this resource", row{none, g1, on("get", "pods", "seed-s1/x")}},
		{authorizer.StepResource, "", "no paths", row{none, g1, request{Verb: "get", Path: "/healthz"}}},
		{authorizer.StepException, "secrets", "get list watch seed-<seed>/* is allowed: the namespace is the Seed's own",
			row{allow, g1, on("get", "secrets", "seed-s1/x")}},
		// The exception comes before the subresource.
		{authorizer.StepException, "serviceaccounts", "any verb and subresource seed-<seed>/*",
			row{allow, g1, on("create", "serviceaccounts/token", "seed-s1/x")}},
		// The namespace comes before the subresource, which comes before the verb.
		{authorizer.StepNamespace, gardenlets, "allowed namespaces: garden",
			row{none, g1, on("delete", gardenlets+"/scale", "garden-s1/s1")}},
		{authorizer.StepSubresource, gardenlets, "allowed subresources: status",
			row{none, g1, on("delete", gardenlets+"/scale", "garden/s1")}},
		{authorizer.StepSubresource, "secrets", "no subresource is allowed",
			row{none, g1, on("create", "secrets/scale", "garden/s1")}},
		{authorizer.StepAlways, "secrets", "secrets: create is always allowed: the SeedRestriction decides on the object",
			row{allow, g1, on("create", "secrets", "garden-s2/")}},
		{authorizer.StepAlways, "events", "events: patch is always allowed: an Event tells",
			row{allow, g1, on("patch", "events", "garden-s2/x")}},
		{authorizer.StepAlways, buckets, "list is always allowed: they hold no credentials",
			row{allow, g1, on("list", buckets, "")}},
		{authorizer.StepVerb, "serviceaccounts",
			"allowed verbs: create; get update patch with a path from the object to the client's Seed; " +
				"any verb and subresource seed-<seed>/*; delete garden/gardenlet-bootstrap-<seed>",
			row{none, g1, on("delete", "serviceaccounts", "garden/x")}},
		{authorizer.StepVerb, registrations, "allowed verbs: get list watch",
			row{none, g1, on("*", registrations, "own-s1")}},
		{authorizer.StepSelector, shoots, "the selector confines it",
			row{allow, g1, labelled(label1, on("list", shoots, ""))}},
		{authorizer.StepSelector, shoots, "needs the label selector name.seed.gardener.cloud/<seed>=true, or a name",
			row{none, g1, on("list", shoots, "")}},
		{authorizer.StepSelector, gardenlets, "needs the field selector metadata.name=<seed>",
			row{none, g1, on("list", gardenlets, "garden/s1")}},
		{authorizer.StepName, "secrets", "secrets: get needs a name", row{none, g1, on("get", "secrets", "garden-s1/")}},
		{authorizer.StepName, "configmaps", "configmaps: list needs a name",
			row{none, g1, on("list", "configmaps", "garden-s1/")}},
		{authorizer.StepName, "secrets", "secrets: needs a namespace", row{none, g1, on("delete", "secrets", "own")}},
		{authorizer.StepName, seeds, "has no namespaces", row{none, g1, on("delete", seeds, "garden/x")}},
		{authorizer.StepGraph, "secrets", "a path leads from the object to the client's Seed",
			row{allow, g1, on("get", "secrets", "garden-s1/own")}},
		{authorizer.StepGraph, "secrets",
			"secrets: patch needs a path from the object to the client's Seed, no relationship found",
			row{none, g1, on("patch", "secrets", "garden-s2/own")}},
		{authorizer.StepAbsent, "secrets", "the object does not exist",
			row{allow, g1, on("delete", "secrets", "garden-s2/x")}},
	} {
		t.Run(describe(c.request), func(t *testing.T) {
			c.User = c.who
			e := a.Explain(t.Context(), c.request)
			require.Equal(t, c.want, e.Decision)
			require.Equal(t, c.step, e.Step)
			require.Contains(t, e.Reason, c.reason)
			if c.rule == "" {
				require.Nil(t, e.Rule)
				return
			}
			require.Equal(t, schema.ParseGroupResource(c.rule), e.Rule.Resource)
			decision, reason, err := a.Authorize(t.Context(), c.request)
			require.NoError(t, err)
			require.Equal(t, []any{e.Decision, e.Reason}, []any{decision, reason})
		})
	}
}

// TestConditions: whoever comes with conditions is denied, as the interface asks. That there are none, TestDeny shows.
func TestConditions(t *testing.T) {
	a := newAuthorizer(t, authorizer.Options{})
	decision, _, err := a.EvaluateConditions(t.Context(), kauthorizer.ConditionsAwareDecision{}, nil)
	require.Equal(t, kauthorizer.DecisionDeny, decision)
	require.ErrorIs(t, err, kauthorizer.ErrorConditionEvaluationNotSupported)
}

// TestSelectors: what confines a list to the Seed s1, and what looks as if it did.
func TestSelectors(t *testing.T) {
	const key1 = "name.seed.gardener.cloud/s1"
	labels := func(selectors ...string) []request {
		var rs []request
		for _, s := range selectors {
			rs = append(rs, labelled(s, on("list", shoots, "")))
		}
		return rs
	}
	byField := func(field string, operator selection.Operator, value string) request {
		r := on("list", bastions, "")
		r.FieldSelectorRequirements = fields.Requirements{{Field: field, Operator: operator, Value: value}}
		return r
	}
	byLabel := func(key string, operator selection.Operator, values ...string) request {
		r := on("list", shoots, "")
		r.LabelSelectorRequirements = append(r.LabelSelectorRequirements, requirement(t, key, operator, values...))
		return r
	}
	broken := func(r request) request {
		r.FieldSelectorParsingErr, r.LabelSelectorParsingErr = errors.New("broken"), errors.New("broken")
		return r
	}
	allowed := append(labels(key1+"=true", key1+"==true", key1, key1+" in (true)", key1+" in (true, true)",
		"a=b,"+key1+"=true", key1+"=true,a!=b", "!a,"+key1, key1+"=true,name.seed.gardener.cloud/s2=true"),
		byField("spec.seedName", selection.Equals, "s1"),
		byField("spec.seedName", selection.DoubleEquals, "s1"),
		byField("spec.seedName", selection.In, "s1"),
		fielded("a!=s1,spec.seedName=s1", on("list", bastions, "")),
		byLabel(key1, selection.In, "true"), byLabel(key1, selection.Equals, "true"),
		byLabel(key1, selection.DoubleEquals, "true"), byLabel(key1, selection.Exists),
	)
	unanswered := append(labels("", "!"+key1, key1+"!=true", key1+"!=false", key1+"=false", key1+"=",
		key1+" in (true, false)", key1+" in (false)",
		key1+" notin (true)", key1+" notin (false)", "name.seed.gardener.cloud/s2=true", "name.seed.gardener.cloud/s2",
		"name.seed.gardener.cloud/s11=true",
		"seed.gardener.cloud/s1=true", "s1=true", "x-"+key1+"=true", "name.shoot.gardener.cloud/s1=true", "a=b", key1+">1"),
		on("list", bastions, ""), byField("spec.seedName", selection.NotEquals, "s1"),
		byField("spec.seedName", selection.NotEquals, "s2"),
		byField("spec.seedName", selection.NotIn, "s1"),
		byField("spec.seedName", selection.Exists, "s1"),
		byField("spec.seedName", selection.Exists, ""),
		byField("spec.seedName", "", "s1"),
		byField("spec.seedName", selection.Equals, ""),
		byField("spec.seedName", selection.Equals, "s2"),
		byField("spec.seedName", selection.Equals, "s1,s2"),
		byField("status.seedName", selection.Equals, "s1"),
		byField("", selection.Equals, "s1"),
		byLabel(key1, selection.In, "true", "false"), byLabel(key1, selection.NotIn, "true"),
		byLabel(key1, selection.DoesNotExist),
		broken(byLabel(key1, selection.Equals, "true")),
		broken(byField("spec.seedName", selection.Equals, "s1")),
		// A selector of the other kind confines nothing.
		labelled(key1+"=true", on("list", bastions, "")), fielded("spec.seedName=s1", on("list", shoots, "")),
		// It is about lists alone.
		labelled(key1+"=true", on("deletecollection", shoots, "garden-s1/")), labelled(key1+"=true", on("get", shoots, "")),
		// It does not make up for what is wrong otherwise.
		labelled(key1+"=true", on("list", shoots+"/binding", "")), labelled(key1+"=true", on("list", "secrets", "")),
	)
	a := newAuthorizer(t, authorizer.Options{})
	for want, requests := range map[kauthorizer.Decision][]request{allow: allowed, none: unanswered} {
		for _, r := range requests {
			for _, verb := range []string{r.Verb, strings.ReplaceAll(r.Verb, "list", "watch")} {
				r.User, r.Verb = g1, verb
				got, _, err := a.Authorize(t.Context(), r)
				require.NoError(t, err)
				require.Equal(t, want, got, describe(r))
			}
		}
	}
	// The empty name of a Seed is nobody's, so neither is a key without one.
	r := byLabel("name.seed.gardener.cloud/x", selection.Exists)
	r.User = gardenlet("")
	got, _, _ := a.Authorize(t.Context(), r)
	require.Equal(t, none, got)
}

func requirement(t testing.TB, key string, operator selection.Operator, values ...string) labels.Requirement {
	t.Helper()
	r, err := labels.NewRequirement(key, operator, values)
	require.NoError(t, err)
	return *r
}

// lazy fails when a selector is asked for that no rule needs.
type lazy struct {
	request
	t testing.TB
}

func (l lazy) GetFieldSelector() (fields.Requirements, error) {
	l.t.Error("the field selector was parsed")
	return nil, nil
}

func (l lazy) GetLabelSelector() (labels.Requirements, error) {
	l.t.Error("the label selector was parsed")
	return nil, nil
}

func TestSelectorsAreParsedWhenNeededOnly(t *testing.T) {
	a := newAuthorizer(t, authorizer.Options{})
	for _, r := range []request{
		on("get", shoots, "garden-s1/own"), on("list", "secrets", ""), on("list", "secrets", "seed-s1/"),
		on("list", buckets, ""),
		on("list", "configmaps", "garden-s1/own"), on("list", shoots, "garden-s1/own"),
		on("deletecollection", shoots, "garden-s1/"), on("list", "pods", ""),
	} {
		r.User = g1
		_, _, err := a.Authorize(t.Context(), lazy{r, t})
		require.NoError(t, err)
	}
}

// exists returns an ExistsFunc that says the same of all objects, and appends what it is asked.
func exists(answer bool, asked *[]string) authorizer.ExistsFunc {
	return func(_ context.Context, seed string, r schema.GroupVersionResource, namespace, name string) (bool, error) {
		*asked = append(*asked, "for "+seed+": "+r.GroupVersion().String()+" "+r.Resource+" "+namespace+"/"+name)
		return answer, nil
	}
}

// TestAbsentObjects: what certainly does not exist may be deleted, and nothing else. The graph alone is certain about
// watched kinds, and about no other; the API server has the last word on both.
func TestAbsentObjects(t *testing.T) {
	for _, c := range []struct {
		row
		// The row is for the graph alone. Asked is what the API server is asked, and whenGone what is decided when it says
		// that the object does not exist; when it says that it does, there is no opinion.
		asked    string
		whenGone kauthorizer.Decision
	}{
		{row{allow, g1, on("delete", buckets, "gone")}, "core.gardener.cloud/v1beta1 backupbuckets /gone", allow},
		{row{allow, e1, on("delete", entries, "garden-s2/gone")}, "core.gardener.cloud/v1beta1 backupentries garden-s2/gone",
			allow},
		{row{allow, g1, on("delete", seeds, "gone")}, "core.gardener.cloud/v1beta1 seeds /gone", allow},
		{row{none, g1, on("delete", buckets, "own-s2")}, "", none},
		{row{none, g1, on("delete", entries, "garden-s2/own")}, "", none},
		{row{none, g1, on("delete", seeds, "s2")}, "", none},
		{row{none, g1, on("delete", "secrets", "garden-s2/gone")}, "v1 secrets garden-s2/gone", allow},
		{row{none, g1, on("delete", "secrets", "garden-s2/own")}, "v1 secrets garden-s2/own", allow},
		{row{none, e1, on("delete", "configmaps", "garden/gone")}, "v1 configmaps garden/gone", allow},
		{row{none, g1, on("delete", internals, "garden/gone")}, "core.gardener.cloud/v1beta1 internalsecrets garden/gone",
			allow},
		{row{none, g1, on("delete", states, "garden/gone")}, "core.gardener.cloud/v1beta1 shootstates garden/gone", allow},
		// What is related is not asked for.
		{row{allow, g1, on("delete", "secrets", "garden-s1/own")}, "", allow},
		// Other verbs than delete, and what no rule lets anybody delete.
		{row{none, g1, on("get", "secrets", "garden/gone")}, "", none},
		{row{none, g1, on("patch", buckets, "gone")}, "", none},
		{row{none, g1, on("deletecollection", "secrets", "garden/")}, "", none},
		{row{none, g1, on("delete", shoots, "garden/gone")}, "", none},
		{row{none, g1, on("delete", bastions, "garden/gone")}, "", none},
		{row{none, g1, on("delete", identities, "garden/gone")}, "", none},
		{row{none, g1, on("delete", "serviceaccounts", "garden/gone")}, "", none},
		{row{none, g1, on("delete", bindings, "gone")}, "", none},
		// A name in no namespace stands for one in all of them, and a subresource is no object.
		{row{none, g1, on("delete", "secrets", "gone")}, "", none},
		{row{none, g1, on("delete", entries, "gone")}, "", none},
		{row{none, g1, on("delete", buckets, "garden/gone")}, "", none},
		{row{none, g1, on("delete", seeds, "garden/s2")}, "", none},
		{row{none, g1, on("delete", buckets+"/status", "gone")}, "", none},
		{row{none, g1, on("delete", seeds+"/status", "gone")}, "", none},
		{row{none, g1, on("delete", "secrets", "garden/")}, "", none},
		{row{none, person(), on("delete", "secrets", "garden/gone")}, "", none},
	} {
		c.User = c.who
		got, _, _ := newAuthorizer(t, authorizer.Options{}).Authorize(t.Context(), c.request)
		require.Equal(t, c.want, got, describe(c.request))
		if c.asked != "" {
			c.want, c.asked = none, "for s1: "+c.asked
		}
		for answer, want := range map[bool]kauthorizer.Decision{true: c.want, false: c.whenGone} {
			var asked []string
			a := newAuthorizer(t, authorizer.Options{Exists: exists(answer, &asked)})
			got, _, _ = a.Authorize(t.Context(), c.request)
			require.Equal(t, want, got, describe(c.request))
			require.Equal(t, c.asked, strings.Join(asked, ", "), describe(c.request))
		}
	}
}

// TestDecisionsFollowTheGraph: nothing is remembered from one request to the next.
func TestDecisionsFollowTheGraph(t *testing.T) {
	g := world()
	a := newAuthorizer(t, authorizer.Options{Graph: g})
	ask := func(who user.Info) kauthorizer.Decision {
		r := on("get", "secrets", "garden-s1/own")
		r.User = who
		got, _, _ := a.Authorize(t.Context(), r)
		return got
	}
	shoot, secret := own(graph.KindShoot, "s1"), own(graph.KindSecret, "s1")
	require.Equal(t, allow, ask(g1))
	require.Equal(t, none, ask(g2))
	g.Set(shoot, []graph.Edge{{From: secret, To: shoot}, {From: shoot, To: own(graph.KindSeed, "s2")}})
	require.Equal(t, none, ask(g1))
	require.Equal(t, allow, ask(g2))
	g.Delete(shoot)
	require.Equal(t, none, ask(g1))
	require.Equal(t, none, ask(g2))
}

// TestScenarios asks the authorizer's half of the files that both halves share.
func TestScenarios(t *testing.T) {
	require.Greater(t, scenarios.Run(t, (*scenario.World).Authorize), 150, "expectations of the authorizer")
}

// TestGuardians: what is always allowed is guarded by a rule of the SeedRestriction for the same resource and clients,
// or says why not.
func TestGuardians(t *testing.T) {
	for _, rule := range authorizer.Rules() {
		for _, grant := range rule.Always {
			if grant.Unguarded != "" {
				continue
			}
			for _, verb := range grant.Verbs.Names() {
				operation, _ := admission.OperationOf(verb)
				for _, client := range rule.Clients {
					require.True(t, slices.ContainsFunc(admission.Rules(), func(r admission.Rule) bool {
						return r.Kind == rule.Kind && slices.Contains(r.Operations, kadmission.Operation(operation)) &&
							slices.Contains(r.Clients, client)
					}), "%s %s by %s", verb, rule.Resource, client)
				}
			}
		}
	}
}

// decided are requests, one for each step that decides.
var decided = map[string]row{
	"path":            {allow, g1, on("get", "secrets", "garden-s1/own")},
	"implied":         {allow, g1, on("get", "secrets", "garden-s1/own.ssh-keypair")},
	"extension":       {allow, e1, on("get", "secrets", "garden-s1/own")},
	"no path":         {none, g1, on("get", "secrets", "garden-s2/own")},
	"exception":       {allow, g1, on("get", "secrets", "seed-s1/x")},
	"always":          {allow, g1, on("create", "secrets", "garden-s1/")},
	"verb":            {none, g1, on("deletecollection", "secrets", "garden-s1/")},
	"subresource":     {none, g1, on("get", "secrets/x", "garden-s1/own")},
	"namespace":       {none, e1, on("get", leases, "garden/own")},
	"label":           {allow, g1, labelled(label1, on("list", shoots, ""))},
	"label in":        {allow, g1, labelled("name.seed.gardener.cloud/s1 in (true)", on("list", shoots, ""))},
	"label exists":    {allow, g1, labelled("name.seed.gardener.cloud/s1", on("list", shoots, ""))},
	"field":           {allow, g1, fielded("spec.seedName=s1", on("list", bastions, ""))},
	"no selector":     {none, g1, on("list", shoots, "")},
	"no name":         {none, g1, on("get", "secrets", "garden-s1/")},
	"absent":          {allow, g1, on("delete", buckets, "gone")},
	"unknown":         {none, g1, on("get", "deployments.apps", "garden-s1/own")},
	"path of a URL":   {none, g1, request{Verb: "get", Path: "/healthz"}},
	"person":          {none, person(), on("get", "secrets", "garden-s1/own")},
	"own gardenlet":   {allow, g1, fielded("metadata.name=s1", on("list", gardenlets, "garden/"))},
	"serviceaccounts": {allow, g1, on("create", "serviceaccounts/token", "seed-s1/extension-a")},
}

// TestAuthorizeAllocatesNothing: every request of every gardenlet waits for it.
func TestAuthorizeAllocatesNothing(t *testing.T) {
	ctx := t.Context()
	for _, options := range []authorizer.Options{{}, {Mode: authorizer.ModeDeny, Exempt: (&admission.Policy{}).Exempts}} {
		a := newAuthorizer(t, options)
		for name, r := range decided {
			r.User = r.who
			attributes := kauthorizer.Attributes(&r.request)
			require.Zero(t, testing.AllocsPerRun(100, func() { _, _, _ = a.Authorize(ctx, attributes) }), name)
		}
	}
}

// BenchmarkAuthorize measures one decision, identity and rule included, on a graph of two Seeds: what the rules cost
// beside the graph, whose own benchmarks measure it at size. Run: go test -run '^$' -bench Authorize ./pkg/authorizer
func BenchmarkAuthorize(b *testing.B) {
	a := newAuthorizer(b, authorizer.Options{})
	for _, name := range slices.Sorted(maps.Keys(decided)) {
		b.Run(name, func(b *testing.B) {
			r := decided[name]
			r.User = r.who
			attributes, ctx := kauthorizer.Attributes(&r.request), b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if got, _, _ := a.Authorize(ctx, attributes); got != r.want {
					b.Fatal(got)
				}
			}
		})
	}
}
