package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/tabular"
)

func newRules(s streams) *cobra.Command {
	var output outputFlag
	names := []string{"authorizer", "edges", "restriction", "writes"}
	command := &cobra.Command{
		Use:   "rules [authorizer|edges|restriction|writes]",
		Short: "Print the tables by which seedguard decides",
		Long: `rules prints one of the tables by which seedguard decides:

  authorizer   what seed clients may do with each resource: always, or where a path in the graph leads to their Seed
  edges        the fields of watched objects that make the edges of the graph
  restriction  what the objects that seed clients write must be
  writes       what these writes may bring about: by which fields a client may come to reach more, and who grants that

They are the tables of this program, generated from nothing else. Without an argument it is the authorizer's.`,
		Example: `  seedguard rules
  seedguard rules edges | grep ^Shoot
  seedguard rules restriction -o json | jq '.[] | select(.resource == "secrets")'`,
		ValidArgs: names,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(_ *cobra.Command, args []string) error {
			switch strings.Join(args, "") {
			case "edges":
				table, shown := edges()
				return tabular.Write(s.out, output.format, shown, table)
			case "restriction":
				table, shown := restriction()
				return tabular.Write(s.out, output.format, shown, table)
			case "writes":
				tables, shown := writes()
				return tabular.Write(s.out, output.format, shown, tables...)
			default:
				return authorizer.WriteRules(s.out, output.format)
			}
		},
	}
	output.addFlag(command.Flags(), "text", "markdown", "json")
	return command
}

// edge is a row of the table of edges in JSON.
type edge struct {
	Object string   `json:"object"`
	Field  string   `json:"field"`
	From   []string `json:"from"`
	To     []string `json:"to"`
	Note   string   `json:"note,omitempty"`
}

func edges() (tabular.Table, []edge) {
	table, shown := tabular.Table{Head: []string{"object", "field", "edge", "note"}}, []edge{}
	for _, f := range garden.Fields() {
		e := edge{f.Owner.String(), f.Path, namesOf(f.From), namesOf(f.To), f.Note}
		shown = append(shown, e)
		table.Rows = append(table.Rows,
			[]string{e.Object, e.Field, strings.Join(e.From, ", ") + " → " + strings.Join(e.To, ", "), e.Note})
	}
	return table, shown
}

// guard is a row of the restriction's table in JSON.
type guard struct {
	Group       string   `json:"group"`
	Resource    string   `json:"resource"`
	Operations  []string `json:"operations"`
	Clients     []string `json:"clients"`
	AllowedWhen string   `json:"allowedWhen"`
}

func restriction() (tabular.Table, []guard) {
	table, shown := tabular.Table{Head: []string{"resource", "operations", "clients", "allowed when"}}, []guard{}
	for _, r := range admission.Rules() {
		resource := r.Kind.Resource().GroupResource()
		g := guard{resource.Group, resource.Resource, nil, namesOf(r.Clients), r.Allowed}
		for _, operation := range r.Operations {
			g.Operations = append(g.Operations, string(operation))
		}
		shown = append(shown, g)
		table.Rows = append(table.Rows, []string{
			resource.String(), strings.Join(g.Operations, ", "), strings.Join(g.Clients, ", "), g.AllowedWhen,
		})
	}
	return table, shown
}

// guardedWrite is a row of the table of what writes may bring about in JSON.
type guardedWrite struct {
	Group       string   `json:"group"`
	Resource    string   `json:"resource"`
	Subresource string   `json:"subresource,omitempty"`
	Operation   string   `json:"operation"`
	Clients     []string `json:"clients"`
	AllowedWhen string   `json:"allowedWhen,omitempty"`
	// MetadataAlone: the API server asks only when owner references or the confirmation of deletion change.
	MetadataAlone bool `json:"metadataAlone,omitempty"`
	// Fields are those by which the write can add references, with who grants that.
	Fields []grant `json:"fields,omitempty"`
}

type grant struct {
	Field string `json:"field"`
	Grant string `json:"grant"`
	Why   string `json:"why,omitempty"`
}

func writes() ([]tabular.Table, []guardedWrite) {
	guarded := tabular.Table{Head: []string{"object", "operation", "clients", "allowed when"}}
	fields := tabular.Table{
		Title: "The fields by which a write can add references, and who grants that:",
		Head:  []string{"object", "operation", "field", "grant"},
	}
	grants := tabular.Table{Title: "The grants:", Head: []string{"grant", "grants a new reference"}}
	var shown []guardedWrite
	for _, w := range admission.Writes() {
		r, object := w.Kind.Resource(), w.Kind.String()
		if w.Subresource != "" {
			object += "/" + w.Subresource
		}
		row := guardedWrite{
			Group: r.Group, Resource: r.Resource, Subresource: w.Subresource, Operation: string(w.Operation),
			Clients: namesOf(w.Clients), AllowedWhen: w.Allowed, MetadataAlone: w.MetadataAlone,
		}
		for _, path := range slices.Sorted(maps.Keys(w.Grants)) {
			g := w.Grants[path]
			row.Fields = append(row.Fields, grant{path, g.Name, g.Free})
			fields.Rows = append(fields.Rows, []string{object, row.Operation, path, g.Name})
		}
		shown = append(shown, row)
		clients := cmp.Or(strings.Join(row.Clients, ", "), "none")
		guarded.Rows = append(guarded.Rows, []string{object, row.Operation, clients, row.AllowedWhen})
	}
	for _, g := range admission.Grants() {
		grants.Rows = append(grants.Rows, []string{g.Name, g.About})
	}
	return []tabular.Table{guarded, fields, grants}, shown
}

func namesOf[T fmt.Stringer](elements []T) []string {
	all := make([]string, len(elements))
	for i, e := range elements {
		all[i] = e.String()
	}
	return all
}
