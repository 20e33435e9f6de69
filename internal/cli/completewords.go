package cli

import (
	"os"
	"path/filepath"
	"strings"
)

// unquote takes a word as bash has it on its line, perhaps unfinished, for the text it means.
// Expansions stay as they are written.
func unquote(word string) string {
	var b strings.Builder
	quote := rune(0)
	escaped := false
	for _, r := range word {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\\\"$`", r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// quoteBash escapes what bash would act on.
func quoteBash(word string) string {
	var b strings.Builder
	for i, r := range word {
		if strings.ContainsRune(" \"'\\$`&|;<>()*?[]{}!^", r) || i == 0 && (r == '~' || r == '#') {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// home fills in the ~ that a shell has not expanded yet.
func home(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if dir, err := os.UserHomeDir(); ok && err == nil {
		return filepath.Join(dir, rest)
	}
	return path
}
