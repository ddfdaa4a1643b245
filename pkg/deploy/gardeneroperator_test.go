package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	operatorv1alpha1 "github.com/gardener/gardener/pkg/apis/operator/v1alpha1"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiserverv1beta1 "k8s.io/apiserver/pkg/apis/apiserver/v1beta1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/config"
)

// TestOperatorConfigMap: it holds what gardener-operator reads, and decides as what kube-apiserver is given elsewhere.
func TestOperatorConfigMap(t *testing.T) {
	var c apiserverv1beta1.AuthorizationConfiguration
	require.NoError(t, yaml.UnmarshalStrict([]byte(OperatorConfigMap(Default()).Data["config.yaml"]), &c))
	require.Equal(t, "apiserver.config.k8s.io/v1beta1", c.APIVersion)
	require.Len(t, c.Authorizers, 1)
	got, want := c.Authorizers[0].Webhook, AuthorizationConfiguration(Default()).Authorizers[0].Webhook
	require.Equal(t, want.MatchConditions[0].Expression, got.MatchConditions[0].Expression)
	require.Equal(t, want.FailurePolicy, got.FailurePolicy)
	require.Equal(t, want.Timeout, got.Timeout)
	require.False(t, *got.CacheAuthorizedRequests)
	require.False(t, *got.CacheUnauthorizedRequests)
	// For a kube-apiserver before 1.34 the operator drops these two, and 0 would be minutes.
	require.Equal(t, noTime, got.AuthorizedTTL.Duration)
	require.Equal(t, noTime, got.UnauthorizedTTL.Duration)
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestOperatorGuide: the guide's Garden has only fields that a Garden has, and names what the guide makes.
func TestOperatorGuide(t *testing.T) {
	guide := string(read(t, "../../docs/gardener-operator.md"))
	block := yamlBlock.FindStringSubmatch(strings.ReplaceAll(guide, "\n   ", "\n"))
	require.NotNil(t, block)
	var g operatorv1alpha1.Garden
	require.NoError(t, yaml.UnmarshalStrict([]byte(block[1]), &g))
	kubeAPIServer := g.Spec.VirtualCluster.Kubernetes.KubeAPIServer
	authorization := kubeAPIServer.StructuredAuthorization
	configMap := OperatorConfigMap(Default())
	require.Equal(t, configMap.Name, authorization.ConfigMapName)
	require.Equal(t, name, authorization.Kubeconfigs[0].AuthorizerName)
	secrets := []string{authorization.Kubeconfigs[0].SecretName}
	plugins := append(kubeAPIServer.AdmissionPlugins, g.Spec.VirtualCluster.Gardener.APIServer.AdmissionPlugins...)
	for _, plugin := range plugins {
		require.Equal(t, "ValidatingAdmissionWebhook", plugin.Name)
		secrets = append(secrets, *plugin.KubeconfigSecretName)
	}
	require.Len(t, secrets, 3)
	for _, secret := range secrets {
		require.Contains(t, guide, "create secret generic "+secret+" --from-file=kubeconfig=")
	}
}

// TestOperatorKubeconfigs: kubectl's code embeds the certificates in the kubeconfigs.
func TestOperatorKubeconfigs(t *testing.T) {
	dir := t.TempDir()
	o := Default()
	o.ConfigDir = filepath.Join(dir, "certificates")
	require.NoError(t, Write(dir, Files(o)))
	require.NoError(t, os.Mkdir(o.ConfigDir, 0o700))
	for _, file := range []string{"ca.crt", "client.crt", "client.key"} {
		require.NoError(t, os.WriteFile(filepath.Join(o.ConfigDir, file), []byte(file), 0o600))
	}
	for file, user := range map[string]string{
		"kube-apiserver/authorization.kubeconfig": name, "kube-apiserver/admission.kubeconfig": "seedguard.garden.svc",
		"gardener-apiserver/admission.kubeconfig": "seedguard.garden.svc",
	} {
		loaded, err := clientcmd.LoadFromFile(filepath.Join(dir, file))
		require.NoError(t, err)
		require.NoError(t, clientcmdapi.FlattenConfig(loaded))
		require.Equal(t, &clientcmdapi.AuthInfo{
			ClientCertificateData: []byte("client.crt"), ClientKeyData: []byte("client.key"),
			LocationOfOrigin: filepath.Join(dir, file), Extensions: loaded.AuthInfos[user].Extensions,
		}, loaded.AuthInfos[user], file)
		for _, cluster := range loaded.Clusters {
			require.Empty(t, cluster.CertificateAuthority)
			require.Equal(t, "ca.crt", string(cluster.CertificateAuthorityData))
		}
	}
}

// TestOperatorComponent: it opens the port on which seedguard serves, for the objects that are there.
func TestOperatorComponent(t *testing.T) {
	var component struct{ Patches []struct{ Patch string } }
	require.NoError(t, yaml.Unmarshal(read(t, filepath.Join(root, "components/gardener-operator/kustomization.yaml")),
		&component))
	var patch, service corev1.Service
	require.NoError(t, yaml.UnmarshalStrict([]byte(component.Patches[0].Patch), &patch))
	require.NoError(t, yaml.UnmarshalStrict(read(t, filepath.Join(root, "runtime/service.yaml")), &service))
	require.Equal(t, service.Name, patch.Name)
	var ports []struct {
		Port     int
		Protocol string
	}
	require.NoError(t, json.Unmarshal(
		[]byte(patch.Annotations["networking.resources.gardener.cloud/from-all-webhook-targets-allowed-ports"]), &ports))
	c, err := config.Load(filepath.Join(root, "runtime", "config.yaml"))
	require.NoError(t, err)
	require.Len(t, ports, 1)
	require.Equal(t, c.Serving.SecurePort, ports[0].Port)
	require.Equal(t, "TCP", ports[0].Protocol)

	var deployment appsv1.Deployment
	require.NoError(t, yaml.UnmarshalStrict([]byte(component.Patches[1].Patch), &deployment))
	require.Equal(t, "seedguard", deployment.Name)
	require.Equal(t, "allowed", deployment.Spec.Template.Labels["networking.resources.gardener.cloud/to-"+
		operatorv1alpha1.DeploymentNameVirtualGardenKubeAPIServer+"-tcp-443"])
}
