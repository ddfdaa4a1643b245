package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const times = 200

// freshness makes a pair of requests many times: the second, at once, on what the first has made. It reports how often
// the second was forbidden at first, and how long until it was allowed. It returns how many were forbidden at first.
func freshness(t *testing.T, pair func(i int) (first, second func() error)) int {
	t.Helper()
	var delays []time.Duration
	for i := range times {
		first, second := pair(i)
		require.NoError(t, first())
		begin := time.Now()
		err := second()
		if err == nil {
			continue
		}
		require.True(t, apierrors.IsForbidden(err), "%v", err)
		for err != nil {
			require.True(t, apierrors.IsForbidden(err), "%v", err)
			require.Less(t, time.Since(begin), patience)
			err = second()
		}
		delays = append(delays, time.Since(begin))
	}
	report := fmt.Sprintf("%d of %d first attempts were forbidden", len(delays), times)
	if len(delays) > 0 {
		slices.Sort(delays)
		report += fmt.Sprintf("; allowed after %v (median), %v (longest)", delays[len(delays)/2], delays[len(delays)-1])
	}
	t.Log(report)
	return len(delays)
}

// TestFreshness: controllers create an object and use it at once.
func TestFreshness(t *testing.T) {
	withSeeds(t, shared, "fresh-a")
	a := gardenlet(t, shared, "fresh-a")
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
		freshness(t, func(i int) (func() error, func() error) {
			return create(operator, one(t, bucket, "NAME", name(i))), do("patch BackupBucket " + name(i))
		})
	})
	t.Run("own Bastion, read", func(t *testing.T) {
		freshness(t, func(i int) (func() error, func() error) {
			return create(a, one(t, bastion, "NAME", name(i))), do("get Bastion garden-fresh-a/" + name(i))
		})
	})
	t.Run("own CertificateSigningRequest, read", func(t *testing.T) {
		freshness(t, func(i int) (func() error, func() error) {
			return create(a, certificateSigningRequest(t, name(i), "fresh-a")), do("get CertificateSigningRequest " + name(i))
		})
	})
	t.Run("a Shoot scheduled by another, read", func(t *testing.T) {
		freshness(t, func(i int) (func() error, func() error) {
			return create(operator, one(t, shoot, "NAME", name(i))), do("get Shoot garden-fresh-a/" + name(i))
		})
	})
	// The admission reads live before it denies, so it never denies what is only new.
	t.Run("a BackupBucket, its Secret created", func(t *testing.T) {
		require.Zero(t, freshness(t, func(i int) (func() error, func() error) {
			return create(operator, one(t, bucket, "NAME", "with-secret-"+name(i))),
				create(a, object("Secret", "garden/generated-bucket-with-secret-"+name(i)))
		}))
	})
	t.Run("a BackupBucket, a BackupEntry created in it", func(t *testing.T) {
		words := []string{"UID-OF-SHOOT", uidOf(t, a, "Shoot", "garden-fresh-a/crop"), "SEED", "fresh-a"}
		require.Zero(t, freshness(t, func(i int) (func() error, func() error) {
			entry := one(t, entryManifest, append([]string{"bucket-SEED", "with-entry-" + name(i)}, words...)...)
			entry.SetName(name(i))
			return create(operator, one(t, bucket, "NAME", "with-entry-"+name(i))), create(a, entry)
		}))
	})
	t.Run("a Shoot scheduled by another, its ShootState created", func(t *testing.T) {
		require.Zero(t, freshness(t, func(i int) (func() error, func() error) {
			return create(operator, one(t, shoot, "NAME", "with-state-"+name(i))),
				create(a, object("ShootState", "garden-fresh-a/with-state-"+name(i)))
		}))
	})
}
