package scenario

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kauthorizer "k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/seedguard/seedguard/pkg/admission"
	"github.com/seedguard/seedguard/pkg/config"
	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/garden/directory"
	"github.com/seedguard/seedguard/pkg/graph"
)

// Scenario is a file.
type Scenario struct {
	// File is its name.
	File string
	// Now is the time of the decisions. Zero: the machine's.
	Now time.Time
	// Config says how to decide.
	Config *config.SeedGuardConfiguration
	// Landscape is the directory of the garden's objects, empty when the file names none.
	Landscape string
	// Objects are the garden's objects, nil when the file holds none.
	Objects []*garden.Object
	// Requests are independent of each other: none changes an object.
	Requests []Request
}

// document is what a file holds.
type document struct {
	Now              string            `json:"now"`
	Authorizer       json.RawMessage   `json:"authorizer"`
	Restriction      json.RawMessage   `json:"restriction"`
	KubeconfigAccess json.RawMessage   `json:"kubeconfigAccess"`
	Landscape        string            `json:"landscape"`
	Objects          []json.RawMessage `json:"objects"`
	Requests         []json.RawMessage `json:"requests"`
}

// Parse reads a scenario. The file is its name in errors, and what a landscape is relative to. The configuration says
// how to decide where the file does not. The error joins an *Error for each thing that is wrong.
func Parse(file string, content []byte, c *config.SeedGuardConfiguration) (*Scenario, error) {
	r := &reader{file: file}
	asJSON, err := r.parse(content)
	if err != nil {
		return nil, err
	}
	var d document
	if !r.decode("", asJSON, &d) {
		return nil, r.err()
	}
	s := &Scenario{File: file, Config: r.configuration(&d, c)}
	now, err := time.Parse(time.RFC3339, d.Now)
	r.when(err != nil && d.Now != "", "now", "%q is no time such as 2026-11-20T12:00:00Z", d.Now)
	s.Now = now
	switch {
	case d.Landscape != "" && d.Objects != nil:
		r.wrong("landscape", "objects and landscape exclude each other")
	case filepath.IsAbs(d.Landscape):
		s.Landscape = d.Landscape
	case d.Landscape != "":
		s.Landscape = filepath.Join(filepath.Dir(file), d.Landscape)
	}
	s.Objects = r.objects(d.Objects)
	r.when(len(d.Requests) == 0, "requests", "it has no requests")
	lines := map[string]int{}
	for i, raw := range d.Requests {
		path := fmt.Sprintf("requests[%d]", i)
		q := r.request(path, raw)
		line, ok := lines[q.Name]
		r.when(ok && q.Name != "", path, "the request in line %d has the same name", line)
		lines[q.Name] = q.Line
		s.Requests = append(s.Requests, q)
	}
	return s, r.err()
}

// configuration puts the sections of the file over those of the caller.
func (r *reader) configuration(d *document, given *config.SeedGuardConfiguration) *config.SeedGuardConfiguration {
	c, defaults := *given, config.Default()
	if d.Authorizer != nil {
		c.Authorizer = defaults.Authorizer
		r.decode("authorizer", d.Authorizer, &c.Authorizer)
	}
	if d.Restriction != nil {
		c.Restriction = defaults.Restriction
		r.decode("restriction", d.Restriction, &c.Restriction)
	}
	if d.KubeconfigAccess != nil {
		c.KubeconfigAccess = defaults.KubeconfigAccess
		r.decode("kubeconfigAccess", d.KubeconfigAccess, &c.KubeconfigAccess)
	}
	err := c.Validate()
	if all := utilerrors.Aggregate(nil); errors.As(err, &all) {
		for _, err := range all.Errors() {
			at := ""
			if wrong := (*field.Error)(nil); errors.As(err, &wrong) {
				at = wrong.Field
			}
			r.wrong(at, "%v", err)
		}
	}
	return &c
}

// strictCodecs find fields that are not known. A server ignores them; in a test they are misspelt.
var strictCodecs = serializer.NewCodecFactory(garden.Scheme, serializer.EnableStrict)

// objects reads the garden's objects.
func (r *reader) objects(raw []json.RawMessage) []*garden.Object {
	if raw == nil {
		return nil
	}
	objects, lines := []*garden.Object{}, map[graph.Vertex]int{}
	for i := range raw {
		path := fmt.Sprintf("objects[%d]", i)
		o, err := directory.Decode(raw[i])
		if err != nil {
			r.wrong(path, "%v", err)
			continue
		}
		if _, _, err := strictCodecs.UniversalDeserializer().Decode(raw[i], nil, nil); runtime.IsStrictDecodingError(err) {
			strict, _ := runtime.AsStrictDecodingError(err)
			r.strict(path, strict.Errors())
		}
		line, ok := lines[o.Vertex]
		r.when(ok, path, "%s is there already, in line %d", o.Vertex, line)
		lines[o.Vertex], _ = r.place(path)
		objects = append(objects, o)
	}
	return objects
}

// The values of authorize, and that of admit which is no status.
var decisions = map[kauthorizer.Decision]string{
	kauthorizer.DecisionAllow: "allow", kauthorizer.DecisionNoOpinion: "noOpinion", kauthorizer.DecisionDeny: "deny",
}

const allowed = "allowed"

// request reads the request at a path.
func (r *reader) request(path string, raw []byte) (q Request) {
	if q.Line, _ = r.place(path); !r.decode(path, raw, &q) {
		return q
	}
	r.when(q.Name == "", path+".name", "the request has no name: it says what is expected")
	who := q.As.info()
	r.when(who == nil, path+".as", "say who asks by one of gardenlet: SEED, extension: SEED/EXTENSION, "+
		"bootstrapToken: ID, serviceAccount: NAMESPACE/NAME, user: NAME")
	name, subresource, _ := strings.Cut(q.Resource, "/")
	resource, err := explain.Resolve(name)
	r.when(err != nil, path+".resource", "%v", err)
	body, err := Metadata(&q.Body)
	r.undecoded(path+".body", err)
	_, err = Metadata(&q.Old)
	r.undecoded(path+".old", err)
	operation, _ := admission.OperationOf(q.Verb)
	r.when(err == nil && len(q.Old.Raw) > 0 && operation != admissionv1.Update, path+".old",
		"old goes with update and patch, not with %s", q.Verb)
	q.attributes = kauthorizer.AttributesRecord{
		User: who, Verb: q.Verb, ResourceRequest: true,
		APIGroup: resource.Group, APIVersion: "*", Resource: resource.Resource, Subresource: subresource,
		Namespace: cmp.Or(q.Namespace, body.Namespace), Name: cmp.Or(q.Object, body.Name),
	}
	err = explain.CheckVerb(q.Verb)
	r.when(q.Verb == "", path+".verb", "the request has no verb")
	r.when(err != nil, path+".verb", "%v", err)
	if q.Verb != "" && err == nil {
		r.address(path, &q)
		r.selectors(path, &q)
	}
	r.expectations(path, &q)
	if q.Admit != nil && who != nil {
		q.review = AdmissionRequest(&q.attributes, body.GroupVersionKind(), q.Body, q.Old)
	}
	if q.Verb == "create" && subresource == "" {
		q.attributes.Name = "" // as at the API server, which does not look into the object
	}
	return q
}

// address tells where a request names no object that could exist. Both halves would answer it like one for an object
// that the client may not have, so that a mistake would look like a denial.
func (r *reader) address(path string, q *Request) {
	a := &q.attributes
	collection := explain.OfCollection(a.Verb)
	r.when(a.Name == "" && !collection && (a.Verb != "create" || a.Subresource != ""), path+".object",
		"the request names no object")
	asked := explain.Question{
		Resource: schema.GroupResource{Group: a.APIGroup, Resource: a.Resource}, Namespace: a.Namespace,
	}
	err := asked.CheckScope()
	r.when(err != nil && (a.Namespace != "" || !collection), path+".namespace", "%v", err)
}

func (r *reader) selectors(path string, q *Request) {
	for field, given := range map[string]string{"fieldSelector": q.FieldSelector, "labelSelector": q.LabelSelector} {
		r.when(given != "" && !explain.OfCollection(q.Verb), path+"."+field,
			"selectors go with list, watch and deletecollection, not with %s", q.Verb)
	}
	if selector, err := fields.ParseSelector(q.FieldSelector); err != nil {
		r.wrong(path+".fieldSelector", "%v", err)
	} else {
		q.attributes.FieldSelectorRequirements = selector.Requirements()
	}
	var err error
	q.attributes.LabelSelectorRequirements, err = labels.ParseToRequirements(q.LabelSelector)
	r.when(err != nil, path+".labelSelector", "%v", err)
}

func (r *reader) expectations(path string, q *Request) {
	known := slices.Contains(slices.Collect(maps.Values(decisions)), q.Authorize)
	r.when(!known && q.Authorize != "", path+".authorize", "unknown decision %q: want allow, noOpinion or deny",
		q.Authorize)
	if q.Admit == nil {
		r.when(q.Authorize == "", path, "the request expects nothing, so it cannot fail: say authorize or admit")
		r.when(q.Message != "", path+".message", "message is the admission's, so it needs admit")
		return
	}
	verdict, status := q.Admit.String(), q.Admit.IntValue()
	r.when(verdict != allowed && (status < 400 || status > 599), path+".admit",
		"unknown verdict %q: want allowed or an HTTP status", verdict)
	_, writes := admission.OperationOf(q.Verb)
	r.when(!writes, path+".admit", "the admission is asked about writes, not about %s", q.Verb)
	r.when(writes && len(q.Body.Raw) == 0, path+".admit",
		"the admission is asked about objects, so it needs a body")
}

// AdmissionRequest returns what the SeedRestriction is asked about a write. The object is of the kind; old is what an
// update changes, the object itself when it is empty.
func AdmissionRequest(
	a *kauthorizer.AttributesRecord, kind schema.GroupVersionKind, object, old runtime.RawExtension,
) *admissionv1.AdmissionRequest {
	version := kind.Version
	if kind.Group != a.APIGroup { // the object of a subresource
		version = explain.KindOf(schema.GroupResource{Group: a.APIGroup, Resource: a.Resource}).Resource().Version
	}
	operation, _ := admission.OperationOf(a.Verb)
	review := &admissionv1.AdmissionRequest{
		UID:         "request",
		Kind:        metav1.GroupVersionKind(kind),
		Resource:    metav1.GroupVersionResource{Group: a.APIGroup, Version: version, Resource: a.Resource},
		SubResource: a.Subresource,
		Namespace:   a.Namespace,
		Name:        a.Name,
		Operation:   operation,
		UserInfo:    authenticationv1.UserInfo{Username: a.User.GetName(), Groups: a.User.GetGroups()},
	}
	if operation != admissionv1.Delete {
		review.Object = object
	}
	if operation != admissionv1.Create {
		review.OldObject = old
		if len(old.Raw) == 0 {
			review.OldObject = object
		}
	}
	return review
}

// Metadata returns what is in every object, and brings the object into the form in which admissions see it. Of what is
// empty it returns nothing.
func Metadata(raw *runtime.RawExtension) (o metav1.PartialObjectMetadata, err error) {
	if len(raw.Raw) == 0 {
		return o, nil
	}
	if err := json.Unmarshal(raw.Raw, &o); err != nil {
		return o, err
	}
	if o.APIVersion == "" || o.Kind == "" {
		return o, errors.New("the object has no kind or no apiVersion")
	}
	raw.Raw, err = WithoutStringData(o.Kind, raw.Raw)
	return o, err
}

// WithoutStringData moves the stringData of a Secret or InternalSecret into its data, as the API server does before any
// admission. Objects of other kinds stay as they are.
func WithoutStringData(kind string, raw []byte) ([]byte, error) {
	if kind != graph.KindSecret.String() && kind != graph.KindInternalSecret.String() {
		return raw, nil
	}
	var plain struct {
		Data       map[string]any    `json:"data"`
		StringData map[string]string `json:"stringData"`
	}
	if err := json.Unmarshal(raw, &plain); err != nil || len(plain.StringData) == 0 {
		return raw, err
	}
	var secret map[string]any
	if err := json.Unmarshal(raw, &secret); err != nil {
		return nil, err
	}
	data := map[string]any{}
	maps.Copy(data, plain.Data)
	for key, value := range plain.StringData {
		data[key] = []byte(value) // becomes base64
	}
	secret["data"] = data
	delete(secret, "stringData")
	return json.Marshal(secret)
}
