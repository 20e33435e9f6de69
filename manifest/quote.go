package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// words are what some reader of YAML takes for something else than text.
var words = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// quote writes a text as YAML, in quotes unless it is text without them to every reader.
func quote(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// isPlain accepts letters, digits and what holds names and paths together, behind a letter.
func isPlain(s string) bool {
	for i, r := range s {
		switch {
		case unicode.IsLetter(r):
		case i == 0:
			return false
		case r < 0x80 && isDigit(byte(r)), r == '_', r == '-', r == '.', r == '/', r == ' ':
		default:
			return false
		}
	}
	return s != "" && !strings.HasSuffix(s, " ") && !slices.Contains(words, strings.ToLower(s))
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
