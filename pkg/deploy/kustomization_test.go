package deploy

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/garden/directory"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/server"
)

const root = "../../deploy"

// files returns the paths of all files in deploy/ with one of the extensions.
func files(t *testing.T, extensions ...string) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && slices.Contains(extensions, filepath.Ext(path)) {
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

// TestGenerated: deploy/generated is what is generated, no more and no less.
func TestGenerated(t *testing.T) {
	want := sets.New[string]()
	for _, f := range Files(Default()) {
		path := filepath.Join(root, "generated", f.Name)
		require.Equal(t, string(f.YAML()), string(read(t, path)), "%s: run 'make generate'", f.Name)
		want.Insert(path)
	}
	for _, path := range files(t, ".yaml", ".kubeconfig") {
		if strings.HasPrefix(path, filepath.Join(root, "generated")) {
			require.Contains(t, want, path, "nothing generates it any more")
		}
	}
}

// TestManifests: what Kubernetes has types for has no field that they do not know.
func TestManifests(t *testing.T) {
	codec := scheme.Codecs.UniversalDeserializer()
	known := 0
	for _, path := range files(t, ".yaml") {
		for _, document := range bytes.Split(read(t, path), []byte("\n---\n")) {
			var meta struct{ APIVersion, Kind string }
			require.NoError(t, yaml.Unmarshal(document, &meta), path)
			o, _, err := codec.Decode(document, nil, nil)
			if err != nil { // of a kind that Kubernetes has no types for
				const known = `^(seedguard\.config|(kustomize|apiserver)\.config\.k8s\.io|` +
					`cert-manager\.io|monitoring\.coreos\.com)/`
				require.Regexp(t, known, meta.APIVersion, path)
				continue
			}
			known++
			into := o.DeepCopyObject()
			require.NoError(t, yaml.UnmarshalStrict(document, into), path)
		}
	}
	require.Greater(t, known, 10)
}

// TestKustomizations: every file that a kustomization names is there, and every manifest is named.
func TestKustomizations(t *testing.T) {
	named := sets.New[string]()
	for _, path := range files(t, ".yaml") {
		if filepath.Base(path) != "kustomization.yaml" {
			continue
		}
		var k struct {
			Kind               string
			Resources          []string
			ConfigMapGenerator []struct{ Files []string }
		}
		require.NoError(t, yaml.Unmarshal(read(t, path), &k), path)
		if k.Kind != "Kustomization" {
			require.Equal(t, "Component", k.Kind, path)
		}
		for _, g := range k.ConfigMapGenerator {
			k.Resources = append(k.Resources, g.Files...)
		}
		for _, resource := range k.Resources {
			at := filepath.Join(filepath.Dir(path), resource)
			info, err := os.Stat(at)
			require.NoError(t, err, path)
			if info.IsDir() {
				require.FileExists(t, filepath.Join(at, "kustomization.yaml"))
			}
			named.Insert(at)
		}
	}
	for _, path := range files(t, ".yaml", ".json") {
		// What API servers read is no manifest, and what gardener-operator reads is optional.
		if filepath.Base(path) != "kustomization.yaml" && !strings.Contains(path, "apiserver/") &&
			!strings.Contains(path, "gardener-operator/") {
			require.Contains(t, named, path, "no kustomization names it")
		}
	}
}

// TestChoiceOfExistence: the kustomizations for the garden differ by the permission to look whether an object exists,
// and there is none that leaves out the choice.
func TestChoiceOfExistence(t *testing.T) {
	garden := filepath.Join(root, "garden")
	overlays, err := filepath.Glob(filepath.Join(garden, "*", "kustomization.yaml"))
	require.NoError(t, err)
	resources := map[string][]string{}
	for _, path := range overlays {
		var k struct{ Resources []string }
		require.NoError(t, yaml.Unmarshal(read(t, path), &k), path)
		resources[filepath.Base(filepath.Dir(path))] = k.Resources
	}
	require.Equal(t, map[string][]string{
		"base": {"serviceaccount.yaml", "../../generated/permissions",
			"../../generated/permissions-bootstrap-tokens"},
		"404-get-secrets-everywhere":     {"../base", "../../generated/permissions-existence"},
		"403-get-secrets-in-kube-system": {"../base"},
	}, resources)
	require.NoFileExists(t, filepath.Join(garden, "kustomization.yaml"))
	require.Contains(t, grants(t, "permissions-existence/existence.yaml"), "secrets get")
	for _, file := range []string{"permissions/watch.yaml", "permissions/live-reads.yaml"} {
		for _, grant := range grants(t, file) {
			require.NotRegexp(t, `^(internal)?secrets[. ]`, grant, "the other overlay says that it has none")
		}
	}
}

// TestDeployment: the Deployment fits the configuration that it mounts.
func TestDeployment(t *testing.T) {
	c, err := config.Load(filepath.Join(root, "runtime", "config.yaml"))
	require.NoError(t, err)
	require.NoError(t, c.Validate())
	require.Equal(t, "127.0.0.1:9445", c.Debug.BindAddress, "kubectl port-forward reaches it, the cluster does not")

	var deployment appsv1.Deployment
	require.NoError(t, yaml.UnmarshalStrict(read(t, filepath.Join(root, "runtime", "deployment.yaml")), &deployment))
	pod := deployment.Spec.Template.Spec
	container := pod.Containers[0]
	require.Equal(t, []string{"serve", "--config=/etc/seedguard/config/config.yaml"}, container.Args)
	ports := map[string]int32{}
	for _, p := range container.Ports {
		ports[p.Name] = p.ContainerPort
	}
	require.Equal(t, map[string]int32{"webhooks": int32(c.Serving.SecurePort), "metrics": 9444}, ports)
	require.Equal(t, "0.0.0.0:9444", c.Metrics.BindAddress)
	for _, probe := range []*corev1.Probe{container.LivenessProbe, container.ReadinessProbe} {
		require.Equal(t, corev1.URISchemeHTTPS, probe.HTTPGet.Scheme)
		require.Equal(t, "webhooks", probe.HTTPGet.Port.String())
	}
	// Callers are those that have a certificate, and nobody else.
	var names []string
	certificates := read(t, filepath.Join(root, "components", "cert-manager", "certificates.yaml"))
	for document := range strings.SplitSeq(string(certificates), "\n---\n") {
		var certificate struct {
			Spec struct {
				CommonName string
				Usages     []string
			}
		}
		require.NoError(t, yaml.Unmarshal([]byte(document), &certificate))
		if slices.Contains(certificate.Spec.Usages, "client auth") {
			names = append(names, certificate.Spec.CommonName)
		}
	}
	require.Equal(t, names, c.Serving.ClientAllowedNames)
	require.Equal(t, []string{"kube-apiserver", "gardener-apiserver"}, names)
	var policy networkingv1.NetworkPolicy
	require.NoError(t, yaml.UnmarshalStrict(read(t, filepath.Join(root, "runtime", "networkpolicy.yaml")), &policy))
	require.Equal(t, "webhooks", policy.Spec.Ingress[0].Ports[0].Port.String())
	var apps []string
	for _, peer := range policy.Spec.Ingress[0].From {
		require.Equal(t, "apiserver", peer.PodSelector.MatchLabels["role"])
		apps = append(apps, peer.PodSelector.MatchLabels["app"])
	}
	require.Equal(t, []string{"kubernetes", "gardener"}, apps)

	mounted := sets.New[string]()
	for _, m := range container.VolumeMounts {
		mounted.Insert(m.MountPath)
		require.True(t, slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }), m.Name)
	}
	for _, file := range []string{c.Garden.Kubeconfig, c.Serving.TLSCertFile, c.Serving.TLSPrivateKeyFile,
		c.Serving.ClientCAFile} {
		require.Contains(t, mounted, filepath.Dir(file))
	}
	require.True(t, *container.SecurityContext.ReadOnlyRootFilesystem)
	require.True(t, *pod.SecurityContext.RunAsNonRoot)
	require.Greater(t, *pod.TerminationGracePeriodSeconds,
		int64(c.Serving.ShutdownDelay.Seconds()+c.Serving.RequestTimeout.Seconds()))

	var service corev1.Service
	require.NoError(t, yaml.UnmarshalStrict(read(t, filepath.Join(root, "runtime", "service.yaml")), &service))
	require.Equal(t, "https://"+service.Name+".garden.svc", Default().URL, "where kube-apiserver is sent")
	require.Equal(t, int32(443), service.Spec.Ports[0].Port)
}

var (
	metricName = regexp.MustCompile(`\b(seedguard|process|go)_[a-z_]+`)
	metric     = regexp.MustCompile(`^Desc\{fqName: "(.+?)", help: (".+"), unit: .* variableLabels: \{(.*)\}\}$`)
)

// TestMetrics: alerts and dashboard use only metrics that a server has, and the operations guide has a table of all.
func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	source, err := directory.New("../../examples/landscape")
	require.NoError(t, err)
	g := graph.New(graph.Options{})
	watched := garden.New(garden.Options{Source: source, Graph: g, Registerer: registry})
	decides, err := authorizer.New(authorizer.Options{Graph: g, Registerer: registry})
	require.NoError(t, err)
	c := config.Default()
	access.New(watched, c.KubeconfigAccess, registry)
	c.Serving.SecurePort, c.Metrics.BindAddress, c.Debug.BindAddress = 0, config.ListenerOff, config.ListenerOff
	_, err = server.New(t.Context(), server.Options{
		Serving: c.Serving, Metrics: c.Metrics, Debug: c.Debug, Authorizer: decides,
		Admission: admission.New(admission.Options{Reader: watched, Registerer: registry}), Graph: g,
		NotReady: watched.NotReady, Stale: watched.Stale, Registry: registry,
	})
	require.NoError(t, err)
	config.AddFlags(pflag.NewFlagSet("serve", pflag.ContinueOnError)).NewFollower(registry)

	descriptions := make(chan *prometheus.Desc, 1000)
	registry.Describe(descriptions)
	close(descriptions)
	has, rows := sets.New[string](), sets.New[string]()
	for description := range descriptions {
		match := metric.FindStringSubmatch(description.String())
		require.NotNil(t, match, description.String())
		has.Insert(match[1])
		if strings.HasPrefix(match[1], "seedguard_") {
			help, err := strconv.Unquote(match[2])
			require.NoError(t, err)
			rows.Insert("| `" + match[1] + "` | " + strings.ReplaceAll(match[3], ",", ", ") + " | " + help + " |")
		}
	}
	_, table, _ := strings.Cut(string(read(t, "../../docs/operations.md")), "\n| metric | by | says |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	require.Equal(t, strings.Join(sets.List(rows), "\n"), table)

	used := sets.New[string]()
	for _, path := range []string{"prometheusrule.yaml", "dashboard.json"} {
		content := read(t, filepath.Join(root, "components", "monitoring", path))
		names := metricName.FindAllString(string(content), -1)
		require.NotEmpty(t, names)
		used.Insert(names...)
	}
	for name := range used {
		require.Contains(t, has, strings.TrimSuffix(name, "_bucket"), "no metric of a server")
	}
}

func TestDashboard(t *testing.T) {
	var dashboard struct {
		Title  string
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(read(t, filepath.Join(root, "components", "monitoring", "dashboard.json")),
		&dashboard))
	ids := sets.New[int]()
	for _, p := range dashboard.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		require.NotContains(t, ids, p.ID)
		ids.Insert(p.ID)
	}
}

// TestRunbooks: the operations guide has a section for every alert.
func TestRunbooks(t *testing.T) {
	var rules struct {
		Spec struct {
			Groups []struct {
				Rules []struct {
					Alert       string
					Annotations map[string]string
				}
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(read(t, filepath.Join(root, "components", "monitoring", "prometheusrule.yaml")),
		&rules))
	guide := string(read(t, "../../docs/operations.md"))
	for _, rule := range rules.Spec.Groups[0].Rules {
		require.Contains(t, guide, "\n### "+rule.Alert+"\n")
		require.Equal(t, "https://github.com/seedguard/seedguard/blob/main/docs/operations.md#"+
			strings.ToLower(rule.Alert), rule.Annotations["runbook_url"])
	}
}

// TestExport: the operations guide exports all that is watched.
func TestExport(t *testing.T) {
	guide := string(read(t, "../../docs/operations.md"))
	_, list, ok := strings.Cut(guide, "for r in ")
	require.True(t, ok)
	list, _, ok = strings.Cut(list, "; do")
	require.True(t, ok)
	exported := sets.New[string]()
	for _, word := range strings.Fields(list) {
		resource, _, _ := strings.Cut(word, ".")
		exported.Insert(resource)
	}
	exported.Delete("\\")
	watched := sets.New[string]()
	for _, kind := range garden.Watched() {
		watched.Insert(kind.Resource().Resource)
	}
	require.Equal(t, sets.List(watched), sets.List(exported))
}

// TestGuideConfiguration: the configurations in the guides are valid.
func TestGuideConfiguration(t *testing.T) {
	blocks := yamlBlock.FindAllStringSubmatch(string(read(t, "../../docs/operations.md")), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		path := filepath.Join(t.TempDir(), "config.yaml")
		require.NoError(t, os.WriteFile(path, []byte(block[1]), 0o600))
		c, err := config.Load(path)
		require.NoError(t, err)
		require.NoError(t, c.Validate())
	}
}
