package cli

import (
	"context"
	"errors"

	"jpsync/internal/jpush"
	"jpsync/planner"
	"jpsync/state"
)

// The exit codes, which pipelines depend on.
const (
	ExitDone        = 0
	ExitError       = 1
	ExitPending     = 2 // plan --detailed-exitcode, certs --expiring-within
	ExitPartial     = 3 // applied in part: run again
	ExitCredentials = 4
	ExitRefused     = 5 // by a guard, a conflict or a stale plan
	ExitLocked      = 6
	ExitInterrupted = 130 // and recorded
)

// exitError ends a command with a code of its own. With a nil err nothing more is printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit returns an error that ends a command with a code and prints nothing.
func exit(code int) error { return &exitError{code: code} }

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
	case has[*state.MismatchError](err), has[*state.MovedError](err), has[*planner.StaleError](err), has[*planner.TooManyDeletesError](err):
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
