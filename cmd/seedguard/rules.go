package main

import (
	"cmp"
	"io"
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
	tables := map[string]func(w io.Writer, format string) error{
		"authorizer": authorizer.WriteRules, "edges": writeEdges, "restriction": writeRestriction, "writes": writeWrites,
	}
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
		ValidArgs: slices.Sorted(maps.Keys(tables)),
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(_ *cobra.Command, args []string) error {
			return tables[cmp.Or(strings.Join(args, ""), "authorizer")](s.out, output.format)
		},
	}
	output.addFlag(command.Flags(), "text", "markdown", "json")
	return command
}

func writeEdges(w io.Writer, format string) error {
	table, fields := tabular.Table{Head: []string{"object", "field", "edge", "note"}}, garden.Fields()
	for _, f := range fields {
		edge := tabular.Join(f.From, ", ") + " → " + tabular.Join(f.To, ", ")
		table.Rows = append(table.Rows, []string{f.Owner.String(), f.Path, edge, f.Note})
	}
	return tabular.Write(w, format, fields, table)
}

// guard is a row of the restriction's table in JSON.
type guard struct {
	Group    string `json:"group"`
	Resource string `json:"resource"`
	admission.Rule
}

func writeRestriction(w io.Writer, format string) error {
	table, shown := tabular.Table{Head: []string{"resource", "operations", "clients", "allowed when"}}, []guard{}
	for _, r := range admission.Rules() {
		resource := r.Kind.Resource().GroupResource()
		shown = append(shown, guard{resource.Group, resource.Resource, r})
		table.Rows = append(table.Rows, []string{
			resource.String(), tabular.Join(r.Operations, ", "), tabular.Join(r.Clients, ", "), r.Allowed,
		})
	}
	return tabular.Write(w, format, shown, table)
}

// guardedWrite is a row of the table of what writes may bring about in JSON.
type guardedWrite struct {
	Group    string `json:"group"`
	Resource string `json:"resource"`
	admission.Write
	// Fields are those by which the write can add references, with who grants that.
	Fields []grant `json:"fields,omitempty"`
}

type grant struct {
	Field string `json:"field"`
	admission.Grant
}

func writeWrites(w io.Writer, format string) error {
	guarded := tabular.Table{Head: []string{"object", "operation", "clients", "allowed when"}}
	fields := tabular.Table{
		Title: "The fields by which a write can add references, and who grants that:",
		Head:  []string{"object", "operation", "field", "grant"},
	}
	grants := tabular.Table{Title: "The grants:", Head: []string{"grant", "grants a new reference"}}
	var shown []guardedWrite
	for _, write := range admission.Writes() {
		r, object, operation := write.Kind.Resource(), write.Kind.String(), string(write.Operation)
		if write.Subresource != "" {
			object += "/" + write.Subresource
		}
		row := guardedWrite{Group: r.Group, Resource: r.Resource, Write: write}
		for _, path := range slices.Sorted(maps.Keys(write.Grants)) {
			g := write.Grants[path]
			row.Fields = append(row.Fields, grant{path, g})
			fields.Rows = append(fields.Rows, []string{object, operation, path, g.Name})
		}
		shown = append(shown, row)
		clients := cmp.Or(tabular.Join(write.Clients, ", "), "none")
		guarded.Rows = append(guarded.Rows, []string{object, operation, clients, write.Allowed})
	}
	for _, g := range admission.Grants() {
		grants.Rows = append(grants.Rows, []string{g.Name, g.About})
	}
	return tabular.Write(w, format, shown, guarded, fields, grants)
}
