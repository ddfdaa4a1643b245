package admission

import (
	"context"
	"errors"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apiserver/pkg/admission"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file holds what decides on the certificate requests of bootstrappers. A bootstrapper gets the client
// certificate of the one Seed that its token or ServiceAccount is for. Whether bootstrapping is still allowed does
// not count: the client that made the token for it may end that before it asks.

// Bootstrappers returns the rule for certificate requests of bootstrappers. Their other requests are no business of
// this package. Like all that guards references, it is not applied with ReferencesOff.
func Bootstrappers() Rule { return bootstrappers }

var bootstrappers = Rule{
	Kind: graph.KindCertificateSigningRequest, Operations: on(create),
	Clients: []identity.ClientKind{identity.Bootstrapper}, check: byObject(checkBootstrappedSeed),
	LooksUp: kinds(graph.KindManagedSeed, graph.KindGardenlet, graph.KindSeed),
	Allowed: "it asks for a client certificate of the Seed that its bootstrap token or ServiceAccount is for, by the " +
		"ManagedSeed or Gardenlet of that name; or, with a token that an operator made, of a Seed that has neither and " +
		"that does not exist, has an expired client certificate, or is annotated " +
		"gardener.cloud/operation=renew-kubeconfig",
}

// certificateRequests are the requests that the rule is for.
var certificateRequests = keyOf(of(bootstrappers.Kind), create)

// bootstrapper is the user of a bootstrapper's certificate request.
type bootstrapper struct {
	identity.BootstrapUser
	// description is that of its bootstrap token, nil when the token's Secret may not be read.
	description *string
}

// ofBootstrapper reports whether the request is a certificate request of a bootstrapper, which Bootstrappers decides.
func (p *Plugin) ofBootstrapper(a admission.Attributes) (identity.BootstrapUser, bool) {
	if p.policy.References == ReferencesOff || keyFor(a) != certificateRequests {
		return identity.BootstrapUser{}, false
	}
	return identity.BootstrapperFrom(a.GetUserInfo())
}

// checkBootstrapper decides on a bootstrapper's certificate request.
func (p *Plugin) checkBootstrapper(ctx context.Context, d *decision, interfaces admission.ObjectInterfaces) error {
	d.kind, d.rule = bootstrappers.Kind, &bootstrappers
	if err := d.known(interfaces); err != nil {
		return err
	}
	if err := d.decode(interfaces); err != nil {
		return err
	}
	asked := d.object.(*certificatesv1.CertificateSigningRequest)
	if _, ok := identity.ClientOfCertificateRequest(asked.Spec.Request); !ok {
		return nil
	}
	if err := d.readToken(ctx); err != nil {
		return err
	}
	return p.rechecked(ctx, d)
}

// readToken reads what the bootstrapper's token is for. The description is no watched object, so it is read before a
// decision and not after.
func (d *decision) readToken(ctx context.Context) error {
	if d.bootstrapper.TokenID == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	description, found, err := d.reader.BootstrapTokenDescription(ctx, d.readsAs(), d.bootstrapper.TokenID)
	switch {
	case errors.Is(err, garden.ErrNotAvailable):
		return nil
	case err != nil:
		return lookUpFailed(d.tokenSecret(), err)
	case !found:
		return reference(notFound(d.tokenSecret()))
	}
	d.bootstrapper.description = &description
	return nil
}

func (d *decision) tokenSecret() graph.Vertex {
	return graph.Vertex{
		Kind: graph.KindSecret, Namespace: naming.NamespaceKubeSystem,
		Name: naming.BootstrapTokenSecretPrefix + d.bootstrapper.TokenID,
	}
}

// checkBootstrappedSeed allows a request for the client certificate of the Seed that the bootstrapper is for.
func checkBootstrappedSeed(d *decision, o, _ *certificatesv1.CertificateSigningRequest) error {
	client, _ := identity.ClientOfCertificateRequest(o.Spec.Request)
	seed, err := identity.SeedOfCertificateRequest(o.Spec.Request, o.Spec.Usages)
	if err != nil {
		return reference(forbidden("it would make its holder a client of Seed %q, but %v", client.Seed, err))
	}
	if d.bootstrapper.TokenID == "" {
		return reference(d.bootstraps(graph.Vertex{
			Kind: graph.KindManagedSeed, Namespace: d.bootstrapper.Namespace, Name: d.bootstrapper.Name,
		}, seed))
	}
	if d.bootstrapper.description == nil {
		return reference(d.tokenByID(seed))
	}
	return reference(d.tokenByDescription(*d.bootstrapper.description, seed))
}

// bootstraps allows a certificate for the Seed of the name of v, a ManagedSeed or Gardenlet that must exist.
func (d *decision) bootstraps(v graph.Vertex, seed string) error {
	if v.Name != seed || ofShoot(v) {
		return forbidden("it is for Seed %q, and the client bootstraps for %s", seed, v)
	}
	_, err := d.existing(v)
	return err
}

// ofShoot reports whether v is the Gardenlet of a self-hosted Shoot, which is that of no Seed.
func ofShoot(v graph.Vertex) bool {
	return v.Kind == graph.KindGardenlet && strings.HasPrefix(v.Name, naming.SelfHostedShootPrefix)
}

// shootTokenPrefix starts the description of a token with which a self-hosted Shoot is connected to the garden.
const shootTokenPrefix = "Used for connecting the self-hosted Shoot " // #nosec G101 -- a description

// tokenByDescription decides by what the token's description says.
func (d *decision) tokenByDescription(description, seed string) error {
	target, ok := tokenTarget(description)
	switch {
	case strings.HasPrefix(description, shootTokenPrefix):
		return forbidden("the bootstrap token is for a Shoot")
	case !ok && strings.HasPrefix(description, tokenDescriptionPrefix):
		return forbidden("the bootstrap token is neither for a ManagedSeed nor for a Gardenlet")
	case !ok:
		return d.operatorsToken(seed)
	case !d.isFor(target):
		return forbidden("the bootstrap token does not have the id of one for %s, which its description names", target)
	}
	return d.bootstraps(target, seed)
}

// tokenByID decides by the token's id alone.
func (d *decision) tokenByID(seed string) error {
	for _, v := range bootstrappedAs(seed) {
		if d.isFor(v) && d.bootstraps(v, seed) == nil {
			return nil
		}
	}
	var other error
	for _, kind := range []graph.Kind{graph.KindManagedSeed, graph.KindGardenlet} {
		for _, o := range d.list(kind) {
			if !d.isFor(o.Vertex) {
				continue
			}
			// Ids are short, so two objects may have the same.
			if other = d.bootstraps(o.Vertex, seed); other == nil {
				return nil
			}
		}
	}
	if other != nil {
		return other
	}
	return d.operatorsToken(seed)
}

// bootstrappedAs returns what Gardener makes bootstrap tokens for a Seed by, in namespace garden.
func bootstrappedAs(seed string) []graph.Vertex {
	return []graph.Vertex{
		{Kind: graph.KindManagedSeed, Namespace: naming.NamespaceGarden, Name: seed},
		{Kind: graph.KindGardenlet, Namespace: naming.NamespaceGarden, Name: seed},
	}
}

// isFor reports whether the token has the id of one for v.
func (d *decision) isFor(v graph.Vertex) bool {
	return naming.BootstrapTokenID(v.Namespace, v.Name) == d.bootstrapper.TokenID
}

// operatorsToken allows a token that an operator made for a Seed that nothing in the garden makes tokens for, as long
// as nobody is its gardenlet, or an operator has asked for it.
func (d *decision) operatorsToken(seed string) error {
	for _, v := range bootstrappedAs(seed) {
		if d.get(v) != nil {
			return forbidden("it is for Seed %q, for which %s exists, and the bootstrap token is not for that", seed, v)
		}
	}
	v := graph.Vertex{Kind: graph.KindSeed, Name: seed}
	existing := d.get(v)
	if existing == nil {
		return nil
	}
	facts := existing.Facts.(garden.SeedFacts)
	expiration := facts.ClientCertificateExpiration
	if facts.RenewKubeconfig || !expiration.IsZero() && !expiration.After(d.now) {
		return nil
	}
	return forbidden("%s exists, its client certificate has not expired, and it is not annotated "+
		"gardener.cloud/operation=renew-kubeconfig", v)
}
