package admission

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// The outcomes of a second look.
const (
	outcomeAllowed = "allowed"
	outcomeExists  = "exists"
	outcomeRefused = "refused"
	outcomeFailed  = "failed"
)

func newSecondLooks(registerer prometheus.Registerer) *prometheus.CounterVec {
	secondLooks := promauto.With(registerer).NewCounterVec(prometheus.CounterOpts{
		Name: "seedguard_admission_second_looks_total",
		Help: "Requests that a rule refused by the informers' objects, by what came of looking again: allowed by objects read " +
			"live, exists already, refused, failed.",
	}, []string{"outcome"})
	for _, outcome := range []string{outcomeAllowed, outcomeExists, outcomeRefused, outcomeFailed} {
		secondLooks.WithLabelValues(outcome)
	}
	return secondLooks
}
