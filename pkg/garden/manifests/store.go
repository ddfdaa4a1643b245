package manifests

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

const (
	// historySize is how many changes of a resource a watch may lag behind. One that lags further lists again, which here
	// costs no more than the changes would.
	historySize = 1000
	// bookmarkInterval is how often a watch is told that there is nothing new, as API servers do.
	bookmarkInterval = time.Minute
)

// stored is an object as of the version in which it last changed.
type stored struct {
	*manifest
	version int64
}

// change is a step in a resource's history. The object of a deletion is the last one, as of the deletion.
type change struct {
	event watch.EventType
	stored
}

// store holds the objects of one resource. Scans write; any number of lists and watches read, and none of them makes
// another wait for more than a copy of some pointers. It is safe for concurrent use.
type store struct {
	resource garden.Resource

	mu      sync.Mutex
	objects map[graph.Vertex]stored
	// version is that of the last change. Invariant: versions only grow, and no two changes have the same.
	version int64
	// history holds the last changes, oldest first. Invariant: it is complete after the version forgotten.
	history   []change
	forgotten int64
	// changed is closed, and replaced, with the next change.
	changed chan struct{}
}

func newStore(r garden.Resource) *store {
	// To clients, version 0 means any version.
	return &store{resource: r, objects: map[graph.Vertex]stored{}, version: 1, forgotten: 1, changed: make(chan struct{})}
}

// replace makes the store hold the objects, and their difference from what it held its latest history.
func (s *store) replace(objects map[graph.Vertex]*manifest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var changes []change
	for v, m := range objects {
		switch old, ok := s.objects[v]; {
		case !ok:
			changes = append(changes, change{watch.Added, stored{manifest: m}})
		case !old.equal(m):
			changes = append(changes, change{watch.Modified, stored{manifest: m}})
		}
	}
	for v, old := range s.objects {
		if objects[v] == nil {
			changes = append(changes, change{watch.Deleted, old})
		}
	}
	if len(changes) == 0 {
		return
	}
	slices.SortFunc(changes, func(a, b change) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	for i := range changes {
		s.version++
		changes[i].version = s.version
		if c := changes[i]; c.event == watch.Deleted {
			delete(s.objects, c.Vertex)
		} else {
			s.objects[c.Vertex] = c.stored
		}
	}
	s.history = append(s.history, changes...)
	if excess := len(s.history) - historySize; excess > 0 {
		s.forgotten = s.history[excess-1].version
		s.history = slices.Clone(s.history[excess:])
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// snapshot returns all objects, in the order of their names, and the version as of which they are.
func (s *store) snapshot() ([]stored, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	objects := make([]stored, 0, len(s.objects))
	for _, o := range s.objects {
		objects = append(objects, o)
	}
	slices.SortFunc(objects, func(a, b stored) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return objects, s.version
}

// since returns the changes after a version, false when history does not tell; and a channel that is closed when there are
// more.
func (s *store) since(version int64) (changes []change, more <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if version < s.forgotten || version > s.version {
		return nil, nil, false
	}
	first, _ := slices.BinarySearchFunc(s.history, version+1, func(c change, version int64) int { return cmp.Compare(c.version, version) })
	return slices.Clone(s.history[first:]), s.changed, true
}

// lister is what informers see of a store. It streams initial lists when asked to (WatchList), so that they need not hold
// all objects whole at once.
type lister struct{ store *store }

var (
	_ cache.ListerWatcher            = lister{}
	_ cache.ListerWatcherWithContext = lister{}
)

// List implements cache.ListerWatcher.
func (l lister) List(options metav1.ListOptions) (runtime.Object, error) {
	return l.ListWithContext(context.Background(), options)
}

// Watch implements cache.ListerWatcher. The caller must stop the watch.
func (l lister) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return l.WatchWithContext(context.Background(), options)
}

// ListWithContext returns all objects as they are now, whatever the limit or version asked for, which API servers may do.
func (l lister) ListWithContext(_ context.Context, options metav1.ListOptions) (runtime.Object, error) {
	if err := checkOptions(options); err != nil {
		return nil, err
	}
	objects, version := l.store.snapshot()
	items := make([]runtime.Object, len(objects))
	for i, o := range objects {
		var err error
		if items[i], err = o.object(o.version); err != nil {
			return nil, apierrors.NewInternalError(fmt.Errorf("%s: %w", describe(o.Vertex), err))
		}
	}
	list := l.store.resource.NewList()
	if err := meta.SetList(list, items); err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	accessor, err := meta.ListAccessor(list)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	accessor.SetResourceVersion(formatVersion(version))
	return list, nil
}

// WatchWithContext watches until ctx ends, the options' timeout is over, or the watch is stopped.
func (l lister) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	if err := checkOptions(options); err != nil {
		return nil, err
	}
	from, err := parseVersion(options.ResourceVersion)
	if err != nil {
		return nil, err
	}
	w := &watcher{store: l.store, events: make(chan watch.Event), bookmarks: options.AllowWatchBookmarks}
	if seconds := ptr.Deref(options.TimeoutSeconds, 0); seconds > 0 {
		ctx, w.stop = context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	} else {
		ctx, w.stop = context.WithCancel(ctx)
	}
	// From no version in particular, a watch begins with what there is, but for those who say that they do not want it.
	var initial []stored
	current, version := l.store.snapshot()
	if ptr.Deref(options.SendInitialEvents, from == 0) {
		initial, from = current, version
	} else if from == 0 {
		from = version
	}
	go w.run(ctx, initial, from, ptr.Deref(options.SendInitialEvents, false))
	return w, nil
}

// watcher is a watch of a store. It has no queue: it reads the store's history at the pace of whoever reads from it.
type watcher struct {
	store     *store
	stop      context.CancelFunc
	events    chan watch.Event
	bookmarks bool
}

// Stop implements watch.Interface.
func (w *watcher) Stop() { w.stop() }

// ResultChan implements watch.Interface.
func (w *watcher) ResultChan() <-chan watch.Event { return w.events }

// run sends the initial objects, then all changes after the version.
func (w *watcher) run(ctx context.Context, initial []stored, version int64, markInitial bool) {
	defer close(w.events)
	defer w.stop()
	for _, o := range initial {
		if !w.send(ctx, change{watch.Added, o}) {
			return
		}
	}
	if markInitial && !w.bookmark(ctx, version, true) {
		return
	}
	ticker := time.NewTicker(bookmarkInterval)
	defer ticker.Stop()
	for {
		changes, more, ok := w.store.since(version)
		if !ok {
			w.fail(ctx, apierrors.NewResourceExpired(fmt.Sprintf("too old or unknown resource version: %d", version)))
			return
		}
		for _, c := range changes {
			if !w.send(ctx, c) {
				return
			}
			version = c.version
		}
		select {
		case <-ctx.Done():
			return
		case <-more:
		case <-ticker.C:
			if w.bookmarks && !w.bookmark(ctx, version, false) {
				return
			}
		}
	}
}

// send returns false when the watch is over.
func (w *watcher) send(ctx context.Context, c change) bool {
	o, err := c.object(c.version)
	if err != nil {
		w.fail(ctx, apierrors.NewInternalError(fmt.Errorf("%s: %w", describe(c.Vertex), err)))
		return false
	}
	return w.put(ctx, watch.Event{Type: c.event, Object: o})
}

// bookmark says that everything up to the version has been sent, and if so that these were the initial objects.
func (w *watcher) bookmark(ctx context.Context, version int64, initial bool) bool {
	o := w.store.resource.New()
	accessor, err := meta.Accessor(o)
	if err != nil {
		w.fail(ctx, apierrors.NewInternalError(err))
		return false
	}
	accessor.SetResourceVersion(formatVersion(version))
	if initial {
		accessor.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	}
	return w.put(ctx, watch.Event{Type: watch.Bookmark, Object: o})
}

func (w *watcher) fail(ctx context.Context, err *apierrors.StatusError) {
	w.put(ctx, watch.Event{Type: watch.Error, Object: &err.ErrStatus})
}

func (w *watcher) put(ctx context.Context, event watch.Event) bool {
	select {
	case w.events <- event:
		return true
	case <-ctx.Done():
		return false
	}
}

// checkOptions refuses what would have to be answered with fewer objects.
func checkOptions(options metav1.ListOptions) error {
	if options.LabelSelector != "" || options.FieldSelector != "" {
		return apierrors.NewBadRequest("a folder of manifests has no selectors")
	}
	return nil
}

func formatVersion(version int64) string { return strconv.FormatInt(version, 10) }

// parseVersion returns 0 for any version.
func parseVersion(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	version, err := strconv.ParseInt(text, 10, 64)
	if err != nil || version < 0 {
		return 0, apierrors.NewBadRequest(fmt.Sprintf("%q is not a resource version", text))
	}
	return version, nil
}
