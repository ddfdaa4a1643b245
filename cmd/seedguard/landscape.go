package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"
	admissionv1 "k8s.io/api/admission/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/garden/directory"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/server"
	"github.com/seedguard/seedguard/pkg/snapshot"
)

// landscapeFlags say which garden a command works on: one in a directory of manifests, or a live one.
type landscapeFlags struct {
	dir                     string
	kubeconfig, contextName string
	parentScope             string
	config                  string
	references              string
}

func (f *landscapeFlags) addFlags(set *pflag.FlagSet) {
	set.StringVar(&f.dir, "landscape", "", "directory of manifests to decide on")
	set.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig of a live garden to decide on: it is read once")
	set.StringVar(&f.contextName, "context", "", "context of the kubeconfig to take instead of its current one")
	set.StringVar(&f.config, "config", "",
		"configuration file of serve; its sections authorizer, restriction and kubeconfigAccess say how to decide")
	set.StringVar(&f.parentScope, "parent-scope", "", "Seed (the default) or Everything, as in serve")
	set.StringVar(&f.references, "references", "", "Enforce (the default), Warn or Off, as in serve")
}

// given reports whether a garden was named.
func (f *landscapeFlags) given() bool { return f.dir != "" || f.kubeconfig != "" }

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

// load reads the garden to decide on it by the configuration. What is wrong with a directory is told to errOut, and so
// is, on a terminal, how far the reading of a live garden has come.
func (f *landscapeFlags) load(ctx context.Context, errOut io.Writer) (*snapshot.Snapshot, error) {
	c, err := f.configuration()
	if err != nil {
		return nil, err
	}
	if c.Authorizer.Mode == config.ModeObserve || c.Restriction.Mode == admission.ModeObserve {
		_, _ = fmt.Fprintf(errOut, "Warning: %s: a server with mode Observe decides nothing; "+
			"the answers are what it records\n", f.config) // for people only
	}
	return f.read(ctx, c, nil, errOut)
}

// read is load with a configuration and a clock of the caller's.
func (f *landscapeFlags) read(
	ctx context.Context, c *config.SeedGuardConfiguration, clock clock.WithDelayedExecution, errOut io.Writer,
) (*snapshot.Snapshot, error) {
	line := newStatusLine(errOut)
	defer line.clear()
	source, err := f.source(ctx, line, errOut)
	if err != nil {
		return nil, err
	}
	l, err := snapshot.Read(ctx, source, c, clock, func(p garden.Progress) {
		line.show("Reading the garden: %d of %d kinds, %d objects", p.Synced, p.Kinds, p.Objects)
	})
	if err == nil && f.dir != "" && l.Garden.Progress().Objects == 0 {
		err = errors.New("there is nothing to decide on")
	}
	if err != nil {
		return nil, fmt.Errorf("%s was not loaded: %w", cmp.Or(f.dir, "the garden of "+f.kubeconfig), err)
	}
	return l, nil
}

// source returns where the objects come from, after a look whether they can be read.
func (f *landscapeFlags) source(ctx context.Context, line *statusLine, warnings io.Writer) (garden.Source, error) {
	switch {
	case f.dir != "" && f.kubeconfig != "":
		return nil, errors.New("--landscape and --kubeconfig exclude each other")
	case !f.given():
		return nil, errors.New("say on which garden: a directory of manifests by --landscape, or a live one by --kubeconfig")
	case f.contextName != "" && f.kubeconfig == "":
		return nil, errors.New("--context needs --kubeconfig")
	case f.dir != "":
		source, err := directory.New(f.dir)
		if err != nil {
			return nil, err
		}
		for _, problem := range source.Problems() {
			_, _ = fmt.Fprintf(warnings, "Warning: %s: %s\n", f.dir, problem) // for people only
		}
		return source, nil
	}
	cluster, err := f.cluster()
	if err != nil {
		return nil, err
	}
	source, err := garden.NewKubeSource(cluster)
	if err != nil {
		return nil, err
	}
	line.show("Reading the garden at %s", cluster.Host)
	if err := readable(ctx, source); err != nil {
		return nil, fmt.Errorf("cannot read the garden at %s: %w", cluster.Host, err)
	}
	return source, nil
}

// cluster returns how to reach the live garden.
func (f *landscapeFlags) cluster() (*rest.Config, error) {
	cluster, err := loadKubeconfig(f.kubeconfig, f.contextName)
	if err != nil {
		return nil, err
	}
	cluster.UserAgent = userAgent()
	cluster.WarningHandler = rest.NoWarnings{} // about deprecated versions, which nobody here can help
	return cluster, nil
}

// readable fails when a watched kind cannot be listed. A server would try again until it can; here somebody waits.
func readable(ctx context.Context, source garden.Prober) error {
	ctx, cancel := context.WithTimeout(ctx, remoteTimeout)
	defer cancel()
	watched := garden.Watched()
	failed := make([]error, len(watched))
	var probing sync.WaitGroup
	for i, kind := range watched {
		probing.Go(func() { failed[i] = source.Probe(ctx, kind) })
	}
	probing.Wait()
	var forbidden []string
	for i, err := range failed {
		resource := watched[i].Resource().GroupResource()
		switch {
		case apierrors.IsForbidden(err):
			forbidden = append(forbidden, resource.String())
		case apierrors.ReasonForError(err) != metav1.StatusReasonUnknown:
			return fmt.Errorf("cannot list %s: %w", resource, err)
		case err != nil: // no answer, or none of an API server
			return err
		}
	}
	if len(forbidden) == 0 {
		return nil
	}
	return fmt.Errorf("permission is needed to list %s in all namespaces, as deploy/generated/permissions gives it: %w",
		strings.Join(forbidden, ", "), failed[slices.IndexFunc(failed, apierrors.IsForbidden)])
}

// offline is the pair in this process.
type offline struct {
	authorizer *authorizer.Authorizer
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
	return &authorizationv1.SubjectAccessReviewStatus{
		Allowed: decision == kauthorizer.DecisionAllow, Denied: decision == kauthorizer.DecisionDeny, Reason: reason,
	}, err
}

func (o *offline) admit(
	ctx context.Context, request *admissionv1.AdmissionRequest,
) (*admissionv1.AdmissionResponse, error) {
	// A server logs what it denies; here the answer says it.
	return o.admission.Admit(klog.NewContext(ctx, klog.Logger{}), request), nil
}
