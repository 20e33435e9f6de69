package executor

import (
	"context"
	"errors"
	"fmt"

	"jpsync/internal/jpush"
	"jpsync/planner"
	"jpsync/state"
)

// save journals what is recorded of the app from now on. A nil app removes the record. The
// step is reported once that is durable.
func (t *task) save(c planner.Change, app *state.App, outcome Outcome, a answer, note string) {
	res := state.Result{Op: state.Op(c.Action)}
	if app != nil {
		recorded := *app
		res.App = &recorded
	}
	wait := t.run.append(c.App, res)
	t.open, t.prior, t.sent = -1, nil, false
	t.deleted, t.app = t.app, app
	s := t.result()
	s.Outcome, s.Attempts, s.Note = outcome, a.attempts, note
	if app != nil {
		s.AppKey = app.AppKey
	}
	t.run.report(wait, s, Event{Type: ApplyComplete, Step: *s})
}

// fail reports that the present step was not made, once the record of that is durable.
func (t *task) fail(outcome Outcome, a answer, err error, wait func() error) {
	s := t.result()
	s.Outcome, s.Attempts, s.Code, s.Err, s.Remedy = outcome, a.attempts, codeOf(err), err, remedyOf(err)
	t.run.report(wait, nil, Event{Type: ApplyErrored, Step: *s})
}

// refused ends a step whose request did not succeed, and returns why the run stops with it,
// if it does. The intent is retracted if it is certain that nothing took effect; doubt says
// that an attempt of this run or of an earlier one was never answered.
func (t *task) refused(a answer, stop error, doubt bool) error {
	if a.attempts == 0 {
		wait := t.retract()
		if a.started {
			t.fail(NotStarted, a, notStarted(stop), wait)
		}
		return stop
	}
	wait := noWait
	if !doubt {
		wait = t.retract()
	}
	class := a.class()
	outcome, err := Failed, a.err
	switch {
	case stop == nil:
		if a.unknown && (class.Retryable() || class.StopsRun()) {
			outcome = Unknown
		}
		if cert := t.result().Change.Certificate; cert != nil && codeOf(err) == jpush.CodeCertificateInvalid {
			err = &RejectedError{Certificate: *cert, Err: err}
		}
		stop = stopOf(a.err)
	case wasCut(a.err):
		outcome = Unknown
	case a.unknown:
		outcome = Unknown
		err = fmt.Errorf("given up after attempt %d, because the run stopped: %w; last: %w", a.attempts, stop, a.err)
	default:
		// It was to be tried again and had no effect so far, so there is nothing to correct.
		outcome = NotStarted
		err = fmt.Errorf("given up after attempt %d, because the run stopped: %w; last: %s", a.attempts, stop, messageOf(a.err))
	}
	t.fail(outcome, a, err, wait)
	return stop
}

// wasCut reports whether an attempt was ended from here: by the end of the lease or the drain.
func wasCut(err error) bool {
	e, ok := errors.AsType[*jpush.Error](err)
	return ok && e.Condition == jpush.Interrupted
}

// settleOthers takes back what earlier runs left open under other ids about the very app
// that a step has settled. An id that the plan has steps for sees to its own intent.
func (r *run) settleOthers(op state.Op, ids []string) {
	for _, id := range ids {
		if !r.planned[id] {
			r.append(id, state.Result{Op: op, Failed: true})
		}
	}
}

// report is an event, to be told once its record is durable.
type report struct {
	wait  func() error
	made  *Step // the step that the record is about; nil if it was not made
	event Event
}

// report hands an event to the reporter. The task does not wait for that.
func (r *run) report(wait func() error, made *Step, e Event) { r.reports <- report{wait, made, e} }

// reportAll tells the events of a phase in their order, and stops the run when a record does
// not become durable. It returns the first such reason.
func (r *run) reportAll(stop context.CancelCauseFunc) (first error) {
	for rep := range r.reports {
		if err := r.tell(rep); err != nil {
			stop(err)
			if first == nil {
				first = err
			}
		}
	}
	return first
}

func (r *run) tell(rep report) (err error) {
	defer catch(&err)
	e := rep.event
	if broken := rep.wait(); broken != nil {
		err = journalFailed(broken)
		if made := rep.made; made != nil {
			made.Err = &UnsavedError{Outcome: made.Outcome, AppKey: made.AppKey, Err: broken}
			made.Outcome = Failed
			e.Type, e.Step = ApplyErrored, *made
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

// Saved tells that the state has been saved although the journal broke: the run keeps in
// memory what the journal did not take. What failed for that reason alone has succeeded.
func (r *Result) Saved() {
	for i := range r.Steps {
		s := &r.Steps[i]
		if e, ok := errors.AsType[*UnsavedError](s.Err); ok {
			s.Outcome, s.Err, s.Remedy = e.Outcome, nil, ""
		}
	}
	r.count()
}

// notStarted is the error of a step for which nothing was sent.
func notStarted(stop error) error {
	return fmt.Errorf("not started, because the run stopped: %w", stop)
}
