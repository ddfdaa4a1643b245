package pages

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/benchmarks/landscape"
	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/server"
)

// root is the repository's root.
const root = "../.."

// patience bounds what a page or program may take, on a machine that is busy with other things.
const patience = 2 * time.Minute

// serve runs bin/seedguard on a directory of manifests until the test ends, and returns the address of its
// debug pages.
func serve(t *testing.T, landscape string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "seedguard.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`apiVersion: seedguard.config/v1alpha1
kind: SeedGuardConfiguration
serving: {securePort: 0, shutdownDelay: 0s}
metrics: {bindAddress: "0"}
debug: {bindAddress: "127.0.0.1:0"}
`), 0o600))
	c := exec.Command(filepath.Join(root, "bin", "seedguard"), "serve", "--landscape", landscape, "--config", file)
	c.Stderr = t.Output()
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		require.NoError(t, c.Process.Signal(syscall.SIGTERM))
		require.NoError(t, c.Wait())
	})
	address := regexp.MustCompile(`http://\S+/debug/`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := address.FindString(lines.Text()); found != "" {
			go func() {
				for lines.Scan() { // so that seedguard can go on writing
				}
			}()
			return found
		}
	}
	t.Fatal("seedguard did not say where its debug pages are")
	return ""
}

// serveLarge runs a server in this process, on a graph of so many Shoots, and returns the address of its debug pages.
func serveLarge(t *testing.T, shoots int) (string, *landscape.Landscape) {
	t.Helper()
	klog.SetLogger(klog.New(nil)) // silent
	g, l := graph.New(graph.Options{}), landscape.New(landscape.Options{Shoots: shoots})
	for o := range l.Objects() {
		kept, err := garden.Extract(o)
		require.NoError(t, err)
		if edges := kept.Edges(); len(edges) > 0 || kept.Kind.Tracked() {
			g.Set(kept.Vertex, edges)
		}
	}
	decides, err := authorizer.New(authorizer.Options{Graph: g, References: true})
	require.NoError(t, err)
	c := config.Default()
	c.Serving.SecurePort, c.Serving.ShutdownDelay = 0, metav1.Duration{}
	c.Metrics.BindAddress, c.Debug.BindAddress = "0", "127.0.0.1:0"
	ctx, cancel := context.WithCancel(context.Background())
	nothing := func() []string { return nil }
	s, err := server.New(ctx, server.Options{
		Serving: c.Serving, Metrics: c.Metrics, Debug: c.Debug,
		Authorizer: decides, Graph: g, Registry: prometheus.NewRegistry(),
		Admission: admission.New(admission.Options{Policy: c.Restriction}),
		NotReady:  nothing, Notices: nothing, Stale: nothing,
		WhoCan: func(ctx context.Context, seeds []string, q explain.Question) (allowed, others []explain.Answer) {
			return explain.WhoCan(ctx, decides, seeds, nil, q)
		},
	})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return "http://" + s.DebugAddress() + "/debug/", l
}

// browser is a tab of a Chromium.
type browser struct {
	*testing.T
	ctx context.Context
}

func open(t *testing.T) *browser {
	t.Helper()
	path := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	require.NotEmpty(t, path, "there is no chromium in PATH: install it, or name one by CHROMIUM")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	b := &browser{t, ctx}
	require.NoError(t, chromedp.Do(ctx)) // starts it; its life must not depend on the deadline of a step
	return b
}

// run takes a step, and fails the test where it fails or takes too long.
func run[T any](b *browser, step chromedp.Action[T]) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, step)
	require.NoError(b, err)
	return value
}

// submit types keys that lead to another page, waits until it is there, and logs how long that took.
func (b *browser) submit(what, keys string) {
	b.Helper()
	begin := time.Now()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.KeyEvent(keys))
	require.NoError(b, err)
	b.Logf("%s: %s", what, time.Since(begin).Round(time.Millisecond))
}

// open opens a page by its address, and logs how long that took.
func (b *browser) open(address string) {
	b.Helper()
	begin := time.Now()
	run(b, chromedp.Navigate(address))
	b.Logf("%.100s: %s", address, time.Since(begin).Round(time.Millisecond))
}

// keys types keys.
func (b *browser) keys(keys string, options ...chromedp.KeyOption) {
	b.Helper()
	run(b, chromedp.KeyEvent(keys, options...))
}

// is returns what an expression in JavaScript is, as a string.
func (b *browser) is(expression string) string {
	b.Helper()
	return run(b, chromedp.Evaluate[string]("String("+expression+")"))
}

// search types a query into the search field, which has the focus when a page with it was opened.
func (b *browser) search(query string) {
	b.Helper()
	// Chromium gives the focus some moment after the page is there.
	for begin := time.Now(); b.is("document.activeElement.name") != "q"; time.Sleep(10 * time.Millisecond) {
		require.Less(b, time.Since(begin), patience, "the search has not the focus")
	}
	b.keys(query)
	b.submit("search "+query, kb.Enter)
}

func (b *browser) text() string { return b.is("document.querySelector('main').innerText") }

// tabTo goes on by the key Tab until an expression about the element that has the focus, e, holds. All that has the
// focus on the way must show it.
func (b *browser) tabTo(expression string) {
	b.Helper()
	for range 100 {
		b.keys(kb.Tab)
		require.NotEqual(b, "none 0px", b.is(`(e => { e = e.closest('svg') && e.querySelector('rect') || e
			const s = getComputedStyle(e); return e.tagName == 'rect' ? s.strokeWidth : s.outlineStyle + ' ' + s.outlineWidth
		})(document.activeElement)`), "the focus is not visible")
		if b.is("(e => "+expression+")(document.activeElement)") == "true" {
			return
		}
	}
	b.Fatalf("Tab leads to nothing with %s", expression)
}

// width makes the window so wide.
func (b *browser) width(pixels int64) { run(b, chromedp.EmulateViewport(pixels, 800)) }

// shot takes a screenshot of the whole page, and fails when one would have to scroll sideways.
func (b *browser) shot(name string) {
	b.Helper()
	png := run(b, chromedp.FullScreenshot(100))
	dir := os.Getenv("ARTIFACTS")
	if dir == "" {
		dir = filepath.Join(root, "artifacts")
	}
	require.NoError(b, os.MkdirAll(dir, 0o755))
	require.NoError(b, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
	require.Equal(b, "true", b.is("document.documentElement.scrollWidth <= document.documentElement.clientWidth"),
		"%s scrolls sideways", name)
	if run(b, chromedp.Evaluate[int]("window.innerWidth")) < 1000 {
		return // wide tables scroll for themselves
	}
	require.Equal(b, "", b.is(`[...document.querySelectorAll('.card')].filter(e => e.scrollWidth > e.clientWidth)
		.map(e => e.innerText.split('\n')[0])`), "%s: cards scroll sideways", name)
}

// status returns what the server answers to a GET.
func status(t *testing.T, url string) int {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}
