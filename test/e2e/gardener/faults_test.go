package gardener

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/garden"
	testgarden "github.com/seedguard/seedguard/test/garden"
)

// hang is how long a part hangs. 15 s is longer than API servers take to answer anything, and shorter than client-go
// and the kube-apiserver take to give up a connection, so that all must heal on the connections that are there. After a
// minute they have given up.
var hang = flag.Duration("hang", 15*time.Second, "how long gardener-apiserver hangs")

// credentials is a Secret of Kubernetes that only objects of Gardener's relate to a Seed.
const credentials = "garden-a/infrastructure"

// stillDecides asserts that what seedguard knows is decided on, allowed or not, for as long as a part is missing.
func stillDecides(t *testing.T, period time.Duration) {
	t.Helper()
	a, b := gardenlet(t, "a"), gardenlet(t, "b")
	for end := time.Now().Add(period); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		_, err := a.get(t, "Secret", credentials)
		require.NoError(t, err)
		_, err = b.get(t, "Secret", credentials)
		forbidden(t, err)
	}
}

var news atomic.Int64

// tell has Gardener relate one more Secret to Seed a, and returns how to ask whether seedguard decides by it. The
// request to ask with is for the kube-apiserver alone.
func tell(t *testing.T, by client) (known func() error) {
	t.Helper()
	name := fmt.Sprintf("news-%d", news.Add(1))
	manifest := fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: %s, namespace: garden}}`, name)
	require.NoError(t, admin(t).create(t, manifest))
	require.NoError(t, by.create(t, strings.Replace(bucketOf("a", name), "backup-a", name, 1)))
	a := gardenlet(t, "a")
	return func() error {
		_, err := a.get(t, "Secret", "garden/"+name)
		return err
	}
}

// learns waits until seedguard decides by what it was told, and returns how long that took.
func learns(t *testing.T, known func() error) time.Duration {
	t.Helper()
	begin := time.Now()
	soon(t, "seedguard knows of the new BackupBucket", known)
	return time.Since(begin)
}

func pause(t *testing.T, p *testgarden.Process) (resume func()) {
	t.Helper()
	require.NoError(t, p.Signal(syscall.SIGSTOP))
	resume = func() { _ = p.Signal(syscall.SIGCONT) }
	t.Cleanup(resume)
	return resume
}

// TestRestart: gardener-apiserver ends and comes back. Meanwhile seedguard goes on with what it knows.
func TestRestart(t *testing.T) {
	for _, p := range g.Gardeners {
		p.Kill()
	}
	stillDecides(t, time.Second)
	for i := range g.Gardeners {
		require.NoError(t, g.StartGardener(t.Context(), i))
	}
	heals(t)
}

// heals waits until the kube-apiserver reaches gardener-apiserver again, and seedguard learns what happens there and
// has contact with all of its groups.
func heals(t *testing.T) {
	t.Helper()
	begin := time.Now()
	soon(t, "gardener-apiserver is reached again", func() error {
		_, err := admin(t).get(t, "BackupBucket", "bucket-a")
		return err
	})
	reached := time.Since(begin)
	news := learns(t, tell(t, admin(t)))
	t.Logf("reached after %v; news took %v", reached, news)
	require.Less(t, news, 5*time.Second)
	require.Eventually(t, func() bool {
		_, detail, err := g.Guard.Readiness(t.Context())
		require.NoError(t, err)
		return !strings.Contains(detail, "no contact with ")
	}, noticing, 20*time.Millisecond)
}

// noticing bounds how long it takes until seedguard tells that an API server hangs.
const noticing = 10 * time.Second

// notices waits until seedguard tells that it has lost contact with Gardener's API groups, and with no other.
func notices(t *testing.T) {
	t.Helper()
	begin := time.Now()
	require.Eventually(t, func() bool {
		ready, detail, err := g.Guard.Readiness(t.Context())
		require.NoError(t, err)
		require.True(t, ready, detail)
		require.NotContains(t, detail, "contact with v1 ")
		return strings.Count(detail, "[!]no contact with ") == gardenerGroups
	}, noticing, 20*time.Millisecond)
	t.Logf("noticed after %v", time.Since(begin))
	last, err := g.Guard.Metric(t.Context(), "seedguard_garden_last_contact_timestamp_seconds",
		`group_version="core.gardener.cloud/v1beta1"`)
	require.NoError(t, err)
	require.Greater(t, time.Since(time.UnixMilli(int64(last*1e3))), time.Second)
}

// gardenerGroups is how many groups and versions of Gardener's are watched.
const gardenerGroups = 5

// logged returns what seedguard logs from now on.
func logged(t *testing.T) (log func() string) {
	t.Helper()
	all := func() string {
		content, err := os.ReadFile(g.Guard.Log)
		require.NoError(t, err)
		return string(content)
	}
	before := len(all())
	return func() string { return all()[before:] }
}

// TestHang: all of gardener-apiserver hangs and goes on.
func TestHang(t *testing.T) {
	var resume []func()
	log := logged(t)
	for _, p := range g.Gardeners {
		resume = append(resume, pause(t, p))
	}
	// To decide on this one, seedguard asks the API server whether there is such a Shoot.
	begin := time.Now()
	const secret = `{apiVersion: v1, kind: Secret, metadata: {name: absent.monitoring, namespace: garden-a}}`
	err := gardenlet(t, "a").create(t, secret)
	require.Error(t, err)
	t.Logf("a write that needs a live recheck: %v after %v", err, time.Since(begin))
	require.Less(t, time.Since(begin), 5*time.Second, "the kube-apiserver waits 3 s for the webhook")
	notices(t)
	stillDecides(t, *hang-time.Since(begin))
	for _, r := range resume {
		r()
	}
	heals(t)
	told := log()
	require.Equal(t, gardenerGroups, strings.Count(told, "In contact with the garden again"), told)
	require.Equal(t, gardenerGroups, strings.Count(told, "Lost contact with the garden"), told)
	// Two for each group, one at most for each kind, and that of the denied write.
	require.LessOrEqual(t, strings.Count(told, "\n"), 2*gardenerGroups+len(garden.Watched())+1, told)
	t.Log(told)
}

// TestOneReplicaHangs: one of two replicas hangs, each in turn. Whether watches go through it is chance, so seedguard
// learns of changes at once or when it goes on; it decides on what it knows all the time.
func TestOneReplicaHangs(t *testing.T) {
	for i, p := range g.Gardeners {
		other, err := g.NewClient(g.GardenerClient(1 - i))
		require.NoError(t, err)
		resume := pause(t, p)
		known, begin := tell(t, client{other}), time.Now()
		while := "not"
		for time.Since(begin) < *hang {
			stillDecides(t, 100*time.Millisecond)
			if while == "not" && known() == nil {
				while = time.Since(begin).String()
			}
		}
		resume()
		after := learns(t, known)
		t.Logf("replica %d: news took %s while it hung, %v when it went on", i, while, after)
		require.Less(t, after, 5*time.Second)
	}
}
