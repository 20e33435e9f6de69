package executor

import (
	"context"

	"jpsync/planner"
	"jpsync/state"
)

// worker takes one app through its steps.
type worker struct {
	run   *run
	chain chain
	app   *state.App // the record as of now; nil: none
	// last is the record that a delete of this chain removed.
	last *state.App
	// prior is the request that an earlier run left open under this id. One of this run takes
	// its place in the journal, so it is put back if nothing came of that.
	prior    *state.Intent
	intended int  // the step whose intent is in the journal, -1 if none is
	open     int  // the step that is written down as sent and not settled, -1 if none is
	at       int  // the step under way
	sending  bool // it got as far as to be sent, perhaps
}

func newWorker(r *run, c chain) *worker {
	w := &worker{run: r, chain: c, intended: -1, open: -1}
	id := c.steps[0].App
	if app, ok := r.pending.records[id]; ok {
		w.app = &app
	} else if app, ok := r.state.Apps[id]; ok {
		w.app = &app
	}
	if in, ok := r.pending.intents[id]; ok {
		w.prior = &in
	}
	return w
}

// intent returns what step i has to put into the journal before it is sent. An upload needs
// no intent: it can be repeated without harm.
func (w *worker) intent(i int) (state.Intent, bool) {
	c := w.chain.steps[i]
	in := state.Intent{At: w.run.opts.Now()}
	switch c.Action {
	case planner.Create:
		in.Op, in.AppName, in.AndroidPackage, in.GroupName = state.OpCreate, c.AppName, c.AndroidPackage, c.GroupName
	case planner.Delete:
		in.Op, in.AppKey = state.OpDelete, c.AppKey
	default:
		return state.Intent{}, false
	}
	return in, true
}

// work makes the steps in order, until one fails or the run stops.
func (w *worker) work(ctx context.Context) {
	defer func() {
		if v := recover(); v != nil {
			w.panicked(caught(v))
		}
	}()
	for w.at = range w.chain.steps {
		if w.run.stopped(ctx) != nil || !w.ready() {
			return
		}
		if !w.step(ctx, w.chain.steps[w.at]) {
			w.skipRest()
			return
		}
	}
}

// ready sees to it that the intent of the step is on disk. The first one's was written
// ahead; a create that follows a delete in a replacement writes its own.
func (w *worker) ready() bool {
	if w.intended == w.at {
		return true
	}
	in, needed := w.intent(w.at)
	if !needed {
		return true
	}
	if err := w.run.sync([]state.Planned{{ID: w.chain.steps[w.at].App, Intent: in}}); err != nil {
		w.run.journalFailed(err)
		return false
	}
	w.intended = w.at
	return true
}

func (w *worker) step(ctx context.Context, c planner.Change) bool {
	w.sending = false
	switch c.Action {
	case planner.Create:
		return w.create(ctx, c)
	case planner.Delete:
		return w.remove(ctx, c)
	default:
		return w.upload(ctx, c)
	}
}

// send makes the request of the step under way. Right before it goes out for the first time,
// that is written down: what the intents ahead announce has not been sent yet, and a run that
// is killed must not take for its own what it never asked for. While it waits to try again
// after a refusal, nothing is open either.
func (w *worker) send(ctx context.Context, c planner.Change, call func(context.Context) error) answer {
	return w.run.send(ctx, c, func(ctx context.Context) error {
		if in, needed := w.intent(w.at); needed && w.open != w.at {
			if _, err := w.run.opts.Journal.Sent(c.App, in); err != nil {
				return &unsentError{err}
			}
			w.open = w.at
		}
		w.sending = true
		return call(ctx)
	}, w.settle)
}

// unsentError says that the journal did not take that a request goes out, so it did not.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// result returns where the outcome of the step under way is kept.
func (w *worker) result() *Step { return &w.run.steps[w.chain.first+w.at] }

// skipRest says why the steps after the one under way are not started. When the run stopped
// it, that is the reason for them too.
func (w *worker) skipRest() {
	if w.result().Outcome == NotStarted {
		return
	}
	for i := w.at + 1; i < len(w.chain.steps); i++ {
		w.run.steps[w.chain.first+i].Err = errEarlierStep
	}
}

// settle writes that a request which was to go out did not, or had no effect. What an earlier
// run left open under the same id is open again.
func (w *worker) settle() {
	i := w.open
	if i < 0 {
		return
	}
	w.open, w.sending = -1, false
	c := w.chain.steps[i]
	var ack Ack
	var err error
	if w.prior != nil {
		ack, err = w.run.opts.Journal.Sent(c.App, *w.prior)
	} else {
		ack, err = w.run.opts.Journal.Record(state.Result{Op: state.Op(c.Action), ID: c.App, Failed: true})
	}
	w.run.wrote(ack, err, report{step: -1})
}

// panicked ends the app and the run. Nobody knows how far a step came that was being sent:
// its intent stays.
func (w *worker) panicked(err error) {
	w.run.halt.set(StopPanic, err)
	if s := w.result(); s.Outcome == NotStarted {
		outcome := Unknown
		if !w.sending {
			outcome = Failed
			w.settle()
		}
		w.fail(w.chain.steps[w.at], outcome, answer{}, err)
	}
	w.skipRest()
}
