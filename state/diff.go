package state

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"jpsync/internal/jpush"
)

// Difference is one field that has two values. A value is empty where the field, or the
// whole app, is missing. Secrets are masked: see [Diff].
type Difference struct {
	App    string // id; empty for a field of the state itself
	Field  string // as in the document: "app_key", "certificates.production.fingerprint"; "" is the whole app
	Before string
	After  string
}

func (d Difference) String() string {
	name := d.Field
	if d.App != "" {
		name = fmt.Sprintf("app %q", d.App)
		if d.Field != "" {
			name += " " + d.Field
		}
	}
	switch {
	case d.Before == "":
		return fmt.Sprintf("%s: added: %s", name, d.After)
	case d.After == "":
		return fmt.Sprintf("%s: removed: %s", name, d.Before)
	}
	return fmt.Sprintf("%s: %s -> %s", name, d.Before, d.After)
}

// Diff tells in what two states differ: the state's own fields first, then the apps by id,
// then what is pending. Of a master secret it tells that it changed and nothing else.
func Diff(before, after *State) []Difference {
	d := &differ{}
	d.field("lineage", before.Lineage, after.Lineage)
	d.field("serial", strconv.FormatInt(before.Serial, 10), strconv.FormatInt(after.Serial, 10))
	d.field("endpoint", before.Endpoint, after.Endpoint)
	d.field("account", before.Account, after.Account)
	d.field("journal", before.Journal, after.Journal)
	for _, id := range ids(before.Apps, after.Apps) {
		d.app = id
		a, had := before.Apps[id]
		b, has := after.Apps[id]
		if had != has {
			d.field("", summary(a), summary(b))
			continue
		}
		d.apps(a, b)
	}
	for _, id := range ids(before.Pending, after.Pending) {
		d.app = id
		d.field("pending", request(before.Pending[id]), request(after.Pending[id]))
	}
	return d.found
}

type differ struct {
	app   string
	found []Difference
}

func (d *differ) field(name, before, after string) {
	if before != after {
		d.found = append(d.found, Difference{App: d.app, Field: name, Before: before, After: after})
	}
}

func (d *differ) apps(a, b App) {
	d.field("app_name", a.AppName, b.AppName)
	d.field("android_package", a.AndroidPackage, b.AndroidPackage)
	d.field("group_name", a.GroupName, b.GroupName)
	d.field("app_key", a.AppKey, b.AppKey)
	if a.MasterSecret != b.MasterSecret {
		d.field("master_secret", masked(a.MasterSecret, "(the one before)"), masked(b.MasterSecret, "(another one)"))
	}
	d.field("adopted", yes(a.Adopted), yes(b.Adopted))
	d.field("protected", yes(a.Protected), yes(b.Protected))
	d.field("created_at", instant(a.CreatedAt), instant(b.CreatedAt))
	for _, env := range jpush.Environments {
		ca, cb := a.Certificates.Of(env), b.Certificates.Of(env)
		name := "certificates." + string(env) + "."
		d.field(name+"file_sha256", ca.FileSHA256, cb.FileSHA256)
		d.field(name+"fingerprint", ca.Fingerprint, cb.Fingerprint)
		d.field(name+"bundle_id", ca.BundleID, cb.BundleID)
		d.field(name+"not_after", instant(ca.NotAfter), instant(cb.NotAfter))
		d.field(name+"uploaded_at", instant(ca.UploadedAt), instant(cb.UploadedAt))
	}
}

func ids[V any](a, b map[string]V) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(all)
	return slices.Compact(all)
}

func summary(a App) string {
	if a.AppKey == "" && a.AppName == "" && a.AndroidPackage == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s), app key %s", a.AppName, a.AndroidPackage, a.AppKey)
}

func request(in Intent) string {
	if in.Op == "" {
		return ""
	}
	return fmt.Sprintf("%s sent %s, never answered", in.Op, instant(in.At))
}

func masked(secret, as string) string {
	if secret == "" {
		return ""
	}
	return as
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
