package server

import (
	"slices"

	gonum "gonum.org/v1/gonum/graph"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seedguard/seedguard/pkg/explain"
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
	maxLabel              = 24
)

// column is nodes below one another.
type column struct {
	nodes []graph.Node
	// hidden is how many are not drawn.
	hidden int
}

func draw(view *graph.View, center graph.Node) *drawing {
	drawn := sets.New(center.ID())
	here := column{nodes: []graph.Node{center}}
	leading := here.beside(view.To, drawn)
	columns := []column{here}
	for next := here.beside(view.From, drawn); len(next.nodes) > 0 && len(columns) < maxColumns-1; {
		columns = append(columns, next)
		// The drawing ends at Seeds.
		next.nodes = slices.DeleteFunc(slices.Clone(next.nodes), isSeed)
		next = next.beside(view.From, drawn)
	}
	if len(leading.nodes) > 0 {
		columns = slices.Insert(columns, 0, leading)
	}
	return place(view, center, columns)
}

func isSeed(n graph.Node) bool { return n.Vertex.Kind == graph.KindSeed }

// beside returns the neighbours of a column's nodes that are not drawn yet.
func (c column) beside(neighbours func(int64) gonum.Nodes, drawn sets.Set[int64]) (next column) {
	for _, n := range c.nodes {
		nodes := neighbours(n.ID())
		next.hidden += nodes.Len()
		for len(next.nodes) < maxInside && nodes.Next() {
			next.hidden--
			if m := nodes.Node().(graph.Node); !drawn.Has(m.ID()) {
				drawn.Insert(m.ID())
				next.nodes = append(next.nodes, m)
			}
		}
	}
	slices.SortFunc(next.nodes, explain.Compare)
	return next
}

// place gives the nodes of the columns their places, and draws the edges between them.
func place(view *graph.View, center graph.Node, columns []column) *drawing {
	d := &drawing{Width: len(columns)*(boxWidth+columnGap) - columnGap + 2}
	for _, c := range columns {
		rows := len(c.nodes) + min(c.hidden, 1)
		d.Height = max(d.Height, rows*(boxHeight+rowGap)-rowGap+2)
	}
	for i, c := range columns {
		x, y := 1+i*(boxWidth+columnGap), 1
		if c.hidden == 0 {
			y += (d.Height - 2 - len(c.nodes)*(boxHeight+rowGap) + rowGap) / 2
		}
		for _, n := range c.nodes {
			d.Boxes = append(d.Boxes, box{
				Node: n, X: x, Y: y, Width: boxWidth, Height: boxHeight,
				Label: shortened(n.Vertex.Name), Class: class(n, center),
			})
			y += boxHeight + rowGap
		}
		if c.hidden > 0 {
			d.Boxes = append(d.Boxes, box{X: x, Y: y, More: c.hidden})
		}
	}
	for _, from := range d.Boxes {
		for _, to := range d.Boxes {
			shown := from.More == 0 && to.More == 0 && (!isSeed(from.Node) || from.Node == center || to.Node == center)
			if shown && view.HasEdgeFromTo(from.Node.ID(), to.Node.ID()) {
				x1, x2 := from.X+boxWidth, to.X
				d.Lines = append(d.Lines, line{x1, from.Y + boxHeight/2, (x1 + x2) / 2, x2, to.Y + boxHeight/2})
			}
		}
	}
	return d
}

func class(n, center graph.Node) string {
	switch {
	case n == center:
		return "here"
	case isSeed(n):
		return "seed"
	case !n.Object:
		return "referred"
	default:
		return ""
	}
}

// shortened cuts a name in the middle: its ends say more.
func shortened(name string) string {
	runes := []rune(name)
	if len(runes) <= maxLabel {
		return name
	}
	half := (maxLabel - 1) / 2
	return string(runes[:half]) + "…" + string(runes[len(runes)-half:])
}
