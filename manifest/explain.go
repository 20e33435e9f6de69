package manifest

import (
	"bytes"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxSearch bounds the texts in which the line of a problem is searched by reading the text
// again and again.
const maxSearch = 512 << 10

// place says how to find the spot of a problem: the YAML package gives a line at most, and
// often the line where the block begins that the problem is in.
type place int

const (
	placeScanner place = iota // the line is right
	placeParser               // the line is counted from zero
	placeSearch               // the line is that of the block's beginning
	placeToken                // look at what begins the line
	placeBytes                // no line: look for the bytes
	placeAlias                // no line: look for the name
)

// problem is one of the YAML package's, known by how its text begins.
type problem struct {
	begins  string
	place   place
	message string
}

const (
	badTag       = "a ! begins a tag here, put text that begins with one in quotes"
	badDirective = "a line that begins with % is a directive of YAML, and this one is none that is known"
	badEscape    = `a text in double quotes has a \ that is no escape of YAML, use single quotes to have it as it is`
	badBlock     = "after | or > only an indentation and a comment may follow in the line"
	badTab       = "the line is indented with a tab, YAML takes spaces"
	badDepth     = "lists and mappings are nested too deeply"
)

// problems: the first match counts.
var problems = []problem{
	{"unknown anchor", placeAlias, "an alias (*) refers to an anchor (&) that is not there before it, put text that begins with * in quotes"},
	{"control characters are not allowed", placeBytes, ""},
	{"invalid leading UTF-8", placeBytes, ""},
	{"invalid trailing UTF-8", placeBytes, ""},
	{"invalid length of a UTF-8", placeBytes, ""},
	{"invalid Unicode character", placeBytes, ""},
	{"incomplete UTF-8", placeBytes, ""},
	{"exceeded max depth", placeScanner, badDepth},
	{"found character that cannot start any token", placeToken, ""},
	{"found a tab character", placeScanner, badTab},
	{"did not find expected ',' or ']'", placeParser, "the list that begins with [ in this line is not closed, or a comma is missing in it"},
	{"did not find expected ',' or '}'", placeParser, "the mapping that begins with { in this line is not closed, or a comma is missing in it"},
	{"did not find expected key", placeSearch, "this does not continue the mapping that it stands in: see how far it is indented, and what stands behind a closing quote or bracket"},
	{"did not find expected '-' indicator", placeSearch, "this does not continue the list that it stands in: see how far it is indented"},
	{"did not find expected node content", placeSearch, "a value is expected here, not a comma or a closing bracket, nor the end of the file"},
	{"did not find expected <document start>", placeParser, "the document has ended before this, see how far it is indented"},
	{"found unexpected end of stream", placeScanner, "the quote that begins in this line is not closed"},
	{"found unexpected document indicator", placeScanner, "the quote that begins in this line is not closed before a --- or ..."},
	{"mapping values are not allowed", placeScanner, `a ": " stands where no value can begin: see how far the line is indented, and put text with ": " in it in quotes`},
	{"mapping keys are not allowed", placeScanner, `a "? " stands where no key can begin`},
	{"block sequence entries are not allowed", placeScanner, `a "- " stands where no list can begin: start the list in a line of its own`},
	{"could not find expected ':'", placeScanner, "a key without its colon, or text that is not indented"},
	{"did not find expected alphabetic", placeScanner, "a * or & begins an alias or an anchor here, put text that begins with one in quotes"},
	{"found an indentation indicator", placeScanner, badBlock},
	{"did not find expected comment", placeScanner, badBlock},
	{"found unknown escape", placeScanner, badEscape},
	{"found invalid Unicode character escape", placeScanner, badEscape},
	{"did not find expected hexdecimal", placeScanner, badEscape},
	{"did not find expected '!'", placeScanner, badTag},
	{"did not find the expected '>'", placeScanner, badTag},
	{"did not find expected tag", placeScanner, badTag},
	{"did not find URI", placeScanner, badTag},
	{"did not find expected whitespace or line break", placeScanner, badTag},
	{"found undefined tag handle", placeParser, badTag},
	{"found duplicate %", placeParser, badDirective},
	{"found incompatible YAML", placeParser, badDirective},
	{"found ", placeScanner, badDirective},
	{"could not find expected directive", placeScanner, badDirective},
	{"did not find expected ", placeScanner, badDirective},
}

// explain turns an error of the YAML package into a place and a message of ours. Its own
// text is only looked at, never passed on: some of it quotes the first characters of a
// value, which may be a secret.
func explain(err error, data []byte) (Position, string) {
	// A problem in the first line is reported without a line or with that of another mark,
	// so that the text is read again with a line in front.
	const front = "#\n"
	if _, again := decode(append([]byte(front), data...)); again != nil {
		err = again
	}
	line, text := lineOfError(err)
	for _, p := range problems {
		if !strings.HasPrefix(text, p.begins) {
			continue
		}
		switch p.place {
		case placeParser:
			return lineStart(data, line), p.message
		case placeSearch:
			return lineStart(data, search(data, line, p.begins)), p.message
		case placeToken:
			at := lineStart(data, line-1)
			return at, badToken(lineOf(data, at.Line))
		case placeBytes:
			return badByte(data)
		case placeAlias:
			return findAlias(data, text), p.message
		}
		return lineStart(data, line-1), p.message
	}
	if err == errPanic {
		return Position{Line: 1, Column: 1}, "the YAML in this file is beyond what can be read"
	}
	return lineStart(data, line-1), "not valid YAML"
}

// lineOfError takes the YAML package's error apart; the line is 1 when it has none.
func lineOfError(err error) (line int, text string) {
	text = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, after, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				return n, after
			}
		}
	}
	return 1, text
}

// search finds the line that a problem is in: the last one of the shortest beginning of the
// text that has the problem. A reader goes forward, so that a longer one has it as well.
func search(data []byte, line int, begins string) int {
	if len(data) > maxSearch {
		return line
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	ends := make([]int, len(lines))
	for i, end := 0, 0; i < len(lines); i++ {
		end += len(lines[i])
		ends[i] = end
	}
	found := sort.Search(len(ends), func(i int) bool {
		_, err := decode(data[:ends[i]])
		if err == nil {
			return false
		}
		_, text := lineOfError(err)
		return strings.HasPrefix(text, begins)
	})
	if found == len(ends) {
		return line
	}
	return found + 1
}

// lineStart is the place of the first character of a line that is no space.
func lineStart(data []byte, line int) Position {
	text := lineOf(data, line)
	blank := len(text) - len(bytes.TrimLeft(text, " \t"))
	return Position{Line: max(line, 1), Column: blank + 1}
}

// lineOf is the text of a line without its end; lines count from one.
func lineOf(data []byte, line int) []byte {
	for ; line > 1; line-- {
		_, rest, ok := bytes.Cut(data, []byte("\n"))
		if !ok {
			return nil
		}
		data = rest
	}
	text, _, _ := bytes.Cut(data, []byte("\n"))
	return text
}

// badToken tells a tab from a character that YAML keeps for itself.
func badToken(line []byte) string {
	blank := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
	if bytes.IndexByte(blank, '\t') >= 0 {
		return badTab
	}
	return "a value cannot begin with a tab or with one of @ ` %, put it in quotes"
}

// badByte finds the first bytes that are not UTF-8, or the first character that no YAML file
// may have.
func badByte(data []byte) (Position, string) {
	at := Position{Line: 1, Column: 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			return at, "the file is not valid UTF-8 from here on"
		case r == '\n':
			at.Line, at.Column = at.Line+1, 0
		case r < ' ' && r != '\t' && r != '\r', r == 0x7F, r >= 0x80 && r < 0xA0 && r != 0x85,
			r == 0xFEFF, r == 0xFFFE, r == 0xFFFF:
			return at, "a control character stands here, YAML has none"
		}
		at.Column++
		data = data[size:]
	}
	return Position{Line: 1, Column: 1}, "the file has a character that YAML does not allow"
}

// findAlias finds the first use of the name in the text of an unknown anchor's error.
func findAlias(data []byte, text string) Position {
	_, rest, _ := strings.Cut(text, "'")
	name, _, ok := strings.Cut(rest, "'")
	for line := 1; ok && len(data) > 0; line++ {
		text, after, _ := bytes.Cut(data, []byte("\n"))
		if i := aliasIn(string(text), "*"+name); i >= 0 {
			return Position{Line: line, Column: utf8.RuneCountInString(string(text[:i])) + 1}
		}
		data = after
	}
	return Position{Line: 1, Column: 1}
}

// aliasIn finds an alias where one can begin and end.
func aliasIn(line, alias string) int {
	for from := 0; ; {
		i := strings.Index(line[from:], alias)
		if i < 0 {
			return -1
		}
		i += from
		end := i + len(alias)
		begins := i == 0 || strings.IndexByte(" \t[{,:", line[i-1]) >= 0
		ends := end == len(line) || strings.IndexByte(" \t\r]},:", line[end]) >= 0
		if begins && ends {
			return i
		}
		from = end
	}
}
