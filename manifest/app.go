package manifest

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

var appSpec = &mappingSpec{what: "an app", keys: []string{
	"id", "app_name", "android_package", "group_name", "bundle_id", "labels", "protect", "certificates",
}}

// origin is what the loader remembers of an app's entry until all files are read.
type origin struct {
	dir        string   // of the file that has the entry
	ownGroup   bool     // the default group does not apply
	idPos      Position // of the id, or of the app_name if there is no id
	idIsName   bool     // there is no id: app_name is used
	packagePos Position // of the android_package
}

// apps reads a list of apps.
func (r *reader) apps(n *yaml.Node) {
	list, ok := r.items(n, "apps")
	if !ok {
		return
	}
	r.loader.grow(len(list))
	for _, n := range list {
		r.app(n)
	}
}

// grow makes room for n more apps.
func (l *loader) grow(n int) {
	n = min(n, l.maxApps)
	l.manifest.Apps = slices.Grow(l.manifest.Apps, n)
	l.origins = slices.Grow(l.origins, n)
}

// app reads one entry of apps.
func (r *reader) app(n *yaml.Node) {
	m := r.loader.manifest
	if len(m.Apps) >= r.loader.maxApps {
		r.stop(n, "the manifest has more than %d apps", r.loader.maxApps)
	}
	if r.loader.stopped {
		return
	}
	f, _ := r.mapping(n, appSpec)
	if f == nil {
		return
	}
	a := App{Pos: r.pos(n)}
	o := origin{dir: r.dir}
	a.AppName, o.idPos = r.required(n, f, "app_name")
	r.check(f["app_name"], "app_name", checkText(a.AppName, maxNameRunes))
	a.AndroidPackage, o.packagePos = r.required(n, f, "android_package")
	if problem := checkPackage(a.AndroidPackage); a.AndroidPackage != "" && problem != "" {
		r.errorf(f["android_package"], "android_package %q %s", clip(a.AndroidPackage), problem)
	}
	a.ID = a.AppName
	o.idIsName = f["id"] == nil
	if !o.idIsName {
		a.ID, o.idPos = r.required(n, f, "id")
		r.check(f["id"], "id", checkText(a.ID, maxIDRunes))
	}
	if n := f["group_name"]; n != nil { // null switches a default off, here and for certificates
		o.ownGroup = true
		a.GroupName = r.group(n)
	}
	set(&a.BundleID, f["bundle_id"], r.bundle)
	set(&a.Labels, f["labels"], r.labels)
	set(&a.Protect, f["protect"], r.protect)
	if n := f["certificates"]; n != nil {
		a.Certificates = r.certificates(n)
	}
	m.Apps = append(m.Apps, a)
	r.loader.origins = append(r.loader.origins, o)
}

// clip shortens a name for a message.
func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}

// required returns the text of a field that every app must have, and its position.
func (r *reader) required(app *yaml.Node, f fields, key string) (string, Position) {
	n := f[key]
	if n == nil {
		r.errorf(app, "%s is missing", key)
		return "", Position{}
	}
	s, ok := r.text(n, key)
	if ok && s == "" {
		r.errorf(n, "%s is empty", key)
	}
	return s, r.pos(n)
}

// group reads a group_name; null means none.
func (r *reader) group(n *yaml.Node) string {
	if isNull(n) {
		return ""
	}
	s, ok := r.text(n, "group_name")
	if ok && s == "" {
		r.errorf(n, "group_name is empty, write null for no group")
	}
	r.check(n, "group_name", checkText(s, maxNameRunes))
	return s
}

func (r *reader) bundle(n *yaml.Node) string {
	s, ok := r.text(n, "bundle_id")
	if ok {
		r.check(n, "bundle_id", checkBundle(s))
	}
	return s
}

func (r *reader) protect(n *yaml.Node) *bool {
	s := deref(n)
	value, err := strconv.ParseBool(s.Value)
	if err != nil || s.Kind != yaml.ScalarNode || s.Tag != "!!bool" {
		r.errorf(n, "protect must be true or false")
	}
	return &value
}

// labels reads a mapping of text to text.
func (r *reader) labels(n *yaml.Node) map[string]string {
	m := deref(n)
	if !isMapping(m) {
		r.errorf(n, "labels must be a mapping, not %s", kind(m))
		return nil
	}
	if len(m.Content) > 2*maxLabels {
		r.errorf(n, "labels has more than %d entries", maxLabels)
		return nil
	}
	if !r.visit(m) {
		return nil
	}
	labels := make(map[string]string, len(m.Content)/2)
	for i := 0; i+1 < len(m.Content); i += 2 {
		r.label(labels, m.Content[i], m.Content[i+1])
	}
	return labels
}

func (r *reader) label(labels map[string]string, k, v *yaml.Node) {
	if isMergeKey(k) {
		r.errorf(k, "labels cannot have a merge key (<<)")
		return
	}
	key, ok := r.text(k, "a label's key")
	if !ok {
		return
	}
	if problem := checkLabelKey(key); problem != "" {
		r.errorf(k, "a label's key %s", problem)
		return
	}
	what := "label " + strconv.Quote(clip(key))
	value, ok := r.text(v, what)
	if !ok {
		return
	}
	r.check(v, what, checkText(value, maxLabelRunes))
	if _, dup := labels[key]; dup {
		r.errorf(k, "duplicate key %q", clip(key))
	}
	labels[key] = value
}

// checkUnique refuses an id or a package that two apps have. Two entries with one package would
// be one app on the server: a create returns the app that has the package already.
func (l *loader) checkUnique() {
	apps := l.manifest.Apps
	ids := make(map[string]int, len(apps))
	packages := make(map[string]int, len(apps))
	for i := range apps {
		a, o := &apps[i], &l.origins[i]
		key := NameKey(a.ID)
		if first, dup := ids[key]; !dup {
			ids[key] = i
		} else if a.ID != "" {
			from, form := "", ""
			if o.idIsName {
				from = " (app_name, since id is missing)"
			}
			if a.ID != apps[first].ID {
				form = ", where it has another Unicode form of the same characters"
			}
			l.errs.add(o.idPos, "duplicate id %q%s, the first is at %s%s", clip(a.ID), from, apps[first].Pos, form)
		}
		if first, dup := packages[a.AndroidPackage]; !dup {
			packages[a.AndroidPackage] = i
		} else if a.AndroidPackage != "" {
			l.errs.add(o.packagePos, "duplicate android_package %q, the first is at %s", clip(a.AndroidPackage), apps[first].Pos)
		}
	}
}

// applyDefaults completes the apps: each takes the defaults that it does not override, and the
// placeholders of its certificates are filled in.
func (l *loader) applyDefaults() {
	for i := range l.manifest.Apps {
		a, o := &l.manifest.Apps[i], &l.origins[i]
		if !o.ownGroup {
			a.GroupName = l.defaults.group
		}
		l.completeCertificates(a, o.dir)
	}
}
