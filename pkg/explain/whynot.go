package explain

import (
	"fmt"
	"slices"
	"strings"

	gonum "gonum.org/v1/gonum/graph"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seedguard/seedguard/pkg/garden"
	"github.com/seedguard/seedguard/pkg/graph"
)

// Bounds that keep an answer readable.
const (
	// maxGaps is how many gaps are told.
	maxGaps = 5
	// maxNames is how many Seeds, fields or other names a sentence lists.
	maxNames = 3
)

// Gap is something that would have to be different for a path to lead to the Seed.
type Gap struct {
	// Says is the gap in a sentence, for people.
	Says string `json:"says"`
	// Way leads from the object that was asked about to where it goes no further. Empty: the gap is somewhere else.
	Way []graph.Vertex `json:"way,omitempty"`
	// Fields are those by which a path could go on.
	Fields []Field `json:"fields,omitempty"`
}

// Field is a field of a kind of object.
type Field struct {
	Kind string `json:"kind"`
	Path string `json:"path"`
}

// WhyNot returns why no path leads from v to the named Seed, or to any Seed if the name is empty: the gaps nearest to
// v, and whether there are more. It is for vertices from which none does. It is safe for concurrent use.
func WhyNot(view *graph.View, v graph.Vertex, seed string) (gaps []Gap, more bool) {
	w := &search{view: view, seed: seed}
	start, _ := view.Find(v)
	if seed != "" {
		target := graph.Vertex{Kind: graph.KindSeed, Name: seed}
		s, found := view.Find(target)
		if !found || !s.Object {
			gaps = append(gaps, Gap{Says: nameOf(target) + " does not exist"})
		}
		if found && view.From(start.ID()).Len() == 0 {
			gaps = append(gaps, w.missing(v, s)...)
		}
	}
	w.steps = []step{{node: start, from: -1}}
	visited := sets.New(start.ID())
	for i := 0; i < len(w.steps) && len(gaps) <= maxGaps; i++ {
		next := sorted(view.From(w.steps[i].node.ID()))
		if gap, ok := w.gap(i, next); ok {
			gaps = append(gaps, gap)
		}
		for _, n := range next {
			switch {
			case visited.Has(n.ID()):
				continue
			case n.Vertex.Kind == graph.KindSeed:
				w.ends = append(w.ends, n.Vertex)
			default:
				w.steps = append(w.steps, step{node: n, from: i})
			}
			visited.Insert(n.ID())
		}
	}
	gaps = append(gaps, w.parents()...)
	return gaps[:min(len(gaps), maxGaps)], len(gaps) > maxGaps
}

// search is a walk along the edges, breadth first.
type search struct {
	view  *graph.View
	seed  string
	steps []step
	// ends are the Seeds that were met, each once.
	ends []graph.Vertex
}

type step struct {
	node graph.Node
	// from is the place of the step before.
	from int
}

func sorted(nodes gonum.Nodes) []graph.Node {
	all := make([]graph.Node, 0, nodes.Len())
	for nodes.Next() {
		all = append(all, nodes.Node().(graph.Node))
	}
	slices.SortFunc(all, Compare)
	return all
}

// Compare orders nodes by kind, namespace and name.
func Compare(a, b graph.Node) int {
	return a.Vertex.Compare(b.Vertex)
}

// gap says what keeps a path from going on at a step, false when what is further on says it.
func (w *search) gap(i int, next []graph.Node) (Gap, bool) {
	node := w.steps[i].node
	own, others := byKind[node.Vertex.Kind].own, byKind[node.Vertex.Kind].others
	var why []clause
	var fields []garden.Field
	say := func(c clause, by []garden.Field) {
		why = append(why, c)
		fields = append(fields, by...)
	}
	if node.Vertex.Kind.Tracked() && !node.Object {
		say(clause{of: " does not exist"}, nil)
	}
	shoot, implied := graph.ImpliedShoot(node.Vertex)
	if implied && len(next) == 0 {
		say(clause{of: " would belong by its name to " + nameOf(shoot) + ", which does not exist"}, nil)
	}
	where, not := "any Seed", ""
	if w.seed != "" {
		where, not = "Seed "+w.seed, ", not "+w.seed
	}
	var seeds []string
	referrers := sets.New[graph.Kind]()
	for _, n := range next {
		by := n.Vertex.Kind
		switch {
		case implied && n.Vertex == shoot: // by its name, and not by a field
		case by == graph.KindSeed && slices.ContainsFunc(own, leadsTo(by)):
			seeds = append(seeds, n.Vertex.Name)
		case by == graph.KindSeed || slices.ContainsFunc(byKind[by].own, leadsTo(graph.KindSeed)):
			referrers.Insert(by)
		}
	}
	switch {
	case len(seeds) > 0:
		by := only(own, leadsTo(graph.KindSeed))
		say(clause{of: " names Seed " + List(seeds, maxNames) + " " + paths(by) + not}, by)
	case len(next) == 0 && node.Object && len(own) > 0:
		say(clause{of: " names no " + kindsOf(own, to) + " " + paths(own)}, own)
	}
	ofSeed := func(f garden.Field) bool { return f.Owner == graph.KindSeed }
	by := only(others, func(f garden.Field) bool { return referrers.Has(f.Owner) && !ofSeed(f) })
	if len(by) > 0 {
		say(clause{by: " no " + kindsOf(by, owner) + " on " + where + " uses", of: " " + paths(by)}, by)
	}
	if by := only(others, ofSeed); referrers.Has(graph.KindSeed) && len(by) > 0 {
		say(clause{by: " " + where + " does not use", of: " " + paths(by)}, by)
	}
	if len(next) == 0 && len(others) > 0 {
		say(clause{by: " no object refers to", of: "; a " + kindsOf(others, owner) + " could"}, others)
	}
	if len(why) == 0 {
		return Gap{}, false
	}
	return Gap{Says: w.sentence(i, why), Way: w.way(i), Fields: named(fields)}, true
}

// clause says something of an object, which stands between its parts with a blank before it. The first is empty when
// the object is its subject.
type clause struct{ by, of string }

// sentence puts clauses together, about the object of a step and how the step came to it.
func (w *search) sentence(i int, why []clause) string {
	v, from := w.steps[i].node.Vertex, w.steps[i].from
	var said []string
	name := nameOf(v)
	for _, c := range why {
		if from >= 0 {
			said = append(said, "which"+c.by+c.of)
			continue
		}
		said = append(said, strings.TrimPrefix(c.by+" "+name+c.of, " "))
		name = "it"
	}
	all := strings.Join(said, ", and ")
	if from >= 0 {
		before := w.steps[from].node.Vertex
		all = nameOf(before) + " " + relation(before, v) + " " + name + ", " + all
	}
	return all
}

// relation says what an edge means.
func relation(from, to graph.Vertex) string {
	if shoot, ok := graph.ImpliedShoot(from); ok && shoot == to {
		return "belongs by its name to"
	}
	if slices.ContainsFunc(byKind[from.Kind].own, leadsTo(to.Kind)) {
		return "refers to"
	}
	return "is referred to by"
}

func (w *search) way(i int) (way []graph.Vertex) {
	for ; i >= 0; i = w.steps[i].from {
		way = append(way, w.steps[i].node.Vertex)
	}
	slices.Reverse(way)
	return way
}

// missing returns the objects that do not exist, to which objects of the Seed refer, and which could lead v on.
func (w *search) missing(v graph.Vertex, seed graph.Node) (gaps []Gap) {
	visited := sets.New(seed.ID())
	for queue := []graph.Node{seed}; len(queue) > 0 && len(gaps) < maxGaps; queue = queue[1:] {
		for _, n := range sorted(w.view.To(queue[0].ID())) {
			if n.Vertex.Kind == graph.KindSeed || visited.Has(n.ID()) {
				continue
			}
			visited.Insert(n.ID())
			queue = append(queue, n)
			near := v.Namespace == "" || n.Vertex.Namespace == "" || v.Namespace == n.Vertex.Namespace
			if n.Vertex != v && n.Vertex.Kind.Tracked() && !n.Object && near && v.Kind.PointsTo(n.Vertex.Kind) {
				gaps = append(gaps, Gap{Says: fmt.Sprintf("%s %s %s on Seed %s, and does not exist",
					nameOf(n.Vertex), relation(n.Vertex, queue[0].Vertex), nameOf(queue[0].Vertex), seed.Vertex.Name)})
			}
		}
	}
	return gaps
}

// parents says that paths end at children of the Seed.
func (w *search) parents() (gaps []Gap) {
	for _, end := range w.ends[:min(len(w.ends), maxGaps)] {
		if path := w.view.Path(end, w.seed); path != nil {
			gaps = append(gaps, Gap{Way: path, Says: fmt.Sprintf(
				"%s is a child of Seed %s, whose clients reach what is on it with parentScope Everything alone",
				nameOf(end), w.seed)})
		}
	}
	return gaps
}

// ways are the fields by which objects of a kind name others that edges lead to (own), and those by which objects of
// other kinds bring edges from this kind to themselves (others).
type ways struct{ own, others []garden.Field }

// byKind is the table of edges, by the kinds that the edges lead from.
var byKind = func() map[graph.Kind]ways {
	table := map[graph.Kind]ways{}
	for _, f := range garden.Fields() {
		for _, kind := range f.From {
			w := table[kind]
			switch {
			case f.Owner == kind:
				w.own = append(w.own, f)
			case slices.Contains(f.To, f.Owner): // and not what an object says of others
				w.others = append(w.others, f)
			}
			table[kind] = w
		}
	}
	return table
}()

func leadsTo(kind graph.Kind) func(garden.Field) bool {
	return func(f garden.Field) bool { return slices.Contains(f.To, kind) }
}

func only(fields []garden.Field, keep func(garden.Field) bool) (kept []garden.Field) {
	for _, f := range fields {
		if keep(f) {
			kept = append(kept, f)
		}
	}
	return kept
}

func to(f garden.Field) []graph.Kind    { return f.To }
func owner(f garden.Field) []graph.Kind { return []graph.Kind{f.Owner} }

// kindsOf lists kinds that fields are about.
func kindsOf(fields []garden.Field, which func(garden.Field) []graph.Kind) string {
	names := sets.New[string]()
	for _, f := range fields {
		for _, kind := range which(f) {
			names.Insert(kind.String())
		}
	}
	return Or(sets.List(names))
}

// Or lists words of which one is meant.
func Or(words []string) string {
	if last := len(words) - 1; last > 0 {
		return strings.Join(words[:last], ", ") + " or " + words[last]
	}
	return strings.Join(words, "")
}

// paths lists the paths of fields in brackets.
func paths(fields []garden.Field) string {
	var names []string
	for _, f := range fields {
		if !slices.Contains(names, f.Path) {
			names = append(names, f.Path)
		}
	}
	return "(" + List(names, maxNames) + ")"
}

func named(fields []garden.Field) (names []Field) {
	for _, f := range fields {
		names = append(names, Field{f.Owner.String(), f.Path})
	}
	return names
}

// List lists words, and says how many it leaves out when there are more than a number of them.
func List(words []string, most int) string {
	if more := len(words) - most; more > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), more)
	}
	return strings.Join(words, ", ")
}

// nameOf names a vertex in a sentence: as its String does, with a blank behind the kind.
func nameOf(v graph.Vertex) string { return strings.Replace(v.String(), "/", " ", 1) }
