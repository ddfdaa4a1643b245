package authorizer

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// String returns the pattern with its placeholder in angle brackets, as in seed-<seed>.
func (p Pattern) String() string {
	switch p.Then {
	case Nothing:
		return p.Prefix
	case Anything:
		return p.Prefix + "*"
	case SeedName:
		return p.Prefix + "<seed>"
	case BootstrapTokenID:
		return p.Prefix + "<id of garden/<seed>>"
	default:
		return fmt.Sprintf("%s<placeholder %d>", p.Prefix, p.Then)
	}
}

// String returns what the requirement looks like, empty for the zero Selector.
func (s Selector) String() string {
	switch {
	case s.Field != "":
		return "field selector " + s.Field + "=<seed>"
	case s.Label != "":
		return "label selector " + s.Label + "<seed>=" + labelValue
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

// join writes the elements with a separator between them.
func join[T fmt.Stringer](elements []T, separator string) string {
	words := make([]string, 0, len(elements))
	for _, e := range elements {
		words = append(words, e.String())
	}
	return strings.Join(words, separator)
}

// WriteRules writes the table as text (aligned columns), markdown or json.
func WriteRules(w io.Writer, format string) error {
	var b strings.Builder
	switch format {
	case "text":
		writeTables(&b, writeText)
	case "markdown":
		writeTables(&b, writeMarkdown)
	case "json":
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(documents()); err != nil {
			return err
		}
	default:
		return fmt.Errorf("rules are written as text, markdown or json, not as %q", format)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// document is a rule in JSON.
type document struct {
	Group        string            `json:"group"`
	Resource     string            `json:"resource"`
	Kind         string            `json:"kind,omitempty"`
	Namespaced   bool              `json:"namespaced"`
	Clients      []string          `json:"clients"`
	Always       []grantDocument   `json:"always,omitempty"`
	ViaGraph     Verbs             `json:"viaGraph,omitzero"`
	Subresources []string          `json:"subresources,omitempty"`
	Selector     *selectorDocument `json:"selector,omitempty"`
	Namespaces   []Pattern         `json:"namespaces,omitempty"`
	Exceptions   []Exception       `json:"exceptions,omitempty"`
	// OnlyOwn and NotOwn are subresources, "" for the resource itself, of which updates and patches are confined to the
	// object that bears the name of the client's Seed, or to the others.
	OnlyOwn []string `json:"onlyOwn,omitempty"`
	NotOwn  []string `json:"notOwn,omitempty"`
}

type grantDocument struct {
	Verbs Verbs `json:"verbs"`
	// Guarded: the SeedRestriction guards the verbs. Else Unguarded says why it need not.
	Guarded   bool   `json:"guarded"`
	Unguarded string `json:"unguarded,omitempty"`
}

type selectorDocument struct {
	Field string `json:"field,omitempty"`
	Label string `json:"label,omitempty"`
	Value string `json:"value"`
}

func documents() []document {
	var all []document
	for _, r := range table {
		d := document{
			Group: r.Resource.Group, Resource: r.Resource.Resource, Namespaced: r.Namespaced, ViaGraph: r.ViaGraph,
			Subresources: r.Subresources, Namespaces: r.Namespaces, Exceptions: r.Exceptions,
			OnlyOwn: r.OnlyOwn, NotOwn: r.NotOwn,
		}
		if r.Kind != noKind {
			d.Kind = r.Kind.String()
		}
		for _, client := range r.Clients {
			d.Clients = append(d.Clients, client.String())
		}
		for _, g := range r.Always {
			d.Always = append(d.Always, grantDocument{g.Verbs, g.Unguarded == "", g.Unguarded})
		}
		if r.Selector.Field != "" {
			d.Selector = &selectorDocument{Field: r.Selector.Field, Value: "<seed>"}
		} else if r.Selector.Label != "" {
			d.Selector = &selectorDocument{Label: r.Selector.Label + "<seed>", Value: labelValue}
		}
		all = append(all, d)
	}
	return all
}

// The two tables that people read: the rules, and why some of what they allow needs no guard.
var (
	ruleColumns = []string{
		"resource", "clients", "always", "via graph", "subresources", "list and watch", "namespaces", "updates", "exceptions",
	}
	unguardedColumns = []string{"resource", "clients", "allowed without a path", "why"}
)

// writeTables writes both tables, whose first row is their head. A cell may have several lines.
func writeTables(b *strings.Builder, write func(b *strings.Builder, rows [][]string)) {
	rules, unguarded := [][]string{ruleColumns}, [][]string{unguardedColumns}
	for i := range table {
		r := &table[i]
		resource, clients := r.Resource.String(), join(r.Clients, ", ")
		rules = append(rules, []string{
			resource, clients, r.granted().String(), r.ViaGraph.String(), strings.Join(r.Subresources, " "),
			r.Selector.String(), join(r.Namespaces, ", "), r.confinedWrites(), join(r.Exceptions, "\n"),
		})
		for _, g := range r.Always {
			if g.Unguarded != "" {
				unguarded = append(unguarded, []string{resource, clients, g.Verbs.String(), g.Unguarded})
			}
		}
		for _, e := range r.Exceptions {
			unguarded = append(unguarded, []string{resource, clients, e.String(), e.Why})
		}
	}
	write(b, rules)
	b.WriteString("\nAllowed without a path, and not guarded by the SeedRestriction:\n\n")
	write(b, unguarded)
}

func writeText(b *strings.Builder, rows [][]string) {
	var text strings.Builder
	aligned := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for i, row := range rows {
		line := strings.Join(row, "\t")
		if i == 0 {
			line = strings.ToUpper(line)
		}
		// Only the last cell has several lines: the others below it are empty.
		_, _ = fmt.Fprintln(aligned, strings.ReplaceAll(line, "\n", "\n"+strings.Repeat("\t", len(row)-1)))
	}
	_ = aligned.Flush() // nothing fails on a Builder
	for line := range strings.Lines(text.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// markdown escapes what markdown would read as its own.
var markdown = strings.NewReplacer("<", `\<`, ">", `\>`, "*", `\*`, "|", `\|`, "\n", "<br>")

func writeMarkdown(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		cells := make([]string, 0, len(row))
		for _, cell := range row {
			cells = append(cells, markdown.Replace(cell))
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		if i == 0 {
			b.WriteString("| " + strings.Repeat("--- | ", len(row)-1) + "--- |\n")
		}
	}
}
