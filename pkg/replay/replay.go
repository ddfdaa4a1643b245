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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/logs"
	"github.com/seedguard/seedguard/pkg/scenario"
	"github.com/seedguard/seedguard/pkg/snapshot"
)

// Replay takes audit logs and compares. It belongs to one goroutine.
type Replay struct {
	landscape *snapshot.Snapshot
	admission *admission.Plugin

	report Report
	groups map[groupKey]*Group
}

// New returns a Replay that asks both halves on a landscape, and has seen nothing yet.
func New(landscape *snapshot.Snapshot) *Replay {
	restriction := landscape.Admission(snapshot.AsRead{Reader: landscape.Garden})
	return &Replay{landscape: landscape, admission: restriction, groups: map[groupKey]*Group{}}
}

// maxProblems bounds the broken lines that are told one by one.
const maxProblems = 5

// Read takes a log. The name is for messages. The error is that of the reader, or ctx's: a line that is no event is
// none.
func (r *Replay) Read(ctx context.Context, name string, log io.Reader) error {
	l, err := newLines(log)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	ctx = klog.NewContext(ctx, klog.Logger{}) // a server logs what it denies; here the report says it
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
		r.take(ctx, e)
	}
	return ctx.Err()
}

func (r *Replay) broken(file string, line int, why string) {
	r.report.BrokenLines++
	if len(r.report.Broken) < maxProblems {
		r.report.Broken = append(r.report.Broken, Problem{File: file, Line: line, Why: told(why)})
	}
}

func (r *Replay) take(ctx context.Context, e *event) {
	if !e.ended() {
		return
	}
	who := e.requester()
	client, ok := identity.From(who)
	if !ok {
		return
	}
	var f finding
	info, err := e.request()
	if err != nil {
		info = &request.RequestInfo{Verb: e.Verb, Path: e.RequestURI}
		f = finding{verdict: Unknown, why: err.Error()}
	} else {
		f = r.compare(ctx, e, info, attributes(who, info))
	}
	r.count(client, who, e, info, f)
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

func (r *Replay) compare(
	ctx context.Context, e *event, info *request.RequestInfo, asked *kauthorizer.AttributesRecord,
) finding {
	through, unclear := e.outcome()
	if unclear != "" {
		return finding{verdict: Unknown, why: unclear}
	}
	// An error would explain the decision and not change it.
	decision, reason, _ := r.landscape.Authorizer.Authorize(ctx, asked)
	byRBAC := decision == kauthorizer.DecisionNoOpinion && e.staysByRBAC()
	if decision != kauthorizer.DecisionAllow && !byRBAC {
		switch {
		case !through:
			return finding{verdict: Same}
		case info.Verb == "delete" && e.ResponseStatus.Code == http.StatusNotFound:
			return finding{verdict: Unknown,
				why: "it was answered with 404: the authorizer lets it through if it knows that the object does not exist"}
		}
		return finding{verdict: WouldBeRefused, why: reason}
	}
	response, guarded := r.admit(ctx, e, asked)
	denied, undecided := response != nil && !response.Allowed, response == nil && guarded
	switch {
	case through && denied && e.succeeded():
		return finding{verdict: WouldBeRefused, why: response.Result.Message}
	case through:
		return finding{verdict: Same, byRBAC: byRBAC, undecided: undecided}
	case denied:
		return finding{verdict: Same}
	case undecided:
		return finding{verdict: Unknown,
			why: "the authorizer lets it through now; the log does not have what the admission needs"}
	case !guarded && e.Annotations.Decision == decisionAllow:
		return finding{verdict: Unknown,
			why: "it was refused behind the authorizers, and the admission does not guard it"}
	}
	return finding{verdict: WouldBeAllowed, why: reason}
}

// admit asks the admission, and reports whether it guards the request. The answer is nil where it was not asked.
func (r *Replay) admit(
	ctx context.Context, e *event, asked *kauthorizer.AttributesRecord,
) (response *admissionv1.AdmissionResponse, guarded bool) {
	operation, ok := admission.OperationOf(asked.Verb)
	resource := schema.GroupResource{Group: asked.APIGroup, Resource: asked.Resource}
	if !ok || !asked.ResourceRequest || !r.landscape.Guards(resource, asked.Subresource, operation) {
		return nil, false
	}
	if operation != admissionv1.Create || e.RequestObject.Kind() != '{' {
		return nil, true
	}
	var o struct {
		metav1.TypeMeta
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(e.RequestObject, &o, lenient); err != nil {
		return nil, true // what is no object says nothing
	}
	object := runtime.RawExtension{Raw: e.RequestObject}
	// What it cannot read the admission cannot either.
	if raw, err := scenario.WithoutStringData(o.Kind, object.Raw); err == nil {
		object.Raw = raw
	}
	review := scenario.AdmissionRequest(asked, o.GroupVersionKind(), object, runtime.RawExtension{})
	review.Resource.Version, review.Name = asked.APIVersion, cmp.Or(o.Metadata.Name, asked.Name)
	return r.admission.Admit(ctx, review), true
}

// told is what is kept of a string from the log: a short copy, so that nothing keeps the rest.
func told(s string) string { return strings.Clone(logs.Cut(s)) }
