package manifest

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"jpsync/internal/jpush"
)

var (
	certificatesSpec = &mappingSpec{what: "certificates", keys: []string{"development", "production"}}
	certificateSpec  = &mappingSpec{what: "a certificate", keys: []string{"file", "password"}, quoteOnlyNearMisses: true}
	secretSpec       = &mappingSpec{what: "a secret", keys: []string{"env", "file"}, secret: true}
)

// appCertificates reads an app's own certificates and notes which defaults they override.
func (r *reader) appCertificates(n *yaml.Node, a *App, o *overrides) {
	if isNull(n) {
		o.development, o.production = true, true
		return
	}
	r.certificates(n, func(env jpush.Environment, c *Certificate) {
		o.setCertificate(env)
		if c == nil {
			return
		}
		filled, problem, pos := r.fill(r.dir, *c, a)
		if problem != "" {
			r.errs.add(pos, "%s", problem)
			return
		}
		a.setCertificate(env, filled)
	})
}

func (a *App) setCertificate(env jpush.Environment, c Certificate) {
	if a.Certificates == nil {
		a.Certificates = make(map[jpush.Environment]Certificate, 2)
	}
	a.Certificates[env] = c
}

// certificates reads the certificates of an app or of the defaults and calls use with each,
// placeholders unfilled; nil stands for null.
func (r *reader) certificates(n *yaml.Node, use func(jpush.Environment, *Certificate)) {
	f, _ := r.mapping(n, certificatesSpec)
	for _, env := range jpush.Environments {
		n := f[string(env)]
		if n == nil {
			continue
		}
		if isNull(n) {
			use(env, nil)
		} else if c, ok := r.certificate(n, env); ok {
			use(env, &c)
		}
	}
}

func (r *reader) certificate(n *yaml.Node, env jpush.Environment) (c Certificate, ok bool) {
	if deref(n).Kind == yaml.ScalarNode {
		r.errorf(n, "the %s certificate must be a mapping: {file: PATH}, and password if it has one", env)
		return c, false
	}
	f, _ := r.mapping(n, certificateSpec)
	if f == nil {
		return c, false
	}
	if file := f["file"]; given(file) {
		c.Pos = r.pos(file)
		c.File, c.Path, ok = r.path(file, "the certificate's file", true)
	} else {
		r.errorf(n, "the %s certificate has no file", env)
	}
	if password := f["password"]; givenSecret(password) {
		s, good := r.secret(password, "the password")
		c.Password, ok = &s, ok && good
	}
	return c, ok
}

// givenSecret reports whether there is anything where a secret belongs. A literal that begins
// with & or ! is read as an anchor or a tag of null: it is not "no password".
func givenSecret(n *yaml.Node) bool {
	return n != nil && (!isNull(n) || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0)
}

// secret reads {env: NAME} or {file: PATH} and leaves placeholders in it. No error repeats a
// value from here, apart from the name of a variable: see checkEnv.
func (r *reader) secret(n *yaml.Node, what string) (s Secret, ok bool) {
	switch m := deref(n); m.Kind {
	case yaml.ScalarNode:
		r.errorf(n, "%s is a literal, use a reference to the secret: {env: NAME} or {file: PATH}", what)
		return s, false
	case yaml.SequenceNode:
		r.errorf(n, "%s must be a reference, {env: NAME} or {file: PATH}, not a list", what)
		return s, false
	}
	f, ok := r.mapping(n, secretSpec)
	if !ok {
		return s, false
	}
	s.Pos = r.pos(n)
	switch env, file := f["env"], f["file"]; {
	case env != nil && file != nil:
		r.errorf(n, "%s has both env and file, a secret has one source", what)
		return s, false
	case env != nil:
		s.Env, ok = r.envName(env, "the env of "+what)
	case file != nil:
		s.File, s.Path, ok = r.path(file, "the file of "+what, false)
	default:
		r.errorf(n, "%s has no source, it is {env: NAME} or {file: PATH}", what)
		return s, false
	}
	return s, ok
}

// envName reads the name of an environment variable.
func (r *reader) envName(n *yaml.Node, what string) (string, bool) {
	name, ok := r.text(n, what)
	if !ok {
		return "", false
	}
	problem := checkPlaceholders(name, false)
	if problem == "" && !hasPlaceholder(name) {
		problem = checkEnv(name)
		if strings.HasPrefix(name, "$") {
			problem = "begins with a $, write only the name of the variable"
		}
	}
	r.check(n, what, problem)
	return name, problem == ""
}

// path reads a path. rel is relative to the certificate root, and empty while there are
// placeholders in the path. Only if quote is set may an error repeat a part of it.
func (r *reader) path(n *yaml.Node, what string, quote bool) (path, rel string, ok bool) {
	path, ok = r.text(n, what)
	if !ok {
		return "", "", false
	}
	problem := checkPlaceholders(path, quote)
	if problem == "" && !hasPlaceholder(path) {
		rel, problem = r.relative(r.dir, path)
	}
	r.check(n, what, problem)
	return path, rel, problem == ""
}

// fill replaces the placeholders of a certificate for one app. dir is the directory of the file
// that has the certificate. A problem comes with its position.
func (l *loader) fill(dir string, c Certificate, a *App) (filled Certificate, problem string, pos Position) {
	replace := strings.NewReplacer("${id}", a.ID, "${app_name}", a.AppName, "${android_package}", a.AndroidPackage).Replace
	if hasPlaceholder(c.File) {
		c.File = replace(c.File)
		c.Path, problem = l.relative(dir, c.File)
		if problem != "" {
			return c, "the certificate's file " + problem + forApp(a), c.Pos
		}
	}
	if c.Password == nil {
		return c, "", Position{}
	}
	s := *c.Password
	c.Password = &s
	switch {
	case hasPlaceholder(s.Env):
		s.Env = replace(s.Env)
		if problem = checkEnv(s.Env); problem != "" {
			problem = "the env of the password " + problem + forApp(a)
		}
	case hasPlaceholder(s.File):
		s.File = replace(s.File)
		if s.Path, problem = l.relative(dir, s.File); problem != "" {
			problem = "the file of the password " + problem + forApp(a)
		}
	}
	return c, problem, s.Pos
}

func forApp(a *App) string {
	return ", with the placeholders filled in for app " + strconv.Quote(clip(a.ID))
}
