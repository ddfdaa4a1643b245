package admission

import (
	"strings"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	apiequality "k8s.io/apimachinery/pkg/api/equality"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file holds the checks of SPEC 4 but for those about Secrets and bootstrapping.

// gardenletLeaderElection is the lease that the replicas of a gardenlet elect their leader with.
const gardenletLeaderElection = "gardenlet-leader-election"

func checkOwnSeedName(d *decision, o *ofSeed) error { return d.belongs(o.spec.SeedName) }

// checkBucketOfSeed: a Seed's BackupBucket bears the Seed's UID as its name.
func checkBucketOfSeed(d *decision, _ *anyObject) error {
	v := graph.Vertex{Kind: graph.KindSeed, Name: d.client.Seed}
	seed := d.get(v)
	if seed == nil {
		return notFound(v)
	}
	if d.name == "" || d.name != string(seed.UID) {
		return forbidden("the UID of %s is %q", v, seed.UID)
	}
	return nil
}

func checkBackupEntry(d *decision, o *backupEntry) error {
	seedName := ""
	if o.spec.SeedName != nil {
		seedName = *o.spec.SeedName
	}
	if err := d.belongs(seedName); err != nil {
		return err
	}
	if strings.HasPrefix(d.name, constants.BackupSourcePrefix) {
		return d.restores(o)
	}
	return d.relatedBucket(o.spec.BucketName)
}

// restores: the BackupEntry is the copy from which a Shoot is restored after its control plane has moved. It lies in the
// bucket of the Seed that the Shoot comes from.
func (d *decision) restores(o *backupEntry) error {
	name, ok := strings.CutPrefix(d.name, naming.BackupEntrySourcePrefix)
	if !ok || name == "" {
		return forbidden("its name is not %s<BackupEntry>", naming.BackupEntrySourcePrefix)
	}
	owner := garden.OwnerShoot(o.meta.OwnerReferences)
	if owner == "" {
		return forbidden("it has no owner reference to a Shoot")
	}
	v := graph.Vertex{Kind: graph.KindShoot, Namespace: d.namespace, Name: owner}
	shoot := d.get(v)
	if shoot == nil {
		return notFound(v)
	}
	if !shoot.Facts.(garden.ShootFacts).Restoring {
		return forbidden("the last operation of %s is not a %s that is %s", v,
			gardencorev1beta1.LastOperationTypeRestore, gardencorev1beta1.LastOperationStateProcessing)
	}
	v = graph.Vertex{Kind: graph.KindBackupEntry, Namespace: d.namespace, Name: name}
	original := d.get(v)
	if original == nil {
		return notFound(v)
	}
	if !apiequality.Semantic.DeepEqual(original.Facts.(garden.BackupEntryFacts).Spec, o.spec) {
		return forbidden("its spec is not that of %s", v)
	}
	return nil
}

func checkCertificateRequest(d *decision, o *certificateRequest) error {
	seed, err := identity.SeedOfCertificateRequest(o.spec.request, o.spec.usages)
	if err != nil {
		return forbidden("it asks for no client certificate of a Seed: %v", err)
	}
	if seed != d.client.Seed {
		return forbidden("it asks for a client certificate of Seed %q", seed)
	}
	return nil
}

// checkShootResource: the name makes it a project resource of a Shoot on the client's Seed.
func checkShootResource(d *decision, _ *anyObject) error {
	shoot, ok := graph.ImpliedShoot(d.vertex())
	if !ok {
		return forbidden("its name is not that of a project %s of a Shoot", d.rule.Kind)
	}
	return d.relatedShoot(shoot.Namespace, shoot.Name)
}

func checkGardenletLease(d *decision, _ *anyObject) error {
	if d.name == gardenletLeaderElection || d.namespace == gardencorev1beta1.GardenerSeedLeaseNamespace && d.name == d.client.Seed {
		return nil
	}
	return forbidden("it is another lease")
}

func checkExtensionLease(d *decision, _ *anyObject) error {
	if d.namespace != d.seedNamespace() {
		return forbidden("the namespace is not %s", d.seedNamespace())
	}
	return nil
}

func checkOwnGardenlet(d *decision, _ *anyObject) error {
	if d.namespace != naming.NamespaceGarden || d.name != d.client.Seed {
		return forbidden("it is not %s/%s", naming.NamespaceGarden, d.client.Seed)
	}
	return nil
}

func checkOwnSeed(d *decision, _ *anyObject) error {
	if d.name != d.client.Seed {
		return forbidden("it is another Seed")
	}
	return nil
}

// checkOwnOrAbandonedSeed: the parent's gardenlet removes the Seed of a ManagedSeed that goes.
func checkOwnOrAbandonedSeed(d *decision, _ *anyObject) error {
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

func checkShootState(d *decision, _ *anyObject) error {
	v := graph.Vertex{Kind: graph.KindShoot, Namespace: d.namespace, Name: d.name}
	shoot := d.get(v)
	if shoot == nil {
		return notFound(v)
	}
	if facts := shoot.Facts.(garden.ShootFacts); facts.SeedName != d.client.Seed && facts.StatusSeedName != d.client.Seed {
		return forbidden("spec.seedName of %s is %q, status.seedName is %q", v, facts.SeedName, facts.StatusSeedName)
	}
	return nil
}
