package admission_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/scenario"
	"github.com/seedguard/seedguard/test/scenarios"
)

func TestScenarios(t *testing.T) {
	require.Greater(t, scenarios.Run(t, (*scenario.World).Admit), 150, "expectations of the admission")
}
