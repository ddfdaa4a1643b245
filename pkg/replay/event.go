package replay

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gardener/gardener/pkg/apis/core/v1beta1/constants"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/authentication/user"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// event is what is read of an event of audit.k8s.io/v1.
type event struct {
	Kind             string    `json:"kind"`
	APIVersion       string    `json:"apiVersion"`
	Stage            string    `json:"stage"`
	RequestURI       string    `json:"requestURI"`
	Verb             string    `json:"verb"`
	User             userInfo  `json:"user"`
	ImpersonatedUser *userInfo `json:"impersonatedUser"`
	ObjectRef        struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	RequestObject jsontext.Value `json:"requestObject"`
	Received      string         `json:"requestReceivedTimestamp"`
	Annotations   struct {
		Decision string `json:"authorization.k8s.io/decision"`
		Reason   string `json:"authorization.k8s.io/reason"`
	} `json:"annotations"`
}

type userInfo struct {
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

// lenient: the log holds patches as clients sent them, and none of it decides anything.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func decode(line []byte) (*event, error) {
	e := &event{}
	if err := json.Unmarshal(line, e, lenient); err != nil {
		return nil, err
	}
	if e.Kind != "Event" || e.APIVersion != "audit.k8s.io/v1" {
		return nil, fmt.Errorf("it is a %q of %q, no Event of audit.k8s.io/v1", e.Kind, e.APIVersion)
	}
	return e, nil
}

// ended reports whether the event tells how the request ended. A request has one such event.
func (e *event) ended() bool { return e.Stage == "ResponseComplete" || e.Stage == "Panic" }

// requester is the user that the authorizers were asked about.
func (e *event) requester() *user.DefaultInfo {
	u := cmp.Or(e.ImpersonatedUser, &e.User)
	return &user.DefaultInfo{Name: u.Username, Groups: u.Groups}
}

// The values of the annotation of the authorizers' decision.
const (
	decisionAllow  = "allow"
	decisionForbid = "forbid"
)

// outcome reports whether the request was let through, or why that is unclear.
func (e *event) outcome() (through bool, unclear string) {
	code, decision := e.ResponseStatus.Code, e.Annotations.Decision
	switch {
	case code == http.StatusForbidden && (decision == decisionAllow || decision == decisionForbid):
		return false, ""
	case code == 0 || code == http.StatusUnauthorized || code == http.StatusTooManyRequests ||
		code >= http.StatusInternalServerError:
		return false, fmt.Sprintf("it was answered with %d", code)
	case code < http.StatusBadRequest || decision == decisionAllow:
		return true, ""
	}
	return false, fmt.Sprintf("it was answered with %d, and the log has no decision of the authorizers", code)
}

// succeeded reports whether the request did what it was to do.
func (e *event) succeeded() bool { return e.ResponseStatus.Code < http.StatusBadRequest }

// grantedToSeeds ends the reason of RBAC when it allows by a binding to the group of the Seeds.
var grantedToSeeds = fmt.Sprintf("to Group %q", constants.SeedsGroup)

// staysByRBAC reports whether RBAC allowed the request by what gardenlets have as anybody has, or what one client was
// given by name.
func (e *event) staysByRBAC() bool {
	return e.Annotations.Decision == decisionAllow && strings.HasPrefix(e.Annotations.Reason, "RBAC: allowed by ") &&
		!strings.HasSuffix(e.Annotations.Reason, grantedToSeeds)
}

// requests tells what a request asks for, as an API server does.
var requests = &request.RequestInfoFactory{
	APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api"),
}

// methods are the HTTP methods by which a request has its verb. That of a path is its verb in capitals.
var methods = map[string]string{
	"get": http.MethodGet, "list": http.MethodGet, "watch": http.MethodGet, "create": http.MethodPost,
	"update": http.MethodPut, "patch": http.MethodPatch, "delete": http.MethodDelete,
	"deletecollection": http.MethodDelete,
}

// request returns what the request asks for, as the authorizers saw it.
func (e *event) request() (*request.RequestInfo, error) {
	uri, err := url.ParseRequestURI(e.RequestURI)
	if err != nil {
		return nil, fmt.Errorf("its requestURI is none: %w", err)
	}
	method := cmp.Or(methods[e.Verb], strings.ToUpper(e.Verb))
	info, err := requests.NewRequestInfo(&http.Request{Method: method, URL: uri})
	if err != nil {
		return nil, err
	}
	if info.Verb != e.Verb {
		return nil, fmt.Errorf("its verb is %q, and %q by its requestURI", e.Verb, info.Verb)
	}
	return info, nil
}

// attributes returns what the authorizers are asked about a request.
func attributes(who user.Info, info *request.RequestInfo) *kauthorizer.AttributesRecord {
	a := &kauthorizer.AttributesRecord{
		User: who, Verb: info.Verb, ResourceRequest: info.IsResourceRequest, Path: info.Path,
		APIGroup: info.APIGroup, APIVersion: info.APIVersion, Resource: info.Resource, Subresource: info.Subresource,
		Namespace: info.Namespace, Name: info.Name,
	}
	if selector, err := fields.ParseSelector(info.FieldSelector); err != nil {
		a.FieldSelectorParsingErr = err
	} else {
		a.FieldSelectorRequirements = selector.Requirements()
	}
	a.LabelSelectorRequirements, a.LabelSelectorParsingErr = labels.ParseToRequirements(info.LabelSelector)
	return a
}
