package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	testgarden "github.com/seedguard/seedguard/test/garden"
)

const times = 200

// refused makes a pair of requests many times, the second at once on what the first has made. It returns how many of
// the second were forbidden at first.
func refused(t *testing.T, g *testgarden.Garden, pair func(i int) (create, use func() error)) int {
	t.Helper()
	delays, err := g.UseAtOnce(t.Context(), times, 1, patience, pair)
	require.NoError(t, err)
	t.Log(delays)
	return len(delays.Refused)
}

// atMostOne asserts that no more than one is forbidden at first: the authorizer waits for news before it has no
// opinion.
func atMostOne(t *testing.T, g *testgarden.Garden, pair func(i int) (create, use func() error)) {
	t.Helper()
	require.LessOrEqual(t, refused(t, g, pair), 1)
}

// TestFreshness: controllers create an object and use it at once.
func TestFreshness(t *testing.T) {
	g := ownGarden(t)
	withSeeds(t, g, "fresh-a")
	require.NoError(t, g.StartSeedguard(t.Context()))
	a := gardenlet(t, g, "fresh-a")
	operator := a.asAdmin()
	a.allows(t, "get Shoot garden-fresh-a/crop", "patch BackupBucket bucket-fresh-a", "get Bastion garden-fresh-a/bastion")
	name := func(i int) string { return fmt.Sprintf("fresh-%d", i) }
	create := func(c *client, o runtime.Object) func() error {
		return func() error { return c.createOnce(t.Context(), o, metav1.CreateOptions{}) }
	}
	do := func(request string) func() error { return func() error { return a.do(t.Context(), request) } }
	const (
		bucket = `{apiVersion: core.gardener.cloud/v1beta1, kind: BackupBucket, metadata: {name: NAME},
			spec: {provider: {type: local, region: local}, seedName: fresh-a}}`
		bastion = `{apiVersion: operations.gardener.cloud/v1alpha1, kind: Bastion, metadata: {namespace: garden-fresh-a,
			name: NAME}, spec: {shootRef: {name: crop}, seedName: fresh-a, sshPublicKey: key, ingress: []}}`
		shoot = `{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, metadata: {namespace: garden-fresh-a, name: NAME},
			spec: {seedName: fresh-a}}`
	)

	t.Run("a BackupBucket, patched", func(t *testing.T) {
		atMostOne(t, g, func(i int) (func() error, func() error) {
			return create(operator, one(t, bucket, "NAME", name(i))), do("patch BackupBucket " + name(i))
		})
	})
	t.Run("own Bastion, read", func(t *testing.T) {
		atMostOne(t, g, func(i int) (func() error, func() error) {
			return create(a, one(t, bastion, "NAME", name(i))), do("get Bastion garden-fresh-a/" + name(i))
		})
	})
	t.Run("own CertificateSigningRequest, read", func(t *testing.T) {
		atMostOne(t, g, func(i int) (func() error, func() error) {
			return create(a, certificateSigningRequest(t, name(i), "fresh-a")), do("get CertificateSigningRequest " + name(i))
		})
	})
	t.Run("a Shoot scheduled by another, read", func(t *testing.T) {
		atMostOne(t, g, func(i int) (func() error, func() error) {
			return create(operator, one(t, shoot, "NAME", name(i))), do("get Shoot garden-fresh-a/" + name(i))
		})
	})
	// The admission reads live before it denies, so it never denies what is only new.
	t.Run("a BackupBucket, its Secret created", func(t *testing.T) {
		require.Zero(t, refused(t, g, func(i int) (func() error, func() error) {
			return create(operator, one(t, bucket, "NAME", "with-secret-"+name(i))),
				create(a, object("Secret", "garden/generated-bucket-with-secret-"+name(i)))
		}))
	})
	t.Run("a BackupBucket, a BackupEntry created in it", func(t *testing.T) {
		words := []string{"UID-OF-SHOOT", uidOf(t, a, "Shoot", "garden-fresh-a/crop"), "SEED", "fresh-a"}
		require.Zero(t, refused(t, g, func(i int) (func() error, func() error) {
			entry := one(t, entryManifest, append([]string{"bucket-SEED", "with-entry-" + name(i)}, words...)...)
			entry.SetName(name(i))
			return create(operator, one(t, bucket, "NAME", "with-entry-"+name(i))), create(a, entry)
		}))
	})
	t.Run("a Shoot scheduled by another, its ShootState created", func(t *testing.T) {
		require.Zero(t, refused(t, g, func(i int) (func() error, func() error) {
			return create(operator, one(t, shoot, "NAME", "with-state-"+name(i))),
				create(a, object("ShootState", "garden-fresh-a/with-state-"+name(i)))
		}))
	})
}
