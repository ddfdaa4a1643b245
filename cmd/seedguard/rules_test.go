package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/garden"
)

// printed returns what the rules command prints, in a format.
func printed(t *testing.T, table, format string) string {
	t.Helper()
	o := command("rules", table, "-o", format)
	require.Equal(t, exitOK, o.exit, o.errOut)
	return o.out
}

// TestRulesHoldAllRows: each table has a row for everything that decides, in every format.
func TestRulesHoldAllRows(t *testing.T) {
	for table, rows := range map[string]int{
		"authorizer": len(authorizer.Rules()), "edges": len(garden.Fields()), "restriction": len(admission.Rules()),
		"writes": len(admission.Writes()),
	} {
		var all []json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(printed(t, table, "json")), &all), table)
		require.Len(t, all, rows, table)
		for _, format := range []string{"text", "markdown"} {
			require.Greater(t, strings.Count(printed(t, table, format), "\n"), rows, "%s as %s", table, format)
		}
	}
}

// TestRulesSayWhatDecides: the rows say what is in the tables that decide, cell by cell.
func TestRulesSayWhatDecides(t *testing.T) {
	wanted := map[string][][]string{} // the cells of each row
	for _, f := range garden.Fields() {
		cells := []string{f.Owner.String(), f.Path, "→", f.Note}
		for _, kind := range slices.Concat(f.From, f.To) {
			cells = append(cells, kind.String())
		}
		wanted["edges"] = append(wanted["edges"], cells)
	}
	for _, r := range admission.Rules() {
		cells := []string{r.Kind.Resource().GroupResource().String(), r.Allowed}
		for _, client := range r.Clients {
			cells = append(cells, client.String())
		}
		for _, operation := range r.Operations {
			cells = append(cells, string(operation))
		}
		wanted["restriction"] = append(wanted["restriction"], cells)
	}
	for table, rows := range wanted {
		lines := strings.Split(printed(t, table, "text"), "\n")[1:]
		for i, cells := range rows {
			for _, cell := range cells {
				require.Contains(t, lines[i], cell)
			}
		}
	}
}

// TestRulesOfWrites: each field by which a write can add references has a row, and each grant an explanation.
func TestRulesOfWrites(t *testing.T) {
	text := printed(t, "writes", "markdown")
	explained := map[string]bool{}
	for _, g := range admission.Grants() {
		explained[g.Name] = true
		require.Contains(t, text, "\n| "+g.Name+" | ")
	}
	for _, w := range admission.Writes() {
		object := w.Kind.String()
		if w.Subresource != "" {
			object += "/" + w.Subresource
		}
		for path, g := range w.Grants {
			require.True(t, explained[g.Name] || g.Free != "", "%s is not in Grants()", g.Name)
			require.Contains(t, text, "\n| "+object+" | "+string(w.Operation)+" | "+path+" | "+g.Name+" |\n")
		}
	}
}

// TestRulesGolden holds one row of each table to the words that people read.
func TestRulesGolden(t *testing.T) {
	require.Contains(t, printed(t, "edges", "markdown"),
		"\n| Shoot | spec.dns.providers[].credentialsRef | Secret, WorkloadIdentity → Shoot |  |\n")
	require.Contains(t, printed(t, "restriction", "markdown"),
		"\n| bastions.operations.gardener.cloud | CREATE | gardenlet, extension | spec.seedName is the client's Seed |\n")
	require.Contains(t, printed(t, "authorizer", "markdown"),
		"\n| cloudprofiles.core.gardener.cloud | gardenlet, extension |  | get list watch |  |  |  |  |  |\n")
	require.Contains(t, printed(t, "writes", "markdown"),
		"\n| WorkloadIdentity | CREATE | none | somebody else creates it |\n")
	require.Equal(t, printed(t, "authorizer", "text"), command("rules").out,
		"the authorizer's is the one without an argument")
}

// TestRulesAreDocumented: docs/rules.md has the tables of this program.
func TestRulesAreDocumented(t *testing.T) {
	document, err := os.ReadFile("../../docs/rules.md")
	require.NoError(t, err)
	for marker, table := range map[string]string{
		"edges": "edges", "rules": "authorizer", "restriction": "restriction",
		"writes": "writes",
	} {
		want := "<!-- " + marker + ":begin -->\n\n" + printed(t, table, "markdown") + "\n<!-- " + marker + ":end -->"
		require.True(t, strings.Contains(string(document), want), "the table %s is out of date: make generate", table)
	}
}

func TestRulesFails(t *testing.T) {
	requireErrors(t, map[string]string{
		"rules edges -o xml":      `"-o, --output" flag: want text, markdown or json`,
		"rules roles":             `arguments ["roles"]: want seedguard rules [authorizer|`,
		"rules edges restriction": "want seedguard rules [",
	})
}
