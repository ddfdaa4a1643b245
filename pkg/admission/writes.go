package admission

import (
	"slices"

	"k8s.io/apiserver/pkg/admission"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

// Write is a row of the table of what writes may bring about. The rows of the decision table (Rule) say which objects
// a client may write; these say that a write must not widen what the client reaches.
type Write struct {
	Target
	Operation admission.Operation `json:"operation"`
	// Clients are the kinds of seed clients that may make the write. Others are denied.
	Clients []identity.ClientKind `json:"clients"`
	// LooksUp are the kinds of the objects, beside the request's own, that the guard and the grants look up.
	LooksUp []graph.Kind `json:"-"`
	// Grants holds, for each field by which the write can add a reference, who grants that. A new reference by any other
	// field is denied.
	Grants map[string]Grant `json:"-"`
	// Allowed completes the sentence "allowed when …", of which "it" is the object.
	Allowed string `json:"allowedWhen,omitempty"`
	// MetadataAlone: the row guards owner references and the confirmation of deletion alone. So that frequent writes cost
	// nothing, the API server asks only when one of them changes.
	MetadataAlone bool `json:"metadataAlone,omitempty"`

	// guard decides on everything but new references. The zero check: nothing does.
	guard check
}

// Target is a resource or one of its subresources.
type Target struct {
	Kind        graph.Kind `json:"-"`
	Subresource string     `json:"subresource,omitempty"`
}

func of(kind graph.Kind) Target                      { return Target{Kind: kind} }
func sub(kind graph.Kind, subresource string) Target { return Target{kind, subresource} }

// status is the subresource of that name.
const status = "status"

// writes is the table of what writes may bring about.
var writes = []Write{
	{Target: of(graph.KindBackupBucket), Operation: create, Clients: both, guard: byObject(guardNewBucket),
		LooksUp: kinds(graph.KindSeed),
		Grants:  grants{"spec.credentialsRef": checked, "spec.seedName": checked, "spec.shootRef": checked},
		Allowed: "it bears the UID of the client's Seed, and its provider and credentials are those of the Seed's backup"},
	{Target: of(graph.KindBackupBucket), Operation: update, Clients: both, guard: byObject(guardBucket),
		LooksUp: kinds(graph.KindSeed),
		Grants:  grants{"spec.credentialsRef": checked, "spec.seedName": checked, "spec.shootRef": checked},
		Allowed: "it is the client's, and its provider and credentials stay or become those of the Seed's backup"},
	{Target: sub(graph.KindBackupBucket, status), Operation: update, Clients: both,
		guard: byObject(guardBucket), LooksUp: kinds(graph.KindSeed),
		Grants:  grants{"status.generatedSecretRef": ownGeneratedSecret},
		Allowed: "status.generatedSecretRef stays, goes, or is garden/generated-bucket-<name>"},

	{Target: of(graph.KindBackupEntry), Operation: create, Clients: both, guard: byObject(guardNewBackupEntry),
		LooksUp: kinds(graph.KindShoot, graph.KindBackupEntry, graph.KindBackupBucket),
		Grants:  grants{"spec.bucketName": checked, "spec.seedName": checked, "metadata.ownerReferences": checked},
		Allowed: "its owner is a Shoot on the client's Seed, by its UID; source-<BackupEntry> has the owner of that " +
			"BackupEntry"},
	{Target: of(graph.KindBackupEntry), Operation: update, Clients: both, guard: byObject(guardBackupEntry),
		LooksUp: kinds(graph.KindSeed, graph.KindShoot),
		Grants:  grants{"spec.bucketName": checked, "spec.seedName": checked, "metadata.ownerReferences": checked},
		Allowed: "spec.bucketName stays, or becomes the bucket of the client's Seed while no other Seed holds the entry; " +
			"spec.seedName stays, or becomes that of the Shoot that owns it"},
	// Through the status subresource, gardener-apiserver takes changes of metadata too.
	{Target: sub(graph.KindBackupEntry, status), Operation: update, Clients: both,
		guard:   byObject(guardOwners),
		Grants:  grants{"status.seedName": free("the BackupEntry is the client's, and stays with the Seed of its spec")},
		Allowed: "its owner references stay"},
	{Target: of(graph.KindBastion), Operation: create, Clients: both,
		Grants:  grants{"spec.seedName": checked},
		Allowed: "spec.seedName is the client's Seed"},
	{Target: of(graph.KindBastion), Operation: update, MetadataAlone: true, Clients: both,
		guard: byObject(guardBastion), LooksUp: kinds(graph.KindShoot),
		Grants: grants{
			"spec.seedName": free("gardener-apiserver sets it to the Seed of the Shoot on every write"),
		},
		Allowed: "its owner references stay, but for that to its Shoot"},
	{Target: sub(graph.KindBastion, status), Operation: update, MetadataAlone: true, Clients: both,
		guard: byObject(guardBastion), LooksUp: kinds(graph.KindShoot),
		Allowed: "its owner references stay, but for that to its Shoot"},

	{Target: of(graph.KindSeed), Operation: create, Clients: both,
		LooksUp: kinds(graph.KindManagedSeed, graph.KindGardenlet, graph.KindBackupBucket),
		Grants: grants{
			"metadata.name": checked, "spec.backup.credentialsRef": firstSeedReference,
			"spec.dns.provider.credentialsRef": firstDNSReference,
			"spec.dns.internal.credentialsRef": firstDNSReference, "spec.dns.defaults[].credentialsRef": firstDNSReference,
			"spec.resources[].resourceRef": firstSeedReference,
		},
		Allowed: "its references are in the seed template of its ManagedSeed or, without one, of its Gardenlet, shared DNS " +
			"Secrets, granted by the configuration, or, with neither, in namespace garden and nobody else's"},
	{Target: of(graph.KindSeed), Operation: update, Clients: both, guard: byObject(guardOwners),
		LooksUp: kinds(graph.KindManagedSeed, graph.KindGardenlet),
		Grants: grants{
			"metadata.name": checked, "spec.backup.credentialsRef": seedReference,
			"spec.dns.provider.credentialsRef": dnsReference,
			"spec.dns.internal.credentialsRef": dnsReference, "spec.dns.defaults[].credentialsRef": dnsReference,
			"spec.resources[].resourceRef": seedReference,
		},
		Allowed: "its references stay, are in the seed template of its ManagedSeed or, without one, of its Gardenlet, " +
			"shared DNS Secrets, or granted by the configuration"},
	{Target: sub(graph.KindSeed, status), Operation: update, MetadataAlone: true, Clients: both,
		guard:   byObject(guardOwners),
		Allowed: "its owner references stay"},
	{Target: of(graph.KindSeed), Operation: remove, Clients: both, guard: byName(guardChildSeed),
		Allowed: "it is not the client's own Seed"},

	{Target: of(graph.KindGardenlet), Operation: create, Clients: gardenlet, guard: byObject(guardNewGardenlet),
		LooksUp: kinds(graph.KindSeed, graph.KindManagedSeed, graph.KindGardenlet),
		Grants: grants{
			"metadata.name": checked, "spec.config.seedConfig.spec.backup.credentialsRef": checked,
			"spec.deployment.helm.ociRepository": pullSecret,
		},
		Allowed: "its Seed exists and has every reference of its seed template, and no ManagedSeed bears its name"},
	{Target: of(graph.KindGardenlet), Operation: update, Clients: both, guard: byObject(guardGardenlet),
		Grants: grants{
			"metadata.name": unchanging, "spec.config.seedConfig.spec.backup.credentialsRef": checked,
			"spec.deployment.helm.ociRepository": checked,
		},
		Allowed: "its spec stays, and the annotation gardener.cloud/operation stays or goes"},
	{Target: sub(graph.KindGardenlet, status), Operation: update, Clients: both,
		guard:   byObject(guardGardenlet),
		Allowed: "its spec stays, and the annotation gardener.cloud/operation stays or goes"},

	{Target: of(graph.KindManagedSeed), Operation: update, Clients: both, guard: byObject(guardManagedSeed),
		LooksUp: kinds(graph.KindShoot),
		Grants: grants{
			"metadata.name": unchanging, "spec.shoot.name": checked, "spec.gardenlet.bootstrap": checked,
			"spec.gardenlet.config.seedConfig.spec.backup.credentialsRef":   checked,
			"spec.gardenlet.config.seedConfig.spec.resources[].resourceRef": checked,
		},
		Allowed: "spec.seedName of its Shoot is the client's Seed, its spec stays but for empty fields of the seed " +
			"template that are filled, and the annotation gardener.cloud/operation stays or goes"},
	{Target: sub(graph.KindManagedSeed, status), Operation: update, Clients: both,
		guard: byObject(guardManagedSeed), LooksUp: kinds(graph.KindShoot),
		Allowed: "spec.seedName of its Shoot is the client's Seed, and the annotation gardener.cloud/operation stays " +
			"or goes"},

	{Target: of(graph.KindControllerInstallation), Operation: update, Clients: both,
		guard: byObject(guardControllerInstallation),
		Grants: grants{
			"spec.registrationRef": checked, "spec.deploymentRef": checked, "spec.seedRef": checked, "spec.shootRef": checked,
		},
		Allowed: "its spec stays"},
	{Target: sub(graph.KindControllerInstallation, status), Operation: update, Clients: both,
		guard:   byObject(guardControllerInstallation),
		Allowed: "its spec stays"},

	{Target: of(graph.KindShoot), Operation: update, Clients: both, guard: byObject(guardShoot),
		Grants: grants{
			"spec.seedName": never, "metadata.namespace": unchanging, "spec.secretBindingName": never,
			"spec.credentialsBindingName": never, "spec.cloudProfile": never, "spec.exposureClassName": never,
			"spec.kubernetes.kubeAPIServer.auditConfig.auditPolicy.configMapRef":             never,
			"spec.kubernetes.kubeAPIServer.structuredAuthentication.configMapName":           never,
			"spec.kubernetes.kubeAPIServer.structuredAuthorization.configMapName":            never,
			"spec.kubernetes.kubeAPIServer.structuredAuthorization.kubeconfigs[].secretName": never,
			"spec.dns.providers[].credentialsRef":                                            providerSecret,
			"spec.resources[].resourceRef":                                                   never,
			"metadata.annotations[authentication.gardener.cloud/issuer]":                     ownIssuer,
		},
		Allowed: "it refers to nothing new, and its deletion is not confirmed"},

	{Target: sub(graph.KindShoot, status), Operation: update, MetadataAlone: true, Clients: both,
		guard: byObject(guardShoot),
		Grants: grants{
			"status.seedName": free("the Shoot stays with the Seed of its spec whatever its status says"),
			"metadata.annotations[authentication.gardener.cloud/issuer]": ownIssuer,
		},
		Allowed: "its owner references stay, and its deletion is not confirmed"},

	{Target: of(graph.KindServiceAccount), Operation: create, Clients: gardenlet,
		guard: byObject(guardServiceAccount), Grants: grants{"secrets[]": checked},
		Allowed: "it has no secrets and imagePullSecrets outside seed-<seed>"},
	{Target: of(graph.KindServiceAccount), Operation: update, Clients: gardenlet,
		guard: byObject(guardServiceAccount), Grants: grants{"secrets[]": checked},
		Allowed: "no secrets and imagePullSecrets are added to it outside seed-<seed>"},
	{Target: of(graph.KindClusterRoleBinding), Operation: update, Clients: gardenlet,
		guard:   byObject(guardBootstrapBinding),
		LooksUp: kinds(graph.KindManagedSeed, graph.KindShoot, graph.KindSeed),
		Allowed: "it is what the client may create"},
	{Target: of(graph.KindCertificateSigningRequest), Operation: create, Clients: gardenlet,
		guard: byObject(guardSigner), Grants: grants{"spec.request": checked},
		Allowed: "its signer is kubernetes.io/kube-apiserver-client"},

	{Target: of(graph.KindSecret), Operation: create, Clients: both, guard: byObject(guardNewSecret),
		LooksUp: contentKinds,
		Allowed: "its name, labels and contents are those that Gardener gives it"},
	{Target: of(graph.KindSecret), Operation: update, Clients: both, guard: byObject(guardSecret), LooksUp: contentKinds,
		Allowed: "its contents are the client's to write, or metadata.finalizers alone change; a related ManagedSeed's " +
			"backup Secret may also lose its owner reference to it and the label secret.backup.gardener.cloud/status"},
	{Target: of(graph.KindSecret), Operation: remove, Clients: both, guard: byObject(guardDeletedSecret),
		LooksUp: contentKinds,
		Allowed: "its contents are the client's to write, it is of the client's own bootstrap, or a backup Secret that its " +
			"ManagedSeed controls"},
	{Target: of(graph.KindConfigMap), Operation: create, Clients: both, guard: byObject(guardNewResource),
		LooksUp: kinds(graph.KindShoot), Allowed: "its labels are those that Gardener gives it"},
	{Target: of(graph.KindConfigMap), Operation: update, Clients: both, guard: byObject(guardResource),
		LooksUp: kinds(graph.KindShoot),
		Allowed: "it is a project ConfigMap of a Shoot on the client's Seed, or metadata.finalizers alone change"},
	{Target: of(graph.KindConfigMap), Operation: remove, Clients: both, guard: byName(guardDeletedResource),
		LooksUp: kinds(graph.KindShoot), Allowed: "it is a project ConfigMap of a Shoot on the client's Seed"},
	{Target: of(graph.KindInternalSecret), Operation: create, Clients: both, guard: byObject(guardNewResource),
		LooksUp: kinds(graph.KindShoot), Allowed: "its labels are those that Gardener gives it"},
	{Target: of(graph.KindInternalSecret), Operation: update, Clients: both, guard: byObject(guardResource),
		LooksUp: kinds(graph.KindShoot),
		Allowed: "it is the project InternalSecret of a Shoot on the client's Seed, or metadata.finalizers alone change"},
	{Target: of(graph.KindInternalSecret), Operation: remove, Clients: both, guard: byName(guardDeletedResource),
		LooksUp: kinds(graph.KindShoot), Allowed: "it is the project InternalSecret of a Shoot on the client's Seed"},
	// Server-side apply can create, and the authorizer lets create through for the token.
	{Target: of(graph.KindWorkloadIdentity), Operation: create, Clients: nobody, Allowed: "somebody else creates it"},
	{Target: sub(graph.KindWorkloadIdentity, "token"), Operation: create, Clients: both,
		guard: byObject(guardTokenContext), LooksUp: contextKinds,
		Allowed: "the object that the token is for is related to the client's Seed"},
	{Target: of(graph.KindWorkloadIdentity), Operation: update, Clients: both, guard: byObject(guardFinalizers),
		Allowed: "metadata.finalizers alone change"},
	{Target: of(graph.KindLease), Operation: create, Clients: both, guard: byName(guardLease),
		Allowed: "gardenlet-leader-election is in namespace garden"},
}

// Writes returns the table of what writes may bring about. The registration of the webhook follows from it, together
// with the decision table.
func Writes() []Write { return slices.Clone(writes) }
