package deploy

import (
	"path"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/server"
)

// The names of the SeedRestriction among all admission webhooks: for requests of seed clients, for those of which the
// metadata alone is guarded, and for certificate requests of bootstrappers.
const (
	WebhookName          = "seedrestriction.seedguard.gardener.cloud"
	MetadataWebhookName  = "metadata." + WebhookName
	BootstrapWebhookName = "bootstrappers." + WebhookName
)

// webhookTimeout is how long kube-apiserver waits for an answer, in seconds.
const webhookTimeout = 3

// Registration returns the ValidatingWebhookConfiguration of the SeedRestriction.
func Registration(o Options) *admissionregistrationv1.ValidatingWebhookConfiguration {
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionregistrationv1.SchemeGroupVersion.String(),
			Kind: "ValidatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks:   webhooks(o),
	}
}

// webhooks returns those for requests of seed clients, and for certificate requests of bootstrappers. There is none for
// metadata alone, and none for bootstrappers, when nothing looks at what writes may bring about.
func webhooks(o Options) []admissionregistrationv1.ValidatingWebhook {
	var whole, metadata []admissionregistrationv1.RuleWithOperations
	references := o.Config.Restriction.References
	for _, g := range admission.AllGuarded(references, o.Config.KubeconfigAccess.Enabled()) {
		if g.MetadataAlone {
			metadata = append(metadata, rule(g))
		} else {
			whole = append(whole, rule(g))
		}
	}
	condition := func(name, expression string) admissionregistrationv1.MatchCondition {
		return admissionregistrationv1.MatchCondition{Name: name, Expression: expression}
	}
	client := condition("seed-clients", admissionCondition)
	all := []admissionregistrationv1.ValidatingWebhook{webhook(o, WebhookName, whole, client)}
	if references != admission.ReferencesOff {
		by := admission.Bootstrappers()
		guarded := admission.Guarded{Target: admission.Target{Kind: by.Kind}, Operations: by.Operations}
		requests := []admissionregistrationv1.RuleWithOperations{rule(guarded)}
		all = append(all,
			webhook(o, MetadataWebhookName, metadata, client, condition("metadata-changes", metadataCondition)),
			webhook(o, BootstrapWebhookName, requests, condition("bootstrappers", bootstrapCondition)))
	}
	return all
}

func webhook(o Options, name string, rules []admissionregistrationv1.RuleWithOperations,
	conditions ...admissionregistrationv1.MatchCondition) admissionregistrationv1.ValidatingWebhook {
	failurePolicy := admissionregistrationv1.Fail
	if o.Config.Restriction.Mode == admission.ModeObserve {
		failurePolicy = admissionregistrationv1.Ignore
	}
	return admissionregistrationv1.ValidatingWebhook{
		Name: name,
		ClientConfig: admissionregistrationv1.WebhookClientConfig{
			URL:      new(o.URL + server.AdmissionPath),
			CABundle: o.CABundle,
		},
		Rules:                   rules,
		FailurePolicy:           &failurePolicy,
		MatchPolicy:             new(admissionregistrationv1.Equivalent),
		SideEffects:             new(admissionregistrationv1.SideEffectClassNone),
		TimeoutSeconds:          new(int32(webhookTimeout)),
		AdmissionReviewVersions: []string{"v1"},
		MatchConditions:         conditions,
	}
}

// rule is for one resource or subresource that is guarded.
func rule(guarded admission.Guarded) (r admissionregistrationv1.RuleWithOperations) {
	resource, scope := guarded.Kind.Resource(), admissionregistrationv1.ClusterScope
	if guarded.Kind.Namespaced() {
		scope = admissionregistrationv1.NamespacedScope
	}
	r.Rule = admissionregistrationv1.Rule{
		APIGroups: []string{resource.Group}, APIVersions: guarded.Kind.Versions(),
		Resources: []string{path.Join(resource.Resource, guarded.Subresource)}, Scope: &scope,
	}
	for _, operation := range guarded.Operations {
		r.Operations = append(r.Operations, admissionregistrationv1.OperationType(operation))
	}
	return r
}
