package admission

import (
	"slices"
	"strings"
	"time"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file holds the guards of what other objects merely refer to: Secrets, ConfigMaps and InternalSecrets. A client
// changes the contents of what it may create. Of everything else that it reaches it changes the finalizers at most.

// contentKinds are what the guards of Secrets look up.
var contentKinds = []graph.Kind{
	graph.KindBackupBucket, graph.KindGardenlet, graph.KindManagedSeed, graph.KindProject, graph.KindSeed, graph.KindShoot,
}

// backupStatusLabel is the label by which a ManagedSeed's controllers track its backup Secret.
const backupStatusLabel = "secret.backup.gardener.cloud/status"

func guardNewSecret(d *decision, o, _ *corev1.Secret) error {
	if err := d.labels(o, nil); err != nil {
		return err
	}
	return d.secretOfClient(o, false)
}

func guardSecret(d *decision, o, old *corev1.Secret) error {
	if err := d.labels(o, old); err != nil {
		return err
	}
	denied := d.secretOfClient(o, true)
	if denied == nil && o.Namespace == gardencorev1beta1.GardenerShootIssuerNamespace {
		denied = d.issuer(old, true) // or the labels would make another's Secret the client's
	}
	if denied == nil {
		return ownersUnchanged(o, old, d.ownsResource, nil)
	}
	was, is := old.DeepCopy(), o.DeepCopy()
	if managedSeeds := d.managedSeedsOfBackup(); len(managedSeeds) > 0 {
		dropOwners(was, is, managedSeeds)
		if _, ok := is.Labels[backupStatusLabel]; !ok {
			delete(was.Labels, backupStatusLabel)
		}
	}
	return finalizersAlone(is, was, denied)
}

// dropOwners removes from the old Secret the owner references to the ManagedSeeds that the new one no longer has.
func dropOwners(was, is *corev1.Secret, managedSeeds []*garden.Object) {
	was.OwnerReferences = slices.DeleteFunc(was.OwnerReferences, func(owner metav1.OwnerReference) bool {
		return slices.ContainsFunc(managedSeeds, func(o *garden.Object) bool { return isOwner(owner, o) }) &&
			!slices.ContainsFunc(
				is.OwnerReferences,
				func(kept metav1.OwnerReference) bool { return ownerKeyOf(kept) == ownerKeyOf(owner) },
			)
	})
}

func guardDeletedSecret(d *decision, _, old *corev1.Secret) error {
	denied := d.secretOfClient(old, true)
	if denied == nil || d.ownBootstrapToken() {
		return nil
	}
	if owner := metav1.GetControllerOfNoCopy(old); owner != nil &&
		slices.ContainsFunc(d.managedSeedsOfBackup(), func(o *garden.Object) bool { return isOwner(*owner, o) }) {
		return nil
	}
	return denied
}

// secretOfClient allows a Secret whose contents are the client's to write. With existing, the Seed that a Shoot
// leaves counts, too.
func (d *decision) secretOfClient(o *corev1.Secret, existing bool) error {
	err := forbidden("its contents are not the client's")
	if bucket, ok := strings.CutPrefix(d.name, constants.SecretPrefixGeneratedBackupBucket); ok &&
		d.GetNamespace() == naming.NamespaceGarden {
		if err = d.relatedBucket(bucket); err == nil {
			return nil
		}
	}
	if _, ok := graph.ImpliedShoot(d.vertex()); ok {
		if _, err = d.shootOfResource(existing); err == nil {
			return nil
		}
	}
	if d.GetNamespace() == gardencorev1beta1.GardenerShootIssuerNamespace {
		if err = d.issuer(o, existing); err == nil {
			return nil
		}
	}
	if d.GetNamespace() == naming.NamespaceKubeSystem && strings.HasPrefix(d.name, naming.BootstrapTokenSecretPrefix) {
		if err = d.bootstrapTokenOf(o); err == nil {
			return nil
		}
	}
	return err
}

// issuer allows a Secret with the documents of the issuer of a Shoot: its labels name the Shoot, its name the Shoot's
// UID.
func (d *decision) issuer(o *corev1.Secret, existing bool) error {
	shoot, err := d.shootOfIssuer(o.Labels, existing)
	if err != nil {
		return err
	}
	// The name goes first: there may be thousands of Projects, and their edges are packed.
	name, ok := strings.CutSuffix(d.name, naming.ShootIssuerSecret("", shoot.UID))
	for _, project := range d.list(graph.KindProject) {
		if ok && project.Name == name && project.To(graph.KindNamespace) == shoot.Namespace {
			return nil
		}
	}
	return forbidden("its name is not <project>--<UID of %s>", shoot.Vertex)
}

// tokenLifetime is how far ahead a bootstrap token may expire: gardenlets make them for a day, and clocks differ.
const tokenLifetime = 25 * time.Hour

// bootstrapTokenOf allows a bootstrap token that bears the id of the object that it is for, and that expires.
func (d *decision) bootstrapTokenOf(o *corev1.Secret) error {
	if d.client.Kind != identity.Gardenlet {
		return forbidden("only gardenlets make bootstrap tokens")
	}
	if len(o.StringData) > 0 {
		return forbidden("stringData is set")
	}
	if err := d.bootstrapToken(o); err != nil {
		return err
	}
	target, _ := tokenTarget(string(o.Data["description"]))
	id := naming.BootstrapTokenID(target.Namespace, target.Name)
	if d.name != naming.BootstrapTokenSecretPrefix+id || string(o.Data["token-id"]) != id {
		return forbidden("its name and token-id are not those of the object that it is for")
	}
	expires, err := time.Parse(time.RFC3339, string(o.Data["expiration"]))
	if err != nil || expires.After(d.now.Add(tokenLifetime)) {
		return forbidden("expiration is not set to at most %s ahead", tokenLifetime)
	}
	return nil
}

// ownBootstrapToken reports whether the object is the bootstrap token of the client's own Seed.
func (d *decision) ownBootstrapToken() bool {
	return d.GetNamespace() == naming.NamespaceKubeSystem &&
		d.name == naming.BootstrapTokenSecret(naming.NamespaceGarden, d.client.Seed)
}

// managedSeedsOfBackup returns the ManagedSeeds on the client's Seed whose seed template names the object as its
// backup credentials.
func (d *decision) managedSeedsOfBackup() []*garden.Object {
	var found []*garden.Object
	for _, o := range d.list(graph.KindManagedSeed) {
		if o.Facts.(garden.SeedFacts).BackupCredentials != d.vertex() {
			continue
		}
		if managedSeed, err := d.relatedManagedSeed(o.Vertex); err == nil {
			found = append(found, managedSeed)
		}
	}
	return found
}

func guardDeletedResource(d *decision) error {
	_, err := d.shootOfResource(true)
	return err
}

// guardNewResource guards what is new of a ConfigMap or InternalSecret beside its name.
func guardNewResource(d *decision, o, _ apiObject) error { return d.labels(o, nil) }

// guardResource allows changes of a Shoot's own ConfigMap or InternalSecret, and of finalizers of any other.
func guardResource(d *decision, o, old apiObject) error {
	if err := d.labels(o, old); err != nil {
		return err
	}
	if _, denied := d.shootOfResource(true); denied != nil {
		return finalizersAlone(o, old, denied)
	}
	return ownersUnchanged(o, old, d.ownsResource, nil)
}

// ownsResource reports whether an owner reference names the Shoot, or BackupBucket, of a resource.
func (d *decision) ownsResource(owner metav1.OwnerReference) bool {
	var v graph.Vertex
	if shoot, ok := graph.ImpliedShoot(d.vertex()); ok {
		v = shoot
	} else if bucket, ok := strings.CutPrefix(d.name, constants.SecretPrefixGeneratedBackupBucket); ok &&
		d.kind == graph.KindSecret {
		v = graph.Vertex{Kind: graph.KindBackupBucket, Name: bucket}
	} else {
		return false
	}
	o := d.get(v)
	return o != nil && isOwner(owner, o)
}

// labels denies labels by which controllers would copy the object to every Seed, or take it for another Shoot's. What
// was there before may stay.
func (d *decision) labels(o, old metav1.Object) error {
	after, before := o.GetLabels(), map[string]string{}
	if old != nil {
		before = old.GetLabels()
	}
	stays := func(label string) bool {
		value, ok := after[label]
		was, had := before[label]
		return !ok || had && was == value
	}
	if !stays(constants.GardenRole) && !d.isOwnRole(after[constants.GardenRole]) {
		return forbidden("the label %s is set", constants.GardenRole)
	}
	v, ok := graph.ImpliedShoot(d.vertex())
	if d.kind != graph.KindConfigMap || !ok || stays(constants.LabelShootName) && stays(constants.LabelShootUID) {
		return nil
	}
	shoot, name, uid := d.get(v), after[constants.LabelShootName], after[constants.LabelShootUID]
	if shoot == nil || name != "" && name != shoot.Name || uid != "" && uid != string(shoot.UID) {
		return forbidden("its labels name another Shoot than %s", v)
	}
	return nil
}

// isOwnRole reports whether the object is a Shoot's own resource, and the role is what Gardener labels it with: the
// suffix of its name.
func (d *decision) isOwnRole(role string) bool {
	shoot, ok := graph.ImpliedShoot(d.vertex())
	if !ok {
		return false
	}
	return role == strings.TrimSuffix(strings.TrimPrefix(d.name, shoot.Name+"."), ".old")
}

// finalizersAlone returns the denial when anything but the finalizers changes.
func finalizersAlone(o, old apiObject, denied error) error {
	was, is := old.DeepCopyObject().(apiObject), o.DeepCopyObject().(apiObject)
	for _, version := range []apiObject{was, is} {
		version.SetFinalizers(nil)
		version.SetResourceVersion("")
		version.SetManagedFields(nil)
		version.SetGeneration(0)
	}
	if !apiequality.Semantic.DeepEqual(was, is) {
		return denied
	}
	return nil
}
