package gardener

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seedguard/seedguard/test/pki"
)

// The requests for kubeconfigs by their subresources.
var kubeconfigKinds = map[string]string{
	"adminkubeconfig": "AdminKubeconfigRequest", "viewerkubeconfig": "ViewerKubeconfigRequest",
}

// kubeconfig asks for a kubeconfig of the Shoot garden-a/crop.
func (c client) kubeconfig(t *testing.T, subresource string, seconds int64) (*unstructured.Unstructured, error) {
	t.Helper()
	return c.kubeconfigOf(t, "garden-a/crop", subresource, seconds)
}

func (c client) kubeconfigOf(
	t *testing.T, shoot, subresource string, seconds int64,
) (*unstructured.Unstructured, error) {
	t.Helper()
	r, name := c.of(t, "Shoot", shoot)
	return r.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authentication.gardener.cloud/v1alpha1", "kind": kubeconfigKinds[subresource],
		"metadata": map[string]any{"name": name}, "spec": map[string]any{"expirationSeconds": seconds},
	}}, metav1.CreateOptions{}, subresource)
}

// provideCA does what the gardenlet of Seed a does before anybody can have a kubeconfig of the Shoot: it provides the
// CA of the Shoot's clients, and tells where the Shoot is.
func provideCA(t *testing.T) *pki.Authority {
	t.Helper()
	authority, err := pki.NewRSAAuthority("clients-of-crop")
	require.NoError(t, err)
	ca, err := authority.KeyPair()
	require.NoError(t, err)
	a := gardenlet(t, "a")
	encode := base64.StdEncoding.EncodeToString
	require.NoError(t, a.create(t, fmt.Sprintf(`
apiVersion: core.gardener.cloud/v1beta1
kind: InternalSecret
metadata: {name: crop.ca-client, namespace: garden-a}
data: {ca.crt: %s, ca.key: %s}
`, encode(ca.Certificate), encode(ca.Key))))
	require.NoError(t, a.create(t, fmt.Sprintf(`
apiVersion: v1
kind: ConfigMap
metadata: {name: crop.ca-cluster, namespace: garden-a}
data: {ca.crt: %q}
`, ca.Certificate)))
	require.NoError(t, a.merge(t, "Shoot", "garden-a/crop",
		`{"status":{"advertisedAddresses":[{"name":"external","url":"https://api.crop.example.com"}]}}`, "status"))
	return authority
}

// requireKubeconfig asserts that the answer has a kubeconfig by which the user is known to the Shoot, for as long as it
// was asked for.
func requireKubeconfig(t *testing.T, authority *pki.Authority, answer *unstructured.Unstructured, user, group string) {
	t.Helper()
	encoded, _, err := unstructured.NestedString(answer.Object, "status", "kubeconfig")
	require.NoError(t, err)
	content, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	config, err := clientcmd.RESTConfigFromKubeConfig(content)
	require.NoError(t, err)
	subject, err := authority.Verify(config.CertData)
	require.NoError(t, err)
	require.Equal(t, user, subject.CommonName)
	require.Equal(t, []string{group}, subject.Organization)
	told, _, err := unstructured.NestedString(answer.Object, "status", "expirationTimestamp")
	require.NoError(t, err)
	expires, err := time.Parse(time.RFC3339, told)
	require.NoError(t, err)
	seconds, _, err := unstructured.NestedInt64(answer.Object, "spec", "expirationSeconds")
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Duration(seconds)*time.Second), expires, patience)
}

// TestKubeconfigs: people have kubeconfigs of Shoots by RBAC alone, and clients on a Seed by their level of access.
func TestKubeconfigs(t *testing.T) {
	authority := provideCA(t)
	administrator := admin(t)
	var answer *unstructured.Unstructured
	soon(t, "gardener-apiserver knows the Shoot's CA", func() (err error) {
		answer, err = administrator.kubeconfig(t, "adminkubeconfig", 600)
		return err
	})
	requireKubeconfig(t, authority, answer, "gardener.cloud:admin:admin", "gardener.cloud:system:admins")
	for _, seed := range []string{"a", "b"} {
		_, err := gardenlet(t, seed).kubeconfig(t, "adminkubeconfig", 600)
		forbidden(t, err)
	}

	require.NoError(t, configure(`
kubeconfigAccess:
  rules:
  - match: {clients: [Extension], extensions: ["provider-*"]}
    levels: {shoots: viewer}
`))
	require.NoError(t, g.Register(t.Context(), true))
	defer func() {
		require.NoError(t, g.Register(t.Context(), false))
		require.NoError(t, configure(""))
	}()
	extension := func(seed, name string) client {
		config, err := g.Extension(t.Context(), seed, name, time.Hour)
		require.NoError(t, err)
		c, err := g.NewClient(config)
		require.NoError(t, err)
		return client{c}
	}

	provider := extension("a", "provider-local")
	soon(t, "seedguard follows its configuration", func() (err error) {
		answer, err = provider.kubeconfig(t, "viewerkubeconfig", 600)
		return err
	})
	requireKubeconfig(t, authority, answer,
		"gardener.cloud:viewer:system:serviceaccount:seed-a:extension-provider-local", "gardener.cloud:project:viewers")
	granted, err := g.Guard.Metric(t.Context(), "seedguard_kubeconfig_requests_total", `result="granted"`,
		`level="viewer"`, `scope="shoots"`)
	require.NoError(t, err)
	require.InDelta(t, 1, granted, 0)

	// As a client that takes what it gets: admin, and viewer when that is forbidden.
	_, err = provider.kubeconfig(t, "adminkubeconfig", 600)
	forbidden(t, err)
	require.ErrorContains(t, err, "needs level admin, the client has level viewer in scope shoots by rule 1")
	_, err = provider.kubeconfig(t, "viewerkubeconfig", 3600)
	require.NoError(t, err)

	soon(t, "the webhook is registered", func() error {
		if _, err = provider.kubeconfig(t, "viewerkubeconfig", 3601); apierrors.IsForbidden(err) {
			return nil
		}
		return fmt.Errorf("want 403, got: %v", err)
	})
	require.ErrorContains(t, err, "must be at most 3600")
	for about, c := range map[string]client{
		"another Seed's": extension("b", "provider-local"), "another extension": extension("a", "dns"),
		"a gardenlet": gardenlet(t, "a"),
	} {
		_, err = c.kubeconfig(t, "viewerkubeconfig", 600)
		require.True(t, apierrors.IsForbidden(err), "%s: %v", about, err)
	}

	// A person's request is not sent to seedguard, whatever its expiration.
	calls := func() (sum float64) {
		for _, metric := range []string{"seedguard_authorizer_decisions_total", "seedguard_admission_decisions_total"} {
			n, err := g.Guard.Metric(t.Context(), metric, `resource="shoots.core.gardener.cloud"`)
			require.NoError(t, err)
			sum += n
		}
		return sum
	}
	before := calls()
	answer, err = administrator.kubeconfig(t, "adminkubeconfig", 7200)
	require.NoError(t, err)
	requireKubeconfig(t, authority, answer, "gardener.cloud:admin:admin", "gardener.cloud:system:admins")
	require.InDelta(t, before, calls(), 0)
}

const backing = `
apiVersion: core.gardener.cloud/v1beta1
kind: Project
metadata: {name: garden}
spec: {namespace: garden}
---
apiVersion: v1
kind: Secret
metadata: {name: cloud, namespace: garden}
stringData: {key: value}
---
apiVersion: security.gardener.cloud/v1alpha1
kind: CredentialsBinding
metadata: {name: cloud, namespace: garden}
provider: {type: local}
credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: cloud}
---
apiVersion: core.gardener.cloud/v1beta1
kind: Shoot
metadata: {name: backing, namespace: garden}
spec:
  cloudProfile: {kind: CloudProfile, name: local}
  credentialsBindingName: cloud
  kubernetes: {version: 1.36.1, verticalPodAutoscaler: {enabled: true}}
  networking: {type: local, nodes: 10.10.0.0/16, pods: 10.11.0.0/16, services: 10.12.0.0/16}
  dns: {domain: backing.example.com, providers: [{type: unmanaged, primary: true}]}
  region: local
  provider:
    type: local
    workers:
    - name: worker
      minimum: 1
      maximum: 1
      machine: {type: small, image: {name: local, version: 1.0.0}, architecture: amd64}
      cri: {name: containerd}
      zones: [local-1]
  seedName: a
`

const backed = `
apiVersion: seedmanagement.gardener.cloud/v1alpha1
kind: ManagedSeed
metadata: {name: another-name, namespace: garden}
spec:
  shoot: {name: backing}
  gardenlet:
    config:
      apiVersion: gardenlet.config.gardener.cloud/v1alpha1
      kind: GardenletConfiguration
      seedConfig:
        spec:
          provider: {type: local, region: local, zones: [local-1]}
          dns:
            provider:
              type: local
              credentialsRef: &cloud {apiVersion: v1, kind: Secret, namespace: garden, name: cloud}
            internal: {type: local, domain: internal.example.com, credentialsRef: *cloud}
`

// TestKubeconfigsOfSeeds: the level follows the ManagedSeed that a Shoot backs, as it comes and goes.
func TestKubeconfigsOfSeeds(t *testing.T) {
	require.NoError(t, configure(`
kubeconfigAccess:
  rules:
  - match: {clients: [Gardenlet]}
    levels: {shoots: none, seeds: viewer}
`))
	defer func() { require.NoError(t, configure("")) }()
	administrator := admin(t)
	for _, manifest := range strings.Split(backing, "---\n") {
		soon(t, "gardener-apiserver knows what it refers to", func() error { return administrator.create(t, manifest) })
	}
	request := func() error {
		_, err := gardenlet(t, "a").kubeconfigOf(t, "garden/backing", "viewerkubeconfig", 600)
		return err
	}
	soon(t, "seedguard follows its configuration", func() error {
		if err := request(); err == nil || !strings.Contains(err.Error(), "has level none in scope shoots by rule 1") {
			return fmt.Errorf("want no level, got: %w", err)
		}
		return nil
	})
	require.NoError(t, administrator.create(t, backed))
	// gardener-apiserver is asked then. It has no CA of this Shoot, which nobody has made.
	soon(t, "the Shoot is in scope seeds", func() error {
		if err := request(); err == nil || apierrors.IsForbidden(err) {
			return fmt.Errorf("want an answer of gardener-apiserver, got: %w", err)
		}
		return nil
	})
	_, err := gardenlet(t, "a").kubeconfigOf(t, "garden/backing", "adminkubeconfig", 600)
	forbidden(t, err)
	require.ErrorContains(t, err, "needs level admin, the client has level viewer in scope seeds by rule 1")
	require.NoError(t, administrator.remove(t, "ManagedSeed", "garden/another-name"))
	soonForbidden(t, "the Shoot is in scope shoots again", request)
}
