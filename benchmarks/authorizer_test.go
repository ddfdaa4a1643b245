package benchmarks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/benchmarks/baseline"
	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/server"
)

const (
	gardenletPrefix = "gardener.cloud:system:seed:"
	seedsGroup      = "gardener.cloud:system:seeds"
	everyone        = "system:authenticated"
)

func newAuthorizer(b *testing.B, g authorizer.Graph) *authorizer.Authorizer {
	b.Helper()
	a, err := authorizer.New(authorizer.Options{Graph: g})
	if err != nil {
		b.Fatal(err)
	}
	return a
}

func decision(allowed bool) kauthorizer.Decision {
	if allowed {
		return kauthorizer.DecisionAllow
	}
	return kauthorizer.DecisionNoOpinion
}

// BenchmarkAuthorize measures Authorize in process, from attributes to decision: identity, rule and graph. The
// attributes are written anew for each request, since those of a request have just been decoded. The baseline is the
// same authorizer on the graph that searches.
func BenchmarkAuthorize(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		a := newAuthorizer(b, w.graph)
		users := map[string]string{}
		for i := range w.Seeds {
			users[w.SeedName(i)] = gardenletPrefix + w.SeedName(i)
		}
		for _, v := range vertices[:4] { // Secrets
			list := w.ask(v.ask(w))
			for i := range list {
				list[i].seed = users[list[i].seed]
			}
			client := &user.DefaultInfo{Groups: []string{seedsGroup, everyone}}
			get := &kauthorizer.AttributesRecord{User: client, Verb: "get", APIVersion: "v1", Resource: "secrets",
				ResourceRequest: true}
			b.Run("vertex="+v.name, func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					q := &list[i%questions]
					get.Namespace, get.Name, client.Name = q.Namespace, q.Name, q.seed
					if got, reason, err := a.Authorize(b.Context(), get); got != decision(q.want) || err != nil {
						b.Fatal(q, reason, err)
					}
				}
			})
		}
	})
}

// BenchmarkAuthorizeWhileWaiting measures the time of single decisions while 1,000 Shoots a second move, with nobody
// and with 100 clients who wait for news: each of these looks again after each move.
func BenchmarkAuthorizeWhileWaiting(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		g, ok := w.graph.(*graph.Graph)
		if !ok {
			return
		}
		hits, misses, moves := w.ask(vertices[0].ask(w)), w.ask(vertices[1].ask(w)), w.moves(b)
		for _, clients := range []int{0, 100} {
			b.Run(fmt.Sprintf("waiting=%d", clients), func(b *testing.B) {
				n := &news{}
				a, err := authorizer.New(authorizer.Options{Graph: g, News: n.next, Freshness: time.Hour})
				if err != nil {
					b.Fatal(err)
				}
				ctx, cancel := context.WithCancel(b.Context())
				var busy sync.WaitGroup
				moved := 0
				busy.Go(func() {
					write(ctx.Done(), true, func() {
						m := &moves[moved%len(moves)]
						g.Set(m.shoot, m.versions[(moved/len(moves)+1)%2])
						moved++
						n.tell()
					})
				})
				for i := range clients {
					// Ten of a Seed, in the name of Seeds that do not exist: the vertices of nobody.
					r := attributes(&misses[i%len(misses)])
					r.User = &user.DefaultInfo{Name: fmt.Sprintf("%snone-%d", gardenletPrefix, i/10), Groups: []string{seedsGroup}}
					busy.Go(func() { _, _, _ = a.Authorize(ctx, r) })
				}
				for n.asked() < clients {
					time.Sleep(time.Millisecond)
				}
				all := newLatencies(b.N)
				b.ResetTimer()
				for i := range b.N {
					q := &hits[i%questions]
					r := attributes(q)
					start := time.Now()
					got, reason, _ := a.Authorize(ctx, r)
					all.add(time.Since(start))
					if got != decision(q.want) {
						b.Fatal(q, reason)
					}
				}
				b.StopTimer()
				cancel()
				busy.Wait()
				report(b, []*latencies{all})
				moveBack(g, moves)
			})
		}
	})
}

// news tells of changes as a garden does.
type news struct {
	mu    sync.Mutex
	told  chan struct{}
	times int
}

func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.times++; n.told == nil {
		n.told = make(chan struct{})
	}
	return n.told
}

func (n *news) tell() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.told != nil {
		close(n.told)
		n.told = nil
	}
}

// asked returns how often somebody began to wait.
func (n *news) asked() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.times
}

// attributes returns a gardenlet's get of a Secret.
func attributes(q *question) *kauthorizer.AttributesRecord {
	return &kauthorizer.AttributesRecord{
		User: &user.DefaultInfo{Name: gardenletPrefix + q.seed, Groups: []string{seedsGroup, everyone}},
		Verb: "get", APIVersion: "v1", Resource: "secrets", Namespace: q.Namespace, Name: q.Name, ResourceRequest: true,
	}
}

// review returns the SubjectAccessReview of a gardenlet's get of a Secret, as kube-apiserver 1.37 sends it.
func review(q *question) string {
	return `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{},` +
		`"spec":{"resourceAttributes":{"namespace":"` + q.Namespace +
		`","verb":"get","version":"v1","resource":"secrets","name":"` + q.Name +
		`"},"user":"` + gardenletPrefix + q.seed + `",` +
		`"groups":["` + seedsGroup + `","` + everyone + `"],"extra":{"authentication.kubernetes.io/credential-id":` +
		`["X509SHA256=1c7a0f2c9d5f8be16b1a2ce7a3e9a7a1b8f6f0a4b7d8c9e0f1a2b3c4d5e6f708"]}},"status":{"allowed":false}}` + "\n"
}

// reviews are bodies with the decision that each must get.
type reviews struct {
	bodies  []string
	allowed []bool
}

// fewer is how many different reviews there are: those of a moment.
const fewer = 1 << 12

func (w *world) reviews() *reviews {
	hits, misses := w.ask(vertices[0].ask(w)), w.ask(vertices[1].ask(w))
	r := &reviews{}
	for i := range fewer {
		q := &hits[i]
		if i%2 == 1 {
			q = &misses[i]
		}
		r.bodies = append(r.bodies, review(q))
		r.allowed = append(r.allowed, q.want)
	}
	return r
}

// allows says what a SubjectAccessReview answers.
func allows(tb testing.TB, answer []byte) bool {
	var decoded struct {
		Kind   string
		Status struct{ Allowed bool }
	}
	if err := json.Unmarshal(answer, &decoded); err != nil || decoded.Kind != "SubjectAccessReview" {
		tb.Error(string(answer), err)
	}
	return decoded.Status.Allowed
}

// says looks for the decision in an answer without decoding it, which would take longer than to answer. The first
// answer to each body is decoded.
func says(answer []byte, allowed bool) bool {
	if allowed {
		return bytes.Contains(answer, saysTrue)
	}
	return bytes.Contains(answer, saysFalse)
}

var saysTrue, saysFalse = []byte(`"allowed":true`), []byte(`"allowed":false`)

// noAdmission is where admission is not measured.
type noAdmission struct{ *admission.Plugin }

// options are a server's on a graph, with the defaults but for free ports.
func options(b *testing.B, a kauthorizer.UnconditionalAuthorizer, g *graph.Graph,
	plugin server.Admission) server.Options {
	b.Helper()
	c := config.Default()
	c.Serving.SecurePort, c.Serving.ShutdownDelay = 0, metav1.Duration{}
	c.Metrics.BindAddress, c.Debug.BindAddress = config.ListenerOff, config.ListenerOff
	var resources []schema.GroupResource
	for _, kind := range garden.Watched() {
		resources = append(resources, kind.Resource().GroupResource())
	}
	resources = append(resources, schema.GroupResource{Resource: "secrets"})
	nothing := func() []string { return nil }
	return server.Options{
		Serving: c.Serving, Metrics: c.Metrics, Debug: c.Debug, Authorizer: a, Admission: plugin, Graph: g,
		Resources: resources, NotReady: nothing, Notices: nothing, Stale: nothing, Registry: prometheus.NewRegistry(),
	}
}

// handler returns the handler of a server that does not listen.
func handler(b *testing.B, o server.Options) http.Handler {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s, err := server.New(ctx, o)
	if err != nil {
		b.Fatal(err)
	}
	h := s.Handler()
	cancel()
	if err := s.Run(ctx); err != nil {
		b.Fatal(err)
	}
	return h
}

// recorder is a ResponseWriter that keeps the last answer and costs nothing else.
type recorder struct {
	header http.Header
	code   int
	answer []byte
}

func (r *recorder) Header() http.Header  { return r.header }
func (r *recorder) WriteHeader(code int) { r.code = code }
func (r *recorder) Write(p []byte) (int, error) {
	r.answer = append(r.answer, p...)
	return len(p), nil
}

// body is a request's body that can be used again.
type body struct{ strings.Reader }

func (*body) Close() error { return nil }

// caller returns a function that has the handler answer a body in process.
func caller(h http.Handler, path string) func(string) *recorder {
	request := httptest.NewRequest(http.MethodPost, path, http.NoBody)
	request.Header.Set("Content-Type", "application/json")
	input, w := &body{}, &recorder{header: http.Header{}}
	return func(content string) *recorder {
		input.Reset(content)
		request.Body, request.ContentLength = io.ReadCloser(input), int64(len(content))
		clear(w.header)
		w.code, w.answer = http.StatusOK, w.answer[:0]
		h.ServeHTTP(w, request)
		return w
	}
}

// BenchmarkReview measures the handler of SubjectAccessReviews in process, from the bytes of the body to those of the
// answer, metrics included and logs off. The baseline codec=official has the same authorizer on the same graph, and no
// metrics; impl=baseline is that codec on the graph that searches.
func BenchmarkReview(b *testing.B) {
	each(b, func(b *testing.B, w *world) {
		handlers := map[string]http.Handler{"official": &baseline.Codec{Authorizer: newAuthorizer(b, w.graph)}}
		if g, ok := w.graph.(*graph.Graph); ok {
			handlers["fast"] = handler(b, options(b, newAuthorizer(b, g), g, noAdmission{}))
		}
		list := w.reviews()
		for _, codec := range []string{"fast", "official"} {
			h := handlers[codec]
			if h == nil {
				continue
			}
			call := caller(h, server.AuthorizerPath)
			b.Run("codec="+codec, func(b *testing.B) {
				for i := range 100 {
					if answer := call(list.bodies[i]); allows(b, answer.answer) != list.allowed[i] {
						b.Fatal(list.bodies[i], string(answer.answer))
					}
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					at := i % fewer
					if answer := call(list.bodies[at]); answer.code != http.StatusOK || !says(answer.answer, list.allowed[at]) {
						b.Fatal(list.bodies[at], string(answer.answer))
					}
				}
			})
		}
	})
}
