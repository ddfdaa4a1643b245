package admission

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// request is what a decision is asked about, from the webhook or from inside an API server.
type request struct {
	operation       admission.Operation
	resource        schema.GroupVersionResource
	namespace, name string
	// object and oldObject are JSON, empty when the request has none.
	object, oldObject []byte
}

// refusal is why a request is refused.
type refusal struct {
	// code is the HTTP status.
	code int
	// why is for the client and the log. It says what is wrong without telling contents of the object.
	why string
}

func (r *refusal) Error() string { return r.why }

func refuse(code int, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// forbidden refuses what does not belong to the client.
func forbidden(format string, args ...any) error {
	return refuse(http.StatusForbidden, format, args...)
}

// invalid refuses contents that are wrong for everybody.
func invalid(format string, args ...any) error {
	return refuse(http.StatusUnprocessableEntity, format, args...)
}

func badRequest(format string, args ...any) error {
	return refuse(http.StatusBadRequest, format, args...)
}

// decision is one decision on the way. It belongs to one goroutine.
type decision struct {
	request
	client identity.Client
	rule   *Rule
	reader garden.Reader
	now    time.Time

	// seen holds what the check has looked up, in this order. Its refusal may rest on each of them.
	seen []sighting
	// live holds what has been read from the API server, or where that is not available, stands for it.
	live []sighting
}

// sighting is an object as it was seen, nil when it did not exist.
type sighting struct {
	graph.Vertex
	object *garden.Object
}

// get looks an object up, nil when it does not exist.
func (d *decision) get(v graph.Vertex) *garden.Object {
	d.mustLookUp(v.Kind)
	var o *garden.Object
	if i := d.indexLive(v); i >= 0 {
		o = d.live[i].object
	} else {
		o = d.reader.Get(v)
	}
	d.seen = append(d.seen, sighting{v, o})
	return o
}

// list returns all objects of a kind that the informers know. A refusal does not rest on it: who comes too early comes again.
func (d *decision) list(kind graph.Kind) []*garden.Object {
	d.mustLookUp(kind)
	return d.reader.List(kind)
}

// mustLookUp holds checks to the look-ups that the table grants, because permissions are generated from it.
func (d *decision) mustLookUp(kind graph.Kind) {
	if !slices.Contains(d.rule.LooksUp, kind) {
		panic(fmt.Sprintf("BUG: the check %s may not look up a %s", d.rule.Check, kind))
	}
}

func (d *decision) indexLive(v graph.Vertex) int {
	return slices.IndexFunc(d.live, func(s sighting) bool { return s.Vertex == v })
}

// lastNotLive returns the last of the objects seen that has not been read live.
func (d *decision) lastNotLive() (sighting, bool) {
	for _, s := range slices.Backward(d.seen) {
		if d.indexLive(s.Vertex) < 0 {
			return s, true
		}
	}
	return sighting{}, false
}

// vertex is the object that the request is about.
func (d *decision) vertex() graph.Vertex {
	return graph.Vertex{Kind: d.rule.Kind, Namespace: d.namespace, Name: d.name}
}

func (d *decision) seedNamespace() string { return naming.SeedNamespace(d.client.Seed) }

// The words that checks share.

// belongs: the object names the client's Seed in spec.seedName.
func (d *decision) belongs(seedName string) error {
	if seedName != d.client.Seed {
		return forbidden("its spec.seedName is %q", seedName)
	}
	return nil
}

// relatedShoot: the Shoot exists and names the client's Seed in spec.seedName.
func (d *decision) relatedShoot(namespace, name string) error {
	v := graph.Vertex{Kind: graph.KindShoot, Namespace: namespace, Name: name}
	shoot := d.get(v)
	if shoot == nil {
		return notFound(v)
	}
	if seed := shoot.Facts.(garden.ShootFacts).SeedName; seed != d.client.Seed {
		return forbidden("spec.seedName of %s is %q", v, seed)
	}
	return nil
}

// relatedBucket: the BackupBucket exists and names the client's Seed in spec.seedName.
func (d *decision) relatedBucket(name string) error {
	v := graph.Vertex{Kind: graph.KindBackupBucket, Name: name}
	bucket := d.get(v)
	if bucket == nil {
		return notFound(v)
	}
	if seed := bucket.Facts.(garden.BackupBucketFacts).SeedName; seed != d.client.Seed {
		return forbidden("spec.seedName of %s is %q", v, seed)
	}
	return nil
}

func notFound(v graph.Vertex) error { return forbidden("%s does not exist", v) }

// mayBootstrapManagedSeed: the ManagedSeed's Shoot is on the client's Seed, and bootstrapping is allowed.
func (d *decision) mayBootstrapManagedSeed(namespace, name string) error {
	v := graph.Vertex{Kind: graph.KindManagedSeed, Namespace: namespace, Name: name}
	managedSeed, err := d.relatedManagedSeed(v)
	if err != nil {
		return err
	}
	seed := d.get(graph.Vertex{Kind: graph.KindSeed, Name: name})
	return d.notBootstrapped(managedSeed, seed)
}

// relatedManagedSeed: the ManagedSeed exists and its Shoot is on the client's Seed.
func (d *decision) relatedManagedSeed(v graph.Vertex) (*garden.Object, error) {
	managedSeed := d.get(v)
	if managedSeed == nil {
		return nil, notFound(v)
	}
	shoot := managedSeed.Facts.(garden.ManagedSeedFacts).ShootName
	if shoot == "" {
		return nil, forbidden("%s has no Shoot", v)
	}
	return managedSeed, d.relatedShoot(v.Namespace, shoot)
}

// mayBootstrapGardenlet: the Gardenlet is the client's own, it and its Seed exist, and bootstrapping is allowed.
func (d *decision) mayBootstrapGardenlet(namespace, name string) error {
	v := graph.Vertex{Kind: graph.KindGardenlet, Namespace: namespace, Name: name}
	if namespace != naming.NamespaceGarden || name != d.client.Seed {
		return forbidden("%s is not the client's own", v)
	}
	own := d.get(v)
	if own == nil {
		return notFound(v)
	}
	// A Gardenlet that is asked to renew its kubeconfig would pass without a Seed (BootstrapAllowed).
	seed := d.get(graph.Vertex{Kind: graph.KindSeed, Name: name})
	if seed == nil {
		return notFound(graph.Vertex{Kind: graph.KindSeed, Name: name})
	}
	return d.notBootstrapped(own, seed)
}

func (d *decision) notBootstrapped(o, seed *garden.Object) error {
	if allowed, _ := garden.BootstrapAllowed(o, seed, d.now); !allowed {
		return badRequest("%s is already bootstrapped: its Seed has a client certificate, and it is not annotated "+
			"gardener.cloud/operation=renew-kubeconfig", o.Vertex)
	}
	return nil
}
