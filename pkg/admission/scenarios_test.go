package admission_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/test/scenarios"
)

func TestScenarios(t *testing.T) {
	asked := 0
	scenarios.Run(t, func(_ *testing.T, w *scenarios.World) func(*testing.T, scenarios.Request) {
		plugin := admission.New(admission.Options{Reader: w, Clock: w.Clock, Policy: w.Policy, Access: w.Access})
		return func(t *testing.T, r scenarios.Request) {
			if r.Admit == "" {
				return
			}
			asked++
			review, err := r.Review()
			require.NoError(t, err)
			response := plugin.Admit(t.Context(), review)
			require.Equal(t, review.UID, response.UID)
			if r.Admit == scenarios.Allowed {
				require.True(t, response.Allowed, "%v", response.Result)
				return
			}
			require.False(t, response.Allowed)
			require.Equal(t, r.Admit, strconv.Itoa(int(response.Result.Code)), response.Result.Message)
			require.Contains(t, response.Result.Message, r.Message)
		}
	})
	require.Greater(t, asked, 150, "scenarios that ask the admission")
}
