package admission

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
)

// The garden of these tests. Seed a runs the Shoots p/own, p/restoring and p/stale, and those of the ManagedSeeds
// child, renewed, expired, going and staying; b runs p/other; p/moving goes from a to b.
var landscape = []string{
	seedAt("a", "2026-11-20T11:59:59Z", "uid: uid-a"),
	seedAt("b", "2026-11-20T12:00:01Z", "uid: uid-b"),
	`{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: c, uid: uid-c}}`,
	seedAt("renewed", "2027-11-20T12:00:01Z", "uid: uid-r"),
	seedAt("expired", "2026-11-20T12:00:00Z", "uid: uid-e"),
	seedAt("staying", "2027-11-20T12:00:00Z", "uid: uid-s"),
	`{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: silent, uid: uid-q}}`,
	shootOn("a", "p", "own", "status: {seedName: a, lastOperation: {type: Create, state: Processing}}"),
	shootOn("a", "p", "restoring", "status: {seedName: b, lastOperation: {type: Restore, state: Processing}}"),
	shootOn("a", "p", "restored", "status: {seedName: a, lastOperation: {type: Restore, state: Succeeded}}"),
	shootOn("b", "p", "moving", "status: {seedName: a}"),
	shootOn("b", "p", "other", "status: {seedName: b}"),
	shootOn("", "p", "unscheduled", ""),
	shootOn("a", "garden", "on-a", ""),
	shootOn("b", "garden", "on-b", ""),
	bucketOf("a", "bucket-a"), bucketOf("b", "bucket-b"), bucketOf("", "bucket-none"),
	`{apiVersion: core.gardener.cloud/v1beta1, kind: BackupEntry, metadata: {namespace: p, name: entry}, spec: ` +
		`{seedName: a, bucketName: bucket-b}}`,
	`{apiVersion: core.gardener.cloud/v1beta1, kind: BackupEntry, metadata: {namespace: p, name: foreign}, spec: ` +
		`{seedName: b, bucketName: bucket-b}}`,
	managedSeed("child", "on-a", "", "backup-child"),
	managedSeed("renewed", "on-a", "annotations: {gardener.cloud/operation: renew-kubeconfig}", ""),
	managedSeed("expired", "on-a", "", ""),
	managedSeed("staying", "on-a", "", ""),
	managedSeed("silent", "on-a", "", ""),
	managedSeed("going", "on-a", "deletionTimestamp: 2026-11-20T11:00:00Z", "backup-shared"),
	managedSeed("going-b", "on-b", "deletionTimestamp: 2026-11-20T11:00:00Z", "backup-b"),
	managedSeed("child-b", "on-b", "", "backup-shared"),
	managedSeed("lost", "gone", "", "backup-lost"),
	`{apiVersion: seedmanagement.gardener.cloud/v1alpha1, kind: ManagedSeed, metadata: {namespace: garden, name: ` +
		`shootless}, spec: {gardenlet: {config: {}}}}`,
	`{apiVersion: seedmanagement.gardener.cloud/v1alpha1, kind: ManagedSeed, metadata: {namespace: garden, name: ` +
		`broken}, spec: {shoot: {name: on-a}, gardenlet: {config: {seedConfig: 7}}}}`,
	gardenletNamed("a", ""), gardenletNamed("b", ""), gardenletNamed("c", ""),
	gardenletNamed("d", "annotations: {gardener.cloud/operation: renew-kubeconfig}"),
}

func shootOn(seed, namespace, name, rest string) string {
	spec := "{}"
	if seed != "" {
		spec = "{seedName: " + seed + "}"
	}
	return fmt.Sprintf("apiVersion: core.gardener.cloud/v1beta1\nkind: Shoot\n"+
		"metadata: {namespace: %s, name: %s, uid: uid-%[2]s}\nspec: %s\n%s", namespace, name, spec, rest)
}

func bucketOf(seed, name string) string {
	return "apiVersion: core.gardener.cloud/v1beta1\nkind: BackupBucket\n" + meta("", name) +
		"spec: {" + seedName(seed) + "}"
}

func seedName(seed string) string {
	if seed == "" {
		return ""
	}
	return "seedName: " + seed
}

func managedSeed(name, shoot, metadata, backup string) string {
	config := "{apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration}"
	if backup != "" {
		config = "{apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration, " +
			"seedConfig: {spec: {backup: {credentialsRef: " + secretRef(backup) + "}}}}"
	}
	return fmt.Sprintf("{apiVersion: seedmanagement.gardener.cloud/v1alpha1, kind: ManagedSeed, "+
		"metadata: {namespace: garden, name: %s, %s}, spec: {shoot: {name: %s}, gardenlet: {config: %s}}}",
		name, metadata, shoot, config)
}

func gardenletNamed(name, metadata string) string {
	return fmt.Sprintf("{apiVersion: seedmanagement.gardener.cloud/v1alpha1, kind: Gardenlet, "+
		"metadata: {namespace: garden, name: %s, %s}, spec: {deployment: {helm: {ociRepository: {ref: r}}}}}",
		name, metadata)
}

// Objects of requests.

func backupBucket(seed string) string { return meta("", "new") + "spec: {" + seedName(seed) + "}" }

func entry(name, owner, spec string) string {
	owners := ""
	if owner != "" {
		owners = ", ownerReferences: [{apiVersion: v1, kind: Secret, name: first, uid: u}, {apiVersion: " +
			"core.gardener.cloud/v1beta1, kind: Shoot, name: " + owner + ", uid: u}]"
	}
	return "metadata: {namespace: p, name: " + name + owners + "}\nspec: {" + spec + "}"
}

func binding(name, roleRef, subjects string) string {
	return meta("", name) + "roleRef: {" + roleRef + "}\nsubjects: [" + subjects + "]"
}

func bindingOf(managedSeed string) string {
	return binding("gardener.cloud:system:seed-bootstrapper:garden:gardenlet-bootstrap-"+managedSeed, bootstrapperRole,
		"{kind: ServiceAccount, namespace: garden, name: gardenlet-bootstrap-"+managedSeed+"}")
}

const bootstrapperRole = `apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ` +
	`"gardener.cloud:system:seed-bootstrapper"`

func issuer(labels string) string {
	return "metadata: {namespace: gardener-system-shoot-issuer, name: p--uid, labels: {" + labels + "}}"
}

const (
	issuerOwn   = "shoot.gardener.cloud/name: own, shoot.gardener.cloud/namespace: p, " + issuerKeys
	issuerOther = "shoot.gardener.cloud/name: other, shoot.gardener.cloud/namespace: p, " + issuerKeys
	issuerKeys  = "discovery.gardener.cloud/public: serviceaccount"
)

// token is a bootstrap token; changes are pairs of strings, the second of which replaces the first.
func token(description string, changes ...string) string {
	o := `{metadata: {namespace: kube-system, name: bootstrap-token-abcdef}, type: bootstrap.kubernetes.io/token, ` +
		`data: {token-id: ` + b64("abcdef") + `, token-secret: ` + b64("topsecret") +
		`, usage-bootstrap-authentication: ` + b64("true") + `, usage-bootstrap-signing: ` + b64("true") +
		`, description: ` + b64(description) + `}}`
	return strings.NewReplacer(changes...).Replace(o)
}

func tokenFor(kind, name string) string {
	return "A bootstrap token for the Gardenlet for seedmanagement.gardener.cloud/v1alpha1." + kind + " resource " +
		name + "."
}

const (
	buckets         = "backupbuckets.v1beta1.core.gardener.cloud"
	entries         = "backupentries.v1beta1.core.gardener.cloud"
	bastions        = "bastions.v1alpha1.operations.gardener.cloud"
	requests        = "certificatesigningrequests.v1.certificates.k8s.io"
	bindings        = "clusterrolebindings.v1.rbac.authorization.k8s.io"
	internalSecrets = "internalsecrets.v1beta1.core.gardener.cloud"
	leases          = "leases.v1.coordination.k8s.io"
	gardenlets      = "gardenlets.v1alpha1.seedmanagement.gardener.cloud"
	seeds           = "seeds.v1beta1.core.gardener.cloud"
	shootStates     = "shootstates.v1beta1.core.gardener.cloud"
)

func TestChecks(t *testing.T) {
	var (
		a, b   = gardenletOf("a"), gardenletOf("b")
		ax, bx = extensionOn("a"), extensionOn("b")
		nobody = authenticationv1.UserInfo{Username: "alice", Groups: []string{"system:authenticated"}}
		good   = certificateRequestFor(t, subjectOf("a"))
		dns    = certificateRequestFor(t, subjectOf("a"), "a.example.com")
		master = certificateRequestFor(t, subjectOf("a", "system:masters"))
		source = "seedName: a, bucketName: bucket-b"

		newToken = func(kind, name string, changes ...string) *admissionv1.AdmissionRequest {
			return creates("secrets", token(tokenFor(kind, name), changes...))
		}
		newBinding = func(from, to string) *admissionv1.AdmissionRequest {
			return creates(bindings, strings.Replace(bindingOf("child"), from, to, 1))
		}
	)
	for group, rows := range map[string][]struct {
		code    int32 // 0: allowed
		user    authenticationv1.UserInfo
		request *admissionv1.AdmissionRequest
		message string
	}{
		"backupbuckets": {
			{0, a, creates(buckets, backupBucket("a")), ""},
			{0, ax, creates(buckets, backupBucket("a")), ""},
			{403, a, creates(buckets, backupBucket("b")),
				`its spec.seedName is "b"; allowed when spec.seedName is the client's Seed`},
			{403, ax, creates(buckets, backupBucket("b")),
				`the extension of Seed "a" may not create backupbuckets.core.gardener.cloud "new"`},
			{403, a, creates(buckets, backupBucket("")), `its spec.seedName is ""`},
			{0, a, deletes(buckets, meta("", "uid-a")), ""},
			{0, ax, deletes(buckets, meta("", "uid-a")), ""},
			{403, a, deletes(buckets, meta("", "uid-b")),
				`the UID of Seed/a is "uid-a"; allowed when the name is the UID of the client's Seed`},
			{403, ax, deletes(buckets, meta("", "uid-b")), ""},
			{403, a, deletes(buckets, meta("", "")), ""},
			{403, gardenletOf("gone"), deletes(buckets, meta("", "uid-a")), "Seed/gone does not exist"},
		},
		"backupentries": {
			{0, a, creates(entries, entry("e", "", "seedName: a, bucketName: bucket-a")), ""},
			{0, ax, creates(entries, entry("e", "", "seedName: a, bucketName: bucket-a")), ""},
			{403, b, creates(entries, entry("e", "", "seedName: a, bucketName: bucket-a")), `its spec.seedName is "a"`},
			{403, bx, creates(entries, entry("e", "", "seedName: a, bucketName: bucket-a")), ""},
			{403, a, creates(entries, entry("e", "", "seedName: a, bucketName: bucket-b")),
				`BackupBucket/bucket-b does not exist, or belongs to another Seed`},
			{403, a, creates(entries, entry("e", "", "seedName: a, bucketName: bucket-none")), ""},
			{403, a, creates(entries, entry("e", "", "seedName: a, bucketName: gone")), "BackupBucket/gone does not exist"},
			{403, a, creates(entries, entry("e", "", "bucketName: bucket-a")), `its spec.seedName is ""`},
			{0, a, creates(entries, entry("source-entry", "restoring", source)), ""},
			{0, ax, creates(entries, entry("source-entry", "restoring", source)), ""},
			{403, a, creates(entries, entry("source-entry", "own", source)),
				"the last operation of Shoot/p/own is not a Restore that is Processing"},
			{403, a, creates(entries, entry("source-entry", "restored", source)), "is not a Restore that is Processing"},
			{403, a, creates(entries, entry("source-entry", "gone", source)), "Shoot/p/gone does not exist"},
			{403, a, creates(entries, entry("source-entry", "", source)), "it has no owner reference to a Shoot"},
			{403, a, creates(entries, entry("source-gone", "restoring", source)), "BackupEntry/p/gone does not exist"},
			{403, a, creates(entries, entry("source-entry", "restoring", "seedName: a, bucketName: bucket-a")),
				"its spec is not that of BackupEntry/p/entry"},
			{403, a, creates(entries, entry("source-entry", "restoring", source+", shootRef: {name: own}")),
				"its spec is not that of BackupEntry/p/entry"},
			{403, a, creates(entries, entry("source-foreign", "restoring", "seedName: b, bucketName: bucket-b")),
				`its spec.seedName is "b"`},
			{403, a, creates(entries, entry("source-", "restoring", source)), "its name is not source-<BackupEntry>"},
			{403, a, creates(entries, entry("sourceentry", "restoring", source)), "its name is not source-<BackupEntry>"},
			{403, a, creates(entries, entry("sourceentry", "restoring", "seedName: a, bucketName: bucket-a")), ""},
		},
		"bastions": {
			{0, a, creates(bastions, backupBucket("a")), ""},
			{0, ax, creates(bastions, backupBucket("a")), ""},
			{403, a, creates(bastions, backupBucket("b")),
				`may not create bastions.operations.gardener.cloud "new": its spec.seedName is "b"`},
			{403, ax, creates(bastions, backupBucket("")), ""},
		},
		"certificatesigningrequests": {
			{0, a, creates(requests, csrOf(good, goodUsages)), ""},
			{403, b, creates(requests, csrOf(good, goodUsages)),
				`it asks for a client certificate of Seed "a"; allowed when it asks for`},
			{403, ax, creates(requests, csrOf(good, goodUsages)), "only gardenlets may"},
			{403, a, creates(requests, csrOf(dns, goodUsages)), "alternative names"},
			{403, a, creates(requests, csrOf(master, goodUsages)), "organization must be exactly"},
			{403, a, creates(requests, csrOf(good, goodUsages+", server auth")), "usages must be exactly"},
			{403, a, creates(requests, csrOf(good, "client auth")), "usages must be exactly"},
			{403, a, creates(requests, csrOf(b64("nothing"), goodUsages)), "not a PEM block"},
			{403, a, creates(requests, "metadata: {name: c}"), "it asks for no client certificate of a Seed"},
			{400, a, creates(requests, csrOf("'%'", goodUsages)), "its object cannot be decoded"},
			{0, a, creates("certificatesigningrequests.v1beta1.certificates.k8s.io", csrOf(good, goodUsages)), ""},
		},
		"clusterrolebindings": {
			{0, a, creates(bindings, bindingOf("child")), ""},
			{0, a, creates(bindings, bindingOf("expired")), ""},
			{0, a, creates(bindings, bindingOf("renewed")), ""},
			{400, a, creates(bindings, bindingOf("staying")), "ManagedSeed/garden/staying is already bootstrapped"},
			{400, a, creates(bindings, bindingOf("silent")), "already bootstrapped"},
			{403, b, creates(bindings, bindingOf("child")), `Shoot/garden/on-a does not exist, or belongs to another Seed`},
			{403, ax, creates(bindings, bindingOf("child")), "only gardenlets may"},
			{403, a, creates(bindings, bindingOf("none")), "ManagedSeed/garden/none does not exist"},
			{403, a, creates(bindings, bindingOf("lost")), "Shoot/garden/gone does not exist"},
			{403, a, creates(bindings, bindingOf("shootless")), "ManagedSeed/garden/shootless has no Shoot"},
			{0, a, newBinding("apiGroup: rbac.authorization.k8s.io, ", ""), ""},
			{403, a, newBinding("kind: ClusterRole,", "kind: Role,"), "its roleRef is not"},
			{403, a, newBinding(`"gardener.cloud:system:seed-bootstrapper"`, "cluster-admin"), "its roleRef is not"},
			{403, a, newBinding("namespace: garden,", "namespace: kube-system,"),
				"its subjects are not exactly the ServiceAccount garden/gardenlet-bootstrap-child"},
			{403, a, newBinding("kind: ServiceAccount", "kind: User"), "its subjects are not exactly"},
			{403, a, newBinding("{kind: ServiceAccount", "{kind: Group, name: 'system:authenticated'}, {kind: ServiceAccount"),
				"its subjects are not exactly"},
			{403, a, creates(bindings, binding("gardener.cloud:system:seed-bootstrapper:garden:gardenlet-bootstrap-child",
				bootstrapperRole, "")), "its subjects are not exactly"},
			{403, a, newBinding("name: gardenlet-bootstrap-child", "name: '*'"), "its subjects are not exactly"},
			{403, a, creates(bindings, binding("any", bootstrapperRole,
				"{kind: ServiceAccount, namespace: garden, name: gardenlet-bootstrap-child}")),
				"its name is not gardener.cloud:system:seed-bootstrapper:<namespace>:gardenlet-bootstrap-<ManagedSeed>"},
			{403, a, creates(bindings, binding("gardener.cloud:system:seed-bootstrapper::gardenlet-bootstrap-child",
				bootstrapperRole, "{kind: ServiceAccount, name: gardenlet-bootstrap-child}")), "its name is not"},
		},
		"configmaps": {
			{0, a, creates("configmaps", meta("p", "own.ca-cluster")), ""},
			{0, ax, creates("configmaps", meta("p", "own.ca-kubelet")), ""},
			{403, a, creates("configmaps", meta("p", "other.ca-cluster")),
				`Shoot/p/other does not exist, or belongs to another Seed; allowed when it is a project ConfigMap`},
			{403, ax, creates("configmaps", meta("p", "other.ca-kubelet")), ""},
			{403, a, creates("configmaps", meta("p", "moving.ca-cluster")),
				`Shoot/p/moving does not exist, or belongs to another Seed`},
			{403, a, creates("configmaps", meta("p", "unscheduled.ca-cluster")),
				`Shoot/p/unscheduled does not exist, or belongs to another Seed`},
			{403, a, creates("configmaps", meta("q", "own.ca-cluster")), "Shoot/q/own does not exist"},
			{403, a, creates("configmaps", meta("p", "own.monitoring")),
				"its name is not that of a project ConfigMap of a Shoot"},
			{403, a, creates("configmaps", meta("p", ".ca-cluster")), "its name is not"},
		},
		"internalsecrets": {
			{0, a, creates(internalSecrets, meta("p", "own.ca-client")), ""},
			{0, ax, creates(internalSecrets, meta("p", "own.ca-client")), ""},
			{403, b, creates(internalSecrets, meta("p", "own.ca-client")),
				`Shoot/p/own does not exist, or belongs to another Seed`},
			{403, bx, creates(internalSecrets, meta("p", "own.ca-client")), ""},
			{403, a, creates(internalSecrets, meta("p", "own.ca-cluster")),
				"its name is not that of a project InternalSecret of a Shoot"},
		},
		"leases": {
			{0, a, creates(leases, meta("garden", "gardenlet-leader-election")), ""},
			{0, a, creates(leases, meta("gardener-system-seed-lease", "a")), ""},
			{0, a, creates("leases.v1beta1.coordination.k8s.io", meta("gardener-system-seed-lease", "a")), ""},
			{403, a, creates(leases, meta("gardener-system-seed-lease", "b")),
				"it is another lease; allowed when the name is gardenlet-leader-election"},
			{403, a, creates(leases, meta("garden", "a")), ""},
			{403, a, creates(leases, meta("seed-a", "any")), ""},
			{0, ax, creates(leases, meta("seed-a", "any")), ""},
			{403, ax, creates(leases, meta("seed-b", "any")), "the namespace is not seed-a"},
			{403, ax, creates(leases, meta("gardener-system-seed-lease", "a")), ""},
			{403, ax, creates(leases, meta("garden", "gardenlet-leader-election")), ""},
		},
		"gardenlets": {
			{0, a, creates(gardenlets, meta("garden", "a")), ""},
			{0, ax, creates(gardenlets, meta("garden", "a")), ""},
			{403, a, creates(gardenlets, meta("garden", "new")), "it is not garden/a"},
			{403, ax, creates(gardenlets, meta("garden", "new")), ""},
			{403, a, creates(gardenlets, meta("p", "a")), "it is not garden/a"},
		},
		"secrets": {
			{0, a, creates("secrets", meta("garden", "generated-bucket-bucket-a")), ""},
			{0, ax, creates("secrets", meta("garden", "generated-bucket-bucket-a")), ""},
			{403, a, creates("secrets", meta("garden", "generated-bucket-bucket-b")),
				`BackupBucket/bucket-b does not exist, or belongs to another Seed`},
			{403, ax, creates("secrets", meta("garden", "generated-bucket-bucket-none")), ""},
			{403, a, creates("secrets", meta("garden", "generated-bucket-")), "does not exist"},
			{0, a, creates("secrets", meta("p", "own.ca-cluster")), ""},
			{0, ax, creates("secrets", meta("p", "own.ssh-keypair")), ""},
			{0, a, creates("secrets", meta("p", "own.ssh-keypair.old")), ""},
			{0, a, creates("secrets", meta("p", "own.monitoring")), ""},
			{403, a, creates("secrets", meta("p", "other.monitoring")),
				`Shoot/p/other does not exist, or belongs to another Seed`},
			{403, ax, creates("secrets", meta("p", "other.monitoring")), ""},
			{403, a, creates("secrets", meta("p", "moving.monitoring")), "belongs to another Seed"},
			{403, a, creates("secrets", strings.ReplaceAll(issuer(issuerOwn), "own", "moving")), "belongs to another Seed"},
			{403, a, creates("secrets", meta("p", "own.ca-client")), "it is no Secret of a Seed or of anything on one"},
			{403, ax, creates("secrets", meta("p", "any")),
				"allowed when it is generated-bucket-<BackupBucket of the client's Seed>"},
			{422, a, creates("secrets", meta("p", "own.monitoring")+"type: kubernetes.io/service-account-token"),
				"its type must not be kubernetes.io/service-account-token"},
		},
		"secrets of an issuer": {
			{0, a, creates("secrets", issuer(issuerOwn)), ""},
			{0, ax, creates("secrets", issuer(issuerOwn)), ""},
			{403, b, creates("secrets", issuer(issuerOwn)), `Shoot/p/own does not exist, or belongs to another Seed`},
			{403, ax, creates("secrets", issuer(issuerOther)), `Shoot/p/other does not exist, or belongs to another Seed`},
			{422, a, creates("secrets", issuer("")), "the label shoot.gardener.cloud/name is missing"},
			{422, a, creates("secrets", issuer("shoot.gardener.cloud/name: own")),
				"the label shoot.gardener.cloud/namespace is missing"},
			{422, a, creates("secrets", issuer("shoot.gardener.cloud/name: own, shoot.gardener.cloud/namespace: p")),
				"the label discovery.gardener.cloud/public must be serviceaccount"},
			{422, a, creates("secrets",
				issuer("shoot.gardener.cloud/name: own, shoot.gardener.cloud/namespace: p, discovery.gardener.cloud/public: "+
					"shoot-ca")), "must be serviceaccount"},
			{403, a, creates("secrets", strings.Replace(issuer(issuerOwn), "gardener-system-shoot-issuer", "p", 1)),
				"it is no Secret of a Seed"},
		},
		"secrets with backup credentials": {
			{0, a, creates("secrets", meta("garden", "backup-child")), ""},
			{0, ax, creates("secrets", meta("garden", "backup-child")), ""},
			{403, b, creates("secrets", meta("garden", "backup-child")),
				`Shoot/garden/on-a does not exist, or belongs to another Seed`},
			{403, a, creates("secrets", meta("garden", "backup-b")),
				`Shoot/garden/on-b does not exist, or belongs to another Seed`},
			{0, a, creates("secrets", meta("garden", "backup-shared")), ""},
			{0, b, creates("secrets", meta("garden", "backup-shared")), ""},
			{403, a, creates("secrets", meta("garden", "backup-lost")), "Shoot/garden/gone does not exist"},
			{403, a, creates("secrets", meta("p", "backup-child")), "it is no Secret of a Seed"},
		},
		"secrets with a bootstrap token": {
			{0, a, newToken("ManagedSeed", "garden/child"), ""},
			{0, a, newToken("ManagedSeed", "garden/renewed"), ""},
			{0, a, newToken("ManagedSeed", "garden/expired"), ""},
			{400, a, newToken("ManagedSeed", "garden/staying"), "ManagedSeed/garden/staying is already bootstrapped"},
			{403, b, newToken("ManagedSeed", "garden/child"), `Shoot/garden/on-a does not exist, or belongs to another Seed`},
			{403, bx, newToken("ManagedSeed", "garden/child"), ""},
			{403, a, newToken("ManagedSeed", "garden/none"), "ManagedSeed/garden/none does not exist"},
			{403, a, newToken("ManagedSeed", "garden/lost"), "Shoot/garden/gone does not exist"},
			{0, a, newToken("Gardenlet", "garden/a"), ""},
			{400, b, newToken("Gardenlet", "garden/b"), "Gardenlet/garden/b is already bootstrapped"},
			{400, gardenletOf("c"), newToken("Gardenlet", "garden/c"), "already bootstrapped"},
			{403, gardenletOf("d"), newToken("Gardenlet", "garden/d"), "Seed/d does not exist"},
			{403, gardenletOf("e"), newToken("Gardenlet", "garden/e"), "Gardenlet/garden/e does not exist"},
			{403, b, newToken("Gardenlet", "garden/a"), "Gardenlet/garden/a is not the client's own"},
			{403, a, newToken("Gardenlet", "p/a"), "Gardenlet/p/a is not the client's own"},
			{422, a, newToken("ManagedSeed", "garden/child", "type: bootstrap.kubernetes.io/token, ", ""),
				"its type must be bootstrap.kubernetes.io/token"},
			{422, a, newToken("ManagedSeed", "garden/child", "usage-bootstrap-authentication: "+b64("true"),
				"usage-bootstrap-authentication: "+b64("false")), "must be true"},
			{422, a, newToken("ManagedSeed", "garden/child", "usage-bootstrap-signing: ", "Usage-Bootstrap-Signing: "),
				"must be true"},
			{422, a, newToken("ManagedSeed", "garden/child", "data: {",
				"data: {auth-extra-groups: "+b64("system:bootstrappers:x")+", "), "auth-extra-groups must not be set"},
			{422, a, newToken("ManagedSeed", "garden/child", "data: {", "data: {auth-extra-groups: null, "),
				"auth-extra-groups must not be set"},
			{422, a, creates("secrets", token("")), "description must be"},
			{422, a, creates("secrets", token(tokenFor("ManagedSeed", "garden/child")+" ")), "description must be"},
			{422, a, creates("secrets", token(" "+tokenFor("ManagedSeed", "garden/child"))), "description must be"},
			{422, a, newToken("Shoot", "garden/child"), "description must be"},
			{422, a, newToken("ManagedSeed", "child"), "description must be"},
			{422, a, newToken("ManagedSeed", "garden/"), "description must be"},
			{422, a, newToken("ManagedSeed", "/child"), "description must be"},
			{422, a, newToken("ManagedSeed", "garden/child/x"), "description must be"},
			{403, a, newToken("ManagedSeed", "garden/child.\n"), "does not exist"},
			{403, a, newToken("ManagedSeed", "garden/child", "kube-system", "kube-public"), "it is no Secret of a Seed"},
		},
		"seeds": {
			{0, a, creates(seeds, meta("", "a")), ""},
			{0, ax, creates(seeds, meta("", "a")), ""},
			{403, gardenletOf("z"), creates(seeds, meta("", "y")), "it is another Seed; allowed when it is the client's Seed"},
			{0, a, updates(seeds, meta("", "a")), ""},
			{0, ax, updates(seeds, meta("", "a")), ""},
			{403, a, updates(seeds, meta("", "b")), `may not update seeds.core.gardener.cloud "b": it is another Seed`},
			{403, ax, updates(seeds, meta("", "b")), ""},
			{0, a, deletes(seeds, meta("", "a")), ""},
			{0, ax, deletes(seeds, meta("", "a")), ""},
			{0, a, deletes(seeds, meta("", "going")), ""},
			{403, a, deletes(seeds, meta("", "staying")), "ManagedSeed/garden/staying is not being deleted"},
			{403, a, deletes(seeds, meta("", "going-b")), `Shoot/garden/on-b does not exist, or belongs to another Seed`},
			{403, bx, deletes(seeds, meta("", "a")),
				`may not delete seeds.core.gardener.cloud "a": ManagedSeed/garden/a does not exist; allowed when it is the ` +
					`client's Seed, or`},
			{403, a, deletes(seeds, meta("", "")), ""},
		},
		"serviceaccounts": {
			{0, a, creates("serviceaccounts", meta("seed-a", "any")), ""},
			{403, a, creates("serviceaccounts", meta("seed-b", "extension-x")),
				"the namespace is not seed-a, and the name not gardenlet-bootstrap-<ManagedSeed>"},
			{403, ax, creates("serviceaccounts", meta("seed-a", "any")), "only gardenlets may"},
			{0, a, creates("serviceaccounts", meta("garden", "gardenlet-bootstrap-child")), ""},
			{0, a, creates("serviceaccounts", meta("garden", "gardenlet-bootstrap-expired")), ""},
			{400, a, creates("serviceaccounts", meta("garden", "gardenlet-bootstrap-staying")), "already bootstrapped"},
			{403, b, creates("serviceaccounts", meta("garden", "gardenlet-bootstrap-child")),
				`Shoot/garden/on-a does not exist, or belongs to another Seed`},
			{403, a, creates("serviceaccounts", meta("p", "gardenlet-bootstrap-child")), "ManagedSeed/p/child does not exist"},
			{403, a, creates("serviceaccounts", meta("garden", "gardenlet-bootstrap-")),
				"the name not gardenlet-bootstrap-<ManagedSeed>"},
		},
		"shootstates": {
			{0, a, creates(shootStates, meta("p", "own")), ""},
			{0, ax, creates(shootStates, meta("p", "own")), ""},
			{0, a, creates(shootStates, meta("p", "moving")), ""},
			{0, b, creates(shootStates, meta("p", "moving")), ""},
			{403, a, creates(shootStates, meta("p", "other")), "Shoot/p/other does not exist, or belongs to another Seed"},
			{403, ax, creates(shootStates, meta("p", "other")), ""},
			{403, a, creates(shootStates, meta("p", "gone")), "Shoot/p/gone does not exist"},
		},
		"not a seed client": {
			{0, nobody, creates("secrets", meta("garden", "any")), ""},
			{0, nobody, creates("pods", meta("garden", "any")), ""},
			{0, authenticationv1.UserInfo{Username: "system:serviceaccount:seed-a:robot", Groups: extensionOn("a").Groups},
				creates("secrets", meta("garden", "any")), ""},
			{0, authenticationv1.UserInfo{Username: "alice", Groups: gardenletOf("a").Groups},
				creates("secrets", meta("garden", "any")), ""},
		},
		"not known": {
			{400, a, creates("pods", meta("garden", "any")), "the webhook does not know CREATE of /v1, Resource=pods"},
			{400, ax, updates("pods", meta("garden", "any")), "the webhook does not know UPDATE of /v1, Resource=pods"},
			{400, a, about(admissionv1.Connect, seeds, meta("", "a")), "the webhook does not know CONNECT"},
			{400, a, creates("seeds.v2.core.gardener.cloud", meta("", "a")), "the webhook does not know CREATE"},
			{400, a, withSubresource("scale", updates(seeds, meta("", "a"))), "with subresource scale"},
		},
		"not to be decoded": {
			{400, a, withObject(``, creates("secrets", meta("p", "own.monitoring"))),
				"its object cannot be decoded: it is not there, or no JSON object"},
			{400, a, withObject(`null`, creates("secrets", meta("p", "own.monitoring"))), "cannot be decoded"},
			{400, a, withObject(`[]`, creates("secrets", meta("p", "own.monitoring"))), "cannot be decoded"},
			{400, a, withObject(`{"metadata":`, creates("secrets", meta("p", "own.monitoring"))), "cannot be decoded"},
			{400, a, withObject(`{"type":7}`, creates("secrets", meta("p", "own.monitoring"))),
				`field "type" must not be of type number`},
			{400, a, withObject(`{"spec":{"seedName":{}}}`, creates(buckets, meta("", "x"))),
				`field "spec.seedName" must not be of type object`},
			{400, a, withObject(`{"type":"a","type":"Opaque"}`, creates("secrets", meta("p", "own.monitoring"))),
				`field "type" is there twice`},
			{400, a, withObject(`{"data":{"description":"topsecret!"}}`, creates("secrets", meta("p", "own.monitoring"))),
				`field "data.description" is malformed`},
			{400, a, withObject(`{"spec":{"usages":["topsecret", []]}}`, creates(requests, meta("", "x"))),
				`field "spec.usages.1" must not be of type array`},
			{400, a, withObject(`{"metadata":{"labels":{"`+strings.Repeat("x", 1<<20)+`":7}}}`,
				creates("secrets", meta("p", "own.monitoring"))), `xxx..." must not be of type number`},
			{400, a, withObject("{\"type\":\"\xff\"}", creates("secrets", meta("p", "own.monitoring"))), "it is no valid JSON"},
			{400, a, withObject(`{"metadata":{"labels":{"a":1}}}`, creates(leases, meta("garden", "gardenlet-leader-election"))),
				"cannot be decoded"},
			{0, a, withObject(`{"spec":{"seedName":"a","new":{"field":[1]}},"data":7}`, creates(buckets, meta("", "x"))), ""},
			{403, a, withObject(`{"spec":{"SeedName":"a"}}`, creates(buckets, meta("", "x"))), `its spec.seedName is ""`},
			{400, a, withObject(`{"metadata":{"name":"b"}}`, updates(seeds, meta("", "a"))), "its object is named b"},
			{400, a, withObject(`{"metadata":{"name":"own.monitoring","namespace":"q"}}`,
				creates("secrets", meta("p", "own.monitoring"))), "its object is named q/own.monitoring"},
			{400, a, withOldObject(`{"metadata":{"name":"b"}}`, updates(seeds, meta("", "a"))), "its oldObject is named b"},
			{400, a, withOldObject(`{"metadata":{"name":"b"}}`, deletes(seeds, meta("", "a"))), "its oldObject is named b"},
			{400, a, withOldObject(`7`, deletes(seeds, meta("", "a"))), "its oldObject cannot be decoded"},
		},
		"names": {
			// A name that is yet to be generated cannot be one that a rule needs.
			{403, a, creates("secrets", "metadata: {namespace: p, generateName: own.monitoring}"), "it is no Secret of a Seed"},
			{403, a, creates("serviceaccounts", "metadata: {namespace: garden, generateName: gardenlet-bootstrap-}"), ""},
			{403, a, creates(seeds, "metadata: {generateName: a}"), ""},
			{403, a, creates(shootStates, "metadata: {namespace: p, generateName: own}"), ""},
			// Rules that need none do not mind.
			{0, a, creates(bastions, "metadata: {namespace: p, generateName: b-}\nspec: {seedName: a}"), ""},
			{0, a, creates(requests, "metadata: {generateName: seed-csr-}\nspec: {request: "+good+", usages: ["+goodUsages+"]}"),
				""},
			{0, a, creates("serviceaccounts", "metadata: {namespace: seed-a, generateName: extension-}"), ""},
			{0, ax, creates(leases, "metadata: {namespace: seed-a, generateName: x-}"), ""},
			// The API server generates names before it validates, and tells them in the object alone.
			{0, a, withName("", creates("secrets", "metadata: {namespace: p, generateName: own, name: own.monitoring}")), ""},
			{403, a, withName("",
				creates("secrets", "metadata: {namespace: p, generateName: own.monitoring, name: own.monitoringx7f2q}")), ""},
			// A collection is deleted object by object.
			{0, a, withName("", deletes(buckets, meta("", "uid-a"))), ""},
			{403, a, withName("", deletes(buckets, meta("", "uid-b"))), ""},
			{0, a, withOldObject("", deletes(buckets, meta("", "uid-a"))), ""},
			{0, a, withOldObject("", updates(seeds, meta("", "a"))), ""},
		},
	} {
		t.Run(group, func(t *testing.T) {
			plugin := newPlugin(newMemory(t, landscape...))
			for i, row := range rows {
				response := plugin.Admit(t.Context(), as(row.user, row.request))
				what := fmt.Sprintf("row %d: %s %s %s/%s", i, row.user.Username, row.request.Operation, row.request.Namespace,
					row.request.Name)
				require.Equal(t, row.request.UID, response.UID, what)
				requireAnswer(t, row.code, row.message, response, what)
				if row.code == 0 {
					continue
				}
				require.NotContains(t, response.Result.Message, "topsecret")

				// A dry run is decided alike.
				dry := row.request.DeepCopy()
				dry.DryRun = new(true)
				require.Equal(t, response, plugin.Admit(t.Context(), dry), what)
			}
		})
	}
}

func withObject(raw string, r *admissionv1.AdmissionRequest) *admissionv1.AdmissionRequest {
	r.Object.Raw = []byte(raw)
	return r
}

func withOldObject(raw string, r *admissionv1.AdmissionRequest) *admissionv1.AdmissionRequest {
	r.OldObject.Raw = []byte(raw)
	return r
}

func withName(name string, r *admissionv1.AdmissionRequest) *admissionv1.AdmissionRequest {
	r.Name = name
	return r
}

func withSubresource(name string, r *admissionv1.AdmissionRequest) *admissionv1.AdmissionRequest {
	r.SubResource = name
	return r
}
