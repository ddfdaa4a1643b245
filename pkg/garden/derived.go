package garden

import (
	"time"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file holds the edges that need more than the object itself: a second object, or the clock.

var (
	shootIssuerField = Field{
		Path: "metadata.annotations[" + constants.AnnotationAuthenticationIssuer + "]", From: kinds(graph.KindSecret),
		Note: "when it is managed: gardener-system-shoot-issuer/<project>--<UID of the Shoot>, " +
			"of the Project of the namespace",
	}
	gardenletBootstrapField = Field{
		Path: "metadata.name", From: kinds(graph.KindSecret),
		Note: "while bootstrapping is allowed: kube-system/bootstrap-token-<id>",
	}
	managedSeedBootstrapField = Field{
		Path: "spec.gardenlet.bootstrap",
		From: kinds(graph.KindSecret, graph.KindServiceAccount, graph.KindClusterRoleBinding),
		Note: "while bootstrapping is allowed: kube-system/bootstrap-token-<id>, or gardenlet-bootstrap-<name> with its " +
			"ClusterRoleBinding",
	}
)

// indexed returns the values of the index by which `watch.by` finds the object: what it refers to in namespace garden,
// as Vertex.String prints it, and what the objects that depend on it, or on which it depends, know about it. The one
// holds slashes, the other does not.
func indexed(o *Object) (values []string) {
	for _, e := range o.Edges() {
		if e.From.Namespace == naming.NamespaceGarden && e.From != o.Vertex {
			values = append(values, e.From.String())
		}
	}
	switch o.Kind {
	case graph.KindProject:
		if namespace := o.To(graph.KindNamespace); namespace != "" {
			values = append(values, namespace)
		}
	case graph.KindShoot:
		if o.Facts.(ShootFacts).ManagedIssuer {
			values = append(values, o.Namespace)
		}
	case graph.KindManagedSeed, graph.KindGardenlet:
		values = append(values, o.Name)
	default:
	}
	return values
}

// shootIssuerSecrets returns the Secret with a managed issuer's documents, whose name holds that of the Shoot's
// Project.
func shootIssuerSecrets(g *Garden, shoot *Object, _ time.Time) (secrets []graph.Vertex, _ time.Time) {
	if !shoot.Facts.(ShootFacts).ManagedIssuer || shoot.UID == "" {
		return nil, time.Time{}
	}
	for _, project := range g.by(graph.KindProject, shoot.Namespace) {
		secrets = append(secrets, vertex(graph.KindSecret, gardencorev1beta1.GardenerShootIssuerNamespace,
			naming.ShootIssuerSecret(project.Name, shoot.UID)))
	}
	return secrets, time.Time{}
}

// shootsOfProject returns the Shoots whose issuer Secret is named after the Project.
func shootsOfProject(g *Garden, project *Object) []*Object {
	return g.by(graph.KindShoot, project.To(graph.KindNamespace))
}

// bootstrap returns what the gardenlet of a ManagedSeed or Gardenlet bootstraps with, while that is allowed.
func bootstrap(g *Garden, o *Object, now time.Time) (with []graph.Vertex, next time.Time) {
	seed := g.Get(graph.Vertex{Kind: graph.KindSeed, Name: o.Name})
	allowed, next := BootstrapAllowed(o, seed, now)
	if !allowed {
		return nil, next
	}
	switch o.Facts.(SeedFacts).Bootstrap {
	case seedmanagementv1alpha1.BootstrapToken:
		with = append(with, vertex(graph.KindSecret, naming.NamespaceKubeSystem,
			naming.BootstrapTokenSecret(o.Namespace, o.Name)))
	case seedmanagementv1alpha1.BootstrapServiceAccount:
		with = append(with, vertex(graph.KindServiceAccount, o.Namespace, naming.BootstrapServiceAccount(o.Name)),
			vertex(graph.KindClusterRoleBinding, "", naming.BootstrapClusterRoleBinding(o.Namespace, o.Name)))
	case seedmanagementv1alpha1.BootstrapNone:
	}
	return with, next
}

// bootstrappedAs returns the ManagedSeeds and Gardenlets that bootstrap as the Seed.
func bootstrappedAs(g *Garden, seed *Object) []*Object {
	return append(g.by(graph.KindManagedSeed, seed.Name), g.by(graph.KindGardenlet, seed.Name)...)
}

// BootstrapAllowed reports whether the gardenlet of a ManagedSeed or Gardenlet may bootstrap now: its Seed's client
// certificate has expired, a new kubeconfig is asked for, or, for a ManagedSeed alone, the Seed does not exist. seed is
// the Seed of the same name, nil when it does not exist. next is when the answer changes by the clock alone, zero when
// it does not.
func BootstrapAllowed(o, seed *Object, now time.Time) (allowed bool, next time.Time) {
	if seed == nil {
		return o.Kind == graph.KindManagedSeed, time.Time{}
	}
	if o.Facts.(SeedFacts).RenewKubeconfig {
		return true, time.Time{}
	}
	expiration := seed.Facts.(SeedFacts).ClientCertificateExpiration
	if expiration.IsZero() || !expiration.After(now) {
		return !expiration.IsZero(), time.Time{}
	}
	return false, expiration
}
