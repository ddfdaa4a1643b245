package admission

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	operationsv1alpha1 "github.com/gardener/gardener/pkg/apis/operations/v1alpha1"
	securityv1alpha1 "github.com/gardener/gardener/pkg/apis/security/v1alpha1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file holds the guards of writes but for those of Secrets and the like (contents.go).

// guardOwners guards the owner references alone.
func guardOwners(_ *decision, o, old apiObject) error {
	return ownersUnchanged(o, old, nil, nil)
}

func guardNewBucket(d *decision, o, _ *gardencorev1beta1.BackupBucket) error {
	seed, err := d.ownSeed()
	if err != nil {
		return err
	}
	if d.name == "" || d.name != string(seed.UID) {
		return forbidden("its name is not the UID of %s", seed.Vertex)
	}
	if o.Spec.ShootRef != nil {
		return forbidden("spec.shootRef is set")
	}
	return d.backupOfSeed(o, seed)
}

// backupOfSeed allows a BackupBucket with the provider and the credentials of the Seed's backup.
func (d *decision) backupOfSeed(o *gardencorev1beta1.BackupBucket, seed *garden.Object) error {
	facts := seed.Facts.(garden.SeedFacts)
	if o.Spec.Provider.Type != facts.BackupProvider {
		return forbidden("spec.provider.type is not that of the backup of %s", seed.Vertex)
	}
	// A reference that leads nowhere is none that the Seed could have.
	credentials := garden.Credentials(o.Spec.CredentialsRef)
	if credentials != facts.BackupCredentials || o.Spec.CredentialsRef != nil && credentials == (graph.Vertex{}) {
		return forbidden("spec.credentialsRef is not that of the backup of %s", seed.Vertex)
	}
	return nil
}

func guardBucket(d *decision, o, old *gardencorev1beta1.BackupBucket) error {
	if err := d.belongs(old.Spec.SeedName); err != nil {
		return err
	}
	if !apiequality.Semantic.DeepEqual(o.Spec.ShootRef, old.Spec.ShootRef) {
		return forbidden("spec.shootRef changes")
	}
	seed, err := d.ownSeed()
	if err != nil {
		return err
	}
	err = ownersUnchanged(o, old, func(owner metav1.OwnerReference) bool { return isOwner(owner, seed) }, nil)
	if err != nil {
		return err
	}
	if o.Spec.Provider.Type == old.Spec.Provider.Type &&
		apiequality.Semantic.DeepEqual(o.Spec.CredentialsRef, old.Spec.CredentialsRef) {
		return nil
	}
	return d.backupOfSeed(o, seed)
}

func guardNewBackupEntry(d *decision, o, _ *gardencorev1beta1.BackupEntry) error {
	if o.Spec.ShootRef != nil {
		return forbidden("spec.shootRef is set")
	}
	shoot, err := d.ownerShoot(o)
	if err != nil {
		return err
	}
	if original, ok := strings.CutPrefix(d.name, naming.BackupEntrySourcePrefix); ok {
		entry, err := d.existing(graph.Vertex{Kind: graph.KindBackupEntry, Namespace: d.GetNamespace(), Name: original})
		if err != nil {
			return err
		}
		if entry.To(graph.KindShoot) != shoot.Name {
			return forbidden("its owner is not that of %s", entry.Vertex)
		}
	}
	return nil
}

// ownerShoot returns the Shoot that owns a BackupEntry, by name and UID. It must be on the client's Seed.
func (d *decision) ownerShoot(o *gardencorev1beta1.BackupEntry) (*garden.Object, error) {
	name := garden.OwnerShoot(o.OwnerReferences)
	if name == "" {
		return nil, forbidden("it has no owner reference to a Shoot")
	}
	shoot, err := d.shootOfClient(graph.Vertex{Kind: graph.KindShoot, Namespace: o.Namespace, Name: name}, false)
	if err != nil {
		return nil, err
	}
	for _, owner := range o.OwnerReferences {
		if owner.Kind == graph.KindShoot.String() && !isOwner(owner, shoot) {
			return nil, forbidden("its owner reference does not bear the UID of %s", shoot.Vertex)
		}
	}
	return shoot, nil
}

func guardBackupEntry(d *decision, o, old *gardencorev1beta1.BackupEntry) error {
	if !apiequality.Semantic.DeepEqual(o.Spec.ShootRef, old.Spec.ShootRef) {
		return forbidden("spec.shootRef changes")
	}
	if o.Spec.BucketName != old.Spec.BucketName {
		seed, err := d.ownSeed()
		if err != nil {
			return err
		}
		if o.Spec.BucketName != string(seed.UID) {
			return forbidden("spec.bucketName becomes another than the bucket of %s", seed.Vertex)
		}
		if holder := old.Status.SeedName; holder != nil && *holder != d.client.Seed {
			return forbidden("spec.bucketName changes while status.seedName is not the client's Seed")
		}
	}
	owner := graph.Vertex{Kind: graph.KindShoot, Namespace: o.Namespace, Name: garden.OwnerShoot(o.OwnerReferences)}
	if !ptr.Equal(o.Spec.SeedName, old.Spec.SeedName) {
		shoot := d.get(owner)
		if shoot == nil || o.Spec.SeedName == nil || shoot.Facts.(garden.ShootFacts).SeedName != *o.Spec.SeedName {
			return forbidden("spec.seedName becomes another than that of the Shoot that owns it")
		}
	}
	return d.entryOwners(o, old, owner)
}

// entryOwners allows a BackupEntry that has no Shoot yet, and is the client's, to get its own. One that has a Shoot
// keeps it: with another in its place the client could hold on to what moves away.
func (d *decision) entryOwners(o, old *gardencorev1beta1.BackupEntry, owner graph.Vertex) error {
	before := garden.OwnerShoot(old.OwnerReferences)
	if before != "" && before != owner.Name {
		return forbidden("the Shoot that owns it changes")
	}
	return ownersUnchanged(o, old, func(added metav1.OwnerReference) bool {
		if before == "" && ptr.Deref(old.Spec.SeedName, "") != d.client.Seed {
			return false
		}
		shoot, err := d.shootOfClient(owner, false)
		return err == nil && isOwner(added, shoot)
	}, nil)
}

// guardBastion guards the owner references. gardener-apiserver makes the Shoot the one owner whenever anybody writes.
func guardBastion(d *decision, o, old *operationsv1alpha1.Bastion) error {
	ofShoot := func(owner metav1.OwnerReference) bool {
		return owner.Kind == graph.KindShoot.String() && owner.Name == o.Spec.ShootRef.Name
	}
	return ownersUnchanged(o, old, func(owner metav1.OwnerReference) bool {
		if !ofShoot(owner) {
			return false
		}
		shoot := d.get(graph.Vertex{Kind: graph.KindShoot, Namespace: o.Namespace, Name: owner.Name})
		return shoot != nil && isOwner(owner, shoot)
	}, ofShoot)
}

func guardChildSeed(d *decision) error {
	if d.name == d.client.Seed {
		return forbidden("it is the client's own Seed")
	}
	return nil
}

func guardNewGardenlet(d *decision, o, _ *seedmanagementv1alpha1.Gardenlet) error {
	seed, err := d.ownSeed()
	if err != nil {
		return err
	}
	managedSeed := graph.Vertex{Kind: graph.KindManagedSeed, Namespace: naming.NamespaceGarden, Name: d.client.Seed}
	if d.get(managedSeed) != nil {
		return forbidden("%s exists", managedSeed)
	}
	if _, ok := o.Annotations[constants.GardenerOperation]; ok {
		return forbidden("it is annotated %s", constants.GardenerOperation)
	}
	if o.Spec.KubeconfigSecretRef != nil {
		return forbidden("spec.kubeconfigSecretRef is set")
	}
	template, err := garden.TemplateReferences(&o.Spec.Config)
	if err != nil {
		return invalid("spec.config cannot be decoded")
	}
	if more := template.Minus(seed.Facts.(garden.SeedFacts).References); len(more) > 0 {
		return forbidden("the seed template in spec.config refers to %s, which %s does not", more[0], seed.Vertex)
	}
	return nil
}

func guardGardenlet(_ *decision, o, old *seedmanagementv1alpha1.Gardenlet) error {
	if !sameJSON(o.Spec, old.Spec) {
		return forbidden("its spec changes")
	}
	return metadataStays(o, old, constants.GardenerOperation)
}

// metadataStays denies that an annotation comes or changes, and changes of the owner references.
func metadataStays(o, old metav1.Object, annotation string) error {
	after, ok := o.GetAnnotations()[annotation]
	if before, had := old.GetAnnotations()[annotation]; ok && (!had || before != after) {
		return forbidden("the annotation %s is set", annotation)
	}
	return ownersUnchanged(o, old, nil, nil)
}

func guardManagedSeed(d *decision, o, old *seedmanagementv1alpha1.ManagedSeed) error {
	if d.name == d.client.Seed {
		return forbidden("it is the client's own Seed that it manages")
	}
	if old.Spec.Shoot == nil {
		return forbidden("it has no Shoot")
	}
	if err := d.relatedShoot(d.GetNamespace(), old.Spec.Shoot.Name); err != nil {
		return err
	}
	if err := metadataStays(o, old, constants.GardenerOperation); err != nil {
		return err
	}
	// gardener-apiserver fills empty fields of the seed template when anybody writes.
	before, after := old.Spec.DeepCopy(), o.Spec.DeepCopy()
	if !filled(before.Gardenlet.Config.Raw, after.Gardenlet.Config.Raw) {
		return forbidden("its spec changes")
	}
	if was, is, err := templates(old, o); err != nil || len(is.Minus(was)) > 0 {
		return forbidden("its seed template newly refers to something")
	}
	before.Gardenlet.Config, after.Gardenlet.Config = runtime.RawExtension{}, runtime.RawExtension{}
	if !sameJSON(before, after) {
		return forbidden("its spec changes")
	}
	return nil
}

// templates returns what the seed templates of two ManagedSeeds refer to. One that was broken refers to nothing.
func templates(old, o *seedmanagementv1alpha1.ManagedSeed) (was, is garden.VertexSet, err error) {
	was, _ = garden.TemplateReferences(&old.Spec.Gardenlet.Config)
	is, err = garden.TemplateReferences(&o.Spec.Gardenlet.Config)
	if err != nil && sameJSON(o.Spec.Gardenlet.Config, old.Spec.Gardenlet.Config) {
		err = nil
	}
	return was, is, err
}

// filled reports whether two GardenletConfigurations differ at most in fields of the seed template that were empty.
func filled(before, after []byte) bool {
	var was, is map[string]any
	if json.Unmarshal(orNull(before), &was) != nil || json.Unmarshal(orNull(after), &is) != nil {
		return string(before) == string(after)
	}
	const template = "seedConfig"
	if !filledValue(was[template], is[template]) {
		return false
	}
	delete(was, template)
	delete(is, template)
	return apiequality.Semantic.DeepEqual(was, is)
}

func filledValue(was, is any) bool {
	switch was := was.(type) {
	case nil:
		return true
	case map[string]any:
		object, ok := is.(map[string]any)
		for key, value := range was {
			if !ok || !filledValue(value, object[key]) {
				return false
			}
		}
		return true
	case []any:
		list, _ := is.([]any)
		return len(was) == 0 || slices.EqualFunc(was, list, filledValue)
	case string:
		return was == "" || was == is
	default:
		return was == is
	}
}

func orNull(raw []byte) []byte { return []byte(cmp.Or(string(raw), "null")) }

// sameJSON reports whether two values are the same on the wire, where empty fields are not there.
func sameJSON(a, b any) bool {
	var values [2]any
	for i, v := range []any{a, b} {
		raw, err := json.Marshal(v)
		if err != nil || json.Unmarshal(raw, &values[i]) != nil {
			return false
		}
	}
	return apiequality.Semantic.DeepEqual(values[0], values[1])
}

func guardControllerInstallation(_ *decision, o, old *gardencorev1beta1.ControllerInstallation) error {
	if !sameJSON(o.Spec, old.Spec) {
		return forbidden("its spec changes")
	}
	return ownersUnchanged(o, old, nil, nil)
}

func guardShoot(_ *decision, o, old *gardencorev1beta1.Shoot) error {
	return metadataStays(o, old, constants.ConfirmationDeletion)
}

func guardServiceAccount(d *decision, o, old *corev1.ServiceAccount) error {
	if d.GetNamespace() == d.seedNamespace() {
		return nil
	}
	if old == nil {
		old = &corev1.ServiceAccount{}
	} else if err := ownersUnchanged(o, old, nil, nil); err != nil {
		return err
	}
	if added(o.Secrets, old.Secrets) {
		return forbidden("it has new secrets")
	}
	if added(o.ImagePullSecrets, old.ImagePullSecrets) {
		return forbidden("it has new imagePullSecrets")
	}
	return nil
}

// added reports whether a list has an element that was not there before.
func added[T comparable](after, before []T) bool {
	return sets.New(after...).Difference(sets.New(before...)).Len() > 0
}

func guardBootstrapBinding(d *decision, o, old *rbacv1.ClusterRoleBinding) error {
	if err := ownersUnchanged(o, old, nil, nil); err != nil {
		return err
	}
	return checkBootstrapBinding(d, o, nil)
}

func guardSigner(_ *decision, o, _ *certificatesv1.CertificateSigningRequest) error {
	if o.Spec.SignerName != certificatesv1.KubeAPIServerClientSignerName {
		return forbidden("spec.signerName is not %s", certificatesv1.KubeAPIServerClientSignerName)
	}
	return nil
}

// contextKinds are the kinds of objects that a token of a WorkloadIdentity may be for.
var contextKinds = []graph.Kind{graph.KindBackupBucket, graph.KindBackupEntry, graph.KindSeed, graph.KindShoot}

// guardTokenContext allows a token for an object that exists under the UID that the request tells and that is related
// to the client's Seed.
func guardTokenContext(d *decision, o, _ *securityv1alpha1.TokenRequest) error {
	context := o.Spec.ContextObject
	if context == nil {
		return nil
	}
	denied := forbidden("spec.contextObject is not related to the client's Seed")
	kind, ok := graph.ParseKind(context.Kind)
	if !ok || !slices.Contains(contextKinds, kind) ||
		!strings.HasPrefix(context.APIVersion, kind.Resource().Group+"/") {
		return denied
	}
	v := graph.Vertex{Kind: kind, Namespace: ptr.Deref(context.Namespace, ""), Name: context.Name}
	target := d.get(v)
	if target == nil || target.UID != context.UID {
		return denied
	}
	// The graph may not have heard yet of a Shoot that has just been read live.
	if kind == graph.KindShoot && d.knowsOf(target) || d.reader.Related(v, d.client.Seed) {
		return nil
	}
	return denied
}

func guardFinalizers(_ *decision, o, old apiObject) error {
	return finalizersAlone(o, old, forbidden("more than its finalizers changes"))
}

func guardLease(d *decision) error {
	if d.client.Kind == identity.Gardenlet && d.name == gardenletLeaderElection &&
		d.GetNamespace() != naming.NamespaceGarden {
		return forbidden("the namespace is not %s", naming.NamespaceGarden)
	}
	return nil
}
