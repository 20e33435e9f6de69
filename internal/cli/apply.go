package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/internal/report"
	"jpsync/planner"
	"jpsync/state"
)

type applyCmd struct {
	choices
	sending
	reporting
	PlanFile    string `arg:"" optional:"" name:"planfile" complete:"file" help:"A plan saved by jpsync plan --out."`
	AutoApprove bool   `help:"Don't ask. Covers creates and uploads; deletes need --max-deletes or policy.max_deletes as well."`
	Format      string `enum:"text,json" default:"text" help:"text, or json: one object per line."`
}

// Validate refuses flags that make no sense.
func (c *applyCmd) Validate() error {
	if c.PlanFile != "" && c.shapesPlan() {
		return errors.New("a saved plan is applied as it is: --target, --exclude, --select, --replace, --accept, --no-delete and --allow-cert belong to jpsync plan --out")
	}
	return errors.Join(c.sending.check(), c.reporting.check(func(f reportForm) bool { return f.run != nil }, c.PlanFile))
}

// shapesPlan reports whether a flag is there that a saved plan has no use for.
func (c *applyCmd) shapesPlan() bool {
	return len(c.Target)+len(c.Exclude)+len(c.Select)+len(c.Replace)+len(c.Accept)+len(c.AllowCert) > 0 || c.NoDelete
}

// Run applies. In JSON, the first line and the last are written whatever happens between.
func (c *applyCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	a := &applying{applyCmd: c, t: t}
	if c.Format == "json" {
		if err := report.VersionLine(t.Out, version()); err != nil {
			return fmt.Errorf("nobody reads the output, so nothing was sent: %w", err)
		}
	}
	err := a.lockAndApply(ctx, g)
	if c.Format == "json" {
		if unread := report.SummaryLine(t.Out, a.summary(err)); unread != nil {
			err = errors.Join(err, fmt.Errorf("the summary could not be written: %w", unread))
		}
	}
	return err
}

// applying is one run of the apply command. approve.go asks for its approval, and verdict.go ends
// it: its answers are saved, judged and shown.
type applying struct {
	*applyCmd
	t        *terminal
	w        *workspace
	plan     *planner.Plan // nil until it is made
	client   *jpush.Client // nil for a plan without requests, which needs no credentials
	began    time.Time     // when the first request could be sent; zero if none was
	progress *progress
	result   *executor.Result // nil if nothing was sent
}

// lockAndApply loads the manifest, locks the state, applies, and reports how that ended.
// openWorkspace calls [manifest.Load] and, side by side with it, lockAs calls [state.Begin]: the
// [state.Run] that it returns is the journal of [executor.Apply]. Then [planner.Align] gives the apps
// their ids as the state spells them.
func (a *applying) lockAndApply(ctx context.Context, g *globals) (err error) {
	if a.w, err = openWorkspace(ctx, a.t, g, lockAs("apply")); err != nil {
		return a.unplanned(a.t, g, "apply", err)
	}
	defer a.w.close()
	if err := g.refuseOverwrite("--report", a.Report, a.w.store.files(), a.w.manifest); err != nil {
		return err
	}
	err = a.apply(ctx)
	if a.plan == nil {
		return a.noPlan(a.t, g, "apply", err)
	}
	return errors.Join(err, a.publish(err))
}

// apply plans, shows the plan, has it approved, sends its requests, saves the answers and
// sums up.
func (a *applying) apply(ctx context.Context) (err error) {
	if a.plan, err = a.makePlan(ctx); err != nil {
		return err
	}
	if err := a.showPlan(); err != nil {
		return fmt.Errorf("the plan could not be shown, so nothing was sent: %w", err)
	}
	if len(a.plan.Conflicts) > 0 || a.plan.Empty() {
		return obstacles(a.plan, a.planIsShown())
	}
	if a.plan.HasChanges() {
		if err := a.approve(ctx); err != nil {
			return err
		}
	}
	if len(a.plan.Changes) > 0 {
		if a.client, err = a.w.connect(jpush.Options{Timeout: a.Timeout, MaxConns: a.Parallelism.most}); err != nil {
			return err
		}
		defer a.client.CloseIdleConnections()
	}
	if err := a.startJournal(ctx); err != nil {
		return err
	}
	sendErr := a.send(ctx)
	saveErr := a.save(ctx)
	if sendErr != nil {
		return errors.Join(sendErr, saveErr)
	}
	return a.sumUp(saveErr)
}

// makePlan plans, or loads a saved plan and checks that nothing has changed since. The plan is
// made by [planner.Build].
func (a *applying) makePlan(ctx context.Context) (*planner.Plan, error) {
	if a.PlanFile == "" {
		return a.choices.build(ctx, a.w)
	}
	p, err := loadPlan(a.PlanFile)
	if err != nil {
		return nil, err
	}
	if err := p.CheckFresh(a.w.planInput()); err != nil {
		return nil, err
	}
	return p, checkFiles(ctx, a.w.files, p)
}

// planIsShown reports whether standard output has the plan for a person to read.
func (a *applying) planIsShown() bool { return a.Format == "text" && (a.t.ask || !a.t.quiet) }

func (a *applying) showPlan() error {
	switch {
	case a.Format == "json":
		return report.PlanLines(a.t.Out, a.plan)
	case a.planIsShown():
		return report.PlanText(a.t.Out, a.plan, a.t.out, time.Now())
	}
	return nil
}

// startJournal starts the journal before anything is sent.
func (a *applying) startJournal(ctx context.Context) error {
	if err := a.w.bind(); err != nil {
		return err
	}
	if err := a.w.run.Start(ctx); err != nil {
		if ctx.Err() != nil {
			return &exitError{ExitInterrupted, errors.New("interrupted, nothing was sent")}
		}
		err = fmt.Errorf("nothing was sent, because the state could not take the answers: %w", err)
		if !errors.Is(err, state.ErrFenced) {
			err = &exitError{ExitError, err} // the store failed, and no lock was lost
		}
		return err
	}
	if a.PlanFile != "" {
		a.w.run.Advance() // a saved plan is applied once, even if every request fails
	}
	return nil
}

// send has the executor apply the plan. An error means that nothing was sent.
func (a *applying) send(ctx context.Context) (err error) {
	a.began = time.Now()
	changes := len(a.plan.Changes)
	if a.Format == "json" {
		changes = 0 // no progress beside JSON
	}
	a.progress = newProgress(a.t, changes)
	defer a.progress.close()
	defer a.progress.watch(ctx, a.Drain)()
	if a.Format == "json" { // what was found before the first request is told as what is found by one
		for _, problem := range a.plan.Errors {
			step := executor.Step{Outcome: executor.Failed, Err: fmt.Errorf("not sent: %s [%s]", problem.Message, problem.Code), Remedy: problem.Remedy}
			step.Change = planner.Change{Action: planner.Upload, App: problem.App, Environment: problem.Environment}
			_ = report.EventLine(a.t.Out, executor.Event{Type: executor.ApplyErrored, Step: step})
		}
	}
	options := a.sending.options()
	options.API, options.Journal, options.Certificates = a.client, a.w.run, certificates{a.w.files}
	options.Flags = a.w.g.sameFlags()
	options.OnEvent, options.OnPace = a.event, a.progress.setPace
	a.result, err = executor.Apply(ctx, a.plan, a.w.state, options)
	return err
}

// event shows an event as it happens. An annotated failure needs no line of its own.
func (a *applying) event(e executor.Event) {
	annotated := hasFailed(e) && a.t.actions.failed(a.w.manifest, e, a.t.err.Lang)
	if a.Format == "json" {
		_ = report.EventLine(a.t.Out, e) // recording goes on after a closed pipe; the summary finds the error
		return
	}
	a.progress.count(e)
	if !annotated {
		a.progress.show(e)
	}
}
