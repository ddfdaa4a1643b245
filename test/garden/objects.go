package garden

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	gardencorev1 "github.com/gardener/gardener/pkg/apis/core/v1"
	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	operationsv1alpha1 "github.com/gardener/gardener/pkg/apis/operations/v1alpha1"
	securityv1alpha1 "github.com/gardener/gardener/pkg/apis/security/v1alpha1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	kubernetesscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	watched "github.com/seedguard/seedguard/pkg/garden"
)

// Scheme knows the API types of Kubernetes and of Gardener.
var Scheme = runtime.NewScheme()

func init() {
	utilruntime.Must(kubernetesscheme.AddToScheme(Scheme))
	utilruntime.Must(gardencorev1beta1.AddToScheme(Scheme))
	utilruntime.Must(gardencorev1.AddToScheme(Scheme))
	utilruntime.Must(operationsv1alpha1.AddToScheme(Scheme))
	utilruntime.Must(securityv1alpha1.AddToScheme(Scheme))
	utilruntime.Must(seedmanagementv1alpha1.AddToScheme(Scheme))
}

// Unstructured turns an API object into what the dynamic client takes. It panics on a type that Scheme does not know.
func Unstructured(o runtime.Object) *unstructured.Unstructured {
	if u, ok := o.(*unstructured.Unstructured); ok {
		return u.DeepCopy()
	}
	kinds, _, err := Scheme.ObjectKinds(o)
	utilruntime.Must(err)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	utilruntime.Must(err)
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(kinds[0])
	return u
}

// ReadManifests reads all objects from the manifests (YAML or JSON) in a directory and those below it, in the order of
// names.
func ReadManifests(directory string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			return err
		}
		content, err := os.ReadFile(path) // #nosec G304 -- the caller names the directory
		if err != nil {
			return err
		}
		found, err := Parse(content)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		objects = append(objects, found...)
		return nil
	})
	return objects, err
}

// Parse reads all objects from the documents of a manifest, those in Lists too.
func Parse(content []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		u := &unstructured.Unstructured{}
		if err := decoder.Decode(&u.Object); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		switch {
		case len(u.Object) == 0: // nothing between two separators
		case u.IsList():
			err := u.EachListItem(func(o runtime.Object) error {
				objects = append(objects, o.(*unstructured.Unstructured))
				return nil
			})
			if err != nil {
				return nil, err
			}
		default:
			objects = append(objects, u)
		}
	}
}

// Client is a client of the garden's API server for objects of any kind.
type Client struct {
	// Config is what the client was made from.
	Config *rest.Config
	// FieldManager is whose fields Apply sets.
	FieldManager string
	// Kubernetes is the same client for the kinds of Kubernetes.
	Kubernetes kubernetes.Interface

	dynamic dynamic.Interface
	mapper  meta.ResettableRESTMapper
}

// NewClient returns a client. It asks for the API server's resources as the administrator, so that its own requests are
// those that are made with it, and nothing else.
func (g *Garden) NewClient(config *rest.Config) (*Client, error) { return newClient(config, g.mapper) }

func newClient(config *rest.Config, mapper meta.ResettableRESTMapper) (*Client, error) {
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	c := &Client{Config: config, FieldManager: "test-garden", mapper: mapper}
	if c.Kubernetes, err = kubernetes.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, err
	}
	c.dynamic, err = dynamic.NewForConfigAndClient(config, httpClient)
	return c, err
}

func newMapper(admin *rest.Config) (meta.ResettableRESTMapper, error) {
	client, err := kubernetes.NewForConfig(admin)
	if err != nil {
		return nil, err
	}
	return restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery())), nil
}

// Resource returns the interface to the objects of a kind.
func (c *Client) Resource(kind schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return c.dynamic.Resource(mapping.Resource).Namespace(namespace), nil
	}
	return c.dynamic.Resource(mapping.Resource), nil
}

// Of returns the interface to the objects of the object's kind and namespace.
func (c *Client) Of(o runtime.Object) (dynamic.ResourceInterface, *unstructured.Unstructured, error) {
	u := Unstructured(o)
	r, err := c.Resource(u.GroupVersionKind(), u.GetNamespace())
	return r, u, err
}

// Export writes the objects that seedguard watches into a directory, as kubectl get -A -o json does.
func (c *Client) Export(ctx context.Context, directory string) error {
	for _, kind := range watched.Watched() {
		r := kind.Resource()
		list, err := c.dynamic.Resource(r).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		content, err := list.MarshalJSON()
		if err != nil {
			return err
		}
		name := filepath.Join(directory, r.GroupResource().String()+".json")
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Apply brings objects into the state that is given, and their statuses too, by server-side apply.
func (c *Client) Apply(ctx context.Context, objects ...runtime.Object) error {
	for _, o := range objects {
		r, u, err := c.Of(o)
		if err != nil {
			return err
		}
		// What a cluster gave to the object when it was written down does not hold in this one.
		for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
			"managedFields", "selfLink"} {
			unstructured.RemoveNestedField(u.Object, "metadata", field)
		}
		status, hasStatus := u.Object["status"].(map[string]any)
		delete(u.Object, "status")
		options := metav1.ApplyOptions{FieldManager: c.FieldManager, Force: true}
		if _, err := r.Apply(ctx, u.GetName(), u, options); err != nil {
			return fmt.Errorf("cannot apply %s %s/%s: %w", u.GetKind(), u.GetNamespace(), u.GetName(), err)
		}
		if !hasStatus || len(status) == 0 {
			continue
		}
		u.Object["status"] = status
		if _, err := r.ApplyStatus(ctx, u.GetName(), u, options); err != nil {
			return fmt.Errorf("cannot apply the status of %s %s/%s: %w", u.GetKind(), u.GetNamespace(), u.GetName(), err)
		}
	}
	return nil
}
