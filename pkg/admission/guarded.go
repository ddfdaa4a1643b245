package admission

import (
	"fmt"
	"maps"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

// key is what the rows of both tables are found by.
type key struct {
	resource    schema.GroupResource
	subresource string
	operation   admission.Operation
}

func keyOf(target Target, operation admission.Operation) key {
	return key{target.Kind.Resource().GroupResource(), target.Subresource, operation}
}

func keyFor(a admission.Attributes) key {
	return key{a.GetResource().GroupResource(), a.GetSubresource(), a.GetOperation()}
}

// rows are those of both tables for an operation on a resource or subresource.
type rows struct {
	// rules are of the decision table. Invariant: one at most for each kind of client.
	rules []*Rule
	// write is of the table of what writes may bring about, nil for none.
	write *Write
}

// index finds the rows.
var index = map[key]rows{}

func init() {
	for i := range table {
		rule := &table[i]
		for _, operation := range rule.Operations {
			key := keyOf(of(rule.Kind), operation)
			found := index[key]
			for _, client := range rule.Clients {
				if found.ruleFor(client) != nil {
					panic(fmt.Sprintf("BUG: two rules for %s of %s by %s", operation, rule.Kind, client))
				}
			}
			index[key] = rows{rules: append(found.rules, rule)}
		}
	}
	for i := range writes {
		w := &writes[i]
		key := keyOf(w.Target, w.Operation)
		found := index[key]
		if found.write != nil {
			panic(fmt.Sprintf("BUG: two rows for %s of %s", w.Operation, w.Kind))
		}
		index[key] = rows{found.rules, w}
	}
}

// rowsFor returns the rows for a request.
func rowsFor(a admission.Attributes) rows { return index[keyFor(a)] }

// kind returns the kind of the resource, zero when there are no rows.
func (r rows) kind() graph.Kind {
	switch {
	case r.rules != nil:
		return r.rules[0].Kind
	case r.write != nil:
		return r.write.Kind
	}
	return 0
}

// ruleFor returns the rule for a kind of client, nil when there is none.
func (r rows) ruleFor(client identity.ClientKind) *Rule {
	i := slices.IndexFunc(r.rules, func(rule *Rule) bool { return slices.Contains(rule.Clients, client) })
	if i < 0 {
		return nil
	}
	return r.rules[i]
}

// onlyClients denies what other clients may do, if any.
func onlyClients(clients []identity.ClientKind) error {
	if len(clients) == 0 {
		return forbidden("no client on a Seed may")
	}
	return forbidden("only %ss may", clients[0])
}

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
