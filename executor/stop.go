package executor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
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
	StopPanic       StopReason = "panic"       // a defect of jpsync
)

// Stop is why a run stopped before its end.
type Stop struct {
	Reason StopReason
	Err    error
}

// halt holds the first reason to stop. Whoever waits for something waits for it as well.
type halt struct {
	mu   sync.Mutex
	stop *Stop
	c    chan struct{} // closed with the first stop
}

func newHalt() *halt { return &halt{c: make(chan struct{})} }

// set stops the run. The first reason is the one that is told; later ones mostly follow
// from it.
func (h *halt) set(reason StopReason, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.stop == nil:
		h.stop = &Stop{Reason: reason, Err: err}
		close(h.c)
	case latched(h.stop.Err) && !latched(err) && reason == StopAuth:
		// The refusal itself says more than a request that was held back because of it.
		h.stop = &Stop{Reason: reason, Err: err}
	}
}

// why returns nil while the run goes on.
func (h *halt) why() *Stop {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stop
}

// stopped asks the context as well, whose end may not have got around to halt yet.
func (r *run) stopped(ctx context.Context) *Stop {
	if ctx.Err() != nil {
		r.interrupted(ctx)
	}
	return r.halt.why()
}

func (r *run) interrupted(ctx context.Context) {
	r.halt.set(StopInterrupted, &InterruptedError{context.Cause(ctx)})
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

func (r *run) journalFailed(err error) {
	r.halt.set(StopJournal, fmt.Errorf("writing the journal: %w", err))
}

// PanicError is a panic that was caught: a defect of jpsync. It tells where it happened and
// the type of the value. The value's text is told only when the Go runtime made it, since
// any other may quote a secret.
type PanicError struct {
	Value string   // the runtime's text, or the value's type
	Stack []string // function and line, the innermost first
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("a defect in jpsync, please report it: panic: %s, in %s", e.Value, strings.Join(e.Stack, " < "))
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
