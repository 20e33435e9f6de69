package manifest

import (
	"time"

	"gopkg.in/yaml.v3"

	"jpsync/internal/jpush"
)

var (
	accountSpec  = &mappingSpec{what: "account", keys: []string{"dev_key", "dev_secret"}, quoteOnlyNearMisses: true}
	policySpec   = &mappingSpec{what: "policy", keys: []string{"max_deletes", "on_existing", "renew_before"}}
	defaultsSpec = &mappingSpec{what: "defaults", keys: []string{"group_name", "certificates"}}
)

// block reads a key that only one of all files may have; null is like no value.
func (r *reader) block(f fields, key string, read func(*yaml.Node)) {
	n := f[key]
	if n == nil {
		return
	}
	if first, dup := r.loader.blocks[key]; dup {
		r.errorf(n, "duplicate %s, the first is at %s", key, first)
		return
	}
	r.loader.blocks[key] = r.pos(n)
	if !isNull(n) {
		read(n)
	}
}

func (r *reader) account(n *yaml.Node) {
	f, _ := r.mapping(n, accountSpec)
	r.accountSecret(f["dev_key"], "dev_key", &r.loader.manifest.Account.DevKey)
	r.accountSecret(f["dev_secret"], "dev_secret", &r.loader.manifest.Account.DevSecret)
}

func (r *reader) accountSecret(n *yaml.Node, key string, secret *Secret) {
	if !givenSecret(n) {
		return
	}
	s, ok := r.secret(n, key)
	if ok && (hasPlaceholder(s.Env) || hasPlaceholder(s.File)) {
		r.errorf(n, "%s cannot have placeholders, which are for apps", key)
	}
	*secret = s
}

func (r *reader) policy(n *yaml.Node) {
	f, _ := r.mapping(n, policySpec)
	policy := &r.loader.manifest.Policy
	set(&policy.MaxDeletes, f["max_deletes"], r.maxDeletes)
	set(&policy.OnExisting, f["on_existing"], r.onExisting)
	set(&policy.RenewBefore, f["renew_before"], r.renewBefore)
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
	o := OnExisting(s)
	if ok && o != Adopt && o != Fail {
		r.errorf(n, "on_existing must be adopt or fail")
	}
	return o
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
	d := &r.loader.defaults
	d.dir = r.dir
	set(&d.group, f["group_name"], r.group)
	set(&d.certificates, f["certificates"], r.certificates)
}
