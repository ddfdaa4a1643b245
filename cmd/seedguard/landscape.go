package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/pflag"
	admissionv1 "k8s.io/api/admission/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/garden/directory"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/server"
)

// landscapeFlags say which directory of manifests a command works on.
type landscapeFlags struct {
	dir         string
	parentScope string
}

func (f *landscapeFlags) addFlags(set *pflag.FlagSet) {
	set.StringVar(&f.dir, "landscape", "", "directory of manifests to decide on")
	set.StringVar(&f.parentScope, "parent-scope", string(graph.ParentScopeSeed), "Seed or Everything, as in serve")
}

// landscape is a directory of manifests as it was when it was loaded. Nothing runs behind it.
type landscape struct {
	graph  *graph.Graph
	garden *garden.Garden
}

// loadTimeout bounds the loading of a directory.
const loadTimeout = 2 * time.Minute

// load brings the directory into a graph, and tells what is wrong with the directory.
func (f *landscapeFlags) load(ctx context.Context, warnings io.Writer) (*landscape, error) {
	scope := graph.ParentScope(f.parentScope)
	if scope != graph.ParentScopeSeed && scope != graph.ParentScopeEverything {
		return nil, fmt.Errorf("--parent-scope %s: want %s or %s", scope, graph.ParentScopeSeed, graph.ParentScopeEverything)
	}
	source, err := directory.New(f.dir)
	if err != nil {
		return nil, err
	}
	for _, problem := range source.Problems() {
		_, _ = fmt.Fprintf(warnings, "Warning: %s: %s\n", f.dir, problem) // for people only
	}
	l := &landscape{graph: graph.New(graph.Options{ParentScope: scope})}
	if l.garden, err = garden.New(garden.Options{Source: source, Graph: l.graph}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	loading, stop := context.WithCancel(ctx)
	defer stop()
	running.Go(func() { _ = l.garden.Run(loading) }) // ends without error when it is told to
	if err := l.garden.WaitReady(ctx); err != nil {
		return nil, fmt.Errorf("%s was not loaded: %w", f.dir, err)
	}
	return l, nil
}

// pair returns both halves on the landscape.
func (l *landscape) pair() (decider, error) {
	a, err := authorizer.New(authorizer.Options{Graph: l.graph})
	if err != nil {
		return nil, err
	}
	return &offline{a, admission.New(admission.Options{Reader: l.garden})}, nil
}

// offline is the pair in this process.
type offline struct {
	authorizer kauthorizer.UnconditionalAuthorizer
	admission  *admission.Plugin
}

// authorize takes the review through the server's decoder, so that it is read as it would be on the wire.
func (o *offline) authorize(
	ctx context.Context, review *authorizationv1.SubjectAccessReview,
) (*authorizationv1.SubjectAccessReviewStatus, error) {
	body, err := json.Marshal(review)
	if err != nil {
		return nil, err
	}
	attributes, err := server.DecodeReview(body)
	if err != nil {
		return nil, err
	}
	decision, reason, err := o.authorizer.Authorize(ctx, attributes)
	status := &authorizationv1.SubjectAccessReviewStatus{
		Allowed: decision == kauthorizer.DecisionAllow, Denied: decision == kauthorizer.DecisionDeny, Reason: reason,
	}
	if err != nil {
		status.EvaluationError = err.Error()
	}
	return status, nil
}

func (o *offline) admit(
	ctx context.Context, request *admissionv1.AdmissionRequest,
) (*admissionv1.AdmissionResponse, error) {
	// A server logs what it denies; here the answer says it.
	return o.admission.Admit(klog.NewContext(ctx, klog.Logger{}), request), nil
}

// knownResources returns the resources that the rule table names.
func knownResources() []schema.GroupResource {
	var known []schema.GroupResource
	for _, rule := range authorizer.Rules() {
		known = append(known, rule.Resource)
	}
	return known
}
