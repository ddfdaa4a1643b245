package admission

import (
	"strings"
	"time"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	"github.com/go-json-experiment/json/jsontext"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file holds the guards of what other objects merely refer to: Secrets, ConfigMaps and InternalSecrets. A client changes the
// contents of what it may create. Of everything else that it reaches it changes the finalizers at most.

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
	managedSeed := d.managedSeedOfBackup()
	if managedSeed == nil {
		return firstOf(finalizersAlone(o, old), denied)
	}
	isManagedSeed := func(owner metav1.OwnerReference) bool {
		return owner.Kind == managedSeed.Kind.String() && owner.Name == managedSeed.Name
	}
	if err := ownersUnchanged(o, old, nil, isManagedSeed); err != nil {
		return err
	}
	was, is := old.DeepCopy(), o.DeepCopy()
	was.OwnerReferences, is.OwnerReferences = nil, nil
	if _, ok := is.Labels[backupStatusLabel]; !ok {
		delete(was.Labels, backupStatusLabel)
	}
	return firstOf(finalizersAlone(is, was), denied)
}

// firstOf returns the second error when there is a first one: it says more.
func firstOf(err, better error) error {
	if err != nil {
		return better
	}
	return nil
}

func guardDeletedSecret(d *decision, _, old *corev1.Secret) error {
	denied := d.secretOfClient(old, true)
	if denied == nil || d.ownBootstrapToken() {
		return nil
	}
	if managedSeed := d.managedSeedOfBackup(); managedSeed != nil {
		if owner := metav1.GetControllerOfNoCopy(old); owner != nil && owner.Kind == managedSeed.Kind.String() &&
			owner.Name == managedSeed.Name && owner.UID == managedSeed.UID {
			return nil
		}
	}
	return denied
}

// secretOfClient allows a Secret whose contents are the client's to write. With existing, the Seed that a Shoot leaves counts, too.
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

// shootOfResource returns the Shoot whose resource the object is by its name. It must be on the client's Seed by its spec or, for
// an existing resource, by its status.
func (d *decision) shootOfResource(existing bool) (*garden.Object, error) {
	v, ok := graph.ImpliedShoot(d.vertex())
	if !ok {
		return nil, forbidden("its name is not that of a project %s of a Shoot", d.kind)
	}
	return d.shootOfClient(v, existing)
}

func (d *decision) shootOfClient(v graph.Vertex, existing bool) (*garden.Object, error) {
	shoot := d.get(v)
	if shoot != nil {
		facts := shoot.Facts.(garden.ShootFacts)
		if facts.SeedName == d.client.Seed || existing && facts.StatusSeedName == d.client.Seed {
			return shoot, nil
		}
	}
	return nil, notTheClients(v)
}

// issuer allows a Secret with the documents of the issuer of a Shoot: its labels name the Shoot, its name the Shoot's UID.
func (d *decision) issuer(o *corev1.Secret, existing bool) error {
	if err := issuerLabels(o.Labels); err != nil {
		return err
	}
	v := graph.Vertex{
		Kind: graph.KindShoot, Namespace: o.Labels[constants.LabelShootNamespace], Name: o.Labels[constants.LabelShootName],
	}
	shoot, err := d.shootOfClient(v, existing)
	if err != nil {
		return err
	}
	for _, project := range d.list(graph.KindProject) {
		if project.Facts.(garden.ProjectFacts).Namespace == v.Namespace &&
			d.name == naming.ShootIssuerSecret(project.Name, shoot.UID) {
			return nil
		}
	}
	return forbidden("its name is not <project>--<UID of %s>", v)
}

// tokenLifetime is how far ahead a bootstrap token may expire: gardenlets make them for a day, and clocks differ.
const tokenLifetime = 25 * time.Hour

// bootstrapTokenOf allows a bootstrap token that bears the id of the object that it is for, and that expires.
func (d *decision) bootstrapTokenOf(o *corev1.Secret) error {
	if d.client.Kind != identity.Gardenlet {
		return forbidden("only gardenlets make bootstrap tokens")
	}
	if err := d.bootstrapToken(&secret{Type: o.Type, Data: tokenDataOf(o.Data)}); err != nil {
		return err
	}
	target := tokenDescription.FindSubmatch(o.Data["description"])
	id := naming.BootstrapTokenID(string(target[2]), string(target[3]))
	if d.name != naming.BootstrapTokenSecretPrefix+id || string(o.Data["token-id"]) != id {
		return forbidden("its name and token-id are not those of the object that it is for")
	}
	expires, err := time.Parse(time.RFC3339, string(o.Data["expiration"]))
	if err != nil || expires.After(d.now.Add(tokenLifetime)) {
		return forbidden("expiration is not set to at most %s ahead", tokenLifetime)
	}
	return nil
}

// tokenDataOf returns what the checks read of a bootstrap token's data.
func tokenDataOf(data map[string][]byte) tokenData {
	token := tokenData{
		UsageAuthentication: data["usage-bootstrap-authentication"],
		UsageSigning:        data["usage-bootstrap-signing"],
		Description:         data["description"],
	}
	if _, ok := data["auth-extra-groups"]; ok {
		token.AuthExtraGroups = jsontext.Value(`""`)
	}
	return token
}

// ownBootstrapToken reports whether the object is the bootstrap token of the client's own Seed.
func (d *decision) ownBootstrapToken() bool {
	return d.GetNamespace() == naming.NamespaceKubeSystem &&
		d.name == naming.BootstrapTokenSecret(naming.NamespaceGarden, d.client.Seed)
}

// managedSeedOfBackup returns the ManagedSeed on the client's Seed whose seed template names the object as its backup
// credentials, nil when there is none.
func (d *decision) managedSeedOfBackup() *garden.Object {
	for _, o := range d.list(graph.KindManagedSeed) {
		if o.Facts.(garden.ManagedSeedFacts).BackupCredentials != d.vertex() {
			continue
		}
		if managedSeed, err := d.relatedManagedSeed(o.Vertex); err == nil {
			return managedSeed
		}
	}
	return nil
}

func guardNewConfigMap(d *decision, o, _ *corev1.ConfigMap) error { return d.labels(o, nil) }

func guardConfigMap(d *decision, o, old *corev1.ConfigMap) error { return d.resourceOfShoot(o, old) }

func guardDeletedConfigMap(d *decision, _, _ *corev1.ConfigMap) error {
	_, err := d.shootOfResource(true)
	return err
}

func guardNewInternalSecret(d *decision, o, _ *gardencorev1beta1.InternalSecret) error {
	return d.labels(o, nil)
}

func guardInternalSecret(d *decision, o, old *gardencorev1beta1.InternalSecret) error {
	return d.resourceOfShoot(o, old)
}

func guardDeletedInternalSecret(d *decision, _, _ *gardencorev1beta1.InternalSecret) error {
	_, err := d.shootOfResource(true)
	return err
}

// contents is an object whose contents others read.
type contents interface {
	metav1.Object
	runtime.Object
}

// resourceOfShoot allows changes of a Shoot's own ConfigMap or InternalSecret, and of finalizers of any other.
func (d *decision) resourceOfShoot(o, old contents) error {
	if err := d.labels(o, old); err != nil {
		return err
	}
	if _, denied := d.shootOfResource(true); denied != nil {
		return firstOf(finalizersAlone(o, old), denied)
	}
	return ownersUnchanged(o, old, d.ownsResource, nil)
}

// ownsResource reports whether an owner reference names the Shoot, or BackupBucket, of a resource.
func (d *decision) ownsResource(owner metav1.OwnerReference) bool {
	var v graph.Vertex
	if shoot, ok := graph.ImpliedShoot(d.vertex()); ok {
		v = shoot
	} else if bucket, ok := strings.CutPrefix(d.name, constants.SecretPrefixGeneratedBackupBucket); ok {
		v = graph.Vertex{Kind: graph.KindBackupBucket, Name: bucket}
	} else {
		return false
	}
	o := d.get(v)
	return o != nil && owner.Kind == v.Kind.String() && owner.Name == v.Name && owner.UID == o.UID
}

// labels denies labels by which controllers would copy the object to every Seed, or take it for another Shoot's.
func (d *decision) labels(o, old metav1.Object) error {
	role, ok := o.GetLabels()[constants.GardenRole]
	if ok && (old == nil || old.GetLabels()[constants.GardenRole] != role) && role != d.roleOfResource() {
		return forbidden("the label %s is set", constants.GardenRole)
	}
	if d.kind != graph.KindConfigMap || !strings.Contains(d.name, ".ca-") {
		return nil
	}
	name, uid := o.GetLabels()[constants.LabelShootName], o.GetLabels()[constants.LabelShootUID]
	if name == "" && uid == "" {
		return nil
	}
	v, ok := graph.ImpliedShoot(d.vertex())
	if !ok {
		return nil
	}
	if shoot := d.get(v); shoot == nil || name != "" && name != shoot.Name || uid != "" && uid != string(shoot.UID) {
		return forbidden("its labels name another Shoot than %s", v)
	}
	return nil
}

// roleOfResource returns the label that Gardener gives a Shoot's own resource of the name, which is the suffix of the name.
func (d *decision) roleOfResource() string {
	shoot, ok := graph.ImpliedShoot(d.vertex())
	if !ok {
		return ""
	}
	suffix := strings.TrimPrefix(strings.TrimPrefix(d.name, shoot.Name), ".")
	return strings.TrimSuffix(suffix, ".old")
}

// finalizersAlone denies changes of anything but the finalizers.
func finalizersAlone(o, old contents) error {
	was, is := old.DeepCopyObject().(contents), o.DeepCopyObject().(contents)
	for _, version := range []contents{was, is} {
		version.SetFinalizers(nil)
		version.SetResourceVersion("")
		version.SetManagedFields(nil)
		version.SetGeneration(0)
	}
	if !apiequality.Semantic.DeepEqual(was, is) {
		return forbidden("more than its finalizers changes")
	}
	return nil
}
