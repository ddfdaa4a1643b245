package scenario

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/garden/directory"
	"github.com/seedguard/seedguard/pkg/snapshot"
)

// Read reads the garden of the scenario's own objects.
func (s *Scenario) Read(ctx context.Context) (*snapshot.Snapshot, error) {
	return snapshot.Read(ctx, directory.Fixed(s.Objects), s.Config, s.Clock(), func(garden.Progress) {})
}

// Clock returns the clock to decide by, nil for the machine's.
func (s *Scenario) Clock() clock.WithDelayedExecution {
	if s.Now.IsZero() {
		return nil
	}
	return stopped{now: s.Now}
}

// stopped is a clock that stands still. Its timers run, since what reads a garden may wait for them.
type stopped struct {
	clock.RealClock
	now time.Time
}

// Now implements clock.PassiveClock.
func (s stopped) Now() time.Time { return s.now }

// Since implements clock.PassiveClock.
func (s stopped) Since(t time.Time) time.Duration { return s.now.Sub(t) }

// World is both halves on a garden. It is safe for concurrent use.
type World struct {
	garden    *snapshot.Snapshot
	admission *admission.Plugin
}

// NewWorld returns both halves on a garden that was read.
func NewWorld(s *snapshot.Snapshot) *World {
	return &World{s, s.Admission(snapshot.AsRead{Reader: s.Garden})}
}

// Check is an expectation, and what came of it.
type Check struct {
	// Expected is authorize, admit or message.
	Expected string `json:"expected"`
	Want     string `json:"want"`
	Got      string `json:"got"`
	// Reason is why it is so, in the words of the half that was asked.
	Reason string `json:"reason,omitempty"`
	OK     bool   `json:"ok"`
}

// String returns the expectation and what came of it.
func (c Check) String() string {
	if c.OK {
		return c.Expected + ": " + c.Want
	}
	s := fmt.Sprintf("%s: want %s, got %s", c.Expected, c.Want, c.Got)
	if c.Reason != "" {
		s += ": " + c.Reason
	}
	return s
}

// Ask asks both halves, as far as something is expected of them.
func (w *World) Ask(ctx context.Context, q *Request) []Check {
	return append(w.Authorize(ctx, q), w.Admit(ctx, q)...)
}

// Authorize asks the SeedAuthorizer. It returns nothing when nothing is expected of it.
func (w *World) Authorize(ctx context.Context, q *Request) []Check {
	if q.Authorize == "" {
		return nil
	}
	decision, reason, err := w.garden.Authorizer.Authorize(quiet(ctx), q.attributes)
	c := Check{Expected: "authorize", Want: q.Authorize, Got: decisions[decision], Reason: reason}
	if err != nil {
		c.Got, c.Reason = "an error", err.Error()
	}
	c.OK = c.Want == c.Got
	return []Check{c}
}

// Admit asks the SeedRestriction. It returns nothing when nothing is expected of it.
func (w *World) Admit(ctx context.Context, q *Request) []Check {
	if q.review == nil {
		return nil
	}
	c := Check{Expected: "admit", Want: q.Admit.String(), Got: allowed}
	resource := schema.GroupVersionResource(q.review.Resource).GroupResource()
	if !w.garden.Guards(resource, q.review.SubResource, q.review.Operation) {
		c.Reason = fmt.Sprintf("not asked: it does not guard %s of %s", q.review.Operation, q.Resource)
	} else {
		response := w.admission.Admit(quiet(ctx), q.review)
		c.Reason = strings.Join(response.Warnings, "; ")
		if !response.Allowed {
			c.Got, c.Reason = strconv.Itoa(int(response.Result.Code)), response.Result.Message
		}
	}
	c.OK = c.Want == c.Got
	if !c.OK || q.Message == "" {
		return []Check{c}
	}
	return []Check{c, {
		Expected: "message", Want: q.Message, Got: c.Reason, OK: strings.Contains(c.Reason, q.Message),
	}}
}

// quiet returns a context without a log. A server logs what it denies; here the check says it.
func quiet(ctx context.Context) context.Context { return klog.NewContext(ctx, klog.Logger{}) }
