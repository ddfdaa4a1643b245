package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	k8sauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

// Admitter is the SeedRestriction behind a webhook.
type Admitter interface {
	Admit(ctx context.Context, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse
}

// Pair is what is attacked.
type Pair struct {
	// Admission makes the SeedRestriction on a world.
	Admission func(garden.Reader) Admitter
	// Registered reports whether the webhook is called for a write.
	Registered func(resource schema.GroupResource, subresource string, operation admission.Operation) bool
}

// Counts say how far the moves came.
type Counts struct {
	Attempted, Authorized, Admitted, Applied int
	// Targets counts what was applied, by operation, kind and subresource.
	Targets map[string]int
}

// Add adds up counts.
func (c *Counts) Add(other Counts) {
	c.Attempted += other.Attempted
	c.Authorized += other.Authorized
	c.Admitted += other.Admitted
	c.Applied += other.Applied
	if c.Targets == nil {
		c.Targets = map[string]int{}
	}
	for target, n := range other.Targets {
		c.Targets[target] += n
	}
}

// Violation is what clients reach or change though it is not theirs.
type Violation struct {
	Random uint64
	Seed   string
	What   string
	// History is the shortest sequence of writes found that leads there.
	History []Move
}

// Error describes the violation.
func (v *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "clients of Seed %s, landscape %d: %s\n", v.Seed, v.Random, v.What)
	for i, m := range v.History {
		body, _ := json.Marshal(m.Body)
		target := m.String()
		if m.Subresource != "" {
			target += "/" + m.Subresource
		}
		client := m.Client.String()
		if m.Client == identity.Bootstrapper {
			client += " by " + m.As.String()
		}
		fmt.Fprintf(&b, "%d. %s: %s %s %s\n", i+1, client, m.Operation, target, body)
	}
	return b.String()
}

// game is one landscape with the clients of one Seed on it.
type game struct {
	*world
	pair   *Pair
	seed   string
	users  map[identity.ClientKind]*user.DefaultInfo
	auth   *authorizer.Authorizer
	plugin Admitter
	reach  map[graph.Vertex]access
	// raised are the other Seeds whose gardenlets the clients bring up, or did.
	raised map[string]bool
	counts Counts
}

// newGame makes the landscape of a random number, the same each time.
func newGame(random uint64, pair *Pair) (*game, *rand.Rand) {
	r := rand.New(rand.NewPCG(random, 1))
	g := &game{
		world: landscape(r), pair: pair, seed: seeds[r.IntN(len(seeds))], raised: map[string]bool{},
		counts: Counts{Targets: map[string]int{}},
	}
	g.users = map[identity.ClientKind]*user.DefaultInfo{
		identity.Gardenlet: identity.Client{Kind: identity.Gardenlet, Seed: g.seed}.User(),
		identity.Extension: identity.Client{Kind: identity.Extension, Seed: g.seed, Extension: "x"}.User(),
	}
	var err error
	if g.auth, err = authorizer.New(authorizer.Options{Graph: g.graph, References: true}); err != nil {
		panic(err)
	}
	g.plugin = pair.Admission(g.world)
	g.reach = g.reached()
	g.raise()
	return g, r
}

// Play tries moves on the landscape of a random number, until one does what must not be possible. It returns nil when
// none does.
func Play(random uint64, moves int, pair *Pair, prefer Target) (Counts, *Violation) {
	g, r := newGame(random, pair)
	p := newPlanner(r, g.world, g.seed, prefer)
	var history []Move
	for range moves {
		m := p.next()
		applied, what := g.try(m)
		if applied {
			history = append(history, m)
		}
		if what != "" {
			return g.counts, shrink(&Violation{Random: random, Seed: g.seed, What: what, History: history}, pair)
		}
	}
	return g.counts, nil
}

// shrink leaves out of the history what the violation does not need: large parts first, then single moves.
func shrink(v *Violation, pair *Pair) *Violation {
	for size := (len(v.History) + 1) / 2; size > 0; size /= 2 {
		shrinkBy(size, v, pair)
	}
	return v
}

func shrinkBy(size int, v *Violation, pair *Pair) {
	for i := 0; i < len(v.History); {
		shorter := append(append([]Move{}, v.History[:i]...), v.History[min(i+size, len(v.History)):]...)
		g, _ := newGame(v.Random, pair)
		what := ""
		for n, m := range shorter {
			if _, what = g.try(m); what != "" {
				shorter = shorter[:n+1]
				break
			}
		}
		if what == "" {
			i += size
			continue
		}
		v.What, v.History = what, shorter
	}
}

// try sends a move through authorizer and admission and applies it when it passes. It reports whether it was applied,
// and what it has brought about that must not be, empty for nothing.
func (g *game) try(m Move) (applied bool, what string) {
	g.counts.Attempted++
	old := g.objects[m.Vertex]
	// The API server says 404 or 409 before it asks anybody else.
	if m.Operation == admission.Create && m.Subresource == "" && old != nil ||
		(m.Operation != admission.Create || m.Subresource != "") && old == nil || old == nil && m.Body == nil {
		return false, ""
	}
	if !g.authorized(m) {
		return false, ""
	}
	g.counts.Authorized++
	// The webhook sees objects as they would be stored.
	var o *object
	var raw []byte
	var err error
	switch {
	case m.Subresource == "token":
		raw, err = json.Marshal(m.Body)
	case m.Operation == admission.Create:
		o, err = g.create(m.Vertex, m.Body)
	case m.Operation == admission.Update:
		o, err = g.change(old, m.Subresource, m.Body)
	}
	if err != nil {
		return false, ""
	}
	if o != nil {
		raw = o.raw
	}
	if !g.admitted(m, old, raw) {
		return false, ""
	}
	g.counts.Admitted++
	if m.Subresource == "token" {
		g.applied(m)
		return true, g.powers(m, nil)
	}
	if what = g.judge(m, old, o); what != "" {
		g.applied(m)
		return true, what
	}
	before := g.grantsOf(m, old, o)
	if o == nil {
		g.remove(m.Vertex)
	} else {
		if m.Operation == admission.Create {
			g.created[m.Vertex]++
		}
		g.put(o)
	}
	for _, gone := range g.collect() {
		if what := g.judgeCollected(gone); what != "" {
			return true, what
		}
	}
	g.applied(m)
	after := g.reached()
	for _, o := range g.sorted() {
		if grown := after[o.Vertex] &^ g.reach[o.Vertex]; grown != 0 && !before(o.Vertex) {
			return true, fmt.Sprintf("the clients may newly %s %s", grown, o.Vertex)
		}
	}
	g.reach = after
	g.raise()
	return true, ""
}

func (g *game) applied(m Move) {
	g.counts.Applied++
	target := string(m.Operation) + " " + m.Kind.String()
	if m.Client == identity.Bootstrapper {
		target += " by bootstrapper"
	}
	if m.Subresource != "" {
		target += "/" + m.Subresource
	}
	g.counts.Targets[target]++
}

func (g *game) attributes(
	client identity.ClientKind,
	verb string,
	v graph.Vertex,
	subresource string,
) k8sauthorizer.AttributesRecord {
	resource := v.Kind.Resource()
	a := k8sauthorizer.AttributesRecord{
		User: g.users[client], Verb: verb, APIGroup: resource.Group, APIVersion: resource.Version,
		Resource:    resource.Resource,
		Subresource: subresource, Namespace: v.Namespace, Name: v.Name, ResourceRequest: true,
	}
	if v.Kind == graph.KindNamespace {
		a.Namespace = v.Name
	}
	return a
}

func (g *game) allowed(a k8sauthorizer.AttributesRecord) bool {
	return g.auth.Explain(context.Background(), a).Decision == k8sauthorizer.DecisionAllow
}

func (g *game) authorized(m Move) bool {
	if m.Client == identity.Bootstrapper {
		return g.authenticates(m.As)
	}
	verb := strings.ToLower(string(m.Operation))
	a := g.attributes(m.Client, verb, m.Vertex, m.Subresource)
	switch {
	case m.Operation == admission.Update && m.Apply:
		a.Verb = "patch"
	case m.Operation == admission.Create && m.Subresource == "" && m.Apply:
		// The API server asks for both verbs, with the name.
		if a.Verb = "patch"; !g.allowed(a) {
			return false
		}
		a.Verb = verb
	case m.Operation == admission.Create && m.Subresource == "":
		a.Name = ""
	}
	return g.allowed(a)
}

func (g *game) admitted(m Move, old *object, raw []byte) bool {
	resource := m.Kind.Resource()
	if !g.pair.Registered(resource.GroupResource(), m.Subresource, m.Operation) {
		return true
	}
	u := g.users[m.Client]
	if m.Client == identity.Bootstrapper {
		u = bootstrapUser(m.As)
	}
	request := &admissionv1.AdmissionRequest{
		UID: "attack", Operation: admissionv1.Operation(m.Operation), Resource: metav1.GroupVersionResource(resource),
		SubResource: m.Subresource, Namespace: m.Namespace, Name: m.Name,
		UserInfo: authenticationv1.UserInfo{Username: u.Name, Groups: u.Groups},
	}
	if len(raw) > 0 {
		request.Object = runtime.RawExtension{Raw: raw}
	}
	if old != nil && m.Operation != admission.Create {
		request.OldObject = runtime.RawExtension{Raw: old.raw}
	}
	return g.plugin.Admit(context.Background(), request).Allowed
}
