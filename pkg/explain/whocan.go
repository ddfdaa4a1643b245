package explain

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/tabular"
)

// AllVerbs is the Question.Verb that stands for all verbs that rules know.
const AllVerbs = "*"

// Question is what somebody may do.
type Question struct {
	Verb            string
	Resource        schema.GroupResource
	Subresource     string
	Namespace, Name string
}

// CheckScope fails where the object can have no namespace, or needs one. An answer would look like a denial.
func (q Question) CheckScope() error {
	switch kind := KindOf(q.Resource); {
	case kind == 0: // the graph has none
	case !kind.Namespaced() && q.Namespace != "":
		return fmt.Errorf("%s are in no namespace", q.Resource.Resource)
	case kind.Namespaced() && q.Namespace == "":
		return fmt.Errorf("no namespace is given, and %s are in one", q.Resource.Resource)
	}
	return nil
}

// OfCollection reports whether requests of the verb are about all objects that are selected.
func OfCollection(verb string) bool {
	return verb == "list" || verb == "watch" || verb == "deletecollection"
}

// String returns what may be done, in words after "can".
func (q Question) String() string {
	verb, what := q.Verb, q.Resource.String()
	if verb == AllVerbs {
		verb = "do anything with"
	}
	if q.Subresource != "" {
		what += "/" + q.Subresource
	}
	if q.Name != "" {
		what += " " + strings.TrimPrefix(q.Namespace+"/"+q.Name, "/")
	} else if q.Namespace != "" {
		what += " in " + q.Namespace
	}
	return verb + " " + what
}

// Answer is what the authorizer answers to clients of some Seeds.
type Answer struct {
	Allowed bool     `json:"allowed"`
	Seeds   []string `json:"seeds"`
	// Clients are kinds of clients. An extension of any name is meant, or one whose name matches the glob after it.
	Clients []string `json:"clients"`
	Verbs   []string `json:"verbs"`
	// Rule is the row of the table that decided, by its resource and its clients, empty when none did; Step is the step of
	// the decision, and Reason what the API server is told.
	Rule   string          `json:"rule,omitempty"`
	Step   authorizer.Step `json:"step"`
	Reason string          `json:"reason"`
	// Selector is what a list or watch must be confined by.
	Selector string `json:"selector,omitempty"`
}

// Why returns the reason without the resource, which the rule names as well, and with the selector.
func (a *Answer) Why() string {
	resource, _, _ := strings.Cut(a.Rule, " ")
	why := strings.TrimPrefix(a.Reason, resource+": ")
	if a.Selector != "" {
		why += ": " + a.Selector
	}
	return why
}

// SeedsOf says which of so many Seeds the answer is for.
func (a *Answer) SeedsOf(all int) string {
	const most = 5
	switch n := len(a.Seeds); {
	case n == all && n > 1:
		return fmt.Sprintf("all %d Seeds", n)
	case n > most+1:
		return fmt.Sprintf("%s (%d of %d)", List(a.Seeds, most), n, all)
	default:
		return List(a.Seeds, most)
	}
}

// WhoCan asks the authorizer for clients of each Seed, gardenlets and extensions. It returns the answers that allow,
// and the others. What has the same answer is together.
//
// Globs of the names of extensions are asked about where these names decide, which is where rules have levels. Lists
// and watches are taken to have the selector that the rule asks for. WhoCan is safe for concurrent use.
func WhoCan(
	ctx context.Context, by *authorizer.Authorizer, seeds, globs []string, q Question,
) (allowed, others []Answer) {
	verbs := []string{q.Verb}
	if q.Verb == AllVerbs {
		verbs = Verbs()
	}
	var answers []Answer
	for _, seed := range seeds {
		for _, c := range clients(seed, q, globs) {
			for _, verb := range verbs {
				a := ask(ctx, by, c.Client, verb, q)
				a.Seeds, a.Clients, a.Verbs = []string{seed}, []string{c.label}, []string{verb}
				answers = append(answers, a)
			}
		}
	}
	answers = fold(answers, func(a *Answer) *[]string { return &a.Seeds })
	answers = fold(answers, func(a *Answer) *[]string { return &a.Clients })
	answers = fold(answers, func(a *Answer) *[]string { return &a.Verbs })
	allowed, others = []Answer{}, []Answer{} // not null in JSON
	for _, a := range answers {
		if a.Allowed {
			allowed = append(allowed, a)
		} else {
			others = append(others, a)
		}
	}
	return allowed, others
}

// client is a client, and what it stands for.
type client struct {
	identity.Client
	label string
}

// anyName is the name of an extension that stands for all.
const anyName = "any"

func clients(seed string, q Question, globs []string) []client {
	some := []client{
		{identity.Client{Kind: identity.Gardenlet, Seed: seed}, identity.Gardenlet.String()},
		{identity.Client{Kind: identity.Extension, Seed: seed, Extension: anyName}, identity.Extension.String()},
	}
	byName := slices.ContainsFunc(authorizer.Rules(), func(r authorizer.Rule) bool {
		_, ok := r.Levels[q.Subresource]
		return ok && r.Resource == q.Resource
	})
	if byName {
		for _, glob := range globs {
			// A glob matches itself once it has no ranges. It stands for the names that no other glob matches.
			name := ranges.ReplaceAllString(glob, "$1")
			if matched, err := path.Match(glob, name); err == nil && matched {
				some = append(some, client{identity.Client{Kind: identity.Extension, Seed: seed, Extension: name},
					identity.Extension.String() + " " + glob})
			}
		}
	}
	return some
}

// ranges finds the ranges of a glob, with their first character.
var ranges = regexp.MustCompile(`\[([^\^\]])[^\]]*\]`)

// ask asks for one client. When that is not allowed for want of a selector, it asks again with it.
func ask(ctx context.Context, by *authorizer.Authorizer, c identity.Client, verb string, q Question) Answer {
	request := kauthorizer.AttributesRecord{
		User: c.User(), Verb: verb, Namespace: q.Namespace, APIGroup: q.Resource.Group, APIVersion: "*",
		Resource: q.Resource.Resource, Subresource: q.Subresource, Name: q.Name, ResourceRequest: true,
	}
	e := by.Explain(ctx, request)
	selector := ""
	if e.Decision != kauthorizer.DecisionAllow && e.Step == authorizer.StepSelector {
		confine(&request, e.Rule.Selector, c.Seed)
		e, selector = by.Explain(ctx, request), e.Rule.Selector.String()
	}
	a := Answer{Allowed: e.Decision == kauthorizer.DecisionAllow, Step: e.Step, Reason: e.Reason, Selector: selector}
	if e.Rule != nil {
		a.Rule = e.Rule.Resource.String() + " of " + tabular.Join(e.Rule.Clients, ", ")
	}
	return a
}

// confine gives a request the selector by which a list is confined to the Seed.
func confine(request *kauthorizer.AttributesRecord, s authorizer.Selector, seed string) {
	if s.Field != "" {
		request.FieldSelectorRequirements = fields.Requirements{{Operator: selection.Equals, Field: s.Field, Value: seed}}
		return
	}
	// A Seed whose name makes no key has no objects with that label.
	if r, err := labels.NewRequirement(s.Label.Prefix+seed, selection.Exists, nil); err == nil {
		request.LabelSelectorRequirements = labels.Requirements{*r}
	}
}

// fold puts together the answers that differ in one list only.
func fold(answers []Answer, list func(*Answer) *[]string) (folded []Answer) {
	places := map[string]int{}
	for _, a := range answers {
		own := *list(&a)
		*list(&a) = nil
		key := fmt.Sprintf("%#v", a)
		i, ok := places[key]
		if !ok {
			i = len(folded)
			places[key], folded = i, append(folded, a)
		}
		into := list(&folded[i])
		*into = append(*into, own...)
	}
	return folded
}
