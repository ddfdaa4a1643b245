package garden

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Delays say how late a client could use what it or another had just created.
type Delays struct {
	// Times is how often something was created and used at once.
	Times int
	// Waited is how many first uses waited for news of what was created before they were allowed, and Mean for how long on
	// average.
	Waited int
	Mean   time.Duration
	// Refused has, for each first use that was forbidden, how long after it another was allowed; sorted.
	Refused []time.Duration
}

// String says how many first uses were late, and for how long.
func (d *Delays) String() string {
	report := fmt.Sprintf("%d of %d first attempts were forbidden", len(d.Refused), d.Times)
	if n := len(d.Refused); n > 0 {
		report += fmt.Sprintf(", allowed after %v (median), %v (longest)", d.Refused[n/2], d.Refused[n-1])
	}
	report += fmt.Sprintf("; %d waited", d.Waited)
	if d.Waited > 0 {
		report += fmt.Sprintf(", for %v on average", d.Mean)
	}
	return report
}

// UseAtOnce makes a pair of requests for each number below times: one that creates, and at once one that uses what was
// created, again and again while that is forbidden, for no longer than patience. Any other error ends it. So many pairs
// are made at a time as parallel says.
func (g *Garden) UseAtOnce(ctx context.Context, times, parallel int, patience time.Duration,
	pair func(i int) (create, use func() error)) (*Delays, error) {
	waitedBefore, tookBefore, err := g.waits(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	d, group := &Delays{Times: times}, errgroup.Group{}
	group.SetLimit(parallel)
	for i := range times {
		group.Go(func() error {
			create, use := pair(i)
			late, err := useAtOnce(patience, create, use)
			if err != nil {
				return fmt.Errorf("number %d: %w", i, err)
			}
			if late > 0 {
				mu.Lock()
				defer mu.Unlock()
				d.Refused = append(d.Refused, late)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.Sort(d.Refused)
	waited, took, err := g.waits(ctx)
	if d.Waited = int(waited - waitedBefore); d.Waited > 0 {
		d.Mean = time.Duration((took - tookBefore) / float64(d.Waited) * float64(time.Second)).Round(time.Microsecond)
	}
	return d, err
}

// waits returns how many requests have been allowed after they had waited for news, and for how many seconds they did.
func (g *Garden) waits(ctx context.Context) (n, seconds float64, err error) {
	const metric = "seedguard_authorizer_wait_duration_seconds_"
	if n, err = g.Guard.Metric(ctx, metric+"count"); err != nil {
		return 0, 0, err
	}
	seconds, err = g.Guard.Metric(ctx, metric+"sum")
	return n, seconds, err
}

// useAtOnce makes the two requests and returns for how long the second was forbidden.
func useAtOnce(patience time.Duration, create, use func() error) (time.Duration, error) {
	if err := create(); err != nil {
		return 0, err
	}
	begin := time.Now()
	err := use()
	if err == nil {
		return 0, nil
	}
	for ; err != nil; err = use() {
		if !apierrors.IsForbidden(err) || time.Since(begin) > patience {
			return 0, err
		}
	}
	return time.Since(begin), nil
}
