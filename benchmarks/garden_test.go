package benchmarks

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seedguard/seedguard/benchmarks/baseline"
	"github.com/seedguard/seedguard/benchmarks/landscape"
	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/test/pki"
	"github.com/seedguard/seedguard/test/still"
)

// newGarden returns a garden of the landscape once it is ready, stopped when the benchmark ends.
func newGarden(b *testing.B, l *landscape.Landscape, g *graph.Graph) *garden.Garden {
	b.Helper()
	watched := garden.New(garden.Options{Source: still.Source(l.Of), Graph: g})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- watched.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	waiting, stop := context.WithTimeout(ctx, 5*time.Minute)
	defer stop()
	if err := watched.WaitReady(waiting); err != nil {
		b.Fatal(err)
	}
	return watched
}

// managedSeeds50 is a landscape with 50 ManagedSeeds.
func managedSeeds50() *landscape.Landscape {
	return landscape.New(landscape.Options{Shoots: 2000, Seeds: 63})
}

// admissionCase is a request of a gardenlet with its answer.
type admissionCase struct {
	name    string
	request *admissionv1.AdmissionRequest
	allowed bool
}

// admissionCases are requests to decide in the landscape of managedSeeds50, made by the gardenlet of the Seed that
// Shoot 0 is on.
func admissionCases(l *landscape.Landscape) []admissionCase {
	own, stranger := l.SeedName(l.SeedOf(0)), l.SeedName(l.Stranger(0))
	x, y := l.ShootVertex(0), l.ShootVertex(1) // another Seed's
	secret := func(namespace, name string) *admissionv1.AdmissionRequest {
		return create("", "v1", "secrets", "Secret", namespace, name,
			`"data":{"ca.crt":"`+padding+`","ca.key":"`+padding+`"}`)
	}
	entry := func(seed, bucketOf int) *admissionv1.AdmissionRequest {
		o := l.At(graph.KindBackupBucket, bucketOf).(metav1.Object)
		request := create("core.gardener.cloud", "v1beta1", "backupentries", "BackupEntry", x.Namespace, "entry",
			fmt.Sprintf(`"spec":{"bucketName":%q,"seedName":%q}`, o.GetName(), l.SeedName(seed)))
		owner := fmt.Sprintf(`"metadata":{"ownerReferences":[{"apiVersion":"core.gardener.cloud/v1beta1","kind":"Shoot",`+
			`"name":%q,"uid":%q}],`, x.Name, l.At(graph.KindShoot, 0).(metav1.Object).GetUID())
		request.Object.Raw = []byte(strings.Replace(string(request.Object.Raw), `"metadata":{`, owner, 1))
		return request
	}
	list := []admissionCase{
		{"projectSecret", secret(x.Namespace, x.Name+".ca-cluster"), true},
		{"projectSecretOfOther", secret(y.Namespace, y.Name+".ca-cluster"), false},
		{"unrelatedSecret", secret(x.Namespace, "any"), false},
		{"backupEntry", entry(l.SeedOf(0), l.SeedOf(0)), true},
		{"backupEntryOfOther", entry(l.Stranger(0), l.Stranger(0)), false},
		{"updateOf30kBShoot", updateOfShoot(l.At(graph.KindShoot, 0).(*gardencorev1beta1.Shoot)), true},
		{"lease", create("coordination.k8s.io", "v1", "leases", "Lease", "gardener-system-seed-lease", own, `"spec":{}`),
			true},
		{"certificateRequest", create("certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest",
			"", "seed-csr",
			`"spec":{"signerName":"kubernetes.io/kube-apiserver-client","request":"`+certificateRequest(gardenletPrefix+own)+
				`","usages":["digital signature","key encipherment","client auth"]}`), true},
		{"leaseOfOther", create("coordination.k8s.io", "v1", "leases", "Lease", "gardener-system-seed-lease", stranger,
			`"spec":{}`), false},
	}
	for i := range list {
		list[i].request.UserInfo = authenticationv1.UserInfo{Username: gardenletPrefix + own,
			Groups: []string{seedsGroup, everyone}}
	}
	return list
}

// updateOfShoot adds a finalizer to a Shoot of 30 kB, most of it in spec, managedFields and status.
func updateOfShoot(shoot *gardencorev1beta1.Shoot) *admissionv1.AdmissionRequest {
	marshal := func(finalizers ...string) []byte {
		o := shoot.DeepCopy()
		o.SetGroupVersionKind(gardencorev1beta1.SchemeGroupVersion.WithKind("Shoot"))
		o.Finalizers = finalizers
		for i := 0; len(o.Spec.Resources) < 20; i++ {
			name := fmt.Sprintf("resource-%d", i)
			o.Spec.Resources = append(o.Spec.Resources, gardencorev1beta1.NamedResourceReference{Name: name,
				ResourceRef: autoscalingv1.CrossVersionObjectReference{APIVersion: "v1", Kind: "Secret", Name: name}})
		}
		for len(o.Spec.Provider.Workers) < 20 {
			o.Spec.Provider.Workers = append(o.Spec.Provider.Workers, gardencorev1beta1.Worker{
				Name: "worker", Machine: gardencorev1beta1.Machine{Type: "large"},
				Annotations: map[string]string{"a": padding[:400]}})
		}
		for len(o.Status.Conditions) < 10 {
			o.Status.Conditions = append(o.Status.Conditions, gardencorev1beta1.Condition{Message: padding[:1000]})
		}
		for len(o.ManagedFields) < 5 {
			o.ManagedFields = append(o.ManagedFields, metav1.ManagedFieldsEntry{Manager: "gardenlet",
				FieldsV1: metav1.NewFieldsV1(`{"f:spec":"` + padding[:1000] + `"}`)})
		}
		raw, err := json.Marshal(o)
		if err != nil {
			panic(err)
		}
		return raw
	}
	request := create("core.gardener.cloud", "v1beta1", "shoots", "Shoot", shoot.Namespace, shoot.Name, "")
	request.Operation, request.Object.Raw, request.OldObject.Raw = admissionv1.Update, marshal("gardener"), marshal()
	return request
}

// certificateRequest returns a seed client certificate request, in PEM and base64.
func certificateRequest(user string) string {
	template := &x509.CertificateRequest{Subject: pkix.Name{Organization: []string{seedsGroup}, CommonName: user}}
	request, err := pki.CertificateRequest(template)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(request)
}

var padding = func() string {
	b := make([]byte, 2000)
	for i := range b {
		b[i] = 'A'
	}
	return string(b)
}()

func create(group, version, resource, kind, namespace, name, content string) *admissionv1.AdmissionRequest {
	apiVersion := version
	if group != "" {
		apiVersion = group + "/" + version
	}
	raw := fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"namespace":%q,"name":%q},%s}`, apiVersion, kind,
		namespace, name, content)
	return &admissionv1.AdmissionRequest{
		UID: "705ab4f5-6393-11e8-b7cc-42010a800002", Operation: admissionv1.Create, Namespace: namespace, Name: name,
		Kind:     metav1.GroupVersionKind{Group: group, Version: version, Kind: kind},
		Resource: metav1.GroupVersionResource{Group: group, Version: version, Resource: resource},
		Object:   runtime.RawExtension{Raw: raw},
	}
}

// wholeObjects is the baseline for admission in a landscape.
func wholeObjects(l *landscape.Landscape) *baseline.Admission {
	a := &baseline.Admission{Shoots: map[types.NamespacedName]*gardencorev1beta1.Shoot{},
		BackupBuckets: map[string]*gardencorev1beta1.BackupBucket{}}
	for o := range l.Objects() {
		switch o := o.(type) {
		case *gardencorev1beta1.Shoot:
			a.Shoots[types.NamespacedName{Namespace: o.Namespace, Name: o.Name}] = o
		case *gardencorev1beta1.BackupBucket:
			a.BackupBuckets[o.Name] = o
		case *seedmanagementv1alpha1.ManagedSeed:
			a.ManagedSeeds = append(a.ManagedSeeds, o)
		}
	}
	return a
}

// BenchmarkAdmit measures one admission decision in process with 50 ManagedSeeds in the garden: from the request with
// its object as JSON to the response, with the look-ups in the informers' caches and without the wire. The baseline
// decodes whole objects and looks into whole objects; it says yes or no, without a reason.
func BenchmarkAdmit(b *testing.B) {
	l := managedSeeds50()
	plugin := admission.New(admission.Options{Reader: newGarden(b, l, graph.New(graph.Options{}))})
	whole := wholeObjects(l)
	for _, c := range admissionCases(l) {
		b.Run("request="+c.name+"/managedSeeds=50/impl=seedguard", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if response := plugin.Admit(b.Context(), c.request); response.Allowed != c.allowed {
					b.Fatal(response.Result)
				}
			}
		})
		b.Run("request="+c.name+"/managedSeeds=50/impl=baseline", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if allowed, err := whole.Allows(c.request); allowed != c.allowed || err != nil {
					b.Fatal(allowed, err)
				}
			}
		})
	}
}

// BenchmarkGardenColdStart measures how long it takes from the start of the informers until the garden is ready, with a
// source that makes up its objects in memory: listing, extraction, caches, events and the graph.
func BenchmarkGardenColdStart(b *testing.B) {
	for _, n := range sizes(b) {
		b.Run(fmt.Sprintf("shoots=%d", n), func(b *testing.B) {
			l := landscape.New(landscape.Options{Shoots: n})
			for range b.N {
				g := graph.New(graph.Options{})
				watched := newGarden(b, l, g)
				if x := l.ShootVertex(0); watched.Get(x) == nil || !g.Reaches(x, l.SeedName(l.SeedOf(0))) {
					b.Fatal("the garden is not there")
				}
			}
		})
	}
}
