package directory

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v2"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/sets"
	kyaml "sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
	"github.com/seedguard/seedguard/pkg/naming"
)

// parsed is what a file holds.
type parsed struct {
	// objects are those of watched kinds in their order, perhaps some of them more than once.
	objects []*garden.Object
	// broken are objects of watched kinds that cannot be decoded.
	broken sets.Set[graph.Vertex]
	// skipped counts the objects of other kinds.
	skipped map[string]int
	// problems are about single objects.
	problems []string
}

// parse reads a file. An error means that the file as a whole cannot be understood. It says where.
func parse(content []byte) (parsed, error) {
	p := parsed{broken: sets.New[graph.Vertex](), skipped: map[string]int{}}
	documents, err := split(content)
	if err != nil {
		return parsed{}, err
	}
	for i, d := range documents {
		switch {
		case string(d.text) == "null": // nothing but comments
		case d.text[0] != '{':
			return parsed{}, fmt.Errorf("%s is not an object", d.place(i))
		default:
			if err := p.add(d.text, schema.GroupVersionKind{}, d.place(i)); err != nil {
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
	headErr := kjson.Unmarshal(content, &h) // looked at last: what could be read tells which object it is about
	kind := schema.FromAPIVersionAndKind(h.APIVersion, h.Kind)
	if kind.Empty() {
		kind = implied
	}
	watchedKind, watched := watchedAs(kind)
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
	case kind.Kind == "":
		p.problems = append(p.problems, place+": the object has no kind")
	case !watched:
		p.skipped[kind.GroupKind().String()]++
	default:
		v := graph.Vertex{Kind: watchedKind, Namespace: h.Metadata.Namespace, Name: h.Metadata.Name}
		o, err := decode(content, kind, v, headErr)
		if err != nil {
			p.broken.Insert(v)
			p.problems = append(p.problems, fmt.Sprintf("%s: %s: %v", place, describe(v), err))
			return nil
		}
		p.objects = append(p.objects, o)
	}
	return nil
}

// Decode reads one object of a watched kind, in JSON, as it would be read from a file.
func Decode(content []byte) (*garden.Object, error) {
	var h head
	headErr := kjson.Unmarshal(content, &h)
	kind := schema.FromAPIVersionAndKind(h.APIVersion, h.Kind)
	watchedKind, watched := watchedAs(kind)
	switch {
	case kind.Kind == "":
		return nil, cmp.Or(headErr, errors.New("the object has no kind"))
	case !watched:
		return nil, fmt.Errorf("objects of kind %s are not watched, so nothing depends on them", kind.GroupKind())
	}
	v := graph.Vertex{Kind: watchedKind, Namespace: h.Metadata.Namespace, Name: h.Metadata.Name}
	return decode(content, kind, v, headErr)
}

// watchedAs returns the watched kind of an API object, in any version; false when there is none.
func watchedAs(kind schema.GroupVersionKind) (graph.Kind, bool) {
	k, _ := graph.ParseKind(kind.Kind)
	return k, k.Resource().Group == kind.Group && slices.Contains(garden.Watched(), k)
}

// checkIdentity fails when no API server would have an object of that name and namespace.
func checkIdentity(v graph.Vertex) error {
	namespaced := v.Kind.Namespaced()
	if !naming.IsSegment(v.Name) || namespaced != (v.Namespace != "") || namespaced && !naming.IsSegment(v.Namespace) {
		return fmt.Errorf("its name or namespace is missing or not valid (namespaced: %t)", namespaced)
	}
	return nil
}

// describe names an object in messages.
func describe(v graph.Vertex) string {
	return fmt.Sprintf("%s %s", v.Kind, strings.TrimPrefix(v.Namespace+"/"+v.Name, "/"))
}

// hashSeed makes the hashes of this process.
var hashSeed = maphash.MakeSeed()

// decode returns what is kept of the object, as the API server would have it: in the version of v's kind, with
// defaults. headErr is what was wrong with its head.
func decode(content []byte, kind schema.GroupVersionKind, v graph.Vertex, headErr error) (*garden.Object, error) {
	if headErr != nil {
		return nil, fmt.Errorf("it cannot be decoded: %w", headErr)
	}
	if err := checkIdentity(v); err != nil {
		return nil, err
	}
	if kind.Version == runtime.APIVersionInternal || !garden.Scheme.Recognizes(kind) {
		return nil, fmt.Errorf("version %s is not known", kind.GroupVersion())
	}
	// Versions are converted to one another by way of the internal one, which not all kinds have.
	watched, version := v.Kind.Resource().GroupVersion(), kind.GroupVersion()
	if version != watched {
		version.Version = runtime.APIVersionInternal
	}
	o, _, err := garden.Codecs.UniversalDecoder(version).Decode(content, &kind, nil)
	if err == nil {
		o, err = garden.Scheme.ConvertToVersion(o, watched)
	}
	if err != nil {
		return nil, fmt.Errorf("it cannot be decoded: %w", err)
	}
	kept, err := garden.Extract(o)
	if err != nil {
		return nil, err
	}
	// Objects of the same content have the same version, others another.
	kept.ResourceVersion = strconv.FormatUint(maphash.String(hashSeed, kind.String()+string(content)), 10)
	return kept, nil
}

// document is a part of a file.
type document struct {
	// text is JSON, or YAML that begins with the separator's line.
	text []byte
	// before is how many lines there are before it, its separator included.
	before int
}

// split splits a file into its documents and turns each into JSON. Like kubectl, it goes by the content and not by the
// file's name, so JSON may be in a .yaml and the reverse.
func split(content []byte) ([]document, error) {
	documents, err := splitJSON(content)
	if err == nil {
		return documents, nil
	}
	// What is wrong with JSON is wrong with YAML.
	documents = splitYAML(content)
	for i := range documents {
		d := &documents[i]
		asJSON, err := toJSON(d.text)
		if err != nil {
			// The parser counts lines from where it begins, so it is told how many there are before.
			_, placed := toJSON(append(bytes.Repeat([]byte("\n"), max(0, d.before-1)), d.text...))
			message := strings.Join(strings.Fields(cmp.Or(placed, err).Error()), " ")
			return nil, fmt.Errorf("%s: %s", d.place(i), message)
		}
		d.text = asJSON
	}
	return documents, nil
}

// Documents returns the documents of a file as JSON, but for those that hold nothing but comments.
func Documents(content []byte) (all [][]byte, err error) {
	documents, err := split(content)
	for _, d := range documents {
		if string(d.text) != "null" {
			all = append(all, d.text)
		}
	}
	return all, err
}

// place says where in the file the document is that comes after n others.
func (d document) place(n int) string { return fmt.Sprintf("document %d (line %d)", n+1, d.before+1) }

func splitJSON(content []byte) (documents []document, err error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	for offset, line := 0, 0; ; {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return documents, nil
		} else if err != nil {
			return nil, err
		}
		start := int(decoder.InputOffset()) - len(raw)
		line += bytes.Count(content[offset:start], []byte("\n"))
		documents = append(documents, document{raw, line})
		offset = start
	}
}

// splitYAML splits at separators, which no value may have at the margin.
func splitYAML(content []byte) (documents []document) {
	line := 0
	for text := range bytes.Lines(content) {
		line++
		if bytes.HasPrefix(text, []byte("---")) {
			documents = append(documents, document{before: line})
		} else if line == 1 {
			documents = append(documents, document{})
		}
		last := &documents[len(documents)-1]
		last.text = append(last.text, text...)
	}
	return documents
}

// plain matches a document that begins, after comments, with a key at the start of a line, as almost all do.
var plain = regexp.MustCompile(`^(---)?([ \t]*(#.*)?\r?\n)*[A-Za-z]`)

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
