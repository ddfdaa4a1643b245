package scenario

import (
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/pkg/identity"
	"github.com/seedguard/seedguard/pkg/naming"
)

// Request is a request to the API server, and what must become of it.
type Request struct {
	// Line is where it begins in the file.
	Line int `json:"-"`
	// Name reads as the assertion. No two requests of a file have the same.
	Name string `json:"name"`
	As   Client `json:"as"`
	Verb string `json:"verb"`
	// Resource is resource[.group][/subresource].
	Resource  string `json:"resource"`
	Namespace string `json:"namespace"`
	// Object is the name of the object; that of Body when it is left out.
	Object        string `json:"object"`
	FieldSelector string `json:"fieldSelector"`
	LabelSelector string `json:"labelSelector"`
	// Body is the object that is created, or what it is changed into; for delete, the object that is deleted.
	Body runtime.RawExtension `json:"body"`
	// Old is what an update or patch changes; Body when it is left out.
	Old runtime.RawExtension `json:"old"`
	// Authorize is allow, noOpinion or deny. Empty: the authorizer is not asked.
	Authorize string `json:"authorize"`
	// Admit is allowed or an HTTP status. Nil: the admission is not asked.
	Admit *intstr.IntOrString `json:"admit"`
	// Message is a part of the admission's message, or of its warnings. Empty: any.
	Message string `json:"message"`

	// How the two halves are asked. review is nil when the admission is not.
	attributes kauthorizer.AttributesRecord
	review     *admissionv1.AdmissionRequest
}

// Client is who makes a request: exactly one of the fields is set.
type Client struct {
	// Gardenlet is the name of a Seed.
	Gardenlet string `json:"gardenlet"`
	// Extension is <seed>/<extension>, where the latter is the name of a ServiceAccount with or without extension-.
	Extension string `json:"extension"`
	// BootstrapToken is the id of a bootstrap token.
	BootstrapToken string `json:"bootstrapToken"`
	// ServiceAccount is <namespace>/<name>.
	ServiceAccount string `json:"serviceAccount"`
	// User is a user in no group of note.
	User string `json:"user"`
}

// info returns the user, nil unless exactly one field is set, to what it should be.
func (c Client) info() *user.DefaultInfo {
	switch c {
	case Client{}:
	case Client{Gardenlet: c.Gardenlet}:
		return identity.Client{Kind: identity.Gardenlet, Seed: c.Gardenlet}.User()
	case Client{Extension: c.Extension}:
		if seed, extension, ok := pair(c.Extension); ok {
			extension = strings.TrimPrefix(extension, naming.ExtensionPrefix)
			return identity.Client{Kind: identity.Extension, Seed: seed, Extension: extension}.User()
		}
	case Client{BootstrapToken: c.BootstrapToken}:
		return &user.DefaultInfo{Name: identity.BootstrapTokenUserPrefix + c.BootstrapToken,
			Groups: []string{"system:bootstrappers", user.AllAuthenticated}}
	case Client{ServiceAccount: c.ServiceAccount}:
		if namespace, name, ok := pair(c.ServiceAccount); ok {
			return &user.DefaultInfo{Name: serviceaccount.MakeUsername(namespace, name),
				Groups: append(serviceaccount.MakeGroupNames(namespace), user.AllAuthenticated)}
		}
	case Client{User: c.User}:
		return &user.DefaultInfo{Name: c.User, Groups: []string{user.AllAuthenticated}}
	}
	return nil
}

// pair splits what has one slash, between two names.
func pair(s string) (first, second string, ok bool) {
	first, second, _ = strings.Cut(s, "/")
	return first, second, first != "" && second != "" && !strings.Contains(second, "/")
}
