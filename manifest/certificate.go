package manifest

import (
	"strings"

	"gopkg.in/yaml.v3"

	"jpsync/internal/jpush"
)

var (
	certificatesSpec = &mappingSpec{what: "certificates", keys: []string{"development", "production"}}
	certificateSpec  = &mappingSpec{what: "a certificate", keys: []string{"file", "password"}, quoteOnlyNearMisses: true}
	secretSpec       = &mappingSpec{what: "a secret", keys: []string{"env", "file"}, secret: true}
)

// certificates reads the certificates of an app or of the defaults, placeholders unfilled. The
// zero Certificate stands for null, which switches a default off, and for one with a mistake.
func (r *reader) certificates(n *yaml.Node) map[jpush.Environment]Certificate {
	if isNull(n) {
		return map[jpush.Environment]Certificate{jpush.Development: {}, jpush.Production: {}}
	}
	f, _ := r.mapping(n, certificatesSpec)
	certificates := make(map[jpush.Environment]Certificate, 2)
	for _, env := range jpush.Environments {
		switch field := f[string(env)]; {
		case given(field):
			certificates[env] = r.certificate(field, env)
		case field != nil:
			certificates[env] = Certificate{}
		}
	}
	return certificates
}

// certificate returns the zero Certificate if there is a mistake, which it reports.
func (r *reader) certificate(n *yaml.Node, env jpush.Environment) Certificate {
	if deref(n).Kind == yaml.ScalarNode {
		r.errorf(n, "the %s certificate must be a mapping: {file: PATH}, and password if it has one", env)
		return Certificate{}
	}
	f, _ := r.mapping(n, certificateSpec)
	if f == nil {
		return Certificate{}
	}
	var c Certificate
	ok := given(f["file"])
	if ok {
		c.Pos = r.pos(f["file"])
		c.File, c.Path, ok = r.path(f["file"], "the certificate's file", true)
	} else {
		r.errorf(n, "the %s certificate has no file", env)
	}
	if password := f["password"]; givenSecret(password) {
		s, good := r.secret(password, "the password")
		c.Password, ok = &s, ok && good
	}
	if !ok {
		return Certificate{}
	}
	return c
}

// givenSecret reports whether there is anything where a secret belongs. A literal that begins
// with & or ! is read as an anchor or a tag of null: it is not "no password".
func givenSecret(n *yaml.Node) bool {
	return n != nil && (!isNull(n) || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0)
}

// secret reads {env: NAME} or {file: PATH} and leaves placeholders in it. No error repeats a
// value from here, apart from the name of a variable: see checkEnv.
func (r *reader) secret(n *yaml.Node, what string) (s Secret, ok bool) {
	if deref(n).Kind == yaml.ScalarNode {
		r.errorf(n, "%s is a literal, use a reference to the secret: {env: NAME} or {file: PATH}", what)
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
		rel, problem = relative(r.loader.certRoot, r.dir, path)
	}
	r.check(n, what, problem)
	return path, rel, problem == ""
}

// completeCertificates applies the defaults to the certificates of an app, and fills in their
// placeholders. dir is the directory of the file that has the app.
func (l *loader) completeCertificates(a *App, dir string) {
	own := a.Certificates
	a.Certificates = nil
	for _, env := range jpush.Environments {
		c, ok := own[env]
		from := dir
		if !ok {
			c, from = l.defaults.certificates[env], l.defaults.dir
		}
		if c == (Certificate{}) {
			continue
		}
		if a.Certificates == nil {
			a.Certificates = make(map[jpush.Environment]Certificate, 2)
		}
		a.Certificates[env] = l.fill(c, from, a)
	}
}

// fill replaces the placeholders of a certificate for one app. dir is the directory of the file
// that has the certificate.
func (l *loader) fill(c Certificate, dir string, a *App) Certificate {
	replace := strings.NewReplacer("${id}", a.ID, "${app_name}", a.AppName, "${android_package}", a.AndroidPackage).Replace
	check := func(pos Position, what, problem string) {
		if problem != "" {
			l.errs.add(pos, "%s %s, with the placeholders filled in for app %q", what, problem, clip(a.ID))
		}
	}
	var problem string
	if hasPlaceholder(c.File) {
		c.File = replace(c.File)
		c.Path, problem = relative(l.certRoot, dir, c.File)
		check(c.Pos, "the certificate's file", problem)
	}
	if c.Password == nil {
		return c
	}
	s := *c.Password
	c.Password = &s
	switch {
	case hasPlaceholder(s.Env):
		s.Env = replace(s.Env)
		check(s.Pos, "the env of the password", checkEnv(s.Env))
	case hasPlaceholder(s.File):
		s.File = replace(s.File)
		s.Path, problem = relative(l.certRoot, dir, s.File)
		check(s.Pos, "the file of the password", problem)
	}
	return c
}
