package garden

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// activity tells how a kind's list and watch are doing, so that a watch that has gone stale is seen before its consequences
// are. It is safe for concurrent use.
type activity struct {
	clock clock.PassiveClock

	mu sync.Mutex
	// last is when the source last answered a list or sent an event, bookmarks included.
	last time.Time
	// open is the number of open watches: 1 but for moments.
	open     int
	failures int
	err      error
}

func newActivity(c clock.PassiveClock) *activity { return &activity{clock: c} }

// state is what activity has seen.
type state struct {
	last     time.Time
	open     int
	failures int
}

func (a *activity) state() state {
	a.mu.Lock()
	defer a.mu.Unlock()
	return state{a.last, a.open, a.failures}
}

// lastError is why the last list or watch failed, nil once another has succeeded.
func (a *activity) lastError() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

func (a *activity) failed(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failures++
	a.err = err
}

func (a *activity) seen() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = a.clock.Now()
	a.err = nil
}

func (a *activity) watching(change int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open += change
}

// observe returns lw with its activity watched.
func (a *activity) observe(lw cache.ListerWatcher) observed {
	return observed{ListerWatcherWithContext: cache.ToListerWatcherWithContext(lw), inner: lw, activity: a}
}

type observed struct {
	cache.ListerWatcherWithContext
	inner    cache.ListerWatcher
	activity *activity
}

// List implements cache.ListerWatcher, which informers still ask for but prefer ListWithContext to.
func (o observed) List(options metav1.ListOptions) (runtime.Object, error) {
	return o.ListWithContext(context.Background(), options)
}

// Watch implements cache.ListerWatcher like List.
func (o observed) Watch(options metav1.ListOptions) (apiwatch.Interface, error) {
	return o.WatchWithContext(context.Background(), options)
}

// IsWatchListSemanticsUnSupported passes on what the source says of itself, under the name that client-go looks for.
func (o observed) IsWatchListSemanticsUnSupported() bool {
	inner, ok := o.inner.(interface{ IsWatchListSemanticsUnSupported() bool })
	return ok && inner.IsWatchListSemanticsUnSupported()
}

// ListWithContext implements cache.ListerWithContext.
func (o observed) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	list, err := o.ListerWatcherWithContext.ListWithContext(ctx, options)
	if err == nil {
		o.activity.seen()
	}
	return list, err
}

// WatchWithContext implements cache.WatcherWithContext.
func (o observed) WatchWithContext(ctx context.Context, options metav1.ListOptions) (apiwatch.Interface, error) {
	w, err := o.ListerWatcherWithContext.WatchWithContext(ctx, options)
	if err != nil {
		return nil, err
	}
	o.activity.watching(1)
	var once sync.Once
	return closing{
		Interface: apiwatch.Filter(w, func(event apiwatch.Event) (apiwatch.Event, bool) {
			if event.Type != apiwatch.Error {
				o.activity.seen()
			}
			return event, true
		}),
		closed: func() { once.Do(func() { o.activity.watching(-1) }) },
	}, nil
}

// closing is a watch that tells when it is stopped. Reflectors stop every watch that they are done with, also one that the
// server has ended.
type closing struct {
	apiwatch.Interface
	closed func()
}

// Stop implements watch.Interface.
func (c closing) Stop() {
	c.closed()
	c.Interface.Stop()
}
