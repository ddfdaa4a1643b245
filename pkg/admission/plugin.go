package admission

import (
	"context"
	gojson "encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

const (
	// liveTimeout bounds all reads from the API server for one decision. kube-apiserver waits 3 seconds for the webhook.
	liveTimeout = 2 * time.Second
	// maxLiveReads bounds the objects that are read live for one decision. No check's refusal rests on more, but for a Secret
	// that is named by many ManagedSeeds.
	maxLiveReads = 4
)

// Options configure a Plugin.
type Options struct {
	// Reader looks up objects. Required.
	Reader garden.Reader
	// Clock tells whether a Seed's client certificate has expired. It defaults to the real one.
	Clock clock.PassiveClock
	// Registerer takes the plugin's metrics. Nil: none are registered.
	Registerer prometheus.Registerer
}

// Plugin is the SeedRestriction (SPEC 4), as an admission plugin of an API server and behind a webhook. It is safe for
// concurrent use.
type Plugin struct {
	reader      garden.Reader
	clock       clock.PassiveClock
	secondLooks *prometheus.CounterVec
}

var _ admission.ValidationInterface = &Plugin{}

// New returns a Plugin. It panics when its metrics are registered already.
func New(options Options) *Plugin {
	p := &Plugin{reader: options.Reader, clock: options.Clock, secondLooks: newSecondLooks(options.Registerer)}
	if p.clock == nil {
		p.clock = clock.RealClock{}
	}
	return p
}

// Handles implements admission.Interface.
func (p *Plugin) Handles(operation admission.Operation) bool {
	return operation == create || operation == update || operation == remove
}

// Validate implements admission.ValidationInterface, for use inside an API server. What the table does not have is admitted,
// since plugins see every request. Errors are API status errors.
func (p *Plugin) Validate(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	u := a.GetUserInfo()
	if u == nil {
		return nil
	}
	client, ok := identity.From(u)
	if !ok {
		return nil
	}
	r := request{operation: a.GetOperation(), resource: a.GetResource(), namespace: a.GetNamespace(), name: a.GetName()}
	rules := rulesFor(r, a.GetSubresource())
	if rules == nil {
		return nil
	}
	kind := a.GetKind()
	if !slices.Contains(rules[0].Versions, kind.Version) {
		kind.Version = rules[0].Versions[0]
	}
	var err error
	if r.object, err = marshal(a.GetObject(), kind, o); err == nil {
		r.oldObject, err = marshal(a.GetOldObject(), kind, o)
	}
	if err != nil {
		return p.refused(ctx, u, client, r, nil, &refusal{http.StatusBadRequest, fmt.Sprintf("its object cannot be converted to %s", kind)})
	}
	return p.decide(ctx, u, client, r, rules)
}

// marshal writes an object of an API server, which may be of an internal type, as JSON of the version that clients see.
func marshal(o runtime.Object, kind schema.GroupVersionKind, interfaces admission.ObjectInterfaces) ([]byte, error) {
	if o == nil {
		return nil, nil
	}
	if interfaces != nil {
		var err error
		if o, err = admission.ConvertToGVK(o, kind, interfaces); err != nil {
			return nil, err
		}
	}
	return gojson.Marshal(o)
}

// Admit decides on a request at the webhook, where the objects are JSON. The answer carries the request's uid. What the
// table does not have is refused with 400: the webhook is not registered for it.
func (p *Plugin) Admit(ctx context.Context, in *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{UID: in.UID, Allowed: true}
	if err := p.admit(ctx, in); err != nil {
		response.Allowed = false
		status := metav1.Status{Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Message: err.Error()}
		if known := apierrors.APIStatus(nil); errors.As(err, &known) {
			status = known.Status()
		}
		response.Result = &status
	}
	return response
}

func (p *Plugin) admit(ctx context.Context, in *admissionv1.AdmissionRequest) error {
	u := &user.DefaultInfo{Name: in.UserInfo.Username, Groups: in.UserInfo.Groups}
	client, ok := identity.From(u)
	if !ok {
		return nil
	}
	r := request{
		operation: admission.Operation(in.Operation),
		resource:  schema.GroupVersionResource(in.Resource),
		namespace: in.Namespace,
		name:      in.Name,
		object:    in.Object.Raw,
		oldObject: in.OldObject.Raw,
	}
	rules := rulesFor(r, in.SubResource)
	if rules == nil || !slices.Contains(rules[0].Versions, r.resource.Version) {
		what := r.resource.String()
		if in.SubResource != "" {
			what += " with subresource " + in.SubResource
		}
		return p.refused(ctx, u, client, r, nil, &refusal{http.StatusBadRequest, "the webhook does not know " + string(r.operation) + " of " + what})
	}
	return p.decide(ctx, u, client, r, rules)
}

// rulesFor returns the rows for a resource and operation, nil when there are none.
func rulesFor(r request, subresource string) []*Rule {
	if subresource != "" {
		return nil
	}
	return index[guarded{r.resource.GroupResource(), r.operation}]
}

// decide decides on a request of a seed client, and tells of a refusal. Rules are those of the resource and operation.
func (p *Plugin) decide(ctx context.Context, u user.Info, client identity.Client, r request, rules []*Rule) error {
	rule := ruleFor(rules, client.Kind)
	if rule == nil {
		return p.refused(ctx, u, client, r, nil, &refusal{http.StatusForbidden, fmt.Sprintf("only %ss may", rules[0].Clients[0])})
	}
	o := rule.check.new()
	if err := r.decode(o); err != nil {
		return p.refused(ctx, u, client, r, rule, err)
	}
	d := &decision{request: r, client: client, rule: rule, reader: p.reader, now: p.clock.Now()}
	err := rule.check.run(d, o)
	if err == nil {
		return nil
	}
	outcome, err := p.lookAgain(ctx, d, o, err)
	p.secondLooks.WithLabelValues(outcome).Inc()
	if err != nil {
		return p.refused(ctx, u, client, r, rule, err)
	}
	return nil
}

// decode decodes what the check is about into o (the old object, when the operation leaves no other), and makes sure that
// object and request speak of the same thing. The name may be in the object alone: that of an object that is deleted with its
// collection, or one that is created, unless it is yet to be generated.
func (r *request) decode(o object) error {
	if r.operation == remove {
		if len(r.oldObject) == 0 {
			return nil
		}
		return r.decodeInto(o, r.oldObject, "oldObject")
	}
	if r.operation == update && len(r.oldObject) > 0 {
		if err := r.decodeInto(&anyObject{}, r.oldObject, "oldObject"); err != nil {
			return err
		}
	}
	return r.decodeInto(o, r.object, "object")
}

func (r *request) decodeInto(o object, raw []byte, field string) error {
	if err := decode(raw, o); err != nil {
		return badRequest("its %s cannot be decoded: %v", field, err)
	}
	m := o.metadata()
	if r.name == "" {
		r.name = m.Name
	}
	if m.Name != "" && m.Name != r.name || m.Namespace != "" && m.Namespace != r.namespace {
		return badRequest("its %s is named %s", field, join(m.Namespace, m.Name))
	}
	return nil
}

// lookAgain gives a request that a check refused by the informers' objects a second look, with objects read live, and at
// whether the object exists already. The error is nil when the request is allowed after all.
func (p *Plugin) lookAgain(ctx context.Context, d *decision, o object, refused error) (outcome string, err error) {
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	for range maxLiveReads {
		seen, ok := d.lastNotLive()
		if !ok {
			break
		}
		live, err := p.reader.Live(ctx, d.client.Seed, seen.Vertex)
		if errors.Is(err, garden.ErrNotAvailable) {
			live, err = seen.object, nil
		}
		if err != nil {
			return outcomeFailed, lookUpFailed(seen.Vertex, err)
		}
		d.live = append(d.live, sighting{seen.Vertex, live})
		if unchanged(seen.object, live) {
			continue
		}
		d.seen = nil
		if refused = d.rule.check.run(d, o); refused == nil {
			return outcomeAllowed, nil
		}
	}

	exists, err := p.exists(ctx, d, o)
	switch {
	case err != nil:
		return outcomeFailed, lookUpFailed(d.vertex(), err)
	case exists:
		return outcomeExists, refuse(http.StatusConflict, "it already exists (and %v)", refused)
	}
	return outcomeRefused, refused
}

func lookUpFailed(v graph.Vertex, err error) error {
	return refuse(http.StatusInternalServerError, "%s could not be read from the API server: %v", v, err)
}

func unchanged(a, b *garden.Object) bool {
	return a == b || a != nil && b != nil && a.UID == b.UID && a.ResourceVersion == b.ResourceVersion && a.ResourceVersion != ""
}

// exists says whether an object that is to be created exists already, false where the API server cannot be asked: then the rules
// decide. A generated name is new.
func (p *Plugin) exists(ctx context.Context, d *decision, o object) (bool, error) {
	if d.operation != create || d.name == "" || o.metadata().GenerateName != "" {
		return false, nil
	}
	exists, err := p.reader.Exists(ctx, d.client.Seed, d.rule.GroupVersionResource(), d.namespace, d.name)
	if errors.Is(err, garden.ErrNotAvailable) {
		return false, nil
	}
	return exists, err
}

// refused logs a refusal and returns it as the API's error. rule is nil when none was found.
func (p *Plugin) refused(ctx context.Context, u user.Info, client identity.Client, r request, rule *Rule, err error) error {
	refused := new(refusal)
	if !errors.As(err, &refused) {
		refused = &refusal{http.StatusInternalServerError, err.Error()}
	}
	resource := r.resource.GroupResource()
	klog.FromContext(ctx).Info("Refused a seed client's request", "user", u.GetName(), "operation", r.operation,
		"resource", resource.String(), "namespace", r.namespace, "name", r.name, "code", refused.code, "reason", refused.why)

	phrase := "the %s of Seed %q may not %s %s %q: %s"
	if refused.code == http.StatusInternalServerError {
		phrase = "it cannot be decided whether the %s of Seed %q may %s %s %q: %s"
	}
	message := fmt.Sprintf(phrase,
		client.Kind, client.Seed, strings.ToLower(string(r.operation)), resource, join(r.namespace, r.name), refused.why)
	if rule != nil && refused.code == http.StatusForbidden {
		message += "; allowed when " + rule.Allowed
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    int32(refused.code), // #nosec G115 -- HTTP status codes are small
		Reason:  reasons[refused.code],
		Message: message,
		Details: &metav1.StatusDetails{Group: resource.Group, Kind: resource.Resource, Name: r.name},
	}}
}

// reasons are the machine-readable reasons of the codes. Clients tell an object that exists by its reason.
var reasons = map[int]metav1.StatusReason{
	http.StatusBadRequest:          metav1.StatusReasonBadRequest,
	http.StatusForbidden:           metav1.StatusReasonForbidden,
	http.StatusConflict:            metav1.StatusReasonAlreadyExists,
	http.StatusUnprocessableEntity: metav1.StatusReasonInvalid,
	http.StatusInternalServerError: metav1.StatusReasonInternalError,
}

func join(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}
