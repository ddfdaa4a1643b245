package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"

	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/test/pki"
)

func TestMain(m *testing.M) {
	klog.SetLogger(klog.New(nil)) // silent
	goleak.VerifyTestMain(m)
}

// related allows seed clients what the graph relates to their Seed: as much of the authorizer as the server's tests
// need.
func related(g *graph.Graph) authorizer.AuthorizerFunc {
	return func(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
		client, ok := identity.From(a.GetUser())
		if !ok {
			return authorizer.DecisionNoOpinion, "not a seed client", nil
		}
		if g.Reaches(graph.Vertex{Kind: graph.KindSecret, Namespace: a.GetNamespace(), Name: a.GetName()}, client.Seed) {
			return authorizer.DecisionAllow, "", nil
		}
		return authorizer.DecisionNoOpinion, `no relationship found from secret "` + a.GetName() + `"`, nil
	}
}

// admit is an Admission.
type admit func(context.Context, *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse

func (a admit) Admit(ctx context.Context, r *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	return a(ctx, r)
}

// testServer is a server at work on a real graph, on loopback.
type testServer struct {
	*Server
	graph  *graph.Graph
	cancel context.CancelFunc
	ended  chan error
}

// nothing is what a server is told that has no reason not to decide.
func nothing() []string { return nil }

// newOptions returns options with a graph in which the Shoot garden-a/x on the Seed s1 has a Secret.
func newOptions() Options {
	c := config.Default()
	c.Serving.SecurePort, c.Serving.ShutdownDelay = 0, metav1.Duration{}
	c.Metrics.BindAddress, c.Debug.BindAddress = "127.0.0.1:0", "127.0.0.1:0"
	g := graph.New(graph.Options{})
	shoot := graph.Vertex{Kind: graph.KindShoot, Namespace: "garden-a", Name: "x"}
	secret := graph.Vertex{Kind: graph.KindSecret, Namespace: "garden-a", Name: "x"}
	g.Set(shoot, []graph.Edge{{From: secret, To: shoot},
		{From: shoot, To: graph.Vertex{Kind: graph.KindSeed, Name: "s1"}}})
	return Options{
		Serving: c.Serving, Metrics: c.Metrics, Debug: c.Debug, Graph: g,
		Authorizer: related(g),
		Admission: admit(func(_ context.Context, r *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
			if r.Name == "broken" {
				return &admissionv1.AdmissionResponse{Result: &metav1.Status{Code: http.StatusInternalServerError,
					Message: "look-up failed"}}
			}
			if r.Name != "bad" && r.Name != "observed" {
				return &admissionv1.AdmissionResponse{Allowed: true}
			}
			return &admissionv1.AdmissionResponse{Allowed: r.Name == "observed",
				Result: &metav1.Status{Code: http.StatusForbidden, Message: "not yours"}}
		}),
		Resources: []schema.GroupResource{{Resource: "secrets"}, {Group: "core.gardener.cloud", Resource: "shoots"}},
		NotReady:  nothing,
		Notices:   nothing,
		Stale:     nothing,
		WhoCan: func(context.Context, []string, explain.Question) (allowed, others []explain.Answer) {
			return nil, nil
		},
		Registry: prometheus.NewRegistry(),
	}
}

// withLog returns a context whose logger keeps its lines, and what returns those with a message.
func withLog(t *testing.T) (context.Context, func(message string) []ktesting.LogEntry) {
	t.Helper()
	logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	return klog.NewContext(t.Context(), logger), func(message string) (lines []ktesting.LogEntry) {
		for _, entry := range logger.GetSink().(ktesting.Underlier).GetBuffer().Data() {
			if entry.Message == message {
				lines = append(lines, entry)
			}
		}
		return lines
	}
}

// start runs a server until the test ends, or until stop.
func start(t *testing.T, options Options) *testServer {
	t.Helper()
	return startIn(context.Background(), t, options)
}

// startIn is start with a context, for the logger in it.
func startIn(ctx context.Context, t *testing.T, options Options) *testServer {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	s, err := New(ctx, options)
	require.NoError(t, err)
	running := &testServer{Server: s, graph: options.Graph, cancel: cancel, ended: make(chan error, 1)}
	go func() { running.ended <- s.Run(ctx) }()
	t.Cleanup(func() { require.NoError(t, running.stop()) })
	return running
}

// stop shuts the server down, waits, and returns what Run returned.
func (s *testServer) stop() error {
	s.cancel()
	err, open := <-s.ended
	if open {
		close(s.ended)
	}
	return err
}

// answer is an HTTP response as read.
type answer struct {
	code   int
	body   string
	header http.Header
	proto  string
}

func send(t *testing.T, client *http.Client, method, url, contentType, body string) answer {
	t.Helper()
	a, err := trySend(client, method, url, contentType, body)
	require.NoError(t, err)
	return a
}

func trySend(client *http.Client, method, url, contentType, body string) (answer, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, string(data), response.Header, response.Proto}, err
}

// post posts a review.
func (s *testServer) post(t *testing.T, client *http.Client, body string) answer {
	t.Helper()
	return s.postTo(t, client, AuthorizerPath, body)
}

// tryPost is post for goroutines of a test.
func (s *testServer) tryPost(client *http.Client, body string) (answer, error) {
	return trySend(client, http.MethodPost, "https://"+s.Address()+AuthorizerPath, "application/json", body)
}

// postTo posts JSON to a path.
func (s *testServer) postTo(t *testing.T, client *http.Client, path, body string) answer {
	t.Helper()
	return send(t, client, http.MethodPost, "https://"+s.Address()+path, "application/json", body)
}

// get gets from the webhooks' listener.
func (s *testServer) get(t *testing.T, client *http.Client, path string) answer {
	t.Helper()
	return send(t, client, http.MethodGet, "https://"+s.Address()+path, "", "")
}

// getPlain gets from a listener without TLS, and keeps no connection.
func getPlain(t *testing.T, address, path string) answer {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return send(t, client, http.MethodGet, "http://"+address+path, "", "")
}

// scrape returns the line of a metric, empty when there is none.
func (s *testServer) scrape(t *testing.T, metric string) string {
	t.Helper()
	for line := range strings.Lines(getPlain(t, s.MetricsAddress(), "/metrics").body) {
		if value, ok := strings.CutPrefix(line, metric+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// newClient returns a client over HTTP/2 that takes any certificate, and shows one if it has one.
func newClient(t *testing.T, certificates ...tls.Certificate) *http.Client {
	t.Helper()
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{
			InsecureSkipVerify: true,
			// Not by tls.Config.Certificates, which holds back those that the server's CA did not sign.
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(certificates) == 0 {
					return &tls.Certificate{}, nil
				}
				return &certificates[0], nil
			},
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// authority is a CA for tests.
type authority struct{ *pki.Authority }

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a, err := pki.NewAuthority(name)
	require.NoError(t, err)
	return &authority{a}
}

// options returns newOptions with the authority as that of the callers.
func (a *authority) options(t *testing.T) Options {
	t.Helper()
	options := newOptions()
	options.Serving.ClientCAFile = filepath.Join(t.TempDir(), "ca.crt")
	replace(t, options.Serving.ClientCAFile, a.PEM)
	return options
}

// client returns a client certificate.
func (a *authority) client(t *testing.T, name string) tls.Certificate {
	t.Helper()
	return a.clientUntil(t, name, time.Time{}, x509.ExtKeyUsageClientAuth)
}

// clientUntil returns a certificate for a client that is valid until then, for a usage that a client's may not have.
func (a *authority) clientUntil(
	t *testing.T, name string, notAfter time.Time, usage x509.ExtKeyUsage,
) tls.Certificate {
	t.Helper()
	pair, err := a.Issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotAfter: notAfter, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	})
	require.NoError(t, err)
	client, err := pair.TLS()
	require.NoError(t, err)
	return client
}

// server writes a serving certificate into the directory and returns its files.
func (a *authority) server(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	pair, err := a.Serving(name)
	require.NoError(t, err)
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	replace(t, certFile, pair.Certificate)
	replace(t, keyFile, pair.Key)
	return certFile, keyFile
}

// replace writes a file in one step, as operators and the kubelet do.
func replace(t *testing.T, file string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(file+".new", content, 0o600))
	require.NoError(t, os.Rename(file+".new", file))
}
