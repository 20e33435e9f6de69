// Package report writes a plan, a result, certificates, app keys or a state in the forms that
// people and programs read: text, JSON, Markdown, JUnit and others. It writes to the writers
// that it is given and decides nothing.
package report

import (
	"regexp"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Style says what the destination of a text can show and which language its reader reads. The
// zero Style is a plain file in English.
type Style struct {
	Color bool
	Width int // columns to wrap at; 0 does not wrap
	Lang  Language
}

// Colours have meanings: green is created, cyan is sent, red is deleted or wrong, yellow needs
// attention.
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

// Wrap breaks s at spaces into lines of the style's width. The first line begins with first,
// the others with rest. A word that is longer than a line stays whole.
func (st Style) Wrap(first, rest, s string) string {
	column := width(first)
	if st.Width <= 0 || column+width(s) <= st.Width {
		return first + s
	}
	var b strings.Builder
	b.WriteString(first)
	for i, word := range strings.Fields(s) {
		w := width(word)
		switch {
		case i == 0:
		case column+1+w > st.Width:
			b.WriteString("\n" + rest)
			column = width(rest)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += w
	}
	return b.String()
}

// width counts terminal columns. A Chinese character has two. A character whose width Unicode
// calls ambiguous has one, as in most terminals. A colour has none.
func width(s string) int {
	if strings.IndexByte(s, 0x1b) >= 0 {
		s = colors.ReplaceAllLiteralString(s, "")
	}
	return runes.StringWidth(s)
}

var (
	colors = regexp.MustCompile("\x1b\\[[0-9;]*m")
	runes  = &runewidth.Condition{EastAsianWidth: false}
)

// pad fills s with spaces up to w columns.
func pad(s string, w int) string { return s + strings.Repeat(" ", max(0, w-width(s))) }

// cut shortens s to w columns and marks the cut with an ellipsis.
func cut(s string, w int) string { return runes.Truncate(s, w, "…") }

// Printable replaces what would control a terminal or a CI runner. Names come from manifests
// and servers, and neither may write escape sequences or commands.
func Printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if control(r) {
			return '\uFFFD'
		}
		return r
	}, s)
	// GitHub's runner obeys ::command:: at the beginning of a line and ##[command] anywhere.
	s = strings.ReplaceAll(s, "##[", "##\uFFFD[")
	if rest := strings.TrimLeft(s, " \t"); strings.HasPrefix(rest, "::") {
		s = "\uFFFD:" + rest[2:]
	}
	return s
}

// control reports whether r is a control character or changes the direction of reading.
func control(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
