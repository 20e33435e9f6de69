package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"jpsync/internal/jpush"
	"jpsync/internal/report"
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

Exit codes: 0 all well, 1 some trouble, 4 credentials refused.`
}

// Run makes every check that can be made, also after one has failed.
func (c *doctorCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	d := &doctor{t: t, g: g, code: ExitDone}
	w, err := openWorkspace(t, g)
	if err != nil {
		d.trouble("manifest", err, "correct it; jpsync validate says the same")
		d.state()
		return exit(d.code)
	}
	defer w.close()
	d.well("manifest", fmt.Sprintf("%s: %s", w.manifest.Path, plural(len(w.manifest.Apps), "app")))
	d.certificates(w)
	d.state()
	d.belongs(ctx, w)
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
	code int
}

func (d *doctor) well(what, found string) {
	report.Finding(d.t.Out, d.t.out, true, what, found, "")
}

func (d *doctor) trouble(what string, err error, remedy string) {
	report.Finding(d.t.Out, d.t.out, false, what, err.Error(), remedy)
	if code := exitCode(err); code == ExitCredentials {
		d.code = code
	} else if d.code == ExitDone {
		d.code = ExitError
	}
}

// certificates opens every certificate, as validate does, and tells the first trouble of each.
func (d *doctor) certificates(w *workspace) {
	p, err := planner.Build(planner.Input{Manifest: w.manifest, State: state.New(), Certificates: certificates{w.files}, Now: time.Now()})
	if err != nil {
		d.trouble("certificates", err, "")
		return
	}
	for _, e := range p.Errors {
		d.trouble("certificates", fmt.Errorf("%s %s: %s [%s]", e.App, e.Environment, e.Message, e.Code), "")
	}
	if len(p.Errors) == 0 {
		d.well("certificates", plural(p.Summary.Upload, "file")+" opened")
	}
}

// state looks at the files: readable, of the right mode, and in a place that can be written.
func (d *doctor) state() {
	store, err := openStore(d.t, d.g)
	if err != nil {
		d.trouble("state", err, "")
		return
	}
	path := store.Location()
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		d.well("state", path+": not there yet, the first apply writes it")
	case err != nil:
		d.trouble("state", err, "make it readable for the user that runs jpsync")
		return
	case info.Mode().Perm()&0o077 != 0:
		d.trouble("state", fmt.Errorf("%s has mode %04o and holds master secrets", path, info.Mode().Perm()), "chmod 600 "+path+" (the next apply does it too)")
	default:
		d.well("state", path)
	}
	d.writable(filepath.Dir(path))
}

func (d *doctor) writable(dir string) {
	if d.g.Sandbox {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return // made when it is needed
		}
	}
	f, err := os.CreateTemp(dir, ".jpsync-doctor-*")
	if err != nil {
		d.trouble("state", fmt.Errorf("nothing can be written beside it: %w", err), "make "+dir+" writable, or name another place with --state")
		return
	}
	f.Close()
	os.Remove(f.Name())
}

// belongs reads the state and holds it against the endpoint and the account.
func (d *doctor) belongs(ctx context.Context, w *workspace) {
	st, err := state.View(ctx, w.store, state.Options{FS: w.t.FS})
	switch {
	case errors.Is(err, state.ErrDamaged):
		d.trouble("state", err, "jpsync state repair")
		return
	case err != nil:
		d.trouble("state", err, "")
		return
	}
	if err := w.belongs(st); err != nil {
		d.trouble("state", err, "")
		return
	}
	if n := len(st.Apps); n > 0 {
		d.well("state", fmt.Sprintf("serial %d, %s", st.Serial, plural(n, "app")))
	}
	if n := len(st.Pending); n > 0 {
		d.trouble("state", fmt.Errorf("%s never answered", plural(n, "request")), "run jpsync apply again, which settles them")
	}
}

// account sends the empty create.
func (d *doctor) account(ctx context.Context, w *workspace, timeout time.Duration) {
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
		d.trouble("credentials", err, e.Remedy())
	case e != nil:
		d.trouble("endpoint", err, e.Remedy())
	default:
		d.trouble("endpoint", err, "")
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
