package executor

import (
	"cmp"
	"context"
	"errors"

	"jpsync/planner"
	"jpsync/state"
)

// task is an app on its way through its steps.
type task struct {
	run     *run
	steps   []Step     // its part of run.steps
	at      int        // the present step
	app     *state.App // its record as of now; nil: none
	deleted *state.App // the record that a delete of this task removed

	// prior is the request that an earlier run left without an answer under this id. It is nil
	// once this run has an answer.
	prior *state.Intent
	aside string // the id that prior has from now on, because this id has another request; mostly empty
	// open is the step whose intent this run has appended and not settled, -1 if there is none.
	open       int
	waitIntent func() error // returns nil once the last intent is durable
	sent       bool         // the request of the present step may have gone out
}

func newTask(r *run, steps []Step) *task {
	t := &task{run: r, steps: steps, open: -1, waitIntent: noWait}
	t.app = cmp.Or(find(r.corrected, t.id()), find(r.state.Apps, t.id()))
	t.prior = find(r.state.Pending, t.id())
	return t
}

// find returns a copy of what is in the map under an id, nil if nothing is.
func find[V any](m map[string]V, id string) *V {
	v, ok := m[id]
	if !ok {
		return nil
	}
	return &v
}

func (t *task) id() string { return t.steps[0].App }

// noWait stands for a record that is not needed.
func noWait() error { return nil }

// apply makes an app's steps in order, until one fails or the run stops; then it returns why.
func (t *task) apply(ctx context.Context) (stop *Stop) {
	defer func() {
		if v := recover(); v != nil {
			stop = t.panicked(caught(v))
		}
	}()
	for t.at = range t.steps {
		ok, stopped := t.perform(ctx)
		if ok {
			continue
		}
		if t.step().Outcome != NotStarted {
			t.skipRest() // otherwise the run's end says why
		}
		return stopped
	}
	return nil
}

// perform carries out the present step. It returns false when the app ends with it, and a Stop when
// the whole run does.
func (t *task) perform(ctx context.Context) (ok bool, stop *Stop) {
	if stop := t.run.halted(ctx); stop != nil {
		t.retract()
		return false, stop
	}
	t.sent = false
	t.intend()
	if err := t.waitIntent(); err != nil { // that of an earlier step if this one has no intent
		t.retract()
		return false, journalFailed(err)
	}
	if t.at == len(t.steps)-1 {
		// While this app's last request is in flight, the next app's intent becomes durable.
		t.run.prefetchNext()
	}
	switch c := t.step().Change; c.Action {
	case planner.Create:
		return t.create(ctx, c)
	case planner.Delete:
		return t.remove(ctx, c)
	case planner.Upload:
		return t.upload(ctx)
	case verify:
		return t.verify(ctx)
	default:
		panic("executor: the plan has a change of an unknown action")
	}
}

// intend appends the intent of the present step, unless that was done ahead: the request may go out once
// it is durable. It does so also when an earlier run left the same request open, since a journal has to
// say on its own what its results are about. An upload needs no intent: it can be repeated without harm.
func (t *task) intend() {
	if t.open == t.at {
		return // waitIntent is its wait
	}
	c := t.step().Change
	var in state.Intent
	switch c.Action {
	case planner.Create:
		in = state.Intent{Op: state.OpCreate, AppName: c.AppName, AndroidPackage: c.AndroidPackage, GroupName: c.GroupName}
	case planner.Delete:
		in = state.Intent{Op: state.OpDelete, AppKey: c.AppKey}
	default:
		return
	}
	t.setAside(in)
	in.At = t.run.opts.Now()
	t.open = t.at
	t.waitIntent = t.run.opts.Journal.Append(state.Record{ID: t.id(), Intent: &in})
}

// retract takes back an intent whose request was not sent, or had no effect. An intent of an
// earlier run under this id is appended again.
func (t *task) retract() (wait func() error) {
	if t.open < 0 {
		return noWait
	}
	op := state.Op(t.steps[t.open].Action)
	t.open = -1
	if t.prior != nil && !t.priorAnswered() {
		wait = t.run.opts.Journal.Append(state.Record{ID: t.id(), Intent: t.prior})
		if t.aside != "" { // later records are durable later
			wait = t.run.append(t.aside, state.Result{Op: state.OpCreate, Unsent: true})
			t.aside = ""
		}
		return wait
	}
	return t.run.append(t.id(), state.Result{Op: op, Failed: t.sent, Unsent: !t.sent})
}

// append journals a result.
func (r *run) append(id string, res state.Result) (wait func() error) {
	return r.opts.Journal.Append(state.Record{ID: id, Result: &res})
}

// priorAnswered reports whether another app of this run, or the state, has the app of an earlier
// create by now.
func (t *task) priorAnswered() bool {
	t.run.asides.mu.Lock()
	defer t.run.asides.mu.Unlock()
	return t.prior.Op == state.OpCreate && t.run.answered(t.prior.AndroidPackage)
}

// panicked ends the app and the run. After a request went out nobody knows how far it came,
// so its intent stays.
func (t *task) panicked(err *PanicError) *Stop {
	if t.step().Outcome == NotStarted {
		outcome, wait := Unknown, noWait
		if !t.sent {
			outcome, wait = Failed, t.retract()
		}
		t.fail(outcome, answer{}, err, wait)
	}
	t.skipRest()
	return &Stop{StopPanic, err}
}

var errEarlierStep = errors.New("not started, because an earlier step of this app failed")

// skipRest says why the steps after the present one are not started.
func (t *task) skipRest() {
	for i := t.at + 1; i < len(t.steps); i++ {
		t.steps[i].Err = errEarlierStep
	}
}

// step is where the outcome of the present step is kept.
func (t *task) step() *Step { return &t.steps[t.at] }
