package garden

import (
	"encoding/binary"

	"github.com/seedguard/seedguard/pkg/graph"
)

// packedEdges is a list of edges as the bytes of a string. The informers' caches keep it of every object, so that an
// update can be compared with what was before. As lists of edges the caches would be the larger part of the memory that
// the garbage collector marks: with them the process took 634 MiB at 100,000 Shoots, as strings 361 MiB.
// Invariant: packed for the same owner, equal lists are equal strings.
//
// Each end of an edge is a byte that says where it is, and unless it is the owner, its kind, its namespace if that is
// neither none nor the owner's, and its name.
type packedEdges string

// The places of an end.
const (
	endOwner byte = iota
	endWithoutNamespace
	endInOwnersNamespace
	endInNamespace
)

// appendPacked appends the edges of the owner in their packed form.
func appendPacked(to []byte, owner graph.Vertex, edges []graph.Edge) []byte {
	for _, e := range edges {
		to = appendEnd(appendEnd(to, owner, e.From), owner, e.To)
	}
	return to
}

func appendEnd(to []byte, owner, end graph.Vertex) []byte {
	switch {
	case end == owner:
		return append(to, endOwner)
	case end.Namespace == "":
		to = append(to, endWithoutNamespace, byte(end.Kind))
	case end.Namespace == owner.Namespace:
		to = append(to, endInOwnersNamespace, byte(end.Kind))
	default:
		to = append(to, endInNamespace, byte(end.Kind))
		to = appendString(to, end.Namespace)
	}
	return appendString(to, end.Name)
}

func appendString(to []byte, s string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(s))), s...)
}

// appendTo appends the edges of the owner to a list. Their names share the memory of p.
func (p packedEdges) appendTo(edges []graph.Edge, owner graph.Vertex) []graph.Edge {
	for p != "" {
		from := p.nextEnd(owner)
		edges = append(edges, graph.Edge{From: from, To: p.nextEnd(owner)})
	}
	return edges
}

// nextEnd takes an end from the front.
func (p *packedEdges) nextEnd(owner graph.Vertex) graph.Vertex {
	place := p.nextByte()
	if place == endOwner {
		return owner
	}
	end := graph.Vertex{Kind: graph.Kind(p.nextByte())}
	switch place {
	case endInOwnersNamespace:
		end.Namespace = owner.Namespace
	case endInNamespace:
		end.Namespace = p.nextString()
	}
	end.Name = p.nextString()
	return end
}

func (p *packedEdges) nextByte() byte {
	b := (*p)[0]
	*p = (*p)[1:]
	return b
}

func (p *packedEdges) nextString() string {
	length, n := binary.Uvarint([]byte((*p)[:min(len(*p), binary.MaxVarintLen64)]))
	s := (*p)[n:][:length]
	*p = (*p)[n+len(s):]
	return string(s)
}
