package server

import (
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/component-base/version"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

// Labels are bounded: what a caller can choose freely is counted as "other".
const other = "other"

// index gives the known values of a label small numbers, so that a decision is counted without building a label.
type index[K comparable] struct {
	names   []string
	numbers map[K]int
}

// newIndex numbers the values from 1; 0 is "other".
func newIndex[K comparable](values []K, name func(K) string) index[K] {
	i := index[K]{names: []string{other}, numbers: map[K]int{}}
	for _, value := range values {
		if _, ok := i.numbers[value]; !ok {
			i.numbers[value] = len(i.names)
			i.names = append(i.names, name(value))
		}
	}
	return i
}

// decisions counts decisions by result, kind of client, resource and verb. The counters of a combination are made when it
// first comes up, so that no scrape carries the thousands that never do.
type decisions struct {
	counters  *prometheus.CounterVec
	made      []atomic.Pointer[prometheus.Counter]
	results   []string
	resources index[schema.GroupResource]
	verbs     index[string]
	duration  prometheus.Histogram
}

var clientKinds = []identity.ClientKind{0, identity.Gardenlet, identity.Extension}

func newDecisions(half, verb string, results []string, resources []schema.GroupResource, verbs []string, buckets []float64) *decisions {
	d := &decisions{
		counters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_" + half + "_decisions_total",
			Help: "Decisions, by result, kind of client, resource and " + verb + ".",
		}, []string{"result", "client", "resource", verb}),
		results:   results,
		resources: newIndex(resources, schema.GroupResource.String),
		verbs:     newIndex(verbs, strings.Clone),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "seedguard_" + half + "_decision_duration_seconds",
			Help:    "Time to decide, without the time on the wire.",
			Buckets: buckets,
		}),
	}
	d.made = make([]atomic.Pointer[prometheus.Counter], len(results)*len(clientKinds)*len(d.resources.names)*len(d.verbs.names))
	return d
}

func (d *decisions) count(result int, client identity.ClientKind, resource schema.GroupResource, verb string, took time.Duration) {
	r, v := d.resources.numbers[resource], d.verbs.numbers[verb]
	slot := &d.made[((result*len(clientKinds)+int(client))*len(d.resources.names)+r)*len(d.verbs.names)+v]
	counter := slot.Load()
	if counter == nil {
		made := d.counters.WithLabelValues(d.results[result], client.String(), d.resources.names[r], d.verbs.names[v])
		counter = &made
		slot.Store(counter)
	}
	(*counter).Inc()
	d.duration.Observe(took.Seconds())
}

// reviewDecisions counts what the authorizer decides.
type reviewDecisions struct{ *decisions }

var reviewResults = []string{
	authorizer.DecisionDeny:      "deny",
	authorizer.DecisionAllow:     "allow",
	authorizer.DecisionNoOpinion: "no_opinion",
}

func (d reviewDecisions) decided(r *review, decision authorizer.Decision, took time.Duration) {
	client, _ := identity.From(&r.info)
	if int(decision) >= len(reviewResults) || decision < 0 {
		decision = authorizer.DecisionNoOpinion // as it is answered
	}
	d.count(int(decision), client.Kind, schema.GroupResource{Group: r.APIGroup, Resource: r.Resource}, r.Verb, took)
}

var (
	reviewVerbs         = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
	admissionOperations = []string{"CREATE", "UPDATE", "DELETE", "CONNECT"}
	admissionResults    = []string{"denied", "allowed", "error"}
)

// webhookMetrics count the calls of one webhook that get no decision.
type webhookMetrics struct {
	panics  prometheus.Counter
	refused func(reason string)
}

// metrics are the server's own; the garden registers those of the informers.
type metrics struct {
	authorizer reviewDecisions
	admission  *decisions
	panics     *prometheus.CounterVec
	refused    *prometheus.CounterVec
}

func newMetrics(resources []schema.GroupResource) *metrics {
	return &metrics{
		authorizer: reviewDecisions{newDecisions("authorizer", "verb", reviewResults, resources, reviewVerbs,
			prometheus.ExponentialBuckets(250e-9, 4, 12))},
		admission: newDecisions("admission", "operation", admissionResults, resources, admissionOperations,
			prometheus.ExponentialBuckets(1e-6, 4, 11)),
		panics: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_webhook_panics_total",
			Help: "Webhook calls that panicked and were answered 500: bugs.",
		}, []string{"webhook"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_webhook_refused_total",
			Help: "Webhook calls that got no decision, by reason (caller, method, content_type, too_many, not_ready, too_large, bad_request).",
		}, []string{"webhook", "reason"}),
	}
}

func (m *metrics) webhook(name string) *webhookMetrics {
	return &webhookMetrics{
		panics:  m.panics.WithLabelValues(name),
		refused: func(reason string) { m.refused.WithLabelValues(name, reason).Inc() },
	}
}

// register registers all metrics of the server.
func (s *Server) register(registry prometheus.Registerer) error {
	build := version.Get()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "seedguard_build_info",
		Help: "1, with the build's version, commit and Go version as labels.",
		ConstLabels: prometheus.Labels{
			"version": build.GitVersion, "commit": build.GitCommit, "go_version": runtime.Version(),
		},
	})
	info.Set(1)
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		info,
		s.metrics.authorizer.counters, s.metrics.authorizer.duration,
		s.metrics.admission.counters, s.metrics.admission.duration,
		s.metrics.panics, s.metrics.refused,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "seedguard_webhook_requests_in_flight",
			Help: "Webhook calls that are being answered.",
		}, func() float64 { return float64(s.inFlight.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "seedguard_ready",
			Help: "Whether decisions are made (1) or not yet (0).",
		}, func() float64 {
			if s.ready() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "seedguard_serving_certificate_expiration_timestamp_seconds",
			Help: "When the serving certificate expires, in seconds since the epoch; 0 when it cannot be read.",
		}, func() float64 {
			expiry, err := s.certificates.expiry()
			if err != nil {
				return 0
			}
			return float64(expiry.Unix())
		}),
		graphCollector{s.options.Graph},
	} {
		if err := registry.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// graphCollector reads off the size of the graph.
type graphCollector struct{ graph *graph.Graph }

var (
	descVertices = prometheus.NewDesc("seedguard_graph_vertices",
		"Vertices of the graph by kind, without those that follow from a Shoot's name alone.", []string{"kind"}, nil)
	descObjects = prometheus.NewDesc("seedguard_graph_objects",
		"Vertices of the graph that are objects themselves, by kind.", []string{"kind"}, nil)
	descEdges = prometheus.NewDesc("seedguard_graph_edges",
		"Edges of the graph, by the kinds of their ends. An edge that two objects imply counts twice.", []string{"from", "to"}, nil)
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
		send(descEdges, prometheus.GaugeValue, float64(n), kinds.From.String(), kinds.To.String())
	}
	send(descLeftOutEdges, prometheus.CounterValue, float64(stats.LeftOut))
}
