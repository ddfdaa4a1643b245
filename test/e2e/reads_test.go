package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

// Requests that are allowed to the gardenlet of SEED because of what hangs on SEED, and forbidden to every other.
const related = `
	update,patch BackupBucket bucket-SEED
	patch BackupBucket/status bucket-SEED
	update,patch,delete BackupEntry garden-SEED/shoot--crop
	patch BackupEntry/status garden-SEED/shoot--crop
	get,update,patch Bastion garden-SEED/bastion
	patch Bastion/status garden-SEED/bastion
	list,watch Bastion fields:spec.seedName=SEED
	get CloudProfile cloud-SEED
	list,watch CloudProfile fields:metadata.name=cloud-SEED
	get NamespacedCloudProfile garden-SEED/cloud
	get ConfigMap garden/settings-SEED
	get,update,patch ConfigMap garden-SEED/audit-policy
	get,update,patch,delete ConfigMap garden-SEED/crop.ca-cluster
	list,watch ConfigMap garden-SEED/ fields:metadata.name=audit-policy
	get ControllerDeployment deployment-SEED
	get,update,patch ControllerInstallation installation-SEED
	patch ControllerInstallation/status installation-SEED
	list,watch ControllerInstallation fields:spec.seedRef.name=SEED
	get CredentialsBinding garden-SEED/secret
	get CredentialsBinding garden-SEED/identity
	get ExposureClass class-SEED
	get,update,patch Gardenlet garden/SEED
	patch Gardenlet/status garden/SEED
	list,watch Gardenlet garden/ fields:metadata.name=SEED
	get,update,patch InternalSecret garden-SEED/infrastructure
	get,update,patch,delete InternalSecret garden-SEED/crop.ca-client
	get,update,patch Lease gardener-system-seed-lease/SEED
	get,update,patch ManagedSeed garden/SEED-child
	patch ManagedSeed/status garden/SEED-child
	list,watch ManagedSeed labels:name.seed.gardener.cloud/SEED=true
	list,watch ManagedSeed labels:name.seed.gardener.cloud/SEED
	get Namespace garden-SEED
	get Namespace seed-SEED
	get Project SEED
	get,update,patch Secret garden/backup-SEED
	get,patch Secret garden/pull-SEED
	get,patch Secret garden/generated-bucket-bucket-SEED
	get,patch Secret garden/SEED-child-backup
	get,patch Secret garden-SEED/infrastructure
	get,patch Secret garden-SEED/extension-input
	get,update,patch,delete Secret garden-SEED/crop.ssh-keypair
	list,watch Secret seed-SEED/
	get SecretBinding garden-SEED/binding
	get,update,patch Seed SEED
	patch Seed/status SEED
	list,watch Seed labels:name.seed.gardener.cloud/SEED=true
	list,watch Seed fields:metadata.name=SEED
	get,update,patch Shoot garden-SEED/crop
	patch Shoot/status garden-SEED/crop
	get Shoot garden/SEED-child
	list,watch Shoot labels:name.seed.gardener.cloud/SEED=true
	list,watch Shoot labels:name.seed.gardener.cloud/SEED,other!=value
	list,watch Shoot garden-SEED/ labels:name.seed.gardener.cloud/SEED=true
	get,update,patch,delete ShootState garden-SEED/crop
	get,patch WorkloadIdentity garden/dns-SEED
	get,patch WorkloadIdentity garden-SEED/infrastructure
`

// Requests that are forbidden to everybody's gardenlet, of SEED too.
const forbiddenToAll = `
	list,watch Secret
	list,watch Secret garden-SEED/
	list,watch Secret garden-SEED/ fields:metadata.name!=crop.ssh-keypair
	list,watch ConfigMap
	list,watch ConfigMap garden-SEED/
	list,watch InternalSecret
	list,watch Shoot
	list,watch Shoot garden-SEED/
	list,watch Shoot labels:!name.seed.gardener.cloud/SEED
	list,watch Shoot labels:name.seed.gardener.cloud/SEED!=true
	list,watch Shoot labels:name.seed.gardener.cloud/SEED!=false
	list,watch Shoot labels:name.seed.gardener.cloud/SEED=false
	list,watch Shoot fields:metadata.name!=other
	list,watch Seed
	list,watch Seed labels:!name.seed.gardener.cloud/SEED
	list,watch Seed labels:name.seed.gardener.cloud/SEED!=true
	list,watch ManagedSeed
	list,watch Bastion
	list,watch Bastion fields:spec.seedName!=SEED
	list,watch ControllerInstallation
	list,watch ControllerInstallation fields:spec.seedRef.name!=SEED
	list,watch Gardenlet
	list,watch Gardenlet garden/
	list,watch Project
	list,watch Namespace
	list,watch CloudProfile
	list,watch ServiceAccount
	get,patch,delete Secret garden-SEED/unrelated
	delete Shoot garden-SEED/crop
	deletecollection Secret garden-SEED/
	deletecollection Secret seed-SEED/
	deletecollection Shoot garden-SEED/
	delete Project SEED
	update,patch,delete CloudProfile cloud-SEED
	update,delete Namespace garden-SEED
	delete Lease gardener-system-seed-lease/SEED
	update WorkloadIdentity garden-SEED/infrastructure
	update,patch,delete SecretBinding garden-SEED/binding
	get,update,patch,delete ClusterRole cluster-admin
`

// Requests that are allowed to every gardenlet.
const allowedToAll = `
	get,list,watch BackupBucket bucket-SEED
	get BackupEntry garden-SEED/shoot--crop
	list,watch BackupEntry
	get ControllerRegistration registration-SEED
	list,watch ControllerRegistration
	get ConfigMap gardener-system-public/gardener-info
`

// TestGardenletReaches: a gardenlet does with its own objects what it must, and nothing with those of others. RBAC
// grants nothing to Seeds, so what is allowed here is allowed by seedguard.
func TestGardenletReaches(t *testing.T) {
	withSeeds(t, shared, "reach-a", "reach-b")
	a := gardenlet(t, shared, "reach-a")
	a.apply(t, object("ConfigMap", "gardener-system-public/gardener-info"))
	gardenlet(t, shared, "reach-b").allows(t, requests(related, "SEED", "reach-b")...) // so both are known

	for _, request := range requests(related, "SEED", "reach-a") {
		t.Run("own/"+request, func(t *testing.T) { a.allows(t, request) })
	}
	for _, request := range requests(related, "SEED", "reach-b") {
		t.Run("other/"+request, func(t *testing.T) { a.forbids(t, request) })
	}
	for _, seed := range []string{"reach-a", "reach-b"} {
		for _, request := range requests(allowedToAll, "SEED", seed) {
			t.Run("all/"+request, func(t *testing.T) { a.allows(t, request) })
		}
		for _, request := range requests(forbiddenToAll, "SEED", seed) {
			t.Run("none/"+request, func(t *testing.T) { a.forbids(t, request) })
		}
	}
}

// TestReason: the message of a 403 says why.
func TestReason(t *testing.T) {
	withSeeds(t, shared, "why")
	err := gardenlet(t, shared, "why").do(t.Context(), "get Secret garden-why/unrelated")
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	require.ErrorContains(t, err, "get needs a path from the object to the client's Seed, no relationship found")
}

// TestDeleteOfWhatIsGone: clients clear up twice and expect 404 the second time. Where nobody can be certain that an
// object does not exist, they may be forbidden, but never deceived.
func TestDeleteOfWhatIsGone(t *testing.T) {
	withSeeds(t, shared, "gone")
	c := gardenlet(t, shared, "gone")
	c.allows(t, "delete BackupEntry garden-gone/shoot--crop")
	for _, request := range requests(
		"delete BackupEntry garden-gone/none\ndelete Seed gone-none\ndelete BackupBucket none") {
		// Seedguard reads whether an object exists a few times a second only, and gives no opinion when it may not.
		require.Eventually(t, func() bool {
			return apierrors.IsNotFound(c.do(t.Context(), request))
		}, patience, 50*time.Millisecond, request)
	}
	for _, request := range requests(
		"delete Secret garden-gone/none\ndelete ConfigMap garden-gone/none\ndelete ShootState garden-gone/none") {
		err := c.do(t.Context(), request)
		require.True(t, apierrors.IsForbidden(err) || apierrors.IsNotFound(err), "%s: %v", request, err)
	}
	c.forbids(t, "delete Secret garden-gone/unrelated")
	require.NoError(t, c.asAdmin().do(t.Context(), "get Secret garden-gone/unrelated"))
}

// TestGardenletListsItsOwn: what a list with the selector returns is what belongs to the Seed.
func TestGardenletListsItsOwn(t *testing.T) {
	withSeeds(t, shared, "list-a", "list-b")
	a := gardenlet(t, shared, "list-a")
	for _, test := range []struct {
		kind    string
		options metav1.ListOptions
		want    []string
	}{
		{"Shoot", metav1.ListOptions{LabelSelector: "name.seed.gardener.cloud/list-a=true"},
			[]string{"list-a-child", "crop", "identity", "internal"}},
		{"Seed", metav1.ListOptions{LabelSelector: "name.seed.gardener.cloud/list-a=true"}, []string{"list-a"}},
		{"ManagedSeed", metav1.ListOptions{LabelSelector: "name.seed.gardener.cloud/list-a=true"}, []string{"list-a-child"}},
		{"Bastion", metav1.ListOptions{FieldSelector: "spec.seedName=list-a"}, []string{"bastion"}},
		{"ControllerInstallation", metav1.ListOptions{FieldSelector: "spec.seedRef.name=list-a"},
			[]string{"installation-list-a"}},
		{"Gardenlet", metav1.ListOptions{FieldSelector: "metadata.name=list-a"}, []string{"list-a"}},
	} {
		t.Run(test.kind, func(t *testing.T) {
			namespace := ""
			if test.kind == "Gardenlet" {
				namespace = "garden"
			}
			r, err := a.Resource(kinds[test.kind].WithKind(test.kind), namespace)
			require.NoError(t, err)
			list, err := r.List(t.Context(), test.options)
			require.NoError(t, err)
			var names []string
			for _, item := range list.Items {
				names = append(names, item.GetName())
			}
			require.ElementsMatch(t, test.want, names)
		})
	}
}

// TestGardenletWatches: a watch with the selector tells of what happens to the Seed's objects.
func TestGardenletWatches(t *testing.T) {
	withSeeds(t, shared, "watch-a", "watch-b")
	a := gardenlet(t, shared, "watch-a")
	r, err := a.Resource(kinds["Shoot"].WithKind("Shoot"), "")
	require.NoError(t, err)
	options := metav1.ListOptions{LabelSelector: "name.seed.gardener.cloud/watch-a=true"}
	list, err := r.List(t.Context(), options)
	require.NoError(t, err)
	options.ResourceVersion = list.GetResourceVersion()
	events, err := r.Watch(t.Context(), options)
	require.NoError(t, err)
	defer events.Stop()

	require.NoError(t, a.asAdmin().merge(t.Context(), "Shoot", "garden-watch-b/crop",
		`{"metadata":{"annotations":{"e2e":"other"}}}`))
	soon(t, "patch", func() error {
		return a.merge(t.Context(), "Shoot", "garden-watch-a/crop", `{"metadata":{"annotations":{"e2e":"own"}}}`)
	})
	select {
	case event := <-events.ResultChan():
		require.Equal(t, watch.Modified, event.Type)
		shoot := event.Object.(*unstructured.Unstructured)
		require.Equal(t, "garden-watch-a/crop", shoot.GetNamespace()+"/"+shoot.GetName())
		require.Equal(t, "own", shoot.GetAnnotations()["e2e"])
	case <-time.After(patience):
		t.Fatal("no event")
	}
}

// TestGardenletReportsEvents: they are created without a path. Of what else is, the admission is another test's matter.
func TestGardenletReportsEvents(t *testing.T) {
	event := one(t,
		`{apiVersion: v1, kind: Event, metadata: {namespace: default, generateName: shoot-}, reason: Created, type: Normal,
		involvedObject: {apiVersion: core.gardener.cloud/v1beta1, kind: Seed, name: events-a, namespace: ""}}`)
	require.NoError(t, gardenlet(t, shared, "events-a").create(t.Context(), event))
}

// TestNotASeedClient: only the pair of group and name makes a gardenlet.
func TestNotASeedClient(t *testing.T) {
	withSeeds(t, shared, "impostor")
	for _, test := range []struct {
		name, user string
		groups     []string
	}{
		{"name without the group", "gardener.cloud:system:seed:impostor", nil},
		{"group without the name", "impostor", []string{"gardener.cloud:system:seeds"}},
		{"group with an empty name", "gardener.cloud:system:seed:", []string{"gardener.cloud:system:seeds"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			config, err := shared.Client(test.user, test.groups...)
			require.NoError(t, err)
			newClient(t, shared, config).forbids(t, "get Seed impostor", "get Shoot garden-impostor/crop", "list BackupBucket")
		})
	}
}
