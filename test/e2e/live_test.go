package e2e

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/seedguard/seedguard/pkg/garden"
	testgarden "github.com/seedguard/seedguard/test/garden"
)

// This file runs the commands that ask a live garden, which they read once.

// kubeconfigOf writes a kubeconfig.
func kubeconfigOf(t *testing.T, config *rest.Config) string {
	t.Helper()
	content, err := testgarden.Kubeconfig(config)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, content, 0o600))
	return file
}

// outcome is what came of a command.
type outcome struct {
	exit        int
	out, errOut string
}

// ask runs seedguard.
func ask(t *testing.T, line ...string) outcome {
	t.Helper()
	var out, errOut bytes.Buffer
	c := exec.CommandContext(t.Context(), seedguard, line...)
	c.Stdout, c.Stderr = &out, &errOut
	if err := c.Run(); !errors.As(err, new(*exec.ExitError)) {
		require.NoError(t, err)
	}
	return outcome{c.ProcessState.ExitCode(), out.String(), errOut.String()}
}

func words(line string, more ...string) []string { return append(strings.Fields(line), more...) }

// TestAskALiveGarden: the same is said as by the server.
func TestAskALiveGarden(t *testing.T) {
	withSeeds(t, shared, "live-1", "live-2")
	live := []string{"--kubeconfig", kubeconfigOf(t, shared.Admin())}
	own, foreign := gardenlet(t, shared, "live-1"), gardenlet(t, shared, "live-2")
	require.NoError(t, own.do(t.Context(), "get Secret garden-live-1/infrastructure"))
	require.Error(t, foreign.do(t.Context(), "get Secret garden-live-1/infrastructure"))

	secret := "can-i get secrets infrastructure -n garden-live-1 --seed "
	o := ask(t, words(secret+"live-1", live...)...)
	require.Equal(t, outcome{0, o.out, ""}, o)
	require.Regexp(t, "^yes: ", o.out)
	o = ask(t, words(secret+"live-2", live...)...)
	require.Equal(t, outcome{1, o.out, ""}, o)
	require.Regexp(t, "^no opinion: ", o.out)
	o = ask(t, words("explain secret garden-live-1/infrastructure --seed live-1 --context garden", live...)...)
	require.Equal(t, outcome{0, "Secret/garden-live-1/infrastructure -> SecretBinding/garden-live-1/binding -> " +
		"Shoot/garden-live-1/crop -> Seed/live-1\n", ""}, o)

	object := filepath.Join(t.TempDir(), "object.yaml")
	require.NoError(t, os.WriteFile(object,
		[]byte("apiVersion: v1\nkind: Secret\nmetadata: {name: crop.ssh-keypair, namespace: garden-live-1}\n"), 0o600))
	for seed, want := range map[string]string{"live-1": "admission: admitted\n", "live-2": "admission: denied (403): "} {
		o = ask(t, words("can-i create -f "+object+" --seed "+seed, live...)...)
		require.Contains(t, o.out, want)
		require.Empty(t, o.errOut)
	}
}

// TestReadALiveGardenWithFewPermissions: to list is enough, and what is missing is said at once.
func TestReadALiveGardenWithFewPermissions(t *testing.T) {
	c := admin(t, shared)
	// grant lets a new user list the watched kinds but for some, and returns its kubeconfig.
	grant := func(name string, without ...string) string {
		rules := ""
		for _, kind := range garden.Watched() {
			r := kind.Resource()
			if !strings.Contains(strings.Join(without, " "), r.Resource) {
				rules += "- {apiGroups: ['" + r.Group + "'], resources: [" + r.Resource + "], verbs: [list]}\n"
			}
		}
		c.apply(t, parse(t, `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: NAME}
rules:
RULES---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: NAME}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: NAME}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: NAME}]
`, "NAME", name, "RULES", rules)...)
		config, err := shared.Client(name)
		require.NoError(t, err)
		return kubeconfigOf(t, config)
	}
	withSeeds(t, shared, "live-3")
	line := "explain seed live-3 --kubeconfig "
	lister, partial := grant("lister"), grant("partial", "shoots", "bastions")
	// The API server hears of new permissions a little later.
	require.Eventually(t, func() bool {
		return ask(t, words(line+lister)...) == outcome{0, "Seed/live-3\n", ""}
	}, patience, 100*time.Millisecond)
	const some = "permission is needed to list bastions.operations.gardener.cloud, shoots.core.gardener.cloud in all " +
		"namespaces"
	require.Eventually(t, func() bool { return strings.Contains(ask(t, words(line+partial)...).errOut, some) },
		patience, 100*time.Millisecond)

	config, err := shared.Client("jane")
	require.NoError(t, err)
	for file, message := range map[string]string{
		kubeconfigOf(t, config):                       `User "jane" cannot list resource "`,
		kubeconfigOf(t, shared.WithToken("nobody-s")): "Unauthorized",
	} {
		began := time.Now()
		o := ask(t, words(line+file)...)
		require.Equal(t, 2, o.exit)
		require.Empty(t, o.out)
		require.Contains(t, o.errOut, "cannot read the garden at "+shared.Host+": ")
		require.Contains(t, o.errOut, message)
		require.Less(t, time.Since(began), 10*time.Second)
	}
}

// TestProgressOnATerminal: somebody who waits sees how far the reading is, and then the answer alone.
func TestProgressOnATerminal(t *testing.T) {
	withSeeds(t, shared, "live-4")
	c := exec.CommandContext(t.Context(), seedguard,
		words("explain seed live-4 --kubeconfig", kubeconfigOf(t, shared.Admin()))...)
	terminal, err := pty.Start(c)
	require.NoError(t, err)
	defer func() { require.NoError(t, terminal.Close()) }()
	shown, _ := io.ReadAll(terminal) // ends with an error of its own when the program has ended
	require.NoError(t, c.Wait())
	require.Contains(t, string(shown), "\rReading the garden at "+shared.Host)
	require.Regexp(t, `\rReading the garden: \d+ of \d+ kinds, \d+ objects`, string(shown))
	require.Regexp(t, `\r +\rSeed/live-4\r\n$`, string(shown))
}

// TestCompleteFromALiveGarden asks for what is completed alone.
func TestCompleteFromALiveGarden(t *testing.T) {
	withSeeds(t, shared, "live-5")
	file := kubeconfigOf(t, shared.Admin())
	for line, want := range map[string]string{
		"explain shoot garden-live-5/":        "garden-live-5/crop",
		"explain shoot ":                      "garden-live-5/",
		"explain --seed ":                     "live-5",
		"can-i get secrets -n garden-live-5 ": "infrastructure",
		"can-i -n ":                           "garden-live-5",
	} {
		args := strings.Split(line, " ")
		o := ask(t, append([]string{"__completeNoDesc", args[0], "--kubeconfig", file}, args[1:]...)...)
		require.Contains(t, strings.Split(o.out, "\n"), want, line)
	}
}
