package admission

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/test/pki"
)

func TestMain(m *testing.M) {
	klog.SetLogger(logr.Discard()) // tests of the log bring their own
	goleak.VerifyTestMain(m)
}

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// memory is a garden.Reader in memory.
type memory struct {
	mu     sync.Mutex
	cached map[graph.Vertex]*garden.Object
	// live is what the API server has, nil: not available.
	live map[graph.Vertex]*garden.Object
	// existing are the names of objects of other kinds, as resource/namespace/name, nil: not available.
	existing map[string]bool
	// tokens are the descriptions of bootstrap tokens by their ids, nil: not available.
	tokens map[string]string
	// err is what live reads fail with.
	err error
	// asked records the live reads, and seeds for whom they were.
	asked, seeds []string
}

func newMemory(t testing.TB, manifests ...string) *memory {
	return &memory{cached: extract(t, manifests...)}
}

func extract(t testing.TB, manifests ...string) map[graph.Vertex]*garden.Object {
	t.Helper()
	objects := map[graph.Vertex]*garden.Object{}
	for _, manifest := range manifests {
		decoded, _, err := garden.Codecs.UniversalDeserializer().Decode(raw(manifest), nil, nil)
		require.NoError(t, err, manifest)
		o, err := garden.Extract(decoded)
		require.NoError(t, err)
		objects[o.Vertex] = o
	}
	return objects
}

func (m *memory) Get(v graph.Vertex) *garden.Object {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cached[v]
}

func (m *memory) List(kind graph.Kind) (objects []*garden.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for v, o := range m.cached {
		if v.Kind == kind {
			objects = append(objects, o)
		}
	}
	return objects
}

// read records a live read of what the API server has, unless it is not available.
func (m *memory) read(ctx context.Context, what, seed string, available bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked, m.seeds = append(m.asked, what), append(m.seeds, seed)
	_, bounded := ctx.Deadline()
	switch {
	case !bounded:
		return errors.New("a live read without a deadline")
	case m.err != nil:
		return m.err
	case !available:
		return garden.ErrNotAvailable
	}
	return nil
}

func (m *memory) Live(ctx context.Context, seed string, v graph.Vertex) (*garden.Object, error) {
	if err := m.read(ctx, v.String(), seed, m.live != nil); err != nil {
		return nil, err
	}
	return m.live[v], nil
}

func (m *memory) Exists(
	ctx context.Context, seed string, resource schema.GroupVersionResource, namespace, name string,
) (bool, error) {
	what := resource.Resource + "." + resource.Version + "/" + namespace + "/" + name
	return m.existing[what], m.read(ctx, "metadata of "+what, seed, m.existing != nil)
}

func (m *memory) BootstrapTokenDescription(ctx context.Context, reader, id string) (string, bool, error) {
	description, ok := m.tokens[id]
	return description, ok, m.read(ctx, "bootstrap token "+id, reader, m.tokens != nil)
}

func (m *memory) Referrers(v graph.Vertex) (found []graph.Vertex) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for owner, o := range m.cached {
		if slices.ContainsFunc(o.Edges(), func(e graph.Edge) bool { return e.From == v }) {
			found = append(found, owner)
		}
	}
	if shoot, ok := graph.ImpliedShoot(v); ok && m.cached[shoot] != nil {
		found = append(found, shoot)
	}
	return found
}

func (m *memory) Related(v graph.Vertex, seed string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	g := graph.New(graph.Options{})
	for owner, o := range m.cached {
		g.Set(owner, o.Edges())
	}
	return g.Reaches(v, seed)
}

var _ garden.Reader = &memory{}

// Users.

func gardenletOf(seed string) authenticationv1.UserInfo {
	return authenticationv1.UserInfo{
		Username: "gardener.cloud:system:seed:" + seed,
		Groups:   []string{"gardener.cloud:system:seeds", "system:authenticated"},
	}
}

func extensionOn(seed string) authenticationv1.UserInfo {
	return authenticationv1.UserInfo{
		Username: "system:serviceaccount:seed-" + seed + ":extension-x",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:seed-" + seed},
	}
}

// Requests. Objects are YAML; their names are those of the requests.

func creates(resource, object string) *admissionv1.AdmissionRequest {
	r := about(admissionv1.Create, resource, object)
	r.Object.Raw, r.OldObject.Raw = r.OldObject.Raw, nil
	return r
}

func updates(resource, object string) *admissionv1.AdmissionRequest {
	r := about(admissionv1.Update, resource, object)
	r.Object.Raw = r.OldObject.Raw
	return r
}

func deletes(resource, object string) *admissionv1.AdmissionRequest {
	return about(admissionv1.Delete, resource, object)
}

func raw(object string) []byte {
	json, err := yaml.YAMLToJSON([]byte(object))
	if err != nil {
		panic(err)
	}
	return json
}

func about(operation admissionv1.Operation, resource, object string) *admissionv1.AdmissionRequest {
	raw := raw(object)
	var o metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &o); err != nil {
		panic(err)
	}
	gvr, _ := schema.ParseResourceArg(resource)
	if gvr == nil {
		gvr = &schema.GroupVersionResource{Version: "v1", Resource: resource}
	}
	return &admissionv1.AdmissionRequest{
		UID: "uid", Operation: operation, Resource: metav1.GroupVersionResource(*gvr),
		Namespace: o.Namespace, Name: o.Name, OldObject: runtime.RawExtension{Raw: raw},
	}
}

// newPlugin returns a plugin with the decision table alone.
func newPlugin(reader garden.Reader) *Plugin {
	return newPluginWith(reader, Policy{References: ReferencesOff})
}

func newPluginWith(reader garden.Reader, policy Policy) *Plugin {
	return New(Options{Reader: reader, Clock: testingclock.NewFakePassiveClock(now), Policy: policy})
}

// requireAnswer holds an answer to a code, 0 for admitted, and to what its message must contain.
func requireAnswer(t testing.TB, code int32, message string, response *admissionv1.AdmissionResponse, about string) {
	t.Helper()
	require.Equal(t, code == 0, response.Allowed, "%s: %v", about, response.Result)
	if code == 0 {
		require.Nil(t, response.Result, about)
		return
	}
	require.Equal(t, code, response.Result.Code, "%s: %v", about, response.Result)
	require.Equal(t, reasons[int(code)], response.Result.Reason, about)
	require.Contains(t, response.Result.Message, message, about)
}

// forbids returns the code of a denial, 0 without its message.
func forbids(message string) int32 {
	if message == "" {
		return 0
	}
	return http.StatusForbidden
}

func meta(namespace, name string) string {
	return fmt.Sprintf("metadata: {namespace: %q, name: %q}\n", namespace, name)
}

// as returns the request, made by the user.
func as(u authenticationv1.UserInfo, r *admissionv1.AdmissionRequest) *admissionv1.AdmissionRequest {
	r.UserInfo = u
	return r
}

func certificateRequestFor(t testing.TB, subject pkix.Name, dnsNames ...string) string {
	t.Helper()
	request, err := pki.CertificateRequest(&x509.CertificateRequest{Subject: subject, DNSNames: dnsNames})
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(request)
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
