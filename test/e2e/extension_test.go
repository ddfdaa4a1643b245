package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	testgarden "github.com/seedguard/seedguard/test/garden"
)

// Requests that are allowed to an extension of SEED, and forbidden to one of another Seed.
const extensionRelated = `
	get,update,patch BackupBucket bucket-SEED
	get,patch BackupEntry garden-SEED/shoot--crop
	get,patch Bastion garden-SEED/bastion
	list Bastion fields:spec.seedName=SEED
	get CloudProfile cloud-SEED
	get NamespacedCloudProfile garden-SEED/cloud
	get CredentialsBinding garden-SEED/identity
	get Namespace garden-SEED
	get Project SEED
	get,patch Secret garden-SEED/infrastructure
	get,patch Secret garden/backup-SEED
	list,watch Secret seed-SEED/
	get SecretBinding garden-SEED/binding
	get,patch Seed SEED
	list,watch Seed labels:name.seed.gardener.cloud/SEED=true
	get,patch Shoot garden-SEED/crop
	list,watch Shoot labels:name.seed.gardener.cloud/SEED=true
	get ShootState garden-SEED/crop
	list,watch Lease seed-SEED/
`

// Requests that are forbidden to extensions, of SEED too.
const forbiddenToExtensions = `
	list,watch Shoot
	list,watch Secret
	get Secret garden-SEED/unrelated
	list,watch Lease
	get,patch,delete Lease gardener-system-seed-lease/SEED
	list,watch CertificateSigningRequest
	patch ServiceAccount seed-SEED/extension-local
	delete ServiceAccount seed-SEED/extension-local
	list ServiceAccount seed-SEED/
`

const accountManifest = `{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: seed-SEED, name: NAME}}`

// accessOf does what the gardenlet's TokenRequestor does for a Secret in the Seed: it creates the ServiceAccount and
// has a token made for it, all as the gardenlet. It returns the client that an extension makes of the kubeconfig.
func accessOf(t *testing.T, g *testgarden.Garden, seed, account string) *client {
	t.Helper()
	c := gardenlet(t, g, seed)
	soon(t, "create ServiceAccount", func() error {
		return c.create(t.Context(), one(t, accountManifest, "SEED", seed, "NAME", account))
	})
	hour := int64(3600)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour}}
	answer, err := c.Kubernetes.CoreV1().ServiceAccounts("seed-"+seed).CreateToken(t.Context(), account, request,
		metav1.CreateOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, answer.Status.Token)
	kubeconfig, err := testgarden.Kubeconfig(g.WithToken(answer.Status.Token))
	require.NoError(t, err)
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	require.NoError(t, err)
	config.QPS = -1 // a kubeconfig does not say that there is no limit
	return newClient(t, g, config)
}

// TestExtensionGardenAccess: the way of an extension to the garden, from its ServiceAccount on.
func TestExtensionGardenAccess(t *testing.T) {
	withSeeds(t, shared, "access-a", "access-b")
	extension := accessOf(t, shared, "access-a", "extension-local")

	for _, request := range requests(extensionRelated, "SEED", "access-a") {
		t.Run("own/"+request, func(t *testing.T) { extension.allows(t, request) })
	}
	gardenlet(t, shared, "access-b").allows(t,
		requests("get Shoot garden-access-b/crop\nget Secret garden-access-b/infrastructure\nlist Bastion "+
			"fields:spec.seedName=access-b")...)
	for _, request := range requests(extensionRelated, "SEED", "access-b") {
		if request == "get BackupBucket bucket-access-b" || request == "get BackupEntry garden-access-b/shoot--crop" {
			continue // may be read by all
		}
		t.Run("other/"+request, func(t *testing.T) { extension.forbids(t, request) })
	}
	for _, seed := range []string{"access-a", "access-b"} {
		for _, request := range requests(forbiddenToExtensions, "SEED", seed) {
			t.Run("none/"+request, func(t *testing.T) { extension.forbids(t, request) })
		}
	}

	t.Run("leases in its own namespace only", func(t *testing.T) {
		lease := `{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: NS, name: leader},
			spec: {holderIdentity: me}}`
		require.NoError(t, extension.create(t.Context(), one(t, lease, "NS", "seed-access-a")))
		extension.allows(t, requests("get,update,patch,delete Lease seed-access-a/leader\ndeletecollection Lease "+
			"seed-access-a/")...)
		for _, namespace := range []string{"seed-access-b", "garden", "gardener-system-seed-lease", "kube-system"} {
			forbidden(t, extension.create(t.Context(), one(t, lease, "NS", namespace)), namespace)
		}
		require.NoError(t, extension.remove(t.Context(), "Lease", "seed-access-a/leader"))
	})
	t.Run("no CertificateSigningRequests, ClusterRoleBindings, ServiceAccounts", func(t *testing.T) {
		forbidden(t, extension.create(t.Context(), certificateSigningRequest(t, "access-a-extension", "access-a")), "CSR")
		forbidden(t, extension.create(t.Context(), bootstrapBinding("garden", "access-a-child")), "ClusterRoleBinding")
		forbidden(t, extension.create(t.Context(), one(t, accountManifest, "SEED", "access-a", "NAME", "extension-more")),
			"ServiceAccount")
		_, err := extension.Kubernetes.CoreV1().ServiceAccounts("seed-access-a").
			CreateToken(t.Context(), "extension-local", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		forbidden(t, err, "ServiceAccount token")
	})
}

// TestOtherServiceAccounts: the prefix makes a ServiceAccount an extension, and the namespace says of which Seed.
func TestOtherServiceAccounts(t *testing.T) {
	withSeeds(t, shared, "accounts-a", "accounts-b")
	own := requests(`
		get Seed SEED
		get Shoot garden-SEED/crop
		get Secret garden-SEED/infrastructure
		list Secret seed-SEED/
		list BackupBucket
		list Lease seed-SEED/
	`, "SEED", "accounts-a")
	accessOf(t, shared, "accounts-a", "extension-right").allows(t, own...)
	accessOf(t, shared, "accounts-a", "gardenlet").forbids(t, own...)
	accessOf(t, shared, "accounts-b", "extension-right").forbids(t, "get Seed accounts-a",
		"get Shoot garden-accounts-a/crop", "list Secret seed-accounts-a/")
}

// TestGardenletAccounts: a gardenlet has ServiceAccounts and tokens in its own namespace and nowhere else.
func TestGardenletAccounts(t *testing.T) {
	withSeeds(t, shared, "token-a", "token-b")
	accessOf(t, shared, "token-b", "extension-local")
	a := gardenlet(t, shared, "token-a")
	accessOf(t, shared, "token-a", "extension-local")
	a.allows(t, requests("get,list,watch,update,patch,delete ServiceAccount "+
		"seed-token-a/extension-local\ndeletecollection ServiceAccount seed-token-a/")...)
	a.forbids(t, requests("get,list,update,patch,delete ServiceAccount seed-token-b/extension-local")...)
	forbidden(t, a.create(t.Context(), one(t, accountManifest, "SEED", "token-b", "NAME", "extension-other")), "create")
	_, err := a.Kubernetes.CoreV1().ServiceAccounts("seed-token-b").
		CreateToken(t.Context(), "extension-local", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	forbidden(t, err, "token")
}

// TestRenewGardenAccess: an operator asks for new tokens by an annotation, which the Seed's gardenlet removes, and no
// other.
func TestRenewGardenAccess(t *testing.T) {
	withSeeds(t, shared, "renew-a", "renew-b")
	a, b := gardenlet(t, shared, "renew-a"), gardenlet(t, shared, "renew-b")
	b.allows(t, "patch Seed renew-b")
	old := accessOf(t, shared, "renew-a", "extension-local")
	old.allows(t, "get Seed renew-a")

	const remove = `{"metadata":{"annotations":{"gardener.cloud/operation":null}}}`
	require.NoError(t, a.asAdmin().merge(t.Context(), "Seed", "renew-a",
		`{"metadata":{"annotations":{"gardener.cloud/operation":"renew-garden-access-secrets"}}}`))
	forbidden(t, b.merge(t.Context(), "Seed", "renew-a", remove), "another gardenlet")

	// What the gardenlet does then: a new token for the same ServiceAccount.
	answer, err := a.Kubernetes.CoreV1().ServiceAccounts("seed-renew-a").
		CreateToken(t.Context(), "extension-local", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.NoError(t, a.merge(t.Context(), "Seed", "renew-a", remove))
	newClient(t, shared, shared.WithToken(answer.Status.Token)).allows(t, "get Seed renew-a",
		"get Shoot garden-renew-a/crop")
}
