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
	csv   *csv.Reader
	input *limitedReader
	text  string // lines end with LF
	start int    // of the last row, in bytes

	at        Position // the place that was asked for last
	offset    int      // of at, in bytes
	lineStart int      // of the line of at, in bytes
}

func newSheet(name, text string, comma byte) *sheet {
	input := &limitedReader{text: strings.NewReader(text)}
	s := &sheet{csv: csv.NewReader(input), input: input, text: text, at: Position{name, 1, 1}}
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
		s.start = int(s.csv.InputOffset())
		record, err := s.csv.Read()
		if err != nil || slices.ContainsFunc(record, func(cell string) bool { return cell != "" }) {
			return record, err
		}
	}
}

// cell returns the place where a cell of the last row begins, its quote included. Within a row
// it must be called in order.
func (s *sheet) cell(i int) Position { return s.place(s.csv.FieldPos(i)) }

// place turns a column in bytes into one in characters. It must be called in order.
func (s *sheet) place(line, column int) Position {
	for s.at.Line < line {
		i := strings.IndexByte(s.text[s.offset:], '\n')
		if i < 0 {
			break
		}
		s.offset += i + 1
		s.lineStart = s.offset
		s.at.Line, s.at.Column = s.at.Line+1, 1
	}
	to := min(s.lineStart+column-1, len(s.text))
	if to > s.offset {
		s.at.Column += utf8.RuneCountInString(s.text[s.offset:to])
		s.offset = to
	}
	return s.at
}

// explain turns an error of next into a place and a message.
func (s *sheet) explain(err error) (at Position, message string) {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		line := 1 + strings.Count(s.text[:s.start], "\n")
		return Position{s.at.File, line, 1}, "the row that begins here is longer than " + bytesText(maxRowBytes) + ": is a quote not closed?"
	}
	at = s.place(parse.Line, parse.Column)
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		return at, `unexpected quote: put the whole cell in quotes, and write each quote in it as ""`
	case s.offset == len(s.text):
		return Position{s.at.File, parse.StartLine, 1}, "a quote in the row that begins here is not closed"
	}
	return at, `unexpected text after the quote that closes a cell: write a quote in a cell as ""`
}
