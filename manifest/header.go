package manifest

import (
	"fmt"
	"strings"
)

// commaOf tells what separates the cells by the first line. Names of columns have none of
// the candidates in them.
func commaOf(text string) byte {
	line, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	for _, comma := range []byte{',', ';', '\t'} {
		if strings.IndexByte(line, comma) >= 0 {
			return comma
		}
	}
	return ','
}

// sepLine reads the line by which Excel is told the separator, sep=; and the like.
func (r *rows) sepLine() (problem string) {
	line, _, _ := strings.Cut(r.text, "\n")
	line = strings.TrimSuffix(line, "\r")
	if len(line) < len("sep=") || !strings.EqualFold(line[:len("sep=")], "sep=") {
		return ""
	}
	switch by := line[len("sep="):]; by {
	case ",", ";", "\t":
		r.comma = by[0]
	default:
		return "sep= names no comma, semicolon or tab: separate cells by one of these"
	}
	r.at = len(line)
	r.newline()
	return ""
}

// namesBelow is the line that names the columns if it is not the first one, 0 for none. The
// reader stays where it is.
func (r *rows) namesBelow() int {
	const far = 10 // lines of a title
	below := *r
	for range far {
		below.comma = commaOf(below.text[below.at:])
		if cells := below.next(nil); countColumns(cells) > 1 {
			return cells[0].line
		}
	}
	return 0
}

// header reads the names of the columns and says what is wrong with them. It reports whether
// the rows can be read by them.
func (l *loader) header(r *rows, cells []cell) (columns []column, ok bool) {
	if !l.namesColumns(r, cells) {
		return nil, false
	}
	for _, c := range cells {
		columns = append(columns, columnOf(c.text))
	}
	sure := countColumns(cells) > 1
	first := make(map[string]cell, len(cells))
	meant := make(map[string]bool) // by columns that are not known
	labels, listed := 0, false
	for i, c := range cells {
		if columns[i].kind == columnNameless {
			continue // Excel writes columns that nobody sees
		}
		if at, dup := first[c.text]; dup {
			name := ""
			if sure {
				name = fmt.Sprintf(" %q", clip(c.text))
			}
			l.cellError(c, "duplicate column%s, the first is at %s", name, l.cellPos(at))
			columns[i].kind = columnUnknown
			continue
		}
		first[c.text] = c
		switch columns[i].kind {
		case columnUnknown:
			message, near := unknownColumn(c.text, sure)
			if near == "" && !listed {
				message, listed = message+", known are "+strings.Join(Columns, ", "), true
			}
			meant[near] = true
			l.cellError(c, "%s", message)
		case columnLabel:
			labels++
			if problem := checkLabelKey(columns[i].key); problem != "" {
				l.cellError(c, "a label's key %s", problem)
				columns[i].kind = columnUnknown
			}
		}
	}
	if labels > maxLabels {
		l.cellError(cells[0], "there are more than %d columns for labels", maxLabels)
		return nil, false
	}
	ok = true
	for _, name := range []string{"app_name", "android_package"} {
		if _, there := first[name]; !there {
			ok = false
			if !meant[name] {
				l.cellError(cells[0], "column %s is missing", name)
			}
		}
	}
	return columns, ok
}

// namesColumns reports whether the first line is meant to name the columns, and says what it
// is if it is not.
func (l *loader) namesColumns(r *rows, cells []cell) bool {
	if r.beyond.text != "" {
		l.cellError(cells[0], "there are more than %d columns", maxColumns)
		return false
	}
	if c, ok := loneCR(cells); ok {
		l.cellError(c, isLoneCR)
		return false
	}
	for _, c := range cells {
		if by := otherSeparator(c.text); by != "" {
			l.cellError(c, "the columns are separated by %q: separate cells by commas, semicolons or tabs", by)
			return false
		}
	}
	if countColumns(cells) > 0 {
		return true
	}
	if line := r.namesBelow(); line > 0 {
		l.cellError(cells[0], "the first line must name the columns, which line %d does: delete what stands above it", line)
		return false
	}
	slips := 0
	for _, c := range cells {
		if isSlip(c) {
			slips++
		}
	}
	if slips < 2 {
		// Perhaps it is a row, whose cells are nothing to be repeated.
		l.cellError(cells[0], "the first line must name the columns: %s", strings.Join(Columns, ", "))
		return false
	}
	return true
}

// countColumns counts the cells that name columns. A row may have one by chance, such as an
// app that is called id.
func countColumns(cells []cell) (n int) {
	for _, c := range cells {
		if isColumn(c.text) {
			n++
		}
	}
	return n
}
