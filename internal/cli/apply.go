package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/internal/report"
	"jpsync/planner"
	"jpsync/state"
)

type applyCmd struct {
	choices
	reporting
	PlanFile    string        `arg:"" optional:"" name:"planfile" help:"A plan saved by jpsync plan --out."`
	AutoApprove bool          `help:"Don't ask. Covers creates and uploads; deletes need --max-deletes or policy.max_deletes as well."`
	Parallelism parallelism   `default:"4" placeholder:"N|auto" help:"How many requests may be in flight at once (${default}); auto starts with 4 and adapts to the service, up to 64."`
	Rate        float64       `placeholder:"N" help:"The most requests per second; the default is no limit."`
	MaxAttempts int           `default:"5" placeholder:"N" help:"How many times a request is tried (${default})."`
	Timeout     time.Duration `default:"60s" placeholder:"DURATION" help:"How long to wait for each answer (${default})."`
	Format      string        `enum:"text,json" default:"text" help:"text, or json: one object per line."`
}

// Validate refuses flags that make no sense.
func (c *applyCmd) Validate() error {
	switch {
	case !(c.Rate >= 0) || math.IsInf(c.Rate, 0):
		return errors.New("--rate takes requests per second, 0 for no limit")
	case c.MaxAttempts < 1:
		return errors.New("--max-attempts takes 1 or more")
	case c.Timeout <= 0:
		return errors.New("--timeout takes a duration such as 60s")
	case c.PlanFile != "" && c.shapesPlan():
		return errors.New("a saved plan is applied as it is: --target, --exclude, --select, --replace, --accept, --no-delete and --allow-cert belong to jpsync plan --out")
	}
	return errors.Join(c.choices.Validate(), c.check(runForms, c.PlanFile))
}

// shapesPlan reports whether a flag is there that a saved plan has no use for.
func (c *applyCmd) shapesPlan() bool {
	return len(c.Target)+len(c.Exclude)+len(c.Select)+len(c.Replace)+len(c.Accept)+len(c.AllowCert) > 0 || c.NoDelete
}

// Run applies. In JSON, the first line and the last are written whatever happens between.
func (c *applyCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	a := &application{applyCmd: c, t: t}
	if c.Format == "json" {
		a.lines = report.NewLines(t.Out)
		if err := a.lines.Version(version()); err != nil {
			return fmt.Errorf("nobody reads the output, so nothing was sent: %w", err)
		}
	}
	err := a.underLock(ctx, g)
	if a.lines != nil {
		if unread := a.lines.Summary(a.summary(err)); unread != nil {
			err = errors.Join(err, fmt.Errorf("the summary could not be written: %w", unread))
		}
	}
	return err
}

// application is one apply on its way.
type application struct {
	*applyCmd
	t        *terminal
	lines    *report.Lines // nil: text
	w        *workspace
	run      *state.Run
	plan     *planner.Plan // nil until it is made
	began    time.Time     // when the first request could be sent; zero if none was
	progress *progress
	result   *executor.Result // nil if nothing was sent
}

// underLock does all that needs the state's lock, from reading the state to writing it.
func (a *application) underLock(ctx context.Context, g *globals) (err error) {
	if a.w, a.run, err = openAndLock(ctx, a.t, g, "apply"); err != nil {
		return err
	}
	defer a.w.close()
	defer a.run.Close()
	if err := g.spare("--report", a.Report, a.w.store.files(), a.w.manifest); err != nil {
		return err
	}
	err = a.apply(ctx)
	return errors.Join(err, a.publish(err))
}

func (a *application) apply(ctx context.Context) (err error) {
	if a.plan, err = a.makePlan(ctx); err != nil {
		return err
	}
	if err := a.showPlan(); err != nil {
		return fmt.Errorf("the plan could not be shown, so nothing was sent: %w", err)
	}
	if len(a.plan.Conflicts) > 0 || a.plan.Empty() {
		return obstacles(a.plan, a.planIsShown())
	}
	if a.plan.Pending() {
		if err := a.approve(ctx); err != nil {
			return err
		}
	}
	return a.carryOut(ctx)
}

// planIsShown reports whether standard output has the plan for a person to read.
func (a *application) planIsShown() bool { return a.lines == nil && (a.t.ask || !a.t.quiet) }

func (a *application) showPlan() error {
	switch {
	case a.lines != nil:
		return a.lines.Plan(a.plan)
	case a.planIsShown():
		return report.PlanText(a.t.Out, a.plan, a.t.out, time.Now())
	}
	return nil
}

// carryOut sends the plan's requests, saves the answers and reports how it went.
func (a *application) carryOut(ctx context.Context) error {
	var client *jpush.Client // a plan without requests needs none, and no credentials
	if len(a.plan.Actions) > 0 {
		connected, disconnect, err := a.w.connect(a.Parallelism.most(), jpush.Options{Timeout: a.Timeout})
		if err != nil {
			return err
		}
		defer disconnect()
		client = connected
	}
	if err := a.w.bind(a.run); err != nil {
		return err
	}
	if err := a.run.Start(ctx); err != nil {
		err = fmt.Errorf("nothing was sent, because the state could not take the answers: %w", err)
		if !errors.Is(err, state.ErrFenced) {
			err = &exitError{ExitError, err} // the store failed, and no lock was lost
		}
		return err
	}
	if a.PlanFile != "" {
		a.run.Advance() // a saved plan is applied once, even if every request fails
	}
	err := a.send(ctx, client)
	saved := a.save(ctx)
	if err != nil {
		return errors.Join(err, saved)
	}
	if saved == nil {
		a.result.Saved()
	}
	var unread error
	if a.lines == nil {
		if err := report.ResultText(a.t.Out, a.report(nil), a.t.out); err != nil {
			unread = fmt.Errorf("the result could not be shown: %w", err)
		}
	}
	if saved != nil {
		return errors.Join(saved, unread)
	}
	return errors.Join(a.verdict(), unread)
}

// send has the executor apply the plan. An error means that nothing was sent.
func (a *application) send(ctx context.Context, client *jpush.Client) (err error) {
	a.began = time.Now()
	changes := len(a.plan.Actions)
	if a.lines != nil {
		changes = 0 // no progress beside JSON
	}
	a.progress = newProgress(a.t, changes)
	defer a.progress.close()
	defer a.progress.watch(ctx)()
	a.result, err = executor.Apply(ctx, a.plan, a.run.Saved(), executor.Options{
		API:          client,
		Journal:      a.run,
		Certificates: certificates{a.w.files},
		Parallelism:  a.Parallelism.most(),
		Adaptive:     a.Parallelism.auto,
		Rate:         a.Rate,
		MaxAttempts:  a.MaxAttempts,
		OnEvent:      a.event,
		OnPace:       a.progress.setPace,
	})
	return err
}

// event shows an event as it happens. An annotated failure needs no line of its own.
func (a *application) event(e executor.Event) {
	annotated := hasFailed(e) && a.t.actions.failed(a.w.manifest, e, a.t.err.Lang)
	if a.lines != nil {
		_ = a.lines.Event(e) // recording goes on after a closed pipe; the summary finds the error
		return
	}
	a.progress.count(e)
	if !annotated {
		a.progress.show(e)
	}
}

// allKeys is the command that prints every app key.
func (a *application) allKeys() string { return "jpsync output" + a.w.g.sameFlags() }
