package admission

import (
	"bytes"
	gojson "encoding/json"
	"errors"
	"fmt"
	"strings"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
)

// This file holds what is decoded of the guarded objects: only what the checks ask for, so that newer API versions and large
// objects cost and break nothing. The fields are spelled alike in all versions of a resource.

// object is a guarded object.
type object interface {
	metadata() *metadata
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

// ofSeed is an object with spec.seedName: a BackupBucket or a Bastion.
type ofSeed struct {
	anyObject
	Spec struct {
		SeedName string `json:"seedName"`
	} `json:"spec"`
}

type backupEntry struct {
	anyObject
	Spec gardencorev1beta1.BackupEntrySpec `json:"spec"`
}

type certificateRequest struct {
	anyObject
	Spec struct {
		Request []byte                    `json:"request"`
		Usages  []certificatesv1.KeyUsage `json:"usages"`
	} `json:"spec"`
}

type clusterRoleBinding struct {
	anyObject
	RoleRef  rbacv1.RoleRef   `json:"roleRef"`
	Subjects []rbacv1.Subject `json:"subjects"`
}

// secret holds no other data than what makes a bootstrap token.
type secret struct {
	anyObject
	Type corev1.SecretType `json:"type"`
	Data struct {
		UsageAuthentication []byte `json:"usage-bootstrap-authentication"`
		UsageSigning        []byte `json:"usage-bootstrap-signing"`
		Description         []byte `json:"description"`
		// AuthExtraGroups is nil only when there is no such key, whatever its value.
		AuthExtraGroups gojson.RawMessage `json:"auth-extra-groups"`
	} `json:"data"`
}

// decode decodes JSON into o. Names of fields are case-sensitive, as for the API server. The error is for the client; it
// tells no values.
func decode(raw []byte, o object) error {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return errors.New("it is not there, or no JSON object")
	}
	err := json.Unmarshal(raw, o)
	if wrong := new(gojson.UnmarshalTypeError); errors.As(err, &wrong) {
		// For numbers, the standard message would hold the number.
		value, _, _ := strings.Cut(wrong.Value, " ")
		return fmt.Errorf("field %q must not be of type %s", wrong.Field, value)
	}
	return err
}
