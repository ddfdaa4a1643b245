package admission

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

const (
	// liveTimeout bounds all reads from the API server for one decision. kube-apiserver waits 3 seconds for the webhook.
	liveTimeout = 2 * time.Second
	// maxLiveReads bounds the objects that are read live for one decision. No check's denial rests on more, but for a
	// Secret that is named by many ManagedSeeds.
	maxLiveReads = 4
)

// The outcomes of a live recheck.
const (
	outcomeAllowed = "allowed"
	outcomeExists  = "exists"
	outcomeDenied  = "denied"
	outcomeFailed  = "failed"
)

type metrics struct {
	rechecks, warned *prometheus.CounterVec
	droppedLogs      prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) metrics {
	with := promauto.With(registerer)
	m := metrics{
		rechecks: with.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_admission_live_rechecks_total",
			Help: "Requests that a rule denied by the informers' objects, by the outcome of checking again with objects " +
				"read live: allowed, exists, denied, failed.",
		}, []string{"outcome"}),
		warned: with.NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_admission_reference_warnings_total",
			Help: "Writes that were admitted with a warning, because restriction.references is Warn, by resource and operation.",
		}, []string{"resource", "operation"}),
		droppedLogs: with.NewCounter(prometheus.CounterOpts{
			Name: "seedguard_admission_denial_logs_dropped_total",
			Help: "Denials that were not logged, because the log had too many lines about the Seed's clients already.",
		}),
	}
	for _, outcome := range []string{outcomeAllowed, outcomeExists, outcomeDenied, outcomeFailed} {
		m.rechecks.WithLabelValues(outcome)
	}
	return m
}

// recheck repeats a check that denied by the informers' objects, with objects read live, and then asks whether the
// object exists already. The error is nil when the request is allowed after all.
func (d *decision) recheck(ctx context.Context, denied error) (outcome string, err error) {
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	d.live = map[graph.Vertex]*garden.Object{}
	for range maxLiveReads {
		seen, ok := d.lastNotLive()
		if !ok {
			break
		}
		live, err := d.reader.Live(ctx, d.readsAs(), seen.Vertex)
		if errors.Is(err, garden.ErrNotAvailable) {
			live, err = seen.object, nil
		}
		if err != nil {
			if d.warns(denied) {
				return outcomeFailed, denied
			}
			return outcomeFailed, lookUpFailed(seen.Vertex, err)
		}
		d.live[seen.Vertex] = live
		if unchanged(seen.object, live) {
			continue
		}
		d.seen = nil
		if denied = d.run(); denied == nil {
			return outcomeAllowed, nil
		}
	}

	if d.warns(denied) {
		return outcomeDenied, denied // it is admitted, so the API server itself says whether it exists
	}
	exists, err := d.exists(ctx)
	switch {
	case err != nil:
		return outcomeFailed, lookUpFailed(d.vertex(), err)
	case exists:
		return outcomeExists, deny(http.StatusConflict, "it already exists (and %v)", denied)
	}
	return outcomeDenied, denied
}

func lookUpFailed(v graph.Vertex, err error) error {
	return deny(http.StatusInternalServerError, "%s could not be read from the API server: %v", v, err)
}

func unchanged(a, b *garden.Object) bool {
	return a == b ||
		a != nil && b != nil && a.UID == b.UID && a.ResourceVersion == b.ResourceVersion && a.ResourceVersion != ""
}

// exists reports whether an object that is to be created exists already. It is false where the API server cannot be
// asked: then the rules decide. A generated name is new.
func (d *decision) exists(ctx context.Context) (bool, error) {
	if d.GetOperation() != create || d.GetSubresource() != "" || d.name == "" ||
		d.object.GetGenerateName() != "" || d.hidden() {
		return false, nil
	}
	exists, err := d.reader.Exists(ctx, d.readsAs(), d.kind.Resource(), d.GetNamespace(), d.name)
	if errors.Is(err, garden.ErrNotAvailable) {
		return false, nil
	}
	return exists, err
}

// hidden reports whether the client may not know whether the object exists: a Secret that it may not read.
func (d *decision) hidden() bool {
	return d.policy.References != ReferencesOff &&
		(d.kind == graph.KindSecret || d.kind == graph.KindInternalSecret) && !d.reader.Related(d.vertex(), d.client.Seed)
}

// sighting is an object as it was seen, nil when it did not exist.
type sighting struct {
	graph.Vertex
	object *garden.Object
}

// lastNotLive returns the last of the objects seen that has not been read live.
func (d *decision) lastNotLive() (sighting, bool) {
	for _, s := range slices.Backward(d.seen) {
		if _, ok := d.live[s.Vertex]; !ok {
			return s, true
		}
	}
	return sighting{}, false
}
