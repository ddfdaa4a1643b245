package main

import (
	"path/filepath"
	"testing"
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
	requireErrors(t, map[string]string{
		"explain seed s1 --landscape " + dir:                        "--landscape and --kubeconfig exclude each other",
		"can-i get seeds s1 --seed s1 --server https://127.0.0.1:1": "--server excludes --landscape and --kubeconfig",
		"explain seed s1 --context prod":                            away + `: context "prod" does not exist`,
		"explain seed s1":                                           "cannot read the garden at https://127.0.0.1:1: ",
		"can-i get seeds s1 --seed s1 --context garden":             "connection refused",
	}, "--kubeconfig", away)
	requireErrors(t, map[string]string{
		"explain seed s1 --landscape " + dir + " --context garden": "--context needs --kubeconfig",
		"explain seed s1 --kubeconfig /does/not/exist":             "/does/not/exist: no such file or directory",
	})
}
