package deploy

import (
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/server"
)

// WebhookName is the name of the SeedRestriction among all admission webhooks.
const WebhookName = "seedrestriction.seedguard.gardener.cloud"

// webhookTimeout is how long kube-apiserver waits for an answer, in seconds.
const webhookTimeout = 3

// Registration returns the ValidatingWebhookConfiguration of the SeedRestriction.
func Registration(o Options) *admissionregistrationv1.ValidatingWebhookConfiguration {
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionregistrationv1.SchemeGroupVersion.String(),
			Kind: "ValidatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: WebhookName,
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL:      ptr.To(o.URL + server.AdmissionPath),
				CABundle: o.CABundle,
			},
			Rules:                   rules(),
			FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
			MatchPolicy:             ptr.To(admissionregistrationv1.Equivalent),
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			TimeoutSeconds:          ptr.To[int32](webhookTimeout),
			AdmissionReviewVersions: []string{"v1"},
			MatchConditions: []admissionregistrationv1.MatchCondition{{Name: "seed-clients",
				Expression: admissionCondition}},
		}},
	}
}

// rules returns one rule for each resource, with the operations of all rows of the admission's table.
func rules() (result []admissionregistrationv1.RuleWithOperations) {
	for _, r := range admission.Rules() {
		var rule *admissionregistrationv1.RuleWithOperations
		for i := range result {
			if result[i].APIGroups[0] == r.Resource.Group && result[i].Resources[0] == r.Resource.Resource {
				rule = &result[i]
			}
		}
		if rule == nil {
			result = append(result, admissionregistrationv1.RuleWithOperations{Rule: admissionregistrationv1.Rule{
				APIGroups: []string{r.Resource.Group}, APIVersions: r.Versions, Resources: []string{r.Resource.Resource},
			}})
			rule = &result[len(result)-1]
		}
		for _, operation := range r.Operations {
			if o := admissionregistrationv1.OperationType(operation); !slices.Contains(rule.Operations, o) {
				rule.Operations = append(rule.Operations, o)
			}
		}
	}
	return result
}
