package gardener

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFreshness: controllers create an object and use it at once, when seedguard's watch may not have told of it: it
// comes from gardener-apiserver by way of kube-apiserver. One at a time is the quickest, ten keep the machine busy.
func TestFreshness(t *testing.T) {
	const times = 100
	const bastion = `
apiVersion: operations.gardener.cloud/v1alpha1
kind: Bastion
metadata: {name: NAME, namespace: garden-a}
spec:
  shootRef: {name: crop}
  sshPublicKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAh895TsDH/Yn2DtW02R1YbdhrbN5FMVXN971Et51kM3
  ingress: [{ipBlock: {cidr: 10.0.0.0/8}}]
`
	all, a := admin(t), gardenlet(t, "a")
	refused := func(parallel int, kind, namespace, manifest string, use func(name string) error) int {
		made := func(i int) string { return fmt.Sprintf("fresh-%d-%d", parallel, i) }
		delays, err := g.UseAtOnce(t.Context(), times, parallel, patience, func(i int) (func() error, func() error) {
			named := strings.NewReplacer("NAME", made(i), "SEED", "a").Replace(manifest)
			return func() error { return all.create(t, named) }, func() error { return use(namespace + made(i)) }
		})
		require.NoError(t, err)
		for i := range times {
			require.NoError(t, all.remove(t, kind, namespace+made(i)))
		}
		t.Logf("%d %ss, %d at a time: %s", times, kind, parallel, delays)
		return len(delays.Refused)
	}
	for _, parallel := range []int{1, 10} {
		forbidden := refused(parallel, "BackupBucket", "", bucket, func(name string) error {
			return a.merge(t, "BackupBucket", name, `{"metadata":{"labels":{"used":"at-once"}}}`)
		}) + refused(parallel, "Bastion", "garden-a/", bastion, func(name string) error {
			_, err := a.get(t, "Bastion", name)
			return err
		})
		require.LessOrEqual(t, forbidden, 1, "of 200")
	}
}
