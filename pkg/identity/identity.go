// Package identity says who is a seed client: the gardenlet of a Seed or an extension on it.
package identity

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/seedguard/seedguard/pkg/naming"
)

// ClientKind is the kind of a client of a Seed.
type ClientKind uint8

// The kinds of clients. The zero value is none of them. Gardenlets and extensions are seed clients; a bootstrapper is
// none (see BootstrapperFrom).
const (
	Gardenlet ClientKind = iota + 1
	Extension
	Bootstrapper
)

var clientKinds = map[ClientKind]string{Gardenlet: "gardenlet", Extension: "extension", Bootstrapper: "bootstrapper"}

// String returns the name under which metrics, logs and messages speak of the kind of client.
func (k ClientKind) String() string { return cmp.Or(clientKinds[k], "none") }

// MarshalText has JSON hold the name.
func (k ClientKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Client is a seed client: which Seed it belongs to, and what it is there.
type Client struct {
	Kind ClientKind
	// Seed is the name of the Seed, never empty.
	Seed string
	// Extension is the name of the extension, its ServiceAccount's without extension-; empty for a gardenlet.
	Extension string
}

// From returns the seed client that the user is, and false when it is none; nil is none. It allocates nothing and is
// safe for concurrent use.
//
// The seeds group is looked at first: a user in it is a gardenlet or nobody.
func From(u user.Info) (Client, bool) {
	if u == nil {
		return Client{}, false
	}
	name, groups := u.GetName(), u.GetGroups()
	if slices.Contains(groups, constants.SeedsGroup) {
		seed, ok := strings.CutPrefix(name, constants.SeedUserNamePrefix)
		if !ok || seed == "" {
			return Client{}, false
		}
		return Client{Kind: Gardenlet, Seed: seed}, true
	}
	namespace, account, ok := serviceAccount(u)
	seed, inSeedNamespace := strings.CutPrefix(namespace, naming.SeedNamespacePrefix)
	extension, isExtension := strings.CutPrefix(account, naming.ExtensionPrefix)
	if !ok || !inSeedNamespace || seed == "" || !isExtension || extension == "" {
		return Client{}, false
	}
	return Client{Kind: Extension, Seed: seed, Extension: extension}, true
}

// User returns the user who is that client: From is its inverse.
func (c Client) User() *user.DefaultInfo {
	if c.Kind == Gardenlet {
		return &user.DefaultInfo{
			Name:   constants.SeedUserNamePrefix + c.Seed,
			Groups: []string{constants.SeedsGroup, user.AllAuthenticated},
		}
	}
	namespace := naming.SeedNamespace(c.Seed)
	return &user.DefaultInfo{
		Name:   serviceaccount.MakeUsername(namespace, naming.ExtensionPrefix+c.Extension),
		Groups: append(serviceaccount.MakeGroupNames(namespace), user.AllAuthenticated),
	}
}

// serviceAccount returns the ServiceAccount that the user is, and false when it is none or its groups are not those
// of a ServiceAccount in that namespace.
//
// The name is parsed by hand because the library's SplitUsername allocates, and every decision comes by here.
func serviceAccount(u user.Info) (namespace, account string, ok bool) {
	rest, ok := strings.CutPrefix(u.GetName(), serviceaccount.ServiceAccountUsernamePrefix)
	if !ok {
		return "", "", false
	}
	namespace, account, ok = strings.Cut(rest, serviceaccount.ServiceAccountUsernameSeparator)
	groups := u.GetGroups()
	if !ok || strings.Contains(account, serviceaccount.ServiceAccountUsernameSeparator) ||
		!slices.Contains(groups, serviceaccount.AllServiceAccountsGroup) ||
		!slices.ContainsFunc(groups, func(group string) bool { return isNamespaceGroup(group, namespace) }) {
		return "", "", false
	}
	return namespace, account, true
}

func isNamespaceGroup(group, namespace string) bool {
	rest, ok := strings.CutPrefix(group, serviceaccount.ServiceAccountGroupPrefix)
	return ok && rest == namespace
}
