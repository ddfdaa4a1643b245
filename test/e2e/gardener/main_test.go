// Package gardener tests seedguard behind the real gardener-apiserver: what a garden of CustomResourceDefinitions
// cannot show, since there nothing is aggregated, defaulted or validated, and only one API server calls webhooks.
package gardener

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	testgarden "github.com/seedguard/seedguard/test/garden"
)

// patience bounds how long a test waits for what must come true. It is long, for busy machines; it is not a promise.
const patience = time.Minute

// replicas of gardener-apiserver. Two, so that one can fail.
const replicas = 2

// g is the garden of all tests, with Seeds a and b (test/garden/landscape). A test that breaks it mends it.
var g *testgarden.Garden

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "seedguard-e2e-")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	seedguard, err := testgarden.Build(ctx, dir, true)
	if err != nil {
		return fail(err)
	}
	policy, err := testgarden.ReplayPolicy()
	if err != nil {
		return fail(err)
	}
	options := testgarden.Options{Dir: dir, Seedguard: seedguard, Gardener: replicas, Audit: true, AuditPolicy: policy}
	if g, err = testgarden.Start(ctx, options); err != nil {
		return fail(err)
	}
	defer g.Stop()
	if _, err := g.LoadSeeds(ctx, "a", "b"); err != nil {
		return fail(fmt.Errorf("%w\n%s", err, g.Logs()))
	}
	configFile = filepath.Join(dir, "seedguard.yaml")
	if err := configure(""); err != nil {
		return fail(err)
	}
	if err := startSeedguard(ctx); err != nil {
		return fail(err)
	}
	if code = m.Run(); code != 0 {
		fmt.Fprintln(os.Stderr, g.Logs())
	}
	return code
}

// configFile is seedguard's configuration, which it follows.
var configFile string

func startSeedguard(ctx context.Context) error { return g.StartSeedguard(ctx, "--config="+configFile) }

// configure writes seedguard's configuration with a section.
func configure(section string) error {
	const head = "apiVersion: seedguard.config/v1alpha1\nkind: SeedGuardConfiguration\n"
	return os.WriteFile(configFile, []byte(head+section), 0o600)
}

// client makes requests as somebody.
type client struct{ *testgarden.Client }

func admin(t *testing.T) client {
	t.Helper()
	c, err := g.NewClient(g.Admin())
	require.NoError(t, err)
	return client{c}
}

func gardenlet(t *testing.T, seed string) client {
	t.Helper()
	config, err := g.Gardenlet(seed)
	require.NoError(t, err)
	c, err := g.NewClient(config)
	require.NoError(t, err)
	return client{c}
}

// of returns the interface to a kind's objects and the name of one. Names are NAMESPACE/NAME, or NAME for
// cluster-scoped kinds.
func (c client) of(t *testing.T, kind, name string) (dynamic.ResourceInterface, string) {
	t.Helper()
	group, versions := "", []string{"v1"}
	for gv, names := range map[schema.GroupVersion]string{
		{Group: "core.gardener.cloud", Version: "v1beta1"}: "BackupBucket BackupEntry CloudProfile ControllerInstallation " +
			"InternalSecret Project SecretBinding Seed Shoot",
		{Group: "operations.gardener.cloud", Version: "v1alpha1"}:     "Bastion",
		{Group: "security.gardener.cloud", Version: "v1alpha1"}:       "CredentialsBinding WorkloadIdentity",
		{Group: "seedmanagement.gardener.cloud", Version: "v1alpha1"}: "Gardenlet ManagedSeed",
	} {
		if strings.Contains(" "+names+" ", " "+kind+" ") {
			group, versions = gv.Group, []string{gv.Version}
		}
	}
	namespace, name, namespaced := cut(name)
	if !namespaced {
		namespace = ""
	}
	r, err := c.Resource(schema.GroupVersionKind{Group: group, Version: versions[0], Kind: kind}, namespace)
	require.NoError(t, err)
	return r, name
}

func cut(name string) (namespace, rest string, namespaced bool) {
	if namespace, rest, ok := strings.Cut(name, "/"); ok {
		return namespace, rest, true
	}
	return "", name, false
}

func (c client) get(t *testing.T, kind, name string) (*unstructured.Unstructured, error) {
	t.Helper()
	r, name := c.of(t, kind, name)
	return r.Get(t.Context(), name, metav1.GetOptions{})
}

// list lists a kind in a namespace, or everywhere, by a field selector or a label selector.
func (c client) list(t *testing.T, kind, namespace string, options metav1.ListOptions) ([]string, error) {
	t.Helper()
	r, _ := c.of(t, kind, namespace+"/")
	list, err := r.List(t.Context(), options)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.GetName())
	}
	return names, nil
}

func (c client) merge(t *testing.T, kind, name, patch string, subresources ...string) error {
	t.Helper()
	r, name := c.of(t, kind, name)
	_, err := r.Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, subresources...)
	return err
}

func (c client) remove(t *testing.T, kind, name string) error {
	t.Helper()
	r, name := c.of(t, kind, name)
	return r.Delete(t.Context(), name, metav1.DeleteOptions{})
}

// create creates the one object of a manifest.
func (c client) create(t *testing.T, manifest string) error {
	t.Helper()
	objects, err := testgarden.Parse([]byte(manifest))
	require.NoError(t, err)
	require.Len(t, objects, 1)
	r, u, err := c.Of(objects[0])
	require.NoError(t, err)
	_, err = r.Create(t.Context(), u, metav1.CreateOptions{})
	return err
}

// soon asserts that something comes true within patience.
func soon(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for err := try(); err != nil; err = try() {
		require.True(t, time.Now().Before(deadline), "%s: %v", what, err)
		time.Sleep(20 * time.Millisecond)
	}
}

// soonForbidden asserts that a request gets 403 within patience: the graph follows the API server with a small delay.
func soonForbidden(t *testing.T, what string, request func() error) {
	t.Helper()
	soon(t, what, func() error {
		err := request()
		if apierrors.IsForbidden(err) {
			return nil
		}
		return fmt.Errorf("want 403, got: %v", err)
	})
}

// forbidden asserts that the authorizer had no opinion.
func forbidden(t *testing.T, err error) {
	t.Helper()
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	require.NotContains(t, err.Error(), "admission webhook")
}

// denied asserts that the SeedRestriction denied.
func denied(t *testing.T, err error) {
	t.Helper()
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	require.ErrorContains(t, err, "admission webhook")
}
