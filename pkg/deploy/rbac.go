package deploy

import (
	"maps"
	"slices"

	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/naming"
)

// name is that of everything of seedguard's in a cluster.
const name = "seedguard"

// WatchRole lets seedguard list and watch what the graph is made of. Without it, it does not become ready.
func WatchRole(o Options) []runtime.Object {
	return bound(name, policyRules(watched(), "list", "watch"), subject(o))
}

// LiveReadsRole lets seedguard read single objects of what it watches anyway, before it denies what rests on them.
// Without it, seedguard denies by what the informers told.
func LiveReadsRole(o Options) []runtime.Object {
	return bound(name+"-live-reads", policyRules(readSingly().Intersection(watched()), "get"), subject(o))
}

// ExistenceRole lets seedguard look whether an object exists that is to be created or deleted, of kinds that it does
// not watch. Without it, a create is decided by the rules for objects that do not exist, and a delete is left to RBAC.
func ExistenceRole(o Options) []runtime.Object {
	return bound(name+"-existence", policyRules(readSingly().Difference(watched()), "get"), subject(o))
}

// watched returns the resources that are watched.
func watched() sets.Set[schema.GroupResource] {
	resources := sets.New[schema.GroupResource]()
	for _, kind := range garden.Watched() {
		resources.Insert(kind.Resource().GroupResource())
	}
	return resources
}

// readSingly returns the resources of which single objects are read.
func readSingly() sets.Set[schema.GroupResource] {
	resources := sets.New[schema.GroupResource]()
	for _, rule := range admission.Rules() {
		if slices.Contains(rule.Operations, "CREATE") {
			resources.Insert(rule.Kind.Resource().GroupResource())
		}
	}
	for _, write := range admission.Writes() {
		if write.Operation == "CREATE" && write.Subresource == "" && len(write.Clients) > 0 {
			resources.Insert(write.Kind.Resource().GroupResource())
		}
	}
	for _, kind := range admission.AllLookedUp() {
		resources.Insert(kind.Resource().GroupResource())
	}
	for _, rule := range authorizer.Rules() {
		if slices.Contains(rule.ViaGraph.Names(), "delete") {
			resources.Insert(rule.Resource)
		}
	}
	return resources
}

// BootstrapTokensRole lets seedguard read what bootstrap tokens are for, in the one namespace that holds them. Without
// it, a token's id alone decides which Seed it is for.
func BootstrapTokensRole(o Options) []runtime.Object {
	const name, namespace = name + "-bootstrap-tokens", naming.NamespaceKubeSystem
	version, metadata := rbacv1.SchemeGroupVersion.String(), metav1.ObjectMeta{Namespace: namespace, Name: name}
	return []runtime.Object{
		&rbacv1.Role{
			TypeMeta: metav1.TypeMeta{APIVersion: version, Kind: "Role"}, ObjectMeta: metadata,
			Rules: []rbacv1.PolicyRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"secrets"}}},
		},
		&rbacv1.RoleBinding{
			TypeMeta: metav1.TypeMeta{APIVersion: version, Kind: "RoleBinding"}, ObjectMeta: metadata,
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects: []rbacv1.Subject{subject(o)},
		},
	}
}

// BootstrapperRole lets gardenlets bind ServiceAccounts to the ClusterRole with which a gardenlet bootstraps. The API
// server asks for that beside whether a ClusterRoleBinding may be created, and the SeedRestriction decides which.
func BootstrapperRole() []runtime.Object {
	rule := rbacv1.PolicyRule{
		Verbs: []string{"bind"}, APIGroups: []string{rbacv1.GroupName}, Resources: []string{"clusterroles"},
		ResourceNames: []string{naming.BootstrapperClusterRole},
	}
	return bound(name+"-bootstrapper", []rbacv1.PolicyRule{rule},
		rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: constants.SeedsGroup})
}

// subject is seedguard.
func subject(o Options) rbacv1.Subject {
	if namespace, account, err := serviceaccount.SplitUsername(o.Subject); err == nil {
		return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: account}
	}
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: o.Subject}
}

// bound returns a ClusterRole, and what binds the subject to it.
func bound(name string, rules []rbacv1.PolicyRule, subject rbacv1.Subject) []runtime.Object {
	version := rbacv1.SchemeGroupVersion.String()
	return []runtime.Object{
		&rbacv1.ClusterRole{
			TypeMeta: metav1.TypeMeta{APIVersion: version, Kind: "ClusterRole"}, ObjectMeta: metav1.ObjectMeta{Name: name},
			Rules: rules,
		},
		&rbacv1.ClusterRoleBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: version, Kind: "ClusterRoleBinding"},
			ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects:   []rbacv1.Subject{subject},
		},
	}
}

// policyRules returns one rule for each API group of the resources.
func policyRules(resources sets.Set[schema.GroupResource], verbs ...string) []rbacv1.PolicyRule {
	groups := map[string][]string{}
	for r := range resources {
		groups[r.Group] = append(groups[r.Group], r.Resource)
	}
	var rules []rbacv1.PolicyRule
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		slices.Sort(groups[group])
		rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{group}, Resources: groups[group], Verbs: verbs})
	}
	return rules
}
