package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"
)

// actAsSeedguard is the environment variable by which this test's binary becomes seedguard itself.
const actAsSeedguard = "ACT_AS_SEEDGUARD"

func TestMain(m *testing.M) {
	if os.Getenv(actAsSeedguard) != "" {
		main()
	}
	klog.LogToStderr(false) // silent, but for what the tests ask for
	klog.SetOutput(&bytes.Buffer{})
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

// manifest is a small landscape: two Seeds, a Shoot on each, the second of a project that both use the CloudProfile of.
const manifest = `apiVersion: core.gardener.cloud/v1beta1
kind: Seed
metadata: {name: s1, uid: 11111111-1111-1111-1111-111111111111}
---
apiVersion: core.gardener.cloud/v1beta1
kind: Seed
metadata: {name: s2}
---
apiVersion: core.gardener.cloud/v1beta1
kind: Project
metadata: {name: dev}
spec: {namespace: garden-dev}
---
apiVersion: core.gardener.cloud/v1beta1
kind: SecretBinding
metadata: {name: infrastructure, namespace: garden-dev}
secretRef: {name: infrastructure, namespace: garden-dev}
---
apiVersion: core.gardener.cloud/v1beta1
kind: Shoot
metadata: {name: web, namespace: garden-dev}
spec: {seedName: s1, secretBindingName: infrastructure, cloudProfile: {kind: CloudProfile, name: aws}}
---
apiVersion: core.gardener.cloud/v1beta1
kind: Shoot
metadata: {name: db, namespace: garden-prod}
spec: {seedName: s2, cloudProfile: {kind: CloudProfile, name: aws}}
`

func landscapeDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "landscape.yaml"), manifest)
	return dir
}

func write(t testing.TB, file, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
}

// outcome is what came of a command.
type outcome struct {
	exit        int
	out, errOut string
}

func command(args ...string) outcome {
	return commandWith(context.Background(), strings.NewReader(""), args...)
}

func commandWith(ctx context.Context, in io.Reader, args ...string) outcome {
	var out, errOut bytes.Buffer
	exit := run(ctx, args, streams{in, &out, &errOut})
	return outcome{exit, out.String(), errOut.String()}
}

func words(line string) []string { return strings.Fields(line) }

// decoded returns what a command has printed as JSON. All of it must be fields of the type.
func decoded[T any](t *testing.T, o outcome) (answer T) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(o.out))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&answer), o)
	return answer
}

// configurationFile writes a configuration file with some sections.
func configurationFile(t *testing.T, sections string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	write(t, file, "apiVersion: seedguard.config/v1alpha1\nkind: SeedGuardConfiguration\n"+sections)
	return file
}

// keyPair is the file of a Secret that belongs to the Shoot on Seed s1, and to one of the example's on aws-eu1.
func keyPair(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "object.yaml")
	write(t, file, "apiVersion: v1\nkind: Secret\nmetadata: {name: web.ssh-keypair, namespace: garden-dev}\n")
	return file
}

// requireErrors runs command lines that must fail with these messages, behind nothing but warnings, and print nothing.
// More is appended to each.
func requireErrors(t *testing.T, messages map[string]string, more ...string) {
	t.Helper()
	t.Cleanup(func() { resetLogging(t) })
	for line, message := range messages {
		resetLogging(t) // serve configures it
		o := command(append(words(line), more...)...)
		require.Equal(t, exitError, o.exit, "%s: %+v", line, o)
		require.Regexp(t, `^(Warning: .*\n)*Error: `, o.errOut, line)
		require.NotContains(t, o.errOut, "Usage:", line)
		require.Contains(t, o.errOut, message, line)
		require.Empty(t, o.out, line)
	}
}

func TestCanI(t *testing.T) {
	dir := landscapeDir(t)
	for name, c := range map[string]struct {
		line string
		exit int
		out  string
	}{
		"own Secret":               {"get secrets infrastructure -n garden-dev --seed s1", 0, "yes"},
		"own Secret, with a group": {"get secrets. infrastructure -n garden-dev --seed s1", 0, "yes"},
		"own Secret, by its place": {"get secrets garden-dev/infrastructure --seed s1", 0, "yes"},
		"foreign Secret":           {"get secrets infrastructure -n garden-dev --seed s2", 1, "no opinion: "},
		"extension": {"get secrets infrastructure -n garden-dev --seed s1 --extension provider-aws", 0,
			"yes"},
		"extension with its prefix": {"get secrets infrastructure -n garden-dev --seed s1 --extension extension-provider-aws",
			0, "yes"},
		"by user and groups": {"get secrets infrastructure -n garden-dev --as gardener.cloud:system:seed:s1 " +
			"--as-group gardener.cloud:system:seeds --as-group system:authenticated", 0, "yes"},
		"person":               {"get secrets infrastructure -n garden-dev --as jane --as-group devs", 1, "no opinion: "},
		"list with a selector": {"list shoots --seed s1 -l name.seed.gardener.cloud/s1=true", 0, "yes"},
		"list of another Seed": {"list shoots --seed s1 -l name.seed.gardener.cloud/s2=true", 1, "no opinion: "},
		"list without":         {"list shoots --seed s1", 1, "no opinion: "},
		"list by field":        {"list controllerinstallations --seed s1 --field-selector spec.seedRef.name=s1", 0, "yes"},
		"list by another field": {"list controllerinstallations --seed s1 --field-selector spec.seedRef.name!=s2", 1,
			"no opinion: "},
		"subresource":      {"update shoots.core.gardener.cloud/status web -n garden-dev --seed s1", 0, "yes"},
		"unknown resource": {"get deployments.apps web -n garden-dev --seed s1", 1, "no opinion"},
		"path":             {"get /healthz --seed s1", 1, "no opinion"},
		"events":           {"create events -n garden-dev --seed s1", 0, "yes"},
	} {
		t.Run(name, func(t *testing.T) {
			o := command(append(words("can-i "+c.line), "--landscape", dir)...)
			require.Equal(t, c.exit, o.exit, o)
			require.Empty(t, o.errOut)
			require.True(t, strings.HasPrefix(o.out, c.out), o.out)
		})
	}
}

// TestCanIByMode: Deny denies, Observe is answered as if it decided, and said so.
func TestCanIByMode(t *testing.T) {
	dir := landscapeDir(t)
	by := func(sections, line string) outcome {
		return command(append(words("can-i "+line), "--landscape", dir, "--config", configurationFile(t, sections))...)
	}
	const foreign = "get secrets infrastructure -n garden-dev --seed s2"
	const exempt = "get secrets x -n foo --seed s2 --extension e"
	const deny = "authorizer: {mode: Deny}\nrestriction: {exempt: [{extensions: [e], namespaces: [foo], resources: " +
		"[secrets]}]}\n"
	o := by(deny, foreign)
	require.Equal(t, exitNotAllowed, o.exit)
	require.True(t, strings.HasPrefix(o.out, "no, denied: secrets: get needs a path"), o.out)
	require.Empty(t, o.errOut)
	require.Contains(t, by(deny, foreign+" -o json").out, `"decision": "deny"`)
	for _, none := range []outcome{
		by(deny, exempt), by(deny, "get pods. x --seed s2"), by("authorizer: {mode: Audit}", foreign),
	} {
		require.Equal(t, exitNotAllowed, none.exit)
		require.True(t, strings.HasPrefix(none.out, "no opinion: "), none.out)
	}

	const warning = "/config.yaml: a server with mode Observe decides nothing"
	o = by("authorizer: {mode: Observe}", "get secrets infrastructure -n garden-dev --seed s1")
	require.Equal(t, exitOK, o.exit)
	require.True(t, strings.HasPrefix(o.out, "yes: "), o.out)
	require.Regexp(t, "^Warning: .*"+warning, o.errOut)
	o = by("restriction: {mode: Observe}", "create --seed s2 -f "+keyPair(t))
	require.Equal(t, exitNotAllowed, o.exit)
	require.Contains(t, o.out, "admission: denied (403)")
	require.Contains(t, o.errOut, warning)
}

func TestCanIMisused(t *testing.T) {
	dir := landscapeDir(t)
	requireErrors(t, map[string]string{
		"can-i":                                          "a verb and a resource are needed",
		"can-i get":                                      "a verb and a resource are needed",
		"can-i get secert x --seed s1":                   `did you mean "secrets"?`,
		"can-i get Shoos x --seed s1":                    `did you mean "shoots"?`,
		"can-i get pods x --seed s1":                     "none of seedguard's. Name another resource with its group",
		"can-i get secrets x":                            "say who asks",
		"can-i get secrets x --as jane --seed s1":        "exclude each other",
		"can-i get secrets x --as jane --extension e":    "--extension needs --seed",
		"can-i get secrets x --seed s1 --as-group g":     "--as-group goes with --as",
		"can-i get /healthz x --seed s1":                 "a path has no name",
		"can-i list shoots --seed s1 -l a=b=c":           "--selector",
		"can-i list shoots --seed s1 --field-selector a": "--field-selector",
		"can-i get secrets x --seed s1 -l a=b":           "selectors go with list, watch and deletecollection",
		"can-i gett secrets x --seed s1":                 `unknown verb "gett"; did you mean "get"?`,
		"can-i get seeds.core.gardner.cloud s --seed s1": `did you mean "seeds.core.gardener.cloud"?`,
		"can-i get secrets a/b -n c --seed s1":           "-n c and a/b are two namespaces",
		"can-i get secrets a/b/c --seed s1":              `"a/b/c" is not [NAMESPACE/]NAME`,
		"can-i get secrets x --seed s1 -o yaml":          "flag: want text or json",
		"can-i get secrets x --seed s1 --nothing":        "unknown flag",
		"can-i get secrets x y --seed s1":                `arguments ["get" "secrets" "x" "y"]: want seedguard can-i VERB`,
		"can-i create secrets --seed s1 -f /not/there":   "no such file",
		"can-i get secrets x --seed s1 --parent-scope x": "authorizer.parentScope",
		"can-i get secrets x --seed s1 --references x":   "restriction.references",
		"can-i get secrets x --seed s1 --server https:x": "--server excludes --landscape and --kubeconfig",
		"can-i get secrets x --seed s1 --kubeconfig x":   "--landscape and --kubeconfig exclude each other",
		"can-i get secrets x --seed s1 --client-key x":   "--client-key needs --server",
		"can-i update seeds s1 --seed s1 --old x":        "--old needs --filename",
	}, "--landscape", dir)
	empty := t.TempDir()
	requireErrors(t, map[string]string{
		"can-i get secrets x --seed s1 --landscape " + empty: "Warning: " + empty +
			": no object of a watched kind is in it\nError: " + empty + " was not loaded: there is nothing to decide on",
		"can-i get secrets x --seed s1":                              "say what to ask",
		"can-i get secrets x --seed s1 --landscape " + dir + "/none": dir + "/none: no such file",
		"can-i get secrets x --seed s1 --server https://127.0.0.1:1": "connection refused",
		"can-i get secrets x --seed s1 --server https://127.0.0.1:1 --config /nope": "--config needs --landscape or " +
			"--kubeconfig: a server decides by its own configuration",
	})
}

func TestCanIAsJSON(t *testing.T) {
	dir := landscapeDir(t)
	o := command("can-i", "get", "secrets", "infrastructure", "-n", "garden-dev", "--seed", "s2", "-o", "json",
		"--landscape", dir)
	require.Equal(t, exitNotAllowed, o.exit)
	v := decoded[verdict](t, o)
	require.False(t, v.Allowed)
	require.Equal(t, "no opinion", v.Authorizer.Decision)
	require.NotEmpty(t, v.Authorizer.Reason)
	require.Nil(t, v.Admission)
}

func TestCanICreate(t *testing.T) {
	dir := landscapeDir(t)
	secret := func(name string) string {
		return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + ", namespace: garden-dev}\n"
	}
	for name, c := range map[string]struct {
		object, line string
		exit         int
		out          []string
	}{
		"allowed": {secret("web.ssh-keypair"), "create --seed s1", 0,
			[]string{"authorizer: allow", "admission: admitted", "yes\n"}},
		"of a resource": {secret("web.ssh-keypair"), "create secrets -n garden-dev --seed s1", 0, []string{"yes\n"}},
		"foreign": {secret("web.ssh-keypair"), "create --seed s2", 1,
			[]string{"authorizer: allow", "admission: denied (403): ", "no: the admission denies it"}},
		"nobody's": {secret("other"), "create --seed s1", 1, []string{"admission: denied (403): "}},
		"not guarded": {"apiVersion: v1\nkind: Event\nmetadata: {name: e, namespace: garden-dev}\n",
			"create events --seed s1", 0, []string{"admission: admitted: not asked", "yes\n"}},
		"authorizer": {"apiVersion: core.gardener.cloud/v1beta1\nkind: Shoot\nmetadata: {name: x, namespace: " +
			"garden-dev}\n", "create shoots --seed s1", 1,
			[]string{"authorizer: no opinion", "admission: admitted: not asked", "no: the authorizer does not allow it"}},
		"neither": {"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: x}\n",
			"create --seed s1 --extension e", 1,
			[]string{"authorizer: no opinion", "admission: denied (403)", "no: neither half allows it"}},
		"person": {secret("x"), "create --as jane", 1,
			[]string{"authorizer: no opinion", "admission: admitted", "no: the authorizer does not allow it"}},
		"own Seed": {"apiVersion: core.gardener.cloud/v1beta1\nkind: Seed\nmetadata: {name: s1}\n", "update --seed s1",
			0, []string{"yes\n"}},
		"stringData": {"apiVersion: v1\nkind: Secret\ntype: bootstrap.kubernetes.io/token\n" +
			"metadata: {name: bootstrap-token-123456, namespace: kube-system}\nstringData: {description: something else, " +
			"usage-bootstrap-authentication: 'true', usage-bootstrap-signing: 'true'}\n", "create --seed s1", 1,
			[]string{"admission: denied (422)", "description must be"}},
		"delete a Seed": {"apiVersion: core.gardener.cloud/v1beta1\nkind: Seed\nmetadata: {name: s2}\n", "delete --seed s1",
			1, []string{"no: neither half allows it"}},
		"delete its own": {"apiVersion: core.gardener.cloud/v1beta1\nkind: Seed\nmetadata: {name: s1}\n", "delete --seed s1",
			1, []string{"it is the client's own Seed", "no: the admission denies it"}},
		"as ever": {"apiVersion: core.gardener.cloud/v1beta1\nkind: Seed\nmetadata: {name: s1}\n",
			"delete --seed s1 --references Off", 0, []string{"yes\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "object.yaml")
			write(t, file, c.object)
			o := command(append(words("can-i "+c.line), "--landscape", dir, "-f", file)...)
			require.Equal(t, c.exit, o.exit, o)
			require.Empty(t, o.errOut)
			for _, part := range c.out {
				require.Contains(t, o.out, part)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "object.yaml")
	for _, c := range []struct{ object, line, message string }{
		{"[]", "create", "cannot unmarshal"},
		{"metadata: {}", "create", "no kind"},
		{"kind: Secret\nkind: Secret\napiVersion: v1\n", "create", "already set"},
		{secret("x"), "create shoots", "the object is one of secrets, not of shoots.core.gardener.cloud"},
		{"apiVersion: v1\nkind: Pod\n", "create", "no Pod is guarded"},
		{secret("x"), "create -n garden-x", `the object is in namespace "garden-dev", not in "garden-x"`},
		{secret("x"), "create secrets y", `the object is named "x", not "y"`},
		{secret("x"), "get", "-f goes with create, update, patch and delete"},
		{secret("x"), "get /x", "name the resource"},
		{secret("x") + "---\n" + secret("y"), "create", "it holds 2 objects, and not one"},
		{"# nothing\n---\n", "create", "it holds 0 objects"},
		{`{"kind": "Secret"} {"kind": "Secret"}`, "create", "it holds 2 objects"},
		{`{"kind": "Secret", "kind": "Secret"}`, "create", "already set"},
		{"# a comment\na: b: c\n", "create", "document 1 (line 1): yaml: line 2: mapping values are not allowed"},
		{secret("x") + "stringData: {a: 3}\n", "create", "cannot unmarshal number"},
		{secret("x") + "data: [a]\nstringData: {a: b}\n", "create", "cannot unmarshal array"},
	} {
		write(t, file, c.object)
		requireErrors(t, map[string]string{"can-i " + c.line: c.message}, "--seed", "s1", "--landscape", dir, "-f", file)
	}
}

// TestWhatIsWrongWithTheDirectoryIsTold, and the rest of it counts.
func TestWhatIsWrongWithTheDirectoryIsTold(t *testing.T) {
	dir := copyOfExample(t)
	write(t, filepath.Join(dir, "prod", "shop.yaml"), "a: b: c\n")
	for _, line := range []string{"can-i get secrets aws-account -n garden-dev --seed aws-eu1",
		"explain secret garden-dev/aws-account"} {
		o := command(append(words(line), "--landscape", dir)...)
		require.Equal(t, exitOK, o.exit)
		require.Contains(t, o.errOut, "Warning: "+dir+": prod/shop.yaml: document 1 (line 1): ")
		require.Equal(t, 1, strings.Count(o.errOut, "\n"))
	}
}

func TestCompletion(t *testing.T) {
	for _, name := range []string{"bash", "zsh", "fish", "powershell"} {
		firstLine, _, _ := strings.Cut(command("completion", name).out, "\n")
		require.Regexp(t, "seedguard", firstLine)
	}
}

// TestCanIUpdate: the object as it is before the update decides what is new, by the configuration that the flags name.
func TestCanIUpdate(t *testing.T) {
	dir := t.TempDir()
	seed := func(file, secret string) string {
		write(t, filepath.Join(dir, file), "apiVersion: core.gardener.cloud/v1beta1\nkind: Seed\nmetadata: {name: s1}\n"+
			"spec: {dns: {provider: {type: x, credentialsRef: {apiVersion: v1, kind: Secret, namespace: garden, name: "+secret+
			"}}}}\n")
		return filepath.Join(dir, file)
	}
	configuration := " --config " + configurationFile(t, "restriction: {sharedDNSSecrets: ['dns-*']}\n")
	old, dns, stolen := seed("old.yaml", "old"), seed("dns.yaml", "dns-x"), seed("stolen.yaml", "stolen")
	for name, c := range map[string]struct {
		args string
		exit int
		says []string
	}{
		"unchanged": {stolen, exitOK, []string{"admission: admitted\n"}},
		"new": {stolen + " --old " + old, exitNotAllowed,
			[]string{"admission: denied (403)", "spec.dns.provider.credentialsRef",
				"Secret/garden/stolen", "restriction.seedReferences", "no: the admission denies it"}},
		"granted by default": {seed("domain.yaml", "default-domain-x") + " --old " + old, exitOK,
			[]string{"admission: admitted\n"}},
		"not granted by default":   {dns + " --old " + old, exitNotAllowed, []string{"Secret/garden/dns-x"}},
		"granted by configuration": {dns + " --old " + old + configuration, exitOK, []string{"admission: admitted\n"}},
		"with a warning": {stolen + " --old " + old + " --references Warn", exitOK,
			[]string{"admission: admitted: ", "Secret/garden/stolen", "yes\n"}},
		"off": {stolen + " --old " + old + " --references Off", exitOK, []string{"admission: admitted\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := command(words("can-i update seeds --seed s1 --landscape " + landscapeDir(t) + " -f " + c.args)...)
			require.Equal(t, c.exit, o.exit, o)
			for _, part := range c.says {
				require.Contains(t, o.out, part)
			}
		})
	}
}

func TestCanIFromStandardInput(t *testing.T) {
	in := strings.NewReader("apiVersion: core.gardener.cloud/v1beta1\nkind: Seed\nmetadata: {name: s1}\n")
	o := commandWith(t.Context(), in, "can-i", "create", "-f", "-", "--seed", "s1", "--landscape", landscapeDir(t))
	require.Equal(t, exitOK, o.exit, o)
}

func TestExplain(t *testing.T) {
	dir := landscapeDir(t)
	for name, c := range map[string]struct {
		line string
		exit int
		out  string
	}{
		"path": {"Secret garden-dev/infrastructure", 0,
			"Secret/garden-dev/infrastructure -> SecretBinding/garden-dev/infrastructure -> Shoot/garden-dev/web -> Seed/s1\n"},
		"implied": {"secrets garden-dev/web.ssh-keypair", 0,
			"Secret/garden-dev/web.ssh-keypair -> Shoot/garden-dev/web -> Seed/s1\n"},
		"several": {"cloudprofile aws", 0,
			"CloudProfile/aws -> Shoot/garden-dev/web -> Seed/s1\nCloudProfile/aws -> Shoot/garden-prod/db -> Seed/s2\n"},
		"one of them": {"cloudprofiles aws --seed s2", 0, "CloudProfile/aws -> Shoot/garden-prod/db -> Seed/s2\n"},
		"itself":      {"seed s1", 0, "Seed/s1\n"},
		"not that one": {"shoot garden-dev/web --seed s2", 1, `Shoot/garden-dev/web does not reach Seed "s2", only s1` + `
- Shoot garden-dev/web names Seed s1 (spec.seedName, status.seedName), not s2
`},
		"why not": {"secret garden-dev/infrastructure --seed s2", 1,
			`Secret/garden-dev/infrastructure does not reach Seed "s2", only s1
- Secret garden-dev/infrastructure is referred to by SecretBinding garden-dev/infrastructure, ` +
				`which no Shoot on Seed s2 uses (spec.secretBindingName)
- SecretBinding garden-dev/infrastructure is referred to by Shoot garden-dev/web, ` +
				`which names Seed s1 (spec.seedName, status.seedName), not s2
`},
		"unknown": {"secret garden-dev/x", 1, `Secret/garden-dev/x reaches no Seed
- no object refers to Secret garden-dev/x; a BackupBucket, ControllerDeployment, CredentialsBinding, Gardenlet, ` +
			`ManagedSeed, SecretBinding, Seed, ServiceAccount or Shoot could
`},
		"absent": {"shoot garden-dev/x --seed s1", 1, `Shoot/garden-dev/x does not reach Seed "s1", nor any other
- Shoot garden-dev/x does not exist
`},
		"absent Seed": {"seed x", 1, `Seed/x reaches no Seed
- Seed x does not exist, and no object refers to it; a ManagedSeed could
`},
	} {
		t.Run(name, func(t *testing.T) {
			o := command(append(words("explain "+c.line), "--landscape", dir)...)
			require.Equal(t, outcome{c.exit, c.out, ""}, o)
		})
	}
	requireErrors(t, map[string]string{
		"explain pod x --landscape " + dir:                 `the graph has no kind "pod", only BackupBucket`,
		"explain secert garden/x --landscape " + dir:       `did you mean "secrets"?`,
		"explain secret x --landscape " + dir:              "no namespace is given, and secrets are in one",
		"explain seed a/s1 --landscape " + dir:             "seeds are in no namespace",
		"explain shoot a/b/c --landscape " + dir:           `"a/b/c" is not [NAMESPACE/]NAME`,
		"explain shoot a/ --landscape " + dir:              `"a/" is not [NAMESPACE/]NAME`,
		"explain shoot a/b -o yaml --landscape " + dir:     `"-o, --output" flag: want text or json`,
		"who-can get shoot a/b -o yaml --landscape " + dir: `"-o, --output" flag: want text or json`,
		"who-can get shoot a/b -n c --landscape " + dir:    "-n c and a/b are two namespaces",
		"who-can get shoot /b --landscape " + dir:          `"/b" is not [NAMESPACE/]NAME`,
		"who-can get shoot b --landscape " + dir:           "no namespace is given, and shoots are in one",
		"who-can get seed a/b --landscape " + dir:          "seeds are in no namespace",
		"who-can gt shoot a/b --landscape " + dir:          `unknown verb "gt"; did you mean "get"?`,
		"who-can get /healthz --landscape " + dir:          "resources only, no paths",
		"who-can get pod x --landscape " + dir:             `resource "pod" is none of seedguard's`,
		"who-can get secret a/b":                           "say on which garden",
		"explain shoot a/b":                                "say on which garden",
		"explain shoot --landscape x":                      "want seedguard explain KIND [NAMESPACE/]NAME",
	})
}

func TestVersion(t *testing.T) {
	require.Contains(t, command("version").out, "seedguard ")
	require.Equal(t, exitOK, command("--version").exit)
	var v struct{ GoVersion string }
	require.NoError(t, json.Unmarshal([]byte(command("version", "-o", "json").out), &v))
	require.NotEmpty(t, v.GoVersion)
	requireErrors(t, map[string]string{
		"version -o xml": "want text or json", "nothing": "unknown command", "version x": "want seedguard version [",
		"help nothing": `unknown command "nothing"`, "completion tcsh": `unknown command "tcsh"`,
	})
}

func TestManifestsByKubernetesVersion(t *testing.T) {
	const cacheOff = "\n    cacheAuthorizedRequests: false" // as indented in kube-apiserver's file
	require.Contains(t, command("manifests").out, cacheOff)
	require.Contains(t, command("manifests", "--kubernetes-version", "v1.34.1").out, cacheOff)
	old := command("manifests", "--kubernetes-version", "1.33")
	require.Zero(t, old.exit)
	require.Contains(t, old.out, "kind: AuthorizationConfiguration")
	require.NotContains(t, old.out, cacheOff)

	requireErrors(t, map[string]string{
		"manifests --kubernetes-version 1.31":   "a kube-apiserver of version 1.31 is too old, it must be 1.32 or later",
		"manifests --kubernetes-version 1":      `"1" is no version of Kubernetes, such as 1.33`,
		"manifests --kubernetes-version latest": `"latest" is no version of Kubernetes, such as 1.33`,
	})
}

// safeBuffer is a buffer that a command writes to while a test reads.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// resetLogging lets a command configure the logs of this process once more.
func resetLogging(t *testing.T) {
	t.Helper()
	klog.StopFlushDaemon() // else it reads what is being reset
	require.NoError(t, logsapi.ResetForTest(nil))
}

// serving runs `serve` until the test ends, and returns what it has printed once that holds want.
func serving(t *testing.T, want string, args ...string) *safeBuffer {
	t.Helper()
	resetLogging(t)
	var out, errOut safeBuffer
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	args = append([]string{"serve", "--secure-port=0", "--metrics-bind-address=127.0.0.1:0",
		"--debug-bind-address=127.0.0.1:0", "--shutdown-delay=0s"}, args...)
	go func() { ended <- run(ctx, args, streams{strings.NewReader(""), &out, &errOut}) }()
	t.Cleanup(func() {
		cancel()
		require.Equal(t, exitOK, <-ended, errOut.String())
		require.Empty(t, errOut.String())
		resetLogging(t)
	})
	require.Eventually(t, func() bool { return strings.Contains(out.String(), want) }, 30*time.Second, 10*time.Millisecond)
	return &out
}

var addressLine = regexp.MustCompile(`webhooks +(https://\S+)`)

// TestServeTheExample takes what `make run` prints at its word.
func TestServeTheExample(t *testing.T) {
	dir := copyOfExample(t)
	out := serving(t, "Move a manifest away", "--landscape", dir).String()
	url := addressLine.FindStringSubmatch(out)[1]
	exits := map[bool]int{true: exitOK, false: exitNotAllowed}

	var commands strings.Builder
	var answers []bool
	for line := range strings.Lines(out) {
		switch {
		case strings.HasPrefix(line, "curl "):
			body := strings.TrimSuffix(strings.TrimSpace(line[strings.Index(line, "-d '")+4:]), "'")
			require.Contains(t, line, url)
			answers = append(answers, ask(t, url, body))
			commands.WriteString(strings.TrimSpace(line) + "; echo\n")
		case strings.Contains(line, " can-i "):
			online := words(line)[1:]
			require.Equal(t, exits[answers[len(answers)-1]], command(online...).exit, line)
			// The same without the server.
			offline := append(online[:len(online)-3:len(online)-3], "--landscape", dir)
			require.Equal(t, exits[answers[len(answers)-1]], command(offline...).exit, line)
			commands.WriteString(line)
		case strings.Contains(line, " explain "):
			require.Contains(t, command(words(line)[1:]...).out, " -> Seed/aws-eu1\n")
			commands.WriteString(line)
		}
	}
	require.Equal(t, []bool{true, false, false}, answers)

	// The same, pasted into a shell.
	if _, err := exec.LookPath("curl"); err == nil {
		pasted := shell(t, commands.String())
		require.Equal(t, 1, strings.Count(pasted, `"allowed":true`), pasted)
		require.Equal(t, 2, strings.Count(pasted, `"allowed":false`), pasted)
		require.Contains(t, pasted, "no relationship found")
		require.Contains(t, pasted, "not a seed client")
		require.Regexp(t, "(?m)^yes: ", pasted)
		require.Regexp(t, "(?m)^no opinion: ", pasted)
		require.Contains(t, pasted, "Secret/garden-dev/aws-account -> SecretBinding/garden-dev/aws -> "+
			"Shoot/garden-dev/web -> Seed/aws-eu1\n")
	}

	// Both halves of the running server.
	for seed, exit := range map[string]int{"aws-eu1": exitOK, "gcp-eu1": exitNotAllowed} {
		require.Equal(t, exit, command("can-i", "create", "-f", keyPair(t), "--seed", seed, "--server", url,
			"--insecure-skip-tls-verify").exit)
	}

	// A manifest moved away flips the answer, and moved back flips it back.
	own := []string{"can-i", "get", "secrets", "aws-account", "-n", "garden-dev", "--seed", "aws-eu1", "--server", url,
		"--insecure-skip-tls-verify"}
	answered := func(exit int) func() bool { return func() bool { return command(own...).exit == exit } }
	manifest, away := filepath.Join(dir, "dev", "web.yaml"), filepath.Join(t.TempDir(), "web.yaml")
	require.NoError(t, os.Rename(manifest, away))
	require.Eventually(t, answered(exitNotAllowed), 20*time.Second, 20*time.Millisecond)
	require.NoError(t, os.Rename(away, manifest))
	require.Eventually(t, answered(exitOK), 20*time.Second, 20*time.Millisecond)
}

// TestServePromisesNothing: what it prints holds in each mode, and what is pasted has the server's answer.
func TestServePromisesNothing(t *testing.T) {
	for mode, want := range map[string][]string{
		"Deny": {"yes: ", "no, denied: ", "no opinion: "},
		"Observe": {"no opinion: seedguard observes, and would say allow: ",
			"no opinion: seedguard observes, and would say no_opinion: ", "no opinion: "},
	} {
		t.Run(mode, func(t *testing.T) {
			out := serving(t, "Move a manifest away", "--landscape", exampleDir, "--authorizer-mode", mode).String()
			require.NotRegexp(t, "(?m)^#.*(allowed|denied|opinion)", out)
			lines := regexp.MustCompile("(?m)can-i .*$").FindAllString(out, -1)
			require.Len(t, lines, len(want))
			for i, line := range lines {
				require.True(t, strings.HasPrefix(command(words(line)...).out, want[i]), line)
			}
		})
	}
}

func ask(t *testing.T, url, body string) bool {
	t.Helper()
	r := &remote{url: url, insecure: true}
	require.NoError(t, r.connect())
	defer r.client.CloseIdleConnections()
	var answer struct{ Status struct{ Allowed bool } }
	require.NoError(t, r.post(context.Background(), "/webhooks/auth/seed", json.RawMessage(body), &answer))
	return answer.Status.Allowed
}

func TestServeByAConfigurationFile(t *testing.T) {
	file := configurationFile(t, "garden: {landscape: /does/not/exist}\nlogging: {format: json}\n")
	out := serving(t, "webhooks", "--config", file, "--landscape", landscapeDir(t)).String()
	url := addressLine.FindStringSubmatch(out)[1]
	r := &remote{url: url, insecure: true}
	require.NoError(t, r.connect())
	defer r.client.CloseIdleConnections()
	response, err := r.client.Get(url + "/readyz?verbose")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
}

// TestManifestsOfObservers: what only observes blocks nothing when it is away.
func TestManifestsOfObservers(t *testing.T) {
	for half, policy := range map[string]string{"authorizer": "NoOpinion", "restriction": "Ignore"} {
		file := configurationFile(t, half+": {mode: Observe}\n")
		policy = "failurePolicy: " + policy
		require.Contains(t, command("manifests", "--config", file).out, policy)
		require.NotContains(t, command("manifests").out, policy)
	}
}

// TestCompare: two servers on different landscapes, of which one observes and asks the other the same.
func TestCompare(t *testing.T) {
	moved := t.TempDir()
	write(t, filepath.Join(moved, "landscape.yaml"),
		strings.Replace(manifest, "spec: {seedName: s1", "spec: {seedName: s2", 1))
	seedguard, err := os.Executable()
	require.NoError(t, err)
	// begin starts a process of its own, and returns where it serves, and what it logs.
	begin := func(args ...string) (url string, log *safeBuffer) {
		var out safeBuffer
		log = &safeBuffer{}
		process := exec.Command(seedguard, append([]string{"serve", "--secure-port=0", "--metrics-bind-address=0",
			"--debug-bind-address=0", "--shutdown-delay=0s"}, args...)...)
		process.Env = append(os.Environ(), actAsSeedguard+"=1")
		process.Stdout, process.Stderr = &out, log
		require.NoError(t, process.Start())
		t.Cleanup(func() {
			require.NoError(t, process.Process.Signal(os.Interrupt))
			require.NoError(t, process.Wait(), log.String())
		})
		require.Eventually(t, func() bool { return addressLine.MatchString(out.String()) }, 30*time.Second,
			10*time.Millisecond, "%s", log)
		return addressLine.FindStringSubmatch(out.String())[1], log
	}
	other, _ := begin("--landscape", moved)
	url, log := begin("--landscape", landscapeDir(t), "--authorizer-mode=Observe", "--restriction-mode=Observe",
		"--observe-compare-with", kubeconfig(t, other+"/webhooks/auth/seed"))

	// The log of a process comes when it comes.
	logged := func(what string) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(log.String(), what) }, 20*time.Second,
			10*time.Millisecond, "%s: %s", what, log)
	}
	online := []string{"--server", url, "--insecure-skip-tls-verify"}
	for seed, direction := range map[string]string{"s1": "onlyWe", "s2": "onlyThey"} {
		o := command(append(words("can-i get secrets infrastructure -n garden-dev --seed "+seed), online...)...)
		require.Equal(t, exitNotAllowed, o.exit)
		require.True(t, strings.HasPrefix(o.out, "no opinion: seedguard observes, and would say "), o.out)
		logged(`direction="` + direction + `"`)
	}
	require.Contains(t, log.String(), `ourReason="secrets: a path leads from the object to the client's Seed"`)
	require.Contains(t, log.String(), `theirReason="secrets: get needs a path from the object to the client's Seed`)
	o := command(append(words("can-i create --seed s2 -f "+keyPair(t)), online...)...)
	require.Contains(t, o.out, "admission: admitted: seedguard observes, and would deny: the gardenlet of Seed \"s2\" may")
	logged(`"Would have denied a request"`)
}

func TestServeMisused(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "kubeconfig"), "not: a kubeconfig: file")
	onDir := "serve --secure-port=0 --landscape " + dir
	requireErrors(t, map[string]string{
		"serve x": `arguments ["x"]: want seedguard serve [`,
		"serve --config " + configurationFile(t, "srving: {}\n"): `unknown field "srving"`,
		"serve --bind-address 0.0.0.0":                           "serving.tlsCertFile",
		"serve":                                                  "no garden: set --kubeconfig or --landscape",
		"serve --landscape " + dir + "/not":                      "not",
		"serve --kubeconfig " + dir + "/kubeconfig":              "kubeconfig",
		onDir + " --observe-compare-with " + dir + "/none":       "observe.compareWith: ",
		"serve --authorizer-mode observe":                        `authorizer.mode: Unsupported value: "observe"`,
		onDir + " --tls-cert-file=x --tls-private-key-file=y":    "cannot load the serving certificate",
	})
}
