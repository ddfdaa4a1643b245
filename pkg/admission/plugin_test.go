package admission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gardencore "github.com/gardener/gardener/pkg/apis/core"
	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/logs"
)

func TestTable(t *testing.T) {
	for _, rule := range Rules() {
		t.Run(fmt.Sprintf("%s %s %s", rule.Kind, rule.Operations, rule.Clients), func(t *testing.T) {
			require.NotNil(t, rule.check.run)
			require.NotEmpty(t, rule.Allowed)
			require.NotEmpty(t, rule.Operations)
			require.NotEmpty(t, rule.Clients)
			for _, kind := range rule.LooksUp {
				require.Contains(t, garden.Watched(), kind, "it is looked up but not watched")
			}
			// All versions that the API modules know the kind in, so that no request can go round the webhook.
			kind := schema.GroupKind{Group: rule.Kind.Resource().Group, Kind: rule.Kind.String()}
			var versions []string
			for _, s := range []*runtime.Scheme{scheme.Scheme, garden.Scheme} {
				for _, gv := range s.VersionsForGroupKind(kind) {
					if gv.Version != runtime.APIVersionInternal && !slices.Contains(versions, gv.Version) {
						versions = append(versions, gv.Version)
					}
				}
			}
			require.ElementsMatch(t, versions, rule.Kind.Versions())
			for _, operation := range rule.Operations {
				require.True(t, newPlugin(newMemory(t)).Handles(operation))
			}
		})
	}
	require.False(t, newPlugin(newMemory(t)).Handles(admission.Connect))
	Rules()[0].Allowed = "changed"
	require.NotEqual(t, "changed", Rules()[0].Allowed, "the table is nobody else's to change")
}

func TestChecksKeepToTheirLookUps(t *testing.T) {
	d := &decision{
		Attributes: attributesOf(creates("secrets", meta("p", "x"))), kind: graph.KindSecret,
		rule: &Rule{LooksUp: kinds(graph.KindShoot)}, write: &Write{LooksUp: kinds(graph.KindProject)},
		reader: newMemory(t),
	}
	require.Nil(t, d.get(graph.Vertex{Kind: graph.KindShoot, Name: "x"}))
	require.Empty(t, d.list(graph.KindProject))
	require.PanicsWithValue(t, "BUG: the rules for CREATE of Secret may not look up a Seed", func() {
		d.get(graph.Vertex{Kind: graph.KindSeed})
	})
	require.PanicsWithValue(t, "BUG: the rules for CREATE of Secret may not look up a ManagedSeed", func() {
		d.list(graph.KindManagedSeed)
	})
}

// liveCase is a request with what the informers and the API server have, and what is read live for it.
type liveCase struct {
	references References
	user       authenticationv1.UserInfo
	request    *admissionv1.AdmissionRequest
	// cached is what the informers have; live, existing and tokens are what the API server has, unless unavailable.
	cached, live, existing []string
	tokens                 map[string]string
	unavailable            bool
	err                    error
	code                   int32
	message                string
	asked                  []string
}

func (c liveCase) run(t *testing.T) {
	m := newMemory(t, c.cached...)
	m.err, m.tokens = c.err, c.tokens
	if !c.unavailable {
		m.live, m.existing = extract(t, c.live...), map[string]bool{}
	}
	for _, o := range c.existing {
		m.existing[o] = true
	}
	response := newPluginWith(m, Policy{References: c.references}).Admit(t.Context(), as(c.user, c.request))
	require.Equal(t, c.asked, m.asked)
	for _, seed := range m.seeds {
		require.Equal(t, strings.TrimPrefix(c.user.Username, "gardener.cloud:system:seed:"), seed)
	}
	requireAnswer(t, c.code, c.message, response, "")
	exists := response.Result != nil && apierrors.IsAlreadyExists(&apierrors.StatusError{ErrStatus: *response.Result})
	require.Equal(t, c.code == http.StatusConflict, exists)
}

func TestLiveReads(t *testing.T) {
	a, b := gardenletOf("a"), gardenletOf("b")
	newShoot := creates("secrets", meta("p", "new.monitoring"))
	newBucket := creates(entries, entry("e", "", "seedName: a, bucketName: new"))
	account := func(managedSeed string) *admissionv1.AdmissionRequest {
		return creates("serviceaccounts", meta("garden", "gardenlet-bootstrap-"+managedSeed))
	}
	version := func(v, manifest string) string {
		return strings.Replace(manifest, "metadata: {", "metadata: {resourceVersion: '"+v+"', ", 1)
	}
	for name, test := range map[string]liveCase{
		"nothing is read for what is allowed": {
			user: a, request: newShoot, cached: []string{shootOn("a", "p", "new", "")},
		},
		"a Shoot that has just been created": {
			user: a, request: newShoot, live: []string{shootOn("a", "p", "new", "")}, asked: []string{"Shoot/p/new"},
		},
		"a Shoot that has just been scheduled": {
			user: a, request: newShoot, cached: []string{shootOn("", "p", "new", "")},
			live: []string{shootOn("a", "p", "new", "")}, asked: []string{"Shoot/p/new"},
		},
		"a Shoot that is where the cache says": {
			user: a, request: newShoot, cached: []string{version("7", shootOn("b", "p", "new", ""))},
			live: []string{version("7", shootOn("b", "p", "new", ""))},
			code: 403, message: `Shoot/p/new does not exist, or belongs to another Seed`,
			asked: []string{"Shoot/p/new", "metadata of secrets.v1/p/new.monitoring"},
		},
		"a Shoot that is elsewhere by now": {
			user: a, request: newShoot, cached: []string{version("7", shootOn("b", "p", "new", ""))},
			live: []string{version("8", shootOn("c", "p", "new", ""))},
			code: 403, message: `Shoot/p/new does not exist, or belongs to another Seed`,
			asked: []string{"Shoot/p/new", "metadata of secrets.v1/p/new.monitoring"},
		},
		"a Shoot that is gone by now": {
			user: a, request: newShoot, cached: []string{shootOn("b", "p", "new", "")},
			code: 403, message: `Shoot/p/new does not exist`,
			asked: []string{"Shoot/p/new", "metadata of secrets.v1/p/new.monitoring"},
		},
		"a Shoot that cannot be read": {
			user: a, request: newShoot, err: errors.New("too slow"), live: []string{shootOn("a", "p", "new", "")},
			code: 500,
			message: `it cannot be decided whether the gardenlet of Seed "a" may create secrets "p/new.monitoring": ` +
				`Shoot/p/new could not be read from the API server: too slow`,
			asked: []string{"Shoot/p/new"},
		},
		"a Shoot that cannot be read for lack of an API server": {
			user: a, request: newShoot, unavailable: true,
			code: 403, message: "Shoot/p/new does not exist",
			asked: []string{"Shoot/p/new", "metadata of secrets.v1/p/new.monitoring"},
		},
		"a BackupBucket that has just been created": {
			user: a, request: newBucket, live: []string{bucketOf("a", "new")}, asked: []string{"BackupBucket/new"},
		},
		"a ManagedSeed that has just been created with its Shoot": {
			user: a, request: account("new"), live: []string{managedSeed("new", "x", "", ""), shootOn("a", "garden", "x", "")},
			asked: []string{"ManagedSeed/garden/new", "Shoot/garden/x"},
		},
		"a Seed that has just been deleted": {
			user: a, request: account("staying"), cached: landscape,
			live:  []string{managedSeed("staying", "on-a", "", ""), shootOn("a", "garden", "on-a", "")},
			asked: []string{"Seed/staying"},
		},
		"a ManagedSeed that has just been annotated": {
			user: a, request: account("staying"), cached: landscape,
			live: append(slices.Clone(landscape), managedSeed("staying", "on-a",
				"annotations: {gardener.cloud/operation: renew-kubeconfig}", "")),
			asked: []string{"Seed/staying", "Shoot/garden/on-a", "ManagedSeed/garden/staying"},
		},
		"a Seed that has just been created": {
			user: a, request: deletes(buckets, meta("", "uid")),
			live:  []string{`{apiVersion: core.gardener.cloud/v1beta1, kind: Seed, metadata: {name: a, uid: uid}}`},
			asked: []string{"Seed/a"},
		},
		"a request that is wrong by itself": {
			user: a, request: creates(bastions, backupBucket("b")),
			code: 403, asked: []string{"metadata of bastions.v1alpha1//new"},
		},
		"an unrelated Secret": {
			user: b, request: creates("secrets", meta("p", "any")), cached: landscape,
			code: 403, asked: []string{"metadata of secrets.v1/p/any"},
		},
	} {
		test.references = ReferencesOff
		t.Run(name, test.run)
	}
}

func TestLiveReadsAreBounded(t *testing.T) {
	m := newMemory(t)
	for i := range 20 {
		shoot := fmt.Sprintf("shoot-%d", i)
		managedSeed := managedSeed(fmt.Sprintf("seed-%d", i), shoot, "", "shared")
		maps.Copy(m.cached, extract(t, managedSeed, shootOn("b", "garden", shoot, "")))
	}
	m.live = m.cached
	response := newPlugin(m).Admit(t.Context(), as(gardenletOf("a"), creates("secrets", meta("garden", "shared"))))
	require.EqualValues(t, 403, response.Result.Code)
	require.Len(t, m.asked, maxLiveReads+1)
}

func TestExists(t *testing.T) {
	generated := "metadata: {namespace: p, name: any-x7f2q, generateName: any-}"
	for name, test := range map[string]liveCase{
		"an object of a watched kind": {
			request: creates(buckets, backupBucket("b")), existing: []string{"backupbuckets.v1beta1//new"},
			code: 409, message: `it already exists (and its spec.seedName is "b")`,
			asked: []string{"metadata of backupbuckets.v1beta1//new"},
		},
		"an object of a watched kind that the cache alone still has": {
			request: creates(buckets, strings.Replace(backupBucket("b"), `"new"`, "bucket-b", 1)),
			code:    403, asked: []string{"metadata of backupbuckets.v1beta1//bucket-b"},
		},
		"an object of another kind": {
			request: creates("secrets", meta("p", "any")), existing: []string{"secrets.v1/p/any"},
			code: 409, message: "it already exists", asked: []string{"metadata of secrets.v1/p/any"},
		},
		"what was right the first time only": {
			request:  creates("serviceaccounts", meta("garden", "gardenlet-bootstrap-staying")),
			existing: []string{"serviceaccounts.v1/garden/gardenlet-bootstrap-staying"},
			code:     409, message: "already bootstrapped",
			asked: []string{"Seed/staying", "Shoot/garden/on-a", "ManagedSeed/garden/staying",
				"metadata of serviceaccounts.v1/garden/gardenlet-bootstrap-staying"},
		},
		"what is wrong": {
			request: creates("secrets", token("any")), existing: []string{"secrets.v1/kube-system/bootstrap-token-abcdef"},
			code: 409, asked: []string{"metadata of secrets.v1/kube-system/bootstrap-token-abcdef"},
		},
		"an object that does not exist": {
			request: creates("secrets", meta("p", "any")), code: 403, asked: []string{"metadata of secrets.v1/p/any"},
		},
		"metadata cannot be had": {
			request: creates("secrets", meta("p", "any")), unavailable: true, code: 403,
			asked: []string{"metadata of secrets.v1/p/any"},
		},
		"reading metadata fails": {
			request: creates("secrets", meta("p", "any")), err: errors.New("too slow"),
			code: 500, message: "Secret/p/any could not be read from the API server: too slow",
			asked: []string{"metadata of secrets.v1/p/any"},
		},
		"a generated name": {
			request: creates("secrets", generated), existing: []string{"secrets.v1/p/any-x7f2q"}, code: 403,
		},
		"no name yet": {
			request: creates("secrets", "metadata: {namespace: p, generateName: any-}"), code: 403,
		},
		"an update": {request: updates(seeds, meta("", "b")), code: 403},
		"an object that is allowed anyway": {request: creates("secrets", meta("p", "own.monitoring")),
			existing: []string{"secrets.v1/p/own.monitoring"}},
	} {
		test.references, test.user, test.cached, test.live = ReferencesOff, gardenletOf("a"), landscape, landscape
		t.Run(name, test.run)
	}
}

// TestValidate asks the plugin as an API server does that has it compiled in.
func TestValidate(t *testing.T) {
	var (
		a         = &user.DefaultInfo{Name: gardenletOf("a").Username, Groups: gardenletOf("a").Groups}
		gardener  = admission.NewObjectInterfacesFromScheme(garden.Scheme)
		secrets   = corev1.SchemeGroupVersion.WithResource("secrets")
		gvBuckets = gardencorev1beta1.SchemeGroupVersion.WithResource("backupbuckets")
		secret    = func(name string) runtime.Object {
			return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "p", Name: name}}
		}
		internal = func(name, seed string) runtime.Object {
			return &gardencore.BackupBucket{ObjectMeta: metav1.ObjectMeta{Name: name},
				Spec: gardencore.BackupBucketSpec{SeedName: ptr.To(seed)}}
		}
		custom = func(seed string) runtime.Object {
			return &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "core.gardener.cloud/v1beta1", "kind": "BackupBucket",
				"metadata": map[string]any{"name": "new"}, "spec": map[string]any{"seedName": seed},
			}}
		}
		kind     = gardencorev1beta1.SchemeGroupVersion.WithKind("BackupBucket")
		ofSecret = corev1.SchemeGroupVersion.WithKind("Secret")
	)
	for name, test := range map[string]struct {
		code       int
		user       user.Info
		kind       schema.GroupVersionKind
		resource   schema.GroupVersionResource
		sub        string
		operation  admission.Operation
		o, old     runtime.Object
		interfaces admission.ObjectInterfaces
	}{
		"typed, allowed":          {0, a, ofSecret, secrets, "", create, secret("own.monitoring"), nil, gardener},
		"typed, denied":           {403, a, ofSecret, secrets, "", create, secret("other.monitoring"), nil, gardener},
		"typed, without a scheme": {403, a, ofSecret, secrets, "", create, secret("other.monitoring"), nil, nil},
		"internal, allowed":       {0, a, kind, gvBuckets, "", create, internal("new", "a"), nil, gardener},
		"internal, denied":        {403, a, kind, gvBuckets, "", create, internal("new", "b"), nil, gardener},
		"internal, of an unknown version": {0, a, kind.GroupKind().WithVersion("v7"),
			gvBuckets.GroupResource().WithVersion("v7"), "", create, internal("new", "a"), nil, gardener},
		"of an unknown version, without a scheme": {400, a, kind.GroupKind().WithVersion("v7"),
			gvBuckets.GroupResource().WithVersion("v7"), "", create, custom("a"), nil, nil},
		"custom resource, allowed": {0, a, kind, gvBuckets, "", create, custom("a"), nil, gardener},
		"custom resource, denied":  {403, a, kind, gvBuckets, "", create, custom("b"), nil, gardener},
		"deleted":                  {0, a, kind, gvBuckets, "", remove, nil, internal("uid-a", "a"), gardener},
		"deleted, denied":          {403, a, kind, gvBuckets, "", remove, nil, internal("uid-b", "a"), gardener},
		"of another type":          {400, a, kind, gvBuckets, "", create, secret("own.monitoring"), nil, gardener},
		"nothing":                  {400, a, kind, gvBuckets, "", create, nil, nil, gardener},
		"somebody else": {0, &user.DefaultInfo{Name: "alice"}, kind, gvBuckets, "", create,
			custom("b"), nil, gardener},
		"nobody": {0, nil, kind, gvBuckets, "", create, custom("b"), nil, gardener},
		"a resource that is not guarded": {0, a, kind, secrets.GroupVersion().WithResource("pods"), "", create,
			&corev1.Pod{}, nil, gardener},
		"an operation that is not guarded": {0, a, kind, gvBuckets, "", update, custom("b"), custom("b"), gardener},
		"a subresource":                    {0, a, kind, gvBuckets, "status", create, custom("b"), nil, gardener},
	} {
		t.Run(name, func(t *testing.T) {
			var o metav1.Object = &metav1.ObjectMeta{}
			for _, candidate := range []runtime.Object{test.o, test.old} {
				if candidate != nil {
					o = candidate.(metav1.Object)
				}
			}
			attributes := admission.NewAttributesRecord(test.o, test.old, test.kind, o.GetNamespace(), o.GetName(),
				test.resource, test.sub, test.operation, nil, false, test.user)
			err := newPlugin(newMemory(t, landscape...)).Validate(t.Context(), attributes, test.interfaces)
			if test.code == 0 {
				require.NoError(t, err)
				return
			}
			status := apierrors.APIStatus(nil)
			require.ErrorAs(t, err, &status)
			require.EqualValues(t, test.code, status.Status().Code)
		})
	}
}

func TestLog(t *testing.T) {
	var lines []string
	ctx := klog.NewContext(t.Context(), funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{}))
	plugin := newPlugin(newMemory(t, landscape...))

	plugin.Admit(ctx, as(gardenletOf("a"), creates("secrets", meta("p", "own.monitoring"))))
	require.Empty(t, lines, "what is allowed is not logged")

	for _, object := range []string{
		meta("p", "any") + "data: {key: " + b64("topsecret") + "}\nstringData: {key: topsecret}",
		token("topsecret"),
		token(tokenFor("ManagedSeed", "garden/child"), "description: ", "description: 4711, other: "),
		meta("p", "own.monitoring") + "type: 4711",
	} {
		lines = nil
		response := plugin.Admit(ctx, as(gardenletOf("a"), creates("secrets", object)))
		require.False(t, response.Allowed)
		require.Len(t, lines, 1, "each denial is logged once, at the level that is always on")
		for _, secret := range []string{"topsecret", b64("topsecret"), "4711"} {
			require.NotContains(t, lines[0], secret)
			require.NotContains(t, response.Result.Message, secret)
		}
	}
	require.Equal(t, `"level"=0 "msg"="Denied a request" "user"="gardener.cloud:system:seed:a" "operation"="CREATE" `+
		`"resource"="secrets" "namespace"="p" "name"="own.monitoring" "code"=400 `+
		`"reason"="its object cannot be decoded: field \"type\" must not be of type number"`, lines[0])
}

// TestLogOfWarnings: the log does not say that something was denied that was admitted.
func TestLogOfWarnings(t *testing.T) {
	var lines []string
	ctx := klog.NewContext(t.Context(), funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{}))
	plugin := newPluginWith(newMemory(t, guardedGarden...), Policy{References: ReferencesWarn})
	request := changes(seeds, "", backedUp("a", "x"), backedUp("a", "w"))
	response := plugin.Admit(ctx, as(gardenletOf("a"), request))
	require.True(t, response.Allowed)
	require.Len(t, lines, 1)
	require.Contains(t, lines[0], `"msg"="Admitted a request with a warning"`)
	require.Contains(t, lines[0], "newly refers to Secret/garden/w")

	response = plugin.Admit(ctx, as(gardenletOf("a"), creates(seeds, meta("", "b"))))
	require.False(t, response.Allowed, "not even a warning admits that")
	require.Len(t, lines, 2)
	require.Contains(t, lines[1], `"msg"="Denied a request"`)
}

// TestObserve: everything is admitted without a word to the client. The result and the log say what Enforce would have
// said.
func TestObserve(t *testing.T) {
	var lines []string
	ctx := klog.NewContext(t.Context(), funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{}))
	widens := changes(seeds, "", backedUp("a", "x"), backedUp("a", "w"))
	for _, references := range []References{ReferencesEnforce, ReferencesWarn} {
		lines = nil
		m := newMemory(t, guardedGarden...)
		enforces, observes := newPluginWith(m, Policy{References: references}),
			newPluginWith(m, Policy{References: references, Mode: ModeObserve})
		would := func(seed string, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
			t.Helper()
			request = as(gardenletOf(seed), request)
			want, got := enforces.Admit(t.Context(), request), observes.Admit(ctx, request)
			require.True(t, got.Allowed)
			if want.Result != nil {
				want.Result.Message = "seedguard observes, and would deny: " + want.Result.Message
			}
			require.Equal(t, want.Result, got.Result)
			require.Empty(t, got.Warnings)
			require.Empty(t, got.AuditAnnotations)
			require.NoError(t, observes.Validate(t.Context(), attributesOf(request), nil))
			return want
		}
		require.True(t, would("a", creates("secrets", meta("p", "s.monitoring"))).Allowed)
		require.Empty(t, lines)
		require.False(t, would("b", creates("secrets", meta("p", "s.monitoring"))).Allowed)
		require.Len(t, lines, 1)
		require.Contains(t, lines[0], `"msg"="Would have denied a request" "user"="gardener.cloud:system:seed:b"`)

		want := would("a", widens)
		require.Len(t, lines, 2)
		if references == ReferencesWarn {
			require.Len(t, want.Warnings, 1)
			require.Contains(t, lines[1], `"msg"="Would have admitted a request with a warning"`)
		} else {
			require.False(t, want.Allowed)
			require.Contains(t, lines[1], `"msg"="Would have denied a request"`)
		}

		m.err = errors.New("away")
		require.EqualValues(t, 500, would("a", creates("secrets", meta("p", "unknown.monitoring"))).Result.Code)
	}
}

// TestDenialsAreShort: a request of any size makes a short message and a short line of the log.
func TestDenialsAreShort(t *testing.T) {
	long := strings.Repeat("x", 1_200_000)
	asked, again := asksFor(t, long), asksFor(t, long)
	require.Greater(t, len(asked.Object.Raw), 1_600_000)
	named := creates(requests, csrOf(certificateRequestFor(t, subjectOf("a")), "client auth"))
	named.Name, named.Namespace, named.Object.Raw = long, long, []byte(`{"metadata":{"name":"other"}}`)
	field := creates(requests, "metadata: {name: c}")
	field.Object.Raw = []byte(`{"metadata": {"labels": {"` + long + `": 1}}}`)
	user := gardenletOf(long)
	const bound = 4096 // many times what is told of anything, and far below the sizes of the requests

	for about, r := range map[string]*admissionv1.AdmissionRequest{
		"certificate of a Seed":         as(gardenletOf("a"), asked),
		"bootstrapper":                  as(bootstrapToken("abc123"), again),
		"names":                         as(gardenletOf("a"), named),
		"place of what is not expected": as(gardenletOf("a"), field),
		"user":                          as(user, asksFor(t, "a")),
	} {
		var lines []string
		ctx := klog.NewContext(t.Context(), funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{}))
		m := newMemory(t, seedAt(long, "2027-01-01T00:00:00Z", ""))
		response := newPluginWith(m, Policy{}).Admit(ctx, r)
		require.False(t, response.Allowed, about)
		require.Less(t, response.Result.Size(), bound, about)
		require.Len(t, lines, 1, about)
		require.Less(t, len(lines[0]), bound, about)
		for _, told := range []string{response.Result.Message, lines[0]} {
			require.NotContains(t, told, strings.Repeat("x", logs.MaxTold+1), about)
		}
	}
}

// TestLogIsLimited: of denials that follow one another closely the log gets some of each Seed, and none hides those of
// another.
func TestLogIsLimited(t *testing.T) {
	var lines []string
	ctx := klog.NewContext(t.Context(), funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{}))
	clock := testingclock.NewFakePassiveClock(now)
	plugin := New(Options{Reader: newMemory(t), Clock: clock})
	denials := func(user authenticationv1.UserInfo, n int) {
		for range n {
			require.False(t, plugin.Admit(ctx, as(user, asksFor(t, "c"))).Allowed)
		}
	}
	const tooMany = 7
	denials(gardenletOf("a"), denialLogsBurst)
	denials(extensionOn("a"), tooMany)
	require.Len(t, lines, denialLogsBurst)
	require.EqualValues(t, tooMany, testutil.ToFloat64(plugin.droppedLogs))
	denials(gardenletOf("b"), 1)
	require.Len(t, lines, denialLogsBurst+1)
	require.Contains(t, lines[denialLogsBurst], `"user"="gardener.cloud:system:seed:b"`)

	clock.SetTime(now.Add(time.Second))
	denials(gardenletOf("a"), denialLogsPerSecond+tooMany)
	require.Len(t, lines, denialLogsBurst+1+denialLogsPerSecond)
	require.EqualValues(t, 2*tooMany, testutil.ToFloat64(plugin.droppedLogs))
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m := newMemory(t, landscape...)
	m.live = extract(t, append(landscape, shootOn("a", "p", "new", ""))...)
	m.existing = map[string]bool{"secrets.v1/p/there": true}
	plugin := New(Options{Reader: m, Registerer: registry, Policy: Policy{References: ReferencesOff}})
	for _, name := range []string{"own.monitoring", "new.monitoring", "any", "any", "any", "there", "there"} {
		plugin.Admit(t.Context(), as(gardenletOf("a"), creates("secrets", meta("p", name))))
	}
	m.err = errors.New("any")
	plugin.Admit(t.Context(), as(gardenletOf("a"), creates("secrets", meta("p", "new.monitoring"))))
	require.NoError(t, testutil.GatherAndCompare(registry, bytes.NewBufferString(`
		# HELP seedguard_admission_denial_logs_dropped_total Denials that were not logged, `+
		`because the log had too many lines about the Seed's clients already.
		# TYPE seedguard_admission_denial_logs_dropped_total counter
		seedguard_admission_denial_logs_dropped_total 0
		# HELP seedguard_admission_live_rechecks_total Requests that a rule denied by the informers' objects, `+
		`by the outcome of checking again with objects read live: allowed, exists, denied, failed.
		# TYPE seedguard_admission_live_rechecks_total counter
		seedguard_admission_live_rechecks_total{outcome="allowed"} 1
		seedguard_admission_live_rechecks_total{outcome="denied"} 3
		seedguard_admission_live_rechecks_total{outcome="exists"} 2
		seedguard_admission_live_rechecks_total{outcome="failed"} 1
	`)))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

// TestConcurrency asks while objects change. Each answer must be one of those that are right before or after a change.
func TestConcurrency(t *testing.T) {
	m := newMemory(t, landscape...)
	m.live, m.existing = map[graph.Vertex]*garden.Object{}, map[string]bool{}
	plugin := newPlugin(m)
	there := extract(t, shootOn("a", "p", "flips", ""))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			m.mu.Lock()
			for v, o := range there {
				delete(m.cached, v)
				if i%2 == 0 {
					m.cached[v] = o
				}
			}
			m.mu.Unlock()
		}
	})
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for range 200 {
				for _, test := range []struct {
					user    authenticationv1.UserInfo
					name    string
					allowed bool
				}{{gardenletOf("a"), "own.monitoring", true}, {gardenletOf("b"), "own.monitoring", false},
					{gardenletOf("b"), "flips.monitoring", false}} {
					response := plugin.Admit(t.Context(), as(test.user, creates("secrets", meta("p", test.name))))
					if response.Allowed != test.allowed {
						t.Errorf("%s of %s: %v", test.name, test.user.Username, response.Result)
					}
				}
				plugin.Admit(t.Context(), as(gardenletOf("a"), creates("secrets", meta("p", "flips.monitoring"))))
			}
		})
	}
	asking.Wait()
	cancel()
	running.Wait()
}

func TestClientKindsAreAllInTheTable(t *testing.T) {
	// A resource that only one kind of client may create names this kind in its message, so the first row must tell it.
	for key, rows := range index {
		for _, kind := range both {
			if len(rows.rules) > 0 && rows.ruleFor(kind) == nil {
				require.Len(t, rows.rules, 1, "%v", key)
				require.Len(t, rows.rules[0].Clients, 1, "%v", key)
			}
		}
	}
}
