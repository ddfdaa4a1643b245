// Package scenarios holds what seed clients may and may not do as files: the objects of a garden, requests, and what
// each half of seedguard must say to them. The tests of both halves run all of them.
//
//  1. A file is a scenario. Its objects go through the informers into the graph, as in production.
//  2. A request says who asks for what, and what is expected: authorize (allow, noOpinion) of the SeedAuthorizer, admit
//     (allowed, or the HTTP status of the denial) of the SeedRestriction. What is left out is not asked.
//  3. restriction is the configuration of the SeedRestriction. Without it, restriction.references is Off.
//     kubeconfigAccess is that of kubeconfigs.
//  4. A request's name reads as the assertion, and is the name of its subtest.
package scenarios

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/access"
	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/test/still"
)

//go:embed *.yaml
var files embed.FS

// Scenario is a file.
type Scenario struct {
	// Name is the file's name without its ending.
	Name string `json:"-"`
	// Now is the time at which the requests are made.
	Now time.Time `json:"now"`
	// Restriction says what writes may bring about. What writes refer to is not looked at without it.
	Restriction *admission.Policy `json:"restriction"`
	// KubeconfigAccess says which clients may ask for kubeconfigs of Shoots.
	KubeconfigAccess access.Config `json:"kubeconfigAccess"`
	// Objects are the objects of the garden, of watched kinds.
	Objects []runtime.RawExtension `json:"objects"`
	// Requests are independent of each other: none changes an object.
	Requests []Request `json:"requests"`
}

// Request is a request to the API server, and what must become of it.
type Request struct {
	Name string `json:"name"`
	As   Client `json:"as"`
	Verb string `json:"verb"`
	// Resource is resource[.group][/subresource].
	Resource  string `json:"resource"`
	Namespace string `json:"namespace"`
	// Object is the name of the object; that of Body when it is left out.
	Object        string `json:"object"`
	FieldSelector string `json:"fieldSelector"`
	LabelSelector string `json:"labelSelector"`
	// Body is the object that is created, or what it is changed into; for delete, the object that is deleted.
	Body runtime.RawExtension `json:"body"`
	// Old is what an update changes; Body when it is left out.
	Old runtime.RawExtension `json:"old"`
	// Authorize is allow, noOpinion, or empty.
	Authorize string `json:"authorize"`
	// Admit is allowed, an HTTP status, or empty.
	Admit string `json:"admit"`
	// Message is a part of the admission's message, empty for any.
	Message string `json:"message"`
}

// Client is who makes a request: exactly one of the fields is set.
type Client struct {
	// Gardenlet is the name of a Seed.
	Gardenlet string `json:"gardenlet"`
	// Extension is <seed>/<extension>.
	Extension string `json:"extension"`
	// BootstrapToken is the id of a bootstrap token.
	BootstrapToken string `json:"bootstrapToken"`
	// ServiceAccount is <namespace>/<name>.
	ServiceAccount string `json:"serviceAccount"`
	// User is a user in no group of note.
	User string `json:"user"`
}

// The expectations.
const (
	Allow     = "allow"
	NoOpinion = "noOpinion"
	Allowed   = "allowed"
)

// Info returns the user.
func (c Client) Info() *user.DefaultInfo {
	switch {
	case c.Gardenlet != "":
		return &user.DefaultInfo{Name: "gardener.cloud:system:seed:" + c.Gardenlet,
			Groups: []string{"gardener.cloud:system:seeds", user.AllAuthenticated}}
	case c.Extension != "":
		seed, extension, _ := strings.Cut(c.Extension, "/")
		return serviceAccount("seed-"+seed, "extension-"+extension)
	case c.BootstrapToken != "":
		return &user.DefaultInfo{Name: "system:bootstrap:" + c.BootstrapToken,
			Groups: []string{"system:bootstrappers", user.AllAuthenticated}}
	case c.ServiceAccount != "":
		namespace, name, _ := strings.Cut(c.ServiceAccount, "/")
		return serviceAccount(namespace, name)
	default:
		return &user.DefaultInfo{Name: c.User, Groups: []string{user.AllAuthenticated}}
	}
}

func serviceAccount(namespace, name string) *user.DefaultInfo {
	return &user.DefaultInfo{
		Name:   "system:serviceaccount:" + namespace + ":" + name,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, user.AllAuthenticated},
	}
}

func (r *Request) resource() (resource schema.GroupResource, subresource string) {
	name, subresource, _ := strings.Cut(r.Resource, "/")
	return schema.ParseGroupResource(name), subresource
}

func (r *Request) body() (metav1.PartialObjectMetadata, error) {
	var o metav1.PartialObjectMetadata
	if len(r.Body.Raw) == 0 {
		return o, nil
	}
	return o, yaml.Unmarshal(r.Body.Raw, &o)
}

// Attributes returns the request as the SeedAuthorizer is asked. As at the API server, the name of an object that is
// created is not known.
func (r *Request) Attributes() (authorizer.AttributesRecord, error) {
	resource, subresource := r.resource()
	o, err := r.body()
	a := authorizer.AttributesRecord{
		User: r.As.Info(), Verb: r.Verb, ResourceRequest: true,
		APIGroup: resource.Group, APIVersion: "*", Resource: resource.Resource, Subresource: subresource,
		Namespace: orElse(r.Namespace, o.Namespace), Name: orElse(r.Object, o.Name),
	}
	if err != nil {
		return a, err
	}
	if r.Verb == "create" && subresource == "" {
		a.Name = ""
	}
	if r.FieldSelector != "" {
		s, err := fields.ParseSelector(r.FieldSelector)
		if err != nil {
			return a, err
		}
		a.FieldSelectorRequirements = s.Requirements()
	}
	if r.LabelSelector != "" {
		s, err := labels.Parse(r.LabelSelector)
		if err != nil {
			return a, err
		}
		a.LabelSelectorRequirements, _ = s.Requirements()
	}
	return a, nil
}

// Review returns the request as the SeedRestriction is asked.
func (r *Request) Review() (*admissionv1.AdmissionRequest, error) {
	resource, subresource := r.resource()
	o, err := r.body()
	if err != nil {
		return nil, err
	}
	u := r.As.Info()
	gvk := o.GroupVersionKind()
	version := gvk.Version
	if gvk.Group != resource.Group { // the body of a subresource
		for _, kind := range graph.Kinds() {
			if kind.Resource().GroupResource() == resource {
				version = kind.Resource().Version
			}
		}
	}
	review := &admissionv1.AdmissionRequest{
		UID:         "request",
		Kind:        metav1.GroupVersionKind(gvk),
		Resource:    metav1.GroupVersionResource{Group: resource.Group, Version: version, Resource: resource.Resource},
		SubResource: subresource,
		Namespace:   orElse(r.Namespace, o.Namespace),
		Name:        orElse(r.Object, o.Name),
		UserInfo:    authenticationv1.UserInfo{Username: u.Name, Groups: u.Groups},
	}
	switch r.Verb {
	case "create":
		review.Operation, review.Object = admissionv1.Create, r.Body
	case "update", "patch":
		review.Operation, review.Object, review.OldObject = admissionv1.Update, r.Body, r.Old
		if len(r.Old.Raw) == 0 {
			review.OldObject = r.Body
		}
	case "delete":
		review.Operation, review.OldObject = admissionv1.Delete, r.Body
	default:
		return nil, fmt.Errorf("the verb %s is no business of the admission", r.Verb)
	}
	return review, nil
}

func orElse(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// All returns all scenarios.
func All() ([]Scenario, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	var all []Scenario
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s := Scenario{Name: strings.TrimSuffix(name, ".yaml")}
		if err := yaml.UnmarshalStrict(content, &s); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// World is a garden with the objects of a scenario in it.
type World struct {
	*garden.Garden
	Graph *graph.Graph
	Clock *testingclock.FakeClock
	// Policy is the scenario's configuration of the SeedRestriction.
	Policy admission.Policy
	// Access is the scenario's configuration of kubeconfigs.
	Access *access.Policy
}

// Run opens a world for each scenario and asks one of the halves about each request. open makes the half from the
// world; what it returns compares the answer with what is expected.
func Run(t *testing.T, open func(t *testing.T, w *World) func(t *testing.T, r Request)) {
	t.Helper()
	all, err := All()
	require.NoError(t, err)
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			ask := open(t, start(t, s))
			for _, r := range s.Requests {
				t.Run(r.Name, func(t *testing.T) { ask(t, r) })
			}
		})
	}
}

func start(t *testing.T, s Scenario) *World {
	t.Helper()
	objects := map[graph.Kind][]runtime.Object{}
	for i, raw := range s.Objects {
		o, _, err := garden.Codecs.UniversalDeserializer().Decode(raw.Raw, nil, nil)
		require.NoError(t, err, "object %d", i)
		kept, err := garden.Extract(o)
		require.NoError(t, err, "object %d", i)
		objects[kept.Kind] = append(objects[kept.Kind], o)
	}

	source := still.Source(func(kind graph.Kind) iter.Seq[runtime.Object] { return slices.Values(objects[kind]) })
	w := &World{Graph: graph.New(graph.Options{}), Clock: testingclock.NewFakeClock(s.Now)}
	w.Policy = admission.Policy{References: admission.ReferencesOff}
	if s.Restriction != nil {
		w.Policy = *s.Restriction
	}
	var err error
	w.Garden, err = garden.New(garden.Options{Source: source, Graph: w.Graph, Clock: w.Clock})
	require.NoError(t, err)
	require.Empty(t, s.KubeconfigAccess.Validate(nil))
	w.Access = access.New(w.Garden, s.KubeconfigAccess, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	waiting, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	require.NoError(t, w.WaitReady(waiting))
	return w
}
