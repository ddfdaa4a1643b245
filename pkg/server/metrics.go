package server

import (
	"cmp"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/client-go/util/cert"
	"k8s.io/component-base/version"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

// other counts what a caller can choose freely, so that labels are bounded.
const other = "other"

// metrics are the server's own; the garden registers those of the informers.
type metrics struct {
	authorizer, admission *decisions
	panics, rejected      *prometheus.CounterVec
	// compared and differences are about the other webhook that is asked the same.
	compared, differences *prometheus.CounterVec
	// resources are the labels of those that are counted by themselves.
	resources map[schema.GroupResource]string
}

// decisions are the metrics of one half.
type decisions struct {
	counts *prometheus.CounterVec
	// verbs are those that are counted by themselves.
	verbs    sets.Set[string]
	duration prometheus.Histogram
}

func newDecisions(
	factory promauto.Factory, half, verb string, verbs sets.Set[string], buckets []float64,
) *decisions {
	return &decisions{
		counts: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_" + half + "_decisions_total",
			Help: "Decisions, by result, kind of client, resource and " + verb + ".",
		}, []string{"result", "client", "resource", verb}),
		verbs: verbs,
		duration: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "seedguard_" + half + "_decision_duration_seconds",
			Help:    "Time to decide, without the time on the wire and without waiting for news of the graph.",
			Buckets: buckets,
		}),
	}
}

// newMetrics makes and registers what calls are counted by.
func newMetrics(registerer prometheus.Registerer, resources []schema.GroupResource) *metrics {
	factory := promauto.With(registerer)
	m := &metrics{
		authorizer: newDecisions(factory, "authorizer", "verb",
			sets.New("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
			prometheus.ExponentialBuckets(250e-9, 4, 12)), // to 1 s
		admission: newDecisions(factory, "admission", "operation", sets.New("CREATE", "UPDATE", "DELETE", "CONNECT"),
			prometheus.ExponentialBuckets(1e-6, 4, 11)), // to 1 s
		panics: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_webhook_panics_total",
			Help: "Webhook calls that panicked and were answered 500: bugs.",
		}, []string{"webhook"}),
		rejected: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_webhook_rejected_total",
			Help: "Webhook calls that got no decision, by reason " +
				"(caller, method, content_type, too_many, not_ready, stale, too_many_bytes, too_large, bad_request).",
		}, []string{"webhook", "reason"}),
		compared: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_compared_reviews_total",
			Help: "Reviews that another webhook was to be asked too, by result: same, different, error, dropped.",
		}, []string{"result"}),
		differences: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_compared_differences_total",
			Help: "Reviews that another webhook decides otherwise, by resource, verb and direction: " +
				"onlyWe or onlyThey allow the request.",
		}, []string{"resource", "verb", "direction"}),
		resources: map[schema.GroupResource]string{},
	}
	for _, resource := range resources {
		m.resources[resource] = resource.String()
	}
	for _, name := range []string{"authorizer", "admission"} {
		m.panics.WithLabelValues(name) // shows 0 until there is one
	}
	return m
}

// results are decisions in the metrics' words.
var results = map[authorizer.Decision]string{authorizer.DecisionAllow: "allow", authorizer.DecisionDeny: "deny"}

// resultOf says a decision in the metrics' words. What is no decision that there is, is answered as no opinion.
func resultOf(decision authorizer.Decision) string { return cmp.Or(results[decision], "no_opinion") }

// reviewed counts a decision of the authorizer.
func (m *metrics) reviewed(r *review, decision authorizer.Decision, took time.Duration) {
	m.count(m.authorizer, resultOf(decision), r.User, r.resource(), r.Verb, took)
}

// admitted counts a decision of the admission. A result of what is allowed all the same is that of a denial.
func (m *metrics) admitted(q *admissionv1.AdmissionRequest, a *admissionv1.AdmissionResponse, took time.Duration) {
	result := "denied"
	switch {
	case a.Allowed && a.Result == nil:
		result = "allowed"
	case a.Result != nil && a.Result.Code >= http.StatusInternalServerError:
		result = "error"
	}
	who := &user.DefaultInfo{Name: q.UserInfo.Username, Groups: q.UserInfo.Groups}
	m.count(m.admission, result, who, schema.GroupResource{Group: q.Resource.Group, Resource: q.Resource.Resource},
		string(q.Operation), took)
}

func (m *metrics) count(
	d *decisions, result string, who user.Info, resource schema.GroupResource, verb string, took time.Duration,
) {
	client, _ := identity.From(who)
	d.counts.WithLabelValues(result, client.Kind.String(), m.resource(resource), d.verb(verb)).Inc()
	d.duration.Observe(took.Seconds())
}

// resource and verb return what these are counted by.
func (m *metrics) resource(resource schema.GroupResource) string {
	return cmp.Or(m.resources[resource], other)
}

func (d *decisions) verb(verb string) string {
	if d.verbs.Has(verb) {
		return verb
	}
	return other
}

// register registers what is read off the server when somebody asks.
func (s *Server) register() {
	factory := promauto.With(s.options.Registry)
	build := version.Get()
	factory.NewGauge(prometheus.GaugeOpts{
		Name: "seedguard_build_info",
		Help: "1, with the build's version, commit and Go version as labels.",
		ConstLabels: prometheus.Labels{
			"version": build.GitVersion, "commit": build.GitCommit, "go_version": runtime.Version(),
		},
	}).Set(1)
	modes := factory.NewGaugeVec(prometheus.GaugeOpts{
		Name: "seedguard_mode",
		Help: "1, with each half (authorizer, restriction) and its mode as labels.",
	}, []string{"half", "mode"})
	for half, mode := range s.options.Modes {
		modes.WithLabelValues(half, mode).Set(1)
	}
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "seedguard_webhook_requests_in_flight",
		Help: "Webhook calls that are being answered.",
	}, func() float64 { return float64(s.inFlight.Load()) })
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "seedguard_ready",
		Help: "Whether decisions are made (1) or not (0): not yet, or not on an old state.",
	}, func() float64 {
		if s.ready() && len(s.options.Stale()) == 0 {
			return 1
		}
		return 0
	})
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "seedguard_serving_certificate_expiration_timestamp_seconds",
		Help: "When the serving certificate expires, in seconds since the epoch; 0 when it cannot be read.",
	}, func() float64 {
		content, _ := s.certificates.serving.CurrentCertKeyContent()
		chain, err := cert.ParseCertsPEM(content)
		if err != nil {
			return 0
		}
		return float64(chain[0].NotAfter.Unix())
	})
	s.options.Registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), graphCollector{s.options.Graph})
}

// graphCollector reads off the size of the graph.
type graphCollector struct{ graph *graph.Graph }

var (
	descVertices = prometheus.NewDesc("seedguard_graph_vertices",
		"Vertices of the graph by kind, without those that follow from a Shoot's name alone.", []string{"kind"}, nil)
	descObjects = prometheus.NewDesc("seedguard_graph_objects",
		"Vertices of the graph that are objects themselves, by kind.", []string{"kind"}, nil)
	descEdges = prometheus.NewDesc("seedguard_graph_edges",
		"Edges of the graph, by the kinds of their ends. An edge that two objects imply counts twice.",
		[]string{"from", "to"}, nil)
	descLeftOutEdges = prometheus.NewDesc("seedguard_graph_left_out_edges_total",
		"Edges that objects implied and that are not allow-listed, so that they were left out.", nil, nil)
)

// Describe implements prometheus.Collector.
func (graphCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{descVertices, descObjects, descEdges, descLeftOutEdges} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c graphCollector) Collect(out chan<- prometheus.Metric) {
	stats := c.graph.Stats()
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
	for kind, n := range stats.Vertices {
		send(descVertices, prometheus.GaugeValue, float64(n), kind.String())
	}
	for kind, n := range stats.Objects {
		send(descObjects, prometheus.GaugeValue, float64(n), kind.String())
	}
	for kinds, n := range stats.Edges {
		send(descEdges, prometheus.GaugeValue, float64(n), kinds[0].String(), kinds[1].String())
	}
	send(descLeftOutEdges, prometheus.CounterValue, float64(stats.LeftOut))
}
