package manifest

import (
	"encoding/csv"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxRowBytes bounds a row: a quote that is not closed must not swallow the rest of a long file.
const maxRowBytes = 256 << 10

var errLongRow = errors.New("the row is too long")

// sheet reads the rows of a CSV file. Its places count columns in characters, where encoding/csv
// counts bytes.
type sheet struct {
	name  string
	csv   *csv.Reader
	input *limitedReader
	text  string   // lines end with LF
	lines []string // of text
	start int64    // of the last row, in bytes
}

func newSheet(name, text string, comma byte) *sheet {
	input := &limitedReader{text: strings.NewReader(text)}
	s := &sheet{name: name, csv: csv.NewReader(input), input: input, text: text, lines: strings.SplitAfter(text, "\n")}
	s.csv.Comma = rune(comma)
	s.csv.FieldsPerRecord = -1
	s.csv.ReuseRecord = true
	return s
}

// limitedReader gives a csv.Reader at most the text of one row that is not too long.
type limitedReader struct {
	text *strings.Reader
	left int
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left <= 0 && l.text.Len() > 0 {
		return 0, errLongRow
	}
	n, err := l.text.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// next returns the next row that is not empty. The row is valid until the next call. After an
// error other than errLongRow, next continues with the next line.
func (s *sheet) next() ([]string, error) {
	for {
		s.input.left = maxRowBytes
		s.start = s.csv.InputOffset()
		record, err := s.csv.Read()
		if err != nil || slices.ContainsFunc(record, func(cell string) bool { return cell != "" }) {
			return record, err
		}
	}
}

// cell returns the place where a cell of the last row begins, its quote included.
func (s *sheet) cell(i int) Position { return s.place(s.csv.FieldPos(i)) }

// place turns a column in bytes, from 1, into one in characters.
func (s *sheet) place(line, column int) Position {
	return Position{s.name, line, 1 + utf8.RuneCountInString(s.lines[line-1][:column-1])}
}

// explain turns an error of next into a place and a message.
func (s *sheet) explain(err error) (at Position, message string) {
	var parse *csv.ParseError
	switch {
	case !errors.As(err, &parse):
		return Position{s.name, 1 + strings.Count(s.text[:s.start], "\n"), 1}, "the row that begins here is longer than " + bytesText(maxRowBytes) + ": is a quote not closed?"
	case errors.Is(err, csv.ErrBareQuote):
		message = `unexpected quote: put the whole cell in quotes, and write each quote in it as ""`
	case parse.Column > len(s.lines[parse.Line-1]): // the end of the file
		return Position{s.name, parse.StartLine, 1}, "a quote in the row that begins here is not closed"
	default:
		message = `unexpected text after the quote that closes a cell: write a quote in a cell as ""`
	}
	return s.place(parse.Line, parse.Column), message
}
