package report

import (
	"bufio"
	"io"
	"strings"
)

// columnGap is between two columns, and leastColumn what is left of one that is narrowed.
const (
	columnGap   = 2
	leastColumn = 10
)

// columnsText writes rows in columns, whatever script they are in. Where the style has a
// width and the rows don't fit, the columns named by narrow give way, the first one first:
// they are names, while a key that is cut is none.
func columnsText(w io.Writer, rows [][]string, st Style, narrow ...int) error {
	widest := columnWidest(rows)
	if st.Width > 0 {
		total := -columnGap
		for _, n := range widest {
			total += n + columnGap
		}
		for _, i := range narrow {
			if over := total - st.Width; over > 0 && i < len(widest) {
				less := min(over, max(0, widest[i]-leastColumn))
				widest[i] -= less
				total -= less
			}
		}
	}
	b := bufio.NewWriter(w)
	for _, row := range rows {
		for i, cell := range row {
			cell = printable(cell)
			wide := width(cell)
			if wide > widest[i] {
				cell = cut(cell, widest[i])
				wide = width(cell)
			}
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", max(0, widest[i]+columnGap-wide)))
			}
		}
		b.WriteByte('\n')
	}
	return b.Flush()
}

func columnWidest(rows [][]string) []int {
	var widest []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widest) {
				widest = append(widest, 0)
			}
			widest[i] = max(widest[i], width(printable(cell)))
		}
	}
	return widest
}
