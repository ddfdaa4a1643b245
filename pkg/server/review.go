package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// typeMeta opens every body. Members that it does not know are errors at the top of a body, because the API server's
// decoder would take "KIND" for the kind.
type typeMeta struct {
	Kind       string         `json:"kind"`
	APIVersion string         `json:"apiVersion"`
	Unknown    jsontext.Value `json:",embed"`
}

// decode decodes a body into what opens with t. It returns an error unless the body is of the kind and one of the
// versions.
func (t *typeMeta) decode(body []byte, into any, kind string, versions ...string) error {
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the body is no %s: %w", kind, err)
	}
	if t.Kind != kind || !slices.Contains(versions, t.APIVersion) {
		return fmt.Errorf("the body is a %q of %q, no %s of a version that is served", t.Kind, t.APIVersion, kind)
	}
	if len(t.Unknown) > 0 {
		return fmt.Errorf("the %s has unknown members at the top: %s", kind, t.Unknown)
	}
	return nil
}

// subjectAccessReview is what is read of a SubjectAccessReview of v1 or v1beta1, which differ in how they spell the
// groups. Its metadata and status are known to be objects.
type subjectAccessReview struct {
	typeMeta
	Metadata struct{} `json:"metadata"`
	Spec     struct {
		ResourceAttributes    *authorizationv1.ResourceAttributes    `json:"resourceAttributes"`
		NonResourceAttributes *authorizationv1.NonResourceAttributes `json:"nonResourceAttributes"`
		User                  string                                 `json:"user"`
		V1Groups              []string                               `json:"groups"`
		V1beta1Groups         []string                               `json:"group"`
	} `json:"spec"`
	Status struct{} `json:"status"`
}

const (
	reviewKind    = "SubjectAccessReview"
	reviewV1      = "authorization.k8s.io/v1"
	reviewV1beta1 = "authorization.k8s.io/v1beta1"
)

// review is what a SubjectAccessReview asks, and the version that its answer must have. Its user has a name and groups,
// and nothing else.
type review struct {
	authorizer.AttributesRecord
	version string
	waited  time.Duration
}

// Waited implements the authorizer's Waiter.
func (r *review) Waited(d time.Duration) { r.waited += d }

func (r *review) resource() schema.GroupResource {
	return schema.GroupResource{Group: r.APIGroup, Resource: r.Resource}
}

// DecodeReview returns what a SubjectAccessReview in JSON asks. The error tells the caller what is wrong with it.
func DecodeReview(body []byte) (authorizer.Attributes, error) {
	r, err := decodeReview(body)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func decodeReview(body []byte) (*review, error) {
	var in subjectAccessReview
	if err := in.decode(body, &in, reviewKind, reviewV1, reviewV1beta1); err != nil {
		return nil, err
	}
	spec := &in.Spec
	groups := spec.V1Groups
	if in.APIVersion == reviewV1beta1 {
		groups = spec.V1beta1Groups
	}
	switch {
	case (spec.ResourceAttributes == nil) == (spec.NonResourceAttributes == nil):
		return nil, errors.New("exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be set")
	case spec.User == "" && len(groups) == 0:
		return nil, errors.New("spec.user or the groups of the user must be set")
	}
	r := &review{version: in.APIVersion}
	r.User = &user.DefaultInfo{Name: spec.User, Groups: groups}
	if n := spec.NonResourceAttributes; n != nil {
		r.Verb, r.Path = n.Verb, n.Path
		return r, nil
	}
	return r, r.setResource(spec.ResourceAttributes)
}

// setResource sets what the review asks about a resource.
func (r *review) setResource(a *authorizationv1.ResourceAttributes) error {
	r.ResourceRequest = true
	r.Verb, r.Namespace, r.Name = a.Verb, a.Namespace, a.Name
	r.APIGroup, r.APIVersion, r.Resource, r.Subresource = a.Group, a.Version, a.Resource, a.Subresource
	if r.APIVersion == "" {
		r.APIVersion = "*" // as the API server reads it
	}
	const both = "spec.resourceAttributes.%s must not have both rawSelector and requirements"
	if s := a.FieldSelector; s != nil {
		if s.RawSelector != "" && len(s.Requirements) > 0 {
			return fmt.Errorf(both, "fieldSelector")
		}
		r.FieldSelectorRequirements, r.FieldSelectorParsingErr = fieldRequirements(s)
	}
	if s := a.LabelSelector; s != nil {
		if s.RawSelector != "" && len(s.Requirements) > 0 {
			return fmt.Errorf(both, "labelSelector")
		}
		r.LabelSelectorRequirements, r.LabelSelectorParsingErr = labelRequirements(s)
	}
	return nil
}

// fieldRequirements parses a field selector as the API server does. Requirements that cannot be understood are left out
// and reported in the error. The rest still holds, because requirements only narrow.
func fieldRequirements(s *authorizationv1.FieldSelectorAttributes) (out fields.Requirements, err error) {
	if s.RawSelector != "" {
		parsed, err := fields.ParseSelector(s.RawSelector)
		if err != nil {
			return nil, err
		}
		return parsed.Requirements(), nil
	}
	var errs []error
	for _, r := range s.Requirements {
		operator := selection.Equals
		switch r.Operator {
		case metav1.FieldSelectorOpIn:
		case metav1.FieldSelectorOpNotIn:
			operator = selection.NotEquals
		default:
			errs = append(errs, fmt.Errorf("operator %q is not supported in a field selector", r.Operator))
			continue
		}
		if len(r.Values) != 1 {
			errs = append(errs, fmt.Errorf("a field selector needs exactly one value, %q has %d", r.Key, len(r.Values)))
			continue
		}
		out = append(out, fields.Requirement{Field: r.Key, Operator: operator, Value: r.Values[0]})
	}
	return out, errors.Join(errs...)
}

// labelRequirements is to labels what fieldRequirements is to fields.
func labelRequirements(s *authorizationv1.LabelSelectorAttributes) (out labels.Requirements, err error) {
	if s.RawSelector != "" {
		return labels.ParseToRequirements(s.RawSelector)
	}
	var errs []error
	for _, r := range s.Requirements {
		selector, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{r},
		})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		requirements, _ := selector.Requirements()
		out = append(out, requirements...)
	}
	return out, errors.Join(errs...)
}

// reviewAnswer is the SubjectAccessReview that answers another: its version is that of the question.
type reviewAnswer struct {
	Kind       string                                    `json:"kind"`
	APIVersion string                                    `json:"apiVersion"`
	Status     authorizationv1.SubjectAccessReviewStatus `json:"status"`
}

// answerReview answers a SubjectAccessReview. An error of the authorizer goes into evaluationError: it explains the
// decision and does not change it.
func (s *Server) answerReview(ctx context.Context, header http.Header, body []byte) (any, error) {
	r, err := decodeReview(body)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	decision, reason, err := s.options.Authorizer.Authorize(ctx, r)
	s.metrics.reviewed(r, decision, time.Since(start)-r.waited)
	s.logDecision(r, decision, reason, err)
	if s.comparison != nil && header.Get(comparedHeader) == "" {
		s.comparison.offer(&compared{body, r, decision == authorizer.DecisionAllow, reason})
	}
	if s.options.Observe {
		decision, reason = authorizer.DecisionNoOpinion, "seedguard observes, and would say "+resultOf(decision)+": "+reason
	}

	answer := &reviewAnswer{Kind: reviewKind, APIVersion: r.version}
	answer.Status.Allowed = decision == authorizer.DecisionAllow
	answer.Status.Denied = decision == authorizer.DecisionDeny
	answer.Status.Reason = reason
	if err != nil {
		answer.Status.EvaluationError = err.Error()
	}
	return answer, nil
}

func (s *Server) logDecision(r *review, decision authorizer.Decision, reason string, err error) {
	// No opinion is ordinary: RBAC may still allow the request.
	level := 4
	if decision == authorizer.DecisionAllow {
		level = 6
	}
	logger := s.log.V(level)
	if !logger.Enabled() {
		return
	}
	logger.Info("Authorized", "decision", decision.String(), "reason", reason, "err", err, "user", r.User.GetName(),
		"verb", r.Verb, "group", r.APIGroup, "resource", r.Resource, "subresource", r.Subresource,
		"namespace", r.Namespace, "name", r.Name, "path", r.Path)
}
