package garden

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/graph"
)

// Prober is a Source on an API server that may hang.
type Prober interface {
	Source
	// Probe asks the API server for something small of a kind that comes from where its objects come from.
	Probe(context.Context, graph.Kind) error
	// Redial ends all connections, so that what is asked next goes by a new one.
	Redial()
}

// A hang is noticed within 8 s: an API server that hangs right after it has answered a probe fails the next two, which
// begin probeInterval later, end after probeTimeout, and have retryInterval between them.
const (
	probeInterval = 3 * time.Second
	// probeTimeout is far longer than an API server at work takes to tell one object.
	probeTimeout = 2 * time.Second
	// retryInterval follows a probe that failed. It is short, because everything waits until the API server is back.
	retryInterval = time.Second
	// probesToLose is how many probes in a row must fail. One may fail while a replica of the API server ends.
	probesToLose = 2
)

// contact is with the API server of one group and version. Behind the same address each group may have a server of its
// own, and the server in front is well while the one behind it hangs, so that neither the connection nor its pings
// tell.
//
// When contact is lost, watches go on: some may go by another way. New requests wait. When contact is back, the watches
// and requests of before end, so that informers ask again at once, from where they were. It is safe for concurrent use.
type contact struct {
	groupVersion schema.GroupVersion
	// kinds are those that are probed.
	kinds []graph.Kind
	// prober is nil when contact cannot be lost.
	prober Prober
	clock  clock.Clock
	// probes joins those who ask at the same time.
	probes singleflight.Group

	// ctx and log are those of start.
	ctx context.Context
	log klog.Logger

	mu sync.Mutex
	// era is nil until start.
	era *era
	// end ends the era.
	end context.CancelFunc
	// back is closed when contact is back; nil while there is contact.
	back chan struct{}
	// failed counts the probes that failed in a row, without any sign of life since the first of them began, which is in
	// milliseconds since the epoch. It also chooses what is probed, because a kind may have a problem that the others of
	// its group have not.
	failed int
	since  int64
	// err is why the last of them failed.
	err error
}

// era is a time of contact: as a context, it ends when contact is back after it was lost.
type era struct {
	context.Context
	// last is when there was the last sign of life, in milliseconds since the epoch; 0: never.
	last atomic.Int64
}

// start begins the first era. The contact is made use of until ctx ends.
func (c *contact) start(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ctx, c.log = ctx, klog.FromContext(ctx).WithName("garden")
	c.beginLocked()
}

func (c *contact) beginLocked() {
	e := &era{}
	e.Context, c.end = context.WithCancel(c.ctx)
	c.era = e
}

// watch probes until the context of start ends.
func (c *contact) watch() {
	for c.prober != nil && c.ctx.Err() == nil {
		interval := probeInterval
		if !c.probe() {
			interval = retryInterval
		}
		select {
		case <-c.ctx.Done():
		case <-c.clock.After(interval):
		}
	}
}

// hold calls f, which makes requests as long as the era lasts, and returns its error if that is one of the request
// itself. While contact is lost, f waits; when contact is back, f is called again. To return all errors would leave it
// to client-go to wait for up to a minute, and to log each.
func (c *contact) hold(ctx context.Context, f func(*era) error) error {
	for {
		c.mu.Lock()
		e, back := c.era, c.back
		c.mu.Unlock()
		if back != nil {
			select {
			case <-back:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		err := f(e)
		if answered(err) || ctx.Err() != nil || e.Err() == nil && c.probe() { //nolint:contextcheck // others may join it
			return err
		}
	}
}

// probe reports whether a probe gets an answer.
func (c *contact) probe() bool {
	if c.prober == nil {
		return true
	}
	err, _, _ := c.probes.Do("", func() (any, error) {
		c.mu.Lock()
		kind := c.kinds[c.failed%len(c.kinds)]
		c.mu.Unlock()
		begin := c.clock.Now().UnixMilli()
		ctx, cancel := context.WithTimeout(c.ctx, probeTimeout)
		defer cancel()
		err := c.prober.Probe(ctx, kind)
		if answered(err) {
			c.made()
		} else if c.ctx.Err() == nil {
			c.missed(err, begin)
		}
		return err, nil
	})
	return err == nil || answered(err.(error))
}

// answered reports whether the API server has answered, be it that it does not what it was asked.
func answered(err error) bool {
	var status apierrors.APIStatus
	return err == nil || errors.As(err, &status) && status.Status().Code < http.StatusInternalServerError
}

// made notes that a probe was answered.
func (c *contact) made() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed, c.err = 0, nil
	if c.back != nil {
		c.log.Info("In contact with the garden again", "groupVersion", c.groupVersion, "silence", c.silenceLocked())
		end := c.end
		c.beginLocked()
		end()
		close(c.back)
		c.back = nil
	}
	c.era.last.Store(c.clock.Now().UnixMilli())
}

// missed notes that a probe failed. An event is a sign of life, although probes get no answer: they go another way.
func (c *contact) missed(err error, begin int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed, c.err = c.failed+1, err
	if c.back == nil {
		if c.failed == 1 || c.era.last.Load() >= c.since {
			c.failed, c.since = 1, begin
			return
		}
		if c.failed < probesToLose {
			return
		}
		c.back = make(chan struct{})
		c.log.Error(err, "Lost contact with the garden: changes are not seen", "groupVersion", c.groupVersion,
			"silence", c.silenceLocked())
	}
	// All groups share their connections, which end at the server that has this group. Others are passed on by it.
	if c.groupVersion.Group == kubernetesGroup {
		c.prober.Redial()
	}
}

// silenceLocked returns how long ago there was a sign of life; if never, for how long probes have failed.
func (c *contact) silenceLocked() time.Duration {
	return c.clock.Since(time.UnixMilli(cmp.Or(c.era.last.Load(), c.since))).Round(time.Millisecond)
}

// last returns when there was the last sign of life, in milliseconds since the epoch; 0: never.
func (c *contact) last() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.era == nil {
		return 0
	}
	return c.era.last.Load()
}

// lost returns for how long there is no contact, and why; an empty string when there is.
func (c *contact) lost() (message string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.back == nil {
		return "", nil
	}
	return fmt.Sprintf("no contact with %s for %s", c.groupVersion, c.silenceLocked()), c.err
}
