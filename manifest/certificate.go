package manifest

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"jpsync/internal/jpush"
)

// certificates reads the certificates of an app or of the defaults, placeholders unfilled,
// and hands each environment that is there to use; nil stands for null.
func (l *loader) certificates(n *yaml.Node, use func(jpush.Environment, *Certificate)) {
	var f [2]*yaml.Node
	if !l.fields(n, certificatesShape, f[:]) {
		return
	}
	for i, env := range [2]jpush.Environment{jpush.Development, jpush.Production} {
		switch {
		case f[i] == nil:
		case l.isNull(f[i]):
			use(env, nil)
		default:
			if c, ok := l.certificate(f[i], env); ok {
				use(env, &c)
			}
		}
	}
}

func (l *loader) certificate(n *yaml.Node, env jpush.Environment) (Certificate, bool) {
	if m := l.deref(n); m.Kind == yaml.ScalarNode {
		l.errorf(n, "the %s certificate must be a mapping, {file: PATH} with a password where it has one", env)
		return Certificate{}, false
	}
	var f [2]*yaml.Node
	if !l.fields(n, certificateShape, f[:]) {
		return Certificate{}, false
	}
	file, password := f[0], f[1]
	var c Certificate
	ok := true
	switch {
	case !l.given(file):
		l.errorf(n, "the %s certificate has no file", env)
		ok = false
	default:
		c.Pos = l.pos(file)
		c.File, ok = l.text(file, "the certificate's file")
		if ok {
			uses, problem := checkTemplate(c.File, true)
			if problem == "" && !uses {
				c.Path, problem = l.under(l.dir, c.File)
			}
			if problem != "" {
				l.errorf(file, "the certificate's file %s", problem)
				ok = false
			}
		}
	}
	if l.givenSecret(password) {
		s, good := l.secret(password, "the password")
		if !good {
			return Certificate{}, false
		}
		c.Password = &s
	}
	return c, ok
}

// fill resolves the placeholders of a certificate for one app. A problem comes with its
// position; dir is the directory of the file that names the certificate.
func (l *loader) fill(dir string, c *Certificate, a *App) (Certificate, string, Position) {
	filled := *c
	if strings.Contains(c.File, "${") {
		var problem string
		filled.File = expand(c.File, a)
		if filled.Path, problem = l.under(dir, filled.File); problem != "" {
			return Certificate{}, "the certificate's file " + problem + forApp(a), c.Pos
		}
	}
	s := c.Password
	if s == nil || !strings.Contains(s.Env, "${") && !strings.Contains(s.File, "${") {
		return filled, "", Position{}
	}
	password := Secret{Env: expand(s.Env, a), File: expand(s.File, a), Pos: s.Pos}
	if s.Env != "" {
		if problem := checkEnv(password.Env); problem != "" {
			return Certificate{}, "the env of the password " + problem + forApp(a), s.Pos
		}
	} else {
		var problem string
		if password.Path, problem = l.under(dir, password.File); problem != "" {
			return Certificate{}, "the file of the password " + problem + forApp(a), s.Pos
		}
	}
	filled.Password = &password
	return filled, "", Position{}
}

func forApp(a *App) string {
	return ", once the placeholders are filled for app " + strconv.Quote(clip(a.ID))
}
