package cli

import (
	"errors"
	"fmt"
	"time"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/internal/report"
	"jpsync/planner"
)

// mostListed is how many obstacles of one kind an error lists.
const mostListed = 20

// obstacles returns an error for what stands in a plan's way, or nil. Conflicts come before
// certificate errors, since nothing of a plan with a conflict is applied. If standard output
// shows the plan to a person, the error only counts; otherwise it lists them.
func obstacles(p *planner.Plan, shown bool) error {
	var list []string
	for _, c := range p.Conflicts {
		list = append(list, c.App+": "+c.Message)
	}
	if len(list) > 0 {
		return refused(listed(list, "conflict", "nothing is applied until resolved", shown))
	}
	for _, e := range p.Errors {
		list = append(list, problem(e))
	}
	if len(list) > 0 {
		return listed(list, "certificate error", "not sent until corrected", shown)
	}
	return nil
}

func listed(list []string, what, effect string, shown bool) error {
	if shown {
		return fmt.Errorf("%s: %s", plural(len(list), what), effect)
	}
	var errs []error
	for _, text := range list[:min(mostListed, len(list))] {
		errs = append(errs, errors.New(text))
	}
	if more := len(list) - mostListed; more > 0 {
		errs = append(errs, fmt.Errorf("and %s, see jpsync plan", plural(more, "more "+what)))
	}
	return errors.Join(errs...)
}

// problem is a problem's text with what it is about.
func problem(p planner.Problem) string {
	return place(p.App, p.Environment) + ": " + p.Text()
}

// place names an app, or its certificate for an environment.
func place(app string, env jpush.Environment) string {
	if env == "" {
		return app
	}
	return app + " " + string(env)
}

// verdict is the error that the command ends with after it sent requests. The text of the
// result has the answers that stopped the run, so the error does not repeat them.
func (a *application) verdict() error {
	res := a.result
	if s := res.Stopped; s != nil {
		text := a.lines == nil
		switch s.Reason {
		case executor.StopAuth:
			if text {
				return &exitError{ExitCredentials, errors.New("stopped, because the credentials were refused: correct them and run the same command again")}
			}
			return &exitError{ExitCredentials, s.Err}
		case executor.StopInterrupted:
			return &exitError{ExitInterrupted, errors.New("interrupted; what was answered is recorded, so run the same command again to go on")}
		case executor.StopOutage, executor.StopJournal:
			// After StopJournal the answers are saved all the same, or save would have failed.
			return &exitError{ExitPartial, s.Err}
		case executor.StopLease:
			return &exitError{ExitLocked, s.Err}
		case executor.StopEndpoint:
			err := s.Err
			if text {
				err = errors.New("stopped, because what answers is not the Admin API: check --endpoint, proxies and the network")
			}
			if res.Changed() {
				return &exitError{ExitPartial, err}
			}
			return err
		}
		return s.Err
	}
	failed := res.Counts.Failed + len(a.plan.Errors)
	if failed == 0 && res.Complete() {
		return nil
	}
	err := &report.IncompleteError{Failed: failed, NotStarted: res.Counts.NotStarted}
	if !res.Changed() && res.Counts.Requests == 0 {
		return err
	}
	return &exitError{ExitPartial, err}
}

// summary is the last line of JSON; err is what the command ends with.
func (a *application) summary(err error) report.Summary {
	var elapsed time.Duration
	if !a.began.IsZero() {
		elapsed = time.Since(a.began)
	}
	p := a.plan
	if p == nil {
		p = &planner.Plan{}
	}
	s := report.NewSummary(p, a.result, elapsed, exitCode(err))
	if err != nil && !has[*report.IncompleteError](err) && s.Message == "" {
		s.Message = err.Error()
	}
	return s
}
