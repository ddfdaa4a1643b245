package admission

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/seedguard/seedguard/pkg/identity"
)

// FuzzAdmissionReview feeds bodies to the plugin: it must never panic, must answer with the request's uid, and must not admit
// of a seed client what is not in the table, or is no object of the name that the request speaks of.
func FuzzAdmissionReview(f *testing.F) {
	for _, r := range []*admissionv1.AdmissionRequest{
		as(gardenletOf("a"), creates("secrets", meta("p", "own.monitoring"))),
		as(gardenletOf("a"), creates("secrets", token(tokenFor("ManagedSeed", "garden/child")))),
		as(gardenletOf("a"), creates("secrets", issuer(issuerOwn))),
		as(gardenletOf("a"), creates(bindings, bindingOf("child"))),
		as(gardenletOf("a"), creates(entries, entry("source-entry", "restoring", "seedName: a, bucketName: bucket-b"))),
		as(gardenletOf("a"), creates(requests, "metadata: {name: c}\nspec: {request: '', usages: []}")),
		as(extensionOn("a"), creates(leases, meta("seed-a", "any"))),
		as(gardenletOf("a"), updates(seeds, meta("", "a"))),
		as(gardenletOf("a"), deletes(seeds, meta("", "going"))),
		as(gardenletOf("a"), deletes(buckets, meta("", "uid-a"))),
	} {
		body, err := json.Marshal(admissionv1.AdmissionReview{Request: r})
		require.NoError(f, err)
		f.Add(body)
	}
	plugin := newPlugin(newMemory(f, landscape...))
	f.Fuzz(func(t *testing.T, body []byte) {
		var review admissionv1.AdmissionReview
		if json.Unmarshal(body, &review) != nil || review.Request == nil {
			return
		}
		r := review.Request
		response := plugin.Admit(t.Context(), r)
		require.Equal(t, r.UID, response.UID)
		require.Equal(t, response.Allowed, response.Result == nil)
		if _, ok := identity.From(&user.DefaultInfo{Name: r.UserInfo.Username, Groups: r.UserInfo.Groups}); !ok {
			require.True(t, response.Allowed)
			return
		}
		if !response.Allowed {
			require.Contains(t, []int32{400, 403, 409, 422}, response.Result.Code)
			return
		}
		known := false
		for _, rule := range Rules() {
			for _, operation := range rule.Operations {
				known = known || rule.Resource.Group == r.Resource.Group && rule.Resource.Resource == r.Resource.Resource && operation == admission.Operation(r.Operation)
			}
		}
		require.True(t, known)
		require.Empty(t, r.SubResource)
		raw := r.Object.Raw
		if r.Operation == admissionv1.Delete {
			if raw = r.OldObject.Raw; len(raw) == 0 {
				return
			}
		}
		var o struct{ Metadata map[string]any }
		require.NoError(t, json.Unmarshal(raw, &o))
		if name, ok := o.Metadata["name"]; ok && r.Name != "" && name != nil && name != "" {
			require.Equal(t, r.Name, name)
		}
	})
}

// FuzzEachField compares what eachField finds with what encoding/json finds in the same JSON. What is not JSON must only not
// break it.
func FuzzEachField(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { "a" : 1 , "b":[{"c":"}"}],"\u0061":"\"\\", "":null,"d":-1.5e3 } `, `{"a":"\\\""}`, `{"a":{"b":["]","\"["]},"a":true}`,
		``, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{,}`, `[]`, `{"a":1}x`, `{"a" 1}`, `{"\q":1}`, `{"a":"`, `{"a":"\`, `{"a":[`, `{"a":,}`, `nul`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		type field struct{ name, value string }
		var got, want []field
		err := eachField(raw, func(name string, value []byte) error {
			got = append(got, field{name, string(value)})
			return nil
		})
		// encoding/json mends what is not UTF-8; no field that anybody asks for is affected.
		if !json.Valid(raw) || !utf8.Valid(raw) {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		if start, _ := decoder.Token(); start != json.Delim('{') {
			require.Error(t, err)
			return
		}
		for decoder.More() {
			name, err := decoder.Token()
			require.NoError(t, err)
			var value json.RawMessage
			require.NoError(t, decoder.Decode(&value))
			want = append(want, field{name.(string), string(value)})
		}
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// FuzzRequestSpec compares what is decoded field by field with what the library decodes, errors included.
func FuzzRequestSpec(f *testing.F) {
	for _, seed := range []string{
		`{"request":"YWJj","usages":["client auth"],"signerName":"x"}`, `{"request":"","usages":[]}`, `{"request":null,"usages":null}`, `null`, `{}`, `1`, `[]`,
		`{"request":"YW\u004aj"}`, `{"request":"YW\nJj"}`, `{"request":"YWJ"}`, `{"request":"YWJj\\"}`, `{"request":7}`, `{"request":["a"]}`, `{"request":{"a":1}}`,
		`{"request":"YWJj","request":"eA==","usages":["a","b"],"usages":["c"]}`, `{"Request":"YWJj","USAGES":["a"]}`, `{"usages":"x"}`, `{"usages":[1]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, spec []byte) {
		if !json.Valid(spec) || !utf8.Valid(spec) {
			return
		}
		var want struct {
			Spec struct {
				Request []byte                    `json:"request"`
				Usages  []certificatesv1.KeyUsage `json:"usages"`
			} `json:"spec"`
		}
		raw := append(append([]byte(`{"spec":`), spec...), '}')
		wrong := kjson.Unmarshal(raw, &want)
		got := &certificateRequest{}
		if err := decode(raw, got); wrong != nil || err != nil {
			require.Equal(t, wrong != nil, err != nil, "%v, %v", wrong, err)
			return
		}
		require.Equal(t, string(want.Spec.Request), string(got.spec.request))
		require.Equal(t, want.Spec.Usages, got.spec.usages)
	})
}
