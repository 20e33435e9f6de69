package planner

import (
	"slices"
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
	Flags        string // of the command line that the commands in messages need as well, with a blank before
}

// Options are what a person asks for beside the manifest.
type Options struct {
	Selection Selection
	Replace   []string // ids: delete and create again although the app key and all devices are lost
	Accept    []string // ids: record the manifest's name, package and group without a request
	NoDelete  bool     // leave deletes out
	AllowCert []string // codes of certificate errors that are to be warnings
	Rehearsal bool     // on a simulator, where test certificates deserve no warning
}

// Build compares and plans. It fails only on options that make no sense: an invalid glob, an
// id to replace or accept that is not both desired and recorded, a replacement without
// deletes. Conflicts and certificates that must not be sent are part of the plan. The ids and
// packages of the manifest must be unique, as a loaded manifest's are, and its ids spelled as the
// state spells them: see [Align].
func Build(in Input) (*Plan, error) {
	if err := in.Options.Selection.checkGlobs(); err != nil {
		return nil, err
	}
	b := newBuilder(in)
	if err := b.checkNamed(); err != nil {
		return nil, err
	}
	for i := range in.Manifest.Apps {
		b.app(&in.Manifest.Apps[i])
	}
	b.orphans()
	b.unanswered()
	b.sharedCertificates()
	b.nearPackages()
	b.count()
	return b.plan, nil
}

// builder holds a plan in the making.
type builder struct {
	in       Input
	plan     *Plan
	wanted   map[string]*manifest.App // by id
	owners   map[string][]string      // recorded package -> ids, see owner
	holders  map[string][]string      // recorded app key -> ids, see keyShared
	disputed map[string]bool          // recorded ids that are not deleted, because a conflict is about them
	uses     map[string][]use         // fingerprint -> who wants it
	shared   []string                 // fingerprints with several uses, in the manifest's order
}

func newBuilder(in Input) *builder {
	b := &builder{
		in: in,
		plan: &Plan{
			FormatVersion: FormatVersion,
			JPSyncVersion: in.Version,
			Endpoint:      in.Endpoint,
			Account:       in.Account,
			Manifest:      ManifestRef{Path: in.Manifest.Path, SHA256: in.Manifest.SHA256},
			State:         RefTo(in.State),
			Changes:       []Change{},
			Conflicts:     []Conflict{},
			Warnings:      []Problem{},
			OnExisting:    in.Manifest.Policy.OnExisting,
		},
		wanted:   make(map[string]*manifest.App, len(in.Manifest.Apps)),
		disputed: map[string]bool{},
		uses:     map[string][]use{},
	}
	for i := range in.Manifest.Apps {
		app := &in.Manifest.Apps[i]
		b.wanted[app.ID] = app
	}
	return b
}

// app plans one app of the manifest. An app that is not selected is planned as well, to count
// whether it has changes, and then taken back.
func (b *builder) app(app *manifest.App) {
	before := *b.plan
	keep := b.selects(app)
	recorded, ok := b.in.State.Apps[app.ID]
	switch {
	case !ok:
		mustTell := b.newApp(app)
		keep = keep || mustTell
	case slices.Contains(b.in.Options.Replace, app.ID):
		b.replacement(app, recorded)
	default:
		b.recordedApp(app, recorded)
	}
	if !keep {
		b.takeBack(before)
	}
}

// recordedApp plans an app that the state has.
func (b *builder) recordedApp(app *manifest.App, recorded state.App) {
	corrections, conflicts := b.compare(app, recorded)
	if len(conflicts) > 0 {
		b.plan.Conflicts = append(b.plan.Conflicts, conflicts...)
		return
	}
	up := b.uploads(app, recorded)
	if len(up.changes) == 0 && !up.blocked {
		b.plan.Summary.Unchanged++
	}
	b.plan.Corrections = append(append(b.plan.Corrections, corrections...), up.corrections...)
	b.plan.Changes = append(b.plan.Changes, up.changes...)
}

// newApp plans an app that has no record. mustTell is true for a conflict that must be told even if
// the app is not selected: its package belongs to a selected app that this plan would otherwise
// delete.
func (b *builder) newApp(app *manifest.App) (mustTell bool) {
	if conflict, owner := b.packageTaken(app, ""); owner != "" {
		b.plan.Conflicts = append(b.plan.Conflicts, conflict)
		return b.disputed[owner] && !b.in.Options.NoDelete && b.in.Options.Selection.matches(owner, nil)
	}
	changes, _ := b.creation(app, New) // a certificate that must not be sent does not hold the app up
	b.plan.Changes = append(b.plan.Changes, changes...)
	return false
}

// replacement plans a delete and a create of one app, which somebody asked for by its id.
func (b *builder) replacement(app *manifest.App, recorded state.App) {
	protect := recorded.Protected
	if app.Protect != nil {
		protect = *app.Protect
	}
	if protect {
		b.plan.Conflicts = append(b.plan.Conflicts, b.protected(app.ID, recorded, "replace"))
		return
	}
	if conflict, shared := b.keyShared(app.ID, recorded); shared {
		b.plan.Conflicts = append(b.plan.Conflicts, conflict)
		return
	}
	if conflict, owner := b.packageTaken(app, app.ID); owner != "" {
		b.plan.Conflicts = append(b.plan.Conflicts, conflict)
		return
	}
	changes, blocked := b.creation(app, Replace)
	if blocked {
		return // the devices would be lost for an app that cannot push; the plan has the error
	}
	b.plan.Changes = append(b.plan.Changes, deletion(app.ID, recorded, Replace))
	b.plan.Changes = append(b.plan.Changes, changes...)
}

// creation is a create and the uploads that follow it. It is blocked when a certificate must
// not be sent.
func (b *builder) creation(app *manifest.App, why Reason) (changes []Change, blocked bool) {
	up := b.uploads(app, state.App{})
	for i := range up.changes {
		up.changes[i].Reason = why
	}
	create := Change{
		Action:         Create,
		App:            app.ID,
		Reason:         why,
		AppName:        app.AppName,
		AndroidPackage: app.AndroidPackage,
		GroupName:      app.GroupName,
		Protect:        app.Protect,
	}
	return append([]Change{create}, up.changes...), up.blocked
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

// orphans plans the apps that the state has and the manifest has not. They come last, by id.
func (b *builder) orphans() {
	var ids []string
	for id := range b.in.State.Apps {
		if b.wanted[id] == nil && !b.disputed[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		app := b.in.State.Apps[id]
		conflict, shared := b.keyShared(id, app)
		switch {
		case !b.in.Options.Selection.matches(id, nil):
			b.plan.LeftOut++
		case b.in.Options.NoDelete:
			b.plan.LeftOut++
			b.plan.warn("delete_left_out", id, "", "no longer in the manifest and kept, because --no-delete was given")
		case shared:
			b.plan.Conflicts = append(b.plan.Conflicts, conflict)
		case app.Protected:
			b.plan.Conflicts = append(b.plan.Conflicts, b.protected(id, app, "delete"))
		default:
			b.plan.Changes = append(b.plan.Changes, deletion(id, app, Removed))
		}
	}
}

// count fills in the rest of the summary.
func (b *builder) count() {
	s := &b.plan.Summary
	s.Conflicts = len(b.plan.Conflicts)
	s.Create, s.Upload, s.Delete = tally(b.plan.Changes)
}

func tally(changes []Change) (creates, uploads, deletes int) {
	for i := range changes {
		switch changes[i].Action {
		case Create:
			creates++
		case Upload:
			uploads++
		case Delete:
			deletes++
		}
	}
	return creates, uploads, deletes
}
