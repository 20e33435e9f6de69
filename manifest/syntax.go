package manifest

import (
	"bytes"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxSearch bounds the texts that are decoded again and again to find the line of an error.
const maxSearch = 512 << 10

// locate says how to find the line of an error. yaml.v3 gives one line at most.
type locate int

const (
	scanner   locate = iota // the scanner's line is counted from 1
	parser                  // the parser's line is counted from 0
	search                  // the line is that of the block around the error, or missing
	character               // there is no line: find the bad character
)

// syntaxErrors are the errors of yaml.v3 by how they begin. The first match counts.
var syntaxErrors = []struct {
	begins  string
	locate  locate
	message string
}{
	{"control characters are not allowed", character, badCharacter},
	{"invalid leading UTF-8", character, badCharacter},
	{"invalid trailing UTF-8", character, badCharacter},
	{"invalid length of a UTF-8", character, badCharacter},
	{"invalid Unicode character", character, badCharacter},
	{"incomplete UTF-8", character, badCharacter},
	{"unknown anchor", search, `unknown anchor: an alias (*) in this line refers to an anchor (&) that is not above it; put text that begins with * in quotes`},
	{"exceeded max depth", scanner, "lists and mappings are nested too deeply"},
	{"found character that cannot start any token", scanner, "unexpected tab, @, ` or %: indent with spaces, and put text that begins with such a character in quotes"},
	{"found a tab character", scanner, "unexpected tab: indent with spaces"},
	{"did not find expected ',' or ']'", parser, "the list that begins with [ in this line is not closed, or lacks a comma"},
	{"did not find expected ',' or '}'", parser, "the mapping that begins with { in this line is not closed, or lacks a comma"},
	{"did not find expected key", search, "bad indentation, or text after a closing quote or bracket: this line does not belong to the mapping above"},
	{"did not find expected '-' indicator", search, "bad indentation: this line does not belong to the list above"},
	{"did not find expected node content", search, "unexpected comma, closing bracket or end of file: a value is missing"},
	{"did not find expected <document start>", parser, "unexpected text after the end of the document: check the indentation"},
	{"found unexpected end of stream", scanner, "the quote that begins in this line is not closed"},
	{"found unexpected document indicator", scanner, "the quote that begins in this line is not closed before a --- or ..."},
	{"mapping values are not allowed", scanner, `unexpected ": ": put text with ": " in it in quotes, or check the indentation`},
	{"mapping keys are not allowed", scanner, `unexpected "? ": put text that begins with it in quotes`},
	{"block sequence entries are not allowed", scanner, `unexpected "- ": begin the list in a line of its own`},
	{"could not find expected ':'", scanner, "a key without its colon, or text that is not indented"},
	{"did not find expected alphabetic", scanner, "put text that begins with * or & in quotes"},
	{"found an indentation indicator", scanner, "only an indentation and a comment may follow | or > in the line"},
	{"did not find expected comment", scanner, "only an indentation and a comment may follow | or > in the line"},
	{"found unknown escape", scanner, badEscape},
	{"found invalid Unicode character escape", scanner, badEscape},
	{"did not find expected hexdecimal", scanner, badEscape},
	{"did not find expected '!'", scanner, badTag},
	{"did not find the expected '>'", scanner, badTag},
	{"did not find expected tag", scanner, badTag},
	{"did not find URI", scanner, badTag},
	{"did not find expected whitespace or line break", scanner, badTag},
	{"found undefined tag handle", parser, badTag},
	{"found duplicate %", parser, badDirective},
	{"found incompatible YAML", parser, badDirective},
	{"", scanner, "invalid YAML"},
}

const (
	badCharacter = "invalid UTF-8 or a control character: YAML allows neither"
	badEscape    = `invalid escape: in double quotes a \ begins an escape, use single quotes`
	badTag       = "invalid tag: put text that begins with ! in quotes"
	badDirective = "invalid directive: put text that begins with % in quotes"
)

// syntaxError reports why yaml.v3 could not decode a piece.
func (r *reader) syntaxError(p piece, err error) {
	line, column, message := explain(err, p.text)
	r.loader.errs.add(Position{r.name, p.line + line, column}, "%s", message)
}

// explain turns an error of yaml.v3 into a place and a message. The error's own text is never
// repeated: it may quote the first characters of a value, which may be a secret.
func explain(err error, data []byte) (line, column int, message string) {
	switch err {
	case errPanic:
		return 1, 1, "the YAML in this file cannot be read"
	case errDense:
		return 1, 1, `the file is too large to be read as a whole: write "apps:" in a line of its own and each app below it as a "- " entry, or use several files in a directory`
	}
	// yaml.v3 omits the line of an error in the first line, so the text is decoded again with a
	// line in front.
	if _, again := decode(bytes.NewReader(append([]byte("#\n"), data...))); again != nil {
		err = again
	}
	line, text := lineOf(err)
	for _, e := range syntaxErrors {
		if !strings.HasPrefix(text, e.begins) {
			continue
		}
		message = e.message
		switch {
		case e.locate == character:
			at := place(string(data), notYAML)
			return at.Line, at.Column, e.message
		case e.locate == scanner:
			line--
		case e.locate == search && len(data) <= maxSearch:
			line = searchLine(data, e.begins)
		}
		break
	}
	line = max(line, 1)
	for range line - 1 {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	return line, len(data) - len(bytes.TrimLeft(data, " \t")) + 1, message
}

// notYAML reports a character that no YAML text may have.
func notYAML(r rune, size int) bool {
	return r == utf8.RuneError && size == 1 ||
		r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7F || r >= 0x80 && r < 0xA0 && r != 0x85 ||
		r == 0xFFFE || r == 0xFFFF
}

// lineOf splits an error of yaml.v3; the line is 1 if the error has none.
func lineOf(err error) (line int, text string) {
	text = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, after, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			return n, after
		}
	}
	return 1, text
}

// searchLine finds the line of an error: the last one of the shortest beginning of the text
// that has the error. Every longer beginning has it too.
func searchLine(data []byte, begins string) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		_, err := decode(bytes.NewReader(bytes.Join(lines[:i+1], nil)))
		if err == nil {
			return false
		}
		_, text := lineOf(err)
		return strings.HasPrefix(text, begins)
	})
}
