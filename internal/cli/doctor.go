package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jpsync/internal/jpush"
	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

type doctorCmd struct {
	Timeout time.Duration `default:"10s" placeholder:"DURATION" help:"How long to wait for the endpoint's answer (${default})."`
}

func (doctorCmd) Help() string {
	return `Checks what an apply needs, one line each, with what to do about a trouble. The one request it
sends is a create without any field, which JPush refuses and which changes nothing; the way it
refuses tells whether the credentials are good.

Examples:
  jpsync doctor
  jpsync doctor --sandbox

Exit codes: 0 all well or warnings alone, 1 some trouble, 4 credentials refused.`
}

// Run makes every check that can be made, also after one has failed.
func (c *doctorCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	d := &doctor{t: t, g: g, now: time.Now, code: ExitDone}
	if _, err := g.endpoint(); err != nil {
		d.trouble("endpoint", err, "leave --endpoint and JPSYNC_ENDPOINT out for JPush's own")
		d.state(ctx)
		return exit(d.code)
	}
	w, err := openWorkspace(t, g)
	if err != nil {
		t.actions.place(err)
		d.manifest(err)
		d.state(ctx)
		d.warning("account", "not asked: it is the manifest that says where the credentials are", "")
		return exit(d.code)
	}
	defer w.close()
	d.well("manifest", fmt.Sprintf("%s: %s", w.manifest.Path, plural(len(w.manifest.Apps), "app")))
	d.certificates(ctx, w)
	d.secretFiles(w)
	locked := d.state(ctx)
	d.belongs(ctx, w, locked)
	d.proxy(w.endpoint)
	d.account(ctx, w, c.Timeout)
	if d.code != ExitDone {
		return exit(d.code)
	}
	return nil
}

// doctor writes the findings and remembers how bad they are.
type doctor struct {
	t    *terminal
	g    *globals
	now  func() time.Time
	code int
}

func (d *doctor) well(what, found string) {
	report.Finding(d.t.Out, d.t.out, report.Well, what, found, "")
}

// warning tells what keeps nothing from working and should not stay so.
func (d *doctor) warning(what, found, remedy string) {
	report.Finding(d.t.Out, d.t.out, report.Warning, what, found, remedy)
}

func (d *doctor) trouble(what string, err error, remedy string) {
	report.Finding(d.t.Out, d.t.out, report.Trouble, what, report.ErrorText(err, d.t.out.Lang), remedy)
	if code := exitCode(err); code == ExitCredentials {
		d.code = code
	} else if d.code == ExitDone {
		d.code = ExitError
	}
}

// mostFindings is how many findings of one kind are told: a hundred certificates that lack
// the same variable are one trouble.
const mostFindings = 10

// remedies of the findings whose messages do not say what to do.
var remedies = map[string]string{
	planner.CodePasswordNotAtHand: "set what the manifest names for it, here and in the pipeline",
	planner.CodeUnreadable:        "check the path, which is relative to the file that names it, and who may read it",
}

// manifest tells what is wrong with it, each thing on a line of its own.
func (d *doctor) manifest(err error) {
	list, ok := errors.AsType[manifest.Errors](err)
	if !ok {
		d.trouble("manifest", err, "correct it; jpsync validate says the same")
		return
	}
	for i, e := range list {
		if i == mostFindings {
			d.trouble("manifest", fmt.Errorf("and %d more", len(list)-i), "jpsync validate names all of them")
			break
		}
		d.trouble("manifest", e, "")
	}
}

// certificates opens every certificate, as validate does.
func (d *doctor) certificates(ctx context.Context, w *workspace) {
	p, err := build(ctx, w, planner.Input{Manifest: w.manifest, State: state.New(), Now: d.now(),
		Options: planner.Options{Rehearsal: d.g.Sandbox}})
	if err != nil {
		d.trouble("certificates", err, "")
		return
	}
	for i, e := range p.Errors {
		if i == mostFindings {
			d.trouble("certificates", fmt.Errorf("and %d more", len(p.Errors)-i), "jpsync validate names all of them")
			break
		}
		d.trouble("certificates", errors.New(problem(e)), remedies[e.Code])
	}
	for i, e := range p.Warnings {
		if i == mostFindings {
			d.warning("certificates", fmt.Sprintf("and %d more", len(p.Warnings)-i), "jpsync validate names all of them")
			break
		}
		d.warning("certificates", problem(e), remedies[e.Code])
	}
	if len(p.Errors) == 0 {
		d.well("certificates", plural(p.Summary.Upload, "file")+" opened")
	}
}

func problem(p planner.Problem) string {
	return place(p.App, p.Environment) + ": " + p.Text()
}

// place names an app, or the certificate of one of its environments.
func place(app string, env jpush.Environment) string {
	if env == "" {
		return app
	}
	return app + " " + string(env)
}

// account looks for the credentials and then sends the empty create.
func (d *doctor) account(ctx context.Context, w *workspace, timeout time.Duration) {
	if !d.g.Sandbox && !d.present(w) {
		return
	}
	client, disconnect, err := w.connect(1, jpush.Options{Timeout: timeout})
	if err != nil {
		d.trouble("credentials", err, "")
		return
	}
	defer disconnect()
	err = client.Probe(ctx)
	e, _ := errors.AsType[*jpush.Error](err)
	switch {
	case err == nil:
		d.well("endpoint", w.endpoint)
		d.well("credentials", "accepted for account "+w.account())
	case e != nil && e.Class == jpush.ClassAuth:
		d.well("endpoint", w.endpoint)
		d.trouble("credentials", outcome{e}, report.Remedy(e, d.t.out.Lang))
	case e != nil:
		d.trouble("endpoint", fmt.Errorf("%s: %w", w.endpoint, outcome{e}), report.Remedy(e, d.t.out.Lang))
		d.certificateTime(err)
	default:
		d.trouble("endpoint", err, "")
	}
}

// outcome is an API error without its remedy, which a finding has in a place of its own.
type outcome struct{ err *jpush.Error }

func (o outcome) Error() string { return o.err.Op + ": " + o.err.Outcome() }

func (o outcome) Unwrap() error { return o.err }

// present tells each half of the credentials that is missing.
func (d *doctor) present(w *workspace) bool {
	complete := true
	for _, half := range []struct {
		name string
		from manifest.Secret
	}{{"dev_key", w.manifest.Account.DevKey}, {"dev_secret", w.manifest.Account.DevSecret}} {
		if _, err := w.files.Secret(half.from); err != nil {
			complete = false
			d.trouble("credentials", fmt.Errorf("the %s: %w", half.name, err),
				"take the "+half.name+" from the account page of the JPush console, or try without an account: --sandbox")
		}
	}
	return complete
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
