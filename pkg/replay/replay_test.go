package replay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"
	kjson "sigs.k8s.io/json"

	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/logs"
)

// TestGroupsAreBounded: a client that asks for a new resource each time fills no memory, and all is counted.
func TestGroupsAreBounded(t *testing.T) {
	r := &Replay{groups: map[groupKey]*Group{}}
	const n = 3 * maxGroups
	for range 2 {
		for i := range n {
			r.count(identity.Client{Kind: identity.Gardenlet}, &user.DefaultInfo{Name: "u"}, &event{},
				&request.RequestInfo{
					IsResourceRequest: true, Verb: "get", Resource: fmt.Sprint("r", i) + strings.Repeat("x", 1000),
				},
				finding{verdict: WouldBeRefused, why: strings.Repeat("y", 10000)})
		}
	}
	report := r.Report()
	require.Len(t, report.Groups, maxGroups+1)
	sum := 0
	for _, g := range report.Groups {
		sum += g.WouldBeRefused
		require.LessOrEqual(t, len(g.Resource), logs.MaxTold+3)
		require.LessOrEqual(t, len(g.Examples), maxExamples)
		require.LessOrEqual(t, len(g.Examples[0].Reason), maxReason+3)
	}
	require.Equal(t, 2*n, sum)
	require.Equal(t, 2*n, report.Summary.WouldBeRefused)
	require.Equal(t, Others, report.Groups[0].Resource, "sorted by what would be refused")
}

// TestExamplesDiffer: retries of one request leave room for others, and each verdict has its own.
func TestExamplesDiffer(t *testing.T) {
	g := &Group{}
	for _, verdict := range []Verdict{WouldBeRefused, WouldBeAllowed, Unknown} {
		for _, name := range []string{"a", "a", "b", "a", "c", "d"} {
			g.add(Example{Verdict: verdict, Name: name, Code: len(g.Examples)})
		}
	}
	var names []string
	for _, x := range g.Examples {
		names = append(names, x.Name)
	}
	require.Equal(t, []string{"a", "b", "c", "a", "b", "c", "a", "b", "c"}, names)
}

// TestLines: whatever the lengths of lines are, each is read as a whole or skipped.
func TestLines(t *testing.T) {
	long, longest := strings.Repeat("a", 3*readAhead), strings.Repeat("b", maxLine)
	tooLong := strings.Repeat("c", maxLine+1)
	for _, want := range [][]string{
		nil, {"x\n"}, {"x"}, {"\n", "x\n"}, {long + "\n", "x\n", long}, {longest + "\n", "x"}, {longest},
		{strings.Repeat("d", readAhead-1) + "\n", strings.Repeat("e", readAhead)},
	} {
		l, err := newLines(strings.NewReader(strings.Join(want, "")))
		require.NoError(t, err)
		for _, line := range want {
			got, ok, err := l.next()
			require.NoError(t, err)
			require.True(t, ok)
			require.True(t, strings.TrimSuffix(line, "\n") == string(got))
		}
		_, _, err = l.next()
		require.Error(t, err)
	}
	l, err := newLines(strings.NewReader("x\n" + tooLong + "\ny\n" + tooLong))
	require.NoError(t, err)
	for i, want := range []bool{true, false, true, false} {
		_, ok, err := l.next()
		require.NoError(t, err)
		require.Equal(t, want, ok, i)
		require.Equal(t, i+1, l.number)
	}
	_, _, err = l.next()
	require.Error(t, err)
}

// FuzzDecode compares what is understood of an event with what the official type's decoder makes of it.
func FuzzDecode(f *testing.F) {
	const start = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","stage":"ResponseComplete",` +
		`"user":{"username":"gardener.cloud:system:seed:a","groups":["gardener.cloud:system:seeds"]}`
	for _, rest := range []string{
		`,"verb":"get","requestURI":"/api/v1/namespaces/n/secrets/s","responseStatus":{"code":200},` +
			`"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"r"}}`,
		`,"verb":"create","requestURI":"/api/v1/namespaces/n/secrets","responseStatus":{"code":201},"requestObject":` +
			`{"kind":"Secret","apiVersion":"v1","metadata":{"name":"x"}},"objectRef":{"name":"x","namespace":"n"}}`,
		`,"verb":"get","requestURI":"/version","impersonatedUser":{"username":"u"},"annotations":null,"user":null}`,
	} {
		f.Add([]byte(start + rest))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := decode(line)
		var official auditv1.Event
		// What comes twice, or is no UTF-8, each decoder understands in its own way.
		if err != nil || !jsontext.Value(line).IsValid() || kjson.UnmarshalCaseSensitivePreserveInts(line, &official) != nil {
			return
		}
		require.Equal(t, string(official.Stage), e.Stage)
		require.Equal(t, official.RequestURI, e.RequestURI)
		require.Equal(t, official.Verb, e.Verb)
		require.Equal(t, official.User.Username, e.User.Username)
		require.ElementsMatch(t, official.User.Groups, e.User.Groups)
		require.Equal(t, official.ImpersonatedUser == nil, e.ImpersonatedUser == nil)
		require.Equal(t, official.Annotations["authorization.k8s.io/decision"], e.Annotations.Decision)
		require.Equal(t, official.Annotations["authorization.k8s.io/reason"], e.Annotations.Reason)
		if official.ResponseStatus != nil {
			require.EqualValues(t, official.ResponseStatus.Code, e.ResponseStatus.Code)
		}
		if official.ObjectRef != nil {
			require.Equal(t, official.ObjectRef.Name, e.ObjectRef.Name)
		}
	})
}
