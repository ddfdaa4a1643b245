// Package scenarios holds what seed clients may and may not do, as files that pkg/scenario reads. The tests of both
// halves run all of them, and `seedguard test` does too.
package scenarios

import (
	"context"
	"embed"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/scenario"
)

//go:embed *.yaml
var files embed.FS

// Run asks about the requests of all scenarios, each a subtest, and returns how many expectations there were.
func Run(
	t *testing.T, ask func(*scenario.World, context.Context, *scenario.Request) []scenario.Check,
) (expectations int) {
	t.Helper()
	names, err := fs.Glob(files, "*.yaml")
	require.NoError(t, err)
	for _, name := range names {
		content, err := files.ReadFile(name)
		require.NoError(t, err)
		s, err := scenario.Parse(name, content, config.Default())
		require.NoError(t, err)
		w := Open(t, s)
		t.Run(name, func(t *testing.T) {
			for i := range s.Requests {
				t.Run(s.Requests[i].Name, func(t *testing.T) {
					for _, check := range ask(w, t.Context(), &s.Requests[i]) {
						expectations++
						require.True(t, check.OK, check.String())
					}
				})
			}
		})
	}
	return expectations
}

// Open returns the world of a scenario that brings its objects.
func Open(t *testing.T, s *scenario.Scenario) *scenario.World {
	t.Helper()
	require.NotNil(t, s.Objects, s.File)
	held, err := s.Read(t.Context())
	require.NoError(t, err)
	return scenario.NewWorld(held)
}
