package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	testgarden "github.com/seedguard/seedguard/test/garden"
)

// patience bounds how long a test waits for what must come true. It is long, for busy machines; it is not a promise.
const patience = 20 * time.Second

// client makes requests as somebody.
type client struct {
	*testgarden.Client
	admin *testgarden.Client // prepares what requests need
}

func newClient(t *testing.T, g *testgarden.Garden, config *rest.Config) *client {
	t.Helper()
	c, err := g.NewClient(config)
	require.NoError(t, err)
	admin, err := g.NewClient(g.Admin())
	require.NoError(t, err)
	return &client{c, admin}
}

func admin(t *testing.T, g *testgarden.Garden) *client { return newClient(t, g, g.Admin()) }

func gardenlet(t *testing.T, g *testgarden.Garden, seed string) *client {
	t.Helper()
	config, err := g.Gardenlet(seed)
	require.NoError(t, err)
	return newClient(t, g, config)
}

// kinds are the groups and versions that tests speak.
var kinds = func() map[string]schema.GroupVersion {
	result := map[string]schema.GroupVersion{}
	for gv, names := range map[string]string{
		"v1":                                     "ConfigMap Event Namespace Secret ServiceAccount",
		"certificates.k8s.io/v1":                 "CertificateSigningRequest",
		"coordination.k8s.io/v1":                 "Lease",
		"core.gardener.cloud/v1":                 "ControllerDeployment",
		"operations.gardener.cloud/v1alpha1":     "Bastion",
		"rbac.authorization.k8s.io/v1":           "ClusterRole ClusterRoleBinding",
		"security.gardener.cloud/v1alpha1":       "CredentialsBinding WorkloadIdentity",
		"seedmanagement.gardener.cloud/v1alpha1": "Gardenlet ManagedSeed",
		"core.gardener.cloud/v1beta1": "BackupBucket BackupEntry CloudProfile ControllerInstallation " +
			"ControllerRegistration ExposureClass " +
			"InternalSecret NamespacedCloudProfile Project SecretBinding Seed Shoot ShootState",
	} {
		for name := range strings.FieldsSeq(names) {
			result[name], _ = schema.ParseGroupVersion(gv)
		}
	}
	return result
}()

// object returns an object of a kind without contents. Its name is NAMESPACE/NAME, or NAME for cluster-scoped kinds.
func object(kind, name string) *unstructured.Unstructured {
	gv, ok := kinds[kind]
	if !ok {
		panic("no such kind: " + kind)
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gv.WithKind(kind))
	if namespace, name, ok := strings.Cut(name, "/"); ok {
		u.SetNamespace(namespace)
		u.SetName(name)
	} else {
		u.SetName(namespace)
	}
	return u
}

// parse returns the objects of a manifest in which each old word is replaced by the new one that follows it.
func parse(t *testing.T, manifest string, oldnew ...string) []runtime.Object {
	t.Helper()
	found, err := testgarden.Parse([]byte(strings.NewReplacer(oldnew...).Replace(manifest)))
	require.NoError(t, err)
	objects := make([]runtime.Object, len(found))
	for i := range found {
		objects[i] = found[i]
	}
	return objects
}

// one is parse for a manifest of one object.
func one(t *testing.T, manifest string, oldnew ...string) *unstructured.Unstructured {
	t.Helper()
	objects := parse(t, manifest, oldnew...)
	require.Len(t, objects, 1)
	return objects[0].(*unstructured.Unstructured)
}

// apply makes objects exist as the administrator.
func (c *client) apply(t *testing.T, objects ...runtime.Object) {
	t.Helper()
	require.NoError(t, c.admin.Apply(t.Context(), objects...))
}

var dryRun = []string{metav1.DryRunAll}

// do makes a request that is written
//
//	get|update|patch|delete KIND[/SUBRESOURCE] [NAMESPACE/]NAME
//	list|watch|deletecollection KIND [NAMESPACE/] [labels:SELECTOR|fields:SELECTOR]
//
// and returns the API server's error. What would change something is a dry run, which is authorized and admitted alike.
// A patch changes the finalizers, which is all that a client may change of some objects.
func (c *client) do(ctx context.Context, request string) error {
	words := strings.Fields(request)
	verb, what := words[0], words[1]
	kind, subresource, _ := strings.Cut(what, "/")
	var subresources []string
	if subresource != "" {
		subresources = []string{subresource}
	}
	name := ""
	var options metav1.ListOptions
	for _, word := range words[2:] {
		if labels, ok := strings.CutPrefix(word, "labels:"); ok {
			options.LabelSelector = labels
		} else if fields, ok := strings.CutPrefix(word, "fields:"); ok {
			options.FieldSelector = fields
		} else {
			name = word
		}
	}
	u := object(kind, name)
	r, err := c.Resource(u.GroupVersionKind(), u.GetNamespace())
	if err != nil {
		return err
	}
	switch verb {
	case "get":
		_, err = r.Get(ctx, u.GetName(), metav1.GetOptions{}, subresources...)
	case "list":
		_, err = r.List(ctx, options)
	case "watch":
		seconds := int64(1)
		options.TimeoutSeconds = &seconds
		w, watchErr := r.Watch(ctx, options)
		if watchErr == nil {
			w.Stop()
		}
		err = watchErr
	case "deletecollection":
		err = r.DeleteCollection(ctx, metav1.DeleteOptions{DryRun: dryRun}, options)
	case "delete":
		err = r.Delete(ctx, u.GetName(), metav1.DeleteOptions{DryRun: dryRun}, subresources...)
	case "patch":
		_, err = r.Patch(ctx, u.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.com/e2e"]}}`),
			metav1.PatchOptions{DryRun: dryRun}, subresources...)
	case "update":
		all, clientErr := c.admin.Resource(u.GroupVersionKind(), u.GetNamespace())
		if clientErr != nil {
			return clientErr
		}
		current, getErr := all.Get(ctx, u.GetName(), metav1.GetOptions{})
		if getErr != nil {
			return fmt.Errorf("cannot prepare an update: %s", getErr) // not wrapped: it is not the answer to the request
		}
		_, err = r.Update(ctx, current, metav1.UpdateOptions{DryRun: dryRun}, subresources...)
	default:
		return fmt.Errorf("no such verb: %s", verb)
	}
	return err
}

// create creates an object.
func (c *client) create(ctx context.Context, o runtime.Object) error {
	return again(func() error { return c.createOnce(ctx, o, metav1.CreateOptions{}) })
}

// tryCreate creates an object as a dry run.
func (c *client) tryCreate(ctx context.Context, o runtime.Object) error {
	return again(func() error { return c.createOnce(ctx, o, metav1.CreateOptions{DryRun: dryRun}) })
}

func (c *client) createOnce(ctx context.Context, o runtime.Object, options metav1.CreateOptions) error {
	r, u, err := c.Of(o)
	if err != nil {
		return err
	}
	_, err = r.Create(ctx, u, options)
	return err
}

// applyOwn applies an object as the client itself.
func (c *client) applyOwn(ctx context.Context, o runtime.Object) error {
	return again(func() error { return c.Apply(ctx, o) })
}

// again makes a request again when seedguard could not decide on it for want of live reads: it bounds them in all, and
// these tests make it deny more in a second than a landscape does in a day. It waits until there is enough for all
// reads of a decision: what tries at once uses up each read as soon as there is one.
func again(request func() error) error {
	for deadline := time.Now().Add(patience); ; {
		err := request()
		if err == nil || !strings.Contains(err.Error(), "too many live reads") || time.Now().After(deadline) {
			return err
		}
		time.Sleep(time.Second)
	}
}

// merge changes an object by a merge patch.
func (c *client) merge(ctx context.Context, kind, name, patch string, subresources ...string) error {
	r, u, err := c.Of(object(kind, name))
	if err != nil {
		return err
	}
	_, err = r.Patch(ctx, u.GetName(), types.MergePatchType, []byte(patch), metav1.PatchOptions{}, subresources...)
	return err
}

// remove deletes an object.
func (c *client) remove(ctx context.Context, kind, name string) error {
	r, u, err := c.Of(object(kind, name))
	if err != nil {
		return err
	}
	return again(func() error { return r.Delete(ctx, u.GetName(), metav1.DeleteOptions{}) })
}

// requests splits lines of requests, in which verbs may be joined by commas, and replaces words in them.
func requests(lines string, oldnew ...string) []string {
	var result []string
	for line := range strings.Lines(strings.NewReplacer(oldnew...).Replace(lines)) {
		verbs, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		for verb := range strings.SplitSeq(verbs, ",") {
			result = append(result, verb+" "+rest)
		}
	}
	return slices.Clip(result)
}

// allows asserts that the client's requests are allowed, and soon when not at once.
func (c *client) allows(t *testing.T, requests ...string) {
	t.Helper()
	for _, request := range requests {
		soon(t, request, func() error { return c.do(t.Context(), request) })
	}
}

// forbids asserts that the client's requests are forbidden, and that they do not even come to the admission.
func (c *client) forbids(t *testing.T, requests ...string) {
	t.Helper()
	for _, request := range requests {
		err := c.do(t.Context(), request)
		forbidden(t, err, request)
		require.NotContains(t, err.Error(), "admission webhook", request)
	}
}

// soon asserts that a request succeeds within patience. Only what is forbidden is tried again: the graph follows the
// API server with a small delay. How small is another test's matter.
func soon(t *testing.T, what string, request func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := request()
		if err == nil {
			return
		}
		if !apierrors.IsForbidden(err) || time.Now().After(deadline) {
			require.NoError(t, err, "%s is not allowed", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// soonForbidden asserts that a request is forbidden within patience.
func soonForbidden(t *testing.T, what string, request func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := request()
		if apierrors.IsForbidden(err) {
			return
		}
		if !apierrors.IsNotFound(err) { // which is not a 403 either
			require.NoError(t, err, what)
		}
		require.True(t, time.Now().Before(deadline), "%s is still allowed", what)
		time.Sleep(20 * time.Millisecond)
	}
}

// forbidden asserts that the API server answered 403.
func forbidden(t *testing.T, err error, what string) {
	t.Helper()
	require.Error(t, err, "%s is allowed", what)
	require.True(t, apierrors.IsForbidden(err), "%s: want 403, got: %v", what, err)
}

// asAdmin returns the administrator's client.
func (c *client) asAdmin() *client { return &client{c.admin, c.admin} }
