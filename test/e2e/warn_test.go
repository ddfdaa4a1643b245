package e2e

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/admission"
	testgarden "github.com/seedguard/seedguard/test/garden"
)

// warnings keeps the warnings that a client gets.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, text)
}

// take returns the warnings since the last call.
func (w *warnings) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	texts := w.texts
	w.texts = nil
	return texts
}

// TestWarnAndOff: with restriction.references Warn, a write that would be denied is admitted, and the client is warned.
// With Off nobody even asks seedguard. What does not depend on references is denied all the same.
func TestWarnAndOff(t *testing.T) {
	const widens = `{"spec":{"provider":{"type":"other"}}}`
	start := func(t *testing.T, references admission.References) (*testgarden.Garden, *client, *warnings) {
		t.Helper()
		g := gardenWith(t, testgarden.Options{References: references})
		require.NoError(t, g.StartSeedguard(t.Context()))
		withSeeds(t, g, "a", "b")
		config, err := g.Gardenlet("a")
		require.NoError(t, err)
		warned := &warnings{}
		config.WarningHandler = warned
		c := newClient(t, g, config)
		c.allows(t, "get Shoot garden-a/crop", "patch BackupBucket bucket-a")
		forbidden(t, c.create(t.Context(), object("Secret", "garden-b/crop.monitoring")), "a Secret of another's Shoot")
		c.apply(t, describedToken(t, "opera0", "Made by an operator."))
		warned.take()
		return g, c, warned
	}
	t.Run("Warn", func(t *testing.T) {
		g, c, warned := start(t, admission.ReferencesWarn)
		require.NoError(t, c.merge(t.Context(), "BackupBucket", "bucket-a", widens))
		texts := warned.take()
		require.Len(t, texts, 1)
		require.Contains(t, texts[0], "spec.provider.type is not that of the backup of Seed/a")
		count, err := g.Guard.Metric(t.Context(), "seedguard_admission_reference_warnings_total",
			`operation="UPDATE"`, `resource="backupbuckets.core.gardener.cloud"`)
		require.NoError(t, err)
		require.InDelta(t, 1, count, 0)
		require.NoError(t, c.merge(t.Context(), "BackupBucket", "bucket-a", `{"metadata":{"finalizers":["example.com/e2e"]}}`))
		require.Empty(t, warned.take(), "what is allowed anyway")
		soon(t, "another's certificate", func() error {
			return bootstrapper(t, g, operatorsToken).tryCreate(t.Context(), certificateSigningRequest(t, "x", "a"))
		})
	})
	t.Run("Off", func(t *testing.T) {
		g, c, warned := start(t, admission.ReferencesOff)
		bootstrapper := bootstrapper(t, g, operatorsToken)
		soon(t, "another's certificate", func() error {
			return bootstrapper.tryCreate(t.Context(), certificateSigningRequest(t, "x", "a"))
		})
		_, before := reviews(t, g)
		require.NoError(t, c.merge(t.Context(), "BackupBucket", "bucket-a", widens))
		require.NoError(t, c.remove(t.Context(), "Secret", "garden/backup-a"))
		require.NoError(t, bootstrapper.tryCreate(t.Context(), certificateSigningRequest(t, "x", "a")))
		_, after := reviews(t, g)
		require.Equal(t, before, after, "AdmissionReviews")
		require.Empty(t, warned.take())
	})
}
