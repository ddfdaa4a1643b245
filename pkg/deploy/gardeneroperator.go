package deploy

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiserverv1beta1 "k8s.io/apiserver/pkg/apis/apiserver/v1beta1"
	"sigs.k8s.io/yaml"
)

// OperatorConfigMap is the SeedAuthorizer's part of AuthorizationConfiguration, as the structuredAuthorization of a
// Garden refers to it. gardener-operator takes the webhooks from it, puts them after its own, and gives each the path
// of its kubeconfig.
func OperatorConfigMap(o Options) *corev1.ConfigMap {
	configuration := AuthorizationConfiguration(o)
	configuration.APIVersion = apiserverv1beta1.ConfigSchemeGroupVersion.String() // it takes no other
	configuration.Authorizers = configuration.Authorizers[:1]                     // it asks for a kubeconfig of each
	webhook := configuration.Authorizers[0].Webhook
	webhook.ConnectionInfo.KubeConfigFile = nil
	// It drops these for a kube-apiserver that does not know them. The time to live is for that one.
	webhook.CacheAuthorizedRequests, webhook.CacheUnauthorizedRequests = new(false), new(false)
	webhook.AuthorizedTTL.Duration, webhook.UnauthorizedTTL.Duration = noTime, noTime
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: corev1.SchemeGroupVersion.String(), Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: name + "-authorization", Namespace: "garden"},
		Data:       map[string]string{"config.yaml": string(must(yaml.Marshal(configuration)))},
	}
}
