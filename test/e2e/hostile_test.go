package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/pkg/naming"
)

// What a gardenlet or an extension of Seed OWN may try to get at what belongs to OTHER, or to nobody. All of it is
// forbidden by the authorizer.
const tricks = `
	get,update,patch,delete Secret seed-OTHER/token
	list,watch Secret seed-OTHER/
	list,watch Secret seed-OTHER/ fields:metadata.name=token
	list,watch Secret garden-OTHER/ fields:metadata.name=infrastructure
	list,watch Secret garden-OWN/ fields:metadata.name=unrelated
	list,watch Secret fields:metadata.name=infrastructure
	list,watch ConfigMap garden-OTHER/ fields:metadata.name=audit-policy
	list,watch ConfigMap fields:metadata.name=audit-policy
	list,watch InternalSecret garden-OTHER/ fields:metadata.name=infrastructure
	list,watch InternalSecret fields:metadata.name=infrastructure
	list,watch ShootState fields:metadata.name=crop
	list,watch Shoot fields:metadata.name=crop
	list,watch Shoot garden-OTHER/ fields:metadata.name=crop
	list,watch Shoot labels:name.seed.gardener.cloud/OTHER=true
	list,watch Shoot labels:name.seed.gardener.cloud/OTHER
	list,watch Shoot labels:name.seed.gardener.cloud/OWN!=true,name.seed.gardener.cloud/OTHER=true
	list,watch Shoot labels:x.name.seed.gardener.cloud/OWN=true
	list,watch Shoot labels:name.seed.gardener.cloud/OWN-child=true
	list,watch Seed fields:metadata.name=OTHER
	list,watch Seed labels:name.seed.gardener.cloud/OTHER=true
	list,watch ManagedSeed garden/ fields:metadata.name=OTHER-child
	list,watch Bastion fields:spec.seedName=OTHER
	list,watch Bastion fields:metadata.name=bastion
	list,watch Bastion garden-OTHER/ fields:metadata.name=bastion
	list,watch Bastion garden-OTHER/ fields:metadata.name=bastion,spec.seedName=OTHER
	list,watch ControllerInstallation fields:metadata.name=installation-OTHER
	list,watch Gardenlet garden/ fields:metadata.name=OTHER
	list,watch Gardenlet garden/ fields:metadata.name!=OWN
	list,watch Gardenlet fields:metadata.name=OWN
	list,watch CertificateSigningRequest fields:metadata.name=csr-OTHER
	get,patch,delete Secret garden-OTHER/crop.ssh-keypair
	get,patch Secret garden-OTHER/crop.ssh-keypair.old
	get,patch Secret garden-OWN/none.ssh-keypair
	get,patch Secret garden-OWN/.ssh-keypair
	get,patch Secret garden-OWN/crop
	get,patch Secret garden-OWN/crop.kubeconfig
	get,patch Secret garden-OWN/crop.ca-client
	get,patch Secret garden-OWN/crop.ssh-keypair.ssh-keypair
	get,patch Secret garden-OWN/CROP.ssh-keypair
	get,patch Secret garden/crop.ssh-keypair
	get,patch Secret garden/OWN.ssh-keypair
	get,patch ConfigMap garden-OWN/crop.ssh-keypair
	get,patch InternalSecret garden-OWN/crop.ca-cluster
	get,patch,delete Secret garden/backup-OTHER
	get,patch,delete Secret garden/generated-bucket-bucket-OTHER
	get,patch,delete Secret kube-system/TOKEN
	get,patch,delete Secret gardener-system-shoot-issuer/OTHER--uid
	deletecollection Secret garden-OWN/ fields:metadata.name=crop.ssh-keypair
	deletecollection Secret seed-OWN/
	deletecollection ConfigMap garden-OWN/
	deletecollection InternalSecret garden-OWN/
	deletecollection ShootState garden-OWN/
	deletecollection BackupEntry garden-OWN/
	deletecollection BackupBucket
	deletecollection Seed labels:name.seed.gardener.cloud/OWN=true
	deletecollection Shoot labels:name.seed.gardener.cloud/OWN=true
	deletecollection Lease garden/
	deletecollection Lease seed-OTHER/
	deletecollection ServiceAccount seed-OTHER/
	deletecollection CertificateSigningRequest
	get,update,patch,delete Lease gardener-system-seed-lease/OTHER
	get,update,patch,delete Lease seed-OTHER/leader
	get Secret/status garden-OWN/crop.ssh-keypair
	patch Shoot/binding garden-OWN/crop
	patch Shoot/scale garden-OWN/crop
	get,patch Shoot/adminkubeconfig garden-OWN/crop
	patch Seed/finalizers OWN
	patch BackupEntry/finalizers garden-OWN/shoot--crop
	get,patch CertificateSigningRequest/approval csr-OTHER
	get,patch CertificateSigningRequest/status csr-OTHER
	patch Namespace/status garden-OWN
	patch Namespace/finalize garden-OWN
	get,update,patch,delete ClusterRoleBinding cluster-admin
	get,update,patch,delete ClusterRoleBinding seedguard
	get,update,patch,delete ClusterRole gardener.cloud:system:seed-bootstrapper
	get,patch,delete ServiceAccount garden/gardenlet-bootstrap-OTHER-child
	get,patch,delete ServiceAccount seed-OTHER/extension-local
	patch Project OWN
	patch CloudProfile cloud-OWN
	patch ControllerRegistration registration-OWN
	patch ControllerDeployment deployment-OWN
	patch CredentialsBinding garden-OWN/identity
`

// The same by requests that no client library makes: METHOD PATH.
const rawTricks = `
	GET /api/v1/secrets
	HEAD /api/v1/namespaces/garden-OTHER/secrets/infrastructure
	GET /api/v1/namespaces/garden-OTHER/secrets/infrastructure?fieldSelector=metadata.name%3Dcrop.ssh-keypair
	GET /api/v1/namespaces/garden-OTHER/secrets/infrastructure?watch=true
	GET /api/v1/namespaces/garden-OTHER/secrets?fieldSelector=metadata.name%3Da%2Cmetadata.name%3Dcrop.ssh-keypair
	GET /api/v1/watch/secrets
	GET /api/v1/watch/namespaces/garden-OTHER/secrets/infrastructure
	GET /api/v1/watch/namespaces/garden-OWN/secrets
	GET /api/v1/watch/namespaces/seed-OTHER/secrets
	GET /apis/core.gardener.cloud/v1beta1/shoots?labelSelector=name.seed.gardener.cloud%2FOWN+in+(true,false)
	GET /apis/core.gardener.cloud/v1beta1/shoots?labelSelector=name.seed.gardener.cloud%2FOWN+notin+(true)
	GET /apis/core.gardener.cloud/v1beta1/shoots?labelSelector=name.seed.gardener.cloud%2FOWN+in+()
	GET /apis/core.gardener.cloud/v1beta1/shoots?labelSelector=&labelSelector=name.seed.gardener.cloud%2FOWN%3Dtrue
	GET /apis/core.gardener.cloud/v1beta1/shoots?LabelSelector=name.seed.gardener.cloud%2FOWN%3Dtrue
	GET /apis/core.gardener.cloud/v1beta1/shoots?labelSelector=%26%26
	GET /apis/core.gardener.cloud/v1beta1/shoots?limit=1&continue=x
	GET /apis/core.gardener.cloud/v1beta1/watch/shoots?labelSelector=name.seed.gardener.cloud%2FOTHER%3Dtrue
	DELETE /apis/core.gardener.cloud/v1beta1/shoots?labelSelector=name.seed.gardener.cloud%2FOWN%3Dtrue
	DELETE /api/v1/namespaces/garden-OWN/secrets?fieldSelector=metadata.name%3Dcrop.ssh-keypair
	GET /apis/core.gardener.cloud/v1/shoots
	POST /api/v1/namespaces/garden/serviceaccounts/default/token
	POST /api/v1/namespaces/kube-system/serviceaccounts/default/token
	POST /api/v1/namespaces/garden-OWN/serviceaccounts/default/token
	POST /api/v1/namespaces/seed-OTHER/serviceaccounts/extension-local/token
	POST /apis/security.gardener.cloud/v1alpha1/namespaces/garden-OTHER/workloadidentities/infrastructure/token
	POST /apis/core.gardener.cloud/v1beta1/namespaces/garden-OWN/shoots/crop/adminkubeconfig
	POST /apis/core.gardener.cloud/v1beta1/namespaces/garden-OWN/shoots/crop/viewerkubeconfig
	POST /apis/core.gardener.cloud/v1beta1/namespaces/garden-OTHER/shoots/crop/adminkubeconfig
	POST /apis/core.gardener.cloud/v1beta1/namespaces/garden-OWN/shoots
	PUT /apis/core.gardener.cloud/v1beta1/namespaces/garden-OWN/shoots/crop/binding
	PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/csr-OTHER/approval
	PUT /apis/coordination.k8s.io/v1/namespaces/gardener-system-seed-lease/leases/OTHER-new
	PUT /api/v1/namespaces/garden/secrets/new
	POST /apis/authorization.k8s.io/v1/subjectaccessreviews
	POST /apis/authorization.k8s.io/v1/namespaces/garden-OWN/localsubjectaccessreviews
	POST /apis/authentication.k8s.io/v1/tokenreviews
	POST /apis/rbac.authorization.k8s.io/v1/clusterroles
	POST /apis/rbac.authorization.k8s.io/v1/namespaces/garden-OWN/rolebindings
	POST /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations
	DELETE /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/seedguard
	GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions
	POST /api/v1/namespaces
	POST /api/v1/namespaces/garden-OWN/pods
	GET /api/v1/nodes
	GET /metrics
	GET /logs/
	GET /debug/pprof/
`

// rawTricks that the API server does not understand at all. That it answers them with something else than 403 is its
// business.
const malformed = `
	GET /api/v1/namespaces/garden-OWN/../garden-OTHER/secrets/infrastructure
	GET /api/v1/namespaces/garden-OWN%2F..%2Fgarden-OTHER/secrets/infrastructure
	GET /api/v1/namespaces/seed-OWN/secrets/..%2F..%2Fgarden-OTHER%2Fsecrets%2Finfrastructure
	GET /api/v1/namespaces/seed-OWN/secrets/../../garden-OTHER/secrets/infrastructure
	GET //api/v1/namespaces/garden-OTHER/secrets/infrastructure
	GET /api/v1/namespaces/garden-OTHER/secrets/infrastructure/
	GET /api/v1/namespaces/seed-OWN/secrets/%00
`

// raw makes a request as it is written, METHOD PATH, and returns the status code.
func (c *client) raw(t *testing.T, request string) int {
	t.Helper()
	httpClient, err := rest.HTTPClientFor(c.Config)
	require.NoError(t, err)
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(t.Context(), method, c.Config.Host+path, strings.NewReader("{}"))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	response, err := httpClient.Do(r)
	require.NoError(t, err, request)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// TestTricks: the seed clients of one Seed do not get at another's by unusual requests either.
func TestTricks(t *testing.T) {
	const own, other = "trick-own", "trick-other"
	withSeeds(t, shared, own, other)
	admin(t, shared).apply(t,
		object("Secret", "seed-"+other+"/token"),
		object("Secret", "gardener-system-shoot-issuer/"+other+"--uid"),
		object("Lease", "seed-"+other+"/leader"),
		object("Lease", "gardener-system-seed-lease/"+other),
		bootstrapToken(t, "ManagedSeed", "garden", other+"-child"),
		accountToBootstrap(t, other+"-child"),
	)
	// All that is tried is known to seedguard, and allowed to whom it belongs.
	owner := gardenlet(t, shared, other)
	require.NoError(t, owner.create(t.Context(), certificateSigningRequest(t, "csr-"+other, other)))
	accessOf(t, shared, other, "extension-local").allows(t, "get Shoot garden-"+other+"/crop")
	token := naming.BootstrapTokenSecret("garden", other+"-child")
	owner.allows(t, "get Secret kube-system/"+token, "get CertificateSigningRequest csr-"+other)

	clients := map[string]*client{"gardenlet": gardenlet(t, shared, own),
		"extension": accessOf(t, shared, own, "extension-local")}
	words := []string{"OWN", own, "OTHER", other, "TOKEN", token}
	for name, c := range clients {
		c.allows(t, "get Shoot garden-"+own+"/crop")
		for _, request := range requests(tricks, words...) {
			t.Run(name+"/"+request, func(t *testing.T) { c.forbids(t, request) })
		}
		for _, request := range requests(rawTricks, words...) {
			t.Run(name+"/"+request, func(t *testing.T) { require.Equal(t, http.StatusForbidden, c.raw(t, request)) })
		}
		for _, request := range requests(malformed, words...) {
			t.Run(name+"/"+request, func(t *testing.T) { require.GreaterOrEqual(t, c.raw(t, request), http.StatusBadRequest) })
		}
	}
}

// TestTricksOnCreate: nor do they create what would get them there.
func TestTricksOnCreate(t *testing.T) {
	const own, other = "plant-own", "plant-other"
	withSeeds(t, shared, own, other)
	clients := map[string]*client{"gardenlet": gardenlet(t, shared, own),
		"extension": accessOf(t, shared, own, "extension-local")}
	gardenlet(t, shared, other).allows(t, "get ManagedSeed garden/"+other+"-child")
	admin(t, shared).apply(t, object("Namespace", "garden-"+own))
	extraGroups := bootstrapToken(t, "ManagedSeed", "garden", own+"-child")
	extraGroups.Object["stringData"].(map[string]any)["auth-extra-groups"] = "system:bootstrappers:more"
	otherRole, otherSubject := bootstrapBinding("garden", own+"-child"), bootstrapBinding("garden", own+"-child")
	otherRole.RoleRef.Name = "cluster-admin"
	otherSubject.Subjects = append(otherSubject.Subjects,
		rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: "seed-" + own, Name: "extension-local"})
	manifest := func(manifest string) runtime.Object { return one(t, manifest, "OWN", own, "OTHER", other) }

	for _, test := range []struct {
		name string
		o    runtime.Object
	}{
		{"a Secret in the own namespace", object("Secret", "seed-"+own+"/any")},
		{"a Secret in another's namespace", object("Secret", "seed-"+other+"/any")},
		{"a Secret in kube-system", object("Secret", "kube-system/any")},
		{"a Secret of no bucket", object("Secret", "garden/generated-bucket-x")},
		{"a Secret of another's bucket", object("Secret", "garden-"+own+"/generated-bucket-bucket-"+other)},
		{"a Secret of another's Shoot", object("Secret", "garden-"+other+"/crop.ssh-keypair.old")},
		{"a Secret with a ServiceAccount's token",
			manifest(`{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token,
			metadata: {namespace: garden-OWN, name: crop.monitoring,
			  annotations: {kubernetes.io/service-account.name: default}}}`)},
		{"a Secret for another's issuer",
			manifest(`{apiVersion: v1, kind: Secret, metadata: {namespace: gardener-system-shoot-issuer, name: OWN--uid,
			labels: {shoot.gardener.cloud/name: crop, shoot.gardener.cloud/namespace: garden-OTHER,
			  discovery.gardener.cloud/public: serviceaccount}}}`)},
		{"a bootstrap token for another's ManagedSeed", bootstrapToken(t, "ManagedSeed", "garden", other+"-child")},
		{"a bootstrap token for another's Gardenlet", bootstrapToken(t, "Gardenlet", "garden", other)},
		{"a bootstrap token with more groups", extraGroups},
		{"a binding of another's bootstrapper", bootstrapBinding("garden", other+"-child")},
		{"a binding to another ClusterRole", otherRole},
		{"a binding of more subjects", otherSubject},
		{"a ServiceAccount of another's bootstrapper", accountToBootstrap(t, other+"-child")},
		{"a ServiceAccount in another's namespace", one(t, accountManifest, "SEED", other, "NAME", "extension-local")},
		{"a ServiceAccount in kube-system", object("ServiceAccount", "kube-system/extension-local")},
		{"a certificate of another Seed", certificateSigningRequest(t, "plant", other)},
		{"a certificate of a Seed that starts alike", certificateSigningRequest(t, "plant", own+"-child")},
		{"another's Seed", object("Seed", other+"-child")},
		{"a Seed that starts alike", object("Seed", own+"-more")},
		{"another's Gardenlet", object("Gardenlet", "garden/"+other+"-more")},
		{"a Lease in another's namespace", object("Lease", "seed-"+other+"/leader")},
		{"another's Lease", object("Lease", "gardener-system-seed-lease/"+other+"-child")},
		{"a BackupEntry in another's bucket", manifest(`{apiVersion: core.gardener.cloud/v1beta1, kind: BackupEntry,
			metadata: {namespace: garden-OWN, name: plant}, spec: {bucketName: bucket-OTHER, seedName: OWN}}`)},
		{"a BackupEntry restored from another's", manifest(`{apiVersion: core.gardener.cloud/v1beta1, kind: BackupEntry,
			metadata: {namespace: garden-OWN, name: source-shoot--crop,
			  ownerReferences: [{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, name: crop, uid: x}]},
			spec: {bucketName: bucket-OTHER, seedName: OWN}}`)},
		{"another's ShootState", object("ShootState", "garden-"+other+"/identity")},
		{"a Shoot", object("Shoot", "garden-"+own+"/plant")},
		{"a ManagedSeed", object("ManagedSeed", "garden/plant")},
		{"a ControllerInstallation", object("ControllerInstallation", "plant")},
		{"a CredentialsBinding", object("CredentialsBinding", "garden-"+own+"/plant")},
	} {
		for name, c := range clients {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				for what, create := range map[string]func() error{
					"create": func() error { return c.create(t.Context(), test.o) },
					"apply":  func() error { return c.applyOwn(t.Context(), test.o) },
				} {
					err := create()
					require.True(t, apierrors.IsForbidden(err) || apierrors.IsInvalid(err), "%s: %v", what, err)
				}
			})
		}
	}
}

// TestImpersonation: seed clients act as nobody else, but a gardenlet as a ServiceAccount in its own namespace, for
// which it may have tokens anyway.
func TestImpersonation(t *testing.T) {
	const own, other = "mask-own", "mask-other"
	withSeeds(t, shared, own, other)
	accessOf(t, shared, other, "extension-local").allows(t, "get Shoot garden-"+other+"/crop")
	extension, admins := "system:serviceaccount:seed-"+own+":extension-local", "system:masters"
	for name, c := range map[string]*client{"gardenlet": gardenlet(t, shared, own),
		"extension": accessOf(t, shared, own, "extension-local")} {
		c.allows(t, "get Shoot garden-"+own+"/crop")
		for _, as := range []rest.ImpersonationConfig{
			{UserName: "admin", Groups: []string{admins}},
			{UserName: "gardener.cloud:system:seed:" + other, Groups: []string{"gardener.cloud:system:seeds"}},
			{UserName: "gardener.cloud:system:seed:" + own, Groups: []string{"gardener.cloud:system:seeds"}},
			{UserName: "system:serviceaccount:seed-" + other + ":extension-local"},
			{UserName: "system:serviceaccount:kube-system:namespace-controller"},
			{UserName: extension, Groups: []string{"system:serviceaccounts", admins}},
			{UserName: extension, Groups: []string{"system:serviceaccounts", "system:serviceaccounts:seed-" + other}},
			{UserName: extension, Extra: map[string][]string{"x": {"y"}}},
			{UserName: extension, UID: "0"},
		} {
			t.Run(fmt.Sprint(name, as), func(t *testing.T) {
				c.as(t, as).forbids(t, "get Seed "+own, "get Seed "+other, "list Secret")
			})
		}
	}
	mask := gardenlet(t, shared, own).as(t, rest.ImpersonationConfig{UserName: extension})
	mask.allows(t, "get Shoot garden-"+own+"/crop")
	mask.forbids(t, "get Shoot garden-"+other+"/crop", "list Shoot", "get ServiceAccount seed-"+own+"/extension-local")
}

// as returns the client that acts as somebody else.
func (c *client) as(t *testing.T, somebody rest.ImpersonationConfig) *client {
	t.Helper()
	config := rest.CopyConfig(c.Config)
	config.Impersonate = somebody
	return newClient(t, shared, config)
}

// TestNewObjectsAreNotTakenForAbsent: a delete of what does not exist is let through to the API server, which must not
// let anybody delete what another has just created and seedguard has not yet heard of.
func TestNewObjectsAreNotTakenForAbsent(t *testing.T) {
	withSeeds(t, shared, "new-a", "new-b")
	a, b := gardenlet(t, shared, "new-a"), gardenlet(t, shared, "new-b")
	a.allows(t, "get Shoot garden-new-a/crop")
	b.allows(t, "get Shoot garden-new-b/crop")
	for i := range times {
		name := fmt.Sprintf("garden-new-b/new-%d", i)
		entry := object("BackupEntry", name)
		entry.Object["spec"] = map[string]any{"bucketName": "bucket-new-b", "seedName": "new-b"}
		require.NoError(t, b.asAdmin().create(t.Context(), entry))
		forbidden(t, a.do(t.Context(), "delete BackupEntry "+name), name)
	}
}
