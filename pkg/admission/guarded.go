package admission

import (
	"maps"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/graph"
)

// Guarded is a resource, or a subresource of it, with the operations for which either table has a row.
type Guarded struct {
	Target
	Operations []admission.Operation
	// MetadataAlone: the API server need ask only when owner references or the confirmation of deletion change.
	MetadataAlone bool
}

// OperationOf returns the operation of the verb of a request to the API, false when it is not admitted at all.
func OperationOf(verb string) (admissionv1.Operation, bool) {
	switch verb {
	case "create":
		return admissionv1.Create, true
	case "update", "patch":
		return admissionv1.Update, true
	case "delete", "deletecollection":
		return admissionv1.Delete, true
	}
	return "", false
}

// FindGuarded returns the element that an operation on a resource is guarded by, false when there is none: then API
// servers do not ask the webhook about it.
func FindGuarded(
	all []Guarded, resource schema.GroupResource, subresource string, operation admissionv1.Operation,
) (Guarded, bool) {
	i := slices.IndexFunc(all, func(g Guarded) bool {
		return g.Kind.Resource().GroupResource() == resource && g.Subresource == subresource &&
			slices.Contains(g.Operations, admission.Operation(operation))
	})
	if i < 0 {
		return Guarded{}, false
	}
	return all[i], true
}

// AllGuarded returns what the webhook must be registered for, the resources in the order of the tables. With
// kubeconfigs, that is also the requests for kubeconfigs of Shoots.
func AllGuarded(references References, kubeconfigs bool) []Guarded {
	var all []Guarded
	add := func(target Target, operation admission.Operation, metadataAlone bool) {
		at := slices.IndexFunc(all, func(g Guarded) bool { return g.Target == target && g.MetadataAlone == metadataAlone })
		if at < 0 {
			at = len(all)
			all = append(all, Guarded{Target: target, MetadataAlone: metadataAlone})
		}
		if !slices.Contains(all[at].Operations, operation) {
			all[at].Operations = append(all[at].Operations, operation)
		}
	}
	for i := range table {
		for _, operation := range table[i].Operations {
			add(of(table[i].Kind), operation, false)
		}
	}
	if references != ReferencesOff {
		for i := range writes {
			add(writes[i].Target, writes[i].Operation, writes[i].MetadataAlone)
		}
	}
	if kubeconfigs {
		for _, subresource := range slices.Sorted(maps.Keys(access.Subresources)) {
			add(sub(graph.KindShoot, subresource), create, false)
		}
	}
	return all
}

// AllLookedUp returns the kinds of the objects, beside the requests' own, that either table looks up.
func AllLookedUp() []graph.Kind {
	var all []graph.Kind
	for i := range table {
		all = append(all, table[i].LooksUp...)
	}
	for i := range writes {
		all = append(all, writes[i].LooksUp...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
