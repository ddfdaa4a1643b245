package admission

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

// Rule is a row of the decision table: which check guards an operation on a resource, for which kinds of seed
// clients. A client whose kind is in no row of the resource and operation is denied.
type Rule struct {
	Resource schema.GroupResource
	// Versions are all API versions that the resource exists in, the preferred one first.
	Versions   []string
	Kind       graph.Kind
	Operations []admission.Operation
	Clients    []identity.ClientKind
	// Check is the name of the check.
	Check string
	// LooksUp are the kinds of the objects, beside the request's own, that the check looks up. All are watched kinds.
	LooksUp []graph.Kind
	// Allowed completes the sentence "allowed when …", of which "it" is the object.
	Allowed string

	check check
}

// GroupVersionResource returns the resource in its preferred version.
func (r *Rule) GroupVersionResource() schema.GroupVersionResource {
	return r.Resource.WithVersion(r.Versions[0])
}

var (
	gardenlet = []identity.ClientKind{identity.Gardenlet}
	extension = []identity.ClientKind{identity.Extension}
	both      = []identity.ClientKind{identity.Gardenlet, identity.Extension}
)

const (
	create = admission.Create
	update = admission.Update
	remove = admission.Delete
)

// table is the policy: who may create, update and delete what.
var table = []Rule{
	row(graph.KindBackupBucket, both, ownSeedName,
		"spec.seedName is the client's Seed", looksUp(), create),
	row(graph.KindBackupBucket, both, bucketOfSeed,
		"the name is the UID of the client's Seed", looksUp(graph.KindSeed), remove),
	row(
		graph.KindBackupEntry,
		both,
		backupEntryOfSeed,
		"spec.seedName is the client's Seed, and so is that of the BackupBucket; for the name source-<BackupEntry>, the "+
			"spec is that of "+
			"this BackupEntry instead, and the Shoot that owns it is being restored",
		looksUp(graph.KindBackupBucket, graph.KindBackupEntry, graph.KindShoot),
		create,
	),
	row(graph.KindBastion, both, ownSeedName,
		"spec.seedName is the client's Seed", looksUp(), create),
	row(graph.KindCertificateSigningRequest, gardenlet, ownClientCertificate,
		"it asks for a client certificate of the client's Seed", looksUp(), create),
	row(
		graph.KindClusterRoleBinding,
		gardenlet,
		bootstrapBinding,
		"it binds the ServiceAccount gardenlet-bootstrap-<name> of a ManagedSeed that the client may bootstrap to the "+
			"ClusterRole "+
			"gardener.cloud:system:seed-bootstrapper",
		looksUp(graph.KindManagedSeed, graph.KindShoot, graph.KindSeed),
		create,
	),
	row(
		graph.KindConfigMap,
		both,
		shootResource,
		"it is a project ConfigMap (<shoot>.ca-cluster, <shoot>.ca-kubelet) of a Shoot on the client's Seed",
		looksUp(graph.KindShoot),
		create,
	),
	row(
		graph.KindInternalSecret,
		both,
		shootResource,
		"it is the project InternalSecret (<shoot>.ca-client) of a Shoot on the client's Seed",
		looksUp(graph.KindShoot),
		create,
	),
	row(graph.KindLease, gardenlet, gardenletLease,
		"the name is gardenlet-leader-election, or it is gardener-system-seed-lease/<seed>", looksUp(), create),
	row(graph.KindLease, extension, extensionLease,
		"the namespace is seed-<seed>", looksUp(), create),
	row(graph.KindGardenlet, both, ownGardenlet,
		"it is garden/<seed>", looksUp(), create),
	row(
		graph.KindSecret,
		both,
		secretOfSeed,
		"it is generated-bucket-<BackupBucket of the client's Seed>, a project Secret of a Shoot on this Seed, a Secret "+
			"with the "+
			"public keys of such a Shoot's managed issuer, a bootstrap token for a ManagedSeed or Gardenlet that the client "+
			"may "+
			"bootstrap, or the Secret with the backup credentials of a ManagedSeed whose Shoot is on this Seed",
		looksUp(graph.KindBackupBucket, graph.KindShoot, graph.KindManagedSeed, graph.KindGardenlet, graph.KindSeed),
		create,
	),
	row(graph.KindSeed, both, ownSeed,
		"it is the client's Seed", looksUp(), create, update),
	row(graph.KindSeed, both, ownOrAbandonedSeed,
		"it is the client's Seed, or that of a ManagedSeed that is being deleted and whose Shoot is on the client's Seed",
		looksUp(graph.KindManagedSeed, graph.KindShoot), remove),
	row(
		graph.KindServiceAccount,
		gardenlet,
		serviceAccountOfSeed,
		"the namespace is seed-<seed>, or it is gardenlet-bootstrap-<name> for a ManagedSeed in the namespace that the "+
			"client may bootstrap",
		looksUp(graph.KindManagedSeed, graph.KindShoot, graph.KindSeed),
		create,
	),
	row(
		graph.KindShootState,
		both,
		shootStateOfSeed,
		"the Shoot of the same name is on the client's Seed by spec.seedName or status.seedName",
		looksUp(graph.KindShoot),
		create,
	),
}

// The checks by their names.
var (
	ownSeedName          = named("ownSeedName", checkOwnSeedName)
	bucketOfSeed         = named("bucketOfSeed", checkBucketOfSeed)
	backupEntryOfSeed    = named("backupEntryOfSeed", checkBackupEntry)
	ownClientCertificate = named("ownClientCertificate", checkCertificateRequest)
	bootstrapBinding     = named("bootstrapBinding", checkBootstrapBinding)
	shootResource        = named("shootResource", checkShootResource)
	gardenletLease       = named("gardenletLease", checkGardenletLease)
	extensionLease       = named("extensionLease", checkExtensionLease)
	ownGardenlet         = named("ownGardenlet", checkOwnGardenlet)
	secretOfSeed         = named("secretOfSeed", checkSecret)
	ownSeed              = named("ownSeed", checkOwnSeed)
	ownOrAbandonedSeed   = named("ownOrAbandonedSeed", checkOwnOrAbandonedSeed)
	serviceAccountOfSeed = named("serviceAccountOfSeed", checkServiceAccount)
	shootStateOfSeed     = named("shootStateOfSeed", checkShootState)
)

// check is a named check with the type that it wants the object decoded into.
type check struct {
	name string
	new  func() object
	run  func(*decision, object) error
}

// named makes a check of a function. It returns nil for what is allowed, else a denial.
func named[T any, O interface {
	*T
	object
}](name string, f func(*decision, O) error) check {
	return check{
		name: name,
		new:  func() object { return O(new(T)) },
		run:  func(d *decision, o object) error { return f(d, o.(O)) },
	}
}

func looksUp(kinds ...graph.Kind) []graph.Kind { return kinds }

func row(kind graph.Kind, clients []identity.ClientKind, check check, allowed string, looksUp []graph.Kind,
	operations ...admission.Operation) Rule {
	return Rule{
		Resource: kind.Resource().GroupResource(), Versions: kind.Versions(), Kind: kind, Operations: operations,
		Clients: clients, Check: check.name, LooksUp: looksUp, Allowed: allowed, check: check,
	}
}

// Rules returns the decision table. The registration of the webhook follows from it: exactly these resources and
// operations.
func Rules() []Rule { return slices.Clone(table) }

type guarded struct {
	resource  schema.GroupResource
	operation admission.Operation
}

// index finds the rows of the table. Invariant: no two rows are for the same resource, operation and kind of client.
var index = map[guarded][]*Rule{}

func init() {
	for i := range table {
		rule := &table[i]
		for _, operation := range rule.Operations {
			key := guarded{rule.Resource, operation}
			for _, client := range rule.Clients {
				if ruleFor(index[key], client) != nil {
					panic(fmt.Sprintf("BUG: two rules for %s of %s by %s", operation, rule.Resource, client))
				}
			}
			index[key] = append(index[key], rule)
		}
	}
}

// ruleFor returns the rule for a kind of client, nil when there is none.
func ruleFor(rules []*Rule, client identity.ClientKind) *Rule {
	for _, rule := range rules {
		if slices.Contains(rule.Clients, client) {
			return rule
		}
	}
	return nil
}
