package main

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	sentenceEnd = regexp.MustCompile(`([.?!]\)?) +([A-Z"(])`)
	// name is in a word that must not be hyphenated: of a file, a variable, a key.
	name = regexp.MustCompile(`\w[._/:@=]+[$\w]`)
)

// text is filled text, in text lines, where no word is taken for a macro. Each sentence begins a
// line, as mdoc(7) asks for.
func text(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	lines := strings.Split(sentenceEnd.ReplaceAllString(s, "$1\n$2"), "\n")
	for i, line := range lines {
		words := strings.Split(escape(line), " ")
		for j, word := range words {
			if name.MatchString(word) {
				words[j] = `\%` + word
			}
		}
		lines[i] = strings.Join(words, " ")
	}
	return strings.Join(lines, "\n")
}

// literal shows lines as they are, a little indented.
func literal(s string) string {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = escape(line)
	}
	return ".Bd -literal -offset 2n\n" + strings.Join(lines, "\n") + "\n.Ed"
}

// prose is the paragraphs of a help text. One that begins with "Example:" or "Examples:" is a list
// of commands, and indented lines are shown as they are.
func prose(s string) string {
	paragraphs := strings.Split(strings.TrimSpace(s), "\n\n")
	for i, paragraph := range paragraphs {
		first, rest, _ := strings.Cut(paragraph, "\n")
		switch {
		case first == "Example:" || first == "Examples:":
			paragraph = text(first) + "\n" + literal(strings.ReplaceAll("\n"+rest, "\n  ", "\n")[1:])
		case strings.HasPrefix(first, "  "):
			paragraph = literal(paragraph)
		default:
			paragraph = text(paragraph)
		}
		paragraphs[i] = ".Pp\n" + paragraph
	}
	return strings.Join(paragraphs, "\n")
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
