package cli

import (
	"errors"
	"fmt"
	"time"

	"jpsync/executor"
	"jpsync/internal/report"
	"jpsync/planner"
)

// summary is what a program is told at the end; err is what the command ends with.
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
	if err != nil && s.Message == "" {
		s.Message = err.Error()
	}
	return s
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
		case executor.StopJournal:
			// The answers are saved all the same, or the command would not have come here.
			return &exitError{ExitPartial, s.Err}
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
	if !res.Changed() && res.Counts.Requests == 0 {
		return err
	}
	return &exitError{ExitPartial, err}
}
