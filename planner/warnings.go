package planner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/state"
)

func (p *Plan) warn(code, id string, env jpush.Environment, message string) {
	p.Warnings = append(p.Warnings, Problem{Code: code, App: id, Environment: env, Message: message})
}

// unanswered warns of requests that were sent and never answered, where nothing in this plan
// resolves them: a create that is no longer wanted may have left an app whose key nobody has,
// and an app that is wanted again may be gone.
func (b *builder) unanswered() {
	if len(b.in.State.Pending) == 0 {
		return
	}
	packages := make(map[string]bool, len(b.wanted))
	for _, app := range b.wanted {
		packages[app.AndroidPackage] = true
	}
	for _, id := range slices.Sorted(maps.Keys(b.in.State.Pending)) {
		intent := b.in.State.Pending[id]
		_, recorded := b.in.State.Apps[id]
		switch {
		case intent.Op == state.OpCreate && !packages[intent.AndroidPackage]:
			b.plan.warn("unsettled_create", id, "", fmt.Sprintf(
				"a create of %s may have been sent, and no answer is recorded, so the app may exist without a record; put it back into the manifest and apply to get its key, or forget it with: jpsync state rm %s%s",
				intent.AndroidPackage, Quote(id), b.in.Flags))
		case intent.Op == state.OpDelete && recorded && b.wanted[id] != nil && !slices.Contains(b.in.Options.Replace, id):
			b.plan.warn("unsettled_delete", id, "", fmt.Sprintf(
				"a delete of app key %s may have been sent, and no answer is recorded, so the app may be gone; look for it in the console, and if it is gone forget it with jpsync state rm %s%s and apply, which creates it anew",
				intent.AppKey, Quote(id), b.in.Flags))
		}
	}
}

// use is an app that wants a certificate, and the first environment where it does.
type use struct {
	app *manifest.App
	env jpush.Environment
}

func (b *builder) addUse(fingerprint string, c *candidate) {
	uses := b.uses[fingerprint]
	if len(uses) > 0 && uses[len(uses)-1].app == c.app {
		return
	}
	if len(uses) == 1 {
		b.shared = append(b.shared, fingerprint)
	}
	b.uses[fingerprint] = append(uses, use{c.app, c.env})
}

// mostNamed is how many other apps a warning of a shared certificate names.
const mostNamed = 3

// sharedCertificates warns of one certificate in several apps: a push certificate is for one
// bundle ID, so all but one of the apps would get no pushes. The warning is about the first
// app that is selected.
func (b *builder) sharedCertificates() {
	for _, fingerprint := range b.shared {
		uses := b.uses[fingerprint]
		about := slices.IndexFunc(uses, func(u use) bool { return b.selects(u.app) })
		if about < 0 {
			continue
		}
		var others []string
		for i, u := range uses {
			if i != about && len(others) < mostNamed {
				others = append(others, u.app.ID)
			}
		}
		text := strings.Join(others, ", ")
		if more := len(uses) - 1 - len(others); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		b.plan.warn("shared_certificate", uses[about].app.ID, uses[about].env,
			"the same certificate is given to "+text+": a push certificate works for one bundle ID only")
	}
}

// nearPackages warns of packages that differ in case alone. The warning is about an app that is
// selected.
func (b *builder) nearPackages() {
	firsts := make(map[string]*manifest.App, len(b.in.Manifest.Apps))
	for i := range b.in.Manifest.Apps {
		app := &b.in.Manifest.Apps[i]
		key := strings.ToLower(app.AndroidPackage)
		first := firsts[key]
		if first == nil {
			firsts[key] = app
			continue
		}
		if !b.selects(app) {
			app, first = first, app
		}
		if b.selects(app) {
			b.plan.warn("package_case", app.ID, "", fmt.Sprintf(
				"package %s differs from %s of app %s only in case, and for Android and JPush these are two apps: correct one, unless that is meant",
				app.AndroidPackage, first.AndroidPackage, Quote(first.ID)))
		}
	}
}
