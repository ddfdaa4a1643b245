package main

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	gardencorev1 "github.com/gardener/gardener/pkg/apis/core/v1"
	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	operationsv1alpha1 "github.com/gardener/gardener/pkg/apis/operations/v1alpha1"
	securityv1alpha1 "github.com/gardener/gardener/pkg/apis/security/v1alpha1"
	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kubernetesscheme "k8s.io/client-go/kubernetes/scheme"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// exampleDir is the landscape that `make run` serves.
const exampleDir = "../../examples/landscape"

// copyOfExample returns a copy to change.
func copyOfExample(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "landscape")
	require.NoError(t, os.CopyFS(dir, os.DirFS(exampleDir)))
	return dir
}

// TestExampleIsValid: every object is one that its API knows, with all its fields, and every watched kind is there.
func TestExampleIsValid(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		kubernetesscheme.AddToScheme, gardencorev1.AddToScheme, gardencorev1beta1.AddToScheme, operationsv1alpha1.AddToScheme,
		securityv1alpha1.AddToScheme, seedmanagementv1alpha1.AddToScheme,
	} {
		require.NoError(t, add(scheme))
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	kinds := map[string]bool{}
	require.NoError(t, filepath.WalkDir(exampleDir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		file, err := os.Open(path)
		require.NoError(t, err)
		defer func() { require.NoError(t, file.Close()) }()
		reader := utilyaml.NewYAMLReader(bufio.NewReader(file))
		for {
			document, err := reader.Read()
			if errors.Is(err, io.EOF) {
				return nil
			}
			require.NoError(t, err)
			_, kind, err := decoder.Decode(document, nil, nil)
			require.NoError(t, err, "%s:\n%s", path, document)
			kinds[kind.Kind] = true
		}
	}))
	for _, kind := range garden.Watched() {
		require.True(t, kinds[kind.String()], "the example has no %s", kind)
	}
}

// TestExampleHasNoProblems, and everything in it that a reference leads to is in it too.
func TestExampleHasNoProblems(t *testing.T) {
	var warnings strings.Builder
	l, err := (&landscapeFlags{dir: exampleDir}).load(t.Context(), &warnings)
	require.NoError(t, err)
	require.Empty(t, warnings.String())
	for _, kind := range []graph.Kind{graph.KindBackupBucket, graph.KindBackupEntry, graph.KindBastion,
		graph.KindControllerDeployment, graph.KindControllerInstallation,
		graph.KindCredentialsBinding, graph.KindGardenlet, graph.KindManagedSeed, graph.KindProject, graph.KindSecretBinding,
		graph.KindSeed, graph.KindShoot} {
		for nodes := l.Graph.View().Nodes(); nodes.Next(); {
			if n := nodes.Node().(graph.Node); n.Vertex.Kind == kind {
				require.True(t, n.Object, "%s is referred to, and does not exist", n.Vertex)
				require.NotEmpty(t, l.Graph.Seeds(n.Vertex), "%s has nothing to do with any Seed", n.Vertex)
			}
		}
	}
}

// TestExampleTable: "Who may read what" in the example's README is what seedguard says.
func TestExampleTable(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(exampleDir, "README.md"))
	require.NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| (\\w+) `([^`]+)` \\| (yes|no) \\| (yes|no) \\| (yes|no) \\| .+ \\|$")
	rows := row.FindAllStringSubmatch(string(readme), -1)
	require.Len(t, rows, 14)
	for _, cells := range rows {
		for i, seed := range []string{"aws-eu1", "aws-eu2", "gcp-eu1"} {
			o := command("can-i", "get", cells[1], cells[2], "--seed", seed, "--landscape", exampleDir)
			require.Empty(t, o.errOut)
			require.Equal(t, map[string]int{"yes": exitOK, "no": exitNotAllowed}[cells[3+i]], o.exit, "%s of %s by %s: %s",
				cells[1], cells[2], seed, o.out)
		}
	}
}

// TestExampleCommands runs the commands of the example's README.
func TestExampleCommands(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(exampleDir, "README.md"))
	require.NoError(t, err)
	_, commands, ok := strings.Cut(string(readme), "## To try")
	require.True(t, ok)
	var script strings.Builder
	for i, block := range strings.Split(commands, "```") {
		if i%2 == 1 {
			script.WriteString(strings.ReplaceAll(block, "bin/seedguard", os.Args[0]))
		}
	}
	answers := map[string]int{}
	for line := range strings.Lines(shell(t, script.String())) {
		for _, answer := range []string{"yes", "no opinion", "no: the admission denies it"} {
			if strings.HasPrefix(line, answer) {
				answers[answer]++
				break
			}
		}
	}
	require.Equal(t, map[string]int{"yes": 4, "no opinion": 3, "no: the admission denies it": 1}, answers)
}

// shell runs a script from the repository's root, in which this test's binary acts as seedguard, and returns what it
// prints.
func shell(t *testing.T, script string) string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), bash, "-c", script)
	c.Dir = "../.."
	c.Env = append(os.Environ(), actAsSeedguard+"=1")
	var out, errOut strings.Builder
	c.Stdout, c.Stderr = &out, &errOut
	err = c.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == exitNotAllowed {
		err = nil // the last answer was no
	}
	require.NoError(t, err, errOut.String())
	require.Empty(t, errOut.String())
	return out.String()
}
