package garden

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seedguard/seedguard/pkg/garden"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	objects, err := Parse([]byte(`
---
# nothing
---
{apiVersion: v1, kind: Secret, metadata: {name: one}}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: two}}
- {apiVersion: v1, kind: Secret, metadata: {name: three}}
`))
	require.NoError(t, err)
	var names []string
	for _, o := range objects {
		names = append(names, o.GetName())
	}
	require.Equal(t, []string{"one", "two", "three"}, names)

	_, err = Parse([]byte("a: [b"))
	require.Error(t, err)
}

func TestProcess(t *testing.T) {
	dir := t.TempDir()
	// A program that ignores SIGTERM, and whose child has to go with it.
	p, err := startProcess(dir, "stubborn", "/bin/sh", "-c", "echo hello; sleep 1000 & wait")
	require.NoError(t, err)
	require.NoError(t, p.wait(t.Context(), func(_ context.Context) error {
		if p.Tail(100) != "hello\n" {
			return errors.New("not yet")
		}
		return nil
	}))
	p.Stop()
	require.ErrorIs(t, p.Signal(0), os.ErrProcessDone)

	p, err = startProcess(dir, "failing", "/bin/sh", "-c", "echo why; exit 3")
	require.NoError(t, err)
	err = p.wait(t.Context(), func(_ context.Context) error { return errors.New("not yet") })
	require.ErrorContains(t, err, "why")
	require.ErrorContains(t, err, "exit status 3")

	_, err = startProcess(dir, "absent", "/no/such/program")
	require.ErrorContains(t, err, "cannot start absent")
}

func TestPorts(t *testing.T) {
	a, err := FreePort()
	require.NoError(t, err)
	b, err := FreePort()
	require.NoError(t, err)
	require.NotEqual(t, a, b)
}

func TestResources(t *testing.T) {
	for _, r := range resources {
		known := false
		for _, version := range strings.Fields(r.versions) {
			known = known || Scheme.Recognizes(schema.GroupVersionKind{Group: r.group, Version: version, Kind: r.kind})
		}
		require.True(t, known, "%s is no kind of Gardener", r.kind)
	}
	for _, kind := range garden.Watched() {
		watched := kind.Resource()
		if !strings.HasSuffix(watched.Group, ".gardener.cloud") {
			continue
		}
		require.True(t, slices.ContainsFunc(resources, func(r resource) bool {
			return r.name() == watched.GroupResource().String() && r.namespaced == kind.Namespaced() &&
				strings.Contains(r.versions, watched.Version)
		}), "%s is watched", watched)
	}
}
