package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// onTerminal runs this test's binary as seedguard, with its output on a terminal, and returns what that shows.
func onTerminal(t *testing.T, environment []string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(os.Environ(), actAsSeedguard+"=1", "TERM=xterm", "NO_COLOR=")
	c.Env = append(c.Env, environment...)
	terminal, err := pty.Start(c)
	require.NoError(t, err)
	defer func() { require.NoError(t, terminal.Close()) }()
	shown, _ := io.ReadAll(terminal) // ends with an error of its own when the program has ended
	_ = c.Wait()                     // its status is what tests of the command are about
	return string(shown)
}

// TestColors are shown on a terminal alone, and not where nobody wants them.
func TestColors(t *testing.T) {
	own := append(words("can-i get secrets infrastructure -n garden-dev --landscape"), landscapeDir(t), "--seed")
	require.Contains(t, onTerminal(t, nil, append(own, "s1")...), "\x1b[32myes\x1b[0m: ")
	require.Contains(t, onTerminal(t, nil, append(own, "s2")...), "\x1b[31mno opinion\x1b[0m: ")
	require.NotContains(t, command(append(own, "s1")...).out, "\x1b")
	for _, environment := range []string{"NO_COLOR=1", "TERM=dumb"} {
		shown := onTerminal(t, []string{environment}, append(own, "s1")...)
		require.NotContains(t, shown, "\x1b", environment)
		require.Contains(t, shown, "yes: ")
	}
	require.NotContains(t, onTerminal(t, nil, append(own, "s1", "-o", "json")...), "\x1b")
}

func TestStatusLine(t *testing.T) {
	var b strings.Builder
	line := newStatusLine(&b)
	line.show("%d", 1)
	line.clear()
	require.Empty(t, b.String(), "it is no terminal")

	line = &statusLine{terminal: &b}
	line.show("reading %d", 10)
	line.show("done")
	line.clear()
	require.Equal(t, "\rreading 10\rdone      \r    \r", b.String(), "what was longer is written over")
}
