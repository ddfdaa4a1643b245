package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seedguard/seedguard/pkg/graph"
)

// explain is the command of that name.
type explain struct {
	landscape landscapeFlags
	seed      string
	streams
}

func newExplain(s streams) *cobra.Command {
	e := &explain{streams: s}
	command := &cobra.Command{
		Use:   "explain KIND [NAMESPACE/]NAME",
		Short: "Show why a resource has to do with a Seed",
		Long: `Show why a resource has to do with a Seed: a shortest path through the graph of a garden, for one Seed
or for all that the resource reaches. The garden is a directory of manifests (--landscape) or a live one (--kubeconfig).

Exit status: 0 when it reaches the Seed (or any), 1 when it does not, 2 when that could not be found out.`,
		Example: `  seedguard explain Secret garden-dev/aws-account --landscape examples/landscape
  seedguard explain cloudprofile aws --seed aws-eu1 --landscape examples/landscape
  seedguard explain secret garden-dev/aws-account --kubeconfig garden.kubeconfig`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeExplain,
		RunE: func(command *cobra.Command, args []string) error {
			return e.run(command.Context(), args[0], args[1])
		},
	}
	e.landscape.addFlags(command.Flags())
	command.Flags().StringVar(&e.seed, "seed", "", "only the path to this Seed")
	return command
}

func (e *explain) run(ctx context.Context, kindName, objectName string) error {
	kind, err := parseKind(kindName)
	if err != nil {
		return err
	}
	v := graph.Vertex{Kind: kind, Name: objectName}
	if namespace, name, ok := strings.Cut(objectName, "/"); ok {
		v.Namespace, v.Name = namespace, name
	}
	l, err := e.landscape.load(ctx, e.errOut)
	if err != nil {
		return err
	}
	seeds := []string{e.seed}
	if e.seed == "" {
		seeds = l.graph.Seeds(v)
		slices.Sort(seeds)
	}
	var b strings.Builder
	view := l.graph.View()
	for _, seed := range seeds {
		for i, step := range view.Path(v, seed) {
			if i > 0 {
				b.WriteString(" -> ")
			}
			b.WriteString(step.String())
		}
		b.WriteString("\n")
	}
	if path := strings.TrimSpace(b.String()); path != "" {
		for _, seed := range seeds {
			for _, line := range l.access.Explain(seed, v) {
				b.WriteString(line + "\n")
			}
		}
		_, err := io.WriteString(e.out, b.String())
		return err
	}
	if err := e.tellWhyNot(l, v); err != nil {
		return err
	}
	return errNotAllowed
}

func (e *explain) tellWhyNot(l *landscape, v graph.Vertex) error {
	where := "no Seed"
	if e.seed != "" {
		where = fmt.Sprintf("Seed %q", e.seed)
	}
	_, found := l.graph.View().Find(v)
	message := fmt.Sprintf("%s reaches %s", v, where)
	switch {
	case !found:
		message += ": no object refers to it"
		if v.Kind.Tracked() {
			message += ", and it does not exist"
		}
	case e.seed != "":
		message = fmt.Sprintf("%s does not reach %s", v, where)
		if seeds := l.graph.Seeds(v); len(seeds) > 0 {
			slices.Sort(seeds)
			message += ", only " + strings.Join(seeds, ", ")
		}
	}
	_, err := fmt.Fprintln(e.out, message)
	return err
}

// parseKind takes the name of a kind in any case, and in the plural.
func parseKind(name string) (graph.Kind, error) {
	var names []string
	for k := graph.Kind(1); ; k++ {
		kind := k.String()
		if _, ok := graph.ParseKind(kind); !ok {
			break
		}
		plural, singular := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Kind: kind})
		if lower := strings.ToLower(name); lower == singular.Resource || lower == plural.Resource {
			return k, nil
		}
		names = append(names, kind)
	}
	return 0, fmt.Errorf("the graph has no kind %q, only %s", name, strings.Join(names, ", "))
}
