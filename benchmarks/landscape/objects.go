package landscape

import (
	"fmt"

	gardencorev1 "github.com/gardener/gardener/pkg/apis/core/v1"
	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	operationsv1alpha1 "github.com/gardener/gardener/pkg/apis/operations/v1alpha1"
	securityv1alpha1 "github.com/gardener/gardener/pkg/apis/security/v1alpha1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// gardenNamespace holds what belongs to Seeds.
const gardenNamespace = "garden"

func projectName(project int) string      { return fmt.Sprintf("prj%05d", project) }
func projectNamespace(project int) string { return "garden-" + projectName(project) }
func extensionName(n int) string          { return fmt.Sprintf("extension-%02d", n) }

// uid returns a UID for the n-th object of a kind.
func uid(kind uint16, n int) types.UID {
	return types.UID(fmt.Sprintf("7ee8b5a0-%04x-4000-8000-%012x", kind, n))
}

// The kinds in UIDs.
const (
	ofProject = iota + 1
	ofBinding
	ofSeed
	ofBucket
	ofExtension
	ofInstallation
	ofManagedSeed
	ofShoot
	ofEntry
	ofBastion
	ofSecretBinding
	ofServiceAccount
)

func metaOf(namespace, name string, kind uint16, n int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: uid(kind, n), ResourceVersion: "1", Generation: 1, CreationTimestamp: past,
	}
}

func secretRef(namespace, name string) *corev1.ObjectReference {
	return &corev1.ObjectReference{APIVersion: "v1", Kind: "Secret", Namespace: namespace, Name: name}
}

// project 0 is that of the namespace garden, the others are those of the Shoots.
func (l *Landscape) project(i int) runtime.Object {
	name, namespace := "garden", gardenNamespace
	if i > 0 {
		name, namespace = projectName(i-1), projectNamespace(i-1)
	}
	return &gardencorev1beta1.Project{
		ObjectMeta: l.tracked(metaOf("", name, ofProject, i)),
		Spec:       gardencorev1beta1.ProjectSpec{Namespace: &namespace},
	}
}

func (l *Landscape) credentialsBinding(project int) runtime.Object {
	namespace := projectNamespace(project)
	return &securityv1alpha1.CredentialsBinding{
		ObjectMeta:     l.tracked(metaOf(namespace, "cloud-credentials", ofBinding, project)),
		Provider:       securityv1alpha1.CredentialsBindingProvider{Type: "aws"},
		CredentialsRef: *secretRef(namespace, "cloud-credentials"),
	}
}

func (l *Landscape) secretBinding(project int) runtime.Object {
	if project%4 != 0 {
		return nil
	}
	namespace := projectNamespace(project)
	return &gardencorev1beta1.SecretBinding{
		ObjectMeta: l.tracked(metaOf(namespace, "old-credentials", ofSecretBinding, project)),
		SecretRef:  corev1.SecretReference{Namespace: namespace, Name: "old-credentials"},
	}
}

func (l *Landscape) seed(i int) runtime.Object {
	name := l.SeedName(i)
	expiration := metav1.NewTime(past.AddDate(50, 0, 0))
	o := &gardencorev1beta1.Seed{
		ObjectMeta: l.tracked(metaOf("", name, ofSeed, i)),
		Spec: gardencorev1beta1.SeedSpec{
			Backup: &gardencorev1beta1.Backup{Provider: "aws", CredentialsRef: secretRef(gardenNamespace, "backup-"+name)},
			DNS: gardencorev1beta1.SeedDNS{
				Provider: &gardencorev1beta1.SeedDNSProvider{Type: "aws-route53",
					CredentialsRef: secretRef(gardenNamespace, "internal-domain")},
			},
			Provider: gardencorev1beta1.SeedProvider{Type: "aws", Region: "eu-west-1", Zones: []string{"a", "b", "c"}},
		},
		Status: gardencorev1beta1.SeedStatus{ClientCertificateExpirationTimestamp: &expiration},
	}
	if l.Realistic {
		o.Status.Conditions = conditions("Seed", 6)
	}
	return o
}

func bucketName(seed int) string { return string(uid(ofSeed, seed)) }

func (l *Landscape) backupBucket(seed int) runtime.Object {
	name := l.SeedName(seed)
	return &gardencorev1beta1.BackupBucket{
		ObjectMeta: l.tracked(metaOf("", bucketName(seed), ofBucket, seed)),
		Spec: gardencorev1beta1.BackupBucketSpec{
			Provider: gardencorev1beta1.BackupBucketProvider{Type: "aws", Region: "eu-west-1"},
			SeedName: &name, CredentialsRef: secretRef(gardenNamespace, "backup-"+name),
		},
	}
}

func (l *Landscape) controllerDeployment(n int) runtime.Object {
	repository := "registry.example.com/charts/" + extensionName(n) + ":v1.0.0"
	return &gardencorev1.ControllerDeployment{
		ObjectMeta: l.tracked(metaOf("", extensionName(n), ofExtension, n)),
		Helm: &gardencorev1.HelmControllerDeployment{OCIRepository: &gardencorev1.OCIRepository{
			Ref: &repository, PullSecretRef: &corev1.LocalObjectReference{Name: "pull-secret"},
		}},
	}
}

func (l *Landscape) controllerInstallation(i int) runtime.Object {
	seed, extension := i/Extensions, extensionName(i%Extensions)
	o := &gardencorev1beta1.ControllerInstallation{
		ObjectMeta: l.tracked(metaOf("", fmt.Sprintf("%s-%05x", extension, seed), ofInstallation, i)),
		Spec: gardencorev1beta1.ControllerInstallationSpec{
			RegistrationRef: corev1.ObjectReference{Name: extension, ResourceVersion: "1"},
			DeploymentRef:   &corev1.ObjectReference{Name: extension, ResourceVersion: "1"},
			SeedRef:         &corev1.ObjectReference{Name: l.SeedName(seed), ResourceVersion: "1"},
		},
	}
	if l.Realistic {
		o.Status.Conditions = conditions("Installation", 4)
	}
	return o
}

func (l *Landscape) serviceAccount(i int) runtime.Object {
	return &corev1.ServiceAccount{
		ObjectMeta: l.tracked(metaOf("seed-"+l.SeedName(i/Extensions), extensionName(i%Extensions), ofServiceAccount, i)),
	}
}

func (l *Landscape) managedSeed(seed int) runtime.Object {
	if !l.Managed(seed) {
		return nil
	}
	name := l.SeedName(seed)
	return &seedmanagementv1alpha1.ManagedSeed{
		ObjectMeta: l.tracked(metaOf(gardenNamespace, name, ofManagedSeed, seed)),
		Spec: seedmanagementv1alpha1.ManagedSeedSpec{
			Shoot: &seedmanagementv1alpha1.Shoot{Name: name},
			Gardenlet: seedmanagementv1alpha1.GardenletConfig{
				Bootstrap: new(seedmanagementv1alpha1.BootstrapToken),
				Config:    runtime.RawExtension{Raw: gardenletConfiguration(name)},
			},
		},
	}
}

func (l *Landscape) gardenlet(seed int) runtime.Object {
	if l.Managed(seed) {
		return nil
	}
	name := l.SeedName(seed)
	repository := "registry.example.com/charts/gardenlet:v1.150.0"
	return &seedmanagementv1alpha1.Gardenlet{
		ObjectMeta: l.tracked(metaOf(gardenNamespace, name, ofManagedSeed, seed)),
		Spec: seedmanagementv1alpha1.GardenletSpec{
			Deployment: seedmanagementv1alpha1.GardenletSelfDeployment{Helm: seedmanagementv1alpha1.GardenletHelm{
				OCIRepository: gardencorev1.OCIRepository{Ref: &repository},
			}},
			Config: runtime.RawExtension{Raw: gardenletConfiguration(name)},
		},
	}
}

func gardenletConfiguration(seed string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"gardenlet.config.gardener.cloud/v1alpha1","kind":"GardenletConfiguration",`+
		`"seedConfig":{"metadata":{"name":%q},"spec":{"backup":{"provider":"aws","credentialsRef":`+
		`{"apiVersion":"v1","kind":"Secret","namespace":"garden","name":%q}},`+
		`"provider":{"type":"aws","region":"eu-west-1"}}}}`,
		seed, "backup-"+seed)
}

// anyShoot returns a user's Shoot, or after those the Shoot of a ManagedSeed.
func (l *Landscape) anyShoot(i int) runtime.Object {
	if i < l.Shoots {
		return l.Shoot(i, l.SeedOf(i))
	}
	seed := i - l.Shoots
	if !l.Managed(seed) {
		return nil
	}
	return l.newShoot(i, gardenNamespace, l.SeedName(seed), "", seed-seed%5)
}

// Shoot returns a user's Shoot by its number, as it is on the given Seed.
func (l *Landscape) Shoot(i, seed int) *gardencorev1beta1.Shoot {
	x := l.ShootVertex(i)
	o := l.newShoot(i, x.Namespace, x.Name, projectName(i/perProject), seed)
	project := i / perProject
	if project%4 == 0 && i%4 == 0 {
		o.Spec.SecretBindingName = new("old-credentials")
	} else {
		o.Spec.CredentialsBindingName = new("cloud-credentials")
	}
	if i%10 == 0 {
		o.Annotations = map[string]string{"authentication.gardener.cloud/issuer": "managed"}
	}
	if i%2 == 0 {
		o.Spec.ExposureClassName = new("internet")
	}
	o.Spec.Kubernetes.KubeAPIServer = &gardencorev1beta1.KubeAPIServerConfig{AuditConfig: &gardencorev1beta1.AuditConfig{
		AuditPolicy: &gardencorev1beta1.AuditPolicy{ConfigMapRef: &corev1.ObjectReference{Name: "audit-policy"}},
	}}
	o.Spec.DNS = &gardencorev1beta1.DNS{Domain: new(x.Name + ".example.com"), Providers: []gardencorev1beta1.DNSProvider{{
		Type: new("aws-route53"), CredentialsRef: &autoscalingv1.CrossVersionObjectReference{APIVersion: "v1", Kind: "Secret",
			Name: l.DNSSecret(i).Name},
	}}}
	o.Spec.Resources = []gardencorev1beta1.NamedResourceReference{{
		Name: "registry", ResourceRef: autoscalingv1.CrossVersionObjectReference{APIVersion: "v1", Kind: "Secret",
			Name: x.Name + "-registry"},
	}}
	return o
}

func (l *Landscape) newShoot(i int, namespace, name, project string, seed int) *gardencorev1beta1.Shoot {
	on, profile := l.SeedName(seed), CloudProfile
	if seed == l.Seeds-1 {
		profile = OtherCloudProfile
	}
	o := &gardencorev1beta1.Shoot{
		ObjectMeta: metaOf(namespace, name, ofShoot, i),
		Spec: gardencorev1beta1.ShootSpec{
			CloudProfile: &gardencorev1beta1.CloudProfileReference{Kind: "CloudProfile", Name: profile},
			Region:       "eu-west-1", SeedName: &on,
			Kubernetes: gardencorev1beta1.Kubernetes{Version: "1.35.2"},
			Provider:   gardencorev1beta1.Provider{Type: profile},
		},
		Status: gardencorev1beta1.ShootStatus{SeedName: &on, TechnicalID: "shoot--" + project + "--" + name,
			UID: uid(ofShoot, i)},
	}
	if l.Realistic {
		fill(o)
	}
	o.ObjectMeta = l.tracked(o.ObjectMeta)
	return o
}

// BackupEntryName returns the name of a Shoot's BackupEntry.
func (l *Landscape) BackupEntryName(shoot int) string {
	return fmt.Sprintf("shoot--%s--%s--%s", projectName(shoot/perProject), l.ShootVertex(shoot).Name, uid(ofShoot, shoot))
}

func (l *Landscape) backupEntry(i int) runtime.Object {
	x, seed := l.ShootVertex(i), l.SeedOf(i)
	on := l.SeedName(seed)
	o := &gardencorev1beta1.BackupEntry{
		ObjectMeta: l.tracked(metaOf(x.Namespace, l.BackupEntryName(i), ofEntry, i)),
		Spec:       gardencorev1beta1.BackupEntrySpec{BucketName: bucketName(seed), SeedName: &on},
		Status:     gardencorev1beta1.BackupEntryStatus{SeedName: &on},
	}
	o.OwnerReferences = []metav1.OwnerReference{
		{APIVersion: "core.gardener.cloud/v1beta1", Kind: "Shoot", Name: x.Name, UID: uid(ofShoot, i)},
	}
	return o
}

func (l *Landscape) bastion(n int) runtime.Object {
	i := n * 500
	x, on := l.ShootVertex(i), l.SeedName(l.SeedOf(i))
	return &operationsv1alpha1.Bastion{
		ObjectMeta: l.tracked(metaOf(x.Namespace, fmt.Sprintf("cli-%08x", n), ofBastion, n)),
		Spec: operationsv1alpha1.BastionSpec{ShootRef: corev1.LocalObjectReference{Name: x.Name}, SeedName: &on,
			SSHPublicKey: "ssh-ed25519 AAAA"},
	}
}
