package admission

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/logs"
)

// FuzzAdmissionReview feeds bodies to the plugin: it must never panic, must answer with the request's uid, and must
// not admit of a seed client what is not in the table, or is no object of the name that the request speaks of.
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
	reader := newMemory(f, landscape...)
	f.Fuzz(func(t *testing.T, body []byte) {
		var review admissionv1.AdmissionReview
		if json.Unmarshal(body, &review) != nil || review.Request == nil {
			return
		}
		r := review.Request
		who := &user.DefaultInfo{Name: r.UserInfo.Username, Groups: r.UserInfo.Groups}
		for _, references := range []References{ReferencesOff, ReferencesEnforce} {
			response := newPluginWith(reader, Policy{References: references}).Admit(t.Context(), r)
			require.Equal(t, r.UID, response.UID)
			require.Equal(t, response.Allowed, response.Result == nil)
			_, client := identity.From(who)
			if _, bootstraps := identity.BootstrapperFrom(who); !client && (references == ReferencesOff || !bootstraps) {
				require.True(t, response.Allowed)
				continue
			}
			if !response.Allowed {
				require.Contains(t, []int32{400, 403, 409, 422}, response.Result.Code)
				continue
			}
			if !client {
				continue
			}
			resource := schema.GroupResource{Group: r.Resource.Group, Resource: r.Resource.Resource}
			_, known := FindGuarded(AllGuarded(references, false), resource, r.SubResource, r.Operation)
			require.True(t, known)
			raw := r.Object.Raw
			if r.Operation == admissionv1.Delete {
				if raw = r.OldObject.Raw; len(raw) == 0 {
					continue
				}
			}
			var o struct{ Metadata map[string]any }
			require.NoError(t, json.Unmarshal(raw, &o))
			if name, ok := o.Metadata["name"]; ok && r.Name != "" && name != nil && name != "" {
				require.Equal(t, r.Name, name)
			}
		}
	})
}

// FuzzDecode compares what is decoded with what the official type's decoder makes of the same object.
func FuzzDecode(f *testing.F) {
	for _, spec := range []string{
		`{"request":"YWJj","usages":["client auth"],"signerName":"x"}`, `{"request":"","usages":[]}`,
		`{"request":null,"usages":null}`,
		`null`, `{}`, `1`, `[]`, `{"request":"YW\u004aj"}`, `{"request":"YW\nJj"}`, `{"request":"YWJ"}`,
		`{"request":"YWJj\\"}`,
		`{"request":7}`, `{"request":["a"]}`, `{"request":{"a":1}}`, `{"request":"YWJj","request":"eA=="}`,
		`{"Request":"YWJj","USAGES":["a"]}`, `{"usages":"x"}`, `{"usages":[1]}`, `{"usages":[null]}`,
		`{"\u0072equest":"YWJj"}`,
	} {
		f.Add([]byte(`{"metadata":{"name":"n","labels":{"a":"b"}},"spec":` + spec + `}`))
	}
	for _, raw := range []string{``, `null`, `{`, `{}x`,
		`{"metadata":{"ownerReferences":[{"kind":"Shoot","name":"x","controller":null}]}}`} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var got certificatesv1.CertificateSigningRequest
		if err := decode(raw, &got); err != nil {
			require.LessOrEqual(t, len(err.Error()), 2*logs.MaxTold+100)
			return
		}
		var want certificatesv1.CertificateSigningRequest
		if err := kjson.Unmarshal(raw, &want); err != nil {
			return // of a field that is not read
		}
		require.Equal(t, want.Name, got.Name)
		require.Equal(t, want.Namespace, got.Namespace)
		require.Equal(t, want.GenerateName, got.GenerateName)
		require.Equal(t, want.Labels, got.Labels)
		require.Equal(t, want.OwnerReferences, got.OwnerReferences)
		require.Equal(t, string(want.Spec.Request), string(got.Spec.Request))
		require.Equal(t, want.Spec.Usages, got.Spec.Usages)
	})
}

// TestAllTypesDecode: the library decodes structs of every type that a guarded object has in it.
func TestAllTypesDecode(t *testing.T) {
	walked := sets.New[reflect.Type]()
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			walk(of.Elem())
		case reflect.Struct:
			if walked.Has(of) {
				return
			}
			walked.Insert(of)
			o := reflect.New(of).Interface()
			if _, ok := o.(json.Unmarshaler); ok {
				return // it decodes itself
			}
			require.NoError(t, decode([]byte("{}"), o), "%s", of)
			for i := range of.NumField() {
				walk(of.Field(i).Type)
			}
		default:
		}
	}
	for _, guarded := range AllGuarded(ReferencesEnforce, false) {
		d := &decision{kind: guarded.Kind, Attributes: admission.NewAttributesRecord(nil, nil, schema.GroupVersionKind{},
			"", "", schema.GroupVersionResource{}, guarded.Subresource, create, nil, false, nil)}
		o, err := garden.Scheme.New(d.body())
		require.NoError(t, err)
		walk(reflect.TypeOf(o))
	}
	require.Greater(t, walked.Len(), 200)
}
