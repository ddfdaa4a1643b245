package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/garden/directory"
	"github.com/seedguard/seedguard/pkg/scenario"
)

// canI is the command of that name.
type canI struct {
	question  question
	landscape landscapeFlags
	remote    remote
	file      string
	oldFile   string
	output    outputFlag
	streams
}

func newCanI(s streams) *cobra.Command {
	c := &canI{streams: s}
	command := &cobra.Command{
		Use:   "can-i VERB RESOURCE[.GROUP][/SUBRESOURCE] [[NAMESPACE/]NAME]",
		Short: "Ask whether a request would be allowed",
		Long: `Ask whether a request would be allowed: by the tables and a garden, which is a directory of manifests
(--landscape) or a live one (--kubeconfig), or by a running server (--server).

With --filename, the object in the file is created (or updated, or deleted), and both halves are asked: would the
authorizer let the request pass, and would the admission admit it. The resource then follows from the object
when it is left out.

Exit status: 0 when it is allowed, 1 when it is not, 2 when nothing was decided. "No opinion" is not allowed: on an
API server, RBAC is asked next. "Denied" is the answer instead where the configuration has authorizer.mode Deny.`,
		Example: `  # May the gardenlet of Seed aws-eu1 read a Secret?
  seedguard can-i get secrets aws-account -n garden-dev --seed aws-eu1 --landscape examples/landscape

  # May an extension on that Seed list Shoots with this selector?
  seedguard can-i list shoots --seed aws-eu1 --extension provider-aws-k7m2x -l name.seed.gardener.cloud/aws-eu1=true \
    --landscape examples/landscape

  # May that user do it? Ask a running server.
  seedguard can-i update shoots.core.gardener.cloud/status web -n garden-dev --as jane --as-group devs \
    --server https://127.0.0.1:9443 --insecure-skip-tls-verify

  # The same of a live garden, by what it holds now.
  seedguard can-i get secrets aws-account -n garden-dev --seed aws-eu1 --kubeconfig garden.kubeconfig

  # May the gardenlet create this object?
  seedguard can-i create -f object.yaml --seed aws-eu1 --landscape examples/landscape`,
		Args:              cobra.MaximumNArgs(3),
		ValidArgsFunction: completeQuestion,
		RunE: func(command *cobra.Command, args []string) error {
			if err := c.check(command.Flags()); err != nil {
				return err
			}
			return c.run(command.Context(), args)
		},
	}
	flags := command.Flags()
	c.question.addFlags(flags)
	c.landscape.addFlags(flags)
	c.remote.addFlags(flags)
	flags.StringVarP(&c.file, "filename", "f", "",
		"ask both halves about the object in this file; - for the standard input")
	flags.StringVar(&c.oldFile, "old", "",
		"the object as it is before an update or patch; without it, as in --filename, so that nothing changes")
	c.output.addFlag(flags, "text", "json")
	return command
}

// check fails on a flag that would be ignored, for want of another.
func (c *canI) check(set *pflag.FlagSet) error {
	for _, flags := range []struct {
		count bool
		needs string
		names []string
	}{
		{c.remote.url == "" || c.landscape.given(), "--landscape or --kubeconfig: a server decides by its own configuration",
			[]string{"config", "parent-scope", "references", "context"}},
		{c.remote.url != "", "--server",
			[]string{"certificate-authority", "client-certificate", "client-key", "insecure-skip-tls-verify"}},
		{c.file != "", "--filename", []string{"old"}},
	} {
		for _, name := range flags.names {
			if set.Changed(name) && !flags.count {
				return fmt.Errorf("--%s needs %s", name, flags.needs)
			}
		}
	}
	return nil
}

// verdict is the answer of `can-i`, also as JSON.
type verdict struct {
	// Allowed: the request would pass both halves, as far as they were asked.
	Allowed    bool              `json:"allowed"`
	Authorizer authorizerVerdict `json:"authorizer"`
	// Admission is null when only the authorizer was asked.
	Admission *admissionVerdict `json:"admission,omitempty"`
}

type authorizerVerdict struct {
	// Decision is allow, no opinion or deny.
	Decision string `json:"decision"`
	Reason   string `json:"reason,omitempty"`
	Error    string `json:"error,omitempty"`
}

type admissionVerdict struct {
	Allowed bool   `json:"allowed"`
	Code    int32  `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Warnings are what the client is told although it is admitted.
	Warnings []string `json:"warnings,omitempty"`
}

func (c *canI) run(ctx context.Context, args []string) error {
	var object *object
	if c.file != "" {
		var err error
		if object, err = c.read(c.file); err != nil {
			return fmt.Errorf("-f %s: %w", c.file, err)
		}
		if c.oldFile != "" {
			old, err := c.read(c.oldFile)
			if err != nil {
				return fmt.Errorf("--old %s: %w", c.oldFile, err)
			}
			object.old = old.raw
		}
		if len(args) == 1 {
			args = append(args, object.resource.Resource+"."+object.resource.Group)
		}
	}
	if err := c.question.parse(args); err != nil {
		return err
	}
	if object != nil {
		if err := c.about(object); err != nil {
			return err
		}
	}
	review, err := c.question.review()
	if err != nil {
		return err
	}
	pair, err := c.decider(ctx)
	if err != nil {
		return err
	}
	v, err := c.ask(ctx, pair, review, object)
	if err != nil {
		return err
	}
	return c.output.answer(c.out, v.Allowed, v, v.text(c.out))
}

// ask asks the authorizer, and the admission if there is an object.
func (c *canI) ask(
	ctx context.Context, pair decider, review *authorizationv1.SubjectAccessReview, object *object,
) (*verdict, error) {
	status, err := pair.authorize(ctx, review)
	if err != nil {
		return nil, err
	}
	v := &verdict{
		Allowed:    status.Allowed,
		Authorizer: authorizerVerdict{"no opinion", status.Reason, status.EvaluationError},
	}
	switch {
	case status.Denied:
		v.Authorizer.Decision = "deny"
	case status.Allowed:
		v.Authorizer.Decision = "allow"
	}
	if object != nil {
		if v.Admission, err = c.admit(ctx, pair, review, status.Allowed, object); err != nil {
			return nil, err
		}
		v.Allowed = v.Allowed && v.Admission.Allowed
	}
	return v, nil
}

// decider returns the pair that the flags name.
func (c *canI) decider(ctx context.Context) (decider, error) {
	switch {
	case c.remote.url != "" && c.landscape.given():
		return nil, errors.New("--server excludes --landscape and --kubeconfig")
	case c.remote.url == "" && !c.landscape.given():
		return nil, errors.New("say what to ask: a directory of manifests by --landscape, a live garden by --kubeconfig, " +
			"or a running server by --server")
	case c.remote.url != "":
		return &c.remote, c.remote.connect()
	}
	l, err := c.landscape.load(ctx, c.errOut)
	if err != nil {
		return nil, err
	}
	return &offline{l.Authorizer, l.Admission(l.Garden)}, nil
}

// object is the object in a file.
type object struct {
	metav1.PartialObjectMetadata
	raw      runtime.RawExtension
	resource schema.GroupResource
	// old is the object as it was, empty when that is the same.
	old runtime.RawExtension
}

func (c *canI) read(file string) (*object, error) {
	_, data, err := c.readAll(file)
	if err != nil {
		return nil, err
	}
	documents, err := directory.Documents(data)
	if err != nil {
		return nil, err
	}
	if len(documents) != 1 {
		return nil, fmt.Errorf("it holds %d objects, and not one", len(documents))
	}
	o := &object{}
	if o.raw.Raw, err = yaml.YAMLToJSONStrict(documents[0]); err != nil { // JSON may have a field twice
		return nil, err
	}
	if o.PartialObjectMetadata, err = scenario.Metadata(&o.raw); err != nil {
		return nil, err
	}
	gvk := o.GroupVersionKind()
	for _, guarded := range admission.AllGuarded(admission.ReferencesEnforce, false) {
		if r := guarded.Kind.Resource(); guarded.Kind.String() == gvk.Kind && r.Group == gvk.Group {
			o.resource = r.GroupResource()
		}
	}
	return o, nil
}

// about completes the question by the object.
func (c *canI) about(o *object) error {
	q := &c.question
	switch {
	case q.path != "" || q.Resource.Resource == "":
		return fmt.Errorf("no %s is guarded; name the resource", o.Kind)
	case o.resource.Resource != "" && o.resource != q.Resource:
		return fmt.Errorf("the object is one of %s, not of %s", o.resource, q.Resource)
	case q.Namespace != "" && o.Namespace != "" && q.Namespace != o.Namespace:
		return fmt.Errorf("the object is in namespace %q, not in %q", o.Namespace, q.Namespace)
	case q.Name != "" && o.Name != "" && q.Name != o.Name:
		return fmt.Errorf("the object is named %q, not %q", o.Name, q.Name)
	}
	q.Namespace = cmp.Or(q.Namespace, o.Namespace)
	// A create has no name for the authorizer: it is in the object.
	if q.Name == "" && q.Verb != "create" {
		q.Name = o.Name
	}
	return nil
}

func (c *canI) admit(
	ctx context.Context, pair decider, review *authorizationv1.SubjectAccessReview, authorized bool, o *object,
) (*admissionVerdict, error) {
	q := &c.question
	operation, ok := admission.OperationOf(q.Verb)
	if !ok {
		return nil, fmt.Errorf("-f goes with create, update, patch and delete: %s is not admitted", q.Verb)
	}
	// The admission knows of kubeconfigs when the authorizer does.
	all := admission.AllGuarded(admission.ReferencesEnforce, authorized)
	if _, ok := admission.FindGuarded(all, q.Resource, q.Subresource, operation); !ok {
		message := fmt.Sprintf("not asked: it does not guard %s of %s", operation, q.Resource)
		return &admissionVerdict{Allowed: true, Message: message}, nil
	}
	response, err := pair.admit(ctx, scenario.AdmissionRequest(&kauthorizer.AttributesRecord{
		User: &user.DefaultInfo{Name: review.Spec.User, Groups: review.Spec.Groups}, Verb: q.Verb,
		APIGroup: q.Resource.Group, Resource: q.Resource.Resource, Subresource: q.Subresource,
		Namespace: q.Namespace, Name: cmp.Or(o.Name, q.Name),
	}, o.GroupVersionKind(), o.raw, o.old))
	if err != nil {
		return nil, err
	}
	v := &admissionVerdict{Allowed: response.Allowed, Warnings: response.Warnings}
	if response.Result != nil {
		v.Code, v.Message = response.Result.Code, response.Result.Message
	}
	return v, nil
}

// text returns the verdict for people who read it on out. Its last line begins with yes or no.
func (v *verdict) text(out io.Writer) string {
	word := painted(out, red, "no")
	if v.Allowed {
		word = painted(out, green, "yes")
	}
	if v.Admission == nil {
		switch v.Authorizer.Decision {
		case "no opinion":
			word = painted(out, red, "no opinion")
		case "deny":
			word = painted(out, red, "no, denied")
		}
		return line(word, v.Authorizer.Reason, v.Authorizer.Error)
	}
	admitted := "admitted"
	if !v.Admission.Allowed {
		admitted = fmt.Sprintf("denied (%d)", v.Admission.Code)
	}
	var why string
	switch {
	case v.Allowed:
	case v.Authorizer.Decision == "allow":
		why = "the admission denies it"
	case v.Admission.Allowed:
		why = "the authorizer does not allow it"
	default:
		why = "neither half allows it"
	}
	return line("authorizer", v.Authorizer.Decision, v.Authorizer.Reason, v.Authorizer.Error) +
		line("admission", admitted, v.Admission.Message, strings.Join(v.Admission.Warnings, "; ")) + line(word, why)
}

// line writes the parts that are not empty.
func line(parts ...string) string {
	said := slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	return strings.Join(said, ": ") + "\n"
}
