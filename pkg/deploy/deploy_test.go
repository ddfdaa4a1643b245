package deploy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/version"
	kadmission "k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/config"
	apiserver "k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/load"
	"k8s.io/apiserver/pkg/apis/apiserver/validation"
	auditinternal "k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/authentication/user"
	kubeauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"
	authorizationcel "k8s.io/apiserver/pkg/authorization/cel"
	webhookauthorizer "k8s.io/apiserver/plugin/pkg/authorizer/webhook"
	"k8s.io/apiserver/plugin/pkg/authorizer/webhook/metrics"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	seedguardconfig "github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

func TestOptions(t *testing.T) {
	for _, tc := range []struct {
		change func(*Options)
		err    string
	}{
		{func(*Options) {}, ""},
		{func(o *Options) { o.URL = "https://10.0.0.1:9443" }, ""},
		{func(o *Options) { o.URL = "http://seedguard" }, `the URL "http://seedguard" is not https://host[:port]`},
		{func(o *Options) { o.URL = "seedguard:443" }, `the URL "seedguard:443" is not https://host[:port]`},
		{func(o *Options) { o.URL = "https://seedguard/path" },
			`the URL "https://seedguard/path" has more than https://host[:port]`},
		{func(o *Options) { o.URL = "https://%" }, `parse "https://%": invalid URL escape "%"`},
		{func(o *Options) { o.Subject = "" }, "seedguard's user in the garden is missing"},
		{func(o *Options) { o.ConfigDir = "relative" }, `the directory "relative" is not an absolute path`},
		{func(o *Options) { o.KubernetesVersion = version.MustParseGeneric("1.32.0") }, ""},
		{func(o *Options) { o.KubernetesVersion = version.MustParseGeneric("1.31.9") },
			"a kube-apiserver of version 1.31.9 is too old, it must be 1.32 or later"},
	} {
		o := Default()
		tc.change(&o)
		if err := o.Validate(); tc.err == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, tc.err)
		}
	}
}

// registered returns "group version resource[/subresource] OPERATION scope" of all that is registered.
func registered(t *testing.T, references admission.References) []string {
	t.Helper()
	o := Default()
	o.Config.Restriction.References = references
	got := sets.New[string]()
	var rules []admissionregistrationv1.RuleWithOperations
	for _, webhook := range Registration(o).Webhooks {
		if webhook.Name != BootstrapWebhookName {
			rules = append(rules, webhook.Rules...)
		}
	}
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, version := range rule.APIVersions {
				for _, resource := range rule.Resources {
					for _, operation := range rule.Operations {
						one := strings.Join([]string{group, version, resource, string(operation), string(*rule.Scope)}, " ")
						require.NotContains(t, got, one, "registered twice")
						got.Insert(one)
					}
				}
			}
		}
	}
	return sets.List(got)
}

// TestRegistration: exactly the resources, operations and versions of the admission's tables; those of what writes
// may bring about unless nothing looks at that.
func TestRegistration(t *testing.T) {
	want := sets.New[string]()
	insert := func(kind graph.Kind, subresource string, operation kadmission.Operation) {
		resource, scope := kind.Resource(), "Cluster"
		if kind.Namespaced() {
			scope = "Namespaced"
		}
		if subresource != "" {
			resource.Resource += "/" + subresource
		}
		for _, version := range kind.Versions() {
			want.Insert(strings.Join([]string{resource.Group, version, resource.Resource, string(operation), scope}, " "))
		}
	}
	for _, rule := range admission.Rules() {
		for _, operation := range rule.Operations {
			insert(rule.Kind, "", operation)
		}
	}
	require.Contains(t, want, "seedmanagement.gardener.cloud v1alpha1 gardenlets CREATE Namespaced")
	require.Equal(t, sets.List(want), registered(t, admission.ReferencesOff))

	for _, write := range admission.Writes() {
		insert(write.Kind, write.Subresource, write.Operation)
	}
	require.Contains(t, want, "core.gardener.cloud v1beta1 backupbuckets/status UPDATE Cluster")
	require.Contains(t, want, "security.gardener.cloud v1alpha1 workloadidentities/token CREATE Namespaced")
	for _, references := range []admission.References{admission.ReferencesEnforce, admission.ReferencesWarn} {
		got := registered(t, references)
		require.Equal(t, sets.List(want), got)
	}

	// By far the most frequent writes are sent only when their metadata changes, or not at all.
	webhooks := Registration(Default()).Webhooks
	require.Len(t, webhooks, 3)
	require.Equal(t, MetadataWebhookName, webhooks[1].Name)
	require.Len(t, webhooks[1].MatchConditions, 2)
	for _, rule := range webhooks[0].Rules {
		require.NotSubset(t, []string{"seeds/status", "shoots/status", "bastions/status", "events"}, rule.Resources)
		if slices.Contains([]string{"leases", "bastions"}, rule.Resources[0]) {
			require.NotContains(t, rule.Operations, admissionregistrationv1.Update)
		}
	}

	webhook := webhooks[0]
	require.Equal(t, admissionregistrationv1.Equivalent, *webhook.MatchPolicy)
	require.Equal(t, admissionregistrationv1.Fail, *webhook.FailurePolicy)
	require.Equal(t, admissionregistrationv1.SideEffectClassNone, *webhook.SideEffects)
	require.Equal(t, "https://seedguard.garden.svc/webhooks/admission/seedrestriction", *webhook.ClientConfig.URL)
}

// TestAuditPolicy: by API servers' own code, the policy for a replay logs the contents of what is created and guarded,
// and of nothing else. Contents that are secret, and tokens, are never logged.
func TestAuditPolicy(t *testing.T) {
	replayed, err := policy.LoadPolicyFromFile("../../examples/replay/audit-policy.yaml")
	require.NoError(t, err)
	evaluator := policy.NewPolicyRuleEvaluator(replayed)
	level := func(userGroup, verb string, resource schema.GroupResource, subresource string) auditinternal.Level {
		return evaluator.EvaluatePolicyRule(kubeauthorizer.AttributesRecord{
			User: &user.DefaultInfo{Groups: []string{userGroup}}, Verb: verb, APIGroup: resource.Group,
			Resource: resource.Resource, Subresource: subresource, ResourceRequest: true,
		}).Level
	}
	const gardenlets, serviceAccounts = "gardener.cloud:system:seeds", "system:serviceaccounts"

	guarded := sets.New[string]()
	for _, g := range admission.AllGuarded(admission.ReferencesEnforce, true) {
		resource := g.Kind.Resource().GroupResource()
		require.Equal(t, auditinternal.LevelMetadata, level(gardenlets, "update", resource, g.Subresource), resource)
		if !slices.Contains(g.Operations, kadmission.Create) {
			continue
		}
		byGardenlets, byOthers := auditinternal.LevelRequest, auditinternal.LevelRequest
		switch g.Kind {
		case graph.KindSecret, graph.KindInternalSecret, graph.KindShootState:
			byGardenlets, byOthers = auditinternal.LevelMetadata, auditinternal.LevelMetadata
		case graph.KindConfigMap:
			byOthers = auditinternal.LevelMetadata
		}
		if byGardenlets == auditinternal.LevelRequest {
			guarded.Insert(path.Join(resource.Resource, g.Subresource) + "." + resource.Group)
		}
		require.Equal(t, byGardenlets, level(gardenlets, "create", resource, g.Subresource), resource)
		require.Equal(t, byOthers, level(serviceAccounts, "create", resource, g.Subresource), resource)
	}
	logged := sets.New[string]()
	for _, rule := range replayed.Rules {
		for _, r := range rule.Resources {
			for _, resource := range r.Resources {
				logged.Insert(resource + "." + r.Group)
			}
		}
	}
	require.Equal(t, sets.List(guarded), sets.List(logged))
	for resource, subresource := range map[schema.GroupResource]string{
		{Group: "authentication.k8s.io", Resource: "tokenreviews"}: "", {Resource: "serviceaccounts"}: "token",
	} {
		require.Equal(t, auditinternal.LevelMetadata, level(serviceAccounts, "create", resource, subresource), resource)
	}
	pods := schema.GroupResource{Resource: "pods"}
	require.Equal(t, auditinternal.LevelNone, level("system:masters", "create", pods, ""))
}

// TestObserve: what is in mode Observe blocks nothing when it is away, and the other half does.
func TestObserve(t *testing.T) {
	for _, observes := range []struct{ authorizer, restriction bool }{{true, false}, {false, true}} {
		o := Default()
		if observes.authorizer {
			o.Config.Authorizer.Mode = seedguardconfig.ModeObserve
		} else {
			o.Config.Restriction.Mode = admission.ModeObserve
		}
		o.ConfigDir = filepath.Join(t.TempDir(), "kube-apiserver")
		require.NoError(t, Write(filepath.Dir(o.ConfigDir), Files(o)))
		passes := loadAuthorization(t, o.ConfigDir).Authorizers[0].Webhook.FailurePolicy == apiserver.FailurePolicyNoOpinion
		require.Equal(t, observes.authorizer, passes)
		for _, webhook := range Registration(o).Webhooks {
			require.Equal(t, observes.restriction, *webhook.FailurePolicy == admissionregistrationv1.Ignore, webhook.Name)
		}
	}
}

// grants returns "group/resource verb" of all rules of a ClusterRole.
func grants(t *testing.T, file string) []string {
	t.Helper()
	role, ok := object(t, file, 0).(*rbacv1.ClusterRole)
	require.True(t, ok)
	binding, ok := object(t, file, 1).(*rbacv1.ClusterRoleBinding)
	require.True(t, ok)
	require.Equal(t, role.Name, binding.RoleRef.Name)
	require.Equal(t, []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "garden", Name: "seedguard"}}, binding.Subjects)
	result := sets.New[string]()
	for _, rule := range role.Rules {
		require.Empty(t, rule.ResourceNames)
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				result.Insert(schema.GroupResource{Group: rule.APIGroups[0], Resource: resource}.String() + " " + verb)
			}
		}
	}
	return sets.List(result)
}

func object(t *testing.T, name string, i int) any {
	t.Helper()
	files := Files(Default())
	at := slices.IndexFunc(files, func(f File) bool { return f.Name == name })
	require.GreaterOrEqual(t, at, 0)
	return files[at].Objects[i]
}

func TestPermissions(t *testing.T) {
	var watched []string
	for _, kind := range garden.Watched() {
		resource := kind.Resource().GroupResource().String()
		watched = append(watched, resource+" list", resource+" watch")
	}
	slices.Sort(watched)
	require.Equal(t, watched, grants(t, "permissions/watch.yaml"), "list and watch on exactly what is watched")

	liveReads, existence := grants(t, "permissions/live-reads.yaml"), grants(t, "permissions-existence/existence.yaml")
	for _, grant := range liveReads {
		resource, get := strings.CutSuffix(grant, " get")
		require.True(t, get, grant)
		require.Contains(t, watched, resource+" list", "reading one gives away nothing that watching all does not")
	}
	both := append(liveReads, existence...)
	for _, r := range admission.Rules() {
		for _, kind := range r.LooksUp {
			require.Contains(t, garden.Watched(), kind)
			require.Contains(t, liveReads, kind.Resource().GroupResource().String()+" get")
		}
		if slices.Contains(r.Operations, "CREATE") {
			require.Contains(t, both, r.Kind.Resource().GroupResource().String()+" get")
		}
	}
	for _, w := range admission.Writes() {
		for _, kind := range w.LooksUp {
			require.Contains(t, liveReads, kind.Resource().GroupResource().String()+" get")
		}
	}
	for _, r := range authorizer.Rules() {
		if slices.Contains(r.ViaGraph.Names(), "delete") {
			require.Contains(t, both, r.Resource.String()+" get")
		}
	}
	require.Equal(t, []string{
		"clusterrolebindings.rbac.authorization.k8s.io get", "configmaps get", "internalsecrets.core.gardener.cloud get",
		"leases.coordination.k8s.io get", "secrets get", "shootstates.core.gardener.cloud get",
	}, existence)
}

// TestSubject: a user that is no ServiceAccount is bound as a user.
func TestSubject(t *testing.T) {
	o := Default()
	o.Subject = "seedguard@example.com"
	binding, ok := WatchRole(o)[1].(*rbacv1.ClusterRoleBinding)
	require.True(t, ok)
	require.Equal(t, []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "seedguard@example.com"}},
		binding.Subjects)
}

// TestAPIServers: API servers' own code takes what is made for them.
func TestAPIServers(t *testing.T) {
	dir := t.TempDir()
	o := Default()
	o.URL, o.ConfigDir = "https://seedguard.example.com:9443", filepath.Join(dir, "kube-apiserver")
	require.NoError(t, Write(dir, Files(o)))

	configuration := loadAuthorization(t, o.ConfigDir)
	webhook := configuration.Authorizers[0].Webhook
	require.Equal(t, apiserver.FailurePolicyDeny, webhook.FailurePolicy)
	require.Equal(t, "RBAC", string(configuration.Authorizers[1].Type))

	// Certificates are the operator's.
	for _, file := range []string{"ca.crt", "client.crt", "client.key"} {
		require.NoError(t, os.WriteFile(filepath.Join(o.ConfigDir, file), []byte("PEM"), 0o600))
	}
	client, err := clientcmd.BuildConfigFromFlags("", *webhook.ConnectionInfo.KubeConfigFile)
	require.NoError(t, err)
	require.Equal(t, "https://seedguard.example.com:9443/webhooks/auth/seed", client.Host)
	require.Equal(t, filepath.Join(o.ConfigDir, "client.crt"), client.CertFile)
	require.Equal(t, filepath.Join(o.ConfigDir, "ca.crt"), client.CAFile)

	requireAdmission(t, o.ConfigDir)
	// gardener-apiserver, which calls admission webhooks by itself, gets a configuration too.
	o.ConfigDir = filepath.Join(dir, "gardener-apiserver")
	require.NoError(t, Write(dir, Files(o)))
	requireAdmission(t, o.ConfigDir)
}

// loadAuthorization has kube-apiserver's own code load and validate the AuthorizationConfiguration in dir.
func loadAuthorization(t *testing.T, dir string) *apiserver.AuthorizationConfiguration {
	t.Helper()
	configuration, err := load.LoadFromFile(filepath.Join(dir, "authorization.yaml"))
	require.NoError(t, err)
	require.Empty(t, validation.ValidateAuthorizationConfiguration(authorizationcel.NewDefaultCompiler(), nil,
		configuration, sets.New("RBAC", "Webhook"), sets.New("Webhook")))
	return configuration
}

// TestCacheOff: whatever its version, kube-apiserver asks about each request, and is given no field that it does not
// know: it would not start.
func TestCacheOff(t *testing.T) {
	for _, tc := range []struct {
		version string
		fields  bool
	}{{"", true}, {"1.32", false}, {"1.33.99", false}, {"1.34", true}, {"v1.36.1", true}} {
		o := Default()
		if tc.version != "" {
			o.KubernetesVersion = version.MustParseGeneric(tc.version)
		}
		require.NoError(t, o.Validate())
		dir := t.TempDir()
		o.ConfigDir = filepath.Join(dir, "kube-apiserver")
		require.NoError(t, Write(dir, Files(o)))
		content, err := os.ReadFile(filepath.Join(o.ConfigDir, "authorization.yaml"))
		require.NoError(t, err)
		for _, field := range []string{"cacheAuthorizedRequests: false", "cacheUnauthorizedRequests: false"} {
			require.Equal(t, tc.fields, strings.Contains(string(content), field), tc.version)
		}
		require.Equal(t, tc.fields, strings.Contains(string(content), "cache"), tc.version)

		c := loadAuthorization(t, o.ConfigDir).Authorizers[0].Webhook
		authorized, unauthorized := c.AuthorizedTTL.Duration, c.UnauthorizedTTL.Duration
		if !c.CacheAuthorizedRequests {
			authorized = 0
		}
		if !c.CacheUnauthorizedRequests {
			unauthorized = 0
		}
		for _, allowed := range []bool{true, false} {
			require.Equal(t, 3, asked(t, allowed, authorized, unauthorized), tc.version)
		}
		require.Equal(t, 1, asked(t, true, time.Hour, unauthorized), "what is cached is asked once")
		require.Equal(t, 1, asked(t, false, authorized, time.Hour), "what is cached is asked once")
	}
}

// asked returns how often kube-apiserver's own authorizer asks a webhook about three equal requests.
func asked(t *testing.T, allowed bool, authorizedTTL, unauthorizedTTL time.Duration) (calls int) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(&authorizationv1.SubjectAccessReview{
			TypeMeta: metav1.TypeMeta{APIVersion: "authorization.k8s.io/v1", Kind: "SubjectAccessReview"},
			Status:   authorizationv1.SubjectAccessReviewStatus{Allowed: allowed},
		})
	}))
	defer server.Close()
	asks, err := webhookauthorizer.New(&rest.Config{Host: server.URL}, "v1", authorizedTTL, unauthorizedTTL,
		*webhookauthorizer.DefaultRetryBackoff(), kubeauthorizer.DecisionDeny, nil, name, metrics.NoopAuthorizerMetrics{},
		authorizationcel.NewDefaultCompiler())
	require.NoError(t, err)
	for range 3 {
		decision, _, err := asks.Authorize(t.Context(), kubeauthorizer.AttributesRecord{
			User: &user.DefaultInfo{Name: "gardener.cloud:system:seed:s1"}, Verb: "get", Resource: "secrets",
			ResourceRequest: true,
		})
		require.NoError(t, err)
		require.Equal(t, allowed, decision == kubeauthorizer.DecisionAllow)
	}
	return calls
}

// requireAdmission asserts that API servers' own code finds the credentials of the admission webhook by the files in
// dir.
func requireAdmission(t *testing.T, dir string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "admission.yaml"))
	require.NoError(t, err)
	admissionConfiguration := struct{ Plugins []struct{ Configuration any } }{}
	require.NoError(t, yaml.Unmarshal(content, &admissionConfiguration))
	plugin, err := yaml.Marshal(admissionConfiguration.Plugins[0].Configuration)
	require.NoError(t, err)
	kubeconfig, err := config.LoadConfig(bytes.NewReader(plugin))
	require.NoError(t, err)
	loaded, err := clientcmd.LoadFromFile(kubeconfig.KubeConfigFile)
	require.NoError(t, err)
	require.Contains(t, loaded.AuthInfos, "seedguard.example.com:9443")
	require.Equal(t, filepath.Join(dir, "client.key"), loaded.AuthInfos["seedguard.example.com:9443"].ClientKey)
}

func TestHost(t *testing.T) {
	for url, want := range map[string]string{
		"https://a.b": "a.b", "https://a.b:443": "a.b", "https://a.b:9443": "a.b:9443", "https://[::1]:9443": "[::1]:9443",
	} {
		require.Equal(t, want, AdmissionKubeconfig(Options{URL: url}).Users[0].Name)
	}
}
