package manifest

import (
	"time"

	"gopkg.in/yaml.v3"

	"jpsync/internal/jpush"
)

var (
	documentSpec = &mappingSpec{what: "a manifest", keys: []string{"version", "state", "state_recipients", "account", "policy", "defaults", "include", "apps", "apps_from"}}
	includedSpec = &mappingSpec{what: "an included file", keys: []string{"version", "apps", "apps_from"}}
	accountSpec  = &mappingSpec{what: "account", keys: []string{"dev_key", "dev_secret"}, quoteOnlyNearMisses: true}
	policySpec   = &mappingSpec{what: "policy", keys: []string{"max_deletes", "on_existing", "renew_before"}}
	defaultsSpec = &mappingSpec{what: "defaults", keys: []string{"group_name", "certificates"}}
)

// noApps is the error of a file whose apps were perhaps all commented out.
const noApps = `apps is missing, write "apps: []" for none`

// document reads a file: the manifest itself, or one that it includes.
func (r *reader) document(doc *yaml.Node, spec *mappingSpec) {
	if !r.version(doc) {
		return
	}
	f, ok := r.mapping(doc, spec)
	if f == nil {
		return
	}
	r.state(f)
	r.block(f, "account", r.account)
	r.block(f, "policy", r.policy)
	r.block(f, "defaults", r.readDefaults)
	apps, sheet, include := f["apps"], f["apps_from"], f["include"]
	if given(apps) {
		r.apps(apps)
	}
	if given(sheet) {
		r.appsFrom(sheet)
	}
	if given(include) {
		r.include(include)
	}
	// apps without a value is no list: a manifest whose apps were all commented out must not be
	// an order to delete everything.
	switch {
	case r.pieces || given(apps) || given(sheet) || given(include):
		r.hasApps = true
	case ok && spec == includedSpec:
		r.errs.add(Position{r.name, 1, 1}, noApps)
	}
}

// version checks the version of a file. It returns false for a version that is not supported:
// nothing else in such a file is checked.
func (r *reader) version(doc *yaml.Node) bool {
	n := versionOf(doc)
	if n == nil {
		if doc.Kind == yaml.MappingNode {
			r.errorf(doc, `version is missing, begin the file with "version: 1"`)
		}
		return true
	}
	switch v := deref(n); {
	case v.Kind != yaml.ScalarNode || v.Tag != "!!int":
		r.errorf(n, "version must be the number 1")
	case v.Value != "1":
		r.errorf(n, "version %s is not supported, this jpsync reads version 1", clip(v.Value))
		return false
	}
	return true
}

// versionOf returns the value of a file's version, nil if it has none.
func versionOf(doc *yaml.Node) *yaml.Node {
	for i := 0; doc.Kind == yaml.MappingNode && i+1 < len(doc.Content); i += 2 {
		if doc.Content[i].Value == "version" {
			return doc.Content[i+1]
		}
	}
	return nil
}

// block reads a key that only one of all files may have; null is like no value.
func (r *reader) block(f fields, key string, read func(*yaml.Node)) {
	n := f[key]
	if n == nil {
		return
	}
	if first, dup := r.blocks[key]; dup {
		r.errorf(n, "duplicate %s, the first is at %s", key, first)
		return
	}
	r.blocks[key] = r.pos(n)
	if !isNull(n) {
		read(n)
	}
}

func (r *reader) account(n *yaml.Node) {
	f, _ := r.mapping(n, accountSpec)
	r.accountSecret(f["dev_key"], "dev_key", &r.manifest.Account.DevKey)
	r.accountSecret(f["dev_secret"], "dev_secret", &r.manifest.Account.DevSecret)
}

func (r *reader) accountSecret(n *yaml.Node, key string, secret *Secret) {
	if !givenSecret(n) {
		return
	}
	s, ok := r.secret(n, key)
	if !ok {
		return
	}
	if hasPlaceholder(s.Env) || hasPlaceholder(s.File) {
		r.errorf(n, "%s cannot have placeholders, which are for apps", key)
		return
	}
	*secret = s
}

func (r *reader) policy(n *yaml.Node) {
	f, _ := r.mapping(n, policySpec)
	policy := &r.manifest.Policy
	if n := f["max_deletes"]; given(n) {
		policy.MaxDeletes = r.maxDeletes(n)
	}
	if n := f["on_existing"]; given(n) {
		policy.OnExisting = r.onExisting(n)
	}
	if n := f["renew_before"]; given(n) {
		policy.RenewBefore = r.renewBefore(n)
	}
}

func (r *reader) maxDeletes(n *yaml.Node) Limit {
	v := deref(n)
	limit, err := ParseLimit(v.Value)
	switch {
	case v.Kind != yaml.ScalarNode || err == nil && !limit.Percent && v.Tag != "!!int":
		r.errorf(n, "max_deletes must be a number or a share such as 10%%, not %s", kind(v))
	case err != nil:
		r.errorf(n, "max_deletes %s", err)
	}
	return limit
}

func (r *reader) onExisting(n *yaml.Node) OnExisting {
	s, ok := r.text(n, "on_existing")
	if !ok {
		return Adopt
	}
	switch o := OnExisting(s); o {
	case Adopt, Fail:
		return o
	}
	r.errorf(n, "on_existing must be adopt or fail")
	return Adopt
}

func (r *reader) renewBefore(n *yaml.Node) time.Duration {
	d, err := ParseDuration(deref(n).Value)
	if err != nil {
		r.errorf(n, "renew_before %s", err)
	}
	return d
}

// defaults are for every app that does not override them.
type defaults struct {
	dir          string // of the file that has them
	group        string
	certificates map[jpush.Environment]Certificate
}

func (r *reader) readDefaults(n *yaml.Node) {
	f, _ := r.mapping(n, defaultsSpec)
	r.defaults.dir = r.dir
	if n := f["group_name"]; given(n) {
		r.defaults.group = r.group(n)
	}
	if n := f["certificates"]; given(n) {
		r.defaults.certificates = r.certificates(n)
	}
}

// include reads the files that the patterns match. Only a file in the manifest's directory
// itself may include, so its patterns are relative to that directory.
func (r *reader) include(n *yaml.Node) {
	patterns, ok := r.items(n, "include")
	if !ok {
		return
	}
	for _, p := range patterns {
		pattern, ok := r.text(p, "an entry of include")
		if !ok {
			continue
		}
		found, problem := glob(r.root.FS(), pattern)
		if problem != "" {
			r.errorf(p, "include %q %s", clip(pattern), problem)
			continue
		}
		for _, rel := range found {
			if r.read[rel] {
				continue // another pattern matches it too
			}
			if err := r.member(rel, includedSpec); err != nil {
				r.errorf(p, "include: %s", err)
			}
		}
	}
}
