package attack

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"sync"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
	"github.com/seedguard/seedguard/test/pki"
)

// This file lets the clients ask for certificates as bootstrappers: with each bootstrap token and each ServiceAccount
// for bootstrapping that there is. Those that they have not made themselves they were given.

// newSeed is a Seed of which nothing exists.
const newSeed = "new"

// The subjects that are asked for, by what the certificate would be: that of a Seed's gardenlet, one
// that is a member of a group beside, and one of an extension.
const (
	asGardenlet = "gardenlet"
	asMember    = "member"
	asExtension = "extension"
)

// isBootstrapper reports whether a user is made of the object, who may ask for certificates.
func isBootstrapper(v graph.Vertex) bool {
	return v.Kind == graph.KindSecret && v.Namespace == naming.NamespaceKubeSystem &&
		strings.HasPrefix(v.Name, naming.BootstrapTokenSecretPrefix) ||
		v.Kind == graph.KindServiceAccount && strings.HasPrefix(v.Name, naming.BootstrapServiceAccountPrefix)
}

// bootstrapUser is the user that kube-apiserver makes of a bootstrap token or a ServiceAccount.
func bootstrapUser(v graph.Vertex) *user.DefaultInfo {
	if id, ok := strings.CutPrefix(v.Name, naming.BootstrapTokenSecretPrefix); ok {
		return &user.DefaultInfo{
			Name: identity.BootstrapTokenUserPrefix + id, Groups: []string{"system:bootstrappers", user.AllAuthenticated},
		}
	}
	return &user.DefaultInfo{
		Name:   serviceaccount.MakeUsername(v.Namespace, v.Name),
		Groups: append(serviceaccount.MakeGroupNames(v.Namespace), user.AllAuthenticated),
	}
}

// authenticates reports whether there is what the bootstrapper shows. RBAC allows it to ask for certificates: that
// there may be no ClusterRoleBinding makes it only harder for the clients.
func (g *game) authenticates(v graph.Vertex) bool {
	o := g.objects[v]
	if o == nil {
		return false
	}
	secret, ok := o.typed.(*corev1.Secret)
	return !ok || secret.Type == corev1.SecretTypeBootstrapToken
}

// bootstrap chooses a certificate request of a bootstrapper.
func (p *planner) bootstrap() Move {
	request := certificateRequest(
		pick(p, asGardenlet, asGardenlet, asGardenlet, asMember, asExtension),
		pick(p, append([]string{newSeed}, seeds...)...),
	)
	// Gardenlets let the API server make up the name.
	v := vertexOf(graph.KindCertificateSigningRequest, "", fmt.Sprintf("seed-csr-%d", p.random.IntN(1<<20)))
	return Move{
		Client: identity.Bootstrapper, As: pick(p, p.bootstrappers...), Operation: admission.Create, Vertex: v,
		Body: header(v, fromYAML(`{spec: {request: `+request+`, signerName: kubernetes.io/kube-apiserver-client,
			usages: [key encipherment, digital signature, client auth]}}`)),
	}
}

// raise notes the Seeds that the clients bring up now. A token that they have made meanwhile stays good.
func (g *game) raise() {
	for _, seed := range seeds {
		managedSeed := inGarden(graph.KindManagedSeed, seed)
		if g.bootstraps(managedSeed) && g.mayBootstrap(g.Get(managedSeed)) {
			g.raised[seed] = true
		}
	}
}

// certificate says why a bootstrapper must not have the certificate that it asks for.
func (g *game) certificate(m Move, o *certificatesv1.CertificateSigningRequest) string {
	block, _ := pem.Decode(o.Spec.Request)
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		panic(err) // it is the planner's own
	}
	seed, isGardenlet := strings.CutPrefix(request.Subject.CommonName, "gardener.cloud:system:seed:")
	if !isGardenlet || len(request.Subject.Organization) != 1 {
		return "a bootstrapper's certificate is for more than a gardenlet's: " + request.Subject.String()
	}
	if seed == g.seed || g.raised[seed] {
		return ""
	}
	by := g.objects[m.As]
	switch {
	case by.own:
		return fmt.Sprintf("with %s, which they have made, the clients get the certificate of Seed %s", by.Vertex, seed)
	case by.Kind == graph.KindServiceAccount && g.Get(vertexOf(graph.KindManagedSeed, by.Namespace, seed)) != nil &&
		by.Name == naming.BootstrapServiceAccount(seed):
		return ""
	case by.Kind == graph.KindSecret && g.isTokenFor(by, seed):
		return ""
	}
	return fmt.Sprintf("%s, which was given to the clients, is not for the certificate of Seed %s", by.Vertex, seed)
}

// isTokenFor reports whether a bootstrap token that others have made is for a Seed.
func (g *game) isTokenFor(token *object, seed string) bool {
	parents := []graph.Vertex{inGarden(graph.KindManagedSeed, seed), inGarden(graph.KindGardenlet, seed)}
	parents = slices.DeleteFunc(parents, func(v graph.Vertex) bool { return g.objects[v] == nil })
	if !g.isOperators(token) {
		return len(parents) > 0 && token.Name == naming.BootstrapTokenSecret(naming.NamespaceGarden, seed)
	}
	o := g.Get(vertexOf(graph.KindSeed, "", seed))
	if o == nil {
		return len(parents) == 0
	}
	expires := o.Facts.(garden.SeedFacts).ClientCertificateExpiration
	return len(parents) == 0 && !expires.IsZero() && expires.Before(Now)
}

// isOperators reports whether an operator has made a token for a Seed that nothing in the garden makes tokens for. One
// that cannot be read counts as such when it has the id of nothing that exists.
func (g *game) isOperators(token *object) bool {
	if !g.hidesTokens {
		return token.Name == operatorsToken
	}
	for v := range g.objects {
		if (v.Kind == graph.KindManagedSeed || v.Kind == graph.KindGardenlet) && bootstrapToken(v).Name == token.Name {
			return false
		}
	}
	return true
}

// certificateRequest returns a request for a client certificate of a Seed, the same at every call.
func certificateRequest(as, seed string) string {
	requestsMu.Lock()
	defer requestsMu.Unlock()
	key := as + " of " + seed
	if requests[key] == "" {
		subject := pkix.Name{
			Organization: []string{"gardener.cloud:system:seeds"}, CommonName: "gardener.cloud:system:seed:" + seed,
		}
		switch as {
		case asMember:
			subject.Organization = append(subject.Organization, "gardener.cloud:system:shoots")
		case asExtension:
			namespace := naming.SeedNamespace(seed)
			subject = pkix.Name{
				Organization: serviceaccount.MakeGroupNames(namespace),
				CommonName:   serviceaccount.MakeUsername(namespace, "extension-x"),
			}
		}
		request, err := pki.CertificateRequest(&x509.CertificateRequest{Subject: subject})
		if err != nil {
			panic(err)
		}
		requests[key] = base64.StdEncoding.EncodeToString(request)
	}
	return requests[key]
}

var (
	requestsMu sync.Mutex
	requests   = map[string]string{}
)
