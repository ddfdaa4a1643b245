package authorizer_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"k8s.io/apiserver/pkg/authentication/user"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

const freshness = 250 * time.Millisecond

// fresh is an authorizer on a graph that is told about, in a time of its own.
type fresh struct {
	*authorizer.Authorizer
	graph    *graph.Graph
	registry *prometheus.Registry

	mu   sync.Mutex
	next chan struct{}
	lost bool
}

func newFresh(t *testing.T, options authorizer.Options) *fresh {
	t.Helper()
	f := &fresh{graph: world(), registry: prometheus.NewRegistry(), next: make(chan struct{})}
	options.Graph, options.News, options.Freshness, options.Registerer = f.graph, f.news, freshness, f.registry
	f.Authorizer = newAuthorizer(t, options)
	return f
}

func (f *fresh) news() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost {
		return nil
	}
	return f.next
}

// tell says that the graph has changed.
func (f *fresh) tell() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.next)
	f.next = make(chan struct{})
}

// ask asks, and returns after how long it is decided. All that it takes in this time is to wait.
func (f *fresh) ask(t *testing.T, who user.Info, r request) (authorizer.Explanation, time.Duration) {
	t.Helper()
	begin := time.Now()
	r.User = who
	asked := &waiter{Attributes: r}
	e := f.Explain(t.Context(), asked)
	if took := time.Since(begin); took != asked.waited {
		t.Errorf("took %v, and waited %v", took, asked.waited)
	}
	return e, asked.waited
}

// waiter is a request that is told how long it has waited.
type waiter struct {
	kauthorizer.Attributes
	waited time.Duration
}

func (w *waiter) Waited(d time.Duration) { w.waited += d }

func (f *fresh) waits(t *testing.T, outcome string) (n float64) {
	t.Helper()
	families, err := f.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "seedguard_authorizer_waits_total" && m.GetLabel()[0].GetValue() == outcome {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

var (
	newSecret  = graph.Vertex{Kind: graph.KindSecret, Namespace: "garden-s1", Name: "new"}
	getsSecret = on("get", "secrets", "garden-s1/new")
)

// comes makes the new Secret belong to the first Seed.
func (f *fresh) comes() {
	shoot := own(graph.KindShoot, "s1")
	f.graph.Set(shoot, []graph.Edge{{From: newSecret, To: shoot}, {From: shoot, To: own(graph.KindSeed, "s1")}})
	f.tell()
}

// TestFreshness: what the graph hears of within a moment is allowed at the first attempt.
func TestFreshness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFresh(t, authorizer.Options{})
		go func() {
			time.Sleep(30 * time.Millisecond)
			f.tell() // of something else
			time.Sleep(70 * time.Millisecond)
			f.comes()
		}()
		e, took := f.ask(t, g1, getsSecret)
		require.Equal(t, allow, e.Decision, e.Reason)
		require.Equal(t, 100*time.Millisecond, took)
		require.InDelta(t, 1, f.waits(t, "allowed"), 0)

		e, took = f.ask(t, g1, getsSecret)
		require.Equal(t, allow, e.Decision)
		require.Zero(t, took)
	})
}

// TestFreshnessEnds: nobody waits for longer than is configured, or than the call may take.
func TestFreshnessEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFresh(t, authorizer.Options{})
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		ended := make(chan struct{})
		defer close(ended)
		go func() {
			for {
				select {
				case <-ticker.C:
					f.tell()
				case <-ended:
					return
				}
			}
		}()
		e, took := f.ask(t, g1, getsSecret)
		require.Equal(t, none, e.Decision)
		require.Contains(t, e.Reason, "no relationship found")
		require.Equal(t, freshness, took, "also when there is other news all the time")
		require.InDelta(t, 1, f.waits(t, "no_opinion"), 0)

		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		begin, r := time.Now(), getsSecret
		r.User = g1
		require.Equal(t, none, f.Explain(ctx, r).Decision)
		require.Equal(t, 50*time.Millisecond, time.Since(begin))
	})
}

// TestFreshnessIsForPaths: nobody waits for what news cannot change.
func TestFreshnessIsForPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFresh(t, authorizer.Options{Exists: exists(false, new([]string))})
		for _, r := range []row{
			{none, person(), getsSecret},
			{none, g1, on("get", "deployments.apps", "garden-s1/new")},
			{none, g1, on("list", "secrets", "garden-s1/")},
			{none, g1, on("watch", shoots, "")},
			{none, g1, on("get", "secrets", "new")},
			{none, g1, on("delete", shoots, "garden-s1/new")},
			{allow, g1, on("delete", "secrets", "garden-s1/new")},
			{allow, g1, on("get", "secrets", "garden-s1/own")},
		} {
			e, took := f.ask(t, r.who, r.request)
			require.Equal(t, r.want, e.Decision, describe(r.request))
			require.Zero(t, took, describe(r.request))
		}
		f.lost = true
		e, took := f.ask(t, g1, getsSecret)
		require.Equal(t, none, e.Decision)
		require.Zero(t, took, "no news can come")
	})
	synctest.Test(t, func(t *testing.T) {
		a := newAuthorizer(t, authorizer.Options{News: func() <-chan struct{} { panic("not wanted") }})
		r := getsSecret
		r.User = g1
		require.Equal(t, none, a.Explain(t.Context(), r).Decision)
	})
}

// TestFreshnessIsBounded: a client that asks for what it may not have uses up its own Seed's waiting, and nobody
// else's.
func TestFreshnessIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFresh(t, authorizer.Options{})
		var waiting sync.WaitGroup
		ask := func(seed string, n int) (waited func() int) {
			var did atomic.Int64
			for i := range n {
				waiting.Go(func() {
					r := on("get", "secrets", fmt.Sprintf("garden-s2/%d", i))
					if _, took := f.ask(t, gardenlet(seed), r); took == freshness {
						did.Add(1)
					}
				})
			}
			return func() int {
				waiting.Wait()
				return int(did.Load())
			}
		}
		attacker := ask("attacker", 500)
		synctest.Wait()
		waiting.Go(func() {
			time.Sleep(20 * time.Millisecond)
			f.comes()
		})
		e, took := f.ask(t, g1, getsSecret)
		require.Equal(t, allow, e.Decision, "another Seed's client waits as before")
		require.Equal(t, 20*time.Millisecond, took)
		require.Equal(t, 16, attacker())
		require.InDelta(t, 484, f.waits(t, "full"), 0)

		var all []func() int
		for i := range 30 {
			all = append(all, ask(fmt.Sprintf("seed-%d", i), 20))
		}
		total := 0
		for _, waited := range all {
			total += waited()
		}
		require.Equal(t, 256, total, "all Seeds together")

		_, took = f.ask(t, gardenlet("attacker"), on("get", "secrets", "garden-s2/again"))
		require.Equal(t, freshness, took, "who waited has left")
	})
}

// TestFreshnessOfKubeconfigs: a Shoot that has just come to the Seed.
func TestFreshnessOfKubeconfigs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		coming := &comingShoot{}
		policy := access.New(coming, access.Config{Rules: []access.Rule{
			{Levels: access.Levels{Shoots: access.LevelAdmin}},
		}}, nil)
		f := newFresh(t, authorizer.Options{Access: policy})
		go func() {
			time.Sleep(40 * time.Millisecond)
			coming.come.Store(true)
			f.tell()
		}()
		e, took := f.ask(t, g1, on("create", shoots+"/adminkubeconfig", "garden-s1/own"))
		require.Equal(t, allow, e.Decision, e.Reason)
		require.Equal(t, 40*time.Millisecond, took)
	})
}

// comingShoot is a garden that has no Shoot until it has come.
type comingShoot struct {
	shootsOf
	come atomic.Bool
}

func (c *comingShoot) Get(v graph.Vertex) *garden.Object {
	if !c.come.Load() {
		return nil
	}
	return c.shootsOf.Get(v)
}

func (c *comingShoot) List(graph.Kind) []*garden.Object { return nil }
