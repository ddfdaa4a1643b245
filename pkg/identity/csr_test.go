package identity

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"net"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	certificatesv1 "k8s.io/api/certificates/v1"

	"github.com/seedguard/seedguard/test/pki"
)

const seedUser = "gardener.cloud:system:seed:"

var goodUsages = []certificatesv1.KeyUsage{"key encipherment", "digital signature", "client auth"}

// request returns a certificate request for the Seed a in PEM, after change.
func request(t testing.TB, change func(*x509.CertificateRequest)) []byte {
	t.Helper()
	template := &x509.CertificateRequest{Subject: pkix.Name{Organization: []string{seeds}, CommonName: seedUser + "a"}}
	if change != nil {
		change(template)
	}
	encoded, err := pki.CertificateRequest(template)
	require.NoError(t, err)
	return encoded
}

func TestSeedOfCertificateRequest(t *testing.T) {
	type csr = x509.CertificateRequest
	type usages = []certificatesv1.KeyUsage
	for _, c := range []struct {
		about  string
		change func(*csr)
		usages usages
		want   string
		err    string
	}{
		{"for a Seed", nil, goodUsages, "a", ""},
		{"usages in another order", nil, usages{"client auth", "key encipherment", "digital signature"}, "a", ""},
		{"a usage twice", nil, append(usages{"client auth"}, goodUsages...), "a", ""},
		{"for another Seed", func(r *csr) { r.Subject.CommonName = seedUser + "b" }, goodUsages, "b", ""},
		{"no Seed", func(r *csr) { r.Subject.CommonName = seedUser }, goodUsages, "", "common name"},
		{"no common name", func(r *csr) { r.Subject.CommonName = "" }, goodUsages, "", "common name"},
		{"another common name", func(r *csr) { r.Subject.CommonName = "system:node:a" }, goodUsages, "", "common name"},
		{"prefix within the common name", func(r *csr) {
			r.Subject.CommonName = "x" + seedUser + "a"
		}, goodUsages, "", "common name"},
		{"no organization", func(r *csr) { r.Subject.Organization = nil }, goodUsages, "", "organization"},
		{"another organization", func(r *csr) {
			r.Subject.Organization = []string{"system:masters"}
		}, goodUsages, "", "organization"},
		{"one more organization", func(r *csr) {
			r.Subject.Organization = []string{seeds, "system:masters"}
		}, goodUsages, "", "organization"},
		{"the organization twice", func(r *csr) {
			r.Subject.Organization = []string{seeds, seeds}
		}, goodUsages, "", "organization"},
		{"one more organization by an attribute of its own", func(r *csr) {
			r.Subject.ExtraNames = []pkix.AttributeTypeAndValue{
				{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: "system:masters"},
			}
		}, goodUsages, "", "organization"},
		{"DNS name", func(r *csr) { r.DNSNames = []string{"a"} }, goodUsages, "", "alternative names"},
		{"e-mail address", func(r *csr) { r.EmailAddresses = []string{"a@b"} }, goodUsages, "", "alternative names"},
		{"IP address", func(r *csr) { r.IPAddresses = []net.IP{net.IPv4(1, 2, 3, 4)} }, goodUsages, "", "alternative names"},
		{"URI", func(r *csr) { r.URIs = []*url.URL{{Scheme: "spiffe", Host: "a"}} }, goodUsages, "", "alternative names"},
		{"no usages", nil, nil, "", "usages must be"},
		{"a usage too few", nil, goodUsages[1:], "", "usages must be"},
		{"a usage too many", nil, append(usages{"server auth"}, goodUsages...), "", "usages must be"},
		{"another usage instead", nil, usages{"key encipherment", "digital signature", "server auth"}, "", "usages must be"},
	} {
		t.Run(c.about, func(t *testing.T) {
			given := slices.Clone(c.usages)
			got, err := SeedOfCertificateRequest(request(t, c.change), given)
			require.Equal(t, c.want, got)
			require.Equal(t, c.usages, given, "the usages are the caller's")
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
		})
	}
}

func TestSeedOfCertificateRequestNotPEM(t *testing.T) {
	good := request(t, nil)
	block, _ := pem.Decode(good)
	other := request(t, func(r *x509.CertificateRequest) { r.Subject.CommonName = seedUser + "b" })
	for about, c := range map[string]struct {
		request []byte
		err     string
	}{
		"nothing":      {nil, "is not a PEM block"},
		"text":         {[]byte("hello"), "is not a PEM block"},
		"DER alone":    {block.Bytes, "is not a PEM block"},
		"another type": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}), "is not a PEM block"},
		"an older type": {pem.EncodeToMemory(&pem.Block{Type: "NEW CERTIFICATE REQUEST", Bytes: block.Bytes}),
			"is not a PEM block"},
		"truncated": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: block.Bytes[:20]}),
			"cannot be parsed"},
		"trailing bytes": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST",
			Bytes: append(slices.Clone(block.Bytes), 0)}), "cannot be parsed"},
	} {
		seed, err := SeedOfCertificateRequest(c.request, goodUsages)
		require.ErrorContains(t, err, c.err, about)
		require.Empty(t, seed, about)
	}
	// The signer of kube-controller-manager reads the first block alone, too.
	seed, err := SeedOfCertificateRequest(append(slices.Clone(good), other...), goodUsages)
	require.NoError(t, err)
	require.Equal(t, "a", seed)
}

// FuzzSeedOfCertificateRequest: no bytes crash the parser, and whatever it takes for a request of a Seed would make a
// gardenlet of exactly this Seed, and nothing beside.
func FuzzSeedOfCertificateRequest(f *testing.F) {
	f.Add(request(f, nil))
	f.Add(request(f, func(r *x509.CertificateRequest) { r.DNSNames = []string{"a"} }))
	f.Add(request(f, func(r *x509.CertificateRequest) { r.Subject.Organization = []string{seeds, "x"} }))
	der, _ := pem.Decode(request(f, nil))
	f.Add(der.Bytes)
	f.Add([]byte("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		// As it is, and as DER, with which the fuzzer gets further.
		for _, request := range [][]byte{body, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: body})} {
			seed, err := SeedOfCertificateRequest(request, goodUsages)
			if err != nil {
				require.Empty(t, seed)
				continue
			}
			require.NotEmpty(t, seed)
			block, _ := pem.Decode(request)
			csr, err := x509.ParseCertificateRequest(block.Bytes)
			require.NoError(t, err)
			require.Equal(t, seedUser+seed, csr.Subject.CommonName)
			require.Equal(t, []string{seeds}, csr.Subject.Organization)
		}
	})
}
