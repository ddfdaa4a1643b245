package garden

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// resource is one of Gardener's resources, as far as a CustomResourceDefinition needs to know it.
type resource struct {
	group, versions string // the stored version first
	kind, plural    string
	namespaced      bool
	status          bool   // has a status subresource
	selectable      string // the field that field selectors may ask for, beside the name
}

const (
	cluster    = false
	namespaced = true
	status     = true
	noStatus   = false
)

// resources are all that seed clients have to do with.
var resources = []resource{
	{"core.gardener.cloud", "v1beta1", "BackupBucket", "backupbuckets", cluster, status, ""},
	{"core.gardener.cloud", "v1beta1", "BackupEntry", "backupentries", namespaced, status, ""},
	{"core.gardener.cloud", "v1beta1", "CloudProfile", "cloudprofiles", cluster, noStatus, ""},
	{"core.gardener.cloud", "v1 v1beta1", "ControllerDeployment", "controllerdeployments", cluster, noStatus, ""},
	{"core.gardener.cloud", "v1beta1", "ControllerInstallation", "controllerinstallations", cluster, status,
		"spec.seedRef.name"},
	{"core.gardener.cloud", "v1beta1", "ControllerRegistration", "controllerregistrations", cluster, noStatus, ""},
	{"core.gardener.cloud", "v1beta1", "ExposureClass", "exposureclasses", cluster, noStatus, ""},
	{"core.gardener.cloud", "v1beta1", "InternalSecret", "internalsecrets", namespaced, noStatus, ""},
	{"core.gardener.cloud", "v1beta1", "NamespacedCloudProfile", "namespacedcloudprofiles", namespaced, status, ""},
	{"core.gardener.cloud", "v1beta1", "Project", "projects", cluster, status, ""},
	{"core.gardener.cloud", "v1beta1", "SecretBinding", "secretbindings", namespaced, noStatus, ""},
	{"core.gardener.cloud", "v1beta1", "Seed", "seeds", cluster, status, ""},
	{"core.gardener.cloud", "v1beta1", "Shoot", "shoots", namespaced, status, ""},
	{"core.gardener.cloud", "v1beta1", "ShootState", "shootstates", namespaced, noStatus, ""},
	{"operations.gardener.cloud", "v1alpha1", "Bastion", "bastions", namespaced, status, "spec.seedName"},
	{"security.gardener.cloud", "v1alpha1", "CredentialsBinding", "credentialsbindings", namespaced, noStatus, ""},
	{"security.gardener.cloud", "v1alpha1", "WorkloadIdentity", "workloadidentities", namespaced, status, ""},
	{"seedmanagement.gardener.cloud", "v1alpha1", "Gardenlet", "gardenlets", namespaced, status, ""},
	{"seedmanagement.gardener.cloud", "v1alpha1", "ManagedSeed", "managedseeds", namespaced, status, ""},
}

func (r *resource) name() string { return r.plural + "." + r.group }

// definition returns the resource as a CustomResourceDefinition that takes whatever fields an object has.
func (r *resource) definition() *unstructured.Unstructured {
	var versions []any
	for i, name := range strings.Fields(r.versions) {
		version := map[string]any{
			"name": name, "served": true, "storage": i == 0,
			"schema": map[string]any{"openAPIV3Schema": openSchema(strings.FieldsFunc(r.selectable, func(c rune) bool {
				return c == '.'
			}))},
		}
		if r.status {
			version["subresources"] = map[string]any{"status": map[string]any{}}
		}
		if r.selectable != "" {
			version["selectableFields"] = []any{map[string]any{"jsonPath": "." + r.selectable}}
		}
		versions = append(versions, version)
	}
	scope := "Cluster"
	if r.namespaced {
		scope = "Namespaced"
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1",
		"kind":       "CustomResourceDefinition",
		"metadata":   map[string]any{"name": r.name()},
		"spec": map[string]any{
			"group": r.group, "scope": scope, "versions": versions,
			"names": map[string]any{"kind": r.kind, "listKind": r.kind + "List", "plural": r.plural,
				"singular": strings.ToLower(r.kind)},
		},
	}}
}

// openSchema returns the schema of an object in which nothing is fixed but that the path leads to a string.
func openSchema(path []string) map[string]any {
	schema := map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
	if len(path) == 1 {
		schema["properties"] = map[string]any{path[0]: map[string]any{"type": "string"}}
	} else if len(path) > 1 {
		schema["properties"] = map[string]any{path[0]: openSchema(path[1:])}
	}
	return schema
}
