// Package pki makes certificates and certificate requests for tests. It imports nothing of this module, so that tests
// of every package can use it.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// Authority is a certificate authority.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	// PEM is the authority's own certificate.
	PEM []byte
}

// KeyPair is a certificate with its private key, both in PEM.
type KeyPair struct {
	Certificate, Key []byte
}

// validity is how long a certificate is valid unless its template says otherwise. Tests take hours, not years.
const validity = 7 * 24 * time.Hour

// NewAuthority makes a certificate authority.
func NewAuthority(name string) (*Authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	return newAuthority(name, key)
}

// NewRSAAuthority makes a certificate authority with a key of the only kind that Gardener reads as that of a Shoot's
// clients.
func NewRSAAuthority(name string) (*Authority, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return newAuthority(name, key)
}

func newKey() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func newAuthority(name string, key crypto.Signer) (*Authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	certificate, err := sign(template, key.Public(), template, key)
	if err != nil {
		return nil, fmt.Errorf("cannot make the certificate authority %s: %w", name, err)
	}
	return &Authority{certificate, key, encode(certificate)}, nil
}

// Serving issues a serving certificate for hosts on loopback.
func (a *Authority) Serving(name string) (KeyPair, error) {
	return a.Issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		DNSNames:    []string{"localhost", name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// Client issues a client certificate for a user and its groups.
func (a *Authority) Client(user string, groups ...string) (KeyPair, error) {
	return a.Issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// Issue issues a certificate with a new key. What the template says of the serial number is overwritten, its validity
// only where it is not set.
func (a *Authority) Issue(template *x509.Certificate) (KeyPair, error) {
	key, err := newKey()
	if err != nil {
		return KeyPair{}, err
	}
	certificate, err := sign(template, key.Public(), a.certificate, a.key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("cannot issue a certificate for %s: %w", template.Subject.CommonName, err)
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return KeyPair{}, err
	}
	return KeyPair{Certificate: encode(certificate), Key: keyPEM}, nil
}

// SignClient issues the client certificate that a request in PEM asks for.
func (a *Authority) SignClient(request []byte) ([]byte, error) {
	block, _ := pem.Decode(request)
	if block == nil {
		return nil, errors.New("no PEM")
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	if err := r.CheckSignature(); err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:     r.Subject,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	certificate, err := sign(template, r.PublicKey, a.certificate, a.key)
	if err != nil {
		return nil, err
	}
	return encode(certificate), nil
}

// CertificateRequest returns a request for a certificate, in PEM, as a CertificateSigningRequest holds it.
func CertificateRequest(template *x509.CertificateRequest) ([]byte, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

// TLS returns the pair as what a TLS client or server shows.
func (p KeyPair) TLS() (tls.Certificate, error) { return tls.X509KeyPair(p.Certificate, p.Key) }

// Pool returns the authority as a pool of its own.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// KeyPair returns the authority's own certificate and key.
func (a *Authority) KeyPair() (KeyPair, error) {
	key, err := keyutil.MarshalPrivateKeyToPEM(a.key)
	return KeyPair{Certificate: a.PEM, Key: key}, err
}

// Verify returns the subject of a client certificate in PEM that the authority issued.
func (a *Authority) Verify(certificate []byte) (pkix.Name, error) {
	parsed, err := cert.ParseCertsPEM(certificate)
	if err != nil {
		return pkix.Name{}, err
	}
	c := parsed[0]
	_, err = c.Verify(x509.VerifyOptions{Roots: a.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return c.Subject, err
}

// sign has an issuer, which may be the template itself, sign the template with its key.
func sign(template *x509.Certificate, key crypto.PublicKey, issuer *x509.Certificate, issuerKey crypto.Signer) (
	_ *x509.Certificate, err error,
) {
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64)); err != nil {
		return nil, err
	}
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-time.Hour) // also before the end of a certificate that a test lets expire
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(validity)
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, issuer, key, issuerKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(raw)
}

func encode(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
