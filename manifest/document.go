package manifest

import (
	"fmt"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"jpsync/internal/jpush"
)

var (
	documentShape = &shape{what: "a manifest", keys: []string{"version", "account", "policy", "defaults", "include", "apps", "apps_from"}}
	includedShape = &shape{what: "an included file", keys: []string{"version", "apps", "apps_from"}}
	accountShape  = &shape{what: "account", keys: []string{"dev_key", "dev_secret"}, careful: true}
	policyShape   = &shape{what: "policy", keys: []string{"max_deletes", "on_existing", "renew_before"}}
	defaultsShape = &shape{what: "defaults", keys: []string{"group_name", "certificates"}}
)

// document reads the whole of a file.
func (l *loader) document(n *yaml.Node) {
	var f [7]*yaml.Node
	if !l.version(n) || !l.fields(n, documentShape, f[:]) {
		return
	}
	account, policy, defaults, include, apps := f[1], f[2], f[3], f[4], f[5]
	if account != nil && l.first(account, "account") {
		l.readAccount(account)
	}
	if policy != nil && l.first(policy, "policy") {
		l.readPolicy(policy)
	}
	if defaults != nil && l.first(defaults, "defaults") {
		l.readDefaults(defaults)
	}
	if apps != nil {
		l.list(apps)
	}
	if l.given(f[6]) {
		l.appsFrom(f[6])
	}
	if l.given(include) {
		l.hasApps = true
		l.include(include)
	}
}

// includedFile reads a file that another one includes.
func (l *loader) includedFile(n *yaml.Node) {
	var f [3]*yaml.Node
	before := l.errs.calls
	if !l.version(n) || !l.fields(n, includedShape, f[:]) {
		return
	}
	if f[1] != nil {
		l.list(f[1])
	}
	if l.given(f[2]) {
		l.appsFrom(f[2])
	}
	// Without a gap the file was not read in pieces, by which its apps would be there already.
	if !l.given(f[1]) && !l.given(f[2]) && l.gap == 0 && l.errs.calls == before {
		l.errs.add(Position{l.file, 1, 1}, noApps)
	}
}

// noApps is said of a file whose apps were perhaps all commented out.
const noApps = `apps is missing, write "apps: []" for none`

// version holds a file to the one version that there is. What else a file of another one
// says is not judged.
func (l *loader) version(doc *yaml.Node) bool {
	n := versionOf(doc)
	if n == nil {
		if doc.Kind == yaml.MappingNode {
			l.errorf(doc, `version is missing, begin the file with "version: 1"`)
		}
		return true
	}
	switch v := l.deref(n); {
	case v.Kind != yaml.ScalarNode || v.Tag != "!!int":
		l.errorf(n, "version must be the number 1")
		return true
	case v.Value != "1":
		l.errorf(n, "version %s is not supported, this jpsync reads version 1", clip(v.Value))
		return false
	}
	return true
}

// versionOf is the value of a file's version, nil if it has none.
func versionOf(doc *yaml.Node) *yaml.Node {
	for i := 0; doc.Kind == yaml.MappingNode && i+1 < len(doc.Content); i += 2 {
		if doc.Content[i].Value == "version" {
			return doc.Content[i+1]
		}
	}
	return nil
}

// first holds a block to one place in all files.
func (l *loader) first(n *yaml.Node, block string) bool {
	if at, dup := l.once[block]; dup {
		l.errorf(n, "%s is given a second time, the first is at %s", block, at)
		return false
	}
	l.once[block] = l.pos(n)
	return true
}

func (l *loader) readAccount(n *yaml.Node) {
	var f [2]*yaml.Node
	if l.isNull(n) || !l.fields(n, accountShape, f[:]) {
		return
	}
	for i, s := range [2]*Secret{&l.account.DevKey, &l.account.DevSecret} {
		if !l.givenSecret(f[i]) {
			continue
		}
		what := accountShape.keys[i]
		got, ok := l.secret(f[i], what)
		if !ok {
			continue
		}
		if strings.Contains(got.Env+got.File, "${") {
			l.errorf(f[i], "%s cannot have placeholders, it is not about one app", what)
			continue
		}
		*s = got
	}
}

func (l *loader) readPolicy(n *yaml.Node) {
	var f [3]*yaml.Node
	if l.isNull(n) || !l.fields(n, policyShape, f[:]) {
		return
	}
	if l.given(f[0]) {
		l.policy.MaxDeletes = l.maxDeletes(f[0])
	}
	if l.given(f[1]) {
		l.policy.OnExisting = l.onExisting(f[1])
	}
	if l.given(f[2]) {
		l.policy.RenewBefore = l.renewBefore(f[2])
	}
}

func (l *loader) maxDeletes(n *yaml.Node) Limit {
	v := l.deref(n)
	if v.Kind != yaml.ScalarNode {
		l.errorf(n, "max_deletes must be a number or a share such as 10%%, not %s", kind(v))
		return Limit{}
	}
	limit, err := ParseLimit(v.Value)
	if err == nil && !limit.Percent && v.Tag != "!!int" {
		l.errorf(n, "max_deletes must be a number or a share such as 10%%, not %s", kind(v))
		return Limit{}
	}
	if err != nil {
		l.errorf(n, "max_deletes %s", err)
	}
	return limit
}

func (l *loader) onExisting(n *yaml.Node) OnExisting {
	s, ok := l.text(n, "on_existing")
	if !ok {
		return Adopt
	}
	switch o := OnExisting(s); o {
	case Adopt, Fail:
		return o
	}
	if near := Suggest(s, []string{string(Adopt), string(Fail)}); near != "" {
		l.errorf(n, "on_existing must be adopt or fail, did you mean %q?", near)
	} else {
		l.errorf(n, "on_existing must be adopt or fail")
	}
	return Adopt
}

func (l *loader) renewBefore(n *yaml.Node) time.Duration {
	v := l.deref(n)
	if v.Kind != yaml.ScalarNode || v.Tag != "!!str" && v.Value != "0" {
		l.errorf(n, "renew_before must be a length of time such as 30d, not %s", kind(v))
		return 0
	}
	d, err := ParseDuration(v.Value)
	if err != nil {
		l.errorf(n, "renew_before %s", err)
	}
	return d
}

func (l *loader) readDefaults(n *yaml.Node) {
	var f [2]*yaml.Node
	if l.isNull(n) || !l.fields(n, defaultsShape, f[:]) {
		return
	}
	l.defaults.dir = l.dir
	if l.given(f[0]) {
		l.defaults.group = l.group(f[0])
	}
	if !l.given(f[1]) {
		return
	}
	l.defaults.certificates = make(map[jpush.Environment]Certificate, 2)
	l.certificates(f[1], func(env jpush.Environment, c *Certificate) {
		if c != nil {
			l.defaults.certificates[env] = *c
		}
	})
}

// list reads the value of apps. A key without a value is no list: a file whose apps were all
// commented out must not pass for an account that is to be emptied. That is said by [].
func (l *loader) list(n *yaml.Node) {
	if l.isNull(n) {
		return
	}
	l.hasApps = true
	apps, ok := l.items(n, "apps")
	if !ok {
		return
	}
	l.grow(len(apps))
	l.entries(apps)
}

// entries reads apps and lets go of their nodes.
func (l *loader) entries(apps []*yaml.Node) {
	for i, app := range apps {
		if l.full(app) {
			return
		}
		apps[i] = nil
		l.app(app)
	}
}

// full reports whether the load is given up before this app.
func (l *loader) full(app *yaml.Node) bool {
	if len(l.apps) >= l.maxApps && !l.spent {
		l.spent = true
		l.errs.keep(Error{l.pos(app), fmt.Sprintf("the manifest has more than %d apps", l.maxApps)})
	}
	return l.spent
}

// grow makes room for the n apps of the first list that is read, which is the long one or one
// of many.
func (l *loader) grow(n int) {
	if len(l.apps) > 0 {
		return
	}
	n = min(n, l.maxApps)
	l.apps = make([]App, 0, n)
	l.flags = make([]unless, 0, n)
	l.ids = make(map[string]int32, n)
	l.packages = make(map[string]int32, n)
}
