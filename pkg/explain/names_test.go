package explain

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseKindTakesAllKinds(t *testing.T) {
	for _, name := range []string{"backupentries", "BackupEntry", "exposureclasses", "certificatesigningrequests",
		"workloadidentities", "Leases", "seed"} {
		_, err := ParseKind(name)
		require.NoError(t, err, name)
	}
}
