// Package logs bounds what callers can make the log and messages say, and how often.
package logs

import (
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"
	"k8s.io/utils/lru"
)

// MaxTold bounds in bytes what is told of something that a request holds. Names and namespaces that the API server
// accepts are no longer than 253.
const MaxTold = 256

// Cut returns s when it is no longer than MaxTold bytes, else its first bytes, up to the end of a character, and an
// ellipsis.
func Cut(s string) string { return CutAt(s, MaxTold) }

// CutAt is Cut with another bound.
func CutAt(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := limit
	for end > max(0, limit-utf8.UTFMax) && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}

// Limiter limits lines of the log by a key, such as a Seed, so that nobody can fill the log or hide what others do.
// It is safe for concurrent use.
type Limiter struct {
	perSecond rate.Limit
	burst     int

	mu sync.Mutex
	// limiters holds a rate.Limiter by key. Bound by mu.
	limiters *lru.Cache
}

// rememberedKeys is of how many keys lines are counted: more than a garden has Seeds. A key that is forgotten starts
// anew.
const rememberedKeys = 2048

// NewLimiter returns a limiter of lines for each key.
func NewLimiter(perSecond rate.Limit, burst int) *Limiter {
	return &Limiter{perSecond: perSecond, burst: burst, limiters: lru.New(rememberedKeys)}
}

// Allow reports whether one more line may be written for the key.
func (l *Limiter) Allow(key string, now time.Time) bool {
	key = Cut(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.limiters.Get(key)
	if !ok {
		limiter = rate.NewLimiter(l.perSecond, l.burst)
		// A copy, because a request's strings may keep all of its body.
		l.limiters.Add(strings.Clone(key), limiter)
	}
	return limiter.(*rate.Limiter).AllowN(now, 1)
}
