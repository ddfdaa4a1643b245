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
	source cache.ListerWatcherWithContext
	keep   func(runtime.Object) (*Object, error)
	clock  clock.PassiveClock

	// last is when the source last answered a list or sent an event, bookmarks included, in milliseconds since the epoch.
	last atomic.Int64
	// open is the number of open watches: 1 but for moments.
	open, failures atomic.Int64
	// err is why the last list or watch failed, nil once another has succeeded.
	err atomic.Pointer[error]
}

// listerWatcher returns what an informer lists and watches. inner is the source's.
func (d *door) listerWatcher(inner cache.ListerWatcher) cache.ListerWatcher {
	d.source = cache.ToListerWatcherWithContext(inner)
	lw := &cache.ListWatch{ListWithContextFunc: d.list, WatchFuncWithContext: d.watch}
	return cache.ToListWatcherWithWatchListSemantics(lw, inner)
}

func (d *door) seen() {
	d.last.Store(d.clock.Now().UnixMilli())
	d.err.Store(nil)
}

func (d *door) failed(err error) {
	d.failures.Add(1)
	d.err.Store(&err)
}

// pageSize is how many objects a page has. Some have 100 kB.
const pageSize = 500

// list lists in pages: a list of whole objects would take gigabytes for a moment. Informers list from API servers that
// do not stream lists, and by themselves ask for all at once. What is listed is what is there now, which is never older
// than what is asked for: API servers have pages of nothing else.
func (d *door) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	options.ResourceVersion, options.ResourceVersionMatch = "", ""
	options.Limit = pageSize
	kept := &metav1.List{}
	for {
		page, err := d.source.ListWithContext(ctx, options)
		if err != nil {
			return nil, err
		}
		d.seen()
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

func (d *door) watch(ctx context.Context, options metav1.ListOptions) (apiwatch.Interface, error) {
	w, err := d.source.WatchWithContext(ctx, options)
	if err != nil {
		return nil, err
	}
	d.open.Add(1)
	return openWatch{apiwatch.Filter(w, d.event), sync.OnceFunc(func() { d.open.Add(-1) })}, nil
}

func (d *door) event(event apiwatch.Event) (apiwatch.Event, bool) {
	if event.Type == apiwatch.Error {
		return event, true
	}
	d.seen()
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
