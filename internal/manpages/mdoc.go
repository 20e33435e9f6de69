package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// page is a manual page in the making, in mdoc(7). Text goes into text lines, where no word
// is taken for a macro.
type page struct{ strings.Builder }

// begin writes the head of a page: what it is called, its section, and what it is about.
func (p *page) begin(name, section, about string, date time.Time) {
	p.macro("Dd " + date.Format("January 2, 2006"))
	p.macro("Dt " + strings.ToUpper(name) + " " + section)
	p.macro("Os jpsync")
	p.macro("Sh NAME")
	p.macro("Nm " + name)
	p.macro("Nd " + about)
}

// macro writes a macro line.
func (p *page) macro(line string) { p.WriteString("." + line + "\n") }

var (
	sentenceEnd = regexp.MustCompile(`([.?!]\)?) +([A-Z"(])`)
	// name is in a word that must not be hyphenated: of a file, a variable, a key.
	name = regexp.MustCompile(`\w[._/:@=]+[$\w]`)
)

// text writes filled text. Each sentence begins a line, as mdoc(7) asks for.
func (p *page) text(s string) {
	s = strings.Join(strings.Fields(s), " ")
	for line := range strings.Lines(sentenceEnd.ReplaceAllString(s, "$1\n$2")) {
		words := strings.Split(escape(strings.TrimSuffix(line, "\n")), " ")
		for i, word := range words {
			if name.MatchString(word) {
				words[i] = `\%` + word
			}
		}
		p.WriteString(strings.Join(words, " ") + "\n")
	}
}

// literal writes lines as they are, a little indented.
func (p *page) literal(lines string) {
	p.macro("Bd -literal -offset 2n")
	for line := range strings.Lines(lines) {
		p.WriteString(escape(strings.TrimSuffix(line, "\n")) + "\n")
	}
	p.macro("Ed")
}

// item is an entry of a list: a term in macros, and what it means.
type item struct{ term, meaning string }

// list writes terms with their meanings beside or below them.
func (p *page) list(width string, items []item) {
	p.macro("Bl -tag -width " + width)
	for _, i := range items {
		p.macro("It " + i.term)
		p.text(i.meaning)
	}
	p.macro("El")
}

// prose writes the paragraphs of a help text. One that begins with "Example:" or "Examples:"
// is a list of commands, and indented lines are shown as they are.
func (p *page) prose(s string) {
	for paragraph := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		first, rest, _ := strings.Cut(paragraph, "\n")
		p.macro("Pp")
		switch {
		case first == "Example:" || first == "Examples:":
			p.text(first)
			p.literal(strings.ReplaceAll("\n"+rest, "\n  ", "\n")[1:])
		case strings.HasPrefix(first, "  "):
			p.literal(paragraph)
		default:
			p.text(paragraph)
		}
	}
}

// escapes are the characters that roff would take for an escape, or turn into another one.
var escapes = strings.NewReplacer(`\`, `\e`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`)

// dashed are flags and other words with a hyphen that must stay what it is, and on one line. In
// prose, a hyphen between letters is where a line may be broken.
var dashed = regexp.MustCompile(`(^|[\s("])-[-\w]*`)

// escape makes a line of text one that is neither a macro nor has escapes in it.
func escape(line string) string {
	line = escapes.Replace(line)
	line = dashed.ReplaceAllStringFunc(line, func(word string) string { return strings.ReplaceAll(word, "-", `\-`) })
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}

// quote makes text an argument of a macro, whatever it contains.
func quote(s string) string {
	return fmt.Sprintf(`"%s"`, strings.ReplaceAll(`\&`+escape(s), `"`, `\(dq`))
}
