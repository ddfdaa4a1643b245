package admission

import (
	"errors"
	"fmt"
	"strings"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seedguard/seedguard/pkg/logs"
)

// This file holds what is decoded of the guarded objects: only what the checks read, so that newer API versions and
// large objects cost and break nothing. The fields are spelled alike in all versions of a resource.

// object is a guarded object.
type object interface {
	metadata() *metadata
}

// apiObject is an object in its API type, for what reads more of it.
type apiObject interface {
	metav1.Object
	runtime.Object
}

// metadata is what is decoded of every object's metadata.
type metadata struct {
	Name            string                  `json:"name"`
	Namespace       string                  `json:"namespace"`
	GenerateName    string                  `json:"generateName"`
	Labels          map[string]string       `json:"labels"`
	OwnerReferences []metav1.OwnerReference `json:"ownerReferences"`
}

// anyObject is an object of which only the metadata matters.
type anyObject struct {
	Metadata metadata `json:"metadata"`
}

func (o *anyObject) metadata() *metadata { return &o.Metadata }

// withSpec is an object of which the spec matters too.
type withSpec[S any] struct {
	anyObject
	Spec S `json:"spec"`
}

type (
	// ofSeed is a BackupBucket or a Bastion.
	ofSeed = withSpec[struct {
		SeedName string `json:"seedName"`
	}]
	backupEntry        = withSpec[gardencorev1beta1.BackupEntrySpec]
	certificateRequest = withSpec[struct {
		Request []byte                    `json:"request"`
		Usages  []certificatesv1.KeyUsage `json:"usages"`
	}]
)

type clusterRoleBinding struct {
	anyObject
	RoleRef  rbacv1.RoleRef   `json:"roleRef"`
	Subjects []rbacv1.Subject `json:"subjects"`
}

type secret struct {
	anyObject
	Type corev1.SecretType `json:"type"`
	// Data is read of bootstrap tokens alone. No other Secret has these keys with values that are not base64.
	Data tokenData `json:"data"`
}

// tokenData is the data of a bootstrap token.
type tokenData struct {
	UsageAuthentication []byte `json:"usage-bootstrap-authentication"`
	UsageSigning        []byte `json:"usage-bootstrap-signing"`
	Description         []byte `json:"description"`
	// AuthExtraGroups is nil only when there is no such key, whatever its value.
	AuthExtraGroups jsontext.Value `json:"auth-extra-groups"`
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

// skipped are the parts of objects that no rule reads and that are large: half of a Shoot.
var skipped = json.WithUnmarshalers(json.JoinUnmarshalers(
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
