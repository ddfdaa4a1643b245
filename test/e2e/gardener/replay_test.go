package gardener

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seedguard/seedguard/pkg/replay"
)

// TestReplay: of Gardener's resources kube-apiserver's audit log has the requests, and gardener-apiserver's the objects
// too. Both decide the same as they did.
func TestReplay(t *testing.T) {
	a := gardenlet(t, "a")
	soon(t, "know the garden", func() error { // after what other tests have left
		_, err := a.get(t, "Shoot", "garden-a/crop")
		return err
	})
	own := uidOf(t, "Seed", "a")
	var starts []int64
	for _, log := range g.AuditLogs() {
		info, err := os.Stat(log)
		require.NoError(t, err)
		starts = append(starts, info.Size())
	}
	_, err := a.get(t, "Shoot", "garden-a/crop")
	require.NoError(t, err)
	_, err = a.get(t, "Shoot", "garden-b/crop")
	forbidden(t, err)
	_, err = a.list(t, "Shoot", "", metav1.ListOptions{LabelSelector: "name.seed.gardener.cloud/a=true"})
	require.NoError(t, err)
	require.NoError(t, a.create(t, bucketOf("a", own)))
	denied(t, a.create(t, bucketOf("b", "another")))
	require.NoError(t, admin(t).remove(t, "BackupBucket", own))

	dir, landscape := t.TempDir(), t.TempDir()
	require.NoError(t, admin(t).Export(t.Context(), landscape))
	var logs []string
	for i, log := range g.AuditLogs() {
		content, err := os.ReadFile(log)
		require.NoError(t, err)
		logs = append(logs, filepath.Join(dir, fmt.Sprint(i)))
		require.NoError(t, os.WriteFile(logs[i], content[starts[i]:], 0o600))
	}
	created := func(logs ...string) (buckets replay.Group) {
		report, exit, err := g.Replay(t.Context(), append(logs, "--landscape", landscape)...)
		require.NoError(t, err)
		require.Zero(t, exit, "%+v", report)
		require.Zero(t, report.Summary.WouldBeAllowed, "%+v", report)
		require.GreaterOrEqual(t, report.Summary.Same, 4)
		for _, group := range report.Groups {
			if group.Verb == "create" && group.Resource == "backupbuckets.core.gardener.cloud" {
				buckets = group
			}
		}
		return buckets
	}
	aggregator := created(logs[0])
	require.Equal(t, 1, aggregator.AdmissionNotDecided, "%+v", aggregator)
	require.Equal(t, 1, aggregator.Unknown, "%+v", aggregator)
	aggregated := created(logs[1:]...)
	require.Equal(t, 2, aggregated.Same, "%+v", aggregated)
	require.Zero(t, aggregated.AdmissionNotDecided+aggregated.Unknown, "%+v", aggregated)
}
