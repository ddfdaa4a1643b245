package garden

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"

	"github.com/seedguard/seedguard/pkg/graph"
)

// probedSource is a memorySource on an API server that can hang. It then answers nothing, and its watches tell nothing,
// until it goes on or the one who waits gives up.
type probedSource struct {
	*memorySource

	mu sync.Mutex
	// answers is closed but while the API server hangs.
	answers chan struct{}
	// fail, if not nil, returns the error of what is asked about a kind.
	fail    func(kind graph.Kind, probe bool) error
	redials int
}

func newProbedSource(t *testing.T) *probedSource {
	s := &probedSource{memorySource: newMemorySource(t), answers: make(chan struct{})}
	close(s.answers)
	return s
}

func (s *probedSource) hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = make(chan struct{})
}

func (s *probedSource) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.answers)
}

func (s *probedSource) failing(fail func(kind graph.Kind, probe bool) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

func (s *probedSource) answer(ctx context.Context, kind graph.Kind, probe bool) error {
	s.mu.Lock()
	answers, fail := s.answers, s.fail
	s.mu.Unlock()
	if fail != nil {
		if err := fail(kind, probe); err != nil {
			return err
		}
	}
	select {
	case <-answers:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *probedSource) Probe(ctx context.Context, kind graph.Kind) error {
	return s.answer(ctx, kind, true)
}

func (s *probedSource) Redial() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redials++
}

func (s *probedSource) ListerWatcher(kind graph.Kind) cache.ListerWatcher {
	inner := cache.ToListerWatcherWithContext(s.memorySource.ListerWatcher(kind))
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			if err := s.answer(ctx, kind, false); err != nil {
				return nil, err
			}
			return inner.ListWithContext(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (apiwatch.Interface, error) {
			if err := s.answer(ctx, kind, false); err != nil {
				return nil, err
			}
			w, err := inner.WatchWithContext(ctx, options)
			if err != nil {
				return nil, err
			}
			context.AfterFunc(ctx, w.Stop)
			return filtered(w, func(event apiwatch.Event) (apiwatch.Event, bool) {
				return event, s.answer(ctx, kind, false) == nil
			}), nil
		},
	}, s.memorySource.ListerWatcher(kind))
}

// probedGarden is a Garden on a probedSource that is at work in a bubble of its own time.
type probedGarden struct {
	*Garden
	t      *testing.T
	source *probedSource
	graph  *graph.Graph
	logged func(message string) int
}

// probed calls test with a probedGarden.
func probed(t *testing.T, maxStaleness time.Duration, test func(*probedGarden)) {
	synctest.Test(t, func(t *testing.T) {
		logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true), ktesting.Verbosity(1)))
		g := &probedGarden{t: t, source: newProbedSource(t), graph: graph.New(graph.Options{})}
		g.logged = func(message string) (n int) {
			for _, entry := range logger.GetSink().(ktesting.Underlier).GetBuffer().Data() {
				if entry.Message == message {
					n++
				}
			}
			return n
		}
		g.Garden = New(Options{Source: g.source, Graph: g.graph, MaxStaleness: maxStaleness})
		keepRunning(klog.NewContext(t.Context(), logger), t, g.Garden)
		require.NoError(t, g.WaitReady(t.Context()))
		time.Sleep(10*time.Minute + time.Second/2)
		require.Empty(t, g.LostContact())
		require.Empty(t, g.Stale())
		test(g)
	})
}

// after waits until a condition holds and returns how long that took.
func (g *probedGarden) after(condition func() bool) time.Duration {
	g.t.Helper()
	begin := time.Now()
	for !condition() {
		require.Less(g.t, time.Since(begin), time.Hour)
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(begin)
}

const (
	lostLine  = "Lost contact with the garden: changes are not seen"
	backLine  = "In contact with the garden again"
	failsLine = "Cannot watch, and tries again"
	worksLine = "Watching again"
)

// TestHang: whenever an API server hangs, that is noticed soon; when it goes on, what has happened is known at once,
// however long that was.
func TestHang(t *testing.T) {
	for _, hang := range []time.Duration{10 * time.Second, 10 * time.Minute} {
		for _, phase := range []time.Duration{0, 2990 * time.Millisecond} {
			probed(t, 0, func(g *probedGarden) {
				groups := len(g.contacts)
				require.Greater(t, groups, 5)
				time.Sleep(phase)
				g.source.hang()
				begin := time.Now()
				noticed := g.after(func() bool { return len(g.LostContact()) == groups })
				require.LessOrEqual(t, noticed, probeInterval+retryInterval+2*probeTimeout+10*time.Millisecond)
				g.source.add(shootOn("s"))
				time.Sleep(hang - time.Since(begin))
				require.False(t, g.graph.Reaches(shootM, "s"))
				require.Empty(t, g.Stale(), "there is no bound")

				g.source.goOn()
				require.LessOrEqual(t, g.after(func() bool { return g.graph.Reaches(shootM, "s") }), time.Second)
				require.LessOrEqual(t, g.after(func() bool { return len(g.LostContact()) == 0 }), time.Second)
				require.Equal(t, groups, g.logged(lostLine))
				require.Equal(t, groups, g.logged(backLine))
				require.Zero(t, g.logged(failsLine))
				require.NotZero(t, g.source.redials)
			})
		}
	}
}

// TestAway: as TestHang, where the API server fails at once.
func TestAway(t *testing.T) {
	probed(t, 0, func(g *probedGarden) {
		g.source.failing(func(graph.Kind, bool) error { return apierrors.NewServiceUnavailable("away") })
		for kind := range g.source.kinds {
			g.source.kinds[kind].ResetWatch()
		}
		require.LessOrEqual(t, g.after(func() bool { return len(g.LostContact()) == len(g.contacts) }), time.Second,
			"who is told that there is nobody does not wait for the next probe")
		time.Sleep(10 * time.Minute)
		g.source.add(shootOn("s"))
		g.source.failing(nil)
		require.LessOrEqual(t, g.after(func() bool { return g.graph.Reaches(shootM, "s") }), 3*time.Second,
			"client-go waits before it lists, and here it has to list since what happened is forgotten")
		require.Equal(t, len(g.contacts), g.logged(lostLine))
		require.Equal(t, len(g.contacts), g.logged(backLine))
		require.Zero(t, g.logged(failsLine))
	})
}

// TestOneKindFails: a kind that cannot be had is its own problem: the others of its group go on, and it is logged once.
func TestOneKindFails(t *testing.T) {
	probed(t, time.Minute, func(g *probedGarden) {
		const kind = graph.KindBackupBucket
		require.Equal(t, kind, g.contacts[0].kinds[0], "the first that is probed")
		g.source.failing(func(k graph.Kind, _ bool) error {
			if k == kind {
				return apierrors.NewInternalError(errors.New("cannot convert"))
			}
			return nil
		})
		g.source.kinds[kind].ResetWatch()
		time.Sleep(10 * time.Minute)
		require.Zero(t, g.logged(lostLine))
		require.Equal(t, 1, g.logged(failsLine))
		require.Len(t, g.Stale(), 1)
		require.Contains(t, g.Stale()[0], "backupbuckets.core.gardener.cloud not known for 10m")
		g.source.failing(nil)
		require.LessOrEqual(t, g.after(func() bool { return len(g.Stale()) == 0 }), time.Minute+time.Second,
			"as long as client-go waits")
		require.Equal(t, 1, g.logged(worksLine))
	})
}

// TestEventsAreSignsOfLife: an API server that does not answer, but tells what changes, is not lost.
func TestEventsAreSignsOfLife(t *testing.T) {
	probed(t, time.Minute, func(g *probedGarden) {
		g.source.failing(func(_ graph.Kind, probe bool) error {
			if probe {
				return apierrors.NewServiceUnavailable("probes are not served")
			}
			return nil
		})
		seed := &gardencorev1beta1.Seed{ObjectMeta: named("", "s")}
		g.source.add(seed.DeepCopy())
		for range 600 {
			time.Sleep(time.Second)
			g.source.modify(seed.DeepCopy())
		}
		for _, c := range g.contacts {
			message, err := c.lost()
			require.Equal(t, c.groupVersion == graph.KindSeed.Resource().GroupVersion(), err == nil, message)
		}
	})
}

// TestNeverInContact: who was never in contact is told for how long, from the first probe on.
func TestNeverInContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newProbedSource(t)
		source.failing(func(graph.Kind, bool) error { return apierrors.NewServiceUnavailable("away") })
		g := New(Options{Source: source, Graph: graph.New(graph.Options{})})
		keepRunning(t.Context(), t, g)
		time.Sleep(time.Minute)
		require.Contains(t, g.LostContact(), "no contact with core.gardener.cloud/v1beta1 for 1m0s")
		require.Contains(t, g.NotReady(),
			"shoots.core.gardener.cloud not synced: no contact with core.gardener.cloud/v1beta1 for 1m0s: away")
	})
}

// TestStale: with a bound, what is known is too old once nothing was heard for that long, and no sooner.
func TestStale(t *testing.T) {
	const bound = 30 * time.Second
	probed(t, bound, func(g *probedGarden) {
		g.source.hang()
		stale := g.after(func() bool { return len(g.Stale()) == len(table) })
		require.Greater(t, stale, bound-probeInterval-time.Second/2)
		require.LessOrEqual(t, stale, bound+10*time.Millisecond)
		time.Sleep(10 * time.Minute)
		require.Len(t, g.Stale(), len(table))
		g.source.goOn()
		require.LessOrEqual(t, g.after(func() bool { return len(g.Stale()) == 0 }), 2*time.Second)
	})
}
