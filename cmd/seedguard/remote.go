package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/pflag"
	admissionv1 "k8s.io/api/admission/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/pkg/server"
)

// decider is the pair, wherever it runs.
type decider interface {
	authorize(context.Context, *authorizationv1.SubjectAccessReview) (*authorizationv1.SubjectAccessReviewStatus, error)
	admit(context.Context, *admissionv1.AdmissionRequest) (*admissionv1.AdmissionResponse, error)
}

// remote is the pair in a running server.
type remote struct {
	url, ca, certificate, key string
	insecure                  bool
	client                    *http.Client
}

func (r *remote) addFlags(set *pflag.FlagSet) {
	set.StringVar(&r.url, "server", "", "ask the running seedguard at this URL, as in https://127.0.0.1:9443")
	set.StringVar(&r.ca, "certificate-authority", "", "CAs of the server's certificate in PEM")
	set.StringVar(&r.certificate, "client-certificate", "", "certificate to show to the server, in PEM")
	set.StringVar(&r.key, "client-key", "", "key of the client certificate, in PEM")
	set.BoolVar(&r.insecure, "insecure-skip-tls-verify", false, "take any certificate of the server")
}

// remoteTimeout bounds one call to a server.
const remoteTimeout = 10 * time.Second

func (r *remote) connect() (err error) {
	// Other than by the zero configuration, rest takes no proxy for loopback and speaks HTTP/2 with client certificates.
	r.client, err = rest.HTTPClientFor(&rest.Config{
		Timeout: remoteTimeout,
		TLSClientConfig: rest.TLSClientConfig{
			CAFile: r.ca, CertFile: r.certificate, KeyFile: r.key, Insecure: r.insecure,
		},
	})
	return err
}

func (r *remote) authorize(
	ctx context.Context, review *authorizationv1.SubjectAccessReview,
) (*authorizationv1.SubjectAccessReviewStatus, error) {
	var answer authorizationv1.SubjectAccessReview
	if err := r.post(ctx, server.AuthorizerPath, review, &answer); err != nil {
		return nil, err
	}
	return &answer.Status, nil
}

func (r *remote) admit(
	ctx context.Context, request *admissionv1.AdmissionRequest,
) (*admissionv1.AdmissionResponse, error) {
	review := admissionv1.AdmissionReview{Request: request}
	review.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"))
	var answer admissionv1.AdmissionReview
	if err := r.post(ctx, server.AdmissionPath, review, &answer); err != nil {
		return nil, err
	}
	if answer.Response == nil {
		return nil, errors.New("the server's answer has no response")
	}
	return answer.Response, nil
}

func (r *remote) post(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	url := strings.TrimSuffix(r.url, "/") + path
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	const maxAnswer = 1 << 20
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode == http.StatusOK {
		return json.Unmarshal(data, answer)
	}
	var status metav1.Status
	if json.Unmarshal(data, &status) == nil && status.Message != "" {
		return fmt.Errorf("the server gives no decision (%s): %s", response.Status, status.Message)
	}
	return fmt.Errorf("the server gives no decision: %s", response.Status)
}
