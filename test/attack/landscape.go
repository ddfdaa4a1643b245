package attack

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/naming"
)

const issuerNamespace = gardencorev1beta1.GardenerShootIssuerNamespace

// seeds are all Seeds: parent, lonely, and child, whose ManagedSeed's Shoot is on parent.
var seeds = []string{"parent", "lonely", "child"}

// operatorsToken is the Secret of a bootstrap token that an operator made.
const operatorsToken = "bootstrap-token-person"

// manifests are the landscape, one object a line, which goes on where the next one is indented: kind, namespace (-
// for none), names with commas between them, and the rest of the object. In it, words that start with $ are chosen
// anew for each object, but for $name. There are so few names that objects collide all the time.
const manifests = `
Namespace - garden,p,seed-parent,seed-lonely,seed-child,kube-system {}
Project - garden {spec: {namespace: garden}}
Project - p {spec: {namespace: p}}
CloudProfile - x,u {}
NamespacedCloudProfile p x,u {}
ExposureClass - x,u {}
Seed - parent,lonely,child {spec: {backup: {provider: p,
	credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: backup-$name}},
	dns: {provider: {type: d, credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: $shared}},
	internal: {type: d, domain: i, credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden,
	name: internal-domain-1}}, defaults: [{type: d, domain: d,
	credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: default-domain-1}}]},
	resources: [{name: r, resourceRef: {apiVersion: v1, kind: $resource, name: $local}}]},
	status: {clientCertificateExpirationTimestamp: $time}}
Secret garden x,u,z,pull,granted-parent,granted-lonely,granted-child {type: Opaque, data: {k: AA==}}
Secret garden backup-parent,backup-lonely,default-domain-1,internal-domain-1,default-domain-2 {type: Opaque,
	data: {k: AA==}}
Secret garden backup-child {metadata: {labels: {secret.backup.gardener.cloud/status: previous},
	ownerReferences: [{apiVersion: seedmanagement.gardener.cloud/v1alpha1, kind: ManagedSeed, name: child,
	uid: uid-ManagedSeed-garden-child, controller: true}]}, type: Opaque, data: {k: AA==}}
Secret garden generated-bucket-uid-Seed--parent,generated-bucket-uid-Seed--lonely,generated-bucket-uid-Seed--child {
	type: Opaque, data: {k: AA==}}
Secret p x,u,z,s.ca-cluster,s.monitoring,t.ssh-keypair,t.monitoring {type: Opaque, data: {k: AA==}}
Secret gardener-system-shoot-issuer p--uid-Shoot-p-s,p--uid-Shoot-p-t {metadata: {labels: {
	shoot.gardener.cloud/name: $lastOfName, shoot.gardener.cloud/namespace: p,
		discovery.gardener.cloud/public: serviceaccount}}}
Secret seed-parent,seed-lonely,seed-child x {data: {k: AA==}}
Secret kube-system ` + operatorsToken + ` {type: bootstrap.kubernetes.io/token, data: {description: $toAnybody}}
Secret kube-system $tokenChild {type: bootstrap.kubernetes.io/token, data: {description: $toChild}}
Secret kube-system $tokenLonely {type: bootstrap.kubernetes.io/token, data: {description: $toLonely}}
ConfigMap garden,p x,u {data: {k: v}}
ConfigMap kube-system cluster-identity {data: {k: v}}
ConfigMap p s.ca-cluster,s.ca-kubelet,t.ca-cluster {data: {k: v}}
InternalSecret p x,s.ca-client,t.ca-client {data: {k: AA==}}
WorkloadIdentity garden,p x,u {spec: {audiences: [a], targetSystem: {type: t}}}
Shoot garden child,x {spec: {seedName: parent, cloudProfile: {name: $local}}, status: {seedName: parent}}
Shoot p s,t {metadata: {annotations: {authentication.gardener.cloud/issuer: $issuer}},
	spec: {seedName: $seed, secretBindingName: $local, credentialsBindingName: $local,
	cloudProfile: {kind: CloudProfile, name: $local}, exposureClassName: $local,
	dns: {providers: [{type: d, secretName: $local}]},
	resources: [{name: r, resourceRef: {apiVersion: v1, kind: $resource, name: $local}}]},
	status: {seedName: $seed, lastOperation: {type: $operationType, state: Processing}}}
ShootState p s,t {spec: {}}
SecretBinding p x,u {secretRef: {namespace: p, name: $local}}
CredentialsBinding p x {credentialsRef: {apiVersion: v1, kind: Secret, namespace: $namespace, name: $local}}
CredentialsBinding p u {credentialsRef: {apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity,
	namespace: p, name: $local}}
BackupBucket - uid-Seed--parent,uid-Seed--lonely,uid-Seed--child {spec: {provider: {type: p, region: r},
	seedName: $lastOfName, credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: backup-$lastOfName}},
	status: {generatedSecretRef: {namespace: garden, name: generated-bucket-$name}}}
BackupEntry p s,t {metadata: {ownerReferences: [{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, name: $name,
	uid: uid-Shoot-p-$name}]}, spec: {bucketName: uid-Seed--$seed, seedName: $seed}, status: {seedName: $seed}}
Bastion p x {spec: {seedName: $seed}}
ControllerRegistration - x,u {}
ControllerDeployment - x,u {helm: {ociRepository: {ref: r, pullSecretRef: {name: $pull}}},
	resources: [{name: r, resourceRef: {apiVersion: v1, kind: Secret, name: $local}}]}
ControllerInstallation - parent,lonely,child {spec: {registrationRef: {name: $local}, deploymentRef: {name: $local},
	seedRef: {name: $name}}}
Gardenlet garden parent,lonely {metadata: {annotations: {gardener.cloud/operation: $operation}},
	spec: {deployment: {helm: {ociRepository: {ref: r, pullSecretRef: {name: $pull}}}},
	config: {apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration,
	seedConfig: {spec: {backup: {provider: p, credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden,
	name: backup-$name}}}}}}}
ManagedSeed garden child {metadata: {annotations: {gardener.cloud/operation: $operation}, deletionTimestamp: $deleted},
	spec: {shoot: {name: child}, gardenlet: {bootstrap: $bootstrap,
	config: {apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration,
	seedConfig: {spec: {backup: {provider: p, credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden,
	name: backup-child}}, resources: [{name: r, resourceRef: {apiVersion: v1, kind: Secret, name: $local}}]}}}}}}
ServiceAccount garden gardenlet-bootstrap-child {secrets: [{name: pull}]}
ServiceAccount p x,gardenlet-bootstrap-x {}
ServiceAccount seed-parent,seed-lonely,seed-child extension-x {}
ClusterRoleBinding - gardener.cloud:system:seed-bootstrapper:garden:gardenlet-bootstrap-child {roleRef: {
	apiGroup: rbac.authorization.k8s.io, kind: ClusterRole,
	name: gardener.cloud:system:seed-bootstrapper},
		subjects: [{kind: ServiceAccount, namespace: garden, name: gardenlet-bootstrap-child}]}
CertificateSigningRequest - parent,lonely,child {spec: {request: $csr, signerName: kubernetes.io/kube-apiserver-client,
	usages: [key encipherment, digital signature, client auth]}}
Lease garden gardenlet-leader-election {}
Lease gardener-system-seed-lease parent,lonely,child {}
`

var word = regexp.MustCompile(`\$[a-zA-Z]+`)

// choices are those that a word in a manifest leaves.
var choices = map[string][]string{
	"$seed":          seeds,
	"$local":         {"x", "u"},
	"$pull":          {"pull", "x"},
	"$shared":        {"default-domain-1", "z"},
	"$resource":      {"Secret", "ConfigMap"},
	"$namespace":     {"p", "garden"},
	"$issuer":        {"managed", "other"},
	"$operationType": {"Restore", "Reconcile"},
	"$operation":     {"renew-kubeconfig", "none", "none"},
	"$bootstrap":     {"BootstrapToken", "ServiceAccount", "None"},
	"$deleted":       {stamp(-time.Hour), "null", "null"},
	"$time":          {stamp(-time.Hour), stamp(24 * time.Hour), stamp(24 * time.Hour), "null"},
}

// choose returns what a word in a manifest stands for.
func choose(random *rand.Rand, word, name string) string {
	if options := choices[word]; options != nil {
		return options[random.IntN(len(options))]
	}
	switch word {
	case "$name":
		return name
	case "$lastOfName":
		return name[strings.LastIndexByte(name, '-')+1:]
	case "$tokenChild":
		return naming.BootstrapTokenSecret(naming.NamespaceGarden, "child")
	case "$tokenLonely":
		return naming.BootstrapTokenSecret(naming.NamespaceGarden, "lonely")
	case "$toAnybody":
		return base64Of("The default bootstrap token.")
	case "$toChild":
		return base64Of(tokenDescription("ManagedSeed", "child"))
	case "$toLonely":
		return base64Of(tokenDescription("Gardenlet", "lonely"))
	case "$csr":
		return certificateRequest(asGardenlet, name)
	default:
		panic("a manifest has the unknown word " + word)
	}
}

func stamp(ahead time.Duration) string { return Now.Add(ahead).Format(time.RFC3339) }

// tokenDescription is that of a bootstrap token for a ManagedSeed or Gardenlet.
func tokenDescription(kind, name string) string {
	return "A bootstrap token for the Gardenlet for seedmanagement.gardener.cloud/v1alpha1." + kind + " resource garden/" +
		name + "."
}

// uidOf is the UID of an object of the landscape.
func uidOf(v graph.Vertex) string { return fmt.Sprintf("uid-%s-%s-%s", v.Kind, v.Namespace, v.Name) }

// landscape makes a random world. All objects are there, but for a few.
func landscape(random *rand.Rand) *world {
	w := newWorld()
	w.hidesTokens = random.IntN(4) == 0
	for line := range strings.Lines(strings.ReplaceAll(strings.TrimSpace(manifests), "\n\t", " ")) {
		kindName, rest, _ := strings.Cut(line, " ")
		namespaces, rest, _ := strings.Cut(rest, " ")
		names, body, _ := strings.Cut(rest, " ")
		kind, ok := graph.ParseKind(kindName)
		if !ok {
			panic("a manifest has the unknown kind " + kindName)
		}
		for namespace := range strings.SplitSeq(namespaces, ",") {
			for name := range strings.SplitSeq(names, ",") {
				name = word.ReplaceAllStringFunc(name, func(word string) string { return choose(random, word, "") })
				v := graph.Vertex{Kind: kind, Namespace: strings.TrimPrefix(namespace, "-"), Name: name}
				missing := 8
				if kind == graph.KindServiceAccount { // clients make those of bootstrappers, and few delete them
					missing = 2
				}
				if random.IntN(missing) > 0 {
					w.put(initial(random, v, body))
				}
			}
		}
	}
	w.collect()
	return w
}

func initial(random *rand.Rand, v graph.Vertex, body string) *object {
	body = word.ReplaceAllStringFunc(body, func(word string) string { return choose(random, word, v.Name) })
	content := map[string]any{}
	if err := yaml.Unmarshal([]byte(body), &content); err != nil {
		panic(fmt.Sprintf("%s: %v", v, err))
	}
	content = header(v, content)
	metaOf(content)["uid"] = uidOf(v)
	o, err := newObject(v, content)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", v, err))
	}
	return o
}

func apiVersion(v graph.Vertex) string { return v.Kind.Resource().GroupVersion().String() }

// header gives the content the name and kind of the object.
func header(v graph.Vertex, content map[string]any) map[string]any {
	content["apiVersion"], content["kind"] = apiVersion(v), v.Kind.String()
	meta := map[string]any{}
	maps.Copy(meta, metaOf(content))
	meta["name"] = v.Name
	delete(meta, "namespace")
	if v.Namespace != "" {
		meta["namespace"] = v.Namespace
	}
	content["metadata"] = meta
	return content
}

func fromYAML(text string) map[string]any {
	content := map[string]any{}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "\t", " ")), &content); err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	return content
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
