package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/access"
)

// Follower takes over what changes in the configuration file while the server runs: KubeconfigAccess. Everything else
// holds from the start. A file that cannot be used changes nothing.
type Follower struct {
	// flags have the file as it was when the server began. read is the content that was looked at last.
	flags *Flags
	read  []byte

	changes   *prometheus.CounterVec
	lastValid prometheus.Gauge

	// problem is why the file as it is cannot be used, nil when it can.
	problem atomic.Pointer[string]
}

// followEvery is how often the file is looked at. A ConfigMap takes longer to reach a Pod.
const followEvery = 5 * time.Second

// NewFollower returns a Follower of the file that the flags name, after Complete has read it. Without a file there is
// nothing to follow. It panics when its metrics are registered already.
func (f *Flags) NewFollower(registerer prometheus.Registerer) *Follower {
	w := &Follower{
		flags: f,
		read:  f.content,
		changes: promauto.With(registerer).NewCounterVec(prometheus.CounterOpts{
			Name: "seedguard_config_changes_total",
			Help: "Changes of the configuration file, by result: applied or rejected.",
		}, []string{"result"}),
		lastValid: promauto.With(registerer).NewGauge(prometheus.GaugeOpts{
			Name: "seedguard_config_valid",
			Help: "1 when the configuration file can be used as it is, 0 when an earlier state of it is in force.",
		}),
	}
	w.lastValid.Set(1)
	return w
}

// Problems returns why the file as it is cannot be used, empty when it can.
func (w *Follower) Problems() []string {
	if problem := w.problem.Load(); problem != nil {
		return []string{*problem}
	}
	return nil
}

// Run gives each valid change to apply, until ctx ends.
func (w *Follower) Run(ctx context.Context, apply func(access.Config)) {
	if w.flags.file != "" {
		wait.UntilWithContext(ctx, func(ctx context.Context) { w.look(ctx, apply) }, followEvery)
	}
}

// look applies the file if its content has changed.
func (w *Follower) look(ctx context.Context, apply func(access.Config)) {
	content, err := os.ReadFile(w.flags.file)
	if err == nil && bytes.Equal(content, w.read) {
		return
	}
	if err != nil && w.problem.Load() != nil {
		return // told already
	}
	w.read = content
	log, changed := klog.FromContext(ctx).WithValues("file", w.flags.file), &SeedGuardConfiguration{}
	if err == nil {
		if changed, err = decode(content); err == nil {
			err = changed.KubeconfigAccess.Validate(field.NewPath("kubeconfigAccess")).ToAggregate()
		}
	}
	if err != nil {
		w.changes.WithLabelValues("rejected").Inc()
		log.Error(err, "The configuration file cannot be used; what it said before stays in force")
		w.problem.Store(new(fmt.Sprintf("the configuration file cannot be used: %s: %v", w.flags.file, err)))
		w.lastValid.Set(0)
		return
	}
	w.changes.WithLabelValues("applied").Inc()
	w.problem.Store(nil)
	w.lastValid.Set(1)
	apply(changed.KubeconfigAccess)
	log.Info("Applied kubeconfigAccess of the changed configuration file", "rules", len(changed.KubeconfigAccess.Rules))
	changed.KubeconfigAccess = w.flags.loaded.KubeconfigAccess
	if !reflect.DeepEqual(changed, w.flags.loaded) {
		log.Error(errors.New("not only kubeconfigAccess differs"),
			"The rest of the configuration file is applied at a restart")
	}
}
