// Package tabular writes the tables that decide for people and programs to read.
package tabular

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table is a table for people. Only the last cell of a row may have several lines.
type Table struct {
	// Title is the sentence before the table, empty for none.
	Title string
	Head  []string
	Rows  [][]string
}

// Join writes the elements of a cell with a separator between them.
func Join[T any](elements []T, separator string) string {
	words := make([]string, 0, len(elements))
	for _, e := range elements {
		words = append(words, fmt.Sprint(e))
	}
	return strings.Join(words, separator)
}

// Write writes the tables as text (aligned columns) or markdown, or what they show as json.
func Write(w io.Writer, format string, shown any, tables ...Table) error {
	var b strings.Builder
	write := map[string]func(*strings.Builder, Table){"text": writeText, "markdown": writeMarkdown}[format]
	switch {
	case write != nil:
		for i, t := range tables {
			if i > 0 {
				b.WriteString("\n")
			}
			if t.Title != "" {
				b.WriteString(t.Title + "\n\n")
			}
			write(&b, t)
		}
	case format == "json":
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(shown); err != nil {
			return err
		}
	default:
		return fmt.Errorf("tables are written as text, markdown or json, not as %q", format)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeText(b *strings.Builder, t Table) {
	var text strings.Builder
	aligned := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(aligned, strings.ToUpper(strings.Join(t.Head, "\t"))) // nothing fails on a Builder
	for _, row := range t.Rows {
		// The cells below the first line of the last one are empty, but for the last.
		line := strings.ReplaceAll(strings.Join(row, "\t"), "\n", "\n"+strings.Repeat("\t", len(row)-1))
		_, _ = fmt.Fprintln(aligned, line)
	}
	_ = aligned.Flush()
	for line := range strings.Lines(text.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// markdown escapes what markdown would read as its own.
var markdown = strings.NewReplacer("<", `\<`, ">", `\>`, "*", `\*`, "|", `\|`, "\n", "<br>")

func writeMarkdown(b *strings.Builder, t Table) {
	b.WriteString("| " + strings.Join(t.Head, " | ") + " |\n")
	b.WriteString("|" + strings.Repeat(" --- |", len(t.Head)) + "\n")
	for _, row := range t.Rows {
		b.WriteString("|")
		for _, cell := range row {
			b.WriteString(" " + markdown.Replace(cell) + " |")
		}
		b.WriteString("\n")
	}
}
