package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/access"
)

// TestFollow: valid changes are applied once, and a file that cannot be used leaves what was there and says so.
func TestFollow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	write := func(content string) { require.NoError(t, os.WriteFile(file, []byte(content), 0o600)) }
	write(head)
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags := AddFlags(set)
	require.NoError(t, set.Parse([]string{"--config", file}))
	_, err := flags.Complete()
	require.NoError(t, err)
	w := flags.NewFollower(prometheus.NewRegistry())

	var applied []access.Config
	look := func() { w.look(t.Context(), func(c access.Config) { applied = append(applied, c) }) }
	counts := func(result string) float64 { return testutil.ToFloat64(w.changes.WithLabelValues(result)) }
	look()
	require.Empty(t, applied, "nothing has changed")

	viewer := head + "kubeconfigAccess:\n  rules: [{levels: {shoots: viewer}}]\n"
	write(viewer)
	look()
	look()
	require.Len(t, applied, 1)
	require.Equal(t, access.LevelViewer, applied[0].Rules[0].Levels.Shoots)

	for _, broken := range []string{
		head + "kubeconfigAccess:\n  rules: [{levels: {shoots: viewr}}]\n", head + "kubeconfigacces: {}\n", "{",
	} {
		write(broken)
		look()
		look()
		require.Len(t, w.Problems(), 1)
		require.Contains(t, w.Problems()[0], file+": ")
		require.Zero(t, testutil.ToFloat64(w.lastValid))
	}
	require.NoError(t, os.Remove(file))
	look()
	require.NotEmpty(t, w.Problems())
	require.Len(t, applied, 1)
	require.InDelta(t, 3, counts("rejected"), 0)

	write(viewer)
	look()
	require.Empty(t, w.Problems())
	require.Len(t, applied, 2)
	require.InDelta(t, 2, counts("applied"), 0)
	require.InDelta(t, 1, testutil.ToFloat64(w.lastValid), 0)
}

func TestFollowNothing(t *testing.T) {
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	w := AddFlags(set).NewFollower(prometheus.NewRegistry())
	w.Run(t.Context(), nil)
	require.Empty(t, w.Problems())
}

// TestFollowFromWhatIsInForce: what changes before anybody follows the file is a change all the same.
func TestFollowFromWhatIsInForce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte(head), 0o600))
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags := AddFlags(set)
	require.NoError(t, set.Parse([]string{"--config", file}))
	_, err := flags.Complete()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(head+"kubeconfigAccess: {rules: [{levels: {shoots: viewer}}]}\n"), 0o600))
	applied := 0
	flags.NewFollower(prometheus.NewRegistry()).look(t.Context(), func(access.Config) { applied++ })
	require.Equal(t, 1, applied)
}
