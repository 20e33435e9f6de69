package executor

import (
	"context"
	"fmt"
	"path"
	"strings"

	"jpsync/internal/jpush"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// create makes an app, or finds that the server has it. Whose it is then decides whether it
// may ever be deleted: see ours.
func (w *worker) create(ctx context.Context, c planner.Change) bool {
	var made jpush.Created
	a := w.send(ctx, c, func(ctx context.Context) (err error) {
		made, err = w.run.opts.API.CreateApp(ctx, jpush.App{Name: c.AppName, AndroidPackage: c.AndroidPackage, GroupName: c.GroupName})
		return err
	})
	left := w.run.pending.creates[c.AndroidPackage]
	open := a.unknown || len(left) > 0
	if !a.done() {
		w.refused(c, a, open)
		return false
	}
	if other, ok := w.run.keys.claim(made.AppKey, c.App); !ok {
		w.settle()
		w.fail(c, Failed, a, fmt.Errorf("create %s: the server answered app_key %s, which is recorded for %q already; "+
			"two ids cannot share one app: give each its own android_package, or rename the record with: jpsync state mv %s %s",
			c.AndroidPackage, made.AppKey, other, planner.Quote(other), planner.Quote(c.App)))
		return false
	}
	ours := made.IsNew || open
	if !ours && w.run.plan.OnExisting == manifest.Fail {
		w.run.keys.release(made.AppKey)
		w.settle()
		w.fail(c, Failed, a, fmt.Errorf("create %s: the server has this app already (app_key %s), and policy.on_existing is fail; "+
			"if it is yours, take it in with: jpsync import %s %s", c.AndroidPackage, made.AppKey, planner.Quote(c.App), made.AppKey))
		return false
	}
	app := &state.App{
		AppName: c.AppName, AndroidPackage: c.AndroidPackage, GroupName: c.GroupName,
		AppKey: made.AppKey, MasterSecret: made.MasterSecret,
		Adopted: !ours, Protected: c.Protect != nil && *c.Protect, CreatedAt: w.run.opts.Now(),
	}
	outcome := Created
	if !ours {
		outcome = Adopted
		app.Protected = c.Protect == nil || *c.Protect
	}
	if w.last != nil && w.last.AppKey == app.AppKey && app.MasterSecret == "" {
		app.MasterSecret = w.last.MasterSecret
	}
	note := createNote(c, made, a, left, app, w.prior)
	w.save(c, app, outcome, a, note)
	w.settleOthers(state.OpCreate, left)
	return true
}

// createNote says what a person should know about a create that succeeded.
func createNote(c planner.Change, made jpush.Created, a answer, left []string, app *state.App, prior *state.Intent) string {
	var notes []string
	switch earlier := a.unknown || len(left) > 0; {
	case earlier && made.IsNew:
		notes = append(notes, "an earlier attempt was never answered and may have made a second app: look for "+c.AndroidPackage+" in the console")
	case earlier:
		notes = append(notes, "made by an earlier attempt whose answer was lost")
	case app.Adopted && app.Protected:
		notes = append(notes, "the server had it before: adopted, and protected from deletion until the manifest says protect: false")
	case app.Adopted:
		notes = append(notes, "the server had it before: adopted")
	}
	if prior != nil && prior.Op == state.OpCreate && prior.AndroidPackage != c.AndroidPackage {
		notes = append(notes, "an earlier create of "+c.App+" was for "+prior.AndroidPackage+" and was never answered: look for that app in the console")
	}
	return strings.Join(notes, "; ")
}

// remove deletes an app. That the server does not know it means that it is deleted, if an
// earlier attempt of ours was never answered; else somebody should look.
func (w *worker) remove(ctx context.Context, c planner.Change) bool {
	a := w.send(ctx, c, func(ctx context.Context) error {
		return w.run.opts.API.DeleteApp(ctx, c.AppKey)
	})
	note := ""
	left := w.run.pending.deletes[c.AppKey]
	open := a.unknown || len(left) > 0
	switch {
	case a.done():
	case a.stop == nil && a.class() == jpush.ClassGone && open:
		note = "deleted by an earlier attempt whose answer was lost"
	default:
		if a.stop == nil && a.class() == jpush.ClassGone {
			a.err = &goneError{id: c.App, err: a.err}
		}
		w.refused(c, a, open)
		return false
	}
	w.run.keys.release(c.AppKey)
	w.save(c, nil, Deleted, a, note)
	w.settleOthers(state.OpDelete, left)
	return true
}

// goneError is the answer that the app to delete does not exist, with its remedy.
type goneError struct {
	id  string
	err error
}

func (e *goneError) Error() string { return messageOf(e.err) }
func (e *goneError) Unwrap() error { return e.err }
func (e *goneError) Remedy() string {
	return "if the app was deleted in the console, forget it with: jpsync state rm " + planner.Quote(e.id)
}

// upload sends a certificate. The file is read when the step's turn has come, and once.
func (w *worker) upload(ctx context.Context, c planner.Change) bool {
	c.AppKey = w.app.AppKey
	w.result().AppKey = c.AppKey
	loaded, err := w.run.opts.Certificates.Load(c)
	if err != nil {
		w.fail(c, Failed, answer{}, fmt.Errorf("upload the %s certificate %s: %w", c.Environment, c.Certificate.File, err))
		return false
	}
	cert := loaded.Certificate
	body := jpush.Certificate{Environment: c.Environment, Filename: path.Base(cert.Path), Data: loaded.Data, Password: loaded.Password}
	c.Certificate, w.result().Change.Certificate = &cert, &cert
	a := w.send(ctx, c, func(ctx context.Context) error {
		return w.run.opts.API.UploadCertificate(ctx, w.app.AppKey, body)
	})
	outcome, note := Uploaded, ""
	switch {
	case a.done():
	case a.stop == nil && a.class() == jpush.ClassConverged:
		outcome = AlreadyThere
		note = "already there: the server has a certificate in this place and takes it for the same one"
	default:
		w.refused(c, a, a.unknown)
		return false
	}
	app := *w.app
	app.Certificates.Set(c.Environment, state.Certificate{
		FileSHA256: cert.FileSHA256, Fingerprint: cert.Fingerprint, BundleID: cert.BundleID,
		NotAfter: cert.NotAfter, UploadedAt: w.run.opts.Now(),
	})
	w.save(c, &app, outcome, a, note)
	return true
}
