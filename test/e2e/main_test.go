package e2e

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	testgarden "github.com/seedguard/seedguard/test/garden"
)

var (
	// seedguard is the binary under test.
	seedguard string
	// shared is the garden of all tests that do it no harm. They have Seeds of their own in it.
	shared *testgarden.Garden
)

//go:embed testdata/landscape.yaml
var landscape string

// hardlyWaits has seedguard wait for news for less than by default, where much is asked that gets no opinion.
const hardlyWaits = "--authorizer-freshness=20ms"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "seedguard-e2e-")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	if seedguard, err = testgarden.Build(ctx, dir, false); err != nil {
		return fail(err)
	}
	if shared, err = testgarden.Start(ctx, testgarden.Options{Dir: dir, Seedguard: seedguard}); err != nil {
		return fail(err)
	}
	defer shared.Stop()
	if err := shared.StartSeedguard(ctx, hardlyWaits); err != nil {
		return fail(err)
	}
	if code = m.Run(); code != 0 {
		fmt.Fprintln(os.Stderr, shared.Logs())
		return code
	}
	if err := wellServed(ctx); err != nil {
		return fail(err)
	}
	return code
}

// wellServed fails when the shared seedguard panicked, or could not decide on what the API server asked.
func wellServed(ctx context.Context) error {
	for metric, values := range map[string][]string{
		"seedguard_webhook_panics_total": {`webhook="authorizer"`, `webhook="admission"`},
		"seedguard_webhook_rejected_total": {`reason="bad_request"`, `reason="not_ready"`, `reason="too_large"`,
			`reason="too_many"`},
	} {
		for _, value := range values {
			count, err := shared.Guard.Metric(ctx, metric, value)
			if err != nil {
				return err
			}
			if count != 0 {
				return fmt.Errorf("%s{%s} is %v\n%s", metric, value, count, shared.Logs())
			}
		}
	}
	return nil
}

// ownGarden starts a garden for a test that breaks it. Seedguard does not run yet.
func ownGarden(t *testing.T, without ...string) *testgarden.Garden {
	t.Helper()
	return gardenWith(t, testgarden.Options{Without: without})
}

// gardenWith is ownGarden with options of its own.
func gardenWith(t *testing.T, options testgarden.Options) *testgarden.Garden {
	t.Helper()
	options.Dir, options.Seedguard = t.TempDir(), seedguard
	g, err := testgarden.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(g.Logs())
		}
		g.Stop()
	})
	return g
}

// withSeeds creates a landscape for each Seed and waits until seedguard knows it.
func withSeeds(t *testing.T, g *testgarden.Garden, seeds ...string) {
	t.Helper()
	for _, seed := range seeds {
		admin(t, g).apply(t, parse(t, landscape, "SEED", seed)...)
	}
}
