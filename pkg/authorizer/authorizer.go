package authorizer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

// Graph is what the authorizer asks of the resource graph. It must be complete: nothing is decided on a graph that is
// still being filled. It must be safe for concurrent use.
type Graph interface {
	// Reaches reports whether a path leads from the object to the named Seed.
	Reaches(object graph.Vertex, seed string) bool
	// HasObject reports whether the object exists, for kinds that are watched.
	HasObject(object graph.Vertex) bool
}

// Options configure an Authorizer.
type Options struct {
	Graph Graph
	// Exists lets clients delete objects that do not exist, and so get the API server's 404. Nil: the graph alone
	// knows, which is certain where it cannot be behind, as it is behind an API server. Of kinds that are not watched it
	// knows nothing.
	Exists ExistsFunc
	// References: the clients' writes must not widen what they reach. It adds Rule.OnlyOwn and Rule.NotOwn to what
	// decides.
	References bool
	// Access grants kubeconfigs of Shoots. Nil: none.
	Access *access.Policy
	// News returns a channel that is closed when the graph changes next, nil when no change can be expected. A request
	// for which there is no path waits for news, for as long as Freshness in all. Nil or 0: none waits.
	News      func() <-chan struct{}
	Freshness time.Duration
	// Mode defaults to ModeNoOpinion.
	Mode Mode
	// Exempt names what ModeDeny leaves to RBAC. Nil: nothing.
	Exempt ExemptFunc
	// Registerer takes the metrics of waiting and of ModeAudit. Nil: none are registered.
	Registerer prometheus.Registerer
}

// Authorizer is the SeedAuthorizer. It is safe for concurrent use, and allocates nothing but for reads by
// Options.Exists, for requests that wait for Options.News and for what ModeAudit tells.
type Authorizer struct {
	options Options
	// absence is nil without Options.Exists.
	absence *absenceChecker
	waiting *waitingRoom
	audit   *audit
}

var _ authorizer.Authorizer = &Authorizer{}

// rules is the table as it is looked up.
var rules = func() *index {
	built, err := build(table)
	if err != nil {
		panic(fmt.Sprintf("BUG: %v", err)) // any test finds it
	}
	return built
}()

// New returns the SeedAuthorizer on the graph. It panics when its metrics are registered already.
func New(options Options) (*Authorizer, error) {
	if options.Graph == nil {
		return nil, errors.New("the authorizer needs a graph")
	}
	switch options.Mode {
	case "":
		options.Mode = ModeNoOpinion
	case ModeNoOpinion, ModeDeny, ModeAudit:
	default:
		return nil, fmt.Errorf("the authorizer has no mode %q", options.Mode)
	}
	a := &Authorizer{
		options: options,
		waiting: newWaitingRoom(options.News, options.Freshness, options.Registerer),
		audit:   newAudit(options.Registerer),
	}
	if options.Exists != nil {
		a.absence = newAbsenceChecker(options.Exists, clock.RealClock{})
	}
	return a, nil
}

// Authorize allows the request or has no opinion; with ModeDeny, it may deny the request. The reason says why, and what
// would be allowed instead. The error is always nil.
func (a *Authorizer) Authorize(
	ctx context.Context, request authorizer.Attributes,
) (authorizer.Decision, string, error) {
	e := a.Explain(ctx, request)
	if a.options.Mode != ModeNoOpinion && e.Decision == authorizer.DecisionNoOpinion && e.Rule != nil {
		e.Decision = a.strictly(ctx, request, e.Rule, e.Reason)
	}
	return e.Decision, e.Reason, nil
}

// ConditionsAwareAuthorize is Authorize: its decisions have no conditions.
func (a *Authorizer) ConditionsAwareAuthorize(
	ctx context.Context, request authorizer.Attributes,
) authorizer.ConditionsAwareDecision {
	return authorizer.ConditionsAwareDecisionFromParts(a.Authorize(ctx, request))
}

// EvaluateConditions denies, as the interface asks of authorizers that never give conditions.
func (a *Authorizer) EvaluateConditions(
	context.Context, authorizer.ConditionsAwareDecision, authorizer.ConditionsData,
) (authorizer.Decision, string, error) {
	return authorizer.DecisionDeny, "", authorizer.ErrorConditionEvaluationNotSupported
}

// Explanation is a decision, and where it fell.
type Explanation struct {
	Decision authorizer.Decision
	// Reason is for people.
	Reason string
	// Rule is the one that decided, nil when none did. It must not be changed.
	Rule *Rule
	// Step is the last one that was taken.
	Step Step
}

// Step is a step of the decision.
type Step string

// The steps, in the order in which they are taken.
const (
	StepClient      Step = "client"
	StepResource    Step = "resource"
	StepException   Step = "exception"
	StepNamespace   Step = "namespace"
	StepLevel       Step = "level"
	StepSubresource Step = "subresource"
	StepAlways      Step = "always"
	StepVerb        Step = "verb"
	StepOwn         Step = "own"
	StepSelector    Step = "selector"
	StepName        Step = "name"
	StepGraph       Step = "graph"
	StepAbsent      Step = "absent"
)

// Explain is Authorize in ModeNoOpinion, with the rule and the step that decided.
func (a *Authorizer) Explain(ctx context.Context, request authorizer.Attributes) Explanation {
	client, ok := identity.From(request.GetUser())
	if !ok {
		return noOpinion("not a seed client", nil, StepClient)
	}
	if !request.IsResourceRequest() {
		return noOpinion("seed clients are allowed resources only, no paths", nil, StepResource)
	}
	rule := rules[client.Kind][schema.GroupResource{Group: request.GetAPIGroup(), Resource: request.GetResource()}]
	if rule == nil {
		return noOpinion("no rule names this resource", nil, StepResource)
	}
	verb, subresource := verbOf(request.GetVerb()), request.GetSubresource()
	namespace, name := request.GetNamespace(), request.GetName()

	for i := range rule.Exceptions {
		if rule.Exceptions[i].holds(client.Seed, verb, namespace, name, subresource) {
			return allow(rule.say.exceptions[i], rule.Rule, StepException)
		}
	}
	if !rule.inNamespaces(namespace, client.Seed) {
		return noOpinion(rule.say.namespace, rule.Rule, StepNamespace)
	}
	if level, ok := rule.Levels[subresource]; ok && a.options.Access != nil && a.options.Access.Enabled() {
		return a.byLevel(ctx, request, client, rule, level)
	}
	if subresource != "" && !slices.Contains(rule.Subresources, subresource) {
		return noOpinion(rule.say.subresource, rule.Rule, StepSubresource)
	}
	if rule.always&verb != 0 {
		return allow(rule.say.always[verb.index()], rule.Rule, StepAlways)
	}
	if rule.ViaGraph&verb == 0 {
		return noOpinion(rule.say.verb, rule.Rule, StepVerb)
	}
	if a.options.References && verb&(Update|Patch) != 0 && !rule.writable(subresource, name == client.Seed) {
		return noOpinion(rule.say.own, rule.Rule, StepOwn)
	}
	if verb&(List|Watch) != 0 && rule.Selector != (Selector{}) && (name == "" || rule.Selector.Field == metadataName) {
		if rule.Selector.confines(request, client.Seed) {
			return allow(rule.say.confined, rule.Rule, StepSelector)
		}
		return noOpinion(rule.say.selector, rule.Rule, StepSelector)
	}
	if name == "" {
		return noOpinion(rule.say.name[verb.index()], rule.Rule, StepName)
	}
	object := rule.vertex(namespace, name)
	if (object.Namespace != "") != rule.Namespaced {
		// Without a namespace, a name stands for objects in all namespaces; no path leads from all of them.
		return noOpinion(rule.say.scope, rule.Rule, StepName)
	}
	if a.options.Graph.Reaches(object, client.Seed) {
		return allow(rule.say.path, rule.Rule, StepGraph)
	}
	if verb == Delete && subresource == "" && a.absent(ctx, client.Seed, rule.Rule, object) {
		return allow(rule.say.absent, rule.Rule, StepAbsent)
	}
	if a.waiting.wait(ctx, request, client.Seed, func() bool { return a.options.Graph.Reaches(object, client.Seed) }) {
		return allow(rule.say.path, rule.Rule, StepGraph)
	}
	return noOpinion(rule.say.noPath[verb.index()], rule.Rule, StepGraph)
}

// byLevel allows to create a kubeconfig of a Shoot on the client's Seed when the client's level includes the one that
// it needs.
func (a *Authorizer) byLevel(
	ctx context.Context, request authorizer.Attributes, client identity.Client, rule *entry, needed access.Level,
) Explanation {
	what := rule.Resource.String() + "/" + request.GetSubresource()
	if verbOf(request.GetVerb()) != Create || request.GetName() == "" || request.GetNamespace() == "" {
		return noOpinion(what+": allowed verbs: create, with a namespace and a name", rule.Rule, StepLevel)
	}
	shoot := rule.vertex(request.GetNamespace(), request.GetName())
	has, related := a.options.Access.Of(client, shoot)
	related = related || a.waiting.wait(ctx, request, client.Seed, func() (on bool) {
		has, on = a.options.Access.Of(client, shoot)
		return on
	})
	switch {
	case !related:
		return noOpinion(what+": create needs a Shoot on the client's Seed", rule.Rule, StepLevel)
	case !has.Level.Includes(needed):
		a.options.Access.Count(has, access.ResultLevel)
		return noOpinion(fmt.Sprintf("%s: create needs level %s, the client has %s", what, needed, has), rule.Rule, StepLevel)
	}
	return allow(fmt.Sprintf("%s: create is allowed: the client has %s", what, has), rule.Rule, StepLevel)
}

// absent reports whether it is certain that the object does not exist. That the graph does not have it is not enough:
// of kinds that are not watched it has those objects only that something refers to, and of the others it hears a
// moment late. In this moment anybody could delete what another has just created.
func (a *Authorizer) absent(ctx context.Context, seed string, rule *Rule, object graph.Vertex) bool {
	tracked := rule.Kind.Tracked()
	if tracked && a.options.Graph.HasObject(object) {
		return false
	}
	if a.absence == nil {
		return tracked
	}
	return a.absence.absent(ctx, seed, rule.Resource.WithVersion(rule.Version), object.Namespace, object.Name)
}

func allow(reason string, rule *Rule, step Step) Explanation {
	return Explanation{authorizer.DecisionAllow, reason, rule, step}
}

func noOpinion(reason string, rule *Rule, step Step) Explanation {
	return Explanation{authorizer.DecisionNoOpinion, reason, rule, step}
}
