package garden

import (
	"fmt"
	"time"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seedguard/seedguard/pkg/graph"
)

// watched is a row of the table of watched kinds: what is kept of an object, which edges it implies, and what else
// makes its edges change. What the API calls the kind is in the graph's kind table.
type watched struct {
	graph.Kind
	// fields are the fields by which an object owns edges, in the order in which extract gives their edges.
	fields []*Field
	// extract calls add for each edge that follows from the object alone, with the field that implies it, and returns the
	// facts that others look up.
	extract func(o runtime.Object, add func(*Field, graph.Edge)) (facts any)
	// derive returns from where edges lead into the object that need another object or the clock, and when they next
	// change without any event (zero: never). Nil for most kinds.
	derive func(*Garden, *Object, time.Time) (from []graph.Vertex, next time.Time)
	// dependents returns the objects whose derived edges rest on this object. Nil for most kinds.
	dependents func(*Garden, *Object) []*Object
}

// Field is a field of a watched kind by which its objects own edges.
type Field struct {
	Owner graph.Kind `json:"object"`
	// Path leads to the field, as in spec.dns.providers[].credentialsRef.
	Path string `json:"field"`
	// From and To are the kinds at the ends of the edges. One of the two is the owner's, but for what the owner says of
	// others.
	From []graph.Kind `json:"from"`
	To   []graph.Kind `json:"to"`
	// Note says what the path does not: a namespace that is not the owner's, a condition.
	Note string `json:"note,omitempty"`
}

// Reference is an edge with the field that implies it.
type Reference struct {
	Field *Field
	graph.Edge
}

// refer takes what a field refers to. A reference that leads nowhere (none) is passed over.
type refer func(graph.Vertex)

// field is a Field with the function that reads it. T is the API type, or a view of it.
type field[T any] struct {
	Field
	// into: the edges lead from what the field refers to; else they lead to it.
	into bool
	// beside: the other end of the edges is the Seed of the owner's name; else it is the owner.
	beside bool
	// each calls refer for everything that the field refers to.
	each func(o T, refer refer)
}

// into makes a field whose edges lead from what it refers to into the owner.
func into[T any](path string, from []graph.Kind, note string, each func(T, refer)) field[T] {
	return field[T]{Field: Field{Path: path, From: from, Note: note}, into: true, each: each}
}

// onward makes a field whose edges lead from the owner to what it refers to.
func onward[T any](path string, to []graph.Kind, note string, each func(T, refer)) field[T] {
	return field[T]{Field: Field{Path: path, To: to, Note: note}, each: each}
}

// beside makes a field whose edges lead from what it refers to into the Seed of the owner's name.
func beside[T any](path string, from []graph.Kind, note string, each func(T, refer)) field[T] {
	f := into(path, from, note, each)
	f.To, f.beside = kinds(graph.KindSeed), true
	return f
}

func kinds(kinds ...graph.Kind) []graph.Kind { return kinds }

// row makes a row of the table. T is the API type, which Scheme must know under the kind's name. Facts may be nil.
func row[T runtime.Object](kind graph.Kind, fields []field[T], facts func(T) any) watched {
	return rowAs(kind, func(o T) T { return o }, fields, facts)
}

// rowAs is row with a view of the API type, which is made once for all fields.
func rowAs[O runtime.Object, T any](kind graph.Kind, view func(O) T, fields []field[T], facts func(T) any) watched {
	w := watched{Kind: kind}
	for i := range fields {
		f := &fields[i].Field
		f.Owner = kind
		if f.From == nil {
			f.From = kinds(kind)
		}
		if f.To == nil {
			f.To = kinds(kind)
		}
		w.fields = append(w.fields, f)
	}
	w.extract = func(object runtime.Object, add func(*Field, graph.Edge)) any {
		meta, _ := object.(metav1.Object) // looked at by watched.object
		owner := graph.Vertex{Kind: kind, Namespace: meta.GetNamespace(), Name: meta.GetName()}
		o := view(object.(O))
		for i := range fields {
			f, other := &fields[i], owner
			if f.beside {
				other = graph.Vertex{Kind: graph.KindSeed, Name: owner.Name}
			}
			f.each(o, func(v graph.Vertex) {
				switch {
				case v == none || other.Name == "":
				case f.into:
					add(&f.Field, graph.Edge{From: v, To: other})
				default:
					add(&f.Field, graph.Edge{From: other, To: v})
				}
			})
		}
		if facts == nil {
			return nil
		}
		return facts(o)
	}
	return w
}

// newObject returns an empty object of the API type.
func newObject(kind graph.Kind) runtime.Object {
	o, err := Scheme.New(kind.Resource().GroupVersion().WithKind(kind.String()))
	if err != nil {
		panic(fmt.Sprintf("BUG: %v", err)) // a row names a kind that its group does not have; any test finds it
	}
	return o
}

func (w watched) derived(f func(*Garden, *Object, time.Time) ([]graph.Vertex, time.Time), field Field) watched {
	field.Owner = w.Kind
	field.To = kinds(w.Kind)
	w.derive = f
	w.fields = append(w.fields, &field)
	return w
}

func (w watched) dependedOnBy(f func(*Garden, *Object) []*Object) watched {
	w.dependents = f
	return w
}

// Fields returns the table of edges: all fields of all watched kinds by which objects own edges.
func Fields() []Field {
	var fields []Field
	for i := range table {
		for _, f := range table[i].fields {
			fields = append(fields, *f)
		}
	}
	return fields
}

// References returns the edges that follow from an API object of a watched kind alone, with the fields that imply them,
// and an error for any other object. It is pure.
func References(o runtime.Object) ([]Reference, error) {
	w, err := watchedAs(o)
	if err != nil {
		return nil, err
	}
	var references []Reference
	w.extract(o, func(f *Field, e graph.Edge) { references = append(references, Reference{f, e}) })
	return references, nil
}

// Watched returns all watched kinds.
func Watched() []graph.Kind {
	kinds := make([]graph.Kind, len(table))
	for i := range table {
		kinds[i] = table[i].Kind
	}
	return kinds
}

// Extract returns what seedguard keeps of an API object of a watched kind, and an error for any other object. It is
// pure.
func Extract(o runtime.Object) (*Object, error) {
	w, err := watchedAs(o)
	if err != nil {
		return nil, err
	}
	return w.object(o)
}

// watchedAs returns the row of an API object's kind.
func watchedAs(o runtime.Object) (*watched, error) {
	if known, _, err := Scheme.ObjectKinds(o); err == nil {
		for i := range table {
			w := &table[i]
			if w.String() == known[0].Kind && w.Resource().GroupVersion() == known[0].GroupVersion() {
				return w, nil
			}
		}
	}
	return nil, fmt.Errorf("objects of type %T are not watched", o)
}

// object returns what is kept of an object as a source has it.
func (w *watched) object(o runtime.Object) (*Object, error) {
	if o, ok := o.(*Object); ok {
		own := *o // the source may go on using its object
		return &own, nil
	}
	meta, ok := o.(metav1.Object)
	if !ok {
		return nil, fmt.Errorf("%T has no metadata", o)
	}
	var edges []graph.Edge
	dropped := 0
	facts := w.extract(o, func(_ *Field, e graph.Edge) {
		if len(edges) == MaxEdges {
			dropped++
			return
		}
		edges = append(edges, e)
	})
	v := graph.Vertex{Kind: w.Kind, Namespace: shared(meta.GetNamespace()), Name: meta.GetName()}
	// The rest is copied in one piece: nothing of the API object is kept alive, and there is little to mark and to round
	// up.
	uid, version := string(meta.GetUID()), meta.GetResourceVersion()
	packed := string(appendPacked([]byte(v.Name+uid+version), v, edges))
	take := func(n int) (s string) {
		s, packed = packed[:n], packed[n:]
		return s
	}
	v.Name = take(len(v.Name))
	return &Object{
		Vertex:          v,
		UID:             types.UID(take(len(uid))),
		ResourceVersion: take(len(version)),
		Deleting:        meta.GetDeletionTimestamp() != nil,
		dropped:         dropped,
		Facts:           facts,
		edges:           packedEdges(packed),
	}, nil
}

// shared returns the one copy of a string that repeats in many objects: a namespace, a Seed's name.
func shared(s string) string { return unique.Make(s).Value() }
