package attack

import (
	"encoding/base64"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file says what must not come of a write, in words of its own: it asks neither the admission nor its tables.
// There are four kinds of harm. What the clients reach grows. What is not theirs changes. What is not theirs
// disappears, be it by the garbage collector. And an object that others trust because of its name, labels or
// contents, as a certificate request or a bootstrap token, comes into being where or as it should not.

// SharedDNS and Granted are the configuration that the oracle expects.
const (
	SharedDNS1 = "default-domain*"
	SharedDNS2 = "internal-domain*"
	// Granted is a name that each Seed is granted, <seed> being its name.
	Granted = "granted-<seed>"
)

// access is a set of verbs.
type access uint8

var accessVerbs = []string{"get", "update", "patch", "delete"}

func (a access) String() string {
	var verbs []string
	for i, verb := range accessVerbs {
		if a&(1<<i) != 0 {
			verbs = append(verbs, verb)
		}
	}
	return strings.Join(verbs, " ")
}

// reached returns what the clients may do with the objects that exist and that they have not created themselves.
func (g *game) reached() map[graph.Vertex]access {
	reached := make(map[graph.Vertex]access, len(g.objects))
	for v, o := range g.objects {
		if o.own {
			continue
		}
		for i, verb := range accessVerbs {
			if g.allowed(g.attributes(identity.Gardenlet, verb, v, "")) ||
				g.allowed(g.attributes(identity.Extension, verb, v, "")) {
				reached[v] |= 1 << i
			}
		}
	}
	return reached
}

func vertexOf(kind graph.Kind, namespace, name string) graph.Vertex {
	return graph.Vertex{Kind: kind, Namespace: namespace, Name: name}
}

func inGarden(kind graph.Kind, name string) graph.Vertex {
	return vertexOf(kind, naming.NamespaceGarden, name)
}

// grantsOf returns which growth the write may bring. It looks at the world before the write.
func (g *game) grantsOf(m Move, old, o *object) func(graph.Vertex) bool {
	var granted []func(graph.Vertex) bool
	add := func(f func(graph.Vertex) bool) { granted = append(granted, f) }
	one := func(want graph.Vertex) { add(func(v graph.Vertex) bool { return v == want }) }
	own := vertexOf(graph.KindSeed, "", g.seed)
	// A bucket that the clients have given away or deleted comes back, with the Secret that its name says is its own.
	bucket := string(g.uid(own))
	one(vertexOf(graph.KindBackupBucket, "", bucket))
	one(inGarden(graph.KindSecret, naming.GeneratedBucketSecret(bucket)))
	switch {
	case m.Vertex == own && o != nil && m.Subresource == "":
		g.seedGrants(m, add)
	case m.Vertex == own && m.Subresource == "status":
		g.bootstrapGrants(g.seed, one)
	case m.Kind == graph.KindSeed && o == nil: // the parent may bootstrap the child again
		g.bootstrapGrants(m.Name, one)
	case m.Kind == graph.KindBackupEntry && old == nil && strings.HasPrefix(m.Name, "source-"):
		g.sourceGrants(o, add)
	case m.Kind == graph.KindShoot && o != nil:
		for _, secret := range g.issuerSecrets(o.kept) {
			one(secret)
		}
		if dns := old.typed.(*gardencorev1beta1.Shoot).Spec.DNS; dns != nil {
			for _, provider := range dns.Providers {
				name := ptr.Deref(provider.SecretName, "") //nolint:staticcheck // deprecated, and still there
				one(vertexOf(graph.KindSecret, m.Namespace, name))
			}
		}
	case m.Kind == graph.KindGardenlet && old == nil:
		one(bootstrapToken(m.Vertex))
		for _, secret := range g.names(graph.KindSecret) {
			referrers := g.Referrers(secret)
			others := slices.ContainsFunc(referrers, func(v graph.Vertex) bool {
				return v.Kind != graph.KindGardenlet && v.Kind != graph.KindControllerDeployment
			})
			if len(referrers) > 0 && !others || secret.Name == strings.ReplaceAll(Granted, "<seed>", g.seed) {
				one(secret)
			}
		}
	}
	return func(v graph.Vertex) bool {
		return slices.ContainsFunc(granted, func(grants func(graph.Vertex) bool) bool { return grants(v) })
	}
}

// bootstrapGrants are what a Seed is brought up with.
func (g *game) bootstrapGrants(seed string, one func(graph.Vertex)) {
	managedSeed := inGarden(graph.KindManagedSeed, seed)
	one(bootstrapToken(managedSeed)) // a Gardenlet's is the same
	one(bootstrapAccount(managedSeed))
	one(bootstrapBinding(managedSeed))
	// With the ServiceAccount come the Secrets with its tokens.
	if account := g.Get(bootstrapAccount(managedSeed)); account != nil {
		for _, e := range account.Edges() {
			one(e.From)
		}
	}
}

func (g *game) names(kind graph.Kind) (names []graph.Vertex) {
	for v := range g.objects {
		if v.Kind == kind {
			names = append(names, v)
		}
	}
	return names
}

// seedGrants are the grants for references of the own Seed.
func (g *game) seedGrants(m Move, add func(func(graph.Vertex) bool)) {
	template, managed := garden.VertexSet(nil), false
	if o := g.Get(inGarden(graph.KindManagedSeed, g.seed)); o != nil {
		template, managed = o.Facts.(garden.SeedFacts).References, true
	} else if o := g.Get(inGarden(graph.KindGardenlet, g.seed)); o != nil {
		template, managed = o.Facts.(garden.SeedFacts).References, true
	}
	add(template.Has)
	add(func(v graph.Vertex) bool {
		return v.Namespace == naming.NamespaceGarden && v.Name == strings.ReplaceAll(Granted, "<seed>", g.seed)
	})
	add(func(v graph.Vertex) bool {
		one, _ := path.Match(SharedDNS1, v.Name)
		two, _ := path.Match(SharedDNS2, v.Name)
		return v.Namespace == naming.NamespaceGarden && v.Kind != graph.KindConfigMap && (one || two)
	})
	if m.Operation != admission.Create {
		return
	}
	named := []graph.Vertex{
		vertexOf(graph.KindNamespace, "", naming.SeedNamespace(g.seed)),
		vertexOf(graph.KindConfigMap, naming.NamespaceKubeSystem, "cluster-identity"),
		vertexOf(graph.KindLease, gardencorev1beta1.GardenerSeedLeaseNamespace, g.seed),
		bootstrapToken(inGarden(graph.KindGardenlet, g.seed)),
	}
	first := map[graph.Vertex]bool{}
	for v := range g.objects {
		if managed || v.Namespace != naming.NamespaceGarden {
			continue
		}
		first[v] = !slices.ContainsFunc(g.Referrers(v), func(referrer graph.Vertex) bool {
			bucket := g.Get(referrer)
			return referrer.Kind != graph.KindBackupBucket || bucket.To(graph.KindSeed) != g.seed
		})
	}
	add(func(v graph.Vertex) bool { return first[v] || slices.Contains(named, v) })
}

// sourceGrants let the clients read the bucket that a Shoot is restored from.
func (g *game) sourceGrants(o *object, add func(func(graph.Vertex) bool)) {
	entry := o.typed.(*gardencorev1beta1.BackupEntry)
	shoot := g.shoot(vertexOf(graph.KindShoot, o.Namespace, garden.OwnerShoot(entry.OwnerReferences)))
	original := g.Get(vertexOf(graph.KindBackupEntry, o.Namespace, strings.TrimPrefix(o.Name, "source-")))
	if shoot == nil || original == nil || !shoot.Facts.(garden.ShootFacts).Restoring ||
		shoot.Facts.(garden.ShootFacts).SeedName != g.seed ||
		original.To(graph.KindShoot) != shoot.Name ||
		original.Facts.(garden.BackupEntryFacts).Spec.BucketName != entry.Spec.BucketName {
		return
	}
	bucket := vertexOf(graph.KindBackupBucket, "", entry.Spec.BucketName)
	behind := []graph.Vertex{bucket}
	if o := g.Get(bucket); o != nil {
		for _, e := range o.Edges() {
			behind = append(behind, e.From)
		}
	}
	add(func(v graph.Vertex) bool { return slices.Contains(behind, v) })
}

// onSeed reports whether a Shoot is on the clients' Seed, by its spec or, with leaving, by its status.
func (g *game) onSeed(v graph.Vertex, leaving bool) bool {
	shoot := g.shoot(v)
	if shoot == nil {
		return false
	}
	facts := shoot.Facts.(garden.ShootFacts)
	return facts.SeedName == g.seed || leaving && facts.StatusSeedName == g.seed
}

// bootstraps reports whether a ManagedSeed or Gardenlet is one that the clients bring up.
func (g *game) bootstraps(v graph.Vertex) bool {
	o := g.Get(v)
	if o == nil {
		return false
	}
	if v.Kind == graph.KindManagedSeed {
		return g.onSeed(vertexOf(graph.KindShoot, v.Namespace, o.Facts.(garden.SeedFacts).ShootName), false)
	}
	return v == inGarden(graph.KindGardenlet, g.seed)
}

// holds reports whether the contents of a Secret and the like are the clients', by its name.
func (g *game) holds(v graph.Vertex, leaving bool) bool {
	if shoot, ok := graph.ImpliedShoot(v); ok && g.onSeed(shoot, leaving) {
		return true
	}
	if v.Kind != graph.KindSecret {
		return false
	}
	if name, ok := strings.CutPrefix(v.Name, naming.GeneratedBucketSecret("")); ok &&
		v.Namespace == naming.NamespaceGarden {
		if bucket := g.Get(vertexOf(graph.KindBackupBucket, "", name)); bucket != nil {
			return bucket.To(graph.KindSeed) == g.seed
		}
	}
	for other := range g.objects {
		switch other.Kind {
		case graph.KindShoot:
			if g.onSeed(other, leaving) && slices.Contains(g.issuerSecrets(g.Get(other)), v) {
				return true
			}
		case graph.KindManagedSeed, graph.KindGardenlet:
			if v == bootstrapToken(other) && g.bootstraps(other) {
				return true
			}
		default:
		}
	}
	return v == bootstrapToken(inGarden(graph.KindSeed, g.seed))
}

// judge says what is wrong with the write by itself. It looks at the world before the write.
func (g *game) judge(m Move, old, o *object) string {
	switch {
	case o == nil:
		if why := g.disappears(old); why != "" {
			return fmt.Sprintf("%s is deleted: %s", old.Vertex, why)
		}
		return ""
	case old == nil:
		if why := g.appears(m, o); why != "" {
			return fmt.Sprintf("%s is created: %s", o.Vertex, why)
		}
	case !old.own:
		if why := g.changes(m, old, o); why != "" {
			return fmt.Sprintf("%s is changed: %s", o.Vertex, why)
		}
	}
	return g.powers(m, o)
}

// disappears says why the clients must not delete the object.
func (g *game) disappears(o *object) string {
	if o.own {
		return ""
	}
	switch o.Kind {
	case graph.KindSecret, graph.KindConfigMap, graph.KindInternalSecret, graph.KindShootState:
		// The generated Secret goes with the bucket, which may be gone by now.
		generated := naming.GeneratedBucketSecret(string(g.uid(vertexOf(graph.KindSeed, "", g.seed))))
		if g.holds(o.Vertex, true) || o.Vertex == inGarden(graph.KindSecret, generated) {
			return ""
		}
		if owner := metav1.GetControllerOfNoCopy(o.typed); owner != nil && owner.Kind == graph.KindManagedSeed.String() &&
			g.bootstraps(inGarden(graph.KindManagedSeed, owner.Name)) {
			return ""
		}
	case graph.KindSeed:
		managedSeed := inGarden(graph.KindManagedSeed, o.Name)
		if o.Name != g.seed && g.bootstraps(managedSeed) && g.Get(managedSeed).Deleting {
			return ""
		}
	case graph.KindBackupBucket:
		if o.Name == string(g.uid(vertexOf(graph.KindSeed, "", g.seed))) {
			return ""
		}
	case graph.KindBackupEntry:
		// A client ends what has come to its Seed.
		return ""
	case graph.KindServiceAccount:
		if o.Namespace == naming.SeedNamespace(g.seed) ||
			o.Vertex == bootstrapAccount(inGarden(graph.KindManagedSeed, g.seed)) {
			return ""
		}
	case graph.KindClusterRoleBinding:
		if o.Vertex == bootstrapBinding(inGarden(graph.KindManagedSeed, g.seed)) {
			return ""
		}
	case graph.KindLease:
		// A gardenlet that wants to look dead need only stop.
		if o.Namespace == naming.SeedNamespace(g.seed) || o.Name == g.seed {
			return ""
		}
	default:
	}
	return "it is not the clients' to delete"
}

// judgeCollected says why the garbage collector must not have deleted the object: because of owner references that
// are the clients' work.
func (g *game) judgeCollected(o *object) string {
	if o.own || !o.ownersTouched {
		return ""
	}
	if why := g.disappears(o); why != "" {
		return fmt.Sprintf("%s is collected as garbage: %s", o.Vertex, why)
	}
	return ""
}

// appears says why the clients must not create the object.
func (g *game) appears(m Move, o *object) string {
	seed := g.objects[vertexOf(graph.KindSeed, "", g.seed)]
	switch content := o.typed.(type) {
	case *gardencorev1beta1.BackupBucket:
		if seed == nil || o.Name != string(seed.typed.GetUID()) || ptr.Deref(content.Spec.SeedName, "") != g.seed {
			return "it is not the bucket of the Seed"
		}
	case *gardencorev1beta1.BackupEntry:
		if ptr.Deref(content.Spec.SeedName, "") != g.seed {
			return "it is not for the Seed"
		}
		if !g.ownedByShoot(content) {
			return "its owner is no Shoot on the Seed"
		}
	case *gardencorev1beta1.Seed:
		if o.Name != g.seed {
			return "it is another Seed"
		}
	case *corev1.ServiceAccount:
		if o.Namespace == naming.SeedNamespace(g.seed) {
			return ""
		}
		if len(content.Secrets) > 0 || len(content.ImagePullSecrets) > 0 {
			return "it has secrets"
		}
		if !g.bootstraps(vertexOf(graph.KindManagedSeed, o.Namespace, strings.TrimPrefix(o.Name, "gardenlet-bootstrap-"))) {
			return "the clients do not bring that Seed up"
		}
	}
	switch o.Kind {
	case graph.KindSecret, graph.KindConfigMap, graph.KindInternalSecret:
		if !g.holds(o.Vertex, false) {
			return "its contents are not the clients'"
		}
	case graph.KindShootState:
		if !g.holds(o.Vertex, true) {
			return "its Shoot is not on the Seed"
		}
	case graph.KindGardenlet:
		if o.Vertex != inGarden(graph.KindGardenlet, g.seed) {
			return "it is not the clients' own"
		}
		if m.Client == identity.Extension {
			return "an extension does that"
		}
		if g.objects[inGarden(graph.KindManagedSeed, g.seed)] != nil {
			return "there is a ManagedSeed"
		}
		if o.typed.GetAnnotations()["gardener.cloud/operation"] != "" {
			return "it asks for an operation"
		}
	case graph.KindLease:
		if o.Namespace != naming.SeedNamespace(g.seed) &&
			o.Vertex != inGarden(graph.KindLease, "gardenlet-leader-election") &&
			o.Vertex != vertexOf(graph.KindLease, gardencorev1beta1.GardenerSeedLeaseNamespace, g.seed) {
			return "it is not the clients'"
		}
	case graph.KindWorkloadIdentity, graph.KindManagedSeed, graph.KindShoot, graph.KindControllerInstallation:
		return "nobody on a Seed does that"
	default:
	}
	return ""
}

func (g *game) ownedByShoot(o metav1.Object) bool {
	owners := o.GetOwnerReferences()
	return slices.ContainsFunc(owners, func(owner metav1.OwnerReference) bool {
		v := vertexOf(graph.KindShoot, o.GetNamespace(), owner.Name)
		return owner.Kind == graph.KindShoot.String() && g.onSeed(v, false) && g.uid(v) == owner.UID
	})
}

// neverMind are the parts of the metadata that may change of everything that the clients may write at all.
var neverMind = []string{"finalizers", "resourceVersion", "generation", "managedFields"}

// stable returns the content without what may change.
func stable(o *object, without ...string) map[string]any {
	content := clone(o.content)
	for _, field := range neverMind {
		delete(metaOf(content), field)
	}
	for _, field := range without {
		delete(content, field)
	}
	return content
}

// changes says why the clients must not make that of an object that they have not created.
func (g *game) changes(m Move, old, o *object) string {
	same := func(without ...string) bool { return reflect.DeepEqual(stable(old, without...), stable(o, without...)) }
	operation := func() bool {
		is := o.typed.GetAnnotations()["gardener.cloud/operation"]
		return is != "" && is != old.typed.GetAnnotations()["gardener.cloud/operation"]
	}
	switch o.Kind {
	case graph.KindSecret, graph.KindConfigMap, graph.KindInternalSecret:
		if !g.holds(o.Vertex, true) && !same() && !g.releases(old, o) {
			return "its contents are not the clients'"
		}
	case graph.KindWorkloadIdentity:
		if !same() {
			return "its contents are not the clients'"
		}
	case graph.KindShootState:
		if !g.holds(o.Vertex, true) && !same() {
			return "its Shoot is not on the Seed"
		}
	case graph.KindSeed:
		if o.Name != g.seed {
			return "it is another Seed"
		}
	case graph.KindBackupBucket:
		if old.kept.To(graph.KindSeed) != g.seed && !same() {
			return "it is another Seed's"
		}
	case graph.KindGardenlet, graph.KindControllerInstallation:
		if !same("metadata", "status") {
			return "its spec is not the clients'"
		}
		if o.Kind == graph.KindGardenlet && operation() {
			return "it asks for an operation"
		}
	case graph.KindManagedSeed:
		if o.Name == g.seed && !same() {
			return "it manages the clients' own Seed"
		}
		if !fills(old.content["spec"], o.content["spec"]) {
			return "its spec is not the clients'"
		}
		if operation() {
			return "it asks for an operation"
		}
	case graph.KindShoot:
		const confirmation = "confirmation.gardener.cloud/deletion"
		if is, was := o.typed.GetAnnotations()[confirmation], old.typed.GetAnnotations()[confirmation]; is != "" &&
			is != was {
			return "its deletion is confirmed"
		}
		// To give a Shoot away gains nothing.
		if asMap(o.content["spec"])["seedName"] == g.seed && asMap(old.content["spec"])["seedName"] != g.seed {
			return "its Seed is not the clients' to choose"
		}
	case graph.KindServiceAccount:
		account, before := o.typed.(*corev1.ServiceAccount), old.typed.(*corev1.ServiceAccount)
		if o.Namespace != naming.SeedNamespace(g.seed) && (more(account.Secrets, before.Secrets) ||
			more(account.ImagePullSecrets, before.ImagePullSecrets)) {
			return "it has new secrets"
		}
	case graph.KindBackupEntry:
		if was := garden.OwnerShoot(old.typed.GetOwnerReferences()); was != "" &&
			was != garden.OwnerShoot(o.typed.GetOwnerReferences()) {
			return "its owner is another Shoot"
		}
	case graph.KindBastion, graph.KindClusterRoleBinding, graph.KindLease:
	default:
		return fmt.Sprintf("nobody on a Seed does that (%s)", m.Operation)
	}
	return ""
}

// more reports whether a list holds what another does not.
func more[T comparable](is, was []T) bool {
	return slices.ContainsFunc(is, func(one T) bool { return !slices.Contains(was, one) })
}

// releases reports whether a ManagedSeed's backup Secret loses no more than its owner reference and the label of its
// status.
func (g *game) releases(old, o *object) bool {
	is, was := stable(o), stable(old)
	for _, content := range []map[string]any{is, was} {
		delete(metaOf(content), "labels")
		delete(metaOf(content), "ownerReferences")
	}
	labels := clone(metaOf(old.content))["labels"]
	if labels, ok := labels.(map[string]any); ok {
		delete(labels, "secret.backup.gardener.cloud/status")
	}
	after := metaOf(o.content)["labels"]
	sameLabels := reflect.DeepEqual(after, metaOf(old.content)["labels"]) || reflect.DeepEqual(after, labels) ||
		after == nil && len(asMap(labels)) == 0
	return reflect.DeepEqual(is, was) && sameLabels &&
		len(o.typed.GetOwnerReferences()) <= len(old.typed.GetOwnerReferences()) &&
		strings.HasPrefix(o.Name, "backup-") &&
		g.bootstraps(inGarden(graph.KindManagedSeed, strings.TrimPrefix(o.Name, "backup-")))
}

func asMap(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}

// fills reports whether a value differs from what was in fields alone that were not there.
func fills(was, is any) bool {
	before, ok := was.(map[string]any)
	if !ok {
		return was == nil || reflect.DeepEqual(was, is)
	}
	for key, value := range before {
		if !fills(value, asMap(is)[key]) {
			return false
		}
	}
	return true
}

// powers says what others would do because of the object, though they must not.
func (g *game) powers(m Move, o *object) string {
	if o == nil {
		context := asMap(asMap(m.Body["spec"])["contextObject"])
		if context == nil {
			return ""
		}
		kind, _ := graph.ParseKind(fmt.Sprint(context["kind"]))
		if v := vertexOf(kind, fmt.Sprint(context["namespace"]), fmt.Sprint(context["name"])); !g.graph.Reaches(v, g.seed) {
			return fmt.Sprintf("a token says that it is for %s", v)
		}
		return ""
	}
	switch content := o.typed.(type) {
	case *certificatesv1.CertificateSigningRequest:
		if m.Client == identity.Bootstrapper {
			return g.certificate(m, content)
		}
		if content.Spec.SignerName != certificatesv1.KubeAPIServerClientSignerName {
			return "a certificate request is for the signer " + content.Spec.SignerName
		}
		if string(content.Spec.Request) != decoded(certificateRequest(asGardenlet, g.seed)) {
			return "a certificate request is not for the clients' Seed"
		}
	case *rbacv1.ClusterRoleBinding:
		if why := g.binding(content); why != "" {
			return why
		}
	case *corev1.Secret:
		if before := g.objects[o.Vertex]; before != nil && reflect.DeepEqual(stable(before), stable(o)) {
			return ""
		}
		if content.Type == corev1.SecretTypeServiceAccountToken {
			return "kube-controller-manager fills the Secret with the token of a ServiceAccount"
		}
		if content.Type == corev1.SecretTypeBootstrapToken && o.Namespace == naming.NamespaceKubeSystem {
			if why := g.token(m, content); why != "" {
				return why
			}
		}
	case *corev1.ConfigMap:
		if why := g.clusterCA(o); why != "" {
			return why
		}
	}
	return g.role(m, o)
}

func decoded(s string) string {
	raw, _ := base64.StdEncoding.DecodeString(s)
	return string(raw)
}

func (g *game) binding(o *rbacv1.ClusterRoleBinding) string {
	namespace, name, ok := naming.ParseBootstrapClusterRoleBinding(o.Name)
	if !ok || !g.bootstraps(vertexOf(graph.KindManagedSeed, namespace, name)) {
		return "the binding is for no ManagedSeed that the clients bring up"
	}
	if o.RoleRef.Kind != "ClusterRole" || o.RoleRef.Name != naming.BootstrapperClusterRole {
		return "the binding is to another role"
	}
	account := bootstrapAccount(vertexOf(graph.KindManagedSeed, namespace, name))
	for _, subject := range o.Subjects {
		if subject.Kind != "ServiceAccount" || subject.Namespace != account.Namespace || subject.Name != account.Name {
			return "the binding is for another subject"
		}
	}
	return ""
}

// token says why a bootstrap token gives more than the bootstrap of what the clients bring up.
func (g *game) token(m Move, o *corev1.Secret) string {
	description := string(o.Data["description"])
	found := false
	for v := range g.objects {
		if (v.Kind == graph.KindManagedSeed || v.Kind == graph.KindGardenlet) && bootstrapToken(v).Name == o.Name &&
			strings.HasSuffix(description, "."+v.Kind.String()+" resource "+v.Namespace+"/"+v.Name+".") &&
			g.bootstraps(v) && g.mayBootstrap(g.Get(v)) {
			found = true
		}
	}
	expires, err := time.Parse(time.RFC3339, string(o.Data["expiration"]))
	switch {
	case m.Client != identity.Gardenlet:
		return "an extension makes a bootstrap token"
	case !found:
		return "the bootstrap token is for nothing that the clients bring up"
	case o.Data["auth-extra-groups"] != nil:
		return "the bootstrap token is for other groups"
	case err != nil || expires.After(Now.Add(26*time.Hour)):
		return "the bootstrap token does not expire"
	case o.Name != naming.BootstrapTokenSecretPrefix+string(o.Data["token-id"]):
		return "the bootstrap token has the id of another"
	}
	return ""
}

// clusterCA says why others would take the ConfigMap for the certificate authorities of another Shoot.
func (g *game) clusterCA(o *object) string {
	shoot, ok := graph.ImpliedShoot(o.Vertex)
	if !ok {
		return ""
	}
	labels := o.typed.GetLabels()
	if name := labels["shoot.gardener.cloud/name"]; name != "" && name != shoot.Name {
		return "its label names another Shoot"
	}
	if uid := labels["shoot.gardener.cloud/uid"]; uid != "" && uid != string(g.uid(shoot)) {
		return "its label has the UID of another Shoot"
	}
	return ""
}

// role says why controllers would copy the object to every Seed.
func (g *game) role(m Move, o *object) string {
	switch o.Kind {
	case graph.KindSecret, graph.KindConfigMap, graph.KindInternalSecret:
	default:
		return ""
	}
	role := o.typed.GetLabels()["gardener.cloud/role"]
	if before := g.objects[o.Vertex]; role == "" || before != nil && m.Operation == admission.Update &&
		before.typed.GetLabels()["gardener.cloud/role"] == role {
		return ""
	}
	if _, ok := graph.ImpliedShoot(o.Vertex); ok && strings.Contains(o.Name+".", "."+role+".") {
		return ""
	}
	return "it newly has the role " + role
}
