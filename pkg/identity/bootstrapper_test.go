package identity

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apiserver/pkg/authentication/user"
)

func TestBootstrapperFrom(t *testing.T) {
	const bootstrappers, inGarden = "system:bootstrappers", "system:serviceaccounts:garden"
	token, account, nobody := BootstrapUser{
		TokenID: "abc123",
	}, BootstrapUser{
		Namespace: "garden",
		Name:      "m",
	}, BootstrapUser{}
	for _, c := range []struct {
		about, user string
		groups      []string
		want        BootstrapUser
	}{
		{"token", "system:bootstrap:abc123", []string{bootstrappers}, token},
		{"token with extra groups", "system:bootstrap:abc123", []string{"system:bootstrappers:x", bootstrappers}, token},
		{"token in the seeds group", "system:bootstrap:abc123", []string{bootstrappers, seeds}, token},
		{"token without its group", "system:bootstrap:abc123", []string{"system:bootstrappers:x"}, nobody},
		{"id too short", "system:bootstrap:abc12", []string{bootstrappers}, nobody},
		{"id too long", "system:bootstrap:abc1234", []string{bootstrappers}, nobody},
		{"id in capitals", "system:bootstrap:ABC123", []string{bootstrappers}, nobody},
		{"id of other letters", "system:bootstrap:abc1é", []string{bootstrappers}, nobody},
		{"id with a slash", "system:bootstrap:../abc", []string{bootstrappers}, nobody},
		{"no id", "system:bootstrap:", []string{bootstrappers}, nobody},
		{"something before the prefix", "xsystem:bootstrap:abc123", []string{bootstrappers}, nobody},
		{"another name in the group", "jane", []string{bootstrappers}, nobody},

		{"ServiceAccount", "system:serviceaccount:garden:gardenlet-bootstrap-m", []string{accounts, inGarden}, account},
		{"ServiceAccount with dashes in its name", "system:serviceaccount:garden:gardenlet-bootstrap-m-n",
			[]string{inGarden, accounts}, BootstrapUser{Namespace: "garden", Name: "m-n"}},
		{"ServiceAccount in a Seed's namespace", "system:serviceaccount:seed-a:gardenlet-bootstrap-m",
			[]string{accounts, inSeedA}, BootstrapUser{Namespace: "seed-a", Name: "m"}},
		{"ServiceAccount of no name", "system:serviceaccount:garden:gardenlet-bootstrap-", []string{accounts, inGarden},
			nobody},
		{"ServiceAccount of no namespace", "system:serviceaccount::gardenlet-bootstrap-m",
			[]string{accounts, "system:serviceaccounts:"}, nobody},
		{"ServiceAccount of another name", "system:serviceaccount:garden:gardenlet", []string{accounts, inGarden}, nobody},
		{"ServiceAccount with one part too many", "system:serviceaccount:garden:gardenlet-bootstrap-m:n",
			[]string{accounts, inGarden}, nobody},
		{"ServiceAccount of another namespace than its group's", "system:serviceaccount:garden:gardenlet-bootstrap-m",
			[]string{accounts, inSeedA}, nobody},
		{"ServiceAccount without the group of all", "system:serviceaccount:garden:gardenlet-bootstrap-m", []string{inGarden},
			nobody},
		{"ServiceAccount without groups", "system:serviceaccount:garden:gardenlet-bootstrap-m", nil, nobody},
		{"plain name", "gardenlet-bootstrap-m", []string{accounts, inGarden}, nobody},
	} {
		u := &user.DefaultInfo{Name: c.user, Groups: c.groups}
		got, ok := BootstrapperFrom(u)
		require.Equal(t, c.want, got, c.about)
		require.Equal(t, c.want != nobody, ok, c.about)
		_, ok = From(u)
		require.False(t, ok, "%s: no seed client", c.about)
		require.Zero(t, testing.AllocsPerRun(10, func() { BootstrapperFrom(u) }), c.about)
	}
	_, ok := BootstrapperFrom(nil)
	require.False(t, ok)
	_, ok = BootstrapperFrom(&user.DefaultInfo{Name: seedUser + "a", Groups: []string{seeds, bootstrappers}})
	require.False(t, ok, "a gardenlet with its own certificate")
}

// TestClientOfCertificateRequest: a request is one for a seed client's certificate by its subject, whatever else is
// in it.
func TestClientOfCertificateRequest(t *testing.T) {
	type csr = x509.CertificateRequest
	gardenletA := Client{Kind: Gardenlet, Seed: "a"}
	for about, c := range map[string]struct {
		change func(*csr)
		want   Client
	}{
		"for a Seed":                 {nil, gardenletA},
		"with a URI":                 {func(r *csr) { r.URIs = []*url.URL{{Scheme: "spiffe", Host: "a"}} }, gardenletA},
		"with a DNS name":            {func(r *csr) { r.DNSNames = []string{"a"} }, gardenletA},
		"with one more organization": {func(r *csr) { r.Subject.Organization = []string{"x", seeds} }, gardenletA},
		"with another organization":  {func(r *csr) { r.Subject.Organization = []string{"x"} }, Client{}},
		"with another common name":   {func(r *csr) { r.Subject.CommonName = "x" }, Client{}},
		"for a self-hosted Shoot": {func(r *csr) {
			r.Subject = pkix.Name{Organization: []string{"gardener.cloud:system:shoots"},
				CommonName: "gardener.cloud:system:shoot:n:s"}
		}, Client{}},
		"for a node": {func(r *csr) {
			r.Subject = pkix.Name{Organization: []string{"system:nodes"}, CommonName: "system:node:n"}
		}, Client{}},
		"for an extension of a Seed": {func(r *csr) {
			r.Subject = pkix.Name{Organization: []string{accounts, inSeedA},
				CommonName: "system:serviceaccount:seed-a:extension-x"}
		}, Client{Extension, "a", "x"}},
	} {
		got, ok := ClientOfCertificateRequest(request(t, c.change))
		require.Equal(t, c.want, got, about)
		require.Equal(t, c.want != Client{}, ok, about)
	}
	for _, garbage := range [][]byte{nil, []byte("x"),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte("x")})} {
		_, ok := ClientOfCertificateRequest(garbage)
		require.False(t, ok)
	}
}
