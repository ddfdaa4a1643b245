package identity

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/authentication/user"
)

// SeedOfCertificateRequest returns the Seed that a CertificateSigningRequest asks a seed client certificate for.
// request is PEM, as in spec.request. The error says in which way it is no such request.
func SeedOfCertificateRequest(request []byte, usages []certificatesv1.KeyUsage) (string, error) {
	block, _ := pem.Decode(request)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return "", errors.New("spec.request is not a PEM block of type CERTIFICATE REQUEST")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("spec.request cannot be parsed: %w", err)
	}
	if !slices.Equal(csr.Subject.Organization, []string{constants.SeedsGroup}) {
		return "", fmt.Errorf("subject's organization must be exactly %q", constants.SeedsGroup)
	}
	seed, ok := strings.CutPrefix(csr.Subject.CommonName, constants.SeedUserNamePrefix)
	if !ok || seed == "" {
		return "", fmt.Errorf("subject's common name must be %s<seed>", constants.SeedUserNamePrefix)
	}
	if len(csr.DNSNames) > 0 || len(csr.EmailAddresses) > 0 || len(csr.IPAddresses) > 0 || len(csr.URIs) > 0 {
		return "", errors.New("subject alternative names are not allowed")
	}
	wanted := []certificatesv1.KeyUsage{
		certificatesv1.UsageClientAuth, certificatesv1.UsageDigitalSignature, certificatesv1.UsageKeyEncipherment,
	}
	if !sets.New(usages...).Equal(sets.New(wanted...)) {
		return "", fmt.Errorf("usages must be exactly %q", wanted)
	}
	return seed, nil
}

// ClientOfCertificateRequest returns the seed client that the holder of the certificate would be that a
// CertificateSigningRequest asks for, and false when it would be none. Other than SeedOfCertificateRequest it looks
// at the subject alone: whoever approves requests may be less strict about the rest.
func ClientOfCertificateRequest(request []byte) (Client, bool) {
	block, _ := pem.Decode(request)
	if block == nil {
		return Client{}, false
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return Client{}, false
	}
	return From(&user.DefaultInfo{Name: csr.Subject.CommonName, Groups: csr.Subject.Organization})
}
