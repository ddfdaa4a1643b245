package directory

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v2"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kyaml "sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/naming"
)

// parsed is what a file holds.
type parsed struct {
	// objects are those of watched kinds in their order, perhaps some of them more than once.
	objects []*garden.Object
	// broken are objects of watched kinds that have an identity but cannot be decoded.
	broken []graph.Vertex
	// skipped counts the objects of other kinds.
	skipped map[string]int
	// problems are about single objects.
	problems []string
}

// parse reads a file. An error means that the file as a whole cannot be understood. It says where.
func parse(content []byte) (parsed, error) {
	p := parsed{skipped: map[string]int{}}
	documents, err := split(content)
	if err != nil {
		return parsed{}, err
	}
	for _, d := range documents {
		switch {
		case string(d.json) == "null": // nothing but comments
		case d.json[0] != '{':
			return parsed{}, fmt.Errorf("%s is not an object", d.place)
		default:
			if err := p.add(d.json, schema.GroupVersionKind{}, d.place); err != nil {
				return parsed{}, err
			}
		}
	}
	return p, nil
}

// head is what tells an object from a list, and one object from another.
type head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Items json.RawMessage `json:"items"`
}

// add adds an object, or those of a list. What is wrong with an object is a problem, an error is one of the file.
// implied is the kind where an item of a typed list does not say it.
func (p *parsed) add(content []byte, implied schema.GroupVersionKind, place string) error {
	var h head
	// Where the head has fields of wrong types, the decoder says so too. What could be read of it helps until then.
	headErr := kjson.Unmarshal(content, &h)
	kind := schema.FromAPIVersionAndKind(h.APIVersion, h.Kind)
	if kind.Empty() {
		kind = implied
	}
	resource, watched := resources[kind.GroupKind()]
	itemKind, isList := strings.CutSuffix(kind.Kind, "List")
	switch {
	case isList && len(h.Items) > 0:
		var items []json.RawMessage
		if err := kjson.Unmarshal(h.Items, &items); err != nil {
			return fmt.Errorf("%s: the list's items cannot be decoded: %w", place, err)
		}
		implied = schema.GroupVersionKind{} // a List of anything
		if itemKind != "" {
			implied = kind.GroupVersion().WithKind(itemKind)
		}
		for i, item := range items {
			if err := p.add(item, implied, fmt.Sprintf("%s: item %d", place, i+1)); err != nil {
				return err
			}
		}
		return nil
	case kind.Kind == "":
		p.problems = append(p.problems, place+": the object has no kind")
		return nil
	case !watched:
		p.skipped[kind.GroupKind().String()]++
		return nil
	}
	v := graph.Vertex{Kind: resource.Kind, Namespace: h.Metadata.Namespace, Name: h.Metadata.Name}
	err := checkIdentity(resource, v)
	if err == nil || headErr != nil {
		var o *garden.Object
		if o, err = decode(content, kind, resource); err == nil {
			p.objects = append(p.objects, o)
			return nil
		}
		p.broken = append(p.broken, v)
	}
	p.problems = append(p.problems, fmt.Sprintf("%s: %s: %v", place, describe(v), err))
	return nil
}

var resources = func() map[schema.GroupKind]garden.Resource {
	byKind := map[schema.GroupKind]garden.Resource{}
	for _, r := range garden.Resources() {
		byKind[schema.GroupKind{Group: r.Group, Kind: r.Kind.String()}] = r
	}
	return byKind
}()

// checkIdentity fails when no API server would have an object of that name and namespace.
func checkIdentity(r garden.Resource, v graph.Vertex) error {
	if !naming.IsSegment(v.Name) || r.Namespaced != (v.Namespace != "") || r.Namespaced && !naming.IsSegment(v.Namespace) {
		return fmt.Errorf("its name or namespace is missing or not valid (namespaced: %t)", r.Namespaced)
	}
	return nil
}

// describe names an object in messages.
func describe(v graph.Vertex) string {
	return fmt.Sprintf("%s %s", v.Kind, strings.TrimPrefix(v.Namespace+"/"+v.Name, "/"))
}

// decode returns what is kept of the object, as the API server would have it: in the resource's version, with defaults.
func decode(content []byte, kind schema.GroupVersionKind, r garden.Resource) (*garden.Object, error) {
	if kind.Version == runtime.APIVersionInternal || !garden.Scheme.Recognizes(kind) {
		return nil, fmt.Errorf("version %s is not known", kind.GroupVersion())
	}
	// Versions are converted to one another by way of the internal one, which not all kinds have.
	version := kind.GroupVersion()
	if version != r.GroupVersion() {
		version.Version = runtime.APIVersionInternal
	}
	o, _, err := garden.Codecs.UniversalDecoder(version).Decode(content, &kind, nil)
	if err == nil {
		o, err = garden.Scheme.ConvertToVersion(o, r.GroupVersion())
	}
	if err != nil {
		return nil, fmt.Errorf("it cannot be decoded: %w", err)
	}
	kept, err := garden.Extract(o)
	if err != nil {
		return nil, err
	}
	kept.ResourceVersion = ""
	return kept, nil
}

// document is a part of a file.
type document struct {
	json  []byte
	place string
}

// split splits a file into its documents and turns each into JSON. Like kubectl, it goes by the content and not by the
// file's name, so JSON may be in a .yaml and the reverse.
func split(content []byte) ([]document, error) {
	documents, err := splitJSON(content)
	if err != nil { // what is wrong with JSON is wrong with YAML
		return splitYAML(content)
	}
	return documents, nil
}

func splitJSON(content []byte) ([]document, error) {
	var documents []document
	decoder := json.NewDecoder(bytes.NewReader(content))
	for offset, line := 0, 1; ; {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return documents, nil
		} else if err != nil {
			return nil, err
		}
		start := int(decoder.InputOffset()) - len(raw)
		line += bytes.Count(content[offset:start], []byte("\n"))
		documents = append(documents, document{raw, fmt.Sprintf("document %d (line %d)", len(documents)+1, line)})
		offset = start
	}
}

func splitYAML(content []byte) ([]document, error) {
	// The reader does not say where a document was. Its text is found again, since it begins a line and is as it was.
	content = append([]byte("\n"), bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))...)
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content[1:])))
	var documents []document
	for offset, line := 0, 0; ; {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		text = bytes.TrimRight(text, "\n")
		if err == nil && len(text) == 0 {
			continue
		}
		start := offset + max(0, bytes.Index(content[offset:], append([]byte("\n"), text...))) + 1
		line += bytes.Count(content[offset:start], []byte("\n"))
		d := document{place: fmt.Sprintf("document %d (line %d)", len(documents)+1, line)}
		if err == nil {
			d.json, err = toJSON(text)
		}
		if err != nil {
			// The parser counts lines from where it begins, so it is told how many there are before.
			if _, placed := toJSON(append(bytes.Repeat([]byte("\n"), line-1), text...)); placed != nil {
				err = placed
			}
			return nil, fmt.Errorf("%s: %s", d.place, strings.Join(strings.Fields(err.Error()), " "))
		}
		documents = append(documents, d)
		offset, line = start+len(text), line+bytes.Count(text, []byte("\n"))
	}
}

// plain matches a document that begins, after comments, with a key at the start of a line, as almost all do.
var plain = regexp.MustCompile(`^([ \t]*(#.*)?\n)*[A-Za-z]`)

// toJSON turns a YAML document into JSON. A key that is there twice is an error: which one counts would be a guess.
func toJSON(text []byte) ([]byte, error) {
	// The parser stops at the end of a value that is not at the margin, or has brackets, and takes no notice of the rest.
	if !plain.Match(text) || bytes.Contains(text, []byte("\n...")) {
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		var first, rest any
		if err := decoder.Decode(&first); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if err := decoder.Decode(&rest); !errors.Is(err, io.EOF) {
			return nil, cmp.Or(err, errors.New("there is more after the end of the document"))
		}
	}
	return kyaml.YAMLToJSONStrict(text)
}
