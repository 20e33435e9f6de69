package manifest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// cell is a value of a CSV file and the place where it begins, its quote included.
type cell struct {
	text      string
	line, col int // from 1, in characters
}

// rows reads the text of a CSV file (RFC 4180, lines end with LF or CRLF). Unlike the
// standard library's reader it counts columns in characters and goes on after a mistake, so
// that all of them are told at once. What it keeps is bounded: a text may have a cell, or a
// mistake, for each byte.
type rows struct {
	text  string
	comma byte
	most  int // cells of a row that are kept
	at    int // in bytes
	line  int // of at, from 1
	col   int // of at, from 1, in characters

	// Of the row that was read last.
	broken bool // it is not to be used
	count  int  // how many cells it has
	beyond cell // the first one with text of those that are not kept

	problems []csvProblem // so far
	more     int          // that are not kept
}

// csvProblem is a mistake in the form of a CSV file. It repeats nothing of the file.
type csvProblem struct {
	line, col int
	message   string
}

func newRows(text string, comma byte) *rows {
	return &rows{text: text, comma: comma, most: maxColumns, line: 1, col: 1}
}

// next reads a row into cells, whose memory it uses. It skips lines without anything in them
// and returns nil at the end.
func (r *rows) next(cells []cell) []cell {
	for r.newline() {
	}
	if r.at >= len(r.text) {
		return nil
	}
	cells, r.broken, r.count, r.beyond = cells[:0], false, 0, cell{}
	for {
		c := cell{line: r.line, col: r.col}
		if r.at < len(r.text) && r.text[r.at] == '"' {
			c.text = r.quoted(c)
		} else {
			c.text = r.plain(false)
		}
		r.count++
		if len(cells) < r.most {
			cells = append(cells, c)
		} else if c.text != "" && r.beyond.text == "" {
			r.beyond = c
		}
		if r.at >= len(r.text) || r.newline() {
			return cells
		}
		r.at++ // the comma
		r.col++
	}
}

// extra is the first cell with text from a column on.
func (r *rows) extra(cells []cell, from int) cell {
	for i := from; i < len(cells); i++ {
		if cells[i].text != "" {
			return cells[i]
		}
	}
	return r.beyond
}

func (r *rows) problem(line, col int, format string, args ...any) {
	r.broken = true
	if len(r.problems) >= maxErrors {
		r.more++
		return
	}
	r.problems = append(r.problems, csvProblem{line, col, fmt.Sprintf(format, args...)})
}

// newline takes the end of a line, which may also be a CR at the end of the text.
func (r *rows) newline() bool {
	n := r.lineEnd(r.at)
	if n == 0 {
		return false
	}
	r.at += n
	r.line, r.col = r.line+1, 1
	return true
}

// lineEnd is the length of the line's end that is at i, 0 for none.
func (r *rows) lineEnd(i int) int {
	switch {
	case i >= len(r.text):
		return 0
	case r.text[i] == '\n':
		return 1
	case r.text[i] != '\r':
		return 0
	case i+1 == len(r.text):
		return 1
	case r.text[i+1] == '\n':
		return 2
	}
	return 0
}

// plain reads a cell without quotes up to what ends it. told says that a mistake of the cell
// is told already.
func (r *rows) plain(told bool) string {
	start, i, col := r.at, r.at, r.col
loop:
	for ; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == r.comma, c == '\n':
			break loop
		case c == '\r':
			if r.lineEnd(i) > 0 {
				break loop
			}
			col++
		case c == '"':
			if !told {
				r.problem(r.line, col, `a quote stands inside of a cell that does not begin with one: put the whole cell in quotes, and write each quote in it as ""`)
				told = true
			}
			col++
		case c < utf8.RuneSelf || c >= 0xC0:
			col++
		}
	}
	r.at, r.col = i, col
	return r.text[start:i]
}

// quoted reads a cell in quotes, which may go over several lines.
func (r *rows) quoted(begin cell) string {
	open := r.at
	r.at++
	start := r.at
	doubled := false
	for {
		i := strings.IndexByte(r.text[r.at:], '"')
		if i < 0 {
			r.problem(begin.line, begin.col, "the quote that begins this cell is not closed")
			r.at = len(r.text)
			return ""
		}
		r.at += i + 1
		if r.at == len(r.text) || r.text[r.at] != '"' {
			break
		}
		doubled = true
		r.at++
	}
	text := r.text[start : r.at-1]
	if doubled {
		text = strings.ReplaceAll(text, `""`, `"`)
	}
	r.passed(r.text[open:r.at])
	if r.at < len(r.text) && r.text[r.at] != r.comma && r.lineEnd(r.at) == 0 {
		r.problem(r.line, r.col, `text stands behind the quote that closes the cell of line %d, column %d: write a quote inside of a cell as ""`, begin.line, begin.col)
		r.plain(true)
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}

// passed counts the lines and the characters of a quoted cell.
func (r *rows) passed(span string) {
	if i := strings.LastIndexByte(span, '\n'); i >= 0 {
		r.line += strings.Count(span, "\n")
		r.col = 1
		span = span[i+1:]
	}
	r.col += utf8.RuneCountInString(span)
}
