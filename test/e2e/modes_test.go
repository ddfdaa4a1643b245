package e2e

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// leftOver is what gardenlets were given by RBAC before there was seedguard.
func leftOver() (*rbacv1.ClusterRole, *rbacv1.ClusterRoleBinding) {
	const name = "left-over"
	role := &rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"", "core.gardener.cloud", rbacv1.GroupName}, Resources: []string{"*"}, Verbs: []string{"*"}},
		},
	}
	binding := &rbacv1.ClusterRoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "Group", Name: "gardener.cloud:system:seeds"}},
	}
	return role, binding
}

// TestModes goes the way of an operator who moves over: Observe has no influence, Audit tells what RBAC lets pass, and
// with Deny nothing that RBAC was left with counts.
func TestModes(t *testing.T) {
	g := ownGarden(t)
	withSeeds(t, g, "a", "b")
	count := func(metric string, labels ...string) float64 {
		t.Helper()
		n, err := g.Guard.Metric(t.Context(), metric, labels...)
		require.NoError(t, err)
		return n
	}
	config, err := g.Gardenlet("a")
	require.NoError(t, err)
	warned := &warnings{}
	config.WarningHandler = warned
	a := newClient(t, g, config)
	own, foreign := "get Secret garden-a/infrastructure", "get Secret garden-b/infrastructure"
	theirs := object("Secret", "garden-b/crop.monitoring")

	// Observe. The other webhook is this one, as the kubeconfig of the API server leads to it: it has no opinion.
	other := filepath.Join(g.Dir, "authorization-1.kubeconfig")
	require.NoError(t, g.StartSeedguard(t.Context(), "--authorizer-mode=Observe", "--restriction-mode=Observe",
		"--observe-compare-with="+other))
	forbidden(t, a.do(t.Context(), own), "its own, which RBAC does not allow")
	forbidden(t, a.do(t.Context(), foreign), "another's, which RBAC does not allow")
	require.ErrorContains(t, a.do(t.Context(), own), "seedguard observes, and would say allow")
	role, binding := leftOver()
	a.apply(t, role, binding)
	a.allows(t, own, foreign, "list Seed", "list ClusterRole")
	require.NoError(t, a.tryCreate(t.Context(), theirs))
	require.Empty(t, warned.take())
	for _, result := range []string{"allow", "no_opinion"} {
		require.Positive(t,
			count("seedguard_authorizer_decisions_total", `result="`+result+`"`, `resource="secrets"`, `verb="get"`))
	}
	require.InDelta(t, 1, count("seedguard_admission_decisions_total", `result="denied"`), 0)
	require.InDelta(t, 2, count("seedguard_mode", `mode="Observe"`), 0)
	require.Contains(t, g.Guard.Tail(1<<20), `"Would have denied a request" user="gardener.cloud:system:seed:a"`)
	require.Eventually(t, func() bool {
		return count("seedguard_compared_differences_total", `direction="onlyWe"`, `resource="secrets"`) > 0
	}, patience, 20*time.Millisecond)
	require.Zero(t, count("seedguard_compared_differences_total", `direction="onlyThey"`))
	require.Zero(t, count("seedguard_compared_reviews_total", `result="error"`))
	require.Zero(t, count("seedguard_authorizer_waits_total"), "requests that were kept waiting")
	g.Guard.Stop()

	// Audit, and the restriction decides.
	require.NoError(t, g.StartSeedguard(t.Context(), "--authorizer-mode=Audit"))
	a.allows(t, own, foreign, "list Seed", "list ClusterRole")
	denied(t, a.tryCreate(t.Context(), theirs), http.StatusForbidden, "a Secret of another's Shoot")
	require.Positive(t, count("seedguard_authorizer_waits_total"))
	for _, resource := range []string{"secrets", "seeds.core.gardener.cloud"} {
		require.Positive(t, count("seedguard_authorizer_audited_total", `client="gardenlet"`, `resource="`+resource+`"`))
	}
	require.Contains(t, g.Guard.Tail(1<<20), `"Mode Deny would deny a request" user="gardener.cloud:system:seed:a"`)
	g.Guard.Stop()

	// Deny: RBAC is not asked about what a rule names, and about everything else it is.
	require.NoError(t, g.StartSeedguard(t.Context(), "--authorizer-mode=Deny"))
	a.allows(t, own, "list ClusterRole", "list Seed labels:name.seed.gardener.cloud/a=true")
	a.forbids(t, foreign, "list Seed")
	require.NoError(t, admin(t, g).do(t.Context(), foreign))
	require.Positive(t, count("seedguard_authorizer_decisions_total", `result="deny"`))
}
