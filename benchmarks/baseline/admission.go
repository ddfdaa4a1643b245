package baseline

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	gardenletconfigv1alpha1 "github.com/gardener/gardener/pkg/apis/config/gardenlet/v1alpha1"
	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	admissionv1 "k8s.io/api/admission/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/seedguard/seedguard/pkg/graph"
)

func init() {
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, coordinationv1.AddToScheme, certificatesv1.AddToScheme, gardencorev1beta1.AddToScheme,
		gardenletconfigv1alpha1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
}

// Admission decides on what a gardenlet creates, as far as the benchmarks ask, with whole objects: that of the
// request is decoded by the codecs of the API types, the others are those of informers' caches.
type Admission struct {
	Shoots        map[types.NamespacedName]*gardencorev1beta1.Shoot
	BackupBuckets map[string]*gardencorev1beta1.BackupBucket
	ManagedSeeds  []*seedmanagementv1alpha1.ManagedSeed
}

// Allows reports whether the request is allowed. An error means that it cannot be decided.
func (a *Admission) Allows(request *admissionv1.AdmissionRequest) (bool, error) {
	seed := strings.TrimPrefix(request.UserInfo.Username, constants.SeedUserNamePrefix)
	object, err := runtime.Decode(decoder, request.Object.Raw)
	if err != nil {
		return false, err
	}
	switch o := object.(type) {
	case *corev1.Secret:
		return a.secret(seed, o)
	case *gardencorev1beta1.Shoot:
		old, err := runtime.Decode(decoder, request.OldObject.Raw)
		if err != nil {
			return false, err
		}
		return apiequality.Semantic.DeepEqual(old.(*gardencorev1beta1.Shoot).Spec, o.Spec), nil
	case *gardencorev1beta1.BackupEntry:
		bucket := a.BackupBuckets[o.Spec.BucketName]
		return is(o.Spec.SeedName, seed) && bucket != nil && is(bucket.Spec.SeedName, seed), nil
	case *coordinationv1.Lease:
		return o.Namespace == gardencorev1beta1.GardenerSeedLeaseNamespace && o.Name == seed, nil
	case *certificatesv1.CertificateSigningRequest:
		return clientCertificate(seed, o)
	default:
		return false, fmt.Errorf("unexpected object of type %T", object)
	}
}

func is(name *string, seed string) bool { return name != nil && *name == seed }

func (a *Admission) secret(seed string, secret *corev1.Secret) (bool, error) {
	for _, r := range ProjectResources {
		if name, ok := strings.CutSuffix(secret.Name, r.Suffix); ok && r.Kind == graph.KindSecret {
			shoot := a.Shoots[types.NamespacedName{Namespace: secret.Namespace, Name: name}]
			return shoot != nil && is(shoot.Spec.SeedName, seed), nil
		}
	}
	for _, m := range a.ManagedSeeds {
		configuration := &gardenletconfigv1alpha1.GardenletConfiguration{}
		if err := runtime.DecodeInto(decoder, m.Spec.Gardenlet.Config.Raw, configuration); err != nil {
			return false, err
		}
		if backup := backupOf(configuration); backup != nil && backup.CredentialsRef != nil &&
			backup.CredentialsRef.Namespace == secret.Namespace && backup.CredentialsRef.Name == secret.Name {
			shoot := a.Shoots[types.NamespacedName{Namespace: m.Namespace, Name: m.Spec.Shoot.Name}]
			return shoot != nil && is(shoot.Spec.SeedName, seed), nil
		}
	}
	return false, nil
}

func backupOf(c *gardenletconfigv1alpha1.GardenletConfiguration) *gardencorev1beta1.Backup {
	if c.SeedConfig == nil {
		return nil
	}
	return c.SeedConfig.Spec.Backup
}

func clientCertificate(seed string, o *certificatesv1.CertificateSigningRequest) (bool, error) {
	block, _ := pem.Decode(o.Spec.Request)
	if block == nil {
		return false, errors.New("no PEM")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return false, err
	}
	return request.Subject.CommonName == constants.SeedUserNamePrefix+seed &&
		slices.Equal(request.Subject.Organization, []string{constants.SeedsGroup}) &&
		slices.Contains(o.Spec.Usages, certificatesv1.UsageClientAuth), nil
}
