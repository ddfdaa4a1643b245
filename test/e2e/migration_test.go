package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// TestMigration: the control plane of a Shoot moves from one Seed to another. At every step the gardenlet whose turn it
// is can do its part, and the old one has nothing left at the end.
func TestMigration(t *testing.T) {
	withSeeds(t, shared, "from", "to")
	from, to := gardenlet(t, shared, "from"), gardenlet(t, shared, "to")
	operator := from.asAdmin()
	// What both need while the Shoot moves.
	shoot := requests(`
		get,patch Shoot garden-from/crop
		get Secret garden-from/infrastructure
		get,patch Secret garden-from/crop.ssh-keypair
		get SecretBinding garden-from/binding
		get NamespacedCloudProfile garden-from/cloud
		get Namespace garden-from
		get Project from
		get ConfigMap garden-from/audit-policy
	`)
	changeShoot := func(patch string, subresources ...string) {
		t.Helper()
		require.NoError(t, operator.merge(t.Context(), "Shoot", "garden-from/crop", patch, subresources...))
	}
	// The other Shoots in the namespace stay where they are, so look at what belongs to this one alone.
	private := requests(`
		get,patch Shoot garden-from/crop
		get,patch Secret garden-from/crop.ssh-keypair
		get ShootState garden-from/crop
		get ConfigMap garden-from/audit-policy
		get Secret garden-from/infrastructure
	`)

	// Before: the Shoot is at home, with a BackupEntry in the first Seed's bucket.
	require.NoError(t, operator.remove(t.Context(), "ShootState", "garden-from/crop"))
	require.NoError(t, operator.remove(t.Context(), "BackupEntry", "garden-from/shoot--crop"))
	owner := uidOf(t, from, "Shoot", "garden-from/crop")
	// An entry of the Shoot, by name and the Seed that it is on.
	entry := func(name, seed string) *unstructured.Unstructured {
		o := one(t, entryManifest, "UID-OF-SHOOT", owner, "seedName: SEED", "seedName: "+seed, "SEED", "from")
		o.SetName(name)
		return o
	}
	from.allows(t, shoot...)
	soon(t, "create the BackupEntry", func() error {
		return from.create(t.Context(), entry("crop--entry", "from"))
	})
	to.allows(t, "get Shoot garden-to/crop")
	to.forbids(t, shoot...)
	denied(t, to.create(t.Context(), object("ShootState", "garden-from/crop")), http.StatusForbidden,
		"the Shoot's state, too early")

	// The operator moves the Shoot: spec names the new Seed, status still the old one.
	changeShoot(`{"spec":{"seedName":"to"},"metadata":{"labels":{"name.seed.gardener.cloud/to":"true"}}}`)
	changeShoot(`{"status":{"seedName":"from","lastOperation":{"type":"Migrate","state":"Processing"}}}`, "status")
	to.allows(t, shoot...)
	from.allows(t, shoot...)

	// The old Seed saves the Shoot's state and the BackupEntry changes hands.
	require.NoError(t, from.create(t.Context(), object("ShootState", "garden-from/crop")))
	from.allows(t, requests("get,update,patch ShootState garden-from/crop\npatch Shoot/status garden-from/crop")...)
	require.NoError(t, from.merge(t.Context(), "BackupEntry", "garden-from/crop--entry", `{"status":{"seedName":"from"}}`,
		"status"))
	moveEntry := func(to string) {
		t.Helper()
		soon(t, "the BackupEntry to "+to, func() error {
			return from.merge(t.Context(), "BackupEntry", "garden-from/crop--entry", `{"spec":{"seedName":"`+to+`"}}`)
		})
	}
	moveEntry("to")
	changeShoot(`{"spec":{"seedName":"from"}}`) // the operator has second thoughts
	moveEntry("from")
	changeShoot(`{"spec":{"seedName":"to"}}`)
	moveEntry("to")
	require.NoError(t, from.merge(t.Context(), "Secret", "garden-from/crop.ssh-keypair", `{"stringData":{"key":"rotated"}}`),
		"the Seed that the Shoot leaves still writes the Shoot's own Secrets")
	from.allows(t, "patch BackupEntry/status garden-from/crop--entry")
	to.allows(t, "patch BackupEntry/status garden-from/crop--entry")
	newBucket := one(t, bucketManifest, "UID-OF-SEED", uidOf(t, to, "Seed", "to"), "SEED", "to")
	require.NoError(t, to.create(t.Context(), newBucket))
	useNewBucket := func() error {
		return to.merge(t.Context(), "BackupEntry", "garden-from/crop--entry",
			`{"spec":{"bucketName":"`+newBucket.GetName()+`"}}`)
	}
	denied(t, useNewBucket(), http.StatusForbidden, "another bucket while the old Seed holds the entry")
	require.NoError(t, from.merge(t.Context(), "BackupEntry", "garden-from/crop--entry", `{"status":{"seedName":null}}`,
		"status"))
	require.NoError(t, from.merge(t.Context(), "Shoot", "garden-from/crop",
		`{"status":{"lastOperation":{"type":"Migrate","state":"Succeeded"},"seedName":null}}`, "status"))

	// The new Seed restores: first what it needs of the old backup, as a copy under another name.
	source := entry("source-crop--entry", "to")
	denied(t, to.create(t.Context(), source), http.StatusForbidden, "source entry before the restoration")
	to.allows(t, "patch Shoot/status garden-from/crop")
	require.NoError(t, to.merge(t.Context(), "Shoot", "garden-from/crop",
		`{"status":{"lastOperation":{"type":"Restore","state":"Processing"},"seedName":"to"}}`, "status"))
	soon(t, "create the source BackupEntry", func() error { return to.create(t.Context(), source) })
	another := entry("another--entry", "to")
	another.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "core.gardener.cloud/v1beta1", Kind: "Shoot",
		Name: "identity", UID: types.UID(uidOf(t, to, "Shoot", "garden-from/identity"))}})
	require.NoError(t, operator.create(t.Context(), another))
	err := to.create(t.Context(), entry("source-another--entry", "to"))
	denied(t, err, http.StatusForbidden, "a source entry of another Shoot's entry")
	require.ErrorContains(t, err, "its owner is not that of")
	other := entry("source-none", "to")
	denied(t, to.create(t.Context(), other), http.StatusForbidden, "a source entry without an original")
	to.allows(t, requests(`
		get,patch,delete BackupEntry garden-from/source-crop--entry
		get,patch,delete ShootState garden-from/crop
		patch BackupEntry garden-from/crop--entry
	`)...)
	require.NoError(t, useNewBucket())
	require.NoError(t, to.merge(t.Context(), "BackupEntry", "garden-from/crop--entry", `{"status":{"seedName":"to"}}`,
		"status"))
	require.NoError(t, to.merge(t.Context(), "Shoot", "garden-from/crop",
		`{"status":{"lastOperation":{"type":"Restore","state":"Succeeded"}}}`, "status"))

	// After: the old Seed has lost it.
	for _, request := range append(private, "patch BackupEntry garden-from/crop--entry",
		"patch BackupEntry/status garden-from/crop--entry") {
		soonForbidden(t, request+" by the old gardenlet", func() error { return from.do(t.Context(), request) })
	}
	denied(t, from.create(t.Context(), object("Secret", "garden-from/crop.monitoring")), http.StatusForbidden,
		"a Secret of the Shoot")
	to.allows(t, private...)
	require.NoError(t, to.create(t.Context(), object("Secret", "garden-from/crop.monitoring")))
	from.allows(t, "get Shoot garden-from/identity", "get Namespace garden-from", "get Project from")
}
