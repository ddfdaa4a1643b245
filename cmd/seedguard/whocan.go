package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/snapshot"
	"github.com/seedguard/seedguard/pkg/tabular"
)

// whoCan is the command of that name.
type whoCan struct {
	landscape landscapeFlags
	namespace string
	output    outputFlag
	streams
}

func newWhoCan(s streams) *cobra.Command {
	w := &whoCan{streams: s}
	command := &cobra.Command{
		Use:   "who-can VERB RESOURCE[.GROUP][/SUBRESOURCE] [[NAMESPACE/]NAME]",
		Short: "List the Seeds whose clients may do something",
		Long: `List the Seeds whose clients, gardenlets and extensions, the authorizer allows a request, with the rule and
the step by which it does (docs/rules.md). The verb '*' stands for all. The garden is a directory of manifests
(--landscape) or a live one (--kubeconfig).

An extension may have any name; where kubeconfigAccess matches names, its globs are asked about. A list or watch is
taken to have the selector that the rule asks for, which the answer shows: other selectors do not count. A request that
writes must also pass the SeedRestriction, which sees the object: can-i -f asks both. What RBAC allows beside it, and to
others than clients of Seeds, is not looked at.

Exit status: 0 when somebody can, 1 when nobody can, 2 when that could not be found out.`,
		Example: `  # Who can read this Secret?
  seedguard who-can get secret garden-dev/aws-account --landscape examples/landscape

  # Who can do what with a CloudProfile?
  seedguard who-can '*' cloudprofiles aws --landscape examples/landscape

  # Who can list Shoots, and with which selector?
  seedguard who-can list shoots --landscape examples/landscape

  # Who gets the kubeconfig of a Shoot?
  seedguard who-can create shoots/viewerkubeconfig garden-dev/web \
    --landscape examples/landscape --config examples/kubeconfigs/seedguard.yaml`,
		Args:              cobra.RangeArgs(2, 3),
		ValidArgsFunction: completeQuestion,
		RunE:              func(command *cobra.Command, args []string) error { return w.run(command.Context(), args) },
	}
	w.landscape.addFlags(command.Flags())
	w.output.addFlag(command.Flags(), "text", "json")
	command.Flags().StringVarP(&w.namespace, "namespace", "n", "",
		"namespace of the resource, where it does not stand before the name")
	return command
}

// whoCanAnswer is the answer of `who-can`, also as JSON.
type whoCanAnswer struct {
	// Seeds is how many Seeds were asked for.
	Seeds int `json:"seeds"`
	// Allowed are those who can, Others those who cannot.
	Allowed []explain.Answer `json:"allowed"`
	Others  []explain.Answer `json:"others"`

	question explain.Question
}

func (w *whoCan) run(ctx context.Context, args []string) error {
	asked := question{Question: explain.Question{Namespace: w.namespace}}
	if err := asked.parse(args); err != nil {
		return err
	}
	if asked.path != "" {
		return errors.New("clients of Seeds are allowed resources only, no paths")
	}
	if err := asked.CheckScope(); err != nil && asked.Name != "" {
		return err
	}
	l, err := w.landscape.load(ctx, w.errOut)
	if err != nil {
		return err
	}
	q := asked.Question
	seeds := seedsFor(l, q)
	answer := &whoCanAnswer{Seeds: len(seeds), question: q}
	answer.Allowed, answer.Others = explain.WhoCan(ctx, l.Authorizer, seeds, l.Access.Extensions(), q)
	return w.output.answer(w.out, len(answer.Allowed) > 0, answer, answer.text())
}

// seedsFor returns all Seeds, and those that do not exist and yet are referred to by what the question is about.
func seedsFor(l *snapshot.Snapshot, q explain.Question) (names []string) {
	for _, seed := range l.Garden.List(graph.KindSeed) {
		names = append(names, seed.Name)
	}
	if kind := explain.KindOf(q.Resource); kind != 0 {
		names = append(names, l.Graph.Seeds(graph.Vertex{Kind: kind, Namespace: q.Namespace, Name: q.Name})...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// text writes the answer for people: a table of those who can, or why nobody can.
func (a *whoCanAnswer) text() string {
	var b strings.Builder
	if len(a.Allowed) > 0 {
		table := tabular.Table{Head: []string{"seeds", "clients", "verbs", "rule", "step", "reason"}}
		for _, one := range a.Allowed {
			table.Rows = append(table.Rows, []string{one.SeedsOf(a.Seeds), strings.Join(one.Clients, ", "),
				strings.Join(one.Verbs, ", "), one.Rule, string(one.Step), one.Why()})
		}
		_ = tabular.Write(&b, "text", nil, table) // nothing fails on a Builder
		return b.String()
	}
	fmt.Fprintf(&b, "no client of a Seed can %s\n", a.question)
	for _, one := range a.Others {
		fmt.Fprintf(&b, "- %s by %s of %s: %s\n", strings.Join(one.Verbs, ", "), strings.Join(one.Clients, ", "),
			one.SeedsOf(a.Seeds), one.Why())
	}
	return b.String()
}
