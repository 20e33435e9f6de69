package manifest

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The longest names that are accepted. The API's documents give no limits; these are well above
// what a console or a store shows.
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

// CheckID says why a text cannot be an app's id, or nil. An id is 1 to 128 printable
// characters without a space at either end.
func CheckID(id string) error {
	if id == "" {
		return errors.New("is empty")
	}
	if problem := checkText(id, maxIDRunes); problem != "" {
		return errors.New(problem)
	}
	return nil
}

// NameKey is the same for names that are one name although their bytes differ: é may be one
// character or, as macOS writes it, an e with a mark. It is for comparing (NFC); names are kept and
// sent as they are written.
func NameKey(name string) string { return norm.NFC.String(name) }

// checkText says what is wrong with a name that people read, or "". Unprintable characters are
// refused because names are shown on terminals and compared by eye. An empty text is accepted.
func checkText(s string, limit int) string {
	switch {
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

// checkLabelKey refuses what separates keys and values in a selection, key=value.
func checkLabelKey(key string) string {
	switch {
	case key == "":
		return "is empty"
	case strings.ContainsAny(key, "=,"):
		return "cannot have = or , in it"
	}
	return checkText(key, maxLabelRunes)
}

// hidden reports characters that do not show, so that two different names look the same:
// controls, line separators, direction marks, soft hyphens, zero-width spaces, fillers. Joiners,
// variation selectors and tags are accepted, since emoji and several scripts need them.
func hidden(r rune) bool {
	switch {
	case r >= ' ' && r <= '~':
		return false
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

// checkPackage checks the grammar of an Android application ID: two or more segments, each a
// letter followed by letters, digits and underscores, all of them ASCII.
func checkPackage(s string) string {
	if problem := checkSegments(s, maxPackageBytes, "_", "underscores"); problem != "" {
		return problem
	}
	for segment := range strings.SplitSeq(s, ".") {
		if !strings.Contains(letters, segment[:1]) {
			return "has a segment that does not begin with a letter"
		}
	}
	if !strings.Contains(s, ".") {
		return "has one segment, a package needs two or more as in cn.example.shop"
	}
	return ""
}

// checkBundle checks the grammar of a bundle ID: segments of letters, digits and hyphens
// between dots.
func checkBundle(s string) string {
	problem := checkSegments(s, maxBundleBytes, "-", "hyphens")
	if problem == "" && strings.Trim(s, "-.") == "" {
		return "has no letter or digit"
	}
	return problem
}

// checkSegments checks that s is segments of ASCII letters, digits and one more character
// between dots. extras names that character.
func checkSegments(s string, limit int, extra, extras string) string {
	switch {
	case s == "":
		return "is empty"
	case strings.Trim(s, alphanumeric+extra+".") != "":
		return "has a character other than letters, digits, " + extras + " and dots"
	case len(s) > limit:
		return fmt.Sprintf("is longer than %d characters", limit)
	case slices.Contains(strings.Split(s, "."), ""):
		return "has an empty segment between its dots"
	}
	return ""
}

// envName is compiled when it is first needed: its classes of letters take a while, and every command
// would wait for them.
var envName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\pL_][\pL\p{Nd}_.-]*$`) })

// checkEnv accepts what a shell or a pipeline can set, and the dots, hyphens and letters that a
// placeholder may bring in. It is strict because what it refuses may be the secret itself, while
// a name that it accepts is printed.
func checkEnv(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > maxEnvBytes:
		return fmt.Sprintf("is longer than %d bytes", maxEnvBytes)
	case !envName().MatchString(s):
		return "is not the name of an environment variable: letters, digits and underscores, not a digit first"
	}
	return ""
}

const (
	letters      = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alphanumeric = letters + "0123456789"
)

// placeholders are the names that ${…} accepts in the path of a certificate, in the path of a
// password and in the name of a password's environment variable.
var placeholders = []string{"id", "app_name", "android_package"}

func hasPlaceholder(s string) bool { return strings.Contains(s, "${") }

// checkPlaceholders says what is wrong with the placeholders in s, or "". Only if quote is set
// does it repeat the name of an unknown one: s may be a secret.
func checkPlaceholders(s string, quote bool) (problem string) {
	for {
		_, rest, found := strings.Cut(s, "${")
		if !found {
			return ""
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "has a ${ without its }"
		}
		s = after
		if slices.Contains(placeholders, name) {
			continue
		}
		problem = "has an unknown placeholder"
		if quote && looksLikeKey(name) {
			problem += " ${" + name + "}"
		}
		if near := Suggest(name, placeholders); near != "" {
			return problem + ", did you mean ${" + near + "}?"
		}
		return problem + ", known are ${id}, ${app_name} and ${android_package}"
	}
}

// absolute is how the absolute paths of every system begin, so that a manifest means the same on
// each: /x, \x and c:x.
var absolute = regexp.MustCompile(`^([/\\]|[A-Za-z]:)`)

// checkPath says what is wrong with a path as it is written, or "".
func checkPath(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxPathBytes:
		return "is too long for a path"
	case strings.ContainsFunc(name, hidden):
		return "contains an invisible character"
	case absolute.MatchString(name):
		return "is an absolute path, it must be relative to the file that names it"
	}
	return ""
}

// relative makes a path that is written in a file of directory dir relative to the certificate
// root, or says what is wrong with it. Both directories are absolute and slash-separated. It looks
// at the text alone: links are checked when the file is opened.
func relative(root, dir, name string) (rel, problem string) {
	if problem := checkPath(name); problem != "" {
		return "", problem
	}
	if strings.HasSuffix(name, "/") {
		return "", "names a directory"
	}
	rel, under := strings.CutPrefix(path.Join(dir, name), strings.TrimSuffix(root, "/"))
	rel, ok := strings.CutPrefix(rel, "/")
	if !under || !ok || rel == "" {
		return "", "is not below the manifest's directory or --cert-root"
	}
	return rel, ""
}
