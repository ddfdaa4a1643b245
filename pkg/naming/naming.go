// Package naming holds the names that Gardener gives to objects and that seedguard depends on: the API
// module's constants where it has them, else its own. All functions are pure.
package naming

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// NamespaceGarden is the namespace of the landscape's own objects.
	NamespaceGarden = constants.GardenNamespace
	// NamespaceKubeSystem holds bootstrap tokens and the cluster identity.
	NamespaceKubeSystem = metav1.NamespaceSystem
	// NamespaceSystemPublic holds what every authenticated client may read.
	NamespaceSystemPublic = gardencorev1beta1.GardenerSystemPublicNamespace

	// RootCAConfigMap holds the CA of the garden's API server, in each namespace.
	RootCAConfigMap = "kube-root-ca.crt"

	// SeedNamespacePrefix followed by a Seed's name is the namespace of the Seed and its extensions in the garden.
	SeedNamespacePrefix = "seed-"
	// ExtensionPrefix starts the name of every extension's ServiceAccount.
	ExtensionPrefix = constants.ExtensionGardenServiceAccountPrefix

	// SelfHostedShootPrefix starts the name of a Gardenlet that belongs to a self-hosted Shoot and so to no Seed.
	SelfHostedShootPrefix = "self-hosted-shoot-"

	// BootstrapServiceAccountPrefix followed by the name of a ManagedSeed or Seed is the ServiceAccount that its gardenlet
	// bootstraps with.
	BootstrapServiceAccountPrefix = "gardenlet-bootstrap-"
	// BootstrapTokenSecretPrefix followed by a token id is the Secret of a bootstrap token, in kube-system.
	BootstrapTokenSecretPrefix = "bootstrap-token-"
	// BootstrapperClusterRole is the ClusterRole that a bootstrapping gardenlet is bound to.
	BootstrapperClusterRole = "gardener.cloud:system:seed-bootstrapper"

	// BackupEntrySourcePrefix starts the name of the copy of a BackupEntry that a control-plane migration restores from.
	BackupEntrySourcePrefix = "source-"
)

// SeedNamespace returns the namespace of a Seed in the garden.
func SeedNamespace(seed string) string { return SeedNamespacePrefix + seed }

// BootstrapTokenID returns the id of the bootstrap token for a ManagedSeed or Gardenlet: the first six hex digits of
// the sha256 of "<namespace>--<name>".
func BootstrapTokenID(namespace, name string) string {
	sum := sha256.Sum256([]byte(namespace + "--" + name))
	return hex.EncodeToString(sum[:3])
}

// BootstrapTokenSecret returns the name of the Secret in kube-system that holds the bootstrap token for a ManagedSeed
// or Gardenlet.
func BootstrapTokenSecret(namespace, name string) string {
	return BootstrapTokenSecretPrefix + BootstrapTokenID(namespace, name)
}

// BootstrapServiceAccount returns the name of the ServiceAccount for the bootstrap of the named ManagedSeed or Seed.
func BootstrapServiceAccount(name string) string { return BootstrapServiceAccountPrefix + name }

// BootstrapClusterRoleBinding returns the name of the ClusterRoleBinding of a bootstrap ServiceAccount.
func BootstrapClusterRoleBinding(namespace, name string) string {
	return BootstrapperClusterRole + ":" + namespace + ":" + BootstrapServiceAccount(name)
}

// ParseBootstrapClusterRoleBinding is the inverse of BootstrapClusterRoleBinding; false for any other name.
func ParseBootstrapClusterRoleBinding(binding string) (namespace, name string, ok bool) {
	rest, isBootstrapper := strings.CutPrefix(binding, BootstrapperClusterRole+":")
	namespace, account, _ := strings.Cut(rest, ":")
	name, isAccount := strings.CutPrefix(account, BootstrapServiceAccountPrefix)
	if !isBootstrapper || !isAccount || namespace == "" || name == "" || strings.Contains(name, ":") {
		return "", "", false
	}
	return namespace, name, true
}

// GeneratedBucketSecret returns the name of the Secret with the generated credentials of a BackupBucket, in namespace
// garden.
func GeneratedBucketSecret(bucket string) string {
	return constants.SecretPrefixGeneratedBackupBucket + bucket
}

// ShootIssuerSecret returns the name of the Secret with the managed issuer's documents of a Shoot, in the namespace
// GardenerShootIssuerNamespace.
func ShootIssuerSecret(project string, shoot types.UID) string { return project + "--" + string(shoot) }

// IsSegment reports whether a name is exactly one segment of a path at the API server, as every object's name and
// namespace is. What is not must not become part of a path: "../x" would lead elsewhere.
func IsSegment(name string) bool { return name != "" && len(content.IsPathSegmentName(name)) == 0 }
