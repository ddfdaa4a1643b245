package admission

import (
	"bytes"
	"encoding/base64"
	gojson "encoding/json"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/json"
)

// This file decodes objects. Whoever hands a request over has parsed it, so objects are valid JSON, and fields that nobody
// asks for are passed over without being looked into. That makes the difference for Secrets: a decoder from the library
// reads a certificate and its key twice, to skip them.

// undecoded is a field that is kept as JSON. It shares its bytes with the request.
type undecoded []byte

// decode decodes an object. Names of fields are case-sensitive, as for the API server. The error is for the client; it tells
// no values.
func decode(raw []byte, o object) error { return decodeFields("", raw, o) }

func decodeFields(path string, raw []byte, o fields) error {
	return eachField(raw, func(name string, value []byte) error {
		into := o.field(name)
		name = path + name
		switch into := into.(type) {
		case nil:
			return nil
		case *undecoded:
			*into = value
			return nil
		case fields:
			if bytes.HasPrefix(value, []byte{'{'}) {
				return decodeFields(name+".", value, into)
			}
			return decodeField(name, value, &struct{}{}) // null, or an error
		case *[]byte:
			// Without escapes, what is between the quotes is the base64.
			if quoted := bytes.Trim(value, `"`); len(quoted) == len(value)-2 {
				if decoded, err := base64.StdEncoding.AppendDecode((*into)[:0], quoted); err == nil {
					*into = decoded
					return nil
				}
			}
			return decodeField(name, value, into)
		default:
			return decodeField(name, value, into)
		}
	})
}

func decodeField(name string, value []byte, into any) error {
	err := json.Unmarshal(value, into)
	if wrong := new(gojson.UnmarshalTypeError); errors.As(err, &wrong) {
		if wrong.Field != "" {
			name += "." + wrong.Field
		}
		// For numbers, the standard message would hold the number.
		got, _, _ := strings.Cut(wrong.Value, " ")
		return fmt.Errorf("field %q must not be of type %s", name, got)
	}
	if err != nil {
		return fmt.Errorf("field %q: %w", name, err)
	}
	return nil
}

var errNoObject = errors.New("it is not there, or no JSON object")

// eachField calls f for each field of a JSON object, in their order.
func eachField(raw []byte, f func(name string, value []byte) error) error {
	s := scanner{raw: raw}
	if s.next() != '{' {
		return errNoObject
	}
	s.at++
	for first := true; ; first = false {
		c := s.next()
		if c == '}' {
			s.at++
			break
		}
		if !first {
			if c != ',' {
				return errNoObject
			}
			s.at++
			c = s.next()
		}
		if c != '"' {
			return errNoObject
		}
		name, ok := unquote(s.value())
		if !ok || s.next() != ':' {
			return errNoObject
		}
		s.at++
		if s.next() == 0 {
			return errNoObject
		}
		if err := f(name, s.value()); err != nil {
			return err
		}
	}
	if s.next() != 0 || s.at < len(raw) {
		return errNoObject
	}
	return nil
}

func unquote(quoted []byte) (name string, ok bool) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(bytes.Trim(quoted, `"`)), true
	}
	return name, gojson.Unmarshal(quoted, &name) == nil
}

// scanner finds the ends of JSON values. On what is not JSON it finds some end, and never fails.
type scanner struct {
	raw []byte
	at  int
}

// next moves to the next character that is not white space and returns it, 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.raw); s.at++ {
		switch c := s.raw[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// value moves behind the value that starts here and returns it.
func (s *scanner) value() []byte {
	start := s.at
	switch s.raw[s.at] {
	case '"':
		s.skipString()
	case '{', '[':
		s.skipNested()
	default:
		end := bytes.IndexAny(s.raw[s.at:], ",]} \t\n\r")
		if end < 0 {
			end = len(s.raw) - s.at
		}
		s.at += end
	}
	return s.raw[start:s.at]
}

func (s *scanner) skipNested() {
	for depth := 0; s.at < len(s.raw); {
		switch s.raw[s.at] {
		case '"':
			s.skipString()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.at++
		if depth == 0 {
			return
		}
	}
}

func (s *scanner) skipString() {
	for s.at++; s.at < len(s.raw); {
		end := bytes.IndexByte(s.raw[s.at:], '"')
		if end < 0 {
			s.at = len(s.raw)
			return
		}
		escapes := 0
		for escapes < end && s.raw[s.at+end-1-escapes] == '\\' {
			escapes++
		}
		s.at += end + 1
		if escapes%2 == 0 {
			return
		}
	}
}
