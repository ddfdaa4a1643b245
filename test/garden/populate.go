package garden

import (
	"context"
	"fmt"
	"slices"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/pkg/naming"
)

// namespaces that a garden has beside those of its Projects and Seeds. Kubernetes makes kube-system too, but a little
// later.
var namespaces = []string{"garden", "gardener-system-public", "gardener-system-seed-lease",
	"gardener-system-shoot-issuer", "kube-system"}

// populate creates what a garden consists of before any Seed registers.
func (g *Garden) populate(ctx context.Context) (err error) {
	if g.mapper, err = newMapper(g.Admin()); err != nil {
		return err
	}
	admin, err := g.NewClient(g.Admin())
	if err != nil {
		return err
	}
	if err := admin.Apply(ctx, namespacesNamed(namespaces...)...); err != nil {
		return err
	}
	if g.Gardener > 0 {
		err = g.aggregate(ctx, admin)
	} else {
		err = g.CreateResources(ctx, g.Without)
	}
	if err != nil {
		return err
	}
	// What a gardenlet that is not yet a seed client may do.
	bootstrapper := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: naming.BootstrapperClusterRole},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"certificates.k8s.io"}, Resources: []string{"certificatesigningrequests"},
				Verbs: []string{"create", "get"}},
			{APIGroups: []string{"certificates.k8s.io"}, Resources: []string{"certificatesigningrequests/seedclient"},
				Verbs: []string{"create"}},
		},
	}
	if err := admin.Apply(ctx, bootstrapper); err != nil {
		return err
	}
	return g.wire(ctx, admin)
}

func namespacesNamed(names ...string) (objects []runtime.Object) {
	for _, name := range names {
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return objects
}

// CreateResources creates Gardener's resources, but for some, and waits until they are served.
func (g *Garden) CreateResources(ctx context.Context, without []string) error {
	admin, err := g.NewClient(g.Admin())
	if err != nil {
		return err
	}
	created := slices.DeleteFunc(slices.Clone(resources), func(r resource) bool {
		return slices.Contains(without, r.name())
	})
	for i := range created {
		if err := admin.Apply(ctx, created[i].definition()); err != nil {
			return err
		}
	}
	return g.waitServed(ctx, admin, created)
}

// waitServed waits until the API server discovers and lists resources.
func (g *Garden) waitServed(ctx context.Context, admin *Client, created []resource) error {
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		g.mapper.Reset()
		for _, r := range created {
			mapping, err := g.mapper.RESTMapping(schema.GroupKind{Group: r.group, Kind: r.kind})
			if meta.IsNoMatchError(err) {
				return false, nil
			}
			if err != nil {
				return false, fmt.Errorf("cannot look up %s: %w", r.kind, err)
			}
			// A resource is discovered before it is served.
			if _, err := admin.dynamic.Resource(mapping.Resource).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
				return false, nil //nolint:nilerr // not yet
			}
		}
		return true, nil
	})
}

// Load applies manifests, and creates the namespaces that they need as Gardener would: those of their objects, and one
// for each Seed. It returns the objects.
func (g *Garden) Load(ctx context.Context, directory string) ([]*unstructured.Unstructured, error) {
	objects, err := ReadManifests(directory)
	if err != nil {
		return nil, err
	}
	admin, err := g.NewClient(g.Admin())
	if err != nil {
		return nil, err
	}
	needed := sets.New[string]()
	for _, o := range objects {
		if o.GetNamespace() != "" {
			needed.Insert(o.GetNamespace())
		}
		if o.GetKind() == "Seed" {
			needed.Insert(naming.SeedNamespace(o.GetName()))
		}
	}
	if err := admin.Apply(ctx, namespacesNamed(sets.List(needed)...)...); err != nil {
		return nil, err
	}
	for _, o := range objects {
		if err := admin.Apply(ctx, o); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// Extension does for an extension what the gardenlet of its Seed does: it creates the ServiceAccount and has a token
// made for it. It returns the extension's client configuration.
func (g *Garden) Extension(ctx context.Context, seed, name string, lifetime time.Duration) (*rest.Config, error) {
	config, err := g.Gardenlet(seed)
	if err != nil {
		return nil, err
	}
	gardenlet, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	accounts := gardenlet.CoreV1().ServiceAccounts(naming.SeedNamespace(seed))
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: naming.ExtensionPrefix + name}}
	if _, err := accounts.Create(ctx, account, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, err
	}
	seconds := int64(lifetime.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	answer, err := accounts.CreateToken(ctx, account.Name, request, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return g.WithToken(answer.Status.Token), nil
}
