package manifest

import (
	"bytes"
	"slices"
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

// syntaxMistake explains some errors of yaml.v3, which are known by how they begin.
type syntaxMistake struct {
	locate  locate
	message string
	begins  []string
}

// syntaxMistakes are those that people make.
var syntaxMistakes = []syntaxMistake{
	{character, "invalid UTF-8 or a control character: YAML allows neither", []string{"control characters are not allowed", "incomplete UTF-8", "invalid leading UTF-8", "invalid trailing UTF-8", "invalid length of a UTF-8", "invalid Unicode character"}},
	{search, `unknown anchor: an alias (*) in this line refers to an anchor (&) that is not above it; put text that begins with * in quotes`, []string{"unknown anchor"}},
	{scanner, "lists and mappings are nested too deeply", []string{"exceeded max depth"}},
	{scanner, "unexpected tab, @, ` or %: indent with spaces, and put text that begins with such a character in quotes", []string{"found character that cannot start any token"}},
	{scanner, "unexpected tab: indent with spaces", []string{"found a tab character"}},
	{parser, "the list that begins with [ in this line is not closed, or lacks a comma", []string{"did not find expected ',' or ']'"}},
	{parser, "the mapping that begins with { in this line is not closed, or lacks a comma", []string{"did not find expected ',' or '}'"}},
	{search, "bad indentation, or text after a closing quote or bracket: this line does not belong to the mapping above", []string{"did not find expected key"}},
	{search, "bad indentation: this line does not belong to the list above", []string{"did not find expected '-' indicator"}},
	{search, "unexpected comma, closing bracket or end of file: a value is missing", []string{"did not find expected node content"}},
	{parser, "unexpected text after the end of the document: check the indentation", []string{"did not find expected <document start>"}},
	{scanner, "the quote that begins in this line is not closed", []string{"found unexpected end of stream"}},
	{scanner, "the quote that begins in this line is not closed before a --- or ...", []string{"found unexpected document indicator"}},
	{scanner, `unexpected ": ": put text with ": " in it in quotes, or check the indentation`, []string{"mapping values are not allowed"}},
	{scanner, `unexpected "? ": put text that begins with it in quotes`, []string{"mapping keys are not allowed"}},
	{scanner, `unexpected "- ": begin the list in a line of its own`, []string{"block sequence entries are not allowed"}},
	{scanner, "a key without its colon, or text that is not indented", []string{"could not find expected ':'"}},
	{scanner, "put text that begins with * or & in quotes", []string{"did not find expected alphabetic"}},
	{scanner, "only an indentation and a comment may follow | or > in the line", []string{"found an indentation indicator", "did not find expected comment"}},
	{scanner, `invalid escape: in double quotes a \ begins an escape, use single quotes`, []string{"found unknown escape", "found invalid Unicode character escape", "did not find expected hexdecimal"}},
	{scanner, badTag, []string{"did not find expected '!'", "did not find the expected '>'", "did not find expected tag", "did not find URI", "did not find expected whitespace or line break"}},
	{parser, badTag, []string{"found undefined tag handle"}},
	{parser, "invalid directive: put text that begins with % in quotes", []string{"found duplicate %", "found incompatible YAML"}},
}

const badTag = "invalid tag: put text that begins with ! in quotes"

// mistakeOf returns the mistake behind an error's text.
func mistakeOf(text string) syntaxMistake {
	for _, m := range syntaxMistakes {
		if slices.ContainsFunc(m.begins, func(begin string) bool { return strings.HasPrefix(text, begin) }) {
			return m
		}
	}
	return syntaxMistake{locate: scanner, message: "invalid YAML"}
}

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
	case errTags:
		before, _, _ := bytes.Cut(data, []byte(tagDirective))
		return 1 + bytes.Count(before, []byte("\n")), 1, "a %TAG directive is not supported: remove it"
	}
	// yaml.v3 omits the line of an error in the first line, so the text is decoded again with a
	// line in front.
	if _, again := decode(bytes.NewReader(append([]byte("#\n"), data...))); again != nil {
		err = again
	}
	line, text := lineOf(err)
	mistake := mistakeOf(text)
	switch {
	case mistake.locate == character:
		at := firstBad(string(data), notYAML)
		return at.Line, at.Column, mistake.message
	case mistake.locate == scanner:
		line--
	case mistake.locate == search && len(data) <= maxSearch:
		line = searchLine(data, mistake.message)
	}
	line = max(line, 1)
	for range line - 1 {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	return line, len(data) - len(bytes.TrimLeft(data, " \t")) + 1, mistake.message
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
func searchLine(data []byte, message string) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		_, err := decode(bytes.NewReader(bytes.Join(lines[:i+1], nil)))
		if err == nil {
			return false
		}
		_, text := lineOf(err)
		return mistakeOf(text).message == message
	})
}
