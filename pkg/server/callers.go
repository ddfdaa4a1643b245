package server

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/apiserver/pkg/server/dynamiccertificates"
)

// callers says who may call the webhooks. It is safe for concurrent use.
type callers struct {
	// ca is nil when everybody may.
	ca dynamiccertificates.CAContentProvider
	// names are the common names that are allowed; empty: all that the CA signed.
	names map[string]bool
	now   func() time.Time
}

// verdict is what was found out about the caller behind a connection.
type verdict struct {
	// code is 0 for a caller that is allowed, else an HTTP status with a message.
	code    int
	message string
	// ends: the caller had a certificate that was good when the connection was made, or has been refused for a while. By now it may
	// have a better one, which only a new connection can show.
	ends bool
	// The verdict holds for these roots, and until then.
	roots *x509.CertPool
	until time.Time
}

// connection remembers the verdict on the caller, whose certificate is the same for all requests of a connection. Verifying it
// takes longer than everything else that a request does.
type connection struct {
	// roots are those that were in force when the connection was made.
	roots   *x509.CertPool
	verdict atomic.Pointer[verdict]
}

type connectionKey struct{}

// withConnection is an http.Server's ConnContext.
func (c *callers) withConnection(ctx context.Context, _ net.Conn) context.Context {
	conn := &connection{}
	if c.ca != nil {
		options, _ := c.ca.VerifyOptions()
		conn.roots = options.Roots
	}
	return context.WithValue(ctx, connectionKey{}, conn)
}

// refusalLasts is how long a refused caller stays refused without another look at its certificate, so that it cannot keep the
// server busy verifying.
const refusalLasts = 10 * time.Second

var allowed = &verdict{}

func (c *callers) check(r *http.Request) *verdict {
	if c.ca == nil {
		return allowed
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return &verdict{code: http.StatusUnauthorized, message: "a client certificate is required"}
	}
	options, ok := c.ca.VerifyOptions()
	if !ok {
		return &verdict{code: http.StatusUnauthorized, message: "the client CA is not loaded"}
	}
	now := c.now()
	conn, _ := r.Context().Value(connectionKey{}).(*connection)
	if conn != nil {
		if v := conn.verdict.Load(); v != nil && v.roots == options.Roots && now.Before(v.until) {
			return v
		}
	}
	options.CurrentTime = now
	v := c.verify(r.TLS.PeerCertificates, options)
	if conn != nil {
		v.ends = v.code != 0 && (conn.roots != options.Roots || conn.verdict.Load() != nil)
		conn.verdict.Store(v)
	}
	return v
}

func (c *callers) verify(certificates []*x509.Certificate, options x509.VerifyOptions) *verdict {
	refused := options.CurrentTime.Add(refusalLasts)
	options.Intermediates = x509.NewCertPool()
	for _, intermediate := range certificates[1:] {
		options.Intermediates.AddCert(intermediate)
	}
	leaf := certificates[0]
	chains, err := leaf.Verify(options)
	if err != nil {
		return &verdict{
			code: http.StatusUnauthorized, message: fmt.Sprintf("the client certificate is not valid: %v", err), roots: options.Roots, until: refused,
		}
	}
	if name := leaf.Subject.CommonName; len(c.names) > 0 && !c.names[name] {
		return &verdict{
			code: http.StatusForbidden, message: fmt.Sprintf("callers named %q are not allowed", name), roots: options.Roots, until: refused,
		}
	}
	// Verified until the first certificate of the chain expires. Another chain may last longer; then it is verified again.
	until := leaf.NotAfter
	for _, certificate := range chains[0] {
		if certificate.NotAfter.Before(until) {
			until = certificate.NotAfter
		}
	}
	return &verdict{roots: options.Roots, until: until}
}
