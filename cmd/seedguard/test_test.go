package main

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/scenario"
)

// scenarios are files about the landscape of landscapeDir, which they leave to the flags.
const (
	goodScenario = `requests:
- name: own Secret
  as: {gardenlet: s1}
  verb: get
  resource: secrets
  namespace: garden-dev
  object: infrastructure
  authorize: allow
- name: key pair
  as: {gardenlet: s2}
  verb: create
  resource: secrets
  body: {apiVersion: v1, kind: Secret, metadata: {name: web.ssh-keypair, namespace: garden-dev}}
  authorize: allow
  admit: 403
  message: belong
`
	badScenario = `requests:
- name: own Secret
  as: {gardenlet: s2}
  verb: get
  resource: secrets
  namespace: garden-dev
  object: infrastructure
  authorize: allow
- name: "key \u001b[31mpair\n <&>"
  as: {gardenlet: s2}
  verb: create
  resource: secrets
  body: {apiVersion: v1, kind: Secret, metadata: {name: web.ssh-keypair, namespace: garden-dev}}
  authorize: noOpinion
  admit: allowed
- name: as it should be
  as: {gardenlet: s1}
  verb: list
  resource: shoots
  labelSelector: name.seed.gardener.cloud/s1=true
  authorize: allow
`
)

// scenarioDir holds a good file and a bad one, and what is none.
func scenarioDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "good.yaml"), goodScenario)
	write(t, filepath.Join(dir, "bad.yml"), badScenario)
	write(t, filepath.Join(dir, "README.md"), "a: [")
	write(t, filepath.Join(dir, ".hidden.yaml"), "a: [")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "deeper.yaml"), 0o700))
	return dir
}

func TestTest(t *testing.T) {
	landscape, dir := landscapeDir(t), scenarioDir(t)
	o := command("test", filepath.Join(dir, "good.yaml"), "--landscape", landscape)
	require.Equal(t, outcome{exitOK, "ok: 1 file, 2 requests\n", ""}, o)

	o = command("test", dir, "--landscape", landscape)
	require.Equal(t, exitNotAllowed, o.exit)
	require.Empty(t, o.errOut)
	bad := regexp.QuoteMeta(filepath.Join(dir, "bad.yml"))
	require.Regexp(t, `^`+bad+`:2: own Secret: authorize: want allow, got noOpinion: .+
`+bad+`:9: key \\x1b\[31mpair\\n <&>: authorize: want noOpinion, got allow: .+
`+bad+`:9: key \\x1b\[31mpair\\n <&>: admit: want allowed, got 403: .+
FAILED: 2 of 5 requests
$`, o.out)

	o = command("test", dir, "--landscape", landscape, "-v", "--run", "^own|should")
	require.Equal(t, exitNotAllowed, o.exit)
	require.Regexp(t, `^`+bad+`:2: own Secret: authorize: .+
`+bad+`:16: as it should be: ok
.+good.yaml:2: own Secret: ok
FAILED: 1 of 3 requests
$`, o.out)
	o = command("test", dir, "--landscape", landscape, "--run", "key pair")
	require.Equal(t, outcome{exitOK, "ok: 1 file, 1 request\n", ""}, o)
}

func TestTestByTheConfiguration(t *testing.T) {
	landscape, dir := landscapeDir(t), t.TempDir()
	file, by := filepath.Join(dir, "f.yaml"), configurationFile(t, "restriction: {references: 'Off'}\n")
	const request = `
- name: delete its own
  as: {gardenlet: s1}
  verb: delete
  resource: seeds
  body: {apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: s1}}
  admit: allowed
`
	write(t, file, "requests:"+request)
	require.Equal(t, exitNotAllowed, command("test", file, "--landscape", landscape).exit)
	require.Equal(t, exitOK, command("test", file, "--landscape", landscape, "--config", by).exit)
	require.Equal(t, exitOK, command("test", file, "--landscape", landscape, "--references", "Off").exit)
	// What the file says counts.
	write(t, file, "restriction: {references: Enforce}\nrequests:"+request)
	require.Equal(t, exitNotAllowed, command("test", file, "--landscape", landscape, "--config", by).exit)
	write(t, file, "landscape: "+landscape+"\nrequests:"+request)
	require.Equal(t, exitOK, command("test", file, "--landscape", "/does/not/exist", "--config", by).exit)
}

func TestTestReadsTheStandardInput(t *testing.T) {
	o := commandWith(t.Context(), strings.NewReader(badScenario), "test", "-", "--landscape", landscapeDir(t))
	require.Equal(t, exitNotAllowed, o.exit, o)
	require.Contains(t, o.out, "stdin:2: own Secret: ")
}

func TestTestMisused(t *testing.T) {
	landscape, dir := landscapeDir(t), scenarioDir(t)
	good := filepath.Join(dir, "good.yaml")
	empty := t.TempDir()
	wrong := filepath.Join(empty, "wrong.yaml.d")
	write(t, wrong, "objcts: []\n")
	unknown := filepath.Join(empty, "unknown.d")
	write(t, unknown, strings.Replace(goodScenario, "resource: secrets", "resource: sekrets", 1))
	requireErrors(t, map[string]string{
		"test":                 "want seedguard test FILE...",
		"test /does/not/exist": "no such file",
		"test " + empty:        "there is no *.yaml in this directory",
		"test " + good:         "good.yaml: it has neither objects nor landscape",
		"test " + good + " --landscape " + empty + "/none":         "none",
		"test " + good + " " + wrong + " --landscape " + landscape: `wrong.yaml.d:1:1: unknown field "objcts"`,
		"test " + unknown: `unknown.d:5:3: resource "sekrets" is none of seedguard's; did you mean "secrets"?`,
		"test " + good + " --kubeconfig " + empty + "/none":         "good.yaml: kubeconfig",
		"test " + good + " --kubeconfig x --landscape " + landscape: "good.yaml: --landscape and --kubeconfig exclude",
		"test " + good + " -o xml":                                  "flag: want text, json or junit",
		"test " + good + " --run (":                                 "--run: error parsing regexp",
		"test " + good + " --run xyz":                               "--run xyz: no request has such a name",
		"test " + good + " --references Some":                       "restriction.references",
	})
	// All that is wrong is told at once.
	o := command("test", wrong, "/does/not/exist", unknown)
	require.Equal(t, 3, strings.Count(o.errOut, "\n"), o.errOut)
}

func TestTestWarnsOfTheLandscape(t *testing.T) {
	landscape, file := landscapeDir(t), filepath.Join(t.TempDir(), "f.yaml")
	write(t, filepath.Join(landscape, "broken.yaml"), "a: [")
	write(t, file, "landscape: "+landscape+"\n"+goodScenario)
	o := command("test", file, file)
	require.Equal(t, exitOK, o.exit)
	require.Equal(t, 1, strings.Count(o.errOut, "Warning: "+landscape+": broken.yaml: "), o.errOut)
}

func TestTestAsJSON(t *testing.T) {
	o := command("test", scenarioDir(t), "--landscape", landscapeDir(t), "-o", "json")
	require.Equal(t, exitNotAllowed, o.exit)
	r := decoded[report](t, o)
	require.Equal(t, summary{Files: 2, Requests: 5, Failed: 2}, r.Summary)
	require.Equal(t, 9, r.Requests[1].Line)
	require.Equal(t, "key \x1b[31mpair\n <&>", r.Requests[1].Name)
	require.False(t, r.Requests[1].OK)
	require.Equal(t, "authorize", r.Requests[1].Checks[0].Expected)
	require.Equal(t, "admit", r.Requests[1].Checks[1].Expected)
	require.Equal(t, "403", r.Requests[1].Checks[1].Got)
	require.NotEmpty(t, r.Requests[1].Checks[1].Reason)
	require.True(t, r.Requests[4].OK)
	require.Equal(t, "message", r.Requests[4].Checks[2].Expected)
}

// TestTestAsJUnit reads the report as CI systems do, whatever names hold.
func TestTestAsJUnit(t *testing.T) {
	dir := scenarioDir(t)
	o := command("test", dir, "--landscape", landscapeDir(t), "-o", "junit")
	require.Equal(t, exitNotAllowed, o.exit)
	type counts struct {
		Tests    int     `xml:"tests,attr"`
		Failures int     `xml:"failures,attr"`
		Time     float64 `xml:"time,attr"`
	}
	var suites struct {
		XMLName xml.Name `xml:"testsuites"`
		counts
		Suites []struct {
			Name string `xml:"name,attr"`
			counts
			Cases []struct {
				Class   string  `xml:"classname,attr"`
				Name    string  `xml:"name,attr"`
				File    string  `xml:"file,attr"`
				Line    int     `xml:"line,attr"`
				Time    float64 `xml:"time,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
					Text    string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.True(t, strings.HasPrefix(o.out, xml.Header))
	require.NoError(t, xml.Unmarshal([]byte(o.out), &suites))
	require.Equal(t, []int{5, 2}, []int{suites.Tests, suites.Failures})
	require.Positive(t, suites.Time)
	require.Len(t, suites.Suites, 2)
	bad := suites.Suites[0]
	require.Equal(t, filepath.Join(dir, "bad.yml"), bad.Name)
	require.Equal(t, []int{3, 2}, []int{bad.Tests, bad.Failures})
	failed := bad.Cases[1]
	require.Equal(t, "key \uFFFD[31mpair\n <&>", failed.Name)
	require.Equal(t, []any{bad.Name, bad.Name, 9}, []any{failed.Class, failed.File, failed.Line})
	require.Contains(t, failed.Failure.Message, "authorize: want noOpinion, got allow: ")
	require.Contains(t, failed.Failure.Text, failed.Failure.Message+"\nadmit: want allowed, got 403: ")
	require.Nil(t, bad.Cases[2].Failure)
}

// TestScenariosOfTheRepository: all of them are as they say, and so the examples that people copy.
func TestScenariosOfTheRepository(t *testing.T) {
	o := command("test", "../../test/scenarios", "../../examples/scenarios")
	require.Equal(t, exitOK, o.exit, o)
	require.Regexp(t, `^ok: \d+ files, \d{3} requests\n$`, o.out)
	require.Empty(t, o.errOut)
}

// TestScenariosAreDocumented: the chapter and the help topic name all fields. What the chapter shows, works.
func TestScenariosAreDocumented(t *testing.T) {
	content, err := os.ReadFile("../../docs/scenarios.md")
	require.NoError(t, err)
	chapter := string(content)
	help := command("help", "scenarios").out
	for _, of := range []reflect.Type{reflect.TypeFor[scenario.Request](), reflect.TypeFor[scenario.Client]()} {
		for i := range of.NumField() {
			name := of.Field(i).Tag.Get("json")
			if name == "" || name == "-" {
				continue
			}
			require.Contains(t, chapter, "`"+name, name)
			require.Regexp(t, `[ {#]`+name+": ", help)
		}
	}
	for _, name := range words("landscape objects requests now authorizer restriction kubeconfigAccess") {
		require.Contains(t, chapter, "`"+name+"`")
		require.Regexp(t, `\n#?`+name+":", help)
	}

	for _, of := range []reflect.Type{reflect.TypeFor[report](), reflect.TypeFor[summary](), reflect.TypeFor[result](),
		reflect.TypeFor[scenario.Check]()} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			require.Contains(t, chapter, `"`+name+`": `)
		}
	}

	// The first YAML of the chapter, and all of the topic.
	block := regexp.MustCompile("(?s)```yaml\n(.+?)```").FindStringSubmatch(chapter)[1]
	for _, example := range []string{block, help} {
		file := filepath.Join(t.TempDir(), "f.yaml")
		absolute, err := filepath.Abs("../../examples/landscape")
		require.NoError(t, err)
		require.Contains(t, example, "../landscape")
		write(t, file, strings.ReplaceAll(example, "../landscape", absolute))
		o := command("test", file)
		require.Equal(t, exitOK, o.exit, o)
	}
	shown := regexp.MustCompile(`(?m)^\$ seedguard (test examples/scenarios)\n(ok: .+\n)`).FindStringSubmatch(chapter)
	require.Equal(t, shown[2], shell(t, os.Args[0]+" "+shown[1]))
}
