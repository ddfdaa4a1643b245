package authorizer

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/seedguard/seedguard/pkg/tabular"
)

// placeholders are what people read for them.
var placeholders = map[Placeholder]string{ // #nosec G101 -- names no credential
	Nothing: "", Anything: "*", SeedName: "<seed>", BootstrapTokenID: "<id of garden/<seed>>",
}

// String returns the pattern with its placeholder in angle brackets, as in seed-<seed>.
func (p Pattern) String() string { return p.Prefix + placeholders[p.Then] }

// String returns what the requirement looks like, empty for the zero Selector.
func (s Selector) String() string {
	switch {
	case s.Field != "":
		return "field selector " + s.Field + "=" + s.Value.String()
	case s.Label != Pattern{}:
		return "label selector " + s.Label.String() + "=" + s.Value.String()
	default:
		return ""
	}
}

// String returns the verbs and the object, as in "get garden/<seed>".
func (e Exception) String() string {
	verbs, object := e.Verbs.String(), e.Name.String()
	if e.Verbs == AnyVerb {
		verbs = "any verb"
	}
	if e.AllSubresources {
		verbs += " and subresource"
	}
	if e.Namespace != (Pattern{}) {
		object = e.Namespace.String() + "/" + object
	}
	return verbs + " " + object
}

// confinedWrites returns what OnlyOwn and NotOwn let pass, empty for a rule without them.
func (r *Rule) confinedWrites() string {
	var confined []string
	for _, c := range []struct {
		subresources []string
		word         string
	}{{r.OnlyOwn, "only"}, {r.NotOwn, "not"}} {
		for _, subresource := range c.subresources {
			what := (Update | Patch).String()
			if subresource != "" {
				what += " of " + subresource
			}
			confined = append(confined, what+" "+c.word+" "+Pattern{Then: SeedName}.String())
		}
	}
	return strings.Join(confined, "; ")
}

// MarshalText implements encoding.TextMarshaler.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalJSON writes the verbs' names.
func (v Verbs) MarshalJSON() ([]byte, error) { return json.Marshal(v.Names()) }

// MarshalJSON also tells whether the SeedRestriction guards the verbs.
func (g Grant) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Verbs     Verbs  `json:"verbs"`
		Guarded   bool   `json:"guarded"`
		Unguarded string `json:"unguarded,omitempty"`
	}{g.Verbs, g.Unguarded == "", g.Unguarded})
}

// subresources says which subresources are allowed: on the verbs of the resource, and with a level of access.
func (r *Rule) subresources() string {
	lines := []string{strings.Join(r.Subresources, " ")}
	for _, name := range slices.Sorted(maps.Keys(r.Levels)) {
		lines = append(lines, fmt.Sprintf("create %s with level %s", name, r.Levels[name]))
	}
	return strings.Join(lines, "\n")
}

// WriteRules writes the table as text (aligned columns), markdown or json.
func WriteRules(w io.Writer, format string) error {
	return tabular.Write(w, format, documents(), tables()...)
}

// document is a rule in JSON.
type document struct {
	Group      string `json:"group"`
	Resource   string `json:"resource"`
	Kind       string `json:"kind,omitempty"`
	Namespaced bool   `json:"namespaced"`
	*Rule
}

func documents() []document {
	var all []document
	for i := range table {
		r := &table[i]
		d := document{Group: r.Resource.Group, Resource: r.Resource.Resource, Namespaced: r.Namespaced, Rule: r}
		if r.Kind != noKind {
			d.Kind = r.Kind.String()
		}
		all = append(all, d)
	}
	return all
}

// tables returns the two tables that people read: the rules, and why some of what they allow needs no guard.
func tables() []tabular.Table {
	allowed := tabular.Table{Head: []string{
		"resource", "clients", "always", "via graph", "subresources", "list and watch", "namespaces", "updates",
		"exceptions",
	}}
	unguarded := tabular.Table{
		Title: "Allowed without a path, and not guarded by the SeedRestriction:",
		Head:  []string{"resource", "clients", "allowed without a path", "why"},
	}
	for i := range table {
		r := &table[i]
		resource, clients := r.Resource.String(), tabular.Join(r.Clients, ", ")
		allowed.Rows = append(allowed.Rows, []string{
			resource, clients, r.granted().String(), r.ViaGraph.String(), r.subresources(),
			r.Selector.String(), tabular.Join(r.Namespaces, ", "), r.confinedWrites(), tabular.Join(r.Exceptions, "\n"),
		})
		for _, g := range r.Always {
			if g.Unguarded != "" {
				unguarded.Rows = append(unguarded.Rows, []string{resource, clients, g.Verbs.String(), g.Unguarded})
			}
		}
		for _, e := range r.Exceptions {
			unguarded.Rows = append(unguarded.Rows, []string{resource, clients, e.String(), e.Why})
		}
	}
	return []tabular.Table{allowed, unguarded}
}
