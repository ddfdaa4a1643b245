package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/graph"
)

// The paths of the webhooks.
const (
	AuthorizerPath = "/webhooks/auth/seed"
	AdmissionPath  = "/webhooks/admission/seedrestriction"
)

// Options configure a Server. Modes, Observe and CompareWith may be left out.
type Options struct {
	// Serving, Metrics and Debug are validated configurations of the three listeners.
	Serving config.Serving
	Metrics config.Metrics
	Debug   config.Debug
	// Authorizer answers SubjectAccessReviews. It must not keep the attributes that it is asked about.
	Authorizer authorizer.UnconditionalAuthorizer
	// Admission answers AdmissionReviews.
	Admission Admission
	// Graph is what the metrics and the debug pages show.
	Graph *graph.Graph
	// WhoCan tells the debug pages who can do what (explain.WhoCan). It must not wait, nor count what it is asked as
	// requests.
	WhoCan func(ctx context.Context, seeds []string, q explain.Question) (allowed, others []explain.Answer)
	// Resources are those that decisions are counted by; all others are counted together.
	Resources []schema.GroupResource
	// NotReady returns why no decision may be made yet, empty when it may. It must not go back from ready to not ready.
	NotReady func() []string
	// Notices returns what is not as it should be while decisions go on, such as lost contact. The verbose list of
	// /readyz has them.
	Notices func() []string
	// Stale returns why what is known is too old to decide on, empty when it is not. Calls are rejected meanwhile.
	Stale func() []string
	// Registry takes the server's metrics and is what /metrics shows.
	Registry *prometheus.Registry
	// Modes are the modes of both halves by their names, for the metrics and the log.
	Modes map[string]string
	// Observe: reviews are answered with no opinion. What the Authorizer decides is only counted, logged and compared.
	Observe bool
	// CompareWith leads to another authorization webhook. It is sent each review that is answered, after its answer and
	// without a hold on it; what it decides otherwise is counted and logged. Nil: there is none.
	CompareWith *rest.Config
}

// Server serves the webhooks, health checks, metrics and debug pages.
type Server struct {
	options      Options
	log          klog.Logger
	rejections   *rejectionLog
	certificates *certificates
	callers      *callers
	metrics      *metrics
	// comparison is nil without Options.CompareWith.
	comparison *comparison

	inFlight atomic.Int64
	// bodies holds the bytes of large bodies in flight.
	bodies   *semaphore.Weighted
	wasReady atomic.Bool
	// draining is closed when the server begins to shut down.
	draining chan struct{}

	// listeners are those of the webhooks, and, nil when they are off, of the metrics and of the debug pages.
	listeners struct{ webhooks, metrics, debug net.Listener }
}

// Limits of the listeners. kube-apiserver sends all its calls over one connection, so a connection may hold as many as
// are answered at a time.
const (
	maxHeaderBytes    = 16 << 10
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 15 * time.Second
	idleTimeout       = 3 * time.Minute
	// drainTimeout bounds how long calls in flight may take to end; none may take longer than webhookTimeout anyway.
	drainTimeout = 10 * time.Second
)

// New returns a server that listens, but answers nobody before Run is called. Run must be called to release what the
// server holds; the context may have ended by then. New panics when its metrics are registered already.
func New(ctx context.Context, options Options) (*Server, error) {
	s := &Server{
		options:    options,
		log:        klog.FromContext(ctx).WithName("server"),
		rejections: newRejectionLog(),
		metrics:    newMetrics(options.Registry, options.Resources),
		draining:   make(chan struct{}),
		bodies:     semaphore.NewWeighted(maxBodiesInFlight),
	}
	s.register()
	var err error
	if s.certificates, err = loadCertificates(ctx, &options.Serving); err != nil {
		return nil, err
	}
	s.callers = newCallers(s.certificates.clientCA, options.Serving.ClientAllowedNames)
	if options.CompareWith != nil {
		s.comparison, err = newComparison(options.CompareWith, s.metrics, s.log)
	}
	if err := errors.Join(err, s.listen()); err != nil {
		s.close(ctx)
		return nil, err
	}
	return s, nil
}

func (s *Server) listen() (err error) {
	listen := func(what, address string) net.Listener {
		if err != nil || address == config.ListenerOff {
			return nil
		}
		listener, failed := net.Listen("tcp", address)
		if failed != nil {
			err = fmt.Errorf("cannot listen for %s: %w", what, failed)
			return nil
		}
		return listener
	}
	serving := s.options.Serving
	s.listeners.webhooks = listen("webhook calls", net.JoinHostPort(serving.BindAddress, strconv.Itoa(serving.SecurePort)))
	s.listeners.metrics = listen("metrics", s.options.Metrics.BindAddress)
	s.listeners.debug = listen("the debug pages", s.options.Debug.BindAddress)
	return err
}

// close releases what New took.
func (s *Server) close(ctx context.Context) {
	for _, listener := range []net.Listener{s.listeners.webhooks, s.listeners.metrics, s.listeners.debug} {
		if listener != nil {
			_ = listener.Close() // nothing was accepted, so nothing is lost
		}
	}
	s.certificates.stop(ctx)
}

// Address returns the address that the webhooks listen on, host:port.
func (s *Server) Address() string { return address(s.listeners.webhooks) }

// MetricsAddress returns the address of the metrics, host:port; empty when they are off.
func (s *Server) MetricsAddress() string { return address(s.listeners.metrics) }

// DebugAddress returns the address of the debug pages, host:port; empty when they are off.
func (s *Server) DebugAddress() string { return address(s.listeners.debug) }

func address(listener net.Listener) string {
	if listener == nil {
		return ""
	}
	return listener.Addr().String()
}

// Run serves until ctx ends, drains, and returns when everything has stopped. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	secure := s.httpServer(withRoom(s.Handler()))
	secure.TLSConfig = s.certificates.config
	secure.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: s.options.Serving.MaxRequestsInFlight}

	// Certificates are followed and metrics are served until the last call is answered, so for longer than ctx.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	failed := make(chan error, 3)
	var running sync.WaitGroup
	running.Go(func() { s.certificates.run(background) })
	if s.comparison != nil {
		running.Go(func() { s.comparison.run(background) })
	}
	running.Go(func() { failed <- secure.ServeTLS(s.listeners.webhooks, "", "") })
	servers := []*http.Server{secure}
	servePlain := func(listener net.Listener, server *http.Server) {
		if listener != nil {
			servers = append(servers, server)
			running.Go(func() { failed <- server.Serve(listener) })
		}
	}
	servePlain(s.listeners.metrics, s.httpServer(s.metricsHandler()))
	pages := s.httpServer(s.debugHandler())
	// A CPU profile takes as long as it is asked to, 30 s by default.
	pages.WriteTimeout = 2 * time.Minute
	// Names may be long, and the pages have them in their addresses.
	pages.MaxHeaderBytes = 0
	servePlain(s.listeners.debug, pages)
	s.log.Info("Serving", "address", s.Address(), "metrics", s.MetricsAddress(), "debug", s.DebugAddress(),
		"modes", s.options.Modes)

	var err error
	select {
	case <-ctx.Done():
		close(s.draining)
		s.log.Info("Shutting down", "delay", s.options.Serving.ShutdownDelay.Duration)
		time.Sleep(s.options.Serving.ShutdownDelay.Duration)
	case err = <-failed:
		close(s.draining)
	}
	deadline, cancel := context.WithTimeout(background, drainTimeout)
	defer cancel()
	for _, server := range servers {
		if undone := server.Shutdown(deadline); undone != nil {
			err = errors.Join(err, fmt.Errorf("calls were cut off: %w", undone), server.Close())
		}
	}
	stop()
	running.Wait()
	s.log.Info("Stopped")
	return err
}

func (s *Server) httpServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       s.callers.withVerdict,
		ErrorLog:          log.New(errorLog{s.log}, "", 0),
	}
}

// errorLog takes what net/http has to say.
type errorLog struct{ log klog.Logger }

func (l errorLog) Write(line []byte) (int, error) {
	message := strings.TrimSpace(string(line))
	// Load balancers and scanners open connections and close them again.
	if strings.HasSuffix(message, ": EOF") {
		l.log.V(4).Info("HTTP server", "message", message)
	} else {
		l.log.Info("HTTP server", "message", message)
	}
	return len(line), nil
}

// Handler returns what the webhooks' listener serves. It is for tests and benchmarks that need no listener.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(AuthorizerPath, &webhook{Server: s, name: "authorizer", maxBody: maxReview, answer: s.answerReview})
	mux.Handle(AdmissionPath, &webhook{Server: s, name: "admission", maxBody: maxAdmission, answer: s.answerAdmission})
	s.installHealth(mux)
	return mux
}

// withRoom has the handler run on a stack on which its work has room. A call begins on a small one, which would grow
// twice while the body is decoded: what is on it by then is copied, frame by frame.
func withRoom(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		makeRoom(0)
		h.ServeHTTP(w, r)
	})
}

// makeRoom needs so much of the stack that it grows.
//
//go:noinline
func makeRoom(at uint8) byte {
	var room [3 << 10]byte
	return room[at]
}

// metricsHandler returns what the listener of the metrics serves.
func (s *Server) metricsHandler() http.Handler {
	mux := http.NewServeMux()
	metrics := promhttp.HandlerOpts{ErrorLog: log.New(errorLog{s.log}, "", 0)}
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.options.Registry, metrics))
	return mux
}

// debugHandler returns what the listener of the debug pages serves.
func (s *Server) debugHandler() http.Handler {
	mux := http.NewServeMux()
	(&debug{Server: s}).register(mux)
	if address, err := netip.ParseAddrPort(s.DebugAddress()); err != nil || !address.Addr().IsLoopback() {
		return mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !localHost(r.Host) {
			http.Error(w, "the debug pages are for this machine: open them as localhost or by an IP address",
				http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// localHost reports whether a page from elsewhere cannot have made a browser ask for this host. A name other than
// localhost may lead to loopback because whoever owns it wants that: the page would then read what it may not.
func localHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil
}
