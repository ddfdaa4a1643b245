package authorizer

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
	"github.com/seedguard/seedguard/pkg/tabular"
)

// Rule is a row of the table: what clients may do with a resource. What it does not name is not allowed.
type Rule struct {
	Target `json:"-"`
	// Clients are the kinds of clients that the rule is for. A resource has one rule at most for each.
	Clients []identity.ClientKind `json:"clients"`
	// Always holds the verbs that are allowed whatever the object is.
	Always []Grant `json:"always,omitempty"`
	// ViaGraph are the verbs that are allowed when a path leads from the object to the client's Seed.
	ViaGraph Verbs `json:"viaGraph,omitzero"`
	// Subresources are those that the verbs are allowed on, beside the resource itself.
	Subresources []string `json:"subresources,omitempty"`
	// Levels are the subresources by which clients ask for kubeconfigs, with the level of access that each needs.
	Levels map[string]access.Level `json:"levels,omitempty"`
	// Selector says what confines a list or watch of many objects to the client's Seed. The zero Selector: nothing does.
	Selector Selector `json:"selector,omitzero"`
	// Namespaces are the only ones that the rule allows anything in. Empty: all.
	Namespaces []Pattern `json:"namespaces,omitempty"`
	// Exceptions are allowed before all else.
	Exceptions []Exception `json:"exceptions,omitempty"`
	// OnlyOwn are the subresources, "" for the resource itself, that a client may update and patch only of the object
	// that bears the name of its Seed, and NotOwn those that it may not update and patch of this object. Both hold with
	// Options.References.
	OnlyOwn []string `json:"onlyOwn,omitempty"`
	NotOwn  []string `json:"notOwn,omitempty"`
}

// writable reports whether the client may update or patch the object, as far as names tell.
func (r *Rule) writable(subresource string, own bool) bool {
	if own {
		return !slices.Contains(r.NotOwn, subresource)
	}
	return !slices.Contains(r.OnlyOwn, subresource)
}

// Target is the resource that a rule is about.
type Target struct {
	Resource schema.GroupResource
	// Version is the one in which seedguard reads the resource. Rules hold for all versions.
	Version string
	// Kind is the kind of the resource's vertices, zero when the graph has none.
	Kind       graph.Kind
	Namespaced bool
}

// of returns the target that a kind of the graph is.
func of(kind graph.Kind) Target {
	r := kind.Resource()
	return Target{r.GroupResource(), r.Version, kind, kind.Namespaced()}
}

// eventsIn returns the Events of an API group, which the graph does not have.
func eventsIn(gv schema.GroupVersion) Target {
	return Target{Resource: gv.WithResource("events").GroupResource(), Version: gv.Version, Namespaced: true}
}

// Grant is a set of verbs that are allowed without a path.
type Grant struct {
	Verbs Verbs
	// Unguarded is why the SeedRestriction need not guard them. When it is empty, it does: by a rule for the same
	// resource and clients, and the operation of each verb.
	Unguarded string
}

// Exception allows a few objects by their names.
type Exception struct {
	Verbs Verbs `json:"verbs"`
	// Namespace is the zero Pattern when the resource is cluster-scoped.
	Namespace Pattern `json:"namespace,omitzero"`
	Name      Pattern `json:"name"`
	// AllSubresources: it holds for all subresources. Else it holds for the resource itself alone.
	AllSubresources bool `json:"allSubresources,omitempty"`
	// Why says why it is allowed without a path.
	Why string `json:"why"`
}

// Selector is a requirement that confines a list or watch to a Seed: one of the two is set.
type Selector struct {
	// Field is the path of a field.
	Field string `json:"field,omitempty"`
	// Label is the key of a label.
	Label Pattern `json:"label,omitzero"`
	// Value is that of the field or label.
	Value Pattern `json:"value"`
}

// metadataName is the field by which a list names one object. It reaches the authorizer as the name, too.
const metadataName = "metadata.name"

// Pattern is what a namespace or name must be: a prefix, and then what Then stands for.
type Pattern struct {
	Prefix string
	Then   Placeholder
}

// Placeholder stands for a part of a namespace or name.
type Placeholder uint8

// The placeholders.
const (
	// Nothing stands for the empty string.
	Nothing Placeholder = iota
	// Anything stands for any string, the empty one included.
	Anything
	// SeedName stands for the name of the client's Seed.
	SeedName
	// BootstrapTokenID stands for the id of the bootstrap token of the Gardenlet of the client's Seed.
	BootstrapTokenID
)

// Verbs is a set of verbs of requests.
type Verbs uint16

// The verbs.
const (
	Create Verbs = 1 << iota
	Get
	List
	Watch
	Update
	Patch
	Delete
	DeleteCollection
	// otherVerb stands for every verb but these, "*" and the empty one included.
	otherVerb
	// AnyVerb holds all verbs, known or not.
	AnyVerb Verbs = 1<<iota - 1
)

// verbNames has the names of the verbs, each where its bit is.
var verbNames = []string{"create", "get", "list", "watch", "update", "patch", "delete", "deletecollection"}

// verbOf returns the set of one verb.
func verbOf(name string) Verbs {
	if i := slices.Index(verbNames, name); i >= 0 {
		return 1 << i
	}
	return otherVerb
}

// index returns the verb's place in verbNames. The set must hold one known verb.
func (v Verbs) index() int { return bits.TrailingZeros16(uint16(v)) }

// Names returns the verbs as requests spell them; for AnyVerb, "*" alone.
func (v Verbs) Names() []string {
	if v == AnyVerb {
		return []string{"*"}
	}
	var names []string
	for i, name := range verbNames {
		if v&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String returns the verbs with blanks between them.
func (v Verbs) String() string { return strings.Join(v.Names(), " ") }

// granted are the verbs that are allowed always.
func (r *Rule) granted() Verbs {
	var verbs Verbs
	for _, grant := range r.Always {
		verbs |= grant.Verbs
	}
	return verbs
}

// vertex is the object that a request is about. For a request about a Namespace, the API server sends the object's
// name as its namespace, too.
func (r *Rule) vertex(namespace, name string) graph.Vertex {
	if r.Kind == graph.KindNamespace {
		namespace = ""
	}
	return graph.Vertex{Kind: r.Kind, Namespace: namespace, Name: name}
}

func (r *Rule) inNamespaces(namespace, seed string) bool {
	return len(r.Namespaces) == 0 || slices.ContainsFunc(r.Namespaces, func(p Pattern) bool {
		return p.matches(namespace, seed)
	})
}

func (e *Exception) holds(seed string, verb Verbs, namespace, name, subresource string) bool {
	return e.Verbs&verb != 0 && (subresource == "" || e.AllSubresources) &&
		e.Namespace.matches(namespace, seed) && e.Name.matches(name, seed)
}

func (p Pattern) matches(s, seed string) bool {
	rest, ok := strings.CutPrefix(s, p.Prefix)
	if !ok {
		return false
	}
	switch p.Then {
	case Nothing:
		return rest == ""
	case Anything:
		return true
	case SeedName:
		return rest == seed
	case BootstrapTokenID:
		return rest == naming.BootstrapTokenID(naming.NamespaceGarden, seed)
	default:
		return false
	}
}

// confines reports whether one of the selector's requirements alone confines the request to the Seed. A selector that
// cannot be parsed is none.
func (s Selector) confines(request authorizer.Attributes, seed string) bool {
	if s.Field != "" {
		requirements, err := request.GetFieldSelector()
		return err == nil && slices.ContainsFunc(requirements, func(r fields.Requirement) bool {
			return s.confinesField(&r, seed)
		})
	}
	requirements, err := request.GetLabelSelector()
	return err == nil && slices.ContainsFunc(requirements, func(r labels.Requirement) bool {
		return s.confinesLabel(&r, seed)
	})
}

func (s Selector) confinesField(r *fields.Requirement, seed string) bool {
	if r.Field != s.Field || !s.Value.matches(r.Value, seed) {
		return false
	}
	switch r.Operator {
	case selection.Equals, selection.DoubleEquals, selection.In:
		return true
	default:
		return false
	}
}

func (s Selector) confinesLabel(r *labels.Requirement, seed string) bool {
	if !s.Label.matches(r.Key(), seed) {
		return false
	}
	switch r.Operator() {
	case selection.Exists:
		return true
	case selection.Equals, selection.DoubleEquals, selection.In:
		values := r.ValuesUnsorted()
		return len(values) > 0 && !slices.ContainsFunc(values, func(v string) bool { return !s.Value.matches(v, seed) })
	default:
		return false
	}
}

// validate says what is wrong with the rule.
func (r *Rule) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	var always Verbs
	for _, grant := range r.Always {
		check(grant.Verbs != 0, "it grants no verb")
		check(always&grant.Verbs == 0, "it grants %q twice", always&grant.Verbs)
		check(grant.Unguarded != "" || grant.Verbs&read == 0, "no admission rule can guard %q", grant.Verbs&read)
		always |= grant.Verbs
	}
	check(r.Resource.Resource != "" && r.Version != "", "it has no resource or no version")
	check(len(r.Clients) > 0, "it is for no client")
	check(always|r.ViaGraph != 0 || len(r.Exceptions) > 0, "it allows nothing")
	check(always&r.ViaGraph == 0, "%q is allowed both always and by the graph", always&r.ViaGraph)
	check((always|r.ViaGraph)&otherVerb == 0, "it names no verbs, but all of them")
	check(r.ViaGraph == 0 || r.Kind != noKind, "the graph does not know its kind")
	distinct := slices.Compact(slices.Sorted(slices.Values(r.Subresources)))
	check(!slices.Contains(r.Subresources, "") && len(distinct) == len(r.Subresources),
		"a subresource has no name, or is there twice")
	check(r.Selector.Field == "" || r.Selector.Label == Pattern{}, "its selector is on a field and on a label")
	check(r.Selector == Selector{} || r.ViaGraph&(List|Watch) != 0,
		"its selector is for a list or watch that it does not have")
	check(r.Namespaced || len(r.Namespaces) == 0, "it has no namespaces")
	for _, subresource := range slices.Concat(r.OnlyOwn, r.NotOwn) {
		check(subresource == "" || slices.Contains(r.Subresources, subresource),
			"it confines the subresource %q, which it does not allow", subresource)
	}
	check(len(r.OnlyOwn)+len(r.NotOwn) == 0 || r.ViaGraph&(Update|Patch) != 0,
		"it confines updates that it does not allow")
	for _, e := range r.Exceptions {
		check(e.Verbs != 0, "an exception has no verb")
		check(e.Why != "", "the exception %q does not say why", e)
		check((e.Namespace != Pattern{}) == r.Namespaced,
			"the exception %q has a namespace where there is none, or none where there is one", e)
		check(e.Name != Pattern{}, "the exception %q has no name", e)
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("rule for %s of %s: %w", r.Resource, tabular.Join(r.Clients, ", "), errors.Join(errs...))
}

// entry is a rule as it is looked up: with what is the same for all requests prepared.
type entry struct {
	*Rule
	always Verbs
	say    reasons
}

// reasons are what decisions say, so that no request pays for words.
type reasons struct {
	namespace, subresource, verb, own, scope, selector string
	// always, name and noPath have an element for each verb, exceptions one for each exception.
	always, name, noPath [8]string
	exceptions           []string
	// confined, path and absent are why requests are allowed.
	confined, path, absent string
}

// index finds rules. Its elements belong to kinds of clients.
type index [identity.Extension + 1]map[schema.GroupResource]*entry

// build validates the rules and makes them ready for look-ups.
func build(rules []Rule) (*index, error) {
	built := &index{}
	for i := range rules {
		rule := &rules[i]
		if err := rule.validate(); err != nil {
			return nil, err
		}
		e := &entry{rule, rule.granted(), rule.reasons()}
		for _, client := range rule.Clients {
			if int(client) >= len(built) || client == 0 {
				return nil, fmt.Errorf("rule for %s: there is no client of kind %d", rule.Resource, client)
			}
			if built[client] == nil {
				built[client] = map[schema.GroupResource]*entry{}
			}
			if built[client][rule.Resource] != nil {
				return nil, fmt.Errorf("there are two rules for %s of %s", rule.Resource, client)
			}
			built[client][rule.Resource] = e
		}
	}
	return built, nil
}

func (r *Rule) reasons() reasons {
	say := func(format string, args ...any) string {
		return r.Resource.String() + ": " + fmt.Sprintf(format, args...)
	}
	always := r.granted()
	said := reasons{
		namespace:   say("allowed namespaces: %s", tabular.Join(r.Namespaces, ", ")),
		subresource: say("no subresource is allowed"),
		own:         say("allowed: %s", r.confinedWrites()),
		scope:       say("needs a namespace"),
		// A name confines as well, but not where the selector is the name itself.
		selector: say("needs the %s", r.Selector),
		confined: say("the selector confines it to the client's Seed"),
		path:     say("a path leads from the object to the client's Seed"),
		absent:   say("the object does not exist"),
	}
	if len(r.Subresources) > 0 {
		said.subresource = say("allowed subresources: %s", strings.Join(r.Subresources, ", "))
	}
	if !r.Namespaced {
		said.scope = say("has no namespaces")
	}
	if r.Selector.Field != metadataName {
		said.selector += ", or a name"
	}
	var verbs []string
	if always != 0 {
		verbs = append(verbs, always.String())
	}
	if r.ViaGraph != 0 {
		verbs = append(verbs, r.ViaGraph.String()+" with a path from the object to the client's Seed")
	}
	for _, e := range r.Exceptions {
		verbs = append(verbs, e.String())
	}
	said.verb = say("allowed verbs: %s", strings.Join(verbs, "; "))
	for i, verb := range verbNames {
		said.name[i] = say("%s needs a name", verb)
		said.noPath[i] = say("%s needs a path from the object to the client's Seed, no relationship found", verb)
	}
	for _, grant := range r.Always {
		why := grant.Unguarded
		if why == "" {
			why = "the SeedRestriction decides on the object"
		}
		for _, verb := range grant.Verbs.Names() {
			said.always[verbOf(verb).index()] = say("%s is always allowed: %s", verb, why)
		}
	}
	for _, e := range r.Exceptions {
		said.exceptions = append(said.exceptions, say("%s is allowed: %s", e, e.Why))
	}
	return said
}
