package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/test/pki"
)

// TestManifestsCA: the registration has the certificates of the file, and nothing else that is in it.
func TestManifestsCA(t *testing.T) {
	authority, err := pki.NewAuthority("ca")
	require.NoError(t, err)
	pair, err := authority.KeyPair()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(file, append(pair.Key, pair.Certificate...), 0o600))
	require.Contains(t, command("manifests", "--ca-file", file).out,
		"caBundle: "+base64.StdEncoding.EncodeToString(pair.Certificate)+"\n")

	requireErrors(t, map[string]string{
		"manifests --ca-file ../../README.md": "error reading ../../README.md: data does not contain any valid",
		"manifests --ca-file no-such-file":    "no such file",
		"manifests --references off":          `restriction.references: Unsupported value: "off": supported values: `,
	})
}

// TestManifestsOfEarlierRun: what a run would not write and an earlier one has is told.
func TestManifestsOfEarlierRun(t *testing.T) {
	dir := t.TempDir()
	require.Equal(t, outcome{}, command("manifests", "--output-dir", dir))
	require.Equal(t, outcome{}, command("manifests", "--output-dir", dir))
	left := filepath.Join(dir, "permissions-bootstrap-tokens")
	require.Equal(t, outcome{errOut: "Warning: " + left + "/bootstrap-tokens.yaml is not part of this: remove it\n" +
		"Warning: " + left + "/kustomization.yaml is not part of this: remove it\n",
	}, command("manifests", "--output-dir", dir, "--references", "Off"))
	require.DirExists(t, left)
}
