package directory

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

// shoot and seed are manifests.
func shoot(name, seed string) string {
	const manifest = "apiVersion: core.gardener.cloud/v1beta1\nkind: Shoot\n" +
		"metadata: {name: %s, namespace: ns}\nspec: {seedName: %s}\n"
	return fmt.Sprintf(manifest, name, seed)
}

func seed(name string) string {
	return fmt.Sprintf("apiVersion: core.gardener.cloud/v1beta1\nkind: Seed\nmetadata: {name: %s}\n", name)
}

// testDir is a landscape on disk.
type testDir struct {
	testing.TB
	dir string
}

func newDir(t testing.TB, files ...string) testDir {
	t.Helper()
	f := testDir{t, t.TempDir()}
	for i := 0; i < len(files); i += 2 {
		f.write(files[i], files[i+1])
	}
	return f
}

func (f testDir) path(name string) string { return filepath.Join(f.dir, name) }

// write writes a file that looks as if it had been left alone for long.
func (f testDir) write(name, content string) {
	f.Helper()
	require.NoError(f, os.MkdirAll(filepath.Dir(f.path(name)), 0o700))
	require.NoError(f, os.WriteFile(f.path(name), []byte(content), 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(f, os.Chtimes(f.path(name), old, old))
}

func (f testDir) remove(name string) { f.Helper(); require.NoError(f, os.RemoveAll(f.path(name))) }
func (f testDir) rename(from, to string) {
	f.Helper()
	require.NoError(f, os.Rename(f.path(from), f.path(to)))
}
func (f testDir) link(target, name string) {
	f.Helper()
	require.NoError(f, os.Symlink(target, f.path(name)))
}
func (f testDir) open() *Source    { f.Helper(); s, err := New(f.dir); require.NoError(f, err); return s }
func (f testDir) rescan(s *Source) { f.Helper(); require.NoError(f, s.scan(nil)) }

// names returns the objects of a kind that the source lists, as namespace/name, in order.
func names(t testing.TB, s *Source, kind graph.Kind) []string {
	t.Helper()
	list, err := s.ListerWatcher(kind).List(metav1.ListOptions{}) //nolint:staticcheck // as without contexts
	require.NoError(t, err)
	found := []string{}
	require.NoError(t, meta.EachListItem(list, func(o runtime.Object) error {
		found = append(found, strings.TrimPrefix(o.(*garden.Object).Namespace+"/"+o.(*garden.Object).Name, "/"))
		return nil
	}))
	slices.Sort(found)
	return found
}

// seedOf returns spec.seedName of Shoot ns/<name>, "" when there is no such Shoot.
func seedOf(t testing.TB, s *Source, name string) string {
	t.Helper()
	shoots, _ := s.now(graph.KindShoot)
	o := shoots[graph.Vertex{Kind: graph.KindShoot, Namespace: "ns", Name: name}]
	if o == nil {
		return ""
	}
	return o.Facts.(garden.ShootFacts).SeedName
}

// following runs the source until the test ends, and returns its log.
func following(t *testing.T, s *Source) fmt.Stringer {
	t.Helper()
	logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	keepRunning(klog.NewContext(t.Context(), logger), t, s.Run)
	return logger.GetSink().(ktesting.Underlier).GetBuffer()
}

// keepRunning calls run, which ends with its context, until the test ends.
func keepRunning(ctx context.Context, t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

// eventually waits for what a change in the directory leads to. It is far longer than a notification takes, and than a
// rescan.
func eventually(t testing.TB, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, 5*time.Millisecond)
}

func eventuallyShoots(t testing.TB, s *Source, want ...string) {
	t.Helper()
	eventually(t, func() bool { return slices.Equal(names(t, s, graph.KindShoot), want) })
}
