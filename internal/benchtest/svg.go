package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// The picture, in pixels.
const (
	pictureWidth  = 720
	pictureHeight = 420
	marginLeft    = 70
	marginRight   = 150
	marginTop     = 30
	marginBottom  = 50
)

// palette has colours that can be told apart on white and on black.
var palette = []string{"#d1495b", "#2f7ebc", "#3a9d5d", "#b8860b", "#8e6bbf", "#1f9e9e", "#c0632b"}

// picture draws the curves with logarithmic axes, where a cost that is linear is a line with
// a slope of one. It has no background, and its text follows the reader's light or dark mode.
func picture(curves []curve) string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		for _, t := range c.takes {
			low, high = min(low, t), max(high, t)
		}
	}
	low, high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	x := func(n int) float64 {
		return marginLeft + (pictureWidth-marginLeft-marginRight)*share(float64(n), float64(sizes[0]), float64(sizes[len(sizes)-1]))
	}
	y := func(t float64) float64 {
		return pictureHeight - marginBottom - (pictureHeight-marginTop-marginBottom)*share(t, low, high)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img" aria-label="time of each command by number of apps">
<style>text{fill:#333}.grid{stroke:#8884;stroke-width:1}.line{fill:none;stroke-width:2}@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>
`, pictureWidth, pictureHeight)
	for _, n := range sizes {
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			x(n), x(n), marginTop, pictureHeight-marginBottom, x(n), pictureHeight-marginBottom+18, grouped(n))
	}
	for t := low; t <= high*1.001; t *= 10 {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			marginLeft, pictureWidth-marginRight, y(t), y(t), marginLeft-8, y(t)+4, took(seconds(t)))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">apps</text>`+"\n", (marginLeft+pictureWidth-marginRight)/2, pictureHeight-8)
	labels := labelHeights(curves, y)
	for i, c := range curves {
		var points []string
		for k, t := range c.takes {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(sizes[k]), y(t)))
		}
		color := palette[i%len(palette)]
		fmt.Fprintf(&b, `<polyline class="line" stroke="%s" points="%s"/><text x="%d" y="%.1f" style="fill:%s">%s</text>`+"\n",
			color, strings.Join(points, " "), pictureWidth-marginRight+8, labels[i]+4, color, html.EscapeString(c.name))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// share is where v is between low and high, from 0 to 1, on a logarithmic scale.
func share(v, low, high float64) float64 {
	if high <= low {
		return 0
	}
	return math.Log(v/low) / math.Log(high/low)
}

// labelHeights puts each name at the end of its line, and far enough from the next.
func labelHeights(curves []curve, y func(float64) float64) []float64 {
	const apart = 15
	heights := make([]float64, len(curves))
	order := make([]int, len(curves))
	for i, c := range curves {
		order[i] = i
		heights[i] = y(c.takes[len(c.takes)-1])
	}
	slices.SortFunc(order, func(a, b int) int { return int(heights[a]*100) - int(heights[b]*100) })
	for k := 1; k < len(order); k++ {
		heights[order[k]] = max(heights[order[k]], heights[order[k-1]]+apart)
	}
	return heights
}
