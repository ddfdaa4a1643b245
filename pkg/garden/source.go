package garden

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"github.com/seedguard/seedguard/pkg/graph"
)

// Resource is a kind that is watched or read live, as the Kubernetes API names it.
type Resource struct {
	Kind graph.Kind
	// GroupVersionResource is what informers list and watch.
	schema.GroupVersionResource
	// New returns an empty object of the API type.
	New func() runtime.Object
	// NewList returns an empty list of the API type.
	NewList func() runtime.Object
}

// Source is where the objects of the garden come from: an API server or a directory of manifests.
type Source interface {
	// ListerWatcher lists and watches all objects of a resource, as the API type that Resource.New returns, or already as
	// the *Object that Extract makes of it.
	ListerWatcher(Resource) cache.ListerWatcher
	// Live reads one object from the API server. The error is NotFound (apimachinery's api/errors) when it does not exist,
	// ErrNotAvailable when the source has no API server.
	Live(ctx context.Context, resource Resource, namespace, name string) (runtime.Object, error)
	// Exists asks the API server for an object's metadata alone, with errors as those of Live.
	Exists(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) error
}
