package admission

import (
	"context"
	gojson "encoding/json"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/identity"
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

// Plugin is the SeedRestriction, as an admission plugin of an API server and behind a webhook. It is safe for
// concurrent use.
type Plugin struct {
	reader   garden.Reader
	clock    clock.PassiveClock
	rechecks *prometheus.CounterVec
}

var _ admission.ValidationInterface = &Plugin{}

// New returns a Plugin. It panics when its metrics are registered already.
func New(options Options) *Plugin {
	p := &Plugin{reader: options.Reader, clock: options.Clock, rechecks: newRechecks(options.Registerer)}
	if p.clock == nil {
		p.clock = clock.RealClock{}
	}
	return p
}

// Handles implements admission.Interface.
func (p *Plugin) Handles(operation admission.Operation) bool {
	return operation == create || operation == update || operation == remove
}

// Validate implements admission.ValidationInterface, for use inside an API server. Errors are API status errors.
func (p *Plugin) Validate(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	if rulesFor(a) == nil {
		return nil // an API server asks about every request, a webhook only about those that it is registered for
	}
	if denied := p.decide(ctx, a, o); denied != nil {
		return denied
	}
	return nil
}

// Admit decides on a request at the webhook, where the objects are JSON. The answer carries the request's uid.
func (p *Plugin) Admit(ctx context.Context, in *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{UID: in.UID, Allowed: true}
	if denied := p.decide(ctx, attributesOf(in), nil); denied != nil {
		response.Allowed, response.Result = false, &denied.ErrStatus
	}
	return response
}

func attributesOf(in *admissionv1.AdmissionRequest) admission.Attributes {
	object := func(raw runtime.RawExtension) runtime.Object {
		if len(raw.Raw) == 0 {
			return nil
		}
		return &runtime.Unknown{Raw: raw.Raw}
	}
	return admission.NewAttributesRecord(object(in.Object), object(in.OldObject), schema.GroupVersionKind(in.Kind),
		in.Namespace, in.Name, schema.GroupVersionResource(in.Resource), in.SubResource, admission.Operation(in.Operation),
		nil, false, &user.DefaultInfo{Name: in.UserInfo.Username, Groups: in.UserInfo.Groups})
}

// rulesFor returns the rows for the resource and operation of a request, nil when there are none.
func rulesFor(a admission.Attributes) []*Rule {
	if a.GetSubresource() != "" {
		return nil
	}
	return index[guarded{a.GetResource().GroupResource(), a.GetOperation()}]
}

// decide decides on a request, and logs a denial. It returns nil for what is admitted.
func (p *Plugin) decide(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) *statusError {
	client, ok := identity.From(a.GetUserInfo())
	if !ok {
		return nil
	}
	d := &decision{Attributes: a, name: a.GetName(), client: client, reader: p.reader, now: p.clock.Now()}
	if err := p.check(ctx, d, o); err != nil {
		return d.tell(ctx, err)
	}
	return nil
}

func (p *Plugin) check(ctx context.Context, d *decision, interfaces admission.ObjectInterfaces) error {
	rules := rulesFor(d)
	// Without interfaces, objects cannot be converted into a version that is known.
	if rules == nil || interfaces == nil && !slices.Contains(rules[0].Versions, d.GetResource().Version) {
		what := d.GetResource().String()
		if d.GetSubresource() != "" {
			what += " with subresource " + d.GetSubresource()
		}
		return badRequest("the webhook does not know %s of %s", d.GetOperation(), what)
	}
	if d.rule = ruleFor(rules, d.client.Kind); d.rule == nil {
		return forbidden("only %ss may", rules[0].Clients[0])
	}
	o := d.rule.check.new()
	if err := d.decode(o, interfaces); err != nil {
		return err
	}
	err := d.rule.check.run(d, o)
	if err == nil {
		return nil
	}
	outcome, err := d.recheck(ctx, o, err)
	p.rechecks.WithLabelValues(outcome).Inc()
	return err
}

// decode decodes what the check is about into o: the old object, when the operation leaves no other. It makes sure that
// object and request speak of the same thing.
func (d *decision) decode(o object, interfaces admission.ObjectInterfaces) error {
	old, err := d.marshal(d.GetOldObject(), interfaces)
	if err != nil {
		return err
	}
	if d.GetOperation() == remove {
		if len(old) == 0 {
			return nil
		}
		return d.decodeInto(o, old, "oldObject")
	}
	if len(old) > 0 {
		if err := d.decodeInto(&anyObject{}, old, "oldObject"); err != nil {
			return err
		}
	}
	raw, err := d.marshal(d.GetObject(), interfaces)
	if err != nil {
		return err
	}
	return d.decodeInto(o, raw, "object")
}

// marshal writes an object as JSON of the version that clients see. In an API server it may be of an internal type.
func (d *decision) marshal(o runtime.Object, interfaces admission.ObjectInterfaces) ([]byte, error) {
	switch o := o.(type) {
	case nil:
		return nil, nil
	case *runtime.Unknown:
		return o.Raw, nil
	}
	kind := d.GetKind()
	if !slices.Contains(d.rule.Versions, kind.Version) {
		kind.Version = d.rule.Versions[0]
	}
	var err error
	if interfaces != nil {
		o, err = admission.ConvertToGVK(o, kind, interfaces)
	}
	if err != nil {
		return nil, badRequest("its object cannot be converted to %s", kind)
	}
	return gojson.Marshal(o)
}

// decodeInto takes the name from the object when the request has none: when a collection is deleted object by object,
// and when the object is created with a name that the API server has generated.
func (d *decision) decodeInto(o object, raw []byte, field string) error {
	if err := decode(raw, o); err != nil {
		return badRequest("its %s cannot be decoded: %v", field, err)
	}
	m := o.metadata()
	if d.name == "" {
		d.name = m.Name
	}
	if m.Name != "" && m.Name != d.name || m.Namespace != "" && m.Namespace != d.GetNamespace() {
		return badRequest("its %s is named %s", field, join(m.Namespace, m.Name))
	}
	return nil
}
