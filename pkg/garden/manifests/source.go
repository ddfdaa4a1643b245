package manifests

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

const (
	// settleTime is how long a file must have been left alone before a change of it is read: editors truncate and then write,
	// and half a file may well parse.
	settleTime = 50 * time.Millisecond
	// rescanInterval is how often the folder is looked through without a notification.
	rescanInterval = 10 * time.Second
)

// Source is the garden.Source on a folder of manifests. It is safe for concurrent use.
type Source struct {
	dir    string
	stores map[graph.Kind]*store
	rescan time.Duration

	// What the last scan saw. Only scans touch it: that of New, then those of Run, one after the other.
	files   map[string]*file
	skipped string // objects of kinds that are not watched, counted by kind

	// What was logged last, by Run alone.
	logged        []string
	loggedSkipped string

	mu       sync.Mutex
	problems []string // replaced, never changed
}

// New reads the folder once. It fails when dir is not a folder that can be read; whatever is wrong with the files in it is a
// problem (Problems). Until Run, the source stays as it is and nothing is logged.
func New(dir string) (*Source, error) {
	absolute, err := filepath.Abs(dir) // it must not depend on the working directory later on
	if err != nil {
		return nil, fmt.Errorf("landscape %s: %w", dir, err)
	}
	s := &Source{dir: absolute, stores: map[graph.Kind]*store{}, rescan: rescanInterval, files: map[string]*file{}}
	for _, r := range garden.Resources() {
		s.stores[r.Kind] = newStore(r)
	}
	if _, err := s.scan(nil); err != nil {
		return nil, fmt.Errorf("landscape %s cannot be read: %w", dir, err)
	}
	return s, nil
}

// Run follows changes of the folder until ctx ends, and returns when everything that it started has stopped. It fails only
// when it cannot begin. It may be called once.
func (s *Source) Run(ctx context.Context) error {
	logger := klog.FromContext(ctx).WithName("manifests")
	var events <-chan fsnotify.Event
	var failures <-chan error
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		logger.Error(err, "No notifications of changes, so they are found by rescans only", "interval", s.rescan)
	} else {
		defer func() { _ = watcher.Close() }() // nothing is lost
		events, failures = watcher.Events, watcher.Errors
	}

	slow := time.NewTicker(s.rescan)
	defer slow.Stop()
	soon := time.NewTimer(0) // there may have been changes since New, and the folders are not watched yet
	defer soon.Stop()
	pending := true
	for {
		again := false
		select {
		case <-ctx.Done():
			return nil
		case <-events:
			again = true
		case err := <-failures:
			logger.Error(err, "Notifications of changes were lost, so the folder is looked through")
			again = true
		case <-slow.C:
			again = s.follow(logger, watcher)
		case <-soon.C:
			pending = false
			again = s.follow(logger, watcher)
		}
		if again && !pending {
			soon.Reset(settleTime)
			pending = true
		}
	}
}

// follow scans, and keeps everything as it was when the folder itself cannot be read.
func (s *Source) follow(logger klog.Logger, watcher *fsnotify.Watcher) (again bool) {
	again, err := s.scan(watcher)
	if err != nil {
		s.setProblems([]string{fmt.Sprintf("the landscape cannot be read, so it stays as it last was: %v", err)})
	}
	s.log(logger)
	return again
}

// log logs what is new.
func (s *Source) log(logger klog.Logger) {
	if s.skipped != s.loggedSkipped {
		logger.Info("Skipped objects of kinds that are not watched", "folder", s.dir, "objects", s.skipped)
	}
	problems := s.Problems()
	for _, problem := range problems {
		if !slices.Contains(s.logged, problem) {
			logger.Error(errors.New(problem), "Problem with the landscape", "folder", s.dir)
		}
	}
	if len(problems) == 0 && len(s.logged) > 0 {
		logger.Info("The landscape has no problems any more", "folder", s.dir)
	}
	s.logged, s.loggedSkipped = problems, s.skipped
}

// Problems returns what is wrong with the folder at present, each with the file's path below the folder and the place in it;
// empty when nothing is.
func (s *Source) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problems
}

// maxProblems bounds what is reported of one scan: a folder that holds everything twice should not fill the log.
const maxProblems = 100

func (s *Source) setProblems(problems []string) {
	if n := len(problems); n > maxProblems {
		problems = append(problems[:maxProblems:maxProblems], fmt.Sprintf("and %d more problems", n-maxProblems))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = problems
}

// ListerWatcher implements garden.Source.
func (s *Source) ListerWatcher(r garden.Resource) cache.ListerWatcher {
	return lister{s.stores[r.Kind]}
}

// Live implements garden.Source. There is nothing behind the files that could be asked.
func (s *Source) Live(context.Context, garden.Resource, string, string) (runtime.Object, error) {
	return nil, garden.ErrNotAvailable
}

// Exists implements garden.Source, like Live.
func (s *Source) Exists(context.Context, schema.GroupVersionResource, string, string) (bool, error) {
	return false, garden.ErrNotAvailable
}

var _ garden.Source = &Source{}
