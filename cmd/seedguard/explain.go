package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/tabular"
)

// explainCommand is `explain`.
type explainCommand struct {
	landscape landscapeFlags
	seed      string
	output    outputFlag
	streams
}

func newExplain(s streams) *cobra.Command {
	e := &explainCommand{streams: s}
	command := &cobra.Command{
		Use:   "explain KIND [NAMESPACE/]NAME",
		Short: "Show why a resource has to do with a Seed, or why not",
		Long: `Show why a resource has to do with a Seed: a shortest path through the graph of a garden, for one Seed
or for all that the resource reaches. The garden is a directory of manifests (--landscape) or a live one (--kubeconfig).

Where no path leads, it says why not: the nearest objects that would have to exist, or to refer to another.

Exit status: 0 when it reaches the Seed (or any), 1 when it does not, 2 when that could not be found out.`,
		Example: `  # Which Seeds have to do with a Secret, and why?
  seedguard explain secret garden-dev/aws-account --landscape examples/landscape

  # Why may the gardenlet of this Seed not read it?
  seedguard explain secret garden-dev/aws-account --seed gcp-eu1 --landscape examples/landscape

  # The same for programs.
  seedguard explain cloudprofile aws --seed aws-eu1 -o json --landscape examples/landscape`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeExplain,
		RunE: func(command *cobra.Command, args []string) error {
			return e.run(command.Context(), args[0], args[1])
		},
	}
	e.landscape.addFlags(command.Flags())
	e.output.addFlag(command.Flags(), "text", "json")
	command.Flags().StringVar(&e.seed, "seed", "", "only the path to this Seed")
	return command
}

// explanation is the answer of `explain`, also as JSON.
type explanation struct {
	Object graph.Vertex `json:"object"`
	// Seed is the only one that was asked about.
	Seed string `json:"seed,omitempty"`
	// Reaches are all Seeds that the object reaches.
	Reaches []string `json:"reaches"`
	Paths   []pathTo `json:"paths,omitempty"`
	// Kubeconfigs says who may have kubeconfigs of the Shoot.
	Kubeconfigs []string `json:"kubeconfigs,omitempty"`
	// Missing is why there is no path, the nearest first.
	Missing []explain.Gap `json:"missing,omitempty"`
	More    bool          `json:"moreMissing,omitempty"`
}

// pathTo is a shortest path.
type pathTo struct {
	Seed string         `json:"seed"`
	Path []graph.Vertex `json:"path"`
}

func (e *explainCommand) run(ctx context.Context, kindName, objectName string) error {
	kind, err := explain.ParseKind(kindName)
	if err != nil {
		return err
	}
	asked := question{Question: explain.Question{Resource: kind.Resource().GroupResource()}}
	if err = asked.locate(objectName); err == nil {
		err = asked.CheckScope()
	}
	if err != nil {
		return err
	}
	v := graph.Vertex{Kind: kind, Namespace: asked.Namespace, Name: asked.Name}
	l, err := e.landscape.load(ctx, e.errOut)
	if err != nil {
		return err
	}
	answer := &explanation{
		Object: v, Seed: e.seed, Reaches: append([]string{}, l.Graph.Seeds(v)...),
	}
	if kind == graph.KindSeed && !l.Graph.HasObject(v) { // there is but its name
		answer.Reaches = slices.DeleteFunc(answer.Reaches, func(seed string) bool { return seed == v.Name })
	}
	view := l.Graph.View()
	for _, seed := range answer.Reaches {
		if e.seed == "" || e.seed == seed {
			path := view.Path(v, seed)
			answer.Paths = append(answer.Paths, pathTo{seed, path})
			answer.Kubeconfigs = append(answer.Kubeconfigs, l.Access.Explain(seed, v)...)
		}
	}
	if len(answer.Paths) == 0 {
		answer.Missing, answer.More = explain.WhyNot(view, v, e.seed)
	}
	return e.output.answer(e.out, len(answer.Paths) > 0, answer, answer.text())
}

// maxSeeds is how many Seeds a line lists.
const maxSeeds = 10

// text writes the explanation for people: a line for each path, or each reason why there is none.
func (e *explanation) text() string {
	var lines []string
	for _, p := range e.Paths {
		lines = append(lines, tabular.Join(p.Path, " -> "))
	}
	lines = append(lines, e.Kubeconfigs...)
	switch {
	case len(e.Paths) > 0:
	case len(e.Reaches) > 0:
		lines = append(lines, fmt.Sprintf("%s does not reach Seed %q, only %s", e.Object, e.Seed,
			explain.List(e.Reaches, maxSeeds)))
	case e.Seed != "":
		lines = append(lines, fmt.Sprintf("%s does not reach Seed %q, nor any other", e.Object, e.Seed))
	default:
		lines = append(lines, fmt.Sprintf("%s reaches no Seed", e.Object))
	}
	for _, gap := range e.Missing {
		lines = append(lines, "- "+gap.Says)
	}
	if e.More {
		lines = append(lines, "and more, further on")
	}
	return strings.Join(lines, "\n") + "\n"
}
