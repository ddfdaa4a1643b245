package server

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/http/pprof"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/simple"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/graph"
)

// Bounds that keep the pages small, however large the graph is.
const (
	// viewLasts is how old a view of the graph may be that a page shows. A view that takes long to make (with 100,000
	// Shoots a second) lasts viewCosts times as long as that, but not longer than oldest. Who reloads a page, or looks for
	// what such a view does not have, gets one that is not older than viewLasts.
	viewLasts = 3 * time.Second
	viewCosts = 20
	oldest    = 30 * time.Second
	// maxRows is how many Seeds, neighbours or finds a page lists.
	maxRows = 200
	// maxPaths is how many paths are explained unasked.
	maxPaths = 3
	// maxDot is how many nodes /debug/graph.dot writes. Graphviz gives up earlier.
	maxDot = 5000
)

//go:embed debug.html
var debugHTML string

var debugPages = template.Must(template.New("debug").Funcs(template.FuncMap{
	"join":      func(words []string) string { return strings.Join(words, ", ") },
	"humps":     func(kind graph.Kind) []string { return hump.FindAllString(kind.String(), -1) },
	"breakable": func(name string) []string { return strings.SplitAfter(name, ".") },
	"link":      func(v graph.Vertex) string { return "/debug/vertex?" + vertexQuery(v).Encode() },
	"dotLink":   func(v graph.Vertex) string { return "/debug/graph.dot?" + vertexQuery(v).Encode() },
	"node":      func(v graph.Vertex) graph.Node { return graph.Node{Vertex: v} },
}).Parse(debugHTML))

// hump is a part of the name of a kind, behind which a line may break.
var hump = regexp.MustCompile("[A-Z][^A-Z]*")

func vertexQuery(v graph.Vertex) url.Values {
	return url.Values{"kind": {v.Kind.String()}, "namespace": {v.Namespace}, "name": {v.Name}}
}

// debug serves the debug pages. They read copies of the graph, and so never hold up decisions.
type debug struct {
	*Server

	mu     sync.Mutex
	latest *snapshot
}

// snapshot is a view of the graph with its Seeds.
type snapshot struct {
	*graph.View
	at    time.Time
	took  time.Duration
	seeds []graph.Node
}

// snapshot returns a view that is young enough for a request.
func (d *debug) snapshot(r *http.Request) *snapshot {
	if r.Header.Get("Cache-Control") != "" { // which browsers send when somebody reloads a page
		return d.snapshotOf(0)
	}
	return d.snapshotOf(viewCosts)
}

// snapshotOf returns a view that is not older than viewLasts, or costs times what it took to make it. One is made at a
// time.
func (d *debug) snapshotOf(costs time.Duration) *snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	begin := time.Now()
	if d.latest != nil && begin.Sub(d.latest.at) < max(viewLasts, min(costs*d.latest.took, oldest)) {
		return d.latest
	}
	s := &snapshot{View: d.options.Graph.View(), at: begin}
	for nodes := s.Nodes(); nodes.Next(); {
		if n := nodes.Node().(graph.Node); isSeed(n) {
			s.seeds = append(s.seeds, n)
		}
	}
	slices.SortFunc(s.seeds, explain.Compare)
	s.took = time.Since(begin)
	d.latest = s
	return s
}

// page is what every page shows.
type page struct {
	Title string
	// Query was searched for, among all Kinds or Only one.
	Query string
	Only  graph.Kind
	Kinds []graph.Kind
	// Searching: the search has the focus when the page is opened.
	Searching bool
	Ready     bool
	At        time.Time
	Age       time.Duration
}

func (d *debug) page(s *snapshot, title string) page {
	return page{
		Title: title, Ready: d.ready(), Kinds: graph.Kinds(), At: s.at, Age: time.Since(s.at).Truncate(time.Second),
	}
}

func (d *debug) register(mux *http.ServeMux) {
	mux.Handle("GET /{$}", http.RedirectHandler("/debug/", http.StatusFound))
	mux.HandleFunc("GET /debug/{$}", d.overview)
	mux.HandleFunc("GET /debug/find", d.find)
	mux.HandleFunc("GET /debug/vertex", d.vertex)
	mux.HandleFunc("GET /debug/graph.dot", d.dot)
	if d.options.Debug.Profiling {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
}

// contentSecurity allows the pages' own styles and the search, nothing else.
const contentSecurity = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; " +
	"base-uri 'none'"

func (d *debug) render(w http.ResponseWriter, code int, name string, data any) {
	var b bytes.Buffer
	if err := debugPages.ExecuteTemplate(&b, name, data); err != nil {
		d.log.Error(err, "BUG: a debug page cannot be rendered", "page", name)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", contentSecurity)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	// The caller may have gone away; there is nobody left to tell.
	_, _ = b.WriteTo(w)
}

func (d *debug) overview(w http.ResponseWriter, r *http.Request) {
	s, stats := d.snapshot(r), d.options.Graph.Stats()
	data := struct {
		page
		Reasons                  []string
		Stats                    graph.Stats
		Vertices, Objects, Edges int
		View                     *graph.View
		Seeds, ShownSeeds        []graph.Node
		Profiling                bool
	}{
		page: d.page(s, "Graph"), Stats: stats, Profiling: d.options.Debug.Profiling,
		Vertices: total(stats.Vertices), Objects: total(stats.Objects), Edges: total(stats.Edges),
		View: s.View, Seeds: s.seeds, ShownSeeds: s.seeds[:min(len(s.seeds), maxRows)],
	}
	data.Searching = true
	if !data.Ready {
		data.Reasons = d.options.NotReady()
	}
	d.render(w, http.StatusOK, "overview", data)
}

func total[K comparable](counts map[K]int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

func (d *debug) find(w http.ResponseWriter, r *http.Request) {
	query, name := r.URL.Query().Get("q"), r.URL.Query().Get("kind")
	kind, ok := graph.ParseKind(name)
	if !ok && name != "" {
		http.Error(w, fmt.Sprintf("kind %q is none of the graph's", name), http.StatusBadRequest)
		return
	}
	s := d.snapshot(r)
	all := s.find(query, kind)
	if all.Total == 0 {
		s = d.snapshotOf(0)
		all = s.find(query, kind)
	}
	data := struct {
		page
		finding
		// Likely is the kind that somebody may want to ask about.
		Likely graph.Kind
	}{d.page(s, "Find"), all, cmp.Or(kind, graph.KindSecret)}
	data.Query, data.Only, data.Searching = query, kind, true
	d.render(w, http.StatusOK, "find", data)
}

// vertexOf reads a vertex from a query.
func vertexOf(q url.Values) (graph.Vertex, error) {
	kind, ok := graph.ParseKind(q.Get("kind"))
	if !ok {
		return graph.Vertex{}, fmt.Errorf("kind %q is none of the graph's", q.Get("kind"))
	}
	if q.Get("name") == "" {
		return graph.Vertex{}, errors.New("name must be set")
	}
	return graph.Vertex{Kind: kind, Namespace: q.Get("namespace"), Name: q.Get("name")}, nil
}

func (d *debug) vertex(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	v, err := vertexOf(query)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s := d.snapshot(r)
	node, found := s.Find(v)
	if !found {
		s = d.snapshotOf(0)
		node, found = s.Find(v)
	}
	data := struct {
		page
		graph.Vertex
		Node       graph.Node
		Found      bool
		ShownSeeds []graph.Vertex
		MoreSeeds  int
		Seed       string
		Paths      [][]graph.Vertex
		Gaps       []explain.Gap
		MoreGaps   bool
		Who        who
		To, From   neighbours
		Drawing    *drawing
	}{page: d.page(s, v.String()), Vertex: v, Node: node, Found: found, Seed: query.Get("seed")}
	seeds := d.options.Graph.Seeds(v)
	for _, seed := range seeds[:min(len(seeds), maxRows)] {
		data.ShownSeeds = append(data.ShownSeeds, graph.Vertex{Kind: graph.KindSeed, Name: seed})
	}
	data.MoreSeeds = len(seeds) - len(data.ShownSeeds)
	ask := seeds[:min(len(seeds), maxPaths)]
	if data.Seed != "" {
		ask = []string{data.Seed}
	}
	for _, seed := range ask {
		if path := s.Path(v, seed); path != nil {
			data.Paths = append(data.Paths, path)
		}
	}
	if len(data.Paths) == 0 {
		data.Gaps, data.MoreGaps = explain.WhyNot(s.View, v, data.Seed)
	}
	data.Who = d.who(r.Context(), s, v, query)
	if !found {
		d.render(w, http.StatusNotFound, "vertex", data)
		return
	}
	data.To, data.From = listed(s.From(node.ID())), listed(s.To(node.ID()))
	data.Drawing = draw(s.View, node)
	d.render(w, http.StatusOK, "vertex", data)
}

// who is what a vertex's page says about who can do what with it.
type who struct {
	// Question was asked; Verbs and Subresources are those that can be asked about.
	Question            explain.Question
	Verbs, Subresources []string
	Seeds               int
	Allowed, Others     []explain.Answer
}

func (d *debug) who(ctx context.Context, s *snapshot, v graph.Vertex, query url.Values) who {
	resource := v.Kind.Resource().GroupResource()
	w := who{
		Question: explain.Question{
			Verb: cmp.Or(query.Get("verb"), explain.AllVerbs), Resource: resource, Subresource: query.Get("subresource"),
			Namespace: v.Namespace, Name: v.Name,
		},
		Verbs:        append([]string{explain.AllVerbs}, explain.Verbs()...),
		Subresources: explain.Subresources(resource),
		Seeds:        len(s.seeds),
	}
	var seeds []string
	for _, n := range s.seeds {
		seeds = append(seeds, n.Vertex.Name)
	}
	w.Allowed, w.Others = d.options.WhoCan(ctx, seeds, w.Question)
	return w
}

// neighbours are nodes as a page lists them.
type neighbours struct {
	Shown       []graph.Node
	Total, More int
}

func listed(nodes gonum.Nodes) neighbours {
	n := neighbours{Total: nodes.Len(), More: max(0, nodes.Len()-maxRows)}
	for len(n.Shown) < maxRows && nodes.Next() {
		n.Shown = append(n.Shown, nodes.Node().(graph.Node))
	}
	slices.SortFunc(n.Shown, explain.Compare)
	return n
}

// dot writes the graph, or the part around one vertex, in Graphviz' language.
func (d *debug) dot(w http.ResponseWriter, r *http.Request) {
	s := d.snapshot(r)
	var part gonum.Directed = s.View
	if r.URL.Query().Has("kind") {
		v, err := vertexOf(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		part = s.around(v)
	}
	if part.Nodes().Len() > maxDot {
		message := fmt.Sprintf("there are more than the %d nodes that are written; "+
			"name a vertex by kind, namespace and name that has fewer around it", maxDot)
		http.Error(w, message, http.StatusUnprocessableEntity)
		return
	}
	written, err := dot.Marshal(part, "garden", "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/vnd.graphviz; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// The caller may have gone away; there is nobody left to tell.
	_, _ = w.Write(append(written, '\n'))
}

// around returns what leads to a vertex and where it leads, up to the first Seeds. Of more than maxDot nodes it returns
// some, which are more as well.
func (s *snapshot) around(v graph.Vertex) *simple.DirectedGraph {
	part := simple.NewDirectedGraph()
	start, ok := s.Find(v)
	if !ok {
		return part
	}
	part.AddNode(start)
	walk(start, s.From, func(n, next graph.Node) { part.SetEdge(simple.Edge{F: n, T: next}) })
	walk(start, s.To, func(n, next graph.Node) { part.SetEdge(simple.Edge{F: next, T: n}) })
	return part
}

// walk calls visit with each edge that it goes along, from start up to the first Seeds, until it has met more than
// maxDot nodes.
func walk(start graph.Node, neighbours func(int64) gonum.Nodes, visit func(n, next graph.Node)) {
	visited := sets.New(start.ID())
	for queue := []graph.Node{start}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		if isSeed(n) && n != start {
			continue
		}
		for nodes := neighbours(n.ID()); len(visited) <= maxDot && nodes.Next(); {
			next := nodes.Node().(graph.Node)
			visit(n, next)
			if !visited.Has(next.ID()) {
				visited.Insert(next.ID())
				queue = append(queue, next)
			}
		}
	}
}
