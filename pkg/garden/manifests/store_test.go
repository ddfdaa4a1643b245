package manifests

import (
	"context"
	"fmt"

	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/graph"
)

var klogDiscard klog.Logger

// watching starts a watch that ends with the test.
func watching(t *testing.T, s *Source, options metav1.ListOptions) watch.Interface {
	t.Helper()
	w, err := lister{s.stores[kindSeed]}.WatchWithContext(context.Background(), options)
	require.NoError(t, err)
	t.Cleanup(func() {
		w.Stop()
		for range w.ResultChan() { // closed when the watch has ended
		}
	})
	return w
}

// next returns the next event as "ADDED name version".
func next(t *testing.T, w watch.Interface) string {
	t.Helper()
	select {
	case event, ok := <-w.ResultChan():
		if !ok {
			return "closed"
		}
		if event.Type == watch.Error {
			return fmt.Sprintln("ERROR", event.Object.(*metav1.Status).Reason)
		}
		accessor, err := meta.Accessor(event.Object)
		require.NoError(t, err)
		text := fmt.Sprintf("%s %s %s", event.Type, accessor.GetName(), accessor.GetResourceVersion())
		if accessor.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true" {
			text += " initial"
		}
		return text
	case <-time.After(20 * time.Second):
		return "nothing"
	}
}

func labelled(name, label string) string {
	return fmt.Sprintf("apiVersion: core.gardener.cloud/v1beta1\nkind: Seed\nmetadata: {name: %s, labels: {l: %s}}\n", name, label)
}

func TestListAndWatch(t *testing.T) {
	f := newFolder(t, "a.yaml", labelled("a", "one"), "b.yaml", labelled("b", "one"))
	s := f.open()
	list, err := lister{s.stores[kindSeed]}.ListWithContext(context.Background(), metav1.ListOptions{Limit: 1, ResourceVersion: "0"})
	require.NoError(t, err)
	accessor, err := meta.ListAccessor(list)
	require.NoError(t, err)
	require.Equal(t, "3", accessor.GetResourceVersion())
	require.Equal(t, 2, meta.LenList(list), "a limit need not be kept")

	first := watching(t, s, metav1.ListOptions{ResourceVersion: "3"})
	f.rescan(s) // nothing new
	f.write("a.yaml", labelled("a", "other"))
	f.write("c.yaml", labelled("c", "one"))
	f.remove("b.yaml")
	f.rescan(s)
	require.Equal(t, "MODIFIED a 4", next(t, first))
	require.Equal(t, "DELETED b 5", next(t, first), "as of the deletion")
	require.Equal(t, "ADDED c 6", next(t, first))

	require.Equal(t, "ADDED c 6", next(t, watching(t, s, metav1.ListOptions{ResourceVersion: "5"})), "from between two changes of a scan")
	w := watching(t, s, metav1.ListOptions{})
	require.Equal(t, "ADDED a 4", next(t, w), "from no version: all that there is")
	require.Equal(t, "ADDED c 6", next(t, w))
	f.remove("c.yaml")
	f.rescan(s)
	require.Equal(t, "DELETED c 7", next(t, w))
	require.Equal(t, "DELETED c 7", next(t, first), "each change once")
}

// TestWatchList: the initial objects are streamed, and a bookmark says that these were all.
func TestWatchList(t *testing.T) {
	f := newFolder(t, "a.yaml", seed("a"), "b.yaml", seed("b"))
	s := f.open()
	w := watching(t, s, metav1.ListOptions{SendInitialEvents: ptr.To(true), AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan})
	require.Equal(t, "ADDED a 2", next(t, w))
	require.Equal(t, "ADDED b 3", next(t, w))
	require.Equal(t, "BOOKMARK  3 initial", next(t, w))
	w = watching(t, s, metav1.ListOptions{SendInitialEvents: ptr.To(false)})
	f.remove("a.yaml")
	f.rescan(s)
	require.Equal(t, "DELETED a 4", next(t, w))
}

func TestWatchEnds(t *testing.T) {
	s := newFolder(t, "a.yaml", seed("a")).open()
	require.Equal(t, "closed", next(t, watching(t, s, metav1.ListOptions{ResourceVersion: "2", TimeoutSeconds: ptr.To(int64(1))})))
	w := watching(t, s, metav1.ListOptions{}) // blocked on a reader that does not read
	w.Stop()
	w.Stop()
	ctx, cancel := context.WithCancel(context.Background())
	byContext, err := lister{s.stores[kindSeed]}.WatchWithContext(ctx, metav1.ListOptions{ResourceVersion: "2"})
	require.NoError(t, err)
	cancel()
	require.Equal(t, "closed", next(t, byContext))
}

// TestHistoryIsBounded: who lags too far behind is told to list again.
func TestHistoryIsBounded(t *testing.T) {
	f := newFolder(t, "a.yaml", seed("a"))
	s := f.open()
	slow := watching(t, s, metav1.ListOptions{ResourceVersion: "2"})
	for i := range historySize + 1 {
		store := s.stores[kindSeed]
		p, err := parse([]byte(labelled("a", fmt.Sprint("v", i))))
		require.NoError(t, err)
		store.replace(map[graph.Vertex]*manifest{p.manifests[0].Vertex: p.manifests[0]})
	}
	store := s.stores[kindSeed]
	require.Len(t, store.history, historySize)
	require.EqualValues(t, historySize+3, store.version)
	for _, version := range []string{"1", "2", "999999"} {
		require.Equal(t, "ERROR Expired\n", next(t, watching(t, s, metav1.ListOptions{ResourceVersion: version})), version)
	}
	require.Equal(t, "MODIFIED a 4", next(t, watching(t, s, metav1.ListOptions{ResourceVersion: "3"})), "the oldest that is known")
	// It may have read a change before it was forgotten, but no more than those in one piece.
	for event := next(t, slow); event != "ERROR Expired\n"; event = next(t, slow) {
		if event == fmt.Sprintf("MODIFIED a %d", store.version) {
			break
		}
		require.Contains(t, event, "MODIFIED a ")
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	s := newFolder(t, "a.yaml", seed("a")).open()
	l := lister{s.stores[kindSeed]}
	for _, options := range []metav1.ListOptions{{LabelSelector: "a=b"}, {FieldSelector: "metadata.name=a"}} {
		_, err := l.ListWithContext(context.Background(), options)
		require.True(t, apierrors.IsBadRequest(err))
		_, err = l.WatchWithContext(context.Background(), options)
		require.True(t, apierrors.IsBadRequest(err))
	}
	for _, version := range []string{"x", "-1", "99999999999999999999"} {
		_, err := l.WatchWithContext(context.Background(), metav1.ListOptions{ResourceVersion: version})
		require.True(t, apierrors.IsBadRequest(err), version)
	}
}
