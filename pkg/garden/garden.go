package garden

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/informers"
	kubernetesclient "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/naming"
)

// Options configure a Garden.
type Options struct {
	// Source is where the objects come from. Required.
	Source Source
	// Graph is what they are put into. Required; nobody else may write to it.
	Graph *graph.Graph
	// Clock defaults to the real one.
	Clock clock.WithDelayedExecution
	// MaxStaleness is for how long nothing may be heard of a kind before the Garden is stale (Stale). 0: for ever.
	MaxStaleness time.Duration
	// Registerer takes the garden's metrics. Nil: none are registered.
	Registerer prometheus.Registerer
}

// Garden keeps the graph equal to what the objects of the source imply, and looks objects up. All methods are safe for
// concurrent use.
type Garden struct {
	source  Source
	graph   *graph.Graph
	clock   clock.WithDelayedExecution
	metrics *metrics
	// reads are the admission's live reads, absence the authorizer's.
	reads, absence *boundedReads
	// started is when the Garden was made.
	started time.Time
	watches map[graph.Kind]*watch
	// contacts are in the order of their kinds in the table.
	contacts     []*contact
	maxStaleness time.Duration
	// arrived counts the objects that have come in.
	arrived atomic.Int64
	// informers are those of all watches. They share their start and end.
	informers informers.SharedInformerFactory

	// mu makes an event's way into the graph one step: what the caches hold is read, and the graph is written, under it.
	// Informers change their caches without it, but each change is followed by an event, so the last word is always right.
	mu sync.Mutex
	// wakeups holds, for each object whose derived edges change by the clock, the timer that handles it again. Bound by
	// mu.
	wakeups map[graph.Vertex]clock.Timer
	// edges is scratch space for putLocked.
	edges []graph.Edge

	news news
}

// watch is a watched kind at work.
type watch struct {
	*watched
	door     door
	informer cache.SharedIndexInformer
	handled  cache.ResourceEventHandlerRegistration
}

// index is that of all caches.
const index = "indexed"

// New returns a Garden that does nothing yet.
func New(options Options) *Garden {
	g := &Garden{
		source:       options.Source,
		graph:        options.Graph,
		clock:        cmp.Or[clock.WithDelayedExecution](options.Clock, clock.RealClock{}),
		maxStaleness: options.MaxStaleness,
		metrics:      newMetrics(options.Registerer),
		watches:      map[graph.Kind]*watch{},
		wakeups:      map[graph.Vertex]clock.Timer{},
		// The factory has no client: each informer has its own way to the source.
		informers: informers.NewSharedInformerFactory(nil, 0),
	}
	g.started = g.clock.Now()
	g.reads = newBoundedReads(restrictionBudget, g.metrics, g.clock)
	g.absence = newBoundedReads(absenceBudget, g.metrics, g.clock)
	for i := range table {
		w := &watch{watched: &table[i]}
		g.setUp(w)
		g.watches[w.Kind] = w
	}
	if options.Registerer != nil {
		options.Registerer.MustRegister(collector{g})
	}
	return g
}

func (g *Garden) setUp(w *watch) {
	w.door.clock, w.door.resource = g.clock, w.Resource().GroupResource().String()
	w.door.contact = g.contactWith(w.Kind)
	w.door.keep = func(o runtime.Object) (*Object, error) {
		g.arrived.Add(1)
		kept, err := w.object(o)
		if err != nil {
			return nil, err
		}
		if kept.dropped > 0 {
			g.capped(kept)
		}
		kept.received = g.clock.Since(g.started)
		return kept, nil
	}
	lw := w.door.listerWatcher(g.source.ListerWatcher(w.Kind))
	options := cache.SharedIndexInformerOptions{
		ObjectDescription: w.door.resource,
		Indexers:          cache.Indexers{index: func(o any) ([]string, error) { return indexed(o.(*Object)), nil }},
	}
	newInformer := func(kubernetesclient.Interface, time.Duration) cache.SharedIndexInformer {
		// There is no example object: what comes in at the door is an *Object, but bookmarks are of the API type.
		return cache.NewSharedIndexInformerWithOptions(lw, nil, options)
	}
	w.informer = g.informers.InformerFor(newObject(w.Kind), newInformer)
	err := w.informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *cache.Reflector, err error) {
		// An API server that has forgotten where a watch was is well, and so is one that ends it.
		if ctx.Err() == nil && !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) && !errors.Is(err, io.EOF) {
			w.door.failed(err)
		}
	})
	utilruntime.Must(err) // it fails for an informer that runs already
	w.handled, err = w.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) { g.handle(w, nil, o.(*Object)) },
		UpdateFunc: func(old, o any) {
			if !w.sameEdges(old.(*Object), o.(*Object)) {
				g.handle(w, old.(*Object), o.(*Object))
			}
		},
		DeleteFunc: func(o any) {
			if tombstone, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = tombstone.Obj
			}
			g.handle(w, o.(*Object), nil)
		},
	})
	utilruntime.Must(err)
}

// contactWith returns the contact with the API server of a kind.
func (g *Garden) contactWith(kind graph.Kind) *contact {
	groupVersion := kind.Resource().GroupVersion()
	for _, c := range g.contacts {
		if c.groupVersion == groupVersion {
			c.kinds = append(c.kinds, kind)
			return c
		}
	}
	c := &contact{groupVersion: groupVersion, kinds: []graph.Kind{kind}, clock: g.clock}
	c.prober, _ = g.source.(Prober)
	g.contacts = append(g.contacts, c)
	return c
}

// capped counts and logs the edges that are left out of an object, unless an edge was left out of its last version
// already.
func (g *Garden) capped(o *Object) {
	if last := g.Get(o.Vertex); last != nil && last.dropped > 0 {
		return
	}
	g.metrics.edgesDropped.WithLabelValues(o.Kind.String()).Add(float64(o.dropped))
	klog.Background().Info("An object refers to more than the graph takes of one object", "kind", o.Kind.String(),
		"namespace", o.Namespace, "name", o.Name, "kept", MaxEdges, "dropped", o.dropped)
}

// sameEdges reports whether an update from old to o leaves all edges as they are, those of dependents included. Most
// updates do: heartbeats and other changes of status.
func (w *watched) sameEdges(old, o *Object) bool {
	return old.Vertex == o.Vertex && old.edges == o.edges && old.UID == o.UID &&
		(w.derive == nil && w.dependents == nil || reflect.DeepEqual(old.Facts, o.Facts))
}

// Run watches the garden until ctx ends, and returns when everything that it started has stopped. It may be called
// once.
func (g *Garden) Run(ctx context.Context) error {
	var watching sync.WaitGroup
	for _, c := range g.contacts {
		c.start(ctx)
		watching.Go(c.watch)
	}
	g.informers.StartWithContext(ctx)
	g.informers.Shutdown() // waits until ctx has ended, and with it all informers
	watching.Wait()

	g.mu.Lock()
	defer g.mu.Unlock()
	for _, timer := range g.wakeups {
		timer.Stop()
	}
	clear(g.wakeups)
	return nil
}

// NotReady returns why no decision may be made yet, one line a kind: it has not synced, or not all of its first objects
// have reached the graph. Empty: ready.
func (g *Garden) NotReady() []string {
	var reasons []string
	for i := range table {
		w := g.watches[table[i].Kind]
		if w.handled.HasSynced() {
			continue
		}
		reason := w.door.resource + " not synced"
		if err := w.door.err.Load(); err != nil {
			reason += ": " + (*err).Error()
		} else if message, err := w.door.contact.lost(); err != nil {
			reason += ": " + message + ": " + err.Error()
		}
		reasons = append(reasons, reason)
	}
	return reasons
}

// Progress is how far the first lists of a Garden have come.
type Progress struct {
	// Kinds are watched, and all objects of Synced of them have reached the graph.
	Kinds, Synced int
	// Objects have come in, also such that are not in the graph yet.
	Objects int64
}

// Progress returns how far the first lists have come.
func (g *Garden) Progress() Progress {
	p := Progress{Kinds: len(g.watches), Objects: g.arrived.Load()}
	for _, w := range g.watches {
		if w.handled.HasSynced() {
			p.Synced++
		}
	}
	return p
}

// LostContact returns with which API groups there is no contact, and for how long. Meanwhile decisions rest on what was
// known then.
func (g *Garden) LostContact() []string {
	var lost []string
	for _, c := range g.contacts {
		if message, err := c.lost(); err != nil {
			lost = append(lost, message)
		}
	}
	return lost
}

// Stale returns why what is known is too old to decide on (Options.MaxStaleness), one line a kind. Empty: it is not.
func (g *Garden) Stale() []string {
	if _, ok := g.source.(Prober); !ok || g.maxStaleness == 0 {
		return nil
	}
	var reasons []string
	now := g.clock.Now()
	for i := range table {
		w := g.watches[table[i].Kind]
		age := now.Sub(time.UnixMilli(w.door.currentUntil()))
		if age > g.maxStaleness {
			reasons = append(reasons, fmt.Sprintf("%s not known for %s", w.door.resource, age.Round(time.Second)))
		}
	}
	return reasons
}

// WaitReady waits until decisions may be made (NotReady). When ctx ends before, its error says what is missing.
func (g *Garden) WaitReady(ctx context.Context) error {
	var synced []cache.DoneChecker
	for _, w := range g.watches {
		synced = append(synced, w.handled.HasSyncedChecker())
	}
	if !cache.WaitFor(ctx, "", synced...) {
		return fmt.Errorf("%s: %w", strings.Join(g.NotReady(), "; "), context.Cause(ctx))
	}
	return nil
}

// handle brings the graph up to date after old became o (nil: does not exist), with everything that depends on it.
func (g *Garden) handle(w *watch, old, o *Object) {
	arrived := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	locked := g.clock.Now()

	for _, version := range []*Object{old, o} {
		if version == nil {
			continue
		}
		g.putLocked(version.Vertex)
		if w.dependents != nil {
			for _, dependent := range w.dependents(g, version) {
				g.putLocked(dependent.Vertex)
			}
		}
	}

	done := g.clock.Now()
	g.news.tell()
	g.metrics.lockWait.Observe(locked.Sub(arrived).Seconds())
	g.metrics.update.Observe(done.Sub(locked).Seconds())
	if o != nil {
		g.metrics.eventLag.Observe((done.Sub(g.started) - o.received).Seconds())
	}
}

// putLocked makes the graph hold what the caches imply for one object.
func (g *Garden) putLocked(v graph.Vertex) {
	if timer, ok := g.wakeups[v]; ok {
		timer.Stop()
		delete(g.wakeups, v)
	}
	o, w := g.Get(v), g.watches[v.Kind]
	if o == nil {
		g.graph.Delete(v)
		return
	}
	edges := o.edges.appendTo(g.edges[:0], v)
	if w.derive != nil {
		now := g.clock.Now()
		derived, next := w.derive(g, o, now)
		for _, from := range derived {
			edges = append(edges, graph.Edge{From: from, To: v})
		}
		if !next.IsZero() {
			// A clock may hold a lock of its own while it calls, and wake asks it for the time.
			g.wakeups[v] = g.clock.AfterFunc(next.Sub(now), func() { go g.wake(v) })
		}
	}
	// Of a kind that is not known whole, an object that implies nothing is nothing to the graph.
	if len(edges) == 0 && !v.Kind.Tracked() {
		g.graph.Delete(v)
		return
	}
	g.graph.Set(v, edges)
	g.edges = edges
}

func (g *Garden) wake(v graph.Vertex) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.wakeups[v]; ok { // else it was handled in the meantime
		g.putLocked(v)
		g.news.tell()
	}
}

// by returns the objects of a kind for which indexed has the value.
func (g *Garden) by(kind graph.Kind, value string) []*Object { return g.watches[kind].by(value) }

func (w *watch) by(value string) []*Object {
	found, err := w.informer.GetIndexer().ByIndex(index, value)
	if err != nil {
		panic(fmt.Sprintf("BUG: %v", err)) // the index does not exist, though every informer is made with it
	}
	return objects(found)
}

func objects(stored []any) []*Object {
	result := make([]*Object, len(stored))
	for i, o := range stored {
		result[i] = o.(*Object)
	}
	return result
}

// Get implements Reader.
func (g *Garden) Get(v graph.Vertex) *Object {
	w := g.watches[v.Kind]
	if w == nil {
		return nil
	}
	stored, _, _ := w.informer.GetStore().GetByKey(cache.NewObjectName(v.Namespace, v.Name).String())
	// The cache's key is namespace and name joined by a slash. No API server has names that hold one, other sources may.
	if o, ok := stored.(*Object); ok && o.Vertex == v {
		return o
	}
	return nil
}

// Referrers implements Reader.
func (g *Garden) Referrers(v graph.Vertex) []graph.Vertex {
	var found []graph.Vertex
	for _, w := range g.watches {
		for _, o := range w.by(v.String()) {
			found = append(found, o.Vertex)
		}
	}
	if shoot, ok := graph.ImpliedShoot(v); ok && g.Get(shoot) != nil {
		found = append(found, shoot)
	}
	return found
}

// Related implements Reader.
func (g *Garden) Related(v graph.Vertex, seed string) bool { return g.graph.Reaches(v, seed) }

// List implements Reader.
func (g *Garden) List(kind graph.Kind) []*Object {
	w := g.watches[kind]
	if w == nil {
		return nil
	}
	return objects(w.informer.GetStore().List())
}

// Live implements Reader.
func (g *Garden) Live(ctx context.Context, seed string, v graph.Vertex) (*Object, error) {
	w := g.watches[v.Kind]
	if w == nil {
		return nil, fmt.Errorf("%s is not watched: %w", v.Kind, ErrNotAvailable)
	}
	// A reference may hold anything. No object is named like that.
	if !naming.IsSegment(v.Name) || v.Namespace != "" && !naming.IsSegment(v.Namespace) {
		return nil, nil
	}
	var found *Object
	_, err := g.reads.find(ctx, seed, "object", func(ctx context.Context) error {
		o, err := g.source.Live(ctx, w.Kind, v.Namespace, v.Name)
		if err == nil {
			found, err = w.object(o)
		}
		return err
	})
	return found, err
}

// Exists implements Reader.
func (g *Garden) Exists(
	ctx context.Context, seed string, resource schema.GroupVersionResource, namespace, name string,
) (bool, error) {
	return g.reads.find(ctx, seed, "metadata", func(ctx context.Context) error {
		return g.source.Exists(ctx, resource, namespace, name)
	})
}

// BootstrapTokenDescription implements Reader.
func (g *Garden) BootstrapTokenDescription(
	ctx context.Context, reader, id string,
) (description string, found bool, err error) {
	found, err = g.reads.find(ctx, reader, "token", func(ctx context.Context) error {
		name := naming.BootstrapTokenSecretPrefix + id
		secret, err := g.source.Live(ctx, graph.KindSecret, naming.NamespaceKubeSystem, name)
		if err == nil {
			description = string(secret.(*corev1.Secret).Data["description"])
		}
		return err
	})
	return description, found, err
}

// StillExists is Exists for the authorizer, which asks before the deletion of an object. These reads have a small
// budget of their own.
func (g *Garden) StillExists(
	ctx context.Context, seed string, resource schema.GroupVersionResource, namespace, name string,
) (bool, error) {
	return g.absence.find(ctx, seed, "absence", func(ctx context.Context) error {
		return g.source.Exists(ctx, resource, namespace, name)
	})
}

var _ Reader = &Garden{}
