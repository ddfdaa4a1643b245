package server

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	authorizationcel "k8s.io/apiserver/pkg/authorization/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	kubewebhook "k8s.io/apiserver/plugin/pkg/authorizer/webhook"
	webhookmetrics "k8s.io/apiserver/plugin/pkg/authorizer/webhook/metrics"
	"k8s.io/client-go/rest"
)

// TestKubeAPIServerUnderstands asks as kube-apiserver does, with its own code, in both versions: what it means arrives,
// and what is answered is understood.
func TestKubeAPIServerUnderstands(t *testing.T) {
	var asked view
	decision, reason := authorizer.DecisionAllow, ""
	options := newOptions()
	options.Authorizer = authorizer.AuthorizerFunc(func(
		_ context.Context, a authorizer.Attributes,
	) (authorizer.Decision, string, error) {
		asked = viewOf(a.(*review))
		return decision, reason, nil
	})
	s := start(t, options)

	inFields, err := fields.ParseSelector("spec.seedName=s1,metadata.name!=x")
	require.NoError(t, err)
	inLabels, err := labels.Parse("name.seed.gardener.cloud/s1,a in (b,c),!d")
	require.NoError(t, err)
	requirements, _ := inLabels.Requirements()
	gardenlet := &user.DefaultInfo{
		Name: "gardener.cloud:system:seed:s1", UID: "u",
		Groups: []string{"gardener.cloud:system:seeds", "system:authenticated"},
		Extra:  map[string][]string{"authentication.kubernetes.io/credential-id": {"X509SHA256=1"}},
	}
	for name, c := range map[string]struct {
		attributes authorizer.AttributesRecord
		want       view
	}{
		"get": {
			authorizer.AttributesRecord{User: gardenlet, Verb: "get", Namespace: "garden-a", APIVersion: "v1",
				Resource: "secrets", Name: "x", ResourceRequest: true},
			view{resourceRequest: true, verb: "get", namespace: "garden-a", apiVersion: "v1", resource: "secrets", name: "x"},
		},
		"list": {
			authorizer.AttributesRecord{
				User: gardenlet, Verb: "list", APIGroup: "core.gardener.cloud", APIVersion: "v1beta1", Resource: "shoots",
				Subresource:     "status",
				ResourceRequest: true, FieldSelectorRequirements: inFields.Requirements(), LabelSelectorRequirements: requirements,
			},
			view{
				resourceRequest: true, verb: "list", group: "core.gardener.cloud", apiVersion: "v1beta1", resource: "shoots",
				subresource: "status",
				fields:      []string{`"metadata.name" != "x"`, `"spec.seedName" = "s1"`},
				labels:      []string{`"d" ! []`, `"a" in ["b" "c"]`, `"name.seed.gardener.cloud/s1" exists []`},
			},
		},
		"path": {
			authorizer.AttributesRecord{User: gardenlet, Verb: "get", Path: "/metrics?a=<b>&c"},
			view{verb: "get", path: "/metrics?a=<b>&c"},
		},
	} {
		for version, number := range map[string]string{"v1": reviewV1, "v1beta1": reviewV1beta1} {
			t.Run(name+" "+version, func(t *testing.T) {
				apiserver, err := kubewebhook.New(&rest.Config{
					Host: "https://" + s.Address() + AuthorizerPath, TLSClientConfig: rest.TLSClientConfig{Insecure: true},
				}, version, 0, 0, wait.Backoff{Duration: time.Millisecond, Steps: 1}, authorizer.DecisionDeny, nil, "seedguard",
					webhookmetrics.NoopAuthorizerMetrics{},
					authorizationcel.NewCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())))
				require.NoError(t, err)
				decision, reason = authorizer.DecisionAllow, ""
				got, _, err := apiserver.Authorize(context.Background(), c.attributes)
				require.NoError(t, err)
				require.Equal(t, authorizer.DecisionAllow, got)
				want := c.want
				want.version, want.user, want.groups = number, gardenlet.Name, gardenlet.Groups
				require.ElementsMatch(t, want.fields, asked.fields)
				require.ElementsMatch(t, want.labels, asked.labels)
				want.fields, want.labels, asked.fields, asked.labels = nil, nil, nil, nil
				require.Equal(t, want, asked)

				for _, answer := range []authorizer.Decision{authorizer.DecisionNoOpinion, authorizer.DecisionDeny} {
					// Another user, because the API server's own code remembers answers.
					decision, reason = answer, "because \"x\" <\u2028\x01é"
					another := c.attributes
					another.User = &user.DefaultInfo{Name: answer.String() + version + name}
					got, why, err := apiserver.Authorize(context.Background(), another)
					require.NoError(t, err)
					require.Equal(t, answer, got)
					require.Equal(t, reason, why)
				}
			})
		}
	}
}
