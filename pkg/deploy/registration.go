package deploy

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/server"
)

// WebhookName is the name of the SeedRestriction among all admission webhooks.
const WebhookName = "seedrestriction.seedguard.gardener.cloud"

// webhookTimeout is how long kube-apiserver waits for an answer, in seconds (SPEC 5).
const webhookTimeout = 3

// Registration returns the ValidatingWebhookConfiguration of the SeedRestriction (SPEC 4).
func Registration(o Options) *admissionregistrationv1.ValidatingWebhookConfiguration {
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: admissionregistrationv1.SchemeGroupVersion.String(), Kind: "ValidatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: WebhookName,
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL:      ptr.To(o.URL + server.AdmissionPath),
				CABundle: o.CABundle,
			},
			Rules:                   rules(o.References),
			FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
			MatchPolicy:             ptr.To(admissionregistrationv1.Equivalent),
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			TimeoutSeconds:          ptr.To[int32](webhookTimeout),
			AdmissionReviewVersions: []string{"v1"},
			MatchConditions:         []admissionregistrationv1.MatchCondition{{Name: "seed-clients", Expression: admissionCondition}},
		}},
	}
}

// rules returns one rule for each resource and subresource that the admission's tables guard.
func rules(references admission.References) []admissionregistrationv1.RuleWithOperations {
	guarded := admission.AllGuarded(references)
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
