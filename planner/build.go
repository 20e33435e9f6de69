package planner

import (
	"fmt"
	"sort"
	"time"

	"jpsync/manifest"
	"jpsync/state"
)

// Input is everything that a plan is made from.
type Input struct {
	Manifest     *manifest.Manifest
	State        *state.State
	Certificates Inspector
	Endpoint     string
	Account      string // the dev_key, empty when it is not known
	Version      string // of jpsync
	Now          time.Time
	Options      Options
}

// Options are what a person asks for beside the manifest.
type Options struct {
	Selection Selection
	Replace   []string // ids: delete and create anew although the app key and all devices are lost
	Accept    []string // ids: take the manifest's name, package and group into the record, unsent
	NoDelete  bool     // leave deletes out
	AllowCert []string // codes of certificate errors that are to be warnings
	Rehearsal bool     // on a simulator, where look-alike certificates are nothing to warn of
}

// Build compares and plans. It fails only on options that make no sense: a glob that does
// not parse, an id to replace or accept that is not both desired and recorded. Conflicts
// and certificates that must not be sent are part of the plan.
func Build(in Input) (*Plan, error) {
	b, err := newBuilder(in)
	if err != nil {
		return nil, err
	}
	for i := range in.Manifest.Apps {
		b.desired(&in.Manifest.Apps[i])
	}
	b.departed()
	b.unsettled()
	b.sharedCertificates()
	b.plan.Actions = append(b.plan.Actions, b.deletes...)
	b.plan.Summary = b.summary()
	return b.plan, nil
}

// builder holds a plan in the making.
type builder struct {
	in        Input
	plan      *Plan
	ids       map[string]bool   // ids in the manifest
	owners    map[string]string // android_package -> id, as recorded
	renamed   map[string]bool   // recorded ids that a conflict takes for renamed
	replace   map[string]bool
	accept    map[string]bool
	allowed   map[string]bool
	deletes   []Change // of apps that left, to come last
	unchanged int
	uses      map[string][]use // fingerprint -> the slots that want it
}

func newBuilder(in Input) (*builder, error) {
	if err := in.Options.Selection.check(); err != nil {
		return nil, err
	}
	b := &builder{
		in: in,
		plan: &Plan{
			FormatVersion: FormatVersion,
			JPSyncVersion: in.Version,
			Endpoint:      in.Endpoint,
			Account:       in.Account,
			Manifest:      ManifestRef{Path: in.Manifest.Path, SHA256: in.Manifest.SHA256},
			State:         RefTo(in.State),
			Actions:       []Change{},
			Conflicts:     []Conflict{},
			Warnings:      []Problem{},
			OnExisting:    in.Manifest.Policy.OnExisting,
		},
		ids:     make(map[string]bool, len(in.Manifest.Apps)),
		owners:  make(map[string]string, len(in.State.Apps)),
		renamed: map[string]bool{},
		replace: set(in.Options.Replace),
		accept:  set(in.Options.Accept),
		allowed: set(in.Options.AllowCert),
		uses:    map[string][]use{},
	}
	for i := range in.Manifest.Apps {
		b.ids[in.Manifest.Apps[i].ID] = true
	}
	for id, app := range in.State.Apps {
		b.owners[app.AndroidPackage] = id
	}
	return b, b.checkNamed()
}

// checkNamed refuses --replace and --accept for apps that they can't be about, since a
// typing error there must not pass for "nothing to do".
func (b *builder) checkNamed() error {
	for _, named := range []struct {
		flag string
		ids  []string
	}{{"--replace", b.in.Options.Replace}, {"--accept", b.in.Options.Accept}} {
		for _, id := range named.ids {
			if _, recorded := b.in.State.Apps[id]; !recorded {
				return fmt.Errorf("%s %s: the state has no app of this id%s", named.flag, id, didYouMean(id, keys(b.in.State.Apps)))
			}
			if !b.ids[id] {
				return fmt.Errorf("%s %s: the manifest has no app of this id", named.flag, id)
			}
		}
	}
	for id := range b.replace {
		if b.accept[id] {
			return fmt.Errorf("%s is named by both --replace and --accept: choose one", id)
		}
	}
	return nil
}

// desired plans one app of the manifest.
func (b *builder) desired(app *manifest.App) {
	recorded, ok := b.in.State.Apps[app.ID]
	if !ok {
		b.newApp(app)
		return
	}
	if b.replace[app.ID] {
		b.replaced(app, recorded)
		return
	}
	records, conflicts := b.compare(app, recorded)
	if len(conflicts) > 0 {
		if b.selects(app) {
			b.plan.Conflicts = append(b.plan.Conflicts, conflicts...)
		}
		return
	}
	uploads, files := b.uploads(app, &recorded)
	records = append(records, files...)
	if len(uploads) == 0 && len(records) == 0 {
		b.unchanged++
		return
	}
	if !b.selects(app) {
		b.leaveOut(uploads)
		return
	}
	if len(uploads) == 0 {
		b.unchanged++
	}
	b.plan.Records = append(b.plan.Records, records...)
	b.plan.Actions = append(b.plan.Actions, uploads...)
}

// newApp plans an app that the state does not have under this id.
func (b *builder) newApp(app *manifest.App) {
	if conflict, ok := b.packageTaken(app, ""); ok {
		if b.selects(app) {
			b.plan.Conflicts = append(b.plan.Conflicts, conflict)
		}
		return
	}
	steps := b.creation(app, New)
	if !b.selects(app) {
		b.leaveOut(steps)
		return
	}
	b.plan.Actions = append(b.plan.Actions, steps...)
}

// replaced plans a delete and a create of one app, which somebody asked for by its id.
func (b *builder) replaced(app *manifest.App, recorded state.App) {
	if !b.selects(app) {
		b.plan.LeftOut++
		return
	}
	if isTrue(app.Protect) || recorded.Protected && !isFalse(app.Protect) {
		b.plan.Conflicts = append(b.plan.Conflicts, protected(app.ID, recorded, "replace"))
		return
	}
	if conflict, ok := b.packageTaken(app, app.ID); ok {
		b.plan.Conflicts = append(b.plan.Conflicts, conflict)
		return
	}
	b.plan.Actions = append(b.plan.Actions, deletion(app.ID, recorded, Replace))
	b.plan.Actions = append(b.plan.Actions, b.creation(app, Replace)...)
}

// creation is a create and the uploads that follow it.
func (b *builder) creation(app *manifest.App, why Reason) []Change {
	uploads, _ := b.uploads(app, nil)
	for i := range uploads {
		uploads[i].Reason = why
	}
	return append([]Change{{
		Action:         Create,
		App:            app.ID,
		Reason:         why,
		AppName:        app.AppName,
		AndroidPackage: app.AndroidPackage,
		GroupName:      app.GroupName,
		Protect:        app.Protect,
	}}, uploads...)
}

// departed plans the apps that the state has and the manifest has not. They go last, by id.
func (b *builder) departed() {
	var gone []string
	for id := range b.in.State.Apps {
		if !b.ids[id] && !b.renamed[id] {
			gone = append(gone, id)
		}
	}
	sort.Strings(gone)
	for _, id := range gone {
		app := b.in.State.Apps[id]
		switch {
		case !b.in.Options.Selection.matches(id, nil):
			b.plan.LeftOut++
		case b.in.Options.NoDelete:
			b.plan.LeftOut++
			b.warn(Problem{Code: "delete_left_out", App: id,
				Message: "no longer in the manifest and kept, because --no-delete was given"})
		case app.Protected:
			b.plan.Conflicts = append(b.plan.Conflicts, protected(id, app, "delete"))
		default:
			b.deletes = append(b.deletes, deletion(id, app, Removed))
		}
	}
}

func deletion(id string, app state.App, why Reason) Change {
	return Change{
		Action:         Delete,
		App:            id,
		Reason:         why,
		AppName:        app.AppName,
		AndroidPackage: app.AndroidPackage,
		GroupName:      app.GroupName,
		AppKey:         app.AppKey,
	}
}

// unsettled warns of creates that were sent, never answered, and are no longer wanted: an
// app may exist whose key nobody has.
func (b *builder) unsettled() {
	for _, id := range keys(b.in.State.Pending) {
		intent := b.in.State.Pending[id]
		if intent.Op != state.OpCreate || b.ids[id] || b.wantsPackage(intent.AndroidPackage) {
			continue
		}
		b.warn(Problem{Code: "unsettled_create", App: id, Message: fmt.Sprintf(
			"a create of %s was sent and never answered, so the app may exist without a record; put it back into the manifest and apply to get its key, or forget it with: jpsync state rm %s",
			intent.AndroidPackage, quote(id))})
	}
}

func (b *builder) wantsPackage(name string) bool {
	for i := range b.in.Manifest.Apps {
		if b.in.Manifest.Apps[i].AndroidPackage == name {
			return true
		}
	}
	return false
}

func (b *builder) selects(app *manifest.App) bool {
	return b.in.Options.Selection.matches(app.ID, app.Labels)
}

func (b *builder) leaveOut(steps []Change) {
	if len(steps) > 0 {
		b.plan.LeftOut++
	}
}

func (b *builder) warn(p Problem) { b.plan.Warnings = append(b.plan.Warnings, p) }

func (b *builder) summary() Summary {
	s := Summary{Unchanged: b.unchanged, Conflicts: len(b.plan.Conflicts)}
	for i := range b.plan.Actions {
		switch b.plan.Actions[i].Action {
		case Create:
			s.Create++
		case Upload:
			s.Upload++
		case Delete:
			s.Delete++
		}
	}
	return s
}

func didYouMean(id string, candidates []string) string {
	if near := manifest.Suggest(id, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func isTrue(b *bool) bool  { return b != nil && *b }
func isFalse(b *bool) bool { return b != nil && !*b }
