package server

import (
	"context"
	stdx509 "crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/request/x509"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
)

// callers knows who may call the webhooks. It is safe for concurrent use.
type callers struct {
	// ca is nil when everybody may call.
	ca dynamiccertificates.CAContentProvider
	// names are the common names that are allowed. When it is empty, all that the CA signed may call.
	names         sets.Set[string]
	authenticator authenticator.Request
}

func newCallers(ca dynamiccertificates.CAContentProvider, names []string) *callers {
	c := &callers{ca: ca, names: sets.New(names...)}
	if ca != nil {
		c.authenticator = x509.NewDynamic(ca.VerifyOptions, x509.UserConversionFunc(commonName))
	}
	return c
}

// commonName is the user of a certificate. Other than x509.CommonNameUserConversion it accepts an empty name, because
// without allowed names nobody asks for it.
func commonName(chain []*stdx509.Certificate) (*authenticator.Response, bool, error) {
	return &authenticator.Response{User: &user.DefaultInfo{Name: chain[0].Subject.CommonName}}, true, nil
}

// verdict is what was found out about the caller behind a connection. It holds for these roots, and until then.
type verdict struct {
	rejected *rejection
	roots    *stdx509.CertPool
	until    time.Time
}

// lastVerdict is the key of a connection's last verdict in the contexts of its calls. The certificate is the same for
// all of them, and to verify it for each takes longer than everything else in a call.
type lastVerdict struct{}

// withVerdict is an http.Server's ConnContext. The first verdict says only which roots were in force.
func (c *callers) withVerdict(ctx context.Context, _ net.Conn) context.Context {
	v := &atomic.Pointer[verdict]{}
	if c.ca != nil {
		options, _ := c.ca.VerifyOptions()
		v.Store(&verdict{roots: options.Roots})
	}
	return context.WithValue(ctx, lastVerdict{}, v)
}

// verdictLasts is how long a verdict is not looked into again. It is long enough that a rejected caller cannot keep the
// server busy verifying, and short enough that an intermediate certificate may expire meanwhile.
const verdictLasts = 10 * time.Second

// check returns why the caller may not call, nil when it may.
func (c *callers) check(w http.ResponseWriter, r *http.Request) *rejection {
	if c.ca == nil {
		return nil
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return &rejection{http.StatusUnauthorized, "caller", "a client certificate is required"}
	}
	remembered, ok := r.Context().Value(lastVerdict{}).(*atomic.Pointer[verdict])
	if !ok { // without a listener
		return c.verify(r)
	}
	options, _ := c.ca.VerifyOptions()
	now, last := time.Now(), remembered.Load()
	if last.roots == options.Roots && now.Before(last.until) {
		return last.rejected
	}
	v := &verdict{rejected: c.verify(r), roots: options.Roots, until: now.Add(verdictLasts)}
	if expires := r.TLS.PeerCertificates[0].NotAfter; v.rejected == nil && expires.Before(v.until) {
		v.until = expires
	}
	remembered.Store(v)
	if v.rejected != nil && (last.roots != options.Roots || !last.until.IsZero()) {
		// The certificate was good once, or was rejected a while ago. By now the caller may have a better one, which only a
		// new connection can show.
		w.Header().Set("Connection", "close")
	}
	return v.rejected
}

func (c *callers) verify(r *http.Request) *rejection {
	caller, ok, err := c.authenticator.AuthenticateRequest(r)
	switch {
	case err != nil:
		message := fmt.Sprintf("the client certificate is not valid: %v", err)
		return &rejection{http.StatusUnauthorized, "caller", message}
	case !ok:
		return &rejection{http.StatusUnauthorized, "caller", "the client CA is not loaded"}
	case len(c.names) > 0 && !c.names.Has(caller.User.GetName()):
		message := fmt.Sprintf("callers named %q are not allowed", caller.User.GetName())
		return &rejection{http.StatusForbidden, "caller", message}
	}
	return nil
}
