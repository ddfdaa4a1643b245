package manifests

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v2"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/util/json"
	kyaml "sigs.k8s.io/yaml"

	"github.com/seedguard/seedguard/pkg/graph"
)

const (
	// maxFileSize bounds a file. Landscapes that are larger have their objects in more than one file.
	maxFileSize = 64 << 20
	// maxExpandedSize bounds what aliases may make of a YAML document. The parser bounds their number, but each may stand for
	// a long text.
	maxExpandedSize = maxFileSize
	// maxListDepth bounds lists within lists, each level of which is read again.
	maxListDepth = 4
)

// parsed is what a file holds.
type parsed struct {
	// manifests are the objects of watched kinds in their order, perhaps some of them more than once.
	manifests []*manifest
	// broken are objects of watched kinds whose identity is plain but whose content cannot be decoded.
	broken map[graph.Vertex]bool
	// skipped counts the objects of other kinds.
	skipped map[schema.GroupKind]int
	// problems are about single objects.
	problems []string
}

// document is a part of a file.
type document struct {
	json        []byte
	index, line int // both from 1
}

func (d document) place() string { return fmt.Sprintf("document %d (line %d)", d.index, d.line) }

// parse reads a file. An error means that the file as a whole cannot be understood; it says where.
func parse(content []byte) (*parsed, error) {
	documents, err := split(content)
	if err != nil {
		return nil, err
	}
	p := &parsed{broken: map[graph.Vertex]bool{}, skipped: map[schema.GroupKind]int{}}
	for _, d := range documents {
		if string(d.json) == "null" {
			continue // nothing between two separators
		}
		if d.json[0] != '{' {
			return nil, fmt.Errorf("%s is not an object", d.place())
		}
		if err := p.add(d.json, schema.GroupVersionKind{}, d.place(), 1); err != nil {
			return nil, fmt.Errorf("%s: %w", d.place(), err)
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

// add adds an object, or those of a list. What is wrong with the object is a problem; an error is one of the file. implied
// is the kind where the object, an item of a typed list, does not say it.
func (p *parsed) add(content []byte, implied schema.GroupVersionKind, place string, depth int) error {
	var h head
	// Where the head is of wrong types, the decoder says so too. What could be read of it helps until then.
	headErr := kjson.Unmarshal(content, &h)
	kind := schema.FromAPIVersionAndKind(h.APIVersion, h.Kind)
	if kind.Empty() {
		kind = implied
	}
	resource, watched := resourceOf(kind.GroupKind())
	itemKind, isList := strings.CutSuffix(kind.Kind, "List")
	switch {
	case isList && len(h.Items) > 0:
		return p.addItems(h.Items, kind.GroupVersion().WithKind(itemKind), place, depth)
	case kind.Kind == "":
		p.problems = append(p.problems, place+": the object has no kind")
		return nil
	case !watched:
		p.skipped[kind.GroupKind()]++
		return nil
	}
	v := graph.Vertex{Kind: resource.Kind, Namespace: h.Metadata.Namespace, Name: h.Metadata.Name}
	if err := checkIdentity(resource, v); err != nil && headErr == nil {
		p.problems = append(p.problems, fmt.Sprintf("%s: %s: %v", place, describe(v), err))
		return nil
	}
	m := &manifest{Vertex: v, resource: resource, kind: kind}
	if _, err := decode(content, m); err != nil {
		p.problems = append(p.problems, fmt.Sprintf("%s: %s: %v", place, describe(v), err))
		p.broken[v] = true
		return nil
	}
	m.packed = pack(content)
	p.manifests = append(p.manifests, m)
	return nil
}

// addItems adds the objects of a list. What the list is of is the kind of those items that do not say it.
func (p *parsed) addItems(content []byte, kind schema.GroupVersionKind, place string, depth int) error {
	if depth > maxListDepth {
		return errors.New("lists are nested too deep")
	}
	if kind.Kind == "" {
		kind = schema.GroupVersionKind{} // a List of anything
	}
	var items []json.RawMessage
	if err := kjson.Unmarshal(content, &items); err != nil {
		return fmt.Errorf("the list's items cannot be decoded: %w", err)
	}
	for i, item := range items {
		if err := p.add(item, kind, fmt.Sprintf("%s: item %d", place, i+1), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// describe names an object in messages.
func describe(v graph.Vertex) string {
	name := v.Name
	if v.Namespace != "" {
		name = v.Namespace + "/" + name
	}
	return v.Kind.String() + " " + name
}

// split splits a file into its documents and turns each into JSON. Like kubectl, it goes by the content and not by the
// file's name, so JSON may be in a .yaml and the reverse.
func split(content []byte) ([]document, error) {
	if bytes.IndexByte(content, 0) >= 0 {
		return nil, fmt.Errorf("line %d holds a NUL, so this is neither YAML nor JSON in UTF-8", lineOf(content, bytes.IndexByte(content, 0)))
	}
	var jsonErr error
	if start := bytes.TrimLeft(content, " \t\r\n"); len(start) > 0 && start[0] == '{' {
		var documents []document
		if documents, jsonErr = splitJSON(content); jsonErr == nil {
			return documents, nil
		}
	}
	documents, err := splitYAML(content)
	if err != nil && jsonErr != nil {
		return nil, jsonErr // YAML's flow style is rare
	}
	return documents, err
}

func splitJSON(content []byte) ([]document, error) {
	var documents []document
	decoder := json.NewDecoder(bytes.NewReader(content))
	for {
		d := document{index: len(documents) + 1}
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		end := int(decoder.InputOffset())
		if err != nil {
			if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
				end = int(syntax.Offset)
			}
			return nil, fmt.Errorf("document %d, line %d: %w", d.index, lineOf(content, min(end, len(content))), err)
		}
		d.json, d.line = raw, lineOf(content, end-len(raw))
		documents = append(documents, d)
	}
}

// splitYAML splits at the markers for the start (---) and the end (...) of a document, which always stand at the start of a
// line.
func splitYAML(content []byte) ([]document, error) {
	var documents []document
	index, line, start, startLine := 0, 0, 0, 1
	flush := func(end int) error {
		part := content[start:end]
		if len(bytes.TrimSpace(part)) == 0 {
			return nil
		}
		index++
		d := document{index: index, line: startLine}
		var err error
		if d.json, err = toJSON(part); err != nil {
			return fmt.Errorf("document %d, %w", index, atLine(err, startLine))
		}
		documents = append(documents, d)
		return nil
	}
	for at := 0; at < len(content); {
		line++
		next := len(content)
		if n := bytes.IndexByte(content[at:], '\n'); n >= 0 {
			next = at + n + 1
		}
		begins, ends := isMarker(content[at:next], "---"), isMarker(content[at:next], "...")
		if begins || ends {
			if err := flush(at); err != nil {
				return nil, err
			}
			start, startLine = at, line
			if ends {
				start, startLine = next, line+1
			}
		}
		at = next
	}
	return documents, flush(len(content))
}

func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || strings.ContainsRune(" \t\r\n", rune(rest[0])))
}

// startsPlainly says whether a document begins, after comments, with a key at the start of a line, as almost all do.
func startsPlainly(part []byte) bool {
	for line := range bytes.Lines(part) {
		if text := bytes.TrimSpace(line); len(text) > 0 && text[0] != '#' && string(text) != "---" {
			return 'A' <= line[0] && line[0] <= 'Z' || 'a' <= line[0] && line[0] <= 'z'
		}
	}
	return true
}

// toJSON turns a YAML document into JSON. A key that is there twice is an error: which one counts would be a guess.
func toJSON(part []byte) ([]byte, error) {
	// Aliases need an anchor and a reference to it.
	aliases := bytes.IndexByte(part, '&') >= 0 && bytes.IndexByte(part, '*') >= 0
	if aliases || !startsPlainly(part) {
		var tree, rest any
		decoder := yaml.NewDecoder(bytes.NewReader(part))
		if err := decoder.Decode(&tree); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if size := expandedSize(tree, 0); size > maxExpandedSize {
			return nil, fmt.Errorf("line 1: aliases make it larger than %d bytes", maxExpandedSize)
		}
		// The parser stops at the end of a value that is not at the margin, or has brackets, and takes no notice of what follows.
		if err := decoder.Decode(&rest); !errors.Is(err, io.EOF) {
			return nil, cmp.Or(err, errors.New("line 1: there is more after the end of the document"))
		}
	}
	return kyaml.YAMLToJSONStrict(part)
}

// expandedSize adds the size of the text in a tree to size, and stops when that is too large anyway.
func expandedSize(tree any, size int) int {
	size += 2
	switch tree := tree.(type) {
	case string:
		size += len(tree)
	case []any:
		for _, item := range tree {
			if size = expandedSize(item, size); size > maxExpandedSize {
				break
			}
		}
	case map[any]any:
		for key, value := range tree {
			if size = expandedSize(value, expandedSize(key, size)); size > maxExpandedSize {
				break
			}
		}
	}
	return size
}

var lineNumber = regexp.MustCompile(`line (\d+)`)

// atLine makes an error's line numbers those of the file in which the document starts at the given line.
func atLine(err error, start int) error {
	message, _ := strings.CutPrefix(err.Error(), "yaml: ")
	message = strings.ReplaceAll(strings.TrimPrefix(message, "unmarshal errors:"), "\n  ", " ")
	found := false
	message = lineNumber.ReplaceAllStringFunc(message, func(match string) string {
		found = true
		n, _ := strconv.Atoi(strings.TrimPrefix(match, "line ")) // at worst 0, the start
		return fmt.Sprintf("line %d", start+max(n-1, 0))
	})
	if message = strings.TrimSpace(message); !found {
		message = fmt.Sprintf("line %d: %s", start, message)
	}
	return errors.New(message)
}

// lineOf returns the number of the line at the offset, from 1.
func lineOf(content []byte, offset int) int { return 1 + bytes.Count(content[:offset], []byte("\n")) }
