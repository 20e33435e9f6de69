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
	case c.Rate < 0:
		return errors.New("--rate takes requests per second, 0 for no limit")
	case c.MaxAttempts < 1:
		return errors.New("--max-attempts takes 1 or more")
	case c.Timeout <= 0:
		return errors.New("--timeout takes a duration such as 60s")
	case c.PlanFile != "" && c.shaped():
		return errors.New("a saved plan is applied as it is: --target, --exclude, --select, --replace, --accept, --no-delete and --allow-cert belong to jpsync plan --out")
	}
	return errors.Join(c.choices.Validate(), c.check(runForms))
}

func (c *applyCmd) shaped() bool {
	return len(c.Target)+len(c.Exclude)+len(c.Select)+len(c.Replace)+len(c.Accept)+len(c.AllowCert) > 0 || c.NoDelete
}

// Run applies under the state's lock, from reading the state to writing it.
func (c *applyCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	w, err := openWorkspace(t, g)
	if err != nil {
		return err
	}
	defer w.close()
	run, err := w.begin(ctx, "apply")
	if err != nil {
		return err
	}
	defer run.Close()
	a := &application{applyCmd: c, w: w, t: t, run: run, began: time.Now()}
	if c.Format == "json" {
		a.lines = report.NewLines(t.Out)
		if err := a.lines.Version(version()); err != nil {
			return err
		}
	}
	err = a.do(ctx)
	err = errors.Join(err, a.publish(err))
	if a.lines != nil && a.plan != nil {
		return errors.Join(err, a.lines.Summary(report.NewSummary(a.plan, a.result, time.Since(a.began), exitCode(err))))
	}
	return err
}

// application is one apply on its way.
type application struct {
	*applyCmd
	w      *workspace
	t      *terminal
	run    *state.Run
	began  time.Time
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

func (a *application) do(ctx context.Context) error {
	if err := a.makePlan(); err != nil {
		return err
	}
	if err := a.present(); err != nil {
		return err
	}
	if len(a.plan.Conflicts) > 0 {
		return standing(a.plan)
	}
	if a.plan.Empty() {
		return standing(a.plan)
	}
	if a.plan.Pending() {
		if err := a.approve(ctx); err != nil {
			return err
		}
	}
	return a.carryOut(ctx)
}

// makePlan compares, or reads a saved plan and makes sure that nothing moved since.
func (a *application) makePlan() (err error) {
	if a.PlanFile == "" {
		a.plan, err = a.build(a.w, a.run.State())
		return err
	}
	p, err := loadPlan(a.PlanFile)
	if err != nil {
		return err
	}
	st := a.run.State()
	err = p.Verify(planner.Pins{
		Manifest: a.w.manifest.SHA256,
		State:    planner.RefTo(st),
		Endpoint: a.w.endpoint,
		Account:  a.w.account(),
	})
	if err != nil {
		return err
	}
	a.plan = p
	return a.checkFiles()
}

// checkFiles makes sure that the certificate files of a saved plan are still the planned ones.
func (a *application) checkFiles() error {
	var moved []string
	for _, change := range a.plan.Actions {
		if change.Certificate == nil {
			continue
		}
		_, _, err := certificates{a.w.files}.Load(*change.Certificate)
		if _, changed := errors.AsType[*movedError](err); changed {
			moved = append(moved, "the certificate file "+change.Certificate.File+" has changed")
		} else if err != nil {
			return err
		}
	}
	if len(moved) > 0 {
		return &planner.StaleError{Moved: moved}
	}
	return nil
}

func loadPlan(path string) (*planner.Plan, error) {
	data, err := readFile(path, planner.MaxSavedSize)
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	p, err := planner.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// present shows the plan before anything is done about it.
func (a *application) present() error {
	if a.lines != nil {
		return a.lines.Plan(a.plan)
	}
	if a.t.quiet && !a.t.ask {
		return nil
	}
	return report.PlanText(a.t.Out, a.plan, a.t.out, time.Now())
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
	a.progress = newProgress(a.t, a.shown(), time.Now)
	unwatch := a.progress.watch(ctx)
	a.result, err = executor.Apply(ctx, a.plan, a.run.State(), executor.Options{
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
	unwatch()
	a.progress.close()
	saved := a.save(ctx)
	if err != nil {
		return errors.Join(err, saved)
	}
	if a.lines == nil {
		err = report.ResultText(a.t.Out, a.plan, a.result, time.Since(a.began), a.t.out)
	}
	if saved != nil || err != nil {
		return errors.Join(saved, err)
	}
	return a.verdict()
}

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

// verdict turns the result into the command's error, which the text has told already.
func (a *application) verdict() error {
	res := a.result
	if s := res.Stopped; s != nil {
		switch s.Reason {
		case executor.StopAuth:
			return &exitError{ExitCredentials, s.Err}
		case executor.StopInterrupted:
			return &exitError{ExitInterrupted, errors.New("interrupted; what was answered is recorded, so run the same command again to go on")}
		case executor.StopOutage:
			return &exitError{ExitPartial, s.Err}
		case executor.StopEndpoint:
			if res.Changed() {
				return &exitError{ExitPartial, s.Err}
			}
			return s.Err
		default:
			return s.Err
		}
	}
	failed := res.Counts.Failed + len(a.plan.Errors)
	if failed == 0 && res.Complete() {
		return nil
	}
	left := fmt.Sprintf("%d failed", failed)
	if n := res.Counts.NotStarted; n > 0 {
		left += fmt.Sprintf(" and %d not started", n)
	}
	err := fmt.Errorf("%s: correct what is named above and run the same command again", left)
	if len(a.plan.Errors) > 0 && !res.Changed() && res.Counts.Requests == 0 {
		return err
	}
	return &exitError{ExitPartial, err}
}
