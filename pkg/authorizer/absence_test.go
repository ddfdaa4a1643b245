package authorizer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	testingclock "k8s.io/utils/clock/testing"
)

var secretResource = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// server is an API server that knows a few objects.
type server struct {
	objects map[string]bool
	err     error
	asked   []string
	// seed is the one for whom it was asked last.
	seed string
}

func (s *server) exists(ctx context.Context, seed string, resource schema.GroupVersionResource,
	namespace, name string) (bool, error) {
	object := resource.Resource + " " + namespace + "/" + name
	s.asked, s.seed = append(s.asked, object), seed
	return s.objects[object], errors.Join(s.err, ctx.Err())
}

// everything is an API server that has each object.
func everything(context.Context, string, schema.GroupVersionResource, string, string) (bool, error) {
	return true, nil
}

func newChecker(t *testing.T, exists ExistsFunc) (*absenceChecker, *testingclock.FakeClock, func(name string) bool) {
	clock := testingclock.NewFakeClock(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	c := newAbsenceChecker(exists, clock)
	return c, clock, func(name string) bool { return c.absent(t.Context(), "s", secretResource, "garden", name) }
}

func TestAbsenceIsReadEachTime(t *testing.T) {
	s := &server{objects: map[string]bool{}}
	_, _, absent := newChecker(t, s.exists)
	require.True(t, absent("x"))
	require.True(t, absent("x"))
	// Created meanwhile: an answer of before must not be given again.
	s.objects["secrets garden/x"] = true
	require.False(t, absent("x"))
	require.Equal(t, []string{"secrets garden/x", "secrets garden/x", "secrets garden/x"}, s.asked)
}

func TestPresenceIsRememberedForAMoment(t *testing.T) {
	s := &server{objects: map[string]bool{"secrets garden/x": true}}
	c, clock, absent := newChecker(t, s.exists)
	require.False(t, absent("x"))
	delete(s.objects, "secrets garden/x")
	clock.Step(presenceTTL - time.Millisecond)
	require.False(t, absent("x"))
	require.Len(t, s.asked, 1)
	// What is remembered is the object, not its name.
	require.True(t, absent("y"))
	require.True(t, c.absent(t.Context(), "s", secretResource, "other", "x"))
	require.True(t, c.absent(t.Context(), "s", schema.GroupVersionResource{Version: "v1", Resource: "configmaps"},
		"garden", "x"))
	clock.Step(2 * time.Millisecond)
	require.True(t, absent("x"))
}

func TestPresenceIsBounded(t *testing.T) {
	c, _, absent := newChecker(t, everything)
	for i := range presenceSize + 10 {
		require.False(t, absent(fmt.Sprint(i)))
	}
	require.LessOrEqual(t, len(c.present.Keys()), presenceSize)
}

func TestFailedReadsMakeNothingCertain(t *testing.T) {
	s := &server{err: errors.New("live reads are not available")}
	c, _, absent := newChecker(t, s.exists)
	require.False(t, absent("x"))
	s.err = nil // and are not remembered
	require.True(t, absent("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.False(t, c.absent(ctx, "s", secretResource, "garden", "x"), "reads end with the request")
}

// TestReadsAreOfOneObject: the names become parts of a path that is read with more rights than the client has.
func TestReadsAreOfOneObject(t *testing.T) {
	s := &server{}
	c, _, _ := newChecker(t, s.exists)
	for _, name := range []string{"", ".", "..", "a/b", "../x", "a%2fb", "/"} {
		require.False(t, c.absent(t.Context(), "s", secretResource, "garden", name), name)
		if name != "" {
			require.False(t, c.absent(t.Context(), "s", secretResource, name, "x"), name)
		}
	}
	require.Empty(t, s.asked)
	require.True(t, c.absent(t.Context(), "s", schema.GroupVersionResource{Resource: "seeds"}, "", "x"), "cluster-scoped")
	require.Equal(t, []string{"seeds /x"}, s.asked)
	require.Equal(t, "s", s.seed)
}

// TestPresenceKeepsNoRequests: the strings of a request may be parts of its whole body.
func TestPresenceKeepsNoRequests(t *testing.T) {
	c, _, absent := newChecker(t, everything)
	body := strings.Repeat("x", 1<<10)
	require.False(t, absent(body[:10]))
	kept := c.present.Keys()[0].(presence)
	require.Equal(t, body[:10], kept.name)
	require.NotSame(t, unsafe.StringData(body), unsafe.StringData(kept.name))
}
