package landscape

import (
	"fmt"
	"strings"
	"time"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// past is when everything was created.
var past = metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

// tracked gives a realistic object what the API server keeps of who set which field: a quarter to a half of an object.
func (l *Landscape) tracked(m metav1.ObjectMeta) metav1.ObjectMeta {
	if !l.Realistic {
		return m
	}
	fields := fieldsOfOthers
	if strings.HasPrefix(m.Name, "shoot0") || strings.HasPrefix(m.Name, "aws-eu") {
		fields = fieldsOfShoots
	}
	m.Labels = map[string]string{"app.kubernetes.io/managed-by": "landscape", "owner": "team-" + string(m.UID)}
	for _, manager := range []string{"gardener-controller-manager", "gardenlet", "dashboard"} {
		m.ManagedFields = append(m.ManagedFields, metav1.ManagedFieldsEntry{
			Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Time: &past,
			FieldsType: "FieldsV1",
			FieldsV1:   metav1.NewFieldsV1(fields),
		})
	}
	return m
}

var (
	fieldsOfOthers = managedFields(6)
	fieldsOfShoots = managedFields(60)
)

func managedFields(n int) string {
	var b strings.Builder
	b.WriteString(`{"f:metadata":{"f:annotations":{".":{}}},"f:spec":{"f:provider":{".":{}`)
	for i := range n {
		fmt.Fprintf(&b, `,"k:{\"type\":\"Condition%02d\"}":{".":{},"f:status":{},"f:reason":{}}`, i)
	}
	b.WriteString(`}}}`)
	return b.String()
}

func conditions(of string, n int) []gardencorev1beta1.Condition {
	list := make([]gardencorev1beta1.Condition, n)
	for i := range list {
		list[i] = gardencorev1beta1.Condition{
			Type: gardencorev1beta1.ConditionType(fmt.Sprintf("%sCondition%d", of, i)), Status: gardencorev1beta1.ConditionTrue,
			LastTransitionTime: past, LastUpdateTime: past, Reason: "ControlPlaneRunning",
			Message: "All control plane components are healthy; " +
				"the last check found nothing to complain about and took no time.",
		}
	}
	return list
}

// fill gives a Shoot the parts that nobody here looks at: workers, networks, schedules, conditions.
func fill(o *gardencorev1beta1.Shoot) {
	config := []byte(
		`{"apiVersion":"aws.provider.extensions.gardener.cloud/v1alpha1","kind":"InfrastructureConfig","networks":{"vpc":` +
			`{"cidr":"10.250.0.0/16"},"zones":[` +
			strings.TrimSuffix(strings.Repeat(
				`{"name":"eu-west-1a","workers":"10.250.0.0/19","public":"10.250.32.0/20","internal":"10.250.48.0/20"},`, 3), ",") +
			`]}}`)
	o.Spec.Provider.InfrastructureConfig = &runtime.RawExtension{Raw: config}
	o.Spec.Provider.ControlPlaneConfig = &runtime.RawExtension{
		Raw: []byte(`{"apiVersion":"aws.provider.extensions.gardener.cloud/v1alpha1","kind":"ControlPlaneConfig"}`),
	}
	for i := range 3 {
		o.Spec.Provider.Workers = append(o.Spec.Provider.Workers, gardencorev1beta1.Worker{
			Name: fmt.Sprintf("worker-%d", i), Minimum: 1, Maximum: 10,
			Zones: []string{"eu-west-1a", "eu-west-1b", "eu-west-1c"},
			Machine: gardencorev1beta1.Machine{
				Type: "m7i.xlarge", Architecture: new("amd64"),
				Image: &gardencorev1beta1.ShootMachineImage{Name: "gardenlinux", Version: new("1877.3.0")},
			},
			Labels:         map[string]string{"pool": fmt.Sprintf("worker-%d", i), "purpose": "general"},
			Volume:         &gardencorev1beta1.Volume{Type: new("gp3"), VolumeSize: "50Gi"},
			ProviderConfig: &runtime.RawExtension{Raw: config},
		})
	}
	o.Spec.Networking = &gardencorev1beta1.Networking{Type: new("cilium"), Pods: new("100.64.0.0/11"),
		Nodes: new("10.250.0.0/16"), Services: new("100.96.0.0/13")}
	o.Spec.Maintenance = &gardencorev1beta1.Maintenance{
		TimeWindow: &gardencorev1beta1.MaintenanceTimeWindow{Begin: "220000+0100", End: "230000+0100"},
	}
	for _, extension := range []string{"shoot-dns-service", "shoot-cert-service", "shoot-oidc-service"} {
		o.Spec.Extensions = append(o.Spec.Extensions,
			gardencorev1beta1.Extension{Type: extension, ProviderConfig: &runtime.RawExtension{Raw: config}})
	}
	o.Status.Conditions = conditions("Shoot", 5)
	o.Status.Constraints = conditions("Constraint", 4)
	o.Status.Gardener = gardencorev1beta1.Gardener{ID: "0f5a7ee8", Name: "gardenlet-" + o.Name, Version: "v1.150.0"}
	o.Status.LastOperation = &gardencorev1beta1.LastOperation{
		Type: gardencorev1beta1.LastOperationTypeReconcile, State: gardencorev1beta1.LastOperationStateSucceeded,
		Progress:       100,
		LastUpdateTime: past, Description: "Shoot cluster has been successfully reconciled.",
	}
	for i := range 3 {
		o.Status.AdvertisedAddresses = append(o.Status.AdvertisedAddresses, gardencorev1beta1.ShootAdvertisedAddress{
			Name: fmt.Sprintf("address-%d", i), URL: fmt.Sprintf("https://api.%s.%s.example.com", o.Name, o.Namespace),
		})
	}
}
