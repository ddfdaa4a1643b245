package gardenlet

import (
	_ "embed" // for what is below
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	testgarden "github.com/seedguard/seedguard/test/garden"
)

//go:embed testdata/seed.yaml
var seedConfig string

// seed is the name of the Seed that an operator installs.
const seed = "field"

// field is the cluster of the Seed, and ofField its gardenlet.
var (
	field   *testgarden.Cluster
	ofField *gardenlet
)

func admin(t *testing.T) *testgarden.Client {
	t.Helper()
	c, err := g.NewClient(g.Admin())
	require.NoError(t, err)
	return c
}

// find returns an object of the garden or of a cluster, by group/version/kind.
func find(t *testing.T, c *testgarden.Client, apiVersion, kind, namespace, name string) (
	*unstructured.Unstructured, error,
) {
	t.Helper()
	r, err := c.Resource(schema.FromAPIVersionAndKind(apiVersion, kind), namespace)
	if err != nil {
		return nil, err
	}
	return r.Get(t.Context(), name, metav1.GetOptions{})
}

// soon waits until something comes true.
func soon(t *testing.T, what string, try func() error) {
	t.Helper()
	begin := time.Now()
	for err := try(); err != nil; err = try() {
		require.Less(t, time.Since(begin), *patience, "%s: %v", what, err)
		time.Sleep(200 * time.Millisecond)
	}
	t.Logf("%s: after %v", what, time.Since(begin).Round(100*time.Millisecond))
}

// TestGardenlets does the steps in their order. Each goes on from what the earlier ones left.
func TestGardenlets(t *testing.T) {
	if t.Run("bootstrap", bootstrap) {
		t.Run("backup", backup)
		t.Run("extension", extension)
		t.Run("shoot", shoot)
		t.Run("managed-seed", managedSeed)
		t.Run("renew", renew)
	}
	t.Run("denials", denials)
}

// bootstrap: a gardenlet with an operator's bootstrap token gets a certificate, registers its Seed and renews its
// lease.
func bootstrap(t *testing.T) {
	const id, secret = "07401b", "f395accd246ae52d"
	token := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: "bootstrap-token-" + id},
		Type:       corev1.SecretTypeBootstrapToken,
		StringData: map[string]string{
			"description": "Token to be used by the gardenlet for Seed `" + seed + "`.",
			"token-id":    id, "token-secret": secret,
			"usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true",
		},
	}
	require.NoError(t, admin(t).Apply(t.Context(), token))
	kubeconfig, err := testgarden.Kubeconfig(g.WithToken(id + "." + secret))
	require.NoError(t, err)

	field, err = g.StartCluster(t.Context(), seed, "10.2.0.0/16")
	require.NoError(t, err)
	c, err := field.Client()
	require.NoError(t, err)
	require.NoError(t, c.Apply(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "garden"}},
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "garden", Name: "gardenlet-kubeconfig-bootstrap"},
			Data:       map[string][]byte{"kubeconfig": kubeconfig},
		}))
	require.NoError(t, furnish(t.Context(), c))
	go play(running, field)
	ofField = startGardenlet(t, field, seed, seedConfig)

	soon(t, "the Seed is registered", func() error {
		_, err := find(t, admin(t), "core.gardener.cloud/v1beta1", "Seed", "", seed)
		return err
	})
	var renewed string
	soon(t, "the lease is renewed", func() error {
		lease, err := find(t, admin(t), "coordination.k8s.io/v1", "Lease", "gardener-system-seed-lease", seed)
		if err != nil {
			return err
		}
		before := renewed
		renewed, _, _ = unstructured.NestedString(lease.Object, "spec", "renewTime")
		if before == "" || renewed == before {
			return fmt.Errorf("renewed %q", renewed)
		}
		return nil
	})
	seedReady(t, seed)
}

// gardenlet is a gardenlet that is started again whenever it ends, as in a Deployment.
type gardenlet struct {
	starts  atomic.Int32
	process atomic.Pointer[testgarden.Process]
}

// stop ends the process that runs. Another one takes its place.
func (l *gardenlet) stop() { l.process.Load().Stop() }

// startGardenlet starts the gardenlet of a Seed.
func startGardenlet(t *testing.T, cluster *testgarden.Cluster, name, config string) *gardenlet {
	t.Helper()
	config, err := withPorts(config)
	require.NoError(t, err)
	path := filepath.Join(g.Dir, "gardenlet-"+name+".yaml")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	kubeconfig, err := writeKubeconfig("gardenlet-"+name, cluster.Admin)
	require.NoError(t, err)
	program, err := g.Tool(t.Context(), "gardenlet")
	require.NoError(t, err)
	l := &gardenlet{}
	go func() {
		for ; running.Err() == nil; time.Sleep(time.Second) {
			environment := []string{"KUBECONFIG=" + kubeconfig, "NAMESPACE=garden"}
			p, err := g.Run("gardenlet-"+name, environment, program, "--config="+path)
			if err != nil {
				panic(err)
			}
			l.process.Store(p)
			l.starts.Add(1)
			<-p.Done()
		}
	}()
	return l
}

// seedReady waits until the gardenlet has done all for its Seed.
func seedReady(t *testing.T, name string) {
	t.Helper()
	soon(t, "Seed "+name+" is reconciled", func() error {
		o, err := find(t, admin(t), "core.gardener.cloud/v1beta1", "Seed", "", name)
		if err != nil {
			return err
		}
		state, _, _ := unstructured.NestedString(o.Object, "status", "lastOperation", "state")
		observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
		if state != "Succeeded" || observed != o.GetGeneration() {
			return fmt.Errorf("%v", o.Object["status"])
		}
		return nil
	})
}
