package cli

import (
	"context"
	"fmt"
	"time"

	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

type certsCmd struct {
	List     certsListCmd     `cmd:"" default:"withargs" help:"List the certificates of manifest and state, what is due first (the default)."`
	Inspect  certsInspectCmd  `cmd:"" help:"Look into one file."`
	MakeTest certsMakeTestCmd `cmd:"" name:"make-test" help:"Make look-alike certificates for rehearsals."`
}

type certsListCmd struct {
	ExpiringWithin *span  `placeholder:"DURATION" help:"Only those that expire within, for instance, 30d; exit 2 if there are any."`
	Format         string `enum:"text,json,markdown,ics" default:"text" help:"text, json, markdown, or ics: a calendar with an alarm before each expiry."`
}

func (certsListCmd) Help() string {
	return `Lists every certificate of the manifest and the state with its expiry. Nothing is sent. A file whose
password is not at hand is listed as it is recorded.

Examples:
  jpsync certs
  jpsync certs --expiring-within 30d || echo renew them
  jpsync certs --format ics > certificates.ics
  jpsync certs inspect certs/shop.p12 --password-env P12_PASSWORD

Exit codes: 0 done, 1 error, 2 some expire within --expiring-within.`
}

// span is a length of time as a flag, days included.
type span time.Duration

// UnmarshalText reads what policy.renew_before takes.
func (s *span) UnmarshalText(text []byte) error {
	d, err := manifest.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q %w", text, err)
	}
	*s = span(d)
	return nil
}

// Run lists, and says with the exit code whether something is due.
func (c *certsListCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	w, err := openWithState(t, g)
	if err != nil {
		return err
	}
	defer w.close()
	st, err := w.view(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	inspector, err := inspectAll(ctx, w.files, w.manifest, state.New()) // open recorded ones too
	if err != nil {
		return err
	}
	dues := planner.Schedule(w.manifest, st, inspector, now)
	if c.ExpiringWithin != nil {
		dues = within(dues, now.Add(time.Duration(*c.ExpiringWithin)))
	}
	if err := c.print(t, w, dues, now); err != nil {
		return err
	}
	due, unreadable := 0, 0
	for _, d := range dues {
		if d.State == planner.Unreadable {
			unreadable++
		} else {
			due++
		}
	}
	if c.ExpiringWithin != nil && due > 0 {
		return exit(ExitPending)
	}
	if unreadable > 0 {
		return fmt.Errorf("%s could not be looked into", plural(unreadable, "certificate"))
	}
	return nil
}

// within keeps what ends before a time, and what nobody could look into.
func within(dues []planner.Due, end time.Time) []planner.Due {
	var kept []planner.Due
	for _, d := range dues {
		if d.NotAfter.Before(end) {
			kept = append(kept, d)
		}
	}
	return kept
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
	return report.CertsText(t.Out, dues, t.out)
}
