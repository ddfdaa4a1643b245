package manifests

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

// shoot and seed are manifests.
func shoot(name, seed string) string {
	return fmt.Sprintf("apiVersion: core.gardener.cloud/v1beta1\nkind: Shoot\nmetadata: {name: %s, namespace: ns}\nspec: {seedName: %s}\n", name, seed)
}

func seed(name string) string {
	return fmt.Sprintf("apiVersion: core.gardener.cloud/v1beta1\nkind: Seed\nmetadata: {name: %s}\n", name)
}

// folder is a landscape on disk.
type folder struct {
	testing.TB
	dir string
}

func newFolder(t testing.TB, files ...string) folder {
	t.Helper()
	f := folder{t, t.TempDir()}
	for i := 0; i < len(files); i += 2 {
		f.write(files[i], files[i+1])
	}
	return f
}

func (f folder) path(name string) string { return filepath.Join(f.dir, name) }

// write writes a file that looks as if it had been left alone for long.
func (f folder) write(name, content string) {
	f.Helper()
	require.NoError(f, os.MkdirAll(filepath.Dir(f.path(name)), 0o700))
	require.NoError(f, os.WriteFile(f.path(name), []byte(content), 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(f, os.Chtimes(f.path(name), old, old))
}

func (f folder) remove(name string) { f.Helper(); require.NoError(f, os.RemoveAll(f.path(name))) }
func (f folder) rename(from, to string) {
	f.Helper()
	require.NoError(f, os.Rename(f.path(from), f.path(to)))
}
func (f folder) link(target, name string) {
	f.Helper()
	require.NoError(f, os.Symlink(target, f.path(name)))
}
func (f folder) open() *Source    { f.Helper(); s, err := New(f.dir); require.NoError(f, err); return s }
func (f folder) rescan(s *Source) { f.Helper(); _, err := s.scan(nil); require.NoError(f, err) }

// names returns the objects of a kind that the source lists, as namespace/name.
func names(t testing.TB, s *Source, kind graph.Kind) []string {
	t.Helper()
	list, err := s.ListerWatcher(resource(kind)).List(metav1.ListOptions{}) //nolint:staticcheck // as reflectors without contexts do
	require.NoError(t, err)
	items, err := meta.ExtractList(list)
	require.NoError(t, err)
	found := []string{}
	for _, item := range items {
		found = append(found, nameOf(t, item))
	}
	return found
}

func nameOf(t testing.TB, o runtime.Object) string {
	t.Helper()
	accessor, err := meta.Accessor(o)
	require.NoError(t, err)
	if accessor.GetNamespace() == "" {
		return accessor.GetName()
	}
	return accessor.GetNamespace() + "/" + accessor.GetName()
}

func resource(kind graph.Kind) garden.Resource {
	r, ok := garden.ResourceOf(kind)
	if !ok {
		panic(kind.String())
	}
	return r
}

// seedOf returns spec.seedName of Shoot ns/<name>, "" when there is no such Shoot.
func seedOf(t testing.TB, s *Source, name string) string {
	t.Helper()
	m := s.stores[graph.KindShoot].objects[graph.Vertex{Kind: graph.KindShoot, Namespace: "ns", Name: name}]
	if m.manifest == nil {
		return ""
	}
	o, err := m.object(1)
	require.NoError(t, err)
	extracted, err := garden.Extract(o)
	require.NoError(t, err)
	return extracted.Facts.(garden.ShootFacts).SeedName
}

// safeBuffer is a log that a test reads while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// following runs the source until the test ends, and returns its log.
func following(t *testing.T, s *Source) *safeBuffer {
	t.Helper()
	log := &safeBuffer{}
	ctx, cancel := context.WithCancel(context.Background())
	ctx = klog.NewContext(ctx, textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(log))))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return log
}

// eventually waits for what a change in the folder leads to. It is far longer than a notification takes, and than a rescan.
func eventually(t testing.TB, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, 5*time.Millisecond)
}

func eventuallyShoots(t testing.TB, s *Source, want ...string) {
	t.Helper()
	eventually(t, func() bool { return slices.Equal(names(t, s, graph.KindShoot), want) })
}
