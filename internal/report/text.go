package report

import (
	"bufio"
	"io"
	"strings"
)

// textWriter writes lines, tables and remarks for people. Flush returns the first error.
type textWriter struct {
	*bufio.Writer
	st Style
}

func newText(w io.Writer, st Style) *textWriter { return &textWriter{bufio.NewWriter(w), st} }

func (t *textWriter) line(s string) { t.WriteString(s + "\n") }

// columnGap is the space between two columns. minColumn is what a narrowed column keeps.
const (
	columnGap = 2
	minColumn = 10
)

// columns are the widths of a table's columns, in terminal columns.
type columns []int

// fit widens the columns until the cells fit.
func (c *columns) fit(cells ...string) {
	for i, cell := range cells {
		if i == len(*c) {
			*c = append(*c, 0)
		}
		(*c)[i] = max((*c)[i], width(cell))
	}
}

// narrow makes the columns of the given indexes narrower until a row fits into limit, the
// first of them first.
func (c columns) narrow(limit int, indexes []int) {
	over := -columnGap - limit
	for _, w := range c {
		over += w + columnGap
	}
	for _, i := range indexes {
		if over > 0 {
			less := min(over, max(0, c[i]-minColumn))
			c[i] -= less
			over -= less
		}
	}
}

// row returns the cells side by side, without spaces at the end. Cells beyond the last column
// are not padded.
func (c columns) row(cells ...string) string {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", columnGap))
		}
		if i < len(c) {
			cell = pad(cell, c[i])
		}
		b.WriteString(cell)
	}
	return strings.TrimRight(b.String(), " ")
}

// table writes rows in columns. If they are too wide for the style, the columns of the given
// indexes are narrowed, the first of them first: names may be cut, keys may not.
func (t *textWriter) table(rows [][]string, narrow ...int) {
	var c columns
	for _, row := range rows {
		for i := range row {
			row[i] = Printable(row[i])
		}
		c.fit(row...)
	}
	if t.st.Width > 0 {
		c.narrow(t.st.Width, narrow)
	}
	for _, row := range rows {
		for i, cell := range row {
			if width(cell) > c[i] {
				row[i] = cut(cell, c[i])
			}
		}
		t.line(c.row(row...))
	}
}
