package gardenlet

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	_ "embed" // for what is below
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/pkg/naming"
	testgarden "github.com/seedguard/seedguard/test/garden"
)

//go:embed testdata/garden.yaml
var gardenManifest string

const (
	controllerManager     = "gardener-controller-manager"
	controllerManagerUser = "system:serviceaccount:kube-system:" + controllerManager
)

// prepareGarden creates what an operator of Gardener installs, and starts gardener-controller-manager.
func prepareGarden(ctx context.Context) error {
	admin, err := g.NewClient(g.Admin())
	if err != nil {
		return err
	}
	program, err := g.Tool(ctx, controllerManager)
	if err != nil {
		return err
	}
	version, err := exec.CommandContext(ctx, program, "--version").Output() // "Gardener-Controller-Manager v1.2.3"
	if err != nil {
		return err
	}
	role := func(name string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
	}
	objects := []runtime.Object{
		// In a garden kube-controller-manager publishes it.
		&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "gardener-system-public", Name: "kube-root-ca.crt"},
			Data:       map[string]string{"ca.crt": string(g.Admin().CAData)},
		},
		// In a garden gardener-operator does. Gardenlets compare their version with it.
		&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "gardener-system-public", Name: "gardener-info"},
			Data:       map[string]string{"gardenerAPIServer": "version: " + strings.Fields(string(version))[1]},
		},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: naming.BootstrapperClusterRole},
			RoleRef:    role(naming.BootstrapperClusterRole),
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:bootstrappers"}},
		},
		// The only one of Gardener's roles for everybody that gardenlets cannot do without: they renew tokens.
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "gardener.cloud:system:user-auth"},
			Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"tokenreviews"}, Verbs: []string{"create"}},
			},
		},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "gardener.cloud:system:user-auth"},
			RoleRef:    role("gardener.cloud:system:user-auth"),
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:authenticated"}},
		},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: controllerManager},
			RoleRef:    role("cluster-admin"),
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: controllerManagerUser}},
		},
	}
	chart, err := extensionChart()
	if err != nil {
		return err
	}
	manifest := strings.ReplaceAll(gardenManifest, "CHART", base64.StdEncoding.EncodeToString(chart))
	parsed, err := testgarden.Parse([]byte(manifest))
	if err != nil {
		return err
	}
	for _, o := range parsed {
		objects = append(objects, o)
	}
	for _, o := range objects {
		if err := applySoon(ctx, admin, o); err != nil {
			return err
		}
	}
	return startControllerManager(program)
}

// applySoon applies an object. gardener-apiserver validates against caches of its own, which know others a little
// later.
func applySoon(ctx context.Context, c *testgarden.Client, o runtime.Object) error {
	ctx, cancel := context.WithTimeout(ctx, *patience)
	defer cancel()
	var last error
	for {
		err := c.Apply(ctx, o)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func startControllerManager(program string) error {
	config, err := g.Client(controllerManagerUser, "system:serviceaccounts", "system:serviceaccounts:kube-system")
	if err != nil {
		return err
	}
	kubeconfig, err := writeKubeconfig(controllerManager, config)
	if err != nil {
		return err
	}
	content, err := withPorts(`
apiVersion: controllermanager.config.gardener.cloud/v1alpha1
kind: ControllerManagerConfiguration
gardenClientConnection: {qps: 100, burst: 130}
leaderElection: {leaderElect: false}
server:
  healthProbes: {bindAddress: 127.0.0.1, port: HEALTH}
  metrics: {bindAddress: 127.0.0.1, port: METRICS}
controllers:
  shootMigration: {concurrentSyncs: 1}
  seed: {syncPeriod: 10s}
logLevel: info
logFormat: text
`)
	if err != nil {
		return err
	}
	path := filepath.Join(g.Dir, controllerManager+".yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return err
	}
	_, err = g.Run(controllerManager, []string{"KUBECONFIG=" + kubeconfig}, program, "--config="+path)
	return err
}

func writeKubeconfig(name string, config *rest.Config) (string, error) {
	kubeconfig, err := testgarden.Kubeconfig(config)
	if err != nil {
		return "", err
	}
	path := filepath.Join(g.Dir, name+".kubeconfig")
	return path, os.WriteFile(path, kubeconfig, 0o600)
}

// withPorts puts free ports into a component configuration.
func withPorts(config string) (string, error) {
	for _, name := range []string{"HEALTH", "METRICS"} {
		port, err := testgarden.FreePort()
		if err != nil {
			return "", err
		}
		config = strings.ReplaceAll(config, name, strconv.Itoa(port))
	}
	return config, nil
}

// signCertificates signs approved requests, as kube-controller-manager does in a garden.
func signCertificates(ctx context.Context) {
	admin, err := g.NewClient(g.Admin())
	if err != nil {
		panic(err)
	}
	requests := admin.Kubernetes.CertificatesV1().CertificateSigningRequests()
	for ; ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		list, err := requests.List(ctx, metav1.ListOptions{})
		if err != nil {
			continue // the garden may be on its way down
		}
		for i := range list.Items {
			r := &list.Items[i]
			approved := slices.ContainsFunc(r.Status.Conditions, func(c certificatesv1.CertificateSigningRequestCondition) bool {
				return c.Type == certificatesv1.CertificateApproved
			})
			if !approved || len(r.Status.Certificate) > 0 || r.Spec.SignerName != certificatesv1.KubeAPIServerClientSignerName {
				continue
			}
			if r.Status.Certificate, err = g.Sign(r.Spec.Request); err == nil {
				_, err = requests.UpdateStatus(ctx, r, metav1.UpdateOptions{})
			}
			if err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "cannot sign", r.Name, err)
			}
		}
	}
}

// extensionChart returns a chart as an extension is installed by, in a compressed archive.
func extensionChart() ([]byte, error) {
	files := []struct{ name, content string }{
		{"local/Chart.yaml", "apiVersion: v1\nname: local\nversion: 0.1.0\n"},
		{"local/values.yaml", "{}\n"},
		{"local/templates/deployment.yaml", `apiVersion: apps/v1
kind: Deployment
metadata: {name: local, namespace: {{ .Release.Namespace }}}
spec:
  replicas: 1
  selector: {matchLabels: {app: local}}
  template:
    metadata: {labels: {app: local}}
    spec: {containers: [{name: local, image: "registry.example.com/local:1"}]}
`},
	}
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	archive := tar.NewWriter(zipped)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.content)), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write([]byte(f.content)); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	err := zipped.Close()
	return b.Bytes(), err
}
