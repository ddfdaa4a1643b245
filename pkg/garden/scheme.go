package garden

import (
	coreinstall "github.com/gardener/gardener/pkg/apis/core/install"
	operationsinstall "github.com/gardener/gardener/pkg/apis/operations/install"
	securityinstall "github.com/gardener/gardener/pkg/apis/security/install"
	seedmanagementinstall "github.com/gardener/gardener/pkg/apis/seedmanagement/install"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

var (
	// Scheme knows the API types of all watched kinds, in all their versions, with the conversions between them, and
	// those of what else seed clients write.
	Scheme = runtime.NewScheme()
	// Codecs encode and decode the types of Scheme.
	Codecs serializer.CodecFactory
)

func init() {
	coreinstall.Install(Scheme)
	operationsinstall.Install(Scheme)
	securityinstall.Install(Scheme)
	seedmanagementinstall.Install(Scheme)
	utilruntime.Must(corev1.AddToScheme(Scheme))
	utilruntime.Must(certificatesv1.AddToScheme(Scheme))
	utilruntime.Must(coordinationv1.AddToScheme(Scheme))
	utilruntime.Must(rbacv1.AddToScheme(Scheme))
	Codecs = serializer.NewCodecFactory(Scheme)
}
