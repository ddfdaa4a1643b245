package garden

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func crd(group, versions, kind, plural, scope, selectable string, status bool) *unstructured.Unstructured {
	var list []any
	for i, v := range strings.Split(versions, ",") {
		schema := map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
		version := map[string]any{"name": v, "served": true, "storage": i == 0, "schema": map[string]any{"openAPIV3Schema": schema}}
		if status {
			version["subresources"] = map[string]any{"status": map[string]any{}}
		}
		if selectable != "" {
			version["selectableFields"] = []any{map[string]any{"jsonPath": selectable}}
			path := strings.Split(selectable[1:], ".")
			at := schema
			for j, p := range path {
				next := map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
				if j == len(path)-1 {
					next = map[string]any{"type": "string"}
				}
				at["properties"] = map[string]any{p: next}
				at = next
			}
		}
		list = append(list, version)
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"spec": map[string]any{
			"group": group, "scope": scope, "versions": list,
			"names": map[string]any{"kind": kind, "plural": plural, "singular": strings.ToLower(kind), "listKind": kind + "List"},
		},
	}}
	u.SetName(plural + "." + group)
	_ = metav1.ObjectMeta{}
	return u
}

func allResources() []*unstructured.Unstructured {
	const c, n, ns = "core.gardener.cloud", "Namespaced", "Cluster"
	return []*unstructured.Unstructured{
		crd(c, "v1beta1", "BackupBucket", "backupbuckets", ns, "", true),
		crd(c, "v1beta1", "BackupEntry", "backupentries", n, "", true),
		crd(c, "v1beta1", "CloudProfile", "cloudprofiles", ns, "", false),
		crd(c, "v1,v1beta1", "ControllerDeployment", "controllerdeployments", ns, "", false),
		crd(c, "v1beta1", "ControllerInstallation", "controllerinstallations", ns, ".spec.seedRef.name", true),
		crd(c, "v1beta1", "ControllerRegistration", "controllerregistrations", ns, "", false),
		crd(c, "v1beta1", "ExposureClass", "exposureclasses", ns, "", false),
		crd(c, "v1beta1", "InternalSecret", "internalsecrets", n, "", false),
		crd(c, "v1beta1", "NamespacedCloudProfile", "namespacedcloudprofiles", n, "", true),
		crd(c, "v1beta1", "Project", "projects", ns, "", true),
		crd(c, "v1beta1", "SecretBinding", "secretbindings", n, "", false),
		crd(c, "v1beta1", "Seed", "seeds", ns, "", true),
		crd(c, "v1beta1", "Shoot", "shoots", n, "", true),
		crd(c, "v1beta1", "ShootState", "shootstates", n, "", false),
		crd("operations.gardener.cloud", "v1alpha1", "Bastion", "bastions", n, ".spec.seedName", true),
		crd("security.gardener.cloud", "v1alpha1", "CredentialsBinding", "credentialsbindings", n, "", false),
		crd("security.gardener.cloud", "v1alpha1", "WorkloadIdentity", "workloadidentities", n, "", true),
		crd("seedmanagement.gardener.cloud", "v1alpha1", "Gardenlet", "gardenlets", n, "", true),
		crd("seedmanagement.gardener.cloud", "v1alpha1", "ManagedSeed", "managedseeds", n, "", true),
	}
}
