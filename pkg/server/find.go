package server

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seedguard/seedguard/pkg/explain"
	"github.com/seedguard/seedguard/pkg/graph"
)

// finding is what a search has found: at most maxRows nodes, the best first, and how many there are in all.
type finding struct {
	Found []graph.Node
	Total int
}

// found is a node with how well it fits: 0 is best.
type found struct {
	graph.Node
	rank int
}

func compareFound(a, b found) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), explain.Compare(a.Node, b.Node))
}

// find returns the vertices of a kind, or of any kind if it is 0, that hold each of the query's words somewhere in
// kind/namespace/name, in any order. What a Shoot implies by its name is found by the whole name: a landscape has
// eight of them for each Shoot.
func (s *snapshot) find(query string, kind graph.Kind) finding {
	var best []found
	more := 0
	words, wholeNames := strings.Fields(strings.ToLower(query)), sets.New[string]()
	for _, word := range words {
		wholeNames.Insert(word[strings.LastIndex(word, "/")+1:])
	}
	m := newMatcher(words)
	for nodes := s.Nodes(); nodes.Next(); {
		n := nodes.Node().(graph.Node)
		if kind != 0 && n.Vertex.Kind != kind || n.Implied && !wholeNames.Has(n.Vertex.Name) {
			continue
		}
		rank, ok := m.rank(n.Vertex)
		f := found{n, rank}
		switch {
		case !ok:
			continue
		// Once there are enough, most are worse than the worst of the best.
		case more > 0 && compareFound(f, best[maxRows-1]) > 0:
			more++
			continue
		}
		if best = append(best, f); len(best) > 2*maxRows {
			slices.SortFunc(best, compareFound)
			more += len(best) - maxRows
			best = best[:maxRows]
		}
	}
	slices.SortFunc(best, compareFound)
	f := finding{Total: more + len(best)}
	for _, n := range best[:min(len(best), maxRows)] {
		f.Found = append(f.Found, n.Node)
	}
	return f
}

// matcher looks for words in vertices.
type matcher struct {
	words [][]byte
	// kinds has the kind that a word is the plural of.
	kinds map[string]graph.Kind
	// names are the names of kinds in lower case.
	names map[graph.Kind]string
	// whole is kind/namespace/name of the vertex that is looked at, in lower case.
	whole []byte
}

func newMatcher(words []string) *matcher {
	m := &matcher{kinds: map[string]graph.Kind{}, names: map[graph.Kind]string{}}
	for _, word := range words {
		m.words = append(m.words, []byte(word))
	}
	for _, kind := range graph.Kinds() {
		m.names[kind] = strings.ToLower(kind.String())
		m.kinds[kind.Resource().Resource] = kind
	}
	return m
}

// rank says how well a vertex fits: for each word 0 when it is the name, namespace/name or kind, 1 when one of them
// begins with it, else 2. False: a word is nowhere in it.
func (m *matcher) rank(v graph.Vertex) (sum int, ok bool) {
	m.whole = append(append(m.whole[:0], m.names[v.Kind]...), '/')
	kind := len(m.whole)
	name := kind
	if v.Namespace != "" {
		m.whole = append(append(m.whole, v.Namespace...), '/')
		name = len(m.whole)
	}
	m.whole = append(m.whole, v.Name...)
	for i := kind; i < len(m.whole); i++ {
		if c := m.whole[i]; 'A' <= c && c <= 'Z' {
			m.whole[i] += 'a' - 'A'
		}
	}
	parts := [][]byte{m.whole[:kind-1], m.whole[kind:], m.whole[name:], m.whole}
	for _, word := range m.words {
		rank := 2
		for _, part := range parts {
			if bytes.HasPrefix(part, word) {
				rank = min(rank, min(1, len(part)-len(word)))
			}
		}
		if m.kinds[string(word)] == v.Kind {
			rank = 0
		}
		if rank == 2 && !bytes.Contains(m.whole, word) {
			return 0, false
		}
		sum += rank
	}
	return sum, true
}
