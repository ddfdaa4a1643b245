package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// series is a line of a plot; NaN is a gap.
type series struct {
	name   string
	values []float64
}

var colors = []string{"#1b6ca8", "#c0392b", "#3b8a4b", "#d98c1f", "#6c4f9c", "#555555"}

const (
	plotWidth, plotHeight = 720, 400
	plotLeft, plotRight   = 110, 230
	plotTop, plotBottom   = 40, 50
)

// plot draws lines over a few points as SVG, on a logarithmic scale of decades or on a linear one from zero.
func plot(title, unit string, logarithmic bool, points []string, lines []series) string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range lines {
		for _, v := range s.values {
			if v > 0 {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if low > high {
		low, high = 1, 10
	}
	scale, ticks := linearScale(high)
	if logarithmic {
		scale, ticks = logScale(low, high)
	}
	x := func(i int) float64 {
		return plotLeft + float64(plotWidth-plotLeft-plotRight)*(float64(i)+0.5)/float64(len(points))
	}
	y := func(v float64) float64 {
		return plotHeight - plotBottom - scale(v)*float64(plotHeight-plotTop-plotBottom)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+
		"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#ffffff"/><text x="%d" y="22" font-size="15">%s</text>`+"\n",
		plotLeft, html.EscapeString(title))
	for _, v := range ticks {
		fmt.Fprintf(&b,
			`<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			plotLeft, plotWidth-plotRight, y(v), y(v), plotLeft-6, y(v)+4, html.EscapeString(number(v)+" "+unit))
	}
	for i, p := range points {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(i), plotHeight-plotBottom+20,
			html.EscapeString(p))
	}
	for n, s := range lines {
		color := colors[n%len(colors)]
		var path []string
		for i, v := range s.values {
			if v > 0 {
				path = append(path, fmt.Sprintf("%.1f,%.1f", x(i), y(v)))
				fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x(i), y(v), color)
			}
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(path, " "),
			color)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="12" height="3" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n",
			plotWidth-plotRight+14, plotTop+20*n-4, color, plotWidth-plotRight+32, plotTop+20*n, html.EscapeString(s.name))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// A scale returns where a value is, from 0 at the bottom to 1 at the top. Ticks are values to mark.
func logScale(low, high float64) (scale func(float64) float64, ticks []float64) {
	from, to := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	if from == to {
		to++
	}
	for decade := from; decade <= to; decade++ {
		ticks = append(ticks, math.Pow(10, decade))
	}
	return func(v float64) float64 { return (math.Log10(v) - from) / (to - from) }, ticks
}

func linearScale(high float64) (scale func(float64) float64, ticks []float64) {
	step := math.Pow(10, math.Floor(math.Log10(high)))
	if high/step < 2 {
		step /= 5
	}
	top := math.Ceil(high/step) * step
	for v := 0.0; v <= top; v += step {
		ticks = append(ticks, v)
	}
	return func(v float64) float64 { return v / top }, ticks
}

// number prints a figure with three digits that count, and thousands apart.
func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case math.Abs(v) < 10:
		return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
	case math.Abs(v) < 100:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
	}
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
