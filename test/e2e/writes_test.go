package e2e

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/naming"
	testgarden "github.com/seedguard/seedguard/test/garden"
	"github.com/seedguard/seedguard/test/pki"
)

// This file holds the attacks: writes by which a client that was taken over would reach, or change, what is not its
// Seed's. THIEF is the Seed whose clients were taken over, ROBBED another. What honest gardenlets write is in
// honest_test.go.

// loot is what the attacks need beside the landscape of the Seed THIEF.
const loot = `
apiVersion: v1
kind: ConfigMap
metadata: {namespace: kube-system, name: cluster-identity}
data: {cluster-identity: test}
---
apiVersion: v1
kind: Secret
metadata: {namespace: garden, name: internal-domain-THIEF, labels: {gardener.cloud/role: internal-domain}}
---
apiVersion: v1
kind: Secret
metadata: {namespace: garden, name: nobodys-THIEF}
---
apiVersion: core.gardener.cloud/v1beta1
kind: BackupEntry
metadata: {namespace: garden-THIEF, name: held}
spec: {bucketName: bucket-THIEF, seedName: THIEF}
status: {seedName: ROBBED}
---
apiVersion: core.gardener.cloud/v1beta1
kind: Shoot
metadata: {namespace: garden-THIEF, name: leaving}
spec: {seedName: ROBBED, secretBindingName: binding, cloudProfileName: cloud-THIEF}
status: {seedName: THIEF}
---
apiVersion: seedmanagement.gardener.cloud/v1alpha1
kind: ManagedSeed
metadata: {namespace: garden, name: THIEF-by-account}
spec: {shoot: {name: THIEF-child}, gardenlet: {bootstrap: ServiceAccount}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {namespace: garden, name: gardenlet-bootstrap-THIEF-by-account}
`

// attack is a change of an object of which the client may change something.
type attack struct {
	// on is KIND[/SUBRESOURCE] [NAMESPACE/]NAME, patch a merge patch, and why a part of the denial.
	on, patch, why string
}

const (
	robbedSecret  = `{apiVersion: v1, kind: Secret, namespace: garden, name: backup-ROBBED}`
	robbedShoot   = `[{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, name: crop, uid: UID-OF-ROBBED-SHOOT}]`
	robbedOwner   = `metadata: {ownerReferences: ` + robbedShoot + `}`
	newOwner      = "an owner reference is added"
	notItsContent = "may not update"
)

var attacks = []attack{
	{"BackupBucket bucket-THIEF", `spec: {credentialsRef: ` + robbedSecret + `}`, "spec.credentialsRef is not that of"},
	{"BackupBucket bucket-THIEF", `spec: {provider: {type: other}}`, "spec.provider.type is not that of"},
	{"BackupBucket bucket-THIEF", `spec: {shootRef: {namespace: garden-ROBBED, name: crop}}`, "spec.shootRef changes"},
	{"BackupBucket bucket-THIEF", robbedOwner, newOwner},
	{"BackupBucket/status bucket-THIEF", `status: {generatedSecretRef: {namespace: garden, name: backup-ROBBED}}`,
		"status.generatedSecretRef newly refers to Secret/garden/backup-ROBBED"},

	{"BackupEntry garden-THIEF/shoot--crop", `spec: {bucketName: bucket-ROBBED}`, "spec.bucketName becomes another"},
	{"BackupEntry garden-THIEF/held", `spec: {bucketName: UID-OF-SEED}`, "spec.bucketName changes while"},
	{"BackupEntry garden-THIEF/shoot--crop", `spec: {seedName: ROBBED}`, "spec.seedName becomes another"},
	{"BackupEntry garden-THIEF/shoot--crop", `spec: {shootRef: {name: crop}}`, "spec.shootRef changes"},
	{"BackupEntry garden-THIEF/shoot--crop", robbedOwner, newOwner},

	{"Bastion garden-THIEF/bastion", robbedOwner, newOwner},

	{"Seed THIEF", `spec: {backup: {credentialsRef: ` + robbedSecret + `}}`, "spec.backup.credentialsRef newly refers"},
	{"Seed THIEF", `spec: {dns: {provider: {credentialsRef: ` + robbedSecret + `}}}`,
		"spec.dns.provider.credentialsRef newly refers"},
	{"Seed THIEF", `spec: {dns: {internal: {credentialsRef: ` + robbedSecret + `}}}`,
		"spec.dns.internal.credentialsRef newly refers"},
	{"Seed THIEF", `spec: {dns: {defaults: [{type: local, credentialsRef: ` + robbedSecret + `}]}}`,
		"spec.dns.defaults[].credentialsRef newly refers"},
	{"Seed THIEF", `spec: {resources: [{name: x, resourceRef: {apiVersion: v1, kind: ConfigMap, name: settings-ROBBED}}]}`,
		"spec.resources[].resourceRef newly refers"},
	{"Seed THIEF", `spec: {resources: [{name: x, resourceRef: {apiVersion: v1, kind: Secret, name: nobodys-THIEF}}]}`,
		"grant it in restriction.seedReferences, or set it in the seed template"},
	{"Seed THIEF", robbedOwner, newOwner},

	{"Gardenlet garden/THIEF", `spec: {config: {seedConfig: {spec: {backup: {credentialsRef: ` + robbedSecret + `}}}}}`,
		"its spec changes"},
	{"Gardenlet garden/THIEF", `spec: {deployment: {helm: {ociRepository: {pullSecretRef: {name: backup-ROBBED}}}}}`,
		"its spec changes"},
	{"Gardenlet garden/THIEF", `spec: {kubeconfigSecretRef: {name: backup-ROBBED}}`, "its spec changes"},
	{"Gardenlet garden/THIEF", `metadata: {annotations: {gardener.cloud/operation: renew-kubeconfig}}`,
		"the annotation gardener.cloud/operation is set"},
	{"Gardenlet garden/THIEF", robbedOwner, newOwner},

	{"ManagedSeed garden/THIEF-child",
		`spec: {gardenlet: {config: {seedConfig: {spec: {backup: {credentialsRef: ` + robbedSecret + `}}}}}}`,
		"its spec changes"},
	{"ManagedSeed garden/THIEF-child",
		`spec: {gardenlet: {config: {seedConfig: {spec: {resources: [{name: x, resourceRef: {apiVersion: v1, kind: Secret, ` +
			`name: backup-ROBBED}}]}}}}}`, "its seed template newly refers"},
	{"ManagedSeed garden/THIEF-child", `spec: {shoot: {name: ROBBED-child}}`, "its spec changes"},
	{"ManagedSeed garden/THIEF-child", `spec: {gardenlet: {bootstrap: ServiceAccount}}`, "its spec changes"},
	{"ManagedSeed garden/THIEF-child", `metadata: {annotations: {gardener.cloud/operation: renew-kubeconfig}}`,
		"the annotation gardener.cloud/operation is set"},
	{"ManagedSeed garden/THIEF-child", robbedOwner, newOwner},

	{"ControllerInstallation installation-THIEF", `spec: {deploymentRef: {name: deployment-ROBBED}}`, "its spec changes"},
	{"ControllerInstallation installation-THIEF", `spec: {registrationRef: {name: registration-ROBBED}}`,
		"its spec changes"},
	{"ControllerInstallation installation-THIEF", robbedOwner, newOwner},

	{"Shoot garden-THIEF/crop", `spec: {secretBindingName: other}`, "spec.secretBindingName newly refers"},
	{"Shoot garden-THIEF/crop", `spec: {credentialsBindingName: secret}`, "spec.credentialsBindingName newly refers"},
	{"Shoot garden-THIEF/crop", `spec: {cloudProfile: {kind: CloudProfile, name: cloud-ROBBED}}`,
		"spec.cloudProfile newly refers"},
	{"Shoot garden-THIEF/crop", `spec: {exposureClassName: class-ROBBED}`, "spec.exposureClassName newly refers"},
	{"Shoot garden-THIEF/crop",
		`spec: {resources: [{name: x, resourceRef: {apiVersion: v1, kind: Secret, name: unrelated}}]}`,
		"spec.resources[].resourceRef newly refers"},
	{"Shoot garden-THIEF/crop", `spec: {dns: {providers: [{type: local, credentialsRef: {apiVersion: v1, kind: Secret, ` +
		`name: unrelated}}]}}`, "spec.dns.providers[].credentialsRef newly refers"},
	{"Shoot garden-THIEF/crop",
		`spec: {kubernetes: {kubeAPIServer: {auditConfig: {auditPolicy: {configMapRef: {name: unrelated}}}}}}`,
		"auditPolicy.configMapRef newly refers"},
	{"Shoot garden-THIEF/crop",
		`spec: {kubernetes: {kubeAPIServer: {structuredAuthentication: {configMapName: unrelated}}}}`,
		"structuredAuthentication.configMapName newly refers"},
	{"Shoot garden-THIEF/crop",
		`spec: {kubernetes: {kubeAPIServer: {structuredAuthorization: {configMapName: audit-policy, ` +
			`kubeconfigs: [{authorizerName: x, secretName: unrelated}]}}}}`, "structuredAuthorization"},
	{"Shoot garden-THIEF/crop", `metadata: {annotations: {confirmation.gardener.cloud/deletion: "true"}}`,
		"the annotation confirmation.gardener.cloud/deletion is set"},
	{"Shoot garden-THIEF/crop", robbedOwner, newOwner},
	{"Shoot garden-THIEF/leaving", `spec: {seedName: THIEF}`, "spec.seedName newly refers"},

	{"ServiceAccount garden/gardenlet-bootstrap-THIEF-by-account", `secrets: [{name: backup-ROBBED}]`,
		"it has new secrets"},
	{"ServiceAccount garden/gardenlet-bootstrap-THIEF-by-account", `imagePullSecrets: [{name: pull-ROBBED}]`,
		"it has new imagePullSecrets"},
	{"ClusterRoleBinding gardener.cloud:system:seed-bootstrapper:garden:gardenlet-bootstrap-THIEF-by-account",
		`subjects: [{kind: ServiceAccount, namespace: seed-THIEF, name: extension-local}]`, "its subjects are not exactly"},

	{"Secret garden/backup-THIEF", `stringData: {key: changed}`, notItsContent},
	{"Secret garden/backup-THIEF", `metadata: {labels: {touched: "true"}}`, notItsContent},
	{"Secret garden/internal-domain-THIEF", `stringData: {key: changed}`, notItsContent},
	{"Secret garden/pull-THIEF", `stringData: {key: changed}`, notItsContent},
	{"Secret garden-THIEF/infrastructure", `stringData: {key: changed}`, notItsContent},
	{"Secret garden-THIEF/crop.ssh-keypair", `metadata: {labels: {gardener.cloud/role: default-domain}}`,
		"the label gardener.cloud/role is set"},
	{"Secret garden-THIEF/crop.ssh-keypair", robbedOwner, newOwner},
	{"Secret kube-system/bootstrap-token-TOKEN", `stringData: {expiration: "2999-01-01T00:00:00Z"}`,
		"expiration is not set to at most"},
	{"Secret kube-system/bootstrap-token-TOKEN", `stringData: {token-id: OTHERS}`, "its name and token-id are not those"},
	{"ConfigMap kube-system/cluster-identity", `data: {cluster-identity: changed}`, notItsContent},
	{"ConfigMap garden/settings-THIEF", `data: {key: changed}`, notItsContent},
	{"ConfigMap garden-THIEF/audit-policy", `data: {key: changed}`, notItsContent},
	{"ConfigMap garden-THIEF/crop.ca-cluster", `metadata: {labels: {shoot.gardener.cloud/uid: UID-OF-ROBBED-SHOOT}}`,
		"its labels name another Shoot"},
	{"InternalSecret garden-THIEF/infrastructure", `data: {key: AA==}`, notItsContent},
	{"WorkloadIdentity garden/dns-THIEF", `spec: {audiences: [other]}`, "more than its finalizers changes"},
}

// sabotage is what the client may read, and not delete.
const sabotage = `
	delete Seed THIEF
	delete BackupBucket bucket-THIEF
	delete Secret garden/backup-THIEF
	delete Secret garden/internal-domain-THIEF
	delete Secret garden/pull-THIEF
	delete Secret garden-THIEF/infrastructure
	delete ConfigMap kube-system/cluster-identity
	delete ConfigMap garden/settings-THIEF
	delete ConfigMap garden-THIEF/audit-policy
	delete InternalSecret garden-THIEF/infrastructure
`

// TestWritesOfAThief: no way to write an object that the client has brings another's within its reach, or changes what
// all share.
func TestWritesOfAThief(t *testing.T) {
	withSeeds(t, shared, "thief", "robbed")
	thief := gardenlet(t, shared, "thief")
	words := append(of("thief", "robbed"), "TOKEN", naming.BootstrapTokenID("garden", "thief-child"))
	thief.apply(t, parse(t, loot, words...)...)
	require.NoError(t, thief.asAdmin().merge(t.Context(), "Seed", "thief", `{"spec":{"dns":{"internal":{"credentialsRef":
		{"apiVersion":"v1","kind":"Secret","namespace":"garden","name":"internal-domain-thief"}}}}}`))
	thief.apply(t, bootstrapBinding("garden", "thief-by-account"),
		bootstrapToken(t, "ManagedSeed", "garden", "thief-child"))
	words = append(words, "UID-OF-ROBBED-SHOOT", uidOf(t, thief, "Shoot", "garden-robbed/crop"),
		"UID-OF-SEED", uidOf(t, thief, "Seed", "thief"))
	extension := accessOf(t, shared, "thief", "extension-local")
	replace := strings.NewReplacer(words...).Replace

	for _, a := range attacks {
		a = attack{replace(a.on), replace(a.patch), replace(a.why)}
		t.Run(a.on+": "+a.patch, func(t *testing.T) {
			kind, name, _ := strings.Cut(a.on, " ")
			kind, subresource, _ := strings.Cut(kind, "/")
			if subresource == "" {
				thief.allows(t, "get "+a.on)
			}
			for _, w := range waysToChange {
				if w.verb == "update" && kind == "WorkloadIdentity" {
					continue // the authorizer lets nobody
				}
				err := again(func() error { return w.change(t, thief, kind, name, subresource, a.patch) })
				denied(t, err, http.StatusForbidden, w.name)
				require.ErrorContains(t, err, a.why, w.name)
				forbidden(t, again(func() error { return w.change(t, extension, kind, name, subresource, a.patch) }),
					w.name+" by an extension")
			}
		})
	}
	for _, request := range requests(sabotage, words...) {
		t.Run(request, func(t *testing.T) {
			thief.allows(t, strings.Replace(request, "delete", "get", 1))
			err := again(func() error { return thief.do(t.Context(), request) })
			denied(t, err, http.StatusForbidden, request)
			forbidden(t, again(func() error { return extension.do(t.Context(), request) }), "by an extension")
		})
	}
	t.Run("a Secret by an account in the Seed's namespace", func(t *testing.T) {
		thief.apply(t, object("Secret", "seed-thief/operators"))
		require.NoError(t, thief.create(t.Context(), one(t, `{apiVersion: v1, kind: ServiceAccount,
			metadata: {namespace: seed-thief, name: gardenlet-bootstrap-x}, secrets: [{name: operators}]}`)))
		thief.allows(t, "get Secret seed-thief/operators")
		time.Sleep(time.Second) // until seedguard has heard of it, of which nothing tells
		thief.forbids(t, "patch Secret seed-thief/operators", "delete Secret seed-thief/operators")
	})
	t.Run("ManagedSeed by its child", func(t *testing.T) {
		child := gardenlet(t, shared, "thief-child")
		child.allows(t, "get ManagedSeed garden/thief-child")
		child.forbids(t, "patch ManagedSeed garden/thief-child", "update ManagedSeed garden/thief-child")
	})
}

// of returns what the Seeds' names stand for.
func of(thief, robbed string) []string { return []string{"THIEF", thief, "ROBBED", robbed} }

// uidOf returns the UID of an object.
func uidOf(t *testing.T, c *client, kind, name string) string {
	t.Helper()
	return string(c.read(t, kind, name).GetUID())
}

// read returns an object as the administrator sees it.
func (c *client) read(t *testing.T, kind, name string) *unstructured.Unstructured {
	t.Helper()
	r, u, err := c.admin.Of(object(kind, name))
	require.NoError(t, err)
	u, err = r.Get(t.Context(), u.GetName(), metav1.GetOptions{})
	require.NoError(t, err)
	return u
}

// waysToChange are the ways in which a change comes to the API server. All are dry runs.
var waysToChange = []struct {
	name, verb string
	change     func(t *testing.T, c *client, kind, name, subresource, patch string) error
}{
	{"merge patch", "patch", func(t *testing.T, c *client, kind, name, subresource, patch string) error {
		t.Helper()
		return c.patch(t, kind, name, subresource, types.MergePatchType, mergePatch(t, patch))
	}},
	{"JSON patch", "patch", func(t *testing.T, c *client, kind, name, subresource, patch string) error {
		t.Helper()
		changed := changed(t, c.read(t, kind, name), patch)
		var operations []map[string]any
		for field, value := range changed.Object {
			if field != "apiVersion" && field != "kind" {
				operations = append(operations, map[string]any{"op": "add", "path": "/" + field, "value": value})
			}
		}
		raw, err := json.Marshal(operations)
		require.NoError(t, err)
		return c.patch(t, kind, name, subresource, types.JSONPatchType, raw)
	}},
	{"server-side apply", "patch", func(t *testing.T, c *client, kind, name, subresource, patch string) error {
		t.Helper()
		raw, err := changed(t, object(kind, name), patch).MarshalJSON()
		require.NoError(t, err)
		return c.patch(t, kind, name, subresource, types.ApplyPatchType, raw)
	}},
	{"update", "update", func(t *testing.T, c *client, kind, name, subresource, patch string) error {
		t.Helper()
		u := changed(t, c.read(t, kind, name), patch)
		r, _, err := c.Of(u)
		require.NoError(t, err)
		_, err = r.Update(t.Context(), u, metav1.UpdateOptions{DryRun: dryRun}, parts(subresource)...)
		return err
	}},
}

func parts(subresource string) []string {
	if subresource == "" {
		return nil
	}
	return []string{subresource}
}

// mergePatch returns a patch that is written in YAML, as JSON.
func mergePatch(t *testing.T, patch string) []byte {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(patch))
	require.NoError(t, err)
	return raw
}

// changed returns an object with a merge patch applied that removes nothing.
func changed(t *testing.T, o *unstructured.Unstructured, patch string) *unstructured.Unstructured {
	t.Helper()
	var parsed map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(patch), &parsed))
	o = o.DeepCopy()
	overlay(o.Object, parsed)
	return o
}

func overlay(object, patch map[string]any) {
	for field, value := range patch {
		into, ok := object[field].(map[string]any)
		if part, both := value.(map[string]any); ok && both {
			overlay(into, part)
		} else {
			object[field] = value
		}
	}
}

// patch tries a patch.
func (c *client) patch(t *testing.T, kind, name, subresource string, of types.PatchType, patch []byte) error {
	t.Helper()
	r, u, err := c.Of(object(kind, name))
	require.NoError(t, err)
	options := metav1.PatchOptions{DryRun: dryRun}
	if of == types.ApplyPatchType {
		force := true
		options.Force, options.FieldManager = &force, "e2e"
	}
	_, err = r.Patch(t.Context(), u.GetName(), of, patch, options, parts(subresource)...)
	return err
}

// forgeries are objects that a client would create to reach, or hold on to, what is not its own, each with a part of
// the denial. Names follow each other as in attacks.
var forgeries = []struct{ name, manifest, why string }{
	{"a second bucket", `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupBucket, metadata: {name: second},
		spec: {seedName: THIEF, provider: {type: local}, credentialsRef: ` + ownSecret + `}}`, "its name is not the UID"},
	{"a bucket with another's credentials", `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupBucket,
		metadata: {name: UID-OF-SEED}, spec: {seedName: THIEF, provider: {type: local}, credentialsRef: ` + robbedSecret +
		`}}`, "spec.credentialsRef is not that of"},
	{"a bucket of another provider", `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupBucket,
		metadata: {name: UID-OF-SEED}, spec: {seedName: THIEF, provider: {type: x}, credentialsRef: ` + ownSecret + `}}`,
		"spec.provider.type is not that of"},
	{"a bucket of a Shoot", `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupBucket, metadata: {name: UID-OF-SEED},
		spec: {seedName: THIEF, provider: {type: local}, credentialsRef: ` + ownSecret + `,
		  shootRef: {namespace: garden-ROBBED, name: crop}}}`, "spec.shootRef is set"},
	{"a bucket with a generated name", `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupBucket,
		metadata: {generateName: bucket-}, spec: {seedName: THIEF, provider: {type: local}}}`,
		"metadata.generateName is set"},

	{"an entry of nobody", `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupEntry,
		metadata: {namespace: garden-THIEF, name: new}, spec: {bucketName: bucket-THIEF, seedName: THIEF}}`,
		"it has no owner reference to a Shoot"},
	{"an entry of a Shoot that was", `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupEntry,
		metadata: {namespace: garden-THIEF, name: new, ownerReferences: [{apiVersion: core.gardener.cloud/v1beta1,
		  kind: Shoot, name: crop, uid: other}]}, spec: {bucketName: bucket-THIEF, seedName: THIEF}}`,
		"does not bear the UID"},
	{"an entry of another's Shoot", `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupEntry,
		metadata: {namespace: garden-ROBBED, name: new, ownerReferences: ` + robbedShoot + `},
		spec: {bucketName: bucket-THIEF, seedName: THIEF}}`, "Shoot/garden-ROBBED/crop does not exist, or belongs"},

	{"a Gardenlet that asks for a token", gardenletOf(`annotations: {gardener.cloud/operation: renew-kubeconfig}`, ``),
		"it is annotated gardener.cloud/operation"},
	{"a Gardenlet with a kubeconfig", gardenletOf(``, `kubeconfigSecretRef: {name: backup-ROBBED}`),
		"spec.kubeconfigSecretRef is set"},
	{"a Gardenlet with another's backup",
		gardenletOf(``, `config: {apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration,
			seedConfig: {spec: {backup: {provider: local, credentialsRef: `+robbedSecret+`}}}}`),
		"the seed template in spec.config refers to Secret/garden/backup-ROBBED"},
	{"a Gardenlet that pulls with another's Secret", gardenletOf(``,
		`deployment: {helm: {ociRepository: {ref: r, pullSecretRef: {name: backup-ROBBED}}}}`),
		"spec.deployment.helm.ociRepository newly refers"},

	{"an account with another's Secret", `{apiVersion: v1, kind: ServiceAccount,
		metadata: {namespace: garden, name: gardenlet-bootstrap-THIEF-child}, secrets: [{name: backup-ROBBED}]}`,
		"it has new secrets"},
	{"an account that pulls with another's Secret", `{apiVersion: v1, kind: ServiceAccount,
		metadata: {namespace: garden, name: gardenlet-bootstrap-THIEF-child}, imagePullSecrets: [{name: pull-ROBBED}]}`,
		"it has new imagePullSecrets"},
	{"the lease of another's leader", `{apiVersion: coordination.k8s.io/v1, kind: Lease,
		metadata: {namespace: garden-ROBBED, name: gardenlet-leader-election}}`, "the namespace is not garden"},

	{"a generated Secret in a project", `{apiVersion: v1, kind: Secret,
		metadata: {namespace: garden-THIEF, name: generated-bucket-bucket-THIEF}}`, ""},
	{"the backup Secret of a managed Seed", `{apiVersion: v1, kind: Secret,
		metadata: {namespace: garden, name: THIEF-child-backup}}`, ""},
	{"an issuer's Secret under another's name", `{apiVersion: v1, kind: Secret,
		metadata: {namespace: gardener-system-shoot-issuer, name: ROBBED--UID-OF-ROBBED-SHOOT,
		  labels: {shoot.gardener.cloud/name: crop, shoot.gardener.cloud/namespace: garden-THIEF,
		    discovery.gardener.cloud/public: serviceaccount}}}`, "its name is not <project>--<UID"},
	{"a Secret for all Seeds", `{apiVersion: v1, kind: Secret,
		metadata: {namespace: garden-THIEF, name: crop.monitoring, labels: {gardener.cloud/role: global-monitoring}}}`,
		"the label gardener.cloud/role is set"},
	{"an InternalSecret for all Seeds", `{apiVersion: core.gardener.cloud/v1beta1, kind: InternalSecret,
		metadata: {namespace: garden-THIEF, name: identity.ca-client, labels: {gardener.cloud/role: default-domain}}}`,
		"the label gardener.cloud/role is set"},
	{"the CA of another's Shoot", `{apiVersion: v1, kind: ConfigMap,
		metadata: {namespace: garden-THIEF, name: crop.ca-kubelet, labels: {shoot.gardener.cloud/name: other}}}`,
		"its labels name another Shoot"},

	{"a token under another's id", tokenOf(`OTHER-TOKEN`, `TOKEN`, `THIEF-child`, `2026-01-01T00:00:00Z`),
		"its name and token-id are not those"},
	{"a token with another's id", tokenOf(`TOKEN`, `OTHER-TOKEN`, `THIEF-child`, `2026-01-01T00:00:00Z`),
		"its name and token-id are not those"},
	{"a token for another's Seed", tokenOf(`OTHER-TOKEN`, `OTHER-TOKEN`, `ROBBED-child`, `2026-01-01T00:00:00Z`),
		"Shoot/garden/ROBBED-child does not exist, or belongs"},
	{"a token that never expires", tokenOf(`TOKEN`, `TOKEN`, `THIEF-child`, ``), "expiration is not set to at most"},
	{"a token for long", tokenOf(`TOKEN`, `TOKEN`, `THIEF-child`, `TOO-LATE`), "expiration is not set to at most"},
}

const ownSecret = `{apiVersion: v1, kind: Secret, namespace: garden, name: backup-THIEF}`

// gardenletOf is the Gardenlet of the Seed THIEF.
func gardenletOf(metadata, spec string) string {
	return `{apiVersion: seedmanagement.gardener.cloud/v1alpha1, kind: Gardenlet,
		metadata: {namespace: garden, name: THIEF, ` + metadata + `}, spec: {` + spec + `}}`
}

// tokenOf is a bootstrap token for a ManagedSeed.
func tokenOf(name, id, managedSeed, expiration string) string {
	return strings.NewReplacer("bootstrap-token-ID", "bootstrap-token-"+name, "ID", id, "EXPIRATION", expiration,
		"DESCRIPTION", tokenDescription("ManagedSeed", "garden/"+managedSeed)).Replace(tokenManifest)
}

// TestForgeries: nothing that the client creates brings another's object within its reach.
func TestForgeries(t *testing.T) {
	withSeeds(t, shared, "forger", "forged")
	forger := gardenlet(t, shared, "forger")
	for _, o := range [][2]string{{"Gardenlet", "garden/forger"}, {"Secret", "garden/forger-child-backup"}} {
		require.NoError(t, forger.asAdmin().remove(t.Context(), o[0], o[1]))
	}
	words := append(of("forger", "forged"),
		"OTHER-TOKEN", naming.BootstrapTokenID("garden", "forged-child"), "TOKEN",
		naming.BootstrapTokenID("garden", "forger-child"), "TOO-LATE", time.Now().Add(26*time.Hour).Format(time.RFC3339),
		"UID-OF-ROBBED-SHOOT", uidOf(t, forger, "Shoot", "garden-forged/crop"),
		"UID-OF-SEED", uidOf(t, forger, "Seed", "forger"))
	forger.allows(t, "get Shoot garden-forger/crop", "get BackupBucket bucket-forger")
	forger.allows(t, "get ManagedSeed garden/forger-child")
	extension := accessOf(t, shared, "forger", "extension-local")
	replace := strings.NewReplacer(words...).Replace

	for _, f := range forgeries {
		t.Run(f.name, func(t *testing.T) {
			o := one(t, f.manifest, words...)
			err := forger.tryCreate(t.Context(), o)
			denied(t, err, http.StatusForbidden, f.name)
			require.ErrorContains(t, err, replace(f.why))
			forbidden(t, extension.tryCreate(t.Context(), o), "by an extension")
			if o.GetName() != "" {
				forbidden(t, forger.applyOwn(t.Context(), o), "by server-side apply")
			}
		})
	}
	t.Run("a WorkloadIdentity by server-side apply", func(t *testing.T) {
		require.NoError(t, forger.asAdmin().remove(t.Context(), "WorkloadIdentity", "garden/dns-forger"))
		denied(t, forger.applyOwn(t.Context(), object("WorkloadIdentity", "garden/dns-forger")), http.StatusForbidden,
			"apply")
	})
	t.Run("a certificate of another signer", func(t *testing.T) {
		request := certificateSigningRequest(t, "forger-signer", "forger")
		request.Spec.SignerName = "example.com/signer"
		denied(t, forger.tryCreate(t.Context(), request), http.StatusForbidden, "create")
	})

	const seed = `{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: NAME}, spec: CONTENT}`
	for _, s := range []struct{ name, seed, spec string }{
		{"another's backup", "forger-new", `{backup: {credentialsRef: ` + robbedSecret + `}}`},
		{"another's settings", "forger-new",
			`{resources: [{name: x, resourceRef: {apiVersion: v1, kind: ConfigMap, name: settings-ROBBED}}]}`},
		{"another's DNS", "forger-new", `{dns: {provider: {credentialsRef: {apiVersion: security.gardener.cloud/v1alpha1,
			kind: WorkloadIdentity, namespace: garden, name: dns-ROBBED}}}}`},
		{"what is not in garden", "forger-new", `{backup: {credentialsRef: {apiVersion: v1, kind: Secret,
			namespace: garden-THIEF, name: nobodys}}}`},
		{"what the template has not", "forger-child", `{backup: {credentialsRef: {apiVersion: v1, kind: Secret,
			namespace: garden, name: nobodys}}}`},
	} {
		t.Run("a Seed with "+s.name, func(t *testing.T) {
			o := one(t, strings.NewReplacer("NAME", s.seed, "CONTENT", s.spec).Replace(seed), words...)
			err := gardenlet(t, shared, s.seed).tryCreate(t.Context(), o)
			denied(t, err, http.StatusForbidden, s.name)
			require.ErrorContains(t, err, "newly refers to")
		})
	}
	t.Run("a Gardenlet for a managed Seed", func(t *testing.T) {
		register(t, "forger-child", time.Now().Add(time.Hour))
		child := gardenlet(t, shared, "forger-child")
		err := child.tryCreate(t.Context(), one(t, gardenletOf("", ""), "THIEF", "forger-child"))
		denied(t, err, http.StatusForbidden, "create")
		require.ErrorContains(t, err, "ManagedSeed/garden/forger-child exists")
	})
}

// operatorsToken is the user of a bootstrap token that an operator made.
const operatorsToken = "system:bootstrap:opera0" // #nosec G101 -- a user's name

// bootstrapper returns the client of a bootstrap token, or ServiceAccount in namespace garden, that RBAC lets ask for
// certificates.
func bootstrapper(t *testing.T, g *testgarden.Garden, user string) *client {
	t.Helper()
	const tokens, accounts = "system:bootstrappers", "system:serviceaccounts:garden"
	admin(t, g).apply(t, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "e2e-bootstrappers"},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: naming.BootstrapperClusterRole},
		Subjects: []rbacv1.Subject{
			{APIGroup: rbacv1.GroupName, Kind: "Group", Name: tokens},
			{APIGroup: rbacv1.GroupName, Kind: "Group", Name: accounts},
		}})
	groups := []string{tokens}
	if strings.HasPrefix(user, "system:serviceaccount:") {
		groups = []string{"system:serviceaccounts", accounts}
	}
	config, err := g.Client(user, groups...)
	require.NoError(t, err)
	return newClient(t, g, config)
}

// describedToken is a bootstrap token.
func describedToken(t *testing.T, id, description string) *unstructured.Unstructured {
	t.Helper()
	return one(t, tokenManifest, "ID", id, "DESCRIPTION", description, "EXPIRATION", "2999-01-01T00:00:00Z")
}

// TestBootstrappers: whoever bootstraps a gardenlet gets the certificate of the Seed that it is for, and no other.
func TestBootstrappers(t *testing.T) {
	withSeeds(t, shared, "boots-a", "boots-b")
	a := gardenlet(t, shared, "boots-a")
	ofManagedSeed, ofGardenlet := bootstrapToken(t, "ManagedSeed", "garden", "boots-a-child"),
		bootstrapToken(t, "Gardenlet", "garden", "boots-b")
	a.apply(t, ofManagedSeed, ofGardenlet, describedToken(t, "opera0", "Made by an operator."),
		describedToken(t, "wrong0", tokenDescription("ManagedSeed", "garden/boots-b-child")),
		describedToken(t, "shoot0", "Used for connecting the self-hosted Shoot garden-boots-a/crop."))
	a.allows(t, "get ManagedSeed garden/boots-a-child")
	token := func(o *unstructured.Unstructured) string {
		return "system:bootstrap:" + strings.TrimPrefix(o.GetName(), "bootstrap-token-")
	}

	for _, b := range []struct {
		name, user, seed string
		why              string // empty: allowed
	}{
		{"a ManagedSeed's", token(ofManagedSeed), "boots-a-child", ""},
		{"a ManagedSeed's for its parent", token(ofManagedSeed), "boots-a", "it is for Seed"},
		{"a ManagedSeed's for another", token(ofManagedSeed), "boots-b-child", "it is for Seed"},
		{"a Gardenlet's", token(ofGardenlet), "boots-b", ""},
		{"a Gardenlet's for another", token(ofGardenlet), "boots-a", "it is for Seed"},
		{"an operator's for a new Seed", operatorsToken, "boots-new", ""},
		{"an operator's for a Seed with a Gardenlet", operatorsToken, "boots-a", "the bootstrap token is not for"},
		{"an operator's for a managed Seed", operatorsToken, "boots-a-child", "the bootstrap token is not for"},
		{"one under another id", "system:bootstrap:wrong0", "boots-b-child", "does not have the id"},
		{"a Shoot's", "system:bootstrap:shoot0", "boots-new", "is for a Shoot"},
		{"none", "system:bootstrap:none00", "boots-new", "does not exist"},
		{"a ServiceAccount's", "system:serviceaccount:garden:gardenlet-bootstrap-boots-a-child", "boots-a-child", ""},
		{"a ServiceAccount's for another", "system:serviceaccount:garden:gardenlet-bootstrap-boots-a-child", "boots-b-child",
			"it is for Seed"},
		{"a ServiceAccount's of no ManagedSeed", "system:serviceaccount:garden:gardenlet-bootstrap-boots-new", "boots-new",
			"does not exist"},
	} {
		t.Run(b.name, func(t *testing.T) {
			c := bootstrapper(t, shared, b.user)
			request := certificateSigningRequest(t, "boots", b.seed)
			if b.why == "" {
				soon(t, b.name, func() error { return c.tryCreate(t.Context(), request) }) // RBAC needs a moment too
				return
			}
			err := c.tryCreate(t.Context(), request)
			for deadline := time.Now().Add(patience); err != nil && !strings.Contains(err.Error(), "webhook") &&
				time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
				err = c.tryCreate(t.Context(), request)
			}
			denied(t, err, http.StatusForbidden, b.name)
			require.ErrorContains(t, err, b.why)
		})
	}
	t.Run("what is no seed client's certificate", func(t *testing.T) {
		other := certificateSigningRequest(t, "boots-other", "boots-a")
		var err error
		other.Spec.Request, err = pki.CertificateRequest(&x509.CertificateRequest{Subject: pkix.Name{CommonName: "somebody"}})
		require.NoError(t, err)
		require.NoError(t, bootstrapper(t, shared, operatorsToken).tryCreate(t.Context(), other))
	})
}
