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
	if err == nil {
		return ExitDone
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	if _, ok := errors.AsType[*state.LockedError](err); ok {
		return ExitLocked
	}
	if _, ok := errors.AsType[*state.LeaseError](err); ok {
		return ExitLocked
	}
	if _, ok := errors.AsType[*state.MismatchError](err); ok {
		return ExitRefused
	}
	if _, ok := errors.AsType[*state.MovedError](err); ok {
		return ExitRefused
	}
	if _, ok := errors.AsType[*planner.StaleError](err); ok {
		return ExitRefused
	}
	if _, ok := errors.AsType[*planner.TooManyDeletesError](err); ok {
		return ExitRefused
	}
	if e, ok := errors.AsType[*jpush.Error](err); ok && e.Class == jpush.ClassAuth {
		return ExitCredentials
	}
	if errors.Is(err, context.Canceled) {
		return ExitInterrupted
	}
	return ExitError
}
