package garden

import (
	"fmt"
	"slices"
	"strings"

	gardenletconfigv1alpha1 "github.com/gardener/gardener/pkg/apis/config/gardenlet/v1alpha1"
	gardencorev1 "github.com/gardener/gardener/pkg/apis/core/v1"
	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	operationsv1alpha1 "github.com/gardener/gardener/pkg/apis/operations/v1alpha1"
	securityv1alpha1 "github.com/gardener/gardener/pkg/apis/security/v1alpha1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file is all edges on one page: for each watched kind, the fields by which an object owns edges, and what each
// field refers to. docs/rules.md shows it as a table. The edges of a Shoot's project resources and ShootState are not
// listed, since the graph implies them by name; those that need a second object or the clock are in derived.go.

// table lists all watched kinds. A new one is a row here, its fields below, and its row in the graph's kind table.
var table = []watched{
	row(graph.KindBackupBucket, backupBucketFields, nil),
	row(graph.KindBackupEntry, backupEntryFields, backupEntryFacts),
	row(graph.KindBastion, bastionFields, nil),
	row(graph.KindCertificateSigningRequest, certificateSigningRequestFields, nil),
	row(graph.KindControllerDeployment, controllerDeploymentFields, nil),
	row(graph.KindControllerInstallation, controllerInstallationFields, nil),
	row(graph.KindCredentialsBinding, credentialsBindingFields, nil),
	rowAs(graph.KindGardenlet, gardenletWithTemplate, gardenletFields, gardenletFacts).
		derived(bootstrap, gardenletBootstrapField),
	rowAs(graph.KindManagedSeed, managedSeedWithTemplate, managedSeedFields, managedSeedFacts).
		derived(bootstrap, managedSeedBootstrapField),
	row(graph.KindProject, projectFields, nil).
		dependedOnBy(shootsOfProject),
	row(graph.KindSecretBinding, secretBindingFields, nil),
	row(graph.KindSeed, seedFields, seedFacts).
		dependedOnBy(bootstrappedAs),
	row(graph.KindServiceAccount, serviceAccountFields, nil),
	row(graph.KindShoot, shootFields, shootFacts).
		derived(shootIssuerSecrets, shootIssuerField),
}

// The API types, by names short enough for one row a field.
type (
	apiSeed               = gardencorev1beta1.Seed
	apiShoot              = gardencorev1beta1.Shoot
	apiBackupBucket       = gardencorev1beta1.BackupBucket
	apiBackupEntry        = gardencorev1beta1.BackupEntry
	apiBastion            = operationsv1alpha1.Bastion
	apiRequest            = certificatesv1.CertificateSigningRequest
	apiDeployment         = gardencorev1.ControllerDeployment
	apiInstallation       = gardencorev1beta1.ControllerInstallation
	apiCredentialsBinding = securityv1alpha1.CredentialsBinding
	apiSecretBinding      = gardencorev1beta1.SecretBinding
	apiProject            = gardencorev1beta1.Project
	apiServiceAccount     = corev1.ServiceAccount
	apiGardenlet          = seedmanagementv1alpha1.Gardenlet
	apiManagedSeed        = seedmanagementv1alpha1.ManagedSeed
)

// What references may lead to: those to credentials, of a CredentialsBinding, and entries of a resources list, of a
// ControllerDeployment.
var (
	secretKinds     = kinds(graph.KindSecret, graph.KindWorkloadIdentity)
	bindingKinds    = kinds(graph.KindSecret, graph.KindWorkloadIdentity, graph.KindInternalSecret)
	resourceKinds   = kinds(graph.KindSecret, graph.KindConfigMap, graph.KindWorkloadIdentity)
	deploymentKinds = kinds(graph.KindSecret, graph.KindConfigMap)
)

var seedFields = []field[*apiSeed]{
	into("metadata.name", kinds(graph.KindNamespace, graph.KindConfigMap, graph.KindLease),
		"seed-<name>, kube-system/cluster-identity, gardener-system-seed-lease/<name>",
		func(o *apiSeed, to refer) {
			to(vertex(graph.KindNamespace, "", naming.SeedNamespace(o.Name)))
			to(vertex(graph.KindConfigMap, naming.NamespaceKubeSystem, constants.ClusterIdentity))
			to(vertex(graph.KindLease, gardencorev1beta1.GardenerSeedLeaseNamespace, o.Name))
		}),
	into("spec.backup.credentialsRef", secretKinds, "",
		func(o *apiSeed, to refer) { to(Credentials(orEmpty(o.Spec.Backup).CredentialsRef)) }),
	into("spec.dns.provider.credentialsRef", secretKinds, "",
		func(o *apiSeed, to refer) { to(Credentials(orEmpty(o.Spec.DNS.Provider).CredentialsRef)) }),
	into("spec.dns.internal.credentialsRef", secretKinds, "",
		func(o *apiSeed, to refer) { to(Credentials(&orEmpty(o.Spec.DNS.Internal).CredentialsRef)) }),
	into("spec.dns.defaults[].credentialsRef", secretKinds, "", func(o *apiSeed, to refer) {
		for i := range o.Spec.DNS.Defaults {
			to(Credentials(&o.Spec.DNS.Defaults[i].CredentialsRef))
		}
	}),
	into("spec.resources[].resourceRef", resourceKinds, "in namespace garden", func(o *apiSeed, to refer) {
		for _, r := range o.Spec.Resources {
			to(resource(r.ResourceRef, naming.NamespaceGarden, resourceKinds))
		}
	}),
}

func seedFacts(o *apiSeed) any {
	backup, operation := orEmpty(o.Spec.Backup), o.Annotations[constants.GardenerOperation]
	return SeedFacts{
		ClientCertificateExpiration: orEmpty(o.Status.ClientCertificateExpirationTimestamp).Time,
		RenewKubeconfig:             operation == constants.GardenerOperationRenewKubeconfig,
		BackupProvider:              backup.Provider,
		BackupCredentials:           Credentials(backup.CredentialsRef),
		References:                  seedReferences(o),
	}
}

var shootFields = []field[*apiShoot]{
	onward("spec.seedName", kinds(graph.KindSeed), "",
		func(o *apiShoot, to refer) { to(optional(graph.KindSeed, "", o.Spec.SeedName)) }),
	onward("status.seedName", kinds(graph.KindSeed), "",
		func(o *apiShoot, to refer) { to(statusSeed(o.Spec.SeedName, o.Status.SeedName)) }),
	into("metadata.namespace", kinds(graph.KindNamespace), "",
		func(o *apiShoot, to refer) { to(vertex(graph.KindNamespace, "", o.Namespace)) }),
	into("spec.secretBindingName", kinds(graph.KindSecretBinding), "",
		func(o *apiShoot, to refer) {
			to(optional(graph.KindSecretBinding, o.Namespace, o.Spec.SecretBindingName))
		}),
	into("spec.credentialsBindingName", kinds(graph.KindCredentialsBinding), "",
		func(o *apiShoot, to refer) {
			to(optional(graph.KindCredentialsBinding, o.Namespace, o.Spec.CredentialsBindingName))
		}),
	into("spec.cloudProfile", kinds(graph.KindCloudProfile, graph.KindNamespacedCloudProfile),
		"an empty kind means CloudProfile; without it, spec.cloudProfileName",
		func(o *apiShoot, to refer) { to(cloudProfile(o)) }),
	into("spec.exposureClassName", kinds(graph.KindExposureClass), "",
		func(o *apiShoot, to refer) { to(optional(graph.KindExposureClass, "", o.Spec.ExposureClassName)) }),
	into("spec.kubernetes.kubeAPIServer.auditConfig.auditPolicy.configMapRef", kinds(graph.KindConfigMap), "",
		func(o *apiShoot, to refer) {
			policy := orEmpty(orEmpty(apiServer(o).AuditConfig).AuditPolicy)
			to(object(policy.ConfigMapRef, graph.KindConfigMap, o.Namespace))
		}),
	into("spec.kubernetes.kubeAPIServer.structuredAuthentication.configMapName", kinds(graph.KindConfigMap), "",
		func(o *apiShoot, to refer) {
			to(vertex(graph.KindConfigMap, o.Namespace, orEmpty(apiServer(o).StructuredAuthentication).ConfigMapName))
		}),
	into("spec.kubernetes.kubeAPIServer.structuredAuthorization.configMapName", kinds(graph.KindConfigMap), "",
		func(o *apiShoot, to refer) {
			to(vertex(graph.KindConfigMap, o.Namespace, orEmpty(apiServer(o).StructuredAuthorization).ConfigMapName))
		}),
	into("spec.kubernetes.kubeAPIServer.structuredAuthorization.kubeconfigs[].secretName", kinds(graph.KindSecret), "",
		func(o *apiShoot, to refer) {
			for _, kubeconfig := range orEmpty(apiServer(o).StructuredAuthorization).Kubeconfigs {
				to(vertex(graph.KindSecret, o.Namespace, kubeconfig.SecretName))
			}
		}),
	into("spec.dns.providers[].credentialsRef", secretKinds, "", func(o *apiShoot, to refer) {
		for _, provider := range orEmpty(o.Spec.DNS).Providers {
			to(resource(*orEmpty(provider.CredentialsRef), o.Namespace, secretKinds))
		}
	}),
	into("spec.resources[].resourceRef", resourceKinds, "", func(o *apiShoot, to refer) {
		for _, r := range o.Spec.Resources {
			to(resource(r.ResourceRef, o.Namespace, resourceKinds))
		}
	}),
}

func shootFacts(o *apiShoot) any {
	last := orEmpty(o.Status.LastOperation)
	return ShootFacts{
		SeedName:       shared(ptr.Deref(o.Spec.SeedName, "")),
		StatusSeedName: shared(ptr.Deref(o.Status.SeedName, "")),
		Restoring: last.Type == gardencorev1beta1.LastOperationTypeRestore &&
			last.State == gardencorev1beta1.LastOperationStateProcessing,
		ManagedIssuer: o.Annotations[constants.AnnotationAuthenticationIssuer] ==
			constants.AnnotationAuthenticationIssuerManaged,
	}
}

// apiServer returns the settings of a Shoot's kube-apiserver.
func apiServer(o *apiShoot) *gardencorev1beta1.KubeAPIServerConfig {
	return orEmpty(o.Spec.Kubernetes.KubeAPIServer)
}

func cloudProfile(o *apiShoot) graph.Vertex {
	ref := o.Spec.CloudProfile
	if ref == nil {
		return optional(graph.KindCloudProfile, "", o.Spec.CloudProfileName)
	}
	switch ref.Kind {
	case constants.CloudProfileReferenceKindCloudProfile, "":
		return vertex(graph.KindCloudProfile, "", ref.Name)
	case constants.CloudProfileReferenceKindNamespacedCloudProfile:
		return vertex(graph.KindNamespacedCloudProfile, o.Namespace, ref.Name)
	default:
		return none
	}
}

// statusSeed resolves the Seed of a status. But for a migration it is that of the spec, which has an edge already.
func statusSeed(spec, status *string) graph.Vertex {
	if ptr.Deref(spec, "") == ptr.Deref(status, "") {
		return none
	}
	return optional(graph.KindSeed, "", status)
}

var backupBucketFields = []field[*apiBackupBucket]{
	into("spec.credentialsRef", secretKinds, "",
		func(o *apiBackupBucket, to refer) { to(Credentials(o.Spec.CredentialsRef)) }),
	into("status.generatedSecretRef", kinds(graph.KindSecret), "",
		func(o *apiBackupBucket, to refer) { to(secret(orEmpty(o.Status.GeneratedSecretRef))) }),
	onward("spec.seedName", kinds(graph.KindSeed), "",
		func(o *apiBackupBucket, to refer) { to(optional(graph.KindSeed, "", o.Spec.SeedName)) }),
	onward("spec.shootRef", kinds(graph.KindShoot), "",
		func(o *apiBackupBucket, to refer) { to(shoot(o.Spec.ShootRef)) }),
}

var backupEntryFields = []field[*apiBackupEntry]{
	into("spec.bucketName", kinds(graph.KindBackupBucket), "",
		func(o *apiBackupEntry, to refer) { to(vertex(graph.KindBackupBucket, "", o.Spec.BucketName)) }),
	onward("spec.seedName", kinds(graph.KindSeed), "",
		func(o *apiBackupEntry, to refer) { to(optional(graph.KindSeed, "", o.Spec.SeedName)) }),
	onward("status.seedName", kinds(graph.KindSeed), "",
		func(o *apiBackupEntry, to refer) { to(statusSeed(o.Spec.SeedName, o.Status.SeedName)) }),
	onward("metadata.ownerReferences", kinds(graph.KindShoot), "the first one of kind Shoot",
		func(o *apiBackupEntry, to refer) {
			to(vertex(graph.KindShoot, o.Namespace, OwnerShoot(o.OwnerReferences)))
		}),
}

func backupEntryFacts(o *apiBackupEntry) any {
	spec := o.Spec
	spec.BucketName = shared(spec.BucketName)
	if spec.SeedName != nil {
		spec.SeedName = ptr.To(shared(*spec.SeedName))
	}
	return BackupEntryFacts{Spec: spec}
}

// OwnerShoot returns the name of the first owner reference of kind Shoot, empty when there is none.
func OwnerShoot(owners []metav1.OwnerReference) string {
	for _, owner := range owners {
		if owner.Kind == graph.KindShoot.String() {
			return owner.Name
		}
	}
	return ""
}

var bastionFields = []field[*apiBastion]{
	onward("spec.seedName", kinds(graph.KindSeed), "",
		func(o *apiBastion, to refer) { to(optional(graph.KindSeed, "", o.Spec.SeedName)) }),
}

var certificateSigningRequestFields = []field[*apiRequest]{
	onward("spec.request", kinds(graph.KindSeed), "when it asks for the client certificate of a gardenlet",
		func(o *apiRequest, to refer) {
			if seed, err := identity.SeedOfCertificateRequest(o.Spec.Request, o.Spec.Usages); err == nil {
				to(vertex(graph.KindSeed, "", seed))
			}
		}),
}

var controllerDeploymentFields = []field[*apiDeployment]{
	into("helm.ociRepository", kinds(graph.KindSecret), "pullSecretRef and caBundleSecretRef, in namespace garden",
		func(o *apiDeployment, to refer) {
			ociRepository(orEmpty(orEmpty(o.Helm).OCIRepository), naming.NamespaceGarden, to)
		}),
	into("resources[].resourceRef", deploymentKinds, "in namespace garden", func(o *apiDeployment, to refer) {
		for _, r := range o.Resources {
			to(resource(r.ResourceRef, naming.NamespaceGarden, deploymentKinds))
		}
	}),
}

var controllerInstallationFields = []field[*apiInstallation]{
	into("spec.registrationRef", kinds(graph.KindControllerRegistration), "",
		func(o *apiInstallation, to refer) {
			to(object(&o.Spec.RegistrationRef, graph.KindControllerRegistration, ""))
		}),
	into("spec.deploymentRef", kinds(graph.KindControllerDeployment), "",
		func(o *apiInstallation, to refer) {
			to(object(o.Spec.DeploymentRef, graph.KindControllerDeployment, ""))
		}),
	onward("spec.seedRef", kinds(graph.KindSeed), "",
		func(o *apiInstallation, to refer) { to(object(o.Spec.SeedRef, graph.KindSeed, "")) }),
	onward("spec.shootRef", kinds(graph.KindShoot), "",
		func(o *apiInstallation, to refer) { to(shoot(o.Spec.ShootRef)) }),
}

var credentialsBindingFields = []field[*apiCredentialsBinding]{
	into("credentialsRef", bindingKinds, "",
		func(o *apiCredentialsBinding, to refer) { to(credentials(&o.CredentialsRef, bindingKinds)) }),
}

var secretBindingFields = []field[*apiSecretBinding]{
	into("secretRef", kinds(graph.KindSecret), "",
		func(o *apiSecretBinding, to refer) { to(secret(&o.SecretRef)) }),
}

var projectFields = []field[*apiProject]{
	onward("spec.namespace", kinds(graph.KindNamespace), "",
		func(o *apiProject, to refer) { to(optional(graph.KindNamespace, "", o.Spec.Namespace)) }),
}

var serviceAccountFields = []field[*apiServiceAccount]{
	// In a Seed's namespace its gardenlet may write ServiceAccounts of any name.
	into(
		"secrets[]",
		kinds(graph.KindSecret),
		"only of ServiceAccounts named gardenlet-bootstrap-*, and not in namespaces seed-*",
		func(o *apiServiceAccount, to refer) {
			if !strings.HasPrefix(o.Name, naming.BootstrapServiceAccountPrefix) ||
				strings.HasPrefix(o.Namespace, naming.SeedNamespacePrefix) {
				return
			}
			for _, secret := range o.Secrets {
				to(vertex(graph.KindSecret, o.Namespace, secret.Name))
			}
		},
	),
}

// templated is an object with the Seed that its seed template describes, which is decoded once for all fields. The
// Seed has the metadata of the object.
type templated[T any] struct {
	object T
	seed   *apiSeed
}

// backup resolves the credentials of the template's backup.
func (t *templated[T]) backup(to refer) { to(Credentials(orEmpty(t.seed.Spec.Backup).CredentialsRef)) }

// resources resolves the entries of the template's resources.
func (t *templated[T]) resources(to refer) {
	for _, r := range t.seed.Spec.Resources {
		to(resource(r.ResourceRef, naming.NamespaceGarden, resourceKinds))
	}
}

// TemplateReferences returns what the whole seed template of a GardenletConfiguration refers to, and an error when
// there is a configuration that cannot be decoded.
func TemplateReferences(config *runtime.RawExtension) (VertexSet, error) {
	spec, err := templateSpec(config)
	return seedReferences(&apiSeed{Spec: spec}), err
}

// seedReferences returns what the spec of a Seed refers to, the first MaxEdges when there are more.
func seedReferences(o *apiSeed) VertexSet {
	var vertices VertexSet
	for i := range seedFields {
		if f := &seedFields[i]; strings.HasPrefix(f.Path, "spec.") {
			f.each(o, func(v graph.Vertex) {
				if v != none && len(vertices) < MaxEdges {
					vertices = append(vertices, v)
				}
			})
		}
	}
	slices.SortFunc(vertices, graph.Vertex.Compare)
	return slices.Compact(vertices)
}

type (
	templatedGardenlet   = templated[*apiGardenlet]
	templatedManagedSeed = templated[*apiManagedSeed]
)

func gardenletWithTemplate(o *apiGardenlet) *templatedGardenlet {
	return &templatedGardenlet{o, templateSeed(o.ObjectMeta, &o.Spec.Config)}
}

// Gardenlets of self-hosted Shoots imply no edges: those belong to no Seed.
var gardenletFields = []field[*templatedGardenlet]{
	onward("metadata.name", kinds(graph.KindSeed), "none of its edges when the name starts with self-hosted-shoot-",
		func(o *templatedGardenlet, to refer) {
			if !selfHosted(o.object.Name) {
				to(vertex(graph.KindSeed, "", o.object.Name))
			}
		}),
	into("spec.config.seedConfig.spec.backup.credentialsRef", secretKinds, "",
		func(o *templatedGardenlet, to refer) {
			if !selfHosted(o.object.Name) {
				o.backup(to)
			}
		}),
	into("spec.deployment.helm.ociRepository", kinds(graph.KindSecret), "pullSecretRef and caBundleSecretRef",
		func(o *templatedGardenlet, to refer) {
			if !selfHosted(o.object.Name) {
				ociRepository(&o.object.Spec.Deployment.Helm.OCIRepository, o.object.Namespace, to)
			}
		}),
}

func gardenletFacts(o *templatedGardenlet) any {
	facts := seedFacts(o.seed).(SeedFacts)
	if !selfHosted(o.object.Name) {
		facts.Bootstrap = seedmanagementv1alpha1.BootstrapToken
	}
	return facts
}

func managedSeedWithTemplate(o *apiManagedSeed) *templatedManagedSeed {
	return &templatedManagedSeed{o, templateSeed(o.ObjectMeta, &o.Spec.Gardenlet.Config)}
}

var managedSeedFields = []field[*templatedManagedSeed]{
	into("metadata.name", kinds(graph.KindSeed), "counts only when the request is for the Seed itself",
		func(o *templatedManagedSeed, to refer) { to(vertex(graph.KindSeed, "", o.object.Name)) }),
	onward("metadata.name", kinds(graph.KindSeed), "",
		func(o *templatedManagedSeed, to refer) { to(vertex(graph.KindSeed, "", o.object.Name)) }),
	onward("spec.shoot.name", kinds(graph.KindShoot), "",
		func(o *templatedManagedSeed, to refer) {
			to(vertex(graph.KindShoot, o.object.Namespace, orEmpty(o.object.Spec.Shoot).Name))
		}),
	into("spec.gardenlet.config.seedConfig.spec.backup.credentialsRef", secretKinds, "", (*templatedManagedSeed).backup),
	into("spec.gardenlet.config.seedConfig.spec.resources[].resourceRef", resourceKinds, "in namespace garden",
		(*templatedManagedSeed).resources),
	beside("spec.gardenlet.config.seedConfig.spec.resources[].resourceRef", resourceKinds, "in namespace garden",
		(*templatedManagedSeed).resources),
}

func managedSeedFacts(o *templatedManagedSeed) any {
	facts := seedFacts(o.seed).(SeedFacts)
	facts.ShootName = orEmpty(o.object.Spec.Shoot).Name
	facts.Bootstrap = ptr.Deref(o.object.Spec.Gardenlet.Bootstrap, "")
	return facts
}

func selfHosted(gardenlet string) bool {
	return strings.HasPrefix(gardenlet, naming.SelfHostedShootPrefix)
}

// templateSeed returns the Seed that the seed template of a GardenletConfiguration describes. A configuration that
// cannot be decoded counts as none: it must not take more than its own object's edges away.
func templateSeed(meta metav1.ObjectMeta, config *runtime.RawExtension) *apiSeed {
	spec, _ := templateSpec(config)
	return &apiSeed{ObjectMeta: meta, Spec: spec}
}

// templateSpec returns the spec in the seed template of a GardenletConfiguration, an empty one when it has none.
func templateSpec(config *runtime.RawExtension) (spec gardencorev1beta1.SeedSpec, err error) {
	decoded, ok := config.Object.(*gardenletconfigv1alpha1.GardenletConfiguration)
	if !ok && (config.Object != nil || len(config.Raw) > 0) {
		decoded = &gardenletconfigv1alpha1.GardenletConfiguration{}
		if err := json.Unmarshal(config.Raw, decoded); err != nil {
			return spec, err
		}
		want := gardenletconfigv1alpha1.SchemeGroupVersion.WithKind("GardenletConfiguration")
		if got := decoded.GroupVersionKind(); got != want {
			return spec, fmt.Errorf("configuration is %s, want %s", got, want)
		}
	}
	return orEmpty(orEmpty(decoded).SeedConfig).Spec, nil
}

// kubernetesGroup is the API group of Secrets and ConfigMaps.
const kubernetesGroup = ""

// none is the vertex of a reference that leads nowhere.
var none graph.Vertex

// orEmpty returns what p points to, an empty one when that is nothing. References in that lead nowhere.
func orEmpty[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}

// vertex names an object; without a name it is none.
func vertex(kind graph.Kind, namespace, name string) graph.Vertex {
	if name == "" {
		return none
	}
	return graph.Vertex{Kind: kind, Namespace: namespace, Name: name}
}

func optional(kind graph.Kind, namespace string, name *string) graph.Vertex {
	return vertex(kind, namespace, ptr.Deref(name, ""))
}

// object resolves a reference whose kind is fixed by the field that holds it: apiVersion and kind may be left out, but
// when they are there they must fit. The version does not matter.
func object(ref *corev1.ObjectReference, kind graph.Kind, namespace string) graph.Vertex {
	if ref == nil || ref.Kind != "" && ref.Kind != kind.String() ||
		ref.APIVersion != "" && ref.GroupVersionKind().Group != kind.Resource().Group {
		return none
	}
	return vertex(kind, namespace, ref.Name)
}

// secret resolves a reference to a Secret that brings its namespace along.
func secret(ref *corev1.SecretReference) graph.Vertex {
	if ref.Namespace == "" {
		return none
	}
	return vertex(graph.KindSecret, ref.Namespace, ref.Name)
}

// shoot resolves a reference to a Shoot that brings its namespace along.
func shoot(ref *corev1.ObjectReference) graph.Vertex {
	if ref == nil || ref.Namespace == "" {
		return none
	}
	return object(ref, graph.KindShoot, ref.Namespace)
}

// Credentials resolves a credentials ref that brings its namespace along: a Secret or a WorkloadIdentity. It returns
// the zero vertex for any other reference.
func Credentials(ref *corev1.ObjectReference) graph.Vertex { return credentials(ref, secretKinds) }

func credentials(ref *corev1.ObjectReference, allowed []graph.Kind) graph.Vertex {
	if ref == nil || ref.Namespace == "" {
		return none
	}
	return ofKinds(allowed, ref.APIVersion, ref.Kind, ref.Namespace, ref.Name)
}

// resource resolves an entry of a resources list, or one like it, in the given namespace.
func resource(ref autoscalingv1.CrossVersionObjectReference, namespace string, allowed []graph.Kind) graph.Vertex {
	return ofKinds(allowed, ref.APIVersion, ref.Kind, namespace, ref.Name)
}

// ofKinds resolves a reference that names its kind, which must be one of those that are allowed.
func ofKinds(allowed []graph.Kind, apiVersion, kind, namespace, name string) graph.Vertex {
	for _, k := range allowed {
		if kind == k.String() && apiVersion == apiVersions[k] {
			return vertex(k, namespace, name)
		}
	}
	return none
}

// apiVersions are those by which references name kinds.
var apiVersions = map[graph.Kind]string{
	graph.KindConfigMap:        corev1.SchemeGroupVersion.String(),
	graph.KindInternalSecret:   gardencorev1beta1.SchemeGroupVersion.String(),
	graph.KindSecret:           corev1.SchemeGroupVersion.String(),
	graph.KindWorkloadIdentity: securityv1alpha1.SchemeGroupVersion.String(),
}

func ociRepository(repository *gardencorev1.OCIRepository, namespace string, to refer) {
	to(vertex(graph.KindSecret, namespace, orEmpty(repository.PullSecretRef).Name))
	to(vertex(graph.KindSecret, namespace, orEmpty(repository.CABundleSecretRef).Name))
}
