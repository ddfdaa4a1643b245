package graph

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kind is the kind of a vertex. The zero value is no kind. Kinds are small integers so that a vertex costs little;
// their numbers have no meaning outside the process.
type Kind uint8

// The kinds that docs/rules.md names.
const (
	KindBackupBucket Kind = iota + 1
	KindBackupEntry
	KindBastion
	KindCertificateSigningRequest
	KindCloudProfile
	KindClusterRoleBinding
	KindConfigMap
	KindControllerDeployment
	KindControllerInstallation
	KindControllerRegistration
	KindCredentialsBinding
	KindExposureClass
	KindGardenlet
	KindInternalSecret
	KindLease
	KindManagedSeed
	KindNamespace
	KindNamespacedCloudProfile
	KindProject
	KindSecret
	KindSecretBinding
	KindSeed
	KindServiceAccount
	KindShoot
	KindShootState
	KindWorkloadIdentity

	numKinds = iota + 1
)

// kindInfo is a row of the kind table. The resource's name is the kind's, in lower case and the plural.
type kindInfo struct {
	name string
	api
	namespaced bool
	// tracked: the graph has a vertex for every object of this kind, if a moment late, so absence from the graph is
	// absence from the garden. Vertices of the other kinds are there only while something refers to them.
	tracked bool
	to      uint64
}

// The values of namespaced and tracked.
const (
	cluster, namespaced = false, true
	referred, tracked   = false, true
)

// api is a group, followed by all versions in which it has a kind. The first version is the one that seedguard reads.
type api []string

var (
	core           = api{"core.gardener.cloud", "v1beta1"}
	coreV1         = api{"core.gardener.cloud", "v1", "v1beta1"}
	operations     = api{"operations.gardener.cloud", "v1alpha1"}
	security       = api{"security.gardener.cloud", "v1alpha1"}
	seedmanagement = api{"seedmanagement.gardener.cloud", "v1alpha1"}
	kubernetes     = api{"", "v1"}
	certificates   = api{"certificates.k8s.io", "v1", "v1beta1"}
	coordination   = api{"coordination.k8s.io", "v1", "v1beta1"}
	rbac           = api{"rbac.authorization.k8s.io", "v1", "v1beta1", "v1alpha1"}
)

// to returns a set of kinds, with a bit for each.
func to(kinds ...Kind) (set uint64) {
	for _, k := range kinds {
		set |= 1 << k
	}
	return set
}

// kinds says which kinds there are, what the API calls them, and to which kinds an edge from each may lead. All that
// seedguard says about a kind refers to its row. Edges into a Seed end there, so with the Seed as source and the Seed
// as target told apart, the table has no cycle: a test sorts it topologically.
var kinds = [numKinds]kindInfo{
	KindBackupBucket:              {"BackupBucket", core, cluster, tracked, to(KindBackupEntry, KindShoot, KindSeed)},
	KindBackupEntry:               {"BackupEntry", core, namespaced, tracked, to(KindShoot, KindSeed)},
	KindBastion:                   {"Bastion", operations, namespaced, tracked, to(KindSeed)},
	KindCertificateSigningRequest: {"CertificateSigningRequest", certificates, cluster, tracked, to(KindSeed)},
	KindCloudProfile:              {"CloudProfile", core, cluster, referred, to(KindShoot)},
	KindClusterRoleBinding:        {"ClusterRoleBinding", rbac, cluster, referred, to(KindManagedSeed)},
	KindConfigMap: {"ConfigMap", kubernetes, namespaced, referred,
		to(KindControllerDeployment, KindManagedSeed, KindShoot, KindSeed)},
	KindControllerDeployment:   {"ControllerDeployment", coreV1, cluster, tracked, to(KindControllerInstallation)},
	KindControllerInstallation: {"ControllerInstallation", core, cluster, tracked, to(KindShoot, KindSeed)},
	KindControllerRegistration: {"ControllerRegistration", core, cluster, referred, to(KindControllerInstallation)},
	KindCredentialsBinding:     {"CredentialsBinding", security, namespaced, tracked, to(KindShoot)},
	KindExposureClass:          {"ExposureClass", core, cluster, referred, to(KindShoot)},
	KindGardenlet:              {"Gardenlet", seedmanagement, namespaced, tracked, to(KindSeed)},
	KindInternalSecret:         {"InternalSecret", core, namespaced, referred, to(KindCredentialsBinding, KindShoot)},
	KindLease:                  {"Lease", coordination, namespaced, referred, to(KindSeed)},
	KindManagedSeed:            {"ManagedSeed", seedmanagement, namespaced, tracked, to(KindShoot, KindSeed)},
	KindNamespace:              {"Namespace", kubernetes, cluster, referred, to(KindShoot, KindSeed)},
	KindNamespacedCloudProfile: {"NamespacedCloudProfile", core, namespaced, referred, to(KindShoot)},
	KindProject:                {"Project", core, cluster, tracked, to(KindNamespace)},
	KindSecret: {"Secret", kubernetes, namespaced, referred,
		to(KindBackupBucket, KindControllerDeployment, KindCredentialsBinding, KindGardenlet, KindManagedSeed,
			KindSecretBinding, KindServiceAccount, KindShoot, KindSeed)},
	KindSecretBinding: {"SecretBinding", core, namespaced, tracked, to(KindShoot)},
	KindSeed:          {"Seed", core, cluster, tracked, to(KindManagedSeed)},
	// The ServiceAccounts that imply edges are watched with all others, but only they become vertices.
	KindServiceAccount: {"ServiceAccount", kubernetes, namespaced, referred, to(KindManagedSeed)},
	KindShoot:          {"Shoot", core, namespaced, tracked, to(KindSeed)},
	KindShootState:     {"ShootState", core, namespaced, referred, to(KindShoot)},
	KindWorkloadIdentity: {"WorkloadIdentity", security, namespaced, referred,
		to(KindBackupBucket, KindCredentialsBinding, KindGardenlet, KindManagedSeed, KindShoot, KindSeed)},
}

func (k Kind) valid() bool { return k > 0 && int(k) < numKinds }

// String returns the kind's name as the Kubernetes API spells it.
func (k Kind) String() string {
	if !k.valid() {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kinds[k].name
}

// MarshalText has JSON hold the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Tracked reports whether the graph has a vertex for every object of this kind. Only then does "the graph has no such
// object" mean that the object does not exist.
func (k Kind) Tracked() bool { return k.valid() && kinds[k].tracked }

// Namespaced reports whether the objects of this kind are in namespaces.
func (k Kind) Namespaced() bool { return k.valid() && kinds[k].namespaced }

// Versions returns the names of all API versions in which the kind exists, the one that seedguard reads first.
func (k Kind) Versions() []string { return slices.Clone(kinds[k].api[1:]) }

// Resource returns the kind's resource, in the version that seedguard reads, or zero for what is no kind of the graph.
func (k Kind) Resource() (resource schema.GroupVersionResource) {
	if k.valid() {
		gv := schema.GroupVersion{Group: kinds[k].api[0], Version: kinds[k].api[1]}
		resource, _ = meta.UnsafeGuessKindToResource(gv.WithKind(kinds[k].name))
	}
	return resource
}

// PointsTo reports whether an edge may lead from this kind to the other one.
func (k Kind) PointsTo(other Kind) bool { return k.valid() && kinds[k].to&(1<<other) != 0 }

// Kinds returns all kinds of the graph, in the order of their names.
func Kinds() []Kind {
	var all []Kind
	for k := Kind(1); k.valid(); k++ {
		all = append(all, k)
	}
	return all
}

// ParseKind is the inverse of Kind.String. It returns false for a name that is no kind of the graph.
func ParseKind(name string) (Kind, bool) {
	k := slices.IndexFunc(kinds[:], func(info kindInfo) bool { return info.name == name })
	return Kind(max(0, k)), k > 0 //nolint:gosec // there are few kinds
}
