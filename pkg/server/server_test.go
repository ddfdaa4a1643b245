package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
	admissionv1 "k8s.io/api/admission/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/klog/v2/ktesting"
)

const (
	own = `{"resourceAttributes":{"namespace":"garden-a","verb":"get","version":"v1","resource":"secrets",` +
		`"name":"x"},` + gardenletUser + `}`
	foreign = `{"resourceAttributes":{"namespace":"garden-a","verb":"get","version":"v1","resource":"secrets",` +
		`"name":"y"},` + gardenletUser + `}`
	human = `{"resourceAttributes":{"namespace":"garden-a","verb":"get","version":"v1","resource":"secrets",` +
		`"name":"x"},"user":"jane"}`
)

func TestReviewsAreAnswered(t *testing.T) {
	s := start(t, newOptions())
	client := newClient(t)
	for name, c := range map[string]struct{ body, want string }{
		"own": {spec(own), `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1",` +
			`"status":{"allowed":true,"denied":false}}`},
		"foreign": {spec(foreign), `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1",` +
			`"status":{"allowed":false,"denied":false,"reason":"no relationship found from secret \"y\""}}`},
		"human": {spec(human), `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1",` +
			`"status":{"allowed":false,"denied":false,"reason":"not a seed client"}}`},
		"v1beta1": {ordinaryReviews["v1beta1"],
			`{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1beta1","status":{"allowed":true,` +
				`"denied":false}}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.post(t, client, c.body)
			require.Equal(t, http.StatusOK, a.code)
			require.Equal(t, "HTTP/2.0", a.proto)
			require.Equal(t, "application/json", a.header.Get("Content-Type"))
			require.Equal(t, c.want+"\n", a.body)
			require.NoError(t, json.Unmarshal([]byte(a.body), &authorizationv1.SubjectAccessReview{}))
		})
	}
	require.Equal(t, "2", s.scrape(t,
		`seedguard_authorizer_decisions_total{client="gardenlet",resource="secrets",result="allow",verb="get"}`))
	require.Equal(t, "1", s.scrape(t,
		`seedguard_authorizer_decisions_total{client="gardenlet",resource="secrets",result="no_opinion",verb="get"}`))
	require.Equal(t, "1", s.scrape(t,
		`seedguard_authorizer_decisions_total{client="none",resource="secrets",result="no_opinion",verb="get"}`))
	require.Equal(t, "4", s.scrape(t, `seedguard_authorizer_decision_duration_seconds_count`))

	s.post(t, client, spec(`{"resourceAttributes":{"verb":"impersonate","resource":"`+strings.Repeat("x",
		1000)+`"},"user":"u"}`))
	require.Equal(t, "1", s.scrape(t,
		`seedguard_authorizer_decisions_total{client="none",resource="other",result="no_opinion",verb="other"}`),
		"what callers choose freely must not become a label")
}

func TestAuthorizerErrorsAndDenials(t *testing.T) {
	for name, c := range map[string]struct {
		decision authorizer.Decision
		err      error
		want     string
	}{
		"deny": {authorizer.DecisionDeny, nil, `{"allowed":false,"denied":true,"reason":"because"}`},
		"error": {authorizer.DecisionNoOpinion, fmt.Errorf("look-up \"failed\""),
			`{"allowed":false,"denied":false,"reason":"because","evaluationError":"look-up \"failed\""}`},
		"not UTF-8": {authorizer.DecisionNoOpinion, errors.New("a\xffb"),
			`{"allowed":false,"denied":false,"reason":"because","evaluationError":"a\ufffdb"}`},
		"unknown decision": {authorizer.Decision(17), nil, `{"allowed":false,"denied":false,"reason":"because"}`},
	} {
		t.Run(name, func(t *testing.T) {
			options := newOptions()
			options.Authorizer = authorizer.AuthorizerFunc(func(context.Context, authorizer.Attributes) (authorizer.Decision,
				string, error) {
				return c.decision, "because", c.err
			})
			s := start(t, options)
			var review struct{ Status json.RawMessage }
			require.NoError(t, json.Unmarshal([]byte(s.post(t, newClient(t), spec(own)).body), &review))
			require.JSONEq(t, c.want, string(review.Status))
		})
	}
}

// TestObserve: the answer is no opinion whatever was decided, which metrics and the reason say.
func TestObserve(t *testing.T) {
	options := newOptions()
	options.Observe, options.Modes = true, map[string]string{"authorizer": "Observe", "restriction": "Enforce"}
	s := start(t, options)
	client := newClient(t)
	for about, c := range map[string]struct{ review, reason string }{
		"allow":      {own, "seedguard observes, and would say allow: "},
		"no opinion": {foreign, "seedguard observes, and would say no_opinion: no relationship found"},
	} {
		var review authorizationv1.SubjectAccessReview
		require.NoError(t, json.Unmarshal([]byte(s.post(t, client, spec(c.review)).body), &review), about)
		require.False(t, review.Status.Allowed, about)
		require.False(t, review.Status.Denied, about)
		require.Contains(t, review.Status.Reason, c.reason)
	}
	for _, result := range []string{"allow", "no_opinion"} {
		require.Equal(t, "1", s.scrape(t,
			`seedguard_authorizer_decisions_total{client="gardenlet",resource="secrets",result="`+result+`",verb="get"}`))
	}
	require.Equal(t, "1", s.scrape(t, `seedguard_mode{half="authorizer",mode="Observe"}`))
	require.Equal(t, "1", s.scrape(t, `seedguard_mode{half="restriction",mode="Enforce"}`))
}

func TestBadReviewsGetNoDecision(t *testing.T) {
	asked := false
	options := newOptions()
	options.Authorizer = authorizer.AuthorizerFunc(func(context.Context, authorizer.Attributes) (authorizer.Decision,
		string, error) {
		asked = true
		return authorizer.DecisionAllow, "", nil
	})
	s := start(t, options)
	client := newClient(t)
	rejected := func(t *testing.T, a answer, code int, message string) {
		t.Helper()
		require.Equal(t, code, a.code, a.body)
		var status metav1.Status
		require.NoError(t, json.Unmarshal([]byte(a.body), &status))
		require.Contains(t, status.Message, message)
		require.EqualValues(t, code, status.Code)
		require.NotEmpty(t, status.Reason)
		require.False(t, asked)
	}
	for _, name := range []string{
		"empty", "white space only", "null", "array", "text", "yaml", "protobuf", "no kind", "no version", "wrong kind",
		"unknown kind", "wrong version",
		"broken version", "no spec", "neither", "both", "nobody", "trailing", "trailing comma", "control byte", "deep",
		"type of user",
		"type of groups", "type of spec", "type of metadata", "selectors written twice", "kind in two cases",
	} {
		body, ok := oddReviews[name]
		require.True(t, ok, name)
		t.Run(name, func(t *testing.T) { rejected(t, s.post(t, client, body), http.StatusBadRequest, "") })
	}
	t.Run("truncated", func(t *testing.T) {
		rejected(t, s.post(t, client, spec(own)[:200]), http.StatusBadRequest, "unexpected EOF")
	})
	huge := strings.Repeat(" ", maxReview-len(spec(own))+1) + spec(own)
	t.Run("too large", func(t *testing.T) {
		rejected(t, s.post(t, client, huge), http.StatusRequestEntityTooLarge, "the body is larger than 65536 bytes")
	})
	t.Run("too large without a length", func(t *testing.T) {
		response, err := client.Post("https://"+s.Address()+AuthorizerPath, "application/json",
			io.MultiReader(strings.NewReader(huge)))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	})
	t.Run("content type", func(t *testing.T) {
		for _, other := range []string{"application/yaml", "", ";;"} {
			a := send(t, client, http.MethodPost, "https://"+s.Address()+AuthorizerPath, other, spec(own))
			rejected(t, a, http.StatusUnsupportedMediaType, "application/json")
		}
	})
	t.Run("method", func(t *testing.T) {
		a := s.get(t, client, AuthorizerPath)
		rejected(t, a, http.StatusMethodNotAllowed, "use POST")
		require.Equal(t, "POST", a.header.Get("Allow"))
	})
	t.Run("path", func(t *testing.T) {
		require.Equal(t, http.StatusNotFound, s.postTo(t, client, "/webhooks/auth", spec(own)).code)
	})
	t.Run("message is bounded", func(t *testing.T) {
		a := s.post(t, client, `{"kind":"`+strings.Repeat("x", 50_000)+`","apiVersion":"v1"}`)
		rejected(t, a, http.StatusBadRequest, "the body is a")
		require.Less(t, len(a.body), 2*maxMessage)
	})
	require.Equal(t, "2", s.scrape(t, `seedguard_webhook_rejected_total{reason="too_large",webhook="authorizer"}`))
	require.Equal(t, "3", s.scrape(t, `seedguard_webhook_rejected_total{reason="content_type",webhook="authorizer"}`))

	// The largest body that is allowed, and a content type with a parameter, are fine.
	require.Equal(t, http.StatusOK, s.post(t, client, huge[1:]).code)
	require.Equal(t, http.StatusOK,
		send(t, client, http.MethodPost, "https://"+s.Address()+AuthorizerPath, "application/json; charset=utf-8",
			spec(own)).code)
	require.True(t, asked)
}

func TestAdmissionIsAnswered(t *testing.T) {
	s := start(t, newOptions())
	client := newClient(t)
	body := func(name string) string {
		return `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u-1","name":"` + name +
			`","operation":"CREATE",
			"resource":{"group":"","version":"v1","resource":"secrets"},
			"userInfo":{"username":"gardener.cloud:system:seed:s1","groups":["gardener.cloud:system:seeds"]},
			"object":{"kind":"Secret","apiVersion":"v1","data":{"a":"Yg=="}}}}`
	}
	for name, allowed := range map[string]bool{"good": true, "bad": false, "broken": false, "observed": true} {
		a := s.postTo(t, client, AdmissionPath, body(name))
		require.Equal(t, http.StatusOK, a.code)
		var review admissionv1.AdmissionReview
		require.NoError(t, json.Unmarshal([]byte(a.body), &review))
		require.Equal(t, "AdmissionReview", review.Kind)
		require.Equal(t, "admission.k8s.io/v1", review.APIVersion)
		require.Nil(t, review.Request)
		require.EqualValues(t, "u-1", review.Response.UID)
		require.Equal(t, allowed, review.Response.Allowed)
	}
	for result, count := range map[string]string{"allowed": "1", "denied": "2", "error": "1"} {
		require.Equal(t, count, s.scrape(t,
			`seedguard_admission_decisions_total{client="gardenlet",operation="CREATE",resource="secrets",result="`+result+`"}`),
			result)
	}
	for name, c := range map[string]struct {
		body    string
		code    int
		message string
	}{
		"empty": {``, 400, "the body is no AdmissionReview"},
		"case": {strings.Replace(body("good"), "kind", "KIND", 1), 400,
			"no AdmissionReview of a version that is served"},
		"two kinds": {strings.Replace(body("good"), "{", `{"KIND":"Pod",`, 1), 400, "unknown members at the top"},
		"twice": {strings.Replace(body("good"), `"data"`, `"kind":"Pod","data"`, 1), 400,
			"duplicate object member name"},
		"two":       {body("good") + body("good"), 400, "the body is no AdmissionReview"},
		"truncated": {body("x")[:80], 400, "the body is no AdmissionReview"},
		"not JSON":  {"kind: AdmissionReview", 400, "the body is no AdmissionReview"},
		"kind":      {`{"kind":"Pod","apiVersion":"v1"}`, 400, "no AdmissionReview of a version that is served"},
		"version": {`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":{"uid":"x"}}`, 400,
			"no AdmissionReview of a version that is served"},
		"no request": {`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}`, 400, "request must be set"},
		"no uid": {`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{}}`, 400,
			"request.uid must be set"},
		"wrong type": {`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":7}}`, 400,
			"unmarshal JSON number into Go types.UID"},
		"more than it": {strings.Repeat(" ", maxAdmission) + body("x"), 413, "larger than 3145728 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.postTo(t, client, AdmissionPath, c.body)
			require.Equal(t, c.code, a.code)
			require.Contains(t, a.body, c.message)
		})
	}
	large := strings.Replace(body("good"), "Yg==", strings.Repeat("YWFh", 700_000), 1)
	require.Equal(t, http.StatusOK, s.postTo(t, client, AdmissionPath, large).code)
}

func TestNotReadyAnswers503(t *testing.T) {
	options := newOptions()
	var mu sync.Mutex
	reasons := []string{"shoots.core.gardener.cloud not synced: forbidden", "seeds.core.gardener.cloud not synced"}
	options.NotReady = func() []string {
		mu.Lock()
		defer mu.Unlock()
		return reasons
	}
	options.Notices = func() []string { return []string{"no contact with core.gardener.cloud/v1beta1 for 12s"} }
	s := start(t, options)
	client := newClient(t)
	for _, path := range []string{AuthorizerPath, AdmissionPath} {
		a := s.postTo(t, client, path, spec(own))
		require.Equal(t, http.StatusServiceUnavailable, a.code)
		require.Contains(t, a.body, "not ready")
		require.NotEmpty(t, a.header.Get("Retry-After"))
	}
	a := s.get(t, client, "/readyz")
	require.Equal(t, http.StatusInternalServerError, a.code)
	require.Equal(t, "[+]ping ok\n[-]garden failed: reason withheld\n[+]fresh ok\n[+]shutdown ok\n"+
		"readyz check failed\n", a.body)
	a = s.get(t, client, "/readyz/garden")
	require.Equal(t, http.StatusInternalServerError, a.code)
	require.Contains(t, a.body, "shoots.core.gardener.cloud not synced: forbidden\nseeds.core.gardener.cloud not synced")
	require.Equal(t, http.StatusOK, s.get(t, client, "/readyz?exclude=garden").code)
	for _, path := range []string{"/livez", "/healthz"} {
		require.Equal(t, http.StatusOK, s.get(t, client, path).code, "%s must not depend on the garden", path)
	}
	require.Equal(t, "0", s.scrape(t, "seedguard_ready"))

	mu.Lock()
	reasons = nil
	mu.Unlock()
	require.Equal(t, http.StatusOK, s.post(t, client, spec(own)).code)
	require.Equal(t, "ok", s.get(t, client, "/readyz").body)
	require.Equal(t, "1", s.scrape(t, "seedguard_ready"))
	a = s.get(t, client, "/readyz?verbose")
	require.Equal(t, http.StatusOK, a.code, "lost contact is told, and decisions go on")
	require.Equal(t, "[+]ping ok\n[+]garden ok\n[+]fresh ok\n[+]shutdown ok\nreadyz check passed\n"+
		"[!]no contact with core.gardener.cloud/v1beta1 for 12s\n", a.body)
}

// TestStale: nothing is decided on an old state, until it is known anew.
func TestStale(t *testing.T) {
	var stale atomic.Bool
	options := newOptions()
	options.Stale = func() []string {
		if stale.Load() {
			return []string{"seeds.core.gardener.cloud not known for 1m0s"}
		}
		return nil
	}
	s := start(t, options)
	client := newClient(t)
	require.Equal(t, http.StatusOK, s.post(t, client, spec(own)).code)
	stale.Store(true)
	for _, path := range []string{AuthorizerPath, AdmissionPath} {
		a := s.postTo(t, client, path, spec(own))
		require.Equal(t, http.StatusServiceUnavailable, a.code)
		require.Contains(t, a.body, "too old to decide on")
	}
	require.Equal(t, "1", s.scrape(t, `seedguard_webhook_rejected_total{reason="stale",webhook="authorizer"}`))
	require.Equal(t, "0", s.scrape(t, "seedguard_ready"))
	require.Contains(t, s.get(t, client, "/readyz").body, "[-]fresh failed: reason withheld")
	require.Contains(t, s.get(t, client, "/readyz/fresh").body, "seeds.core.gardener.cloud not known for 1m0s")
	require.Equal(t, http.StatusOK, s.get(t, client, "/livez").code, "a restart would not help")
	stale.Store(false)
	require.Equal(t, http.StatusOK, s.post(t, client, spec(own)).code)
	require.Equal(t, "1", s.scrape(t, "seedguard_ready"))
}

func TestPanicHarmsOneRequest(t *testing.T) {
	options := newOptions()
	sound := options.Authorizer
	options.Authorizer = authorizer.AuthorizerFunc(func(ctx context.Context, a authorizer.Attributes) (authorizer.Decision,
		string, error) {
		if a.GetName() == "y" {
			panic("a bug")
		}
		return sound.Authorize(ctx, a)
	})
	s := start(t, options)
	client := newClient(t)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 20 {
				a, err := s.tryPost(client, spec(foreign))
				if err != nil || a.code != http.StatusInternalServerError || strings.Contains(a.body, "a bug") {
					t.Errorf("%v %v %s", err, a.code, a.body)
				}
				a, err = s.tryPost(client, spec(own))
				if err != nil || a.code != http.StatusOK {
					t.Errorf("%v %v %s", err, a.code, a.body)
				}
			}
		})
	}
	callers.Wait()
	require.Equal(t, "80", s.scrape(t, `seedguard_webhook_panics_total{webhook="authorizer"}`))
	require.Equal(t, "0", s.scrape(t, "seedguard_webhook_requests_in_flight"))
}

// TestBodiesInFlightAreBounded: large bodies are answered later when there are too many, and ordinary ones at once.
func TestBodiesInFlightAreBounded(t *testing.T) {
	s := start(t, newOptions())
	const left = 2 * maxReview
	require.True(t, s.bodies.TryAcquire(maxBodiesInFlight-left))
	client := newClient(t)
	post := func(size int) answer { return s.postTo(t, client, AdmissionPath, strings.Repeat(" ", size)) }
	a := post(left + 1)
	require.Equal(t, http.StatusServiceUnavailable, a.code)
	require.Contains(t, a.body, "too many bytes in flight")
	require.NotEmpty(t, a.header.Get("Retry-After"))
	unknown, err := http.NewRequest(http.MethodPost, "https://"+s.Address()+AdmissionPath,
		struct{ io.Reader }{strings.NewReader(" ")})
	require.NoError(t, err)
	unknown.Header.Set("Content-Type", "application/json")
	response, err := client.Do(unknown)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode, "it may become as large as any")
	require.Equal(t, http.StatusBadRequest, post(left).code, "it fits in, and is no JSON")
	require.Equal(t, http.StatusBadRequest, post(maxReview).code, "a small one counts for nothing")
	require.Equal(t, http.StatusOK, s.post(t, client, spec(own)).code)
	s.bodies.Release(maxBodiesInFlight - left)
	require.Equal(t, http.StatusBadRequest, post(left+1).code)
	require.True(t, s.bodies.TryAcquire(maxBodiesInFlight), "all is given back")
	s.bodies.Release(maxBodiesInFlight)
}

func TestCallsInFlightAreBounded(t *testing.T) {
	options := newOptions()
	options.Serving.MaxRequestsInFlight = 2
	entered, leave := make(chan struct{}), make(chan struct{})
	options.Authorizer = authorizer.AuthorizerFunc(func(context.Context, authorizer.Attributes) (authorizer.Decision,
		string, error) {
		entered <- struct{}{}
		<-leave
		return authorizer.DecisionAllow, "", nil
	})
	s := start(t, options)
	var callers sync.WaitGroup
	// HTTP/2 would make a connection's third call wait, so each has its own.
	for range 2 {
		client := newClient(t)
		callers.Go(func() {
			a, err := s.tryPost(client, spec(own))
			if err != nil || a.code != http.StatusOK {
				t.Errorf("%v %v", err, a)
			}
		})
		<-entered
	}
	require.Equal(t, "2", s.scrape(t, "seedguard_webhook_requests_in_flight"))
	client := newClient(t)
	a := s.post(t, client, spec(own))
	require.Equal(t, http.StatusTooManyRequests, a.code)
	require.Contains(t, a.body, "too many calls in flight")
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, s.get(t, client, "/readyz").code, "health checks are not calls")
	close(leave)
	callers.Wait()
	go func() { <-entered }()
	require.Equal(t, http.StatusOK, s.post(t, client, spec(own)).code)
	require.Equal(t, "1", s.scrape(t, `seedguard_webhook_rejected_total{reason="too_many",webhook="authorizer"}`))
}

func TestCallsHaveADeadline(t *testing.T) {
	options := newOptions()
	options.Serving.RequestTimeout = metav1.Duration{Duration: 50 * time.Millisecond}
	options.Authorizer = authorizer.AuthorizerFunc(func(ctx context.Context, _ authorizer.Attributes) (authorizer.Decision,
		string, error) {
		<-ctx.Done()
		return authorizer.DecisionNoOpinion, "", ctx.Err()
	})
	s := start(t, options)
	require.Contains(t, s.post(t, newClient(t), spec(own)).body,
		`"allowed":false,"denied":false,"evaluationError":"context deadline exceeded"`)
}

func TestSlowHeadersAreCutOff(t *testing.T) {
	s := start(t, newOptions())
	h := s.httpServer(nil)
	require.NotZero(t, h.ReadHeaderTimeout)
	require.NotZero(t, h.ReadTimeout)
	require.NotZero(t, h.WriteTimeout)
	client := newClient(t)
	r, err := http.NewRequest(http.MethodPost, "https://"+s.Address()+AuthorizerPath, strings.NewReader(spec(own)))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Large", strings.Repeat("x", 2*maxHeaderBytes))
	response, err := client.Do(r)
	if err == nil { // an answer or a closed stream, as the transport sees it first
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, response.StatusCode)
	}
}

func TestCallersNeedACertificate(t *testing.T) {
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	options := ca.options(t)
	options.Serving.TLSCertFile, options.Serving.TLSPrivateKeyFile = ca.server(t, t.TempDir(), "server")
	options.Serving.ClientAllowedNames = []string{"kube-apiserver", "second"}
	s := start(t, options)

	expired := ca.clientUntil(t, "kube-apiserver", time.Now().Add(-time.Minute), x509.ExtKeyUsageClientAuth)
	forServing := ca.clientUntil(t, "kube-apiserver", time.Time{}, x509.ExtKeyUsageServerAuth)
	for name, c := range map[string]struct {
		client          *http.Client
		code, admission int
		message         string
	}{
		"allowed": {newClient(t, ca.client(t, "kube-apiserver")), http.StatusOK, http.StatusBadRequest,
			`"allowed":true`},
		"allowed second": {newClient(t, ca.client(t, "second")), http.StatusOK, http.StatusBadRequest, `"allowed":true`},
		"none": {newClient(t), http.StatusUnauthorized, http.StatusUnauthorized,
			"a client certificate is required"},
		"name": {newClient(t, ca.client(t, "jane")), http.StatusForbidden, http.StatusForbidden,
			`callers named \"jane\" are not allowed`},
		"authority": {newClient(t, other.client(t, "kube-apiserver")), http.StatusUnauthorized, http.StatusUnauthorized,
			"the client certificate is not valid"},
		"expired": {newClient(t, expired), http.StatusUnauthorized, http.StatusUnauthorized,
			"the client certificate is not valid"},
		"usage": {newClient(t, forServing), http.StatusUnauthorized, http.StatusUnauthorized,
			"the client certificate is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time the verdict is remembered
				a := s.post(t, c.client, spec(own))
				require.Equal(t, c.code, a.code)
				require.Contains(t, a.body, c.message)
			}
			a := s.postTo(t, c.client, AdmissionPath, "{}")
			require.Equal(t, c.admission, a.code)
			for _, path := range []string{"/livez", "/healthz", "/readyz"} {
				require.Equal(t, http.StatusOK, s.get(t, c.client, path).code, "health checks are open")
			}
		})
	}
	require.Equal(t, "10", s.scrape(t, `seedguard_webhook_rejected_total{reason="caller",webhook="authorizer"}`))
	require.Equal(t, "5", s.scrape(t, `seedguard_webhook_rejected_total{reason="caller",webhook="admission"}`))
}

// TestRejectedCallersAreLogged: who calls in vain is in the log, and cannot fill it.
func TestRejectedCallersAreLogged(t *testing.T) {
	ca := newAuthority(t, "ca")
	options := ca.options(t)
	options.Serving.ClientAllowedNames = []string{"kube-apiserver"}
	ctx, told := withLog(t)
	s := startIn(ctx, t, options)
	lines := func() []ktesting.LogEntry { return told("Rejected a caller") }
	value := func(entry ktesting.LogEntry, key string) string {
		i := slices.Index(entry.ParameterKVList, any(key))
		require.GreaterOrEqual(t, i, 0, key)
		return fmt.Sprint(entry.ParameterKVList[i+1])
	}

	s.post(t, newClient(t, ca.client(t, "jane")), spec(own))
	require.Len(t, lines(), 1)
	line := lines()[0]
	require.Equal(t, "jane", value(line, "commonName"))
	require.Regexp(t, `^127\.0\.0\.1:\d+$`, value(line, "remote"))
	require.Equal(t, `callers named "jane" are not allowed`, value(line, "reason"))

	const more = 100
	nobody := newClient(t)
	for range more {
		s.post(t, nobody, spec(own))
	}
	logged := len(lines())
	require.Less(t, logged, 20)
	s.rejections.limiter.SetLimit(rate.Inf)
	s.post(t, nobody, spec(own))
	line = lines()[logged]
	require.Empty(t, value(line, "commonName"))
	require.Equal(t, strconv.Itoa(1+more-logged), value(line, "notLogged"))
}

// TestClientCARotates rotates the client CA under open connections: they must notice. Without allowed names, any will
// do.
func TestClientCARotates(t *testing.T) {
	before, after := newAuthority(t, "before"), newAuthority(t, "after")
	options := before.options(t)
	s := start(t, options)
	oldClient, newlySigned := newClient(t, before.client(t, "x")), newClient(t, after.client(t, "x"))
	require.Equal(t, http.StatusOK, s.post(t, oldClient, spec(own)).code)
	require.Equal(t, http.StatusUnauthorized, s.post(t, newlySigned, spec(own)).code)

	replace(t, options.Serving.ClientCAFile, append(before.PEM, after.PEM...))
	eventually(t, func() bool { return s.post(t, newlySigned, spec(own)).code == http.StatusOK })
	require.Equal(t, http.StatusOK, s.post(t, oldClient, spec(own)).code)

	replace(t, options.Serving.ClientCAFile, after.PEM)
	eventually(t, func() bool { return s.post(t, oldClient, spec(own)).code == http.StatusUnauthorized })
	require.Equal(t, http.StatusOK, s.post(t, newlySigned, spec(own)).code)

	// A file that is no CA leaves the last good one in force.
	replace(t, options.Serving.ClientCAFile, []byte("rubbish"))
	time.Sleep(100 * time.Millisecond)
	require.Equal(t, http.StatusOK, s.post(t, newlySigned, spec(own)).code)
}

// TestRotatedCallerReconnects: kube-apiserver keeps a connection for as long as it works, also when it has got a new
// certificate meanwhile. Rejections must not keep it.
func TestRotatedCallerReconnects(t *testing.T) {
	for name, use := range map[string]func(*testing.T, *testServer, *http.Client) answer{
		"used":   func(t *testing.T, s *testServer, c *http.Client) answer { return s.post(t, c, spec(own)) },
		"unused": func(t *testing.T, s *testServer, c *http.Client) answer { return s.get(t, c, "/livez") },
	} {
		t.Run(name, func(t *testing.T) {
			before, after := newAuthority(t, "before"), newAuthority(t, "after")
			options := before.options(t)
			s := start(t, options)
			certificate := []tls.Certificate{before.client(t, "x")}
			client := newClient(t, certificate...)
			require.Equal(t, http.StatusOK, use(t, s, client).code)
			certificate[0] = after.client(t, "x")
			replace(t, options.Serving.ClientCAFile, after.PEM)
			fresh := newClient(t, certificate...)
			eventually(t, func() bool { return s.post(t, fresh, spec(own)).code == http.StatusOK })
			require.Equal(t, http.StatusUnauthorized, s.post(t, client, spec(own)).code, "by the connection that was there")
			eventually(t, func() bool { return s.post(t, client, spec(own)).code == http.StatusOK })
		})
	}
}

func TestCertificateExpiresDuringConnection(t *testing.T) {
	ca := newAuthority(t, "ca")
	s := start(t, ca.options(t))
	soon := ca.clientUntil(t, "x", time.Now().Add(2*time.Second), x509.ExtKeyUsageClientAuth)
	client := newClient(t, soon)
	require.Equal(t, http.StatusOK, s.post(t, client, spec(own)).code)
	eventually(t, func() bool { return s.post(t, client, spec(own)).code == http.StatusUnauthorized })
}

func TestServingCertificateRotates(t *testing.T) {
	dir, ca := t.TempDir(), newAuthority(t, "ca")
	options := newOptions()
	options.Serving.TLSCertFile, options.Serving.TLSPrivateKeyFile = ca.server(t, dir, "first")
	s := start(t, options)
	served := func() *x509.Certificate {
		connection, err := tls.Dial("tcp", s.Address(), &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, err)
		defer func() { _ = connection.Close() }()
		return connection.ConnectionState().PeerCertificates[0]
	}
	require.Equal(t, "first", served().Subject.CommonName)
	require.Equal(t, strconv.FormatFloat(float64(served().NotAfter.Unix()), 'g', -1, 64),
		s.scrape(t, "seedguard_serving_certificate_expiration_timestamp_seconds"))
	client := newClient(t)
	require.Equal(t, http.StatusOK, s.post(t, client, spec(own)).code)

	ca.server(t, dir, "second")
	eventually(t, func() bool { return served().Subject.CommonName == "second" })
	require.Equal(t, http.StatusOK, s.post(t, client, spec(own)).code, "open connections go on")

	replace(t, options.Serving.TLSCertFile, []byte("rubbish"))
	time.Sleep(100 * time.Millisecond)
	require.Equal(t, "second", served().Subject.CommonName)
}

func TestTLSVersions(t *testing.T) {
	for minVersion, tooOld := range map[string]uint16{"VersionTLS12": tls.VersionTLS11, "VersionTLS13": tls.VersionTLS12} {
		options := newOptions()
		options.Serving.TLSMinVersion = minVersion
		s := start(t, options)
		_, err := tls.Dial("tcp", s.Address(),
			&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tooOld})
		require.ErrorContains(t, err, "protocol version")
		connection, err := tls.Dial("tcp", s.Address(),
			&tls.Config{InsecureSkipVerify: true, MinVersion: tooOld + 1, MaxVersion: tooOld + 1})
		require.NoError(t, err)
		require.NoError(t, connection.Close())
	}
}

func TestNewFailsCleanly(t *testing.T) {
	dir, ca := t.TempDir(), newAuthority(t, "ca")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change  func(*Options)
		message string
	}{
		"no certificate": {func(o *Options) { o.Serving.TLSCertFile, o.Serving.TLSPrivateKeyFile = dir+"/no", dir+"/no" },
			"cannot load the serving certificate"},
		"no client CA": {func(o *Options) {
			o.Serving.TLSCertFile, o.Serving.TLSPrivateKeyFile = ca.server(t, dir, "x")
			o.Serving.ClientCAFile = dir + "/no"
		}, "cannot load the client CA"},
		"port taken": {func(o *Options) { o.Serving.SecurePort, _ = strconv.Atoi(port) },
			"cannot listen for webhook calls"},
		"metrics port taken": {func(o *Options) { o.Metrics.BindAddress = taken.Addr().String() },
			"cannot listen for metrics"},
		"TLS version": {func(o *Options) { o.Serving.TLSMinVersion = "VersionTLS99" }, "unknown tls version"},
	} {
		t.Run(name, func(t *testing.T) {
			options := newOptions()
			c.change(&options)
			_, err := New(context.Background(), options)
			require.ErrorContains(t, err, c.message)
		})
	}
}

func TestMetrics(t *testing.T) {
	s := start(t, newOptions())
	require.Equal(t, "1", s.scrape(t, `seedguard_graph_vertices{kind="Secret"}`))
	require.Equal(t, "1", s.scrape(t, `seedguard_graph_objects{kind="Shoot"}`))
	require.Equal(t, "1", s.scrape(t, `seedguard_graph_edges{from="Shoot",to="Seed"}`))
	require.Equal(t, "0", s.scrape(t, `seedguard_graph_left_out_edges_total`))
	require.NotEmpty(t, s.scrape(t, `go_goroutines`))
	body := getPlain(t, s.MetricsAddress(), "/metrics").body
	require.Contains(t, body, "seedguard_build_info{commit=")
	require.Contains(t, body, "process_resident_memory_bytes")
}

// TestShutdownDrains: not ready at once, still answering during the delay, what was begun is finished, nothing new
// after.
func TestShutdownDrains(t *testing.T) {
	options := newOptions()
	options.Serving.ShutdownDelay = metav1.Duration{Duration: 300 * time.Millisecond}
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	sound := options.Authorizer
	options.Authorizer = authorizer.AuthorizerFunc(func(ctx context.Context, a authorizer.Attributes) (authorizer.Decision,
		string, error) {
		if a.GetName() == "y" {
			entered <- struct{}{}
			<-leave
		}
		return sound.Authorize(ctx, a)
	})
	s := start(t, options)
	client, slowClient := newClient(t), newClient(t)
	slow := make(chan answer, 1)
	go func() {
		a, err := s.tryPost(slowClient, spec(foreign))
		if err != nil {
			t.Error(err)
		}
		slow <- a
	}()
	<-entered
	s.cancel()
	eventually(t, func() bool { return s.get(t, client, "/readyz").code == http.StatusInternalServerError })
	require.Contains(t, s.get(t, client, "/readyz/shutdown").body, "process is shutting down")
	require.Equal(t, http.StatusOK, s.get(t, client, "/livez").code)
	require.Equal(t, http.StatusOK, s.post(t, client, spec(own)).code, "still answers during the delay")
	eventually(t, func() bool {
		connection, err := net.DialTimeout("tcp", s.Address(), time.Second)
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	})
	select {
	case <-slow:
		t.Fatal("the call in flight must not be cut off")
	default:
	}
	close(leave)
	require.Equal(t, http.StatusOK, (<-slow).code)
	require.NoError(t, s.stop())
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, 20*time.Millisecond)
}
