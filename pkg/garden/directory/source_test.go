package directory

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

const (
	kindSeed  = graph.KindSeed
	kindShoot = graph.KindShoot
)

func TestWhichFilesCount(t *testing.T) {
	f := newDir(t,
		"a.yaml", seed("a"), "b.yml", seed("b"),
		"c.json", strings.ReplaceAll(jsonSeed, `"s"`, `"c"`), "sub/deep/d.yaml", seed("d"),
		".hidden.yaml", seed("hidden"), ".git/x.yaml", seed("git"), "..data/x.yaml", seed("data"),
		"README.md", seed("readme"),
		"#a.yaml#", seed("emacs"), "a.yaml~", seed("backup"), "a.yaml.swp", seed("swap"),
		"yaml", seed("no-extension"), "empty.yaml", "")
	elsewhere := newDir(t, "linked/l.yaml", seed("linked"), "single", seed("single"))
	f.link(elsewhere.path("linked"), "linked-dir")
	f.link(elsewhere.path("linked"), "linked-again") // read once
	f.link(elsewhere.path("single"), "single.yaml")
	f.link(f.dir, "loop")
	f.link("nowhere", "dangling.yaml")
	s := f.open()
	require.Equal(t, []string{"a", "b", "c", "d", "linked", "single"}, names(t, s, kindSeed))
	require.Empty(t, s.Problems())
}

func TestNewFails(t *testing.T) {
	f := newDir(t, "file", "")
	for _, dir := range []string{f.path("none"), f.path("file")} {
		_, err := New(dir)
		require.ErrorContains(t, err, "landscape "+dir+" cannot be read")
	}
	_, err := New(f.path("none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestNothingIsBehindTheFiles(t *testing.T) {
	s := newDir(t, "a.yaml", seed("a")).open()
	_, err := s.Live(context.Background(), kindSeed, "", "a")
	require.ErrorIs(t, err, garden.ErrNotAvailable)
	require.ErrorIs(t, s.Exists(context.Background(), schema.GroupVersionResource{}, "", "a"), garden.ErrNotAvailable)
}

// TestLastDefinitionCounts: an object that is defined twice is what the later path says.
func TestLastDefinitionCounts(t *testing.T) {
	f := newDir(t, "a.yaml", shoot("x", "one"), "b/z.yaml", shoot("x", "two"),
		"b-later.yaml", shoot("x", "three")+"---\n"+shoot("x", "four"))
	s := f.open()
	require.Equal(t, "four", seedOf(t, s, "x"))
	require.Equal(t, []string{
		"b/z.yaml: Shoot ns/x is defined again, and wins over the one in a.yaml",
		"b-later.yaml: Shoot ns/x is defined again, and wins over the one in b/z.yaml",
		"b-later.yaml: Shoot ns/x is defined again, and wins over the one in b-later.yaml",
	}, s.Problems())
	f.remove("b-later.yaml")
	f.rescan(s)
	require.Equal(t, "two", seedOf(t, s, "x"))
	f.remove("b")
	f.rescan(s)
	require.Equal(t, "one", seedOf(t, s, "x"))
	require.Empty(t, s.Problems())
}

// TestBadFilesKeepTheirState, and are reported by name and line.
func TestBadFilesKeepTheirState(t *testing.T) {
	f := newDir(t, "a.yaml", shoot("x", "one"), "sub/b.yaml", shoot("w", "one"))
	s := f.open()
	f.write("sub/b.yaml", shoot("w", "two")+"---\na: b: c\n")
	f.write("a.yaml", shoot("x", "two"))
	f.rescan(s)
	require.Equal(t, "two", seedOf(t, s, "x"), "other files go on")
	require.Equal(t, "one", seedOf(t, s, "w"))
	require.Len(t, s.Problems(), 1)
	require.Contains(t, s.Problems()[0], "sub/b.yaml: document 2 (line 6): yaml: line 6: ")

	f.write("a.yaml", "half: \"a")
	f.rescan(s)
	require.Equal(t, []string{"ns/w", "ns/x"}, names(t, s, kindShoot))
	require.Len(t, s.Problems(), 2)
	f.remove("a.yaml")
	f.rescan(s)
	require.Equal(t, []string{"ns/w"}, names(t, s, kindShoot), "a bad file that goes takes its state along")
	f.write("sub/b.yaml", shoot("w", "three"))
	f.rescan(s)
	require.Equal(t, "three", seedOf(t, s, "w"))
	require.Empty(t, s.Problems())

	// A file that was bad from the start has no state.
	f.write("c.yaml", "a: b: c")
	f.rescan(s)
	require.Equal(t, []string{"ns/w"}, names(t, s, kindShoot))
	require.Len(t, s.Problems(), 1)
}

// TestBadObjectsKeepTheirState while the rest of their file changes.
func TestBadObjectsKeepTheirState(t *testing.T) {
	f := newDir(t, "a.yaml", shoot("x", "one")+"---\n"+shoot("w", "one"))
	s := f.open()
	f.write("a.yaml", shoot("x", "[1]")+"---\n"+shoot("w", "two"))
	f.rescan(s)
	require.Equal(t, "one", seedOf(t, s, "x"))
	require.Equal(t, "two", seedOf(t, s, "w"))
	require.Contains(t, s.Problems()[0], "a.yaml: document 1 (line 1): Shoot ns/x: it cannot be decoded")
	f.write("a.yaml", shoot("x", "[1, 2]")+"---\n"+shoot("w", "three"))
	f.rescan(s)
	require.Equal(t, "one", seedOf(t, s, "x"), "from one bad state to the next")
	f.write("a.yaml", shoot("w", "three"))
	f.rescan(s)
	require.Equal(t, []string{"ns/w"}, names(t, s, kindShoot), "it is not there any more, not even badly")
	require.Empty(t, s.Problems())
}

// TestUnreadableKeepsItsState: what cannot be read is not gone.
func TestUnreadableKeepsItsState(t *testing.T) {
	f := newDir(t, "a.yaml", shoot("x", "one"), "sub/b.yaml", shoot("w", "one"))
	s := f.open()
	f.remove("a.yaml")
	require.NoError(t, syscall.Mkfifo(f.path("a.yaml"), 0o600)) // would block whoever opens it
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(f.path("a.yaml"), old, old))
	f.remove("sub")
	f.link("sub", "sub") // a link to itself cannot be followed
	f.rescan(s)
	require.Equal(t, []string{"ns/w", "ns/x"}, names(t, s, kindShoot))
	require.Equal(t, []string{"a.yaml: is not a regular file", "sub: too many levels of symbolic links"}, s.Problems())
	f.remove("a.yaml")
	f.link("a.yaml", "a.yaml")
	f.rescan(s)
	require.Equal(t, []string{"ns/w", "ns/x"}, names(t, s, kindShoot))
	f.remove("a.yaml")
	f.remove("sub")
	f.rescan(s)
	require.Empty(t, names(t, s, kindShoot))
	require.Equal(t, []string{"no object of a watched kind is in it"}, s.Problems())
	f.write("a.yaml", shoot("x", "one"))
	f.rescan(s)

	// The directory itself.
	f.rename("", "../away")
	s.follow(klog.Logger{}, nil)
	require.Equal(t, []string{"ns/x"}, names(t, s, kindShoot))
	require.Len(t, s.Problems(), 1)
	require.Contains(t, s.Problems()[0], "the landscape cannot be read, so it stays as it last was")
	f.rename("../away", "")
}

// TestAFileThatIsBeingWrittenIsLeftAlone: half a file may well parse.
func TestAFileThatIsBeingWrittenIsLeftAlone(t *testing.T) {
	f := newDir(t, "a.yaml", shoot("x", "one"))
	s := f.open()
	s.settle, s.rescan = 2*time.Second, time.Hour
	_, first := s.now(kindShoot)
	following(t, s)
	<-first // by the scan that Run begins with
	_, changed := s.now(kindShoot)
	require.NoError(t, os.WriteFile(f.path("a.yaml"), []byte(shoot("x", "half")), 0o600))
	time.Sleep(10 * time.Millisecond) // far longer than it takes to read
	require.NoError(t, os.WriteFile(f.path("a.yaml"), []byte(shoot("x", "two")), 0o600))
	<-changed
	require.Equal(t, "two", seedOf(t, s, "x"))
}

// TestChangesWithoutPause: changes are seen although there is always a newer one.
func TestChangesWithoutPause(t *testing.T) {
	f := newDir(t, "a.yaml", shoot("x", "one"))
	s := f.open()
	s.settle, s.rescan = time.Hour, 100*time.Millisecond
	following(t, s)
	eventually(t, func() bool {
		require.NoError(t, os.WriteFile(f.path("a.yaml"), []byte(shoot("x", "two")), 0o600))
		return seedOf(t, s, "x") == "two"
	})
}

// TestAFileOfTheSameSizeAndTime is read again nevertheless.
func TestAFileOfTheSameSizeAndTime(t *testing.T) {
	f := newDir(t, "a.yaml", shoot("x", "one"))
	s := f.open()
	info, err := os.Stat(f.path("a.yaml"))
	require.NoError(t, err)
	for _, seed := range []string{"two", "six"} {
		f.write("a.yaml", shoot("x", seed)) // in place: the same inode
		require.NoError(t, os.Chtimes(f.path("a.yaml"), info.ModTime(), info.ModTime()))
		f.rescan(s)
		require.Equal(t, seed, seedOf(t, s, "x"))
	}
}

// TestFollow: a running source sees what editors, kubelets and people do.
func TestFollow(t *testing.T) {
	f := newDir(t, "a.yaml", shoot("a", "s"))
	s := f.open()
	s.rescan = time.Hour // notifications alone
	log := following(t, s)

	put := func(name, content string) { require.NoError(t, os.WriteFile(f.path(name), []byte(content), 0o600)) }
	put("b.yaml", shoot("b", "s"))
	eventuallyShoots(t, s, "ns/a", "ns/b")
	put("b.yaml", shoot("b", "t"))
	eventually(t, func() bool { return seedOf(t, s, "b") == "t" })

	// By renaming over it, as most editors do.
	put(".b.yaml.tmp", shoot("b", "u"))
	f.rename(".b.yaml.tmp", "b.yaml")
	eventually(t, func() bool { return seedOf(t, s, "b") == "u" })
	f.rename("b.yaml", "b.bak")
	eventuallyShoots(t, s, "ns/a")
	f.rename("b.bak", "b.yaml")
	eventuallyShoots(t, s, "ns/a", "ns/b")

	// Directories that come later, with those in them.
	require.NoError(t, os.MkdirAll(f.path("later/deep"), 0o700))
	put("later/deep/c.yaml", shoot("c", "s"))
	eventuallyShoots(t, s, "ns/a", "ns/b", "ns/c")
	put("later/deep/d.yaml", shoot("d", "s"))
	eventuallyShoots(t, s, "ns/a", "ns/b", "ns/c", "ns/d")
	elsewhere := t.TempDir()
	require.NoError(t, os.Rename(f.path("later"), elsewhere+"/later"))
	eventuallyShoots(t, s, "ns/a", "ns/b")
	require.NoError(t, os.Rename(elsewhere+"/later", f.path("later")))
	eventuallyShoots(t, s, "ns/a", "ns/b", "ns/c", "ns/d")
	f.remove("later")
	eventuallyShoots(t, s, "ns/a", "ns/b")

	// What is wrong is logged once, and that it is not any more.
	put("a.yaml", "a: b: c\n")
	eventually(t, func() bool { return strings.Contains(log.String(), "a.yaml: document 1 (line 1): ") })
	require.Equal(t, []string{"ns/a", "ns/b"}, names(t, s, kindShoot))
	put("c.yaml", shoot("c", "s"))
	eventuallyShoots(t, s, "ns/a", "ns/b", "ns/c")
	put("a.yaml", "apiVersion: v1\nkind: Secret\n")
	eventually(t, func() bool { return strings.Contains(log.String(), "no problems any more") })
	eventuallyShoots(t, s, "ns/b", "ns/c")
	require.Equal(t, 1, strings.Count(log.String(), "Problem with the landscape"))
	require.Contains(t, log.String(), `objects={"Secret":1}`)
	require.Equal(t, 1, strings.Count(log.String(), "Skipped objects"))
}

// TestFollowAMountedConfigMap: the kubelet makes a new directory and swings the link ..data over to it.
func TestFollowAMountedConfigMap(t *testing.T) {
	f := newDir(t, "..1/a.yaml", shoot("a", "one"), "..1/b.yaml", shoot("b", "one"))
	f.link("..1", "..data")
	f.link("..data/a.yaml", "a.yaml")
	f.link("..data/b.yaml", "b.yaml")
	s := f.open()
	require.Equal(t, []string{"ns/a", "ns/b"}, names(t, s, kindShoot))
	s.rescan = time.Hour
	following(t, s)
	for i := 2; i < 5; i++ {
		f.write(fmt.Sprintf("..%d/a.yaml", i), shoot("a", fmt.Sprint("v", i)))
		f.write(fmt.Sprintf("..%d/b.yaml", i), shoot("b", fmt.Sprint("v", i)))
		f.link(fmt.Sprintf("..%d", i), "..tmp")
		f.rename("..tmp", "..data")
		f.remove(fmt.Sprintf("..%d", i-1))
		eventually(t, func() bool {
			return seedOf(t, s, "a") == fmt.Sprint("v", i) && seedOf(t, s, "b") == fmt.Sprint("v", i)
		})
		require.Empty(t, s.Problems())
	}
}

// TestFollowWithoutNotifications: what the operating system does not tell of is found by rescans.
func TestFollowWithoutNotifications(t *testing.T) {
	elsewhere := newDir(t, "a", shoot("a", "one"))
	f := newDir(t)
	f.link(elsewhere.path("a"), "a.yaml")
	s := f.open()
	s.rescan = 10 * time.Millisecond
	following(t, s)
	for _, seed := range []string{"second", "third"} { // the first may be found by the scan that Run begins with
		elsewhere.write("a", shoot("a", seed))
		eventually(t, func() bool { return seedOf(t, s, "a") == seed })
	}
}

// TestWatch: an informer is sent what has changed since it listed, once, and nothing of what stayed as it was.
func TestWatch(t *testing.T) {
	f := newDir(t, "a.yaml", shoot("a", "one")+"---\n"+shoot("same", "one"),
		"b.yaml", shoot("b", "one"), "s.yaml", seed("s"))
	s := f.open()
	lw := cache.ToListerWatcherWithContext(s.ListerWatcher(kindShoot))
	_, err := lw.WatchWithContext(t.Context(), metav1.ListOptions{})
	require.True(t, apierrors.IsResourceExpired(err), "what has not listed must do so first")
	_, err = lw.ListWithContext(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	change := func(seed string) {
		f.write("a.yaml", "# again\n"+shoot("a", seed)+"---\n"+shoot("same", "one"))
		f.rescan(s)
	}
	change("two") // between list and watch
	w, err := lw.WatchWithContext(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	versions := map[string]string{}
	next := func() string {
		select {
		case event := <-w.ResultChan():
			o := event.Object.(*garden.Object)
			if event.Type != watch.Deleted {
				require.NotEqual(t, versions[o.Name], o.ResourceVersion, "another version, or informers take it for no change")
				versions[o.Name] = o.ResourceVersion
			}
			return fmt.Sprint(event.Type, " ", o.Name, " ", o.Facts.(garden.ShootFacts).SeedName)
		case <-time.After(20 * time.Second):
			return "nothing"
		}
	}
	require.Equal(t, "MODIFIED a two", next())
	f.write("s.yaml", seed("another"))
	change("three")
	require.Equal(t, "MODIFIED a three", next())
	f.write("c.yaml", shoot("c", "one"))
	f.rescan(s)
	require.Equal(t, "ADDED c one", next())
	f.remove("b.yaml")
	f.rescan(s)
	require.Equal(t, "DELETED b one", next())
	f.write("z.yaml", shoot("a", "four"))
	f.rescan(s)
	require.Equal(t, "MODIFIED a four", next())
	f.remove("z.yaml")
	f.rescan(s)
	require.Equal(t, "MODIFIED a three", next(), "the other definition counts again")
	w.Stop()
	change("unseen")
	for range w.ResultChan() { // closed when the watch has ended
	}
}

func TestFixed(t *testing.T) {
	var objects []*garden.Object
	for _, name := range []string{"a", "b"} {
		p, err := parse([]byte(seed(name)))
		require.NoError(t, err)
		objects = append(objects, p.objects...)
	}
	s := Fixed(objects)
	require.Equal(t, []string{"a", "b"}, names(t, s, graph.KindSeed))
	require.Empty(t, names(t, s, graph.KindShoot))
	require.Empty(t, s.Problems())
}

func TestProblemsAreBounded(t *testing.T) {
	var b strings.Builder
	for range maxProblems + 50 {
		b.WriteString("a: b\n---\n")
	}
	s := newDir(t, "a.yaml", b.String()).open()
	require.Len(t, s.Problems(), maxProblems+1)
	require.Equal(t, "and 50 more problems", s.Problems()[maxProblems])
}

// TestTheGraphFollowsTheDirectory takes a directory through random changes, among them bad ones. The graph that follows
// it must be the one that is made of the directory's end anew, but for what bad files last held.
func TestTheGraphFollowsTheDirectory(t *testing.T) {
	f := newDir(t, "seeds.yaml", seed("s0")+"---\n"+seed("s1")+"---\n"+seed("s2"))
	s := f.open()
	s.rescan = time.Hour
	following(t, s)
	live := watched(t, s)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable
	for round := range 12 {
		for range 6 {
			name := fmt.Sprintf("f%d.yaml", random.IntN(4))
			var content strings.Builder
			for range random.IntN(4) {
				x := fmt.Sprint("x", random.IntN(6))
				content.WriteString(shoot(x, fmt.Sprint("s", random.IntN(4))) + "---\n")
			}
			switch random.IntN(6) {
			case 0:
				f.remove(name)
			case 1: // bad for a moment
				require.NoError(t, os.WriteFile(f.path(name), []byte("a: b: c"), 0o600))
			default:
				require.NoError(t, os.WriteFile(f.path(name), []byte(content.String()), 0o600))
			}
		}
		for i := range 4 { // nothing bad is left
			name := fmt.Sprintf("f%d.yaml", i)
			if content, err := os.ReadFile(f.path(name)); err == nil && strings.HasPrefix(string(content), "a: b: c") {
				f.remove(name)
			}
		}
		fresh := watched(t, f.open())
		eventually(t, func() bool { return state(live) == state(fresh) })
		require.NotEmpty(t, state(live), "round %d", round)
	}
}

// watched puts a source into a graph, and keeps it up to date until the test ends.
func watched(t *testing.T, s *Source) *graph.Graph {
	t.Helper()
	resources := graph.New(graph.Options{})
	g := garden.New(garden.Options{Source: s, Graph: resources})
	keepRunning(t.Context(), t, g.Run)
	require.NoError(t, g.WaitReady(t.Context()))
	return resources
}

// TestEdgesAreCapped: that a file refers to too much is counted, as it is for an API server.
func TestEdgesAreCapped(t *testing.T) {
	secrets := strings.Repeat("{name: x}, ", garden.MaxEdges+7)
	f := newDir(t, "a.yaml", "apiVersion: v1\nkind: ServiceAccount\n"+
		"metadata: {name: gardenlet-bootstrap-a, namespace: garden}\nsecrets: ["+secrets+"]\n")
	registry := prometheus.NewRegistry()
	g := garden.New(garden.Options{Source: f.open(), Graph: graph.New(graph.Options{}), Registerer: registry})
	keepRunning(t.Context(), t, g.Run)
	require.NoError(t, g.WaitReady(t.Context()))
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(
		"# HELP seedguard_garden_edges_dropped_total Edges that were left out of the graph because their object implies "+
			"too many, counted once per object.\n# TYPE seedguard_garden_edges_dropped_total counter\n"+
			`seedguard_garden_edges_dropped_total{kind="ServiceAccount"} 7`+"\n",
	), "seedguard_garden_edges_dropped_total"))
}

// state writes down which Seeds the graph's vertices reach.
func state(g *graph.Graph) string {
	var lines []string
	for nodes := g.View().Nodes(); nodes.Next(); {
		n := nodes.Node().(graph.Node)
		lines = append(lines, fmt.Sprintln(n.Vertex, n.Object, slices.Sorted(slices.Values(g.Seeds(n.Vertex)))))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
