package garden

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/test/pki"
)

// Limits of the garden's start. They are wide: a machine may be busy.
const (
	startTimeout = 2 * time.Minute
	buildTimeout = 30 * time.Minute
)

const kubeAPIServer = "kube-apiserver"

// Options configure a Garden.
type Options struct {
	// Dir takes all files: data, keys, configuration, logs. Required.
	Dir string
	// Seedguard is the path of the seedguard binary. Required.
	Seedguard string
	// Gardener is how many replicas of the real gardener-apiserver serve Gardener's resources. 0: there is none, and the
	// resources are CustomResourceDefinitions, which is up sooner.
	Gardener int
	// Audit has all API servers of the garden log who requests what (AuditEvents).
	Audit bool
	// AuditPolicy is which requests they log then, and how much. Nil: without bodies, those of seed clients and of those
	// who are about to become gardenlets.
	AuditPolicy *auditv1.Policy
	// References is what seedguard's restriction.references is set to, and what is registered for it. Empty: the default.
	References admission.References
	// Without names resources (plural.group) whose CustomResourceDefinitions are left out.
	Without []string
}

// Garden is an etcd and a kube-apiserver with Gardener's resources, wired to a seedguard. It is not safe for concurrent
// use, but for the methods that return client configurations.
type Garden struct {
	Options
	// Host is the address of the kube-apiserver as a URL.
	Host string
	// EtcdURL is the address of etcd as a URL.
	EtcdURL string
	// Etcd and APIServer run from Start to Stop.
	Etcd, APIServer *Process
	// Gardeners are the replicas of gardener-apiserver.
	Gardeners []*Process
	// Guard runs from StartSeedguard on.
	Guard *Seedguard

	root        string
	binaries    map[string]string
	apiserver   []string // its arguments
	ca          *pki.Authority
	adminConfig *rest.Config
	mapper      meta.ResettableRESTMapper
	guard       guardState
	gardener    gardenerState
	others      others
}

// Build builds the programs that the garden consists of, unless they are there, and returns the path of seedguard.
func Build(ctx context.Context, dir string, gardener bool) (seedguard string, err error) {
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	root, err := Root()
	if err != nil {
		return "", err
	}
	if _, err := buildTools(ctx, root, programs(gardener)...); err != nil {
		return "", err
	}
	seedguard = filepath.Join(dir, "seedguard")
	// #nosec G204 -- fixed but for the directory
	cmd := exec.CommandContext(ctx, "go", "build", "-o", seedguard, "./cmd/seedguard")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("cannot build seedguard: %w", err)
	}
	return seedguard, nil
}

// programs are what a garden runs, with or without gardener-apiserver.
func programs(gardener bool) []string {
	names := []string{"etcd", kubeAPIServer}
	if gardener {
		names = append(names, gardenerName)
	}
	return names
}

// buildTools returns the paths of programs that hack/tools/build.sh builds, by their names.
func buildTools(ctx context.Context, root string, names ...string) (map[string]string, error) {
	// #nosec G204 -- our own script
	cmd := exec.CommandContext(ctx, filepath.Join(root, "hack", "tools", "build.sh"), names...)
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot build %v: %w", names, err)
	}
	paths := map[string]string{}
	for path := range strings.Lines(string(output)) {
		path = strings.TrimSpace(path)
		paths[filepath.Base(path)] = path
	}
	for _, name := range names {
		if paths[name] == "" {
			return nil, fmt.Errorf("hack/tools/build.sh printed %q, not the paths of %v", output, names)
		}
	}
	return paths, nil
}

// Start starts etcd, kube-apiserver and, if wanted, gardener-apiserver, and creates Gardener's resources and
// namespaces. Seedguard does not run yet: seed clients get errors until StartSeedguard. When it fails, nothing is left
// running.
func Start(ctx context.Context, options Options) (_ *Garden, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	g := &Garden{Options: options, Gardeners: make([]*Process, options.Gardener)}
	defer func() {
		if err != nil {
			g.Stop()
		}
	}()

	if g.root, err = Root(); err != nil {
		return nil, err
	}
	if g.binaries, err = buildTools(ctx, g.root, programs(options.Gardener > 0)...); err != nil {
		return nil, err
	}
	if g.ca, err = pki.NewAuthority("garden"); err != nil {
		return nil, err
	}
	if err := g.startEtcd(ctx); err != nil {
		return nil, err
	}
	if err := g.prepareSeedguard(); err != nil {
		return nil, err
	}
	if err := g.prepareAPIServer(); err != nil {
		return nil, err
	}
	if err := g.StartAPIServer(ctx); err != nil {
		return nil, err
	}
	return g, g.populate(ctx)
}

// Stop ends everything that runs.
func (g *Garden) Stop() {
	g.others.stop()
	if g.Guard != nil {
		g.Guard.Stop()
	}
	// Killed, not stopped: they would wait for watches to end, and their data is thrown away.
	for _, p := range g.Gardeners {
		if p != nil {
			p.Kill()
		}
	}
	if g.APIServer != nil {
		g.APIServer.Kill()
	}
	if g.gardener.balancer != nil {
		g.gardener.balancer.close()
	}
	if g.Etcd != nil {
		g.Etcd.Kill()
	}
}

// Logs returns the ends of all logs, for a test that failed.
func (g *Garden) Logs() string {
	var b strings.Builder
	processes := slices.Concat([]*Process{g.Etcd, g.APIServer}, g.Gardeners, g.others.all())
	if g.Guard != nil {
		processes = append(processes, g.Guard.Process)
	}
	for _, p := range processes {
		if p != nil {
			fmt.Fprintf(&b, "--- end of %s\n%s\n", p.Log, p.Tail(8192))
		}
	}
	return b.String()
}

func (g *Garden) startEtcd(ctx context.Context) error {
	client, err := FreePort()
	if err != nil {
		return err
	}
	peer, err := FreePort()
	if err != nil {
		return err
	}
	g.EtcdURL = "http://127.0.0.1:" + strconv.Itoa(client)
	peerURL := "http://127.0.0.1:" + strconv.Itoa(peer)
	g.Etcd, err = startProcess(g.Dir, "etcd", g.binaries["etcd"],
		"--data-dir="+filepath.Join(g.Dir, "etcd"),
		"--listen-client-urls="+g.EtcdURL,
		"--advertise-client-urls="+g.EtcdURL,
		"--listen-peer-urls="+peerURL,
		"--initial-advertise-peer-urls="+peerURL,
		"--initial-cluster=default="+peerURL,
		"--quota-backend-bytes=8589934592", // the most that etcd advises
		"--unsafe-no-fsync",                // losing data in a crash of the machine is all right here
		"--log-level=warn",
	)
	if err != nil {
		return err
	}
	return g.Etcd.wait(ctx, func(ctx context.Context) error {
		return getOK(ctx, http.DefaultClient, g.EtcdURL+"/health")
	})
}

// prepareAPIServer writes the files that kube-apiserver reads, and decides on its arguments.
func (g *Garden) prepareAPIServer() error {
	port, err := FreePort()
	if err != nil {
		return err
	}
	g.Host = "https://127.0.0.1:" + strconv.Itoa(port)
	if g.adminConfig, err = g.Client("admin", "system:masters"); err != nil {
		return err
	}

	if g.apiserver, err = g.kubeAPIServerArguments(kubeAPIServer, port, g.ca, "10.96.0.0/16"); err != nil {
		return err
	}
	g.apiserver = append(g.apiserver,
		"--enable-bootstrap-token-auth=true",
		"--authorization-config="+g.guard.authorization,
		"--admission-control-config-file="+g.guard.admission,
		// Nobody here needs protection from too many requests, and load tests must not be slowed.
		"--enable-priority-and-fairness=false",
		"--max-requests-inflight=0",
		"--max-mutating-requests-inflight=0",
	)
	if g.Audit {
		further, err := g.auditArguments(kubeAPIServer)
		if err != nil {
			return err
		}
		g.apiserver = append(g.apiserver, further...)
	}
	if g.Gardener > 0 {
		further, err := g.prepareGardener()
		if err != nil {
			return err
		}
		g.apiserver = append(g.apiserver, further...)
	}
	return nil
}

// kubeAPIServerArguments writes the files that every kube-apiserver reads, and returns the arguments that all have.
func (g *Garden) kubeAPIServerArguments(name string, port int, ca *pki.Authority, services string) ([]string, error) {
	caFile, err := g.write(name+"-ca.crt", ca.PEM)
	if err != nil {
		return nil, err
	}
	certificate, key, err := g.writeServing(name, ca, name)
	if err != nil {
		return nil, err
	}
	return []string{
		"--etcd-servers=" + g.EtcdURL,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + certificate,
		"--tls-private-key-file=" + key,
		"--client-ca-file=" + caFile,
		"--service-account-issuer=https://127.0.0.1:" + strconv.Itoa(port),
		"--service-account-signing-key-file=" + key, // any key does
		"--service-account-key-file=" + key,
		"--service-cluster-ip-range=" + services,
		"--endpoint-reconciler-type=none",
		"--profiling=false",
	}, nil
}

// StartAPIServer starts the kube-apiserver, also again after it has ended, on the same port with the same data.
func (g *Garden) StartAPIServer(ctx context.Context) (err error) {
	if g.APIServer, err = startProcess(g.Dir, kubeAPIServer, g.binaries[kubeAPIServer], g.apiserver...); err != nil {
		return err
	}
	return g.APIServer.waitReady(ctx, g.Admin())
}

// Admin returns the client configuration of an administrator, who may do everything.
func (g *Garden) Admin() *rest.Config { return rest.CopyConfig(g.adminConfig) }

// Client returns the configuration of a client with a certificate for the user and groups.
func (g *Garden) Client(user string, groups ...string) (*rest.Config, error) {
	return client(g.Host, g.ca, g.ca, user, groups...)
}

// Gardenlet returns the client configuration of a Seed's gardenlet.
func (g *Garden) Gardenlet(seed string) (*rest.Config, error) {
	return g.Client("gardener.cloud:system:seed:"+seed, "gardener.cloud:system:seeds")
}

// WithToken returns the configuration of a client with a bearer token.
func (g *Garden) WithToken(token string) *rest.Config {
	config := rest.AnonymousClientConfig(g.adminConfig)
	config.BearerToken = token
	return config
}

// get returns the status and body of what a GET answers.
func get(ctx context.Context, client *http.Client, url string) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

// getOK fails unless a GET answers 200.
func getOK(ctx context.Context, client *http.Client, url string) error {
	status, _, err := get(ctx, client, url)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s answers %d", url, status)
	}
	return err
}
