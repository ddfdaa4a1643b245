package identity

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	testingclock "k8s.io/utils/clock/testing"
)

// What one Seed uses up, the others still have, and it comes back with time.
func TestLimiter(t *testing.T) {
	clock := testingclock.NewFakeClock(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	l := NewLimiter(2, 5, clock)
	count := func(seed string) (n int) {
		for range 20 {
			if l.Allow(seed) {
				n++
			}
		}
		return n
	}
	require.Equal(t, 5, count("a"))
	require.Zero(t, count("a"))
	require.Equal(t, 5, count("b"))
	clock.Step(time.Second)
	require.Equal(t, 2, count("a"))
	for i := range 2 * limitedSeeds {
		l.Allow(strconv.Itoa(i))
	}
	require.Equal(t, limitedSeeds, l.seeds.Len())
}
