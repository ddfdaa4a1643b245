package server

import (
	"context"
	"sync"
	"time"
)

// lateTimeout is a context that ends at its deadline, like one of context.WithDeadline, but begins to watch the clock
// when somebody first asks for its end. Few calls wait for anything, and the timer would be a tenth of what each of the
// others costs. It is safe for concurrent use.
type lateTimeout struct {
	context.Context
	deadline time.Time

	once   sync.Once
	timed  context.Context
	cancel context.CancelFunc
}

func withTimeout(parent context.Context, timeout time.Duration) *lateTimeout {
	return &lateTimeout{Context: parent, deadline: time.Now().Add(timeout)}
}

func (c *lateTimeout) begin() {
	c.timed, c.cancel = context.WithDeadline(c.Context, c.deadline)
}

// Deadline implements context.Context, as Done and Err do.
func (c *lateTimeout) Deadline() (time.Time, bool) { return c.deadline, true }

// Done begins to watch the clock.
func (c *lateTimeout) Done() <-chan struct{} {
	c.once.Do(c.begin)
	return c.timed.Done()
}

// Err begins to watch the clock.
func (c *lateTimeout) Err() error {
	c.once.Do(c.begin)
	return c.timed.Err()
}

// end releases what the context took. If nobody has asked for its end, it ends with its parent.
func (c *lateTimeout) end() {
	c.once.Do(func() { c.timed, c.cancel = c.Context, func() {} })
	c.cancel()
}
