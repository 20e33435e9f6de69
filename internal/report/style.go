// Package report puts a plan, or what became of it, into words: text for people, JSON for
// programs, Markdown for pull requests. It writes to the writers that it is given and
// decides nothing.
package report

import (
	"regexp"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Style says what the place that a text goes to can show, and what its reader reads. The zero
// Style is a plain file in English.
type Style struct {
	Color bool
	Width int // columns to wrap at; 0 does not wrap
	Lang  Language
}

// The colours go by meaning: what appears is green, what is sent cyan, what goes red, what
// wants a person yellow.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint wraps s in the escape sequences of the codes, if the style has colour.
func (st Style) paint(s string, codes ...string) string {
	if !st.Color || s == "" {
		return s
	}
	return "\x1b[" + strings.Join(codes, ";") + "m" + s + "\x1b[0m"
}

// width counts terminal columns: a Chinese character takes two, what Unicode calls ambiguous
// takes one, as in every common terminal, and a colour takes none.
func width(s string) int {
	if ascii(s) {
		return len(s)
	}
	if strings.IndexByte(s, 0x1b) >= 0 {
		s = colors.ReplaceAllLiteralString(s, "")
	}
	return columns.StringWidth(s)
}

var colors = regexp.MustCompile("\x1b\\[[0-9;]*m")

var columns = &runewidth.Condition{EastAsianWidth: false}

// pad fills s with spaces up to w columns.
func pad(s string, w int) string {
	if missing := w - width(s); missing > 0 {
		return s + strings.Repeat(" ", missing)
	}
	return s
}

// cut shortens s to w columns, with an ellipsis where something is missing.
func cut(s string, w int) string { return columns.Truncate(s, w, "…") }

// ascii reports whether s is printable ASCII and nothing else.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// Wrap breaks s at spaces so that first and the lines after it, which begin with rest, fit
// the style's width. A word that is longer than a line stays whole.
func (st Style) Wrap(first, rest, s string) string {
	at := width(first)
	if st.Width <= 0 || at+width(s) <= st.Width {
		return first + s
	}
	var b strings.Builder
	b.WriteString(first)
	for i, word := range strings.Fields(s) {
		w := width(word)
		switch {
		case i == 0:
		case at+1+w > st.Width:
			b.WriteString("\n" + rest)
			at = width(rest)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += w
	}
	return b.String()
}

// printable replaces what would move a terminal's cursor or change its colours. Names come
// from manifests and servers, and neither gets to write escape sequences, nor commands for a
// CI runner.
func printable(s string) string {
	if ascii(s) { // most names are, and a table may have a hundred thousand
		return harmless(s)
	}
	return harmless(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\uFFFD'
		}
		return r
	}, s))
}
