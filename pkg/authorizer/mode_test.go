package authorizer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"k8s.io/apiserver/pkg/authentication/user"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
)

const deny = kauthorizer.DecisionDeny

func TestNewNeedsAMode(t *testing.T) {
	_, err := authorizer.New(authorizer.Options{Graph: world(), Mode: "Observe"})
	require.ErrorContains(t, err, `no mode "Observe"`)
}

// TestDeny: what a rule names and does not allow is denied, with the reason of no opinion. Everything else is decided
// as ever, and what is exempt is left to RBAC.
func TestDeny(t *testing.T) {
	policy := admission.Policy{Exempt: []admission.Exemption{
		{Extensions: []string{"any"}, Namespaces: []string{"foo", "garden-s2"}, Resources: []string{"secrets"}},
	}}
	ordinary := newAuthorizer(t, authorizer.Options{})
	strict := newAuthorizer(t, authorizer.Options{Mode: authorizer.ModeDeny, Exempt: policy.Exempts})
	rows := map[string]row{
		"no path, for an extension":   {deny, e1, on("get", "configmaps", "garden-s2/own")},
		"unknown verb":                {deny, g1, on("*", "secrets", "garden-s1/own")},
		"the kubeconfig of a Shoot":   {deny, g1, on("create", shoots+"/adminkubeconfig", "garden-s1/own")},
		"rule for the other client":   {deny, e1, on("create", "serviceaccounts", "seed-s1/")},
		"exempt":                      {none, e1, on("get", "secrets", "foo/x")},
		"exempt, a list":              {none, e1, on("list", "secrets", "foo/")},
		"exempt on another Seed":      {none, e2, on("get", "secrets", "foo/x")},
		"exempt, and allowed":         {allow, e2, on("get", "secrets", "garden-s2/own")},
		"exempt in another namespace": {deny, e1, on("get", "secrets", "bar/x")},
		"exempt of another resource":  {deny, e1, on("get", "configmaps", "foo/x")},
		"exempt, but a gardenlet":     {deny, g1, on("get", "secrets", "foo/x")},
	}
	for about, c := range decided {
		if named := !slices.Contains([]string{"unknown", "path of a URL", "person"}, about); named && c.want == none {
			c.want = deny
		}
		rows[about] = c
	}
	for about, c := range rows {
		t.Run(about, func(t *testing.T) {
			c.User = c.who
			decision, reason, err := strict.Authorize(t.Context(), c.request)
			require.NoError(t, err)
			require.Equal(t, c.want, decision)
			before, beforeReason, _ := ordinary.Authorize(t.Context(), c.request)
			require.Equal(t, beforeReason, reason)
			if c.want != deny {
				require.Equal(t, before, decision)
			} else {
				require.Equal(t, none, before)
			}
			require.Equal(t, kauthorizer.ConditionsAwareDecisionFromParts(decision, reason, nil),
				strict.ConditionsAwareAuthorize(t.Context(), c.request))
		})
	}
}

// TestAudit: it is decided as ever, and what ModeDeny would deny is counted, and logged so that no Seed fills the log.
func TestAudit(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	policy := admission.Policy{Exempt: []admission.Exemption{
		{Extensions: []string{"any"}, Namespaces: []string{"foo"}, Resources: []string{"secrets"}},
	}}
	audit := newAuthorizer(t, authorizer.Options{
		Mode: authorizer.ModeAudit, Exempt: policy.Exempts, Registerer: registry,
	})
	var lines []string
	ctx := klog.NewContext(t.Context(), funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{}))
	ask := func(want kauthorizer.Decision, who user.Info, r request) {
		t.Helper()
		r.User = who
		decision, _, err := audit.Authorize(ctx, r)
		require.NoError(t, err)
		require.Equal(t, want, decision)
	}
	for _, r := range decided {
		ask(r.want, r.who, r.request)
	}
	ask(none, e1, on("get", "secrets", "foo/x"))
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
		# HELP seedguard_authorizer_audited_total Requests that mode Audit leaves to RBAC and mode Deny would deny, `+
		`by kind of client, resource and verb.
		# TYPE seedguard_authorizer_audited_total counter
		seedguard_authorizer_audited_total{client="extension",resource="leases.coordination.k8s.io",verb="get"} 1
		seedguard_authorizer_audited_total{client="gardenlet",resource="secrets",verb="deletecollection"} 1
		seedguard_authorizer_audited_total{client="gardenlet",resource="secrets",verb="get"} 3
		seedguard_authorizer_audited_total{client="gardenlet",resource="shoots.core.gardener.cloud",verb="list"} 1
	`)))
	require.Len(t, lines, 6)

	long := on(strings.Repeat("v", 1000), "secrets", "a/"+strings.Repeat("n", 1000))
	ask(none, g1, long)
	require.Len(t, lines, 7)
	require.Contains(t, lines[6], `"msg"="Mode Deny would deny a request" "user"="gardener.cloud:system:seed:s1"`)
	require.Contains(t, lines[6], `"resource"="secrets"`)
	require.Contains(t, lines[6], "allowed verbs: create")
	require.Less(t, len(lines[6]), 1500)
	require.Equal(t, 1, testutil.CollectAndCount(registry, "seedguard_authorizer_audited_total")-4)

	for range 200 {
		ask(none, g1, on("get", "secrets", "garden-s2/own"))
	}
	require.Less(t, len(lines), 100)
	many := len(lines)
	ask(none, g2, on("get", "secrets", "garden-s1/own"))
	require.Len(t, lines, many+1, "another Seed's line")
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}
