package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
)

// Admission decides on admission requests: the SeedRestriction. It is safe for concurrent use.
type Admission interface {
	// Admit never returns nil. The server sets the response's uid. A response that is allowed and has a result is counted
	// as what the result says: the request is admitted by somebody who only observes.
	Admit(context.Context, *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse
}

const (
	admissionKind = "AdmissionReview"
	admissionV1   = "admission.k8s.io/v1"
)

// admissionReview is an AdmissionReview, as question and as answer. The objects in it stay bytes.
type admissionReview struct {
	typeMeta
	Request  *admissionv1.AdmissionRequest  `json:"request,omitempty"`
	Response *admissionv1.AdmissionResponse `json:"response,omitempty"`
}

// answerAdmission answers an AdmissionReview.
func (s *Server) answerAdmission(ctx context.Context, _ http.Header, body []byte) (any, error) {
	request, err := decodeAdmission(body)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	response := s.options.Admission.Admit(ctx, request)
	response.UID = request.UID
	s.metrics.admitted(request, response, time.Since(start))
	return &admissionReview{typeMeta: typeMeta{Kind: admissionKind, APIVersion: admissionV1}, Response: response}, nil
}

func decodeAdmission(body []byte) (*admissionv1.AdmissionRequest, error) {
	var review admissionReview
	if err := review.decode(body, &review, admissionKind, admissionV1); err != nil {
		return nil, err
	}
	switch {
	case review.Request == nil:
		return nil, errors.New("request must be set")
	case review.Request.UID == "":
		return nil, errors.New("request.uid must be set")
	}
	return review.Request, nil
}
