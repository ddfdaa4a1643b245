package admission

import (
	"strings"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	corev1 "k8s.io/api/core/v1"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/naming"
)

// checkSecret allows a Secret for one of several reasons. A name may offer more than one.
func checkSecret(d *decision, o, _ *corev1.Secret) error {
	// kube-controller-manager fills such a Secret with a token of the ServiceAccount that it names. Under a name of
	// which the client may create and read Secrets, that would be a way to any ServiceAccount in the namespace.
	if o.Type == corev1.SecretTypeServiceAccountToken {
		return invalid("its type must not be %s", corev1.SecretTypeServiceAccountToken)
	}
	err := forbidden("it is no Secret of a Seed or of anything on one")
	if bucket, ok := strings.CutPrefix(d.name, constants.SecretPrefixGeneratedBackupBucket); ok {
		if err = d.relatedBucket(bucket); err == nil {
			return nil
		}
	}
	if _, ok := graph.ImpliedShoot(d.vertex()); ok {
		if _, err = d.shootOfResource(false); err == nil {
			return nil
		}
	}
	if d.GetNamespace() == gardencorev1beta1.GardenerShootIssuerNamespace {
		if _, err = d.shootOfIssuer(o.Labels, false); err == nil {
			return nil
		}
	}
	if d.GetNamespace() == naming.NamespaceKubeSystem && strings.HasPrefix(d.name, naming.BootstrapTokenSecretPrefix) {
		if err = d.bootstrapToken(o); err == nil {
			return nil
		}
	}
	// The list comes last: it is the only reason that costs more than a look-up.
	for _, managedSeed := range d.list(graph.KindManagedSeed) {
		if managedSeed.Facts.(garden.SeedFacts).BackupCredentials != d.vertex() {
			continue
		}
		if _, err = d.relatedManagedSeed(managedSeed.Vertex); err == nil {
			return nil
		}
	}
	return err
}

// shootOfIssuer returns the Shoot whose public keys a Secret holds, as its labels say. It must be on the client's Seed
// by its spec or, for an existing Secret, by its status.
func (d *decision) shootOfIssuer(labels map[string]string, existing bool) (*garden.Object, error) {
	for _, label := range []string{constants.LabelShootName, constants.LabelShootNamespace} {
		if labels[label] == "" {
			return nil, invalid("the label %s is missing", label)
		}
	}
	if labels[constants.LabelDiscoveryPublic] != constants.LabelPublicKeysServiceAccount {
		return nil, invalid("the label %s must be %s", constants.LabelDiscoveryPublic,
			constants.LabelPublicKeysServiceAccount)
	}
	return d.shootOfClient(graph.Vertex{
		Kind: graph.KindShoot, Namespace: labels[constants.LabelShootNamespace], Name: labels[constants.LabelShootName],
	}, existing)
}
