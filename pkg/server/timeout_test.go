package server

import (
	"context"
	"runtime"
	rtdebug "runtime/debug"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

type key struct{}

func TestLateTimeout(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, c *lateTimeout, stop context.CancelFunc){
		"ends at its deadline, however late somebody asks": func(t *testing.T, c *lateTimeout, _ context.CancelFunc) {
			time.Sleep(time.Second / 2)
			require.NoError(t, c.Err())
			begin := time.Now()
			<-c.Done()
			require.Equal(t, time.Second/2, time.Since(begin))
			require.ErrorIs(t, c.Err(), context.DeadlineExceeded)
		},
		"has ended when somebody asks after its deadline": func(t *testing.T, c *lateTimeout, _ context.CancelFunc) {
			time.Sleep(time.Second)
			require.ErrorIs(t, c.Err(), context.DeadlineExceeded)
		},
		"ends those made from it": func(t *testing.T, c *lateTimeout, _ context.CancelFunc) {
			child, cancel := context.WithTimeout(c, time.Minute)
			defer cancel()
			begin := time.Now()
			<-child.Done()
			require.Equal(t, time.Second, time.Since(begin))
			require.ErrorIs(t, child.Err(), context.DeadlineExceeded)
		},
		"ends with its parent": func(t *testing.T, c *lateTimeout, stop context.CancelFunc) {
			stop()
			<-c.Done()
			require.ErrorIs(t, c.Err(), context.Canceled)
		},
		"ends when it is not needed any more": func(t *testing.T, c *lateTimeout, _ context.CancelFunc) {
			done := c.Done()
			c.end()
			<-done
			require.ErrorIs(t, c.Err(), context.Canceled)
		},
		"is its parent when it is first asked then": func(t *testing.T, c *lateTimeout, stop context.CancelFunc) {
			c.end()
			require.NoError(t, c.Err())
			stop()
			<-c.Done()
		},
		"takes no timer unless somebody asks": func(t *testing.T, c *lateTimeout, _ context.CancelFunc) {
			deadline, ok := c.Deadline()
			require.True(t, ok)
			require.Equal(t, time.Second, time.Until(deadline))
			require.Equal(t, "value", c.Value(key{}))
			require.Nil(t, c.timed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, stop := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
				defer stop()
				c := withTimeout(parent, time.Second)
				defer c.end()
				test(t, c, stop)
			})
		})
	}
}

// TestMakeRoom: once there is room, what a call does needs no other stack. How large a goroutine's first one is depends
// on those of all others, so it may be that there was room before.
func TestMakeRoom(t *testing.T) {
	runtime.GC()
	defer rtdebug.SetGCPercent(rtdebug.SetGCPercent(-1)) // a collection takes stacks back
	moved := make(chan bool)
	go func() {
		makeRoom(0)
		var local byte
		before := addressOf(&local)
		deep(24)
		moved <- addressOf(&local) != before
	}()
	require.False(t, <-moved)
}

// deep needs 3 kB of stack for a depth of 24.
//
//go:noinline
func deep(depth int) byte {
	var frame [128]byte
	if depth > 0 {
		frame[depth] = deep(depth - 1)
	}
	return frame[depth%8]
}

func addressOf(b *byte) uintptr { return uintptr(unsafe.Pointer(b)) } // #nosec G103 -- it is only compared
