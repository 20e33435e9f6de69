package planner

import (
	"fmt"
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
// not parse, an id to replace or accept that is not both desired and recorded, a replacement
// without deletes. Conflicts and certificates that must not be sent are part of the plan.
// The ids and packages of the manifest have to be unique, as a loaded one's are.
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
	lookup    lookup
	matched   int             // recorded apps that the manifest has
	renamed   map[string]bool // recorded ids that a conflict takes for renamed
	replace   map[string]bool
	accept    map[string]bool
	allowed   map[string]bool
	deletes   []Change // of apps that left, to come last
	unchanged int
	sharing   sharing
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
			Actions:       make([]Change, 0, max(0, len(in.Manifest.Apps)-len(in.State.Apps))), // one for each new app
			Conflicts:     []Conflict{},
			Warnings:      []Problem{},
			OnExisting:    in.Manifest.Policy.OnExisting,
		},
		lookup:  lookup{apps: in.Manifest.Apps, recorded: in.State.Apps},
		renamed: map[string]bool{},
		replace: set(in.Options.Replace),
		accept:  set(in.Options.Accept),
		allowed: set(in.Options.AllowCert),
		sharing: sharing{first: make(map[string]use, len(in.Manifest.Apps))},
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
			if !b.lookup.wanted(id) {
				return fmt.Errorf("%s %s: the manifest has no app of this id", named.flag, id)
			}
		}
	}
	for _, id := range b.in.Options.Replace {
		if b.accept[id] {
			return fmt.Errorf("%s is named by both --replace and --accept: choose one", id)
		}
		if b.in.Options.NoDelete {
			return fmt.Errorf("--replace %s deletes the app first, and --no-delete leaves deletes out: choose one", id)
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
	b.matched++
	if b.replace[app.ID] {
		b.replaced(app, recorded)
		return
	}
	selected := b.selects(app)
	records, conflicts := b.compare(app, &recorded)
	if len(conflicts) > 0 {
		if selected {
			b.plan.Conflicts = append(b.plan.Conflicts, conflicts...)
		} else {
			b.plan.LeftOut++
		}
		return
	}
	steps := b.uploads(app, &recorded)
	idle := len(steps.changes) == 0 && !steps.blocked
	switch {
	case !selected && (!idle || len(records) > 0):
		b.plan.LeftOut++
	case idle:
		b.unchanged++
	}
	if selected {
		b.plan.Records = append(append(b.plan.Records, records...), steps.moved...)
		b.plan.Actions = append(b.plan.Actions, steps.changes...)
	}
}

// newApp plans an app that the state does not have under this id.
func (b *builder) newApp(app *manifest.App) {
	if conflict, owner, taken := b.packageTaken(app, ""); taken {
		// To delete the owner of a package that comes back under another id is to lose what
		// was renamed, so a selection of the owner alone has to hear of it as well.
		lost := b.renamed[owner] && !b.in.Options.NoDelete && b.in.Options.Selection.matches(owner, nil)
		if b.selects(app) || lost {
			b.plan.Conflicts = append(b.plan.Conflicts, conflict)
		} else {
			b.plan.LeftOut++
		}
		return
	}
	steps, _ := b.creation(app, New)
	if !b.selects(app) {
		b.plan.LeftOut++
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
	if conflict, _, taken := b.packageTaken(app, app.ID); taken {
		b.plan.Conflicts = append(b.plan.Conflicts, conflict)
		return
	}
	steps, whole := b.creation(app, Replace)
	if !whole {
		return // its devices would be lost for an app that gets no pushes; the error is told
	}
	b.plan.Actions = append(b.plan.Actions, deletion(app.ID, recorded, Replace))
	b.plan.Actions = append(b.plan.Actions, steps...)
}

// creation is a create and the uploads that follow it. It is not whole when a certificate must
// not be sent.
func (b *builder) creation(app *manifest.App, why Reason) (steps []Change, whole bool) {
	planned := b.uploads(app, nil)
	for i := range planned.changes {
		planned.changes[i].Reason = why
	}
	return append([]Change{{
		Action:         Create,
		App:            app.ID,
		Reason:         why,
		AppName:        app.AppName,
		AndroidPackage: app.AndroidPackage,
		GroupName:      app.GroupName,
		Protect:        app.Protect,
	}}, planned.changes...), !planned.blocked
}

func (b *builder) selects(app *manifest.App) bool {
	return b.in.Options.Selection.matches(app.ID, app.Labels)
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
