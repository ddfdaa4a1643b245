package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/seedguard/seedguard/pkg/identity"
)

// Admission decides on admission requests: the SeedRestriction (SPEC 4). It is safe for concurrent use.
type Admission interface {
	// Admit never returns nil. The server sets the response's uid.
	Admit(context.Context, *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse
}

// answerAdmission answers an AdmissionReview.
func (s *Server) answerAdmission(ctx context.Context, w http.ResponseWriter, body []byte) *refusal {
	request, err := decodeAdmission(body)
	if err != nil {
		return badRequest(err)
	}
	start := time.Now()
	response := s.options.Admission.Admit(ctx, request)
	response.UID = request.UID
	s.countAdmission(request, response, time.Since(start))

	answer := admissionv1.AdmissionReview{Response: response}
	answer.SetGroupVersionKind(admissionKind)
	w.Header()["Content-Type"] = jsonContent
	// The caller may have gone away; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(answer)
	return nil
}

var admissionKind = admissionv1.SchemeGroupVersion.WithKind("AdmissionReview")

// decodeAdmission decodes an AdmissionReview. The objects in it stay bytes. There is one version, so nobody has to look for it
// first, as the codecs do: that takes as long as decoding.
func decodeAdmission(body []byte) (*admissionv1.AdmissionRequest, error) {
	review := &admissionv1.AdmissionReview{}
	err := json.Unmarshal(body, review)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the body is no %s: %w", admissionKind.Kind, err)
	case review.GroupVersionKind() != admissionKind:
		return nil, notServed(review.GroupVersionKind(), admissionKind.Kind)
	case review.Request == nil:
		return nil, errors.New("request must be set")
	case review.Request.UID == "":
		return nil, errors.New("request.uid must be set")
	}
	return review.Request, nil
}

// The results of admission, as indices of admissionResults.
const (
	admissionDenied = iota
	admissionAllowed
	admissionError
)

func (s *Server) countAdmission(request *admissionv1.AdmissionRequest, response *admissionv1.AdmissionResponse, took time.Duration) {
	client, _ := identity.From(&user.DefaultInfo{Name: request.UserInfo.Username, Groups: request.UserInfo.Groups})
	result := admissionDenied
	switch {
	case response.Allowed:
		result = admissionAllowed
	case response.Result != nil && response.Result.Code >= http.StatusInternalServerError:
		result = admissionError
	}
	resource := schema.GroupResource{Group: request.Resource.Group, Resource: request.Resource.Resource}
	s.metrics.admission.count(result, client.Kind, resource, string(request.Operation), took)
}
