package admission

import (
	gojson "encoding/json"

	gardencorev1beta1 "github.com/gardener/gardener/pkg/apis/core/v1beta1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// This file holds what is decoded of the guarded objects: only what the checks ask for, so that newer API versions and large
// objects cost and break nothing. The fields are spelled alike in all versions of a resource.

// object is a guarded object.
type object interface {
	metadata() *metadata
	fields
}

// fields is what is decoded field by field.
type fields interface {
	// field returns what a field is decoded into, nil for a field that nobody asks for.
	field(name string) any
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
	meta metadata
}

func (o *anyObject) metadata() *metadata { return &o.meta }

func (o *anyObject) field(name string) any {
	if name == "metadata" {
		return &o.meta
	}
	return nil
}

// withSpec is an object of which the spec matters too.
type withSpec[S any] struct {
	anyObject
	spec S
}

func (o *withSpec[S]) field(name string) any {
	if name == "spec" {
		return &o.spec
	}
	return o.anyObject.field(name)
}

type (
	// ofSeed is a BackupBucket or a Bastion.
	ofSeed = withSpec[struct {
		SeedName string `json:"seedName"`
	}]
	backupEntry        = withSpec[gardencorev1beta1.BackupEntrySpec]
	certificateRequest = withSpec[requestSpec]
)

type requestSpec struct {
	request []byte
	usages  []certificatesv1.KeyUsage
}

func (s *requestSpec) field(name string) any {
	switch name {
	case "request":
		return &s.request
	case "usages":
		return &s.usages
	default:
		return nil
	}
}

type clusterRoleBinding struct {
	anyObject
	roleRef  rbacv1.RoleRef
	subjects []rbacv1.Subject
}

func (o *clusterRoleBinding) field(name string) any {
	switch name {
	case "roleRef":
		return &o.roleRef
	case "subjects":
		return &o.subjects
	default:
		return o.anyObject.field(name)
	}
}

type secret struct {
	anyObject
	typ corev1.SecretType
	// data is decoded only when it is asked for.
	data undecoded
}

func (o *secret) field(name string) any {
	switch name {
	case "type":
		return &o.typ
	case "data":
		return &o.data
	default:
		return o.anyObject.field(name)
	}
}

// tokenData is the data of a bootstrap token.
type tokenData struct {
	UsageAuthentication []byte `json:"usage-bootstrap-authentication"`
	UsageSigning        []byte `json:"usage-bootstrap-signing"`
	Description         []byte `json:"description"`
	// AuthExtraGroups is nil only when there is no such key, whatever its value.
	AuthExtraGroups gojson.RawMessage `json:"auth-extra-groups"`
}
