package benchmarks

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/server"
	"github.com/seedguard/seedguard/test/pki"
)

// endpoint is a server at work, and what it takes to call it.
type endpoint struct {
	url    string
	client *http.Client
}

// certificates are what both sides show.
type certificates struct {
	ca                        *pki.Authority
	server, client            tls.Certificate
	certFile, keyFile, caFile string
}

func newCertificates(b *testing.B) *certificates {
	b.Helper()
	ca, err := pki.NewAuthority("ca")
	must(b, err)
	serving, err := ca.Serving("seedguard")
	must(b, err)
	caller, err := ca.Client("kube-apiserver")
	must(b, err)
	dir := b.TempDir()
	c := &certificates{ca: ca}
	c.certFile, c.keyFile, c.caFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"),
		filepath.Join(dir, "ca.crt")
	must(b, os.WriteFile(c.certFile, serving.Certificate, 0o600))
	must(b, os.WriteFile(c.keyFile, serving.Key, 0o600))
	must(b, os.WriteFile(c.caFile, ca.PEM, 0o600))
	c.server, err = serving.TLS()
	must(b, err)
	c.client, err = caller.TLS()
	must(b, err)
	return c
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// newClient returns a client like that of kube-apiserver: one connection, HTTP/2.
func (c *certificates) newClient(b *testing.B, change func(*tls.Config)) *http.Client {
	b.Helper()
	config := &tls.Config{RootCAs: c.ca.Pool(), Certificates: []tls.Certificate{c.client}, MinVersion: tls.VersionTLS12}
	if change != nil {
		change(config)
	}
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: config}
	b.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// serve runs seedguard's server until the benchmark ends, with client certificates required.
func serve(b *testing.B, c *certificates, o server.Options) string {
	b.Helper()
	o.Serving.TLSCertFile, o.Serving.TLSPrivateKeyFile, o.Serving.ClientCAFile = c.certFile, c.keyFile, c.caFile
	o.Serving.ClientAllowedNames = []string{"kube-apiserver"}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := server.New(ctx, o)
	must(b, err)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return "https://" + s.Address()
}

// empty returns a handler that reads the body and writes the answer.
func empty(answer []byte) http.Handler {
	header := []string{"application/json"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header()["Content-Type"] = header
		_, _ = w.Write(answer) // the caller may have gone away
	})
}

// serveHandler runs a handler on a server with the same certificates, limits and timeouts as seedguard's.
func serveHandler(b *testing.B, c *certificates, h http.Handler) string {
	b.Helper()
	s := &http.Server{
		Handler: h,
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}, Certificates: []tls.Certificate{c.server},
			ClientAuth: tls.RequestClientCert, ClientCAs: c.ca.Pool(),
		},
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 2000},
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 15 * time.Second,
		IdleTimeout: 3 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	ended := make(chan error, 1)
	go func() { ended <- s.ServeTLS(listener, "", "") }()
	b.Cleanup(func() {
		must(b, s.Close())
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			b.Error(err)
		}
	})
	return "https://" + listener.Addr().String()
}

// post posts a body and returns the answer, in a buffer to be used again.
func (e *endpoint) post(body string, buffer *bytes.Buffer) error {
	request, err := http.NewRequest(http.MethodPost, e.url, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := e.client.Do(request)
	if err != nil {
		return err
	}
	buffer.Reset()
	_, err = buffer.ReadFrom(response.Body)
	_ = response.Body.Close()
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK || response.ProtoMajor != 2:
		return fmt.Errorf("%s %s: %s", response.Proto, response.Status, buffer)
	}
	return nil
}

// load has callers post bodies in turn, each as soon as it has its last answer.
func (e *endpoint) load(b *testing.B, callers int, bodies []string, right func(i int, answer []byte) bool) {
	b.Helper()
	var warm bytes.Buffer
	for i := range 100 {
		must(b, e.post(bodies[i%len(bodies)], &warm))
	}
	var next atomic.Int64
	all := make([]*latencies, callers)
	var running sync.WaitGroup
	b.ReportAllocs()
	used := cpuTime(b)
	b.ResetTimer()
	for c := range callers {
		all[c] = newLatencies(b.N / callers)
		running.Go(func() {
			var buffer bytes.Buffer
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				start := time.Now()
				if err := e.post(bodies[i%len(bodies)], &buffer); err != nil {
					b.Error(err)
					return
				}
				all[c].add(time.Since(start))
				if !right(i%len(bodies), buffer.Bytes()) {
					b.Errorf("wrong answer to %s: %s", bodies[i%len(bodies)], &buffer)
					return
				}
			}
		})
	}
	running.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(cpuTime(b)-used)/float64(b.N), "cpu-ns/op")
	report(b, all)
}

// cpuTime is how long the process has computed. On a machine that others use too, it tells more than the time on the
// clock.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// wireShoots is the landscape of the benchmarks over the wire; its size makes no difference to them.
const wireShoots = 10000

// wireSetup is a graph in a landscape with reviews to ask.
func wireSetup(b *testing.B) (*graph.Graph, *reviews) {
	b.Helper()
	n := min(wireShoots, largest(b))
	w := worldOf(b, fmt.Sprintf("wire=%d", n), n, implementations[0].new)
	return w.graph.(*graph.Graph), w.reviews()
}

// fixed is an answer as long as those of the server.
var fixed = []byte(
	`{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":false,"reason":"` +
		`no path leads from the secret to the seed of the client"}}` + "\n")

func fixedIsRight(_ int, answer []byte) bool { return bytes.Equal(answer, fixed) }

var callerCounts = []int{1, 16, 64, 256}

// BenchmarkWire measures SubjectAccessReviews over TLS 1.3 and one HTTP/2 connection with a client certificate on
// loopback, as kube-apiserver sends them. Callers and server share the machine, and the callers cost more than the
// server. The baseline is an empty handler on a server of the same settings.
func BenchmarkWire(b *testing.B) {
	g, list := wireSetup(b)
	c := newCertificates(b)
	seedguard := serve(b, c, options(b, newAuthorizer(b, g), g, noAdmission{})) + server.AuthorizerPath
	baseline := serveHandler(b, c, empty(fixed))
	for _, n := range callerCounts {
		b.Run(fmt.Sprintf("callers=%d/impl=seedguard", n), func(b *testing.B) {
			e := &endpoint{seedguard, c.newClient(b, nil)}
			e.load(b, n, list.bodies, func(i int, answer []byte) bool { return says(answer, list.allowed[i]) })
		})
		b.Run(fmt.Sprintf("callers=%d/impl=baseline", n), func(b *testing.B) {
			e := &endpoint{baseline, c.newClient(b, nil)}
			e.load(b, n, list.bodies, fixedIsRight)
		})
	}
}

// BenchmarkWireAdmission is BenchmarkWire for AdmissionReviews with objects of 4 kB.
func BenchmarkWireAdmission(b *testing.B) {
	l := managedSeeds50()
	g := graph.New(graph.Options{})
	plugin := admission.New(admission.Options{Reader: newGarden(b, l, g)})
	c := newCertificates(b)
	seedguard := serve(b, c, options(b, newAuthorizer(b, g), g, plugin)) + server.AdmissionPath
	baseline := serveHandler(b, c, empty(fixed))
	cases := admissionCases(l)
	var bodies []string
	for _, a := range cases {
		review := admissionv1.AdmissionReview{Request: a.request}
		review.APIVersion, review.Kind = "admission.k8s.io/v1", "AdmissionReview"
		encoded, err := json.Marshal(&review)
		must(b, err)
		bodies = append(bodies, string(encoded))
	}
	for _, n := range callerCounts {
		b.Run(fmt.Sprintf("callers=%d/impl=seedguard", n), func(b *testing.B) {
			e := &endpoint{seedguard, c.newClient(b, nil)}
			e.load(b, n, bodies, func(i int, answer []byte) bool { return says(answer, cases[i].allowed) })
		})
		b.Run(fmt.Sprintf("callers=%d/impl=baseline", n), func(b *testing.B) {
			e := &endpoint{baseline, c.newClient(b, nil)}
			e.load(b, n, bodies, fixedIsRight)
		})
	}
}

// waiting is an authorizer that asks for the end of every call, as if it waited for something.
type waiting struct {
	authorizer.UnconditionalAuthorizer
}

func (w waiting) Authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	ctx.Done()
	return w.UnconditionalAuthorizer.Authorize(ctx, a)
}

// BenchmarkWireSettings measures what settings bring, at 64 callers: the garbage collector's, the limit of streams on a
// connection, and the cipher; and what the server's own means bring, each without it. Settings of the garbage collector
// hold for the callers too, who share the process.
func BenchmarkWireSettings(b *testing.B) {
	g, list := wireSetup(b)
	c := newCertificates(b)
	ask := func(name, url string, client func(*tls.Config), prepare func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			if prepare != nil {
				prepare(b)
			}
			e := &endpoint{url + server.AuthorizerPath, c.newClient(b, client)}
			e.load(b, 64, list.bodies, func(i int, answer []byte) bool { return says(answer, list.allowed[i]) })
		})
	}
	run := func(name string, streams int, client func(*tls.Config), prepare func(b *testing.B)) {
		o := options(b, newAuthorizer(b, g), g, noAdmission{})
		if streams > 0 {
			o.Serving.MaxRequestsInFlight = streams
		}
		ask(name, serve(b, c, o), client, prepare)
	}
	ask("setting=timer/value=in_each_call", serve(b, c, options(b, waiting{newAuthorizer(b, g)}, g, noAdmission{})), nil,
		nil)
	ask("setting=stack/value=grows_by_itself",
		serveHandler(b, c, handler(b, options(b, newAuthorizer(b, g), g, noAdmission{}))), nil, nil)
	for _, percent := range []int{50, 100, 400} {
		run(fmt.Sprintf("setting=GOGC/value=%d", percent), 0, nil, func(b *testing.B) {
			old := debug.SetGCPercent(percent)
			b.Cleanup(func() { debug.SetGCPercent(old) })
		})
	}
	run("setting=GOGC/value=off,GOMEMLIMIT=400MiB", 0, nil, func(b *testing.B) {
		percent, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(400<<20)
		b.Cleanup(func() {
			debug.SetGCPercent(percent)
			debug.SetMemoryLimit(limit)
		})
	})
	for _, streams := range []int{100, 250, 2000} {
		run(fmt.Sprintf("setting=streams/value=%d", streams), streams, nil, nil)
	}
	for _, suite := range []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	} {
		run("setting=cipher/value="+tls.CipherSuiteName(suite), 0, func(config *tls.Config) {
			config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{suite}
		}, nil)
	}
}
