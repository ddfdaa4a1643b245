package deploy

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	webhookadmissionv1 "k8s.io/apiserver/pkg/admission/plugin/webhook/config/apis/webhookadmission/v1"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"

	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/server"
)

// The files of the API servers, in Options.ConfigDir. Certificates and keys are the operator's.
const (
	caFile                  = "ca.crt"
	clientCertificateFile   = "client.crt"
	clientKeyFile           = "client.key"
	authorizationKubeconfig = "authorization.kubeconfig"
	admissionKubeconfig     = "admission.kubeconfig"
)

var (
	// oldestKubernetes is the oldest version that Gardener supports for a garden. Its kube-apiserver sends selectors.
	oldestKubernetes = version.MajorMinor(1, 32)
	// cacheOff is the version from which on caching can be switched off in an AuthorizationConfiguration.
	cacheOff = version.MajorMinor(1, 34)
)

// noTime is how long decisions are cached where caching cannot be switched off: 0 would stand for the default, which is
// minutes, and what is kept for a nanosecond has expired when it is looked up.
const noTime = time.Nanosecond

// AuthorizationConfiguration puts the SeedAuthorizer before RBAC. Decisions are not cached: a cached allow outlives the
// relation that it rests on.
func AuthorizationConfiguration(o Options) *apiserverv1.AuthorizationConfiguration {
	configuration := &apiserverv1.AuthorizationConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: apiserverv1.SchemeGroupVersion.String(), Kind: "AuthorizationConfiguration"},
		Authorizers: []apiserverv1.AuthorizerConfiguration{
			{
				Type: string(apiserverv1.TypeWebhook), Name: name,
				Webhook: &apiserverv1.WebhookConfiguration{
					Timeout:                                  metav1.Duration{Duration: webhookTimeout * time.Second},
					FailurePolicy:                            apiserverv1.FailurePolicyDeny,
					SubjectAccessReviewVersion:               "v1",
					MatchConditionSubjectAccessReviewVersion: "v1",
					MatchConditions:                          []apiserverv1.WebhookMatchCondition{{Expression: reviewCondition}},
					ConnectionInfo: apiserverv1.WebhookConnectionInfo{
						Type:           apiserverv1.AuthorizationWebhookConnectionInfoTypeKubeConfigFile,
						KubeConfigFile: new(path.Join(o.ConfigDir, authorizationKubeconfig)),
					},
				},
			},
			{Type: "RBAC", Name: "rbac"},
		},
	}
	webhook := configuration.Authorizers[0].Webhook
	if o.Config.Authorizer.Mode == config.ModeObserve {
		webhook.FailurePolicy = apiserverv1.FailurePolicyNoOpinion
	}
	if o.KubernetesVersion == nil || o.KubernetesVersion.AtLeast(cacheOff) {
		webhook.CacheAuthorizedRequests, webhook.CacheUnauthorizedRequests = new(false), new(false)
	} else {
		// An older kube-apiserver does not start with a field that it does not know.
		webhook.AuthorizedTTL.Duration, webhook.UnauthorizedTTL.Duration = noTime, noTime
	}
	return configuration
}

// AuthorizationKubeconfig leads kube-apiserver to the SeedAuthorizer.
func AuthorizationKubeconfig(o Options) Kubeconfig {
	config := newKubeconfig(o, name)
	config.Clusters = []clientcmdv1.NamedCluster{{Name: name, Cluster: clientcmdv1.Cluster{
		Server: o.URL + server.AuthorizerPath, CertificateAuthority: path.Join(o.ConfigDir, caFile),
	}}}
	config.Contexts = []clientcmdv1.NamedContext{{Name: name, Context: clientcmdv1.Context{Cluster: name, AuthInfo: name}}}
	config.CurrentContext = name
	return config
}

// AdmissionKubeconfig holds the client certificate that an API server shows to admission webhooks at seedguard's
// address. Both call the SeedRestriction: each API server calls admission webhooks for the resources that it serves
// itself.
func AdmissionKubeconfig(o Options) Kubeconfig {
	u := must(url.Parse(o.URL)) // as Validate has done
	// Under this name kube-apiserver looks for the credentials of a webhook: without the port that https has anyway.
	return newKubeconfig(o, strings.TrimSuffix(u.Host, ":443"))
}

// AdmissionConfiguration tells an API server of AdmissionKubeconfig.
func AdmissionConfiguration(o Options) *apiserverv1.AdmissionConfiguration {
	return &apiserverv1.AdmissionConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: apiserverv1.SchemeGroupVersion.String(), Kind: "AdmissionConfiguration"},
		Plugins: []apiserverv1.AdmissionPluginConfiguration{{
			Name: "ValidatingAdmissionWebhook",
			Configuration: &runtime.Unknown{Raw: must(json.Marshal(&webhookadmissionv1.WebhookAdmission{
				TypeMeta: metav1.TypeMeta{APIVersion: apiserverv1.SchemeGroupVersion.String(),
					Kind: "WebhookAdmissionConfiguration"},
				KubeConfigFile: path.Join(o.ConfigDir, admissionKubeconfig),
			}))},
		}},
	}
}

// Kubeconfig is a clientcmdv1.Config without the fields that this has no way to leave out.
type Kubeconfig struct {
	metav1.TypeMeta `json:",inline"`
	Clusters        []clientcmdv1.NamedCluster  `json:"clusters"`
	Users           []clientcmdv1.NamedAuthInfo `json:"users"`
	Contexts        []clientcmdv1.NamedContext  `json:"contexts,omitempty"`
	CurrentContext  string                      `json:"current-context,omitempty"`
}

func newKubeconfig(o Options, user string) Kubeconfig {
	return Kubeconfig{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Config"},
		Users: []clientcmdv1.NamedAuthInfo{{Name: user, AuthInfo: clientcmdv1.AuthInfo{
			ClientCertificate: path.Join(o.ConfigDir, clientCertificateFile), ClientKey: path.Join(o.ConfigDir, clientKeyFile),
		}}},
	}
}

// must returns what cannot fail.
func must[T any](result T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("BUG: %v", err))
	}
	return result
}
