package admission

import (
	"cmp"
	gojson "encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/klog/v2"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/logs"
)

// This file holds how the objects of a request are decoded.

// apiObject is a guarded object: in its API type, or its metadata alone when no row reads more of it.
type apiObject interface {
	metav1.Object
	runtime.Object
}

// decode decodes the objects that the operation has. The old one may be missing unless a row reads it. It comes first,
// because it has a name where neither the request nor the new object does.
func (d *decision) decode(interfaces admission.ObjectInterfaces) (err error) {
	if old := d.GetOldObject(); d.GetOperation() != create && (old != nil || d.readsObjects()) {
		if d.oldObject, err = d.decoded(old, "oldObject", interfaces); err != nil {
			return err
		}
	}
	if d.GetOperation() != remove {
		d.object, err = d.decoded(d.GetObject(), "object", interfaces)
	}
	return err
}

// readsObjects reports whether a row reads the objects.
func (d *decision) readsObjects() bool {
	return d.rule != nil && d.rule.check.whole || d.write != nil && (d.write.guard.whole || len(d.write.Grants) > 0)
}

func (d *decision) decoded(
	from runtime.Object, field string, interfaces admission.ObjectInterfaces,
) (apiObject, error) {
	var o apiObject = &metav1.PartialObjectMetadata{}
	if d.readsObjects() {
		typed, err := garden.Scheme.New(d.body())
		if err != nil {
			return nil, err
		}
		o = typed.(apiObject)
	}
	return o, d.decodeInto(o, from, field, interfaces)
}

// body returns the type of the request's objects.
func (d *decision) body() schema.GroupVersionKind {
	gv := d.kind.Resource().GroupVersion()
	if d.GetSubresource() == "token" {
		return gv.WithKind("TokenRequest")
	}
	return gv.WithKind(d.kind.String())
}

// decodeInto decodes an object. It makes sure that object and request speak of the same thing, and takes the name from
// the object when the request has none: when a collection is deleted object by object, and when the object is created
// with a name that the API server has generated.
func (d *decision) decodeInto(
	o apiObject, from runtime.Object, field string, interfaces admission.ObjectInterfaces,
) error {
	raw, err := d.marshal(from, interfaces)
	if err != nil {
		return err
	}
	if err := decode(raw, o); err != nil {
		return badRequest("its %s cannot be decoded: %v", field, err)
	}
	d.name = cmp.Or(d.name, o.GetName())
	name, namespace := cmp.Or(o.GetName(), d.name), cmp.Or(o.GetNamespace(), d.GetNamespace())
	if name != d.name || namespace != d.GetNamespace() {
		return badRequest("its %s is named %s", field, klog.KRef(o.GetNamespace(), o.GetName()))
	}
	o.SetNamespace(namespace)
	o.SetName(name)
	return nil
}

// marshal writes an object as JSON of the version that clients see. In an API server it may be of an internal type.
func (d *decision) marshal(o runtime.Object, interfaces admission.ObjectInterfaces) ([]byte, error) {
	switch o := o.(type) {
	case nil:
		return nil, nil
	case *runtime.Unknown:
		return o.Raw, nil
	}
	kind := d.GetKind()
	versions := d.kind.Versions()
	if kind.Group == d.kind.Resource().Group && !slices.Contains(versions, kind.Version) {
		kind.Version = versions[0]
	}
	var err error
	if interfaces != nil {
		o, err = admission.ConvertToGVK(o, kind, interfaces)
	}
	if err != nil {
		return nil, badRequest("its object cannot be converted to %s", kind)
	}
	return gojson.Marshal(o)
}

// decode decodes an object. The names of fields are case-sensitive, as for the API server; a name that comes twice is
// an error. Errors are for the client and the log: they tell the place and no values.
func decode(raw []byte, o any) error {
	if jsontext.Value(raw).Kind() != jsontext.KindBeginObject {
		return errors.New("it is not there, or no JSON object")
	}
	err := json.Unmarshal(raw, o, skipped)
	wrongType, notJSON := new(json.SemanticError), new(jsontext.SyntacticError)
	switch {
	case errors.As(err, &wrongType) && wrongType.Err == nil:
		return fmt.Errorf("field %q must not be of type %s", path(wrongType.JSONPointer), typeName(wrongType.JSONKind))
	case errors.As(err, &wrongType):
		return fmt.Errorf("field %q is malformed", path(wrongType.JSONPointer))
	case errors.As(err, &notJSON) && errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("field %q is there twice", path(notJSON.JSONPointer))
	case err != nil:
		return errors.New("it is no valid JSON")
	}
	return nil
}

// skipped are parts of objects that no rule reads: large ones, which are half of a Shoot, and the selector of its Seed,
// which this library cannot decode.
var skipped = json.WithUnmarshalers(json.JoinUnmarshalers(
	json.UnmarshalFromFunc(func(d *jsontext.Decoder, _ *gardencorev1beta1.SeedSelector) error { return d.SkipValue() }),
	json.UnmarshalFromFunc(func(d *jsontext.Decoder, _ *[]metav1.ManagedFieldsEntry) error { return d.SkipValue() }),
	json.UnmarshalFromFunc(func(d *jsontext.Decoder, _ *gardencorev1beta1.ShootStatus) error { return d.SkipValue() }),
))

func typeName(kind jsontext.Kind) string {
	switch kind {
	case jsontext.KindBeginObject:
		return "object"
	case jsontext.KindBeginArray:
		return "array"
	default:
		return kind.String()
	}
}

// path returns the place of a field as people write it. The keys in it may be of any length.
func path(p jsontext.Pointer) string {
	return logs.Cut(strings.ReplaceAll(strings.TrimPrefix(string(p), "/"), "/", "."))
}
