package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"jpsync/executor"
	"jpsync/internal/report"
	"jpsync/planner"
	"jpsync/state"
)

// save folds the answers into the state. When neither the state nor its journal has them, they
// go into a recovery file, and when no place takes one, the app keys are printed: the API
// cannot tell them a second time.
func (a *applying) save(ctx context.Context) error {
	err := a.w.run.Finish(context.WithoutCancel(ctx))
	if err == nil {
		return nil
	}
	unsaved, ok := errors.AsType[*state.SaveError](err)
	if !ok { // the lock of a shared state ends by itself
		a.t.warn("the state is saved, but: %v", err)
		return nil
	}
	if unsaved.Journaled {
		return err
	}
	path, recoverErr := a.w.run.WriteRecovery(a.w.store.directory(), ".", os.TempDir())
	secrets := "which holds master secrets"
	if a.w.run.Encrypts() {
		secrets = "whose master secrets are encrypted"
		a.printRecovery()
	}
	if recoverErr == nil {
		return fmt.Errorf("%w\nwhat the server answered is in %s, %s; take it into the state before the next run: jpsync state recover%s %s",
			err, path, secrets, a.w.g.sameFlags(), planner.Quote(path))
	}
	a.printKeys()
	return fmt.Errorf("%w\nand neither could a recovery file be written: %w\nthe app keys are printed above; the journal stays beside the state, and the next apply replays what is in it", err, recoverErr)
}

// printRecovery prints what a recovery file has, whose secrets are encrypted: a job's log
// outlives its runner.
func (a *applying) printRecovery() {
	data, err := a.w.run.RecoveryFile()
	if err != nil {
		return
	}
	fmt.Fprintf(a.t.Err, "what the server answered follows, for a file that jpsync state recover takes:\n%s", data)
}

// printKeys prints the keys of this run as commands that record them.
func (a *applying) printKeys() {
	if a.result == nil {
		return
	}
	for _, s := range a.result.Steps {
		if s.Action == planner.Create && s.AppKey != "" {
			fmt.Fprintf(a.t.Err, "jpsync import %s %s%s\n", planner.Quote(s.App), s.AppKey, a.w.g.sameFlags())
		}
	}
}

// sumUp shows the result and returns what the command ends with. saveErr is the error of save.
func (a *applying) sumUp(saveErr error) error {
	end, stop := saveErr, a.result.Stopped
	switch {
	case saveErr == nil:
		a.result.MarkSaved()
		end = a.verdict()
	case stop != nil && stop.Reason != executor.StopLease && stop.Reason != executor.StopJournal: // saveErr says these
		end = &exitError{exitCode(saveErr), errors.Join(fmt.Errorf("stopped: %w", stop), saveErr)}
	}
	if a.Format == "text" {
		if err := report.ResultText(a.t.Out, a.report(nil), a.t.out); err != nil {
			end = errors.Join(end, fmt.Errorf("the result could not be shown: %w", err))
		}
	}
	return end
}

// stopCodes are the exit codes of runs that stopped. Others have ExitError.
var stopCodes = map[executor.StopReason]int{
	executor.StopAuth:        ExitCredentials,
	executor.StopOutage:      ExitPartial,
	executor.StopInterrupted: ExitInterrupted,
	executor.StopJournal:     ExitPartial, // the answers are saved all the same, or save would have failed
	executor.StopLease:       ExitLocked,
}

// stopped is the error of a run that stopped. The text of the result has the answers that
// stopped it, so the error does not repeat them.
func (a *applying) stopped(s *executor.Stop) error {
	code, err, text := cmp.Or(stopCodes[s.Reason], ExitError), s.Err, a.Format == "text"
	if s.Reason == executor.StopEndpoint && a.result.Changed() {
		code = ExitPartial
	}
	switch {
	case s.Reason == executor.StopInterrupted:
		err = errors.New("interrupted; what was answered is recorded, so " + a.again() + " to go on")
	case s.Reason == executor.StopAuth && text:
		err = errors.New("stopped, because the credentials were refused: correct them and " + a.again())
	case s.Reason == executor.StopEndpoint && text:
		err = errors.New("stopped, because no request can succeed at this endpoint: do what the error says and " + a.again())
	}
	return &exitError{code, err}
}

// verdict is the error that the command ends with after it sent requests.
func (a *applying) verdict() error {
	res := a.result
	if res.Stopped != nil {
		return a.stopped(res.Stopped)
	}
	failed := res.Counts.Failed + len(a.plan.Errors)
	if failed == 0 && res.Complete() {
		return nil
	}
	err := &report.IncompleteError{Failed: failed, NotStarted: res.Counts.NotStarted, Again: a.again()}
	if !res.Changed() && res.Counts.Requests == 0 {
		return err
	}
	return &exitError{ExitPartial, err}
}

// again says how to go on after a run that did not finish. A saved plan is applied once only, and so is
// a replacement: asked for again, it would delete the app that this run made.
func (a *applying) again() string {
	how := "run the same command again"
	if a.PlanFile != "" {
		how = "make a new plan"
	}
	for i, s := range a.result.Steps {
		if s.Outcome == executor.Deleted && i+1 < len(a.result.Steps) && a.result.Steps[i+1].App == s.App {
			how += " without --replace " + planner.Quote(s.App)
		}
	}
	return how
}

// summary is the last line of JSON; err is what the command ends with.
func (a *applying) summary(err error) report.Summary {
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

// report returns the apply for its reports. err is what the command ends with, nil if it has
// not ended.
func (a *applying) report(err error) report.Run {
	return report.Run{Version: version(), Plan: a.plan, Result: a.result, Err: err, Summary: a.summary(err),
		AllKeys: "jpsync output" + a.w.g.sameFlags(), Lang: a.t.out.Lang}
}
