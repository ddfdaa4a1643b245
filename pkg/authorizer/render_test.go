package authorizer

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/access"
)

// TestWriteJSON: what is written holds all that the table holds. What people read is compared with docs/rules.md.
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
		Selector     *struct{ Field, Label, Value string }
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
