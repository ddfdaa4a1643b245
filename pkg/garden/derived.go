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

// lookups is how derived edges and dependents find other objects: by indices over the informers' caches.
type lookups interface {
	// seed returns the Seed of that name, nil when there is none.
	seed(name string) *Object
	// by returns the objects of a kind for which the kind's index (see indexers) holds the value.
	by(kind graph.Kind, value string) []*Object
}

// indexValue returns the value under which `lookups.by` finds the object: what the objects that depend on it, or on
// which it depends, know about it.
func indexValue(o *Object) (string, bool) {
	switch facts := o.Facts.(type) {
	case ProjectFacts:
		return facts.Namespace, facts.Namespace != ""
	case ShootFacts:
		return o.Namespace, facts.ManagedIssuer
	case ManagedSeedFacts, GardenletFacts:
		return o.Name, true
	default:
		return "", false
	}
}

// shootIssuerEdges relates the Secret with a managed issuer's documents, whose name holds that of the Shoot's Project.
func shootIssuerEdges(l lookups, shoot *Object, _ time.Time) ([]graph.Edge, time.Time) {
	if !shoot.Facts.(ShootFacts).ManagedIssuer || shoot.UID == "" {
		return nil, time.Time{}
	}
	var edges []graph.Edge
	for _, project := range l.by(graph.KindProject, shoot.Namespace) {
		secret := vertex(graph.KindSecret, gardencorev1beta1.GardenerShootIssuerNamespace,
			naming.ShootIssuerSecret(project.Name, shoot.UID))
		edges = append(edges, graph.Edge{From: secret, To: shoot.Vertex})
	}
	return edges, time.Time{}
}

// shootsOfProject returns the Shoots whose issuer Secret is named after the Project.
func shootsOfProject(l lookups, project *Object) []*Object {
	return l.by(graph.KindShoot, project.Facts.(ProjectFacts).Namespace)
}

func managedSeedBootstrapEdges(l lookups, managedSeed *Object, now time.Time) ([]graph.Edge, time.Time) {
	allowed, next := BootstrapAllowed(managedSeed, l.seed(managedSeed.Name), now)
	if !allowed {
		return nil, next
	}
	n, m := managedSeed.Namespace, managedSeed.Name
	var with []graph.Vertex
	switch managedSeed.Facts.(ManagedSeedFacts).Bootstrap {
	case seedmanagementv1alpha1.BootstrapToken:
		with = append(with, vertex(graph.KindSecret, naming.NamespaceKubeSystem, naming.BootstrapTokenSecret(n, m)))
	case seedmanagementv1alpha1.BootstrapServiceAccount:
		with = append(with, vertex(graph.KindServiceAccount, n, naming.BootstrapServiceAccount(m)),
			vertex(graph.KindClusterRoleBinding, "", naming.BootstrapClusterRoleBinding(n, m)))
	case seedmanagementv1alpha1.BootstrapNone:
	}
	edges := make([]graph.Edge, 0, len(with))
	for _, v := range with {
		edges = append(edges, graph.Edge{From: v, To: managedSeed.Vertex})
	}
	return edges, next
}

func gardenletBootstrapEdges(l lookups, gardenlet *Object, now time.Time) ([]graph.Edge, time.Time) {
	if selfHosted(gardenlet.Name) {
		return nil, time.Time{}
	}
	allowed, next := BootstrapAllowed(gardenlet, l.seed(gardenlet.Name), now)
	if !allowed {
		return nil, next
	}
	token := vertex(graph.KindSecret, naming.NamespaceKubeSystem,
		naming.BootstrapTokenSecret(gardenlet.Namespace, gardenlet.Name))
	return []graph.Edge{{From: token, To: gardenlet.Vertex}}, next
}

// bootstrappedAs returns the ManagedSeeds and Gardenlets that bootstrap as the Seed.
func bootstrappedAs(l lookups, seed *Object) []*Object {
	return append(l.by(graph.KindManagedSeed, seed.Name), l.by(graph.KindGardenlet, seed.Name)...)
}

// BootstrapAllowed reports whether the gardenlet of a ManagedSeed or Gardenlet may bootstrap now: its Seed's client
// certificate has expired, a new kubeconfig is asked for, or, for a ManagedSeed alone, the Seed does not exist. seed is
// the Seed of the same name, nil when it does not exist. next is when the answer changes by the clock alone, zero when
// it does not.
func BootstrapAllowed(o, seed *Object, now time.Time) (allowed bool, next time.Time) {
	var renew bool
	switch facts := o.Facts.(type) {
	case ManagedSeedFacts:
		renew = facts.RenewKubeconfig
	case GardenletFacts:
		renew = facts.RenewKubeconfig
	default:
		return false, time.Time{}
	}
	if renew {
		return true, time.Time{}
	}
	if seed == nil {
		return o.Kind == graph.KindManagedSeed, time.Time{}
	}
	expiration := seed.Facts.(SeedFacts).ClientCertificateExpiration
	if expiration.IsZero() || !expiration.After(now) {
		return !expiration.IsZero(), time.Time{}
	}
	return false, expiration
}
