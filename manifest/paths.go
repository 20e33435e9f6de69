package manifest

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
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

// checkPath says what is wrong with a path as it is written, or "".
func checkPath(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxPathBytes:
		return "is too long for a path"
	case strings.ContainsFunc(name, hidden):
		return "contains a control character"
	case isAbsolute(name):
		return "is an absolute path, it must be relative to the file that names it"
	}
	return ""
}

// isAbsolute recognizes the absolute paths of every system, so that a manifest means the same
// on each: /x, \x and c:x.
func isAbsolute(name string) bool {
	return name[0] == '/' || name[0] == '\\' ||
		len(name) > 1 && name[1] == ':' && isLetter(name[0])
}

// relative makes a path that is written in a file of directory dir relative to the certificate
// root, or says what is wrong with it. It looks at the text alone: links are checked when the
// file is opened.
func (l *loader) relative(dir, name string) (rel, problem string) {
	if problem := checkPath(name); problem != "" {
		return "", problem
	}
	if strings.HasSuffix(name, "/") {
		return "", "names a directory"
	}
	rel, ok := strings.CutPrefix(path.Join(dir, name), l.certPrefix)
	if !ok || rel == "" {
		return "", "leaves the certificate root"
	}
	return rel, ""
}

// local makes a path that is written in the file from relative to the manifest's directory, as
// from is, or says what is wrong with it.
func local(from, name string) (rel, problem string) {
	if problem := checkPath(name); problem != "" {
		return "", problem
	}
	rel = path.Join(path.Dir(from), name)
	if !filepath.IsLocal(rel) {
		return "", "leaves the manifest's directory"
	}
	return rel, ""
}

// glob returns the files of fsys that a pattern matches, in order, or says what is wrong with
// the pattern. As in a shell, only a dot matches a dot that begins a name.
func glob(fsys fs.FS, pattern string) (matches []string, problem string) {
	if problem := checkPath(pattern); problem != "" {
		return nil, problem
	}
	if strings.Contains(pattern, "**") {
		return nil, "has a **, which is not supported: name each level, as in teams/*/*.yaml"
	}
	full := path.Clean(pattern)
	if !filepath.IsLocal(full) {
		return nil, "leaves the manifest's directory"
	}
	if !strings.ContainsAny(full, `*?[\`) {
		return []string{full}, "" // a missing file is found when it is opened
	}
	found, err := fs.Glob(fsys, full)
	if err != nil {
		return nil, "is not a pattern: a [ or a \\ is not closed"
	}
	if path.Base(full)[0] != '.' {
		found = slices.DeleteFunc(found, func(name string) bool { return path.Base(name)[0] == '.' })
	}
	if len(found) == 0 {
		return nil, "matches no file"
	}
	slices.Sort(found)
	return found, ""
}
