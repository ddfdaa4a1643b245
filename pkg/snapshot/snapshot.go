// Package snapshot decides on a garden as it was when it was read: what the command line and scenarios ask.
package snapshot

import (
	"context"
	"fmt"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// Snapshot is a garden, and how to decide on it. Nothing runs behind it. It is safe for concurrent use.
type Snapshot struct {
	Config *config.SeedGuardConfiguration
	Graph  *graph.Graph
	Garden *garden.Garden
	Access *access.Policy
	// Authorizer is the SeedAuthorizer on the snapshot. In mode Observe it says what is recorded.
	Authorizer *authorizer.Authorizer
	clock      clock.WithDelayedExecution
	// guarded is what the webhook of the admission is registered for.
	guarded []admission.Guarded
}

// patience is for how long nothing may come of a garden that is being read.
const patience = time.Minute

// Read reads a garden. The clock is the time of the decisions; nil is the real one. Tell is told now and then how far
// the reading has come.
func Read(
	ctx context.Context, source garden.Source, c *config.SeedGuardConfiguration, clock clock.WithDelayedExecution,
	tell func(garden.Progress),
) (*Snapshot, error) {
	s := &Snapshot{
		Config: c, Graph: graph.New(graph.Options{ParentScope: c.Authorizer.ParentScope}), clock: clock,
		guarded: admission.AllGuarded(c.Restriction.References, c.KubeconfigAccess.Enabled()),
	}
	s.Garden = garden.New(garden.Options{Source: source, Graph: s.Graph, Clock: clock})
	s.Access = access.New(s.Garden, c.KubeconfigAccess, nil)
	var err error
	s.Authorizer, err = authorizer.New(authorizer.Options{
		Graph: s.Graph, References: c.Restriction.References == admission.ReferencesEnforce, Access: s.Access,
		Mode: c.Authorizer.Decides(), Exempt: c.Restriction.Exempts,
	})
	if err == nil {
		err = read(ctx, s.Garden, patience, tell)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// read runs the garden until all of its objects are in the graph.
func read(ctx context.Context, g *garden.Garden, patience time.Duration, tell func(garden.Progress)) error {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	var running sync.WaitGroup
	defer running.Wait()
	reading, stop := context.WithCancel(klog.NewContext(ctx, klog.Logger{})) // the error says what went wrong
	defer stop()
	running.Go(func() { _ = g.Run(reading) }) // ends without error when it is told to
	running.Go(func() {
		last, since := garden.Progress{}, time.Now()
		wait.UntilWithContext(reading, func(context.Context) {
			now := g.Progress()
			if now != last {
				last, since = now, time.Now()
			} else if time.Since(since) > patience {
				giveUp(fmt.Errorf("nothing came for %s", patience))
			}
			tell(now)
		}, 100*time.Millisecond)
	})
	return g.WaitReady(ctx)
}

// Admission returns the SeedRestriction on the snapshot, with objects from the reader. In mode Observe it says what is
// recorded.
func (s *Snapshot) Admission(reader garden.Reader) *admission.Plugin {
	policy := s.Config.Restriction
	policy.Mode = admission.ModeEnforce
	return admission.New(admission.Options{Reader: reader, Clock: s.clock, Policy: policy, Access: s.Access})
}

// Guards reports whether API servers ask the SeedRestriction about an operation on a resource.
func (s *Snapshot) Guards(resource schema.GroupResource, subresource string, operation admissionv1.Operation) bool {
	_, guarded := admission.FindGuarded(s.guarded, resource, subresource, operation)
	return guarded
}

// AsRead is a garden as it was read. Of a live one nothing is read again: many requests that are denied are asked about
// in a row, more than an API server should be, and it may know of objects that were created afterwards.
type AsRead struct{ garden.Reader }

// Live implements garden.Reader.
func (AsRead) Live(context.Context, string, graph.Vertex) (*garden.Object, error) {
	return nil, garden.ErrNotAvailable
}

// Exists implements garden.Reader.
func (AsRead) Exists(context.Context, string, schema.GroupVersionResource, string, string) (bool, error) {
	return false, garden.ErrNotAvailable
}

// BootstrapTokenDescription implements garden.Reader.
func (AsRead) BootstrapTokenDescription(context.Context, string, string) (string, bool, error) {
	return "", false, garden.ErrNotAvailable
}
