package garden

import (
	"context"
	"fmt"
	"net"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/connrotation"

	"github.com/seedguard/seedguard/pkg/graph"
)

// KubeSource is the Source on an API server. It is safe for concurrent use.
type KubeSource struct {
	clients     map[schema.GroupVersion]*rest.RESTClient
	metadata    metadata.Interface
	reviews     authorizationclient.SelfSubjectAccessReviewsGetter
	connections *connrotation.Dialer
}

// dialTimeout bounds the time to make a connection, which all requests wait for.
const dialTimeout = 5 * time.Second

// NewKubeSource returns the source on the API server that config leads to. Nothing is read yet.
func NewKubeSource(config *rest.Config) (*KubeSource, error) {
	config = rest.CopyConfig(config)
	// Reads beside the informers have their own bounds, and one client-side limiter over all kinds would only slow the
	// start.
	config.QPS = -1
	config.ContentType = runtime.ContentTypeJSON
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	config.NegotiatedSerializer = Codecs.WithoutConversion()
	connections := connrotation.NewDialer((&net.Dialer{Timeout: dialTimeout}).DialContext)
	config.Dial = connections.DialContext
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("cannot make an HTTP client for the API server: %w", err)
	}

	s := &KubeSource{clients: map[schema.GroupVersion]*rest.RESTClient{}, connections: connections}
	for _, kind := range Watched() {
		gv := kind.Resource().GroupVersion()
		if s.clients[gv] != nil {
			continue
		}
		c := rest.CopyConfig(config)
		c.GroupVersion = &gv
		c.APIPath = "/apis"
		if gv.Group == kubernetesGroup {
			c.APIPath = "/api"
		}
		if s.clients[gv], err = rest.RESTClientForConfigAndClient(c, httpClient); err != nil {
			return nil, fmt.Errorf("cannot make a client for %s: %w", gv, err)
		}
	}
	if s.metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(config), httpClient); err != nil {
		return nil, fmt.Errorf("cannot make a metadata client: %w", err)
	}
	if s.reviews, err = authorizationclient.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, fmt.Errorf("cannot make an authorization client: %w", err)
	}
	return s, nil
}

// ListerWatcher implements Source.
func (s *KubeSource) ListerWatcher(kind graph.Kind) cache.ListerWatcher {
	r := kind.Resource()
	return cache.NewListWatchFromClient(s.clients[r.GroupVersion()], r.Resource, metav1.NamespaceAll, fields.Everything())
}

// Live implements Source.
func (s *KubeSource) Live(ctx context.Context, kind graph.Kind, namespace, name string) (runtime.Object, error) {
	o, r := newObject(kind), kind.Resource()
	err := s.clients[r.GroupVersion()].Get().
		NamespaceIfScoped(namespace, kind.Namespaced()).Resource(r.Resource).Name(name).
		Do(ctx).Into(o)
	return o, err
}

// Exists implements Source.
func (s *KubeSource) Exists(
	ctx context.Context, resource schema.GroupVersionResource, namespace, name string,
) error {
	_, err := s.metadata.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	return err
}

// Probe implements Prober. A list of one is answered from where all others are, too, and needs no further permission.
func (s *KubeSource) Probe(ctx context.Context, kind graph.Kind) error {
	_, err := s.metadata.Resource(kind.Resource()).List(ctx, metav1.ListOptions{Limit: 1})
	return err
}

// Redial implements Prober.
func (s *KubeSource) Redial() { s.connections.CloseAll() }

// MayGet asks the API server whether all objects of a resource may be read.
func (s *KubeSource) MayGet(ctx context.Context, r schema.GroupResource) (bool, error) {
	review, err := s.reviews.SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "get", Group: r.Group, Resource: r.Resource},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return review.Status.Allowed, nil
}

var _ Prober = &KubeSource{}
