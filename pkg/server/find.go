package server

import (
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
	var f finding
	var best []found
	words, wholeNames := strings.Fields(strings.ToLower(query)), sets.New[string]()
	for _, word := range words {
		wholeNames.Insert(word[strings.LastIndex(word, "/")+1:])
	}
	for nodes := s.Nodes(); nodes.Next(); {
		n := nodes.Node().(graph.Node)
		if kind != 0 && n.Vertex.Kind != kind || n.Implied && !wholeNames.Has(n.Vertex.Name) {
			continue
		}
		rank, ok := rank(n.Vertex, words)
		if !ok {
			continue
		}
		f.Total++
		// Once there are enough, most are worse than the worst of the best.
		if f.Total > 2*maxRows && compareFound(found{n, rank}, best[maxRows-1]) > 0 {
			continue
		}
		if best = append(best, found{n, rank}); len(best) == 2*maxRows {
			slices.SortFunc(best, compareFound)
			best = best[:maxRows]
		}
	}
	slices.SortFunc(best, compareFound)
	for _, n := range best[:min(len(best), maxRows)] {
		f.Found = append(f.Found, n.Node)
	}
	return f
}

// kindNames are the names of kinds in lower case, in the singular and, as kubectl has them, in the plural.
var kindNames = func() map[graph.Kind][2]string {
	names := map[graph.Kind][2]string{}
	for _, kind := range graph.Kinds() {
		names[kind] = [2]string{strings.ToLower(kind.String()), kind.Resource().Resource}
	}
	return names
}()

// rank says how well a vertex fits: for each word 0 when it is the name, namespace/name or kind, 1 when one of them
// begins with it, else 2. False: a word is nowhere in it.
func rank(v graph.Vertex, words []string) (sum int, ok bool) {
	kind, name := kindNames[v.Kind], strings.ToLower(v.Name)
	full := name
	if v.Namespace != "" {
		full = strings.ToLower(v.Namespace) + "/" + name
	}
	whole := kind[0] + "/" + full
	for _, word := range words {
		rank := 2
		for _, part := range []string{kind[0], full, name, whole} {
			if strings.HasPrefix(part, word) {
				rank = min(rank, min(1, len(part)-len(word)))
			}
		}
		if word == kind[1] {
			rank = 0
		}
		if rank == 2 && !strings.Contains(whole, word) {
			return 0, false
		}
		sum += rank
	}
	return sum, true
}
