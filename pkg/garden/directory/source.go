package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

const (
	// settleTime is how long there must be no notification before changes are read. Editors truncate and then write, and
	// half a file may well parse.
	settleTime = 50 * time.Millisecond
	// rescanInterval is how often the directory is read without a notification, and how long changes are read after the
	// first of them at most.
	rescanInterval = 10 * time.Second
	// maxProblems bounds what is reported of one scan. A directory that holds everything twice should not fill the log.
	maxProblems = 100
)

// Source is the garden.Source on a directory of manifests. It is safe for concurrent use.
type Source struct {
	dir            string
	settle, rescan time.Duration

	// What the last scan saw. Only scans touch it: that of New, then those of Run, one after the other.
	files   []*file
	skipped map[string]int // objects of kinds that are not watched

	// What was logged last, by Run alone.
	logged        []string
	loggedSkipped map[string]int

	mu       sync.Mutex
	objects  map[graph.Kind]objects // replaced, never changed
	changed  chan struct{}          // closed when objects is replaced
	problems []string               // replaced, never changed
}

// objects are those of one kind. Invariant: an object that has changed has another resource version.
type objects map[graph.Vertex]*garden.Object

// New reads the directory once. It fails when dir is not a directory that can be read. Whatever is wrong with the files
// in it is a problem (Problems). Until Run, the source stays as it is and nothing is logged.
func New(dir string) (*Source, error) {
	absolute, err := filepath.Abs(dir) // the working directory may change later on
	if err != nil {
		return nil, fmt.Errorf("landscape %s: %w", dir, err)
	}
	s := &Source{dir: absolute, settle: settleTime, rescan: rescanInterval, changed: make(chan struct{})}
	if err := s.scan(nil); err != nil {
		return nil, fmt.Errorf("landscape %s cannot be read: %w", dir, err)
	}
	return s, nil
}

// Fixed returns a source of these objects, no two of them the same, as if a directory held them that never changes.
func Fixed(list []*garden.Object) *Source {
	s := &Source{changed: make(chan struct{})}
	all := map[graph.Kind]objects{}
	for _, o := range list {
		if all[o.Kind] == nil {
			all[o.Kind] = objects{}
		}
		all[o.Kind][o.Vertex] = o
	}
	s.publish(all, nil)
	return s
}

// Run follows changes of the directory until ctx ends, and returns when everything that it started has stopped. It may
// be called once.
func (s *Source) Run(ctx context.Context) error {
	logger := klog.FromContext(ctx).WithName("directory").WithValues("directory", s.dir)
	var events <-chan fsnotify.Event
	var failures <-chan error
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		logger.Error(err, "No notifications of changes, so only rescans find them", "interval", s.rescan)
	} else {
		defer func() { _ = watcher.Close() }() // nothing is lost
		events, failures = watcher.Events, watcher.Errors
	}

	next := time.Now() // there may have been changes since New, and no directory is watched yet
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			s.follow(logger, watcher)
			next = time.Now().Add(s.rescan)
			timer.Reset(s.rescan)
			continue
		case <-events:
		case err := <-failures:
			logger.Error(err, "Notifications of changes were lost, so the directory is looked through")
		}
		timer.Reset(min(s.settle, time.Until(next)))
	}
}

// follow scans, and logs what is new. When the directory itself cannot be read, everything stays as it was.
func (s *Source) follow(logger klog.Logger, watcher *fsnotify.Watcher) {
	if err := s.scan(watcher); err != nil {
		s.publish(s.objects, []string{fmt.Sprintf("the landscape cannot be read, so it stays as it last was: %v", err)})
	}
	before := s.logged
	s.logged = s.Problems()
	for _, problem := range s.logged {
		if !slices.Contains(before, problem) {
			logger.Error(errors.New(problem), "Problem with the landscape")
		}
	}
	if len(s.logged) == 0 && len(before) > 0 {
		logger.Info("The landscape has no problems any more")
	}
	if !maps.Equal(s.skipped, s.loggedSkipped) {
		logger.Info("Skipped objects of kinds that are not watched", "objects", s.skipped)
		s.loggedSkipped = s.skipped
	}
}

// publish makes all kinds' objects, and what is wrong, visible at once.
func (s *Source) publish(objects map[graph.Kind]objects, problems []string) {
	if n := len(problems); n > maxProblems {
		problems = append(problems[:maxProblems:maxProblems], fmt.Sprintf("and %d more problems", n-maxProblems))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems, s.objects = problems, objects
	close(s.changed)
	s.changed = make(chan struct{})
}

// now returns the objects of a kind, and a channel that is closed when there may be others.
func (s *Source) now(kind graph.Kind) (objects, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[kind], s.changed
}

// Problems returns what is wrong with the directory at present, each with the file's path below the directory and the
// place in it. It is empty when nothing is wrong.
func (s *Source) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problems
}

// ListerWatcher implements garden.Source. What it returns serves one informer.
func (s *Source) ListerWatcher(kind graph.Kind) cache.ListerWatcher {
	l := &lister{source: s, kind: kind}
	return cache.ToListWatcherWithWatchListSemantics(
		&cache.ListWatch{ListWithContextFunc: l.list, WatchFuncWithContext: l.watch}, l)
}

// Live implements garden.Source. There is nothing behind the files that could be asked.
func (s *Source) Live(context.Context, graph.Kind, string, string) (runtime.Object, error) {
	return nil, garden.ErrNotAvailable
}

// Exists implements garden.Source, like Live.
func (s *Source) Exists(context.Context, schema.GroupVersionResource, string, string) error {
	return garden.ErrNotAvailable
}

var _ garden.Source = &Source{}

// lister is what an informer sees of the source.
type lister struct {
	source *Source
	kind   graph.Kind
	// listed is what the informer has listed and not yet begun to watch from, or nil.
	listed atomic.Pointer[objects]
}

// IsWatchListSemanticsUnSupported tells client-go not to ask for a list as a watch.
func (l *lister) IsWatchListSemanticsUnSupported() bool { return true }

func (l *lister) list(context.Context, metav1.ListOptions) (runtime.Object, error) {
	now, _ := l.source.now(l.kind)
	l.listed.Store(&now)
	// A watch begins with what was listed last, so all lists can have one resource version.
	list := &metav1.List{ListMeta: metav1.ListMeta{ResourceVersion: "1"}}
	for _, o := range now {
		list.Items = append(list.Items, runtime.RawExtension{Object: o})
	}
	return list, nil
}

// watch sends how what there is differs from what the informer has listed, now and after each change, until the watch
// is stopped. An informer stops its watch when it ends itself; a watch that ended before that would be logged as
// broken.
func (l *lister) watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	listed := l.listed.Swap(nil)
	if listed == nil {
		return nil, apierrors.NewResourceExpired("a watch needs a list of its own")
	}
	events := make(chan watch.Event)
	w := watch.NewProxyWatcher(events)
	go func() {
		defer close(events)
		for told := *listed; ; {
			now, changed := l.source.now(l.kind)
			for _, event := range difference(told, now) {
				select {
				case events <- event:
				case <-w.StopChan():
					return
				}
			}
			told = now
			select {
			case <-changed:
			case <-w.StopChan():
				return
			}
		}
	}()
	return w, nil
}

// difference returns the events that lead from the old objects to the new ones.
func difference(old, now objects) []watch.Event {
	var events []watch.Event
	for v, o := range now {
		if was := old[v]; was == nil {
			events = append(events, watch.Event{Type: watch.Added, Object: o})
		} else if was.ResourceVersion != o.ResourceVersion {
			events = append(events, watch.Event{Type: watch.Modified, Object: o})
		}
	}
	for v, o := range old {
		if now[v] == nil {
			events = append(events, watch.Event{Type: watch.Deleted, Object: o})
		}
	}
	return events
}
