package authorizer

import (
	"context"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/naming"
)

// An object that was there is taken to be there for this long. This many objects are remembered at most.
const (
	presenceTTL  = 3 * time.Second
	presenceSize = 1024
)

// ExistsFunc reads from the API server, for a client of the Seed, whether an object exists, by its metadata alone.
// False without an error must mean that the API server said so. It bounds its reads in number, rate (of each Seed and
// of all) and time. It must be safe for concurrent use.
type ExistsFunc func(
	ctx context.Context, seed string, resource schema.GroupVersionResource, namespace, name string,
) (bool, error)

// absenceChecker asks the API server which objects do not exist. A read that fails, is not permitted or exceeds its
// bounds makes nothing certain. It is safe for concurrent use.
//
// "Absent" is never remembered: each such answer rests on a read that began after it was asked for. An object that is
// created between this read and the delete itself is deleted all the same; remembering would make that gap longer.
// "Exists" is remembered for a few seconds. At worst, that gives no opinion on an object that is gone by then.
//
// Callers must not ask for a namespaced resource without a namespace: the API server has no such address, and its 404
// would stand for absence.
type absenceChecker struct {
	exists  ExistsFunc
	present *cache.LRUExpireCache
}

// presence is the key of an object that was there.
type presence struct {
	resource        schema.GroupVersionResource
	namespace, name string
}

func newAbsenceChecker(exists ExistsFunc, clock clock.PassiveClock) *absenceChecker {
	return &absenceChecker{exists: exists, present: cache.NewLRUExpireCacheWithClock(presenceSize, clock)}
}

// absent reports whether it is certain that the object does not exist, for a client of the Seed. The namespace is empty
// when the resource is cluster-scoped.
func (c *absenceChecker) absent(
	ctx context.Context, seed string, resource schema.GroupVersionResource, namespace, name string,
) bool {
	// Both become parts of a path, and the read has more rights than the client: "../x" would lead it elsewhere.
	if namespace != "" && !naming.IsSegment(namespace) || !naming.IsSegment(name) {
		return false
	}
	if _, ok := c.present.Get(presence{resource, namespace, name}); ok {
		return false
	}
	exists, err := c.exists(ctx, seed, resource, namespace, name)
	if err != nil {
		klog.FromContext(ctx).V(4).Info("Whether an object exists could not be read, so its deletion gets no opinion",
			"resource", resource, "namespace", namespace, "name", name, "error", err)
		return false
	}
	if exists {
		// Copies, because a request's strings may keep all of its body.
		c.present.Add(presence{resource, strings.Clone(namespace), strings.Clone(name)}, nil, presenceTTL)
	}
	return !exists
}
