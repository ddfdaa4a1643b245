package explain

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/graph"
)

const allVerbs = authorizer.Create | authorizer.Get | authorizer.List | authorizer.Watch | authorizer.Update |
	authorizer.Patch | authorizer.Delete | authorizer.DeleteCollection

// Verbs returns all verbs that rules know.
func Verbs() []string { return allVerbs.Names() }

// Resources returns the resources that rules name.
func Resources() (resources []schema.GroupResource) {
	for _, rule := range authorizer.Rules() {
		resources = append(resources, rule.Resource)
	}
	return resources
}

// Subresources returns the subresources of a resource that rules know.
func Subresources(resource schema.GroupResource) (names []string) {
	for _, r := range authorizer.Rules() {
		if r.Resource == resource {
			names = slices.AppendSeq(append(names, r.Subresources...), maps.Keys(r.Levels))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Resolve finds the group of a resource. A name with a dot has its group with it; "pods." is in the core group. The
// resources that rules name need no group. The kinds of the graph may be in the singular. A name that is probably
// misspelt is an error.
func Resolve(name string) (schema.GroupResource, error) {
	known := Resources()
	var names, withGroups []string
	for _, r := range known {
		names, withGroups = append(names, r.Resource), append(withGroups, r.String())
	}
	if strings.Contains(name, ".") {
		resource := schema.ParseGroupResource(name)
		return resource, misspelt("resource", resource.String(), withGroups)
	}
	if name == "" {
		return schema.GroupResource{}, errors.New("the resource has no name")
	}
	if kind := kindNamed(name); kind != 0 {
		return kind.Resource().GroupResource(), nil
	}
	// As with kubectl, the core group comes first (events).
	if inCore := (schema.GroupResource{Resource: name}); slices.Contains(known, inCore) {
		return inCore, nil
	}
	if i := slices.Index(names, name); i >= 0 {
		return known[i], nil
	}
	return schema.GroupResource{}, fmt.Errorf("resource %q is none of seedguard's%s Name another resource with its "+
		"group, as in deployments.apps or pods. (core group)", name, cmp.Or(didYouMean(name, names), "."))
}

// CheckVerb fails on a verb that is probably misspelt.
func CheckVerb(verb string) error { return misspelt("verb", verb, Verbs()) }

// misspelt fails on a word that resembles one of these. There are other words than ours, which only resemble them.
func misspelt(what, word string, words []string) error {
	if meant := Nearest(word, words, 3); meant != "" && meant != word {
		return fmt.Errorf("unknown %s %q; did you mean %q?", what, word, meant)
	}
	return nil
}

// didYouMean asks for the known name that differs least. It is empty when all differ too much.
func didYouMean(name string, known []string) string {
	if meant := Nearest(name, known, len(name)/3+2); meant != "" {
		return fmt.Sprintf("; did you mean %q?", meant)
	}
	return ""
}

// ParseKind takes the name of a kind in any case, and in the plural.
func ParseKind(name string) (graph.Kind, error) {
	if kind := kindNamed(name); kind != 0 {
		return kind, nil
	}
	var names, plurals []string
	for _, kind := range graph.Kinds() {
		names = append(names, kind.String())
		plurals = append(plurals, kind.Resource().Resource)
	}
	return 0, fmt.Errorf("the graph has no kind %q, only %s%s", name, strings.Join(names, ", "),
		didYouMean(name, plurals))
}

// kindNamed finds a kind by its name in any case, in the singular or the plural. It is zero when the graph has none.
func kindNamed(name string) graph.Kind {
	for _, kind := range graph.Kinds() {
		if strings.EqualFold(name, kind.String()) || strings.EqualFold(name, kind.Resource().Resource) {
			return kind
		}
	}
	return 0
}

// kinds are those of the graph by their resources.
var kinds = func() map[schema.GroupResource]graph.Kind {
	all := map[schema.GroupResource]graph.Kind{}
	for _, kind := range graph.Kinds() {
		all[kind.Resource().GroupResource()] = kind
	}
	return all
}()

// KindOf returns the kind of a resource, zero when the graph has none.
func KindOf(resource schema.GroupResource) graph.Kind { return kinds[resource] }

// Nearest returns the word that differs least from a misspelt one, empty when all differ by as many characters as the
// bound.
func Nearest(misspelt string, words []string, bound int) (nearest string) {
	for _, word := range words {
		if d := levenshtein.ComputeDistance(strings.ToLower(misspelt), word); d < bound {
			nearest, bound = word, d
		}
	}
	return nearest
}
