package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/seedguard/seedguard/pkg/replay"
	"github.com/seedguard/seedguard/pkg/snapshot"
)

// change is how an event differs from a gardenlet's of Seed s1.
type change func(*auditv1.Event)

// audited returns an event of the gardenlet of Seed s1.
func audited(verb, uri string, code int32, decision string, changes ...change) auditv1.Event {
	e := auditv1.Event{
		TypeMeta: metav1.TypeMeta{APIVersion: "audit.k8s.io/v1", Kind: "Event"},
		Level:    auditv1.LevelMetadata, Stage: auditv1.StageResponseComplete, Verb: verb, RequestURI: uri,
		User:                     gardenletUser("s1"),
		ResponseStatus:           &metav1.Status{Code: code},
		Annotations:              map[string]string{"authorization.k8s.io/decision": decision},
		RequestReceivedTimestamp: metav1.NewMicroTime(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)),
	}
	for _, change := range changes {
		change(&e)
	}
	return e
}

func gardenletUser(seed string) authenticationv1.UserInfo {
	return authenticationv1.UserInfo{
		Username: "gardener.cloud:system:seed:" + seed,
		Groups:   []string{"gardener.cloud:system:seeds", "system:authenticated"},
	}
}

func by(seed string) change { return func(e *auditv1.Event) { e.User = gardenletUser(seed) } }

func at(stage auditv1.Stage) change { return func(e *auditv1.Event) { e.Stage = stage } }

func byAnnotation(reason string) change {
	return func(e *auditv1.Event) { e.Annotations["authorization.k8s.io/reason"] = reason }
}

func named(name string) change {
	return func(e *auditv1.Event) { e.ObjectRef = &auditv1.ObjectReference{Name: name} }
}

// creating adds the object that a request creates.
func creating(object string) change {
	return func(e *auditv1.Event) {
		e.RequestObject = &runtime.Unknown{Raw: []byte(object), ContentType: runtime.ContentTypeJSON}
	}
}

const (
	secretsOf = "/api/v1/namespaces/garden-dev/secrets"
	secretURI = secretsOf + "/infrastructure"
	shootsURI = "/apis/core.gardener.cloud/v1beta1/shoots"
	shootURI  = "/apis/core.gardener.cloud/v1beta1/namespaces/garden-dev/shoots/web"
)

var (
	keypair = creating(`{"kind":"Secret","apiVersion":"v1","metadata":{"name":"web.ssh-keypair"}}`)
	noCode  = func(e *auditv1.Event) { e.ResponseStatus = nil }
	without = func(e *auditv1.Event) { e.Annotations = nil }
	// rbac is how RBAC says that a gardenlet has what all have, and viaSeeds that it has what all gardenlets have.
	rbac = byAnnotation(`RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" ` +
		`to Group "system:authenticated"`)
	viaSeeds = byAnnotation(`RBAC: allowed by ClusterRoleBinding "gardener.cloud:system:seeds" of ClusterRole ` +
		`"gardener.cloud:system:seeds" to Group "gardener.cloud:system:seeds"`)
)

func logOf(t testing.TB, events ...auditv1.Event) string {
	t.Helper()
	var b strings.Builder
	for _, e := range events {
		line, err := json.Marshal(e)
		require.NoError(t, err)
		b.WriteString(string(line) + "\n")
	}
	return b.String()
}

func zipped(t testing.TB, log string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, log)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// landscapeIn returns the landscape in a directory.
func landscapeIn(t testing.TB, dir string) *snapshot.Snapshot {
	t.Helper()
	l, err := (&landscapeFlags{dir: dir}).load(t.Context(), io.Discard)
	require.NoError(t, err)
	return l
}

// replayed runs the command on a log at the standard input.
func replayed(t *testing.T, log string, args ...string) outcome {
	t.Helper()
	args = append([]string{"replay", "--landscape", landscapeDir(t)}, args...)
	return commandWith(t.Context(), strings.NewReader(log), args...)
}

func reportOf(t *testing.T, o outcome) replay.Report { t.Helper(); return decoded[replay.Report](t, o) }

func TestReplayVerdicts(t *testing.T) {
	type group = replay.Group
	extension := func(e *auditv1.Event) {
		e.User = authenticationv1.UserInfo{
			Username: "system:serviceaccount:seed-s2:extension-provider-aws",
			Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:seed-s2"},
		}
	}
	asOther := func(e *auditv1.Event) {
		other := gardenletUser("s2")
		e.User, e.ImpersonatedUser = authenticationv1.UserInfo{Username: "admin", Groups: []string{"system:masters"}}, &other
	}
	var (
		same, refused = group{Same: 1}, group{WouldBeRefused: 1}
		allowed, gone = group{WouldBeAllowed: 1}, group{WouldBeRefused: 1, NotInLandscape: 1}
		byAll         = group{Same: 1, ByRBAC: 1}
		undecided     = group{Same: 1, AdmissionNotDecided: 1}
		unknown, none = group{Unknown: 1}, group{}
	)
	// gets reads the Secret, which has to do with s1 alone.
	gets := func(code int32, decision string, changes ...change) auditv1.Event {
		return audited("get", secretURI, code, decision, changes...)
	}
	// creates creates the Secret of a Shoot on s1.
	creates := func(code int32, decision string, changes ...change) auditv1.Event {
		return audited("create", secretsOf, code, decision, changes...)
	}
	const (
		bindingsURI = "/apis/core.gardener.cloud/v1beta1/namespaces/garden-dev/secretbindings"
		seedURI     = "/apis/core.gardener.cloud/v1beta1/seeds/s1"
		ownLabel    = "?labelSelector=name.seed.gardener.cloud%2Fs1%3Dtrue"
		ownField    = "?fieldSelector=spec.seedRef.name%3Ds1&watch=true"
		noPath      = "needs a path"
		mayNot      = `may not create secrets "garden-dev/web.ssh-keypair"`
		noObject    = "the log does not have what the admission needs"
	)
	for name, c := range map[string]struct {
		event auditv1.Event
		want  group
		why   string
	}{
		"allowed by the graph":  {gets(200, "allow"), same, ""},
		"no opinion, forbidden": {gets(403, "forbid", by("s2")), same, ""},
		"list with its label":   {audited("list", shootsURI+ownLabel, 200, "allow"), same, ""},
		"watch by its field": {audited("watch", "/apis/core.gardener.cloud/v1beta1/controllerinstallations"+ownField, 200,
			"allow"), same, ""},
		"watch of one by its name": {audited("watch", bindingsURI+"?fieldSelector=metadata.name%3Dinfrastructure&watch=1",
			200, "allow"), same, ""},
		"subresource": {audited("patch", shootURI+"/status", 200, "allow"), undecided, ""},

		"created as the admission wants it":              {creates(201, "allow", keypair), same, ""},
		"created, in a log of metadata":                  {creates(201, "allow", named("web.ssh-keypair")), undecided, ""},
		"updated":                                        {audited("update", seedURI, 200, "allow"), undecided, ""},
		"gone, for whom it was":                          {audited("delete", secretURI, 404, "allow"), undecided, ""},
		"denied by both admissions":                      {creates(403, "allow", keypair, by("s2")), same, ""},
		"exists, and denied now":                         {creates(409, "allow", keypair, by("s2")), same, ""},
		"refused behind the authorizers, and now before": {gets(403, "allow", by("s2")), same, ""},

		"by RBAC, as anybody":                              {audited("get", "/api", 200, "allow", rbac), byAll, ""},
		"by RBAC, as anybody, and denied by the admission": {creates(201, "allow", rbac, keypair, by("s2")), refused, mayNot},
		"by RBAC, as all gardenlets":                       {gets(200, "allow", by("s2"), viaSeeds), refused, noPath},

		"by another webhook":             {gets(200, "allow", by("s2")), refused, noPath},
		"without annotations":            {gets(200, "", by("s2"), without), refused, noPath},
		"not found, for whom it was not": {gets(404, "allow", by("s2")), refused, noPath},
		"created against the admission":  {creates(201, "allow", keypair, by("s2")), refused, mayNot},
		"created before it went": {creates(201, "allow", by("s2"), creating(`{"metadata":{"name":"no.ssh-keypair"}}`),
			named("no.ssh-keypair")), gone, `may not create secrets "garden-dev/no.ssh-keypair"`},
		"list of all": {audited("list", shootsURI, 200, "allow"), refused, "selector"},
		"watch of another by its name": {audited("watch", bindingsURI+"?fieldSelector=metadata.name%3Dother&watch=1", 200,
			"allow"), refused, noPath},
		"extension":            {gets(200, "allow", extension), refused, noPath},
		"impersonated":         {gets(200, "allow", asOther), refused, noPath},
		"path":                 {audited("get", "/metrics", 200, "allow"), refused, "resources only"},
		"of what is another's": {gets(200, "allow", by("s2"), named("infrastructure")), refused, noPath},
		"of what no rule names": {audited("get", "/api/v1/namespaces/garden-dev/pods/x", 200, "allow", named("x")), refused,
			"no rule names this resource"},
		"of what is gone": {audited("get", strings.Replace(shootURI, "web", "gone", 1), 200, "allow", named("gone")), gone,
			noPath},
		"of what nothing refers to": {audited("get", secretsOf+"/other", 200, "allow", named("other")), gone, noPath},

		"forbidden":                   {gets(403, "forbid"), allowed, "a path leads"},
		"denied by another admission": {creates(403, "allow", keypair), allowed, "create is always allowed"},

		"forbidden before the object was read": {creates(403, "forbid"), unknown, noObject},
		"update denied by another admission":   {audited("update", seedURI, 403, "allow"), unknown, noObject},
		"refused by something else":            {gets(403, "allow"), unknown, "the admission does not guard it"},
		"403 without a decision":               {gets(403, "", without), unknown, "answered with 403"},
		"404 without a decision":               {gets(404, "", without), unknown, "answered with 404"},
		"not authenticated":                    {gets(401, "", without), unknown, "answered with 401"},
		"too many requests":                    {gets(429, "", without), unknown, "answered with 429"},
		"failed":                               {gets(500, "allow"), unknown, "answered with 500"},
		"panicked":                             {gets(500, "allow", at(auditv1.StagePanic)), unknown, "answered with 500"},
		"without an answer":                    {gets(0, "allow", noCode), unknown, "answered with 0"},
		"delete of what did not exist": {audited("delete", secretsOf+"/other", 404, "allow", named("other")), unknown,
			"if it knows that the object does not exist"},
		"of another verb": {audited("list", secretURI, 200, "allow"), unknown, `its verb is "list", and "get"`},
		"no URI":          {audited("get", "%", 200, "allow"), unknown, "its requestURI is none"},

		"begin of a request": {gets(200, "allow", by("s2"), at(auditv1.StageRequestReceived)), none, ""},
		"begin of a watch":   {gets(200, "allow", by("s2"), at(auditv1.StageResponseStarted)), none, ""},
		"person": {gets(200, "allow", func(e *auditv1.Event) {
			e.User = authenticationv1.UserInfo{Username: "jane"}
		}), none, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := replayed(t, logOf(t, c.event), "-", "-o", "json")
			report := reportOf(t, o)
			require.Equal(t, replay.Summary{
				Events: 1, Decided: c.want.Same + c.want.WouldBeRefused + c.want.WouldBeAllowed, Same: c.want.Same,
				WouldBeRefused: c.want.WouldBeRefused, WouldBeAllowed: c.want.WouldBeAllowed, Unknown: c.want.Unknown,
			}, report.Summary)
			require.Equal(t, c.want.WouldBeRefused, o.exit, "exit status")
			if c.want.Same+c.want.WouldBeRefused+c.want.WouldBeAllowed+c.want.Unknown == 0 {
				require.Empty(t, report.Groups)
				require.Contains(t, o.errOut, "no event is the end of a request of a seed client")
				return
			}
			require.Empty(t, o.errOut)
			require.Len(t, report.Groups, 1)
			got := report.Groups[0]
			if c.why == "" {
				require.Empty(t, got.Examples)
			} else {
				require.Len(t, got.Examples, 1)
				require.Contains(t, got.Examples[0].Reason, c.why)
				require.Equal(t, c.want.NotInLandscape == 1, got.Examples[0].NotInLandscape)
			}
			got.Client, got.Verb, got.Resource, got.Subresource, got.Examples = "", "", "", "", nil
			require.Equal(t, c.want, got)
		})
	}
}

// TestReplayFollowsTheConfiguration: the admission is not asked about what is not registered.
func TestReplayFollowsTheConfiguration(t *testing.T) {
	log := logOf(t, audited("update", "/apis/seedmanagement.gardener.cloud/v1alpha1/namespaces/garden/gardenlets/s1", 200,
		"allow", rbac))
	for references, undecided := range map[string]int{"Enforce": 1, "Off": 0} {
		report := reportOf(t, replayed(t, log, "-", "-o", "json", "--references", references))
		require.Len(t, report.Groups, 1)
		require.Equal(t, 1, report.Groups[0].Same)
		require.Equal(t, undecided, report.Groups[0].AdmissionNotDecided, references)
	}
}

// TestReplayBeforeDeny: what RBAC allows is refused in mode Deny where a rule names the resource, and only there.
func TestReplayBeforeDeny(t *testing.T) {
	log := logOf(t, audited("list", shootsURI, 200, "allow", rbac),
		audited("list", "/apis/apps/v1/deployments", 200, "allow", rbac), audited("get", "/version", 200, "allow", rbac))
	for mode, refused := range map[string]int{"NoOpinion": 0, "Audit": 0, "Observe": 0, "Deny": 1} {
		file := configurationFile(t, "authorizer: {mode: "+mode+"}\n")
		summary := reportOf(t, replayed(t, log, "-", "-o", "json", "--config", file)).Summary
		require.Equal(t, refused, summary.WouldBeRefused, mode)
		require.Equal(t, 3-refused, summary.Same, mode)
	}
}

// TestReplayReadsStringData: the admission gets a Secret as it is behind an API server.
func TestReplayReadsStringData(t *testing.T) {
	object := creating(`{"kind":"Secret","apiVersion":"v1","metadata":{"name":"bootstrap-token-123456",` +
		`"namespace":"kube-system"},"type":"bootstrap.kubernetes.io/token","stringData":{"description":"something else",` +
		`"usage-bootstrap-authentication":"true","usage-bootstrap-signing":"true"}}`)
	o := replayed(t, logOf(t, audited("create", "/api/v1/namespaces/kube-system/secrets", 201, "allow", object)), "-")
	require.Equal(t, exitNotAllowed, o.exit)
	require.Contains(t, o.out, "description")
}

func TestReplayReport(t *testing.T) {
	log := logOf(t,
		audited("get", secretURI, 200, "allow"),
		audited("get", secretURI, 200, "allow", by("s2"), named("infrastructure")),
		audited("get", secretURI, 200, "allow", by("s2"), named("infrastructure")), // again
		audited("get", secretsOf+"/gone", 200, "allow", by("s2"), named("gone")),
		audited("get", shootURI+"/status", 403, "forbid"),
		audited("create", secretsOf, 201, "allow"),
		audited("get", "/version", 200, "allow", rbac),
		audited("get", secretURI, 503, "allow"),
		audited("list", "/api/v1/pods", 200, "allow",
			func(e *auditv1.Event) { e.User = authenticationv1.UserInfo{Username: "jane"} }),
	)
	o := replayed(t, log, "-")
	require.Equal(t, exitNotAllowed, o.exit)
	require.Empty(t, o.errOut)
	want, err := os.ReadFile(filepath.Join("testdata", "replay.txt"))
	require.NoError(t, err)
	require.Equal(t, string(want), o.out)
	require.Contains(t, replayed(t, log, "-", "-o", "json").out, `"summary": {
    "events": 9,
    "decided": 7,
    "same": 3,
    "wouldBeRefused": 3,
    "wouldBeAllowed": 1,
    "unknown": 1
  },`)
}

// TestReplayExample: the documentation shows what comes of the example, a log of a kube-apiserver without seedguard.
func TestReplayExample(t *testing.T) {
	o := command("replay", "../../examples/replay/audit.log", "--landscape", exampleDir)
	require.Equal(t, exitNotAllowed, o.exit, o)
	require.Empty(t, o.errOut)
	operations, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	parts := strings.Split(o.out, "\n\n")
	require.Contains(t, string(operations), parts[0]+"\n\n")
	require.Contains(t, string(operations), "\n"+parts[len(parts)-1])
}

// TestReplayEscapes: clients choose names, which must not write to the terminal of who reads the report.
func TestReplayEscapes(t *testing.T) {
	long := strings.Repeat("x", 2000)
	log := logOf(t,
		audited("get", secretsOf+"/%1b%5b2J%0a%e2%80%ae", 200, "allow"),
		audited("get", "/"+long, 200, "allow"),
		audited("get", secretsOf+"/"+long, 200, "allow"))
	o := replayed(t, log+"{\"\x1b[2J\n", "-")
	require.Equal(t, exitNotAllowed, o.exit)
	require.Contains(t, o.out, `garden-dev/\x1b[2J\n\u202e`)
	require.NotContains(t, o.out+o.errOut, "\x1b")
	require.NotContains(t, o.out, strings.Repeat("x", 300))
	require.Contains(t, o.out, strings.Repeat("x", 200)+"...")
}

// TestReplayInputs: several files, compressed or not whatever their name, in one report.
func TestReplayInputs(t *testing.T) {
	dir := t.TempDir()
	one := logOf(t, audited("get", secretURI, 200, "allow"))
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	plain := file("plain.gz", []byte(one+"\n\n"+strings.TrimSuffix(one, "\n")))
	twice := file("zipped.log", append(zipped(t, one), zipped(t, one)...)) // as logrotate and cat leave them
	events := func(o outcome) int {
		t.Helper()
		require.Equal(t, exitOK, o.exit, o)
		require.Empty(t, o.errOut)
		return reportOf(t, o).Summary.Same
	}
	require.Equal(t, 2, events(replayed(t, "", plain, "-o", "json")))
	require.Equal(t, 2, events(replayed(t, "", twice, "-o", "json")))
	require.Equal(t, 5, events(replayed(t, one, twice, "-", plain, "-o", "json")))
	require.Equal(t, 1, events(replayed(t, string(zipped(t, one)), "-", "-o", "json")))

	// Events with objects are long.
	object := `{"kind":"Secret","apiVersion":"v1","metadata":{"name":"web.ssh-keypair"},"data":{"a":"` +
		strings.Repeat("QUFB", 1<<20) + `"}}`
	long := logOf(t, audited("create", secretsOf, 201, "allow", creating(object)))
	require.Greater(t, len(long), 4<<20)
	report := reportOf(t, replayed(t, one+long+one, "-", "-o", "json"))
	require.Equal(t, replay.Summary{Events: 3, Decided: 3, Same: 3}, report.Summary)

	requireErrors(t, map[string]string{
		"replay " + filepath.Join(dir, "none"):                     "no such file",
		"replay " + dir:                                            "is a directory",
		"replay " + plain + " " + file("cut", zipped(t, one)[:60]): "cut: after line 0: unexpected EOF",
		"replay " + file("magic", []byte{0x1f, 0x8b, 0, 0}):        "magic: ",
		"replay " + file("empty", nil):                             "empty: no event of audit.k8s.io/v1 in it",
		"replay " + file("else", []byte("hello\n[1]\n")):           "else: no event of audit.k8s.io/v1 in it",
		"replay":                  "want seedguard replay AUDITLOG...",
		"replay -o yaml " + plain: "flag: want text or json",
	}, "--landscape", landscapeDir(t))
	requireErrors(t, map[string]string{"replay " + plain: "say on which garden"})
}

// TestReplayLogsNothing of requests that the API server's function does not understand: clients choose how many.
func TestReplayLogsNothing(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer func(stderr *os.File) { os.Stderr = stderr }(os.Stderr)
	os.Stderr = file
	replayed(t, logOf(t, audited("list", shootsURI+"?labelSelector=a%3Db%3Dc", 200, "allow")), "-")
	require.NoError(t, file.Close())
	logged, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	require.Empty(t, string(logged))
}

// TestReplayTellsBrokenLines, and goes on behind them.
func TestReplayTellsBrokenLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	one := logOf(t, audited("get", secretURI, 200, "allow"))
	write(t, file, one+`{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1"}`+"\n"+one[:len(one)/2]+"\n"+
		strings.Repeat("z", 17<<20)+"\n"+strings.Repeat("{}\n", 10)+one)
	o := replayed(t, "", file, "-o", "json")
	require.Equal(t, exitOK, o.exit, o.errOut)
	require.Equal(t, 2, reportOf(t, o).Summary.Same)
	require.Equal(t, 13, reportOf(t, o).BrokenLines)
	require.Contains(t, o.errOut, "Warning: "+file+`:2: no event: it is a "Event" of "audit.k8s.io/v1beta1", no Event of `)
	require.Contains(t, o.errOut, "Warning: "+file+":3: no event: ")
	require.Contains(t, o.errOut, "Warning: "+file+":4: no event: it is longer than 16 MiB\n")
	require.Contains(t, o.errOut, "Warning: 8 lines more are no events\n")
	require.Equal(t, 6, strings.Count(o.errOut, "\n"))
}

// readerFunc is an io.Reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(buffer []byte) (int, error) { return f(buffer) }

// TestReplayIsInterrupted: who waits for gigabytes can stop it.
func TestReplayIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	one := logOf(t, audited("get", secretURI, 200, "allow"))
	reads := 0
	endless := readerFunc(func(b []byte) (int, error) {
		if reads++; reads == 3 {
			cancel()
		}
		return copy(b, one), nil
	})
	o := commandWith(ctx, endless, "replay", "-", "--landscape", landscapeDir(t))
	require.Equal(t, exitError, o.exit)
	require.Contains(t, o.errOut, "context canceled")
	require.Empty(t, o.out)
}

// FuzzReplay feeds logs to a replay: it must never fail or panic, and must count every line once.
func FuzzReplay(f *testing.F) {
	l := landscapeIn(f, landscapeDir(f))
	for _, e := range []auditv1.Event{
		audited("get", secretURI, 200, "allow", viaSeeds),
		audited("list", shootsURI+"?labelSelector=name.seed.gardener.cloud%2Fs1%3Dtrue", 403, "forbid"),
		audited("watch", "/api/v1/watch/namespaces/n/secrets?fieldSelector=metadata.name%3Da", 200, "allow"),
		audited("create", secretsOf, 201, "allow", keypair, by("s2"), named("x")),
		audited("post", "/metrics", 500, ""),
	} {
		f.Add([]byte(logOf(f, e)))
	}
	f.Add([]byte("\x1f\x8b\x08"))
	f.Fuzz(func(t *testing.T, log []byte) {
		r := replay.New(l)
		zipped := bytes.HasPrefix(log, []byte{0x1f, 0x8b})
		if err := r.Read(t.Context(), "log", bytes.NewReader(log)); err != nil {
			require.True(t, zipped, "only gzip can be wrong: %v", err)
			return
		}
		report := r.Report()
		lines := 0
		for line := range bytes.Lines(log) {
			if len(bytes.TrimSpace(line)) > 0 {
				lines++
			}
		}
		require.True(t, zipped || lines == report.Summary.Events+report.BrokenLines, "%+v", report)
		require.LessOrEqual(t, report.Summary.Decided+report.Summary.Unknown, report.Summary.Events)
		for _, r := range textOf(report) {
			require.True(t, r == '\n' || strconv.IsPrint(r), "%q", r)
		}
	})
}

func TestProgress(t *testing.T) {
	var drawn bytes.Buffer
	start := time.Now()
	p := &progress{line: &statusLine{terminal: &drawn}, total: 100 << 20, started: start}
	p.add(25<<20, start.Add(time.Second))
	require.Equal(t, "\r[=======                       ]  25 % of 100 MiB, 3s left", drawn.String())
	drawn.Reset()
	p.add(1, start.Add(time.Second+progressInterval/2))
	require.Empty(t, drawn.String(), "too soon")
	p.add(75<<20, start.Add(2*time.Second))
	require.Equal(t, "\r["+strings.Repeat("=", progressWidth)+"] 100 % of 100 MiB, 0s left", drawn.String())

	drawn.Reset()
	p = &progress{line: &statusLine{terminal: &drawn}, started: start}
	n, err := io.TeeReader(strings.NewReader("hello"), p).Read(make([]byte, 3))
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, "\r0 MiB", drawn.String(), "of unknown length")
	require.EqualValues(t, 3, p.read)
}

// BenchmarkReplay replays a log of which every event is a seed client's: half of them Leases, as in most gardens, and
// one in twenty creates an object that the admission is asked about. Reading from a disk is left out.
//
//	go test ./cmd/seedguard -run '^$' -bench Replay
func BenchmarkReplay(b *testing.B) {
	l, log := landscapeIn(b, exampleDir), logOf(b, realistic()...)
	events := strings.Count(log, "\n")
	for name, content := range map[string][]byte{"plain": []byte(log), "gzip": zipped(b, log)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(log)))
			for b.Loop() {
				r := replay.New(l)
				require.NoError(b, r.Read(b.Context(), "log", bytes.NewReader(content)))
				require.Equal(b, events, r.Report().Summary.Same)
			}
			b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// realistic returns events of the gardenlet of Seed aws-eu1 in the example landscape, with all that a log has of each.
func realistic() (events []auditv1.Event) {
	add := func(verb, uri string, code int32, changes ...change) {
		e := audited(verb, uri, code, "allow", append(changes, by("aws-eu1"),
			byAnnotation("a path leads from the object to the client's Seed"))...)
		e.AuditID = "0c3f0d5e-7f6f-4d0f-a9f5-3f5b8f7c1a2b"
		e.SourceIPs = []string{"10.1.2.3"}
		e.UserAgent = "gardenlet/v1.150.0 (linux/amd64) kubernetes/abcdef0"
		e.User.Extra = map[string]authenticationv1.ExtraValue{
			"authentication.kubernetes.io/credential-id": {"X509SHA256=" + strings.Repeat("0f", 32)},
		}
		e.StageTimestamp = e.RequestReceivedTimestamp
		if e.ObjectRef == nil {
			e.ObjectRef = &auditv1.ObjectReference{}
		}
		e.ObjectRef.APIVersion, e.ObjectRef.UID = "v1beta1", "5b2f0c1e-0a1b-4c3d-8e4f-5a6b7c8d9e0f"
		events = append(events, e)
	}
	object := creating(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"web.ca-cluster",` +
		`"namespace":"garden-dev"},"data":{"ca.crt":"` + strings.Repeat("MIIC", 400) + `"}}`)
	for i := range 1000 {
		switch {
		case i%2 == 0:
			add("patch", "/apis/coordination.k8s.io/v1/namespaces/gardener-system-seed-lease/leases/aws-eu1", 200)
		case i%20 == 1:
			add("list", shootsURI+"?labelSelector=name.seed.gardener.cloud%2Faws-eu1%3Dtrue&limit=500&resourceVersion=0", 200)
		case i%20 == 3:
			add("create", "/api/v1/namespaces/garden-dev/configmaps", 201, object)
		case i%20 < 10:
			add("get", secretsOf+"/aws-account", 200)
		default:
			add("patch", shootURI+"/status?fieldManager=gardenlet", 200)
		}
	}
	return events
}
