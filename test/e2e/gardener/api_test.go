package gardener

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	testgarden "github.com/seedguard/seedguard/test/garden"
)

// recorder keeps of each request what it asked for and in which encoding it was answered.
type recorder struct {
	http.RoundTripper
	mu     sync.Mutex
	answer map[string]string // content types, by path and query
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.RoundTripper.RoundTrip(request)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.answer[request.URL.Path+"?"+request.URL.RawQuery] = response.Header.Get("Content-Type")
	}
	return response, err
}

// TestSync: all watched kinds come by streaming lists in protobuf, with seedguard's own permissions, and nothing is
// missing.
func TestSync(t *testing.T) {
	config, err := g.SeedguardClient()
	require.NoError(t, err)
	requests := &recorder{answer: map[string]string{}}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		requests.RoundTripper = next
		return requests
	})
	source, err := garden.NewKubeSource(config)
	require.NoError(t, err)
	related := graph.New(graph.Options{})
	watched := garden.New(garden.Options{Source: source, Graph: related})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- watched.Run(ctx) }()
	require.Eventually(t, func() bool { return len(watched.NotReady()) == 0 }, patience, time.Millisecond)
	cancel()
	require.NoError(t, <-ended)

	kinds := 0
	for _, kind := range garden.Watched() {
		r := kind.Resource()
		if strings.HasSuffix(r.Group, ".gardener.cloud") {
			kinds++
			c := admin(t)
			gvk := r.GroupVersion().WithKind(kind.String())
			resource, err := c.Resource(gvk, "")
			require.NoError(t, err)
			list, err := resource.List(t.Context(), metav1.ListOptions{})
			require.NoError(t, err)
			require.Len(t, watched.List(kind), len(list.Items), kind)
		}
		streamed := false
		for request, contentType := range requests.answer {
			path, query, _ := strings.Cut(request, "?")
			if !strings.HasSuffix(path, "/"+r.Resource) || !strings.Contains(path, "/"+r.Version+"/") {
				continue
			}
			if query == "limit=1" { // whether there is contact
				continue
			}
			require.Contains(t, query, "watch=true", "%s is listed, not streamed", kind)
			require.Contains(t, contentType, "application/vnd.kubernetes.protobuf", kind)
			streamed = streamed || strings.Contains(query, "sendInitialEvents=true")
		}
		require.True(t, streamed, "%s: %v", kind, requests.answer)
	}
	require.NotZero(t, kinds)
	v := graph.Vertex{Kind: graph.KindSecret, Namespace: "garden-a", Name: "infrastructure"}
	require.True(t, related.Reaches(v, "a"))
}

// TestSelectors: what confines a list is decided by the selector, and Gardener's own fields are no exception.
func TestSelectors(t *testing.T) {
	a := gardenlet(t, "a")
	fields := func(selector string) metav1.ListOptions { return metav1.ListOptions{FieldSelector: selector} }
	labels := func(selector string) metav1.ListOptions { return metav1.ListOptions{LabelSelector: selector} }
	for _, c := range []struct {
		kind    string
		options metav1.ListOptions
		want    []string // nil: no opinion
	}{
		{"ControllerInstallation", fields("spec.seedRef.name=a"), []string{"local-a"}},
		{"ControllerInstallation", fields("spec.registrationRef.name=local,spec.seedRef.name=a"), []string{"local-a"}},
		{"ControllerInstallation", fields("spec.registrationRef.name=local"), nil},
		{"ControllerInstallation", fields("spec.seedRef.name!=b"), nil},
		{"ControllerInstallation", fields("spec.seedRef.name=b"), nil},
		{"BackupBucket", fields("spec.seedName=a"), []string{"bucket-a"}},
		{"BackupEntry", fields("spec.bucketName=bucket-a"), []string{"shoot--crop"}},
		// The API server sets this label itself, from the Shoot's Seed.
		{"Shoot", labels("name.seed.gardener.cloud/a=true"), []string{"crop"}},
		{"Shoot", fields("spec.seedName=a"), nil},
		{"Shoot", fields("status.seedName=a"), nil},
		{"Seed", labels("name.seed.gardener.cloud/a=true"), []string{"a"}},
		{"Gardenlet", fields("metadata.name=a"), []string{"a"}},
	} {
		namespace := ""
		if c.kind == "Gardenlet" {
			namespace = "garden"
		}
		names, err := a.list(t, c.kind, namespace, c.options)
		if c.want == nil {
			forbidden(t, err)
			continue
		}
		require.NoError(t, err, "%s %v", c.kind, c.options)
		require.Equal(t, c.want, names, "%s %v", c.kind, c.options)
		w, _ := a.of(t, c.kind, namespace+"/")
		watch, err := w.Watch(t.Context(), c.options)
		require.NoError(t, err, "%s %v", c.kind, c.options)
		watch.Stop()
	}
	_, err := admin(t).list(t, "Shoot", "", fields("status.seedName=a"))
	require.NoError(t, err, "a field that the API server knows")
}

// TestStatus: gardenlets write the status of what is theirs, and only that by /status; finalizers go by the object
// itself.
func TestStatus(t *testing.T) {
	a := gardenlet(t, "a")
	require.NoError(t, a.merge(t, "Shoot", "garden-a/crop",
		`{"status":{"hibernated":true},"spec":{"purpose":"production"}}`, "status"))
	shoot, err := a.get(t, "Shoot", "garden-a/crop")
	require.NoError(t, err)
	hibernated, _, err := unstructured.NestedBool(shoot.Object, "status", "hibernated")
	require.NoError(t, err)
	require.True(t, hibernated)
	purpose, _, err := unstructured.NestedString(shoot.Object, "spec", "purpose")
	require.NoError(t, err)
	require.NotEqual(t, "production", purpose)

	require.NoError(t, a.merge(t, "Shoot", "garden-a/crop", `{"metadata":{"finalizers":["gardener"]}}`))
	require.NoError(t, a.merge(t, "Shoot", "garden-a/crop", `{"metadata":{"finalizers":[]}}`))
	require.NoError(t, a.merge(t, "Seed", "a", `{"status":{"observedGeneration":1}}`, "status"))
	require.NoError(t, a.merge(t, "BackupBucket", "bucket-a", `{"status":{"observedGeneration":1}}`, "status"))

	b := gardenlet(t, "b")
	forbidden(t, b.merge(t, "Shoot", "garden-a/crop", `{"status":{"hibernated":false}}`, "status"))
	forbidden(t, b.merge(t, "Shoot", "garden-a/crop", `{"metadata":{"finalizers":["gardener"]}}`))
	forbidden(t, b.merge(t, "BackupBucket", "bucket-a", `{"status":{"observedGeneration":2}}`, "status"))
}

const bucket = `
apiVersion: core.gardener.cloud/v1beta1
kind: BackupBucket
metadata: {name: NAME}
spec:
  provider: {type: local, region: local}
  seedName: SEED
  credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: backup-SEED}
`

func bucketOf(seed, name string) string {
	return strings.NewReplacer("NAME", name, "SEED", seed).Replace(bucket)
}

// TestAdmission: each API server calls the SeedRestriction for the kinds that it serves, by a certificate of its own.
func TestAdmission(t *testing.T) {
	a := gardenlet(t, "a")
	secret := func(shoot string) string {
		return fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: %s.monitoring, namespace: garden-b}}`, shoot)
	}
	denied(t, a.create(t, secret("crop")))         // by the kube-apiserver
	denied(t, a.create(t, bucketOf("b", "other"))) // by gardener-apiserver
	own := uidOf(t, "Seed", "a")                   // the name of the bucket that the gardenlet makes
	require.NoError(t, a.create(t, bucketOf("a", own)))
	require.NoError(t, admin(t).remove(t, "BackupBucket", own))
}

// TestMetadataByStatus: gardener-apiserver takes changes of metadata by way of the status, too.
func TestMetadataByStatus(t *testing.T) {
	a := gardenlet(t, "a")
	owner := `{"metadata":{"ownerReferences":[{"apiVersion":"core.gardener.cloud/v1beta1","kind":"Shoot","name":"crop",` +
		`"uid":"` + uidOf(t, "Shoot", "garden-b/crop") + `"}]}}`
	for _, o := range [][2]string{
		{"BackupBucket", "bucket-a"}, {"BackupEntry", "garden-a/shoot--crop"}, {"ControllerInstallation", "local-a"},
		{"Gardenlet", "garden/a"}, {"Seed", "a"}, {"Shoot", "garden-a/crop"},
	} {
		t.Run(o[0], func(t *testing.T) {
			denied(t, a.merge(t, o[0], o[1], owner, "status"))
			denied(t, a.merge(t, o[0], o[1], owner))
		})
	}
	for _, o := range [][3]string{
		{"Gardenlet", "garden/a", `"gardener.cloud/operation":"renew-kubeconfig"`},
		{"Shoot", "garden-a/crop", `"confirmation.gardener.cloud/deletion":"true"`},
	} {
		t.Run(o[0]+" "+o[2], func(t *testing.T) {
			annotation := `{"metadata":{"annotations":{` + o[2] + `}}}`
			denied(t, a.merge(t, o[0], o[1], annotation, "status"))
			denied(t, a.merge(t, o[0], o[1], annotation))
		})
	}
}

// TestTokenContext: the token of a WorkloadIdentity is made for what belongs to the Seed, and for nothing else.
func TestTokenContext(t *testing.T) {
	a, all := gardenlet(t, "a"), admin(t)
	require.NoError(t, all.create(t, `{apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity,
		metadata: {name: cloud, namespace: garden}, spec: {audiences: [cloud], targetSystem: {type: local}}}`))
	require.NoError(t, all.create(t, strings.Replace(bucketOf("a", "with-identity"),
		"apiVersion: v1, kind: Secret, namespace: garden, name: backup-a",
		"apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity, namespace: garden, name: cloud", 1)))
	defer func() { require.NoError(t, all.remove(t, "BackupBucket", "with-identity")) }()
	token := func(namespace string) error {
		r, name := a.of(t, "WorkloadIdentity", "garden/cloud")
		request := map[string]any{
			"apiVersion": "security.gardener.cloud/v1alpha1", "kind": "TokenRequest", "metadata": map[string]any{"name": name},
			"spec": map[string]any{"contextObject": map[string]any{
				"apiVersion": "core.gardener.cloud/v1beta1", "kind": "Shoot", "namespace": namespace, "name": "crop",
				"uid": uidOf(t, "Shoot", namespace+"/crop"),
			}},
		}
		_, err := r.Create(t.Context(), &unstructured.Unstructured{Object: request}, metav1.CreateOptions{}, "token")
		return err
	}
	soon(t, "a token", func() error { return token("garden-a") })
	denied(t, token("garden-b"))
}

// uidOf returns the UID of an object.
func uidOf(t *testing.T, kind, name string) string {
	t.Helper()
	o, err := admin(t).get(t, kind, name)
	require.NoError(t, err)
	return string(o.GetUID())
}

// TestAdmissionCaller: without a certificate whose name is allowed, gardener-apiserver gets no decision, and no write
// of a gardenlet to Gardener's kinds succeeds; those to Kubernetes' kinds do.
func TestAdmissionCaller(t *testing.T) {
	a := gardenlet(t, "a")
	restart := func(caller string) {
		require.NoError(t, g.WriteGardenerCaller(g.WebhookPKI(), caller))
		time.Sleep(time.Second + 100*time.Millisecond) // client-go reads such files once a second at most
		g.Guard.Stop()                                 // ends the connections that were made with the other one
		require.NoError(t, startSeedguard(t.Context()))
	}
	own := uidOf(t, "Seed", "a")
	restart("somebody")
	// The first request may still go by the connection that has just ended.
	soon(t, "no decision", func() error {
		err := a.create(t, bucketOf("a", own))
		require.True(t, apierrors.IsInternalError(err), "%v", err)
		if !strings.Contains(err.Error(), `callers named "somebody" are not allowed`) {
			return err
		}
		return nil
	})
	const secret = `{apiVersion: v1, kind: Secret, metadata: {name: crop.monitoring, namespace: garden-a}}`
	soon(t, "by the kube-apiserver", func() error { return a.create(t, secret) })
	require.NoError(t, a.remove(t, "Secret", "garden-a/crop.monitoring"))

	restart(testgarden.GardenerCallerName)
	soon(t, "by gardener-apiserver", func() error { return a.create(t, bucketOf("a", own)) })
	require.NoError(t, admin(t).remove(t, "BackupBucket", own))
}

// TestImmutable: what an object belongs to does not change under the graph, for anybody.
func TestImmutable(t *testing.T) {
	for _, c := range []struct{ kind, name, patch string }{
		{"BackupBucket", "bucket-a", `{"spec":{"seedName":"b"}}`},
		{"ControllerInstallation", "local-a", `{"spec":{"seedRef":{"name":"b"}}}`},
		{"CredentialsBinding", "garden-a/binding", `{"credentialsRef":{"name":"unrelated"}}`},
		{"SecretBinding", "garden-a/binding", `{"secretRef":{"name":"unrelated"}}`},
		{"Shoot", "garden-a/crop", `{"spec":{"seedName":"b"}}`}, // but by shoots/binding
	} {
		err := admin(t).merge(t, c.kind, c.name, c.patch)
		require.Error(t, err, "%s %s", c.kind, c.patch)
		require.True(t, apierrors.IsInvalid(err) || apierrors.IsForbidden(err), "%s: %v", c.kind, err)
	}
	// Gardener's validation comes before the SeedRestriction.
	err := gardenlet(t, "a").merge(t, "BackupBucket", "bucket-a", `{"spec":{"seedName":"b"}}`)
	require.True(t, apierrors.IsInvalid(err), "%v", err)
}

// TestRecreate: an object of the same name is another one, with relations of its own.
func TestRecreate(t *testing.T) {
	a, b, all := gardenlet(t, "a"), gardenlet(t, "b"), admin(t)
	require.NoError(t, all.create(t, `{apiVersion: v1, kind: Secret, metadata: {name: credentials, namespace: garden}}`))
	read := func(c client) func() error {
		return func() error {
			_, err := c.get(t, "Secret", "garden/credentials")
			return err
		}
	}
	withSecret := func(seed string) string {
		return strings.Replace(bucketOf(seed, "reused"), "backup-"+seed, "credentials", 1)
	}
	forbidden(t, read(a)())
	for range 3 {
		for _, turn := range []struct {
			seed       string
			own, other client
		}{{"a", a, b}, {"b", b, a}} {
			require.NoError(t, all.create(t, withSecret(turn.seed)))
			soon(t, "its own", read(turn.own))
			forbidden(t, read(turn.other)())
			require.NoError(t, all.remove(t, "BackupBucket", "reused"))
			soonForbidden(t, "no longer", read(turn.own))
		}
	}
}
