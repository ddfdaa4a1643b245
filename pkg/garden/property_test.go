package garden

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	apiwatch "k8s.io/apimachinery/pkg/watch"

	"github.com/seedguard/seedguard/pkg/graph"
)

// templates make random objects: in each, words that start with $ are chosen anew, and each line but the first is there
// or not. There are so few names that objects refer to each other, and to what does not exist, all the time.
var templates = []struct {
	kind graph.Kind
	yaml string
}{
	{graph.KindSeed, `
metadata: {name: $name}
spec: {backup: {provider: p, credentialsRef: $ref}, resources: [{name: r, resourceRef: $local}]}
status: {clientCertificateExpirationTimestamp: $time}`},
	{graph.KindShoot, `
metadata: {name: $name, namespace: $namespace, uid: $uid, annotations: {authentication.gardener.cloud/issuer: $issuer}}
spec: {seedName: $name, secretBindingName: $name, cloudProfile: {name: $name}, exposureClassName: $name, ` +
		`resources: [{name: r, resourceRef: $local}]}
status: {seedName: $name}`},
	{graph.KindBackupBucket, `
metadata: {name: $name}
spec: {seedName: $name, credentialsRef: $ref, shootRef: {kind: Shoot, apiVersion: core.gardener.cloud/v1beta1, ` +
		`namespace: $namespace, name: $name}}
status: {generatedSecretRef: {namespace: $namespace, name: $name}}`},
	{graph.KindBackupEntry, `
metadata: {name: $name, namespace: $namespace, ownerReferences: [{kind: Shoot, name: $name}]}
spec: {bucketName: $name, seedName: $name}
status: {seedName: $name}`},
	{graph.KindBastion, `
metadata: {name: $name, namespace: $namespace}
spec: {seedName: $name}`},
	{graph.KindControllerDeployment, `
metadata: {name: $name}
helm: {ociRepository: {pullSecretRef: {name: $name}, caBundleSecretRef: {name: $name}}}
resources: [{name: r, resourceRef: $local}]`},
	{graph.KindControllerInstallation, `
metadata: {name: $name}
spec: {registrationRef: {name: $name}, deploymentRef: {name: $name}, seedRef: {name: $name}}`},
	{graph.KindCredentialsBinding, `
metadata: {name: $name, namespace: $namespace}
credentialsRef: $ref`},
	{graph.KindSecretBinding, `
metadata: {name: $name, namespace: $namespace}
secretRef: {name: $name, namespace: $namespace}`},
	{graph.KindProject, `
metadata: {name: $name}
spec: {namespace: $namespace}`},
	{graph.KindServiceAccount, `
metadata: {name: gardenlet-bootstrap-$name, namespace: $namespace}
secrets: [{name: $name}]`},
	{graph.KindGardenlet, `
metadata: {name: $name, namespace: garden, annotations: {gardener.cloud/operation: $operation}}
spec: {deployment: {helm: {ociRepository: {pullSecretRef: {name: $name}}}}}`},
	{graph.KindManagedSeed, `
metadata: {name: $name, namespace: $namespace, annotations: {gardener.cloud/operation: $operation}}
spec: {shoot: {name: $name}, gardenlet: {bootstrap: $bootstrap, ` +
		`config: {apiVersion: gardenlet.config.gardener.cloud/v1alpha1, kind: GardenletConfiguration, ` +
		`seedConfig: {spec: {backup: {provider: p, credentialsRef: $ref}}}}}}`},
	{graph.KindCertificateSigningRequest, `
metadata: {name: $name}
spec: {request: bm90IG9uZQ==, usages: [client auth]}`},
}

// choices are what the words in templates stand for.
func choices(now time.Time) map[string][]string {
	at := func(ahead time.Duration) string { return now.Add(ahead).Format(time.RFC3339) }
	return map[string][]string{
		"name":      {"a", "b", "c.monitoring"},
		"namespace": {"garden", "b"},
		"uid":       {`"1"`, `"2"`},
		"issuer":    {"managed", "other"},
		"operation": {"renew-kubeconfig", "reconcile"},
		"bootstrap": {"BootstrapToken", "ServiceAccount", "None"},
		"time":      {at(-time.Hour), at(30 * time.Minute), at(2 * time.Hour)},
		"ref": {
			"{apiVersion: v1, kind: Secret, namespace: garden, name: a}",
			"{apiVersion: v1, kind: Secret, namespace: b, name: b}",
			"{apiVersion: security.gardener.cloud/v1alpha1, kind: WorkloadIdentity, namespace: b, name: a}",
			"{kind: Pod, name: a}",
		},
		"local": {
			"{apiVersion: v1, kind: Secret, name: a}", "{apiVersion: v1, kind: ConfigMap, name: b}", "{kind: Pod, name: a}",
		},
	}
}

var word = regexp.MustCompile(`\$[a-z]+`)

// event is what may happen to the objects of a garden.
type event int

const (
	eventSet          event = iota // created or changed
	eventSetUnseen                 // the same, and no watch tells
	eventDelete                    //
	eventDeleteUnseen              //
	eventRelist                    // all watches of the kind end, and with them what they knew
	eventClock                     // time passes
	events
)

// world drives a garden by random events and knows what must have come of them.
type world struct {
	*testGarden
	random *rand.Rand
	exists map[graph.Vertex]runtime.Object
	unseen map[graph.Kind]bool
}

func (w *world) object() runtime.Object {
	template := templates[w.random.IntN(len(templates))]
	lines := strings.Split(strings.TrimSpace(template.yaml), "\n")
	kept := lines[:1]
	for _, line := range lines[1:] {
		if w.random.IntN(4) > 0 {
			kept = append(kept, line)
		}
	}
	choices := choices(w.clock.Now())
	manifest := word.ReplaceAllStringFunc(strings.Join(kept, "\n"), func(word string) string {
		options := choices[word[1:]]
		require.NotEmpty(w.t, options, "a template has the unknown word %s", word)
		return options[w.random.IntN(len(options))]
	})
	return ofKind(w.t, template.kind, manifest)
}

func (w *world) step() {
	o := w.object()
	kept, err := Extract(o)
	require.NoError(w.t, err)
	v, old := kept.Vertex, w.exists[kept.Vertex]
	change := func(what apiwatch.EventType, o runtime.Object, seen bool) {
		probability := 1.0
		if !seen {
			probability, w.unseen[v.Kind] = 0, true
		}
		// The source keeps what it is given, and writes to it.
		w.source.kinds[v.Kind].Change(apiwatch.Event{Type: what, Object: o.DeepCopyObject()}, probability)
	}
	switch happens := event(w.random.IntN(int(events))); happens {
	case eventSet, eventSetUnseen:
		seen := happens == eventSet
		// The source tells objects of one name and different UIDs apart, as the API server does.
		if old != nil && uid(old) != uid(o) {
			change(apiwatch.Deleted, old, seen)
			old = nil
		}
		w.exists[v] = o
		if old == nil {
			change(apiwatch.Added, o, seen)
		} else {
			change(apiwatch.Modified, o, seen)
		}
	case eventDelete, eventDeleteUnseen:
		if old != nil {
			delete(w.exists, v)
			change(apiwatch.Deleted, old, happens == eventDelete)
		}
	case eventRelist:
		// client-go waits longer and longer between lists, so that there cannot be many.
		if w.random.IntN(8) == 0 {
			w.relist(v.Kind)
		}
	case eventClock:
		w.clock.Step(10 * time.Minute)
	}
}

// relist makes the informer of a kind list again. The source asks that only of who has missed its last change, and it
// takes the one of an object that comes and goes unseen for that.
func (w *world) relist(kind graph.Kind) {
	source := w.source.kinds[kind]
	source.AddDropWatch(newObject(kind))
	source.DeleteDropWatch(newObject(kind))
	source.ResetWatch()
	delete(w.unseen, kind)
}

func uid(o runtime.Object) types.UID { return o.(metav1.Object).GetUID() }

// contents prints all that is in a graph, one line for each vertex and edge, sorted.
func contents(t testing.TB, g *graph.Graph) []string {
	view := g.View()
	var lines []string
	for nodes := view.Nodes(); nodes.Next(); {
		n := nodes.Node().(graph.Node)
		lines = append(lines, fmt.Sprintf("%s object=%t implied=%t seeds=%v", n.Vertex, n.Object, n.Implied,
			g.Seeds(n.Vertex)))
		for to := view.From(n.ID()); to.Next(); {
			lines = append(lines, fmt.Sprintf("%s -> %s", n.Vertex, to.Node().(graph.Node).Vertex))
		}
	}
	require.Zero(t, g.Stats().LeftOut)
	slices.Sort(lines)
	return lines
}

// TestAnyOrder: whatever happens to the objects, seen or not, in the end the graph is the one of a garden that starts
// now.
func TestAnyOrder(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := &world{
				testGarden: run(t, newMemorySource(t)), random: rand.New(rand.NewPCG(seed, 0)), // #nosec G404 -- a test's
				exists: map[graph.Vertex]runtime.Object{}, unseen: map[graph.Kind]bool{},
			}
			for range 600 {
				w.step()
			}
			for kind := range w.unseen {
				w.relist(kind)
			}

			afresh := newMemorySource(t)
			for _, o := range w.exists {
				afresh.add(o)
			}
			want := contents(t, runAt(t, afresh, w.clock.Now()).graph)
			require.Greater(t, len(want), 100, "the random objects make a graph")
			got := contents(t, w.graph)
			until := time.Now().Add(time.Minute)
			for !slices.Equal(got, want) && time.Now().Before(until) {
				time.Sleep(10 * time.Millisecond)
				got = contents(t, w.graph)
			}
			for _, line := range got {
				if _, found := slices.BinarySearch(want, line); !found {
					t.Errorf("left over: %s", line)
				}
			}
			for _, line := range want {
				if _, found := slices.BinarySearch(got, line); !found {
					t.Errorf("lost: %s", line)
				}
			}
		})
	}
}
