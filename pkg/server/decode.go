package server

import (
	"errors"
	"fmt"
	"unicode/utf8"

	authorizationv1 "k8s.io/api/authorization/v1"
	authorizationv1beta1 "k8s.io/api/authorization/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

const reviewKind = "SubjectAccessReview"

// Two decoders read a SubjectAccessReview. The fast one knows what kube-apiserver writes, and gives up on everything that it
// does not read in the very same way as the official one: duplicate or null fields, escapes, bytes beyond ASCII, numbers,
// wrong types, syntax errors. What it gave up on goes to the official one, which so has the last word on every odd body.
//
// Invariant: a body that the fast decoder accepts is accepted by the official one with the same review
// (FuzzSubjectAccessReview).

// DecodeReview returns what a SubjectAccessReview in JSON asks (SPEC 5). The error says what is wrong with it, in words for
// the caller.
func DecodeReview(body []byte) (authorizer.Attributes, error) {
	r, err := decodeReview(string(body))
	if err != nil {
		return nil, err
	}
	return r, nil
}

// decodeReview decodes and validates a SubjectAccessReview. The error says what is wrong with it, in words for the caller.
func decodeReview(body string) (*review, error) {
	r := newReview()
	if decodeFast(body, r) {
		return r, validateReview(r)
	}
	r, err := decodeOfficially([]byte(body))
	if err != nil {
		return nil, err
	}
	return r, validateReview(r)
}

// validateReview applies the API server's own rules to a review that a decoder accepts.
func validateReview(r *review) error {
	if r.ResourceRequest && r.APIVersion == "" {
		r.APIVersion = "*" // as the API server reads it
	}
	if r.info.Name == "" && len(r.info.Groups) == 0 {
		return errors.New("spec.user or the groups of the user must be set")
	}
	for _, s := range []struct {
		field string
		both  bool
	}{
		{"fieldSelector", r.fieldSelector.raw != "" && len(r.fieldSelector.requirements) > 0},
		{"labelSelector", r.labelSelector.raw != "" && len(r.labelSelector.requirements) > 0},
	} {
		if s.both {
			return fmt.Errorf("spec.resourceAttributes.%s must not have both rawSelector and requirements", s.field)
		}
	}
	return nil
}

// notServed says that a body is something else than what is served.
func notServed(got schema.GroupVersionKind, want string) error {
	return fmt.Errorf("the body is a %q of %q, no %s of a version that is served", got.Kind, got.GroupVersion(), want)
}

// decoder is the official one, for JSON alone.
var decoder = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	utilruntime.Must(authorizationv1.AddToScheme(scheme))
	utilruntime.Must(authorizationv1beta1.AddToScheme(scheme))
	return json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{})
}()

func decodeOfficially(body []byte) (*review, error) {
	if len(body) == 0 {
		return nil, errors.New("the body is empty")
	}
	object, gvk, err := decoder.Decode(body, nil, nil)
	switch {
	case runtime.IsMissingKind(err):
		return nil, errors.New("the body has no kind")
	case runtime.IsMissingVersion(err):
		return nil, errors.New("the body has no apiVersion")
	case runtime.IsNotRegisteredError(err), err == nil && gvk.Kind != reviewKind:
		return nil, notServed(*gvk, reviewKind)
	case err != nil:
		return nil, fmt.Errorf("the body is no %s: %w", reviewKind, err)
	// The official decoder finds apiVersion and kind in any case ("KIND"), but does not store them then.
	case object.GetObjectKind().GroupVersionKind() != *gvk:
		return nil, errors.New("apiVersion and kind must be spelled exactly so")
	}
	r := newReview()
	var spec authorizationv1.SubjectAccessReviewSpec
	switch sar := object.(type) {
	case *authorizationv1.SubjectAccessReview:
		r.version, spec = reviewV1, sar.Spec
	case *authorizationv1beta1.SubjectAccessReview:
		r.version, spec = reviewV1beta1, specOfV1beta1(sar.Spec)
	default:
		return nil, fmt.Errorf("BUG: a %s is decoded as %T", reviewKind, object)
	}
	r.info.Name, r.info.Groups = spec.User, spec.Groups
	if err := exactlyOne(spec.ResourceAttributes != nil, spec.NonResourceAttributes != nil); err != nil {
		return nil, err
	}
	if n := spec.NonResourceAttributes; n != nil {
		r.Verb, r.Path = n.Verb, n.Path
		return r, nil
	}
	a := spec.ResourceAttributes
	r.ResourceRequest = true
	r.Verb, r.Namespace, r.Name = a.Verb, a.Namespace, a.Name
	r.APIGroup, r.APIVersion, r.Resource, r.Subresource = a.Group, a.Version, a.Resource, a.Subresource
	if s := a.FieldSelector; s != nil {
		r.fieldSelector.raw, r.fieldSelector.requirements = s.RawSelector, s.Requirements
	}
	if s := a.LabelSelector; s != nil {
		r.labelSelector.raw, r.labelSelector.requirements = s.RawSelector, s.Requirements
	}
	return r, nil
}

func exactlyOne(resource, nonResource bool) error {
	if resource == nonResource {
		return errors.New("exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be set")
	}
	return nil
}

// specOfV1beta1 leaves out the uid and the extra fields, which decide nothing.
func specOfV1beta1(in authorizationv1beta1.SubjectAccessReviewSpec) authorizationv1.SubjectAccessReviewSpec {
	out := authorizationv1.SubjectAccessReviewSpec{User: in.User, Groups: in.Groups}
	if in.ResourceAttributes != nil {
		attributes := authorizationv1.ResourceAttributes(*in.ResourceAttributes)
		out.ResourceAttributes = &attributes
	}
	if in.NonResourceAttributes != nil {
		attributes := authorizationv1.NonResourceAttributes(*in.NonResourceAttributes)
		out.NonResourceAttributes = &attributes
	}
	return out
}

// maxDepth bounds the nesting of values that the fast decoder skips.
const maxDepth = 16

// scan is the state of the fast decoder: how far it is, and whether it has given up.
type scan struct {
	body   string
	at     int
	gaveUp bool
}

// seen remembers the fields of one object, each by a bit, to find duplicates.
type seen uint16

// first says whether the field comes for the first time. A duplicate makes the scan give up.
func (s *scan) first(fields *seen, field seen) bool {
	if *fields&field != 0 {
		s.gaveUp = true
		return false
	}
	*fields |= field
	return true
}

// decodeFast fills r from the body and says whether it could. When it could not, r is of no use.
func decodeFast(body string, r *review) bool {
	s := &scan{body: body}
	const (
		apiVersion seen = 1 << iota
		kind
		metadata
		spec
		status
	)
	var fields seen
	// Both spellings of the groups are collected, because apiVersion may come last: v1 has groups, v1beta1 has group.
	var v1Groups, v1beta1Groups []string
	for name, more := s.object(); more; name, more = s.nextField() {
		switch name {
		case "apiVersion":
			s.first(&fields, apiVersion)
			switch s.text() {
			case "authorization.k8s.io/v1":
				r.version = reviewV1
			case "authorization.k8s.io/v1beta1":
				r.version = reviewV1beta1
			default:
				return false
			}
		case "kind":
			s.first(&fields, kind)
			if s.text() != reviewKind {
				return false
			}
		case "metadata":
			s.first(&fields, metadata)
			s.emptyMetadata()
		case "spec":
			s.first(&fields, spec)
			v1Groups, v1beta1Groups = s.spec(r)
		case "status":
			s.first(&fields, status)
			s.status()
		default:
			// Not skipped as elsewhere: the official decoder finds kind and apiVersion in any case.
			return false
		}
	}
	s.space()
	if s.gaveUp || s.at != len(body) || fields&(apiVersion|kind|spec) != apiVersion|kind|spec {
		return false
	}
	r.info.Groups = v1Groups
	if r.version == reviewV1beta1 {
		r.info.Groups = v1beta1Groups
	}
	return true
}

func (s *scan) spec(r *review) (v1Groups, v1beta1Groups []string) {
	const (
		userName seen = 1 << iota
		groups
		group
		uid
		extra
		resource
		nonResource
	)
	var fields seen
	room := r.room[:0:len(r.room)]
	for name, more := s.object(); more; name, more = s.nextField() {
		switch name {
		case "user":
			s.first(&fields, userName)
			r.info.Name = s.text()
		case "groups":
			s.first(&fields, groups)
			v1Groups = s.texts(room)
			room = nil
		case "group":
			s.first(&fields, group)
			v1beta1Groups = s.texts(room)
			room = nil
		case "uid":
			s.first(&fields, uid)
			s.text()
		case "extra":
			s.first(&fields, extra)
			for _, more := s.object(); more; _, more = s.nextField() {
				s.skipTexts()
			}
		case "resourceAttributes":
			s.first(&fields, resource)
			r.ResourceRequest = true
			s.resourceAttributes(r)
		case "nonResourceAttributes":
			s.first(&fields, nonResource)
			s.nonResourceAttributes(r)
		default:
			s.skip(0)
		}
	}
	if exactlyOne(fields&resource != 0, fields&nonResource != 0) != nil {
		s.gaveUp = true
	}
	return v1Groups, v1beta1Groups
}

func (s *scan) resourceAttributes(r *review) {
	const (
		namespace seen = 1 << iota
		verb
		group
		version
		resource
		subresource
		objectName
		fieldSelector
		labelSelector
	)
	var fields seen
	for name, more := s.object(); more; name, more = s.nextField() {
		switch name {
		case "namespace":
			s.first(&fields, namespace)
			r.Namespace = s.text()
		case "verb":
			s.first(&fields, verb)
			r.Verb = s.text()
		case "group":
			s.first(&fields, group)
			r.APIGroup = s.text()
		case "version":
			s.first(&fields, version)
			r.APIVersion = s.text()
		case "resource":
			s.first(&fields, resource)
			r.Resource = s.text()
		case "subresource":
			s.first(&fields, subresource)
			r.Subresource = s.text()
		case "name":
			s.first(&fields, objectName)
			r.Name = s.text()
		case "fieldSelector":
			s.first(&fields, fieldSelector)
			scanSelector(s, &r.fieldSelector, func(key, operator string, values []string) metav1.FieldSelectorRequirement {
				return metav1.FieldSelectorRequirement{Key: key, Operator: metav1.FieldSelectorOperator(operator), Values: values}
			})
		case "labelSelector":
			s.first(&fields, labelSelector)
			scanSelector(s, &r.labelSelector, func(key, operator string, values []string) metav1.LabelSelectorRequirement {
				return metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOperator(operator), Values: values}
			})
		default:
			s.skip(0)
		}
	}
}

func (s *scan) nonResourceAttributes(r *review) {
	const (
		path seen = 1 << iota
		verb
	)
	var fields seen
	for name, more := s.object(); more; name, more = s.nextField() {
		switch name {
		case "path":
			s.first(&fields, path)
			r.Path = s.text()
		case "verb":
			s.first(&fields, verb)
			r.Verb = s.text()
		default:
			s.skip(0)
		}
	}
}

func scanSelector[R, P any](s *scan, into *selector[R, P], requirement func(key, operator string, values []string) R) {
	const (
		rawSelector seen = 1 << iota
		requirements
	)
	var fields seen
	for name, more := s.object(); more; name, more = s.nextField() {
		switch name {
		case "rawSelector":
			s.first(&fields, rawSelector)
			into.raw = s.text()
		case "requirements":
			s.first(&fields, requirements)
			for more := s.array(); more; more = s.nextElement() {
				into.requirements = append(into.requirements, requirement(s.requirement()))
			}
		default:
			s.skip(0)
		}
	}
}

func (s *scan) requirement() (key, operator string, values []string) {
	const (
		keyField seen = 1 << iota
		operatorField
		valuesField
	)
	var fields seen
	for name, more := s.object(); more; name, more = s.nextField() {
		switch name {
		case "key":
			s.first(&fields, keyField)
			key = s.text()
		case "operator":
			s.first(&fields, operatorField)
			operator = s.text()
		case "values":
			s.first(&fields, valuesField)
			values = s.texts(nil)
		default:
			s.skip(0)
		}
	}
	return key, operator, values
}

// emptyMetadata reads the metadata that a review has: none, or the creationTimestamp null of older clients.
func (s *scan) emptyMetadata() {
	var fields seen
	for name, more := s.object(); more; name, more = s.nextField() {
		if name != "creationTimestamp" || !s.first(&fields, 1) || !s.word("null") {
			s.gaveUp = true
			return
		}
	}
}

// status reads the status that a question has: allowed false.
func (s *scan) status() {
	var fields seen
	for name, more := s.object(); more; name, more = s.nextField() {
		if name != "allowed" || !s.first(&fields, 1) || !s.word("false") && !s.word("true") {
			s.gaveUp = true
			return
		}
	}
}

// object enters an object and returns its first field's name; false when it is empty, or none.
func (s *scan) object() (name string, more bool) {
	if !s.byte('{') {
		s.gaveUp = true
		return "", false
	}
	if s.byte('}') {
		return "", false
	}
	return s.field()
}

// nextField returns the name of the next field of the object that the scan is in; false after the last.
func (s *scan) nextField() (name string, more bool) {
	switch {
	case s.gaveUp:
		return "", false
	case s.byte(','):
		return s.field()
	case !s.byte('}'):
		s.gaveUp = true
	}
	return "", false
}

func (s *scan) field() (name string, more bool) {
	name = s.text()
	if !s.byte(':') {
		s.gaveUp = true
	}
	return name, !s.gaveUp
}

// array enters an array; false when it is empty, or none.
func (s *scan) array() (more bool) {
	if !s.byte('[') {
		s.gaveUp = true
		return false
	}
	return !s.byte(']')
}

// nextElement moves on in the array that the scan is in; false after the last element.
func (s *scan) nextElement() (more bool) {
	switch {
	case s.gaveUp:
		return false
	case s.byte(','):
		return true
	case !s.byte(']'):
		s.gaveUp = true
	}
	return false
}

// texts reads an array of strings and appends them to room.
func (s *scan) texts(room []string) []string {
	for more := s.array(); more; more = s.nextElement() {
		room = append(room, s.text())
	}
	return room
}

func (s *scan) skipTexts() {
	for more := s.array(); more; more = s.nextElement() {
		s.text()
	}
}

// skip reads a value that nobody asks for. Numbers make the scan give up.
func (s *scan) skip(depth int) {
	s.space()
	if s.gaveUp || s.at == len(s.body) || depth == maxDepth {
		s.gaveUp = true
		return
	}
	switch s.body[s.at] {
	case '{':
		for _, more := s.object(); more; _, more = s.nextField() {
			s.skip(depth + 1)
		}
	case '[':
		for more := s.array(); more; more = s.nextElement() {
			s.skip(depth + 1)
		}
	case '"':
		s.text()
	default:
		if !s.word("null") && !s.word("true") && !s.word("false") {
			s.gaveUp = true
		}
	}
}

// text reads a string that stands in the body as it is meant: ASCII without escapes.
func (s *scan) text() string {
	if !s.byte('"') {
		s.gaveUp = true
		return ""
	}
	body, start := s.body, s.at
	for i := start; i < len(body); i++ {
		switch c := body[i]; {
		case c == '"':
			s.at = i + 1
			return body[start:i]
		case c == '\\' || c < ' ' || c >= utf8.RuneSelf:
			s.gaveUp = true
			return ""
		}
	}
	s.gaveUp = true
	return ""
}

// word reads the literal, and says whether it was there.
func (s *scan) word(literal string) bool {
	s.space()
	if len(s.body)-s.at < len(literal) || s.body[s.at:s.at+len(literal)] != literal {
		return false
	}
	s.at += len(literal)
	return true
}

// byte reads the byte, and says whether it was there.
func (s *scan) byte(c byte) bool {
	s.space()
	if s.at == len(s.body) || s.body[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *scan) space() {
	for s.at < len(s.body) {
		switch s.body[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}
