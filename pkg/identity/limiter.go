package identity

import (
	"strings"
	"sync"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
)

// Limiter bounds how often the clients of each Seed may cause something that all Seeds share, so that no Seed uses up what
// the others need. It is safe for concurrent use.
type Limiter struct {
	limit rate.Limit
	burst int
	clock clock.PassiveClock

	mu    sync.Mutex
	seeds *lru.Cache
}

// limitedSeeds is of how many Seeds a Limiter knows what they did last: more than there are.
const limitedSeeds = 2048

// NewLimiter returns a Limiter of so many times a second for each Seed, and of burst times at once.
func NewLimiter(perSecond float64, burst int, clock clock.PassiveClock) *Limiter {
	return &Limiter{limit: rate.Limit(perSecond), burst: burst, clock: clock, seeds: lru.New(limitedSeeds)}
}

// Allow says whether a client of the Seed may do it now, and counts it if so.
func (l *Limiter) Allow(seed string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.seeds.Get(seed)
	if !ok {
		known = rate.NewLimiter(l.limit, l.burst)
		// A copy, because a request's strings may keep all of its body.
		l.seeds.Add(strings.Clone(seed), known)
	}
	return known.(*rate.Limiter).AllowN(l.clock.Now(), 1)
}
