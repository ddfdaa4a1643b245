package graph

import "strings"

// implied lists the suffixes that make a Shoot's name the name of one of its own resources in its namespace: its
// project resources, and the ShootState, which bears the Shoot's own name. Invariant: no suffix of a kind ends with
// another one of that kind, so a name has one reading at most.
var implied = []struct {
	kind   Kind
	suffix string
}{
	{KindSecret, ".ca-cluster"},
	{KindSecret, ".ssh-keypair"},
	{KindSecret, ".ssh-keypair.old"},
	{KindSecret, ".monitoring"},
	{KindInternalSecret, ".ca-client"},
	{KindConfigMap, ".ca-cluster"},
	{KindConfigMap, ".ca-kubelet"},
	{KindShootState, ""},
}

// ImpliedShoot returns the Shoot whose project resource or ShootState v is by its name alone. It does not say whether
// that Shoot exists. False when v's kind and name follow from no Shoot.
func ImpliedShoot(v Vertex) (Vertex, bool) {
	for i := range implied {
		if v.Kind == implied[i].kind && strings.HasSuffix(v.Name, implied[i].suffix) && v.Name != implied[i].suffix {
			return Vertex{KindShoot, v.Namespace, strings.TrimSuffix(v.Name, implied[i].suffix)}, true
		}
	}
	return Vertex{}, false
}
