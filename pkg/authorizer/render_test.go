package authorizer

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/access"
)

func written(t *testing.T, format string) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, WriteRules(&b, format))
	return b.String()
}

func TestWriteText(t *testing.T) {
	lines := strings.Split(written(t, "text"), "\n")
	at := func(line, column string) int {
		i := strings.Index(line, column)
		require.GreaterOrEqual(t, i, 0, "%q in %q", column, line)
		return i
	}
	heads := lines[0]
	require.Equal(t, []string{"RESOURCE", "CLIENTS", "ALWAYS", "VIA", "GRAPH", "SUBRESOURCES", "LIST", "AND", "WATCH",
		"NAMESPACES", "UPDATES", "EXCEPTIONS"}, strings.Fields(heads))
	var secrets int
	for i, line := range lines {
		require.Equal(t, strings.TrimRight(line, " "), line)
		if strings.HasPrefix(line, "secrets ") && secrets == 0 {
			secrets = i
		}
	}
	// The columns are aligned, and every exception has a line of its own.
	require.Equal(t, at(heads, "CLIENTS"), at(lines[secrets], "gardenlet, extension"))
	require.Equal(t, at(heads, "ALWAYS"), at(lines[secrets], "create"))
	require.Equal(t, at(heads, "VIA GRAPH"), at(lines[secrets], "get update patch delete"))
	require.Equal(t, at(heads, "EXCEPTIONS"), at(lines[secrets], "get list watch seed-<seed>/*"))
	require.Equal(t, at(heads, "EXCEPTIONS"),
		at(lines[secrets+1], "delete kube-system/bootstrap-token-<id of garden/<seed>>"))
	require.Equal(t, at(heads, "EXCEPTIONS"), len(lines[secrets+1])-len(strings.TrimLeft(lines[secrets+1], " ")))

	text := strings.Join(lines, "\n")
	require.Contains(t, text, "\n\nAllowed without a path, and not guarded by the SeedRestriction:\n\nRESOURCE ")
	for _, part := range []string{
		"label selector name.seed.gardener.cloud/<seed>=true", "field selector spec.seedName=<seed>",
		"any verb and subresource seed-<seed>/*",
		"update patch not <seed>; update patch of status not <seed>", "update patch of status only <seed>",
		"get garden/<seed>", "finalizers status", "an Event tells what happened, and changes nothing",
	} {
		require.Contains(t, text, part)
	}
}

func TestWriteMarkdown(t *testing.T) {
	text := written(t, "markdown")
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		require.Contains(t, []int{9, 4}, strings.Count(line, "|")-1, line)
		// Nothing that markdown takes for HTML but the line break.
		plain := strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(line, "<br>", ""), `\<`, ""), `\>`, "")
		require.NotContains(t, plain, "<", line)
	}
	require.Contains(t, text, "| secrets | gardenlet, extension | create | get update patch delete |  |  |  |  | "+
		`get list watch seed-\<seed\>/\*<br>delete kube-system/bootstrap-token-\<id of garden/\<seed\>\> |`)
	require.Equal(t, 1, strings.Count(text,
		"| leases.coordination.k8s.io | gardenlet | create | get list watch update patch |"))
}

// TestWriteJSON: what is written holds all that the table holds.
func TestWriteJSON(t *testing.T) {
	var written []struct {
		Group, Resource, Kind string
		Namespaced            bool
		Clients, ViaGraph     []string
		Always                []struct {
			Verbs     []string
			Guarded   bool
			Unguarded string
		}
		Subresources []string
		Selector     *selectorDocument
		Namespaces   []string
		Exceptions   []struct {
			Verbs                []string
			Namespace, Name, Why string
			AllSubresources      bool
		}
		OnlyOwn, NotOwn []string
		Levels          map[string]access.Level
	}
	var text strings.Builder
	require.NoError(t, WriteRules(&text, "json"))
	decoder := json.NewDecoder(strings.NewReader(text.String()))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&written))
	require.Len(t, written, len(table))
	for i, r := range table {
		d := written[i]
		require.Equal(t, r.Resource.Group, d.Group)
		require.Equal(t, r.Resource.Resource, d.Resource)
		require.Equal(t, r.Namespaced, d.Namespaced)
		require.Equal(t, r.Kind == noKind, d.Kind == "")
		require.Len(t, d.Clients, len(r.Clients))
		require.Equal(t, r.ViaGraph.Names(), d.ViaGraph)
		require.Equal(t, r.Subresources, d.Subresources)
		require.Equal(t, r.Selector == Selector{}, d.Selector == nil)
		require.Equal(t, r.Levels, d.Levels)
		require.Equal(t, [][]string{r.OnlyOwn, r.NotOwn}, [][]string{d.OnlyOwn, d.NotOwn})
		require.Len(t, d.Namespaces, len(r.Namespaces))
		require.Len(t, d.Always, len(r.Always))
		for j, g := range r.Always {
			require.Equal(t, g.Verbs.Names(), d.Always[j].Verbs)
			require.Equal(t, g.Unguarded == "", d.Always[j].Guarded)
			require.Equal(t, g.Unguarded, d.Always[j].Unguarded)
		}
		require.Len(t, d.Exceptions, len(r.Exceptions))
		for j, e := range r.Exceptions {
			require.Equal(t, e.Verbs.Names(), d.Exceptions[j].Verbs)
			require.Equal(t, e.Namespace.String(), d.Exceptions[j].Namespace)
			require.Equal(t, e.Name.String(), d.Exceptions[j].Name)
			require.Equal(t, e.AllSubresources, d.Exceptions[j].AllSubresources)
			require.Equal(t, e.Why, d.Exceptions[j].Why)
		}
	}
	require.Contains(t, text.String(), `"label": "name.seed.gardener.cloud/<seed>",`)
	require.Contains(t, text.String(), `"field": "metadata.name",`)
}
