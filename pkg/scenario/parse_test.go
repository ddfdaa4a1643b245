package scenario_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/scenario"
)

func parse(content string) (*scenario.Scenario, error) {
	return scenario.Parse("dir/f.yaml", []byte(content), config.Default())
}

const seed = "{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: s1}}"

// get is a request without anything that is wrong, in one line.
const get = "{name: some, as: {gardenlet: s1}, verb: get, resource: secrets, namespace: a, object: b, authorize: allow}"

func TestParse(t *testing.T) {
	s, err := parse(`# a comment
now: 2026-11-20T12:00:00Z
landscape: ../manifests
restriction: {references: Warn}
requests:
- name: one
  as: {gardenlet: s1}
  verb: update
  resource: seeds.core.gardener.cloud/status
  object: s1
  body: ` + seed + `
  authorize: allow
  admit: 403
  message: m
-
  name: two
  as: {extension: s1/extension-e}
  verb: list
  resource: secrets
  authorize: noOpinion
`)
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), s.Now.UTC())
	require.Equal(t, "manifests", s.Landscape, "relative to the file")
	require.Nil(t, s.Objects)
	require.Equal(t, admission.ReferencesWarn, s.Config.Restriction.References)
	require.NotEmpty(t, s.Config.Restriction.SharedDNSSecrets, "what a section leaves out has its default")
	require.Len(t, s.Requests, 2)
	require.Equal(t, []int{6, 16}, []int{s.Requests[0].Line, s.Requests[1].Line})
	require.Equal(t, "403", s.Requests[0].Admit.String())
	require.Nil(t, s.Requests[1].Admit)
}

// TestSectionsCountInsteadOfTheCallers: what a file expects does not depend on what it is run with.
func TestSectionsCountInsteadOfTheCallers(t *testing.T) {
	given := config.Default()
	given.Authorizer.ParentScope = graph.ParentScopeEverything
	given.Restriction.References = admission.ReferencesOff
	given.Restriction.SharedDNSSecrets = []string{"mine"}
	s, err := scenario.Parse("f", []byte("objects: []\nrequests: ["+get+"]"), given)
	require.NoError(t, err)
	require.Equal(t, given, s.Config)
	sections := "authorizer: {}\nrestriction: {references: Warn}\n"
	s, err = scenario.Parse("f", []byte(sections+"objects: []\nrequests: ["+get+"]"), given)
	require.NoError(t, err)
	require.Equal(t, graph.ParentScopeSeed, s.Config.Authorizer.ParentScope)
	require.Equal(t, admission.ReferencesWarn, s.Config.Restriction.References)
	require.Equal(t, config.Default().Restriction.SharedDNSSecrets, s.Config.Restriction.SharedDNSSecrets)
	require.Equal(t, []string{"mine"}, given.Restriction.SharedDNSSecrets)
}

// TestErrors: each mistake is told with its place.
func TestErrors(t *testing.T) {
	with := func(field string) string { return "objects: []\nrequests:\n- name: some\n  " + field + "\n" }
	asked := "as: {gardenlet: s1}\n  authorize: allow\n  "
	secret := asked + "verb: get\n  resource: secrets\n  "
	write := "as: {gardenlet: s1}\n  verb: update\n  resource: seeds.core.gardener.cloud\n  body: " + seed + "\n  "
	for name, c := range map[string]struct {
		content string
		errs    []string
	}{
		"empty":         {"", []string{"dir/f.yaml: the file is empty"}},
		"comments":      {"# nothing\n", []string{"dir/f.yaml: the file is empty"}},
		"no YAML":       {"a: [\n", []string{"dir/f.yaml:1: did not find expected node content"}},
		"tab":           {"a:\n\tb: c\n", []string{"dir/f.yaml:2: found character that cannot start any token"}},
		"a list":        {"- a\n", []string{"dir/f.yaml:1:1: a scenario begins with fields"}},
		"twice":         {"objects: []\nobjects: []\n", []string{`dir/f.yaml:2: key "objects" already set in map`}},
		"two documents": {"objects: []\n---\nobjects: []\n", []string{"dir/f.yaml:2:1: a second document"}},
		"after the end": {"objects: []\n...\nobjects: []\n",
			[]string{"dir/f.yaml:2: did not find expected <document start>"}},
		"second broken":  {"objects: []\n---\na: [\n", []string{"dir/f.yaml:3: did not find"}},
		"unknown field":  {"objcts: []\nrequests: []\n", []string{`dir/f.yaml:1:1: unknown field "objcts"`}},
		"a manifest":     {seed, []string{`:1:2: unknown field "apiVersion"`, `unknown field "kind"`}},
		"no list":        {"requests: none\n", []string{"dir/f.yaml:1:1: requests: want a list, got string"}},
		"no requests":    {"objects: []\n", []string{"dir/f.yaml:1:1: it has no requests"}},
		"empty requests": {"objects: []\nrequests: []\n", []string{"dir/f.yaml:2:1: it has no requests"}},
		"now":            {"now: today\nrequests: [" + get + "]\n", []string{`dir/f.yaml:1:1: "today" is no time`}},
		"two gardens": {"objects: []\nlandscape: x\nrequests: [" + get + "]\n",
			[]string{":2:1: objects and landscape"}},
		"section": {"restriction: {refrences: Warn}\n", []string{`:1:15: unknown field "refrences"`}},
		"word of section": {"restriction:\n  references: Some\n",
			[]string{`:2:3: restriction.references: Unsupported value`}},
		"unquoted Off": {"restriction:\n  references: Off\n",
			[]string{":2:3: references: want a string in quotes, which tell it from a bool, got bool"}},
		"rule": {"kubeconfigAccess:\n  rules:\n  - levels: {shoots: some}\n",
			[]string{":3:14: kubeconfigAccess.rules[0].levels.shoots: Unsupported value"}},
		"parent scope": {"authorizer: {parentScope: x}\n", []string{":1:14: authorizer.parentScope: Unsupported value"}},

		"object, no kind": {"objects:\n- {metadata: {name: a}}\n", []string{":2:3: the object has no kind"}},
		"object, not watched": {"objects:\n- {apiVersion: v1, kind: Pod}\n",
			[]string{":2:3: objects of kind Pod are not watched"}},
		"object, no name": {"objects:\n- {apiVersion: core.gardener.cloud/v1, kind: Seed}\n",
			[]string{":2:3: its name"}},
		"object, version": {"objects:\n- {apiVersion: core.gardener.cloud/v9, kind: Seed, metadata: {name: a}}\n",
			[]string{":2:3: version core.gardener.cloud/v9 is not known"}},
		"object, unknown field": {"objects:\n- apiVersion: core.gardener.cloud/v1beta1\n  kind: Shoot\n" +
			"  metadata: {name: a, namespace: b}\n  spec:\n    seedname: s1\n", []string{`:6:5: unknown field "spec.seedname"`}},
		"object, type": {"objects:\n- apiVersion: core.gardener.cloud/v1beta1\n  kind: Shoot\n" +
			"  metadata: {name: a, namespace: b}\n  spec: {seedName: 5}\n", []string{":2:3: it cannot be decoded"}},
		"object, twice": {"objects:\n- " + seed + "\n- " + seed + "\n",
			[]string{":3:3: Seed/s1 is there already, in line 2"}},

		"request, no list": {"requests:\n- a\n", []string{":2:3: want fields, got string"}},
		"request, bool": {"requests:\n- {name: n}\n",
			[]string{":2:4: name: want a string in quotes, which tell it from a bool"}},
		"request, empty":  {"requests:\n-\n", []string{"the request has no name"}},
		"request, field":  {with("nme: x"), []string{`:4:3: unknown field "nme"`}},
		"request, deeper": {with("as: {gardnlet: x}"), []string{`:4:8: unknown field "as.gardnlet"`}},
		"request, type": {with("object: 5"),
			[]string{":4:3: object: want a string in quotes, which tell it from a number"}},
		"request, same name": {"objects: []\nrequests:\n- " + get + "\n- " + get + "\n",
			[]string{":4:3: the request in line 3"}},
		"request, no name": {"objects: []\nrequests:\n- {verb: get}\n", []string{":3:3: the request has no name: it says",
			"say who asks", "the resource has no name", "the request expects nothing, so it cannot fail"}},

		"who, nobody":    {with("authorize: allow"), []string{":3:3: say who asks by one of gardenlet"}},
		"who, two":       {with("as: {gardenlet: a, user: b}"), []string{":4:3: say who asks"}},
		"who, extension": {with("as: {extension: e}"), []string{":4:3: say who asks"}},
		"who, account":   {with("as: {serviceAccount: a/b/c}"), []string{":4:3: say who asks"}},

		"verb":          {with(asked + "verb: Get"), []string{`:6:3: unknown verb "Get"; did you mean "get"?`}},
		"verb, another": {with(asked + "verb: lst"), []string{`:6:3: unknown verb "lst"; did you mean "list"?`}},
		"no verb":       {with(asked + "resource: secrets"), []string{":3:3: the request has no verb"}},
		"no resource":   {with(asked + "verb: get"), []string{":3:3: the resource has no name"}},
		"resource": {with(asked + "verb: get\n  resource: nodess"),
			[]string{`:7:3: resource "nodess" is none of seedguard's`}},
		"group": {with(asked + "verb: get\n  resource: shoots.core.gardner.cloud"),
			[]string{`:7:3: unknown resource "shoots.core.gardner.cloud"; did you mean "shoots.core.gardener.cloud"?`}},
		"no object": {with(secret + "namespace: a"), []string{":3:3: the request names no object"}},
		"no namespace": {with(secret + "object: a"),
			[]string{":3:3: no namespace is given, and secrets are in one"}},
		"cluster-wide": {with(asked + "verb: get\n  resource: seeds.core.gardener.cloud\n  object: a\n  namespace: b"),
			[]string{":9:3: seeds are in no namespace"}},
		"of subresource": {with(asked + "verb: create\n  resource: secrets/status\n  namespace: a"),
			[]string{":3:3: the request names no object"}},
		"field selector": {with(secret + "fieldSelector: a"), []string{":8:3: invalid selector"}},
		"label selector": {with(secret + "labelSelector: a=b=c"), []string{":8:3: found '=', expected"}},

		"nothing expected": {with("verb: get"), []string{":3:3: the request expects nothing, so it cannot fail"}},
		"decision": {with("authorize: allowed"),
			[]string{`:4:3: unknown decision "allowed": want allow, noOpinion or deny`}},
		"message alone": {with(secret + "message: m"), []string{":8:3: message is the admission's, so it needs admit"}},
		"verdict": {with(write + "admit: denied"),
			[]string{`:8:3: unknown verdict "denied": want allowed or an HTTP status`}},
		"status": {with(write + "admit: 200"), []string{`:8:3: unknown verdict "200"`}},
		"admission of a read": {with(secret + "admit: allowed"),
			[]string{":8:3: the admission is asked about writes, not about get"}},
		"no body": {with(asked + "verb: create\n  resource: secrets\n  namespace: a\n  admit: 403"),
			[]string{":9:3: the admission is asked about objects, so it needs a body"}},
		"body is no object": {with("body: 5"), []string{":4:3: want fields, got number"}},
		"body without kind": {with("body: {metadata: {}}"), []string{":4:3: the object has no kind or no apiVersion"}},
		"old": {with(write + "admit: 403\n  old: {}"),
			[]string{":9:3: the object has no kind or no apiVersion"}},
		"old of a create": {with("verb: create\n  old: " + seed),
			[]string{":5:3: old goes with update and patch, not with create"}},
		"selector of a get": {with(secret + "labelSelector: a=b"),
			[]string{":8:3: selectors go with list, watch and deletecollection"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(c.content)
			for _, want := range c.errs {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

// TestErrorsAreAllTold, in their order.
func TestErrorsAreAllTold(t *testing.T) {
	_, err := parse("now: today\nrequests:\n- {name: a}\nlandscape: a\nobjects:\n- {}\n- " + seed + "\n- " + seed)
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	last := 0
	for _, err := range joined.Unwrap() {
		wrong := new(scenario.Error)
		require.ErrorAs(t, err, &wrong)
		require.GreaterOrEqual(t, wrong.Line, last)
		last = wrong.Line
		require.Equal(t, "dir/f.yaml", wrong.File)
	}
	require.Greater(t, len(joined.Unwrap()), 6)
	require.Equal(t, 8, last)
}

// TestVerbsOfNoAPI may be asked for: API servers ask themselves about them.
func TestVerbsOfNoAPI(t *testing.T) {
	for _, verb := range []string{"approve", "sign", "bind", "escalate", "impersonate", "use"} {
		_, err := parse("requests: [" + strings.Replace(get, "verb: get", "verb: "+verb, 1) + "]")
		require.NoError(t, err, verb)
	}
}

// TestAnchors: what is written once can be used again.
func TestAnchors(t *testing.T) {
	s, err := parse(`objects: []
requests:
- name: one
  <<: &address {verb: get, resource: secrets, namespace: a, object: b}
  as: {gardenlet: s1}
  authorize: allow
- {name: two, as: {gardenlet: s2}, <<: *address, authorize: noOpinion}
`)
	require.NoError(t, err)
	require.Equal(t, "get", s.Requests[1].Verb)
	require.Equal(t, "noOpinion", s.Requests[1].Authorize)
	_, err = parse("objects: []\nrequests:\n- &first {name: one, as: {gardenlet: s1}, vreb: get}\n- *first\n")
	require.ErrorContains(t, err, `f.yaml:3:43: unknown field "vreb"`)
	_, err = parse("objects: &a [*a]\n")
	require.ErrorContains(t, err, "f.yaml: anchor 'a' value contains itself")
}

// TestWithoutStringData: what a Secret has in stringData is in its data, as behind an API server.
func TestWithoutStringData(t *testing.T) {
	for _, c := range []struct{ kind, object, want string }{
		{"Secret", `{"stringData": {"a": "x"}, "type": "t"}`, `{"data": {"a": "eA=="}, "type": "t"}`},
		{"InternalSecret", `{"stringData": {"a": "x"}}`, `{"data": {"a": "eA=="}}`},
		{"Secret", `{"data": {"b": "eQ=="}, "stringData": {"a": "x"}}`, `{"data": {"a": "eA==", "b": "eQ=="}}`},
		{"Secret", `{"data": {"a": "eQ=="}, "stringData": {"a": "x"}}`, `{"data": {"a": "eA=="}}`},
		{"Secret", `{"data": null, "stringData": {"a": "x"}}`, `{"data": {"a": "eA=="}}`},
		{"Secret", `{"data": {"a": "eA=="}}`, `{"data": {"a": "eA=="}}`},
		{"ConfigMap", `{"stringData": {"a": "x"}}`, `{"stringData": {"a": "x"}}`},
	} {
		got, err := scenario.WithoutStringData(c.kind, []byte(c.object))
		require.NoError(t, err)
		require.JSONEq(t, c.want, string(got), "%s %s", c.kind, c.object)
	}
}

// FuzzParse: a file makes no panic. What is wrong with it has its place, and what is right expects something.
func FuzzParse(f *testing.F) {
	for _, content := range []string{
		"", "a: [", "- a", "objects: []\n---\n", "now: x\nrequests: [{}]", "objects: [" + seed + "]\nrequests: [" + get + "]",
		"requests: [&a {name: b}, *a, {<<: *a}]", "restriction: {references: Off}", "kubeconfigAccess: {rules: [{}]}",
		"requests: [{admit: 403, verb: update, body: " + seed + "}]", "requests: [{old: {stringData: {a: b}, kind: Secret}}]",
		"? [a]\n: b\n", "\xff\xfea", "objects: &a [*a]", "landscape: /\nrequests: []",
	} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := scenario.Parse("f", content, config.Default())
		if err == nil {
			require.NotEmpty(t, s.Requests)
			for _, q := range s.Requests {
				require.Positive(t, q.Line)
				require.NotEmpty(t, q.Name)
				require.True(t, q.Authorize != "" || q.Admit != nil)
			}
			return
		}
		for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
			wrong := new(scenario.Error)
			require.ErrorAs(t, err, &wrong)
			require.NotEmpty(t, wrong.Message)
			require.LessOrEqual(t, wrong.Line, len(content)+1, "%q", content)
		}
	})
}
