package identity

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apiserver/pkg/authentication/user"
)

// The groups that clients come with, as words of the rows below.
const (
	seeds    = "gardener.cloud:system:seeds"
	accounts = "system:serviceaccounts"
	inSeedA  = "system:serviceaccounts:seed-a"
	inSeedB  = "system:serviceaccounts:seed-b"
)

func TestFrom(t *testing.T) {
	gardenletA, nobody := Client{Kind: Gardenlet, Seed: "a"}, Client{}
	extensionA := Client{Extension, "a", "x"}
	for _, c := range []struct {
		about, user string
		groups      []string
		want        Client
	}{
		{"gardenlet", "gardener.cloud:system:seed:a", []string{seeds}, gardenletA},
		{"gardenlet among other groups", "gardener.cloud:system:seed:a", []string{"x", seeds, "system:authenticated"},
			gardenletA},
		{"gardenlet whose Seed has a colon", "gardener.cloud:system:seed:a:b", []string{seeds},
			Client{Kind: Gardenlet, Seed: "a:b"}},
		{"gardenlet of an ambiguous Seed", "gardener.cloud:system:seed:ambiguous", []string{seeds},
			Client{Kind: Gardenlet, Seed: "ambiguous"}},
		{"no Seed in the name", "gardener.cloud:system:seed:", []string{seeds}, nobody},
		{"no colon after the prefix", "gardener.cloud:system:seed", []string{seeds}, nobody},
		{"prefix in another case", "Gardener.cloud:system:seed:a", []string{seeds}, nobody},
		{"something before the prefix", "xgardener.cloud:system:seed:a", []string{seeds}, nobody},
		{"another name in the seeds group", "jane", []string{seeds}, nobody},
		{"seeds group missing", "gardener.cloud:system:seed:a", []string{"system:authenticated"}, nobody},
		{"no groups", "gardener.cloud:system:seed:a", nil, nobody},
		{"a group that starts like the seeds group", "gardener.cloud:system:seed:a",
			[]string{seeds + "x", "gardener.cloud:system:seed"}, nobody},

		{"extension", "system:serviceaccount:seed-a:extension-x", []string{accounts, inSeedA}, extensionA},
		{"extension, groups turned round", "system:serviceaccount:seed-a:extension-x",
			[]string{inSeedA, "system:authenticated", accounts}, extensionA},
		{"extension of a Seed with dashes", "system:serviceaccount:seed-a-b:extension-x", []string{accounts, inSeedA + "-b"},
			Client{Extension, "a-b", "x"}},
		{"extension whose name says it twice", "system:serviceaccount:seed-a:extension-extension-x",
			[]string{accounts, inSeedA}, Client{Extension, "a", "extension-x"}},
		{"extension in the namespace of a Seed named like the prefix", "system:serviceaccount:seed-seed-a:extension-x",
			[]string{accounts, "system:serviceaccounts:seed-seed-a"}, Client{Extension, "seed-a", "x"}},
		{"extension in the groups of two namespaces", "system:serviceaccount:seed-a:extension-x",
			[]string{accounts, inSeedB, inSeedA}, extensionA},
		{"ServiceAccount of another name", "system:serviceaccount:seed-a:default", []string{accounts, inSeedA}, nobody},
		{"prefix within the name", "system:serviceaccount:seed-a:my-extension-x", []string{accounts, inSeedA}, nobody},
		{"prefix without its dash", "system:serviceaccount:seed-a:extension", []string{accounts, inSeedA}, nobody},
		{"nothing after the prefix", "system:serviceaccount:seed-a:extension-", []string{accounts, inSeedA}, nobody},
		{"another namespace than its group's", "system:serviceaccount:seed-b:extension-x", []string{accounts, inSeedA},
			nobody},
		{"namespace that its group's begins with", "system:serviceaccount:seed-a:extension-x",
			[]string{accounts, inSeedA + "-b"}, nobody},
		{"namespace that begins with its group's", "system:serviceaccount:seed-a-b:extension-x", []string{accounts, inSeedA},
			nobody},
		{"no Seed's namespace", "system:serviceaccount:garden:extension-x",
			[]string{accounts, "system:serviceaccounts:garden"}, nobody},
		{"namespace without a Seed", "system:serviceaccount:seed-:extension-x",
			[]string{accounts, "system:serviceaccounts:seed-"}, nobody},
		{"group of all ServiceAccounts missing", "system:serviceaccount:seed-a:extension-x", []string{inSeedA}, nobody},
		{"group of the namespace missing", "system:serviceaccount:seed-a:extension-x", []string{accounts}, nobody},
		{"extension without groups", "system:serviceaccount:seed-a:extension-x", nil, nobody},
		{"plain name", "extension-x", []string{accounts, inSeedA}, nobody},
		{"one part too few", "system:serviceaccount:seed-a", []string{accounts, inSeedA}, nobody},
		{"one part too many", "system:serviceaccount:seed-a:extension-x:y", []string{accounts, inSeedA}, nobody},
		{"namespace that swallows the account", "system:serviceaccount:seed-a:extension-x",
			[]string{accounts, "system:serviceaccounts:seed-a:extension-x"}, nobody},
		{"empty namespace", "system:serviceaccount::extension-x", []string{accounts, "system:serviceaccounts:"}, nobody},
		{"an extension in the seeds group is nobody", "system:serviceaccount:seed-a:extension-x",
			[]string{accounts, inSeedA, seeds}, nobody},
		{"a gardenlet in an extension's groups is a gardenlet", "gardener.cloud:system:seed:a",
			[]string{accounts, inSeedB, seeds}, gardenletA},
		{"a gardenlet's name in an extension's groups alone", "gardener.cloud:system:seed:a", []string{accounts, inSeedA},
			nobody},

		{"person", "jane", []string{"devs", "system:authenticated"}, nobody},
		{"master", "admin", []string{"system:masters"}, nobody},
		{"anonymous", "", nil, nobody},
	} {
		t.Run(c.about, func(t *testing.T) {
			u := &user.DefaultInfo{Name: c.user, Groups: c.groups}
			got, ok := From(u)
			require.Equal(t, c.want, got)
			require.Equal(t, c.want != nobody, ok)
			require.Zero(t, testing.AllocsPerRun(10, func() { From(u) }), "every decision of both webhooks comes by here")
		})
	}
	_, ok := From(nil)
	require.False(t, ok)
}

func TestClientKind(t *testing.T) {
	require.Equal(t, "gardenlet", Gardenlet.String())
	require.Equal(t, "extension", Extension.String())
	require.Equal(t, "bootstrapper", Bootstrapper.String())
	require.Equal(t, "none", ClientKind(0).String())
	require.Equal(t, "none", (Bootstrapper + 1).String())
}

func TestUserIsTheInverseOfFrom(t *testing.T) {
	for _, want := range []Client{
		{Kind: Gardenlet, Seed: "a"}, {Extension, "a", "x"}, {Extension, "seed-a", "extension-x"},
	} {
		got, ok := From(want.User())
		require.True(t, ok)
		require.Equal(t, want, got)
	}
}
