package admission

import (
	"strings"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	operationsv1alpha1 "github.com/gardener/gardener/pkg/apis/operations/v1alpha1"
	certificatesv1 "k8s.io/api/certificates/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file holds the checks, but for those about Secrets and bootstrapping.

// gardenletLeaderElection is the lease that the replicas of a gardenlet elect their leader with.
const gardenletLeaderElection = "gardenlet-leader-election"

func checkBucket(d *decision, o, _ *gardencorev1beta1.BackupBucket) error {
	return d.belongs(o.Spec.SeedName)
}

func checkBastion(d *decision, o, _ *operationsv1alpha1.Bastion) error {
	return d.belongs(o.Spec.SeedName)
}

// checkBucketOfSeed allows the BackupBucket of the client's Seed, whose name is the Seed's UID.
func checkBucketOfSeed(d *decision) error {
	seed, err := d.ownSeed()
	if err != nil {
		return err
	}
	if d.name == "" || d.name != string(seed.UID) {
		return forbidden("the UID of %s is %q", seed.Vertex, seed.UID)
	}
	return nil
}

func checkBackupEntry(d *decision, o, _ *gardencorev1beta1.BackupEntry) error {
	if err := d.belongs(o.Spec.SeedName); err != nil {
		return err
	}
	if strings.HasPrefix(d.name, constants.BackupSourcePrefix) {
		return d.restores(o)
	}
	return d.relatedBucket(o.Spec.BucketName)
}

// restores allows the copy of a BackupEntry from which a Shoot is restored after its control plane has moved. It lies
// in the bucket of the Seed that the Shoot comes from.
func (d *decision) restores(o *gardencorev1beta1.BackupEntry) error {
	name, ok := strings.CutPrefix(d.name, naming.BackupEntrySourcePrefix)
	if !ok || name == "" {
		return forbidden("its name is not %s<BackupEntry>", naming.BackupEntrySourcePrefix)
	}
	owner := garden.OwnerShoot(o.OwnerReferences)
	if owner == "" {
		return forbidden("it has no owner reference to a Shoot")
	}
	v := graph.Vertex{Kind: graph.KindShoot, Namespace: d.GetNamespace(), Name: owner}
	shoot := d.get(v)
	restoring := shoot != nil && shoot.Facts.(garden.ShootFacts).Restoring
	switch {
	case shoot == nil, !restoring && !d.knowsOf(shoot):
		return notTheClients(v)
	case !restoring:
		return forbidden("the last operation of %s is not a %s that is %s", v,
			gardencorev1beta1.LastOperationTypeRestore, gardencorev1beta1.LastOperationStateProcessing)
	}
	original, err := d.existing(graph.Vertex{Kind: graph.KindBackupEntry, Namespace: d.GetNamespace(), Name: name})
	if err != nil {
		return err
	}
	if !apiequality.Semantic.DeepEqual(original.Facts.(garden.BackupEntryFacts).Spec, o.Spec) {
		return forbidden("its spec is not that of %s", original.Vertex)
	}
	return nil
}

func checkCertificateRequest(d *decision, o, _ *certificatesv1.CertificateSigningRequest) error {
	seed, err := identity.SeedOfCertificateRequest(o.Spec.Request, o.Spec.Usages)
	if err != nil {
		return forbidden("it asks for no client certificate of a Seed: %v", err)
	}
	if seed != d.client.Seed {
		return forbidden("it asks for a client certificate of Seed %q", seed)
	}
	return nil
}

// checkShootResource allows project resources of Shoots on the client's Seed, which their names tell.
func checkShootResource(d *decision) error {
	_, err := d.shootOfResource(false)
	return err
}

func checkGardenletLease(d *decision) error {
	heartbeat := d.GetNamespace() == gardencorev1beta1.GardenerSeedLeaseNamespace && d.name == d.client.Seed
	if heartbeat || d.name == gardenletLeaderElection {
		return nil
	}
	return forbidden("it is another lease")
}

func checkExtensionLease(d *decision) error {
	if d.GetNamespace() != d.seedNamespace() {
		return forbidden("the namespace is not %s", d.seedNamespace())
	}
	return nil
}

func checkOwnGardenlet(d *decision) error {
	if d.GetNamespace() != naming.NamespaceGarden || d.name != d.client.Seed {
		return forbidden("it is not %s/%s", naming.NamespaceGarden, d.client.Seed)
	}
	return nil
}

func checkOwnSeed(d *decision) error {
	if d.name != d.client.Seed {
		return forbidden("it is another Seed")
	}
	return nil
}

// checkOwnOrAbandonedSeed allows the client's own Seed. It also lets the parent's gardenlet remove the Seed of a
// ManagedSeed that is being deleted.
func checkOwnOrAbandonedSeed(d *decision) error {
	if d.name == d.client.Seed {
		return nil
	}
	v := graph.Vertex{Kind: graph.KindManagedSeed, Namespace: naming.NamespaceGarden, Name: d.name}
	managedSeed, err := d.relatedManagedSeed(v)
	if err != nil {
		return err
	}
	if !managedSeed.Deleting {
		return forbidden("%s is not being deleted", v)
	}
	return nil
}

func checkShootState(d *decision) error {
	_, err := d.shootOfClient(graph.Vertex{Kind: graph.KindShoot, Namespace: d.GetNamespace(), Name: d.name}, true)
	return err
}
