// Package attack plays clients of one Seed that were taken over: on random landscapes they try random writes through
// the SeedAuthorizer and the SeedRestriction. What passes is applied to the world, and after each write an oracle
// looks for what the clients reach or change though it is not theirs.
package attack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/naming"
)

// Now is the time in all worlds.
var Now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// object is an object of the world. It is never changed, only replaced.
type object struct {
	graph.Vertex
	content map[string]any
	raw     []byte
	// typed is the content as its API type, kept what seedguard keeps of it, nil for kinds that are not watched.
	typed metav1.Object
	kept  *garden.Object
	// own: the clients have created it.
	own bool
	// ownersTouched: the clients have changed its owner references.
	ownersTouched bool
}

// world is a garden at an API server that says yes to all that is well-formed, with the graph of its objects. It
// looks objects up for the admission, and so implements garden.Reader. It belongs to one goroutine.
type world struct {
	objects map[graph.Vertex]*object
	graph   *graph.Graph
	// created counts how often an object of a name was created, for its UID.
	created map[graph.Vertex]int
	// hidesTokens: bootstrap tokens cannot be read, as where RBAC does not allow it.
	hidesTokens bool
}

func newWorld() *world {
	return &world{
		objects: map[graph.Vertex]*object{}, graph: graph.New(graph.Options{}), created: map[graph.Vertex]int{},
	}
}

// sorted returns all objects in a fixed order, so that a run can be repeated.
func (w *world) sorted() []*object {
	return slices.SortedFunc(maps.Values(w.objects), func(a, b *object) int { return a.Compare(b.Vertex) })
}

// newObject checks that the content is an object of its kind, as the API server does.
func newObject(v graph.Vertex, content map[string]any) (*object, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	typed, err := garden.Scheme.New(v.Kind.Resource().GroupVersion().WithKind(v.Kind.String()))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, typed); err != nil {
		return nil, err
	}
	o := &object{Vertex: v, content: content, raw: raw, typed: typed.(metav1.Object)}
	if slices.Contains(garden.Watched(), v.Kind) {
		if o.kept, err = garden.Extract(typed); err != nil {
			return nil, err
		}
		if o.kept.Vertex != v {
			return nil, fmt.Errorf("%s is %s", v, o.kept.Vertex)
		}
	}
	return o, nil
}

// put makes the object exist, in the place of one of the same name.
func (w *world) put(o *object) {
	w.objects[o.Vertex] = o
	w.update(o.Vertex)
}

func (w *world) remove(v graph.Vertex) {
	delete(w.objects, v)
	w.update(v)
}

// update makes the graph hold what the objects imply after one of them has changed.
func (w *world) update(v graph.Vertex) {
	w.updateOne(v)
	for other := range w.objects {
		switch other.Kind { //nolint:exhaustive // the others depend on nothing
		case graph.KindManagedSeed, graph.KindGardenlet:
			if v.Kind == graph.KindSeed && v.Name == other.Name {
				w.updateOne(other)
			}
		case graph.KindShoot:
			if v.Kind == graph.KindProject {
				w.updateOne(other)
			}
		}
	}
}

func (w *world) updateOne(v graph.Vertex) {
	if !slices.Contains(garden.Watched(), v.Kind) {
		return
	}
	o := w.objects[v]
	if o == nil {
		w.graph.Delete(v)
		return
	}
	edges := append(o.kept.Edges(), w.derived(o.kept)...)
	if len(edges) == 0 && !v.Kind.Tracked() {
		w.graph.Delete(v)
		return
	}
	w.graph.Set(v, edges)
}

// derived returns the edges that rest on other objects or on the clock.
func (w *world) derived(o *garden.Object) []graph.Edge {
	var from []graph.Vertex
	switch o.Kind {
	case graph.KindShoot:
		if o.Facts.(garden.ShootFacts).ManagedIssuer {
			from = append(from, w.issuerSecrets(o)...)
		}
	case graph.KindGardenlet:
		if w.mayBootstrap(o) && !strings.HasPrefix(o.Name, naming.SelfHostedShootPrefix) {
			from = append(from, bootstrapToken(o.Vertex))
		}
	case graph.KindManagedSeed:
		if !w.mayBootstrap(o) {
			break
		}
		switch o.Facts.(garden.SeedFacts).Bootstrap {
		case seedmanagementv1alpha1.BootstrapToken:
			from = append(from, bootstrapToken(o.Vertex))
		case seedmanagementv1alpha1.BootstrapServiceAccount:
			from = append(from, bootstrapAccount(o.Vertex), bootstrapBinding(o.Vertex))
		case seedmanagementv1alpha1.BootstrapNone:
		}
	default:
	}
	var edges []graph.Edge
	for _, v := range from {
		edges = append(edges, graph.Edge{From: v, To: o.Vertex})
	}
	return edges
}

// issuerSecrets returns what the Secrets of a Shoot's managed issuer are called.
func (w *world) issuerSecrets(shoot *garden.Object) (secrets []graph.Vertex) {
	for _, project := range w.List(graph.KindProject) {
		if shoot.UID != "" && project.To(graph.KindNamespace) == shoot.Namespace {
			secrets = append(secrets,
				vertexOf(graph.KindSecret, issuerNamespace, naming.ShootIssuerSecret(project.Name, shoot.UID)))
		}
	}
	return secrets
}

func (w *world) mayBootstrap(o *garden.Object) bool {
	seed := w.Get(graph.Vertex{Kind: graph.KindSeed, Name: o.Name})
	if o.Kind == graph.KindGardenlet && seed == nil {
		return false
	}
	allowed, _ := garden.BootstrapAllowed(o, seed, Now)
	return allowed
}

func bootstrapToken(v graph.Vertex) graph.Vertex {
	return vertexOf(graph.KindSecret, naming.NamespaceKubeSystem, naming.BootstrapTokenSecret(v.Namespace, v.Name))
}

func bootstrapAccount(v graph.Vertex) graph.Vertex {
	return vertexOf(graph.KindServiceAccount, v.Namespace, naming.BootstrapServiceAccount(v.Name))
}

func bootstrapBinding(v graph.Vertex) graph.Vertex {
	return graph.Vertex{Kind: graph.KindClusterRoleBinding, Name: naming.BootstrapClusterRoleBinding(v.Namespace, v.Name)}
}

// Get implements garden.Reader.
func (w *world) Get(v graph.Vertex) *garden.Object {
	if o := w.objects[v]; o != nil {
		return o.kept
	}
	return nil
}

// List implements garden.Reader.
func (w *world) List(kind graph.Kind) (objects []*garden.Object) {
	for v, o := range w.objects {
		if v.Kind == kind {
			objects = append(objects, o.kept)
		}
	}
	return objects
}

// Live implements garden.Reader. What the informers know is never old here.
func (w *world) Live(_ context.Context, _ string, v graph.Vertex) (*garden.Object, error) {
	return w.Get(v), nil
}

// Exists implements garden.Reader.
func (w *world) Exists(
	_ context.Context, _ string, resource schema.GroupVersionResource, namespace, name string,
) (bool, error) {
	for _, kind := range graph.Kinds() {
		if kind.Resource() == resource {
			return w.objects[graph.Vertex{Kind: kind, Namespace: namespace, Name: name}] != nil, nil
		}
	}
	return false, fmt.Errorf("there is no resource %s: %w", resource, garden.ErrNotAvailable)
}

// BootstrapTokenDescription implements garden.Reader.
func (w *world) BootstrapTokenDescription(_ context.Context, _, id string) (string, bool, error) {
	if w.hidesTokens {
		return "", false, garden.ErrNotAvailable
	}
	o := w.objects[vertexOf(graph.KindSecret, naming.NamespaceKubeSystem, naming.BootstrapTokenSecretPrefix+id)]
	if o == nil {
		return "", false, nil
	}
	return string(o.typed.(*corev1.Secret).Data["description"]), true, nil
}

// Referrers implements garden.Reader.
func (w *world) Referrers(v graph.Vertex) (referrers []graph.Vertex) {
	if v.Namespace != naming.NamespaceGarden {
		return nil
	}
	for _, o := range w.objects {
		if o.kept != nil &&
			slices.ContainsFunc(o.kept.Edges(), func(e graph.Edge) bool { return e.From == v && v != o.Vertex }) {
			referrers = append(referrers, o.Vertex)
		}
	}
	if shoot, ok := graph.ImpliedShoot(v); ok && w.objects[shoot] != nil {
		referrers = append(referrers, shoot)
	}
	return referrers
}

// Related implements garden.Reader.
func (w *world) Related(v graph.Vertex, seed string) bool { return w.graph.Reaches(v, seed) }

var _ garden.Reader = &world{}

// hasStatus lists the kinds of which a write of the resource itself leaves the status alone, and one of /status the
// spec. Either writes the metadata.
var hasStatus = []graph.Kind{
	graph.KindBackupBucket, graph.KindBackupEntry, graph.KindBastion, graph.KindCertificateSigningRequest,
	graph.KindControllerInstallation, graph.KindGardenlet, graph.KindManagedSeed, graph.KindProject, graph.KindSeed,
	graph.KindShoot,
}

// errInvalid is what the API server says to what is not well-formed, or may never change.
var errInvalid = errors.New("invalid")

// create returns the object that a creation makes.
func (w *world) create(v graph.Vertex, body map[string]any) (*object, error) {
	content := maps.Clone(body)
	if slices.Contains(hasStatus, v.Kind) {
		delete(content, "status")
	}
	meta := maps.Clone(metaOf(body))
	for _, field := range []string{"deletionTimestamp", "uid", "resourceVersion"} {
		delete(meta, field)
	}
	content["metadata"] = meta
	meta["uid"] = fmt.Sprintf("%s-%d", uidOf(v), w.created[v]+1)
	o, err := newObject(v, content)
	if err != nil {
		return nil, errors.Join(errInvalid, err)
	}
	o.own = true
	return o, nil
}

// change returns the object that an update or patch makes of another.
func (w *world) change(old *object, subresource string, body map[string]any) (*object, error) {
	var content map[string]any
	if subresource == "status" {
		content = maps.Clone(old.content)
		set(content, "status", body["status"])
	} else {
		content = maps.Clone(body)
		if slices.Contains(hasStatus, old.Kind) {
			set(content, "status", old.content["status"])
		}
	}
	meta, oldMeta := maps.Clone(metaOf(body)), metaOf(old.content)
	for _, field := range []string{"name", "namespace", "uid", "deletionTimestamp", "resourceVersion"} {
		set(meta, field, oldMeta[field])
	}
	content["metadata"] = meta
	for _, field := range immutable[old.Kind] {
		if !reflect.DeepEqual(content[field], old.content[field]) {
			return nil, errInvalid
		}
	}
	o, err := newObject(old.Vertex, content)
	if err != nil {
		return nil, errors.Join(errInvalid, err)
	}
	o.own = old.own
	o.ownersTouched = old.ownersTouched ||
		!reflect.DeepEqual(old.typed.GetOwnerReferences(), o.typed.GetOwnerReferences())
	return o, nil
}

// immutable lists fields that Kubernetes itself lets nobody change.
var immutable = map[graph.Kind][]string{
	graph.KindSecret: {"type"}, graph.KindClusterRoleBinding: {"roleRef"},
}

func set(content map[string]any, field string, value any) {
	if value == nil {
		delete(content, field)
	} else {
		content[field] = value
	}
}

func metaOf(content map[string]any) map[string]any {
	meta, _ := content["metadata"].(map[string]any)
	return meta
}

// collect removes what no owner is left of, as the garbage collector does, until nothing changes. It returns what it
// has removed.
func (w *world) collect() (gone []*object) {
	for {
		before := len(gone)
		for _, o := range w.sorted() {
			owners := o.typed.GetOwnerReferences()
			if len(owners) > 0 &&
				!slices.ContainsFunc(owners, func(owner metav1.OwnerReference) bool { return w.solid(o, owner) }) {
				gone = append(gone, o)
				w.remove(o.Vertex)
			}
		}
		if len(gone) == before {
			return gone
		}
	}
}

// solid reports whether an owner exists, or cannot be looked for.
func (w *world) solid(o *object, owner metav1.OwnerReference) bool {
	kind, ok := graph.ParseKind(owner.Kind)
	if !ok || kind.Namespaced() && o.Namespace == "" {
		return true
	}
	v := graph.Vertex{Kind: kind, Name: owner.Name}
	if kind.Namespaced() {
		v.Namespace = o.Namespace
	}
	found := w.objects[v]
	return found != nil && found.typed.GetUID() == owner.UID
}

func (w *world) shoot(v graph.Vertex) *garden.Object {
	if v.Kind != graph.KindShoot {
		return nil
	}
	return w.Get(v)
}

func (w *world) uid(v graph.Vertex) types.UID {
	if o := w.objects[v]; o != nil {
		return o.typed.GetUID()
	}
	return ""
}

// clone copies what JSON holds.
func clone[T any](value T) T {
	return runtime.DeepCopyJSONValue(any(value)).(T)
}
