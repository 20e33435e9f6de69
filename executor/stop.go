package executor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"jpsync/internal/jpush"
)

// StopReason says why a run stopped before its end.
type StopReason string

// The reasons for a stop.
const (
	StopAuth        StopReason = "auth"        // the credentials were refused (any 401)
	StopEndpoint    StopReason = "endpoint"    // what answers is not the Admin API, or no longer
	StopOutage      StopReason = "outage"      // the run's budget of unanswered requests is spent
	StopInterrupted StopReason = "interrupted" // the context ended: Ctrl-C, SIGTERM, a timeout
	StopJournal     StopReason = "journal"     // an answer could not be written down
	StopLease       StopReason = "lease"       // this run is no longer the state's only writer
	StopPanic       StopReason = "panic"       // a defect of jpsync
)

// Stop is why a run stopped before its end. Its text is that of Err.
type Stop struct {
	Reason StopReason
	Err    error
}

func (s *Stop) Error() string { return s.Err.Error() }
func (s *Stop) Unwrap() error { return s.Err }

// stopped returns why the run stops, a *Stop, once ctx is done.
func stopped(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if s, ok := cause.(*Stop); ok {
		return s // another worker's
	}
	return &Stop{StopInterrupted, &InterruptedError{cause}}
}

// stopOf returns a *Stop for an answer that no other request would fare better with, and nil
// for any other.
func stopOf(err error) error {
	e, ok := errors.AsType[*jpush.Error](err)
	switch {
	case !ok:
		return nil
	case e.Class == jpush.ClassAuth:
		return &Stop{StopAuth, err}
	case e.Class == jpush.ClassStop:
		return &Stop{StopEndpoint, err}
	}
	return nil
}

// unauthorized reports whether a request got a 401.
func unauthorized(err error) bool {
	e, ok := errors.AsType[*jpush.Error](err)
	return ok && e.Class == jpush.ClassAuth && e.Sent
}

// latched reports whether the client held a request back because another one got a 401.
// Nothing was sent, so this was no attempt.
func latched(err error) bool {
	e, ok := errors.AsType[*jpush.Error](err)
	return ok && e.Class == jpush.ClassAuth && !e.Sent
}

// InterruptedError says that somebody ended the run: with a signal, mostly.
type InterruptedError struct{ Cause error }

func (e *InterruptedError) Error() string {
	if errors.Is(e.Cause, context.Canceled) {
		return "interrupted" // a signal, which says no more
	}
	return fmt.Sprintf("interrupted: %v", e.Cause)
}

func (e *InterruptedError) Unwrap() error { return e.Cause }

// PanicError is a panic that was caught: a defect of jpsync. It says where it happened and
// the type of the value. The value's text is there only when the Go runtime made it, since
// any other may quote a secret.
type PanicError struct {
	Value string   // the runtime's text, or the value's type
	Stack []string // function and line, the innermost first
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("a defect in jpsync, please report it: panic: %s, in %s", e.Value, strings.Join(e.Stack, " < "))
}

// catch turns a panic into a reason to stop. It has to be deferred itself.
func catch(err *error) {
	if v := recover(); v != nil {
		*err = &Stop{StopPanic, caught(v)}
	}
}

// caught makes a PanicError. It has to be called by the deferred function itself.
func caught(value any) *PanicError {
	e := &PanicError{Value: fmt.Sprintf("a value of type %T", value)}
	if err, ok := value.(runtime.Error); ok {
		e.Value = err.Error()
	}
	const most = 8
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for more := true; more && len(e.Stack) < most; {
		var f runtime.Frame
		f, more = frames.Next()
		if strings.HasPrefix(f.Function, "runtime.") || f.Function == "" {
			continue
		}
		file := f.File[strings.LastIndexByte(f.File, '/')+1:]
		e.Stack = append(e.Stack, fmt.Sprintf("%s (%s:%d)", f.Function, file, f.Line))
	}
	return e
}
