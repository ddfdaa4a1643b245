package garden

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
)

// readBudget bounds reads from the API server beside the informers, which seed clients cause. A client must not be
// able to turn a burst of requests into load on the garden, nor to use up what the clients of other Seeds need.
//
// Invariant: five Seeds together leave others what one Seed gets (TestBudgetsLeaveOthersTheirs).
type readBudget struct {
	// timeout bounds a read with the wait for its slot.
	timeout time.Duration
	// all bounds the reads of all Seeds together, seed those of one.
	all, seed readBounds
	// line is how many reads of a Seed may run and wait for a slot. It bounds how many of the server's requests one Seed
	// can hold.
	line int
}

type readBounds struct {
	slots     int
	perSecond rate.Limit
	burst     int
}

var (
	// restrictionBudget is for the admission, which reads before it denies. An honest gardenlet creates what exists many
	// times in a row after a start, so one Seed gets as many reads a second as it can take in turn.
	restrictionBudget = readBudget{
		timeout: time.Second,
		all:     readBounds{slots: 16, perSecond: 240, burst: 480},
		seed:    readBounds{slots: 2, perSecond: 40, burst: 80},
		line:    32,
	}
	// absenceBudget is for the authorizer, which asks whether an object is there that is to be deleted. Somebody cleans
	// up twice rarely, so little is enough. It is a budget of its own, so that deletes use up nothing that the admission
	// needs.
	absenceBudget = readBudget{
		timeout: 500 * time.Millisecond,
		all:     readBounds{slots: 6, perSecond: 30, burst: 60},
		seed:    readBounds{slots: 1, perSecond: 5, burst: 10},
		line:    4,
	}
)

// rememberedSeeds is of how many Seeds the reads are counted: more than a garden has. A Seed that is forgotten starts
// anew.
const rememberedSeeds = 2048

// boundedReads keeps reads within a budget. It is safe for concurrent use.
type boundedReads struct {
	readBudget
	slots   chan struct{}
	limiter *rate.Limiter
	clock   clock.PassiveClock
	metrics *metrics
	// none: the source has said that it has no API server. No bounds are needed then, and none may turn that answer into a
	// failure.
	none atomic.Bool
	// toldForbidden: that a read was forbidden has been logged. Permissions come and go seldom, and clients ask often.
	toldForbidden atomic.Bool

	mu sync.Mutex
	// seeds holds the seedReads by the Seed's name. Bound by mu.
	seeds *lru.Cache
}

// seedReads are the reads of one Seed.
type seedReads struct {
	line, slots chan struct{}
	limiter     *rate.Limiter
}

func newBoundedReads(budget readBudget, m *metrics, clock clock.PassiveClock) *boundedReads {
	return &boundedReads{
		readBudget: budget,
		slots:      make(chan struct{}, budget.all.slots),
		limiter:    rate.NewLimiter(budget.all.perSecond, budget.all.burst),
		clock:      clock,
		metrics:    m,
		seeds:      lru.New(rememberedSeeds),
	}
}

// errExhausted says that a read was not even tried.
var errExhausted = errors.New("too many live reads")

// find reads for a client of the Seed, within the bounds, and reports whether there is what is read: it is not there
// when the error is NotFound. What names the read in the metrics. A read that the API server forbids is not available.
func (r *boundedReads) find(
	ctx context.Context, seed, what string, read func(context.Context) error,
) (found bool, err error) {
	err = ErrNotAvailable
	if !r.none.Load() {
		err = r.bounded(ctx, seed, read)
	}
	found, result := err == nil, "ok"
	switch {
	case apierrors.IsNotFound(err):
		err = nil
	case errors.Is(err, ErrNotAvailable):
		r.none.Store(true)
		result = "unavailable"
	case apierrors.IsForbidden(err):
		if !r.toldForbidden.Swap(true) {
			klog.FromContext(ctx).Info("A read from the API server is forbidden; further ones are only counted",
				"what", what, "reason", err.Error())
		}
		err, result = fmt.Errorf("%w: %w", ErrNotAvailable, err), "forbidden"
	case errors.Is(err, errExhausted):
		result = "exhausted"
	case err != nil:
		result = "error"
	}
	r.metrics.liveReads.WithLabelValues(what, result).Inc()
	return found, err
}

func (r *boundedReads) bounded(ctx context.Context, name string, read func(context.Context) error) error {
	seed := r.of(name)
	select {
	case seed.line <- struct{}{}:
		defer func() { <-seed.line }()
	default:
		return errExhausted
	}
	now := r.clock.Now()
	if !seed.limiter.AllowN(now, 1) || !r.limiter.AllowN(now, 1) {
		return errExhausted
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	// The Seed's own slot comes first: who waits for it must not hold one of all.
	for _, slots := range []chan struct{}{seed.slots, r.slots} {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-ctx.Done():
			return errExhausted
		}
	}
	return read(ctx)
}

func (r *boundedReads) of(seed string) *seedReads {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.seeds.Get(seed); ok {
		return known.(*seedReads)
	}
	reads := &seedReads{
		line:    make(chan struct{}, r.line),
		slots:   make(chan struct{}, r.seed.slots),
		limiter: rate.NewLimiter(r.seed.perSecond, r.seed.burst),
	}
	// A copy, because a request's strings may keep all of its body.
	r.seeds.Add(strings.Clone(seed), reads)
	return reads
}
