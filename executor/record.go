package executor

import (
	"errors"
	"fmt"

	"jpsync/internal/jpush"
	"jpsync/state"
)

// fail reports that the present step was not made, once the record of that is durable.
func (t *task) fail(outcome Outcome, a answer, err error, wait func() error) {
	s := t.step()
	s.Outcome, s.Attempts, s.Code, s.Err, s.Remedy = outcome, a.attempts, codeOf(err), err, remedyOf(err)
	t.run.report(wait, nil, Event{Type: ApplyErrored, Step: *s})
}

// retract takes back an intent whose request was not sent, or had no effect. An intent of an
// earlier run under this id is appended again.
func (t *task) retract() (wait func() error) {
	if t.open < 0 {
		return noWait
	}
	op := state.Op(t.changes[t.open].Action)
	t.open = -1
	if t.prior != nil {
		return t.run.opts.Journal.Append(state.Record{ID: t.id(), Intent: t.prior})
	}
	return t.run.append(t.id(), state.Result{Op: op, Failed: t.sent, Unsent: !t.sent})
}

// endUnsuccessful ends a step whose request did not succeed, and returns why the run stops with it,
// if it does. The intent is retracted if it is certain that nothing took effect; doubt says
// that an attempt of this run or of an earlier one was never answered.
func (t *task) endUnsuccessful(a answer, stop *Stop, doubt bool) *Stop {
	if a.attempts == 0 {
		wait := t.retract()
		if a.started { // what was told to start is told to end
			t.fail(NotStarted, a, notStarted(stop), wait)
		}
		return stop
	}
	wait := noWait
	if !doubt {
		wait = t.retract()
	}
	outcome, err := Failed, t.explain(a.err)
	switch {
	case stop == nil:
		if class := a.err.Class; a.unknown && (class.Retryable() || class.StopsRun()) {
			outcome = Unknown
		}
		stop = stopOf(a.err)
	case a.unknown && a.err.Condition == jpush.Interrupted:
		outcome = Unknown // it was ended from here: by the end of the lease or the drain
	case a.unknown:
		outcome = Unknown
		err = fmt.Errorf("given up after attempt %d, because the run stopped: %w; last: %w", a.attempts, stop, a.err)
	default:
		// Every attempt so far had no effect. The next run tries again.
		outcome = NotStarted
		err = fmt.Errorf("given up after attempt %d, because the run stopped: %w; last: %s", a.attempts, stop, a.err.Outcome())
	}
	t.fail(outcome, a, err, wait)
	return stop
}

// notStarted is the error of a step for which nothing was sent.
func notStarted(stop *Stop) error {
	return fmt.Errorf("not started, because the run stopped: %w", stop)
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

// journalFailed is the reason to stop when a record did not become durable.
func journalFailed(err error) *Stop {
	if _, lost := errors.AsType[*state.LeaseError](err); lost {
		return &Stop{StopLease, err}
	}
	return &Stop{StopJournal, fmt.Errorf("writing the journal: %w", err)}
}
