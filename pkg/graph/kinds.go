package graph

import (
	"fmt"
	"slices"

	gardencorev1 "github.com/gardener/gardener/pkg/apis/core/v1"
	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	operationsv1alpha1 "github.com/gardener/gardener/pkg/apis/operations/v1alpha1"
	securityv1alpha1 "github.com/gardener/gardener/pkg/apis/security/v1alpha1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
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

// kindInfo is a row of the kind table.
type kindInfo struct {
	name string
	// versions are all API versions in which the kind exists. The first is the one that seedguard reads.
	versions []schema.GroupVersion
	// resource is the name of the kind's resource in the API.
	resource string
	scope    scope
	// tracked: the graph has a vertex for every object of this kind, if a moment late, so absence from the graph is absence from
	// the garden. Vertices of the other kinds are there only while something refers to them.
	tracked tracking
	// to lists the kinds that an edge from this kind may lead to. Edges into a Seed end there, so with the Seed as source
	// and the Seed as target told apart, the table has no cycle: a test sorts it topologically.
	to []Kind
}

// scope reports whether the objects of a kind are in namespaces.
type scope bool

const (
	cluster    scope = false
	namespaced scope = true
)

// tracking is kindInfo.tracked.
type tracking bool

const (
	tracked  tracking = true
	referred tracking = false
)

// The API groups with their versions.
var (
	core           = []schema.GroupVersion{gardencorev1beta1.SchemeGroupVersion}
	coreV1         = []schema.GroupVersion{gardencorev1.SchemeGroupVersion, gardencorev1beta1.SchemeGroupVersion}
	operations     = []schema.GroupVersion{operationsv1alpha1.SchemeGroupVersion}
	security       = []schema.GroupVersion{securityv1alpha1.SchemeGroupVersion}
	seedmanagement = []schema.GroupVersion{seedmanagementv1alpha1.SchemeGroupVersion}
	kubernetes     = []schema.GroupVersion{corev1.SchemeGroupVersion}
	certificates   = versions(certificatesv1.GroupName, "v1", "v1beta1")
	coordination   = versions(coordinationv1.GroupName, "v1", "v1beta1")
	rbac           = versions(rbacv1.GroupName, "v1", "v1beta1", "v1alpha1")
)

func versions(group string, names ...string) []schema.GroupVersion {
	list := make([]schema.GroupVersion, len(names))
	for i, name := range names {
		list[i] = schema.GroupVersion{Group: group, Version: name}
	}
	return list
}

// kinds says which kinds there are, what the API calls them, and how they are layered. All that seedguard says about a kind
// refers to its row. Edges that the table does not allow are left out of the graph.
var kinds = [numKinds]kindInfo{
	KindBackupBucket: {"BackupBucket", core, "backupbuckets", cluster, tracked,
		[]Kind{KindBackupEntry, KindShoot, KindSeed}},
	KindBackupEntry: {"BackupEntry", core, "backupentries", namespaced, tracked,
		[]Kind{KindShoot, KindSeed}},
	KindBastion: {"Bastion", operations, "bastions", namespaced, tracked,
		[]Kind{KindSeed}},
	KindCertificateSigningRequest: {"CertificateSigningRequest", certificates, "certificatesigningrequests", cluster, tracked,
		[]Kind{KindSeed}},
	KindCloudProfile: {"CloudProfile", core, "cloudprofiles", cluster, referred,
		[]Kind{KindShoot}},
	KindClusterRoleBinding: {"ClusterRoleBinding", rbac, "clusterrolebindings", cluster, referred,
		[]Kind{KindManagedSeed}},
	KindConfigMap: {"ConfigMap", kubernetes, "configmaps", namespaced, referred,
		[]Kind{KindControllerDeployment, KindManagedSeed, KindShoot, KindSeed}},
	KindControllerDeployment: {"ControllerDeployment", coreV1, "controllerdeployments", cluster, tracked,
		[]Kind{KindControllerInstallation}},
	KindControllerInstallation: {"ControllerInstallation", core, "controllerinstallations", cluster, tracked,
		[]Kind{KindShoot, KindSeed}},
	KindControllerRegistration: {"ControllerRegistration", core, "controllerregistrations", cluster, referred,
		[]Kind{KindControllerInstallation}},
	KindCredentialsBinding: {"CredentialsBinding", security, "credentialsbindings", namespaced, tracked,
		[]Kind{KindShoot}},
	KindExposureClass: {"ExposureClass", core, "exposureclasses", cluster, referred,
		[]Kind{KindShoot}},
	KindGardenlet: {"Gardenlet", seedmanagement, "gardenlets", namespaced, tracked,
		[]Kind{KindSeed}},
	KindInternalSecret: {"InternalSecret", core, "internalsecrets", namespaced, referred,
		[]Kind{KindCredentialsBinding, KindShoot}},
	KindLease: {"Lease", coordination, "leases", namespaced, referred,
		[]Kind{KindSeed}},
	KindManagedSeed: {"ManagedSeed", seedmanagement, "managedseeds", namespaced, tracked,
		[]Kind{KindShoot, KindSeed}},
	KindNamespace: {"Namespace", kubernetes, "namespaces", cluster, referred,
		[]Kind{KindShoot, KindSeed}},
	KindNamespacedCloudProfile: {"NamespacedCloudProfile", core, "namespacedcloudprofiles", namespaced, referred,
		[]Kind{KindShoot}},
	KindProject: {"Project", core, "projects", cluster, tracked,
		[]Kind{KindNamespace}},
	KindSecret: {"Secret", kubernetes, "secrets", namespaced, referred,
		[]Kind{KindBackupBucket, KindControllerDeployment, KindCredentialsBinding, KindGardenlet, KindManagedSeed,
			KindSecretBinding, KindServiceAccount, KindShoot, KindSeed}},
	KindSecretBinding: {"SecretBinding", core, "secretbindings", namespaced, tracked,
		[]Kind{KindShoot}},
	KindSeed: {"Seed", core, "seeds", cluster, tracked,
		[]Kind{KindManagedSeed}},
	// The ServiceAccounts that imply edges are watched with all others, but only they become vertices.
	KindServiceAccount: {"ServiceAccount", kubernetes, "serviceaccounts", namespaced, referred,
		[]Kind{KindManagedSeed}},
	KindShoot: {"Shoot", core, "shoots", namespaced, tracked,
		[]Kind{KindSeed}},
	KindShootState: {"ShootState", core, "shootstates", namespaced, referred,
		[]Kind{KindShoot}},
	KindWorkloadIdentity: {"WorkloadIdentity", security, "workloadidentities", namespaced, referred,
		[]Kind{KindBackupBucket, KindCredentialsBinding, KindGardenlet, KindManagedSeed, KindShoot, KindSeed}},
}

// allowList has a bit for every kind that an edge from a kind may lead to.
var allowList = func() (bits [numKinds]uint64) {
	for from, info := range kinds {
		for _, to := range info.to {
			bits[from] |= 1 << to
		}
	}
	return bits
}()

func (k Kind) valid() bool { return k > 0 && int(k) < numKinds }

// String returns the kind's name as the Kubernetes API spells it.
func (k Kind) String() string {
	if !k.valid() {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kinds[k].name
}

// Tracked reports whether the graph has a vertex for every object of this kind. Only then does "the graph has no such object"
// mean that the object does not exist.
func (k Kind) Tracked() bool { return k.valid() && bool(kinds[k].tracked) }

// Namespaced reports whether the objects of this kind are in namespaces.
func (k Kind) Namespaced() bool { return k.valid() && bool(kinds[k].scope) }

// Resource returns the kind's resource, in the version that seedguard reads. It is zero for what is no kind of the graph.
func (k Kind) Resource() schema.GroupVersionResource {
	if !k.valid() {
		return schema.GroupVersionResource{}
	}
	return kinds[k].versions[0].WithResource(kinds[k].resource)
}

// Versions returns the names of all API versions in which the kind exists, the one that seedguard reads first.
func (k Kind) Versions() []string {
	var names []string
	if k.valid() {
		for _, gv := range kinds[k].versions {
			names = append(names, gv.Version)
		}
	}
	return names
}

// PointsTo reports whether an edge may lead from this kind to the other one.
func (k Kind) PointsTo(other Kind) bool { return k.valid() && slices.Contains(kinds[k].to, other) }

// Kinds returns all kinds of the graph, in the order of their names.
func Kinds() []Kind {
	all := make([]Kind, 0, numKinds-1)
	for k := Kind(1); k.valid(); k++ {
		all = append(all, k)
	}
	return all
}

// ParseKind is the inverse of Kind.String. It returns false for a name that is no kind of the graph.
func ParseKind(name string) (Kind, bool) {
	for k := Kind(1); int(k) < numKinds; k++ {
		if kinds[k].name == name {
			return k, true
		}
	}
	return 0, false
}
