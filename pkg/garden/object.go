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
	// dropped is how many edges the object implies beyond MaxEdges.
	dropped int
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

// To returns the name of the first object of a kind that an edge of Edges leads to from the object: of the Namespace of
// a Project, say. It is empty when there is none.
func (o *Object) To(kind graph.Kind) string {
	for p := o.edges; p != ""; {
		if from, to := p.nextEnd(o.Vertex), p.nextEnd(o.Vertex); from == o.Vertex && to.Kind == kind {
			return to.Name
		}
	}
	return ""
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

// SeedFacts is what is kept of a Seed beside its edges, and of a ManagedSeed or Gardenlet. Of these two, the spec is
// that of the seed template, an empty one when it cannot be decoded.
type SeedFacts struct {
	// ClientCertificateExpiration is status.clientCertificateExpirationTimestamp of a Seed, zero when unset.
	ClientCertificateExpiration time.Time
	// RenewKubeconfig: annotated gardener.cloud/operation=renew-kubeconfig.
	RenewKubeconfig bool
	// BackupProvider is the type of the provider of spec.backup.
	BackupProvider string
	// BackupCredentials is the credentials ref of spec.backup, a Secret or WorkloadIdentity; the zero vertex when there is
	// none.
	BackupCredentials graph.Vertex
	// References is what the spec refers to.
	References VertexSet
	// ShootName is spec.shoot.name of a ManagedSeed, in its namespace.
	ShootName string
	// Bootstrap is how its gardenlet bootstraps: spec.gardenlet.bootstrap of a ManagedSeed, empty when unset, and with a
	// token for a Gardenlet, unless it is that of a self-hosted Shoot.
	Bootstrap seedmanagementv1alpha1.Bootstrap
}

// VertexSet is a set of vertices, sorted.
type VertexSet []graph.Vertex

// Has reports whether the vertex is in the set.
func (s VertexSet) Has(v graph.Vertex) bool { return slices.Contains(s, v) }

// Minus returns the vertices that are not in the other set, sorted.
func (s VertexSet) Minus(other VertexSet) VertexSet {
	return slices.DeleteFunc(slices.Clone(s), sets.New(other...).Has)
}

// BackupEntryFacts is what is kept of a BackupEntry beside its edges.
type BackupEntryFacts struct {
	Spec gardencorev1beta1.BackupEntrySpec
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
