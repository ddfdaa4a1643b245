package manifests

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// manifest is an object as a file defines it. It is never changed.
type manifest struct {
	graph.Vertex
	resource *garden.Resource
	// kind is in the version that the file has it in.
	kind schema.GroupVersionKind
	// packed is the content. What informers keep of an object is far smaller than the object, and they read it once, so that
	// whole objects would be most of the memory of a server on a large folder.
	packed []byte
}

func (m *manifest) equal(other *manifest) bool {
	return m == other || m.kind == other.kind && bytes.Equal(m.packed, other.packed)
}

var resources = func() map[schema.GroupKind]*garden.Resource {
	byKind := map[schema.GroupKind]*garden.Resource{}
	for _, r := range garden.Resources() {
		byKind[schema.GroupKind{Group: r.Group, Kind: r.Kind.String()}] = &r
	}
	return byKind
}()

// resourceOf returns the resource of a watched kind.
func resourceOf(kind schema.GroupKind) (*garden.Resource, bool) {
	r, ok := resources[kind]
	return r, ok
}

// checkIdentity returns why no API server would have an object of that name and namespace.
func checkIdentity(r *garden.Resource, v graph.Vertex) error {
	if v.Name == "" {
		return errors.New("it has no name")
	}
	if r.Namespaced && v.Namespace == "" {
		return errors.New("it has no namespace, but its kind is namespaced")
	}
	if !r.Namespaced && v.Namespace != "" {
		return errors.New("it has a namespace, but its kind is not namespaced")
	}
	// Caches join namespace and name by a slash.
	if reasons := append(content.IsPathSegmentName(v.Name), content.IsPathSegmentName(v.Namespace)...); len(reasons) > 0 {
		return fmt.Errorf("its name or namespace is not valid: %s", strings.Join(reasons, ", "))
	}
	return nil
}

// decode returns the object in the resource's version, with the defaults that Gardener's API server would give it.
func decode(raw []byte, m *manifest) (runtime.Object, error) {
	version := m.kind.GroupVersion()
	if version.Version == runtime.APIVersionInternal || !garden.Scheme.Recognizes(m.kind) {
		return nil, fmt.Errorf("version %s is not known", version)
	}
	o, _, err := garden.Codecs.UniversalDecoder(version).Decode(raw, &m.kind, nil)
	if err != nil {
		return nil, fmt.Errorf("it cannot be decoded: %w", err)
	}
	if version != m.resource.GroupVersion() {
		// Versions are converted to one another by way of the internal one.
		hub := schema.GroupVersion{Group: version.Group, Version: runtime.APIVersionInternal}
		for _, to := range []schema.GroupVersion{hub, m.resource.GroupVersion()} {
			if o, err = garden.Scheme.ConvertToVersion(o, to); err != nil {
				return nil, fmt.Errorf("it cannot be converted: %w", err)
			}
		}
	}
	return o, nil
}

// object returns the object anew for each caller, as of the version.
func (m *manifest) object(version int64) (runtime.Object, error) {
	raw, err := unpack(m.packed)
	if err != nil {
		return nil, err
	}
	o, err := decode(raw, m)
	if err != nil {
		return nil, err
	}
	accessor, err := meta.Accessor(o)
	if err != nil {
		return nil, err
	}
	accessor.SetResourceVersion(formatVersion(version))
	return o, nil
}

var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(fmt.Sprintf("BUG: %v", err)) // the level is a constant
	}
	return w
}}

// pack compresses content. Equal content is packed equally.
func pack(content []byte) []byte {
	var packed bytes.Buffer
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&packed)
	_, err := w.Write(content)
	if err = errors.Join(err, w.Close()); err != nil {
		panic(fmt.Sprintf("BUG: %v", err)) // a buffer takes everything
	}
	return bytes.Clone(packed.Bytes()) // without the buffer's spare capacity
}

func unpack(packed []byte) ([]byte, error) {
	return io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
}
