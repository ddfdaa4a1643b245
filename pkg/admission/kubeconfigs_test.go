package admission

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seedguard/seedguard/pkg/access"
)

// asksKubeconfig is a request of the gardenlet of Seed a for a kubeconfig of the level viewer or admin.
func asksKubeconfig(level, spec string) *admissionv1.AdmissionRequest {
	kind := map[string]string{"viewer": "ViewerKubeconfigRequest", "admin": "AdminKubeconfigRequest"}[level]
	return &admissionv1.AdmissionRequest{
		UID: "u", Operation: admissionv1.Create, Namespace: "garden-x", Name: "s", SubResource: level + "kubeconfig",
		Kind:     metav1.GroupVersionKind{Group: "authentication.gardener.cloud", Version: "v1alpha1", Kind: kind},
		Resource: metav1.GroupVersionResource{Group: "core.gardener.cloud", Version: "v1beta1", Resource: "shoots"},
		Object: runtime.RawExtension{Raw: []byte(
			`{"apiVersion":"authentication.gardener.cloud/v1alpha1","kind":"` + kind + `","metadata":{},"spec":` + spec + `}`)},
		UserInfo: gardenletOf("a"),
	}
}

func TestKubeconfigs(t *testing.T) {
	reader := newMemory(t, shootOn("a", "garden-x", "s", ""))
	registry := prometheus.NewRegistry()
	config := access.Config{Rules: []access.Rule{{Levels: access.Levels{Shoots: access.LevelViewer}}}}
	policy := access.New(reader, config, registry)
	p := New(Options{Reader: reader, Access: policy})
	for _, c := range []struct {
		about, level, spec string
		bound              time.Duration
		code               int32
		why                string
	}{
		{"the default of the API", "viewer", `{}`, 0, 0, ""},
		{"as long as allowed", "viewer", `{"expirationSeconds":3600}`, 0, 0, ""},
		{"longer", "viewer", `{"expirationSeconds":3601}`, 0, http.StatusForbidden, "must be at most 3600"},
		{"very long", "viewer", `{"expirationSeconds":9223372036854775807}`, 0, http.StatusForbidden,
			"kubeconfigAccess.maxExpiration"},
		{"the default is too long", "viewer", `{}`, 20 * time.Minute, http.StatusForbidden,
			"3600 where it is left out, must be at most 1200"},
		{"a higher bound", "viewer", `{"expirationSeconds":7200}`, 2 * time.Hour, 0, ""},
		{"allowed by somebody else", "admin", `{}`, 0, 0, ""},
		{"no number", "viewer", `{"expirationSeconds":"long"}`, 0, http.StatusBadRequest, "cannot be decoded"},
		{"no object", "viewer", `[]`, 0, http.StatusBadRequest, "cannot be decoded"},
	} {
		changed := config
		changed.MaxExpiration.Duration = c.bound
		policy.Set(changed)
		response := p.Admit(t.Context(), asksKubeconfig(c.level, c.spec))
		requireAnswer(t, c.code, c.why, response, c.about)
	}
	// An admin's kubeconfig that RBAC allows is bounded, and no grant of ours.
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP seedguard_kubeconfig_requests_total Seed clients' requests for kubeconfigs, by level, scope and result.
# TYPE seedguard_kubeconfig_requests_total counter
seedguard_kubeconfig_requests_total{level="viewer",result="expiration",scope="shoots"} 3
seedguard_kubeconfig_requests_total{level="viewer",result="granted",scope="shoots"} 3
`)))

	inside := attributesOf(asksKubeconfig("viewer", `{"expirationSeconds":7200}`))
	require.True(t, apierrors.IsForbidden(p.Validate(t.Context(), inside, nil)), "in an API server")

	other := asksKubeconfig("viewer", `{}`)
	other.Kind.Group = "authentication.k8s.io"
	requireAnswer(t, http.StatusBadRequest, "", p.Admit(t.Context(), other), "another API group")
	renamed := asksKubeconfig("viewer", `{}`)
	renamed.Object.Raw = []byte(`{"metadata":{"name":"t"}}`)
	require.Equal(t, int32(http.StatusBadRequest), p.Admit(t.Context(), renamed).Result.Code)
	// What is exempt is bounded all the same.
	p = New(Options{Reader: reader, Access: policy, Policy: Policy{Exempt: []Exemption{
		{Extensions: []string{"*"}, Namespaces: []string{"*"}, Resources: []string{"shoots.core.gardener.cloud"}}}}})
	exempt := asksKubeconfig("viewer", `{"expirationSeconds":86400}`)
	exempt.UserInfo = extensionOn("a")
	require.Equal(t, int32(http.StatusForbidden), p.Admit(t.Context(), exempt).Result.Code)
	person := asksKubeconfig("admin", `{"expirationSeconds":86400}`)
	person.UserInfo = authenticationv1.UserInfo{Username: "jane"}
	require.True(t, p.Admit(t.Context(), person).Allowed)
}
