package server

import (
	"slices"
	"unicode/utf8"

	"github.com/seedguard/seedguard/pkg/graph"
)

// drawing is the neighbourhood of a vertex in columns from left to right: what leads to it, itself, and step by step
// where it leads, up to the first Seeds.
type drawing struct {
	Width, Height int
	Boxes         []box
	Lines         []line
}

type box struct {
	Node                graph.Node
	X, Y, Width, Height int
	Label, Class        string
	// More is how many nodes of the column are not shown; then this is no box but a remark below the last.
	More int
}

// line goes from the right side of a box to the left side of another, bent in the middle.
type line struct{ X1, Y1, XM, X2, Y2 int }

// Sizes in pixels, and how much is drawn.
const (
	boxWidth, boxHeight   = 210, 42
	columnGap, rowGap     = 64, 12
	maxColumns, maxInside = 6, 9
	maxLabel              = 26
)

func draw(view *graph.View, center graph.Node) *drawing {
	columns := [][]graph.Node{first(view.To(center.ID()), maxInside), {center}}
	hidden := []int{view.To(center.ID()).Len() - len(columns[0]), 0}
	drawn := map[int64]bool{center.ID(): true}
	for _, n := range columns[0] {
		drawn[n.ID()] = true
	}
	for len(columns) < maxColumns {
		var next []graph.Node
		more := 0
		for _, n := range columns[len(columns)-1] {
			if n.Vertex.Kind == graph.KindSeed && n != center {
				continue
			}
			neighbours := view.From(n.ID())
			more += neighbours.Len()
			for len(next) < maxInside && neighbours.Next() {
				more--
				if m := neighbours.Node().(graph.Node); !drawn[m.ID()] {
					drawn[m.ID()] = true
					next = append(next, m)
				}
			}
		}
		if len(next) == 0 {
			break
		}
		slices.SortFunc(next, compareNodes)
		columns, hidden = append(columns, next), append(hidden, more)
	}
	if len(columns[0]) == 0 {
		columns, hidden = columns[1:], hidden[1:]
	}
	return place(view, center, columns, hidden)
}

// place gives the nodes of the columns their places, and draws the edges between them.
func place(view *graph.View, center graph.Node, columns [][]graph.Node, hidden []int) *drawing {
	d := &drawing{Width: len(columns)*(boxWidth+columnGap) - columnGap + 2}
	for i, column := range columns {
		rows := len(column)
		if hidden[i] > 0 {
			rows++
		}
		d.Height = max(d.Height, rows*(boxHeight+rowGap)-rowGap+2)
	}
	places := map[int64]box{}
	for i, column := range columns {
		x := 1 + i*(boxWidth+columnGap)
		y := 1
		if hidden[i] == 0 {
			y += (d.Height - 2 - len(column)*(boxHeight+rowGap) + rowGap) / 2
		}
		for _, n := range column {
			b := box{
				Node: n, X: x, Y: y, Width: boxWidth, Height: boxHeight,
				Label: shortened(n.Vertex.Name), Class: class(n, center),
			}
			d.Boxes = append(d.Boxes, b)
			places[n.ID()] = b
			y += boxHeight + rowGap
		}
		if hidden[i] > 0 {
			d.Boxes = append(d.Boxes, box{X: x, Y: y, More: hidden[i]})
		}
	}
	for id, from := range places {
		for to := range places {
			shown := from.Node.Vertex.Kind != graph.KindSeed || from.Node == center || to == center.ID()
			if shown && view.HasEdgeFromTo(id, to) {
				b := places[to]
				x1, x2 := from.X+boxWidth, b.X
				d.Lines = append(d.Lines, line{x1, from.Y + boxHeight/2, (x1 + x2) / 2, x2, b.Y + boxHeight/2})
			}
		}
	}
	slices.SortFunc(d.Lines, func(a, b line) int {
		return slices.Compare([]int{a.X1, a.Y1, a.X2, a.Y2}, []int{b.X1, b.Y1, b.X2, b.Y2})
	})
	return d
}

func class(n, center graph.Node) string {
	switch {
	case n == center:
		return "here"
	case n.Vertex.Kind == graph.KindSeed:
		return "seed"
	case !n.Object:
		return "referred"
	default:
		return ""
	}
}

// shortened cuts a name in the middle: its ends say more.
func shortened(name string) string {
	if utf8.RuneCountInString(name) <= maxLabel {
		return name
	}
	runes := []rune(name)
	half := (maxLabel - 1) / 2
	return string(runes[:half]) + "…" + string(runes[len(runes)-half:])
}
