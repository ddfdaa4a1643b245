package authorizer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/authentication/user"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/pkg/authorizer"
	"github.com/seedguard/seedguard/pkg/graph"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world returns a graph in which the Seeds s1 and s2 have an object of every kind each: garden-<seed>/own where the
// kind has namespaces, else own-<seed>, but for the kinds that Gardener names after the Seed.
func world() *graph.Graph {
	g := graph.New(graph.Options{})
	for _, s := range []string{"s1", "s2"} {
		own := func(kind graph.Kind) graph.Vertex { return own(kind, s) }
		into := func(to graph.Vertex, from ...graph.Kind) (edges []graph.Edge) {
			for _, kind := range from {
				edges = append(edges, graph.Edge{From: own(kind), To: to})
			}
			return edges
		}
		seed, shoot := own(graph.KindSeed), own(graph.KindShoot)
		toSeed := func(kind graph.Kind) graph.Edge { return graph.Edge{From: own(kind), To: seed} }
		g.Set(seed, into(seed, graph.KindLease))
		g.Set(shoot, append(into(shoot, graph.KindNamespace, graph.KindCloudProfile, graph.KindNamespacedCloudProfile,
			graph.KindExposureClass,
			graph.KindSecretBinding, graph.KindCredentialsBinding, graph.KindConfigMap, graph.KindSecret,
			graph.KindWorkloadIdentity), toSeed(graph.KindShoot)))
		g.Set(own(graph.KindSecretBinding), nil)
		g.Set(own(graph.KindCredentialsBinding), into(own(graph.KindCredentialsBinding), graph.KindInternalSecret))
		g.Set(own(graph.KindControllerDeployment), nil)
		g.Set(own(graph.KindControllerInstallation), append(into(own(graph.KindControllerInstallation),
			graph.KindControllerRegistration, graph.KindControllerDeployment), toSeed(graph.KindControllerInstallation)))
		g.Set(own(graph.KindProject), []graph.Edge{{From: own(graph.KindProject), To: own(graph.KindNamespace)}})
		g.Set(own(graph.KindManagedSeed),
			append(into(own(graph.KindManagedSeed), graph.KindServiceAccount, graph.KindClusterRoleBinding),
				graph.Edge{From: own(graph.KindManagedSeed), To: shoot}))
		for _, kind := range []graph.Kind{graph.KindBackupBucket, graph.KindBackupEntry, graph.KindBastion,
			graph.KindCertificateSigningRequest, graph.KindGardenlet} {
			g.Set(own(kind), []graph.Edge{toSeed(kind)})
		}
	}
	return g
}

// own returns the Seed's object of the kind.
func own(kind graph.Kind, seed string) graph.Vertex {
	v := graph.Vertex{Kind: kind, Namespace: "garden-" + seed, Name: "own"}
	switch kind {
	case graph.KindSeed:
		v.Namespace, v.Name = "", seed
	case graph.KindNamespace:
		v.Namespace, v.Name = "", "garden-"+seed
	case graph.KindGardenlet:
		v.Namespace, v.Name = "garden", seed
	case graph.KindBackupBucket, graph.KindCertificateSigningRequest, graph.KindCloudProfile, graph.KindClusterRoleBinding,
		graph.KindControllerDeployment, graph.KindControllerInstallation, graph.KindControllerRegistration,
		graph.KindExposureClass, graph.KindProject:
		v.Namespace, v.Name = "", "own-"+seed
	}
	return v
}

func newAuthorizer(t testing.TB, options authorizer.Options) *authorizer.Authorizer {
	t.Helper()
	if options.Graph == nil {
		options.Graph = world()
	}
	a, err := authorizer.New(options)
	require.NoError(t, err)
	return a
}

// The decisions, as words of the rows.
const (
	allow = kauthorizer.DecisionAllow
	none  = kauthorizer.DecisionNoOpinion
)

func gardenlet(seed string) user.Info {
	return &user.DefaultInfo{Name: "gardener.cloud:system:seed:" + seed,
		Groups: []string{"gardener.cloud:system:seeds", "system:authenticated"}}
}

func extension(seed string) user.Info {
	return &user.DefaultInfo{
		Name:   "system:serviceaccount:seed-" + seed + ":extension-any",
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:seed-" + seed, "system:authenticated"},
	}
}

func person() user.Info { return &user.DefaultInfo{Name: "jane", Groups: []string{"devs"}} }

// Who asks, in the rows.
var g1, g2, e1, e2 = gardenlet("s1"), gardenlet("s2"), extension("s1"), extension("s2")

// request is what is asked, but for who asks.
type request = kauthorizer.AttributesRecord

// on makes a request: verb, resource[.group][/subresource], and [namespace/]name or namespace/.
func on(verb, resource, object string) request {
	r := request{Verb: verb, ResourceRequest: true, APIVersion: "*"}
	resource, r.Subresource, _ = strings.Cut(resource, "/")
	r.Resource, r.APIGroup, _ = strings.Cut(resource, ".")
	r.Name = object
	if namespace, name, ok := strings.Cut(object, "/"); ok {
		r.Namespace, r.Name = namespace, name
	}
	return r
}

// labelled adds a label selector to a request.
func labelled(selector string, r request) request {
	parsed, err := labels.Parse(selector)
	if err != nil {
		panic(err)
	}
	r.LabelSelectorRequirements, _ = parsed.Requirements()
	return r
}

// fielded adds a field selector to a request, and as the API server does, takes the name from it.
func fielded(selector string, r request) request {
	parsed := fields.ParseSelectorOrDie(selector)
	r.FieldSelectorRequirements = parsed.Requirements()
	if name, ok := parsed.RequiresExactMatch("metadata.name"); ok && r.Name == "" {
		r.Name = name
	}
	return r
}
