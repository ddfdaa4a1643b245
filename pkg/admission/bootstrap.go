package admission

import (
	"strings"

	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file holds the checks of what a new gardenlet bootstraps with. Whoever holds it becomes the gardenlet of that Seed, so the
// contents are checked to the letter, before anything is looked up.

func checkServiceAccount(d *decision, _ *anyObject) error {
	if d.namespace == d.seedNamespace() {
		return nil
	}
	name, ok := strings.CutPrefix(d.name, naming.BootstrapServiceAccountPrefix)
	if !ok || name == "" {
		return forbidden("the namespace is not %s, and the name not %s<ManagedSeed>", d.seedNamespace(), naming.BootstrapServiceAccountPrefix)
	}
	return d.mayBootstrapManagedSeed(d.namespace, name)
}

func checkBootstrapBinding(d *decision, o *clusterRoleBinding) error {
	namespace, name, ok := naming.ParseBootstrapClusterRoleBinding(d.name)
	if !ok {
		return forbidden("its name is not %s", naming.BootstrapClusterRoleBinding("<namespace>", "<ManagedSeed>"))
	}
	// The API server allows no other group here, and fills it in when it is left out.
	if o.roleRef.APIGroup == "" {
		o.roleRef.APIGroup = rbacv1.GroupName
	}
	if o.roleRef != (rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: naming.BootstrapperClusterRole}) {
		return forbidden("its roleRef is not the ClusterRole %s", naming.BootstrapperClusterRole)
	}
	account := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: naming.BootstrapServiceAccount(name)}
	if len(o.subjects) != 1 || o.subjects[0] != account {
		return forbidden("its subjects are not exactly the ServiceAccount %s/%s", account.Namespace, account.Name)
	}
	return d.mayBootstrapManagedSeed(namespace, name)
}

// The description of a bootstrap token says whom it is for.
const (
	tokenDescriptionPrefix = "A bootstrap token for the Gardenlet for " // #nosec G101 -- a description
	tokenDescriptionSuffix = "."
)

var (
	tokenForManagedSeed = tokenTarget(graph.KindManagedSeed)
	tokenForGardenlet   = tokenTarget(graph.KindGardenlet)
)

func tokenTarget(kind graph.Kind) string {
	return seedmanagementv1alpha1.SchemeGroupVersion.String() + "." + kind.String() + " resource "
}

// bootstrapToken: the Secret is a bootstrap token that gives no more than bootstrapping, for a ManagedSeed or Gardenlet that
// the client may bootstrap.
func (d *decision) bootstrapToken(o *secret) error {
	if o.typ != corev1.SecretTypeBootstrapToken {
		return invalid("its type must be %s", corev1.SecretTypeBootstrapToken)
	}
	var data tokenData
	if len(o.data) > 0 {
		if err := decodeField("data", o.data, &data); err != nil {
			return badRequest("its object cannot be decoded: %v", err)
		}
	}
	if string(data.UsageAuthentication) != "true" || string(data.UsageSigning) != "true" {
		return invalid("usage-bootstrap-authentication and usage-bootstrap-signing must be true")
	}
	if data.AuthExtraGroups != nil {
		return invalid("auth-extra-groups must not be set")
	}
	managedSeed, namespace, name, ok := parseTokenDescription(string(data.Description))
	if !ok {
		return invalid("description must be %q", tokenDescriptionPrefix+tokenForManagedSeed+"<namespace>/<name>"+tokenDescriptionSuffix+
			" or the same for "+tokenForGardenlet)
	}
	if managedSeed {
		return d.mayBootstrapManagedSeed(namespace, name)
	}
	return d.mayBootstrapGardenlet(namespace, name)
}

// parseTokenDescription returns whom a bootstrap token is for: a ManagedSeed or else a Gardenlet. False for any other text.
func parseTokenDescription(description string) (managedSeed bool, namespace, name string, ok bool) {
	target, ok := strings.CutPrefix(description, tokenDescriptionPrefix)
	if !ok {
		return false, "", "", false
	}
	if target, ok = strings.CutSuffix(target, tokenDescriptionSuffix); !ok {
		return false, "", "", false
	}
	rest, managedSeed := strings.CutPrefix(target, tokenForManagedSeed)
	if !managedSeed {
		if rest, ok = strings.CutPrefix(target, tokenForGardenlet); !ok {
			return false, "", "", false
		}
	}
	namespace, name, _ = strings.Cut(rest, "/")
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return false, "", "", false
	}
	return managedSeed, namespace, name, true
}
