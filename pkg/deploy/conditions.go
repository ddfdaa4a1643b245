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
	bootstrapCondition = bootstrapper("request.userInfo.username")
	// metadataCondition is that of the rows that guard metadata alone, beside admissionCondition.
	metadataCondition = fieldChanges("metadata.ownerReferences") + " || " +
		annotationIsSet("object", constants.ConfirmationDeletion) + " && (!(" +
		annotationIsSet("oldObject", constants.ConfirmationDeletion) + ") || " +
		annotation("object", constants.ConfirmationDeletion) + " != " +
		annotation("oldObject", constants.ConfirmationDeletion) + ")"
)

func seedClient(user string) string {
	return fmt.Sprintf("%[1]s.startsWith('%[2]s') || %[1]s.startsWith('%[3]s') && %[1]s.contains('%[4]s')", user,
		constants.SeedUserNamePrefix,
		serviceaccount.ServiceAccountUsernamePrefix+naming.SeedNamespacePrefix,
		serviceaccount.ServiceAccountUsernameSeparator+naming.ExtensionPrefix)
}

// fieldChanges leads to no error where the field is not there: an error would deny the request.
func fieldChanges(field string) string {
	return fmt.Sprintf("has(object.%[1]s) != has(oldObject.%[1]s) || has(object.%[1]s) && object.%[1]s != oldObject.%[1]s",
		field)
}

func annotation(object, key string) string {
	return fmt.Sprintf("%s.metadata.annotations['%s']", object, key)
}

func annotationIsSet(object, key string) string {
	return fmt.Sprintf("has(%[1]s.metadata.annotations) && '%[2]s' in %[1]s.metadata.annotations", object, key)
}

// bootstrapper has anchors of its own, because matches() looks for the expression anywhere in the name.
func bootstrapper(user string) string {
	return fmt.Sprintf("%[1]s.matches('^%[2]s[a-z0-9]{6}$') || %[1]s.matches('^%[3]s[^%[4]s]+%[4]s%[5]s[^%[4]s]+$')", user,
		identity.BootstrapTokenUserPrefix, serviceaccount.ServiceAccountUsernamePrefix,
		serviceaccount.ServiceAccountUsernameSeparator, naming.BootstrapServiceAccountPrefix)
}
