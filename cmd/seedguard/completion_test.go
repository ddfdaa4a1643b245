package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/config"
)

// offered returns what a shell is offered for the last word of a command line, and the directives that go with it.
func offered(args ...string) (completions []string, directives string) {
	o := command(append([]string{"__completeNoDesc"}, args...)...)
	lines := strings.Split(strings.TrimSpace(o.out), "\n")
	return lines[:len(lines)-1], o.errOut
}

func TestCompleteFromTheLandscape(t *testing.T) {
	dir := landscapeDir(t)
	write(t, filepath.Join(dir, "extension.yaml"), "apiVersion: v1\nkind: ServiceAccount\n"+
		"metadata: {name: extension-provider-aws, namespace: seed-s1}\n")
	for line, want := range map[string][]string{
		"explain shoot ":                                  {"garden-dev/", "garden-prod/"},
		"explain Shoot garden-":                           {"garden-dev/", "garden-prod/"},
		"explain shoots garden-dev/":                      {"garden-dev/web"},
		"explain secretbinding garden-dev/":               {"garden-dev/infrastructure"},
		"explain seed ":                                   {"s1", "s2"},
		"explain pod ":                                    {},
		"explain seed s1 ":                                {},
		"explain seed s1 --seed ":                         {"s1", "s2"},
		"can-i get secretbindings --seed s1 --namespace ": {"garden-dev"},
		"can-i get --seed s1 -n ": {"garden-dev", "garden-prod", "gardener-system-seed-lease", "kube-system",
			"seed-s1"},
		"can-i get secrets -n garden-dev ": {"infrastructure", "web.ca-cluster", "web.monitoring", "web.ssh-keypair",
			"web.ssh-keypair.old"},
		"can-i get shoots/status -n garden-prod ":          {"db"},
		"can-i get shoots.core.gardener.cloud -n garden- ": {},
		"can-i get deployments.apps ":                      {},
		"can-i get secrets --seed ":                        {"s1", "s2"},
		"can-i get secrets --seed s1 --extension ":         {"provider-aws"},
		"can-i get secrets --seed s2 --extension ":         {},
		"who-can get shoot ":                               {"garden-dev/", "garden-prod/"},
		"who-can get shoots garden-dev/":                   {"garden-dev/web"},
		"who-can get shoots -n garden-prod ":               {"db"},
		"can-i get shoots garden-dev/":                     {"garden-dev/web"},
	} {
		args := strings.Split(line, " ")
		args = slices.Insert(args, 1, "--landscape", dir)
		got, directives := offered(args...)
		require.ElementsMatch(t, want, got, line)
		require.Contains(t, directives, "ShellCompDirectiveNoFileComp", line)
	}
	_, directives := offered("explain", "--landscape", dir, "shoot", "")
	require.Contains(t, directives, "ShellCompDirectiveNoSpace", "the name follows")
}

// TestCompleteWithoutALandscape offers what the tables have, and nothing else, without a word.
func TestCompleteWithoutALandscape(t *testing.T) {
	verbs, _ := offered("can-i", "")
	require.Subset(t, verbs, []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"})
	require.NotContains(t, verbs, "*")
	resources, _ := offered("can-i", "get", "")
	require.Subset(t, resources, []string{"secrets", "shoots", "events", "events.events.k8s.io"})
	for _, resource := range resources {
		o := command("can-i", "get", resource, "x", "--seed", "s1", "--landscape", landscapeDir(t))
		require.NotEqual(t, exitError, o.exit, "%s: %s", resource, o.errOut)
	}
	subresources, _ := offered("can-i", "update", "shoots/")
	require.Subset(t, subresources, []string{"shoots/status", "shoots/adminkubeconfig"})
	kinds, _ := offered("explain", "")
	require.Contains(t, kinds, "secretbinding")
	kinds, _ = offered("explain", "S")
	require.Contains(t, kinds, "SecretBinding")

	broken := t.TempDir()
	write(t, filepath.Join(broken, "x.yaml"), "a: b: c")
	for _, garden := range [][]string{nil, {"--landscape", broken}, {"--landscape", "/does/not/exist"},
		{"--kubeconfig", "/does/not/exist"}, {"--kubeconfig", kubeconfig(t, "https://127.0.0.1:1")}} {
		for _, line := range []string{"explain shoot ", "explain shoot a/", "explain seed ", "can-i get secrets -n x ",
			"can-i --seed ", "can-i -n ", "can-i --extension "} {
			args := strings.Split(line, " ")
			got, directives := offered(append(append(args[:1:1], garden...), args[1:]...)...)
			require.Empty(t, got, line)
			require.NotContains(t, directives, "rror", line)
		}
	}
}

// TestCompleteHostileNames: what a manifest refers to may be no name at all.
func TestCompleteHostileNames(t *testing.T) {
	dir := landscapeDir(t)
	write(t, filepath.Join(dir, "hostile.yaml"), "apiVersion: core.gardener.cloud/v1beta1\nkind: Shoot\n"+
		"metadata: {name: hostile, namespace: garden-dev}\nspec: {seedName: \"s3\\e[31m$(id)\", secretBindingName: x}\n")
	got, _ := offered("explain", "--landscape", dir, "--seed", "")
	require.Equal(t, []string{"s1", "s2"}, got)
}

var supported = regexp.MustCompile(`[Ss]upported values: (.*)`)

// TestCompleteFlags: what a flag is completed to is what it takes.
func TestCompleteFlags(t *testing.T) {
	// The flags of serve that take some words only say so when they get another one.
	enumerations := 0
	reference := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.AddFlags(reference)
	reference.VisitAll(func(flag *pflag.Flag) {
		set := pflag.NewFlagSet("", pflag.ContinueOnError)
		flags := config.AddFlags(set)
		if set.Set(flag.Name, "?") != nil {
			return // it takes no text
		}
		_, err := flags.Complete()
		if err == nil || !supported.MatchString(err.Error()) {
			return
		}
		enumerations++
		var want []string
		for word := range strings.SplitSeq(supported.FindStringSubmatch(err.Error())[1], ", ") {
			want = append(want, strings.Trim(word, `"`))
		}
		got, directives := offered("serve", "--"+flag.Name, "")
		require.ElementsMatch(t, want, got, flag.Name)
		require.Contains(t, directives, "NoFileComp", flag.Name)
	})
	require.GreaterOrEqual(t, enumerations, 4)

	for line, want := range map[string][]string{
		"can-i -o ":                {"text", "json"},
		"version --output ":        {"text", "json"},
		"rules -o ":                {"text", "markdown", "json"},
		"rules ":                   {"authorizer", "edges", "restriction", "writes"},
		"explain --parent-scope ":  {"Seed", "Everything"},
		"can-i --references ":      {"Enforce", "Warn", "Off"},
		"manifests --references ":  {"Enforce", "Warn", "Off"},
		"serve --logging-format ":  {"text", "json"},
		"serve --config ":          {"yaml", "yml", "json"},
		"can-i -f ":                {"yaml", "yml", "json"},
		"serve --secure-port ":     {},
		"can-i --as ":              {},
		"serve --client-ca-file ":  {},
		"explain --landscape ":     {},
		"serve --request-timeout ": {},
		"can-i --context ":         {},
		"can-i --kubeconfig " + kubeconfig(t, "https://127.0.0.1:1") + " --context ": {"garden"},
	} {
		got, _ := offered(strings.Split(line, " ")...)
		require.ElementsMatch(t, want, got, line)
	}
	for flag, directive := range map[string]string{
		"config": "FilterFileExt", "landscape": "FilterDirs", "client-ca-file": "Default", "secure-port": "NoFileComp",
	} {
		_, directives := offered("serve", "--"+flag, "")
		require.Contains(t, directives, "ShellCompDirective"+directive, flag)
	}
}
