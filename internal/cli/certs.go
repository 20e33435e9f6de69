package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"jpsync/internal/pushcert"
	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

type certsCmd struct {
	List     certsListCmd     `cmd:"" default:"withargs" help:"List the certificates of manifest and state, the next to expire first (the default)."`
	Inspect  certsInspectCmd  `cmd:"" help:"Show what a .p12 file holds."`
	MakeTest certsMakeTestCmd `cmd:"" name:"make-test" help:"Make test certificates for rehearsals."`
}

type certsListCmd struct {
	ExpiringWithin *span  `placeholder:"DURATION" help:"Only certificates that expire within, for instance, 30d; exit 2 if there are any."`
	Format         string `enum:"text,json,markdown,html,ics" default:"text" help:"text, json, markdown, html: a page with a timeline, or ics: a calendar with an alarm before each expiry."`
}

// Run lists the certificates. The exit code says whether one is due.
func (c *certsListCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	w, err := openWorkspace(ctx, t, g, loadState)
	if err != nil {
		return err
	}
	defer w.close()
	in := w.planInput()
	// With an empty state, the files of recorded certificates are opened as well.
	if in.Certificates, err = inspectAll(ctx, w.files, w.manifest, state.New()); err != nil {
		return err
	}
	dues := planner.Schedule(in)
	if c.ExpiringWithin != nil {
		end := in.Now.Add(time.Duration(*c.ExpiringWithin))
		// A file that is unreadable and not recorded has no expiry, so it stays.
		dues = slices.DeleteFunc(dues, func(d planner.Due) bool { return !d.NotAfter.Before(end) })
	}
	if err := c.print(t, w, dues, in.Now); err != nil {
		return err
	}
	due, unreadable := 0, 0
	for _, d := range dues {
		if d.State == planner.Unreadable {
			unreadable++
		}
		if d.State != planner.Unreadable || !d.NotAfter.IsZero() {
			due++
		}
	}
	if c.ExpiringWithin != nil && due > 0 {
		return exit(ExitPending)
	}
	if unreadable > 0 {
		return fmt.Errorf("%s could not be opened", report.Plural(unreadable, "certificate"))
	}
	return nil
}

func (c *certsListCmd) print(t *terminal, w *workspace, dues []planner.Due, now time.Time) error {
	switch c.Format {
	case "json":
		return report.CertsJSON(t.Out, dues)
	case "markdown":
		return report.CertsMarkdown(t.Out, dues)
	case "ics":
		return report.CertsCalendar(t.Out, dues, w.manifest.Policy.RenewBefore, now)
	}
	none := "No certificates."
	if c.ExpiringWithin != nil {
		none = "No certificate expires that soon."
	}
	if c.Format == "html" {
		return report.CertsHTML(t.Out, dues, none, now)
	}
	return report.CertsText(t.Out, dues, none, t.out)
}

type certsInspectCmd struct {
	passwordFlags
	File     string `arg:"" complete:"file" help:"A .p12 file."`
	BundleID string `placeholder:"ID" help:"Check that the certificate is for this bundle ID."`
	Format   string `enum:"text,json" default:"text" help:"text or json."`
}

// Run opens the file and prints what it holds.
func (c *certsInspectCmd) Run(ctx context.Context, t *terminal) error {
	data, err := readFile(c.File, pushcert.MaxSize)
	if err != nil && len(data) <= pushcert.MaxSize { // the start of a larger file is refused with a remedy
		return err
	}
	password, err := c.password(ctx, t, data)
	if err != nil {
		return err
	}
	cert, err := open(data, password)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	now := time.Now()
	findings := pushcert.Check(cert, pushcert.Expect{
		Environment: firstEnvironment(cert),
		BundleID:    c.BundleID,
		Password:    pushcert.FactsOf(password),
		Now:         now,
		RenewBefore: manifest.DefaultRenewBefore,
	})
	if err := c.print(t, cert, findings, now); err != nil {
		return err
	}
	for _, f := range findings {
		if f.Severity == pushcert.SeverityError {
			return exit(ExitError)
		}
	}
	return nil
}

// firstEnvironment is an environment that the certificate fits, since nobody said which one
// it is meant for.
func firstEnvironment(cert *pushcert.Certificate) string {
	if envs := cert.Environments(); len(envs) > 0 {
		return envs[0]
	}
	return "production"
}

func (c *certsInspectCmd) print(t *terminal, cert *pushcert.Certificate, findings []pushcert.Finding, now time.Time) error {
	if c.Format == "text" {
		return report.CertificateText(t.Out, cert, findings, now, t.out)
	}
	return report.CertificateJSON(t.Out, c.File, cert, findings)
}

// password reads the password from where the flags say. Without a flag it asks a person, if
// the file does not open without a password.
func (c *certsInspectCmd) password(ctx context.Context, t *terminal, data []byte) (string, error) {
	if c.given() {
		return c.passwordFlags.read(t)
	}
	if !locked(data) {
		return "", nil
	}
	if !t.ask {
		return "", fmt.Errorf("%s has a password: say where it is with --password-env, --password-file or --password-stdin", c.File)
	}
	fmt.Fprintf(t.Err, "Password of %s: ", c.File)
	defer fmt.Fprintln(t.Err)
	password, err := t.typedPassword(ctx)
	if ctx.Err() != nil {
		err = &exitError{ExitInterrupted, errors.New("interrupted, the file was not opened")}
	}
	return password, err
}
