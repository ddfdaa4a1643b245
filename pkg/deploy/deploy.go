package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/config"
)

// Options say where seedguard and the files of kube-apiserver are.
type Options struct {
	// URL is the base address of the webhooks as kube-apiserver reaches them, https.
	URL string
	// CABundle is the CA of seedguard's serving certificate in PEM. When it is empty, the registration has none, and must
	// be given one unless the system's CAs know it.
	CABundle []byte
	// Subject is seedguard's user in the garden: a ServiceAccount as "system:serviceaccount:<namespace>:<name>", or any
	// user.
	Subject string
	// ConfigDir is the directory in which kube-apiserver, and gardener-apiserver in its own file system, find the files
	// that this package makes for them.
	ConfigDir string
	// KubernetesVersion is that of the garden's kube-apiserver. Without it, the newest is meant.
	KubernetesVersion *version.Version
	// Config is seedguard's own configuration, which must be valid. With restriction.references Off, what only references
	// need guarded is not registered. Requests for kubeconfigs are where kubeconfigAccess gives a client a level above
	// none. When a half in mode Observe does not answer, requests pass it too.
	Config *config.SeedGuardConfiguration
}

// Default returns the options for the kustomizations in deploy/.
func Default() Options {
	return Options{
		URL:       "https://seedguard.garden.svc",
		Subject:   "system:serviceaccount:garden:seedguard",
		ConfigDir: "/etc/kubernetes/seedguard",
		Config:    config.Default(),
	}
}

// Validate checks the options.
func (o *Options) Validate() error {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		return err
	case u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("the URL %q is not https://host[:port]", o.URL)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return fmt.Errorf("the URL %q has more than https://host[:port]", o.URL)
	case o.Subject == "":
		return errors.New("seedguard's user in the garden is missing")
	case !filepath.IsAbs(o.ConfigDir):
		return fmt.Errorf("the directory %q is not an absolute path", o.ConfigDir)
	case o.KubernetesVersion != nil && o.KubernetesVersion.LessThan(oldestKubernetes):
		return fmt.Errorf("a kube-apiserver of version %s is too old, it must be %s or later", o.KubernetesVersion,
			oldestKubernetes)
	}
	return nil
}

// File is a manifest or a file of an API server.
type File struct {
	// Name is a path below the output directory, with slashes.
	Name string
	// About says in one line what it is for.
	About   string
	Objects []any
}

// Files returns all that is generated, in the order in which it is needed. The options must be valid.
func Files(o Options) []File {
	files := []File{
		{"permissions/watch.yaml", "What seedguard may read in the garden.", objects(WatchRole(o))},
		{"permissions/live-reads.yaml", "Single objects, read before a decision that may rest on an old state.",
			objects(LiveReadsRole(o))},
		{"permissions/bootstrapper.yaml",
			"Lets gardenlets bind the bootstrapper's ClusterRole, which RBAC asks beside seedguard.",
			objects(BootstrapperRole())},
		{"registration/validatingwebhookconfiguration.yaml", "Registers the SeedRestriction.", []any{Registration(o)}},
		{"permissions-existence/existence.yaml",
			"Optional: whether an object exists that is to be created or deleted. Kubernetes has no verb for " +
				"metadata alone, so this lets seedguard get Secrets.", objects(ExistenceRole(o))},
		{"kube-apiserver/authorization.yaml", "For --authorization-config.", []any{AuthorizationConfiguration(o)}},
		{"kube-apiserver/authorization.kubeconfig", "How kube-apiserver reaches the SeedAuthorizer.",
			[]any{AuthorizationKubeconfig(o)}},
		{"kube-apiserver/admission.yaml", "For --admission-control-config-file.", []any{AdmissionConfiguration(o)}},
		{"kube-apiserver/admission.kubeconfig", "The client certificate for the SeedRestriction.",
			[]any{AdmissionKubeconfig(o)}},
		{"gardener-apiserver/admission.yaml", "For --admission-control-config-file.", []any{AdmissionConfiguration(o)}},
		{"gardener-apiserver/admission.kubeconfig", "The client certificate for the SeedRestriction: another than " +
			"kube-apiserver's.", []any{AdmissionKubeconfig(o)}},
		{"gardener-operator/authorization.yaml",
			"For gardener-operator, in the runtime cluster: structuredAuthorization.configMapName of the Garden.",
			[]any{OperatorConfigMap(o)}},
	}
	directories := []string{"permissions", "permissions-existence", "registration"}
	if o.Config.Restriction.References != admission.ReferencesOff {
		files = append(files, File{"permissions-bootstrap-tokens/bootstrap-tokens.yaml",
			"What bootstrap tokens are for, read before a certificate request with one of them is let through.",
			objects(BootstrapTokensRole(o))})
		directories = append(directories, "permissions-bootstrap-tokens")
	}
	for _, dir := range directories {
		files = append(files, kustomization(dir, files))
	}
	return files
}

// kustomization lists the files of a directory.
func kustomization(dir string, files []File) File {
	k := struct {
		metav1.TypeMeta `json:",inline"`
		Resources       []string `json:"resources"`
	}{TypeMeta: metav1.TypeMeta{APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization"}}
	for _, f := range files {
		if name, ok := strings.CutPrefix(f.Name, dir+"/"); ok {
			k.Resources = append(k.Resources, name)
		}
	}
	return File{dir + "/kustomization.yaml", "For the garden.", []any{k}}
}

func objects(all []runtime.Object) []any {
	result := make([]any, len(all))
	for i, o := range all {
		result[i] = o
	}
	return result
}

const header = "# Generated by `seedguard manifests` from the tables that decide. Do not edit.\n"

// YAML returns the file's content.
func (f *File) YAML() []byte {
	var b bytes.Buffer
	b.WriteString(header + "# " + f.About + "\n")
	for i, o := range f.Objects {
		if i > 0 {
			b.WriteString("---\n")
		}
		b.Write(must(yaml.Marshal(o)))
	}
	return b.Bytes()
}

// Write writes the files below dir, which is made when it is not there.
func Write(dir string, files []File) error {
	for i := range files {
		path := filepath.Join(dir, filepath.FromSlash(files[i].Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { // #nosec G301 -- manifests are for all to read
			return err
		}
		if err := os.WriteFile(path, files[i].YAML(), 0o644); err != nil { // #nosec G306 -- likewise
			return err
		}
	}
	return nil
}
