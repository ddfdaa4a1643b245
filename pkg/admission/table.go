package admission

import (
	"slices"

	"k8s.io/apiserver/pkg/admission"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

// Rule is a row of the decision table: what guards an operation on a resource, for which kinds of seed clients. A
// client whose kind is in no row of the resource and operation is denied.
type Rule struct {
	Kind       graph.Kind            `json:"-"`
	Operations []admission.Operation `json:"operations"`
	Clients    []identity.ClientKind `json:"clients"`
	// LooksUp are the kinds of the objects, beside the request's own, that the check looks up. All are watched kinds.
	LooksUp []graph.Kind `json:"-"`
	// Allowed completes the sentence "allowed when …", of which "it" is the object.
	Allowed string `json:"allowedWhen"`

	check check
}

var (
	gardenlet = []identity.ClientKind{identity.Gardenlet}
	extension = []identity.ClientKind{identity.Extension}
	both      = []identity.ClientKind{identity.Gardenlet, identity.Extension}
	nobody    = []identity.ClientKind{}
)

const (
	create = admission.Create
	update = admission.Update
	remove = admission.Delete
)

func on(operations ...admission.Operation) []admission.Operation { return operations }
func kinds(kinds ...graph.Kind) []graph.Kind                     { return kinds }

// table is the policy: who may create, update and delete what.
var table = []Rule{
	{Kind: graph.KindBackupBucket, Operations: on(create), Clients: both, check: byObject(checkBucket),
		Allowed: "spec.seedName is the client's Seed"},
	{Kind: graph.KindBackupBucket, Operations: on(remove), Clients: both, check: byName(checkBucketOfSeed),
		LooksUp: kinds(graph.KindSeed),
		Allowed: "the name is the UID of the client's Seed"},
	{Kind: graph.KindBackupEntry, Operations: on(create), Clients: both, check: byObject(checkBackupEntry),
		LooksUp: kinds(graph.KindBackupBucket, graph.KindBackupEntry, graph.KindShoot),
		Allowed: "spec.seedName is the client's Seed, and so is that of the BackupBucket; for the name " +
			"source-<BackupEntry>, the spec is that of this BackupEntry instead, and the Shoot that owns it is being restored"},
	{Kind: graph.KindBastion, Operations: on(create), Clients: both, check: byObject(checkBastion),
		Allowed: "spec.seedName is the client's Seed"},
	{Kind: graph.KindCertificateSigningRequest, Operations: on(create), Clients: gardenlet,
		check:   byObject(checkCertificateRequest),
		Allowed: "it asks for a client certificate of the client's Seed"},
	{Kind: graph.KindClusterRoleBinding, Operations: on(create), Clients: gardenlet,
		check:   byObject(checkBootstrapBinding),
		LooksUp: kinds(graph.KindManagedSeed, graph.KindShoot, graph.KindSeed),
		Allowed: "it binds the ServiceAccount gardenlet-bootstrap-<name> of a ManagedSeed that the client may bootstrap to " +
			"the ClusterRole gardener.cloud:system:seed-bootstrapper"},
	{Kind: graph.KindConfigMap, Operations: on(create), Clients: both, check: byName(checkShootResource),
		LooksUp: kinds(graph.KindShoot),
		Allowed: "it is a project ConfigMap (<shoot>.ca-cluster, <shoot>.ca-kubelet) of a Shoot on the client's Seed"},
	{Kind: graph.KindInternalSecret, Operations: on(create), Clients: both, check: byName(checkShootResource),
		LooksUp: kinds(graph.KindShoot),
		Allowed: "it is the project InternalSecret (<shoot>.ca-client) of a Shoot on the client's Seed"},
	{Kind: graph.KindLease, Operations: on(create), Clients: gardenlet, check: byName(checkGardenletLease),
		Allowed: "the name is gardenlet-leader-election, or it is gardener-system-seed-lease/<seed>"},
	{Kind: graph.KindLease, Operations: on(create), Clients: extension, check: byName(checkExtensionLease),
		Allowed: "the namespace is seed-<seed>"},
	{Kind: graph.KindGardenlet, Operations: on(create), Clients: both, check: byName(checkOwnGardenlet),
		Allowed: "it is garden/<seed>"},
	{Kind: graph.KindSecret, Operations: on(create), Clients: both, check: byObject(checkSecret),
		LooksUp: kinds(graph.KindBackupBucket, graph.KindShoot, graph.KindManagedSeed, graph.KindGardenlet, graph.KindSeed),
		Allowed: "it is generated-bucket-<BackupBucket of the client's Seed>, a project Secret of a Shoot on this Seed, a " +
			"Secret with the public keys of such a Shoot's managed issuer, a bootstrap token for a ManagedSeed or Gardenlet " +
			"that the client may bootstrap, or the Secret with the backup credentials of a ManagedSeed whose Shoot is on this " +
			"Seed"},
	{Kind: graph.KindSeed, Operations: on(create, update), Clients: both, check: byName(checkOwnSeed),
		Allowed: "it is the client's Seed"},
	{Kind: graph.KindSeed, Operations: on(remove), Clients: both, check: byName(checkOwnOrAbandonedSeed),
		LooksUp: kinds(graph.KindManagedSeed, graph.KindShoot),
		Allowed: "it is the client's Seed, or that of a ManagedSeed that is being deleted and whose Shoot is on the " +
			"client's Seed"},
	{Kind: graph.KindServiceAccount, Operations: on(create), Clients: gardenlet, check: byName(checkServiceAccount),
		LooksUp: kinds(graph.KindManagedSeed, graph.KindShoot, graph.KindSeed),
		Allowed: "the namespace is seed-<seed>, or it is gardenlet-bootstrap-<name> for a ManagedSeed in the namespace " +
			"that the client may bootstrap"},
	{Kind: graph.KindShootState, Operations: on(create), Clients: both, check: byName(checkShootState),
		LooksUp: kinds(graph.KindShoot),
		Allowed: "the Shoot of the same name is on the client's Seed by spec.seedName or status.seedName"},
}

// check decides on a request. It returns nil for what it allows, else a denial.
type check struct {
	// whole: it reads the objects, so they are decoded into their API type.
	whole bool
	run   func(*decision) error
}

// byObject makes a check of a function that gets the new and the old object; on CREATE there is no old one, on DELETE
// no new one.
func byObject[O apiObject](f func(d *decision, object, oldObject O) error) check {
	return check{whole: true, run: func(d *decision) error {
		o, _ := d.object.(O)
		old, _ := d.oldObject.(O)
		return f(d, o, old)
	}}
}

// byName makes a check of a function that reads no object: the name says all.
func byName(f func(*decision) error) check { return check{run: f} }

// Rules returns the decision table. The registration of the webhook follows from it: exactly these resources and
// operations.
func Rules() []Rule { return slices.Clone(table) }
