package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kubeconfig writes a kubeconfig without credentials.
func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	write(t, file, `apiVersion: v1
kind: Config
clusters: [{name: garden, cluster: {server: "`+server+`", insecure-skip-tls-verify: true}}]
contexts: [{name: garden, context: {cluster: garden}}]
current-context: garden
`)
	return file
}

func TestLiveGardenMisused(t *testing.T) {
	dir, away := landscapeDir(t), kubeconfig(t, "https://127.0.0.1:1")
	for name, c := range map[string]struct{ line, message string }{
		"two gardens": {"explain seed s1 --landscape " + dir + " --kubeconfig " + away, "say on which garden"},
		"garden and server": {"can-i get seeds s1 --seed s1 --server https://127.0.0.1:1 --kubeconfig " + away,
			"say what to ask"},
		"context without": {"explain seed s1 --landscape " + dir + " --context garden", "--context needs --kubeconfig"},
		"context that is none": {"explain seed s1 --context prod --kubeconfig " + away,
			away + `: context "prod" does not exist`},
		"no file": {"explain seed s1 --kubeconfig /does/not/exist", "/does/not/exist: no such file or directory"},
		"nobody there": {"explain seed s1 --kubeconfig " + away,
			"cannot read the garden at https://127.0.0.1:1: "},
		"nobody there, with its context": {"can-i get seeds s1 --seed s1 --context garden --kubeconfig " + away,
			"connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			o := command(words(c.line)...)
			require.Equal(t, exitError, o.exit)
			require.Contains(t, o.errOut, c.message)
			require.Equal(t, 1, strings.Count(o.errOut, "\n"), o.errOut)
			require.Empty(t, o.out)
		})
	}
}
