package planner

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"jpsync/manifest"
	"jpsync/state"
)

// compare lists how a recorded app differs from the desired one: as conflicts, or, for an app
// that --accept names, as corrections. A difference in protection is always a correction.
func (b *builder) compare(app *manifest.App, recorded state.App) ([]Correction, []Conflict) {
	var corrections []Correction
	var conflicts []Conflict
	for _, d := range [...]struct {
		field          Field
		recorded, want string
	}{
		{FieldAppName, recorded.AppName, app.AppName},
		{FieldAndroidPackage, recorded.AndroidPackage, app.AndroidPackage},
		{FieldGroupName, recorded.GroupName, app.GroupName},
	} {
		switch {
		case sameName(d.recorded, d.want):
		case slices.Contains(b.in.Options.Accept, app.ID):
			corrections = append(corrections, Correction{App: app.ID, Field: d.field, Recorded: d.recorded, Desired: d.want})
		default:
			conflicts = append(conflicts, Conflict{
				App: app.ID, Field: d.field, Recorded: d.recorded, Desired: d.want,
				Message: differs(app.ID, d.field, d.recorded, d.want),
			})
		}
	}
	if len(corrections)+len(conflicts) > 0 {
		if conflict, owner := b.packageTaken(app, app.ID); owner != "" {
			return nil, append(conflicts, conflict)
		}
	}
	if protect := wantsProtection(app, recorded); protect != recorded.Protected {
		corrections = append(corrections, Correction{App: app.ID, Field: FieldProtect,
			Recorded: strconv.FormatBool(recorded.Protected), Desired: strconv.FormatBool(protect)})
	}
	return corrections, conflicts
}

func sameName(a, b string) bool { return manifest.NameKey(a) == manifest.NameKey(b) }

// wantsProtection reports what the record should say. A manifest without protect protects
// nothing, except that an adopted app stays as it is until the manifest says otherwise.
func wantsProtection(app *manifest.App, recorded state.App) bool {
	if app.Protect != nil {
		return *app.Protect
	}
	return recorded.Adopted && recorded.Protected
}

func differs(id string, field Field, recorded, want string) string {
	how := fmt.Sprintf("%s is %s in the record and %s in the manifest; the API cannot change it", field, quoted(recorded), quoted(want))
	replace := fmt.Sprintf("delete the app and create it anew with --replace %s (new app key, all registered devices are lost)", Quote(id))
	if field == FieldAndroidPackage {
		return fmt.Sprintf("%s, and neither can the console once it is saved: set it back, or correct a wrong record with --accept %s, or %s", how, Quote(id), replace)
	}
	return fmt.Sprintf("%s: if it was changed in the console, record that with --accept %s; or %s", how, Quote(id), replace)
}

// packageTaken returns a conflict when another recorded app has the desired app's package: a
// create would return that app's key. owner is its id, "" if there is none. self is the id under which
// the package may be recorded.
func (b *builder) packageTaken(app *manifest.App, self string) (c Conflict, owner string) {
	owner = b.owner(app.AndroidPackage, self)
	if owner == "" {
		return Conflict{}, ""
	}
	c = Conflict{App: app.ID, Field: FieldID, Recorded: owner, Desired: app.ID}
	switch {
	case b.wanted[owner] != nil:
		c.Message = fmt.Sprintf("package %s is recorded for app %s, which the manifest still has: one package cannot belong to two apps; give %s its recorded package back, or delete it in an apply of its own first",
			app.AndroidPackage, Quote(owner), Quote(owner))
	case self != "":
		// Only a selected app can be mistaken for the owner.
		if b.selects(app) {
			b.disputed[owner] = true
		}
		c.Message = fmt.Sprintf("package %s is recorded for app %s, which has left the manifest: delete that one in an apply of its own first, with: jpsync apply --target %s%s",
			app.AndroidPackage, Quote(owner), Quote(literalGlob(owner)), b.in.Flags)
	default:
		b.disputed[owner] = true
		c.Message = fmt.Sprintf("package %s is recorded for app %s, which has left the manifest: this looks like a rename; keep the app and its key with: jpsync state mv %s %s%s",
			app.AndroidPackage, Quote(owner), Quote(owner), Quote(app.ID), b.in.Flags)
		if recorded := b.in.State.Apps[owner]; !sameName(recorded.AppName, app.AppName) || !sameName(recorded.GroupName, app.GroupName) {
			c.Message += fmt.Sprintf(" and then, if the console shows the new name too: --accept %s", Quote(app.ID))
		}
	}
	return c, owner
}

// owner is the first id other than self under which a package is recorded, or "". After an edit by
// hand there may be several. Most plans never ask.
func (b *builder) owner(pkg, self string) (owner string) {
	if b.owners == nil {
		b.owners = make(map[string][]string, len(b.in.State.Apps))
		for id, app := range b.in.State.Apps {
			b.owners[app.AndroidPackage] = append(b.owners[app.AndroidPackage], id)
		}
	}
	for _, id := range b.owners[pkg] {
		if id != self && (owner == "" || id < owner) {
			owner = id
		}
	}
	return owner
}

// keyShared returns a conflict when the app key of a record that is to be deleted is recorded under
// another id too, as after an edit by hand: the delete would take the app from both.
func (b *builder) keyShared(id string, app state.App) (c Conflict, shared bool) {
	if b.holders == nil {
		b.holders = make(map[string][]string, len(b.in.State.Apps))
		for id, app := range b.in.State.Apps {
			b.holders[app.AppKey] = append(b.holders[app.AppKey], id)
		}
	}
	ids := slices.Sorted(slices.Values(b.holders[app.AppKey]))
	i := slices.IndexFunc(ids, func(other string) bool { return other != id })
	if i < 0 {
		return Conflict{}, false
	}
	return Conflict{App: id, Field: FieldID, Recorded: ids[i], Desired: id, Message: fmt.Sprintf(
		"app key %s is recorded for %s and for %s, and a delete would take the app from both: forget the wrong record, and JPush keeps the app: jpsync state rm %s%s",
		app.AppKey, Quote(id), Quote(ids[i]), Quote(id), b.in.Flags)}, true
}

// protected is the conflict of an app that is to be deleted and must not be.
func (b *builder) protected(id string, app state.App, what string) Conflict {
	why := "it is protected"
	if app.Adopted {
		why = "it was on the server before jpsync and is protected since"
	}
	remedy := "put it back into the manifest with protect: false, apply, then remove it; or only forget it, and JPush keeps it: jpsync state rm " + Quote(id) + b.in.Flags
	if what == "replace" {
		remedy = "say protect: false in the manifest first"
	}
	return Conflict{
		App: id, Field: FieldProtect, Recorded: strconv.FormatBool(app.Protected), Desired: what,
		Message: fmt.Sprintf("jpsync does not %s %s: %s; %s", what, Quote(id), why, remedy),
	}
}

func quoted(value string) string {
	if value == "" {
		return "unset"
	}
	return strconv.Quote(value)
}

// plainWord is a word in which a shell sees nothing special.
var plainWord = regexp.MustCompile(`^[a-zA-Z0-9_.,/:@%+=[:^ascii:]-]+$`)

// Quote makes an id or a path safe to paste into a shell.
func Quote(id string) string {
	if plainWord.MatchString(id) && !strings.HasPrefix(id, "-") {
		return id
	}
	return "'" + strings.ReplaceAll(id, "'", `'\''`) + "'"
}
