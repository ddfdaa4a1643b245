package scenario_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/naming"
	"github.com/seedguard/seedguard/pkg/scenario"
	"github.com/seedguard/seedguard/test/scenarios"
)

// ask returns what comes of all requests of a file, one line a check.
func ask(t *testing.T, file, content string) string {
	t.Helper()
	s, err := scenario.Parse(file, []byte(content), config.Default())
	require.NoError(t, err)
	w := scenarios.Open(t, s)
	var lines []string
	for i := range s.Requests {
		for _, check := range w.Ask(t.Context(), &s.Requests[i]) {
			require.Equal(t, !strings.Contains(check.String(), ": want "), check.OK)
			lines = append(lines, check.String())
		}
	}
	return strings.Join(lines, "\n")
}

// managed is the garden of a ManagedSeed on Seed s1. The certificate of its gardenlet expires at noon.
const managed = `
objects:
- {apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: s1, uid: u1}}
- apiVersion: core.gardener.cloud/v1beta1
  kind: Shoot
  metadata: {name: child, namespace: garden}
  spec: {seedName: s1}
- apiVersion: core.gardener.cloud/v1beta1
  kind: Seed
  metadata: {name: child}
  status: {clientCertificateExpirationTimestamp: 2026-11-20T12:00:00Z}
- apiVersion: seedmanagement.gardener.cloud/v1alpha1
  kind: ManagedSeed
  metadata: {name: child, namespace: garden}
  spec: {shoot: {name: child}, gardenlet: {bootstrap: ServiceAccount}}
`

// TestNow: the clock decides, in the graph and in the admission. The token is written as people write it.
func TestNow(t *testing.T) {
	requests := strings.ReplaceAll(`
requests:
- name: bootstrap
  as: {gardenlet: s1}
  verb: get
  resource: serviceaccounts
  namespace: garden
  object: gardenlet-bootstrap-child
  authorize: allow
- name: token
  as: {gardenlet: s1}
  verb: create
  resource: secrets
  body:
    apiVersion: v1
    kind: Secret
    type: bootstrap.kubernetes.io/token
    metadata: {name: bootstrap-token-ID, namespace: kube-system}
    stringData:
      token-id: "ID"
      token-secret: "0123456789abcdef"
      expiration: "2026-11-21T13:30:00Z"
      usage-bootstrap-authentication: "true"
      usage-bootstrap-signing: "true"
      description: >-
        A bootstrap token for the Gardenlet for
        seedmanagement.gardener.cloud/v1alpha1.ManagedSeed resource garden/child.
  admit: allowed
`, "ID", naming.BootstrapTokenID("garden", "child"))
	require.Equal(t, "authorize: allow\nadmit: allowed", ask(t, "f", "now: 2026-11-20T13:00:00Z\n"+managed+requests))
	before := ask(t, "f", "now: 2026-11-20T11:00:00Z\n"+managed+requests)
	require.Contains(t, before, "authorize: want allow, got noOpinion: ")
	require.Contains(t, before, "admit: want allowed, got 400: ")
}

func TestAdmit(t *testing.T) {
	const content = `
objects:
- {apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: s1, uid: u1}}
requests:
- name: what is not the client's
  as: {gardenlet: s1}
  verb: create
  resource: secrets
  body: {apiVersion: v1, kind: Secret, metadata: {name: a, namespace: garden-dev}}
  admit: allowed
- name: says why
  as: {gardenlet: s1}
  verb: create
  resource: secrets
  body: {apiVersion: v1, kind: Secret, metadata: {name: a, namespace: garden-dev}}
  admit: 403
  message: because
- name: a new reference
  as: {gardenlet: s1}
  verb: update
  resource: seeds.core.gardener.cloud
  old: {apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: s1, uid: u1}}
  body:
    apiVersion: core.gardener.cloud/v1beta1
    kind: Seed
    metadata: {name: s1, uid: u1}
    spec: {backup: {provider: any, credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: other}}}
  admit: allowed
  message: spec.backup.credentialsRef
- name: a write that the webhook is not registered for
  as: {gardenlet: s1}
  verb: update
  resource: projects.core.gardener.cloud
  body: {apiVersion: core.gardener.cloud/v1beta1, kind: Project, metadata: {name: a}}
  admit: 403
`
	lines := strings.Split(ask(t, "f", "restriction: {references: Warn}\n"+content), "\n")
	require.Len(t, lines, 6)
	require.Contains(t, lines[0], "admit: want allowed, got 403: ")
	require.Equal(t, "admit: 403", lines[1])
	require.Contains(t, lines[2], "message: want because, got ")
	require.Equal(t, []string{"admit: allowed", "message: spec.backup.credentialsRef"}, lines[3:5], "of a warning")
	require.Equal(t, "admit: want 403, got allowed: not asked: it does not guard UPDATE of projects.core.gardener.cloud",
		lines[5])

	require.Contains(t, ask(t, "f", content), "\nadmit: want allowed, got 403: ", "references are enforced by default")
}

// TestModes: with Deny the authorizer denies. With Observe both halves say what they would record.
func TestModes(t *testing.T) {
	const content = `
objects:
- {apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: s1, uid: u1}}
requests:
- name: not the client's
  as: {gardenlet: s1}
  verb: update
  resource: secrets
  old: {apiVersion: v1, kind: Secret, metadata: {name: a, namespace: garden-dev}}
  body: {apiVersion: v1, kind: Secret, metadata: {name: a, namespace: garden-dev}, data: {k: AA==}}
  authorize: deny
  admit: 403
`
	require.Equal(t, "authorize: deny\nadmit: 403", ask(t, "f", "authorizer: {mode: Deny}\n"+content))
	for _, mode := range []string{"NoOpinion", "Audit", "Observe"} {
		require.Contains(t, ask(t, "f", "authorizer: {mode: "+mode+"}\nrestriction: {mode: Observe}\n"+content),
			"authorize: want deny, got noOpinion: ", mode)
	}
	require.Contains(t, ask(t, "f", "restriction: {mode: Observe}\n"+content), "\nadmit: 403")
}
