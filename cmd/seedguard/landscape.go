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

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/garden/directory"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/server"
)

// landscapeFlags say which directory of manifests a command works on.
type landscapeFlags struct {
	dir         string
	parentScope string
	config      string
	references  string
}

func (f *landscapeFlags) addFlags(set *pflag.FlagSet) {
	set.StringVar(&f.dir, "landscape", "", "directory of manifests to decide on")
	set.StringVar(&f.config, "config", "",
		"configuration file of serve; its sections authorizer, restriction and kubeconfigAccess say how to decide")
	set.StringVar(&f.parentScope, "parent-scope", "", "Seed (the default) or Everything, as in serve")
	set.StringVar(&f.references, "references", "", "Enforce (the default), Warn or Off, as in serve")
}

// configuration returns what to decide by: the file's, if one was given, with the given flags over it.
func (f *landscapeFlags) configuration() (*config.SeedGuardConfiguration, error) {
	c := config.Default()
	if f.config != "" {
		var err error
		if c, err = config.Load(f.config); err != nil {
			return nil, err
		}
	}
	if f.parentScope != "" {
		c.Authorizer.ParentScope = graph.ParentScope(f.parentScope)
	}
	if f.references != "" {
		c.Restriction.References = admission.References(f.references)
	}
	return c, c.Validate()
}

// landscape is a directory of manifests as it was when it was loaded. Nothing runs behind it.
type landscape struct {
	config *config.SeedGuardConfiguration
	graph  *graph.Graph
	garden *garden.Garden
	access *access.Policy
}

// loadTimeout bounds the loading of a directory.
const loadTimeout = 2 * time.Minute

// load brings the directory into a graph, and tells what is wrong with the directory.
func (f *landscapeFlags) load(ctx context.Context, warnings io.Writer) (*landscape, error) {
	c, err := f.configuration()
	if err != nil {
		return nil, err
	}
	source, err := directory.New(f.dir)
	if err != nil {
		return nil, err
	}
	for _, problem := range source.Problems() {
		_, _ = fmt.Fprintf(warnings, "Warning: %s: %s\n", f.dir, problem) // for people only
	}
	l := &landscape{config: c, graph: graph.New(graph.Options{ParentScope: c.Authorizer.ParentScope})}
	if l.garden, err = garden.New(garden.Options{Source: source, Graph: l.graph}); err != nil {
		return nil, err
	}
	l.access = access.New(l.garden, c.KubeconfigAccess, nil)
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
	policy := l.config.Restriction
	a, err := authorizer.New(authorizer.Options{
		Graph: l.graph, References: policy.References == admission.ReferencesEnforce, Access: l.access,
	})
	if err != nil {
		return nil, err
	}
	return &offline{a, admission.New(admission.Options{Reader: l.garden, Policy: policy, Access: l.access})}, nil
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
