package admission

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apiserver/pkg/admission"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// decision is one decision on the way. It belongs to one goroutine.
type decision struct {
	admission.Attributes
	// name is the object's. The request may leave it to the object.
	name   string
	client identity.Client
	// bootstrapper is the user when client.Kind is identity.Bootstrapper.
	bootstrapper bootstrapper
	policy       *Policy
	// kind is that of the resource in the tables, zero as long as no row is found.
	kind graph.Kind
	// rule and write are the rows of the two tables for the request, nil for none.
	rule  *Rule
	write *Write
	// object and oldObject are those that the operation has, else nil: their metadata alone, unless a row reads more.
	object, oldObject apiObject
	reader            garden.Reader
	now               time.Time

	// seen holds what one run has looked up, in this order. A denial may rest on each of them.
	seen []sighting
	// live holds what has been read from the API server. Where it is not available, the informers' objects stand in.
	live map[graph.Vertex]*garden.Object
}

// get looks an object up, nil when it does not exist. In one run it is the same whenever it is asked for.
func (d *decision) get(v graph.Vertex) *garden.Object {
	d.mustLookUp(v.Kind)
	if i := slices.IndexFunc(d.seen, func(s sighting) bool { return s.Vertex == v }); i >= 0 {
		return d.seen[i].object
	}
	o, ok := d.live[v]
	if !ok {
		o = d.reader.Get(v)
	}
	d.seen = append(d.seen, sighting{v, o})
	return o
}

// list returns all objects of a kind that the informers know. A denial does not rest on it, since clients try again.
func (d *decision) list(kind graph.Kind) []*garden.Object {
	d.mustLookUp(kind)
	return d.reader.List(kind)
}

// mustLookUp panics on a look-up that the table does not grant, because permissions are generated from the table.
func (d *decision) mustLookUp(kind graph.Kind) {
	if d.rule != nil && slices.Contains(d.rule.LooksUp, kind) ||
		d.write != nil && slices.Contains(d.write.LooksUp, kind) {
		return
	}
	panic(fmt.Sprintf("BUG: the rules for %s of %s may not look up a %s", d.GetOperation(), d.kind, kind))
}

// vertex is the object that the request is about.
func (d *decision) vertex() graph.Vertex {
	return graph.Vertex{Kind: d.kind, Namespace: d.GetNamespace(), Name: d.name}
}

// readsAs returns for whom live reads are counted: the client's Seed, or a bootstrapper, which belongs to no Seed
// yet. No Seed's name holds a colon as users' names do.
func (d *decision) readsAs() string {
	if d.client.Kind == identity.Bootstrapper {
		return d.GetUserInfo().GetName()
	}
	return d.client.Seed
}

func (d *decision) seedNamespace() string { return naming.SeedNamespace(d.client.Seed) }

// The parts that checks share. Each returns nil for what it allows.

// belongs allows an object that names the client's Seed in spec.seedName.
func (d *decision) belongs(seedName *string) error {
	if name := ptr.Deref(seedName, ""); name != d.client.Seed {
		return forbidden("its spec.seedName is %q", name)
	}
	return nil
}

// ownSeed returns the client's Seed, a denial when it does not exist.
func (d *decision) ownSeed() (*garden.Object, error) {
	return d.existing(graph.Vertex{Kind: graph.KindSeed, Name: d.client.Seed})
}

// existing returns an object, a denial when it does not exist.
func (d *decision) existing(v graph.Vertex) (*garden.Object, error) {
	o := d.get(v)
	if o == nil {
		return nil, notFound(v)
	}
	return o, nil
}

// shootOfResource returns the Shoot whose resource the object is by its name. It must be on the client's Seed by its
// spec or, for an existing resource, by its status.
func (d *decision) shootOfResource(existing bool) (*garden.Object, error) {
	v, ok := graph.ImpliedShoot(d.vertex())
	if !ok {
		return nil, forbidden("its name is not that of a project %s of a Shoot", d.kind)
	}
	return d.shootOfClient(v, existing)
}

// relatedShoot allows a Shoot that is on the client's Seed.
func (d *decision) relatedShoot(namespace, name string) error {
	_, err := d.shootOfClient(graph.Vertex{Kind: graph.KindShoot, Namespace: namespace, Name: name}, false)
	return err
}

// shootOfClient returns a Shoot that is on the client's Seed by spec.seedName or, with leaving, by status.seedName.
func (d *decision) shootOfClient(v graph.Vertex, leaving bool) (*garden.Object, error) {
	shoot := d.get(v)
	if shoot != nil && (shoot.Facts.(garden.ShootFacts).SeedName == d.client.Seed || leaving && d.knowsOf(shoot)) {
		return shoot, nil
	}
	return nil, notTheClients(v)
}

// knowsOf reports whether a Shoot is on the client's Seed, or leaves it.
func (d *decision) knowsOf(shoot *garden.Object) bool {
	facts := shoot.Facts.(garden.ShootFacts)
	return facts.SeedName == d.client.Seed || facts.StatusSeedName == d.client.Seed
}

// relatedBucket allows a BackupBucket that exists and names the client's Seed in spec.seedName.
func (d *decision) relatedBucket(name string) error {
	v := graph.Vertex{Kind: graph.KindBackupBucket, Name: name}
	bucket := d.get(v)
	if bucket == nil || bucket.To(graph.KindSeed) != d.client.Seed {
		return notTheClients(v)
	}
	return nil
}

// notTheClients tells nobody whose the object is, or whether it exists.
func notTheClients(v graph.Vertex) error {
	return forbidden("%s does not exist, or belongs to another Seed", v)
}

func notFound(v graph.Vertex) error { return forbidden("%s does not exist", v) }

// mayBootstrapManagedSeed allows a ManagedSeed that may be bootstrapped and whose Shoot is on the client's Seed.
func (d *decision) mayBootstrapManagedSeed(v graph.Vertex) error {
	managedSeed, err := d.relatedManagedSeed(v)
	if err != nil {
		return err
	}
	seed := d.get(graph.Vertex{Kind: graph.KindSeed, Name: v.Name})
	return d.notBootstrapped(managedSeed, seed)
}

// relatedManagedSeed allows a ManagedSeed that exists and whose Shoot is on the client's Seed.
func (d *decision) relatedManagedSeed(v graph.Vertex) (*garden.Object, error) {
	managedSeed, err := d.existing(v)
	if err != nil {
		return nil, err
	}
	shoot := managedSeed.Facts.(garden.SeedFacts).ShootName
	if shoot == "" {
		return nil, forbidden("%s has no Shoot", v)
	}
	return managedSeed, d.relatedShoot(v.Namespace, shoot)
}

// mayBootstrapGardenlet allows the client's own Gardenlet, when its Seed exists and it may be bootstrapped.
func (d *decision) mayBootstrapGardenlet(v graph.Vertex) error {
	if v.Namespace != naming.NamespaceGarden || v.Name != d.client.Seed {
		return forbidden("%s is not the client's own", v)
	}
	own, err := d.existing(v)
	if err != nil {
		return err
	}
	// BootstrapAllowed alone would allow a Gardenlet that is asked to renew its kubeconfig and has no Seed.
	seed, err := d.ownSeed()
	if err != nil {
		return err
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
