package manifest

import (
	"path"
	"strings"

	"gopkg.in/yaml.v3"
)

var secretShape = &shape{what: "a secret", keys: []string{"env", "file"}, secret: true}

// givenSecret reports whether something stands in a secret's place. A literal that begins
// with & or ! is an anchor or a tag of nothing: it must not pass for "no password".
func (l *loader) givenSecret(n *yaml.Node) bool {
	return n != nil && (!l.isNull(n) || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0)
}

// secret reads {env: NAME} or {file: PATH}; the placeholders in it stay. No message repeats
// anything that stands here, apart from what is nothing but a name: see checkEnv.
func (l *loader) secret(n *yaml.Node, what string) (Secret, bool) {
	m := l.deref(n)
	if m.Kind == yaml.ScalarNode {
		l.errorf(n, "%s is written as a literal, a secret is a reference: {env: NAME} or {file: PATH}", what)
		return Secret{}, false
	}
	if m.Kind != yaml.MappingNode {
		l.errorf(n, "%s must be a reference, {env: NAME} or {file: PATH}, not %s", what, kind(m))
		return Secret{}, false
	}
	before := l.errs.calls
	var f [2]*yaml.Node
	if !l.fields(n, secretShape, f[:]) || l.errs.calls > before {
		return Secret{}, false
	}
	env, file := f[0], f[1]
	switch {
	case env != nil && file != nil:
		l.errorf(n, "%s has both env and file, a secret has one source", what)
	case env != nil:
		return l.secretEnv(n, env, what)
	case file != nil:
		return l.secretFile(n, file, what)
	default:
		l.errorf(n, "%s has no source, it is {env: NAME} or {file: PATH}", what)
	}
	return Secret{}, false
}

func (l *loader) secretEnv(n, env *yaml.Node, what string) (Secret, bool) {
	name, ok := l.text(env, "the env of "+what)
	if !ok {
		return Secret{}, false
	}
	uses, problem := checkTemplate(name, false)
	if problem == "" && !uses {
		problem = checkEnv(name)
		if strings.HasPrefix(name, "$") {
			problem = "is written with a $, only the name of the variable is needed"
		}
	}
	if problem != "" {
		l.errorf(env, "the env of %s %s", what, problem)
		return Secret{}, false
	}
	return Secret{Env: name, Pos: l.pos(n)}, true
}

func (l *loader) secretFile(n, file *yaml.Node, what string) (Secret, bool) {
	name, ok := l.text(file, "the file of "+what)
	if !ok {
		return Secret{}, false
	}
	s := Secret{File: name, Pos: l.pos(n)}
	uses, problem := checkTemplate(name, false)
	if problem == "" && !uses {
		s.Path, problem = l.under(l.dir, name)
	}
	if problem != "" {
		l.errorf(file, "the file of %s %s", what, problem)
		return Secret{}, false
	}
	return s, true
}

// under makes a path that stands in a file of directory dir one that is relative to the
// certificate root, or says what is wrong with it. It looks at the text alone; links are
// found out when the file is opened.
func (l *loader) under(dir, name string) (rel, problem string) {
	switch {
	case name == "":
		return "", "is empty"
	case len(name) > maxPathBytes:
		return "", "is too long for a path"
	case strings.ContainsFunc(name, hidden):
		return "", "contains a control character"
	case isAbsolute(name):
		return "", "is an absolute path, it must be relative to the file that names it"
	case strings.HasSuffix(name, "/"):
		return "", "names a directory"
	}
	// Most paths go down from a directory that is the root or in it.
	if clean := path.Clean(name); clean != "." && !strings.HasPrefix(clean, "..") {
		if len(dir)+1 == len(l.rootPrefix) && strings.HasPrefix(l.rootPrefix, dir) {
			return clean, ""
		}
		if inner, ok := strings.CutPrefix(dir, l.rootPrefix); ok {
			return inner + "/" + clean, ""
		}
	}
	full := path.Join(dir, name)
	rel, ok := strings.CutPrefix(full, l.rootPrefix)
	if !ok || rel == "" {
		return "", "leaves the certificate root"
	}
	return rel, ""
}

// isAbsolute knows the absolute paths of every system, so that a manifest means the same on
// each: /x, \x and c:x.
func isAbsolute(name string) bool {
	return name[0] == '/' || name[0] == '\\' ||
		len(name) > 1 && name[1] == ':' && isLetter(name[0])
}
