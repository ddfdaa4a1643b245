package authorizer

import (
	"context"
	"strings"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// Bounds of the reads of an AbsenceChecker. Such deletes are rare (somebody cleans up twice), so little is enough. It must stay
// well below what the garden's live reads allow in all: deletes must not use up what the SeedRestriction needs.
const (
	absenceTimeout     = 500 * time.Millisecond
	absenceConcurrency = 4
	absencePerSecond   = 10
	absenceBurst       = 20
	// One Seed gets so many of these, lest who deletes at random uses up what others need.
	absencePerSecondOfSeed = 5
	absenceBurstOfSeed     = 10
	// An object that was there is taken to be there for this long, by at most so many objects at a time.
	presenceTTL  = 3 * time.Second
	presenceSize = 1024
)

// ExistsFunc reads from the API server, for a client of the Seed, whether an object exists, by its metadata alone. False without an error must mean that
// the API server said so.
type ExistsFunc func(ctx context.Context, seed string, resource schema.GroupVersionResource, namespace, name string) (bool, error)

// AbsenceChecker is the Absence that asks the API server (SPEC 3, absent objects). Reads are bounded in number, rate (of each
// Seed and of all) and time; one that fails, is not permitted or exceeds the bounds makes nothing certain. It is safe for concurrent use.
//
// "Absent" is never remembered: each such answer rests on a read that began after it was asked for. An object that is created
// between this read and the delete itself is deleted all the same; remembering would make that gap longer. "Exists" is
// remembered for a few seconds, which at worst gives no opinion on an object that is gone by then.
//
// A namespaced resource without a namespace must not be asked for: the API server has no such address, and its 404 would
// stand for absence.
type AbsenceChecker struct {
	exists  ExistsFunc
	clock   clock.PassiveClock
	slots   chan struct{}
	limiter *rate.Limiter
	seeds   *identity.Limiter
	present *cache.LRUExpireCache
}

var _ Absence = &AbsenceChecker{}

// presence is the key of an object that was there.
type presence struct {
	resource        schema.GroupVersionResource
	namespace, name string
}

// NewAbsenceChecker returns an AbsenceChecker that reads by exists.
func NewAbsenceChecker(exists ExistsFunc, clock clock.PassiveClock) *AbsenceChecker {
	return &AbsenceChecker{
		exists:  exists,
		clock:   clock,
		slots:   make(chan struct{}, absenceConcurrency),
		limiter: rate.NewLimiter(absencePerSecond, absenceBurst),
		seeds:   identity.NewLimiter(absencePerSecondOfSeed, absenceBurstOfSeed, clock),
		present: cache.NewLRUExpireCacheWithClock(presenceSize, clock),
	}
}

// Absent implements Absence.
func (c *AbsenceChecker) Absent(ctx context.Context, seed string, resource schema.GroupVersionResource, namespace, name string) bool {
	// Both become parts of a path, and the read has more rights than who asks for it: "../x" would lead it elsewhere.
	if namespace != "" && !naming.IsSegment(namespace) || !naming.IsSegment(name) {
		return false
	}
	if _, ok := c.present.Get(presence{resource, namespace, name}); ok {
		return false
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	default:
		return false
	}
	if !c.seeds.Allow(seed) || !c.limiter.AllowN(c.clock.Now(), 1) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, absenceTimeout)
	defer cancel()
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
