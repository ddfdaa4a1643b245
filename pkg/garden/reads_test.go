package garden

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
	testingclock "k8s.io/utils/clock/testing"
)

var budgets = map[string]readBudget{"restriction": restrictionBudget, "absence": absenceBudget}

// do is find for a read of which nobody asks whether it found something.
func (r *boundedReads) do(ctx context.Context, seed, what string, read func(context.Context) error) error {
	_, err := r.find(ctx, seed, what, read)
	return err
}

// greedySeeds is how many Seeds the budgets survive.
const greedySeeds = 5

// TestBudgetsLeaveOthersTheirs: what one Seed gets is there for it when five others take all that they can.
func TestBudgetsLeaveOthersTheirs(t *testing.T) {
	for name, b := range budgets {
		require.LessOrEqual(t, (greedySeeds+1)*b.seed.slots, b.all.slots, name)
		require.LessOrEqual(t, (greedySeeds+1)*b.seed.burst, b.all.burst, name)
		require.LessOrEqual(t, (greedySeeds+1)*b.seed.perSecond, b.all.perSecond, name)
		require.Greater(t, b.line, b.seed.slots, name)
	}
}

// TestSlowReads: Seeds whose reads the API server does not answer, one or five of them, wait for themselves alone.
// Reads of another Seed go on, and so do those of the other budget.
func TestSlowReads(t *testing.T) {
	for name, budget := range budgets {
		for _, greedy := range []int{1, greedySeeds} {
			t.Run(fmt.Sprintf("%s/%d", name, greedy), func(t *testing.T) {
				budget.timeout = 10 * time.Second // the test ends them
				reads := newBoundedReads(budget, newMetrics(nil), testingclock.NewFakePassiveClock(time.Now()))
				ctx, cancel := context.WithCancel(t.Context())
				started := make(chan struct{}, 100)
				slow := func(ctx context.Context) error {
					started <- struct{}{}
					<-ctx.Done()
					return ctx.Err()
				}
				var waiting sync.WaitGroup
				for seed := range greedy {
					for range 3 * budget.seed.burst {
						waiting.Go(func() { _ = reads.do(ctx, "greedy-"+strconv.Itoa(seed), "object", slow) })
					}
				}
				for range greedy * budget.seed.slots {
					<-started
				}
				for seed := range greedy {
					line := reads.of("greedy-" + strconv.Itoa(seed)).line
					require.Eventually(t, func() bool { return len(line) == cap(line) }, 10*time.Second, time.Millisecond)
				}
				for range budget.seed.burst {
					require.NoError(t, reads.do(t.Context(), "honest", "object", func(context.Context) error { return nil }))
				}
				require.Len(t, reads.slots, greedy*budget.seed.slots, "no Seed has more than its slots")
				cancel()
				waiting.Wait()
				require.Empty(t, reads.slots)
			})
		}
	}
}

// TestReadsWaitForTheirSlot: a few reads of one Seed at once all succeed, in turn. A long line is cut off at once.
func TestReadsWaitForTheirSlot(t *testing.T) {
	reads := newBoundedReads(restrictionBudget, newMetrics(nil), testingclock.NewFakePassiveClock(time.Now()))
	release, results := make(chan struct{}), make(chan error)
	read := func(context.Context) error {
		<-release
		return nil
	}
	for range reads.line {
		go func() { results <- reads.do(t.Context(), "s", "object", read) }()
	}
	require.Eventually(t, func() bool { return len(reads.of("s").line) == reads.line }, 10*time.Second, time.Millisecond)
	require.ErrorIs(t, reads.do(t.Context(), "s", "object", read), errExhausted)
	close(release)
	for range reads.line {
		require.NoError(t, <-results)
	}
}

// TestReadsAreBoundedInTime: a read that is not answered ends, and so does the wait for the slot that it holds.
func TestReadsAreBoundedInTime(t *testing.T) {
	budget := restrictionBudget
	budget.timeout, budget.seed.slots = 50*time.Millisecond, 1
	reads := newBoundedReads(budget, newMetrics(nil), testingclock.NewFakePassiveClock(time.Now()))
	started, first := make(chan struct{}), make(chan error)
	go func() {
		first <- reads.do(t.Context(), "s", "object", func(ctx context.Context) error {
			close(started)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-started
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, reads.do(ended, "s", "object", func(ctx context.Context) error { return ctx.Err() }))
	require.ErrorIs(t, <-first, context.DeadlineExceeded)
}

// TestReadsAreBoundedInRate: what one Seed uses up, the others still have, and it comes back with time.
func TestReadsAreBoundedInRate(t *testing.T) {
	for name, b := range budgets {
		t.Run(name, func(t *testing.T) {
			clock := testingclock.NewFakeClock(time.Now())
			reads := newBoundedReads(b, newMetrics(nil), clock)
			count := func(seed func(i int) string) (n int) {
				for i := range 10 * b.all.burst {
					if reads.do(t.Context(), seed(i), "object", func(context.Context) error { return nil }) == nil {
						n++
					}
				}
				return n
			}
			one, many := func(int) string { return "s" }, func(i int) string { return strconv.Itoa(i % 1000) }
			require.Equal(t, b.seed.burst, count(one))
			require.Zero(t, count(one))
			require.Equal(t, b.all.burst-b.seed.burst, count(many), "others have the rest")
			clock.Step(time.Second)
			require.Equal(t, b.seed.perSecond, rate.Limit(count(one)))
		})
	}
}

func TestRememberedSeedsAreBounded(t *testing.T) {
	reads := newBoundedReads(absenceBudget, newMetrics(nil), testingclock.NewFakePassiveClock(time.Now()))
	for i := range 2 * rememberedSeeds {
		reads.of(strconv.Itoa(i))
	}
	require.Equal(t, rememberedSeeds, reads.seeds.Len())
}
