package e2e

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	testgarden "github.com/seedguard/seedguard/test/garden"
)

// deployed returns the objects in deploy/ by the files that they are in. Patches of kustomizations are left out: they
// are parts of objects.
func deployed(t *testing.T) map[string][]*unstructured.Unstructured {
	t.Helper()
	root, err := testgarden.Root()
	require.NoError(t, err)
	files, patches := map[string][]*unstructured.Unstructured{}, map[string]bool{}
	require.NoError(t, filepath.WalkDir(filepath.Join(root, "deploy"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		files[path], err = testgarden.Parse(content)
		require.NoError(t, err, path)
		require.NotEmpty(t, files[path], path)
		listed, _, err := unstructured.NestedSlice(files[path][0].Object, "patches")
		require.NoError(t, err, path)
		for _, patch := range listed {
			if name, ok := patch.(map[string]any)["path"].(string); ok {
				patches[filepath.Join(filepath.Dir(path), name)] = true
			}
		}
		return nil
	}))
	for path := range patches {
		require.Contains(t, files, path, "a patch that is not there")
		delete(files, path)
	}
	return files
}

// TestDeploy: the API server accepts all of deploy/ whose kinds it knows, to the last field.
func TestDeploy(t *testing.T) {
	c := admin(t, shared)
	accepted := map[string]bool{}
	for path, objects := range deployed(t) {
		for _, o := range objects {
			t.Run(filepath.Base(path)+"/"+o.GetKind()+"/"+o.GetName(), func(t *testing.T) {
				namespace := o.GetNamespace()
				if namespace == "" {
					namespace = "garden" // as a kustomization would, for kinds that have one
				}
				r, err := c.Resource(o.GroupVersionKind(), namespace)
				if meta.IsNoMatchError(err) {
					t.Logf("the garden has no %s", o.GroupVersionKind())
					return
				}
				require.NoError(t, err)
				c.apply(t, object("Namespace", namespace)) // a dry run creates none
				content, err := json.Marshal(o)
				require.NoError(t, err)
				_, err = r.Patch(t.Context(), o.GetName(), types.ApplyPatchType, content, metav1.PatchOptions{
					DryRun: dryRun, FieldManager: "e2e", Force: ptr.To(true), FieldValidation: metav1.FieldValidationStrict,
				})
				require.NoError(t, err)
				accepted[o.GetKind()] = true
			})
		}
	}
	for _, kind := range []string{
		"ClusterRole", "ClusterRoleBinding", "NetworkPolicy", "PodDisruptionBudget", "Deployment", "Service",
		"ServiceAccount", "ValidatingWebhookConfiguration",
	} {
		require.True(t, accepted[kind], "deploy/ has no %s that was tried", kind)
	}
}
