package access

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

// Reader looks up what a level depends on. It must be safe for concurrent use. A garden.Garden is one.
type Reader interface {
	Get(graph.Vertex) *garden.Object
	List(graph.Kind) []*garden.Object
}

// Policy decides by a configuration that can be replaced. It is safe for concurrent use.
type Policy struct {
	reader Reader
	config atomic.Pointer[Config]
	counts *prometheus.CounterVec
}

// New returns a Policy by a valid configuration. It panics when its metrics are registered already; without registerer,
// none are.
func New(reader Reader, config Config, registerer prometheus.Registerer) *Policy {
	p := &Policy{reader: reader, counts: promauto.With(registerer).NewCounterVec(prometheus.CounterOpts{
		Name: "seedguard_kubeconfig_requests_total",
		Help: "Seed clients' requests for kubeconfigs, by level, scope and result.",
	}, []string{"level", "scope", "result"})}
	p.Set(config)
	return p
}

// Result is what became of a request for a kubeconfig.
type Result string

// The results: granted, a level that is too low, and an expiration that is too far ahead.
const (
	ResultGranted    Result = "granted"
	ResultLevel      Result = "level"
	ResultExpiration Result = "expiration"
)

// Count counts a request for a kubeconfig.
func (p *Policy) Count(has Access, result Result) {
	p.counts.WithLabelValues(string(has.Level), string(has.Scope), string(result)).Inc()
}

// Set replaces the configuration, which must be valid.
func (p *Policy) Set(config Config) { p.config.Store(&config) }

// Enabled reports whether any client has a level above LevelNone.
func (p *Policy) Enabled() bool { return p.config.Load().Enabled() }

// MaxExpiration returns the longest that a kubeconfig may be valid.
func (p *Policy) MaxExpiration() time.Duration { return p.config.Load().maxExpiration() }

// Access is the level of a client's access to a Shoot, and where it comes from.
type Access struct {
	Level Level
	Scope Scope
	// Rule is the number of the rule that decided, from 1. It is 0 when none matches the client.
	Rule int
}

// String says the level, the scope and the rule, for people.
func (a Access) String() string {
	if a.Rule == 0 {
		return fmt.Sprintf("level %s in scope %s, since no rule of kubeconfigAccess matches the client", a.Level, a.Scope)
	}
	return fmt.Sprintf("level %s in scope %s by rule %d of kubeconfigAccess", a.Level, a.Scope, a.Rule)
}

// Of returns the client's access to a Shoot, and false when the Shoot does not exist or is not on the client's Seed by
// spec.seedName or status.seedName.
func (p *Policy) Of(client identity.Client, shoot graph.Vertex) (Access, bool) {
	o := p.reader.Get(shoot)
	if o == nil {
		return Access{}, false
	}
	on, ok := o.Facts.(garden.ShootFacts)
	if !ok || on.SeedName != client.Seed && on.StatusSeedName != client.Seed {
		return Access{}, false
	}
	access := Access{Level: LevelNone, Scope: p.scope(shoot)}
	rules := p.config.Load().Rules
	if i := slices.IndexFunc(rules, func(r Rule) bool { return r.Match.matches(client) }); i >= 0 {
		access.Level, access.Rule = rules[i].Levels.in(access.Scope), i+1
	}
	return access, true
}

// Explain says, a line each, which access clients of a Seed have to a Shoot: its gardenlet and, by the globs of their
// names, its extensions. There are none when the Shoot is not on the Seed, or nobody has a level above LevelNone.
func (p *Policy) Explain(seed string, shoot graph.Vertex) (lines []string) {
	config := p.config.Load()
	has, on := p.Of(identity.Client{Kind: identity.Gardenlet, Seed: seed}, shoot)
	if !on || !config.Enabled() {
		return nil
	}
	lines = append(lines, fmt.Sprintf("kubeconfigs for the gardenlet of Seed %q: %s", seed, has))
	for i, r := range config.Rules {
		if !slices.Contains(r.Match.kinds(), identity.Extension) || !matchesAny(r.Match.Seeds, seed) {
			continue
		}
		has.Level, has.Rule = r.Levels.in(has.Scope), i+1
		names := strings.Join(orAll(r.Match.Extensions), ", ")
		lines = append(lines, fmt.Sprintf("kubeconfigs for extensions %s of Seed %q: %s", names, seed, has))
	}
	return lines
}

func (p *Policy) scope(shoot graph.Vertex) Scope {
	// There are few ManagedSeeds, and few requests for kubeconfigs.
	if slices.ContainsFunc(p.reader.List(graph.KindManagedSeed), func(o *garden.Object) bool {
		return o.Namespace == shoot.Namespace && o.Facts.(garden.SeedFacts).ShootName == shoot.Name
	}) {
		return ScopeSeeds
	}
	return ScopeShoots
}

// Extensions returns the globs of names of extensions by which rules match, sorted.
func (p *Policy) Extensions() []string {
	var globs []string
	for _, r := range p.config.Load().Rules {
		globs = append(globs, r.Match.Extensions...)
	}
	slices.Sort(globs)
	return slices.Compact(globs)
}
