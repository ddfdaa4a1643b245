package garden

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/test/pki"
)

// Cluster is a Kubernetes cluster beside the garden, for gardenlets to run their Seed in: a kube-apiserver, and its
// part of the garden's etcd. It has neither nodes nor controllers.
type Cluster struct {
	*Process
	// Admin is the client configuration of its administrator.
	Admin *rest.Config

	mapper meta.ResettableRESTMapper
}

// StartCluster starts a cluster whose Services have addresses of a range. It ends with the garden.
func (g *Garden) StartCluster(ctx context.Context, name, services string) (*Cluster, error) {
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	ca, err := pki.NewAuthority(name)
	if err != nil {
		return nil, err
	}
	arguments, err := g.kubeAPIServerArguments(name, port, ca, services)
	if err != nil {
		return nil, err
	}
	c := &Cluster{}
	if c.Admin, err = client("https://127.0.0.1:"+strconv.Itoa(port), ca, ca, "admin", "system:masters"); err != nil {
		return nil, err
	}
	c.Process, err = g.Run(name, nil, g.binaries[kubeAPIServer], append(arguments,
		"--etcd-prefix=/"+name,
		"--authorization-mode=RBAC",
		// What runs in the cluster registers webhooks, and none would answer. Nobody makes ServiceAccounts for Pods.
		"--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook,ServiceAccount",
	)...)
	if err != nil {
		return nil, err
	}
	if err := c.waitReady(ctx, c.Admin); err != nil {
		return nil, err
	}
	c.mapper, err = newMapper(c.Admin)
	return c, err
}

// Client returns the client of the cluster's administrator.
func (c *Cluster) Client() (*Client, error) { return newClient(c.Admin, c.mapper) }

// RefreshKinds has clients of the cluster learn of new kinds.
func (c *Cluster) RefreshKinds() { c.mapper.Reset() }

// Tool returns the path of a program that hack/tools/build.sh builds.
func (g *Garden) Tool(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	paths, err := buildTools(ctx, g.root, name)
	return paths[name], err
}

// Run starts a program beside the garden. Its environment has further variables, each written NAME=value. It ends with
// the garden. Run is safe for concurrent use.
func (g *Garden) Run(name string, environment []string, path string, args ...string) (*Process, error) {
	// env becomes the program.
	p, err := startProcess(g.Dir, name, "env", slices.Concat(environment, []string{path}, args)...)
	if err == nil {
		g.others.add(p)
	}
	return p, err
}

// Sign issues the client certificate that somebody asks the garden for, as kube-controller-manager would.
func (g *Garden) Sign(request []byte) ([]byte, error) { return g.ca.SignClient(request) }

// others are clusters and programs beside the garden. They are safe for concurrent use.
type others struct {
	mu      sync.Mutex
	running []*Process
	stopped bool
}

// add has a process end with the garden.
func (o *others) add(p *Process) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped {
		p.Kill()
	}
	// A program that is started again takes the place of the one that ended.
	o.running = slices.DeleteFunc(o.running, func(other *Process) bool { return other.Name == p.Name })
	o.running = append(o.running, p)
}

func (o *others) all() []*Process {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.running)
}

func (o *others) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	for _, p := range o.running {
		p.Kill()
	}
}
