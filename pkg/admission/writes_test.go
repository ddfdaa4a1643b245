package admission

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/seedguard/seedguard/pkg/naming"
)

const (
	shoots        = "shoots.v1beta1.core.gardener.cloud"
	installations = "controllerinstallations.v1beta1.core.gardener.cloud"
	managedSeeds  = "managedseeds.v1alpha1.seedmanagement.gardener.cloud"
	identities    = "workloadidentities.v1alpha1.security.gardener.cloud"
)

func secretRef(name string) string {
	return "{apiVersion: v1, kind: Secret, namespace: garden, name: " + name + "}"
}

func backedUp(name, secret string) string {
	return "{metadata: {name: " + name + "}, spec: {backup: {provider: p, credentialsRef: " + secretRef(secret) + "}}}"
}

func bucket(name, seed, provider, secret string) string {
	return "{metadata: {name: " + name + "}, spec: {seedName: " + seed + ", provider: {type: " + provider +
		"}, credentialsRef: " + secretRef(secret) + "}}"
}

// guardedGarden is the garden of TestWrites. Seed a has a Gardenlet, m a ManagedSeed whose Shoot is on a, and n
// neither.
var guardedGarden = []string{
	"apiVersion: core.gardener.cloud/v1beta1\nkind: Seed\nmetadata: {name: a, uid: uid-a}\n" +
		"spec: {backup: {provider: p, credentialsRef: " + secretRef("backup-a") + "}}",
	"{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: b, uid: uid-b}}",
	shootOn("a", "p", "s", ""),
	shootOn("b", "p", "leaving", "status: {seedName: a}"),
	shootOn("b", "p", "other", "status: {seedName: b}"),
	"apiVersion: core.gardener.cloud/v1beta1\nkind: Project\nmetadata: {name: project}\nspec: {namespace: p}",
	"apiVersion: core.gardener.cloud/v1beta1\nkind: BackupBucket\nmetadata: {name: uid-a, uid: uid-bucket}\n" +
		"spec: {seedName: a}",
	"apiVersion: core.gardener.cloud/v1beta1\nkind: BackupBucket\nmetadata: {name: uid-new}\n" +
		"spec: {seedName: new, credentialsRef: " + secretRef("mine") + "}",
	"{apiVersion: core.gardener.cloud/v1beta1, kind: BackupEntry, metadata: {namespace: p, name: entry, " +
		"ownerReferences: [{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, name: s, uid: uid-s}]}, " +
		"spec: {seedName: a, bucketName: uid-a}}",
	shootOn("a", "garden", "on-a", ""),
	managedSeed("m", "on-a", "uid: uid-m", "backup-m"),
	managedSeed("going", "on-a", "deletionTimestamp: '2026-11-20T11:00:00Z'", ""),
	managedSeed("b", "elsewhere", "uid: uid-ms-b", ""),
	"{apiVersion: seedmanagement.gardener.cloud/v1alpha1, kind: Gardenlet, metadata: {namespace: garden, name: a}, " +
		"spec: {deployment: {helm: {ociRepository: {ref: r, pullSecretRef: {name: pull}}}}, config: {" +
		"apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration, " +
		"seedConfig: {spec: {backup: {provider: p, credentialsRef: " + secretRef("new-a") + "}}}}}}",
}

// changes is an update from one object to another.
func changes(resource, subresource, old, object string) *admissionv1.AdmissionRequest {
	r := about(admissionv1.Update, resource, old)
	r.Object.Raw, r.SubResource = raw(object), subresource
	return r
}

const (
	ownerShoot   = "{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, name: s, uid: uid-s}"
	ownerOther   = "{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, name: other, uid: uid-other}"
	ownerLeaving = "{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, name: leaving, uid: uid-leaving}"
	ownerManaged = "{apiVersion: seedmanagement.gardener.cloud/v1alpha1, kind: ManagedSeed, name: m, uid: uid-m, " +
		"controller: true}"
)

func named(namespace, name, rest string) string {
	return "{metadata: {namespace: " + namespace + ", name: " + name + "}" + rest + "}"
}

func owned(namespace, name, rest string, owners ...string) string {
	return "{metadata: {namespace: " + namespace + ", name: " + name + ", ownerReferences: [" +
		strings.Join(owners, ", ") + "]}" + rest + "}"
}

// granting grants shared-* for DNS, and to each Seed what bears its name.
var granting = Policy{
	SharedDNSSecrets: []string{"shared-*"},
	SeedReferences:   []SeedReferences{{Seeds: []string{"*"}, Names: []string{"granted-<seed>"}}},
}

// TestWrites asks once for what each cell of the table denies, and for what it lets honest clients do beside it.
func TestWrites(t *testing.T) {
	a, ax, n := gardenletOf("a"), extensionOn("a"), gardenletOf("new")
	token := func(name, id, expiration string) string {
		return `{metadata: {namespace: kube-system, name: ` + name + `}, type: bootstrap.kubernetes.io/token, data: {` +
			`token-id: ` + b64(id) + `, expiration: ` + b64(expiration) + `, usage-bootstrap-authentication: ` + b64("true") +
			`, usage-bootstrap-signing: ` + b64("true") + `, description: ` + b64(tokenFor("ManagedSeed", "garden/m")) + `}}`
	}
	id := naming.BootstrapTokenID("garden", "m")
	const tomorrow = "2026-11-21T12:00:00Z"
	entry := func(spec string, owners ...string) string {
		return owned("p", "entry", ", spec: {"+spec+"}", owners...)
	}
	account := func(rest string) string { return named("garden", "gardenlet-bootstrap-m", rest) }
	installation := func(rest string) string { return "{metadata: {name: x}, spec: {seedRef: {name: a}" + rest + "}}" }
	tokenRequest := func(group, shoot, uid string) *admissionv1.AdmissionRequest {
		context := "{apiVersion: " + group + ", kind: Shoot, namespace: p, name: " + shoot + ", uid: " + uid + "}"
		return withSubresource("token", creates(identities, named("p", "x", ", spec: {contextObject: "+context+"}")))
	}
	issuerOfLeaving := strings.NewReplacer("own", "leaving", "p--uid", "project--uid-leaving").Replace(issuer(issuerOwn))
	const confirmed = "metadata: {namespace: p, name: s, annotations: {confirmation.gardener.cloud/deletion: 'true'}}"
	pulling := func(secret string) string {
		return "{metadata: {namespace: garden, name: a}, spec: {deployment: {helm: {ociRepository: {ref: r, pullSecretRef: " +
			"{name: " + secret + "}}}}}}"
	}
	managed := func(rest string) string {
		return "{metadata: {namespace: garden, name: m, " + rest + "}, " +
			"spec: {shoot: {name: on-a}, gardenlet: {config: {apiVersion: " +
			"gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration}}}}"
	}
	template := func(spec string) string {
		return strings.Replace(managed(""), "kind: GardenletConfiguration", "kind: GardenletConfiguration, "+
			"seedConfig: {spec: {"+spec+"}}", 1)
	}
	for name, c := range map[string]struct {
		user    authenticationv1.UserInfo
		request *admissionv1.AdmissionRequest
		message string // empty: admitted
	}{
		"new bucket":                    {a, creates(buckets, bucket("uid-a", "a", "p", "backup-a")), ""},
		"new bucket, another name":      {a, creates(buckets, bucket("x", "a", "p", "backup-a")), "not the UID"},
		"new bucket, other credentials": {a, creates(buckets, bucket("uid-a", "a", "p", "x")), "credentialsRef"},
		"new bucket, another provider":  {a, creates(buckets, bucket("uid-a", "a", "q", "backup-a")), "provider.type"},
		"bucket keeps its credentials": {a, changes(buckets, "", bucket("uid-a", "a", "p", "x"),
			bucket("uid-a", "a", "p", "x")), ""},
		"bucket gets those of the Seed": {a, changes(buckets, "", bucket("uid-a", "a", "p", "x"),
			bucket("uid-a", "a", "p", "backup-a")), ""},
		"bucket gets others": {a, changes(buckets, "", bucket("uid-a", "a", "p", "x"),
			bucket("uid-a", "a", "p", "w")), "credentialsRef"},
		"bucket of another Seed": {a, changes(buckets, "", bucket("uid-b", "b", "p", "x"),
			bucket("uid-b", "a", "p", "x")), `spec.seedName is "b"`},
		"bucket's generated Secret": {a, changes(buckets, "status", bucket("uid-a", "a", "p", "x"),
			"{metadata: {name: uid-a}, spec: {seedName: a, provider: {type: p}, credentialsRef: "+secretRef("x")+
				"}, status: {generatedSecretRef: {namespace: garden, name: generated-bucket-uid-a}}}"), ""},
		"bucket's stolen Secret": {a, changes(buckets, "status", bucket("uid-a", "a", "p", "x"),
			"{metadata: {name: uid-a}, spec: {seedName: a, provider: {type: p}, credentialsRef: "+secretRef("x")+
				"}, status: {generatedSecretRef: {namespace: garden, name: w}}}"),
			"generatedSecretRef newly refers to Secret/garden/w"},
		"Seed keeps what it has":          {a, changes(seeds, "", backedUp("a", "x"), backedUp("a", "x")), ""},
		"Seed gets that of its Gardenlet": {a, changes(seeds, "", backedUp("a", "x"), backedUp("a", "new-a")), ""},
		"Seed gets others": {a, changes(seeds, "", backedUp("a", "x"), backedUp("a", "w")),
			"grant it in restriction.seedReferences, or set it"},
		"Seed is granted others": {a, changes(seeds, "", backedUp("a", "x"), backedUp("a", "granted-a")), ""},
		"Seed gets those granted to b": {a, changes(seeds, "", backedUp("a", "x"), backedUp("a", "granted-b")),
			"newly refers"},
		"Seed's first, nobody's":     {n, creates(seeds, backedUp("new", "nobodys")), ""},
		"Seed's first, its bucket's": {n, creates(seeds, backedUp("new", "mine")), ""},
		"Seed's first, another's":    {n, creates(seeds, backedUp("new", "backup-a")), "newly refers"},
		"Seed's first is not on update": {n, changes(seeds, "", backedUp("new", "x"), backedUp("new", "nobodys")),
			"newly refers"},
		"Seed with a Gardenlet, nobody's": {a, creates(seeds, backedUp("a", "nobodys")), "newly refers"},
		"Seed that only its old object names": {a,
			withName("", changes(seeds, "", "metadata: {name: a}", backedUp("''", "nobodys"))), "newly refers"},
		"Seed, shared DNS": {a, changes(seeds, "", "metadata: {name: a}",
			"{metadata: {name: a}, spec: {dns: {defaults: [{type: t, domain: d, credentialsRef: "+secretRef("shared-dns")+
				"}]}}}"), ""},
		"Seed, DNS of others": {a, changes(seeds, "", "metadata: {name: a}",
			"{metadata: {name: a}, spec: {dns: {defaults: [{type: t, domain: d, credentialsRef: "+secretRef("x")+"}]}}}"),
			"newly refers"},
		"shared DNS is for DNS alone": {a, changes(seeds, "", "metadata: {name: a}", backedUp("a", "shared-dns")),
			"newly refers"},
		"own Seed": {a, deletes(seeds, meta("", "a")), "the client's own Seed"},
		"child's Seed, while it stays": {a, deletes(seeds, meta("", "m")),
			"ManagedSeed/garden/m is not being deleted"},
		"child's Seed, while it goes": {a, deletes(seeds, meta("", "going")), ""},
		"child's Seed by the child": {gardenletOf("going"), deletes(seeds, meta("", "going")),
			"the client's own Seed"},
		"child's Seed by another": {gardenletOf("b"), deletes(seeds, meta("", "going")), "belongs to another Seed"},
		"Seed's heartbeat":        {a, changes(seeds, "status", meta("", "a"), meta("", "a")), ""},
		"Seed's owner": {a, changes(seeds, "status", meta("", "a"), owned("\"\"", "a", "", ownerShoot)),
			"owner"},
		"Shoot's finalizer": {a, changes(shoots, "", meta("p", "s"),
			"metadata: {namespace: p, name: s, finalizers: [x]}"), ""},
		"Shoot with a selector": {a, updates(shoots,
			"{metadata: {namespace: p, name: s}, spec: {seedSelector: {matchLabels: {x: y}, providerTypes: [z]}}}"), ""},
		"Shoot's owner": {a, changes(shoots, "", meta("p", "s"), owned("p", "s", "", ownerOther)), "owner"},
		"Shoot's deletion": {a, changes(shoots, "", meta("p", "s"), confirmed),
			"confirmation.gardener.cloud/deletion is set"},
		"Shoot's deletion by its status": {a, changes(shoots, "status", meta("p", "s"), confirmed),
			"confirmation.gardener.cloud/deletion is set"},
		"Shoot's resources": {a, changes(shoots, "", meta("p", "s"),
			"{metadata: {namespace: p, name: s}, spec: {resources: [{name: r, resourceRef: {apiVersion: v1, kind: Secret, "+
				"name: x}}]}}"), "newly refers to Secret/p/x"},
		"Shoot's DNS": {a, changes(shoots, "",
			"{metadata: {namespace: p, name: s}, spec: {dns: {providers: [{secretName: x}]}}}",
			"{metadata: {namespace: p, name: s}, spec: {dns: {providers: [{secretName: x, credentialsRef: {apiVersion: v1, "+
				"kind: Secret, name: x}}]}}}"), ""},
		"Shoot comes": {a, changes(shoots, "",
			"{metadata: {namespace: p, name: leaving}, spec: {seedName: b}}",
			"{metadata: {namespace: p, name: leaving}, spec: {seedName: a}}"), "spec.seedName newly"},
		"entry": {a, creates(entries, entry("seedName: a, bucketName: uid-a", ownerShoot)), ""},
		"entry without owner": {a, creates(entries, entry("seedName: a, bucketName: uid-a")),
			"no owner reference"},
		"entry of another's Shoot": {a, creates(entries, entry("seedName: a, bucketName: uid-a", ownerOther)),
			"belongs to another Seed"},
		"entry of an old Shoot": {a, creates(entries,
			entry("seedName: a, bucketName: uid-a", strings.Replace(ownerShoot, "uid-s", "x", 1))), "UID"},
		"entry moves into the own bucket": {a, changes(entries, "", entry("seedName: a, bucketName: uid-b", ownerShoot),
			entry("seedName: a, bucketName: uid-a", ownerShoot)), ""},
		"entry moves into another bucket": {a, changes(entries, "", entry("seedName: a, bucketName: uid-a", ownerShoot),
			entry("seedName: a, bucketName: uid-b", ownerShoot)), "another than the bucket"},
		"entry that another Seed holds": {a, changes(entries, "",
			"{metadata: {namespace: p, name: entry}, spec: {seedName: a, bucketName: uid-b}, status: {seedName: b}}",
			"{metadata: {namespace: p, name: entry}, spec: {seedName: a, bucketName: uid-a}, status: {seedName: b}}"),
			"status.seedName"},
		"entry's Seed": {a, changes(entries, "", entry("seedName: b, bucketName: uid-b", ownerOther),
			entry("seedName: a, bucketName: uid-b", ownerOther)), "spec.seedName becomes"},
		"entry's owner, a leaving Shoot": {a, changes(entries, "", entry("seedName: a, bucketName: uid-a"),
			entry("seedName: a, bucketName: uid-a", ownerLeaving)), "owner"},
		"entry's owner by its status": {a, changes(entries, "status",
			entry("seedName: a, bucketName: uid-a", ownerShoot), entry("seedName: a, bucketName: uid-a", ownerOther)), "owner"},
		"bastion's Shoot": {a, changes(bastions, "",
			"{metadata: {namespace: p, name: x}, spec: {shootRef: {name: s}}}",
			owned("p", "x", ", spec: {shootRef: {name: s}}", ownerShoot)), ""},
		"bastion's owner": {a, changes(bastions, "status",
			"{metadata: {namespace: p, name: x}, spec: {shootRef: {name: s}}}",
			owned("p", "x", ", spec: {shootRef: {name: s}}", ownerOther)), "owner"},
		"Gardenlet":                 {a, creates(gardenlets, pulling("pull")), ""},
		"Gardenlet by an extension": {ax, creates(gardenlets, meta("garden", "a")), "only gardenlets may"},
		"Gardenlet with operation": {a, creates(gardenlets,
			"metadata: {namespace: garden, name: a, annotations: {gardener.cloud/operation: renew-kubeconfig}}"), "annotated"},
		"Gardenlet with kubeconfig": {a, creates(gardenlets,
			"{metadata: {namespace: garden, name: a}, spec: {kubeconfigSecretRef: {name: x}}}"), "kubeconfigSecretRef"},
		"Gardenlet with others' template": {a, creates(gardenlets,
			"{metadata: {namespace: garden, name: a}, spec: {config: {apiVersion: gardenlet.config.gardener.cloud/v1alpha1, "+
				"kind: GardenletConfiguration, seedConfig: {spec: {backup: {provider: p, credentialsRef: "+secretRef("x")+"}}}}}}"),
			"seed template"},
		"Gardenlet pulls with any Secret": {a, creates(gardenlets, pulling("x")), "newly refers to Secret/garden/x"},
		"Gardenlet of a Seed that is not": {n, creates(gardenlets, meta("garden", "new")), "Seed/new does not exist"},
		"Gardenlet beside a ManagedSeed": {gardenletOf("b"), creates(gardenlets, meta("garden", "b")),
			"ManagedSeed/garden/b exists"},
		"Gardenlet pulls with what it is granted": {a, creates(gardenlets, pulling("granted-a")), ""},
		"Gardenlet pulls with what b is granted": {a, creates(gardenlets, pulling("granted-b")),
			"newly refers to Secret/garden/granted-b: grant it in restriction.seedReferences"},
		"Gardenlet pulls with the credentials of its Seed": {a, creates(gardenlets, pulling("backup-a")), ""},
		"Gardenlet pulls with the credentials of another":  {a, creates(gardenlets, pulling("mine")), "newly refers"},
		"Gardenlet changes": {a, changes(gardenlets, "", meta("garden", "a"),
			"{metadata: {namespace: garden, name: a}, spec: {kubeconfigSecretRef: {name: x}}}"), "its spec changes"},
		"ManagedSeed's finalizer": {a, changes(managedSeeds, "", managed(""), managed("finalizers: [x]")), ""},
		"ManagedSeed's operation": {a, changes(managedSeeds, "", managed(""),
			managed("annotations: {gardener.cloud/operation: renew-kubeconfig}")), "gardener.cloud/operation is set"},
		"ManagedSeed's operation changes": {a, changes(managedSeeds, "",
			managed("annotations: {gardener.cloud/operation: x}"),
			managed("annotations: {gardener.cloud/operation: renew-kubeconfig}")), "gardener.cloud/operation is set"},
		"ManagedSeed's operation by status": {a, changes(managedSeeds, "status", managed(""),
			managed("annotations: {gardener.cloud/operation: renew-kubeconfig}")), "gardener.cloud/operation is set"},
		"ManagedSeed's operation goes": {a, changes(managedSeeds, "",
			managed("annotations: {gardener.cloud/operation: x}"), managed("")), ""},
		"ManagedSeed by the child": {gardenletOf("m"), changes(managedSeeds, "", managed(""), managed("")),
			"the client's own Seed"},
		"ManagedSeed's Shoot": {a, changes(managedSeeds, "", managed(""),
			strings.Replace(managed(""), "on-a", "x", 1)), "its spec changes"},
		"ManagedSeed's template is filled": {a, changes(managedSeeds, "", managed(""),
			template("backup: {provider: p}")), ""},
		"ManagedSeed's template refers": {a, changes(managedSeeds, "", managed(""),
			template("backup: {provider: p, credentialsRef: "+secretRef("x")+"}")), "newly refers"},
		"ManagedSeed's template has another list": {a, changes(managedSeeds, "", template("provider: {zones: [a]}"),
			template("provider: {zones: [b]}")), "its spec changes"},
		"installation": {a, changes(installations, "", installation(""),
			"{metadata: {name: x, finalizers: [w]}, spec: {seedRef: {name: a}}}"), ""},
		"installation's deployment": {a, changes(installations, "", installation(""),
			installation(", deploymentRef: {name: w}")), "its spec changes"},
		"account with secrets": {a, creates("serviceaccounts", account(", secrets: [{name: x}]")), "new secrets"},
		"account with pull secrets": {a, changes("serviceaccounts", "", account(""),
			account(", imagePullSecrets: [{name: x}]")), "new imagePullSecrets"},
		"account with pull secrets at once": {a, creates("serviceaccounts", account(", imagePullSecrets: [{name: x}]")),
			"new imagePullSecrets"},
		"account gets secrets": {a, changes("serviceaccounts", "", account(", secrets: [{name: x}]"),
			account(", secrets: [{name: x}, {name: w}]")), "new secrets"},
		"account loses secrets": {a, changes("serviceaccounts", "", account(", secrets: [{name: x}, {name: w}]"),
			account(", secrets: [{name: w}]")), ""},
		"account in the Seed's namespace gets secrets": {a, changes("serviceaccounts", "", meta("seed-a", "x"),
			named("seed-a", "x", ", secrets: [{name: x}], imagePullSecrets: [{name: x}]")), ""},
		"account's owner": {a, changes("serviceaccounts", "", account(""),
			owned("garden", "gardenlet-bootstrap-m", "", ownerManaged)), "owner"},
		"account in the Seed's namespace": {a, creates("serviceaccounts", named("seed-a", "x", ", secrets: [{name: x}]")),
			""},
		"binding changes": {a, changes(bindings, "", bindingOf("m"),
			strings.Replace(bindingOf("m"), "namespace: garden", "namespace: x", 1)), "subjects"},
		"token": {a, creates("secrets", token("bootstrap-token-"+id, id, tomorrow)), ""},
		"token by an extension": {ax, creates("secrets", token("bootstrap-token-"+id, id, tomorrow)),
			"gardenlets"},
		"token by another name": {a, creates("secrets", token("bootstrap-token-abcdef", id, tomorrow)),
			"name and token-id"},
		"token of another id": {a, creates("secrets", token("bootstrap-token-"+id, "abcdef", tomorrow)),
			"name and token-id"},
		"token for days": {a, creates("secrets", token("bootstrap-token-"+id, id, "2026-11-22T12:00:00Z")),
			"expiration"},
		"token for ever": {a, creates("secrets", token("bootstrap-token-"+id, id, "")), "expiration"},
		"Shoot's Secret": {a, creates("secrets", named("p", "s.monitoring", ", data: {k: AA==}")), ""},
		"Shoot's Secret, its role": {a, creates("secrets",
			"metadata: {namespace: p, name: s.monitoring, labels: {gardener.cloud/role: monitoring}}"), ""},
		"Shoot's Secret, another role": {a, creates("secrets",
			"metadata: {namespace: p, name: s.monitoring, labels: {gardener.cloud/role: default-domain}}"),
			"gardener.cloud/role"},
		"leaving Shoot's Secret": {a, changes("secrets", "", named("p", "leaving.monitoring", ""),
			named("p", "leaving.monitoring", ", data: {k: AA==}")), ""},
		"backup Secret that a template names": {a, creates("secrets", named("garden", "backup-m", "")), "not the client's"},
		"bucket's Secret elsewhere": {a, creates("secrets", named("p", "generated-bucket-uid-a", "")),
			"not the client's"},
		"issuer": {a, creates("secrets",
			strings.NewReplacer("own", "s", "p--uid", "project--uid-s").Replace(issuer(issuerOwn))), ""},
		"issuer of a leaving Shoot": {a, changes("secrets", "", issuerOfLeaving, issuerOfLeaving+"\ndata: {k: AA==}"), ""},
		"issuer of another UID": {a, creates("secrets",
			strings.NewReplacer("own", "s", "p--uid", "project--uid-other").Replace(issuer(issuerOwn))), "<project>--<UID"},
		"other Secret's finalizer": {a, changes("secrets", "", meta("garden", "backup-a"),
			"metadata: {namespace: garden, name: backup-a, finalizers: [x]}"), ""},
		"other Secret's contents": {a, changes("secrets", "", meta("garden", "backup-a"),
			named("garden", "backup-a", ", data: {k: AA==}")), "not the client's"},
		"other Secret's owner": {a, changes("secrets", "", meta("garden", "backup-a"),
			owned("garden", "backup-a", "", ownerShoot)), "not the client's"},
		"backup Secret is released": {a, changes("secrets", "",
			"metadata: {namespace: garden, name: backup-m, labels: {secret.backup.gardener.cloud/status: x}, "+
				"ownerReferences: ["+ownerManaged+"]}", meta("garden", "backup-m")), ""},
		"other Secret goes":   {a, deletes("secrets", meta("garden", "backup-a")), "not the client's"},
		"backup Secret goes":  {a, deletes("secrets", owned("garden", "backup-m", "", ownerManaged)), ""},
		"Shoot's Secret goes": {a, deletes("secrets", meta("p", "s.monitoring")), ""},
		"Shoot's ConfigMap, another's UID": {a, creates("configmaps",
			"metadata: {namespace: p, name: s.ca-cluster, labels: {shoot.gardener.cloud/uid: x}}"), "another Shoot"},
		"what all Seeds share": {a, changes("configmaps", "", meta("kube-system", "cluster-identity"),
			"{metadata: {namespace: kube-system, name: cluster-identity}, data: {k: v}}"), "not that of a project ConfigMap"},
		"what all Seeds share, its finalizer": {a, changes("configmaps", "", meta("kube-system", "cluster-identity"),
			"metadata: {namespace: kube-system, name: cluster-identity, finalizers: [x]}"), ""},
		"what all Seeds share goes": {a, deletes("configmaps", meta("kube-system", "cluster-identity")),
			"not that of a project ConfigMap"},
		"InternalSecret": {a, changes(internalSecrets, "", meta("p", "s.ca-client"),
			"{metadata: {namespace: p, name: s.ca-client}, data: {k: AA==}}"), ""},
		"InternalSecret's owner": {a, changes(internalSecrets, "", meta("p", "s.ca-client"),
			owned("p", "s.ca-client", "", ownerOther)), "owner"},
		"other InternalSecret goes": {a, deletes(internalSecrets, meta("p", "other.ca-client")),
			"belongs to another Seed"},
		"WorkloadIdentity": {a, creates(identities, meta("p", "x")), "no client on a Seed may"},
		"WorkloadIdentity's finalizer": {a, changes(identities, "", meta("p", "x"),
			"metadata: {namespace: p, name: x, finalizers: [w]}"), ""},
		"WorkloadIdentity's audience": {a, changes(identities, "", meta("p", "x"),
			"{metadata: {namespace: p, name: x}, spec: {audiences: [w]}}"), "more than its finalizers"},
		"token for the own Shoot":   {a, tokenRequest("core.gardener.cloud/v1beta1", "s", "uid-s"), ""},
		"token for another's Shoot": {a, tokenRequest("core.gardener.cloud/v1beta1", "other", "uid-other"), "contextObject"},
		"token for a Shoot of that name that is gone": {a, tokenRequest("core.gardener.cloud/v1beta1", "s", "uid-before"),
			"contextObject"},
		"token for no object":                  {a, withSubresource("token", creates(identities, meta("p", "x"))), ""},
		"token for an object of another group": {a, tokenRequest("example.com/v1", "s", "uid-s"), "contextObject"},
		"certificate":                          {a, asksFor(t, "a"), ""},
		"certificate by another signer": {a, creates(requests, strings.Replace(
			csrOf(certificateRequestFor(t, subjectOf("a")), goodUsages),
			"kube-apiserver-client", "kube-apiserver-client-kubelet", 1)), "spec.signerName is not"},
		"leader election": {a, creates(leases, meta("garden", "gardenlet-leader-election")), ""},
		"heartbeat":       {a, creates(leases, meta("gardener-system-seed-lease", "a")), ""},
		"leader election of an extension": {ax, creates(leases, meta("seed-a", "gardenlet-leader-election")),
			""},
		"leader election elsewhere": {a, creates(leases, meta("p", "gardenlet-leader-election")),
			"the namespace is not garden"},
		"a name that is made up": {a, creates(buckets, "{metadata: {generateName: x}, spec: {seedName: a}}"),
			"generateName"},
	} {
		t.Run(name, func(t *testing.T) {
			policy := granting
			response := newPluginWith(newMemory(t, guardedGarden...), policy).Admit(t.Context(), as(c.user, c.request))
			requireAnswer(t, forbids(c.message), c.message, response, name)
			if response.Allowed {
				return
			}

			// What the table of writes alone denies becomes a warning, or is not looked at.
			policy.References = ReferencesWarn
			warned := newPluginWith(newMemory(t, guardedGarden...), policy).Admit(t.Context(), as(c.user, c.request))
			if warned.Allowed {
				require.Contains(t, warned.Warnings[0], c.message)
				require.NotEmpty(t, warned.AuditAnnotations)
			}
			policy.References = ReferencesOff
			ignored := newPluginWith(newMemory(t, guardedGarden...), policy).Admit(t.Context(), as(c.user, c.request))
			require.Equal(t, warned.Allowed, ignored.Allowed)
			require.Empty(t, ignored.Warnings)
		})
	}
}

// TestExistingSecretsAreHidden: whether a Secret exists that the client may not read, a denial does not tell.
func TestExistingSecretsAreHidden(t *testing.T) {
	for resource, name := range map[string]string{"secrets": "any", internalSecrets: "other.ca-client"} {
		m := newMemory(t, guardedGarden...)
		m.live = m.cached
		m.existing = map[string]bool{strings.SplitN(resource, ".", 2)[0] + ".v1/p/" + name: true,
			"internalsecrets.v1beta1/p/" + name: true}
		response := newPluginWith(m, Policy{}).Admit(t.Context(), as(gardenletOf("a"), creates(resource, meta("p", name))))
		require.EqualValues(t, 403, response.Result.Code, resource)
		response = newPlugin(m).Admit(t.Context(), as(gardenletOf("a"), creates(resource, meta("p", name))))
		require.EqualValues(t, 409, response.Result.Code, "as ever")
	}
}

// TestFirstRegistrationRefused: with firstRegistration Refuse a new Seed gets what the configuration grants it alone.
func TestFirstRegistrationRefused(t *testing.T) {
	policy := granting
	policy.FirstRegistration = FirstRegistrationRefuse
	withDNS := func(secret string) string {
		return "{metadata: {name: new}, spec: {dns: {provider: {type: t, credentialsRef: " + secretRef(secret) + "}}}}"
	}
	for object, allowed := range map[string]bool{
		backedUp("new", "granted-new"): true, meta("", "new"): true, withDNS("shared-dns"): true,

		// What firstRegistration Garden grants.
		backedUp("new", "nobodys"): false, backedUp("new", "mine"): false, withDNS("nobodys"): false,
	} {
		plugin := newPluginWith(newMemory(t, guardedGarden...), policy)
		response := plugin.Admit(t.Context(), as(gardenletOf("new"), creates(seeds, object)))
		require.Equal(t, allowed, response.Allowed, "%s: %v", object, response.Result)
		if !allowed {
			require.Contains(t, response.Result.Message, "grant it in restriction.seedReferences")
		}
	}
}

// TestExempt: what matches all three lists of an exemption is admitted without a look, and nothing else is.
func TestExempt(t *testing.T) {
	const exempted = "backupbuckets.core.gardener.cloud"
	policy := Policy{Exempt: []Exemption{
		{Extensions: []string{"x"}, Namespaces: []string{"foo-*"}, Resources: []string{"secrets", exempted}},
		{Extensions: []string{"y"}, Namespaces: []string{"*"}, Resources: []string{exempted}},
		{Extensions: []string{"z"}},
	}}
	extension := func(name string) authenticationv1.UserInfo {
		user := extensionOn("a")
		user.Username = strings.TrimSuffix(user.Username, "x") + name
		return user
	}
	secret, bucket := func(namespace string) *admissionv1.AdmissionRequest {
		return creates("secrets", meta(namespace, "any"))
	}, creates(buckets, bucket("any", "b", "p", "x"))
	for about, c := range map[string]struct {
		user    authenticationv1.UserInfo
		request *admissionv1.AdmissionRequest
		allowed bool
	}{
		"all three":                             {extension("x"), secret("foo-system"), true},
		"deletion":                              {extension("x"), deletes("secrets", meta("foo-system", "any")), true},
		"not decodable":                         {extension("x"), creates("secrets", meta("foo-a", "x")+"type: 4711"), true},
		"another extension":                     {extension("w"), secret("foo-system"), false},
		"another namespace":                     {extension("x"), secret("bar-system"), false},
		"another resource":                      {extension("x"), creates("configmaps", meta("foo-system", "any")), false},
		"lists of two exemptions":               {extension("y"), secret("foo-system"), false},
		"what has no namespace":                 {extension("y"), bucket, true},
		"what has no namespace, with one asked": {extension("x"), bucket, false},
		"a gardenlet":                           {gardenletOf("a"), secret("foo-system"), false},
		"empty lists":                           {extension("z"), secret("foo-system"), false},
	} {
		response := newPluginWith(newMemory(t, guardedGarden...), policy).Admit(t.Context(), as(c.user, c.request))
		require.Equal(t, c.allowed, response.Allowed, "%s: %v", about, response.Result)
	}
}

// TestUnreadableTemplate: what a seed template refers to must be known, or the Gardenlet is invalid.
func TestUnreadableTemplate(t *testing.T) {
	response := newPluginWith(newMemory(t, guardedGarden...), Policy{}).Admit(t.Context(), as(gardenletOf("a"),
		creates(gardenlets, "{metadata: {namespace: garden, name: a}, "+
			"spec: {config: {apiVersion: x/v1, kind: GardenletConfiguration}}}")))
	requireAnswer(t, http.StatusUnprocessableEntity, "spec.config cannot be decoded", response, "an unknown version")
}
