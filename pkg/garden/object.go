package garden

import (
	"context"
	"errors"
	"slices"
	"time"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/naming"
)

// MaxEdges is how many edges one object implies at most. Those beyond are left out and counted. Honest objects have
// some dozens; a thousand cost less than the object itself does at the API server.
const MaxEdges = 1000

// Object is all that seedguard keeps of an object of the garden: the edges that it owns and what the admission looks
// up. The informers' transform makes it from the whole object and drops the rest. Objects are shared and never changed.
type Object struct {
	graph.Vertex
	UID             types.UID
	ResourceVersion string
	// Deleting: the object has a deletion timestamp.
	Deleting bool
	// capped: the object implies more than MaxEdges edges.
	capped bool
	// Facts is one of the Facts types below, as a value (not a pointer), or nil for kinds of which nobody asks more than
	// their edges.
	Facts any

	edges packedEdges
	// received is when the object came through the informer's door, since the Garden was made.
	received time.Duration
}

// Edges returns the edges that follow from the object alone. Those that need another object or the clock are derived
// (see watched.derive).
func (o *Object) Edges() []graph.Edge { return o.edges.appendTo(nil, o.Vertex) }

// sharedReferences returns what the object refers to in namespace garden, as Vertex.String prints it.
func (o *Object) sharedReferences() []string {
	var references []string
	for _, e := range o.Edges() {
		if e.From.Namespace == naming.NamespaceGarden && e.From != o.Vertex {
			references = append(references, e.From.String())
		}
	}
	return references
}

// ShootFacts is what is kept of a Shoot beside its edges.
type ShootFacts struct {
	// SeedName is spec.seedName, StatusSeedName is status.seedName; both may be empty.
	SeedName, StatusSeedName string
	// Restoring: the last operation is of type Restore and in state Processing.
	Restoring bool
	// ManagedIssuer: the Shoot is annotated authentication.gardener.cloud/issuer=managed.
	ManagedIssuer bool
}

// SeedFacts is what is kept of a Seed beside its edges.
type SeedFacts struct {
	// ClientCertificateExpiration is status.clientCertificateExpirationTimestamp, zero when unset.
	ClientCertificateExpiration time.Time
	// RenewKubeconfig: annotated gardener.cloud/operation=renew-kubeconfig.
	RenewKubeconfig bool
	// Backup is spec.backup, zero when there is none.
	Backup Backup
	// References is what the spec refers to.
	References VertexSet
}

// Backup is what is kept of a Seed's backup.
type Backup struct {
	// Provider is the type of the provider.
	Provider string
	// Credentials is the credentials ref, a Secret or WorkloadIdentity; the zero vertex when there is none.
	Credentials graph.Vertex
}

// VertexSet is a set of vertices that can be compared by ==, as all facts can: sorted, each packed as the end of an
// edge whose owner is nobody.
type VertexSet string

// newVertexSet returns the set of the vertices, of the first MaxEdges when there are more.
func newVertexSet(vertices ...graph.Vertex) VertexSet {
	vertices = vertices[:min(len(vertices), MaxEdges)]
	slices.SortFunc(vertices, graph.Vertex.Compare)
	var packed []byte
	for _, v := range slices.Compact(vertices) {
		packed = appendEnd(packed, none, v)
	}
	return VertexSet(packed)
}

// All returns the vertices, sorted.
func (s VertexSet) All() []graph.Vertex {
	var vertices []graph.Vertex
	for p := packedEdges(s); p != ""; {
		vertices = append(vertices, p.nextEnd(none))
	}
	return vertices
}

// Has reports whether the vertex is in the set.
func (s VertexSet) Has(v graph.Vertex) bool { return slices.Contains(s.All(), v) }

// Minus returns the vertices that are not in the other set, sorted.
func (s VertexSet) Minus(other VertexSet) []graph.Vertex {
	return slices.DeleteFunc(s.All(), sets.New(other.All()...).Has)
}

// ManagedSeedFacts is what is kept of a ManagedSeed beside its edges.
type ManagedSeedFacts struct {
	// ShootName is spec.shoot.name, in the ManagedSeed's namespace.
	ShootName string
	// Bootstrap is spec.gardenlet.bootstrap, empty when unset.
	Bootstrap seedmanagementv1alpha1.Bootstrap
	// RenewKubeconfig: annotated gardener.cloud/operation=renew-kubeconfig.
	RenewKubeconfig bool
	// BackupCredentials is the credentials ref of the seed template's backup, a Secret or WorkloadIdentity; the zero
	// vertex when there is none.
	BackupCredentials graph.Vertex
	// Template is what the whole seed template refers to, as a Seed made from it would. Empty when it cannot be decoded.
	Template VertexSet
}

// GardenletFacts is what is kept of a Gardenlet beside its edges.
type GardenletFacts struct {
	// RenewKubeconfig: annotated gardener.cloud/operation=renew-kubeconfig.
	RenewKubeconfig bool
	// Template is what the whole seed template refers to, as a Seed made from it would. Empty when it cannot be decoded.
	Template VertexSet
}

// ProjectFacts is what is kept of a Project beside its edges.
type ProjectFacts struct {
	// Namespace is spec.namespace, empty when unset.
	Namespace string
}

// BackupBucketFacts is what is kept of a BackupBucket beside its edges.
type BackupBucketFacts struct {
	// SeedName is spec.seedName, empty when unset.
	SeedName string
}

// BackupEntryFacts is what is kept of a BackupEntry beside its edges.
type BackupEntryFacts struct {
	Spec gardencorev1beta1.BackupEntrySpec
	// OwnerShoot is the name of the Shoot that owns it, empty when there is none.
	OwnerShoot string
}

// GetObjectMeta implements metav1.ObjectMetaAccessor, which is all that client-go's informers ask of an object.
func (o *Object) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion}
}

// GetObjectKind implements runtime.Object, which all elements of lists are. It says nothing.
func (o *Object) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements runtime.Object. Objects are never changed, so one is its own copy.
func (o *Object) DeepCopyObject() runtime.Object { return o }

// ErrNotAvailable says that a live read is not possible: there is no API server behind the source, or the server may
// not read that resource.
var ErrNotAvailable = errors.New("live reads are not available")

// Reader looks up objects of the garden. It is safe for concurrent use.
type Reader interface {
	// Get returns the object from the informers' cache, nil when it is not there. Only for watched kinds.
	Get(v graph.Vertex) *Object
	// List returns all objects of a watched kind from the informers' cache, in no order.
	List(kind graph.Kind) []*Object
	// Live reads one object of a watched kind from the API server, for a client of the Seed: nil when it does not exist,
	// ErrNotAvailable without a live source, another error when the read failed, or the reads that the Seed gets are
	// exhausted.
	Live(ctx context.Context, seed string, v graph.Vertex) (*Object, error)
	// Exists asks the API server for the object's metadata alone, for a client of the Seed: whether it exists,
	// ErrNotAvailable without a live source or without permission, another error as for Live.
	Exists(ctx context.Context, seed string, resource schema.GroupVersionResource, namespace, name string) (bool, error)
	// BootstrapTokenDescription reads the description of the bootstrap token of that id from the API server, for whom
	// reads are counted as they are for a Seed: false when the token does not exist, ErrNotAvailable without a live
	// source or without permission, another error as for Live.
	BootstrapTokenDescription(ctx context.Context, reader, id string) (string, bool, error)
	// Referrers returns the objects that refer to an object in namespace garden, by an edge of theirs or, as a Shoot
	// does, by their name.
	Referrers(v graph.Vertex) []graph.Vertex
	// Related reports whether a client of the Seed is related to v.
	Related(v graph.Vertex, seed string) bool
}
