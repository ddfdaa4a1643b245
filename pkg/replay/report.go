package replay

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"

	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/logs"
)

// Verdict is how what would be decided now compares with what happened.
type Verdict string

// The verdicts. The package's comment says when each is given.
const (
	Same           Verdict = "same"
	WouldBeRefused Verdict = "wouldBeRefused"
	WouldBeAllowed Verdict = "wouldBeAllowed"
	Unknown        Verdict = "unknown"
)

// Limits is what a replay cannot know, for people.
const Limits = "Decided on the landscape as it is now: what belonged to a Seed at the time of a request is not known."

// Report is what came of all logs.
type Report struct {
	Summary Summary `json:"summary"`
	// Groups are sorted: first those with most requests that would be refused, then allowed.
	Groups []Group `json:"groups"`
	// BrokenLines counts the lines that are no events, of which Broken has the first.
	BrokenLines int       `json:"brokenLines"`
	Broken      []Problem `json:"broken,omitempty"`
	// Limits is the constant of this name.
	Limits string `json:"limits"`
}

// Summary counts events.
type Summary struct {
	// Events are all that were read, of whatever stage and user.
	Events int `json:"events"`
	// Decided are those of seed clients that could be compared: Same, WouldBeRefused and WouldBeAllowed.
	Decided        int `json:"decided"`
	Same           int `json:"same"`
	WouldBeRefused int `json:"wouldBeRefused"`
	WouldBeAllowed int `json:"wouldBeAllowed"`
	// Unknown are those of seed clients that could not be compared.
	Unknown int `json:"unknown"`
}

// Group counts the requests of one kind of client that are of one verb and resource.
type Group struct {
	// Client is gardenlet or extension.
	Client string `json:"client"`
	Verb   string `json:"verb"`
	// Resource has its API group after a dot, unless it is the core group; Paths for paths, Others for all beyond a bound.
	Resource       string `json:"resource"`
	Subresource    string `json:"subresource,omitempty"`
	Same           int    `json:"same"`
	WouldBeRefused int    `json:"wouldBeRefused"`
	// NotInLandscape counts those of WouldBeRefused whose object the landscape does not have: it may have gone since.
	NotInLandscape int `json:"notInLandscape"`
	WouldBeAllowed int `json:"wouldBeAllowed"`
	Unknown        int `json:"unknown"`
	// ByRBAC counts those of Same that RBAC goes on allowing, and AdmissionNotDecided those that the admission guards and
	// was not asked about: they are compared by the authorizer alone.
	ByRBAC              int `json:"byRBAC"`
	AdmissionNotDecided int `json:"admissionNotDecided"`
	// Examples are the first requests of each verdict but Same, of different users or objects.
	Examples []Example `json:"examples,omitempty"`
}

// In place of a resource.
const (
	Paths  = "(paths)"
	Others = "(others)"
)

// Example is a request.
type Example struct {
	Verdict Verdict `json:"verdict"`
	// Time is when the API server received it, as the log writes it.
	Time      string `json:"time,omitempty"`
	User      string `json:"user"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	Path      string `json:"path,omitempty"`
	Code      int    `json:"code"`
	// Reason is the pair's, or why it is unknown.
	Reason         string `json:"reason"`
	NotInLandscape bool   `json:"notInLandscape,omitempty"`
}

// Problem is a line that is no event.
type Problem struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Why  string `json:"why"`
}

const (
	// maxGroups bounds the groups, because clients choose what they ask for.
	maxGroups = 1000
	// maxExamples bounds the examples of a verdict in a group.
	maxExamples = 3
	// maxReason leaves room for what the admission says.
	maxReason = 4 * logs.MaxTold
)

type groupKey struct {
	client                      identity.ClientKind
	verb, resource, subresource string
}

// group returns the group of a request.
func (r *Replay) group(client identity.ClientKind, info *request.RequestInfo) *Group {
	key := groupKey{client, logs.Cut(info.Verb), Paths, ""}
	if info.IsResourceRequest {
		key.resource = logs.Cut(schema.GroupResource{Group: info.APIGroup, Resource: info.Resource}.String())
		key.subresource = logs.Cut(info.Subresource)
	}
	g := r.groups[key]
	if g == nil && len(r.groups) >= maxGroups {
		key = groupKey{client: client, verb: Others, resource: Others}
		g = r.groups[key]
	}
	if g == nil {
		// Copies, because these may be parts of something long.
		key.verb, key.resource = strings.Clone(key.verb), strings.Clone(key.resource)
		key.subresource = strings.Clone(key.subresource)
		g = &Group{Client: client.String(), Verb: key.verb, Resource: key.resource, Subresource: key.subresource}
		r.groups[key] = g
	}
	return g
}

func (r *Replay) count(client identity.Client, who user.Info, e *event, info *request.RequestInfo, f finding) {
	g, s := r.group(client.Kind, info), &r.report.Summary
	var missing bool
	switch f.verdict {
	case Same:
		s.Same++
		g.Same++
	case WouldBeRefused:
		s.WouldBeRefused++
		g.WouldBeRefused++
		resource := schema.GroupResource{Group: info.APIGroup, Resource: info.Resource}
		if missing = e.ObjectRef.Name != "" && r.missing(resource, info.Namespace, e.ObjectRef.Name); missing {
			g.NotInLandscape++
		}
	case WouldBeAllowed:
		s.WouldBeAllowed++
		g.WouldBeAllowed++
	case Unknown:
		s.Unknown++
		g.Unknown++
	}
	if f.byRBAC {
		g.ByRBAC++
	}
	if f.undecided {
		g.AdmissionNotDecided++
	}
	if f.verdict == Same {
		return
	}
	example := Example{
		Verdict: f.verdict, Time: e.Received, User: who.GetName(), Namespace: info.Namespace,
		Name: cmp.Or(info.Name, e.ObjectRef.Name), Code: e.ResponseStatus.Code, Reason: f.why, NotInLandscape: missing,
	}
	if !info.IsResourceRequest {
		example.Path = info.Path
	}
	g.add(example)
}

// missing reports whether the landscape lacks an object that it would have if the object existed.
func (r *Replay) missing(resource schema.GroupResource, namespace, name string) bool {
	kind := explain.KindOf(resource)
	if kind == 0 {
		return false // the landscape has no such objects
	}
	v := graph.Vertex{Kind: kind, Namespace: namespace, Name: name}
	if !kind.Namespaced() {
		v.Namespace = ""
	}
	// Objects that are not watched are there as far as others refer to them.
	return !r.landscape.Graph.HasObject(v) && (kind.Tracked() || len(r.landscape.Graph.Seeds(v)) == 0)
}

// add keeps the example if it is one of the first that differ.
func (g *Group) add(x Example) {
	of := 0
	for _, have := range g.Examples {
		if have.Verdict == x.Verdict {
			of++
		}
	}
	if of == maxExamples {
		return
	}
	x.Time, x.User, x.Path = told(x.Time), told(x.User), told(x.Path)
	x.Namespace, x.Name = told(x.Namespace), told(x.Name)
	x.Reason = strings.Clone(logs.CutAt(x.Reason, maxReason))
	if slices.ContainsFunc(g.Examples, func(have Example) bool {
		return have.Verdict == x.Verdict && have.User == x.User && have.Namespace == x.Namespace && have.Name == x.Name &&
			have.Path == x.Path
	}) {
		return
	}
	g.Examples = append(g.Examples, x)
}

// Report returns what has been found so far.
func (r *Replay) Report() *Report {
	report := r.report
	report.Limits = Limits
	s := &report.Summary
	s.Decided = s.Same + s.WouldBeRefused + s.WouldBeAllowed
	report.Groups = make([]Group, 0, len(r.groups))
	for _, g := range r.groups {
		report.Groups = append(report.Groups, *g)
	}
	slices.SortFunc(report.Groups, func(a, b Group) int {
		return cmp.Or(
			cmp.Compare(b.WouldBeRefused, a.WouldBeRefused), cmp.Compare(b.WouldBeAllowed, a.WouldBeAllowed),
			cmp.Compare(a.Client, b.Client), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Subresource, b.Subresource),
			cmp.Compare(a.Verb, b.Verb),
		)
	})
	return &report
}
