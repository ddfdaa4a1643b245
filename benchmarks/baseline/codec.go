package baseline

import (
	"io"
	"net/http"

	authorizationv1 "k8s.io/api/authorization/v1"
	authorizationv1beta1 "k8s.io/api/authorization/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// Codec is a handler that decodes a SubjectAccessReview with the codecs of its API group, has the authorizer decide,
// and encodes the whole review with its status.
type Codec struct {
	Authorizer authorizer.UnconditionalAuthorizer
}

var (
	scheme  = runtime.NewScheme()
	codecs  = serializer.NewCodecFactory(scheme)
	decoder = codecs.UniversalDeserializer()
	encoder = codecs.LegacyCodec(authorizationv1.SchemeGroupVersion)
)

func init() {
	utilruntime.Must(authorizationv1.AddToScheme(scheme))
	utilruntime.Must(authorizationv1beta1.AddToScheme(scheme))
}

// maxBody bounds what is read, as in seedguard.
const maxBody = 64 << 10

// ServeHTTP implements http.Handler.
func (c *Codec) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	review := &authorizationv1.SubjectAccessReview{}
	if err := runtime.DecodeInto(decoder, body, review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	decision, reason, err := c.Authorizer.Authorize(r.Context(), attributes(&review.Spec))
	review.Status = authorizationv1.SubjectAccessReviewStatus{
		Allowed: decision == authorizer.DecisionAllow, Denied: decision == authorizer.DecisionDeny, Reason: reason,
	}
	if err != nil {
		review.Status.EvaluationError = err.Error()
	}
	answer, err := runtime.Encode(encoder, review)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // the caller may have gone away
}

func attributes(spec *authorizationv1.SubjectAccessReviewSpec) authorizer.Attributes {
	extra := map[string][]string{}
	for key, values := range spec.Extra {
		extra[key] = values
	}
	record := authorizer.AttributesRecord{
		User: &user.DefaultInfo{Name: spec.User, UID: spec.UID, Groups: spec.Groups, Extra: extra},
	}
	switch of, path := spec.ResourceAttributes, spec.NonResourceAttributes; {
	case of != nil:
		record.ResourceRequest = true
		record.Verb, record.Namespace, record.Name = of.Verb, of.Namespace, of.Name
		record.APIGroup, record.APIVersion, record.Resource, record.Subresource = of.Group, of.Version, of.Resource,
			of.Subresource
		if of.LabelSelector != nil {
			if selector, err := metav1.LabelSelectorAsSelector(
				&metav1.LabelSelector{MatchExpressions: of.LabelSelector.Requirements}); err == nil {
				record.LabelSelectorRequirements, _ = selector.Requirements()
			}
		}
	case path != nil:
		record.Verb, record.Path = path.Verb, path.Path
	}
	return record
}
