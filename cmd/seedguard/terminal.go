package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// isTerminal reports whether what is written is shown on a terminal.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) // #nosec G115 -- file descriptors are small
}

// printable escapes what a terminal would not print as it is: clients choose names.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// The colours by which a terminal shows yes and no.
const (
	green = 32
	red   = 31
)

// painted returns a text in a colour where it is shown on a terminal, unless NO_COLOR is set (https://no-color.org).
func painted(w io.Writer, color int, text string) string {
	if !isTerminal(w) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, text)
}

// statusLine is a line on a terminal that is written anew again and again. Where there is no terminal, nothing is
// written. It is not safe for concurrent use.
type statusLine struct {
	terminal io.Writer
	width    int
}

func newStatusLine(w io.Writer) *statusLine {
	if !isTerminal(w) {
		return &statusLine{}
	}
	return &statusLine{terminal: w}
}

// show writes the line over the last one.
func (l *statusLine) show(format string, args ...any) {
	if l.terminal == nil {
		return
	}
	line := fmt.Sprintf(format, args...)
	_, _ = fmt.Fprintf(l.terminal, "\r%-*s", l.width, line) // for people only
	l.width = len(line)
}

// clear takes the line away.
func (l *statusLine) clear() {
	if l.width > 0 {
		l.show("")
		_, _ = fmt.Fprint(l.terminal, "\r")
	}
}
