package gardenlet

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	testgarden "github.com/seedguard/seedguard/test/garden"
)

// role is what the controllers of a cluster would do with the objects of a kind.
type role struct {
	group, version, kind string
	// play changes the object itself and reports whether it did.
	play func(*unstructured.Unstructured) bool
	// status changes the status and reports whether it did.
	status func(*unstructured.Unstructured) bool
	// with makes other objects, before the status says that they are there.
	with func(context.Context, *testgarden.Client, *unstructured.Unstructured) error
}

const extensionsGroup = "extensions.gardener.cloud"

var roles = []role{
	{group: "apps", version: "v1", kind: "Deployment", status: workloadRuns, with: pods},
	{group: "apps", version: "v1", kind: "StatefulSet", status: workloadRuns},
	{group: "apps", version: "v1", kind: "DaemonSet", status: workloadRuns},
	{version: "v1", kind: "Service", status: hasAddress},
	{group: "resources.gardener.cloud", version: "v1alpha1", kind: "ManagedResource", play: released, status: applied},
	{group: "druid.gardener.cloud", version: "v1alpha1", kind: "Etcd", play: reconciled, status: etcdRuns},
	{group: extensionsGroup, version: "v1alpha1", kind: "BackupBucket", play: reconciled, status: succeeded},
	{group: extensionsGroup, version: "v1alpha1", kind: "BackupEntry", play: reconciled, status: succeeded,
		with: backupSecret},
	{group: extensionsGroup, version: "v1alpha1", kind: "ControlPlane", play: reconciled, status: succeeded},
	{group: extensionsGroup, version: "v1alpha1", kind: "DNSRecord", play: reconciled, status: succeeded},
	{group: extensionsGroup, version: "v1alpha1", kind: "Infrastructure", play: reconciled, status: succeeded},
	{group: extensionsGroup, version: "v1alpha1", kind: "Network", play: reconciled, status: succeeded},
	{group: extensionsGroup, version: "v1alpha1", kind: "OperatingSystemConfig", play: reconciled, status: succeeded},
	{group: extensionsGroup, version: "v1alpha1", kind: "Worker", play: reconciled, status: succeeded},
}

// furnish creates what a cluster has that has nodes and controllers.
func furnish(ctx context.Context, c *testgarden.Client) error {
	istio := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-ingress", Name: "istio-ingressgateway"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Name: "tls", Port: 443}},
		},
	}
	return c.Apply(ctx,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: istio.Namespace}},
		istio,
		// Its own kube-apiserver, which may not say that it is on loopback.
		&corev1.Endpoints{ //nolint:staticcheck // what the gardenlet reads
			ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "kubernetes"},
			Subsets: []corev1.EndpointSubset{{ //nolint:staticcheck // as above
				Addresses: []corev1.EndpointAddress{{IP: "192.0.2.2"}},
				Ports:     []corev1.EndpointPort{{Name: "https", Port: 443, Protocol: corev1.ProtocolTCP}},
			}},
		},
	)
}

// play plays the controllers of a cluster until the context ends.
func play(ctx context.Context, cluster *testgarden.Cluster) {
	client, err := cluster.Client()
	if err != nil {
		panic(err)
	}
	for ; ctx.Err() == nil; time.Sleep(500 * time.Millisecond) {
		for i := range roles {
			err := roles[i].playAll(ctx, client)
			if meta.IsNoMatchError(err) {
				cluster.RefreshKinds() // the gardenlet may not have created the kind yet
				continue
			}
			if err != nil && ctx.Err() == nil {
				fmt.Fprintf(os.Stderr, "%s, playing %s: %v\n", cluster.Name, roles[i].kind, err)
			}
		}
	}
}

func (r *role) playAll(ctx context.Context, client *testgarden.Client) error {
	kind := schema.GroupVersionKind{Group: r.group, Version: r.version, Kind: r.kind}
	all, err := client.Resource(kind, metav1.NamespaceAll)
	if err != nil {
		return err
	}
	list, err := all.List(ctx, metav1.ListOptions{})
	if err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	}
	for i := range list.Items {
		o := &list.Items[i]
		one, err := client.Resource(kind, o.GetNamespace())
		if err != nil {
			return err
		}
		if r.play != nil && r.play(o) {
			o, err = one.Update(ctx, o, metav1.UpdateOptions{})
		}
		if err == nil && r.with != nil {
			err = r.with(ctx, client, o)
		}
		if err == nil && r.status != nil && o.GetDeletionTimestamp() == nil && r.status(o) {
			_, err = one.UpdateStatus(ctx, o, metav1.UpdateOptions{})
		}
		if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// pods makes as many Pods as a Deployment wants. The gardenlet counts them.
func pods(ctx context.Context, client *testgarden.Client, o *unstructured.Unstructured) error {
	if observed(o) {
		return nil
	}
	labels, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels")
	for i := range replicas(o) {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: o.GetNamespace(), Name: fmt.Sprintf("%s-%d", o.GetName(), i), Labels: labels,
			},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "played", Image: "registry.example.com/none:1"}}},
		}
		_, err := client.Kubernetes.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

// backupSecret makes the credentials for the backups of a Shoot's etcd.
func backupSecret(ctx context.Context, client *testgarden.Client, o *unstructured.Unstructured) error {
	namespace := o.GetName()[:strings.LastIndex(o.GetName(), "--")] // then comes the UID of the Shoot
	return client.Apply(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "etcd-backup"},
		Data: map[string][]byte{"bucketName": []byte("bucket")}})
}

func replicas(o *unstructured.Unstructured) int64 {
	if n, found, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); found {
		return n
	}
	return 1
}

func observed(o *unstructured.Unstructured) bool {
	generation, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	return generation == o.GetGeneration()
}

func setStatus(o *unstructured.Unstructured, fields map[string]any) {
	status, _, _ := unstructured.NestedMap(o.Object, "status")
	if status == nil {
		status = map[string]any{}
	}
	for name, value := range fields {
		status[name] = value
	}
	status["observedGeneration"] = o.GetGeneration()
	o.Object["status"] = status
}

func condition(kind, status string) any {
	now := metav1.Now().UTC().Format(time.RFC3339)
	return map[string]any{"type": kind, "status": status, "reason": "Played", "message": "played by the test",
		"lastTransitionTime": now, "lastUpdateTime": now}
}

func workloadRuns(o *unstructured.Unstructured) bool {
	if observed(o) {
		return false
	}
	replicas := replicas(o)
	switch o.GetKind() {
	case "Deployment":
		setStatus(o, map[string]any{"replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas,
			"availableReplicas": replicas,
			"conditions":        []any{condition("Available", "True"), condition("Progressing", "True")}})
		for _, c := range o.Object["status"].(map[string]any)["conditions"].([]any) {
			c.(map[string]any)["reason"] = "NewReplicaSetAvailable"
		}
	case "StatefulSet":
		setStatus(o, map[string]any{"replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas,
			"availableReplicas": replicas, "currentReplicas": replicas, "currentRevision": "1", "updateRevision": "1"})
	case "DaemonSet":
		setStatus(o, map[string]any{"currentNumberScheduled": int64(0), "desiredNumberScheduled": int64(0),
			"numberMisscheduled": int64(0), "numberReady": int64(0)})
	}
	return true
}

// hasAddress gives a Service the address that a load balancer would have.
func hasAddress(o *unstructured.Unstructured) bool {
	kind, _, _ := unstructured.NestedString(o.Object, "spec", "type")
	addresses, _, _ := unstructured.NestedSlice(o.Object, "status", "loadBalancer", "ingress")
	if kind != "LoadBalancer" || len(addresses) > 0 {
		return false
	}
	address := map[string]any{"ip": "192.0.2.1"}
	o.Object["status"] = map[string]any{"loadBalancer": map[string]any{"ingress": []any{address}}}
	return true
}

// released lets a ManagedResource go that is being deleted: nothing was created for it.
func released(o *unstructured.Unstructured) bool {
	if o.GetDeletionTimestamp() == nil || len(o.GetFinalizers()) == 0 {
		return false
	}
	o.SetFinalizers(nil)
	return true
}

func applied(o *unstructured.Unstructured) bool {
	if observed(o) {
		return false
	}
	setStatus(o, map[string]any{"conditions": []any{condition("ResourcesApplied", "True"),
		condition("ResourcesHealthy", "True"), condition("ResourcesProgressing", "False")}})
	return true
}

const operation = "gardener.cloud/operation"

// reconciled takes up what the gardenlet asks for by an annotation, and lets go what is being deleted.
func reconciled(o *unstructured.Unstructured) bool {
	annotations := o.GetAnnotations()
	_, asked := annotations[operation]
	if asked {
		delete(annotations, operation)
		o.SetAnnotations(annotations)
	}
	return released(o) || asked
}

func etcdRuns(o *unstructured.Unstructured) bool {
	if observed(o) {
		return false
	}
	setStatus(o, map[string]any{"ready": true, "replicas": int64(1), "readyReplicas": int64(1),
		"conditions": []any{condition("Ready", "True"), condition("AllMembersReady", "True"),
			condition("AllMembersUpdated", "True")}})
	return true
}

func succeeded(o *unstructured.Unstructured) bool {
	timestamp := o.GetAnnotations()["gardener.cloud/timestamp"]
	last, _, _ := unstructured.NestedString(o.Object, "status", "lastOperation", "lastUpdateTime")
	asked, err := time.Parse(time.RFC3339Nano, timestamp)
	updated, parseErr := time.Parse(time.RFC3339, last)
	if observed(o) && (err != nil || parseErr == nil && !updated.Before(asked)) {
		return false
	}
	setStatus(o, map[string]any{"lastOperation": map[string]any{
		"type": "Reconcile", "state": "Succeeded", "progress": int64(100), "description": "played by the test",
		"lastUpdateTime": time.Now().Add(time.Second).UTC().Format(time.RFC3339),
	}})
	return true
}
