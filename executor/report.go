package executor

import (
	"context"
	"fmt"
	"time"
)

// EventType names a kind of [Event].
type EventType string

// The kinds of events, as the JSON output names them.
const (
	ApplyStart    EventType = "apply_start"    // the first request of a change goes out
	Retry         EventType = "retry"          // an attempt failed, another one follows
	ApplyComplete EventType = "apply_complete" // the change is made, and its record is durable
	ApplyErrored  EventType = "apply_errored"  // the change failed, was given up, or its outcome is unknown
)

// Event is something that happened to one change. It holds no secret.
type Event struct {
	Type EventType
	// Step is the change as far as it has come. Attempts counts the one that starts or failed.
	Step
	Delay time.Duration // of a retry: the pause before the next attempt
}

// report is an event that is reported once its record is durable.
type report struct {
	wait  func() error
	done  *Step // the step that succeeded; nil in any other event
	event Event
}

// report hands an event to the reporter. The task does not wait for that.
func (r *run) report(wait func() error, done *Step, e Event) { r.reports <- report{wait, done, e} }

// reportAll reports the events of a phase in their order, and stops the run when a record does
// not become durable. It returns the first such reason.
func (r *run) reportAll(stop context.CancelCauseFunc) (first error) {
	for rep := range r.reports {
		if err := r.deliver(rep); err != nil {
			stop(err)
			if first == nil {
				first = err
			}
		}
	}
	return first
}

// deliver waits until the record is durable, and passes the event on.
func (r *run) deliver(rep report) (err error) {
	defer catch(&err)
	e := rep.event
	if broken := rep.wait(); broken != nil {
		err = journalFailed(broken)
		if done := rep.done; done != nil {
			done.Err = &UnsavedError{Outcome: done.Outcome, AppKey: done.AppKey, Err: broken}
			done.Outcome = Failed
			e.Type, e.Step = ApplyErrored, *done
		}
	}
	if r.opts.OnEvent != nil {
		r.opts.OnEvent(e)
	}
	return err
}

// UnsavedError says that the server did what was asked, and that this did not get into the
// journal.
type UnsavedError struct {
	Outcome Outcome // what the server did
	AppKey  string
	Err     error
}

func (e *UnsavedError) Error() string {
	return fmt.Sprintf("%s on the server (app_key %s), but the journal did not take it: %v; the end of the run tells where it is kept", e.Outcome, e.AppKey, e.Err)
}

func (e *UnsavedError) Unwrap() error { return e.Err }
