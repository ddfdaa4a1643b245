package access

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/identity"
)

// objects is a Reader on a few objects.
type objects []*garden.Object

func (list objects) Get(v graph.Vertex) *garden.Object {
	for _, o := range list {
		if o.Vertex == v {
			return o
		}
	}
	return nil
}

func (list objects) List(kind graph.Kind) (found []*garden.Object) {
	for _, o := range list {
		if o.Kind == kind {
			found = append(found, o)
		}
	}
	return found
}

func shoot(name string, facts garden.ShootFacts) *garden.Object {
	return &garden.Object{Vertex: graph.Vertex{Kind: graph.KindShoot, Namespace: "garden", Name: name}, Facts: facts}
}

func managedSeed(namespace, name, shoot string) *garden.Object {
	return &garden.Object{Vertex: graph.Vertex{Kind: graph.KindManagedSeed, Namespace: namespace, Name: name},
		Facts: garden.SeedFacts{ShootName: shoot}}
}

var (
	gardenlet = identity.Client{Kind: identity.Gardenlet, Seed: "aws-1"}
	provider  = identity.Client{Kind: identity.Extension, Seed: "aws-1", Extension: "provider-aws-x"}
	dns       = identity.Client{Kind: identity.Extension, Seed: "aws-1", Extension: "dns"}
)

// config is the one of docs/rules.md.
func config() Config {
	return Config{Rules: []Rule{
		{Match{Clients: []string{"Extension"}, Extensions: []string{"provider-*"}, Seeds: []string{"aws-*"}},
			Levels{Shoots: LevelViewer}},
		{Match{Clients: []string{"Gardenlet"}}, Levels{Shoots: LevelNone, Seeds: LevelAdmin}},
	}}
}

func TestLevels(t *testing.T) {
	p := New(objects{
		shoot("x", garden.ShootFacts{SeedName: "aws-1"}), shoot("leaving", garden.ShootFacts{StatusSeedName: "aws-1"}),
		shoot("other", garden.ShootFacts{SeedName: "gcp-1"}),
		shoot("seed", garden.ShootFacts{SeedName: "aws-1"}), managedSeed("garden", "another-name", "seed"),
		managedSeed("garden-dev", "x", "x"), // of a Shoot of the same name in another namespace
	}, config(), nil)
	for _, c := range []struct {
		client identity.Client
		shoot  string
		want   Access
		ok     bool
	}{
		{provider, "x", Access{LevelViewer, ScopeShoots, 1}, true},
		{provider, "leaving", Access{LevelViewer, ScopeShoots, 1}, true},
		{provider, "seed", Access{LevelNone, ScopeSeeds, 1}, true},
		{provider, "other", Access{}, false},
		{provider, "absent", Access{}, false},
		{gardenlet, "x", Access{LevelNone, ScopeShoots, 2}, true},
		{gardenlet, "seed", Access{LevelAdmin, ScopeSeeds, 2}, true},
		{dns, "x", Access{LevelNone, ScopeShoots, 0}, true},
		{identity.Client{Kind: identity.Extension, Seed: "gcp-1", Extension: "provider-aws-x"}, "other",
			Access{LevelNone, ScopeShoots, 0}, true},
	} {
		access, ok := p.Of(c.client, graph.Vertex{Kind: graph.KindShoot, Namespace: "garden", Name: c.shoot})
		require.Equal(t, c.ok, ok, "%v %s", c.client, c.shoot)
		require.Equal(t, c.want, access, "%v %s", c.client, c.shoot)
	}
	require.True(t, LevelAdmin.Includes(LevelViewer))
	require.True(t, LevelViewer.Includes(LevelViewer))
	require.False(t, LevelViewer.Includes(LevelAdmin))
	require.False(t, LevelNone.Includes(LevelViewer))
}

// TestScopeFollows: a ManagedSeed comes, names another Shoot, and goes.
func TestScopeFollows(t *testing.T) {
	x := shoot("x", garden.ShootFacts{SeedName: "aws-1"})
	for _, c := range []struct {
		landscape objects
		want      Scope
	}{
		{objects{x}, ScopeShoots}, {objects{x, managedSeed("garden", "m", "x")}, ScopeSeeds},
		{objects{x, managedSeed("garden", "m", "y")}, ScopeShoots},
	} {
		access, _ := New(c.landscape, config(), nil).Of(gardenlet, x.Vertex)
		require.Equal(t, c.want, access.Scope)
	}
}

func TestReplace(t *testing.T) {
	x := shoot("x", garden.ShootFacts{SeedName: "aws-1"})
	p := New(objects{x}, Config{}, nil)
	require.False(t, p.Enabled())
	require.Equal(t, time.Hour, p.MaxExpiration())
	access, _ := p.Of(provider, x.Vertex)
	require.Equal(t, LevelNone, access.Level)
	changed := config()
	changed.MaxExpiration.Duration = 2 * time.Hour
	p.Set(changed)
	require.True(t, p.Enabled())
	require.Equal(t, 2*time.Hour, p.MaxExpiration())
	access, _ = p.Of(provider, x.Vertex)
	require.Equal(t, LevelViewer, access.Level)
	require.Equal(t, "level viewer in scope shoots by rule 1 of kubeconfigAccess", access.String())
}

func TestEnabled(t *testing.T) {
	require.False(t, (&Config{Rules: []Rule{{Levels: Levels{Shoots: LevelNone}}, {}}}).Enabled())
	require.True(t, (&Config{Rules: []Rule{{Levels: Levels{Seeds: LevelViewer}}}}).Enabled())
}

func TestValidate(t *testing.T) {
	require.Empty(t, new(Config).Validate(nil))
	valid := config()
	require.Empty(t, valid.Validate(field.NewPath("kubeconfigAccess")))
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"level": {func(c *Config) { c.Rules[1].Levels.Seeds = "Admin" },
			`kubeconfigAccess.rules[1].levels.seeds: Unsupported value: "Admin"`},
		"client": {func(c *Config) { c.Rules[0].Match.Clients = []string{"gardenlet"} },
			`kubeconfigAccess.rules[0].match.clients[0]: Unsupported value: "gardenlet"`},
		"glob":       {func(c *Config) { c.Rules[0].Match.Seeds = []string{"a", "["} }, `rules[0].match.seeds[1]`},
		"empty glob": {func(c *Config) { c.Rules[0].Match.Extensions = []string{""} }, `rules[0].match.extensions[0]`},
		"extension of a gardenlet": {func(c *Config) { c.Rules[1].Match.Extensions = []string{"x"} },
			"no gardenlet is an extension"},
		"never matches": {func(c *Config) {
			c.Rules = append(c.Rules, Rule{Match: Match{Clients: []string{"Gardenlet"},
				Seeds: []string{"a"}}})
		},
			`rules[2].match: Invalid value: {"clients":["Gardenlet"],"seeds":["a"]}: ` +
				`can never match: kubeconfigAccess.rules[1]`},
		"expiration": {func(c *Config) { c.MaxExpiration = metav1.Duration{Duration: time.Minute} }, "at least 10m"},
		"negative":   {func(c *Config) { c.MaxExpiration = metav1.Duration{Duration: -time.Hour} }, "at least 10m"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := config()
			c.change(&broken)
			require.ErrorContains(t, broken.Validate(field.NewPath("kubeconfigAccess")).ToAggregate(), c.want)
		})
	}
}

// TestValidateInOrder: whoever mends one mistake after the other finds the rest where they were.
func TestValidateInOrder(t *testing.T) {
	c := Config{Rules: []Rule{{
		Match:  Match{Extensions: []string{"["}, Seeds: []string{""}},
		Levels: Levels{Shoots: "a", Seeds: "b"},
	}}}
	var places []string
	for _, err := range c.Validate(nil) {
		places = append(places, err.Field)
	}
	require.Equal(t, []string{"rules[0].match.extensions[0]", "rules[0].match.seeds[0]", "rules[0].levels.shoots",
		"rules[0].levels.seeds"}, places)
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		match, other Match
		want         bool
	}{
		{Match{}, Match{Seeds: []string{"a"}}, true},
		{Match{Seeds: []string{"*"}}, Match{}, true},
		{Match{Seeds: []string{"a*"}}, Match{}, false},
		{Match{Seeds: []string{"a*", "b"}}, Match{Seeds: []string{"b", "ab*"}}, true},
		{Match{Seeds: []string{"a*b"}}, Match{Seeds: []string{"ax?*b"}}, true},
		{Match{Seeds: []string{"a?b"}}, Match{Seeds: []string{"a*b"}}, false},
		{Match{Seeds: []string{"*[ab]"}}, Match{Seeds: []string{"*[ab]"}}, true},
		{Match{Seeds: []string{"*]"}}, Match{Seeds: []string{"[a]"}}, false},
		{Match{Clients: []string{"Extension"}}, Match{}, false},
		{Match{}, Match{Clients: []string{"Extension"}}, true},
		{Match{Extensions: []string{"*"}}, Match{}, false},
		{Match{Extensions: []string{"*"}}, Match{Clients: []string{"Extension"}}, true},
		{Match{Extensions: []string{"a"}}, Match{Extensions: []string{"a", "b"}}, false},
	} {
		require.Equal(t, c.want, c.match.covers(&c.other), "%v covers %v", c.match, c.other)
	}
}

// FuzzCovers: what one glob covers, it matches.
func FuzzCovers(f *testing.F) {
	f.Add("a*", "a?b", "axb")
	f.Add("*]", "[a]", "a")
	f.Fuzz(func(t *testing.T, glob, other, name string) {
		if max(len(glob), len(other)) < 12 && covers(glob, other) && matchesAny([]string{other}, name) &&
			!strings.Contains(name, "/") && !matchesAny([]string{glob}, name) {
			t.Fatalf("%q covers %q, and does not match %q", glob, other, name)
		}
	})
}
