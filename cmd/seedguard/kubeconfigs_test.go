package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKubeconfigs: the example's levels decide, and the answers name level, scope and rule.
func TestKubeconfigs(t *testing.T) {
	const examples = "../../examples/"
	ask := func(line string) outcome {
		return command(append(words(line), "--landscape", examples+"landscape",
			"--config", examples+"kubeconfigs/seedguard.yaml")...)
	}
	long := filepath.Join(t.TempDir(), "request.yaml")
	write(t, long, "apiVersion: authentication.gardener.cloud/v1alpha1\nkind: ViewerKubeconfigRequest\n"+
		"spec: {expirationSeconds: 86400}\n")
	const (
		web     = " web -n garden-dev --seed aws-eu1 "
		request = "-f " + examples + "kubeconfigs/request.yaml"
	)
	for _, c := range []struct {
		line string
		exit int
		out  []string
	}{
		{"shoots/viewerkubeconfig" + web + "--extension provider-aws " + request, 0, []string{
			"authorizer: allow: ", "the client has level viewer in scope shoots by rule 1", "admission: admitted\nyes"}},
		{"shoots/viewerkubeconfig" + web + "--extension provider-aws -f " + long, 1, []string{
			"admission: denied (403): ", "must be at most 3600"}},
		{"shoots/adminkubeconfig" + web + "--extension provider-aws", 1, []string{
			"no opinion: ", "needs level admin, the client has level viewer in scope shoots by rule 1"}},
		{"shoots/viewerkubeconfig" + web, 1, []string{"level none in scope shoots by rule 2"}},
		{"shoots/viewerkubeconfig" + web + request, 1, []string{
			"admission: admitted: not asked", "no: the authorizer does not allow it"}},
		{"shoots/viewerkubeconfig aws-eu2 -n garden --seed aws-eu1", 0, []string{"level viewer in scope seeds by rule 2"}},
		{"shoots/viewerkubeconfig" + web + "--extension dns", 1, []string{"no rule of kubeconfigAccess matches the client"}},
		{"shoots/viewerkubeconfig web -n garden-dev --seed aws-eu2 --extension provider-aws", 1, []string{
			"needs a Shoot on the client's Seed"}},
	} {
		o := ask("can-i create " + c.line)
		require.Equal(t, c.exit, o.exit, "%s: %+v", c.line, o)
		for _, part := range c.out {
			require.Contains(t, o.out, part, c.line)
		}
	}
	o := ask("explain shoot garden/aws-eu2 --seed aws-eu1")
	require.Equal(t, outcome{0, "Shoot/garden/aws-eu2 -> Seed/aws-eu1\n" +
		`kubeconfigs for the gardenlet of Seed "aws-eu1": level viewer in scope seeds by rule 2 of kubeconfigAccess` + "\n" +
		`kubeconfigs for extensions provider-* of Seed "aws-eu1": level none in scope seeds by rule 1 of kubeconfigAccess` +
		"\n", ""}, o)

	registered := command("manifests", "--config", examples+"kubeconfigs/seedguard.yaml")
	require.Zero(t, registered.exit)
	for _, subresource := range []string{"- shoots/adminkubeconfig\n", "- shoots/viewerkubeconfig\n"} {
		require.Contains(t, registered.out, subresource)
		require.NotContains(t, command("manifests").out, subresource)
	}
}
