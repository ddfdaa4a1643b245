package replay

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/logs"
)

// Options are what a Replay asks. All are required.
type Options struct {
	// Authorize asks the authorizer.
	Authorize func(
		context.Context, *authorizationv1.SubjectAccessReview,
	) (*authorizationv1.SubjectAccessReviewStatus, error)
	// Admit asks the admission.
	Admit func(context.Context, *admissionv1.AdmissionRequest) (*admissionv1.AdmissionResponse, error)
	// Guards reports whether the admission is called for an operation on a resource.
	Guards func(resource schema.GroupResource, subresource string, operation admissionv1.Operation) bool
	// Missing reports whether the landscape lacks an object that it would have if the object existed.
	Missing func(resource schema.GroupResource, namespace, name string) bool
}

// Replay takes audit logs and compares. It belongs to one goroutine.
type Replay struct {
	options Options
	report  Report
	groups  map[groupKey]*Group
}

// New returns a Replay that has seen nothing yet.
func New(options Options) *Replay {
	return &Replay{options: options, groups: map[groupKey]*Group{}}
}

// maxProblems bounds the broken lines that are told one by one.
const maxProblems = 5

// Read takes a log. The name is for messages. The error is that of the reader, of the pair, or ctx's: a line that is no
// event is none.
func (r *Replay) Read(ctx context.Context, name string, log io.Reader) error {
	l, err := newLines(log)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for ctx.Err() == nil {
		line, ok, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: after line %d: %w", name, l.number-1, err)
		}
		if !ok {
			r.broken(name, l.number, fmt.Sprintf("it is longer than %d MiB", maxLine>>20))
			continue
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		e, err := decode(line)
		if err != nil {
			r.broken(name, l.number, err.Error())
			continue
		}
		r.report.Summary.Events++
		if err := r.take(ctx, e); err != nil {
			return fmt.Errorf("%s: line %d: %w", name, l.number, err)
		}
	}
	return ctx.Err()
}

func (r *Replay) broken(file string, line int, why string) {
	r.report.BrokenLines++
	if len(r.report.Broken) < maxProblems {
		r.report.Broken = append(r.report.Broken, Problem{File: file, Line: line, Why: told(why)})
	}
}

func (r *Replay) take(ctx context.Context, e *event) error {
	if !e.ended() {
		return nil
	}
	who := e.requester()
	client, ok := identity.From(who)
	if !ok {
		return nil
	}
	var f finding
	info, broken := e.request()
	if broken != nil {
		info = &request.RequestInfo{Verb: e.Verb, Path: e.RequestURI}
		f = finding{verdict: Unknown, why: broken.Error()}
	} else {
		var err error
		if f, err = r.compare(ctx, e, who, info); err != nil {
			return err
		}
	}
	r.count(client, who, e, info, f)
	return nil
}

// finding is what came of a comparison.
type finding struct {
	verdict Verdict
	// why is the pair's reason, or why it is unknown.
	why string
	// byRBAC: the authorizer has no opinion now, and RBAC goes on allowing it. undecided: the admission was not asked,
	// although it guards the request.
	byRBAC, undecided bool
}

func (r *Replay) compare(ctx context.Context, e *event, who user.Info, info *request.RequestInfo) (finding, error) {
	then, why := e.outcome()
	if then == unclear {
		return finding{verdict: Unknown, why: why}, nil
	}
	status, err := r.options.Authorize(ctx, Review(who, info))
	if err != nil {
		return finding{}, err
	}
	byRBAC := !status.Allowed && !status.Denied && e.staysByRBAC()
	if !status.Allowed && !byRBAC {
		switch {
		case then == refused:
			return finding{verdict: Same}, nil
		case info.Verb == "delete" && e.ResponseStatus.Code == http.StatusNotFound:
			return finding{verdict: Unknown,
				why: "it was answered with 404: the authorizer lets it through if it knows that the object does not exist"}, nil
		}
		return finding{verdict: WouldBeRefused, why: status.Reason}, nil
	}
	admission, why, err := r.admission(ctx, e, who, info)
	if err != nil {
		return finding{}, err
	}
	if then == letThrough {
		if admission == denied && e.succeeded() {
			return finding{verdict: WouldBeRefused, why: why}, nil
		}
		return finding{verdict: Same, byRBAC: byRBAC, undecided: admission == undecided}, nil
	}
	behind := e.Annotations.Decision == decisionAllow
	switch {
	case admission == denied:
		return finding{verdict: Same}, nil
	case admission == undecided:
		return finding{verdict: Unknown,
			why: "the authorizer lets it through now; the log does not have what the admission needs"}, nil
	case admission == notAsked && behind:
		return finding{verdict: Unknown,
			why: "it was refused behind the authorizers, and the admission does not guard it"}, nil
	}
	return finding{verdict: WouldBeAllowed, why: status.Reason}, nil
}

// admissionVerdict is what the admission says.
type admissionVerdict uint8

const (
	notAsked admissionVerdict = iota
	undecided
	admitted
	denied
)

func (r *Replay) admission(
	ctx context.Context, e *event, who user.Info, info *request.RequestInfo,
) (admissionVerdict, string, error) {
	operation, ok := admission.OperationOf(info.Verb)
	resource := schema.GroupResource{Group: info.APIGroup, Resource: info.Resource}
	if !ok || !info.IsResourceRequest || !r.options.Guards(resource, info.Subresource, operation) {
		return notAsked, "", nil
	}
	if operation != admissionv1.Create || e.RequestObject.Kind() != '{' {
		return undecided, "", nil
	}
	var o struct {
		Kind       string `json:"kind"`
		APIVersion string `json:"apiVersion"`
		Metadata   struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(e.RequestObject, &o, lenient); err != nil {
		return undecided, "", nil //nolint:nilerr // what is no object says nothing
	}
	response, err := r.options.Admit(ctx, &admissionv1.AdmissionRequest{
		UID:         types.UID("replay"),
		Kind:        metav1.GroupVersionKind(schema.FromAPIVersionAndKind(o.APIVersion, o.Kind)),
		Resource:    metav1.GroupVersionResource(resource.WithVersion(info.APIVersion)),
		SubResource: info.Subresource,
		Name:        cmp.Or(o.Metadata.Name, info.Name),
		Namespace:   info.Namespace,
		Operation:   operation,
		UserInfo:    authenticationv1.UserInfo{Username: who.GetName(), Groups: who.GetGroups()},
		Object:      runtime.RawExtension{Raw: e.RequestObject},
	})
	if err != nil {
		return undecided, "", err
	}
	if response.Allowed {
		return admitted, "", nil
	}
	why := "the admission denies it"
	if response.Result != nil {
		why = response.Result.Message
	}
	return denied, why, nil
}

// told is what is kept of a string from the log: a short copy, so that nothing keeps the rest.
func told(s string) string { return strings.Clone(logs.Cut(s)) }
