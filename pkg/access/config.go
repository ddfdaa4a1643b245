package access

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seedguard/seedguard/pkg/identity"
)

// Config says which level of access seed clients have to the Shoots of their Seed.
type Config struct {
	// MaxExpiration is the longest that a kubeconfig may be valid. It defaults to DefaultMaxExpiration.
	MaxExpiration metav1.Duration `json:"maxExpiration,omitzero"`
	// Rules are read from top to bottom, and the first that matches the client decides. None: LevelNone.
	Rules []Rule `json:"rules,omitempty"`
}

// DefaultMaxExpiration is as long as a kubeconfig is valid whose request does not say it.
const DefaultMaxExpiration = time.Hour

// Rule gives clients their levels.
type Rule struct {
	Match  Match  `json:"match,omitzero"`
	Levels Levels `json:"levels"`
}

// Match says for which clients a rule is. A list that is empty matches all.
type Match struct {
	// Clients are kinds of clients: Gardenlet or Extension.
	Clients []string `json:"clients,omitempty"`
	// Extensions are globs of names of extensions: their ServiceAccounts' without extension-. With it, no gardenlet
	// matches.
	Extensions []string `json:"extensions,omitempty"`
	// Seeds are globs of names of the clients' Seeds.
	Seeds []string `json:"seeds,omitempty"`
}

// Levels are the levels of a rule by scope. A scope that is left out has LevelNone.
type Levels struct {
	Shoots Level `json:"shoots,omitempty"`
	Seeds  Level `json:"seeds,omitempty"`
}

// Level is what may be asked for.
type Level string

// The levels, each with what the ones before it have.
const (
	LevelNone Level = "none"
	// LevelViewer is the subresource viewerkubeconfig: read-only, but for Secrets and what is encrypted.
	LevelViewer Level = "viewer"
	// LevelAdmin is the subresource adminkubeconfig: everything.
	LevelAdmin Level = "admin"
)

// Subresources are those of a Shoot by which kubeconfigs are asked for, with the level that each needs.
var Subresources = map[string]Level{"adminkubeconfig": LevelAdmin, "viewerkubeconfig": LevelViewer}

var levels = []Level{LevelNone, LevelViewer, LevelAdmin}

// Includes reports whether what needs the other level may be asked for with this one.
func (l Level) Includes(other Level) bool {
	return slices.Index(levels, l) >= slices.Index(levels, other)
}

// Scope is the kind of a Shoot.
type Scope string

// The scopes.
const (
	ScopeShoots Scope = "shoots"
	// ScopeSeeds has the Shoots that back a ManagedSeed.
	ScopeSeeds Scope = "seeds"
)

// in returns the level of a scope.
func (l Levels) in(scope Scope) Level {
	level := l.Shoots
	if scope == ScopeSeeds {
		level = l.Seeds
	}
	return cmp.Or(level, LevelNone)
}

// clients are the kinds of clients by the names that a configuration has for them.
var clients = map[string]identity.ClientKind{"Gardenlet": identity.Gardenlet, "Extension": identity.Extension}

// Enabled reports whether any client has a level above LevelNone.
func (c *Config) Enabled() bool {
	return slices.ContainsFunc(c.Rules, func(r Rule) bool {
		return r.Levels.in(ScopeShoots) != LevelNone || r.Levels.in(ScopeSeeds) != LevelNone
	})
}

// maxExpiration returns the longest that a kubeconfig may be valid.
func (c *Config) maxExpiration() time.Duration {
	return cmp.Or(c.MaxExpiration.Duration, DefaultMaxExpiration)
}

// minExpiration is the shortest that Gardener gives a kubeconfig, whose requests would all be denied below it.
const minExpiration = 10 * time.Minute

// Validate says what is wrong with the configuration at the path. Rules have their places in the errors.
func (c *Config) Validate(root *field.Path) (errs field.ErrorList) {
	if d := c.maxExpiration(); d < minExpiration {
		errs = append(errs, field.Invalid(root.Child("maxExpiration"), d.String(),
			fmt.Sprintf("must be at least %s, the shortest that Gardener gives a kubeconfig", minExpiration)))
	}
	for i := range c.Rules {
		at := root.Child("rules").Index(i)
		wrong := c.Rules[i].validate(at)
		if errs = append(errs, wrong...); len(wrong) > 0 {
			continue
		}
		match := &c.Rules[i].Match
		if j := slices.IndexFunc(c.Rules[:i], func(r Rule) bool { return r.Match.covers(match) }); j >= 0 {
			errs = append(errs, field.Invalid(at.Child("match"), *match,
				fmt.Sprintf("can never match: %s matches all that it does", root.Child("rules").Index(j))))
		}
	}
	return errs
}

func (r *Rule) validate(at *field.Path) (errs field.ErrorList) {
	match := at.Child("match")
	for i, client := range r.Match.Clients {
		if clients[client] == 0 {
			errs = append(errs, field.NotSupported(match.Child("clients").Index(i), client, []string{"Extension", "Gardenlet"}))
		}
	}
	errs = append(errs, validateGlobs(match.Child("extensions"), r.Match.Extensions)...)
	errs = append(errs, validateGlobs(match.Child("seeds"), r.Match.Seeds)...)
	if len(errs) == 0 && len(r.Match.kinds()) == 0 {
		errs = append(errs, field.Invalid(match.Child("extensions"), r.Match.Extensions, "no gardenlet is an extension"))
	}
	errs = append(errs, r.Levels.Shoots.validate(at.Child("levels", "shoots"))...)
	return append(errs, r.Levels.Seeds.validate(at.Child("levels", "seeds"))...)
}

func validateGlobs(at *field.Path, globs []string) (errs field.ErrorList) {
	for i, glob := range globs {
		if _, err := path.Match(glob, ""); err != nil || glob == "" || strings.Contains(glob, "/") {
			errs = append(errs, field.Invalid(at.Index(i), glob, "must be a glob of names"))
		}
	}
	return errs
}

func (l Level) validate(at *field.Path) (errs field.ErrorList) {
	if l != "" && !slices.Contains(levels, l) {
		errs = append(errs, field.NotSupported(at, l, levels))
	}
	return errs
}

// kinds returns the kinds of clients that can match.
func (m *Match) kinds() []identity.ClientKind {
	var kinds []identity.ClientKind
	for name, kind := range clients {
		named := len(m.Clients) == 0 || slices.Contains(m.Clients, name)
		if named && (kind == identity.Extension || len(m.Extensions) == 0) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// matches reports whether the rule is for the client.
func (m *Match) matches(client identity.Client) bool {
	return slices.Contains(m.kinds(), client.Kind) && matchesAny(m.Seeds, client.Seed) &&
		matchesAny(m.Extensions, client.Extension)
}

// covers reports whether the match matches all that the other one does.
func (m *Match) covers(other *Match) bool {
	for _, kind := range other.kinds() {
		if !slices.Contains(m.kinds(), kind) || kind == identity.Extension && !coverGlobs(m.Extensions, other.Extensions) {
			return false
		}
	}
	return coverGlobs(m.Seeds, other.Seeds)
}

func matchesAny(globs []string, name string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(glob string) bool {
		matched, _ := path.Match(glob, name) // Validate has seen it
		return matched
	})
}

// coverGlobs reports whether all that the others match is matched by one of the globs. Empty lists match all.
func coverGlobs(globs, others []string) bool {
	return !slices.ContainsFunc(orAll(others), func(other string) bool {
		return !slices.ContainsFunc(orAll(globs), func(glob string) bool { return covers(glob, other) })
	})
}

// orAll returns globs, or the one that matches all when there are none.
func orAll(globs []string) []string {
	if len(globs) == 0 {
		return []string{"*"}
	}
	return globs
}

// covers reports whether a glob matches all names that another one does. With ranges it covers none but itself: then a
// rule that can never match may go unnoticed, and no other is rejected. The same goes for what is in no name.
func covers(glob, other string) bool {
	if glob == other || glob == "*" {
		return true
	}
	beyond := func(r rune) bool { return r == '[' || r == '\\' || r > unicode.MaxASCII }
	if strings.ContainsFunc(glob+other, beyond) {
		return false
	}
	// The other glob is read as a name: its ? is one character like any other, and its * is matched by * alone.
	matched, _ := path.Match(strings.ReplaceAll(glob, "?", "[^*]"), other)
	return matched
}
