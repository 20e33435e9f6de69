package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"jpsync/internal/jpush"
	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// The exit codes, which pipelines depend on.
const (
	ExitDone        = 0
	ExitError       = 1
	ExitPending     = 2 // plan --detailed-exitcode, certs --expiring-within, verify
	ExitPartial     = 3 // applied in part: run again
	ExitCredentials = 4
	ExitRefused     = 5 // by a guard, a conflict or a stale plan
	ExitLocked      = 6
	ExitInterrupted = 130 // and recorded
)

// exitError ends a command with a code of its own.
type exitError struct {
	code int
	error
}

func (e *exitError) Unwrap() error { return e.error }

// exit returns an error that ends a command with a code and prints nothing.
func exit(code int) error { return &exitError{code, errors.New("")} }

// refused returns an error that ends a command with ExitRefused.
func refused(err error) error { return &exitError{ExitRefused, err} }

// exitCode returns the exit code for the error of a command.
func exitCode(err error) int {
	own, decided := errors.AsType[*exitError](err)
	answer, answered := errors.AsType[*jpush.Error](err)
	switch {
	case err == nil:
		return ExitDone
	case decided:
		return own.code
	case has[*state.LockedError](err), has[*state.LeaseError](err):
		return ExitLocked
	case has[*state.MismatchError](err), has[*state.MovedError](err), has[*planner.StaleError](err):
		return ExitRefused
	case answered && answer.Class == jpush.ClassAuth:
		return ExitCredentials
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	}
	return ExitError
}

// has reports whether an error of type E is in err's tree.
func has[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

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
		return fmt.Errorf("%s: %s", report.Plural(len(list), what), effect)
	}
	if more := len(list) - mostListed; more > 0 {
		list = append(list[:mostListed], fmt.Sprintf("and %s, see jpsync plan", report.Plural(more, "more "+what)))
	}
	return errors.New(strings.Join(list, "\n"))
}

// problem is a problem's text with what it is about.
func problem(p planner.Problem) string {
	return report.Place(p.App, string(p.Environment)) + ": " + p.Text()
}

// nearest returns the hint at the name that was perhaps meant, or "" if none is near.
func nearest(hint, name string, names []string) string {
	if near := manifest.Suggest(name, names); near != "" {
		return fmt.Sprintf(hint, near)
	}
	return ""
}
