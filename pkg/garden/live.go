package garden

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/identity"
)

// Bounds of live reads. They are rare (an object that the informers have not told of yet, a refusal that is about to be
// given), but a seed client must not be able to turn a burst of refused requests into load on the garden.
const (
	liveTimeout     = time.Second
	liveConcurrency = 16
	livePerSecond   = 50
	liveBurst       = 100
	// One Seed gets so many of these, lest a client that repeats a refused request uses up what others need.
	livePerSecondOfSeed = 40
	liveBurstOfSeed     = 80
)

// liveReads bounds reads from the API server in time, number and rate (of each Seed and of all).
type liveReads struct {
	slots   chan struct{}
	limiter *rate.Limiter
	seeds   *identity.Limiter
	metrics *metrics
	// none: the source has said that it has no API server. No bounds are needed then, and none may turn that answer into a failure.
	none atomic.Bool
}

func newLiveReads(m *metrics, clock clock.PassiveClock) *liveReads {
	return &liveReads{
		slots:   make(chan struct{}, liveConcurrency),
		limiter: rate.NewLimiter(livePerSecond, liveBurst),
		seeds:   identity.NewLimiter(livePerSecondOfSeed, liveBurstOfSeed, clock),
		metrics: m,
	}
}

// errExhausted says that a live read was not even tried.
var errExhausted = errors.New("too many live reads")

// do reads within the bounds. A read that the API server forbids is not available.
func (l *liveReads) do(ctx context.Context, seed, what string, read func(context.Context) error) error {
	err := ErrNotAvailable
	if !l.none.Load() {
		err = l.bounded(ctx, seed, read)
	}
	result := "ok"
	switch {
	case errors.Is(err, ErrNotAvailable):
		l.none.Store(true)
		result = "unavailable"
	case apierrors.IsForbidden(err):
		err, result = fmt.Errorf("%w: %w", ErrNotAvailable, err), "forbidden"
	case errors.Is(err, errExhausted):
		result = "exhausted"
	case err != nil:
		result = "error"
	}
	l.metrics.liveReads.WithLabelValues(what, result).Inc()
	return err
}

func (l *liveReads) bounded(ctx context.Context, seed string, read func(context.Context) error) error {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	default:
		return errExhausted
	}
	if !l.seeds.Allow(seed) || !l.limiter.Allow() {
		return errExhausted
	}
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	return read(ctx)
}
