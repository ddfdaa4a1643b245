package garden

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/pkg/deploy"
	"github.com/seedguard/seedguard/test/pki"
)

// Names of gardener-apiserver in the garden. It is a Service of kube-system there, whose ServiceAccount it has.
const (
	gardenerName      = "gardener-apiserver"
	gardenerNamespace = metav1.NamespaceSystem
	gardenerUser      = "system:serviceaccount:" + gardenerNamespace + ":" + gardenerName
	// frontProxy is the name with which kube-apiserver passes on requests.
	frontProxy = "front-proxy-client"
	// ClusterIdentity is the identity of the garden.
	ClusterIdentity = "test-garden"
	// GardenerCallerName is the common name of the certificate with which gardener-apiserver calls admission webhooks.
	GardenerCallerName = gardenerName
)

// gardenerState is what the garden knows of gardener-apiserver beside its processes.
type gardenerState struct {
	balancer  *balancer
	hosts     []string   // of the replicas, as URLs
	arguments [][]string // of the replicas
	ca        *pki.Authority
}

// prepareGardener chooses ports, writes all files of gardener-apiserver, and returns further arguments of the
// kube-apiserver.
func (g *Garden) prepareGardener() (apiserver []string, err error) {
	s := &g.gardener
	if err := os.Mkdir(g.gardenerDir(), 0o700); err != nil {
		return nil, err
	}
	proxies, err := pki.NewAuthority("front-proxy")
	if err != nil {
		return nil, err
	}
	proxyCA, err := g.write("front-proxy-ca.crt", proxies.PEM)
	if err != nil {
		return nil, err
	}
	proxyCertificate, proxyKey, err := g.writeClient("front-proxy", proxies, frontProxy)
	if err != nil {
		return nil, err
	}

	if s.ca, err = pki.NewAuthority(gardenerName); err != nil {
		return nil, err
	}
	certificate, key, err := g.writeServing(gardenerName, s.ca, gardenerName+"."+gardenerNamespace+".svc")
	if err != nil {
		return nil, err
	}
	config, err := g.Client(gardenerUser, "system:serviceaccounts", "system:serviceaccounts:"+gardenerNamespace)
	if err != nil {
		return nil, err
	}
	kubeconfig, err := g.WriteKubeconfig(gardenerName, config)
	if err != nil {
		return nil, err
	}
	admission, err := g.writeGardenerAdmission()
	if err != nil {
		return nil, err
	}
	var addresses []string
	for i := range g.Gardener {
		var audit []string
		if g.Audit {
			if audit, err = g.auditArguments(fmt.Sprintf("%s-%d", gardenerName, i)); err != nil {
				return nil, err
			}
		}
		port, err := FreePort()
		if err != nil {
			return nil, err
		}
		address := "127.0.0.1:" + strconv.Itoa(port)
		addresses = append(addresses, address)
		s.hosts = append(s.hosts, "https://"+address)
		s.arguments = append(s.arguments, append(audit,
			"--etcd-servers="+g.EtcdURL, // below a prefix of its own
			"--bind-address=127.0.0.1",
			"--secure-port="+strconv.Itoa(port),
			"--tls-cert-file="+certificate,
			"--tls-private-key-file="+key,
			"--kubeconfig="+kubeconfig,
			"--authentication-kubeconfig="+kubeconfig,
			"--authorization-kubeconfig="+kubeconfig,
			"--authorization-always-allow-paths=/healthz,/livez,/readyz",
			"--admission-control-config-file="+admission,
			"--cluster-identity="+ClusterIdentity,
			"--workload-identity-token-issuer=https://issuer.test-garden.example.com",
			"--workload-identity-signing-key-file="+key, // any key does
			"--enable-priority-and-fairness=false",      // as for the kube-apiserver
			"--max-requests-inflight=0",
			"--max-mutating-requests-inflight=0",
			"--profiling=false",
		))
	}
	if s.balancer, err = newBalancer(addresses); err != nil {
		return nil, err
	}
	return []string{
		"--requestheader-client-ca-file=" + proxyCA,
		"--requestheader-allowed-names=" + frontProxy,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + proxyCertificate,
		"--proxy-client-key-file=" + proxyKey,
	}, nil
}

func (g *Garden) gardenerDir() string { return filepath.Join(g.Dir, gardenerName) }

// WriteGardenerCaller writes the certificate with which gardener-apiserver calls admission webhooks. It is read again
// for each new connection.
func (g *Garden) WriteGardenerCaller(webhooks WebhookPKI, name string) error {
	_, _, err := g.writeClient(gardenerName+"/client", webhooks.Callers, name)
	return err
}

// writeGardenerAdmission writes with which credentials gardener-apiserver calls admission webhooks. These are the files
// that are generated for the kube-apiserver, with another certificate.
func (g *Garden) writeGardenerAdmission() (string, error) {
	if err := g.WriteGardenerCaller(g.guard.pki, GardenerCallerName); err != nil {
		return "", err
	}
	o := g.deployOptions()
	o.ConfigDir = g.gardenerDir()
	if _, err := g.writeYAML(gardenerName+"/admission.kubeconfig", deploy.AdmissionKubeconfig(o)); err != nil {
		return "", err
	}
	return g.writeYAML(gardenerName+"/admission.yaml", deploy.AdmissionConfiguration(o))
}

// aggregate gives gardener-apiserver its permissions, starts its replicas, and has the kube-apiserver pass on requests
// to them.
func (g *Garden) aggregate(ctx context.Context, admin *Client) error {
	if err := admin.Apply(ctx, gardenerAccess()...); err != nil {
		return err
	}
	for i := range g.Gardener {
		if err := g.StartGardener(ctx, i); err != nil {
			return err
		}
	}
	if err := admin.Apply(ctx, g.gardener.apiServices()...); err != nil {
		return err
	}
	return g.waitServed(ctx, admin, resources)
}

// StartGardener starts a replica of gardener-apiserver, also again after it has ended, and waits until it is ready.
func (g *Garden) StartGardener(ctx context.Context, replica int) (err error) {
	s := &g.gardener
	name := fmt.Sprintf("%s-%d", gardenerName, replica)
	p, err := startProcess(g.Dir, name, g.binaries[gardenerName], s.arguments[replica]...)
	if err != nil {
		return err
	}
	g.Gardeners[replica] = p
	return p.waitReady(ctx, rest.AnonymousClientConfig(g.GardenerClient(replica)))
}

// gardenerAccess is what gardener-apiserver may do in the garden: everything, as in Gardener's own installation, and
// what each aggregated API server needs to authenticate and authorize those whose requests are passed on to it.
func gardenerAccess() []runtime.Object {
	subjects := []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: gardenerUser}}
	role := func(kind, name string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
	}
	return []runtime.Object{
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: gardenerName},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}},
		},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: gardenerName},
			RoleRef:    role("ClusterRole", gardenerName), Subjects: subjects,
		},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: gardenerName + "-auth-delegator"},
			RoleRef:    role("ClusterRole", "system:auth-delegator"), Subjects: subjects,
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: gardenerName + "-auth-reader"},
			RoleRef:    role("Role", "extension-apiserver-authentication-reader"), Subjects: subjects,
		},
	}
}

// apiServices registers the groups and versions of Gardener's resources. The Service is an external name, since there
// is no network of Services here; behind its port is the balancer.
func (s *gardenerState) apiServices() []runtime.Object {
	port := s.balancer.port()
	objects := []runtime.Object{&corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: gardenerNamespace, Name: gardenerName},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeExternalName, ExternalName: "localhost",
			Ports: []corev1.ServicePort{{Port: port, Protocol: corev1.ProtocolTCP}},
		},
	}}
	var known []string
	for _, r := range resources {
		for version := range strings.FieldsSeq(r.versions) {
			name := version + "." + r.group
			if slices.Contains(known, name) {
				continue
			}
			known = append(known, name)
			priority := int64(20)
			if version == "v1" {
				priority = 10 // not all kinds of the group have it
			}
			objects = append(objects, &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
				"metadata": map[string]any{"name": name},
				"spec": map[string]any{
					"group": r.group, "version": version, "groupPriorityMinimum": int64(10000), "versionPriority": priority,
					"caBundle": base64.StdEncoding.EncodeToString(s.ca.PEM),
					"service": map[string]any{
						"namespace": gardenerNamespace, "name": gardenerName, "port": int64(port),
					},
				},
			}})
		}
	}
	return objects
}

// GardenerClient returns the administrator's client configuration for a replica of gardener-apiserver itself, past the
// kube-apiserver and the balancer.
func (g *Garden) GardenerClient(replica int) *rest.Config {
	config := g.Admin()
	config.Host, config.CAData = g.gardener.hosts[replica], g.gardener.ca.PEM
	return config
}

// SeedguardClient returns the client configuration that seedguard has.
func (g *Garden) SeedguardClient() (*rest.Config, error) { return g.Client(guardUser, guardGroups...) }
