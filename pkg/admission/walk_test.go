package admission_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	k8sadmission "k8s.io/apiserver/pkg/admission"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/garden"
)

// operations are those of the verbs by which an object gets its edges. A patch arrives as an update, and one that
// creates is a server-side apply, for which the authorizer is asked about create, too.
var operations = map[authorizer.Verbs]k8sadmission.Operation{
	authorizer.Create: k8sadmission.Create, authorizer.Update: k8sadmission.Update, authorizer.Patch: k8sadmission.Update,
}

// writable returns the writes of a resource or subresource that the authorizer lets through for any client.
func writable(target admission.Target) (all []k8sadmission.Operation) {
	for _, rule := range authorizer.Rules() {
		if rule.Kind != target.Kind ||
			target.Subresource != "" && !slices.Contains(rule.Subresources, target.Subresource) {
			continue
		}
		verbs := rule.ViaGraph
		for _, grant := range rule.Always {
			verbs |= grant.Verbs
		}
		for verb, operation := range operations {
			if verbs&verb != 0 && !slices.Contains(all, operation) {
				all = append(all, operation)
			}
		}
	}
	return all
}

// TestEveryEdgeHasAGrant walks the edge table: whoever adds a field must say who may write it. Each write that the
// authorizer lets through and that can add a reference by the field has a row, which has a grant for the field, and for
// which the webhook is registered.
func TestEveryEdgeHasAGrant(t *testing.T) {
	walked := 0
	for _, field := range garden.Fields() {
		for _, subresource := range []string{"", "status"} {
			// A write of the status changes status and metadata, any other leaves the status alone.
			inStatus := strings.HasPrefix(field.Path, "status.")
			if inStatus != (subresource == "status") {
				continue
			}
			target := admission.Target{Kind: field.Owner, Subresource: subresource}
			for _, operation := range writable(target) {
				if inStatus && operation == k8sadmission.Create {
					continue // nothing creates a status
				}
				walked++
				at := slices.IndexFunc(admission.Writes(), func(w admission.Write) bool {
					return w.Target == target && w.Operation == operation
				})
				if at < 0 {
					t.Errorf("pkg/admission/writes.go has no row for %s of %s %q, by which %s can add a reference",
						operation, field.Owner, subresource, field.Path)
					continue
				}
				row := admission.Writes()[at]
				grant, ok := row.Grants[field.Path]
				if !ok && len(row.Clients) > 0 {
					t.Errorf("pkg/admission/writes.go: the row for %s of %s %q does not say who grants %s", operation,
						field.Owner, subresource, field.Path)
				}
				if ok && grant.Free == "" {
					require.True(t, slices.ContainsFunc(admission.Grants(), func(g admission.Grant) bool {
						return g.Name == grant.Name
					}), grant.Name)
				}
				_, registered := admission.FindGuarded(admission.AllGuarded(admission.ReferencesEnforce, false),
					target.Kind.Resource().GroupResource(), subresource, admissionv1.Operation(operation))
				require.True(t, registered, "%s of %v is not registered", operation, target)
			}
		}
	}
	require.Greater(t, walked, 50)
}

// TestGrantsNameFields: no row grants what is no field of its kind.
func TestGrantsNameFields(t *testing.T) {
	for _, row := range admission.Writes() {
		for path := range row.Grants {
			require.True(t, slices.ContainsFunc(garden.Fields(), func(f garden.Field) bool {
				return f.Owner == row.Kind && f.Path == path
			}), "%s has no field %s", row.Kind, path)
		}
	}
}

// TestEveryWriteOfStatusIsGuarded: whoever writes a status writes owner references too, by which objects are deleted.
func TestEveryWriteOfStatusIsGuarded(t *testing.T) {
	for _, rule := range authorizer.Rules() {
		target := admission.Target{Kind: rule.Kind, Subresource: "status"}
		for _, operation := range writable(target) {
			if rule.Kind == 0 || operation == k8sadmission.Create {
				continue
			}
			require.True(t, slices.ContainsFunc(admission.Writes(), func(w admission.Write) bool {
				return w.Target == target && w.Operation == operation && w.HasGuard()
			}), "%s of %s/status", operation, rule.Kind)
		}
	}
}
