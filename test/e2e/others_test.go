package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	testgarden "github.com/seedguard/seedguard/test/garden"
)

// reviews returns how many requests seedguard's webhooks have got so far, whatever became of them.
func reviews(t *testing.T, g *testgarden.Garden) (authorizer, admission int) {
	t.Helper()
	count := func(metric string, labels ...string) int {
		value, err := g.Guard.Metric(t.Context(), metric, labels...)
		require.NoError(t, err)
		return int(value)
	}
	return count("seedguard_authorizer_decisions_total") +
			count("seedguard_webhook_rejected_total", `webhook="authorizer"`),
		count("seedguard_admission_decisions_total") + count("seedguard_webhook_rejected_total", `webhook="admission"`)
}

// TestOthersAreNotSent: requests of people and other controllers never reach the webhooks, and those of seed clients
// do.
func TestOthersAreNotSent(t *testing.T) {
	withSeeds(t, shared, "match-a")
	a := gardenlet(t, shared, "match-a")
	a.allows(t, "get Shoot garden-match-a/crop")
	a.apply(t,
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "project-member"}, Rules: []rbacv1.PolicyRule{
			{Verbs: []string{"*"}, APIGroups: []string{"core.gardener.cloud"},
				Resources: []string{"shoots", "shoots/adminkubeconfig", "shoots/viewerkubeconfig"}},
			{Verbs: []string{"*"}, APIGroups: []string{""}, Resources: []string{"secrets"}},
			{Verbs: []string{"*"}, APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}},
		}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "project-member"},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "project-member"},
			Subjects: []rbacv1.Subject{
				{APIGroup: rbacv1.GroupName, Kind: "User", Name: "alice"},
				{Kind: "ServiceAccount", Namespace: "garden", Name: "controller"},
				{Kind: "ServiceAccount", Namespace: "garden-match-a", Name: "extension-robot"},
			}},
		object("ServiceAccount", "garden/controller"),
		object("ServiceAccount", "garden-match-a/extension-robot"),
	)
	alice, err := shared.Client("alice", "people")
	require.NoError(t, err)
	others := map[string]*rest.Config{"a person": alice}
	for name, account := range map[string][2]string{"a controller": {"garden", "controller"},
		"a Project's robot": {"garden-match-a", "extension-robot"}} {
		answer, err := a.asAdmin().Kubernetes.CoreV1().ServiceAccounts(account[0]).
			CreateToken(t.Context(), account[1], &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		require.NoError(t, err)
		others[name] = shared.WithToken(answer.Status.Token)
	}

	for name, config := range others {
		t.Run(name, func(t *testing.T) {
			other := newClient(t, shared, config)
			other.allows(t, "get Shoot garden-match-a/crop") // RBAC needs a moment too
			authorizer, admission := reviews(t, shared)
			for range 10 {
				require.NoError(t, other.do(t.Context(), "get Shoot garden-match-a/crop"))
				require.NoError(t, other.do(t.Context(), "list Shoot"))
				require.NoError(t, other.do(t.Context(), "list Secret"))
				require.NoError(t, other.tryCreate(t.Context(), object("Secret", "garden-match-a/theirs")))
				require.NoError(t, other.tryCreate(t.Context(), object("Lease", "garden-match-a/theirs")))
				forbidden(t, other.do(t.Context(), "get Seed match-a"), "by RBAC")
			}
			for _, subresource := range []string{"adminkubeconfig", "viewerkubeconfig"} {
				// The test garden has no such subresource, so the way there ends at 404, beyond all authorizers.
				err := other.Kubernetes.Discovery().RESTClient().Post().
					AbsPath("/apis/core.gardener.cloud/v1beta1/namespaces/garden-match-a/shoots/crop", subresource).
					Body([]byte(`{}`)).Do(t.Context()).Error()
				require.True(t, apierrors.IsNotFound(err), "%s: %v", subresource, err)
			}
			gotAuthorizer, gotAdmission := reviews(t, shared)
			require.Equal(t, authorizer, gotAuthorizer, "SubjectAccessReviews")
			require.Equal(t, admission, gotAdmission, "AdmissionReviews")
		})
	}

	t.Run("seed clients", func(t *testing.T) {
		authorizer, admission := reviews(t, shared)
		for range 10 {
			require.NoError(t, a.do(t.Context(), "get Shoot garden-match-a/crop"))
			denied(t, a.tryCreate(t.Context(), object("Lease", "garden/theirs")), http.StatusForbidden, "Lease")
		}
		gotAuthorizer, gotAdmission := reviews(t, shared)
		require.Equal(t, authorizer+20, gotAuthorizer, "SubjectAccessReviews: nothing is cached by the API server")
		require.Equal(t, admission+10, gotAdmission, "AdmissionReviews")
	})
}

// TestKubeconfigSubresources: seed clients may not get credentials of Shoots unless that is configured.
func TestKubeconfigSubresources(t *testing.T) {
	withSeeds(t, shared, "kubeconfig-a")
	a := gardenlet(t, shared, "kubeconfig-a")
	a.allows(t, "get Shoot garden-kubeconfig-a/crop")
	for _, subresource := range []string{"adminkubeconfig", "viewerkubeconfig"} {
		review, err := a.asAdmin().Kubernetes.AuthorizationV1().SubjectAccessReviews().Create(t.Context(),
			&authorizationv1.SubjectAccessReview{
				Spec: authorizationv1.SubjectAccessReviewSpec{
					User:   "gardener.cloud:system:seed:kubeconfig-a",
					Groups: []string{"gardener.cloud:system:seeds"},
					ResourceAttributes: &authorizationv1.ResourceAttributes{
						Verb: "create", Group: "core.gardener.cloud", Resource: "shoots", Subresource: subresource,
						Namespace: "garden-kubeconfig-a", Name: "crop",
					},
				},
			}, metav1.CreateOptions{})
		require.NoError(t, err)
		require.False(t, review.Status.Allowed, subresource)
	}
}
