package executor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"jpsync/internal/jpush"
	"jpsync/state"
)

// StopReason says why a run stopped before its end.
type StopReason string

// The reasons for a stop.
const (
	StopAuth        StopReason = "auth"        // the credentials were refused (any 401)
	StopEndpoint    StopReason = "endpoint"    // what answers is not, or is no longer, the Admin API
	StopOutage      StopReason = "outage"      // too many requests in a row got no definite answer
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

// stopped returns why the run stops once ctx is done, and nil before.
func stopped(ctx context.Context) *Stop {
	if ctx.Err() == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if s, ok := cause.(*Stop); ok {
		return s // another worker's
	}
	if errors.Is(cause, context.Canceled) {
		return &Stop{StopInterrupted, errors.New("interrupted")} // a signal, which says no more
	}
	return &Stop{StopInterrupted, fmt.Errorf("interrupted: %w", cause)}
}

// halted returns why the run stops: ctx is done, or the lease has no time left for a request. It
// returns nil while the run goes on.
func (r *run) halted(ctx context.Context) *Stop {
	if stop := stopped(ctx); stop != nil {
		return stop
	}
	if _, ok := r.deadline(); !ok {
		return leaseOver()
	}
	return nil
}

// leaseMargin is how long before the end of the lease the last request has to be through. It
// covers what passes between a look at the clock and the request.
const leaseMargin = time.Second

// deadline is when a request that starts now has to be through: the zero time if the lock of the
// state has no end. ok is false when there is no time for one. The clock is read before the lease:
// whatever holds this process up in between makes the time shorter, never longer.
func (r *run) deadline() (end time.Time, ok bool) {
	now := time.Now()
	left := r.opts.Journal.Left()
	if left == state.NoEnd {
		return time.Time{}, true
	}
	left -= leaseMargin
	return now.Add(left), left > 0
}

var errNoTime = errors.New("its lease has no time left for a request")

// leaseOver is the reason to stop when another run may take over.
func leaseOver() *Stop { return &Stop{StopLease, &state.LeaseError{Err: errNoTime}} }

// withDrain returns a context that outlives ctx by the drain, or for good when that is 0.
func withDrain(ctx context.Context, drain time.Duration) (outliving context.Context, cancel context.CancelFunc) {
	outliving, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if drain > 0 {
			time.AfterFunc(drain, func() { end(fmt.Errorf("not answered within %s of the interrupt", drain)) })
		}
	})
	return outliving, func() { stop(); end(nil) }
}

// stopOf returns the reason to stop after an answer that no other request would fare better
// with, and nil after any other.
func stopOf(err *jpush.Error) *Stop {
	switch err.Class {
	case jpush.ClassAuth:
		return &Stop{StopAuth, err}
	case jpush.ClassStop:
		return &Stop{StopEndpoint, err}
	}
	return nil
}

// unauthorized reports whether a request got a 401.
func unauthorized(err error) bool {
	e, ok := errors.AsType[*jpush.Error](err)
	return ok && e.Class == jpush.ClassAuth && e.Sent
}

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
