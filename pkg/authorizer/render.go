package authorizer

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/seedguard/seedguard/pkg/identity"
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

func clientNames(clients []identity.ClientKind) string { return join(clients) }

// join writes the elements with commas between them.
func join[T fmt.Stringer](elements []T) string {
	words := make([]string, 0, len(elements))
	for _, e := range elements {
		words = append(words, e.String())
	}
	return strings.Join(words, ", ")
}

// WriteRules writes the table (SPEC 3) as text (aligned columns), markdown or json.
func WriteRules(w io.Writer, format string) error {
	switch format {
	case "text":
		return writeText(w)
	case "markdown":
		return writeMarkdown(w)
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(documents())
	default:
		return fmt.Errorf("rules are written as text, markdown or json, not as %q", format)
	}
}

// document is a rule in JSON.
type document struct {
	Group        string              `json:"group"`
	Resource     string              `json:"resource"`
	Kind         string              `json:"kind,omitempty"`
	Namespaced   bool                `json:"namespaced"`
	Clients      []string            `json:"clients"`
	Always       []grantDocument     `json:"always,omitempty"`
	ViaGraph     []string            `json:"viaGraph,omitempty"`
	Subresources []string            `json:"subresources,omitempty"`
	Selector     *selectorDocument   `json:"selector,omitempty"`
	Namespaces   []string            `json:"namespaces,omitempty"`
	Exceptions   []exceptionDocument `json:"exceptions,omitempty"`
}

type grantDocument struct {
	Verbs []string `json:"verbs"`
	// Guarded: the SeedRestriction guards the verbs. Else Unguarded says why it need not.
	Guarded   bool   `json:"guarded"`
	Unguarded string `json:"unguarded,omitempty"`
}

type selectorDocument struct {
	Field string `json:"field,omitempty"`
	Label string `json:"label,omitempty"`
	Value string `json:"value"`
}

type exceptionDocument struct {
	Verbs           []string `json:"verbs"`
	Namespace       string   `json:"namespace,omitempty"`
	Name            string   `json:"name"`
	AllSubresources bool     `json:"allSubresources,omitempty"`
	Why             string   `json:"why"`
}

func documents() []document {
	var all []document
	for _, r := range table {
		d := document{
			Group: r.Resource.Group, Resource: r.Resource.Resource, Namespaced: r.Namespaced,
			ViaGraph: r.ViaGraph.Names(), Subresources: r.Subresources,
		}
		if r.Kind != noKind {
			d.Kind = r.Kind.String()
		}
		for _, client := range r.Clients {
			d.Clients = append(d.Clients, client.String())
		}
		for _, g := range r.Always {
			d.Always = append(d.Always, grantDocument{g.Verbs.Names(), g.Unguarded == "", g.Unguarded})
		}
		if r.Selector.Field != "" {
			d.Selector = &selectorDocument{Field: r.Selector.Field, Value: "<seed>"}
		} else if r.Selector.Label != "" {
			d.Selector = &selectorDocument{Label: r.Selector.Label + "<seed>", Value: labelValue}
		}
		for _, namespace := range r.Namespaces {
			d.Namespaces = append(d.Namespaces, namespace.String())
		}
		for _, e := range r.Exceptions {
			d.Exceptions = append(d.Exceptions, exceptionDocument{e.Verbs.Names(), e.Namespace.String(), e.Name.String(), e.AllSubresources, e.Why})
		}
		all = append(all, d)
	}
	return all
}

// The two tables that people read: the rules, and why some of what they allow needs no guard.
var (
	ruleColumns      = []string{"resource", "clients", "always", "via graph", "subresources", "list and watch", "namespaces", "exceptions"}
	unguardedColumns = []string{"resource", "clients", "allowed without a path", "why"}
)

const unguardedTitle = "Allowed without a path, and not guarded by the SeedRestriction:"

// ruleCells returns a rule's cells. A cell has several lines when there are several exceptions.
func ruleCells(r *Rule) [][]string {
	var exceptions []string
	for _, e := range r.Exceptions {
		exceptions = append(exceptions, e.String())
	}
	return [][]string{
		{r.Resource.String()}, {clientNames(r.Clients)}, {r.granted().String()}, {r.ViaGraph.String()},
		{strings.Join(r.Subresources, " ")}, {r.Selector.String()}, {join(r.Namespaces)}, exceptions,
	}
}

// unguardedCells returns a row for each thing that a rule allows without a path and without a guard.
func unguardedCells(r *Rule) (rows [][][]string) {
	row := func(what, why string) {
		rows = append(rows, [][]string{{r.Resource.String()}, {clientNames(r.Clients)}, {what}, {why}})
	}
	for _, g := range r.Always {
		if g.Unguarded != "" {
			row(g.Verbs.String(), g.Unguarded)
		}
	}
	for _, e := range r.Exceptions {
		row(e.String(), e.Why)
	}
	return rows
}

// eachTable calls f for both tables.
func eachTable(f func(title string, columns []string, rows [][][]string)) {
	var rows, unguarded [][][]string
	for i := range table {
		rows = append(rows, ruleCells(&table[i]))
		unguarded = append(unguarded, unguardedCells(&table[i])...)
	}
	f("", ruleColumns, rows)
	f(unguardedTitle, unguardedColumns, unguarded)
}

func writeText(w io.Writer) error {
	var b strings.Builder
	eachTable(func(title string, columns []string, rows [][][]string) {
		if title != "" {
			b.WriteString("\n" + title + "\n\n")
		}
		// Nothing fails on a Builder.
		aligned := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		line := func(cells []string) { _, _ = fmt.Fprintln(aligned, strings.Join(cells, "\t")) }
		line(strings.Split(strings.ToUpper(strings.Join(columns, "\n")), "\n"))
		for _, row := range rows {
			for i, more := 0, true; more; i++ {
				cells := make([]string, len(row))
				more = false
				for column, lines := range row {
					if i < len(lines) {
						cells[column] = lines[i]
					}
					more = more || i+1 < len(lines)
				}
				line(cells)
			}
		}
		_ = aligned.Flush()
	})
	_, err := io.WriteString(w, trailingBlanks.ReplaceAllString(b.String(), ""))
	return err
}

var trailingBlanks = regexp.MustCompile(`(?m) +$`)

func writeMarkdown(w io.Writer) error {
	var b strings.Builder
	eachTable(func(title string, columns []string, rows [][][]string) {
		if title != "" {
			b.WriteString("\n" + title + "\n\n")
		}
		line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
		line(columns)
		line(strings.Split(strings.Repeat("---|", len(columns)-1)+"---", "|"))
		for _, row := range rows {
			cells := make([]string, 0, len(row))
			for _, lines := range row {
				cells = append(cells, strings.Join(escaped(lines), "<br>"))
			}
			line(cells)
		}
	})
	_, err := io.WriteString(w, b.String())
	return err
}

// escaped writes what markdown would read as its own.
func escaped(lines []string) []string {
	out := make([]string, 0, len(lines))
	for _, line := range lines {
		out = append(out, strings.NewReplacer("<", `\<`, ">", `\>`, "*", `\*`, "|", `\|`).Replace(line))
	}
	return out
}
