package authorizer

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// How many requests wait for news at a time, of all Seeds together and of one. A client that asks for what it may not
// have uses up what its own Seed has; everybody else's requests wait as before, or do not wait, if many Seeds do this
// together. All that wait are few among the requests that a server answers at a time.
const (
	maxWaiting       = 256
	maxWaitingOfSeed = 16
)

// waitingRoom holds requests that are about to get no opinion until there is news, for a while. Somebody who creates an
// object and uses it at once is ahead of the watch that brings it.
type waitingRoom struct {
	news     func() <-chan struct{}
	patience time.Duration
	outcomes *prometheus.CounterVec
	waited   prometheus.Histogram

	mu sync.Mutex
	// all and of count those who wait: all, and by Seed. Invariant: no count of a Seed is 0.
	all int
	of  map[string]int
}

// The outcomes of waiting.
const (
	outcomeAllowed   = "allowed"
	outcomeNoOpinion = "no_opinion"
	outcomeFull      = "full"
)

// newWaitingRoom returns nil when nobody waits.
func newWaitingRoom(
	news func() <-chan struct{}, patience time.Duration, registerer prometheus.Registerer,
) *waitingRoom {
	if news == nil || patience <= 0 {
		return nil
	}
	r := &waitingRoom{
		news: news, patience: patience, of: map[string]int{},
		outcomes: promauto.With(registerer).NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_authorizer_waits_total",
			Help: "Requests without a path that waited for news of the graph, by outcome: allowed, no_opinion, or full " +
				"(it did not wait, because too many of the Seed's or of all did).",
		}, []string{"outcome"}),
		waited: promauto.With(registerer).NewHistogram(prometheus.HistogramOpts{
			Name:    "seedguard_authorizer_wait_duration_seconds",
			Help:    "How long requests waited that were then allowed: how late the graph was.",
			Buckets: prometheus.ExponentialBuckets(1e-3, 2, 10), // to 0.5 s
		}),
	}
	for _, outcome := range []string{outcomeAllowed, outcomeNoOpinion, outcomeFull} {
		r.outcomes.WithLabelValues(outcome)
	}
	return r
}

// Waiter is implemented by attributes that are told how long their request has waited for news: that is not time that
// it took to decide.
type Waiter interface{ Waited(time.Duration) }

// wait looks again whenever the graph has changed, until found reports true, ctx ends or patience does. It returns what
// found reported last.
func (r *waitingRoom) wait(
	ctx context.Context, request authorizer.Attributes, seed string, found func() bool,
) bool {
	if r == nil {
		return false
	}
	next := r.news()
	if next == nil {
		return false
	}
	if !r.enter(seed) {
		r.outcomes.WithLabelValues(outcomeFull).Inc()
		return false
	}
	defer r.leave(seed)
	begin := time.Now()
	if waiter, ok := request.(Waiter); ok {
		defer func() { waiter.Waited(time.Since(begin)) }()
	}
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	for next != nil {
		// The graph may have changed after it was looked at and before there was the channel.
		if found() {
			r.outcomes.WithLabelValues(outcomeAllowed).Inc()
			r.waited.Observe(time.Since(begin).Seconds())
			return true
		}
		select {
		case <-next:
			next = r.news()
		case <-ctx.Done():
			next = nil
		}
	}
	r.outcomes.WithLabelValues(outcomeNoOpinion).Inc()
	return false
}

func (r *waitingRoom) enter(seed string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all >= maxWaiting || r.of[seed] >= maxWaitingOfSeed {
		return false
	}
	r.all++
	// A copy, because a request's strings may keep all of its body.
	r.of[strings.Clone(seed)]++
	return true
}

func (r *waitingRoom) leave(seed string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all--
	if r.of[seed]--; r.of[seed] == 0 {
		delete(r.of, seed)
	}
}
