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
	Parallelism parallelism   `default:"4" placeholder:"N|auto" help:"How many requests may be in flight at once (${default}); auto begins with 4 and finds out what the service takes, up to 64."`
	Rate        float64       `placeholder:"N" help:"At most so many requests per second."`
	MaxAttempts int           `default:"5" placeholder:"N" help:"How often one request is tried (${default})."`
	Timeout     time.Duration `default:"60s" placeholder:"DURATION" help:"How long to wait for one answer (${default})."`
	Format      string        `enum:"text,json" default:"text" help:"text, or json: one object per line."`
}

func (applyCmd) Help() string {
	return `Makes a plan, or takes a saved one, asks, and carries it out. Every answer is written to a
journal beside the state before anything else happens, so an interrupted apply is continued by
running it again.

All certificates are opened and checked before anything is sent. One that must not be sent is
named and left out; all else is done.

Examples:
  jpsync apply
  jpsync apply --auto-approve --parallelism auto
  jpsync apply release.plan

Exit codes: 0 done, 1 error, 3 applied in part (run again), 4 credentials refused, 5 refused by a
guard, a conflict or a stale plan, 6 state locked, 130 interrupted and recorded.`
}

// Validate refuses numbers that make no sense.
func (c *applyCmd) Validate() error {
	switch {
	case !(c.Rate >= 0) || math.IsInf(c.Rate, 0):
		return errors.New("--rate takes requests per second, 0 for no limit")
	case c.MaxAttempts < 1:
		return errors.New("--max-attempts takes 1 or more")
	case c.Timeout <= 0:
		return errors.New("--timeout takes a duration such as 60s")
	case c.PlanFile != "" && c.shaped():
		return errors.New("a saved plan is applied as it is: --target, --exclude, --select, --replace, --accept, --no-delete and --allow-cert belong to jpsync plan --out")
	}
	return errors.Join(c.choices.Validate(), c.check(runForms, c.PlanFile))
}

func (c *applyCmd) shaped() bool {
	return len(c.Target)+len(c.Exclude)+len(c.Select)+len(c.Replace)+len(c.Accept)+len(c.AllowCert) > 0 || c.NoDelete
}

// Run applies. For a program, the first line and the last come whatever happens between.
func (c *applyCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	a := &application{applyCmd: c, t: t}
	if c.Format == "json" {
		a.lines = report.NewLines(t.Out)
		if err := a.lines.Version(version()); err != nil {
			return fmt.Errorf("nobody reads the output, so nothing was sent: %w", err)
		}
	}
	err := a.locked(ctx, g)
	if a.lines != nil {
		if unread := a.lines.Summary(a.summary(err)); unread != nil {
			err = errors.Join(err, fmt.Errorf("what was done could not be told: %w", unread))
		}
	}
	return err
}

// locked does everything under the state's lock, from reading the state to writing it.
func (a *application) locked(ctx context.Context, g *globals) (err error) {
	if a.w, err = openWithState(a.t, g); err != nil {
		return err
	}
	defer a.w.close()
	if err := g.spare("--report", a.Report, a.w.store.Location(), a.w.manifest); err != nil {
		return err
	}
	if a.run, err = a.w.begin(ctx, "apply"); err != nil {
		return err
	}
	defer a.run.Close()
	err = a.do(ctx)
	return errors.Join(err, a.publish(err))
}

// application is one apply on its way.
type application struct {
	*applyCmd
	w      *workspace
	t      *terminal
	run    *state.Run
	began  time.Time     // of the requests; zero: there were none
	lines  *report.Lines // nil: text
	plan   *planner.Plan
	result *executor.Result

	progress *progress
}

// shown is how many changes a person is shown: none when the output is for a program.
func (a *application) shown() int {
	if a.lines != nil {
		return 0
	}
	return len(a.plan.Actions)
}

// legible reports whether a person has the plan before their eyes.
func (a *application) legible() bool { return a.lines == nil && isTerminal(a.t.Out) }

func (a *application) do(ctx context.Context) error {
	if err := a.makePlan(ctx); err != nil {
		return err
	}
	if err := a.present(); err != nil {
		return err
	}
	if len(a.plan.Conflicts) > 0 || a.plan.Empty() {
		return standing(a.plan, a.legible())
	}
	if a.plan.Pending() {
		if err := a.approve(ctx); err != nil {
			return err
		}
	}
	return a.carryOut(ctx)
}

// present shows the plan before anything is done about it.
func (a *application) present() error {
	var err error
	switch {
	case a.lines != nil:
		err = a.lines.Plan(a.plan)
	case a.t.ask || !a.t.quiet:
		err = report.PlanText(a.t.Out, a.plan, a.t.out, time.Now())
	}
	if err != nil {
		return fmt.Errorf("the plan could not be shown, so nothing was sent: %w", err)
	}
	return nil
}

// carryOut sends, records and sums up.
func (a *application) carryOut(ctx context.Context) error {
	client, disconnect, err := a.connect()
	if err != nil {
		return err
	}
	defer disconnect()
	if err := a.w.bind(a.run); err != nil {
		return err
	}
	if err := a.run.Open(len(a.plan.Actions)); err != nil {
		return fmt.Errorf("nothing was sent, because the state could not take the answers: %w", err)
	}
	if a.PlanFile != "" {
		a.run.Advance() // also a plan of which nothing succeeds is applied once
	}
	err = a.send(ctx, client)
	saved := a.save(ctx)
	if err != nil {
		return errors.Join(err, saved)
	}
	if saved == nil {
		a.result.Saved()
	}
	return a.conclude(saved)
}

// send has the plan carried out. The error says that nothing was sent.
func (a *application) send(ctx context.Context, client executor.API) (err error) {
	a.began = time.Now()
	a.progress = newProgress(a.t, a.shown(), time.Now)
	defer a.progress.close()
	defer a.progress.watch(ctx)()
	a.result, err = executor.Apply(ctx, a.plan, a.run.Saved(), executor.Options{
		API:          client,
		Journal:      executor.Journaled(a.run),
		Certificates: certificates{a.w.files},
		Parallelism:  a.Parallelism.most(),
		Adaptive:     a.Parallelism.auto,
		Rate:         a.Rate,
		MaxAttempts:  a.MaxAttempts,
		OnEvent:      a.tell,
		OnPace:       a.progress.adapted,
	})
	return err
}

// conclude tells how it went; saved is what kept the state from being saved.
func (a *application) conclude(saved error) (err error) {
	if a.lines == nil {
		if err = report.ResultText(a.t.Out, a.plan, a.result, time.Since(a.began), a.allKeys(), a.t.out); err != nil {
			err = fmt.Errorf("what was done could not be shown: %w", err)
		}
	}
	if saved != nil {
		return errors.Join(saved, err)
	}
	return errors.Join(a.verdict(), err)
}

// allKeys is the command that prints every app key.
func (a *application) allKeys() string { return "jpsync output" + a.w.g.sameFlags() }

// connect makes the client, if anything is to be sent: a plan that only corrects the state
// needs no credentials.
func (a *application) connect() (executor.API, func(), error) {
	if len(a.plan.Actions) == 0 {
		return unreachable{}, func() {}, nil
	}
	return a.w.connect(a.Parallelism.most(), jpush.Options{Timeout: a.Timeout})
}

// unreachable is the API of a plan without requests.
type unreachable struct{}

var errUnreachable = errors.New("this plan sends nothing")

func (unreachable) CreateApp(context.Context, jpush.App) (jpush.Created, error) {
	return jpush.Created{}, errUnreachable
}
func (unreachable) UploadCertificate(context.Context, string, jpush.Certificate) error {
	return errUnreachable
}
func (unreachable) DeleteApp(context.Context, string) error { return errUnreachable }

// tell passes on one event as it happens.
func (a *application) tell(e executor.Event) {
	if a.lines != nil {
		// A closed pipe must not stop what is being recorded; the exit code will tell.
		_ = a.lines.Event(e)
		return
	}
	a.progress.event(e)
}
