package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"jpsync/internal/jpush"
	"jpsync/state"
)

// fail reports that the present step was not made, once the record of that is durable.
func (t *task) fail(outcome Outcome, a answer, err error, wait func() error) {
	s := t.step()
	s.Outcome, s.Attempts, s.Code, s.Err, s.Remedy = outcome, a.attempts, codeOf(err), err, RemedyOf(err)
	t.run.report(wait, nil, Event{Type: ApplyErrored, Step: *s})
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

// unanswered returns the ids that earlier runs left open, by the package of a create and the
// app key of a delete. No app key is a package: only a package has a dot.
func unanswered(st *state.State) map[string][]string {
	ids := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(st.Pending)) {
		in := st.Pending[id]
		about := in.AppKey
		if in.Op == state.OpCreate {
			about = in.AndroidPackage
		}
		ids[about] = append(ids[about], id)
	}
	return ids
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

// commitAtOnce bounds the records of a commit: one of a hundred thousand could take longer than a
// lease.
const commitAtOnce = 1000

// correct journals the plan's corrections, and waits until they are durable.
func (r *run) correct(ctx context.Context) error {
	apps := map[string]state.App{}
	for _, c := range r.plan.Corrections {
		app, ok := apps[c.App]
		if !ok {
			app = r.state.Apps[c.App]
		}
		c.Apply(&app)
		apps[c.App] = app
	}
	if len(apps) == 0 {
		return nil
	}
	if stop := r.halted(ctx); stop != nil {
		return stop
	}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(apps)), commitAtOnce) {
		var wait func() error
		for _, id := range ids {
			app := apps[id]
			wait = r.append(id, state.Result{Op: state.OpRecord, App: &app})
		}
		if err := wait(); err != nil {
			r.unrecorded = len(ids)
			return journalFailed(err)
		}
		r.recorded += len(ids)
	}
	r.corrected = apps
	return nil
}
