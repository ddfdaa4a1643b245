package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	authorizationv1beta1 "k8s.io/api/authorization/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/selection"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/seedguard/seedguard/pkg/authorizer"
)

// The authorizer asks whether its attributes are one, and says nothing when they are not.
var _ authorizer.Waiter = &review{}

// spec wraps a spec into a review of v1.
func spec(spec string) string {
	return `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{},"spec":` + spec +
		`,"status":{"allowed":false}}`
}

const (
	gardenletUser = `"user":"gardener.cloud:system:seed:s1","groups":["gardener.cloud:system:seeds",` +
		`"system:authenticated"]`
	getSecret = `"resourceAttributes":{"namespace":"garden-a","verb":"get","version":"v1","resource":"secrets",` +
		`"name":"x"}`
)

// ordinaryReviews are what kube-apiserver and other clients write.
var ordinaryReviews = map[string]string{
	"resource": spec(`{` + getSecret + `,` + gardenletUser + `}`),
	"group": spec(`{"resourceAttributes":{"verb":"get","group":"core.gardener.cloud","version":"v1beta1",` +
		`"resource":"shoots","subresource":"status","name":"x"},` + gardenletUser + `}`),
	"non-resource": spec(`{"nonResourceAttributes":{"path":"/healthz","verb":"get"},` + gardenletUser + `}`),
	"extra": spec(`{` + getSecret + `,` + gardenletUser +
		`,"extra":{"authentication.kubernetes.io/pod-name":["a","b"],"x":[]},"uid":"1-2-3"}`),
	"selectors": spec(`{"resourceAttributes":{"verb":"list","resource":"shoots","group":"core.gardener.cloud",
		"fieldSelector":{"requirements":[{"key":"spec.seedName","operator":"In","values":["s1"]},
			{"key":"a","operator":"NotIn","values":["b"]}]},
		"labelSelector":{"requirements":[{"key":"name.seed.gardener.cloud/s1","operator":"In","values":["true"]},
			{"key":"b","operator":"Exists"}]}},` + gardenletUser + `}`),
	"raw selectors": spec(`{"resourceAttributes":{"verb":"list","fieldSelector":{"rawSelector":"spec.seedName=s1"},` +
		`"labelSelector":{"rawSelector":"a in (b,c)"}},` + gardenletUser + `}`),
	"v1beta1": `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1beta1",` +
		`"metadata":{"creationTimestamp":null},"spec":{` + getSecret +
		`,"user":"gardener.cloud:system:seed:s1","group":["gardener.cloud:system:seeds"]},"status":{"allowed":false}}`,
	"any order": `{"spec":{"groups":["g"],` + getSecret +
		`,"user":"u"},"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview"}`,
	"white space": " \n{ \"kind\" : \"SubjectAccessReview\" ,\t\"apiVersion\":\"authorization.k8s.io/v1\", \"spec\" " +
		": { \"user\": \"u\" , \"groups\" : [ ] , " + getSecret + " } }\r\n",
	"unknown fields": spec(`{` + getSecret + `,` + gardenletUser + `,"new":{"a":[true,null,{"b":"c"}]},"other":false}`),
}

// oddReviews are accepted by the official decoder in part.
var oddReviews = map[string]string{
	"duplicate user":       spec(`{` + getSecret + `,"user":"a","user":"b"}`),
	"duplicate attributes": spec(`{` + getSecret + `,"resourceAttributes":{"name":"y"},"user":"b"}`),
	"duplicate then null": spec(`{` + getSecret +
		`,"resourceAttributes":null,"nonResourceAttributes":{"path":"/"},"user":"b"}`),
	"duplicate groups": spec(`{` + getSecret + `,"user":"a","groups":["x","y"],"groups":[null]}`),
	"duplicate spec": `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1",` +
		`"spec":{"user":"a"},"spec":{` + getSecret + `}}`,
	"null user":   spec(`{` + getSecret + `,"user":null,"groups":["g"]}`),
	"null groups": spec(`{` + getSecret + `,"user":"u","groups":null}`),
	"null metadata": `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":null,` +
		`"spec":{` + getSecret + `,"user":"u"}}`,
	"escapes": spec(`{"resourceAttributes":{"name":"a\u003cb\n\"\\\/\ud83d\ude00\ud800"},` +
		`"us\u0065r":"b\u0000"}`),
	"bytes that are not UTF-8": spec("{\"resourceAttributes\":{\"name\":\"a\xff\xc3\x28\"},\"user\":\"b\xe4\"}"),
	"unicode":                  spec(`{"resourceAttributes":{"name":"schön"},"user":"日本"}`),
	"other case is unknown":    spec(`{` + getSecret + `,"User":"x","user":"u","GROUPS":["a"]}`),
	"numbers are unknown":      spec(`{` + getSecret + `,"user":"u","n":-1.5e+9}`),
	"kind in another case": `{"Kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","spec":{` +
		getSecret + `,"user":"u"}}`,
	"kind in two cases": `{"kind":"SubjectAccessReview","KIND":"Pod","apiVersion":"authorization.k8s.io/v1",` +
		`"spec":{` + getSecret + `,"user":"u"}}`,
	"many groups":   spec(`{` + getSecret + `,"user":"u","groups":["` + strings.Repeat(`g","`, 40) + `g"]}`),
	"v1 with group": spec(`{` + getSecret + `,"user":"u","group":["x"],"groups":["y"]}`),
	"odd operators": spec(`{"resourceAttributes":{"fieldSelector":{"requirements":[
			{"key":"a","operator":"Exists"},{"key":"b","operator":"In","values":["1","2"]},
		{"key":"c","operator":"In"},{"key":"d","operator":"Gt","values":["1"]},{"key":"e","operator":"In","values":["s1"]}]},
		"labelSelector":{"requirements":[
			{"key":"a","operator":"Gt","values":["1"]},{"key":"","operator":"Exists"},{"key":"b","operator":"In"},
		{"key":"c","operator":"In","values":["not a value!"]},{"key":"e","operator":"DoesNotExist"}]}},"user":"u"}`),
	"broken raw selectors": spec(`{"resourceAttributes":{"fieldSelector":{"rawSelector":"a=="},` +
		`"labelSelector":{"rawSelector":"a in (b"}},"user":"u"}`),
	"empty selectors": spec(`{"resourceAttributes":{"fieldSelector":{},"labelSelector":{"requirements":[]}},` +
		`"user":"u"}`),
	"selectors written twice": spec(`{"resourceAttributes":{"fieldSelector":{"rawSelector":"a=b",` +
		`"requirements":[{"key":"a","operator":"In","values":["b"]}]}},"user":"u"}`),
	"labels written twice": spec(`{"resourceAttributes":{"labelSelector":{"rawSelector":"a=b",` +
		`"requirements":[{"key":"a","operator":"Exists"}]}},"user":"u"}`),
	"type of user":   spec(`{` + getSecret + `,"user":{}}`),
	"type of groups": spec(`{` + getSecret + `,"user":"u","groups":"g"}`),
	"type of extra":  spec(`{` + getSecret + `,"user":"u","extra":{"a":"b"}}`),
	"type of uid":    spec(`{` + getSecret + `,"user":"u","uid":7}`),
	"type of values": spec(`{"resourceAttributes":{"labelSelector":{"requirements":[{"values":"x"}]}},` +
		`"user":"u"}`),
	"type of spec": spec(`[]`),
	"type of status": `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","spec":{` +
		getSecret + `,"user":"u"},"status":"x"}`,
	"type of metadata": `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":[],` +
		`"spec":{` + getSecret + `,"user":"u"}}`,
	"metadata": `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1",` +
		`"metadata":{"name":"x","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{` + getSecret + `,"user":"u"}}`,
	"broken time": `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1",` +
		`"metadata":{"creationTimestamp":"x"},"spec":{` + getSecret + `,"user":"u"}}`,
	"empty":            ``,
	"white space only": ` `,
	"null":             `null`,
	"array":            `[]`,
	"text":             `SubjectAccessReview`,
	"yaml":             "kind: SubjectAccessReview\napiVersion: authorization.k8s.io/v1\n",
	"protobuf":         "k8s\x00\x0a\x10",
	"no kind":          `{"apiVersion":"authorization.k8s.io/v1","spec":{` + getSecret + `,"user":"u"}}`,
	"no version":       `{"kind":"SubjectAccessReview","spec":{` + getSecret + `,"user":"u"}}`,
	"wrong kind": `{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","spec":{` +
		getSecret + `}}`,
	"unknown kind": `{"kind":"Pod","apiVersion":"v1"}`,
	"wrong version": `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v2","spec":{` +
		getSecret + `,"user":"u"}}`,
	"broken version":    `{"kind":"SubjectAccessReview","apiVersion":"a/b/c","spec":{` + getSecret + `,"user":"u"}}`,
	"no spec":           `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1"}`,
	"neither":           spec(`{` + gardenletUser + `}`),
	"both":              spec(`{` + getSecret + `,"nonResourceAttributes":{"path":"/"},` + gardenletUser + `}`),
	"nobody":            spec(`{` + getSecret + `}`),
	"trailing":          spec(`{`+getSecret+`,`+gardenletUser+`}`) + `{}`,
	"trailing comma":    spec(`{` + getSecret + `,` + gardenletUser + `,}`),
	"control byte":      spec("{" + getSecret + ",\"user\":\"a\nb\"}"),
	"word that goes on": spec(`{` + getSecret + `,"user":"u","x":nullx}`),
	"deep": spec(`{` + getSecret + `,"user":"u","x":` + strings.Repeat(`[`, 20000) +
		strings.Repeat(`]`, 20000) + `}`),
	"less deep": spec(`{` + getSecret + `,"user":"u","x":` + strings.Repeat(`{"a":`, 200) + `1` +
		strings.Repeat(`}`, 200) + `}`),
}

func TestDecodeReview(t *testing.T) {
	for name, body := range ordinaryReviews {
		t.Run(name, func(t *testing.T) {
			_, err := decodeReview([]byte(body))
			require.NoError(t, err)
			requireSameReview(t, body)
		})
	}
}

func TestDecodeReviewOdd(t *testing.T) {
	for name, body := range oddReviews {
		t.Run(name, func(t *testing.T) { requireSameReview(t, body) })
	}
	// Both decoders must agree on how deep is too deep.
	for depth := 9990; depth < 10010; depth++ {
		requireSameReview(t, spec(`{`+getSecret+`,"user":"u","x":`+strings.Repeat(`[`, depth)+strings.Repeat(`]`, depth)+`}`))
	}
}

func TestDecodeReviewTruncated(t *testing.T) {
	for name, body := range ordinaryReviews {
		body = strings.TrimSpace(body)
		for i := range body {
			_, err := decodeReview([]byte(body[:i]))
			require.Error(t, err, "%s up to byte %d", name, i)
		}
	}
}

func TestDecodeReviewErrors(t *testing.T) {
	for name, message := range map[string]string{
		"empty": "the body is no SubjectAccessReview: ",
		"text":  "the body is no SubjectAccessReview: ",
		"no kind": `the body is a "" of "authorization.k8s.io/v1", no SubjectAccessReview of a version ` +
			`that is served`,
		"no version": `the body is a "SubjectAccessReview" of "", no SubjectAccessReview of a version that ` +
			`is served`,
		"wrong kind": `the body is a "SelfSubjectAccessReview" of "authorization.k8s.io/v1", no ` +
			`SubjectAccessReview`,
		"unknown kind": `the body is a "Pod" of "v1", no SubjectAccessReview`,
		"wrong version": `the body is a "SubjectAccessReview" of "authorization.k8s.io/v2", no ` +
			`SubjectAccessReview`,
		"kind in two cases":        `the SubjectAccessReview has unknown members at the top: {"KIND":"Pod"}`,
		"duplicate user":           `duplicate object member name "user"`,
		"bytes that are not UTF-8": "invalid UTF-8",
		"neither":                  "exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be set",
		"both":                     "exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be set",
		"nobody":                   "spec.user or the groups of the user must be set",
		"selectors written twice":  "spec.resourceAttributes.fieldSelector must not have both rawSelector and requirements",
		"labels written twice":     "spec.resourceAttributes.labelSelector must not have both rawSelector and requirements",
		"type of user":             "unmarshal JSON object into Go string",
	} {
		t.Run(name, func(t *testing.T) {
			body, ok := oddReviews[name]
			require.True(t, ok)
			_, err := decodeReview([]byte(body))
			require.ErrorContains(t, err, message)
		})
	}
}

func TestReviewAttributes(t *testing.T) {
	r, err := decodeReview([]byte(ordinaryReviews["selectors"]))
	require.NoError(t, err)
	require.Equal(t, "gardener.cloud:system:seed:s1", r.GetUser().GetName())
	require.Equal(t, []string{"gardener.cloud:system:seeds", "system:authenticated"}, r.GetUser().GetGroups())
	require.Equal(t, []any{"list", "core.gardener.cloud", "*", "shoots", "", "", "", true, true},
		[]any{r.GetVerb(), r.GetAPIGroup(), r.GetAPIVersion(), r.GetResource(), r.GetSubresource(), r.GetNamespace(),
			r.GetName(), r.IsResourceRequest(), r.IsReadOnly()})
	inFields, err := r.GetFieldSelector()
	require.NoError(t, err)
	require.Equal(t, fields.Requirements{
		{Field: "spec.seedName", Operator: selection.Equals, Value: "s1"},
		{Field: "a", Operator: selection.NotEquals, Value: "b"},
	}, inFields)
	inLabels, err := r.GetLabelSelector()
	require.NoError(t, err)
	require.Equal(t, "name.seed.gardener.cloud/s1 in (true)", inLabels[0].String())
	require.Equal(t, "b", inLabels[1].String())

	// What is not understood is left out and reported; the rest holds.
	r, err = decodeReview([]byte(oddReviews["odd operators"]))
	require.NoError(t, err)
	inFields, err = r.GetFieldSelector()
	require.ErrorContains(t, err, `operator "Exists" is not supported in a field selector`)
	require.Equal(t, fields.Requirements{{Field: "e", Operator: selection.Equals, Value: "s1"}}, inFields)
	inLabels, err = r.GetLabelSelector()
	require.ErrorContains(t, err, `"Gt" is not a valid label selector operator`)
	require.Len(t, inLabels, 1)
	require.Equal(t, "!e", inLabels[0].String())

	r, err = decodeReview([]byte(oddReviews["broken raw selectors"]))
	require.NoError(t, err)
	inFields, err = r.GetFieldSelector()
	require.NoError(t, err, "fields.ParseSelector takes nearly everything")
	require.Equal(t, fields.Requirements{{Field: "a", Operator: selection.Equals, Value: ""}}, inFields)
	_, err = r.GetLabelSelector()
	require.Error(t, err)
}

// requireSameReview requires that what is read of the body is accepted or rejected as by the official types, and read
// alike. Ours is stricter in four ways, and there only what it accepts is compared: members that come twice, bytes that
// are not UTF-8, unknown members at the top, and groups spelled as in the other version that are no list of names.
func requireSameReview(t *testing.T, body string) {
	t.Helper()
	got, gotErr := decodeReview([]byte(body))
	want, wantErr := officialReview(whatIsRead(body))
	if wantErr != nil {
		require.Error(t, gotErr, "the official decoder says: %v", wantErr)
		return
	}
	if gotErr != nil && stricter(body) {
		return
	}
	require.NoError(t, gotErr)
	require.Equal(t, want, viewOf(got))
}

// whatIsRead returns a body without what is not read of it, whatever that is.
func whatIsRead(body string) string {
	var top, spec map[string]json.RawMessage
	if !jsontext.Value(body).IsValid() || json.Unmarshal([]byte(body), &top) != nil ||
		json.Unmarshal(top["spec"], &spec) != nil {
		return body
	}
	delete(spec, "uid")
	delete(spec, "extra")
	for _, name := range []string{"metadata", "status"} {
		if object := map[string]any(nil); json.Unmarshal(top[name], &object) == nil {
			delete(top, name)
		}
	}
	top["spec"], _ = json.Marshal(spec)
	read, _ := json.Marshal(top)
	return string(read)
}

// stricter reports whether a body that the official decoder accepts is rejected on purpose.
func stricter(body string) bool {
	if !jsontext.Value(body).IsValid() {
		return true
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		return false
	}
	for name := range members {
		if !slices.Contains([]string{"kind", "apiVersion", "metadata", "spec", "status"}, name) {
			return true
		}
	}
	var groups struct{ Groups, Group []string }
	return json.Unmarshal(members["spec"], &groups) != nil
}

// view is a review as an authorizer sees it, with everything parsed.
type view struct {
	version, user, verb, namespace, group, apiVersion, resource, subresource, name, path string

	resourceRequest            bool
	groups, fields, labels     []string
	fieldsFailed, labelsFailed bool
}

func viewOf(r *review) view {
	who := r.GetUser()
	v := view{
		version: r.version, resourceRequest: r.IsResourceRequest(), user: who.GetName(),
		verb: r.GetVerb(), namespace: r.GetNamespace(), group: r.GetAPIGroup(), apiVersion: r.GetAPIVersion(),
		resource: r.GetResource(), subresource: r.GetSubresource(), name: r.GetName(), path: r.GetPath(),
		groups: append([]string(nil), who.GetGroups()...),
	}
	inFields, err := r.GetFieldSelector()
	v.fieldsFailed = err != nil
	for _, f := range inFields {
		v.fields = append(v.fields, fmt.Sprintf("%q %s %q", f.Field, f.Operator, f.Value))
	}
	inLabels, err := r.GetLabelSelector()
	v.labelsFailed = err != nil
	for _, l := range inLabels {
		v.addLabel(l)
	}
	return v
}

// official decodes as the API server does.
var official = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	utilruntime.Must(authorizationv1.AddToScheme(scheme))
	utilruntime.Must(authorizationv1beta1.AddToScheme(scheme))
	utilruntime.Must(admissionv1.AddToScheme(scheme))
	return kjson.NewSerializerWithOptions(kjson.DefaultMetaFactory, scheme, scheme, kjson.SerializerOptions{})
}()

// officialReview is the model: what the API server's types, decoder and validation make of a body.
func officialReview(body string) (view, error) {
	object, gvk, err := official.Decode([]byte(body), nil, nil)
	if err != nil {
		return view{}, err
	}
	var sar authorizationv1.SubjectAccessReview
	version := reviewV1
	switch o := object.(type) {
	case *authorizationv1.SubjectAccessReview:
		sar = *o
	case *authorizationv1beta1.SubjectAccessReview:
		version = reviewV1beta1
		// The two versions differ in nothing but the name of the groups.
		data, err := json.Marshal(o.Spec)
		if err != nil {
			return view{}, err
		}
		if err := json.Unmarshal(data, &sar.Spec); err != nil {
			return view{}, err
		}
		sar.TypeMeta, sar.Spec.Groups = o.TypeMeta, o.Spec.Groups
	default:
		return view{}, fmt.Errorf("%T", o)
	}
	spec := sar.Spec
	switch {
	case sar.GroupVersionKind() != *gvk:
		return view{}, errors.New("kind or apiVersion in another case: stricter than the official decoder")
	case (spec.ResourceAttributes == nil) == (spec.NonResourceAttributes == nil):
		return view{}, errors.New("both or neither")
	case spec.User == "" && len(spec.Groups) == 0:
		return view{}, errors.New("nobody")
	}
	v := view{version: version, user: spec.User, groups: append([]string(nil), spec.Groups...)}
	if n := spec.NonResourceAttributes; n != nil {
		v.path, v.verb = n.Path, n.Verb
		return v, nil
	}
	a := spec.ResourceAttributes
	v.resourceRequest = true
	v.verb, v.namespace, v.group, v.apiVersion = a.Verb, a.Namespace, a.Group, a.Version
	v.resource, v.subresource, v.name = a.Resource, a.Subresource, a.Name
	if v.apiVersion == "" {
		v.apiVersion = "*"
	}
	return v, errors.Join(v.setFields(a.FieldSelector), v.setLabels(a.LabelSelector))
}

var errBothSelectors = errors.New("both kinds of selector")

func (v *view) setFields(s *authorizationv1.FieldSelectorAttributes) error {
	if s == nil {
		return nil
	}
	if s.RawSelector != "" && len(s.Requirements) > 0 {
		return errBothSelectors
	}
	if s.RawSelector != "" {
		parsed, err := fields.ParseSelector(s.RawSelector)
		v.fieldsFailed = err != nil
		if err == nil {
			for _, r := range parsed.Requirements() {
				v.fields = append(v.fields, fmt.Sprintf("%q %s %q", r.Field, r.Operator, r.Value))
			}
		}
	}
	for _, r := range s.Requirements {
		operator := map[metav1.FieldSelectorOperator]string{
			metav1.FieldSelectorOpIn: "=", metav1.FieldSelectorOpNotIn: "!=",
		}[r.Operator]
		if operator == "" || len(r.Values) != 1 {
			v.fieldsFailed = true
			continue
		}
		v.fields = append(v.fields, fmt.Sprintf("%q %s %q", r.Key, operator, r.Values[0]))
	}
	return nil
}

func (v *view) setLabels(s *authorizationv1.LabelSelectorAttributes) error {
	if s == nil {
		return nil
	}
	if s.RawSelector != "" && len(s.Requirements) > 0 {
		return errBothSelectors
	}
	if s.RawSelector != "" {
		parsed, err := labels.Parse(s.RawSelector)
		v.labelsFailed = err != nil
		if err == nil {
			requirements, _ := parsed.Requirements()
			for _, r := range requirements {
				v.addLabel(r)
			}
		}
	}
	for _, r := range s.Requirements {
		operator, ok := map[metav1.LabelSelectorOperator]selection.Operator{
			metav1.LabelSelectorOpIn: selection.In, metav1.LabelSelectorOpNotIn: selection.NotIn,
			metav1.LabelSelectorOpExists: selection.Exists, metav1.LabelSelectorOpDoesNotExist: selection.DoesNotExist,
		}[r.Operator]
		requirement, err := labels.NewRequirement(r.Key, operator, r.Values)
		if !ok || err != nil {
			v.labelsFailed = true
			continue
		}
		v.addLabel(*requirement)
	}
	return nil
}

func (v *view) addLabel(r labels.Requirement) {
	v.labels = append(v.labels, fmt.Sprintf("%q %s %q", r.Key(), r.Operator(), r.ValuesUnsorted()))
}

func FuzzSubjectAccessReview(f *testing.F) {
	for _, bodies := range []map[string]string{ordinaryReviews, oddReviews} {
		for _, body := range bodies {
			if len(body) < 4<<10 {
				f.Add([]byte(body))
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) { requireSameReview(t, string(body)) })
}

// TestDecodeReviewRandom compares the two decoders on documents that are nearly reviews: known fields in any place and
// order, twice, null, of the wrong type, with escapes.
func TestDecodeReviewRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	accepted, same := 0, 0
	for range 30_000 {
		body := (&scribe{random: random, slips: random.Float64() * 0.05}).review()
		requireSameReview(t, body)
		if _, err := officialReview(body); err == nil {
			accepted++
			if _, err := decodeReview([]byte(body)); err == nil {
				same++
			}
		}
	}
	// Else the test would show little.
	require.Greater(t, accepted, 5000)
	require.Greater(t, same, 4000)
}

// scribe writes reviews, and slips now and then.
type scribe struct {
	random *rand.Rand
	slips  float64
}

func (s *scribe) slip() bool              { return s.random.Float64() < s.slips }
func (s *scribe) one(of ...string) string { return of[s.random.IntN(len(of))] }

func (s *scribe) space() string {
	if s.random.IntN(8) == 0 {
		return s.one(" ", "\n", "\t \r\n")
	}
	return ""
}

// any is any value.
func (s *scribe) any(depth int) string {
	switch n := s.random.IntN(9); {
	case n == 0 && depth < 20:
		return s.array(func() string { return s.any(depth + 1) })
	case n == 1 && depth < 20:
		return s.object(map[string]func() string{"a": func() string { return s.any(depth + 1) }, "user": s.text,
			"kind": s.text})
	case n < 4:
		return s.text()
	default:
		return s.one("null", "true", "false", "0", "-1.5e+9", "1e999", "01", "nul", "", "tru e", "-")
	}
}

func (s *scribe) text() string {
	if s.slip() {
		return s.one("null", `"\u0061\ud83d\ude00\ud800"`, "\"\xff\"", `"é"`, `"\x"`, "\"\n\"", `"`, "7", "{}", "[]",
			`"\"\\\/\b\f"`, `"<>&"`)
	}
	return s.one(`""`, `"a"`, `"get"`, `"list"`, `"secrets"`, `"s1"`, `"spec.seedName"`, `"In"`, `"NotIn"`, `"Exists"`,
		`"x=y,z!=1"`)
}

func (s *scribe) array(element func() string) string {
	if s.slip() {
		return s.one("null", "{}", `""`, "[", "[,]", "[1]")
	}
	var b strings.Builder
	for i := range s.random.IntN(4) {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(s.space() + element() + s.space())
	}
	return "[" + b.String() + "]"
}

// object writes some of the fields in any order, and may write one twice or an unknown one.
func (s *scribe) object(fields map[string]func() string) string {
	if s.slip() {
		return s.one("null", "[]", `""`, "{", "{,}", "true")
	}
	names := slices.Sorted(maps.Keys(fields))
	s.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:len(names)-s.random.IntN(len(names)/3+1)]
	if s.slip() {
		names = append(names, s.one(names...))
	}
	if s.slip() {
		names = append(names, s.one("unknown", "KIND", "User", `us\u0065r`, "é", "group", "groups"))
	}
	var b strings.Builder
	b.WriteString("{" + s.space())
	for i, name := range names {
		if i > 0 {
			b.WriteString(s.space() + "," + s.space())
		}
		value := fields[name]
		if value == nil || s.slip() {
			value = func() string { return s.any(0) }
		}
		b.WriteString(`"` + name + `"` + s.space() + ":" + s.space() + value())
	}
	return b.String() + s.space() + "}"
}

func (s *scribe) review() string {
	version := s.one("v1", "v1beta1")
	texts := func() string { return s.array(s.text) }
	selector := func() string {
		fields := map[string]func() string{"requirements": func() string {
			return s.array(func() string {
				return s.object(map[string]func() string{"key": s.text,
					"operator": func() string { return s.one(`"In"`, `"NotIn"`, `"Exists"`, `"Odd"`) }, "values": texts})
			})
		}}
		if s.random.IntN(3) == 0 {
			fields = map[string]func() string{"rawSelector": s.text}
		} else if s.slip() {
			fields["rawSelector"] = s.text
		}
		return s.object(fields)
	}
	spec := map[string]func() string{
		"user": s.text, "groups": texts, "uid": s.text,
		"extra": func() string { return s.object(map[string]func() string{"a": texts, "b/c": texts}) },
	}
	if version == "v1beta1" {
		spec["group"] = texts
	}
	resource, nonResource := s.random.IntN(4) > 0, false
	if nonResource = !resource; s.slip() {
		nonResource = !nonResource
	}
	if resource {
		spec["resourceAttributes"] = func() string {
			return s.object(map[string]func() string{
				"namespace": s.text, "verb": s.text, "group": s.text, "version": s.text, "resource": s.text, "subresource": s.text,
				"name":          s.text,
				"fieldSelector": selector, "labelSelector": selector,
			})
		}
	}
	if nonResource {
		spec["nonResourceAttributes"] = func() string {
			return s.object(map[string]func() string{"path": s.text,
				"verb": s.text})
		}
	}
	fields := map[string]func() string{
		"kind":       func() string { return `"SubjectAccessReview"` },
		"apiVersion": func() string { return `"authorization.k8s.io/` + version + `"` },
		"spec":       func() string { return s.object(spec) },
	}
	if s.random.IntN(2) == 0 {
		fields["metadata"] = func() string { return s.one("{}", `{"creationTimestamp":null}`, `{"name":"x"}`, "null") }
		fields["status"] = func() string {
			return s.one("{}", `{"allowed":false}`, `{"allowed":true,"denied":false}`,
				"null")
		}
	}
	body := s.space() + s.object(fields) + s.space()
	if s.slip() {
		body = body[:s.random.IntN(len(body)+1)]
	}
	if s.slip() {
		body += s.one("{}", "x", "\x00", ",")
	}
	return body
}

func FuzzAdmissionReview(f *testing.F) {
	f.Add([]byte(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u",` +
		`"operation":"CREATE","resource":{"group":"","version":"v1","resource":"secrets"},` +
		`"userInfo":{"username":"u","groups":["g"]},"object":{"kind":"Secret","apiVersion":"v1","data":{"a":"Yg=="}},` +
		`"oldObject":null,"options":{"kind":"CreateOptions"}}}`))
	f.Add([]byte(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","uid":null,` +
		`"object":[1,"x",{}]}}`))
	f.Add([]byte(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := decodeAdmission(body)
		if err != nil {
			return // ours is stricter, as with reviews, and wants a uid
		}
		want, _, err := official.Decode(body, nil, nil)
		require.NoError(t, err)
		require.Equal(t, want.(*admissionv1.AdmissionReview).Request, got)
		require.NotEmpty(t, got.UID)
	})
}
