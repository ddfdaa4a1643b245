package server

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/rest"
)

// another starts another authorization webhook, and returns what leads to it, with a path as kube-apiserver's
// kubeconfigs have it.
func another(t *testing.T, handler http.HandlerFunc) *rest.Config {
	t.Helper()
	const path = "/webhooks/another"
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("asked by %s %s", r.Method, r.URL)
		}
		handler(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return &rest.Config{Host: server.URL + path, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
}

// TestCompare: another webhook is asked the same, and where it differs is counted and logged with both reasons. Nobody
// sees it in the answers.
func TestCompare(t *testing.T) {
	var bodies sync.Map
	options := newOptions()
	options.CompareWith = another(t, func(w http.ResponseWriter, r *http.Request) {
		var asked authorizationv1.SubjectAccessReview
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		bodies.Store(asked.Spec.User+" "+asked.Spec.ResourceAttributes.Name, asked)
		switch asked.Spec.ResourceAttributes.Name {
		case "away":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "nonsense":
			_, _ = w.Write([]byte("{}"))
		case "no JSON":
			_, _ = w.Write([]byte("sorry"))
		case "confused":
			asked.Status = authorizationv1.SubjectAccessReviewStatus{EvaluationError: "500 look-up failed"}
			_ = json.NewEncoder(w).Encode(asked)
		default:
			// On purpose, the Shoot's own Secret is not allowed and all others are; and who is no seed client is not.
			asked.Status.Allowed = asked.Spec.ResourceAttributes.Name != "x" && asked.Spec.User != "jane"
			asked.Status.Reason = "their reason " + strings.Repeat("y", 1000)
			_ = json.NewEncoder(w).Encode(asked)
		}
	})
	ctx, told := withLog(t)
	s := startIn(ctx, t, options)
	client := newClient(t)
	get := func(name string) string {
		return spec(`{"resourceAttributes":{"namespace":"garden-a","verb":"get","resource":"secrets","name":"` + name +
			`"},` + gardenletUser + `,"extra":{"a":["b"]}}`)
	}
	allowed := func(review string) bool {
		var answer authorizationv1.SubjectAccessReview
		require.NoError(t, json.Unmarshal([]byte(s.post(t, client, review).body), &answer))
		return answer.Status.Allowed
	}
	require.True(t, allowed(get("x")))
	require.False(t, allowed(get("y")))
	require.False(t, allowed(spec(`{"resourceAttributes":{"verb":"impersonate","resource":"pods","name":"z"},`+
		gardenletUser+`}`)))
	require.False(t, allowed(spec(`{`+getSecret+`,"user":"jane"}`)), "the same there")
	for _, name := range []string{"away", "nonsense", "no JSON", "confused"} {
		require.False(t, allowed(get(name)))
	}
	require.False(t, allowed(get(strings.Repeat("n", maxCompared))), "too large to be kept")
	for result, count := range map[string]string{"same": "1", "different": "3", "error": "4", "dropped": "1"} {
		eventually(t, func() bool {
			return s.scrape(t, `seedguard_compared_reviews_total{result="`+result+`"}`) == count
		})
	}
	for labels, count := range map[string]string{
		`{direction="onlyWe",resource="secrets",verb="get"}`:   "1",
		`{direction="onlyThey",resource="secrets",verb="get"}`: "1",
		`{direction="onlyThey",resource="other",verb="other"}`: "1",
	} {
		require.Equal(t, count, s.scrape(t, "seedguard_compared_differences_total"+labels), labels)
	}
	asked, ok := bodies.Load("gardener.cloud:system:seed:s1 x")
	require.True(t, ok)
	require.Equal(t, authorizationv1.ExtraValue{"b"}, asked.(authorizationv1.SubjectAccessReview).Spec.Extra["a"],
		"sent as it came")

	require.Len(t, told("The webhook to compare with gives no decision"), 1, "they come in a row")
	differences := told("The webhook to compare with decides otherwise")
	require.Len(t, differences, 3)
	all := fmt.Sprint(differences)
	require.Contains(t, all, `no relationship found from secret "y"`)
	require.Contains(t, all, "their reason y")
	require.Contains(t, all, "gardener.cloud:system:seed:s1")
	require.Contains(t, all, "onlyWe")
	for _, line := range differences {
		require.Less(t, len(fmt.Sprint(line.ParameterKVList...)), 1000, "what others say is cut")
	}
}

// TestComparisonHangs: another webhook that does not answer holds up nobody, and what waits for it is bounded.
func TestComparisonHangs(t *testing.T) {
	var hanging atomic.Int64
	end := make(chan struct{})
	options := newOptions()
	options.CompareWith = another(t, func(_ http.ResponseWriter, r *http.Request) {
		hanging.Add(1)
		select {
		case <-end:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(end) }) // before the other webhook ends
	s := start(t, options)
	handler := s.Handler()
	call := func(name string) {
		review := spec(`{"resourceAttributes":{"namespace":"garden-a","verb":"get","resource":"secrets","name":"` + name +
			`"},` + gardenletUser + `}`)
		r := httptest.NewRequest(http.MethodPost, AuthorizerPath, strings.NewReader(review))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, http.StatusOK, w.Code)
	}
	call("x")
	eventually(t, func() bool { return hanging.Load() > 0 })
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const large = 8 << 10
	fill := func(reviews int) {
		for range reviews {
			call(strings.Repeat("n", large))
		}
	}
	began := time.Now()
	fill(maxWaiting + comparers)
	full := heap()
	fill(4 * maxWaiting)
	// Nobody waited: one of these that did would have taken as long as the other webhook is given.
	require.Less(t, time.Since(began), 10*compareTimeout)
	require.Less(t, heap(), full+maxWaiting*large/2, "the more is asked, the more is kept")
	require.LessOrEqual(t, hanging.Load(), int64(comparers)*int64(2+time.Since(began)/compareTimeout))
	require.NotEmpty(t, s.scrape(t, `seedguard_compared_reviews_total{result="dropped"}`))
	require.NoError(t, s.stop(), "nor does the server wait for it when it ends")
	require.Less(t, time.Since(began), 11*compareTimeout)
}

// TestComparisonEnds: a server that compares with itself asks itself once.
func TestComparisonEnds(t *testing.T) {
	options, other := newOptions(), &rest.Config{TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	require.NoError(t, err)
	options.Serving.SecurePort = l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	other.Host = "https://" + l.Addr().String() + AuthorizerPath
	options.CompareWith, options.Observe = other, true
	s := start(t, options)
	s.post(t, newClient(t), spec(own))
	compared := func() string { return s.scrape(t, `seedguard_compared_reviews_total{result="different"}`) }
	eventually(t, func() bool { return compared() != "" })
	require.Equal(t, "2", s.scrape(t,
		`seedguard_authorizer_decisions_total{client="gardenlet",resource="secrets",result="allow",verb="get"}`))
	require.Equal(t, "1", compared())
}

// TestComparisonIsPossible: what cannot work is an error at the start.
func TestComparisonIsPossible(t *testing.T) {
	for about, config := range map[string]*rest.Config{
		"CA":  {Host: "https://127.0.0.1", TLSClientConfig: rest.TLSClientConfig{CAFile: "/does/not/exist"}},
		"URL": {Host: "https://127.0.0.1:x"},
	} {
		options := newOptions()
		options.CompareWith = config
		_, err := New(context.Background(), options)
		require.ErrorContains(t, err, "the webhook to compare with", about)
	}
}
