package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/graph"
)

func vertex(kind graph.Kind, namespace, name string) graph.Vertex {
	return graph.Vertex{Kind: kind, Namespace: namespace, Name: name}
}

// landscape is a graph of two Seeds, one of them managed, with a few Shoots each.
func landscape(shoots int) *graph.Graph {
	g := graph.New(graph.Options{})
	for i, seed := range []string{"aws-eu1", "aws-eu1-managed"} {
		s := vertex(graph.KindSeed, "", seed)
		g.Set(s, []graph.Edge{
			{From: vertex(graph.KindNamespace, "", "seed-"+seed), To: s},
			{From: vertex(graph.KindSecret, "garden", "backup-"+seed), To: s},
			{From: vertex(graph.KindLease, "gardener-system-seed-lease", seed), To: s},
		})
		for j := range shoots {
			namespace := fmt.Sprintf("garden-team-%d", j%4)
			shoot := vertex(graph.KindShoot, namespace, fmt.Sprintf("cluster-%d-%d", i, j))
			binding := vertex(graph.KindSecretBinding, namespace, "infrastructure")
			g.Set(binding, []graph.Edge{{From: vertex(graph.KindSecret, namespace, "infrastructure-credentials-of-the-team"),
				To: binding}})
			g.Set(shoot, []graph.Edge{
				{From: shoot, To: s}, {From: binding, To: shoot}, {From: vertex(graph.KindCloudProfile, "", "aws"), To: shoot},
				{From: vertex(graph.KindNamespace, "", namespace), To: shoot},
			})
		}
	}
	managed := vertex(graph.KindManagedSeed, "garden", "aws-eu1-managed")
	soil := vertex(graph.KindShoot, "garden", "aws-eu1-managed")
	g.Set(soil, []graph.Edge{{From: soil, To: vertex(graph.KindSeed, "", "aws-eu1")}})
	g.Set(managed, []graph.Edge{{From: managed, To: soil},
		{From: vertex(graph.KindSeed, "", "aws-eu1-managed"), To: managed}})
	return g
}

// requireContains is require.Contains without printing the page.
func requireContains(t *testing.T, page, part string) {
	t.Helper()
	require.True(t, strings.Contains(page, part), "the page does not contain %q", part)
}

func debugServer(t *testing.T, g *graph.Graph) (get func(path string) answer) {
	t.Helper()
	options := newOptions()
	options.Graph = g
	s := start(t, options)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(path string) answer {
		return send(t, client, http.MethodGet, "http://"+s.DebugAddress()+path, "", "")
	}
}

func TestDebugOverview(t *testing.T) {
	get := debugServer(t, landscape(3))
	for _, path := range []string{"/", "/debug/"} {
		a := get(path)
		require.Equal(t, http.StatusOK, a.code)
		requireContains(t, a.body, `<a `+
			`href="/debug/vertex?kind=Seed&amp;name=aws-eu1-managed&amp;namespace=">aws-eu1-managed</a>`)
		requireContains(t, a.body, "<td>CloudProfile</td>")
		requireContains(t, a.body, `<span class="badge">ready</span>`)
		require.NotContains(t, a.body, "pprof")
	}
	require.Equal(t, http.StatusNotFound, get("/debug/pprof/").code, "only with --profiling")
	require.Equal(t, http.StatusNotFound, get("/nothing").code)
}

func TestDebugVertex(t *testing.T) {
	get := debugServer(t, landscape(3))
	page := func(query string) answer { return get("/debug/vertex?" + query) }

	a := page("kind=Secret&namespace=garden-team-0&name=infrastructure-credentials-of-the-team")
	require.Equal(t, http.StatusOK, a.code)
	requireContains(t, a.body, "referred to")
	requireContains(t, a.body, ">Seed aws-eu1</a>")
	requireContains(t, a.body, ">Seed aws-eu1-managed</a>")
	require.Equal(t, 2, strings.Count(a.body, `<span class="faint">Secret</span> <a`), "a path for each Seed")
	requireContains(t, a.body, "infrastructu…-of-the-team")

	requireContains(t, page("kind=Secret&namespace=garden-team-0&name=cluster-0-0.ssh-keypair").body, "by a Shoot's name")
	requireContains(t, page("kind=Shoot&namespace=garden-team-0&name=cluster-0-0&seed=aws-eu1-managed").body,
		"no path leads to Seed aws-eu1-managed")
	// The child Seed's own page shows the way to the parent.
	requireContains(t, page("kind=Seed&name=aws-eu1-managed").body, "ManagedSeed")
	a = page("kind=Shoot&namespace=garden-x&name=none")
	require.Equal(t, http.StatusNotFound, a.code)
	requireContains(t, a.body, "The graph has no such vertex")
	requireContains(t, a.body, "and it does not exist")
	require.Equal(t, http.StatusBadRequest, page("kind=Pod&name=x").code)
	require.Equal(t, http.StatusBadRequest, page("kind=Shoot").code)
}

func TestDebugFind(t *testing.T) {
	get := debugServer(t, landscape(3))
	a := get("/debug/find?q=infrastructure-cred")
	require.Equal(t, http.StatusOK, a.code)
	requireContains(t, a.body, "<h1>3 found</h1>")
	requireContains(t, get("/debug/find?q=garden-team-1").body, "cluster-0-1.ca-client")
	requireContains(t, get("/debug/find?q=nothing-like-that").body, "<h1>0 found</h1>")
}

// TestDebugPagesStayUsable: pages are bounded, however large the graph.
func TestDebugPagesStayUsable(t *testing.T) {
	g := landscape(2000)
	for i := range 2 * maxRows {
		g.Set(vertex(graph.KindSeed, "", fmt.Sprintf("seed-%d", i)), nil)
	}
	get := debugServer(t, g)
	for _, path := range []string{"/debug/", "/debug/find?q=cluster", "/debug/vertex?kind=CloudProfile&name=aws",
		"/debug/vertex?kind=Seed&name=aws-eu1"} {
		a := get(path)
		require.Equal(t, http.StatusOK, a.code, path)
		require.Less(t, len(a.body), 150_000, path)
		requireContains(t, a.body, map[bool]string{true: "The first 200 of 402", false: "more"}[path == "/debug/"])
	}
	a := get("/debug/graph.dot")
	require.Equal(t, http.StatusUnprocessableEntity, a.code)
	requireContains(t, a.body, "name a vertex")
	require.Equal(t, http.StatusUnprocessableEntity, get("/debug/graph.dot?kind=Seed&name=aws-eu1").code)
	require.Equal(t, http.StatusOK, get("/debug/graph.dot?kind=Shoot&namespace=garden-team-0&name=cluster-0-0").code)
}

func TestDebugDot(t *testing.T) {
	get := debugServer(t, landscape(1))
	a := get("/debug/graph.dot")
	require.Equal(t, http.StatusOK, a.code)
	requireContains(t, a.body, `"Shoot/garden-team-0/cluster-0-0" -> "Seed/aws-eu1"`)
	part := get("/debug/graph.dot?kind=Shoot&namespace=garden-team-0&name=cluster-0-0").body
	require.Contains(t, part, `"CloudProfile/aws" -> "Shoot/garden-team-0/cluster-0-0"`)
	require.NotContains(t, part, "aws-eu1-managed")
	require.NotContains(t, get("/debug/graph.dot?kind=Shoot&name=none").body, "->")
	require.Equal(t, http.StatusBadRequest, get("/debug/graph.dot?kind=Pod&name=x").code)
}

func TestDebugHostileNames(t *testing.T) {
	g := landscape(1)
	name := `<script>alert("1")</script>&"'` + strings.Repeat("ö", 10_000)
	shoot := vertex(graph.KindShoot, "a/b", name)
	g.Set(shoot, []graph.Edge{{From: shoot, To: vertex(graph.KindSeed, "", "aws-eu1")}})
	get := debugServer(t, g)
	for _, path := range []string{"/debug/find?q=script", "/debug/vertex?" + vertexQuery(shoot).Encode(),
		"/debug/find?q=" + url.QueryEscape(`"><script>`)} {
		a := get(path)
		require.Equal(t, http.StatusOK, a.code)
		require.NotContains(t, a.body, "<script>")
		require.Contains(t, a.header.Get("Content-Security-Policy"), "default-src 'none'")
	}
}

func TestDebugNotReady(t *testing.T) {
	options := newOptions()
	options.NotReady = func() []string { return []string{"shoots not synced"} }
	s := start(t, options)
	body := send(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, http.MethodGet,
		"http://"+s.DebugAddress()+"/debug/", "", "").body
	requireContains(t, body, "not ready")
	requireContains(t, body, "<li>shoots not synced</li>")
}

func TestProfiling(t *testing.T) {
	options := newOptions()
	options.Debug.Profiling = true
	s := start(t, options)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	require.Contains(t, send(t, client, http.MethodGet, "http://"+s.DebugAddress()+"/debug/pprof/", "", "").body,
		"goroutine")
}

// TestDebugPagesAreApart: Prometheus scrapes from anywhere, and sees no debug page. Those are on loopback, which
// kubectl port-forward reaches.
func TestDebugPagesAreApart(t *testing.T) {
	options := newOptions()
	options.Metrics.BindAddress = "0.0.0.0:0"
	s := start(t, options)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for url, code := range map[string]int{
		s.MetricsAddress() + "/metrics": http.StatusOK, s.MetricsAddress() + "/debug/": http.StatusNotFound,
		s.DebugAddress() + "/debug/": http.StatusOK, s.DebugAddress() + "/metrics": http.StatusNotFound,
	} {
		require.Equal(t, code, send(t, client, http.MethodGet, "http://"+url, "", "").code, url)
	}
	require.True(t, netip.MustParseAddrPort(s.DebugAddress()).Addr().IsLoopback())

	options = newOptions()
	options.Debug.BindAddress = "0"
	s = start(t, options)
	require.Empty(t, s.DebugAddress())
	require.Equal(t, http.StatusOK, send(t, client, http.MethodGet, "http://"+s.MetricsAddress()+"/metrics", "", "").code)
	require.Equal(t, http.StatusNotFound, s.get(t, newClient(t), "/debug/").code, "not on the webhooks' listener either")
}

// TestDebugPagesByOtherNames: a page in a browser cannot read the debug pages by a name that it has led to loopback.
func TestDebugPagesByOtherNames(t *testing.T) {
	for bind, exposed := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true} {
		options := newOptions()
		options.Debug.BindAddress, options.Debug.ExposeBeyondLoopback = bind, true
		s := start(t, options)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		_, port, err := net.SplitHostPort(s.DebugAddress())
		require.NoError(t, err)
		for host, local := range map[string]bool{
			"localhost:" + port: true, "127.0.0.1:" + port: true, "[::1]:" + port: true, "localhost": true, "10.0.0.7": true,
			"evil.example:" + port: false, "localhost.evil.example": false, "127.0.0.1.evil.example:" + port: false,
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.DebugAddress()+"/debug/", nil)
			require.NoError(t, err)
			r.Host = host
			response, err := client.Do(r)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			want := http.StatusForbidden
			if local || exposed {
				want = http.StatusOK
			}
			require.Equal(t, want, response.StatusCode, "%s at %s", host, bind)
		}
	}
}
