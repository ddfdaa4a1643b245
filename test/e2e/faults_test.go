package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	testgarden "github.com/seedguard/seedguard/test/garden"
	"github.com/seedguard/seedguard/test/pki"
)

// webhookTimeout is how long the API server waits for seedguard.
const webhookTimeout = 3 * time.Second

// othersWork asserts that those who are no seed clients notice nothing of what goes on: not even a wait.
func othersWork(t *testing.T, g *testgarden.Garden) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), webhookTimeout-time.Second)
	defer cancel()
	c := admin(t, g)
	require.NoError(t, c.do(ctx, "list Shoot"))
	require.NoError(t, c.tryCreate(ctx, object("Secret", "garden/others")))
	require.NoError(t, c.tryCreate(ctx, object("Lease", "garden/others")))
}

// turnedAway asserts that requests get no decision: without one the API server answers with an error or 403.
func (c *client) turnedAway(t *testing.T, requests ...string) {
	t.Helper()
	for _, request := range requests {
		err := c.do(t.Context(), request)
		require.True(t, apierrors.IsForbidden(err) || apierrors.IsInternalError(err), "%s: %v", request, err)
	}
}

// TestDown: without seedguard seed clients are forbidden, all others are served.
func TestDown(t *testing.T) {
	g := ownGarden(t)
	withSeeds(t, g, "a")
	a := gardenlet(t, g, "a")
	a.turnedAway(t, "get Seed a", "get Shoot garden-a/crop", "list BackupBucket")
	othersWork(t, g)

	require.NoError(t, g.StartSeedguard(t.Context()))
	a.allows(t, "get Seed a", "get Shoot garden-a/crop", "list BackupBucket")
	extension := accessOf(t, g, "a", "extension-local")
	extension.allows(t, "get Shoot garden-a/crop")

	g.Guard.Kill()
	a.turnedAway(t, "get Seed a", "get Shoot garden-a/crop", "list BackupBucket")
	extension.turnedAway(t, "get Shoot garden-a/crop")
	othersWork(t, g)

	require.NoError(t, g.StartSeedguard(t.Context()))
	a.allows(t, "get Seed a", "get Shoot garden-a/crop", "list BackupBucket")
}

// TestSlow: a seedguard that does not answer in time is one that is down; one that answers late answers right.
func TestSlow(t *testing.T) {
	g := ownGarden(t)
	withSeeds(t, g, "a", "b")
	require.NoError(t, g.StartSeedguard(t.Context()))
	a := gardenlet(t, g, "a")
	a.allows(t, "get Shoot garden-a/crop")

	require.NoError(t, g.Guard.Signal(syscall.SIGSTOP))
	a.turnedAway(t, "get Shoot garden-a/crop")
	othersWork(t, g)
	require.NoError(t, g.Guard.Signal(syscall.SIGCONT))
	a.allows(t, "get Shoot garden-a/crop")

	require.NoError(t, g.Guard.Signal(syscall.SIGSTOP))
	go func() {
		time.Sleep(webhookTimeout / 3)
		_ = g.Guard.Signal(syscall.SIGCONT)
	}()
	var late sync.WaitGroup
	for range 10 {
		late.Go(func() {
			if err := a.do(t.Context(), "get Shoot garden-a/crop"); err != nil {
				t.Errorf("own: %v", err)
			}
			if err := a.do(t.Context(), "get Shoot garden-b/crop"); !apierrors.IsForbidden(err) {
				t.Errorf("other: %v", err)
			}
		})
	}
	late.Wait()
}

// load makes requests of which the answers are known, until it is stopped.
type load struct {
	stop    context.CancelFunc
	workers sync.WaitGroup
	// made counts requests that were answered.
	made atomic.Int64

	mu sync.Mutex
	// wrong are answers that must never be; failures are 403s and errors where the request is allowed, with their
	// time.
	wrong    []string
	failures []failure
}

type failure struct {
	begin, end time.Time
	err        error
}

// startLoad has several gardenlets of Seed a ask for what is theirs and for what is not.
func startLoad(t *testing.T, g *testgarden.Garden, creates bool) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{stop: stop}
	// Each such denial costs seedguard reads from the API server, which it bounds in all.
	foreign := rate.Sometimes{Interval: 100 * time.Millisecond}
	for range 4 {
		c := gardenlet(t, g, "a")
		// Every worker does without HTTP/2's sharing of one connection with the others.
		l.workers.Go(func() {
			for ctx.Err() == nil {
				l.expect(ctx, true, func() error { return c.do(ctx, "get Shoot garden-a/crop") })
				l.expect(ctx, false, func() error { return c.do(ctx, "get Shoot garden-b/crop") })
				l.expect(ctx, true, func() error { return c.do(ctx, "list Shoot labels:name.seed.gardener.cloud/a=true") })
				l.expect(ctx, false, func() error { return c.do(ctx, "list Shoot") })
				if creates {
					l.expect(ctx, true, func() error { return c.tryCreate(ctx, object("Secret", "garden-a/crop.monitoring")) })
					foreign.Do(func() {
						l.expect(ctx, false, func() error { return c.tryCreate(ctx, object("Secret", "garden-b/crop.monitoring")) })
					})
				}
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) expect(ctx context.Context, allowed bool, request func() error) {
	begin := time.Now()
	err := request()
	if ctx.Err() != nil {
		return
	}
	l.made.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil && !allowed:
		l.wrong = append(l.wrong, "allowed what is not related")
	case err != nil && (allowed || !apierrors.IsForbidden(err)):
		l.failures = append(l.failures, failure{begin, time.Now(), err})
	}
}

func (l *load) end() {
	l.stop()
	l.workers.Wait()
}

// more waits until the load has made n more requests.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	goal, deadline := l.made.Load()+n, time.Now().Add(patience)
	for l.made.Load() < goal {
		require.True(t, time.Now().Before(deadline), "the load came to a halt")
		time.Sleep(10 * time.Millisecond)
	}
}

// period is a time in which failures are expected.
type period struct{ begin, end time.Time }

// check ends the load and asserts that no answer was wrong, and that requests failed in the given periods only.
func (l *load) check(t *testing.T, periods ...period) {
	t.Helper()
	l.end()
	require.Empty(t, l.wrong)
	expected := 0
next:
	for _, f := range l.failures {
		for _, p := range periods {
			if f.end.After(p.begin) && f.begin.Before(p.end) {
				expected++
				continue next
			}
		}
		require.NoError(t, f.err, "outside the expected periods, from %v to %v", f.begin, f.end)
	}
	t.Logf("%d requests, %d of them failed in the expected periods", l.made.Load(), expected)
}

// TestRestartUnderLoad: no wrong answer ever, and no failure but while seedguard is away.
func TestRestartUnderLoad(t *testing.T) {
	g := ownGarden(t)
	withSeeds(t, g, "a", "b")
	require.NoError(t, g.StartSeedguard(t.Context()))
	gardenlet(t, g, "a").allows(t, "get Shoot garden-a/crop")
	l := startLoad(t, g, true)
	var periods []period
	for i := range 4 {
		l.more(t, 100)
		p := period{begin: time.Now()}
		if i%2 == 0 {
			g.Guard.Stop()
		} else {
			g.Guard.Kill()
		}
		require.NoError(t, g.StartSeedguard(t.Context()))
		p.end = time.Now()
		periods = append(periods, p)
	}
	l.more(t, 100)
	l.check(t, periods...)
}

// TestAPIServerRestart: seedguard goes on deciding, and hears of what changes afterwards.
func TestAPIServerRestart(t *testing.T) {
	g := ownGarden(t)
	withSeeds(t, g, "a", "b")
	require.NoError(t, g.StartSeedguard(t.Context()))
	a := gardenlet(t, g, "a")
	a.allows(t, "get Shoot garden-a/crop")
	require.NoError(t, a.asAdmin().remove(t.Context(), "Shoot", "garden-a/internal"))

	g.APIServer.Kill()
	require.NoError(t, g.StartAPIServer(t.Context()))
	a.allows(t, "get Shoot garden-a/crop")
	a.forbids(t, "get Shoot garden-b/crop")
	a.apply(t, one(t,
		`{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, metadata: {namespace: garden-a, name: later},
			spec: {seedName: a}}`))
	a.allows(t, "get Shoot garden-a/later")
	require.NoError(t, a.asAdmin().remove(t.Context(), "Shoot", "garden-a/crop"))
	soonForbidden(t, "get", func() error { return a.do(t.Context(), "get Secret garden-a/crop.ssh-keypair") })
}

// TestCompaction: what happened while seedguard was not listening, and can no longer be told, is found by listing
// again.
func TestCompaction(t *testing.T) {
	g := ownGarden(t)
	withSeeds(t, g, "a", "b")
	require.NoError(t, g.StartSeedguard(t.Context()))
	a := gardenlet(t, g, "a")
	operator := a.asAdmin()
	a.allows(t, "get Secret garden-a/crop.ssh-keypair", "get Shoot garden-a/identity")

	shoots, err := operator.Resource(kinds["Shoot"].WithKind("Shoot"), "")
	require.NoError(t, err)
	before, err := shoots.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)

	require.NoError(t, g.Guard.Signal(syscall.SIGSTOP))
	require.NoError(t, operator.remove(t.Context(), "Shoot", "garden-a/crop"))
	require.NoError(t, operator.merge(t.Context(), "Shoot", "garden-b/crop", `{"spec":{"seedName":"a"}}`))
	g.APIServer.Kill()
	compact(t, g)
	require.NoError(t, g.StartAPIServer(t.Context()))
	expired, err := shoots.Watch(t.Context(), metav1.ListOptions{ResourceVersion: before.GetResourceVersion()})
	if err == nil {
		event := <-expired.ResultChan()
		expired.Stop()
		err = apierrors.FromObject(event.Object)
	}
	require.True(t, apierrors.IsResourceExpired(err) || apierrors.IsGone(err), "what happened can still be told: %v", err)
	require.NoError(t, g.Guard.Signal(syscall.SIGCONT))

	a.allows(t, "get Shoot garden-b/crop", "get Shoot garden-a/identity")
	soonForbidden(t, "the Secret of a Shoot that is gone", func() error {
		return a.do(t.Context(), "get Secret garden-a/crop.ssh-keypair")
	})
}

// compact has etcd forget all history.
func compact(t *testing.T, g *testgarden.Garden) {
	t.Helper()
	post := func(path, body string) string {
		response, err := http.Post(g.EtcdURL+path, "application/json", strings.NewReader(body))
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		answer, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode, "%s", answer)
		return string(answer)
	}
	status := post("/v3/maintenance/status", "{}")
	_, revision, ok := strings.Cut(status, `"revision":"`)
	require.True(t, ok, status)
	revision, _, _ = strings.Cut(revision, `"`)
	post("/v3/kv/compaction", fmt.Sprintf(`{"revision":%q,"physical":true}`, revision))
}

// wire is a TCP proxy whose connections can be cut or lost.
type wire struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	// open tells of each end whether what comes from it is passed on.
	open map[net.Conn]bool
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{listener: l, target: target, open: map[net.Conn]bool{}}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepting.Go(func() { w.connect(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
		accepting.Wait()
	})
	return w
}

func (w *wire) connect(from net.Conn) {
	to, err := net.Dial("tcp", w.target)
	if err != nil {
		_ = from.Close()
		return
	}
	w.mu.Lock()
	w.open[from], w.open[to] = true, true
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.pass(to, from); _ = to.Close() })
	both.Go(func() { w.pass(from, to); _ = from.Close() })
	both.Wait()
	w.mu.Lock()
	delete(w.open, from)
	delete(w.open, to)
	w.mu.Unlock()
}

func (w *wire) pass(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		passed := w.open[from]
		w.mu.Unlock()
		if passed {
			_, _ = to.Write(buffer[:n]) // that the other end is closed is seen by its reader
		}
		if err != nil {
			return
		}
	}
}

// lose has all connections stay open and carry nothing any more, as when a machine goes away. New ones can be made.
func (w *wire) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		w.open[c] = false
	}
}

// cut closes all connections. New ones can be made.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.Close()
	}
}

// TestWatchesCut: watches that break again and again lose nothing.
func TestWatchesCut(t *testing.T) {
	g := ownGarden(t)
	withSeeds(t, g, "a", "b")
	w := newWire(t, strings.TrimPrefix(g.Host, "https://"))
	kubeconfig, err := g.SeedguardKubeconfig("https://" + w.listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, g.StartSeedguard(t.Context(), "--kubeconfig="+kubeconfig))
	a := gardenlet(t, g, "a")
	a.allows(t, "get Shoot garden-a/crop")

	l := startLoad(t, g, false)
	for i := range 5 {
		l.more(t, 50)
		w.cut()
		name := fmt.Sprintf("garden-a/cut-%d", i)
		a.apply(t, one(t,
			`{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, metadata: {namespace: garden-a, name: NAME},
				spec: {seedName: a}}`,
			"NAME", strings.TrimPrefix(name, "garden-a/")))
		a.allows(t, "get Shoot "+name)
		require.NoError(t, a.asAdmin().remove(t.Context(), "Shoot", name))
		soonForbidden(t, "get", func() error { return a.do(t.Context(), "get ShootState "+name) })
	}
	l.check(t)
}

// TestConnectionLost: seedguard does not wait for an API server that has gone away without a word when another answers
// at the same address.
func TestConnectionLost(t *testing.T) {
	g := ownGarden(t)
	withSeeds(t, g, "a", "b")
	w := newWire(t, strings.TrimPrefix(g.Host, "https://"))
	kubeconfig, err := g.SeedguardKubeconfig("https://" + w.listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, g.StartSeedguard(t.Context(), "--kubeconfig="+kubeconfig))
	a := gardenlet(t, g, "a")
	a.allows(t, "get Shoot garden-a/crop")
	w.lose()
	begin := time.Now()
	a.apply(t, one(t, `{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, metadata: {namespace: garden-a, name: later},
		spec: {seedName: a}}`))
	a.allows(t, "get Shoot garden-a/later")
	t.Logf("news after %v", time.Since(begin))
	require.Less(t, time.Since(begin), 12*time.Second)
}

// TestExistenceIsOptional: without the permission to look whether a Secret exists, a delete of what is gone gets 403,
// and seedguard's log and metrics say why.
func TestExistenceIsOptional(t *testing.T) {
	g := ownGarden(t)
	withSeeds(t, g, "a")
	log := func() string { return g.Guard.Tail(1 << 20) }
	soonLogged := func(line string) {
		require.Eventually(t, func() bool { return strings.Contains(log(), line) }, patience, 50*time.Millisecond, line)
	}
	require.NoError(t, g.LaunchSeedguard())
	soonLogged("Ready: the graph holds the garden") // although nobody asks
	soonLogged("Secrets can be looked up")
	a := gardenlet(t, g, "a")
	gone := func() error { return a.do(t.Context(), "delete Secret garden-a/none") }
	require.Eventually(t, func() bool { return apierrors.IsNotFound(gone()) }, patience, 50*time.Millisecond)
	require.NotContains(t, log(), "forbidden")
	g.Guard.Stop()

	bindings, err := a.asAdmin().Resource(rbacv1.SchemeGroupVersion.WithKind("ClusterRoleBinding"), "")
	require.NoError(t, err)
	require.NoError(t, bindings.Delete(t.Context(), "seedguard-existence", metav1.DeleteOptions{}))
	require.NoError(t, g.StartSeedguard(t.Context()))
	soonLogged("Secrets cannot be looked up")
	soonForbidden(t, "without the permission", gone)
	for range 3 {
		require.True(t, apierrors.IsForbidden(gone()))
	}
	count, err := g.Guard.Metric(t.Context(), "seedguard_garden_live_reads_total", `what="absence"`, `result="forbidden"`)
	require.NoError(t, err)
	require.Greater(t, count, 1.0)
	require.Equal(t, 1, strings.Count(log(), "A read from the API server is forbidden"))
}

// call makes a webhook call to seedguard itself.
func call(t *testing.T, config *rest.Config) (int, error) {
	t.Helper()
	client, err := rest.HTTPClientFor(config)
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	const review = `{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{` +
		`"user":"gardener.cloud:system:seed:a","groups":["gardener.cloud:system:seeds"],` +
		`"resourceAttributes":{"verb":"get","group":"core.gardener.cloud","resource":"seeds","name":"a"}}}`
	response, err := client.Post(config.Host+"/webhooks/auth/seed", "application/json", bytes.NewReader([]byte(review)))
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, response.StatusCode == http.StatusOK, bytes.Contains(answer, []byte(`"allowed":true`)), "%s", answer)
	return response.StatusCode, nil
}

// TestCallers: only the API server gets decisions.
func TestCallers(t *testing.T) {
	withSeeds(t, shared, "a")
	gardenlet(t, shared, "a").allows(t, "get Seed a")
	webhooks := shared.WebhookPKI()
	caller, err := shared.Caller(webhooks, testgarden.CallerName)
	require.NoError(t, err)
	code, err := call(t, caller)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, code)

	nobody := rest.CopyConfig(caller)
	nobody.CertData, nobody.KeyData = nil, nil
	code, err = call(t, nobody)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, code)

	somebody, err := shared.Caller(webhooks, "somebody")
	require.NoError(t, err)
	code, err = call(t, somebody)
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, code)

	strangers, err := pki.NewAuthority("strangers")
	require.NoError(t, err)
	stranger, err := shared.Caller(testgarden.WebhookPKI{Serving: webhooks.Serving, Callers: strangers},
		testgarden.CallerName)
	require.NoError(t, err)
	code, err = call(t, stranger)
	require.True(t, err != nil || code == http.StatusUnauthorized, "%d", code)
}

// TestRotation: certificates and authorities of both sides are replaced one after the other, and no request notices but
// those on connections that the API server has made with a certificate that is no longer accepted.
func TestRotation(t *testing.T) {
	g := ownGarden(t)
	withSeeds(t, g, "a", "b")
	require.NoError(t, g.StartSeedguard(t.Context()))
	gardenlet(t, g, "a").allows(t, "get Shoot garden-a/crop")
	old := g.WebhookPKI()
	l := startLoad(t, g, true)
	until := func(what string, done func() bool) {
		t.Helper()
		// The API server looks at its configuration once a minute, should the file system not have told it.
		require.Eventually(t, done, 90*time.Second, 50*time.Millisecond, what)
		l.more(t, 100)
	}
	served := func() *x509.Certificate {
		c, err := tls.Dial("tcp", strings.TrimPrefix(g.Guard.URL, "https://"), &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, err)
		defer func() { _ = c.Close() }()
		return c.ConnectionState().PeerCertificates[0]
	}
	accepts := func(webhooks testgarden.WebhookPKI) bool {
		caller, err := g.Caller(webhooks, testgarden.CallerName)
		require.NoError(t, err)
		code, err := call(t, caller)
		return err == nil && code == http.StatusOK
	}
	reloads := func() string {
		metrics, err := admin(t, g).Kubernetes.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context())
		require.NoError(t, err)
		const name = "apiserver_authorization_config_controller_automatic_reloads_total"
		for line := range strings.Lines(string(metrics)) {
			if strings.HasPrefix(line, name) && strings.Contains(line, `status="success"`) {
				return line
			}
		}
		return ""
	}
	reload := func(webhooks testgarden.WebhookPKI) {
		t.Helper()
		before := reloads()
		require.NoError(t, g.WriteAuthorization(webhooks))
		until("the API server reads its configuration", func() bool { return reloads() != before })
	}
	registrations := admin(t, g).Kubernetes.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	register := func(authority *pki.Authority) {
		t.Helper()
		list, err := registrations.List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		registration := &list.Items[0]
		for i := range registration.Webhooks {
			registration.Webhooks[i].ClientConfig.CABundle = authority.PEM
		}
		_, err = registrations.Update(t.Context(), registration, metav1.UpdateOptions{})
		require.NoError(t, err)
	}

	// A new serving certificate of the same authority.
	serial := served().SerialNumber
	require.NoError(t, g.WriteServing(old.Serving))
	until("the new certificate is served", func() bool { return served().SerialNumber.Cmp(serial) != 0 })

	// A new authority of the callers.
	callers, err := pki.NewAuthority("callers-2")
	require.NoError(t, err)
	next := testgarden.WebhookPKI{Serving: old.Serving, Callers: callers}
	require.False(t, accepts(next))
	require.NoError(t, g.WriteCallersCA(old.Callers, callers))
	until("both are accepted", func() bool { return accepts(next) && accepts(old) })
	reload(next)
	require.NoError(t, g.WriteAdmissionCaller(next))
	time.Sleep(time.Second + 100*time.Millisecond) // client-go reads such files once a second at most
	// The API server keeps its connection for admission for some minutes more, unless it is turned away.
	turnedAway := period{begin: time.Now()}
	require.NoError(t, g.WriteCallersCA(callers))
	until("the old one is no longer accepted", func() bool { return !accepts(old) })
	a := gardenlet(t, g, "a")
	until("the API server comes with the new one", func() bool {
		return a.tryCreate(t.Context(), object("Secret", "garden-a/crop.monitoring")) == nil
	})
	turnedAway.end = time.Now()
	require.True(t, accepts(next))

	// A new authority of the serving certificate.
	serving, err := pki.NewAuthority("serving-2")
	require.NoError(t, err)
	both := &pki.Authority{PEM: append(bytes.Clone(old.Serving.PEM), serving.PEM...)}
	register(both)
	reload(testgarden.WebhookPKI{Serving: both, Callers: callers})
	require.NoError(t, g.WriteServing(serving))
	until("the new authority's certificate is served", func() bool { return served().Issuer.CommonName == "serving-2" })
	register(serving)
	reload(testgarden.WebhookPKI{Serving: serving, Callers: callers})
	l.more(t, 100)
	l.check(t, turnedAway)
}

// TestMissingResources: without half of the resources seedguard is not ready, says which, and gives no decision; it
// recovers by itself.
func TestMissingResources(t *testing.T) {
	missing := []string{"backupbuckets.core.gardener.cloud", "bastions.operations.gardener.cloud",
		"managedseeds.seedmanagement.gardener.cloud",
		"projects.core.gardener.cloud", "shoots.core.gardener.cloud", "credentialsbindings.security.gardener.cloud"}
	g := ownGarden(t, missing...)
	require.NoError(t, g.LaunchSeedguard())
	a := gardenlet(t, g, "a")
	a.apply(t, object("Seed", "a"))

	caller, err := g.Caller(g.WebhookPKI(), testgarden.CallerName)
	require.NoError(t, err)
	client, err := rest.HTTPClientFor(caller)
	require.NoError(t, err)
	ready := func() (int, string) {
		response, err := client.Get(g.Guard.URL + "/readyz/garden")
		if err != nil {
			return 0, err.Error()
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}
	require.Eventually(t, func() bool {
		code, text := ready()
		if code != http.StatusInternalServerError || strings.Contains(text, "seeds.core.gardener.cloud not synced") {
			return false
		}
		for _, resource := range missing {
			if !strings.Contains(text, resource+" not synced") {
				return false
			}
		}
		return true
	}, patience, 50*time.Millisecond)
	code, err := call(t, caller)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, code)
	a.turnedAway(t, "get Seed a")
	othersDo := admin(t, g)
	require.NoError(t, othersDo.tryCreate(t.Context(), object("Secret", "garden/others")))

	require.NoError(t, g.CreateResources(t.Context(), nil))
	// Watches of resources that do not exist are tried again less and less often.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(t, g.Guard.WaitReady(ctx))
	a.allows(t, "get Seed a")
	var crop runtime.Object = one(t,
		`{apiVersion: core.gardener.cloud/v1beta1, kind: Shoot, metadata: {namespace: garden, name: crop},
			spec: {seedName: a}}`)
	a.apply(t, crop)
	a.allows(t, "get Shoot garden/crop")
}
