package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// question is what `can-i` asks, from its flags and arguments.
type question struct {
	user            string
	groups          []string
	seed, extension string

	explain.Question
	path                         string
	fieldSelector, labelSelector string
}

func (q *question) addFlags(set *pflag.FlagSet) {
	set.StringVar(&q.user, "as", "", "name of the user who asks")
	set.StringArrayVar(&q.groups, "as-group", nil, "group of the user who asks; can be repeated")
	set.StringVar(&q.seed, "seed", "", "ask as the gardenlet of this Seed, or as the extension on it")
	set.StringVar(&q.extension, "extension", "",
		"ask as this extension on the Seed: the name of its ServiceAccount, with or without extension-")
	set.StringVarP(&q.Namespace, "namespace", "n", "",
		"namespace of the resource, unless it stands before the name; none for all namespaces and for cluster-scoped "+
			"resources")
	set.StringVar(&q.fieldSelector, "field-selector", "", "field selector of a list, watch or deletecollection")
	set.StringVarP(&q.labelSelector, "selector", "l", "", "label selector of a list, watch or deletecollection")
}

// parse reads the arguments: VERB RESOURCE[.GROUP][/SUBRESOURCE] [[NAMESPACE/]NAME], or VERB /PATH.
func (q *question) parse(args []string) error {
	if len(args) < 2 {
		return errors.New("a verb and a resource are needed, as in: can-i get secrets my-secret -n garden-dev --seed my-seed")
	}
	q.Verb = args[0]
	if strings.HasPrefix(args[1], "/") {
		if len(args) > 2 {
			return errors.New("a path has no name after it")
		}
		q.path = args[1]
		return nil
	}
	name, subresource, _ := strings.Cut(args[1], "/")
	q.Subresource = subresource
	var err error
	if q.Resource, err = explain.Resolve(name); err == nil {
		err = explain.CheckVerb(q.Verb)
	}
	if err == nil && len(args) > 2 {
		err = q.locate(args[2])
	}
	return err
}

// locate reads [NAMESPACE/]NAME.
func (q *question) locate(object string) error {
	namespace, name, ok := strings.Cut(object, "/")
	switch {
	case !ok:
		q.Name = object
		return nil
	case namespace == "" || name == "" || strings.Contains(name, "/"):
		return fmt.Errorf("%q is not [NAMESPACE/]NAME", object)
	case q.Namespace != "" && q.Namespace != namespace:
		return fmt.Errorf("-n %s and %s are two namespaces", q.Namespace, object)
	}
	q.Namespace, q.Name = namespace, name
	return nil
}

// info returns the user who asks.
func (q *question) info() (*user.DefaultInfo, error) {
	switch {
	case q.user != "" && q.seed != "":
		return nil, errors.New("--as and --seed exclude each other")
	case q.extension != "" && q.seed == "":
		return nil, errors.New("--extension needs --seed")
	case q.user != "":
		return &user.DefaultInfo{Name: q.user, Groups: q.groups}, nil
	case q.seed == "":
		return nil, errors.New("say who asks: --as and --as-group, or --seed and --extension")
	case len(q.groups) > 0:
		return nil, errors.New("--as-group goes with --as; --seed brings its own groups")
	case q.extension == "":
		return identity.Client{Kind: identity.Gardenlet, Seed: q.seed}.User(), nil
	default:
		extension := strings.TrimPrefix(q.extension, naming.ExtensionPrefix)
		return identity.Client{Kind: identity.Extension, Seed: q.seed, Extension: extension}.User(), nil
	}
}

// review returns the question as kube-apiserver asks it.
func (q *question) review() (*authorizationv1.SubjectAccessReview, error) {
	who, err := q.info()
	if err != nil {
		return nil, err
	}
	if q.fieldSelector+q.labelSelector != "" && !explain.OfCollection(q.Verb) {
		return nil, fmt.Errorf("selectors go with list, watch and deletecollection, not with %s", q.Verb)
	}
	if _, err := fields.ParseSelector(q.fieldSelector); err != nil {
		return nil, fmt.Errorf("--field-selector: %w", err)
	}
	if _, err := labels.Parse(q.labelSelector); err != nil {
		return nil, fmt.Errorf("--selector: %w", err)
	}
	review := &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: who.Name, Groups: who.Groups},
	}
	review.SetGroupVersionKind(authorizationv1.SchemeGroupVersion.WithKind("SubjectAccessReview"))
	if q.path != "" {
		review.Spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Path: q.path, Verb: q.Verb}
		return review, nil
	}
	a := &authorizationv1.ResourceAttributes{
		Verb: q.Verb, Group: q.Resource.Group, Version: "*", Resource: q.Resource.Resource, Subresource: q.Subresource,
		Namespace: q.Namespace, Name: q.Name,
	}
	// kube-apiserver sends what it has parsed; the raw ones are parsed in the same way.
	if q.fieldSelector != "" {
		a.FieldSelector = &authorizationv1.FieldSelectorAttributes{RawSelector: q.fieldSelector}
	}
	if q.labelSelector != "" {
		a.LabelSelector = &authorizationv1.LabelSelectorAttributes{RawSelector: q.labelSelector}
	}
	review.Spec.ResourceAttributes = a
	return review, nil
}
