package garden

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	cachetesting "k8s.io/client-go/tools/cache/testing"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/seedguard/seedguard/pkg/graph"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memorySource is a Source in memory. Its list and watch are client-go's own test source, which can drop watch events.
type memorySource struct {
	kinds map[graph.Kind]*cachetesting.FakeControllerSource
	// live answers Live and Exists.
	live func(ctx context.Context, v graph.Vertex) (runtime.Object, error)
}

func newMemorySource(t testing.TB) *memorySource {
	s := &memorySource{kinds: map[graph.Kind]*cachetesting.FakeControllerSource{}}
	for _, kind := range Watched() {
		s.kinds[kind] = cachetesting.NewFakeControllerSource()
		t.Cleanup(s.kinds[kind].Shutdown)
	}
	return s
}

func (s *memorySource) ListerWatcher(kind graph.Kind) cache.ListerWatcher { return s.kinds[kind] }

func (s *memorySource) Live(ctx context.Context, kind graph.Kind, namespace, name string) (runtime.Object, error) {
	if s.live == nil {
		return nil, ErrNotAvailable
	}
	return s.live(ctx, graph.Vertex{Kind: kind, Namespace: namespace, Name: name})
}

func (s *memorySource) Exists(ctx context.Context, _ schema.GroupVersionResource, namespace, name string) error {
	_, err := s.Live(ctx, 0, namespace, name)
	return err
}

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// testGarden is a running Garden over a memorySource.
type testGarden struct {
	*Garden
	t      *testing.T
	source *memorySource
	graph  *graph.Graph
	clock  *testingclock.FakeClock
}

func run(t *testing.T, source *memorySource) *testGarden {
	t.Helper()
	return runAt(t, source, start)
}

func runAt(t *testing.T, source *memorySource, now time.Time) *testGarden {
	t.Helper()
	g := &testGarden{t: t, source: source, graph: graph.New(graph.Options{}), clock: testingclock.NewFakeClock(now)}
	g.Garden = New(Options{Source: source, Graph: g.graph, Clock: g.clock})
	keepRunning(t.Context(), t, g.Garden)
	waiting, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	require.NoError(t, g.WaitReady(waiting))
	require.Empty(t, g.NotReady())
	return g
}

// keepRunning runs the garden until the test ends.
func keepRunning(ctx context.Context, t *testing.T, g *Garden) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

// wakesUp waits until a timer will handle an object again.
func (g *testGarden) wakesUp() {
	g.t.Helper()
	g.eventually("wake-up at expiration", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.wakeups) == 1
	})
}

func (g *testGarden) eventually(what string, condition func() bool) {
	g.t.Helper()
	require.Eventually(g.t, condition, 10*time.Second, time.Millisecond, what)
}

// related waits until the graph says of v what is wanted.
func (g *testGarden) related(want bool, v graph.Vertex, seed string) {
	g.t.Helper()
	g.eventually(fmt.Sprintf("%s related to %s: %t", v, seed, want), func() bool {
		return g.graph.Reaches(v, seed) == want
	})
}

func (s *memorySource) of(o runtime.Object) *cachetesting.FakeControllerSource {
	kept, err := Extract(o)
	if err != nil {
		panic(err)
	}
	return s.kinds[kept.Kind]
}

func (s *memorySource) add(o runtime.Object)    { s.of(o).Add(o) }
func (s *memorySource) modify(o runtime.Object) { s.of(o).Modify(o) }
func (s *memorySource) delete(o runtime.Object) { s.of(o).Delete(o) }

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func shootOn(seed string) *gardencorev1beta1.Shoot {
	return &gardencorev1beta1.Shoot{
		ObjectMeta: metav1.ObjectMeta{Namespace: "garden", Name: "m", UID: "1234"},
		Spec:       gardencorev1beta1.ShootSpec{SeedName: &seed},
	}
}

func seedUntil(expiration time.Time) *gardencorev1beta1.Seed {
	seed := &gardencorev1beta1.Seed{ObjectMeta: named("", "child")}
	if !expiration.IsZero() {
		seed.Status.ClientCertificateExpirationTimestamp = &metav1.Time{Time: expiration}
	}
	return seed
}

func managedSeed(bootstrap seedmanagementv1alpha1.Bootstrap,
	annotations map[string]string) *seedmanagementv1alpha1.ManagedSeed {
	return &seedmanagementv1alpha1.ManagedSeed{
		ObjectMeta: metav1.ObjectMeta{Namespace: "garden", Name: "child", Annotations: annotations},
		Spec: seedmanagementv1alpha1.ManagedSeedSpec{
			Shoot:     &seedmanagementv1alpha1.Shoot{Name: "m"},
			Gardenlet: seedmanagementv1alpha1.GardenletConfig{Bootstrap: &bootstrap},
		},
	}
}

var (
	renew  = map[string]string{"gardener.cloud/operation": "renew-kubeconfig"}
	shootM = graph.Vertex{Kind: graph.KindShoot, Namespace: "garden", Name: "m"}
	// The first six hex digits of sha256 of garden--child.
	tokenSecret    = graph.Vertex{Kind: graph.KindSecret, Namespace: "kube-system", Name: "bootstrap-token-872184"}
	serviceAccount = graph.Vertex{Kind: graph.KindServiceAccount, Namespace: "garden", Name: "gardenlet-bootstrap-child"}
	binding        = graph.Vertex{Kind: graph.KindClusterRoleBinding,
		Name: "gardener.cloud:system:seed-bootstrapper:garden:gardenlet-bootstrap-child"}
)

func TestManagedSeedBootstrap(t *testing.T) {
	source := newMemorySource(t)
	g := run(t, source)
	source.add(shootOn("parent"))

	// The Seed does not exist yet.
	source.add(managedSeed(seedmanagementv1alpha1.BootstrapToken, nil))
	g.related(true, tokenSecret, "parent")
	require.False(t, g.graph.Reaches(serviceAccount, "parent"))
	require.False(t, g.graph.Reaches(binding, "parent"))

	// It has registered, but never said until when its certificate is valid.
	source.add(seedUntil(time.Time{}))
	g.related(false, tokenSecret, "parent")

	// Its certificate expires without any event, is renewed, and expires again.
	for hours := range 2 {
		expiration := start.Add(time.Duration(hours+1) * time.Hour)
		source.modify(seedUntil(expiration))
		g.wakesUp()
		g.related(false, tokenSecret, "parent")
		g.clock.SetTime(expiration.Add(-time.Second))
		require.False(t, g.graph.Reaches(tokenSecret, "parent"))
		news := g.News()
		g.clock.SetTime(expiration)
		g.related(true, tokenSecret, "parent")
		g.eventually("news of the expiration", func() bool {
			select {
			case <-news:
				return true
			default:
				return false
			}
		})
	}

	source.modify(seedUntil(start.Add(1000 * time.Hour)))
	g.related(false, tokenSecret, "parent")
	source.modify(managedSeed(seedmanagementv1alpha1.BootstrapToken, renew))
	g.related(true, tokenSecret, "parent")
	source.modify(managedSeed(seedmanagementv1alpha1.BootstrapServiceAccount, renew))
	g.related(false, tokenSecret, "parent")
	g.related(true, serviceAccount, "parent")
	g.related(true, binding, "parent")
	source.modify(managedSeed(seedmanagementv1alpha1.BootstrapServiceAccount, nil))
	g.related(false, serviceAccount, "parent")
	g.related(false, binding, "parent")

	source.delete(seedUntil(time.Time{}))
	g.related(true, serviceAccount, "parent")
	source.modify(managedSeed(seedmanagementv1alpha1.BootstrapNone, renew))
	g.related(false, serviceAccount, "parent")
	require.False(t, g.graph.Reaches(tokenSecret, "parent"))
}

func TestGardenletBootstrap(t *testing.T) {
	gardenlet := func(annotations map[string]string) *seedmanagementv1alpha1.Gardenlet {
		return &seedmanagementv1alpha1.Gardenlet{
			ObjectMeta: metav1.ObjectMeta{Namespace: "garden", Name: "child", Annotations: annotations},
		}
	}
	source := newMemorySource(t)
	g := run(t, source)

	source.add(gardenlet(nil))
	g.related(true, graph.Vertex{Kind: graph.KindGardenlet, Namespace: "garden", Name: "child"}, "child")
	require.False(t, g.graph.Reaches(tokenSecret, "child"), "a missing Seed allows a Gardenlet nothing")

	source.add(seedUntil(start.Add(time.Hour)))
	g.wakesUp()
	g.clock.Step(time.Hour)
	g.related(true, tokenSecret, "child")
	source.modify(seedUntil(start.Add(9 * time.Hour)))
	g.related(false, tokenSecret, "child")
	source.modify(gardenlet(renew))
	g.related(true, tokenSecret, "child")
	source.delete(seedUntil(start.Add(9 * time.Hour)))
	g.related(false, tokenSecret, "child") // a missing Seed allows it nothing, annotated or not
	source.add(seedUntil(start.Add(9 * time.Hour)))
	g.related(true, tokenSecret, "child")
	source.delete(gardenlet(nil))
	g.related(false, tokenSecret, "child")
}

func TestManagedIssuer(t *testing.T) {
	project := func(name, namespace string) *gardencorev1beta1.Project {
		return &gardencorev1beta1.Project{ObjectMeta: named("", name),
			Spec: gardencorev1beta1.ProjectSpec{Namespace: &namespace}}
	}
	issuer := func(project, uid string) graph.Vertex {
		return graph.Vertex{Kind: graph.KindSecret, Namespace: "gardener-system-shoot-issuer", Name: project + "--" + uid}
	}
	source := newMemorySource(t)
	g := run(t, source)

	shoot := shootOn("s")
	source.add(shoot)
	source.add(project("p", "garden"))
	g.related(true, graph.Vertex{Kind: graph.KindProject, Name: "p"}, "s")
	require.False(t, g.graph.Reaches(issuer("p", "1234"), "s"), "the issuer is not managed")

	managed := shoot.DeepCopy()
	managed.Annotations = map[string]string{"authentication.gardener.cloud/issuer": "managed"}
	source.modify(managed)
	g.related(true, issuer("p", "1234"), "s")

	// The Project comes and goes after the Shoot.
	source.modify(project("p", "elsewhere"))
	g.related(false, issuer("p", "1234"), "s")
	source.add(project("q", "garden"))
	g.related(true, issuer("q", "1234"), "s")
	source.delete(project("q", "garden"))
	g.related(false, issuer("q", "1234"), "s")
	source.modify(project("p", "garden"))
	g.related(true, issuer("p", "1234"), "s")

	// The Shoot is deleted and made again while nobody looks: the event is an update.
	again := managed.DeepCopy()
	again.UID = "5678"
	source.of(managed).DeleteDropWatch(managed)
	source.of(again).AddDropWatch(again)
	source.of(again).ResetWatch()
	g.related(true, issuer("p", "5678"), "s")
	g.related(false, issuer("p", "1234"), "s")

	fresh, err := Extract(project("r", ""))
	require.NoError(t, err)
	require.Empty(t, indexed(fresh), "a Project without a namespace yet has no Shoots, not even one without a namespace")
}

func TestReader(t *testing.T) {
	source := newMemorySource(t)
	source.add(shootOn("s"))
	source.add(&gardencorev1beta1.Shoot{ObjectMeta: named("a", "b/c")})
	g := run(t, source)

	shoot := g.Get(shootM)
	require.Equal(t, ShootFacts{SeedName: "s"}, shoot.Facts)
	require.Equal(t, types.UID("1234"), shoot.UID)
	require.Nil(t, g.Get(graph.Vertex{Kind: graph.KindShoot, Namespace: "garden", Name: "other"}))
	require.Nil(t, g.Get(graph.Vertex{Kind: graph.KindSecret, Namespace: "garden", Name: "m"}), "not watched")
	require.NotNil(t, g.Get(graph.Vertex{Kind: graph.KindShoot, Namespace: "a", Name: "b/c"}))
	require.Nil(t, g.Get(graph.Vertex{Kind: graph.KindShoot, Namespace: "a/b", Name: "c"}), "not to be taken for a/b/c")
	require.Len(t, g.List(graph.KindShoot), 2)
	require.Empty(t, g.List(graph.KindSeed))
	require.Empty(t, g.List(graph.KindSecret))
}

// ServiceAccounts are watched for the few that gardenlets bootstrap with. The others must not come into the graph.
func TestOtherServiceAccounts(t *testing.T) {
	source := newMemorySource(t)
	source.add(&corev1.ServiceAccount{ObjectMeta: named("garden", "robot"),
		Secrets: []corev1.ObjectReference{{Name: "x"}}})
	bootstrap := &corev1.ServiceAccount{ObjectMeta: named("garden", "gardenlet-bootstrap-child"),
		Secrets: []corev1.ObjectReference{{Name: "x"}}}
	source.add(bootstrap)
	g := run(t, source)
	require.False(t, g.graph.HasObject(graph.Vertex{Kind: graph.KindServiceAccount, Namespace: "garden", Name: "robot"}))
	require.True(t, g.graph.HasObject(serviceAccount))
	source.modify(&corev1.ServiceAccount{ObjectMeta: bootstrap.ObjectMeta})
	g.eventually("gone without its Secret", func() bool { return !g.graph.HasObject(serviceAccount) })
}

// TestEdgesAreCapped: an object with too many references costs no more than one with MaxEdges, and is counted once.
func TestEdgesAreCapped(t *testing.T) {
	references := make([]corev1.ObjectReference, 120_000)
	for i := range references {
		references[i].Name = fmt.Sprint("secret-", i)
	}
	account := &corev1.ServiceAccount{ObjectMeta: named("garden", "gardenlet-bootstrap-child"), Secrets: references}
	source := newMemorySource(t)
	source.add(account)
	g := run(t, source)
	require.Len(t, g.Get(serviceAccount).Edges(), MaxEdges)
	dropped := func() float64 {
		return testutil.ToFloat64(g.metrics.edgesDropped.WithLabelValues("ServiceAccount"))
	}
	require.InDelta(t, len(references)-MaxEdges, dropped(), 0)
	again := account.DeepCopy()
	again.ResourceVersion, again.Labels = "2", map[string]string{"a": "b"}
	source.modify(again)
	g.eventually("the update is there", func() bool { return g.Get(serviceAccount).ResourceVersion != "" })
	require.InDelta(t, len(references)-MaxEdges, dropped(), 0, "counted once for each object")

	// Those of extensions, which extensions and gardenlets may fill as they like, imply nothing.
	for n := range 200 {
		o := account.DeepCopy()
		o.ObjectMeta = named("seed-s", fmt.Sprint("gardenlet-bootstrap-", n))
		kept, err := Extract(o)
		require.NoError(t, err)
		require.Empty(t, kept.Edges())
	}
}

func TestNotReady(t *testing.T) {
	source := newProbedSource(t)
	source.failing(func(kind graph.Kind, probe bool) error {
		if kind == graph.KindManagedSeed && !probe {
			return errors.New("no such resource")
		}
		return nil
	})
	registry := prometheus.NewPedanticRegistry()
	g := New(Options{Source: source, Graph: graph.New(graph.Options{}), Registerer: registry})
	require.Len(t, g.NotReady(), len(table), "nothing has synced")

	keepRunning(t.Context(), t, g)
	require.Eventually(t, func() bool {
		reasons := g.NotReady()
		return len(reasons) == 1 && reasons[0] ==
			"managedseeds.seedmanagement.gardener.cloud not synced: "+
				"failed to list managedseeds.seedmanagement.gardener.cloud: no such resource"
	}, 10*time.Second, time.Millisecond)
	waiting, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	err := g.WaitReady(waiting)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "managedseeds.seedmanagement.gardener.cloud not synced", "says what is missing")
	source.failing(nil)
	waiting, stop = context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	require.NoError(t, g.WaitReady(waiting))

	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	count, err := testutil.GatherAndCount(registry, "seedguard_garden_informer_synced", "seedguard_garden_watch_open")
	require.NoError(t, err)
	require.Equal(t, 2*len(table), count)
}

// A heartbeat must not take the lock: it costs a comparison.
func TestHeartbeat(t *testing.T) {
	source := newMemorySource(t)
	shoot := shootOn("s")
	source.add(shoot)
	g := run(t, source)
	w := g.watches[graph.KindShoot]

	beat := shoot.DeepCopy()
	beat.Status.LastOperation = &gardencorev1beta1.LastOperation{Type: "Reconcile"}
	old, err := Extract(shoot)
	require.NoError(t, err)
	now, err := Extract(beat)
	require.NoError(t, err)
	require.True(t, w.sameEdges(old, now))

	for name, change := range map[string]func(*gardencorev1beta1.Shoot){
		"edges": func(s *gardencorev1beta1.Shoot) { s.Status.SeedName = &s.Name },
		"name":  func(s *gardencorev1beta1.Shoot) { s.Name = "other" }, // a source may hold two of one key
		"UID":   func(s *gardencorev1beta1.Shoot) { s.UID = "other" },
		"managed issuer": func(s *gardencorev1beta1.Shoot) {
			s.Annotations = map[string]string{"authentication.gardener.cloud/issuer": "managed"}
		},
	} {
		changed := shoot.DeepCopy()
		change(changed)
		now, err := Extract(changed)
		require.NoError(t, err)
		require.False(t, w.sameEdges(old, now), name)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { w.sameEdges(old, now) }))
}

// TestLiveReads: what each of the reads from the API server makes of its answers.
func TestLiveReads(t *testing.T) {
	secret := graph.Vertex{Kind: graph.KindSecret, Namespace: "kube-system", Name: "bootstrap-token-abc123"}
	for name, read := range map[string]func(context.Context, *testGarden) (found bool, err error){
		"object": func(ctx context.Context, g *testGarden) (bool, error) {
			o, err := g.Live(ctx, "s", shootM)
			require.True(t, o == nil || o.Facts == ShootFacts{SeedName: "s"})
			return o != nil, err
		},
		"metadata": func(ctx context.Context, g *testGarden) (bool, error) {
			return g.Exists(ctx, "s", shootM.Kind.Resource(), shootM.Namespace, shootM.Name)
		},
		"absence": func(ctx context.Context, g *testGarden) (bool, error) {
			return g.StillExists(ctx, "s", shootM.Kind.Resource(), shootM.Namespace, shootM.Name)
		},
		"token": func(ctx context.Context, g *testGarden) (bool, error) {
			description, found, err := g.BootstrapTokenDescription(ctx, "system:bootstrap:abc123", "abc123")
			require.Equal(t, found, description == "for m")
			return found, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			source := newMemorySource(t)
			g := run(t, source)
			for range 2 * restrictionBudget.all.burst {
				_, err := read(t.Context(), g)
				require.ErrorIs(t, err, ErrNotAvailable, "no API server: never a failure, however often")
			}

			g = run(t, source)
			answer := func(err error) (found bool, _ error) {
				source.live = func(ctx context.Context, v graph.Vertex) (runtime.Object, error) {
					_, bounded := ctx.Deadline()
					require.True(t, bounded)
					if err != nil {
						return nil, err
					}
					if v.Kind == graph.KindSecret {
						require.Equal(t, secret, v)
						return &corev1.Secret{Data: map[string][]byte{"description": []byte("for m")}}, nil
					}
					require.Equal(t, shootM.Name, v.Name)
					return shootOn("s"), nil
				}
				return read(t.Context(), g)
			}
			found, err := answer(nil)
			require.NoError(t, err)
			require.True(t, found)
			resource := schema.GroupResource{Resource: "any"}
			found, err = answer(apierrors.NewNotFound(resource, "m"))
			require.NoError(t, err)
			require.False(t, found)
			_, err = answer(apierrors.NewForbidden(resource, "m", nil))
			require.ErrorIs(t, err, ErrNotAvailable, "may not read")
			_, err = answer(apierrors.NewInternalError(errors.New("broken")))
			require.ErrorContains(t, err, "broken")
			require.NotErrorIs(t, err, ErrNotAvailable)
		})
	}
}

// TestLiveReadsOfNothing: nobody is asked for what cannot be.
func TestLiveReadsOfNothing(t *testing.T) {
	source := newMemorySource(t)
	source.live = func(_ context.Context, v graph.Vertex) (runtime.Object, error) {
		t.Errorf("asked for %s", v)
		return nil, ErrNotAvailable
	}
	g := run(t, source)
	_, err := g.Live(t.Context(), "s", graph.Vertex{Kind: graph.KindSecret, Name: "m"})
	require.ErrorIs(t, err, ErrNotAvailable, "not watched")
	for _, hostile := range []graph.Vertex{
		{Kind: graph.KindShoot, Namespace: "garden", Name: "../m"}, {Kind: graph.KindShoot, Namespace: "..", Name: "m"},
		{Kind: graph.KindSeed, Name: ""},
	} {
		o, err := g.Live(t.Context(), "s", hostile)
		require.NoError(t, err)
		require.Nil(t, o, "no object is named %s", hostile)
	}
}

// TestBudgetsOfReads: what the live reads of one use up, others still have, and the checks before deletes have a budget
// of their own.
func TestBudgetsOfReads(t *testing.T) {
	secrets := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	source := newMemorySource(t)
	source.live = func(context.Context, graph.Vertex) (runtime.Object, error) { return &corev1.Secret{}, nil }
	g := run(t, source)
	exhausted := func(budget readBudget, read func() (bool, error)) {
		t.Helper()
		for range budget.seed.burst {
			found, err := read()
			require.NoError(t, err)
			require.True(t, found)
		}
		found, err := read()
		require.ErrorIs(t, err, errExhausted)
		require.False(t, found)
	}
	exhausted(absenceBudget, func() (bool, error) { return g.StillExists(t.Context(), "s", secrets, "garden", "m") })
	exhausted(restrictionBudget, func() (bool, error) { return g.Exists(t.Context(), "s", secrets, "garden", "m") })
	for _, bootstrapper := range []string{"system:bootstrap:abc123", "system:bootstrap:another"} {
		exhausted(restrictionBudget, func() (bool, error) {
			_, found, err := g.BootstrapTokenDescription(t.Context(), bootstrapper, "abc123")
			return found, err
		})
	}
}
