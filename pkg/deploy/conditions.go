package deploy

import (
	"fmt"

	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"

	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// The conditions in CEL under which kube-apiserver sends a request: that it is a seed client's, as far as the user's
// name tells, or, for certificate requests alone, a bootstrapper's. Groups are left to seedguard: a request may lack
// them, and when a condition fails the request is denied.
var (
	reviewCondition    = seedClient("request.user")
	admissionCondition = seedClient("request.userInfo.username")
	// bootstrapCondition has anchors of its own, because matches() looks for the expression anywhere in the name.
	bootstrapCondition = fmt.Sprintf("%[1]s.matches('^%[2]s[a-z0-9]{6}$') || "+
		"%[1]s.matches('^%[3]s[^%[4]s]+%[4]s%[5]s[^%[4]s]+$')", "request.userInfo.username",
		identity.BootstrapTokenUserPrefix, serviceaccount.ServiceAccountUsernamePrefix,
		serviceaccount.ServiceAccountUsernameSeparator, naming.BootstrapServiceAccountPrefix)
	// metadataCondition is that of the rows that guard metadata alone, beside admissionCondition: owner references change,
	// or the confirmation of deletion is set anew. It leads to no error where a field is not there.
	metadataCondition = fmt.Sprintf("has(object.%[1]s) != has(oldObject.%[1]s) || "+
		"has(object.%[1]s) && object.%[1]s != oldObject.%[1]s || "+
		"has(object.%[2]s) && '%[3]s' in object.%[2]s && "+
		"(!(has(oldObject.%[2]s) && '%[3]s' in oldObject.%[2]s) || object.%[2]s['%[3]s'] != oldObject.%[2]s['%[3]s'])",
		"metadata.ownerReferences", "metadata.annotations", constants.ConfirmationDeletion)
)

func seedClient(user string) string {
	return fmt.Sprintf("%[1]s.startsWith('%[2]s') || %[1]s.startsWith('%[3]s') && %[1]s.contains('%[4]s')", user,
		constants.SeedUserNamePrefix,
		serviceaccount.ServiceAccountUsernamePrefix+naming.SeedNamespacePrefix,
		serviceaccount.ServiceAccountUsernameSeparator+naming.ExtensionPrefix)
}
