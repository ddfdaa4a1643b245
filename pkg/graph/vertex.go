package graph

import (
	"cmp"
	"strings"
)

// Vertex names a vertex of the graph: an object of the garden, whether it exists or is only referred to. Namespace is
// empty for cluster-scoped kinds (so also for Namespace itself). Names come from outside and may hold anything; two
// vertices are the same only when all three fields are equal.
type Vertex struct {
	Kind      Kind   `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String prints kind, namespace and name for people: Kind/name or Kind/namespace/name.
func (v Vertex) String() string {
	if v.Namespace == "" {
		return v.Kind.String() + "/" + v.Name
	}
	return v.Kind.String() + "/" + v.Namespace + "/" + v.Name
}

// Compare orders vertices by kind, namespace and name, for slices.SortFunc.
func (v Vertex) Compare(other Vertex) int {
	return cmp.Or(cmp.Compare(v.Kind, other.Kind), strings.Compare(v.Namespace, other.Namespace),
		strings.Compare(v.Name, other.Name))
}

// isSeed: a Seed is cluster-scoped. A "Seed" with a namespace is a name like any other.
func (v Vertex) isSeed() bool { return v.Kind == KindSeed && v.Namespace == "" }

// Edge says: whoever is responsible for To may have to do with From.
type Edge struct {
	From, To Vertex
}

// leftOut reports whether the kind table does not have the edge. A Seed has no namespace; one that pretends to is no
// end of any edge.
func (e Edge) leftOut() bool {
	return !e.From.Kind.PointsTo(e.To.Kind) ||
		e.From.Kind == KindSeed && e.From.Namespace != "" || e.To.Kind == KindSeed && e.To.Namespace != ""
}

// ParentScope says how far the client of a parent Seed reaches. A Seed is a parent when the Shoot of a ManagedSeed runs
// on it; the ManagedSeed's Seed is its child.
type ParentScope string

// The parent scopes.
const (
	// ParentScopeSeed ends every path at the first Seed: a parent's gardenlet reaches the ManagedSeed and the Seed
	// object of its child, not what is on the child.
	ParentScopeSeed ParentScope = "Seed"
	// ParentScopeEverything walks on through Seeds, as Gardener's own authorizer does.
	ParentScopeEverything ParentScope = "Everything"
)
