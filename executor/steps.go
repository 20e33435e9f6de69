package executor

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// create makes an app, or finds that the server has it: JPush answers a create of an existing
// package with that app. It is ours when an earlier create of it was never answered. Otherwise
// it is adopted, or refused by policy.
func (t *task) create(ctx context.Context, c planner.Change) (ok bool, stop *Stop) {
	var made jpush.Created
	a, stop := t.send(ctx, func(ctx context.Context) (err error) {
		made, err = t.run.opts.API.CreateApp(ctx, jpush.App{Name: c.AppName, AndroidPackage: c.AndroidPackage, GroupName: c.GroupName})
		return err
	})
	unanswered := t.run.unanswered[c.AndroidPackage]
	doubt := a.unknown || len(unanswered) > 0
	if stop != nil || a.err != nil {
		return false, t.endUnsuccessful(a, stop, doubt)
	}
	ours := made.IsNew || doubt
	if err := t.checkCreated(c, made, ours); err != nil {
		t.fail(Failed, a, err, t.retract())
		return false, nil
	}
	outcome := Created
	if !ours {
		outcome = Adopted
	}
	app := t.appOf(c, made, ours)
	t.succeed(app, outcome, a, t.createNote(c, made.IsNew, doubt, app))
	t.run.settleOthers(state.OpCreate, unanswered)
	t.run.settleAside(c.AndroidPackage)
	return true, nil
}

// checkCreated claims the app key for the id. It refuses an app that is recorded for another id,
// and one that is not ours if policy.on_existing is fail.
func (t *task) checkCreated(c planner.Change, made jpush.Created, ours bool) error {
	if owner, _ := t.run.keys.LoadOrStore(made.AppKey, c.App); owner != c.App {
		return fmt.Errorf("create %s: the server answered app_key %s, which is recorded for %q already; "+
			"two ids cannot share one app: give each its own android_package, or rename the record with: jpsync state mv %s %s%s",
			c.AndroidPackage, made.AppKey, owner, planner.Quote(owner.(string)), planner.Quote(c.App), t.run.opts.Flags)
	}
	if !ours && t.run.plan.OnExisting == manifest.Fail {
		t.run.keys.Delete(made.AppKey)
		return fmt.Errorf("create %s: the server has this app already (app_key %s), and policy.on_existing is fail; "+
			"if it is yours, take it in with: jpsync import %s %s%s", c.AndroidPackage, made.AppKey, planner.Quote(c.App), made.AppKey, t.run.opts.Flags)
	}
	return nil
}

// appOf is the record of an app that was created, or adopted if it is not ours. An adopted app
// is protected unless the manifest says otherwise.
func (t *task) appOf(c planner.Change, made jpush.Created, ours bool) *state.App {
	app := &state.App{
		AppName: c.AppName, AndroidPackage: c.AndroidPackage, GroupName: c.GroupName,
		AppKey: made.AppKey, MasterSecret: made.MasterSecret,
		Adopted: !ours, Protected: !ours, CreatedAt: t.run.opts.Now(),
	}
	if c.Protect != nil {
		app.Protected = *c.Protect
	}
	if t.deleted != nil && t.deleted.AppKey == app.AppKey && app.MasterSecret == "" {
		app.MasterSecret = t.deleted.MasterSecret
	}
	return app
}

// createNote says what a person should know about a create that succeeded.
func (t *task) createNote(c planner.Change, isNew, doubt bool, app *state.App) string {
	var notes []string
	switch {
	case doubt && isNew:
		notes = append(notes, "an earlier attempt was never answered and may have made a second app: look for "+c.AndroidPackage+" in the console")
	case doubt:
		notes = append(notes, "made by an earlier attempt whose answer was lost")
	case app.Adopted && app.Protected:
		notes = append(notes, "the server had it before: adopted, and protected from deletion until the manifest says protect: false")
	case app.Adopted:
		notes = append(notes, "the server had it before: adopted")
	}
	if t.aside != "" && !t.run.creates(t.prior.AndroidPackage) {
		notes = append(notes, "an earlier create of "+c.App+" was for "+t.prior.AndroidPackage+" and was never answered: look for that app in the console")
	}
	return strings.Join(notes, "; ")
}

// remove deletes an app. An app that the server does not know was deleted by an earlier
// attempt if one was never answered. Otherwise a person should look.
func (t *task) remove(ctx context.Context, c planner.Change) (ok bool, stop *Stop) {
	a, stop := t.send(ctx, func(ctx context.Context) error {
		return t.run.opts.API.DeleteApp(ctx, c.AppKey)
	})
	unanswered := t.run.unanswered[c.AppKey]
	doubt := a.unknown || len(unanswered) > 0
	note := ""
	switch {
	case stop == nil && doubt && a.err != nil && a.err.Class == jpush.ClassGone:
		note = "deleted by an earlier attempt whose answer was lost"
	case stop != nil || a.err != nil:
		return false, t.endUnsuccessful(a, stop, doubt)
	}
	t.run.keys.Delete(c.AppKey)
	t.deleted = t.app
	t.succeed(nil, Deleted, a, note)
	t.run.settleOthers(state.OpDelete, unanswered)
	return true, nil
}

// upload sends a certificate, whose file is read now.
func (t *task) upload(ctx context.Context) (ok bool, stop *Stop) {
	s := t.step()
	s.AppKey = t.app.AppKey
	loaded, err := t.run.opts.Certificates.Load(s.Change)
	if err != nil {
		t.fail(Failed, answer{}, fmt.Errorf("upload the %s certificate: %w", s.Environment, err), noWait)
		return false, nil
	}
	cert := *s.Certificate
	cert.FileSHA256 = loaded.FileSHA256
	s.Certificate = &cert
	a, stop := t.send(ctx, func(ctx context.Context) error {
		return t.run.opts.API.UploadCertificate(ctx, s.AppKey, jpush.Certificate{
			Environment: s.Environment, Filename: path.Base(cert.Path), Data: loaded.Data, Password: loaded.Password,
		})
	})
	outcome, note := Uploaded, ""
	switch {
	case stop == nil && a.err != nil && a.err.Class == jpush.ClassConverged:
		outcome = AlreadyThere
		note = "already there: JPush takes it for the certificate that it has"
	case stop != nil || a.err != nil:
		return false, t.endUnsuccessful(a, stop, a.unknown)
	}
	app := *t.app
	app.Certificates.Set(s.Environment, state.Certificate{
		FileSHA256: cert.FileSHA256, Fingerprint: cert.Fingerprint, BundleID: cert.BundleID,
		NotAfter: cert.NotAfter, UploadedAt: t.run.opts.Now(),
	})
	t.succeed(&app, outcome, a, note)
	return true, nil
}

// succeed ends the present step. It journals what is recorded of the app from now on; a nil app removes
// the record. The reporter, and not the task, waits until that is durable, and then tells of the step:
// see report.go. The journal names the operation as the plan does.
func (t *task) succeed(app *state.App, outcome Outcome, a answer, note string) {
	s := t.step()
	wait := t.run.append(t.id(), state.Result{Op: state.Op(s.Action), App: app})
	t.open, t.prior, t.sent = -1, nil, false
	t.app = app
	s.Outcome, s.Attempts, s.Note = outcome, a.attempts, note
	if app != nil {
		s.AppKey = app.AppKey
	}
	t.run.report(wait, s, Event{Type: ApplyComplete, Step: *s})
}

// explain adds to the server's answer what jpsync knows about the present step.
func (t *task) explain(e *jpush.Error) error {
	c := t.step().Change
	switch {
	case c.Action == planner.Delete && e.Class == jpush.ClassGone:
		return &retold{e.Outcome(), "if the app was deleted in the console, forget it with: jpsync state rm " + planner.Quote(c.App) + t.run.opts.Flags, e}
	case c.Certificate != nil && e.Code == jpush.CodeCertificateInvalid:
		// One of the two is mistaken, and a person can tell which.
		seen := fmt.Sprintf("jpsync saw one for %s, valid until %s, in %s",
			c.Certificate.BundleID, c.Certificate.NotAfter.UTC().Format(time.DateOnly), c.Certificate.File)
		return &retold{e.Outcome() + "; " + seen, e.Remedy(), e}
	}
	return e
}
