package graph

import "strings"

// impliedSuffixes lists, by kind, the suffixes that make a Shoot's name the name of one of its own resources in its
// namespace (SPEC 2.1, "Shoot project resources", and the ShootState, which bears the Shoot's own name). Invariant: no
// suffix of a kind ends with another one of that kind, so a name has one reading at most.
var impliedSuffixes = [numKinds][]string{
	KindConfigMap:      {".ca-cluster", ".ca-kubelet"},
	KindInternalSecret: {".ca-client"},
	KindSecret:         {".ca-cluster", ".ssh-keypair", ".ssh-keypair.old", ".monitoring"},
	KindShootState:     {""},
}

// ImpliedShoot returns the Shoot whose project resource or ShootState v is by its name alone. It does not say whether that
// Shoot exists. False when v's kind and name follow from no Shoot.
func ImpliedShoot(v Vertex) (Vertex, bool) {
	name, ok := impliedName(v.Kind, v.Name)
	if !ok {
		return Vertex{}, false
	}
	return Vertex{Kind: KindShoot, Namespace: v.Namespace, Name: name}, true
}

func impliedName(kind Kind, name string) (shoot string, ok bool) {
	if int(kind) >= numKinds {
		return "", false
	}
	for _, suffix := range impliedSuffixes[kind] {
		if len(name) > len(suffix) && strings.HasSuffix(name, suffix) {
			return name[:len(name)-len(suffix)], true
		}
	}
	return "", false
}
