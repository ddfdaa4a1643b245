package tabular

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	tables = []Table{
		{Head: []string{"edge", "note"}, Rows: [][]string{{"Secret → Seed", "one\ntwo"}, {"a|b", ""}}},
		{Title: "Why:", Head: []string{"who"}, Rows: [][]string{{"seed-<seed>*"}}},
	}
	shown = map[string]string{"edge": "<seed>"}
)

func TestWrite(t *testing.T) {
	for format, want := range map[string]string{
		"text": `EDGE           NOTE
Secret → Seed  one
               two
a|b

Why:

WHO
seed-<seed>*
`,
		"markdown": `| edge | note |
| --- | --- |
| Secret → Seed | one<br>two |
| a\|b |  |

Why:

| who |
| --- |
| seed-\<seed\>\* |
`,
		"json": `{
  "edge": "<seed>"
}
`,
	} {
		var b strings.Builder
		require.NoError(t, Write(&b, format, shown, tables...))
		require.Equal(t, want, b.String(), format)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteFails(t *testing.T) {
	require.ErrorContains(t, Write(&strings.Builder{}, "xml", shown, tables...), `"xml"`)
	require.Error(t, Write(&strings.Builder{}, "json", func() {}, tables...))
	for _, format := range []string{"text", "markdown", "json"} {
		require.ErrorContains(t, Write(broken{}, format, shown, tables...), "disk full", format)
	}
}
