package deploy

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	admissioncel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/authentication/user"
	authorizationcel "k8s.io/apiserver/pkg/authorization/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/seedguard/seedguard/pkg/identity"
)

// matcher returns what evaluates conditions of an admission webhook as kube-apiserver does.
func matcher(conditions ...admissionregistrationv1.MatchCondition) matchconditions.Matcher {
	var expressions []admissioncel.ExpressionAccessor
	for _, c := range conditions {
		expressions = append(expressions, (*matchconditions.MatchCondition)(&c))
	}
	fail := admissionregistrationv1.Fail
	compiler := admissioncel.NewConditionCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	compiled := compiler.CompileCondition(expressions, admissioncel.OptionalVariableDeclarations{},
		environment.StoredExpressions)
	return matchconditions.NewMatcher(compiled, &fail, "webhook", "validating", WebhookName)
}

// matches reports whether a user's update of a Secret meets the conditions.
func matches(t *testing.T, m matchconditions.Matcher, secret, old *corev1.Secret, u user.Info) bool {
	t.Helper()
	secrets, kind := corev1.SchemeGroupVersion.WithResource("secrets"), corev1.SchemeGroupVersion.WithKind("Secret")
	result := m.Match(t.Context(), &admission.VersionedAttributes{
		Attributes: admission.NewAttributesRecord(secret, old, kind, "n", "s", secrets, "status", admission.Update,
			&metav1.UpdateOptions{}, false, u),
		VersionedKind: kind, VersionedObject: admission.NewLazyObject(secret),
		VersionedOldObject: admission.NewLazyObject(old),
	}, nil, nil)
	require.NoError(t, result.Error)
	return result.Matches
}

// sent evaluates both conditions as kube-apiserver does.
func sent(t *testing.T) func(user.Info) (review, admitted bool) {
	t.Helper()
	compiled, err := authorizationcel.NewDefaultCompiler().CompileCELExpression(
		&authorizationcel.SubjectAccessReviewMatchCondition{Expression: reviewCondition})
	require.NoError(t, err)
	reviews := &authorizationcel.CELMatcher{
		CompilationResults: []authorizationcel.CompilationResult{compiled}, Metrics: authorizationcel.NoopMatcherMetrics{},
	}
	admissions := matcher(Registration(Default()).Webhooks[0].MatchConditions...)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "s"}}

	return func(u user.Info) (bool, bool) {
		review, err := reviews.Eval(t.Context(),
			&authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: u.GetName(), Groups: u.GetGroups(),
				ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "get", Resource: "secrets"},
			}})
		require.NoError(t, err)
		return review, matches(t, admissions, secret, secret, u)
	}
}

func TestConditions(t *testing.T) {
	sent := sent(t)
	for _, tc := range []struct {
		name   string
		groups []string
		want   bool
	}{
		{"gardener.cloud:system:seed:s", []string{"gardener.cloud:system:seeds"}, true},
		{"gardener.cloud:system:seed:s", nil, true}, // no seed client, and no user that there is
		{"system:serviceaccount:seed-s:extension-e", []string{"system:serviceaccounts", "system:serviceaccounts:seed-s"},
			true},
		{"system:serviceaccount:seed-s:robot", []string{"system:serviceaccounts", "system:serviceaccounts:seed-s"}, false},
		{"system:serviceaccount:garden:extension-e", []string{"system:serviceaccounts", "system:serviceaccounts:garden"},
			false},
		{"extension-e", []string{"system:serviceaccounts", "system:serviceaccounts:seed-s"}, false},
		{"jane@example.com", []string{"developers", "gardener.cloud:system:seeds"}, false},
		{"kubernetes-admin", []string{"system:masters"}, false},
		{"system:node:n", []string{"system:nodes"}, false},
		{"system:kube-controller-manager", nil, false},
		{"system:anonymous", []string{"system:unauthenticated"}, false},
	} {
		review, admitted := sent(&user.DefaultInfo{Name: tc.name, Groups: tc.groups})
		require.Equal(t, tc.want, review, "%s reviewed", tc.name)
		require.Equal(t, tc.want, admitted, "%s admitted", tc.name)
	}
}

// TestConditionsMissNobody: who is a seed client is sent, whatever the name.
func TestConditionsMissNobody(t *testing.T) {
	sent := sent(t)
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{
		"gardener.cloud:system:seed:", "gardener.cloud:system:seeds", "system:serviceaccount:", "system:serviceaccounts",
		"seed-", ":", "s",
		"extension-", ":extension-", "system:serviceaccount:seed-s:extension-", "e", "\n", "é", "\x00", "'", `\`, " ",
	}
	groups := []string{"gardener.cloud:system:seeds", "system:serviceaccounts"}
	clients := map[identity.ClientKind]int{}
	for range 20000 {
		var name strings.Builder
		for range random.IntN(7) {
			name.WriteString(parts[random.IntN(len(parts))])
		}
		u := &user.DefaultInfo{Name: name.String(), Groups: groups[random.IntN(2):]}
		if namespace, ok := strings.CutPrefix(u.Name, "system:serviceaccount:"); ok {
			namespace, _, _ = strings.Cut(namespace, ":")
			u.Groups = append(u.Groups[:len(u.Groups):len(u.Groups)], "system:serviceaccounts:"+namespace)
		}
		client, ok := identity.From(u)
		if !ok {
			continue
		}
		clients[client.Kind]++
		review, admitted := sent(u)
		require.True(t, review, "%q", u.Name)
		require.True(t, admitted, "%q", u.Name)
	}
	require.Greater(t, clients[identity.Gardenlet], 50)
	require.Greater(t, clients[identity.Extension], 50)
}

// TestMetadataCondition: what the rows that guard metadata alone could deny is sent, and a heartbeat is not.
func TestMetadataCondition(t *testing.T) {
	conditions := matcher(Registration(Default()).Webhooks[1].MatchConditions...)
	const confirmation = "confirmation.gardener.cloud/deletion"
	owner, other := metav1.OwnerReference{Name: "o", UID: "1"}, metav1.OwnerReference{Name: "o", UID: "2"}
	with := func(annotations map[string]string, owners ...metav1.OwnerReference) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: "s", Annotations: annotations, OwnerReferences: owners}
	}
	for name, c := range map[string]struct {
		old, new metav1.ObjectMeta
		want     bool
	}{
		"heartbeat":           {with(nil), with(nil), false},
		"another annotation":  {with(nil), with(map[string]string{"a": "b"}), false},
		"an owner stays":      {with(nil, owner), with(nil, owner), false},
		"an owner comes":      {with(nil), with(nil, owner), true},
		"another owner comes": {with(nil, owner), with(nil, owner, other), true},
		"an owner changes":    {with(nil, owner), with(nil, other), true},
		"an owner goes":       {with(nil, owner), with(nil), true},
		"confirmed":           {with(nil), with(map[string]string{confirmation: "true"}), true},
		"confirmed after all": {
			with(map[string]string{confirmation: "no"}), with(map[string]string{confirmation: "1"}), true},
		"confirmed before": {
			with(map[string]string{confirmation: "1"}), with(map[string]string{confirmation: "1"}), false},
		"no longer confirmed":   {with(map[string]string{confirmation: "1"}), with(nil), false},
		"confirmed with others": {with(map[string]string{"a": "b"}), with(map[string]string{confirmation: "1"}), true},
	} {
		t.Run(name, func(t *testing.T) {
			secret, old := &corev1.Secret{ObjectMeta: c.new}, &corev1.Secret{ObjectMeta: c.old}
			gardenlet := &user.DefaultInfo{Name: "gardener.cloud:system:seed:s"}
			require.Equal(t, c.want, matches(t, conditions, secret, old, gardenlet))
		})
	}
}
