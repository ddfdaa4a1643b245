package garden

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"github.com/seedguard/seedguard/pkg/graph"
)

// Source is where the objects of the garden come from: an API server or a directory of manifests.
type Source interface {
	// ListerWatcher lists and watches all objects of a kind, as the API type of the kind's resource, or already as the
	// *Object that Extract makes of it.
	ListerWatcher(graph.Kind) cache.ListerWatcher
	// Live reads one object from the API server. The error is NotFound (apimachinery's api/errors) when it does not exist,
	// ErrNotAvailable when the source has no API server.
	Live(ctx context.Context, kind graph.Kind, namespace, name string) (runtime.Object, error)
	// Exists asks the API server for an object's metadata alone, with errors as those of Live.
	Exists(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) error
}
