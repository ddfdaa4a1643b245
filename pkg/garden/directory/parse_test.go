package directory

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	seedmanagementv1alpha1 "github.com/gardener/gardener/pkg/apis/seedmanagement/v1alpha1"
	"github.com/stretchr/testify/require"

	"github.com/seedguard/seedguard/pkg/garden"
)

// vertices names what was parsed, in order.
func (p *parsed) vertices() []string {
	found := []string{}
	for _, o := range p.objects {
		found = append(found, o.String())
	}
	return found
}

// core begins a manifest of Gardener's group.
const core = "apiVersion: core.gardener.cloud/v1beta1\nkind: "

const flowSeed = "{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: s}}"

const jsonSeed = `{"apiVersion": "core.gardener.cloud/v1beta1", "kind": "Seed", "metadata": {"name": "s"}}`

func jsonList(items string) string {
	return `{"apiVersion":"v1","kind":"List","items":[` + items + `]}`
}

// TestDecode: an object alone is read as one in a file.
func TestDecode(t *testing.T) {
	const core = `{"apiVersion": "core.gardener.cloud/v1beta1", "kind": `
	o, err := Decode([]byte(core + `"ControllerDeployment", "metadata": {"name": "a"}, "type": "x"}`))
	require.NoError(t, err)
	require.Equal(t, "ControllerDeployment/a", o.String(), "of another version than the one that is watched")
	require.NotEmpty(t, o.ResourceVersion)
	for content, message := range map[string]string{
		`{}`: "the object has no kind",
		`[]`: "cannot unmarshal array",
		`{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}`: "objects of kind Secret are not watched",
		core + `"Seed"}`: "its name or namespace is missing",
		core + `"Seed", "metadata": {"name": "a"}, "spec": 5}`: "it cannot be decoded",
		core + `"Seed", "metadata": {"name": 5}}`:              "it cannot be decoded",
	} {
		_, err := Decode([]byte(content))
		require.ErrorContains(t, err, message, content)
	}
}

func TestParse(t *testing.T) {
	const a, b, s = "Shoot/ns/a", "Shoot/ns/b", "Seed/s"
	for name, c := range map[string]struct {
		content string
		want    []string
	}{
		"nothing":                  {"", nil},
		"blanks":                   {" \n\t\n", nil},
		"comments only":            {"# one\n---\n# two\n", nil},
		"YAML":                     {shoot("a", "s"), []string{a}},
		"YAML with documents":      {shoot("a", "s") + "---\n" + seed("s"), []string{a, s}},
		"documents without object": {"---\n# licence\n---\n---   \n" + seed("s") + "---\n", []string{s}},
		"comment after separator":  {"--- # first\n" + seed("s") + "--- # second\n" + shoot("a", "s"), []string{s, a}},
		"end of document":          {seed("s") + "...\n---\n" + shoot("a", "s") + "...\n", []string{s, a}},
		"CRLF":                     {strings.ReplaceAll(seed("s")+"---\n"+shoot("a", "s"), "\n", "\r\n"), []string{s, a}},
		"byte order mark":          {"\ufeff" + seed("s"), []string{s}},
		"no newline at the end":    {strings.TrimSpace(seed("s")), []string{s}},
		"separator inside a text":  {seed("s") + "spec:\n  x: |\n    one\n    ---\n    two\n", []string{s}},
		"aliases":                  {core + "Seed\nmetadata: {name: &n s, labels: {a: *n}}\n", []string{s}},
		"JSON":                     {jsonSeed, []string{s}},
		"JSON documents":           {jsonSeed + "\n" + strings.ReplaceAll(jsonSeed, `"s"`, `"t"`), []string{s, "Seed/t"}},
		"JSON with tabs":           {"{\n\t" + jsonSeed[1:], []string{s}},
		"flow style":               {flowSeed, []string{s}},
		"flow style, then block":   {flowSeed + "\n---\n" + shoot("a", "s"), []string{s, a}},
		"List":                     {jsonList(jsonSeed + "," + jsonSeed), []string{s, s}},
		"List of Lists":            {jsonList(jsonList(jsonSeed)), []string{s}},
		"typed list": {core + "ShootList\nitems:\n- metadata: {name: a, namespace: ns}\n" +
			"- metadata: {name: b, namespace: ns}\n",
			[]string{a, b}},
		"empty list":     {"apiVersion: v1\nkind: List\nitems: []\n", nil},
		"null list":      {"apiVersion: v1\nkind: List\nitems: null\n", nil},
		"unknown fields": {seed("s") + "spec: {brandNew: {x: 1}}\nandThat: 1\n", []string{s}},
		"twice":          {shoot("a", "s") + "---\n" + shoot("a", "t"), []string{a, a}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := parse([]byte(c.content))
			require.NoError(t, err)
			require.Empty(t, p.problems)
			require.ElementsMatch(t, c.want, p.vertices())
			require.Equal(t, len(c.want), len(p.vertices()))
		})
	}
}

// TestParseWhatKubectlPrints: `kubectl get shoots,secrets -A -o yaml`.
func TestParseWhatKubectlPrints(t *testing.T) {
	p, err := parse([]byte(`apiVersion: v1
items:
- apiVersion: core.gardener.cloud/v1beta1
  kind: Shoot
  metadata:
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: |
        {"apiVersion":"core.gardener.cloud/v1beta1","kind":"Shoot"}
    creationTimestamp: "2026-11-01T10:00:00Z"
    generation: 4
    managedFields:
    - apiVersion: core.gardener.cloud/v1beta1
      fieldsType: FieldsV1
      fieldsV1: {"f:spec": {"f:seedName": {}}}
      manager: gardener-scheduler
      operation: Update
    name: a
    namespace: ns
    resourceVersion: "123456"
    uid: 11111111-1111-1111-1111-111111111111
  spec:
    seedName: s
  status:
    seedName: s
- apiVersion: v1
  data: {a: Yg==}
  kind: Secret
  metadata: {name: x, namespace: ns}
  type: Opaque
kind: List
metadata:
  resourceVersion: ""
`))
	require.NoError(t, err)
	require.Equal(t, []string{"Shoot/ns/a"}, p.vertices())
	require.Equal(t, "map[Secret:1]", fmt.Sprint(p.skipped))
	o := p.objects[0]
	require.EqualValues(t, "11111111-1111-1111-1111-111111111111", o.UID)
	require.NotEqual(t, "123456", o.ResourceVersion, "the source gives its own")
	require.Equal(t, garden.ShootFacts{SeedName: "s", StatusSeedName: "s"}, o.Facts)
}

func TestParseCountsOtherKinds(t *testing.T) {
	p, err := parse([]byte("apiVersion: v1\nkind: Secret\n---\napiVersion: v1\nkind: Secret\n---\n" +
		"apiVersion: apps/v1\nkind: Deployment\n---\n" +
		"apiVersion: example.com/v1\nkind: Shoot\nmetadata: {name: another-group}\n---\napiVersion: v1\nkind: PodList\n" +
		"items: [{}, {}]\n---\n" + seed("s")))
	require.NoError(t, err)
	require.Empty(t, p.problems)
	require.Equal(t, []string{"Seed/s"}, p.vertices())
	require.Equal(t, map[string]int{"Secret": 2, "Deployment.apps": 1, "Shoot.example.com": 1, "Pod": 2}, p.skipped)
}

// TestParseAsTheAPIServerReads: other versions are converted, defaults are set.
func TestParseAsTheAPIServerReads(t *testing.T) {
	p, err := parse([]byte(core + "ControllerDeployment\nmetadata: {name: d}\ntype: helm\n" +
		"providerConfig: {ociRepository: {ref: 'example.com/chart:v1', pullSecretRef: {name: pull}}}\n---\n" +
		"apiVersion: seedmanagement.gardener.cloud/v1alpha1\nkind: ManagedSeed\nmetadata: {name: m, namespace: garden}\n" +
		"spec: {shoot: {name: m}, gardenlet: {}}\n"))
	require.NoError(t, err)
	require.Empty(t, p.problems)
	require.Equal(t, []string{"ControllerDeployment/d", "ManagedSeed/garden/m"}, p.vertices())
	require.Equal(t, "garden/pull", p.objects[0].Edges()[0].From.Namespace+"/"+p.objects[0].Edges()[0].From.Name)
	require.Equal(t, seedmanagementv1alpha1.BootstrapToken, p.objects[1].Facts.(garden.SeedFacts).Bootstrap)
}

// TestParseFailures: such a file cannot be understood. The message says where.
func TestParseFailures(t *testing.T) {
	for name, c := range map[string]struct{ content, message string }{
		"syntax":                  {"a: b\nc: d: e\n", "document 1 (line 1): yaml: line 2: "},
		"syntax in second":        {seed("s") + "---\na:\n\tb: c\n", "document 2 (line 5): yaml: line 6: "},
		"bad indent":              {seed("s") + "   x: y\n", "line 3"},
		"twice the same key":      {"---\nkind: Seed\nkind: Seed\n", `line 3: key "kind" already set`},
		"a text":                  {seed("s") + "---\njust a text\n", "document 2 (line 5) is not an object"},
		"a sequence":              {"- a\n- b\n", "document 1 (line 1) is not an object"},
		"a number":                {"3", "is not an object"},
		"NUL":                     {"a: b\n\x00", "document 1 (line 1): "},
		"half a JSON":             {"{\n\"kind\":\n", "document 1 (line 1): "},
		"JSON syntax":             {jsonSeed + "\n{\"kind\" \"Seed\"}", "document 1 (line 1): "},
		"half a YAML":             {"apiVersion: v1\nkind: \"Se", "document 1 (line 1): "},
		"items are no list":       {"apiVersion: v1\nkind: List\nitems: {a: b}\n", "the list's items cannot be decoded"},
		"aliases that explode":    {aliasBomb(), "line"},
		"more after brackets":     {"{apiVersion: v1, kind: Secret}\nx: y\n", "did not find expected <document start>"},
		"more after the end":      {seed("s") + "...\n" + seed("t"), "did not find expected <document start>"},
		"outdented":               {"# text\n  apiVersion: v1\n  kind: Secret\nmetadata: {}\n", "line 3"},
		"undefined alias":         {"a: *b\nc: &d e\n", "unknown anchor"},
		"a directive without end": {"%YAML 1.1\n" + seed("s"), "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse([]byte(c.content))
			require.ErrorContains(t, err, c.message)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// aliasBomb has nine levels of nine references each.
func aliasBomb() string {
	b := "l0: &l0 x\n"
	for i := range 9 {
		b += fmt.Sprintf("l%d: &l%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i), 9), ", "))
	}
	return b
}

// TestParseProblems: one object is wrong, the others of the file count.
func TestParseProblems(t *testing.T) {
	for name, c := range map[string]struct{ content, message string }{
		"no kind":             {"a: b\n", "document 1 (line 1): the object has no kind"},
		"kind is no text":     {"kind: {}\n", "document 1 (line 1): the object has no kind"},
		"no name":             {core + "Seed\n", "Seed : its name or"},
		"no namespace":        {core + "Shoot\nmetadata: {name: x}\n", "Shoot x: its name or"},
		"a namespace":         {core + "Seed\nmetadata: {name: x, namespace: ns}\n", "not valid (namespaced: false)"},
		"slash in a name":     {core + "Seed\nmetadata: {name: a/b}\n", "its name or namespace"},
		"slash in namespace":  {core + "Shoot\nmetadata: {name: a, namespace: a/b}\n", "its name or namespace"},
		"a field's type":      {shoot("x", "[]"), "Shoot ns/x: it cannot be decoded"},
		"metadata's type":     {core + "Seed\nmetadata: []\n", "cannot be decoded"},
		"version":             {strings.Replace(seed("x"), "v1beta1", "v7", 1), "v7 is not known"},
		"internal version":    {strings.Replace(seed("x"), "v1beta1", "__internal", 1), "is not known"},
		"item of a List":      {"apiVersion: v1\nkind: List\nitems: [{}]\n", "(line 1): item 1: the object has no kind"},
		"item is no object":   {"apiVersion: v1\nkind: List\nitems: [3]\n", "item 1: the object has no kind"},
		"second item":         {core + "SeedList\nitems: [{metadata: {name: a}}, {metadata: {}}]\n", "item 2: Seed :"},
		"its own List's kind": {core + "SeedList\nitems: [{metadata: {name: 3}}]\n", "cannot be decoded"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := parse([]byte(c.content + "---\n" + seed("after")))
			require.NoError(t, err)
			require.Len(t, p.problems, 1)
			require.Contains(t, p.problems[0], c.message)
			require.Contains(t, p.vertices(), "Seed/after")
		})
	}
}

// TestSizes: files are bounded.
func TestSizes(t *testing.T) {
	f := newDir(t, "good.yaml", seed("s"))
	f.write("huge.yaml", "")
	require.NoError(t, os.Truncate(f.path("huge.yaml"), maxFileSize+1)) // sparse
	s := f.open()
	require.Equal(t, []string{"s"}, names(t, s, kindSeed))
	require.Equal(t, []string{"huge.yaml: is larger than 64 MiB"}, s.Problems())
}

// FuzzManifests: whatever a file holds, nothing panics, what is read has the identity of an object,
// no other file loses anything, and a file that cannot be understood keeps what it held.
func FuzzManifests(f *testing.F) {
	for _, content := range []string{
		"", shoot("a", "s"), seed("s") + "---\n" + shoot("b", "s"), jsonSeed, jsonSeed + jsonSeed,
		"{", "kind: List\nitems: [{}]\n", "a: b: c", "- 1",
		core + "ShootList\nitems: [{metadata: {name: a, namespace: ns}}]\n", aliasBomb(),
		core + "Shoot\nmetadata: {name: a/b, namespace: ns}\n", "\x00", "...\n---\n%",
		core + "ControllerDeployment\nmetadata: {name: d}\ntype: helm\nproviderConfig: {chart: ''}\n",
	} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, parseErr := parse(content)
		if parseErr == nil {
			for _, o := range p.objects {
				require.NoError(t, checkIdentity(o.Vertex))
			}
		}

		dir := newDir(t, "a.yaml", seed("other")+"---\n"+shoot("other", "other"),
			"b.yaml", seed("mine"), "c.yaml", seed("last"))
		s := dir.open()
		dir.write("b.yaml", string(content)+" ") // of another size than before in any case
		dir.rescan(s)
		seeds := names(t, s, kindSeed)
		require.Contains(t, seeds, "other")
		require.Contains(t, seeds, "last")
		require.Contains(t, names(t, s, kindShoot), "ns/other")
		if _, err := parse(append(slices.Clone(content), ' ')); err != nil {
			require.Equal(t, []string{"last", "mine", "other"}, seeds)
			require.Len(t, s.Problems(), 1)
		}
		dir.write("b.yaml", seed("again"))
		dir.rescan(s)
		require.Equal(t, []string{"again", "last", "other"}, names(t, s, kindSeed))
		require.Empty(t, s.Problems())
		require.Len(t, s.files, 3)
	})
}
