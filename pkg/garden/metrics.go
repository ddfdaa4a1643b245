package garden

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are what the garden counts as it goes. What can be read off when asked is in collector.
type metrics struct {
	update, lockWait, eventLag prometheus.Histogram
	liveReads, edgesDropped    *prometheus.CounterVec
}

// newMetrics registers the metrics; a nil registerer takes none.
func newMetrics(registerer prometheus.Registerer) *metrics {
	factory := promauto.With(registerer)
	return &metrics{
		update: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "seedguard_graph_update_duration_seconds",
			Help:    "Time to bring the graph up to date after an event that may change edges, without the wait for the lock.",
			Buckets: prometheus.ExponentialBuckets(1e-6, 4, 10),
		}),
		lockWait: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "seedguard_graph_update_lock_wait_seconds",
			Help:    "Time that an update of the graph waited for the ones before it.",
			Buckets: prometheus.ExponentialBuckets(1e-6, 4, 10),
		}),
		eventLag: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "seedguard_garden_event_lag_seconds",
			Help:    "Time from the arrival of a changed object to its being in the graph.",
			Buckets: prometheus.ExponentialBuckets(1e-5, 4, 11),
		}),
		liveReads: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_garden_live_reads_total",
			Help: "Reads from the API server beside the informers, by what was read (object, metadata, token, absence) and " +
				"result (ok, unavailable, forbidden, exhausted, error).",
		}, []string{"what", "result"}),
		edgesDropped: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_garden_edges_dropped_total",
			Help: "Edges that were left out of the graph because their object implies too many, counted once per object.",
		}, []string{"kind"}),
	}
}

var (
	descSynced = prometheus.NewDesc("seedguard_garden_informer_synced",
		"Whether the first list of a kind has reached the graph (1) or not (0).", []string{"kind"}, nil)
	descObjects = prometheus.NewDesc("seedguard_garden_objects",
		"Objects in an informer's cache.", []string{"kind"}, nil)
	descWatchOpen = prometheus.NewDesc("seedguard_garden_watch_open",
		"Whether a kind is being watched right now (1) or not (0).", []string{"kind"}, nil)
	descWatchActivity = prometheus.NewDesc("seedguard_garden_watch_last_activity_timestamp_seconds",
		"When the source last answered a list or sent an event or bookmark, in seconds since the epoch.",
		[]string{"kind"}, nil)
	descContact = prometheus.NewDesc("seedguard_garden_last_contact_timestamp_seconds",
		"When the API server of a group last answered a probe or sent an event or bookmark, in seconds since the epoch.",
		[]string{"group_version"}, nil)
	descWatchFailures = prometheus.NewDesc("seedguard_garden_watch_failures_total",
		"Lists and watches that failed.", []string{"kind"}, nil)
)

// collector reads off the state of the informers.
type collector struct{ garden *Garden }

// Describe implements prometheus.Collector.
func (c collector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		descSynced, descObjects, descWatchOpen, descWatchActivity, descContact, descWatchFailures,
	} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for _, contact := range c.garden.contacts {
		if last := contact.last(); last != 0 && contact.prober != nil {
			out <- prometheus.MustNewConstMetric(
				descContact, prometheus.GaugeValue, float64(last)/1e3, contact.groupVersion.String())
		}
	}
	for kind, w := range c.garden.watches {
		gauge := func(desc *prometheus.Desc, value float64) {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, kind.String())
		}
		gauge(descSynced, truth(w.handled.HasSynced()))
		gauge(descObjects, float64(len(w.informer.GetStore().ListKeys())))
		gauge(descWatchOpen, truth(w.door.era.Load() != nil))
		if last := w.door.last.Load(); last != 0 {
			gauge(descWatchActivity, float64(last)/1e3)
		}
		out <- prometheus.MustNewConstMetric(
			descWatchFailures, prometheus.CounterValue, float64(w.door.failures.Load()), kind.String())
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
