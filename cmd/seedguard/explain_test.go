package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/graph"
)

// onExample runs a command on the example landscape.
func onExample(line string) outcome {
	return command(append(words(line), "--landscape", exampleDir)...)
}

// TestWhyNotIsNeverSilent: for each vertex of the example, implied ones included, and each Seed there is a path, or a
// reason why there is none.
func TestWhyNotIsNeverSilent(t *testing.T) {
	for _, scope := range []graph.ParentScope{graph.ParentScopeSeed, graph.ParentScopeEverything} {
		l, err := (&landscapeFlags{dir: exampleDir, parentScope: string(scope)}).load(t.Context(), t.Output())
		require.NoError(t, err)
		view, asked := l.Graph.View(), 0
		for nodes := view.Nodes(); nodes.Next(); {
			v := nodes.Node().(graph.Node).Vertex
			for _, seed := range []string{"aws-eu1", "aws-eu2", "gcp-eu1", "none"} {
				if l.Graph.Reaches(v, seed) {
					continue
				}
				asked++
				gaps, _ := explain.WhyNot(view, v, seed)
				require.NotEmpty(t, gaps, "%s, Seed %s", v, seed)
				for _, gap := range gaps {
					require.NotContains(t, gap.Says, "()")
				}
			}
		}
		require.Greater(t, asked, 200)
	}
}

func TestExplainJSON(t *testing.T) {
	type object struct{ Kind, Namespace, Name string }
	var answer struct {
		Object  object
		Seed    string
		Reaches []string
		Paths   []struct {
			Seed string
			Path []object
		}
		Missing []struct {
			Way    []object
			Fields []explain.Field
		}
	}
	o := onExample("explain secret garden/infrastructure-aws -o json")
	require.Equal(t, exitOK, o.exit)
	require.NoError(t, json.Unmarshal([]byte(o.out), &answer))
	require.Equal(t, object{"Secret", "garden", "infrastructure-aws"}, answer.Object)
	require.Equal(t, []string{"aws-eu1", "aws-eu2"}, answer.Reaches)
	require.Len(t, answer.Paths, 2)
	require.Equal(t, object{Kind: "Seed", Name: "aws-eu1"}, answer.Paths[0].Path[len(answer.Paths[0].Path)-1])

	o = onExample("explain secret garden/operators-only -o json")
	require.Equal(t, exitNotAllowed, o.exit)
	require.Contains(t, o.out, `"reaches": []`)
	require.NoError(t, json.Unmarshal([]byte(o.out), &answer))
	require.Equal(t, []object{{"Secret", "garden", "operators-only"}}, answer.Missing[0].Way)
	require.Contains(t, answer.Missing[0].Fields, explain.Field{Kind: "SecretBinding", Path: "secretRef"})
}

func TestWhoCan(t *testing.T) {
	const byPath = "secrets of gardenlet, extension  graph  a path leads from the object to the client's Seed\n"
	for line, want := range map[string]outcome{
		"get secret garden-dev/aws-account": {exitOK, "SEEDS    CLIENTS               VERBS  RULE                " +
			"             STEP   REASON\naws-eu1  gardenlet, extension  get    " + byPath, ""},
		"get secrets aws-account -n garden-dev": {exitOK, "SEEDS    CLIENTS               VERBS  RULE                " +
			"             STEP   REASON\naws-eu1  gardenlet, extension  get    " + byPath, ""},
		"get secret garden/operators-only": {exitNotAllowed, "no client of a Seed can get secrets garden/operators-only\n" +
			"- get by gardenlet, extension of all 3 Seeds: get needs a path from the object to the client's Seed, " +
			"no relationship found\n", ""},
	} {
		require.Equal(t, want, onExample("who-can "+line), line)
	}
	for line, parts := range map[string][]string{
		"* cloudprofile aws": {"aws-eu1, aws-eu2", "get, list, watch"},
		"list shoots": {"all 3 Seeds",
			"label selector name.seed.gardener.cloud/<seed>=true"},
		"get secret garden/registry":                     {"all 3 Seeds"},
		"create serviceaccounts/token x -n seed-aws-eu1": {"aws-eu1  gardenlet  create", "exception"},
		"get Seed aws-eu2":                               {"aws-eu1, aws-eu2"},
	} {
		o := onExample("who-can " + line)
		require.Equal(t, exitOK, o.exit, o)
		for _, part := range parts {
			require.Contains(t, o.out, part, line)
		}
	}
	o := onExample("who-can create shoots/viewerkubeconfig garden-dev/web " +
		"--config ../../examples/kubeconfigs/seedguard.yaml")
	require.Equal(t, exitOK, o.exit, o)
	require.Contains(t, o.out, "aws-eu1  extension provider-*  create")
}

func TestWhoCanJSON(t *testing.T) {
	o := onExample("who-can get secret garden-dev/aws-account -o json")
	require.Equal(t, exitOK, o.exit)
	answer := decoded[whoCanAnswer](t, o)
	require.Equal(t, 3, answer.Seeds)
	require.Equal(t, []string{"aws-eu1"}, answer.Allowed[0].Seeds)
	require.Equal(t, []string{"aws-eu2", "gcp-eu1"}, answer.Others[0].Seeds)
	require.Equal(t, exitNotAllowed, onExample("who-can get secret garden/operators-only -o json").exit)
}

// TestWhoCanKnowsSeedsThatDoNotExist: somebody may have their certificates all the same.
func TestWhoCanKnowsSeedsThatDoNotExist(t *testing.T) {
	l, err := (&landscapeFlags{dir: exampleDir}).load(t.Context(), t.Output())
	require.NoError(t, err)
	v := graph.Vertex{Kind: graph.KindBastion, Namespace: "garden-x", Name: "b"}
	l.Graph.Set(v, []graph.Edge{{From: v, To: graph.Vertex{Kind: graph.KindSeed, Name: "gone"}}})
	q := explain.Question{Resource: v.Kind.Resource().GroupResource(), Namespace: v.Namespace, Name: v.Name}
	seeds := seedsFor(l, q)
	require.True(t, slices.Equal([]string{"aws-eu1", "aws-eu2", "gcp-eu1", "gone"}, seeds), seeds)
}

// TestDebugPagesTellWhoCan: with the levels of the configuration, and without counting what they ask as requests.
func TestDebugPagesTellWhoCan(t *testing.T) {
	out := serving(t, "Move a manifest away", "--landscape", exampleDir,
		"--config", "../../examples/kubeconfigs/seedguard.yaml").String()
	get := func(address string) string {
		response, err := http.Get(address)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, errors.Join(err, response.Body.Close()))
		return string(body)
	}
	pages := regexp.MustCompile(`http://\S+/debug/`).FindString(out)
	page := get(pages + "vertex?kind=Shoot&namespace=garden-dev&name=web&verb=create&subresource=viewerkubeconfig")
	require.Contains(t, page, "<td>create</td><td>extension provider-*</td><td>aws-eu1</td>")
	metrics := get(regexp.MustCompile(`http://\S+/metrics`).FindString(out))
	require.NotContains(t, metrics, "seedguard_kubeconfig_requests_total{")
}

// TestAnswersInTheDocs: what docs/operations.md shows is what the commands print.
func TestAnswersInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```\n\\$ seedguard ((?:explain|who-can)[^\n]*)\n(.*?)```")
	blocks := block.FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 2)
	for _, block := range blocks {
		line := strings.NewReplacer("'", "", "examples/landscape", exampleDir).Replace(block[1])
		require.Equal(t, block[2], command(words(line)...).out, block[1])
	}
}
