package garden

import (
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seedguard/seedguard/pkg/admission"
)

// interim
const guardUser = "system:serviceaccount:garden:seedguard"

var guardGroups = []string{"system:serviceaccounts", "system:serviceaccounts:garden"}

func (g *Garden) wire(ctx context.Context, admin *Client) error {
	objects, err := Parse([]byte(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: seedguard}
rules:
- apiGroups: ["*"]
  resources: ["*"]
  verbs: [get, list, watch]
- nonResourceURLs: [/version]
  verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: seedguard}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: seedguard}
subjects: [{kind: ServiceAccount, namespace: garden, name: seedguard}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: seedguard-bootstrap}
rules:
- apiGroups: [rbac.authorization.k8s.io]
  resources: [clusterroles]
  resourceNames: [gardener.cloud:system:seed-bootstrapper]
  verbs: [bind]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: seedguard-bootstrap}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: seedguard-bootstrap}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "gardener.cloud:system:seeds"}]
`))
	if err != nil {
		return err
	}
	config := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "seedguard"}}
	fail, none, equivalent, seconds := admissionregistrationv1.Fail, admissionregistrationv1.SideEffectClassNone, admissionregistrationv1.Equivalent, int32(3)
	url := fmt.Sprintf("https://127.0.0.1:%d/webhooks/admission/seedrestriction", g.guard.port)
	hook := admissionregistrationv1.ValidatingWebhook{
		Name: "seedrestriction.seedguard.gardener.cloud", FailurePolicy: &fail, SideEffects: &none, MatchPolicy: &equivalent, TimeoutSeconds: &seconds,
		AdmissionReviewVersions: []string{"v1"},
		ClientConfig:            admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: g.guard.pki.Serving.PEM},
		MatchConditions: []admissionregistrationv1.MatchCondition{{Name: "seed-clients",
			Expression: "'gardener.cloud:system:seeds' in request.userInfo.groups || request.userInfo.groups.exists(g, g.startsWith('system:serviceaccounts:seed-'))"}},
	}
	for _, r := range admission.Rules() {
		rule := admissionregistrationv1.RuleWithOperations{Rule: admissionregistrationv1.Rule{
			APIGroups: []string{r.Resource.Group}, APIVersions: r.Versions, Resources: []string{r.Resource.Resource}}}
		for _, o := range r.Operations {
			rule.Operations = append(rule.Operations, admissionregistrationv1.OperationType(o))
		}
		hook.Rules = append(hook.Rules, rule)
	}
	config.Webhooks = append(config.Webhooks, hook)
	if err := admin.Apply(ctx, config); err != nil {
		return err
	}
	for _, o := range objects {
		if err := admin.Apply(ctx, runtime.Object(o)); err != nil {
			return err
		}
	}
	g.guard.kubeconfig, err = g.SeedguardKubeconfig(g.Host)
	if err != nil {
		return err
	}
	return nil
}
