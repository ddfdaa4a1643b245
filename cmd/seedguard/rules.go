package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/tabular"
)

func newRules(s streams) *cobra.Command {
	var output string
	names := []string{"authorizer", "edges", "restriction"}
	command := &cobra.Command{
		Use:   "rules [authorizer|edges|restriction]",
		Short: "Print the tables by which seedguard decides",
		Long: `rules prints one of the tables by which seedguard decides:

  authorizer   what seed clients may do with each resource: always, or where a path in the graph leads to their Seed
  edges        the fields of watched objects that make the edges of the graph
  restriction  what the objects that seed clients write must be

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
				return tabular.Write(s.out, output, shown, table)
			case "restriction":
				table, shown := restriction()
				return tabular.Write(s.out, output, shown, table)
			default:
				return authorizer.WriteRules(s.out, output)
			}
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "text", "text, markdown or json")
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
		g := guard{r.Resource.Group, r.Resource.Resource, nil, namesOf(r.Clients), r.Allowed}
		for _, operation := range r.Operations {
			g.Operations = append(g.Operations, string(operation))
		}
		shown = append(shown, g)
		table.Rows = append(table.Rows, []string{
			r.Resource.String(), strings.Join(g.Operations, ", "), strings.Join(g.Clients, ", "), g.AllowedWhen,
		})
	}
	return table, shown
}

func namesOf[T fmt.Stringer](elements []T) []string {
	all := make([]string, len(elements))
	for i, e := range elements {
		all[i] = e.String()
	}
	return all
}
