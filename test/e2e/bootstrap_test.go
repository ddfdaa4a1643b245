package e2e

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seedguard/seedguard/pkg/naming"
	"github.com/seedguard/seedguard/test/pki"
)

// certificateSigningRequest is what a gardenlet asks for to become, or to stay, the client of a Seed.
func certificateSigningRequest(t *testing.T, name, seed string) *certificatesv1.CertificateSigningRequest {
	t.Helper()
	request, err := pki.CertificateRequest(&x509.CertificateRequest{Subject: pkix.Name{
		CommonName: "gardener.cloud:system:seed:" + seed, Organization: []string{"gardener.cloud:system:seeds"},
	}})
	require.NoError(t, err)
	return &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:    request,
			SignerName: certificatesv1.KubeAPIServerClientSignerName,
			Usages: []certificatesv1.KeyUsage{certificatesv1.UsageKeyEncipherment, certificatesv1.UsageDigitalSignature,
				certificatesv1.UsageClientAuth},
		},
	}
}

// bootstrapBinding is what lets the bootstrap ServiceAccount of a ManagedSeed ask for its certificate.
func bootstrapBinding(namespace, managedSeed string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: naming.BootstrapClusterRoleBinding(namespace, managedSeed)},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: naming.BootstrapperClusterRole},
		Subjects: []rbacv1.Subject{
			{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: naming.BootstrapServiceAccount(managedSeed)},
		},
	}
}

// tokenManifest is the Secret of a bootstrap token.
const tokenManifest = `
apiVersion: v1
kind: Secret
metadata: {namespace: kube-system, name: bootstrap-token-ID}
type: bootstrap.kubernetes.io/token
stringData:
  description: DESCRIPTION
  token-id: "ID"
  token-secret: 0123456789abcdef
  usage-bootstrap-authentication: "true"
  usage-bootstrap-signing: "true"
  expiration: "EXPIRATION"
`

// tokenDescription is how the Secret of a bootstrap token says what it is for.
func tokenDescription(kind, name string) string {
	return "A bootstrap token for the Gardenlet for seedmanagement.gardener.cloud/v1alpha1." + kind + " resource " + name +
		"."
}

// bootstrapToken is the Secret of the bootstrap token for a ManagedSeed or Gardenlet.
func bootstrapToken(t *testing.T, kind, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	return one(t, tokenManifest, "ID", naming.BootstrapTokenID(namespace, name),
		"DESCRIPTION", tokenDescription(kind, namespace+"/"+name),
		"EXPIRATION", time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339))
}

// accountToBootstrap is the ServiceAccount for the bootstrap of a ManagedSeed in namespace garden.
func accountToBootstrap(t *testing.T, managedSeed string) *unstructured.Unstructured {
	t.Helper()
	return one(t, `{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: garden, name: gardenlet-bootstrap-NAME}}`,
		"NAME", managedSeed)
}

// certificateUntil has a Seed's gardenlet report until when its certificate is valid.
func certificateUntil(t *testing.T, seed string, expiry time.Time) {
	t.Helper()
	c := gardenlet(t, shared, seed)
	soon(t, "report the certificate's expiry", func() error {
		return c.merge(t.Context(), "Seed", seed,
			fmt.Sprintf(`{"status":{"clientCertificateExpirationTimestamp":%q}}`, expiry.UTC().Format(time.RFC3339)), "status")
	})
}

// register has the gardenlet of a Seed register it.
func register(t *testing.T, seed string, expiry time.Time) {
	t.Helper()
	require.NoError(t, gardenlet(t, shared, seed).create(t.Context(), one(t,
		`{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: NAME,
			labels: {name.seed.gardener.cloud/NAME: "true"}}, spec: {provider: {type: local, region: local}}}`,
		"NAME", seed)))
	certificateUntil(t, seed, expiry)
}

// bootstrapAgain asserts that each way to allow bootstrapping again allows request, and that its end forbids it.
func bootstrapAgain(t *testing.T, c *client, kind, name, seed, request string) {
	t.Helper()
	allowed, forbidden := func() { t.Helper(); c.allows(t, request) }, func() {
		t.Helper()
		soonForbidden(t, request, func() error { return c.do(t.Context(), request) })
	}
	certificateUntil(t, seed, time.Now().Add(-time.Minute))
	allowed()
	certificateUntil(t, seed, time.Now().Add(time.Hour))
	forbidden()

	require.NoError(t, c.asAdmin().merge(t.Context(), kind, name,
		`{"metadata":{"annotations":{"gardener.cloud/operation":"renew-kubeconfig"}}}`))
	allowed()
	require.NoError(t, c.asAdmin().merge(t.Context(), kind, name,
		`{"metadata":{"annotations":{"gardener.cloud/operation":null}}}`))
	forbidden()

	// No event tells that the time has come.
	certificateUntil(t, seed, time.Now().Add(3*time.Second))
	forbidden()
	allowed()
	certificateUntil(t, seed, time.Now().Add(time.Hour))
	forbidden()
}

// TestBootstrapByToken: the parent's gardenlet prepares the bootstrap of a managed Seed, and has done with it
// afterwards.
func TestBootstrapByToken(t *testing.T) {
	withSeeds(t, shared, "token-parent", "token-other")
	const child = "token-parent-child"
	parent, other := gardenlet(t, shared, "token-parent"), gardenlet(t, shared, "token-other")
	secret := "kube-system/" + naming.BootstrapTokenSecret("garden", child)
	use := requests("get,update,patch,delete Secret " + secret)
	other.allows(t, "get ManagedSeed garden/token-other-child")

	forbidden(t, other.create(t.Context(), bootstrapToken(t, "ManagedSeed", "garden", child)), "another gardenlet")
	soon(t, "create", func() error {
		return parent.create(t.Context(), bootstrapToken(t, "ManagedSeed", "garden", child))
	})
	parent.allows(t, use...)
	other.forbids(t, use...)
	require.NoError(t, parent.remove(t.Context(), "Secret", secret), "the parent may take it back")
	require.NoError(t, parent.create(t.Context(), bootstrapToken(t, "ManagedSeed", "garden", child)))

	register(t, child, time.Now().Add(time.Hour))
	soonForbidden(t, "get after the bootstrap", func() error { return parent.do(t.Context(), "get Secret "+secret) })
	parent.forbids(t, use...)
	other.forbids(t, use...)
	err := parent.create(t.Context(), bootstrapToken(t, "ManagedSeed", "garden", child))
	require.True(t, apierrors.IsBadRequest(err), "whether a Secret that it may not read exists is not told: %v", err)

	forbidden(t, other.remove(t.Context(), "Secret", secret), "another gardenlet")
	require.NoError(t, gardenlet(t, shared, child).remove(t.Context(), "Secret", secret), "the child clears up")
	err = parent.create(t.Context(), bootstrapToken(t, "ManagedSeed", "garden", child))
	require.True(t, apierrors.IsBadRequest(err), "%v", err)

	parent.apply(t, bootstrapToken(t, "ManagedSeed", "garden", child))
	bootstrapAgain(t, parent, "ManagedSeed", "garden/"+child, child, "get Secret "+secret)
}

// TestBootstrapByServiceAccount: as by token, with a ServiceAccount and its ClusterRoleBinding.
func TestBootstrapByServiceAccount(t *testing.T) {
	withSeeds(t, shared, "account-parent", "account-other")
	const child = "account-parent-child"
	parent, other := gardenlet(t, shared, "account-parent"), gardenlet(t, shared, "account-other")
	require.NoError(t, parent.asAdmin().merge(t.Context(), "ManagedSeed", "garden/"+child,
		`{"spec":{"gardenlet":{"bootstrap":"ServiceAccount"}}}`))
	use := requests(`
		get,update,patch ServiceAccount garden/gardenlet-bootstrap-CHILD
		get,update,patch ClusterRoleBinding BINDING
	`, "CHILD", child, "BINDING", naming.BootstrapClusterRoleBinding("garden", child))
	other.allows(t, "get ManagedSeed garden/account-other-child")

	forbidden(t, other.create(t.Context(), accountToBootstrap(t, child)), "another gardenlet")
	forbidden(t, other.create(t.Context(), bootstrapBinding("garden", child)), "another gardenlet")
	soon(t, "create", func() error { return parent.create(t.Context(), accountToBootstrap(t, child)) })
	require.NoError(t, parent.create(t.Context(), bootstrapBinding("garden", child)))
	parent.allows(t, use...)
	other.forbids(t, use...)

	// The token of the ServiceAccount, as a Secret that it lists.
	const token = "gardenlet-bootstrap-account-parent-child-token"
	parent.apply(t, object("Secret", "garden/"+token))
	require.NoError(t, parent.asAdmin().merge(t.Context(), "ServiceAccount", "garden/gardenlet-bootstrap-"+child,
		`{"secrets":[{"name":"`+token+`"}]}`))
	parent.allows(t, "get Secret garden/"+token)
	other.forbids(t, "get Secret garden/"+token)

	// With it the child asks for its certificate. It is no seed client yet: RBAC decides.
	answer, err := parent.asAdmin().Kubernetes.CoreV1().ServiceAccounts("garden").
		CreateToken(t.Context(), "gardenlet-bootstrap-"+child, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	bootstrapper := newClient(t, shared, shared.WithToken(answer.Status.Token))
	require.NoError(t, bootstrapper.create(t.Context(), certificateSigningRequest(t, "first-"+child, child)))
	forbidden(t, bootstrapper.do(t.Context(), "get Seed "+child), "RBAC grants no more")

	register(t, child, time.Now().Add(time.Hour))
	soonForbidden(t, "get after the bootstrap", func() error {
		return parent.do(t.Context(), "get ServiceAccount garden/gardenlet-bootstrap-"+child)
	})
	parent.forbids(t, use...)

	clearUp := []struct{ kind, name string }{
		{"ClusterRoleBinding", naming.BootstrapClusterRoleBinding("garden", child)},
		{"ServiceAccount", "garden/gardenlet-bootstrap-" + child},
	}
	for _, o := range clearUp {
		forbidden(t, other.remove(t.Context(), o.kind, o.name), "another gardenlet: "+o.kind)
		forbidden(t, parent.remove(t.Context(), o.kind, o.name), "the parent: "+o.kind)
		require.NoError(t, gardenlet(t, shared, child).remove(t.Context(), o.kind, o.name), "the child clears up")
	}
	for _, o := range []error{
		parent.create(t.Context(), accountToBootstrap(t, child)),
		parent.create(t.Context(), bootstrapBinding("garden", child)),
	} {
		require.True(t, apierrors.IsBadRequest(o), "%v", o)
	}

	parent.apply(t, accountToBootstrap(t, child), bootstrapBinding("garden", child))
	bootstrapAgain(t, parent, "ManagedSeed", "garden/"+child, child, use[0])
	bootstrapAgain(t, parent, "ManagedSeed", "garden/"+child, child, use[3])
}

// TestBootstrapOfGardenlet: a gardenlet that runs on its own renews itself by a token for its Gardenlet.
func TestBootstrapOfGardenlet(t *testing.T) {
	withSeeds(t, shared, "self", "self-other")
	self, other := gardenlet(t, shared, "self"), gardenlet(t, shared, "self-other")
	other.allows(t, "get Gardenlet garden/self-other")
	certificateUntil(t, "self", time.Now().Add(time.Hour))
	token := bootstrapToken(t, "Gardenlet", "garden", "self")
	err := self.create(t.Context(), token)
	require.True(t, apierrors.IsBadRequest(err), "%v", err)
	forbidden(t, other.create(t.Context(), token), "another gardenlet")

	self.apply(t, token)
	bootstrapAgain(t, self, "Gardenlet", "garden/self", "self", "get Secret kube-system/"+token.GetName())
	self.forbids(t, "patch Secret kube-system/"+token.GetName())
	self.allows(t, "delete Secret kube-system/"+token.GetName()) // its own may always go
	other.forbids(t, "delete Secret kube-system/"+token.GetName())

	certificateUntil(t, "self", time.Now().Add(-time.Minute))
	self.allows(t, "get Secret kube-system/"+token.GetName())
	require.NoError(t, self.remove(t.Context(), "Secret", "kube-system/"+token.GetName()))
	forbidden(t, other.create(t.Context(), token), "another gardenlet")
	require.NoError(t, self.create(t.Context(), token))
}
