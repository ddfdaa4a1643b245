package baseline

import (
	gardenletconfigv1alpha1 "github.com/gardener/gardener/pkg/apis/config/gardenlet/v1alpha1"
	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

func init() {
	utilruntime.Must(corev1.AddToScheme(scheme))
	utilruntime.Must(gardenletconfigv1alpha1.AddToScheme(scheme))
}

// BackupSecretOf returns the first of the ManagedSeeds whose backup credentials are the Secret that is to be created, nil when
// there is none: it decodes the Secret, and the configuration in each ManagedSeed until it finds it.
func BackupSecretOf(managedSeeds []*seedmanagementv1alpha1.ManagedSeed, request *admissionv1.AdmissionRequest) (*seedmanagementv1alpha1.ManagedSeed, error) {
	secret := &corev1.Secret{}
	if err := runtime.DecodeInto(decoder, request.Object.Raw, secret); err != nil {
		return nil, err
	}
	for _, m := range managedSeeds {
		configuration := &gardenletconfigv1alpha1.GardenletConfiguration{}
		if err := runtime.DecodeInto(decoder, m.Spec.Gardenlet.Config.Raw, configuration); err != nil {
			return nil, err
		}
		if backup := backupOf(configuration); backup != nil && backup.CredentialsRef != nil &&
			backup.CredentialsRef.Namespace == secret.Namespace && backup.CredentialsRef.Name == secret.Name {
			return m, nil
		}
	}
	return nil, nil
}

func backupOf(c *gardenletconfigv1alpha1.GardenletConfiguration) *gardencorev1beta1.Backup {
	if c.SeedConfig == nil {
		return nil
	}
	return c.SeedConfig.Spec.Backup
}
