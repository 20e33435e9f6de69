package manifest

import (
	"strings"

	"gopkg.in/yaml.v3"

	"jpsync/internal/jpush"
)

var (
	appShape = &shape{what: "an app", keys: []string{
		"id", "app_name", "android_package", "group_name", "bundle_id", "labels", "protect", "certificates",
	}}
	certificatesShape = &shape{what: "certificates", keys: []string{"development", "production"}}
	certificateShape  = &shape{what: "a certificate", keys: []string{"file", "password"}, careful: true}
)

// unless says which defaults an app switches off or overrides.
type unless uint8

const (
	ownGroup unless = 1 << iota
	ownDevelopment
	ownProduction
)

// own is the flag of an environment.
func own(env jpush.Environment) unless {
	if env == jpush.Development {
		return ownDevelopment
	}
	return ownProduction
}

// app reads one entry of apps.
func (l *loader) app(n *yaml.Node) {
	var f [8]*yaml.Node
	if l.spent || !l.fields(n, appShape, f[:]) {
		return
	}
	id, name, pkg, group, bundle, labels, protect, certificates := f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]
	a := App{Pos: l.pos(n)}
	var flags unless

	a.AppName = l.required(n, name, "app_name")
	if a.AppName != "" {
		l.check(name, "app_name", checkText(a.AppName, maxNameRunes))
	}
	a.AndroidPackage = l.required(n, pkg, "android_package")
	if a.AndroidPackage != "" {
		if problem := checkPackage(a.AndroidPackage); problem != "" {
			l.errorf(pkg, "android_package %q %s", clip(a.AndroidPackage), problem)
		}
	}
	a.ID = a.AppName
	if id != nil {
		a.ID = l.required(n, id, "id")
		if a.ID != "" {
			l.check(id, "id", checkText(a.ID, maxIDRunes))
		}
	}
	if group != nil {
		flags |= ownGroup
		a.GroupName = l.group(group)
	}
	if l.given(bundle) {
		if s, ok := l.text(bundle, "bundle_id"); ok {
			a.BundleID = s
			l.check(bundle, "bundle_id", checkBundle(s))
		}
	}
	if l.given(labels) {
		a.Labels = l.labels(labels)
	}
	if l.given(protect) {
		a.Protect = l.boolean(protect, "protect")
	}
	l.unique(id, name, pkg, &a)
	if certificates != nil {
		flags |= l.appCertificates(certificates, &a)
	}
	l.apps = append(l.apps, a)
	l.flags = append(l.flags, flags)
}

// clip shortens a name for a message.
func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}

// required returns the text of a field that an app must have.
func (l *loader) required(app, n *yaml.Node, key string) string {
	if n == nil {
		l.errorf(app, "%s is missing", key)
		return ""
	}
	s, ok := l.text(n, key)
	if ok && s == "" {
		l.errorf(n, "%s is empty", key)
	}
	return s
}

// group reads a group_name; null is none.
func (l *loader) group(n *yaml.Node) string {
	if l.isNull(n) {
		return ""
	}
	s, ok := l.text(n, "group_name")
	if !ok {
		return ""
	}
	if s == "" {
		l.errorf(n, "group_name is empty, write null for no group")
		return ""
	}
	l.check(n, "group_name", checkText(s, maxNameRunes))
	return s
}

func (l *loader) boolean(n *yaml.Node, key string) *bool {
	s := l.deref(n)
	if s.Kind == yaml.ScalarNode && s.Tag == "!!bool" {
		switch strings.ToLower(s.Value) {
		case "true":
			return &yes
		case "false":
			return &no
		}
	}
	l.errorf(n, "%s must be true or false", key)
	return nil
}

// yes and no are shared by all apps: nobody writes through App.Protect.
var yes, no = true, false

// unique holds ids and packages to one app each. Two entries with one package would be one
// app on the server, since a create returns what the package has already.
func (l *loader) unique(id, name, pkg *yaml.Node, a *App) {
	if a.ID != "" {
		if first, dup := l.ids[a.ID]; dup {
			at := l.apps[first].Pos
			if id == nil {
				l.errorf(name, "duplicate id %q, taken from app_name as no id is given; the first is at %s", clip(a.ID), at)
			} else {
				l.errorf(id, "duplicate id %q, the first is at %s", clip(a.ID), at)
			}
		} else {
			l.ids[a.ID] = int32(len(l.apps))
		}
	}
	if a.AndroidPackage != "" {
		if first, dup := l.packages[a.AndroidPackage]; dup {
			l.errorf(pkg, "duplicate android_package %q, the first is at %s", clip(a.AndroidPackage), l.apps[first].Pos)
		} else {
			l.packages[a.AndroidPackage] = int32(len(l.apps))
		}
	}
}

// appCertificates reads an app's own certificates and says which defaults they replace.
func (l *loader) appCertificates(n *yaml.Node, a *App) unless {
	if l.isNull(n) {
		return ownDevelopment | ownProduction
	}
	var flags unless
	l.certificates(n, func(env jpush.Environment, c *Certificate) {
		flags |= own(env)
		if c == nil {
			return
		}
		if filled, problem, at := l.fill(l.dir, c, a); problem != "" {
			l.errs.add(at, problem)
		} else if l.verbatim {
			a.set(env, *c)
		} else {
			a.set(env, filled)
		}
	})
	return flags
}

// set gives the app a certificate.
func (a *App) set(env jpush.Environment, c Certificate) {
	if a.Certificates == nil {
		a.Certificates = make(map[jpush.Environment]Certificate, 2)
	}
	a.Certificates[env] = c
}
