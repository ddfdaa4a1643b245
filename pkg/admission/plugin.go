package admission

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/utils/clock"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/logs"
)

// Options configure a Plugin.
type Options struct {
	// Reader looks up objects. Required.
	Reader garden.Reader
	// Clock tells whether a Seed's client certificate has expired. It defaults to the real one.
	Clock clock.PassiveClock
	// Registerer takes the plugin's metrics. Nil: none are registered.
	Registerer prometheus.Registerer
	// Policy says what writes may bring about. Its globs must be valid.
	Policy Policy
	// Access bounds how long kubeconfigs of Shoots are valid that seed clients ask for. Nil: nobody asks.
	Access *access.Policy
}

// Plugin is the SeedRestriction, as an admission plugin of an API server and behind a webhook. It is safe for
// concurrent use.
type Plugin struct {
	*admission.Handler
	reader garden.Reader
	clock  clock.PassiveClock
	policy Policy
	access *access.Policy
	// denialLogs limits the log's lines about denials by Seed.
	denialLogs *logs.Limiter
	metrics
}

var _ admission.ValidationInterface = &Plugin{}

// New returns a Plugin. It panics when its metrics are registered already.
func New(options Options) *Plugin {
	p := &Plugin{
		Handler: admission.NewHandler(create, update, remove),
		reader:  options.Reader, clock: options.Clock, policy: options.Policy, access: options.Access,
		denialLogs: logs.NewLimiter(denialLogsPerSecond, denialLogsBurst), metrics: newMetrics(options.Registerer),
	}
	p.policy.Mode = cmp.Or(p.policy.Mode, ModeEnforce)
	p.policy.References = cmp.Or(p.policy.References, ReferencesEnforce)
	p.policy.FirstRegistration = cmp.Or(p.policy.FirstRegistration, FirstRegistrationGarden)
	if p.clock == nil {
		p.clock = clock.RealClock{}
	}
	return p
}

// name is the plugin's, as audit annotations from inside an API server have it.
const name = "seedrestriction.seedguard.gardener.cloud"

// auditReferences is the key of the audit annotation of what is admitted with a warning.
const auditReferences = "references"

// Validate implements admission.ValidationInterface, for use inside an API server. Errors are API status errors.
func (p *Plugin) Validate(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	if _, ok := p.ofKubeconfig(a); !ok && rowsFor(a).kind() == 0 {
		return nil // an API server asks about every request, a webhook only about those that it is registered for
	}
	denied, told := p.decide(ctx, a, o)
	if p.policy.Mode == ModeObserve {
		return nil
	}
	if denied != nil {
		return denied
	}
	if told != "" {
		warning.AddWarning(ctx, "", told)
		return a.AddAnnotation(name+"/"+auditReferences, told)
	}
	return nil
}

// Admit decides on a request at the webhook, where the objects are JSON. The answer carries the request's uid. In
// ModeObserve it is allowed, and its result tells of the denial that it stands for. API servers do not look at it.
func (p *Plugin) Admit(ctx context.Context, in *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{UID: in.UID, Allowed: true}
	denied, told := p.decide(ctx, attributesOf(in), nil)
	if denied != nil {
		response.Allowed, response.Result = p.policy.Mode == ModeObserve, &denied.ErrStatus
		if response.Allowed {
			response.Result.Message = "seedguard observes, and would deny: " + response.Result.Message
		}
	}
	if told != "" && p.policy.Mode != ModeObserve {
		response.Warnings = []string{told}
		response.AuditAnnotations = map[string]string{auditReferences: told}
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

// decide decides on a request, and logs a denial. For what is admitted it returns nil, with a warning where
// restriction.references is Warn.
func (p *Plugin) decide(
	ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces,
) (denied *apierrors.StatusError, warning string) {
	d := &decision{Attributes: a, name: a.GetName(), policy: &p.policy, reader: p.reader, now: p.clock.Now()}
	check := p.check
	if client, ok := identity.From(a.GetUserInfo()); ok {
		d.client = client
		if _, ok := p.ofKubeconfig(a); ok {
			check = p.checkKubeconfig
		} else if p.policy.Exempts(client, a.GetNamespace(), a.GetResource().GroupResource()) {
			return nil, ""
		}
	} else if d.bootstrapper.BootstrapUser, ok = p.ofBootstrapper(a); ok {
		d.client.Kind, check = identity.Bootstrapper, p.checkBootstrapper
	} else {
		return nil, ""
	}
	err := check(ctx, d, o)
	if err == nil {
		return nil, ""
	}
	told := p.tell(ctx, d, err)
	if d.warns(err) {
		p.warned.WithLabelValues(a.GetResource().GroupResource().String(), string(a.GetOperation())).Inc()
		return nil, told.ErrStatus.Message
	}
	return told, ""
}

func (p *Plugin) check(ctx context.Context, d *decision, interfaces admission.ObjectInterfaces) error {
	found := rowsFor(d)
	if p.policy.References == ReferencesOff {
		if found.rules == nil && found.write != nil {
			return nil // the webhook is not registered for it
		}
		found.write = nil
	}
	d.kind = found.kind()
	if err := d.known(interfaces); err != nil {
		return err
	}
	d.write = found.write
	if found.rules != nil {
		if d.rule = found.ruleFor(d.client.Kind); d.rule == nil {
			return onlyClients(found.rules[0].Clients)
		}
	}
	if err := d.decode(interfaces); err != nil {
		return err
	}
	return p.rechecked(ctx, d)
}

// known denies requests without a row, and of a version that is not known. With interfaces, objects are converted.
func (d *decision) known(interfaces admission.ObjectInterfaces) error {
	if d.kind != 0 && (interfaces != nil || slices.Contains(d.kind.Versions(), d.GetResource().Version)) {
		return nil
	}
	what := d.GetResource().String()
	if d.GetSubresource() != "" {
		what += " with subresource " + d.GetSubresource()
	}
	return badRequest("the webhook does not know %s of %s", d.GetOperation(), what)
}

// rechecked runs what decides, and again with objects read live before it denies.
func (p *Plugin) rechecked(ctx context.Context, d *decision) error {
	err := d.run()
	if err == nil {
		return nil
	}
	outcome, err := d.recheck(ctx, err)
	p.rechecks.WithLabelValues(outcome).Inc()
	return err
}

// run runs the check, and then what guards references. What the latter denies is marked, so that it can become a
// warning.
func (d *decision) run() error {
	if d.rule != nil {
		if err := d.rule.check.run(d); err != nil {
			return err
		}
	}
	return reference(d.guardWrite())
}

// reference marks a denial as one of what guards references.
func reference(err error) error {
	if denied := new(denial); errors.As(err, &denied) {
		denied.references = true
	}
	return err
}

// warns reports whether a denial becomes a warning.
func (d *decision) warns(err error) bool {
	denied := new(denial)
	return d.policy.References == ReferencesWarn && errors.As(err, &denied) && denied.references
}

// guardWrite decides by the table of what writes may bring about.
func (d *decision) guardWrite() error {
	if d.policy.References == ReferencesOff {
		return nil
	}
	if d.GetOperation() == create && d.GetSubresource() == "" && d.object.GetGenerateName() != "" && !d.mayGenerateName() {
		return forbidden("metadata.generateName is set: its name must be known")
	}
	if d.write == nil {
		return nil
	}
	if !slices.Contains(d.write.Clients, d.client.Kind) {
		return onlyClients(d.write.Clients)
	}
	if d.write.guard.run != nil {
		if err := d.write.guard.run(d); err != nil {
			return err
		}
	}
	return d.granted()
}

// mayGenerateName reports whether the object may have a name that the API server makes up: nothing depends on it.
func (d *decision) mayGenerateName() bool {
	return d.GetNamespace() == d.seedNamespace() ||
		d.kind == graph.KindCertificateSigningRequest || d.kind == graph.KindBastion
}
