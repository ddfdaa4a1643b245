package deploy

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

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
		Webhooks:   append(seedClients(o), bootstrappers(o)...),
	}
}

// seedClients returns the webhooks for requests of seed clients. There is none for metadata when nothing looks at what
// writes may bring about.
func seedClients(o Options) []admissionregistrationv1.ValidatingWebhook {
	var whole, metadata []admission.Guarded
	for _, g := range admission.AllGuarded(o.References, o.Kubeconfigs) {
		if g.MetadataAlone {
			metadata = append(metadata, g)
		} else {
			whole = append(whole, g)
		}
	}
	client := admissionregistrationv1.MatchCondition{Name: "seed-clients", Expression: admissionCondition}
	webhooks := []admissionregistrationv1.ValidatingWebhook{webhook(o, WebhookName, rules(whole), client)}
	if len(metadata) > 0 {
		webhooks = append(webhooks, webhook(o, MetadataWebhookName, rules(metadata), client,
			admissionregistrationv1.MatchCondition{Name: "metadata-changes", Expression: metadataCondition}))
	}
	return webhooks
}

// bootstrappers returns the webhook for certificate requests of bootstrappers. There is none when nothing looks at
// what writes may bring about.
func bootstrappers(o Options) []admissionregistrationv1.ValidatingWebhook {
	if o.References == admission.ReferencesOff {
		return nil
	}
	rule := admission.Bootstrappers()
	guarded := []admission.Guarded{{Target: admission.Target{Kind: rule.Kind}, Operations: rule.Operations}}
	return []admissionregistrationv1.ValidatingWebhook{
		webhook(o, BootstrapWebhookName, rules(guarded),
			admissionregistrationv1.MatchCondition{Name: "bootstrappers", Expression: bootstrapCondition}),
	}
}

func webhook(o Options, name string, rules []admissionregistrationv1.RuleWithOperations,
	conditions ...admissionregistrationv1.MatchCondition) admissionregistrationv1.ValidatingWebhook {
	failurePolicy := admissionregistrationv1.Fail
	if o.RestrictionObserves {
		failurePolicy = admissionregistrationv1.Ignore
	}
	return admissionregistrationv1.ValidatingWebhook{
		Name: name,
		ClientConfig: admissionregistrationv1.WebhookClientConfig{
			URL:      ptr.To(o.URL + server.AdmissionPath),
			CABundle: o.CABundle,
		},
		Rules:                   rules,
		FailurePolicy:           &failurePolicy,
		MatchPolicy:             ptr.To(admissionregistrationv1.Equivalent),
		SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
		TimeoutSeconds:          ptr.To[int32](webhookTimeout),
		AdmissionReviewVersions: []string{"v1"},
		MatchConditions:         conditions,
	}
}

// rules returns one rule for each resource and subresource that is guarded.
func rules(guarded []admission.Guarded) []admissionregistrationv1.RuleWithOperations {
	result := make([]admissionregistrationv1.RuleWithOperations, 0, len(guarded))
	for _, g := range guarded {
		resource, scope := g.Kind.Resource().Resource, admissionregistrationv1.ClusterScope
		if g.Subresource != "" {
			resource += "/" + g.Subresource
		}
		if g.Kind.Namespaced() {
			scope = admissionregistrationv1.NamespacedScope
		}
		rule := admissionregistrationv1.RuleWithOperations{Rule: admissionregistrationv1.Rule{
			APIGroups: []string{g.Kind.Resource().Group}, APIVersions: g.Kind.Versions(), Resources: []string{resource},
			Scope: &scope,
		}}
		for _, operation := range g.Operations {
			rule.Operations = append(rule.Operations, admissionregistrationv1.OperationType(operation))
		}
		result = append(result, rule)
	}
	return result
}
