package e2e

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// denied asserts that the admission webhook, not the authorizer, denied a request, with a status code.
func denied(t *testing.T, err error, code int32, what string) {
	t.Helper()
	var status apierrors.APIStatus
	require.ErrorAs(t, err, &status, "%s is accepted", what)
	require.Contains(t, err.Error(), "admission webhook", what)
	require.Equal(t, code, status.Status().Code, "%s: %v", what, err)
}

const (
	// bucketManifest is the BackupBucket that the gardenlet of SEED makes.
	bucketManifest = `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupBucket, metadata: {name: UID-OF-SEED},
		spec: {provider: {type: local, region: local}, seedName: SEED,
		  credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: backup-SEED}}}`
	// entryManifest is a BackupEntry that it makes for the Shoot crop.
	entryManifest = `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupEntry,
		metadata: {namespace: garden-SEED, name: new, ownerReferences: [{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot,
		  name: crop, uid: UID-OF-SHOOT}]},
		spec: {bucketName: bucket-SEED, seedName: SEED}}`
)

// TestSeedRestriction: each resource is accepted from the Seed whose it is, and forbidden from another. RBAC does not
// hold anybody back here: the authorizer lets creates pass, so that it is the admission that decides.
func TestSeedRestriction(t *testing.T) {
	withSeeds(t, shared, "create-a", "create-b")
	a, b := gardenlet(t, shared, "create-a"), gardenlet(t, shared, "create-b")
	a.allows(t, "get Shoot garden-create-a/crop", "get ManagedSeed garden/create-a-child")
	b.allows(t, "get Shoot garden-create-b/crop", "get ManagedSeed garden/create-b-child")

	words := func(seed string) []string {
		return []string{"UID-OF-SEED", uidOf(t, a, "Seed", seed), "UID-OF-SHOOT", uidOf(t, a, "Shoot", "garden-"+seed+"/crop"),
			"SEED", seed}
	}
	for _, test := range []struct{ name, manifest string }{
		{"backupbuckets", bucketManifest},
		{"backupentries", entryManifest},
		{"bastions",
			`{apiVersion: operations.gardener.cloud/v1alpha1, kind: Bastion, metadata: {namespace: garden-SEED, name: new},
				spec: {shootRef: {name: crop}, seedName: SEED, sshPublicKey: key, ingress: []}}`},
		{"configmaps", `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: garden-SEED, name: crop.ca-kubelet}}`},
		{"internalsecrets",
			`{apiVersion: core.gardener.cloud/v1beta1, kind: InternalSecret, metadata: {namespace: garden-SEED,
				name: identity.ca-client}}`},
		{"leases of Seeds",
			`{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: gardener-system-seed-lease, name: SEED},
				spec: {holderIdentity: SEED}}`},
		{"gardenlets",
			`{apiVersion: seedmanagement.gardener.cloud/v1alpha1, kind: Gardenlet, metadata: {namespace: garden, name: SEED},
				spec: {deployment: {helm: {ociRepository: {ref: "registry.example.com/gardenlet:1"}}}}}`},
		{"secrets of buckets",
			`{apiVersion: v1, kind: Secret, metadata: {namespace: garden, name: generated-bucket-bucket-SEED}}`},
		{"secrets of Shoots", `{apiVersion: v1, kind: Secret, metadata: {namespace: garden-SEED, name: crop.monitoring}}`},
		{"secrets of issuers",
			`{apiVersion: v1, kind: Secret, metadata: {namespace: gardener-system-shoot-issuer, name: SEED--UID-OF-SHOOT,
				labels: {shoot.gardener.cloud/name: crop, shoot.gardener.cloud/namespace: garden-SEED,
				  discovery.gardener.cloud/public: serviceaccount}}}`},
		{"seeds",
			`{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: SEED,
				labels: {name.seed.gardener.cloud/SEED: "true"}}, spec: {provider: {type: local, region: local}}}`},
		{"serviceaccounts", `{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: seed-SEED, name: extension-new}}`},
		{"shootstates",
			`{apiVersion: core.gardener.cloud/v1beta1, kind: ShootState, metadata: {namespace: garden-SEED, name: identity}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			theirs, own := one(t, test.manifest, words("create-b")...), one(t, test.manifest, words("create-a")...)
			for _, o := range []*unstructured.Unstructured{theirs, own} { // the landscape has some of them
				name := o.GetName()
				if o.GetNamespace() != "" {
					name = o.GetNamespace() + "/" + name
				}
				if err := a.asAdmin().remove(t.Context(), o.GetKind(), name); !apierrors.IsNotFound(err) {
					require.NoError(t, err)
				}
				t.Cleanup(func() { require.NoError(t, a.admin.Apply(context.Background(), landscapeObject(t, o))) })
			}
			denied(t, a.create(t.Context(), theirs), http.StatusForbidden, "another Seed's")
			require.NoError(t, a.create(t.Context(), own))
			require.NoError(t, b.create(t.Context(), theirs))
			require.True(t, apierrors.IsAlreadyExists(a.create(t.Context(), own)), "again")
		})
	}
	for _, test := range []struct {
		name string
		code int32
		o    runtime.Object
	}{
		{"any Secret", http.StatusForbidden, object("Secret", "garden-create-a/any")},
		{"any ConfigMap", http.StatusForbidden, object("ConfigMap", "garden-create-a/any")},
		{"any InternalSecret", http.StatusForbidden, object("InternalSecret", "garden-create-a/any")},
		{"a Secret of a Shoot that does not exist", http.StatusForbidden,
			object("Secret", "garden-create-a/none.ssh-keypair")},
		{"any Lease", http.StatusForbidden, object("Lease", "garden/any")},
		{"any ServiceAccount", http.StatusForbidden, object("ServiceAccount", "garden/any")},
		{"a ShootState of no Shoot", http.StatusForbidden, object("ShootState", "garden-create-a/none")},
		{"an issuer's Secret without labels", http.StatusUnprocessableEntity,
			object("Secret", "gardener-system-shoot-issuer/create-a--uid2")},
		{"a bootstrap token without contents", http.StatusUnprocessableEntity,
			object("Secret", "kube-system/bootstrap-token-abcdef")},
		{"a certificate of another Seed", http.StatusForbidden, certificateSigningRequest(t, "create-a-other", "create-b")},
	} {
		t.Run("not "+test.name, func(t *testing.T) { denied(t, a.create(t.Context(), test.o), test.code, test.name) })
	}
	t.Run("not a Gardenlet elsewhere", func(t *testing.T) {
		// by the authorizer already
		forbidden(t, a.create(t.Context(), object("Gardenlet", "garden-create-a/create-a")), "create")
	})
	t.Run("leader election", func(t *testing.T) {
		require.NoError(t, a.tryCreate(t.Context(), object("Lease", "garden/gardenlet-leader-election")))
	})
}

// landscapeObject returns the object that the landscape has under the name of o, or o.
func landscapeObject(t *testing.T, o *unstructured.Unstructured) runtime.Object {
	t.Helper()
	for _, seed := range []string{"create-a", "create-b"} {
		for _, found := range parse(t, landscape, "SEED", seed) {
			u := found.(*unstructured.Unstructured)
			if u.GetKind() == o.GetKind() && u.GetNamespace() == o.GetNamespace() && u.GetName() == o.GetName() {
				return u
			}
		}
	}
	return o
}

// TestSeedRestrictionOnDelete: BackupBuckets and Seeds, whose deletion the authorizer alone cannot judge.
func TestSeedRestrictionOnDelete(t *testing.T) {
	withSeeds(t, shared, "delete-a", "delete-b")
	a, b := gardenlet(t, shared, "delete-a"), gardenlet(t, shared, "delete-b")
	a.allows(t, "get Seed delete-a")
	b.allows(t, "get Seed delete-b")

	t.Run("backupbuckets", func(t *testing.T) {
		bucket := one(t, bucketManifest, "UID-OF-SEED", uidOf(t, a, "Seed", "delete-a"), "SEED", "delete-a")
		require.NoError(t, a.create(t.Context(), bucket))
		soon(t, "delete", func() error { return a.do(t.Context(), "delete BackupBucket "+bucket.GetName()) })
		forbidden(t, b.remove(t.Context(), "BackupBucket", bucket.GetName()), "another Seed")
		denied(t, a.remove(t.Context(), "BackupBucket", "bucket-delete-a"), http.StatusForbidden, "a bucket of another name")
		require.NoError(t, a.remove(t.Context(), "BackupBucket", bucket.GetName()))
	})
	t.Run("seeds", func(t *testing.T) {
		child := gardenlet(t, shared, "delete-a-child")
		require.NoError(t, child.create(t.Context(), one(t,
			`{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: delete-a-child},
				spec: {provider: {type: local, region: local}}}`)))
		a.allows(t, "get Seed delete-a-child")
		denied(t, a.remove(t.Context(), "Seed", "delete-a-child"), http.StatusForbidden,
			"the ManagedSeed is not being deleted")
		forbidden(t, b.remove(t.Context(), "Seed", "delete-a-child"), "another Seed")

		require.NoError(t, a.asAdmin().merge(t.Context(), "ManagedSeed", "garden/delete-a-child",
			`{"metadata":{"finalizers":["e2e.example.com/wait"]}}`))
		require.NoError(t, a.asAdmin().remove(t.Context(), "ManagedSeed", "garden/delete-a-child"))
		soon(t, "delete", func() error { return a.remove(t.Context(), "Seed", "delete-a-child") })
		require.NoError(t, a.asAdmin().merge(t.Context(), "ManagedSeed", "garden/delete-a-child",
			`{"metadata":{"finalizers":null}}`))
	})
}

// TestSeedRestrictionOnUpdate: a Seed is changed by its own gardenlet, and by its parent's not.
func TestSeedRestrictionOnUpdate(t *testing.T) {
	withSeeds(t, shared, "update-a")
	a := gardenlet(t, shared, "update-a")
	require.NoError(t, gardenlet(t, shared, "update-a-child").create(t.Context(), one(t,
		`{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: update-a-child},
			spec: {provider: {type: local, region: local}}}`)))
	a.allows(t, "update Seed update-a", "patch Seed update-a", "get Seed update-a-child")
	denied(t, a.do(t.Context(), "update Seed update-a-child"), http.StatusForbidden, "update of the child")
	denied(t, a.do(t.Context(), "patch Seed update-a-child"), http.StatusForbidden, "patch of the child")
}

// TestServerSideApply: an apply that creates is a patch for the authorizer and a create for both.
func TestServerSideApply(t *testing.T) {
	withSeeds(t, shared, "apply-a", "apply-b")
	a := gardenlet(t, shared, "apply-a")
	a.FieldManager = "gardenlet"
	gardenlet(t, shared, "apply-b").allows(t, "get Shoot garden-apply-b/crop")
	a.allows(t, "get Shoot garden-apply-a/crop")

	for _, o := range []runtime.Object{
		object("ConfigMap", "garden-apply-a/crop.ca-kubelet"),
		object("Secret", "garden-apply-a/crop.monitoring"),
		object("InternalSecret", "garden-apply-a/identity.ca-client"),
		object("ShootState", "garden-apply-a/identity"),
		one(t, `{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: apply-a, labels: {applied: "true"}}}`),
		one(t, accountManifest, "SEED", "apply-a", "NAME", "extension-applied"),
	} {
		require.NoError(t, a.applyOwn(t.Context(), o), "%v", o)
		require.NoError(t, a.applyOwn(t.Context(), o), "again: %v", o)
	}
	for _, o := range []runtime.Object{
		object("ConfigMap", "garden-apply-b/crop.ca-kubelet"),
		object("Secret", "garden-apply-b/crop.monitoring"),
		object("Secret", "garden-apply-a/any"),
		object("Seed", "apply-b"),
		one(t, accountManifest, "SEED", "apply-b", "NAME", "extension-applied"),
	} {
		forbidden(t, a.applyOwn(t.Context(), o), "apply")
	}
}

// TestGenerateName: the API server makes up the name, and the rules hold for it.
func TestGenerateName(t *testing.T) {
	withSeeds(t, shared, "generate-a")
	a := gardenlet(t, shared, "generate-a")
	a.allows(t, "get Shoot garden-generate-a/crop")
	generated := func(o runtime.Object, prefix string) runtime.Object {
		m := o.(metav1.Object)
		m.SetName("")
		m.SetGenerateName(prefix)
		return o
	}
	require.NoError(t, a.create(t.Context(), generated(certificateSigningRequest(t, "", "generate-a"), "seed-csr-")))
	require.NoError(t, a.create(t.Context(), generated(object("ServiceAccount", "seed-generate-a/x"), "extension-")))
	require.NoError(t, a.create(t.Context(), generated(one(t,
		`{apiVersion: operations.gardener.cloud/v1alpha1, kind: Bastion, metadata: {namespace: garden-generate-a, name: x},
			spec: {shootRef: {name: crop}, seedName: generate-a}}`), "bastion-")))
	extension := accessOf(t, shared, "generate-a", "extension-local")
	require.NoError(t, extension.create(t.Context(), generated(object("Lease", "seed-generate-a/x"), "leader-")))
	forbidden(t, extension.create(t.Context(), generated(object("Lease", "garden/x"), "leader-")), "Lease")
	denied(t, a.create(t.Context(), generated(certificateSigningRequest(t, "", "other"), "seed-csr-")),
		http.StatusForbidden, "another Seed's certificate")
	denied(t, a.create(t.Context(), generated(object("Secret", "garden-generate-a/x"), "crop.monitoring-")),
		http.StatusForbidden, "Secret")
	denied(t, a.create(t.Context(), generated(object("Secret", "garden/x"), "generated-bucket-")), http.StatusForbidden,
		"Secret")
	denied(t, a.create(t.Context(), generated(object("Seed", "x"), "generate-")), http.StatusForbidden, "Seed")
}
