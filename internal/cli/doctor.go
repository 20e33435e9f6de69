package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
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

// Validate refuses flags that make no sense.
func (c *doctorCmd) Validate() error {
	if c.Timeout <= 0 {
		return errors.New("--timeout takes a duration such as 10s")
	}
	return nil
}

// doctor makes the checks and prints their findings.
type doctor struct {
	t       *terminal
	g       *globals
	now     func() time.Time
	timeout time.Duration

	w    *workspace           // nil: the manifest cannot be loaded, or the endpoint is invalid
	told error                // why it cannot be loaded; nil: it can, or nobody tried
	apps map[string]state.App // recorded; nil: none, or the state cannot be read
	code int                  // the exit code so far
}

// Run makes every check that can be made, whatever the ones before found.
func (c *doctorCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	d := &doctor{t: t, g: g, now: time.Now, timeout: c.Timeout}
	d.manifest(ctx)
	d.state(ctx)
	if d.w != nil {
		defer d.w.close()
		d.certificates(ctx)
		d.secretFiles()
		d.proxy()
		d.account(ctx)
	} else {
		d.warning("credentials", "not checked: that takes a manifest without errors and a valid endpoint", "")
	}
	if ctx.Err() != nil {
		return &exitError{ExitInterrupted, errors.New("interrupted, not everything was checked")}
	}
	if d.code != ExitDone {
		return exit(d.code)
	}
	return nil
}

func (d *doctor) well(what, found string) { d.report(report.Well, what, note{found: found}) }

// warning reports what an apply can live with.
func (d *doctor) warning(what, found, remedy string) {
	d.report(report.Warning, what, note{found, remedy})
}

// trouble reports what keeps an apply from working. An error that knows a remedy itself needs
// no other.
func (d *doctor) trouble(what string, err error, remedy string) {
	if exitCode(err) == ExitCredentials {
		d.code = ExitCredentials
	}
	found := report.ErrorText(err, d.t.out.Lang)
	if own := report.Remedy(err, d.t.out.Lang); own != "" {
		found, remedy = strings.Replace(found, "; "+own, "", 1), own
	}
	d.report(report.Trouble, what, note{found, remedy})
}

// note is one finding and what to do about it. Without a remedy, the finding says what to do.
type note struct{ found, remedy string }

// mostFindings bounds the findings of one kind: a hundred certificates that lack the same
// variable are one trouble.
const mostFindings = 10

// report prints findings of one kind and sets the exit code.
func (d *doctor) report(health report.Health, what string, notes ...note) {
	if health == report.Trouble && len(notes) > 0 && d.code == ExitDone {
		d.code = ExitError
	}
	if more := len(notes) - mostFindings; more > 0 {
		notes = append(notes[:mostFindings:mostFindings], note{fmt.Sprintf("and %d more", more), "jpsync validate lists all of them"})
	}
	for _, n := range notes {
		report.Finding(d.t.Out, d.t.out, health, what, n.found, n.remedy)
	}
}

// manifest loads the manifest, and reports each of its errors.
func (d *doctor) manifest(ctx context.Context) {
	if _, err := d.g.endpoint(); err != nil {
		d.trouble("endpoint", err, "leave --endpoint and JPSYNC_ENDPOINT out to use JPush's own")
		return
	}
	w, err := openWorkspace(ctx, d.t, d.g, noState)
	if list, ok := errors.AsType[manifest.Errors](err); ok {
		var notes []note
		for _, e := range list {
			notes = append(notes, note{found: e.Error()})
		}
		d.report(report.Trouble, "manifest", notes...)
	} else if err != nil {
		d.trouble("manifest", err, "jpsync help manifest describes the format")
	}
	if err != nil {
		d.t.actions.place(err)
		d.told = err
		return
	}
	d.w = w
	d.well("manifest", w.manifest.Path+": "+report.Plural(len(w.manifest.Apps), "app"))
}

// certificates opens every certificate, as validate does. What is wrong with a file that is uploaded
// already is a warning: an apply does not send it again.
func (d *doctor) certificates(ctx context.Context) {
	p, err := buildPlan(ctx, d.w, d.w.planInput())
	if err != nil {
		d.trouble("certificates", err, "")
		return
	}
	notes := func(problems []planner.Problem) (notes []note) {
		for _, e := range problems {
			remedy := e.Remedy
			e.Remedy = ""
			notes = append(notes, note{problem(e), remedy})
		}
		return notes
	}
	var errs []planner.Problem
	files := make(map[string]map[jpush.Environment]manifest.Certificate, len(d.w.manifest.Apps))
	for _, app := range d.w.manifest.Apps {
		files[app.ID] = app.Certificates
	}
	for _, e := range p.Errors {
		if d.uploaded(e, files[e.App][e.Environment]) {
			e.Message += " (the file is uploaded already)"
			p.Warnings = append(p.Warnings, e)
		} else {
			errs = append(errs, e)
		}
	}
	d.report(report.Trouble, "certificates", notes(errs)...)
	d.report(report.Warning, "certificates", notes(p.Warnings)...)
	if len(errs) == 0 {
		d.well("certificates", report.Plural(p.Summary.Upload, "certificate")+" opened")
	}
}

// uploaded reports whether the file of a certificate with a problem is the one that is recorded.
func (d *doctor) uploaded(e planner.Problem, cert manifest.Certificate) bool {
	known := d.apps[e.App].Certificates.Of(e.Environment).FileSHA256
	seen, err := certificates{d.w.files}.inspect(cert, known)
	return err == nil && seen.FileSHA256 == known
}

// secretFiles looks at the modes of the files that hold secrets. Container systems mount
// them readable for all, so a loose mode is only a warning.
func (d *doctor) secretFiles() {
	var notes []note
	seen := map[string]bool{}
	for _, s := range secretsOf(d.w.manifest) {
		if s.Path == "" || seen[s.Path] {
			continue
		}
		seen[s.Path] = true
		path := underRoot(d.w.manifest, s.Path)
		if info, err := os.Stat(path); err == nil && loose(info) {
			notes = append(notes, note{fmt.Sprintf("%s has mode %04o and holds a secret", s.File, info.Mode().Perm()), "chmod 600 " + path})
		}
	}
	d.report(report.Warning, "secrets", notes...)
}

// loose reports whether others than its owner may use a file. On Windows the mode does not say
// so: the access list does, which comes from the directory.
func loose(info os.FileInfo) bool { return runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 }

// proxy names the proxy of the requests by its host: its URL may hold a password. Requests
// over plain http go to loopback, without a proxy.
func (d *doctor) proxy() {
	u, err := url.Parse(d.w.endpoint)
	if err != nil || u.Scheme == "http" {
		return
	}
	switch proxy, err := jpush.ProxyFromEnvironment(&http.Request{URL: u}); {
	case err != nil:
		d.trouble("proxy", errors.New("HTTPS_PROXY is not a valid URL"), "write it like http://proxy.example:3128, or unset it")
	case proxy != nil:
		d.well("proxy", "requests to "+u.Host+" go through "+proxy.Host)
	default:
		d.well("proxy", "none for "+u.Host)
	}
}

// account looks for the credentials and sends the empty create.
func (d *doctor) account(ctx context.Context) {
	if !d.g.Sandbox && !d.credentials() {
		return
	}
	client, err := d.w.connect(jpush.Options{Timeout: d.timeout, MaxConns: 1})
	if err != nil {
		d.trouble("credentials", err, "")
		return
	}
	defer client.CloseIdleConnections()
	err = client.Probe(ctx)
	e, _ := errors.AsType[*jpush.Error](err) // Probe has no other
	switch {
	case err == nil:
		d.well("endpoint", d.w.endpoint)
		d.well("credentials", "accepted for account "+d.w.account())
	case e.Class == jpush.ClassAuth:
		d.well("endpoint", d.w.endpoint)
		d.trouble("credentials", outcome{e}, "")
	default:
		d.trouble("endpoint", fmt.Errorf("%s: %w", d.w.endpoint, outcome{e}), "")
		d.tlsClock(err)
	}
}

// outcome is an API error without its target and its remedy, which the finding has already.
type outcome struct{ err *jpush.Error }

func (o outcome) Error() string { return o.err.Op + ": " + o.err.Outcome() }

func (o outcome) Unwrap() error { return o.err }

// credentials reports each half of the credentials that is missing.
func (d *doctor) credentials() (complete bool) {
	complete = true
	for _, half := range []struct {
		name string
		from manifest.Secret
	}{{"dev_key", d.w.manifest.Account.DevKey}, {"dev_secret", d.w.manifest.Account.DevSecret}} {
		if _, err := d.w.files.Secret(half.from); err != nil {
			complete = false
			d.trouble("credentials", fmt.Errorf("the %s: %w", half.name, err),
				"take the "+half.name+" from the account page of the JPush console, or try without an account: --sandbox")
		}
	}
	return complete
}
