package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/explain"
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

// requireContains is require.Contains without printing the page, and without the places where a line may break.
func requireContains(t *testing.T, page, part string) {
	t.Helper()
	page = strings.ReplaceAll(page, "<wbr>", "")
	require.True(t, strings.Contains(page, part), "the page does not contain %q", part)
}

func debugServer(t *testing.T, g *graph.Graph) (get func(path string) answer) {
	t.Helper()
	options := newOptions()
	options.Graph = g
	s := start(t, options)
	return func(path string) answer { return getPlain(t, s.DebugAddress(), path) }
}

func TestDebugOverview(t *testing.T) {
	get := debugServer(t, landscape(3))
	for _, path := range []string{"/", "/debug/"} {
		a := get(path)
		require.Equal(t, http.StatusOK, a.code)
		requireContains(t, a.body, `<a `+
			`href="/debug/vertex?kind=Seed&amp;name=aws-eu1-managed&amp;namespace=">aws-eu1-managed</a>`)
		requireContains(t, a.body, `<span class="kind">CloudProfile</span>`)
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
	require.Equal(t, 2, strings.Count(a.body, `<span class="kind">Secret</span></span> <a`), "a path for each Seed")
	requireContains(t, a.body, "infrastruct…of-the-team")

	requireContains(t, page("kind=Secret&namespace=garden-team-0&name=cluster-0-0.ssh-keypair").body, "by a Shoot's name")
	a = page("kind=Shoot&namespace=garden-team-0&name=cluster-0-0&seed=aws-eu1-managed")
	requireContains(t, a.body, "No path leads from it to Seed aws-eu1-managed")
	requireContains(t, a.body,
		"Shoot garden-team-0/cluster-0-0 names Seed aws-eu1 (spec.seedName, status.seedName), not aws-eu1-managed")
	// The child Seed's own page shows the way to the parent.
	requireContains(t, page("kind=Seed&name=aws-eu1-managed").body, "ManagedSeed")
	a = page("kind=Shoot&namespace=garden-x&name=none")
	require.Equal(t, http.StatusNotFound, a.code)
	requireContains(t, a.body, "not in the graph")
	requireContains(t, a.body, "Shoot garden-x/none does not exist")
	require.Equal(t, http.StatusBadRequest, page("kind=Pod&name=x").code)
	require.Equal(t, http.StatusBadRequest, page("kind=Shoot").code)
}

// TestDebugVertexTellsWhoCan: by the same rules as the authorizer decides, for the verb and subresource asked about.
func TestDebugVertexTellsWhoCan(t *testing.T) {
	options := newOptions()
	options.Graph = landscape(3)
	decides, err := authorizer.New(authorizer.Options{Graph: options.Graph})
	require.NoError(t, err)
	options.WhoCan = func(ctx context.Context, seeds []string, q explain.Question) (allowed, others []explain.Answer) {
		return explain.WhoCan(ctx, decides, seeds, nil, q)
	}
	s := start(t, options)
	page := func(query string) string { return getPlain(t, s.DebugAddress(), "/debug/vertex?"+query).body }
	const shoot = "kind=Shoot&namespace=garden-team-0&name=cluster-0-0"
	body := page(shoot)
	requireContains(t, body, "<td>get, list, watch, update, patch</td><td>gardenlet, extension</td><td>aws-eu1</td>"+
		"<td>shoots.core.gardener.cloud of gardenlet, extension: graph</td>")
	requireContains(t, body, `<option value="*" selected>all</option>`)
	body = page(shoot + "&verb=patch&subresource=status")
	requireContains(t, body, "<td>patch</td><td>gardenlet, extension</td><td>aws-eu1</td>")
	requireContains(t, body, `<option value="patch" selected>patch</option>`)
	requireContains(t, body, "<option selected>status</option>")
	requireContains(t, page(shoot+"&verb=delete"), "No client of a Seed can <b>delete shoots.core.gardener.cloud "+
		"garden-team-0/cluster-0-0</b>")
	requireContains(t, page("kind=Secret&namespace=x&name=y"), "<td>create</td><td>gardenlet, extension</td>"+
		"<td>all 2 Seeds</td>")
}

func TestDebugFind(t *testing.T) {
	g := landscape(3)
	g.Set(vertex(graph.KindProject, "", "team-0"), []graph.Edge{
		{From: vertex(graph.KindProject, "", "team-0"), To: vertex(graph.KindNamespace, "", "garden-team-0")}})
	get := debugServer(t, g)
	name := regexp.MustCompile(`<td><a href="[^"]*">([^<]*)</a></td>`)
	for query, want := range map[string][]string{
		"q=infrastructure-cred": {"infrastructure-credentials-of-the-team", "infrastructure-credentials-of-the-team",
			"infrastructure-credentials-of-the-team"},
		"q=nothing-like-that": nil,
		// In any order and case, by kind, and as kubectl has kinds.
		"q=garden-team-0/infra+SecretBinding": {"infrastructure"},
		"q=secretbinding+garden-team-0":       {"infrastructure"},
		"q=secretbindings+team-0":             {"infrastructure"},
		"q=SecretBinding/garden-team-0/inf":   {"infrastructure"},
		"q=team-0+infra&kind=SecretBinding":   {"infrastructure"},
		"q=&kind=Lease":                       {"aws-eu1", "aws-eu1-managed"},
		// What is that begins with it is before what holds it.
		"q=aws-eu1+seed&kind=Seed": {"aws-eu1", "aws-eu1-managed"},
		"q=team-0&kind=Namespace":  {"garden-team-0"},
		"q=project+team-0":         {"team-0"},
		"q=cluster-0-0&kind=Shoot": {"cluster-0-0"},
		// What a Shoot implies, by the whole name.
		"q=cluster-0-0.ssh-keypair":               {"cluster-0-0.ssh-keypair"},
		"q=garden-team-0/cluster-0-0.ssh-keypair": {"cluster-0-0.ssh-keypair"},
		"q=garden-team-1/cluster-0-0.ssh-keypair": nil,
		"q=cluster-0-0.ca-cluster":                {"cluster-0-0.ca-cluster", "cluster-0-0.ca-cluster"},
		"q=cluster-0-0.ca-cluster&kind=ConfigMap": {"cluster-0-0.ca-cluster"},
		"q=cluster-0-0.ssh":                       nil,
		"q=shootstate+cluster-0-1":                {"cluster-0-1"},
	} {
		a := get("/debug/find?" + query)
		require.Equal(t, http.StatusOK, a.code)
		var found []string
		for _, match := range name.FindAllStringSubmatch(strings.ReplaceAll(a.body, "<wbr>", ""), -1) {
			found = append(found, match[1])
		}
		require.Equal(t, want, found, query)
		requireContains(t, a.body, fmt.Sprintf("<h1>%d found</h1>", len(want)))
		require.Equal(t, want == nil, strings.Contains(a.body, "Nothing has all of the words"), query)
	}
	require.Equal(t, http.StatusBadRequest, get("/debug/find?q=x&kind=Pod").code)
}

// TestDebugFindRanks: of many that fit, the best come first, and all are counted.
func TestDebugFindRanks(t *testing.T) {
	g := graph.New(graph.Options{})
	for i := range 5 * maxRows {
		g.Set(vertex(graph.KindProject, "", fmt.Sprintf("a-shop-%d", i)), nil)
		g.Set(vertex(graph.KindProject, "", fmt.Sprintf("shop-%d", i)), nil)
	}
	g.Set(vertex(graph.KindProject, "", "shop"), nil)
	s := &snapshot{View: g.View()}
	all := s.find("shop", 0)
	require.Equal(t, 10*maxRows+1, all.Total)
	require.Len(t, all.Found, maxRows)
	require.Equal(t, "shop", all.Found[0].Vertex.Name)
	for _, n := range all.Found[1:] {
		require.True(t, strings.HasPrefix(n.Vertex.Name, "shop-"), n.Vertex)
	}
	require.Equal(t, "shop-0", all.Found[1].Vertex.Name)
	require.Equal(t, "shop-1", all.Found[2].Vertex.Name)
}

// TestDebugFindsWhatIsImpliedOnce, also when something refers to it.
func TestDebugFindsWhatIsImpliedOnce(t *testing.T) {
	g := landscape(1)
	other := vertex(graph.KindShoot, "garden-team-0", "other")
	g.Set(other, []graph.Edge{{From: vertex(graph.KindSecret, "garden-team-0", "cluster-0-0.ssh-keypair"), To: other}})
	require.Equal(t, 1, (&snapshot{View: g.View()}).find("cluster-0-0.ssh-keypair", 0).Total)
}

// TestDebugLooksAgainForWhatIsNew: pages of a large graph may be older, but not when they lack what was asked for, nor
// when somebody reloads them.
func TestDebugLooksAgainForWhatIsNew(t *testing.T) {
	options := newOptions()
	s := start(t, options)
	d := &debug{Server: s.Server}
	request := func(path string) *http.Request {
		return httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	}
	get := func(handler http.HandlerFunc, r *http.Request) string {
		w := httptest.NewRecorder()
		handler(w, r)
		return w.Body.String()
	}
	old := d.snapshot(request("/"))
	old.took, old.at = time.Hour, old.at.Add(-20*time.Second)
	options.Graph.Set(vertex(graph.KindProject, "", "new"), nil)

	requireContains(t, get(d.find, request("/debug/find?q=x")), "(20s ago)")
	require.Same(t, old, d.latest, "it took long to make, so it lasts")
	requireContains(t, get(d.find, request("/debug/find?q=new")), "<h1>1 found</h1>")
	require.NotSame(t, old, d.latest)

	d.latest = old
	requireContains(t, get(d.vertex, request("/debug/vertex?kind=Project&name=new")), "object</span>")
	require.NotSame(t, old, d.latest)

	d.latest = old
	reload := request("/debug/")
	reload.Header.Set("Cache-Control", "max-age=0")
	get(d.overview, reload)
	require.NotSame(t, old, d.latest)

	d.latest, old.at = old, old.at.Add(-oldest)
	get(d.overview, request("/debug/"))
	require.NotSame(t, old, d.latest, "and not forever")
}

// TestDebugPagesStayUsable: pages are bounded, however large the graph.
func TestDebugPagesStayUsable(t *testing.T) {
	g := landscape(2000)
	for i := range 2 * maxRows {
		g.Set(vertex(graph.KindSeed, "", fmt.Sprintf("seed-%d", i)), nil)
	}
	get := debugServer(t, g)
	for path, bounded := range map[string]string{
		"/debug/":               "The first 200 of 402",
		"/debug/find?q=cluster": "<h1>4000 found</h1>",
		"/debug/vertex?kind=CloudProfile&name=aws": "more",
		"/debug/vertex?kind=Seed&name=aws-eu1":     "more",
	} {
		a := get(path)
		require.Equal(t, http.StatusOK, a.code, path)
		require.Less(t, len(a.body), 150_000, path)
		requireContains(t, a.body, bounded)
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
	body := getPlain(t, s.DebugAddress(), "/debug/").body
	requireContains(t, body, "not ready")
	requireContains(t, body, "<li>shoots not synced</li>")
}

func TestProfiling(t *testing.T) {
	options := newOptions()
	options.Debug.Profiling = true
	s := start(t, options)
	require.Contains(t, getPlain(t, s.DebugAddress(), "/debug/pprof/").body, "goroutine")
}

// TestDebugPagesAreApart: Prometheus scrapes from anywhere, and sees no debug page. Those are on loopback, which
// kubectl port-forward reaches.
func TestDebugPagesAreApart(t *testing.T) {
	options := newOptions()
	options.Metrics.BindAddress = "0.0.0.0:0"
	s := start(t, options)
	require.Equal(t, http.StatusOK, getPlain(t, s.MetricsAddress(), "/metrics").code)
	require.Equal(t, http.StatusNotFound, getPlain(t, s.MetricsAddress(), "/debug/").code)
	require.Equal(t, http.StatusOK, getPlain(t, s.DebugAddress(), "/debug/").code)
	require.Equal(t, http.StatusNotFound, getPlain(t, s.DebugAddress(), "/metrics").code)
	require.True(t, netip.MustParseAddrPort(s.DebugAddress()).Addr().IsLoopback())

	options = newOptions()
	options.Metrics.BindAddress, options.Debug.BindAddress = "0", "0"
	s = start(t, options)
	require.Empty(t, s.MetricsAddress())
	require.Empty(t, s.DebugAddress())
	client := newClient(t)
	require.Equal(t, http.StatusOK, s.post(t, client, spec(own)).code)
	for _, path := range []string{"/metrics", "/debug/"} {
		require.Equal(t, http.StatusNotFound, s.get(t, client, path).code, "not on the webhooks' listener either")
	}
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
