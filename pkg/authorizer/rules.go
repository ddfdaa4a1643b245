package authorizer

import (
	"slices"

	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// table is the policy. Rows of one resource for different clients stand beside each other.
var table = []Rule{
	{Target: of(graph.KindBackupBucket), Clients: both,
		Always:   []Grant{admitted(Create), unguarded(Get|List|Watch, restoredFrom)},
		ViaGraph: Update | Patch | Delete, Subresources: []string{"finalizers", "status"}},
	{Target: of(graph.KindBackupEntry), Clients: both,
		Always:   []Grant{admitted(Create), unguarded(Get|List|Watch, restoredFrom)},
		ViaGraph: Update | Patch | Delete, Subresources: []string{"status"}},
	{Target: of(graph.KindBastion), Clients: both,
		Always: []Grant{admitted(Create)}, ViaGraph: read | Update | Patch, Subresources: []string{"status"},
		Selector: seedField("spec.seedName")},
	{Target: of(graph.KindCertificateSigningRequest), Clients: gardenlet,
		Always: []Grant{admitted(Create)}, ViaGraph: read, Subresources: []string{"seedclient"}},
	{Target: of(graph.KindCertificateSigningRequest), Clients: extension,
		ViaGraph: read},
	{Target: of(graph.KindCloudProfile), Clients: both, ViaGraph: read},
	{Target: of(graph.KindClusterRoleBinding), Clients: gardenlet,
		Always: []Grant{admitted(Create)}, ViaGraph: Get | Patch | Update,
		Exceptions: []Exception{
			{Verbs: Delete, Name: Pattern{naming.BootstrapClusterRoleBinding(naming.NamespaceGarden, ""), SeedName},
				Why: ownBootstrap}}},
	{Target: of(graph.KindClusterRoleBinding), Clients: extension, ViaGraph: Get},
	{Target: of(graph.KindConfigMap), Clients: both,
		Always: []Grant{admitted(Create)}, ViaGraph: read | Patch | Update | Delete,
		Exceptions: []Exception{
			{Verbs: Get, Namespace: exactly(naming.NamespaceSystemPublic), Name: exactly(constants.ConfigMapNameGardenerInfo),
				Why: "it is there for everybody to read"},
			{Verbs: Get, Namespace: exactly(naming.NamespaceSystemPublic), Name: exactly(naming.RootCAConfigMap),
				Why: "it is there for everybody to read, and a gardenlet does not start without it"}}},
	{Target: of(graph.KindControllerDeployment), Clients: both, ViaGraph: read},
	{Target: of(graph.KindControllerInstallation), Clients: both,
		ViaGraph: read | Update | Patch, Subresources: []string{"status"},
		Selector: seedField("spec.seedRef.name")},
	{Target: of(graph.KindControllerRegistration), Clients: both,
		Always: []Grant{unguarded(read, "they hold no credentials, and every Seed must know which extensions there are")}},
	{Target: of(graph.KindCredentialsBinding), Clients: both, ViaGraph: read},
	{Target: eventsIn(corev1.SchemeGroupVersion), Clients: both, Always: []Grant{unguarded(Create|Patch, reported)}},
	{Target: eventsIn(eventsv1.SchemeGroupVersion), Clients: both, Always: []Grant{unguarded(Create|Patch, reported)}},
	{Target: of(graph.KindExposureClass), Clients: both, ViaGraph: read},
	{Target: of(graph.KindGardenlet), Clients: both,
		Always: []Grant{admitted(Create)}, ViaGraph: read | Update | Patch, Subresources: []string{"status"},
		Selector: seedField(metadataName), Namespaces: []Pattern{exactly(naming.NamespaceGarden)}},
	{Target: of(graph.KindInternalSecret), Clients: both,
		Always: []Grant{admitted(Create)}, ViaGraph: read | Update | Patch | Delete},
	{Target: of(graph.KindLease), Clients: gardenlet,
		Always: []Grant{admitted(Create)}, ViaGraph: read | Update | Patch},
	{Target: of(graph.KindLease), Clients: extension,
		Always:     []Grant{admitted(Create), unguarded(read|Update|Patch|Delete|DeleteCollection, ownNamespace)},
		Namespaces: []Pattern{seedNamespace}},
	{Target: of(graph.KindManagedSeed), Clients: both,
		ViaGraph: read | Update | Patch, Subresources: []string{"status"}, Selector: seedLabel,
		NotOwn: []string{"", "status"}},
	{Target: of(graph.KindNamespacedCloudProfile), Clients: both, ViaGraph: read},
	{Target: of(graph.KindNamespace), Clients: both, ViaGraph: read},
	{Target: of(graph.KindProject), Clients: both, ViaGraph: read},
	{Target: of(graph.KindSecretBinding), Clients: both, ViaGraph: read},
	{Target: of(graph.KindSecret), Clients: both,
		Always: []Grant{admitted(Create)}, ViaGraph: Get | Patch | Update | Delete,
		Exceptions: []Exception{
			{Verbs: read, Namespace: seedNamespace, Name: anyName, Why: ownNamespace},
			{Verbs: Delete, Namespace: exactly(naming.NamespaceKubeSystem),
				Name: Pattern{naming.BootstrapTokenSecretPrefix, BootstrapTokenID},
				Why:  ownBootstrap}}},
	{Target: of(graph.KindSeed), Clients: both,
		Always: []Grant{admitted(Create)}, ViaGraph: read | Update | Patch | Delete, Subresources: []string{"status"},
		Selector: seedLabel, OnlyOwn: []string{"status"}},
	{Target: of(graph.KindServiceAccount), Clients: gardenlet,
		Always: []Grant{admitted(Create)}, ViaGraph: Get | Patch | Update,
		Exceptions: []Exception{
			{Verbs: AnyVerb, AllSubresources: true, Namespace: seedNamespace, Name: anyName,
				Why: "the gardenlet gives the extensions on its Seed their access to the garden"},
			{Verbs: Delete, Namespace: exactly(naming.NamespaceGarden),
				Name: Pattern{naming.BootstrapServiceAccountPrefix, SeedName},
				Why:  ownBootstrap}}},
	{Target: of(graph.KindServiceAccount), Clients: extension, ViaGraph: Get},
	{Target: of(graph.KindShoot), Clients: both,
		ViaGraph: read | Update | Patch, Subresources: []string{"finalizers", "status"}, Selector: seedLabel,
		Levels: access.Subresources,
		Exceptions: []Exception{
			{Verbs: Get, Namespace: exactly(naming.NamespaceGarden), Name: Pattern{"", SeedName},
				Why: "the Seed may itself be this Shoot"}}},
	{Target: of(graph.KindShootState), Clients: both,
		Always: []Grant{admitted(Create)}, ViaGraph: read | Update | Patch | Delete},
	{Target: of(graph.KindWorkloadIdentity), Clients: both,
		ViaGraph: read | Create | Patch, Subresources: []string{"token"}},
}

// Why rules allow what they allow, where several say the same.
const (
	restoredFrom = "they hold no credentials, and a Shoot that moves is restored from those of another Seed"
	ownNamespace = "the namespace is the Seed's own"
	ownBootstrap = "it was made for the bootstrap of the client's own Seed"
	reported     = "an Event tells what happened, and changes nothing"
)

const read = Get | List | Watch

// noKind is the kind of objects that the graph does not have.
const noKind graph.Kind = 0

var (
	gardenlet = []identity.ClientKind{identity.Gardenlet}
	extension = []identity.ClientKind{identity.Extension}
	both      = []identity.ClientKind{identity.Gardenlet, identity.Extension}
)

var (
	seedNamespace = Pattern{naming.SeedNamespacePrefix, SeedName}
	anyName       = Pattern{"", Anything}
	seedLabel     = Selector{Label: Pattern{constants.LabelPrefixSeedName, SeedName}, Value: exactly("true")}
)

func exactly(s string) Pattern { return Pattern{s, Nothing} }

// seedField is a selector on a field that holds the name of the client's Seed.
func seedField(path string) Selector { return Selector{Field: path, Value: Pattern{"", SeedName}} }

// admitted grants verbs that a rule of the SeedRestriction guards.
func admitted(verbs Verbs) Grant { return Grant{Verbs: verbs} }

// unguarded grants verbs that need no guard.
func unguarded(verbs Verbs, why string) Grant { return Grant{verbs, why} }

// Rules returns the table.
func Rules() []Rule { return slices.Clone(table) }
