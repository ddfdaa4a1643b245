package authorizer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seedguard/seedguard/pkg/authorizer"
)

// specTable is the documented table, written down once more and read by a model that shares nothing with the
// authorizer. client | resources | always | via graph | subresources | selector | namespace.
// READ is get, list and watch, LABEL the label of a Seed's own objects.
const specTable = `
* | backupbuckets.core.gardener.cloud | create READ | update patch delete | status finalizers | |
* | backupentries.core.gardener.cloud | create READ | update patch delete | status | |
* | bastions.operations.gardener.cloud | create | READ update patch | status | field spec.seedName=SEED |
gardenlet | certificatesigningrequests.certificates.k8s.io | create | READ | seedclient | |
extension | certificatesigningrequests.certificates.k8s.io | | READ | | |
* | cloudprofiles.core.gardener.cloud namespacedcloudprofiles.core.gardener.cloud | | READ | | |
* | controllerdeployments.core.gardener.cloud exposureclasses.core.gardener.cloud | | READ | | |
* | projects.core.gardener.cloud secretbindings.core.gardener.cloud | | READ | | |
* | credentialsbindings.security.gardener.cloud namespaces | | READ | | |
gardenlet | clusterrolebindings.rbac.authorization.k8s.io | create | get patch update | | |
extension | clusterrolebindings.rbac.authorization.k8s.io | | get | | |
* | configmaps | create | get patch update delete list watch | | |
* | controllerinstallations.core.gardener.cloud | | READ update patch | status | field spec.seedRef.name=SEED |
* | controllerregistrations.core.gardener.cloud | READ | | | |
* | events events.events.k8s.io | create patch | | | |
* | internalsecrets.core.gardener.cloud | create | get update patch delete list watch | | |
gardenlet | leases.coordination.k8s.io | create | get update patch list watch | | |
extension | leases.coordination.k8s.io | create READ update patch delete deletecollection | | | | seed-SEED
* | gardenlets.seedmanagement.gardener.cloud | create | READ update patch | status | field metadata.name=SEED | garden
* | managedseeds.seedmanagement.gardener.cloud | | READ update patch | status | LABEL |
* | secrets | create | get patch update delete | | |
* | seeds.core.gardener.cloud | create | READ update patch delete | status | LABEL |
gardenlet | serviceaccounts | create | get patch update | | |
extension | serviceaccounts | | get | | |
* | shoots.core.gardener.cloud | | READ update patch | status finalizers | LABEL |
* | shootstates.core.gardener.cloud | create | get update patch delete list watch | | |
* | workloadidentities.security.gardener.cloud | | READ create patch | token | |
`

// specExceptions are the exceptions in its notes: client | verbs | resource, with /* when for all subresources |
// object. BINDING is the ClusterRoleBinding with which the gardenlet of the Seed has bootstrapped.
const specExceptions = `
gardenlet | delete         | clusterrolebindings.rbac.authorization.k8s.io | BINDING
*         | get            | configmaps        | gardener-system-public/gardener-info
*         | get            | configmaps        | gardener-system-public/kube-root-ca.crt
*         | get list watch | secrets           | seed-SEED/*
*         | delete         | secrets           | kube-system/bootstrap-token-TOKEN
gardenlet | *              | serviceaccounts/* | seed-SEED/*
gardenlet | delete         | serviceaccounts   | garden/gardenlet-bootstrap-SEED
*         | get            | shoots.core.gardener.cloud | garden/SEED
`

// specWatched are the resources whose absence the graph is certain of, and which may be deleted at all.
var specWatched = []string{"backupbuckets.core.gardener.cloud", "backupentries.core.gardener.cloud",
	"seeds.core.gardener.cloud"}

// specCluster are the cluster-scoped resources. A request for a Namespace has its name as its namespace.
var specCluster = []string{
	"backupbuckets.core.gardener.cloud", "certificatesigningrequests.certificates.k8s.io",
	"cloudprofiles.core.gardener.cloud",
	"clusterrolebindings.rbac.authorization.k8s.io", "controllerdeployments.core.gardener.cloud",
	"controllerinstallations.core.gardener.cloud",
	"controllerregistrations.core.gardener.cloud", "exposureclasses.core.gardener.cloud", "projects.core.gardener.cloud",
	"seeds.core.gardener.cloud",
}

// specImplied are the project resources of the Shoots of world.
var specImplied = map[string][]string{
	"secrets":                             {"own.ca-cluster", "own.ssh-keypair", "own.ssh-keypair.old", "own.monitoring"},
	"configmaps":                          {"own.ca-cluster", "own.ca-kubelet"},
	"internalsecrets.core.gardener.cloud": {"own.ca-client"},
}

type specRow struct {
	always, graph, subresources []string
	selector, namespace         string
}

type specException struct {
	client                string
	verbs                 []string
	resource              string
	subresources          bool
	namespace, objectName string
}

// client is who asks, as the model knows it.
type client struct {
	kind, seed, token string
}

func cells(line string) []string {
	cells := strings.Split(line, "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells
}

// specConfined are the updates and patches that names confine where writes must not widen what clients reach, by
// resource and subresource: whether the object must be the one that bears the name of the client's Seed, or must not
// be.
var specConfined = map[string]bool{
	"seeds.core.gardener.cloud/status": true, "managedseeds.seedmanagement.gardener.cloud/": false,
	"managedseeds.seedmanagement.gardener.cloud/status": false,
}

// model decides by the documented table, in the plainest way.
type model struct {
	rows       map[string]specRow // by client and resource
	exceptions []specException
	references bool
}

func newModel(t testing.TB) *model {
	t.Helper()
	m := &model{rows: map[string]specRow{}}
	long := strings.NewReplacer("READ", "get list watch", "LABEL", "label name.seed.gardener.cloud/SEED=true",
		"BINDING", "gardener.cloud:system:seed-bootstrapper:garden:gardenlet-bootstrap-SEED").Replace
	for line := range strings.Lines(strings.TrimSpace(long(specTable))) {
		c := cells(line)
		require.Len(t, c, 7, line)
		for _, resource := range strings.Fields(c[1]) {
			for _, kind := range []string{"gardenlet", "extension"} {
				if c[0] == kind || c[0] == "*" {
					m.rows[kind+" "+resource] = specRow{strings.Fields(c[2]), strings.Fields(c[3]), strings.Fields(c[4]), c[5], c[6]}
				}
			}
		}
	}
	for line := range strings.Lines(strings.TrimSpace(long(specExceptions))) {
		c := cells(line)
		require.Len(t, c, 4, line)
		resource, all := strings.CutSuffix(c[2], "/*")
		namespace, name, namespaced := strings.Cut(c[3], "/")
		if !namespaced {
			namespace, name = "", c[3]
		}
		m.exceptions = append(m.exceptions, specException{c[0], strings.Fields(c[1]), resource, all, namespace, name})
	}
	return m
}

// related are the objects of world that have to do with a Seed.
func (m *model) related(resource, namespace, name, seed string) bool {
	switch {
	case resource == "namespaces":
		return name == "garden-"+seed
	case resource == "seeds.core.gardener.cloud":
		return namespace == "" && name == seed
	case resource == "gardenlets.seedmanagement.gardener.cloud":
		return namespace == "garden" && name == seed
	case slices.Contains(specCluster, resource):
		return namespace == "" && name == "own-"+seed
	default:
		return namespace == "garden-"+seed && (name == "own" || slices.Contains(specImplied[resource], name))
	}
}

// exists reports whether world has the object, for watched resources.
func (m *model) exists(resource, namespace, name string) bool {
	return m.related(resource, namespace, name, "s1") || m.related(resource, namespace, name, "s2")
}

func (m *model) allows(who client, r request) bool {
	resource := schema.GroupResource{Group: r.APIGroup, Resource: r.Resource}.String()
	fill := strings.NewReplacer("SEED", who.seed, "TOKEN", who.token).Replace
	for _, e := range m.exceptions {
		if (e.client == "*" || e.client == who.kind) && e.resource == resource && (r.Subresource == "" || e.subresources) &&
			(slices.Contains(e.verbs, "*") || slices.Contains(e.verbs, r.Verb)) &&
			r.Namespace == fill(e.namespace) && (e.objectName == "*" || r.Name == fill(e.objectName)) {
			return true
		}
	}
	row, ok := m.rows[who.kind+" "+resource]
	switch {
	case !ok:
		return false
	case row.namespace != "" && r.Namespace != fill(row.namespace):
		return false
	case r.Subresource != "" && !slices.Contains(row.subresources, r.Subresource):
		return false
	case slices.Contains(row.always, r.Verb):
		return true
	case !slices.Contains(row.graph, r.Verb):
		return false
	}
	if (r.Verb == "list" || r.Verb == "watch") && row.selector != "" &&
		(r.Name == "" || strings.Contains(row.selector, "metadata.name")) {
		var selectors []string
		for _, f := range r.FieldSelectorRequirements {
			selectors = append(selectors, "field "+f.Field+strings.Replace(string(f.Operator), "==", "=", 1)+f.Value)
		}
		for _, l := range r.LabelSelectorRequirements {
			selectors = append(selectors, "label "+l.String())
		}
		return slices.Contains(selectors, fill(row.selector))
	}
	if own, ok := specConfined[resource+"/"+r.Subresource]; ok && m.references &&
		(r.Verb == "update" || r.Verb == "patch") &&
		own != (r.Name == who.seed) {
		return false
	}
	if r.Name == "" {
		return false
	}
	if m.related(resource, r.Namespace, r.Name, who.seed) {
		return true
	}
	return r.Verb == "delete" && r.Subresource == "" && slices.Contains(specWatched, resource) &&
		slices.Contains(specCluster, resource) == (r.Namespace == "") && !m.exists(resource, r.Namespace, r.Name)
}

// TestAgainstTheSpec asks for every resource by every verb on every subresource, of many objects and by several
// clients, and compares the decisions with the model's: nothing is allowed that the documented table does not list, and
// nothing is missing.
func TestAgainstTheSpec(t *testing.T) {
	m := newModel(t)
	resources := []string{"pods", "*", "", "shoots", "secrets.core.gardener.cloud", "roles.rbac.authorization.k8s.io",
		"users", "tokenreviews.authentication.k8s.io"}
	listed := map[string]bool{}
	for key := range m.rows {
		_, resource, _ := strings.Cut(key, " ")
		if !listed[resource] {
			listed[resource] = true
			resources = append(resources, resource)
		}
	}
	inTable := map[string]bool{}
	for _, r := range authorizer.Rules() {
		inTable[r.Resource.String()] = true
	}
	require.Equal(t, listed, inTable)

	clients := []client{{"gardenlet", "s1", token1[len(token1)-6:]}, {"extension", "s1", token1[len(token1)-6:]},
		{"gardenlet", "s2", token2[len(token2)-6:]}}
	verbs := []string{"create", "get", "list", "watch", "update", "patch", "delete", "deletecollection", "*", "",
		"impersonate", "bind", "GET"}
	subresources := []string{"", "status", "finalizers", "token", "seedclient", "adminkubeconfig", "approval", "scale",
		"*"}
	namespaces := []string{"", "garden", "garden-s1", "kube-system", "seed-s1", "seed-s2", "seed-",
		"gardener-system-public"}
	names := []string{"", "own", "own-s1", "own-s2", "s1", "s2", "garden-s1", "gone", "own.ssh-keypair", "gardener-info",
		"gardenlet-bootstrap-s1", "gardenlet-bootstrap-s2",
		bootstrapper + "s1", strings.TrimPrefix(token1, "kube-system/"), strings.TrimPrefix(token2, "kube-system/"), "*"}
	selectors := []request{
		{}, fielded("spec.seedName=s1", request{}), fielded("spec.seedRef.name=s1", request{}), labelled(label1, request{}),
		labelled("a=b,"+label2, request{}),
		{FieldSelectorRequirements: fields.ParseSelectorOrDie("metadata.name=s1").Requirements()},
	}
	m.references = true // without them, names confine nothing: TestUpdatesByName
	a := newAuthorizer(t, authorizer.Options{References: true})
	asked, allowed := 0, 0
	for _, who := range clients {
		info := gardenlet(who.seed)
		if who.kind == "extension" {
			info = extension(who.seed)
		}
		for _, resource := range resources {
			for _, verb := range verbs {
				selectors := selectors
				if verb != "list" && verb != "watch" {
					selectors = selectors[:1]
				}
				for _, subresource := range subresources {
					for _, namespace := range namespaces {
						for _, name := range names {
							for _, selector := range selectors {
								r := on(verb, resource, namespace+"/"+name)
								r.User, r.Subresource = info, subresource
								r.FieldSelectorRequirements, r.LabelSelectorRequirements = selector.FieldSelectorRequirements,
									selector.LabelSelectorRequirements
								want := none
								if m.allows(who, r) {
									want = allow
									allowed++
								}
								asked++
								if got, _, err := a.Authorize(t.Context(), r); got != want || err != nil {
									t.Fatalf("%v, want %v: %s", got, want, describe(r))
								}
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d of %d requests are allowed", allowed, asked)
	require.Greater(t, allowed, 1000)
}

// FuzzAuthorize: whatever is asked, the decision is the model's and never deny.
func FuzzAuthorize(f *testing.F) {
	f.Add("get", "", "secrets", "", "garden-s1", "own", true, "")
	f.Add("list", "core.gardener.cloud", "shoots", "", "", "", false, label1)
	f.Add("create", "", "serviceaccounts", "token", "seed-s1", "x", true, "")
	f.Add("delete", "", "secrets", "", "kube-system", strings.TrimPrefix(token1, "kube-system/"), true, "")
	f.Add("delete", "core.gardener.cloud", "seeds", "", "", "gone", true, "")
	m, a := newModel(f), newAuthorizer(f, authorizer.Options{})
	f.Fuzz(func(t *testing.T, verb, group, resource, subresource, namespace, name string, isGardenlet bool,
		selector string) {
		who := client{"gardenlet", "s1", token1[len(token1)-6:]}
		r := request{
			User: g1, Verb: verb, APIGroup: group, Resource: resource, Subresource: subresource, Namespace: namespace,
			Name: name, ResourceRequest: true,
		}
		if !isGardenlet {
			r.User, who.kind = e1, "extension"
		}
		if parsed, err := fields.ParseSelector(selector); err == nil {
			r.FieldSelectorRequirements = parsed.Requirements()
		}
		want := none
		if m.allows(who, r) {
			want = allow
		}
		got, reason, err := a.Authorize(t.Context(), r)
		require.NoError(t, err)
		require.NotEmpty(t, reason)
		require.Equal(t, want, got)
	})
}
