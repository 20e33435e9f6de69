package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"jpsync/internal/jpush"
	"jpsync/planner"
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
		stop = stopOf(a.err)
		if a.unknown && (a.err.Class.Retryable() || stop != nil) {
			outcome = Unknown // after a definite answer it is Failed, and the intent stays for the attempt before
		}
	case a.unknown && a.err.Condition == jpush.Interrupted:
		outcome = Unknown // jpsync itself cut it off, at the end of the lease or the drain
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

// asides are creates of earlier runs that were never answered and whose ids have other packages now.
// The state has one open request for an id, so each of them gets an id of its own.
type asides struct {
	mu      sync.Mutex
	ids     map[string]string // by package
	settled map[string]bool   // packages of which this run has an answer
}

// setAside keeps an earlier run's create, before the intent of another request takes its place. A
// person hears of it with every plan, until the package is in the manifest again or the id is removed.
func (t *task) setAside(in state.Intent) {
	p, r := t.prior, t.run
	if p == nil || p.Op != state.OpCreate || p.AndroidPackage == in.AndroidPackage || t.aside != "" {
		return
	}
	r.asides.mu.Lock()
	defer r.asides.mu.Unlock()
	if !r.answered(p.AndroidPackage) {
		t.aside = r.freeID(p.AndroidPackage)
		r.asides.ids[p.AndroidPackage] = t.aside
		r.opts.Journal.Append(state.Record{ID: t.aside, Intent: p})
	}
}

// answered reports whether the app of a create that earlier runs left open is known by now. The
// lock of asides is held.
func (r *run) answered(pkg string) bool {
	if r.asides.settled[pkg] {
		return true
	}
	for _, app := range r.state.Apps {
		if app.AndroidPackage == pkg {
			return true
		}
	}
	return false
}

// settleAside takes back what was set aside of a package, since this run has its answer.
func (r *run) settleAside(pkg string) {
	r.asides.mu.Lock()
	defer r.asides.mu.Unlock()
	r.asides.settled[pkg] = true
	if id, ok := r.asides.ids[pkg]; ok {
		r.append(id, state.Result{Op: state.OpCreate, Failed: true})
	}
}

// creates reports whether the plan has a create of a package.
func (r *run) creates(pkg string) bool {
	return slices.ContainsFunc(r.plan.Changes, func(c planner.Change) bool { return c.Action == planner.Create && c.AndroidPackage == pkg })
}

// freeID returns an id for a package that no app has: the package itself, or that with a number.
func (r *run) freeID(pkg string) string {
	for n := 1; ; n++ {
		id := pkg
		if n > 1 {
			id = fmt.Sprintf("%s.%d", pkg, n)
		}
		_, recorded := r.state.Apps[id]
		in, open := r.state.Pending[id]
		if !recorded && !r.planned[id] && (!open || in.AndroidPackage == pkg) {
			return id
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
			if in, open := r.state.Pending[id]; open { // a correction is no answer to it
				wait = r.opts.Journal.Append(state.Record{ID: id, Intent: &in})
			}
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
