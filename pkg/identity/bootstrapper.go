package identity

import (
	"regexp"
	"slices"
	"strings"

	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/seedguard/seedguard/pkg/naming"
)

// BootstrapTokenUserPrefix followed by a token's id is the user that kube-apiserver makes of a bootstrap token.
const BootstrapTokenUserPrefix = "system:bootstrap:" // #nosec G101 -- a prefix of names

// tokenID is the id of a bootstrap token.
var tokenID = regexp.MustCompile(`^[a-z0-9]{6}$`)

// bootstrappersGroup holds the users of all bootstrap tokens.
const bootstrappersGroup = "system:bootstrappers"

// BootstrapUser is the user with whom a gardenlet asks for a client certificate before it has one. It is no seed
// client: only its certificate requests are looked at.
type BootstrapUser struct {
	// TokenID is the id of its bootstrap token, empty for a ServiceAccount.
	TokenID string
	// Namespace is that of its ServiceAccount, and Name what follows gardenlet-bootstrap- in the ServiceAccount's name.
	// Both are empty for a bootstrap token.
	Namespace, Name string
}

// BootstrapperFrom returns the bootstrapper that the user is, and false when it is none; nil is none. It allocates
// nothing and is safe for concurrent use.
func BootstrapperFrom(u user.Info) (BootstrapUser, bool) {
	if u == nil {
		return BootstrapUser{}, false
	}
	if id, ok := strings.CutPrefix(u.GetName(), BootstrapTokenUserPrefix); ok {
		if !tokenID.MatchString(id) || !slices.Contains(u.GetGroups(), bootstrappersGroup) {
			return BootstrapUser{}, false
		}
		return BootstrapUser{TokenID: id}, true
	}
	namespace, account, ok := serviceAccount(u)
	name, isBootstrapper := strings.CutPrefix(account, naming.BootstrapServiceAccountPrefix)
	if !ok || !isBootstrapper || namespace == "" || name == "" {
		return BootstrapUser{}, false
	}
	return BootstrapUser{Namespace: namespace, Name: name}, true
}
