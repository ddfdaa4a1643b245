// Package landscape makes up gardens of any size for benchmarks: the same options always give the same objects.
//
// What is in it, in the proportions of a garden at work (docs/rules.md lists the kinds):
//
//  1. A Seed per 50 to 200 Shoots, each with a BackupBucket, its backup Secret, and a ControllerInstallation with its
//     ServiceAccount for each of Extensions extensions. Four of five Seeds are ManagedSeeds, whose Shoots run in the
//     namespace garden on the fifth; the fifth has a Gardenlet.
//  2. A Project per 20 Shoots, with a CredentialsBinding, and a SecretBinding in every fourth. Its Shoots are on 4
//     Seeds.
//  3. Each Shoot has a DNS Secret and a Secret among its resources, an audit policy that it shares with its Project, an
//     ExposureClass that it shares with a half of all, a CloudProfile that it shares with all but the last Seed's, and
//     a BackupEntry. One of ten has a managed issuer.
//  4. A Bastion per 500 Shoots.
//
// Left out are CertificateSigningRequests, which live for minutes.
package landscape

import (
	"fmt"
	"iter"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seedguard/seedguard/pkg/graph"
)

// Options say how large a landscape is.
type Options struct {
	// Shoots are those of users. The Shoots of ManagedSeeds come on top.
	Shoots int
	// Seeds defaults to what goes with the Shoots: 20 to 1,000, 100 to 10,000, 500 to 100,000.
	Seeds int
	// Realistic makes objects as large as an API server returns them, 15 to 20 kB a Shoot in JSON. Without it objects hold
	// what seedguard looks at, and not much more.
	Realistic bool
}

// Extensions is how many extensions every Seed has.
const Extensions = 12

// perProject is how many Shoots a Project has, and seedsPerProject how many Seeds they are on.
const (
	perProject      = 20
	seedsPerProject = 4
)

// CloudProfile is the one that all Shoots use but those on the last Seed, and OtherCloudProfile is theirs.
const (
	CloudProfile      = "aws"
	OtherCloudProfile = "gcp"
)

// Landscape is a made-up garden. It holds no objects, and makes them when asked. It is safe for concurrent use.
type Landscape struct {
	Options
}

// New returns the landscape of these options. It must have Shoots.
func New(options Options) *Landscape {
	if options.Seeds == 0 {
		switch {
		case options.Shoots >= 100000:
			options.Seeds = 500
		case options.Shoots >= 10000:
			options.Seeds = 100
		default:
			options.Seeds = 20
		}
	}
	return &Landscape{options}
}

// SeedOf returns the number of the Seed that a Shoot is on. Nothing is on the Seed before the last.
func (l *Landscape) SeedOf(shoot int) int {
	if shoot == l.Shoots-1 {
		return l.Seeds - 1
	}
	return l.seedOf(shoot/perProject, shoot%seedsPerProject)
}

func (l *Landscape) seedOf(project, n int) int {
	return (project*seedsPerProject + n*3) % (l.Seeds - 2)
}

// Stranger returns the number of a Seed that no Shoot of the Shoot's Project is on, nor the Shoot of any of its Seeds.
func (l *Landscape) Stranger(shoot int) int {
	first := l.seedOf(shoot/perProject, 0)
	if stranger := (first + 1) % (l.Seeds - 2); l.Managed(stranger) {
		return stranger
	}
	return (first + 2) % (l.Seeds - 2)
}

// SeedName names a Seed by its number.
func (l *Landscape) SeedName(seed int) string { return fmt.Sprintf("aws-eu%d", seed) }

// ShootVertex returns the vertex of a Shoot by its number.
func (l *Landscape) ShootVertex(shoot int) graph.Vertex {
	return graph.Vertex{Kind: graph.KindShoot, Namespace: projectNamespace(shoot / perProject),
		Name: fmt.Sprintf("shoot%06d", shoot)}
}

// DNSSecret returns the vertex of the Secret that only this Shoot refers to.
func (l *Landscape) DNSSecret(shoot int) graph.Vertex {
	x := l.ShootVertex(shoot)
	return graph.Vertex{Kind: graph.KindSecret, Namespace: x.Namespace, Name: x.Name + "-dns"}
}

// Managed reports whether a Seed is a ManagedSeed.
func (l *Landscape) Managed(seed int) bool { return seed%5 != 0 }

// Objects yields all objects, those of a kind together: Projects, bindings, Seeds and what belongs to them, and then
// Shoots with their BackupEntries.
func (l *Landscape) Objects() iter.Seq[runtime.Object] {
	return func(yield func(runtime.Object) bool) {
		for _, kind := range kinds {
			for o := range l.Of(kind) {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// kinds is the order of Objects.
var kinds = []graph.Kind{
	graph.KindProject, graph.KindCredentialsBinding, graph.KindSecretBinding, graph.KindSeed, graph.KindBackupBucket,
	graph.KindControllerDeployment, graph.KindControllerInstallation, graph.KindServiceAccount, graph.KindManagedSeed,
	graph.KindGardenlet,
	graph.KindShoot, graph.KindBackupEntry, graph.KindBastion,
}

// Of yields the objects of one kind, none of a kind that the landscape does not have.
func (l *Landscape) Of(kind graph.Kind) iter.Seq[runtime.Object] {
	n, at := l.maker(kind)
	return func(yield func(runtime.Object) bool) {
		for i := range n {
			if o := at(i); o != nil && !yield(o) {
				return
			}
		}
	}
}

// Slots returns how many numbers At takes for a kind.
func (l *Landscape) Slots(kind graph.Kind) int {
	n, _ := l.maker(kind)
	return n
}

// At returns the object of a kind by its number, nil where the number stands for none.
func (l *Landscape) At(kind graph.Kind, i int) runtime.Object {
	_, at := l.maker(kind)
	return at(i)
}

func (l *Landscape) maker(kind graph.Kind) (n int, at func(int) runtime.Object) {
	projects := (l.Shoots + perProject - 1) / perProject
	switch kind {
	case graph.KindProject:
		return projects + 1, l.project
	case graph.KindCredentialsBinding:
		return projects, l.credentialsBinding
	case graph.KindSecretBinding:
		return projects, l.secretBinding
	case graph.KindSeed:
		return l.Seeds, l.seed
	case graph.KindBackupBucket:
		return l.Seeds, l.backupBucket
	case graph.KindControllerDeployment:
		return Extensions, l.controllerDeployment
	case graph.KindControllerInstallation:
		return l.Seeds * Extensions, l.controllerInstallation
	case graph.KindServiceAccount:
		return l.Seeds * Extensions, l.serviceAccount
	case graph.KindManagedSeed:
		return l.Seeds, l.managedSeed
	case graph.KindGardenlet:
		return l.Seeds, l.gardenlet
	case graph.KindShoot:
		return l.Shoots + l.Seeds, l.anyShoot
	case graph.KindBackupEntry:
		return l.Shoots, l.backupEntry
	case graph.KindBastion:
		return l.Shoots / 500, l.bastion
	default:
		return 0, nil
	}
}
