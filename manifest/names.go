package manifest

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest names that are accepted. The API documents give none; these are well above
// what a console or a store shows and well below what could hurt.
const (
	maxIDRunes      = 128
	maxNameRunes    = 100 // app_name and group_name
	maxPackageBytes = 255
	maxBundleBytes  = 155
	maxLabelRunes   = 128 // keys and values
	maxLabels       = 64  // for each app
	maxEnvBytes     = 255
	maxPathBytes    = 4096
)

// checkText says what is wrong with a name that people read, or "". Unprintable characters
// are refused because a name is shown on terminals and compared by eye.
func checkText(s string, limit int) string {
	if plainASCII(s) && len(s) <= limit {
		return ""
	}
	switch {
	case s == "":
		return "is empty"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case utf8.RuneCountInString(s) > limit:
		return fmt.Sprintf("is longer than %d characters", limit)
	}
	for _, r := range s {
		switch {
		case unicode.IsControl(r):
			return fmt.Sprintf("contains the control character %U", r)
		case hidden(r):
			return fmt.Sprintf("contains the invisible character %U", r)
		}
	}
	if strings.TrimSpace(s) != s {
		return "begins or ends with a space"
	}
	return ""
}

// plainASCII accepts most names at once: ASCII that shows, with spaces in between.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && s[0] != ' ' && s[len(s)-1] != ' '
}

// checkLabelKey keeps out what separates keys and values in a selection, key=value.
func checkLabelKey(key string) string {
	if strings.ContainsAny(key, "=,") {
		return "cannot have = or , in it"
	}
	return checkText(key, maxLabelRunes)
}

// hidden reports characters that act on the text around them instead of showing, or do not show
// at all, so that two names look the same: controls, line separators, those that turn the
// direction of writing, soft hyphens, spaces without a width, fillers. Joiners, variation
// selectors and tags stay, since emoji and several scripts are spelled with them.
func hidden(r rune) bool {
	switch {
	case unicode.IsControl(r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		return true
	case r == '\u2028', r == '\u2029', r == '\uFEFF', r == '\u061C', r == '\u200E', r == '\u200F', r >= '\u202A' && r <= '\u202E':
		return true
	case r >= '\u2060' && r <= '\u206F', r >= '\uFFF9' && r <= '\uFFFB':
		return true
	case r == '\u00AD', r == '\u180E', r == '\u200B', r == '\u2800':
		return true
	}
	return false
}

// checkPackage holds an Android application ID to its grammar: two or more segments, each a
// letter followed by letters, digits and underscores, all of them ASCII.
func checkPackage(s string) string {
	if s == "" {
		return "is empty"
	}
	if len(s) > maxPackageBytes {
		return fmt.Sprintf("is longer than %d characters", maxPackageBytes)
	}
	segments := 0
	for segment := range strings.SplitSeq(s, ".") {
		segments++
		if segment == "" {
			return "has an empty segment between its dots"
		}
		if !isLetter(segment[0]) {
			return "has a segment that does not begin with a letter"
		}
		for i := range len(segment) {
			if c := segment[i]; !isLetter(c) && !isDigit(c) && c != '_' {
				return "has a character other than letters, digits, underscores and dots"
			}
		}
	}
	if segments < 2 {
		return "has one segment, a package needs two or more, as in cn.example.shop"
	}
	return ""
}

// checkBundle holds a bundle ID to Apple's grammar: segments of letters, digits and hyphens
// between dots.
func checkBundle(s string) string {
	if s == "" {
		return "is empty"
	}
	if len(s) > maxBundleBytes {
		return fmt.Sprintf("is longer than %d characters", maxBundleBytes)
	}
	for segment := range strings.SplitSeq(s, ".") {
		if segment == "" {
			return "has an empty segment between its dots"
		}
		for i := range len(segment) {
			if c := segment[i]; !isLetter(c) && !isDigit(c) && c != '-' {
				return "has a character other than letters, digits, hyphens and dots"
			}
		}
	}
	if strings.Trim(s, "-.") == "" {
		return "has no letter or digit" // a "-" that stands for none, where nothing does
	}
	return ""
}

// checkEnv accepts what a shell or a pipeline can set, and the dots, hyphens and letters
// that a placeholder may bring in. It is strict because a name that is refused here was
// perhaps meant as the secret itself, and one that is accepted gets printed.
func checkEnv(s string) string {
	if s == "" {
		return "is empty"
	}
	if len(s) > maxEnvBytes {
		return fmt.Sprintf("is longer than %d bytes", maxEnvBytes)
	}
	for i, r := range s {
		if r == '_' || unicode.IsLetter(r) {
			continue
		}
		if i > 0 && (unicode.IsDigit(r) || r == '.' || r == '-') {
			continue
		}
		return "is not the name of an environment variable, which has letters, digits and underscores and begins with none of the digits"
	}
	return ""
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
