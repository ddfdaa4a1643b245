package admission

import (
	"errors"
	globs "path"
	"slices"
	"strings"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// This file holds what decides on new references: edges that only the new object implies and by which the client's
// Seed would gain.

// Mode says whether the SeedRestriction has its way.
type Mode string

// The values of Mode.
const (
	// ModeEnforce denies what does not belong to the client.
	ModeEnforce Mode = "Enforce"
	// ModeObserve admits everything, and tells what ModeEnforce would have said.
	ModeObserve Mode = "Observe"
)

// References says what becomes of a write that would widen what the client reaches.
type References string

// The values of References.
const (
	// ReferencesEnforce denies it.
	ReferencesEnforce References = "Enforce"
	// ReferencesWarn admits it, with a warning for the client and an annotation for the audit log.
	ReferencesWarn References = "Warn"
	// ReferencesOff does not look at it.
	ReferencesOff References = "Off"
)

// FirstRegistration says whether a gardenlet may register a Seed that has neither a ManagedSeed nor a Gardenlet with
// references of its own choice.
type FirstRegistration string

// The values of FirstRegistration.
const (
	// FirstRegistrationGarden grants what is in namespace garden and nobody else refers to.
	FirstRegistrationGarden FirstRegistration = "Garden"
	// FirstRegistrationRefuse grants nothing.
	FirstRegistrationRefuse FirstRegistration = "Refuse"
)

// SeedReferences grants Seeds references to objects in namespace garden.
type SeedReferences struct {
	// Seeds are globs of names of Seeds.
	Seeds []string `json:"seeds"`
	// Names are names of Secrets, ConfigMaps and WorkloadIdentities; <seed> in them stands for the Seed's name.
	Names []string `json:"names"`
}

// Policy configures what writes may bring about.
type Policy struct {
	// Mode defaults to Enforce.
	Mode Mode `json:"mode,omitempty"`
	// References defaults to Enforce.
	References References `json:"references,omitempty"`
	// FirstRegistration defaults to Garden.
	FirstRegistration FirstRegistration `json:"firstRegistration,omitempty"`
	// SharedDNSSecrets are globs of names of Secrets and WorkloadIdentities in namespace garden that each Seed may use
	// for DNS.
	SharedDNSSecrets []string `json:"sharedDNSSecrets"`
	// SeedReferences grant references beyond those of ManagedSeeds and Gardenlets.
	SeedReferences []SeedReferences `json:"seedReferences,omitempty"`
	// Exempt lists requests of extensions that are admitted without a check.
	Exempt []Exemption `json:"exempt,omitempty"`
}

// Exemption names requests of extensions that are admitted without a check, because RBAC allows them beside the pair.
// A request must match each of the lists, so with an empty list nothing is exempt.
type Exemption struct {
	// Extensions are globs of names of extensions, without the prefix extension-.
	Extensions []string `json:"extensions"`
	// Namespaces are globs. What has no namespace matches *.
	Namespaces []string `json:"namespaces"`
	// Resources are names of resources, with their API group behind a dot but for the core group.
	Resources []string `json:"resources"`
}

// Grant decides on new references by a field.
type Grant struct {
	// Name is how the table calls it.
	Name string `json:"grant"`
	// About completes the sentence "it grants a new reference …".
	About string `json:"-"`
	// Free says why each new reference is granted, empty for a grant that decides.
	Free    string `json:"why,omitempty"`
	granted func(*decision, garden.Reference) error
}

type grants map[string]Grant

// The grants.
var (
	never              = Grant{Name: "never", About: "never", granted: grantNone}
	checked            = Grant{Name: "checked", About: "that is what the column \"allowed when\" says", granted: grantAll}
	unchanging         = free("nobody can change it")
	ownIssuer          = free("the Secret with the documents of a Shoot's issuer is the Shoot's own")
	ownGeneratedSecret = Grant{Name: "ownGeneratedSecret", About: "to garden/generated-bucket-<name of the BackupBucket>",
		granted: grantGeneratedSecret}
	seedReference = Grant{Name: "seedReference", granted: grantSeedReference,
		About: "to what the seed template of the Seed's ManagedSeed or, where there is none, of its Gardenlet refers to, " +
			"or restriction.seedReferences names"}
	dnsReference = Grant{Name: "dnsReference", granted: anyOf(grantSeedReference, grantSharedDNS),
		About: "as seedReference, or to a Secret or WorkloadIdentity in namespace garden that restriction.sharedDNSSecrets " +
			"matches"}
	firstSeedReference = Grant{Name: "firstSeedReference", granted: anyOf(grantSeedReference, grantFirstRegistration),
		About: "as seedReference; and for a Seed with neither ManagedSeed nor Gardenlet, with " +
			"restriction.firstRegistration Garden, to what is in namespace garden and nothing refers to but the client's own " +
			"BackupBucket"}
	firstDNSReference = Grant{Name: "firstDNSReference", About: "as dnsReference or firstSeedReference",
		granted: anyOf(grantSeedReference, grantSharedDNS, grantFirstRegistration)}
	pullSecret = Grant{Name: "pullSecret", granted: grantPullSecret,
		About: "to what the client's Seed refers to already, what Gardenlets and ControllerDeployments alone refer to, or " +
			"restriction.seedReferences names"}
	providerSecret = Grant{Name: "providerSecret", granted: grantProviderSecret,
		About: "to the Secret that the secretName of a DNS provider named before: gardener-apiserver fills one from the " +
			"other"}
)

// Grants returns the grants that the rows of Writes name, but for those that are free.
func Grants() []Grant {
	return []Grant{
		never, checked, ownGeneratedSecret, seedReference, dnsReference, firstSeedReference, firstDNSReference,
		pullSecret, providerSecret,
	}
}

// free grants all, for a written reason.
func free(why string) Grant {
	return Grant{Name: "free: " + why, Free: why, granted: grantAll}
}

func grantAll(*decision, garden.Reference) error { return nil }

func grantNone(*decision, garden.Reference) error { return errors.New("it may not be added") }

// anyOf grants what one of the grants does. The error is that of the first, which says what an operator can do.
func anyOf(grants ...func(*decision, garden.Reference) error) func(*decision, garden.Reference) error {
	return func(d *decision, r garden.Reference) error {
		var first error
		for _, grant := range grants {
			err := grant(d, r)
			if err == nil {
				return nil
			}
			if first == nil {
				first = err
			}
		}
		return first
	}
}

// newReferences returns the references that only the new object has and by which the client's Seed would gain.
//
// An edge into another Seed gives away and gains nothing. Edges from the owner to a Seed or Shoot are compared with
// the field that implies them, because spec.seedName decides more than status.seedName (so the latter may take over
// from the former); other edges are compared by their ends alone.
func (d *decision) newReferences() ([]garden.Reference, error) {
	after, err := garden.References(d.object)
	if err != nil {
		return nil, err
	}
	var before []garden.Reference
	if d.oldObject != nil {
		if before, err = garden.References(d.oldObject); err != nil {
			return nil, err
		}
	}
	// Objects may have ten thousands of references: they are looked up, not compared each with each.
	own := d.vertex()
	edges, byField := make(map[graph.Edge]bool, len(before)), make(map[garden.Reference]bool, len(before))
	for _, r := range before {
		edges[r.Edge], byField[r] = true, true
	}
	return slices.DeleteFunc(after, func(r garden.Reference) bool {
		if r.To.Kind == graph.KindSeed && r.To != own && r.To.Name != d.client.Seed {
			return true
		}
		decides := r.From == own && !strings.HasPrefix(r.Field.Path, "status.")
		return byField[r] || !decides && edges[r.Edge]
	}), nil
}

// granted denies the first new reference that nobody grants.
func (d *decision) granted() error {
	if len(d.write.Grants) == 0 {
		return nil
	}
	references, err := d.newReferences()
	if err != nil {
		return err
	}
	for _, r := range references {
		grant, ok := d.write.Grants[r.Field.Path]
		if !ok {
			grant = never
		}
		if err := grant.granted(d, r); err != nil {
			other := r.From
			if other == d.vertex() {
				other = r.To
			}
			return forbidden("%s newly refers to %s: %v", r.Field.Path, other, err)
		}
	}
	return nil
}

func grantGeneratedSecret(d *decision, r garden.Reference) error {
	name := naming.GeneratedBucketSecret(d.name)
	want := graph.Vertex{Kind: graph.KindSecret, Namespace: naming.NamespaceGarden, Name: name}
	if r.From != want {
		return errors.New("it may only be " + want.String())
	}
	return nil
}

// grantSeedReference grants a Seed what the seed template of its ManagedSeed or, only where there is none, of its
// Gardenlet refers to, and what the configuration grants it.
func grantSeedReference(d *decision, r garden.Reference) error {
	template, _ := d.template(d.client.Seed)
	if template.Has(r.From) || d.policy.grants(d.client.Seed, r.From) {
		return nil
	}
	return errors.New(
		"grant it in restriction.seedReferences, or set it in the seed template of the ManagedSeed or Gardenlet " +
			naming.NamespaceGarden + "/" + d.client.Seed,
	)
}

// template returns what the whole seed template of a Seed's ManagedSeed refers to or, only where there is none, that
// of its Gardenlet; false when there is neither.
func (d *decision) template(seed string) (garden.VertexSet, bool) {
	for _, v := range bootstrappedAs(seed) {
		if o := d.get(v); o != nil {
			return o.Facts.(garden.SeedFacts).References, true
		}
	}
	return nil, false
}

// grantSharedDNS grants the DNS credentials that all Seeds share.
func grantSharedDNS(d *decision, r garden.Reference) error {
	if r.From.Namespace == naming.NamespaceGarden && r.From.Kind != graph.KindConfigMap &&
		matchesAny(d.policy.SharedDNSSecrets, r.From.Name) {
		return nil
	}
	return errors.New("it matches none of restriction.sharedDNSSecrets")
}

// grantFirstRegistration grants a Seed with neither a ManagedSeed nor a Gardenlet what is in namespace garden and
// nobody but its own BackupBucket refers to.
func grantFirstRegistration(d *decision, r garden.Reference) error {
	if d.policy.FirstRegistration != FirstRegistrationGarden {
		return errors.New("restriction.firstRegistration grants nothing")
	}
	if _, ok := d.template(d.client.Seed); ok {
		return errors.New("the Seed has a ManagedSeed or Gardenlet")
	}
	if r.From.Namespace != naming.NamespaceGarden {
		return errors.New("it is not in namespace garden")
	}
	for _, referrer := range d.reader.Referrers(r.From) {
		if referrer.Kind == graph.KindBackupBucket {
			if o := d.get(referrer); o != nil && o.To(graph.KindSeed) == d.client.Seed {
				continue
			}
		}
		return errors.New("something else refers to it")
	}
	return nil
}

// grantPullSecret grants a Gardenlet the Secrets for its own image that the client's Seed refers to, or that only
// Gardenlets and ControllerDeployments refer to.
func grantPullSecret(d *decision, r garden.Reference) error {
	if d.policy.grants(d.client.Seed, r.From) {
		return nil
	}
	if seed := d.get(graph.Vertex{Kind: graph.KindSeed, Name: d.client.Seed}); seed != nil &&
		seed.Facts.(garden.SeedFacts).References.Has(r.From) {
		return nil
	}
	referrers := d.reader.Referrers(r.From)
	if len(referrers) > 0 && !slices.ContainsFunc(referrers, func(v graph.Vertex) bool { return !d.pulls(v, r.From) }) {
		return nil
	}
	return errors.New("grant it in restriction.seedReferences")
}

// pulls reports whether an object that refers to a Secret does so to pull an image: it is a ControllerDeployment, or
// a Gardenlet that does not hold it as a credential of its Seed.
func (d *decision) pulls(referrer, secret graph.Vertex) bool {
	if referrer.Kind != graph.KindGardenlet {
		return referrer.Kind == graph.KindControllerDeployment
	}
	o := d.get(referrer)
	return o != nil && !o.Facts.(garden.SeedFacts).References.Has(secret)
}

// grantProviderSecret grants a Shoot's DNS provider a credentials ref to the Secret that its secretName named before:
// gardener-apiserver fills one from the other when anybody writes.
func grantProviderSecret(d *decision, r garden.Reference) error {
	if old, ok := d.oldObject.(*gardencorev1beta1.Shoot); ok && old.Spec.DNS != nil {
		for _, provider := range old.Spec.DNS.Providers {
			before := ptr.Deref(provider.SecretName, "") //nolint:staticcheck // deprecated, and still there
			if r.From.Kind == graph.KindSecret && before != "" && before == r.From.Name {
				return nil
			}
		}
	}
	return grantNone(d, r)
}

// Exempts reports whether the configuration exempts a client's requests for a resource in a namespace.
func (p *Policy) Exempts(client identity.Client, namespace string, resource schema.GroupResource) bool {
	if client.Kind != identity.Extension {
		return false
	}
	return slices.ContainsFunc(p.Exempt, func(e Exemption) bool {
		return matchesAny(e.Extensions, client.Extension) && matchesAny(e.Namespaces, namespace) &&
			slices.Contains(e.Resources, resource.String())
	})
}

// grants reports whether the configuration grants the Seed a reference.
func (p *Policy) grants(seed string, v graph.Vertex) bool {
	if v.Namespace != naming.NamespaceGarden {
		return false
	}
	return slices.ContainsFunc(p.SeedReferences, func(r SeedReferences) bool {
		return matchesAny(r.Seeds, seed) && slices.ContainsFunc(r.Names, func(name string) bool {
			return strings.ReplaceAll(name, "<seed>", seed) == v.Name
		})
	})
}

// matchesAny reports whether a name matches one of the globs, which are valid.
func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(glob string) bool {
		ok, err := globs.Match(glob, name)
		return err == nil && ok
	})
}

// ownerKey is what an owner reference is compared by. Versions of an API group come and go.
type ownerKey struct {
	kind schema.GroupKind
	name string
	uid  types.UID
}

func ownerKeyOf(o metav1.OwnerReference) ownerKey {
	return ownerKey{schema.FromAPIVersionAndKind(o.APIVersion, o.Kind).GroupKind(), o.Name, o.UID}
}

// isOwner reports whether an owner reference is to the object.
func isOwner(owner metav1.OwnerReference, o *garden.Object) bool {
	kind := schema.GroupKind{Group: o.Kind.Resource().Group, Kind: o.Kind.String()}
	return o.UID != "" && ownerKeyOf(owner) == ownerKey{kind, o.Name, o.UID}
}

// ownersUnchanged denies changes of the owner references but for those that may be added or dropped: the garbage
// collector deletes what no owner is left of.
func ownersUnchanged(object, oldObject metav1.Object, mayAdd, mayDrop func(metav1.OwnerReference) bool) error {
	missing := func(in, from []metav1.OwnerReference, may func(metav1.OwnerReference) bool) bool {
		there := sets.New[ownerKey]()
		for _, o := range from {
			there.Insert(ownerKeyOf(o))
		}
		return slices.ContainsFunc(in, func(o metav1.OwnerReference) bool {
			return !there.Has(ownerKeyOf(o)) && (may == nil || !may(o))
		})
	}
	after, before := object.GetOwnerReferences(), oldObject.GetOwnerReferences()
	if missing(after, before, mayAdd) {
		return forbidden("an owner reference is added")
	}
	if missing(before, after, mayDrop) {
		return forbidden("an owner reference is dropped")
	}
	return nil
}
