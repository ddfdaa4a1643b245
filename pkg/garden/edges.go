package garden

import (
	"fmt"
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

// This file is SPEC 2.1: one pure function per kind says which edges an object implies. The edges of a Shoot's project
// resources and ShootState are not listed, since the graph implies them by name.

func seedEdges(o *gardencorev1beta1.Seed) ([]graph.Edge, any) {
	to := into(vertex(graph.KindSeed, "", o.Name))
	to.from(vertex(graph.KindNamespace, "", naming.SeedNamespace(o.Name)))
	to.from(vertex(graph.KindConfigMap, naming.NamespaceKubeSystem, constants.ClusterIdentity))
	to.from(vertex(graph.KindLease, gardencorev1beta1.GardenerSeedLeaseNamespace, o.Name))
	if backup := o.Spec.Backup; backup != nil {
		to.from(credentials(backup.CredentialsRef))
	}
	if provider := o.Spec.DNS.Provider; provider != nil {
		to.from(credentials(provider.CredentialsRef))
	}
	if internal := o.Spec.DNS.Internal; internal != nil {
		to.from(credentials(&internal.CredentialsRef))
	}
	for i := range o.Spec.DNS.Defaults {
		to.from(credentials(&o.Spec.DNS.Defaults[i].CredentialsRef))
	}
	for _, r := range o.Spec.Resources {
		to.from(resource(r.ResourceRef, naming.NamespaceGarden))
	}

	var facts SeedFacts
	if expiration := o.Status.ClientCertificateExpirationTimestamp; expiration != nil {
		facts.ClientCertificateExpiration = expiration.Time
	}
	return to.edges, facts
}

func shootEdges(o *gardencorev1beta1.Shoot) ([]graph.Edge, any) {
	n, spec := o.Namespace, &o.Spec
	to := into(vertex(graph.KindShoot, n, o.Name))
	to.seeds(spec.SeedName, o.Status.SeedName)
	to.from(vertex(graph.KindNamespace, "", n))
	to.from(optional(graph.KindSecretBinding, n, spec.SecretBindingName))
	to.from(optional(graph.KindCredentialsBinding, n, spec.CredentialsBindingName))
	to.from(cloudProfile(o))
	to.from(optional(graph.KindExposureClass, "", spec.ExposureClassName))
	if apiServer := spec.Kubernetes.KubeAPIServer; apiServer != nil {
		if audit := apiServer.AuditConfig; audit != nil && audit.AuditPolicy != nil {
			to.from(object(audit.AuditPolicy.ConfigMapRef, kubernetesGroup, graph.KindConfigMap, n))
		}
		if authentication := apiServer.StructuredAuthentication; authentication != nil {
			to.from(vertex(graph.KindConfigMap, n, authentication.ConfigMapName))
		}
		if authorization := apiServer.StructuredAuthorization; authorization != nil {
			to.from(vertex(graph.KindConfigMap, n, authorization.ConfigMapName))
			for _, kubeconfig := range authorization.Kubeconfigs {
				to.from(vertex(graph.KindSecret, n, kubeconfig.SecretName))
			}
		}
	}
	if spec.DNS != nil {
		for _, provider := range spec.DNS.Providers {
			if ref := provider.CredentialsRef; ref != nil {
				to.from(secretOrWorkloadIdentity(ref.APIVersion, ref.Kind, n, ref.Name))
			}
		}
	}
	for _, r := range spec.Resources {
		to.from(resource(r.ResourceRef, n))
	}

	last := o.Status.LastOperation
	return to.edges, ShootFacts{
		SeedName:       shared(ptr.Deref(spec.SeedName, "")),
		StatusSeedName: shared(ptr.Deref(o.Status.SeedName, "")),
		Restoring: last != nil && last.Type == gardencorev1beta1.LastOperationTypeRestore &&
			last.State == gardencorev1beta1.LastOperationStateProcessing,
		ManagedIssuer: o.Annotations[constants.AnnotationAuthenticationIssuer] == constants.AnnotationAuthenticationIssuerManaged,
	}
}

func cloudProfile(o *gardencorev1beta1.Shoot) graph.Vertex {
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

func backupBucketEdges(o *gardencorev1beta1.BackupBucket) ([]graph.Edge, any) {
	to := into(vertex(graph.KindBackupBucket, "", o.Name))
	to.from(credentials(o.Spec.CredentialsRef))
	if ref := o.Status.GeneratedSecretRef; ref != nil {
		to.from(inNamespace(graph.KindSecret, ref.Namespace, ref.Name))
	}
	to.seed(o.Spec.SeedName)
	to.shoot(o.Spec.ShootRef)
	return to.edges, BackupBucketFacts{SeedName: ptr.Deref(o.Spec.SeedName, "")}
}

func backupEntryEdges(o *gardencorev1beta1.BackupEntry) ([]graph.Edge, any) {
	to := into(vertex(graph.KindBackupEntry, o.Namespace, o.Name))
	to.from(vertex(graph.KindBackupBucket, "", o.Spec.BucketName))
	to.seeds(o.Spec.SeedName, o.Status.SeedName)
	to.onward(vertex(graph.KindShoot, o.Namespace, OwnerShoot(o.OwnerReferences)))
	spec := o.Spec
	spec.BucketName = shared(spec.BucketName)
	if spec.SeedName != nil {
		spec.SeedName = ptr.To(shared(*spec.SeedName))
	}
	return to.edges, BackupEntryFacts{Spec: spec}
}

// OwnerShoot returns the name of the first owner reference of kind Shoot, empty when there is none (SPEC 2.1, BackupEntry).
func OwnerShoot(owners []metav1.OwnerReference) string {
	for _, owner := range owners {
		if owner.Kind == graph.KindShoot.String() {
			return owner.Name
		}
	}
	return ""
}

func bastionEdges(o *operationsv1alpha1.Bastion) ([]graph.Edge, any) {
	to := into(vertex(graph.KindBastion, o.Namespace, o.Name))
	to.seed(o.Spec.SeedName)
	return to.edges, nil
}

func certificateSigningRequestEdges(o *certificatesv1.CertificateSigningRequest) ([]graph.Edge, any) {
	to := into(vertex(graph.KindCertificateSigningRequest, "", o.Name))
	if seed, err := identity.SeedOfCertificateRequest(o.Spec.Request, o.Spec.Usages); err == nil {
		to.seed(&seed)
	}
	return to.edges, nil
}

func controllerDeploymentEdges(o *gardencorev1.ControllerDeployment) ([]graph.Edge, any) {
	to := into(vertex(graph.KindControllerDeployment, "", o.Name))
	if o.Helm != nil && o.Helm.OCIRepository != nil {
		to.ociRepository(o.Helm.OCIRepository, naming.NamespaceGarden)
	}
	for _, r := range o.Resources {
		if v := resource(r.ResourceRef, naming.NamespaceGarden); v.Kind != graph.KindWorkloadIdentity {
			to.from(v)
		}
	}
	return to.edges, nil
}

func controllerInstallationEdges(o *gardencorev1beta1.ControllerInstallation) ([]graph.Edge, any) {
	to := into(vertex(graph.KindControllerInstallation, "", o.Name))
	to.from(object(&o.Spec.RegistrationRef, core.Group, graph.KindControllerRegistration, ""))
	to.from(object(o.Spec.DeploymentRef, core.Group, graph.KindControllerDeployment, ""))
	to.onward(object(o.Spec.SeedRef, core.Group, graph.KindSeed, ""))
	to.shoot(o.Spec.ShootRef)
	return to.edges, nil
}

func credentialsBindingEdges(o *securityv1alpha1.CredentialsBinding) ([]graph.Edge, any) {
	to := into(vertex(graph.KindCredentialsBinding, o.Namespace, o.Name))
	ref := o.CredentialsRef
	if ref.APIVersion == core.String() && ref.Kind == graph.KindInternalSecret.String() {
		to.from(inNamespace(graph.KindInternalSecret, ref.Namespace, ref.Name))
	} else {
		to.from(credentials(&ref))
	}
	return to.edges, nil
}

func secretBindingEdges(o *gardencorev1beta1.SecretBinding) ([]graph.Edge, any) {
	to := into(vertex(graph.KindSecretBinding, o.Namespace, o.Name))
	to.from(inNamespace(graph.KindSecret, o.SecretRef.Namespace, o.SecretRef.Name))
	return to.edges, nil
}

func projectEdges(o *gardencorev1beta1.Project) ([]graph.Edge, any) {
	project := vertex(graph.KindProject, "", o.Name)
	to := into(project)
	to.onward(optional(graph.KindNamespace, "", o.Spec.Namespace))
	return to.edges, ProjectFacts{Namespace: ptr.Deref(o.Spec.Namespace, "")}
}

func serviceAccountEdges(o *corev1.ServiceAccount) ([]graph.Edge, any) {
	if !strings.HasPrefix(o.Name, naming.BootstrapServiceAccountPrefix) {
		return nil, nil
	}
	to := into(vertex(graph.KindServiceAccount, o.Namespace, o.Name))
	for _, secret := range o.Secrets {
		to.from(vertex(graph.KindSecret, o.Namespace, secret.Name))
	}
	return to.edges, nil
}

func gardenletEdges(o *seedmanagementv1alpha1.Gardenlet) ([]graph.Edge, any) {
	if selfHosted(o.Name) {
		return nil, GardenletFacts{}
	}
	to := into(vertex(graph.KindGardenlet, o.Namespace, o.Name))
	to.seed(&o.Name)
	if template := seedTemplate(&o.Spec.Config); template != nil && template.Spec.Backup != nil {
		to.from(credentials(template.Spec.Backup.CredentialsRef))
	}
	to.ociRepository(&o.Spec.Deployment.Helm.OCIRepository, o.Namespace)
	return to.edges, GardenletFacts{RenewKubeconfig: renewsKubeconfig(o)}
}

func managedSeedEdges(o *seedmanagementv1alpha1.ManagedSeed) ([]graph.Edge, any) {
	seed := vertex(graph.KindSeed, "", o.Name)
	to := into(vertex(graph.KindManagedSeed, o.Namespace, o.Name))
	facts := ManagedSeedFacts{
		Bootstrap:       ptr.Deref(o.Spec.Gardenlet.Bootstrap, ""),
		RenewKubeconfig: renewsKubeconfig(o),
	}
	to.from(seed)
	to.onward(seed)
	if o.Spec.Shoot != nil {
		facts.ShootName = o.Spec.Shoot.Name
		to.onward(vertex(graph.KindShoot, o.Namespace, o.Spec.Shoot.Name))
	}
	if template := seedTemplate(&o.Spec.Gardenlet.Config); template != nil {
		if backup := template.Spec.Backup; backup != nil {
			facts.BackupCredentials = credentials(backup.CredentialsRef)
			to.from(facts.BackupCredentials)
		}
		for _, r := range template.Spec.Resources {
			v := resource(r.ResourceRef, naming.NamespaceGarden)
			to.from(v)
			to.add(v, seed)
		}
	}
	return to.edges, facts
}

func selfHosted(gardenlet string) bool {
	return strings.HasPrefix(gardenlet, naming.SelfHostedShootPrefix)
}

func renewsKubeconfig(o metav1.Object) bool {
	return o.GetAnnotations()[constants.GardenerOperation] == constants.GardenerOperationRenewKubeconfig
}

// seedTemplate returns the seed template of a GardenletConfiguration, nil when there is none. A configuration that cannot be
// decoded counts as none: it must not take more than its own object's edges away.
func seedTemplate(config *runtime.RawExtension) *gardencorev1beta1.SeedTemplate {
	decoded, ok := config.Object.(*gardenletconfigv1alpha1.GardenletConfiguration)
	if !ok {
		decoded = &gardenletconfigv1alpha1.GardenletConfiguration{}
		if err := decodeGardenletConfiguration(config.Raw, decoded); err != nil {
			return nil
		}
	}
	if decoded.SeedConfig == nil {
		return nil
	}
	return &decoded.SeedConfig.SeedTemplate
}

func decodeGardenletConfiguration(raw []byte, out *gardenletconfigv1alpha1.GardenletConfiguration) error {
	if err := json.Unmarshal(raw, out); err != nil {
		return err
	}
	want := gardenletconfigv1alpha1.SchemeGroupVersion.WithKind("GardenletConfiguration")
	if got := out.GroupVersionKind(); got != want {
		return fmt.Errorf("configuration is %s, want %s", got, want)
	}
	return nil
}

// kubernetesGroup is the API group of Secrets and ConfigMaps.
const kubernetesGroup = ""

// none is the vertex of a reference that leads nowhere.
var none graph.Vertex

// vertex names an object; without a name it is none.
func vertex(kind graph.Kind, namespace, name string) graph.Vertex {
	if name == "" {
		return none
	}
	return graph.Vertex{Kind: kind, Namespace: namespace, Name: name}
}

// inNamespace is vertex for references that bring their namespace along: without it they lead nowhere.
func inNamespace(kind graph.Kind, namespace, name string) graph.Vertex {
	if namespace == "" {
		return none
	}
	return vertex(kind, namespace, name)
}

func optional(kind graph.Kind, namespace string, name *string) graph.Vertex {
	return vertex(kind, namespace, ptr.Deref(name, ""))
}

// object resolves a reference whose kind is fixed by the field that holds it: apiVersion and kind may be left out, but when
// they are there they must fit. The version does not matter.
func object(ref *corev1.ObjectReference, group string, kind graph.Kind, namespace string) graph.Vertex {
	if ref == nil || ref.Kind != "" && ref.Kind != kind.String() || ref.APIVersion != "" && ref.GroupVersionKind().Group != group {
		return none
	}
	return vertex(kind, namespace, ref.Name)
}

// credentials resolves a credentials ref that brings its namespace along: a Secret or a WorkloadIdentity.
func credentials(ref *corev1.ObjectReference) graph.Vertex {
	if ref == nil || ref.Namespace == "" {
		return none
	}
	return secretOrWorkloadIdentity(ref.APIVersion, ref.Kind, ref.Namespace, ref.Name)
}

func secretOrWorkloadIdentity(apiVersion, kind, namespace, name string) graph.Vertex {
	switch {
	case apiVersion == kubernetes.String() && kind == graph.KindSecret.String():
		return vertex(graph.KindSecret, namespace, name)
	case apiVersion == security.String() && kind == graph.KindWorkloadIdentity.String():
		return vertex(graph.KindWorkloadIdentity, namespace, name)
	default:
		return none
	}
}

// resource resolves an entry of a resources list: a Secret, ConfigMap or WorkloadIdentity in the given namespace.
func resource(ref autoscalingv1.CrossVersionObjectReference, namespace string) graph.Vertex {
	if ref.APIVersion == kubernetes.String() && ref.Kind == graph.KindConfigMap.String() {
		return vertex(graph.KindConfigMap, namespace, ref.Name)
	}
	return secretOrWorkloadIdentity(ref.APIVersion, ref.Kind, namespace, ref.Name)
}

// edgeSet collects the edges of one object. Edges with an end that leads nowhere are dropped. An edge may be there twice; the
// graph counts it once.
type edgeSet struct {
	owner graph.Vertex
	edges []graph.Edge
}

func into(owner graph.Vertex) *edgeSet { return &edgeSet{owner: owner} }

// from adds the edge from v to the owner.
func (s *edgeSet) from(v graph.Vertex) { s.add(v, s.owner) }

// onward adds the edge from the owner to v.
func (s *edgeSet) onward(v graph.Vertex) { s.add(s.owner, v) }

func (s *edgeSet) seed(name *string) { s.onward(optional(graph.KindSeed, "", name)) }

// seeds adds the edges to the Seeds of spec and status, which but for a migration are the same.
func (s *edgeSet) seeds(spec, status *string) {
	s.seed(spec)
	if ptr.Deref(spec, "") != ptr.Deref(status, "") {
		s.seed(status)
	}
}

// shoot adds the edge from the owner to a Shoot whose reference brings its namespace along.
func (s *edgeSet) shoot(ref *corev1.ObjectReference) {
	if ref != nil && ref.Namespace != "" {
		s.onward(object(ref, core.Group, graph.KindShoot, ref.Namespace))
	}
}

func (s *edgeSet) ociRepository(repository *gardencorev1.OCIRepository, namespace string) {
	if ref := repository.PullSecretRef; ref != nil {
		s.from(vertex(graph.KindSecret, namespace, ref.Name))
	}
	if ref := repository.CABundleSecretRef; ref != nil {
		s.from(vertex(graph.KindSecret, namespace, ref.Name))
	}
}

func (s *edgeSet) add(from, to graph.Vertex) {
	if from == none || to == none {
		return
	}
	s.edges = append(s.edges, graph.Edge{From: from, To: to})
}
