package garden

import (
	"fmt"
	"time"
	"unique"

	gardencorev1 "github.com/gardener/gardener/pkg/apis/core/v1"
	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	operationsv1alpha1 "github.com/gardener/gardener/pkg/apis/operations/v1alpha1"
	securityv1alpha1 "github.com/gardener/gardener/pkg/apis/security/v1alpha1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seedguard/seedguard/pkg/graph"
)

// watched is a row of the table of watched kinds (SPEC 2.1): what is watched, which edges an object implies, and what else
// makes its edges change.
type watched struct {
	Resource
	// extract returns what is kept of an object: the edges that follow from it alone, and the facts that others look up.
	extract func(runtime.Object) ([]graph.Edge, any)
	// derive returns the edges that need another object or the clock, and when they next change without any event (zero:
	// never). Nil for most kinds.
	derive func(lookups, *Object, time.Time) (edges []graph.Edge, next time.Time)
	// dependents returns the objects whose derived edges rest on this object. Nil for most kinds.
	dependents func(lookups, *Object) []*Object
}

// table lists all watched kinds. A new one is a row here, its edges in edges.go, and its layer in graph's kind table.
var table = []watched{
	row(core, "backupbuckets", graph.KindBackupBucket, clusterScoped, backupBucketEdges),
	row(core, "backupentries", graph.KindBackupEntry, namespaced, backupEntryEdges),
	row(operations, "bastions", graph.KindBastion, namespaced, bastionEdges),
	row(certificates, "certificatesigningrequests", graph.KindCertificateSigningRequest, clusterScoped, certificateSigningRequestEdges),
	row(coreV1, "controllerdeployments", graph.KindControllerDeployment, clusterScoped, controllerDeploymentEdges),
	row(core, "controllerinstallations", graph.KindControllerInstallation, clusterScoped, controllerInstallationEdges),
	row(security, "credentialsbindings", graph.KindCredentialsBinding, namespaced, credentialsBindingEdges),
	row(seedmanagement, "gardenlets", graph.KindGardenlet, namespaced, gardenletEdges).
		derived(gardenletBootstrapEdges),
	row(seedmanagement, "managedseeds", graph.KindManagedSeed, namespaced, managedSeedEdges).
		derived(managedSeedBootstrapEdges),
	row(core, "projects", graph.KindProject, clusterScoped, projectEdges).
		dependedOnBy(shootsOfProject),
	row(core, "secretbindings", graph.KindSecretBinding, namespaced, secretBindingEdges),
	row(core, "seeds", graph.KindSeed, clusterScoped, seedEdges).
		dependedOnBy(bootstrappedAs),
	row(kubernetes, "serviceaccounts", graph.KindServiceAccount, namespaced, serviceAccountEdges),
	row(core, "shoots", graph.KindShoot, namespaced, shootEdges).
		derived(shootIssuerEdges),
}

var (
	core           = gardencorev1beta1.SchemeGroupVersion
	coreV1         = gardencorev1.SchemeGroupVersion
	operations     = operationsv1alpha1.SchemeGroupVersion
	security       = securityv1alpha1.SchemeGroupVersion
	seedmanagement = seedmanagementv1alpha1.SchemeGroupVersion
	certificates   = certificatesv1.SchemeGroupVersion
	kubernetes     = corev1.SchemeGroupVersion
)

const (
	clusterScoped = false
	namespaced    = true
)

// row makes a row of the table. T is the API type, which Scheme must know under the kind's name.
func row[T runtime.Object](gv schema.GroupVersion, resource string, kind graph.Kind, namespaced bool, extract func(T) ([]graph.Edge, any)) watched {
	newOf := func(name string) func() runtime.Object {
		return func() runtime.Object {
			o, err := Scheme.New(gv.WithKind(name))
			if err != nil {
				panic(fmt.Sprintf("BUG: %v", err)) // a row names a kind that its group does not have; any test finds it
			}
			return o
		}
	}
	return watched{
		Resource: Resource{
			Kind:                 kind,
			GroupVersionResource: gv.WithResource(resource),
			Namespaced:           namespaced,
			New:                  newOf(kind.String()),
			NewList:              newOf(kind.String() + "List"),
		},
		extract: func(o runtime.Object) ([]graph.Edge, any) { return extract(o.(T)) },
	}
}

func (w watched) derived(f func(lookups, *Object, time.Time) ([]graph.Edge, time.Time)) watched {
	w.derive = f
	return w
}

func (w watched) dependedOnBy(f func(lookups, *Object) []*Object) watched {
	w.dependents = f
	return w
}

// Resources returns all watched kinds.
func Resources() []Resource {
	resources := make([]Resource, len(table))
	for i := range table {
		resources[i] = table[i].Resource
	}
	return resources
}

// ResourceOf returns the resource of a watched kind, false for any other kind.
func ResourceOf(kind graph.Kind) (Resource, bool) {
	if w := byKind[kind]; w != nil {
		return w.Resource, true
	}
	return Resource{}, false
}

var byKind = map[graph.Kind]*watched{}

func init() {
	for i := range table {
		byKind[table[i].Kind] = &table[i]
	}
}

// Extract returns what seedguard keeps of an API object of a watched kind, and an error for any other object. It is pure.
func Extract(o runtime.Object) (*Object, error) {
	for i := range table {
		if w := &table[i]; w.is(o) {
			return w.object(o)
		}
	}
	return nil, fmt.Errorf("objects of type %T are not watched", o)
}

func (w *watched) is(o runtime.Object) bool {
	kinds, _, err := Scheme.ObjectKinds(o)
	return err == nil && len(kinds) > 0 && kinds[0].GroupVersion() == w.GroupVersion() && kinds[0].Kind == w.Kind.String()
}

func (w *watched) object(o runtime.Object) (*Object, error) {
	meta, ok := o.(metav1.Object)
	if !ok {
		return nil, fmt.Errorf("%T has no metadata", o)
	}
	edges, facts := w.extract(o)
	v := graph.Vertex{Kind: w.Kind, Namespace: shared(meta.GetNamespace()), Name: meta.GetName()}
	// The rest is copied in one piece: nothing of the API object is kept alive, and there is little to mark and to round up.
	uid, version := string(meta.GetUID()), meta.GetResourceVersion()
	kept := string(appendPacked([]byte(v.Name+uid+version), v, edges))
	take := func(n int) (s string) {
		s, kept = kept[:n], kept[n:]
		return s
	}
	v.Name = take(len(v.Name))
	return &Object{
		Vertex:          v,
		UID:             types.UID(take(len(uid))),
		ResourceVersion: take(len(version)),
		Deleting:        meta.GetDeletionTimestamp() != nil,
		Facts:           facts,
		edges:           packedEdges(kept),
	}, nil
}

// shared returns the one copy of a string that repeats in many objects: a namespace, a Seed's name.
func shared(s string) string { return unique.Make(s).Value() }
