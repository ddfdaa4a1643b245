package graph

import "fmt"

// Kind is the kind of a vertex. The zero value is no kind. Kinds are small integers so that a vertex costs little;
// their numbers have no meaning outside the process.
type Kind uint8

// The kinds that watched objects are of or refer to.
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
	// to lists the kinds that an edge from this kind may lead to. Edges into a Seed end there, so with the Seed as
	// source and the Seed as target told apart, the table has no cycle: a test sorts it topologically.
	to []Kind
	// watched: informers tell of every object of this kind, if a moment late, so absence from the graph is absence
	// from the garden.
	watched bool
}

// kinds says which kinds there are and how they are layered. Edges that it does not have are left out.
var kinds = [numKinds]kindInfo{
	KindBackupBucket:              {"BackupBucket", []Kind{KindBackupEntry, KindShoot, KindSeed}, true},
	KindBackupEntry:               {"BackupEntry", []Kind{KindShoot, KindSeed}, true},
	KindBastion:                   {"Bastion", []Kind{KindSeed}, true},
	KindCertificateSigningRequest: {"CertificateSigningRequest", []Kind{KindSeed}, true},
	KindCloudProfile:              {"CloudProfile", []Kind{KindShoot}, false},
	KindClusterRoleBinding:        {"ClusterRoleBinding", []Kind{KindManagedSeed}, false},
	KindConfigMap:                 {"ConfigMap", []Kind{KindControllerDeployment, KindManagedSeed, KindShoot, KindSeed}, false},
	KindControllerDeployment:      {"ControllerDeployment", []Kind{KindControllerInstallation}, true},
	KindControllerInstallation:    {"ControllerInstallation", []Kind{KindShoot, KindSeed}, true},
	KindControllerRegistration:    {"ControllerRegistration", []Kind{KindControllerInstallation}, false},
	KindCredentialsBinding:        {"CredentialsBinding", []Kind{KindShoot}, true},
	KindExposureClass:             {"ExposureClass", []Kind{KindShoot}, false},
	KindGardenlet:                 {"Gardenlet", []Kind{KindSeed}, true},
	KindInternalSecret:            {"InternalSecret", []Kind{KindCredentialsBinding, KindShoot}, false},
	KindLease:                     {"Lease", []Kind{KindSeed}, false},
	KindManagedSeed:               {"ManagedSeed", []Kind{KindShoot, KindSeed}, true},
	KindNamespace:                 {"Namespace", []Kind{KindShoot, KindSeed}, false},
	KindNamespacedCloudProfile:    {"NamespacedCloudProfile", []Kind{KindShoot}, false},
	KindProject:                   {"Project", []Kind{KindNamespace}, true},
	KindSecret: {"Secret", []Kind{
		KindBackupBucket, KindControllerDeployment, KindCredentialsBinding, KindGardenlet, KindManagedSeed,
		KindSecretBinding, KindServiceAccount, KindShoot, KindSeed,
	}, false},
	KindSecretBinding:  {"SecretBinding", []Kind{KindShoot}, true},
	KindSeed:           {"Seed", []Kind{KindManagedSeed}, true},
	KindServiceAccount: {"ServiceAccount", []Kind{KindManagedSeed}, false},
	KindShoot:          {"Shoot", []Kind{KindSeed}, true},
	KindShootState:     {"ShootState", []Kind{KindShoot}, false},
	KindWorkloadIdentity: {"WorkloadIdentity", []Kind{
		KindBackupBucket, KindCredentialsBinding, KindGardenlet, KindManagedSeed, KindShoot, KindSeed,
	}, false},
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

// Watched reports whether informers tell of every object of this kind. Only then does "the graph has no such object"
// mean that the object does not exist. Vertices of other kinds are known only by reference.
func (k Kind) Watched() bool { return int(k) < numKinds && kinds[k].watched }

// ParseKind is the inverse of Kind.String. It returns false for a name that is no kind of the graph.
func ParseKind(name string) (Kind, bool) {
	for k := Kind(1); int(k) < numKinds; k++ {
		if kinds[k].name == name {
			return k, true
		}
	}
	return 0, false
}
