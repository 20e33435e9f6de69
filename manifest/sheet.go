package manifest

import (
	"encoding/csv"
	"errors"
	"slices"
	"strings"
	"unicode"
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
	line  int      // of the last row, from 1
	lines []string // of the last row alone: a file may have a line for each byte
}

func newSheet(name, text string, comma byte) *sheet {
	text = quoteBlanks(text, comma)
	input := &limitedReader{text: strings.NewReader(text)}
	s := &sheet{name: name, csv: csv.NewReader(input), input: input, text: text, line: 1}
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

// next returns the next row that is not empty, without blanks around its cells. Empty lines before
// it, which csv.Reader skips, do not count as a part of it. The row is valid until the next call.
// After an error other than errLongRow, next continues with the next line.
func (s *sheet) next() ([]string, error) {
	for {
		rest := s.text[s.csv.InputOffset():]
		skipped := len(rest) - len(strings.TrimLeft(rest, "\n"))
		start := s.csv.InputOffset() + int64(skipped)
		s.line += len(s.lines) + skipped
		s.input.left = skipped + maxRowBytes
		record, err := s.csv.Read()
		s.lines = slices.AppendSeq(s.lines[:0], strings.Lines(s.text[start:s.csv.InputOffset()]))
		for i, cell := range record {
			record[i] = strings.TrimFunc(cell, isBlank)
		}
		if err != nil || slices.ContainsFunc(record, func(cell string) bool { return cell != "" }) {
			return record, err
		}
	}
}

// isBlank reports what is dropped around a cell: white space, and what does not show, as it comes
// with text from a web page or a chat. Inside a name the latter is an error, but for joiners: see
// checkText. Control characters other than white space are left to be refused.
func isBlank(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200C' || r == '\u200D' || hidden(r) && !unicode.IsControl(r)
}

// quoteBlanks moves blanks around a quoted cell into its quotes, because encoding/csv refuses them
// outside. Every cell stays where it begins.
func quoteBlanks(text string, comma byte) string {
	if !strings.Contains(text, `"`) {
		return text
	}
	outside := func(r rune) bool { return isBlank(r) && r != '\n' && r != rune(comma) }
	var b strings.Builder
	b.Grow(len(text))
	for text != "" {
		rest := strings.TrimLeftFunc(text, outside)
		before := text[:len(text)-len(rest)]
		if end := closingQuote(rest); end > 0 {
			after := strings.TrimLeftFunc(rest[end+1:], outside)
			blanks := rest[end+1 : len(rest)-len(after)]
			if after == "" || after[0] == '\n' || after[0] == comma {
				b.WriteString(`"` + before + rest[1:end] + blanks + `"`)
				text = after
			}
		}
		// The end of the cell, or all of one that is not quoted.
		end := 1 + strings.IndexAny(text, "\n"+string(rune(comma)))
		if end == 0 {
			end = len(text)
		}
		b.WriteString(text[:end])
		text = text[end:]
	}
	return b.String()
}

// closingQuote returns where the quote is that closes the cell at the beginning of text, or -1.
func closingQuote(text string) int {
	if !strings.HasPrefix(text, `"`) {
		return -1
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != '"':
		case i+1 < len(text) && text[i+1] == '"':
			i++
		default:
			return i
		}
	}
	return -1
}

// cell returns the place where a cell of the last row begins, its quote included.
func (s *sheet) cell(i int) Position { return s.place(s.csv.FieldPos(i)) }

// place turns a column of the last row in bytes, from 1, into one in characters.
func (s *sheet) place(line, column int) Position {
	return Position{s.name, line, 1 + utf8.RuneCountInString(s.lines[line-s.line][:column-1])}
}

// explain turns an error of next into a place and a message.
func (s *sheet) explain(err error) (at Position, message string) {
	parse, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case !ok:
		return Position{s.name, s.line, 1}, "the row that begins here is longer than " + bytesText(maxRowBytes) + ": is a quote not closed?"
	case errors.Is(err, csv.ErrBareQuote):
		message = `unexpected quote: put the whole cell in quotes, and write each quote in it as ""`
	case parse.Column > len(s.lines[parse.Line-s.line]): // the end of the file
		return Position{s.name, parse.StartLine, 1}, "a quote in the row that begins here is not closed"
	default:
		message = `unexpected text after the quote that closes a cell: write a quote in a cell as ""`
	}
	return s.place(parse.Line, parse.Column), message
}
