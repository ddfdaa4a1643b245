package garden

import (
	"context"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/naming"
	"github.com/seedguard/seedguard/pkg/server"
)

// Seedguard's user is that of a ServiceAccount, which it has as a certificate here: nobody could mount a token.
const guardAccount, guardNamespace = "seedguard", "garden"

var guardGroups = []string{"system:serviceaccounts", "system:serviceaccounts:" + guardNamespace}

// The CEL expressions that say who is a seed client, as far as groups tell it.
const (
	seedClientReview    = "'gardener.cloud:system:seeds' in request.groups || request.groups.exists(g, g.startsWith('system:serviceaccounts:seed-'))"
	seedClientAdmission = "'gardener.cloud:system:seeds' in request.userInfo.groups || " +
		"request.userInfo.groups.exists(g, g.startsWith('system:serviceaccounts:seed-'))"
)

// wire creates in the API server what seedguard needs there: its own permissions, the registration of its admission webhook, and
// the one permission that gardenlets need beside those that seedguard gives.
func (g *Garden) wire(ctx context.Context, admin *Client) (err error) {
	if g.guard.kubeconfig, err = g.SeedguardKubeconfig(g.Host); err != nil {
		return err
	}
	objects := slices.Concat(
		clusterRole("seedguard", guardRules(), rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: guardNamespace, Name: guardAccount}),
		// The API server lets a gardenlet bind a ServiceAccount to a ClusterRole only when it holds the role's permissions, or may
		// bind it. It asks that besides whether the ClusterRoleBinding may be created, so seedguard's answer to this does not do.
		clusterRole("seedguard-bind-bootstrapper", []rbacv1.PolicyRule{{
			APIGroups: []string{rbacv1.GroupName}, Resources: []string{"clusterroles"}, ResourceNames: []string{naming.BootstrapperClusterRole},
			Verbs: []string{"bind"},
		}}, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "gardener.cloud:system:seeds"}),
		[]runtime.Object{g.registration()},
	)
	return admin.Apply(ctx, objects...)
}

// guardRules are the permissions for what seedguard watches, and for looking whether an object exists that is to be created.
func guardRules() []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, r := range garden.Resources() {
		rules = append(rules, rbacv1.PolicyRule{
			APIGroups: []string{r.Group}, Resources: []string{r.Resource}, Verbs: []string{"get", "list", "watch"},
		})
	}
	for _, r := range admission.Rules() {
		rules = append(rules, rbacv1.PolicyRule{
			APIGroups: []string{r.Resource.Group}, Resources: []string{r.Resource.Resource}, Verbs: []string{"get"},
		})
	}
	return rules
}

func clusterRole(name string, rules []rbacv1.PolicyRule, subject rbacv1.Subject) []runtime.Object {
	return []runtime.Object{
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects:   []rbacv1.Subject{subject},
		},
	}
}

// registration registers exactly what the admission has rules for.
func (g *Garden) registration() *admissionregistrationv1.ValidatingWebhookConfiguration {
	webhook := admissionregistrationv1.ValidatingWebhook{
		Name: "seedrestriction.seedguard.dev",
		ClientConfig: admissionregistrationv1.WebhookClientConfig{
			URL:      ptr.To(fmt.Sprintf("https://127.0.0.1:%d%s", g.guard.port, server.AdmissionPath)),
			CABundle: g.guard.pki.Serving.PEM,
		},
		MatchPolicy:             ptr.To(admissionregistrationv1.Equivalent),
		FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
		SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
		TimeoutSeconds:          ptr.To[int32](3),
		AdmissionReviewVersions: []string{"v1"},
		MatchConditions:         []admissionregistrationv1.MatchCondition{{Name: "seed-clients", Expression: seedClientAdmission}},
	}
	for _, r := range admission.Rules() {
		rule := admissionregistrationv1.RuleWithOperations{Rule: admissionregistrationv1.Rule{
			APIGroups: []string{r.Resource.Group}, APIVersions: r.Versions, Resources: []string{r.Resource.Resource},
		}}
		for _, o := range r.Operations {
			rule.Operations = append(rule.Operations, admissionregistrationv1.OperationType(o))
		}
		webhook.Rules = append(webhook.Rules, rule)
	}
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "seedguard"},
		Webhooks:   []admissionregistrationv1.ValidatingWebhook{webhook},
	}
}
