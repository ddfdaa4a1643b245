package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seedguard/seedguard/pkg/replay"
	testgarden "github.com/seedguard/seedguard/test/garden"
)

// TestReplay: the audit log of a real kube-apiserver with the documented policy, replayed on the garden's objects.
// While seedguard decides, everything would be decided as it was. What RBAC lets through before the switch, and what is
// created without the restriction, would be refused.
func TestReplay(t *testing.T) {
	policy, err := testgarden.ReplayPolicy()
	require.NoError(t, err)
	g := gardenWith(t, testgarden.Options{Audit: true, AuditPolicy: policy})
	withSeeds(t, g, "own", "other")
	// After the landscape: so seedguard knows all of it when the first request comes, as the replay does.
	require.NoError(t, g.StartSeedguard(t.Context(), hardlyWaits))
	own := gardenlet(t, g, "own")
	extension := accessOf(t, g, "own", "extension-local")

	requested, refused := 0, 0
	for who, c := range map[*client]struct{ allowed, forbidden string }{
		own:       {related, forbiddenToAll},
		extension: {extensionRelated, forbiddenToExtensions},
	} {
		for _, request := range requests(c.allowed, "SEED", "own") {
			require.NoError(t, who.do(t.Context(), request), request)
			requested++
		}
		for _, request := range append(requests(c.allowed+c.forbidden, "SEED", "other"),
			requests(c.forbidden, "SEED", "own")...) {
			requested++
			if apierrors.IsForbidden(who.do(t.Context(), request)) { // a few are allowed to all Seeds
				refused++
			}
		}
	}
	require.Greater(t, refused, requested/3)
	require.NoError(t, own.create(t.Context(), object("ConfigMap", "garden-own/crop.ca-kubelet")))
	denied(t, own.create(t.Context(), object("ConfigMap", "garden-other/crop.ca-kubelet")), http.StatusForbidden,
		"a ConfigMap of another's Shoot")
	require.NoError(t, own.create(t.Context(), object("Secret", "garden-own/crop.monitoring")))

	exported := t.TempDir()
	require.NoError(t, admin(t, g).Export(t.Context(), exported))
	log := g.AuditLogs()[0]
	report, exit, err := g.Replay(t.Context(), log, "--landscape", exported)
	require.NoError(t, err)
	for _, group := range report.Groups {
		for _, x := range group.Examples {
			require.Equal(t, replay.Unknown, x.Verdict, "%s %s %s/%s: %+v", group.Client, group.Verb, group.Resource,
				group.Subresource, x)
		}
	}
	require.Zero(t, exit)
	require.Zero(t, report.BrokenLines)
	require.GreaterOrEqual(t, report.Summary.Same, requested)
	require.Zero(t, report.Summary.Unknown)
	created := groupOf(t, report, "create", "configmaps")
	require.Equal(t, 2, created.Same)
	require.Zero(t, created.AdmissionNotDecided)
	require.Equal(t, 1, groupOf(t, report, "create", "secrets").AdmissionNotDecided, "the log has no Secrets")

	// As before the switch: gardenlets may do everything by RBAC, and nothing restricts what they create.
	operator := own.asAdmin()
	operator.apply(t, one(t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: "gardener.cloud:system:seeds"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "gardener.cloud:system:seeds"}]`))
	require.NoError(t, operator.Kubernetes.AdmissionregistrationV1().ValidatingWebhookConfigurations().Delete(t.Context(),
		"seedguard", metav1.DeleteOptions{}))
	soon(t, "read another's Secret by RBAC", func() error {
		return own.do(t.Context(), "get Secret garden-other/infrastructure")
	})
	own.allows(t, "list Secret garden-other/", "get Secret garden-other/infrastructure")
	soon(t, "create another's ConfigMap", func() error {
		return own.create(t.Context(), object("ConfigMap", "garden-other/crop.ca-kubelet"))
	})
	report, exit, err = g.Replay(t.Context(), log, "--kubeconfig", kubeconfigOf(t, g.Admin()))
	require.NoError(t, err)
	require.Equal(t, 1, exit)
	require.Zero(t, report.Summary.WouldBeAllowed)
	read := groupOf(t, report, "get", "secrets")
	require.Equal(t, 2, read.WouldBeRefused)
	require.Zero(t, read.NotInLandscape)
	require.Len(t, read.Examples, 1, "the same request twice")
	require.Equal(t, "infrastructure", read.Examples[0].Name)
	require.Equal(t, "garden-other", read.Examples[0].Namespace)
	require.Equal(t, 1, groupOf(t, report, "list", "secrets").WouldBeRefused)
	created = groupOf(t, report, "create", "configmaps")
	require.Equal(t, 1, created.WouldBeRefused)
	require.Contains(t, created.Examples[0].Reason, `may not create configmaps "garden-other/crop.ca-kubelet"`)
	require.NotContains(t, created.Examples[0].Reason, "already exists", "which it does because it was created")
	require.Equal(t, 4, report.Summary.WouldBeRefused)
}

func groupOf(t *testing.T, report *replay.Report, verb, resource string) replay.Group {
	t.Helper()
	for _, group := range report.Groups {
		if group.Client == "gardenlet" && group.Verb == verb && group.Resource == resource && group.Subresource == "" {
			return group
		}
	}
	require.Fail(t, "no such group", "%s %s", verb, resource)
	return replay.Group{}
}
