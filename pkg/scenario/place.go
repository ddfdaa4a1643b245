package scenario

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	kjson "sigs.k8s.io/json"
	kyaml "sigs.k8s.io/yaml"
)

// Error is something that is wrong with a file.
type Error struct {
	File string
	// Line and Column begin at 1. Both are 0 for the file as a whole.
	Line, Column int
	Message      string
}

// Error returns file:line:column: message.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	if e.Column == 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// reader reads a file and collects what is wrong with it. Values are read by way of JSON, as manifests are everywhere
// in Kubernetes. That loses their places, so the file is parsed for these a second time.
type reader struct {
	file string
	root *yaml.Node
	errs []*Error
}

// parse returns the file's one document as JSON.
func (r *reader) parse(content []byte) ([]byte, error) {
	var first, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil, r.unreadable(errors.New("the file is empty"))
	case err != nil:
		return nil, r.unreadable(err)
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		r.errs = append(r.errs, &Error{File: r.file, Line: second.Line, Column: second.Column,
			Message: "a second document: each scenario needs a file of its own"})
		return nil, r.err()
	case !errors.Is(err, io.EOF):
		return nil, r.unreadable(err)
	}
	r.root = first.Content[0]
	asJSON, err := kyaml.YAMLToJSONStrict(content)
	if err != nil {
		return nil, r.unreadable(err)
	}
	if r.root.Kind != yaml.MappingNode {
		r.wrong("", "a scenario begins with fields such as objects and requests")
	}
	return asJSON, r.err()
}

// lineOf finds the line in a message of the YAML parsers.
var lineOf = regexp.MustCompile(`^line ([0-9]+): `)

// unreadable takes over what the YAML parsers say, which may be several lines, and returns all that is wrong.
func (r *reader) unreadable(err error) error {
	for message := range strings.SplitSeq(err.Error(), "\n") {
		message = strings.TrimPrefix(strings.TrimSpace(message), "yaml: ")
		if message == "unmarshal errors:" {
			continue
		}
		line := 0
		if found := lineOf.FindStringSubmatch(message); found != nil {
			line, _ = strconv.Atoi(found[1]) // 0 if it is no number of a line
			message = strings.TrimPrefix(message, found[0])
		}
		r.errs = append(r.errs, &Error{File: r.file, Line: line, Message: message})
	}
	return r.err()
}

// wrong tells what is wrong with the value at a path, as in requests[2].as.
func (r *reader) wrong(path, format string, args ...any) {
	line, column := r.place(path)
	r.errs = append(r.errs, &Error{File: r.file, Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

// when tells what is wrong with the value at a path, if that is so.
func (r *reader) when(wrong bool, path, format string, args ...any) {
	if wrong {
		r.wrong(path, format, args...)
	}
}

// steps are the parts of a path.
var steps = regexp.MustCompile(`[^.\[\]]+|\[[0-9]+\]`)

// place returns where the value at a path begins, with its key. What is not there is where it would be.
func (r *reader) place(path string) (line, column int) {
	node, at := r.root, r.root
	for _, step := range steps.FindAllString(path, -1) {
		for node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		key, value := child(node, step)
		if value == nil {
			break
		}
		node, at = value, key
	}
	return at.Line, at.Column
}

// child returns the value of a field or an element, and where it begins.
func child(node *yaml.Node, step string) (at, value *yaml.Node) {
	if index, ok := strings.CutPrefix(step, "["); ok && node.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(strings.TrimSuffix(index, "]")); err == nil && i < len(node.Content) {
			return node.Content[i], node.Content[i]
		}
	}
	if node.Kind == yaml.MappingNode {
		for pair := range slices.Chunk(node.Content, 2) {
			if pair[0].Value == step {
				return pair[0], pair[1]
			}
		}
	}
	return nil, nil
}

// decode decodes the value at a path strictly, and reports whether it could.
func (r *reader) decode(path string, raw []byte, into any) bool {
	strict, err := kjson.UnmarshalStrict(raw, into)
	r.undecoded(path, err)
	r.strict(path, strict)
	return err == nil && len(strict) == 0
}

// undecoded tells why the value at a path could not be decoded, if it could not.
func (r *reader) undecoded(path string, err error) {
	if mistyped := (*json.UnmarshalTypeError)(nil); errors.As(err, &mistyped) {
		r.wrong(join(path, mistyped.Field), "%s", describe(mistyped))
	} else if err != nil {
		r.wrong(path, "%v", err)
	}
}

// strict tells of fields that are not known. Fields that come twice have been found in the YAML.
func (r *reader) strict(path string, errs []error) {
	for _, err := range errs {
		at := path
		if field, ok := err.(kjson.FieldError); ok {
			at = join(path, field.FieldPath())
		}
		r.wrong(at, "%v", err)
	}
}

func join(path, field string) string { return strings.Trim(path+"."+field, ".") }

// describe says that a value has another type than it should have.
func describe(err *json.UnmarshalTypeError) string {
	want := "a number"
	switch err.Type.Kind() {
	case reflect.String:
		want = "a string"
		if err.Value == "bool" || strings.HasPrefix(err.Value, "number") {
			want += " in quotes, which tell it from a " + strings.Fields(err.Value)[0]
		}
	case reflect.Struct, reflect.Map:
		want = "fields"
	case reflect.Slice:
		want = "a list"
	case reflect.Bool:
		want = "true or false"
	default:
	}
	return strings.TrimPrefix(fmt.Sprintf("%s: want %s, got %s", err.Field, want, err.Value), ": ")
}

// err joins all that is wrong, in the order of the file.
func (r *reader) err() error {
	slices.SortStableFunc(r.errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for i, err := range r.errs {
		if i == 0 || *err != *r.errs[i-1] { // what an alias repeats is told once
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}
