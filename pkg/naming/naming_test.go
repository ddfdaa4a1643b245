package naming

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{SeedNamespace("a"), "seed-a"},
		{BootstrapTokenID("garden", "a"), "4c40cb"}, // printf 'garden--a' | sha256sum | head -c 6
		{BootstrapTokenSecret("garden", "a"), "bootstrap-token-4c40cb"},
		{BootstrapServiceAccount("a"), "gardenlet-bootstrap-a"},
		{BootstrapClusterRoleBinding("garden", "a"), "gardener.cloud:system:seed-bootstrapper:garden:gardenlet-bootstrap-a"},
		{ShootIssuerSecret("dev", "1-2"), "dev--1-2"},
		{NamespaceGarden, "garden"},
		{NamespaceKubeSystem, "kube-system"},
		{NamespaceSystemPublic, "gardener-system-public"},
		{ExtensionPrefix, "extension-"},
	} {
		require.Equal(t, c.want, c.got)
	}
}

func TestBootstrapTokenIDTellsObjectsApart(t *testing.T) {
	require.NotEqual(t, BootstrapTokenID("garden", "a"), BootstrapTokenID("garden", "b"))
	require.NotEqual(t, BootstrapTokenID("garden", "a"), BootstrapTokenID("garden-dev", "a"))
}

func TestParseBootstrapClusterRoleBinding(t *testing.T) {
	const prefix = "gardener.cloud:system:seed-bootstrapper:"
	for _, c := range []struct {
		binding, namespace, name string
		ok                       bool
	}{
		{prefix + "garden:gardenlet-bootstrap-a", "garden", "a", true},
		{prefix + "garden:gardenlet-bootstrap-a-b.c", "garden", "a-b.c", true},
		{prefix + "garden:gardenlet-bootstrap-gardenlet-bootstrap-a", "garden", "gardenlet-bootstrap-a", true},
		{prefix + "garden:gardenlet-bootstrap-", "", "", false},
		{prefix + "garden:gardenlet-a", "", "", false},
		{prefix + "garden", "", "", false},
		{prefix + ":gardenlet-bootstrap-a", "", "", false},
		{prefix + "garden:gardenlet-bootstrap-a:b", "", "", false},
		{prefix + "garden::gardenlet-bootstrap-a", "", "", false},
		{"x" + prefix + "garden:gardenlet-bootstrap-a", "", "", false},
		{strings.TrimSuffix(prefix, ":"), "", "", false},
		{"cluster-admin", "", "", false},
		{"", "", "", false},
	} {
		namespace, name, ok := ParseBootstrapClusterRoleBinding(c.binding)
		require.Equal(t, c.ok, ok, c.binding)
		require.Equal(t, c.namespace, namespace, c.binding)
		require.Equal(t, c.name, name, c.binding)
		if ok {
			require.Equal(t, c.binding, BootstrapClusterRoleBinding(namespace, name))
		}
	}
}

func TestIsSegment(t *testing.T) {
	for name, want := range map[string]bool{"a": true, "a.b:c": true, "...": true, "": false, ".": false, "..": false,
		"../x": false, "a/b": false, "a%2fb": false} {
		require.Equal(t, want, IsSegment(name), name)
	}
}
