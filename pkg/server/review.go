package server

import (
	"errors"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// reviewVersion is the version of authorization.k8s.io that a review is written in, and so the version of its answer.
type reviewVersion uint8

const (
	reviewV1 reviewVersion = iota + 1
	reviewV1beta1
)

// review is a decoded SubjectAccessReview (SPEC 5), as the authorizer sees it. Its strings are parts of a copy of the body that
// is its own: whoever keeps one keeps nothing that is used again.
type review struct {
	// AttributesRecord holds all but the selectors, which are below.
	authorizer.AttributesRecord
	version reviewVersion
	// info is what User points to, so that decoding costs one allocation. The uid and the extra fields decide nothing and are
	// left out.
	info user.DefaultInfo
	// room keeps the groups of an ordinary seed client (two for a gardenlet, three for a ServiceAccount) beside the review.
	room [6]string

	fieldSelector selector[metav1.FieldSelectorRequirement, fields.Requirements]
	labelSelector selector[metav1.LabelSelectorRequirement, labels.Requirements]
}

// selector is a selector as it came, and once somebody asks, as it parses.
type selector[R any, P any] struct {
	raw          string
	requirements []R

	once   sync.Once
	parsed P
	err    error
}

var _ authorizer.Attributes = &review{}

func newReview() *review {
	r := new(review)
	r.User = &r.info
	return r
}

// GetFieldSelector parses the field selector when it is asked for the first time. Requirements that cannot be understood are
// left out and reported in the error: the rest still holds, because requirements only narrow.
func (r *review) GetFieldSelector() (fields.Requirements, error) {
	s := &r.fieldSelector
	if s.raw == "" && s.requirements == nil {
		return nil, nil
	}
	s.once.Do(func() {
		if s.raw == "" {
			s.parsed, s.err = fieldRequirements(s.requirements)
			return
		}
		parsed, err := fields.ParseSelector(s.raw)
		if err != nil {
			s.err = err
			return
		}
		s.parsed = parsed.Requirements()
	})
	return s.parsed, s.err
}

// GetLabelSelector is to labels what GetFieldSelector is to fields.
func (r *review) GetLabelSelector() (labels.Requirements, error) {
	s := &r.labelSelector
	if s.raw == "" && s.requirements == nil {
		return nil, nil
	}
	s.once.Do(func() {
		if s.raw == "" {
			s.parsed, s.err = labelRequirements(s.requirements)
			return
		}
		parsed, err := labels.Parse(s.raw)
		if err != nil {
			s.err = err
			return
		}
		s.parsed, _ = parsed.Requirements()
	})
	return s.parsed, s.err
}

func fieldRequirements(in []metav1.FieldSelectorRequirement) (out fields.Requirements, err error) {
	var errs []error
	for _, r := range in {
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

var labelOperators = map[metav1.LabelSelectorOperator]selection.Operator{
	metav1.LabelSelectorOpIn:           selection.In,
	metav1.LabelSelectorOpNotIn:        selection.NotIn,
	metav1.LabelSelectorOpExists:       selection.Exists,
	metav1.LabelSelectorOpDoesNotExist: selection.DoesNotExist,
}

func labelRequirements(in []metav1.LabelSelectorRequirement) (out labels.Requirements, err error) {
	var errs []error
	for _, r := range in {
		operator, ok := labelOperators[r.Operator]
		if !ok {
			errs = append(errs, fmt.Errorf("operator %q is not supported in a label selector", r.Operator))
			continue
		}
		requirement, err := labels.NewRequirement(r.Key, operator, r.Values)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, *requirement)
	}
	return out, errors.Join(errs...)
}
