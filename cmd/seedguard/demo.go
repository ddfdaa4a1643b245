package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/server"
)

// demonstrate prints the addresses and commands to paste. The landscape is in the graph.
func demonstrate(c *config.SeedGuardConfiguration, g *graph.Graph, web *server.Server, s streams) {
	var b strings.Builder
	fmt.Fprintf(&b, "\nseedguard decides on %s\n\n  webhooks     https://%s\n", c.Garden.Landscape, web.Address())
	if address := web.MetricsAddress(); address != "" {
		fmt.Fprintf(&b, "  metrics      http://%s/metrics\n", address)
	}
	if address := web.DebugAddress(); address != "" {
		fmt.Fprintf(&b, "  debug pages  http://%s/debug/\n", address)
	}
	if secret, own, other, ok := example(g); ok && c.Serving.ClientCAFile == "" {
		fmt.Fprintf(&b, "\nThree questions about the Secret %s/%s, to paste:\n", secret.Namespace, secret.Name)
		for _, q := range []struct {
			about, who string
			question
		}{
			{"the gardenlet of Seed " + own + ", which it belongs to", "--seed " + quoted(own), question{seed: own}},
			{"the gardenlet of Seed " + other + ", which it does not belong to", "--seed " + quoted(other),
				question{seed: other}},
			{"a person", "--as jane --as-group developers", question{user: "jane", groups: []string{"developers"}}},
		} {
			q.Verb, q.Resource = "get", schema.GroupResource{Resource: "secrets"}
			q.Namespace, q.Name = secret.Namespace, secret.Name
			fmt.Fprintf(&b, "\n# %s\n%s", q.about, q.commands(q.who, "https://"+web.Address()))
		}
		fmt.Fprintf(&b, "\n# which Seeds it belongs to, and why\n%s explain %s %s --landscape %s\n", quoted(os.Args[0]),
			secret.Kind, quoted(secret.Namespace+"/"+secret.Name), quoted(c.Garden.Landscape))
		b.WriteString("\nMove a manifest away meanwhile, and ask again.\n")
	}
	b.WriteString("\n")
	_, _ = fmt.Fprint(s.out, b.String()) // for people only
}

// example finds a Secret that one Seed has to do with and another has not.
func example(g *graph.Graph) (secret graph.Vertex, own, other string, ok bool) {
	var secrets []graph.Node
	var seeds []string
	for nodes := g.View().Nodes(); nodes.Next(); {
		switch n := nodes.Node().(graph.Node); {
		case n.Vertex.Kind == graph.KindSeed && n.Object:
			seeds = append(seeds, n.Vertex.Name)
		// A project's own Secrets tell more than those of the landscape.
		case n.Vertex.Kind == graph.KindSecret && strings.HasPrefix(n.Vertex.Namespace, "garden-"):
			secrets = append(secrets, n)
		}
	}
	slices.Sort(seeds)
	slices.SortFunc(secrets, explain.Compare)
	for _, secret := range secrets {
		reached := g.Seeds(secret.Vertex)
		for _, other := range seeds {
			if len(reached) > 0 && !slices.Contains(reached, other) {
				return secret.Vertex, reached[0], other, true
			}
		}
	}
	return graph.Vertex{}, "", "", false
}

// commands writes the question as a call of the webhook and as a command line, in which flags say who asks.
func (q *question) commands(who, url string) string {
	review, err := q.review()
	if err != nil {
		return ""
	}
	body, _ := json.Marshal(struct { // what is all text cannot fail
		Kind       string `json:"kind"`
		APIVersion string `json:"apiVersion"`
		Spec       any    `json:"spec"`
	}{review.Kind, review.APIVersion, review.Spec})
	return fmt.Sprintf("curl -sk %s%s -H 'Content-Type: application/json' -d %s\n",
		url, server.AuthorizerPath, quoted(string(body))) +
		fmt.Sprintf("%s can-i %s %s %s -n %s %s --server %s --insecure-skip-tls-verify\n", quoted(os.Args[0]), q.Verb,
			q.Resource.Resource, quoted(q.Name), quoted(q.Namespace), who, url)
}

// plainWord matches words that mean themselves to a shell.
var plainWord = regexp.MustCompile(`^[\w./:@-]+$`)

// quoted quotes a word for a shell where it needs that.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
