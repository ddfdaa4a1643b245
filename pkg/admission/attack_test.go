//go:build !race

// The attacker needs minutes under the race detector, and is one goroutine to the plugin: make attack runs it without.

package admission_test

import (
	"flag"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	k8sadmission "k8s.io/apiserver/pkg/admission"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/test/attack"
)

var (
	attackMoves = flag.Int("attack.moves", 100_000, "how many writes the attacker tries")
	attackSeed  = flag.Uint64("attack.seed", 1, "the number of the first landscape, 0 for a random one")
)

// movesOnLandscape is how many writes are tried on one landscape.
const movesOnLandscape = 500

// underAttack returns the pair with the registration that follows from the tables as they are now.
func underAttack() *attack.Pair {
	guarded := admission.AllGuarded(admission.ReferencesEnforce, false)
	policy := admission.Policy{
		SharedDNSSecrets: []string{attack.SharedDNS1, attack.SharedDNS2},
		SeedReferences:   []admission.SeedReferences{{Seeds: []string{"*"}, Names: []string{attack.Granted}}},
	}
	return &attack.Pair{
		Admission: func(reader garden.Reader) attack.Admitter {
			return admission.New(admission.Options{
				Reader: reader, Clock: testingclock.NewFakePassiveClock(attack.Now), Policy: policy,
			})
		},
		Registered: func(resource schema.GroupResource, subresource string, operation k8sadmission.Operation) bool {
			_, ok := admission.FindGuarded(guarded, resource, subresource, admissionv1.Operation(operation))
			return ok
		},
	}
}

// assail plays landscape after landscape, two at a time, until the moves are used up or one does what must not be
// possible.
func assail(first uint64, moves int, prefer attack.Target) (attack.Counts, *attack.Violation) {
	pair := underAttack()
	var mu sync.Mutex
	var counts attack.Counts
	var found *attack.Violation
	var wait sync.WaitGroup
	const players = 2
	for player := range players {
		wait.Go(func() {
			for n := player; n*movesOnLandscape < moves; n += players {
				c, violation := attack.Play(first+uint64(n), movesOnLandscape, pair, prefer) // #nosec G115 -- not negative
				mu.Lock()
				counts.Add(c)
				if violation != nil && found == nil {
					found = violation
				}
				done := found != nil
				mu.Unlock()
				if done {
					return
				}
			}
		})
	}
	wait.Wait()
	return counts, found
}

// TestAttack: no sequence of writes that the pair lets the clients of one Seed do lets them reach or change what is
// not theirs.
func TestAttack(t *testing.T) {
	first := *attackSeed
	if first == 0 {
		first = rand.Uint64() >> 1
	}
	counts, violation := assail(first, *attackMoves, attack.Target{})
	t.Logf("landscapes from %d on: attempted %d, authorized %d, admitted %d, applied %d: %v",
		first, counts.Attempted, counts.Authorized, counts.Admitted, counts.Applied, counts.Targets)
	if violation != nil {
		t.Fatal(violation)
	}
	require.GreaterOrEqual(t, counts.Attempted, *attackMoves)
}

// movesForHole bounds how long the attacker looks for a planted hole.
const movesForHole = 100_000

// TestPlantedHoles: the attacker finds what a row of the table of writes is there for, when the row is not there.
// That shows that it can attack.
func TestPlantedHoles(t *testing.T) {
	for _, row := range admission.Writes() {
		if decidesNothing(row) {
			continue
		}
		name := string(row.Operation) + " " + row.Kind.String()
		if row.Subresource != "" {
			name += "/" + row.Subresource
		}
		t.Run(name, func(t *testing.T) {
			restore := admission.Without(row)
			defer restore()
			counts, violation := assail(*attackSeed, movesForHole,
				attack.Target{Kind: row.Kind, Subresource: row.Subresource, Operation: row.Operation})
			if why := shadowed[name]; why != "" {
				require.Nil(t, violation, "it is no longer true that %s", why)
				return
			}
			require.NotNil(t, violation, "after %d moves", counts.Attempted)
			t.Log(violation)
		})
		for field, grant := range row.Grants {
			if grant.Name == admission.Checked || grant.Free != "" {
				continue
			}
			t.Run(name+" "+field, func(t *testing.T) {
				restore := admission.Granting(row, field)
				defer restore()
				counts, violation := assail(*attackSeed, movesForHole,
					attack.Target{Kind: row.Kind, Subresource: row.Subresource, Operation: row.Operation, Field: field})
				require.NotNil(t, violation, "after %d moves", counts.Attempted)
				t.Log(violation)
			})
		}
	}
}

// TestPlantedHoleOfBootstrappers: the attacker finds what the rule for certificate requests of bootstrappers is there
// for, when it does not look at those with tokens, or at ServiceAccounts.
func TestPlantedHoleOfBootstrappers(t *testing.T) {
	for name, tokens := range map[string]bool{"tokens": true, "ServiceAccounts": false} {
		t.Run(name, func(t *testing.T) {
			defer admission.WithoutBootstrappers(tokens)()
			counts, violation := assail(*attackSeed, movesForHole, attack.Target{Bootstrappers: true})
			require.NotNil(t, violation, "after %d moves", counts.Attempted)
			t.Log(violation)
		})
	}
}

// shadowed are the rows that no hole shows without, with the reason.
var shadowed = map[string]string{
	"DELETE InternalSecret": "the authorizer lets through only those of the Seed's Shoots; the row is there for when a " +
		"Shoot leaves between authorization and admission",
}

// decidesNothing reports whether the row only says that the decision table decides already.
func decidesNothing(row admission.Write) bool {
	for _, grant := range row.Grants {
		if grant.Name != admission.Checked && grant.Free == "" {
			return false
		}
	}
	return !row.HasGuard() && len(row.Clients) > 0
}
