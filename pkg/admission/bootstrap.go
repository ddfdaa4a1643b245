package admission

import (
	"cmp"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file holds the checks of what a new gardenlet bootstraps with. Its holder becomes the gardenlet of that Seed. So
// the contents must match exactly, and are checked before anything is looked up.

func checkServiceAccount(d *decision) error {
	if d.GetNamespace() == d.seedNamespace() {
		return nil
	}
	name, ok := strings.CutPrefix(d.name, naming.BootstrapServiceAccountPrefix)
	if !ok || name == "" {
		return forbidden("the namespace is not %s, and the name not %s<ManagedSeed>",
			d.seedNamespace(), naming.BootstrapServiceAccountPrefix)
	}
	return d.mayBootstrapManagedSeed(graph.Vertex{
		Kind: graph.KindManagedSeed, Namespace: d.GetNamespace(), Name: name,
	})
}

func checkBootstrapBinding(d *decision, o, _ *rbacv1.ClusterRoleBinding) error {
	namespace, name, ok := naming.ParseBootstrapClusterRoleBinding(d.name)
	if !ok {
		return forbidden("its name is not %s", naming.BootstrapClusterRoleBinding("<namespace>", "<ManagedSeed>"))
	}
	role := o.RoleRef
	role.APIGroup = cmp.Or(role.APIGroup, rbacv1.GroupName) // as the API server fills it in, which allows no other
	if role != (rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: naming.BootstrapperClusterRole}) {
		return forbidden("its roleRef is not the ClusterRole %s", naming.BootstrapperClusterRole)
	}
	account := rbacv1.Subject{
		Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: naming.BootstrapServiceAccount(name),
	}
	if len(o.Subjects) != 1 || o.Subjects[0] != account {
		return forbidden("its subjects are not exactly the ServiceAccount %s/%s", account.Namespace, account.Name)
	}
	return d.mayBootstrapManagedSeed(graph.Vertex{Kind: graph.KindManagedSeed, Namespace: namespace, Name: name})
}

// The description of a bootstrap token says whom it is for.
const (
	tokenDescriptionPrefix = "A bootstrap token for the Gardenlet for " // #nosec G101 -- a description
	tokenForManagedSeed    = "seedmanagement.gardener.cloud/v1alpha1.ManagedSeed resource "
	tokenForGardenlet      = "seedmanagement.gardener.cloud/v1alpha1.Gardenlet resource "
)

var tokenDescription = regexp.MustCompile("^" + regexp.QuoteMeta(tokenDescriptionPrefix) +
	"(" + regexp.QuoteMeta(tokenForManagedSeed) + "|" + regexp.QuoteMeta(tokenForGardenlet) + ")" +
	`([^/]+)/([^/]+)\.$`)

// tokenTarget returns the ManagedSeed or Gardenlet that a bootstrap token is for by its description.
func tokenTarget(description string) (graph.Vertex, bool) {
	found := tokenDescription.FindStringSubmatch(description)
	if found == nil {
		return graph.Vertex{}, false
	}
	v := graph.Vertex{Kind: graph.KindGardenlet, Namespace: found[2], Name: found[3]}
	if found[1] == tokenForManagedSeed {
		v.Kind = graph.KindManagedSeed
	}
	return v, true
}

// bootstrapToken allows a bootstrap token that gives no more than bootstrapping, for a ManagedSeed or Gardenlet that
// the client may bootstrap.
func (d *decision) bootstrapToken(o *corev1.Secret) error {
	if o.Type != corev1.SecretTypeBootstrapToken {
		return invalid("its type must be %s", corev1.SecretTypeBootstrapToken)
	}
	if string(o.Data["usage-bootstrap-authentication"]) != "true" || string(o.Data["usage-bootstrap-signing"]) != "true" {
		return invalid("usage-bootstrap-authentication and usage-bootstrap-signing must be true")
	}
	if _, ok := o.Data["auth-extra-groups"]; ok {
		return invalid("auth-extra-groups must not be set")
	}
	target, ok := tokenTarget(string(o.Data["description"]))
	switch {
	case !ok:
		return invalid("description must be %q", tokenDescriptionPrefix+tokenForManagedSeed+
			"<namespace>/<name>. or the same for "+tokenForGardenlet)
	case target.Kind == graph.KindManagedSeed:
		return d.mayBootstrapManagedSeed(target)
	}
	return d.mayBootstrapGardenlet(target)
}
