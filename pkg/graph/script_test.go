package graph

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	gonum "gonum.org/v1/gonum/graph"
)

var update = flag.Bool("update", false, "rewrite the expectations of the event scripts")

// TestScripts runs the event scripts in testdata. A script is a list of blocks, each of them one or more events, a
// line "----", and the graph as it is then: every vertex that is an object (*), the Seeds that it reaches, and its
// edges; ending in an empty line. Comments start with #. Events are
//
//	scope Everything
//	set OBJECT: FROM -> TO, FROM -> TO ...
//	delete OBJECT
//	path VERTEX SEED
//
// where a vertex is written as by Vertex.String.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.script")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".script"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			actual := runScript(t, string(content))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(actual), 0o600))
				return
			}
			require.Equal(t, string(content), actual)
		})
	}
}

func runScript(t *testing.T, script string) string {
	g := New(Options{})
	var out strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(script), "\n\n") {
		events, _, _ := strings.Cut(block, "----")
		var extra strings.Builder
		ran := false
		for line := range strings.Lines(events) {
			out.WriteString(strings.TrimSuffix(line, "\n") + "\n")
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			ran = true
			command, rest, _ := strings.Cut(line, " ")
			switch command {
			case "scope":
				g = New(Options{ParentScope: ParentScope(rest)})
			case "set":
				object, list, _ := strings.Cut(rest, ":")
				var owned []Edge
				for pair := range strings.SplitSeq(list, ",") {
					if from, to, ok := strings.Cut(pair, " -> "); ok {
						owned = append(owned, Edge{parseVertex(t, from), parseVertex(t, to)})
					}
				}
				g.Set(parseVertex(t, object), owned)
			case "delete":
				g.Delete(parseVertex(t, rest))
			case "path":
				v, seed, _ := strings.Cut(rest, " ")
				fmt.Fprintln(&extra, "path:", g.View().Path(parseVertex(t, v), seed))
			default:
				t.Fatalf("unknown event %q", line)
			}
			g.checkInvariants(t)
		}
		if ran {
			out.WriteString("----\n" + g.print() + extra.String())
		}
		out.WriteString("\n")
	}
	return strings.TrimSpace(out.String()) + "\n"
}

func parseVertex(t *testing.T, s string) Vertex {
	parts := strings.SplitN(strings.TrimSpace(s), "/", 3)
	kind, ok := ParseKind(parts[0])
	require.True(t, ok, s)
	if len(parts) == 2 {
		return Vertex{Kind: kind, Name: parts[1]}
	}
	return Vertex{kind, parts[1], parts[2]}
}

// print prints the graph without the vertices that only a Shoot's name implies.
func (g *Graph) print() string {
	w := g.View()
	var lines []string
	for _, n := range gonum.NodesOf(w.Nodes()) {
		n := n.(Node)
		if n.Implied {
			continue
		}
		line := n.Vertex.String()
		if n.Object {
			line += "*"
		}
		line += fmt.Sprintf(" %v", g.Seeds(n.Vertex))
		var to []string
		for _, target := range gonum.NodesOf(w.From(n.ID())) {
			to = append(to, target.(Node).Vertex.String())
		}
		slices.Sort(to)
		if len(to) > 0 {
			line += " -> " + strings.Join(to, ", ")
		}
		lines = append(lines, line+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
