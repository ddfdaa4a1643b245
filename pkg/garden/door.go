package garden

import (
	"context"
	"sync"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// door is where the objects of a kind come in from the source. Each is reduced to what is kept of it before an informer
// sees it. The door also knows how the source is doing, so that a stale watch is seen before its consequences are.
type door struct {
	source  cache.ListerWatcherWithContext
	keep    func(runtime.Object) (*Object, error)
	clock   clock.PassiveClock
	contact *contact
	// resource names the kind in the log.
	resource string

	// last is when the source last answered a list or sent an event, bookmarks included, in milliseconds since the epoch.
	last atomic.Int64
	// failures counts lists and watches that failed.
	failures atomic.Int64
	// era is that of the open watch, of which an informer has one at a time. Without a watch, current is up to when the
	// last one told what changed, in milliseconds since the epoch; 0: there was none.
	era     atomic.Pointer[era]
	current atomic.Int64
	// err is why the last list or watch failed, nil once another has succeeded.
	err atomic.Pointer[error]
}

// listerWatcher returns what an informer lists and watches. inner is the source's.
func (d *door) listerWatcher(inner cache.ListerWatcher) cache.ListerWatcher {
	d.source = cache.ToListerWatcherWithContext(inner)
	lw := &cache.ListWatch{ListWithContextFunc: d.list, WatchFuncWithContext: d.watch}
	return cache.ToListWatcherWithWatchListSemantics(lw, inner)
}

// seen notes a sign of life.
func (d *door) seen(e *era) {
	now := d.clock.Now().UnixMilli()
	d.last.Store(now)
	e.last.Store(now)
	d.works()
}

// works notes that the kind can be listed or watched.
func (d *door) works() {
	if d.err.Load() != nil && d.err.Swap(nil) != nil {
		d.contact.log.Info("Watching again", "resource", d.resource)
	}
}

// failed notes an error of a list or watch, and logs the first of several in a row.
func (d *door) failed(err error) {
	d.failures.Add(1)
	if d.err.Swap(&err) == nil {
		d.contact.log.Error(err, "Cannot watch, and tries again", "resource", d.resource)
	}
}

// currentUntil returns up to when all changes of the kind are known, in milliseconds since the epoch; 0: never.
func (d *door) currentUntil() int64 {
	if e := d.era.Load(); e != nil {
		return e.last.Load()
	}
	return d.current.Load()
}

// pageSize is how many objects a page has. Some have 100 kB.
const pageSize = 500

// list lists in pages: a list of whole objects would take gigabytes for a moment. Informers list from API servers that
// do not stream lists, and by themselves ask for all at once. What is listed is what is there now, which is never older
// than what is asked for: API servers have pages of nothing else.
func (d *door) list(ctx context.Context, options metav1.ListOptions) (kept runtime.Object, err error) {
	err = d.contact.hold(ctx, func(e *era) (err error) { //nolint:contextcheck // the era ends with ctx
		kept, err = d.listDuring(e, options)
		return err
	})
	return kept, err
}

func (d *door) listDuring(e *era, options metav1.ListOptions) (runtime.Object, error) {
	options.ResourceVersion, options.ResourceVersionMatch = "", ""
	options.Limit = pageSize
	kept := &metav1.List{}
	for {
		page, err := d.source.ListWithContext(e, options)
		if err != nil {
			return nil, err
		}
		d.seen(e)
		err = meta.EachListItem(page, func(o runtime.Object) error {
			object, err := d.keep(o)
			kept.Items = append(kept.Items, runtime.RawExtension{Object: object})
			return err
		})
		if err != nil {
			return nil, err
		}
		list, err := meta.ListAccessor(page)
		if err != nil {
			return nil, err
		}
		kept.ResourceVersion = list.GetResourceVersion()
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return kept, nil
		}
	}
}

func (d *door) watch(ctx context.Context, options metav1.ListOptions) (opened apiwatch.Interface, err error) {
	err = d.contact.hold(ctx, func(e *era) error { //nolint:contextcheck // the era ends with ctx
		w, err := d.source.WatchWithContext(e, options)
		if err != nil {
			return err
		}
		d.works()
		d.era.Store(e)
		events := func(event apiwatch.Event) (apiwatch.Event, bool) { return d.event(e, event) }
		opened = openWatch{filtered(w, events), sync.OnceFunc(func() {
			d.current.Store(e.last.Load())
			d.era.Store(nil)
		})}
		return nil
	})
	return opened, err
}

func (d *door) event(e *era, event apiwatch.Event) (apiwatch.Event, bool) {
	if event.Type == apiwatch.Error {
		// When the connection breaks or the era ends, the watch ends, as it does when the API server ends it. An informer
		// that gets an error forgets where it was, and lists.
		return event, !apierrors.HasStatusCause(apierrors.FromObject(event.Object), streamBroken)
	}
	d.seen(e)
	if event.Type != apiwatch.Bookmark {
		object, err := d.keep(event.Object)
		if err != nil {
			status := apierrors.NewInternalError(err).Status()
			return apiwatch.Event{Type: apiwatch.Error, Object: &status}, true
		}
		event.Object = object
	}
	return event, true
}

// streamBroken is the cause that client-go gives to the error with which a watch ends that cannot be read any further.
const streamBroken metav1.CauseType = "ClientWatchDecoding"

// filtered passes the events of a watch through f. Other than apimachinery's Filter it lets go of an event that nobody
// takes any more.
func filtered(w apiwatch.Interface, f apiwatch.FilterFunc) apiwatch.Interface {
	events := make(chan apiwatch.Event)
	passed := apiwatch.NewProxyWatcher(events)
	go func() {
		defer close(events)
		defer w.Stop()
		for {
			select {
			case <-passed.StopChan():
				return
			case event, open := <-w.ResultChan():
				if !open {
					return
				}
				event, keep := f(event)
				if !keep {
					continue
				}
				select {
				case <-passed.StopChan():
					return
				case events <- event:
				}
			}
		}
	}()
	return passed
}

// openWatch is a watch that tells when it is stopped. Informers stop every watch that they are done with, also one that
// the server has ended.
type openWatch struct {
	apiwatch.Interface
	closed func()
}

// Stop implements watch.Interface.
func (w openWatch) Stop() {
	w.closed()
	w.Interface.Stop()
}
