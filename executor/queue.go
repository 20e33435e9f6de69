package executor

import (
	"sync"

	"jpsync/planner"
	"jpsync/state"
)

// queue hands the apps of a phase to the workers. While a worker's app is in flight, the
// intent of one more app becomes durable, so that the next request does not wait for the
// journal. Whichever worker is free first takes that app.
type queue struct {
	run *run

	mu     sync.Mutex
	chains []chain // that nobody has taken
	ahead  []*task // with their first intent in the journal
}

// next returns the app to go on with, nil when there is none.
func (q *queue) next() *task {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ahead) == 0 {
		return q.take()
	}
	t := q.ahead[0]
	q.ahead = q.ahead[1:]
	return t
}

// prefetch journals the first intent of one more app, without waiting.
func (q *queue) prefetch() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t := q.take(); t != nil {
		t.intend()
		q.ahead = append(q.ahead, t)
	}
}

// take returns the next app of the plan. The lock is held.
func (q *queue) take() *task {
	if len(q.chains) == 0 {
		return nil
	}
	t := newTask(q.run, q.chains[0])
	q.chains = q.chains[1:]
	return t
}

// retract takes back the intents that are ahead, because the run stops.
func (q *queue) retract() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.ahead {
		t.retract()
	}
	q.ahead, q.chains = nil, nil
}

// task is an app that a worker has taken.
type task struct {
	chain
	run    *run
	at     int           // the present step
	record *state.App    // as of now; nil: none
	last   *state.App    // the record that a delete of this task removed
	prior  *state.Intent // what an earlier run left open under this id, until this run settles it
	// open is the step whose intent this run has in the journal, -1 if there is none.
	open    int
	durable func() error // waits for the last intent
	sent    bool         // the request of the present step went out, perhaps
}

func newTask(r *run, c chain) *task {
	t := &task{chain: c, run: r, open: -1, durable: noWait}
	id := t.id()
	if app, ok := r.pending.records[id]; ok {
		t.record = &app
	} else if app, ok := r.state.Apps[id]; ok {
		t.record = &app
	}
	if in, ok := r.state.Pending[id]; ok {
		t.prior = &in
	}
	return t
}

func (t *task) id() string { return t.steps[0].App }

// noWait stands for a record that is not needed.
func noWait() error { return nil }

// intend journals that the request of the present step may go out from now on, unless that is
// there already. An upload needs no intent: it can be repeated without harm.
func (t *task) intend() {
	c := t.steps[t.at]
	var in state.Intent
	switch c.Action {
	case planner.Create:
		in = state.Intent{Op: state.OpCreate, AppName: c.AppName, AndroidPackage: c.AndroidPackage, GroupName: c.GroupName}
	case planner.Delete:
		in = state.Intent{Op: state.OpDelete, AppKey: c.AppKey}
	default:
		return
	}
	if t.open == t.at || t.prior != nil && sameRequest(in, *t.prior) {
		return
	}
	in.At = t.run.opts.Now()
	t.open = t.at
	t.durable = t.run.opts.Journal.Append(state.Record{ID: t.id(), Intent: &in})
}

// sameRequest compares intents but for their times.
func sameRequest(a, b state.Intent) bool {
	a.At = b.At
	return a == b
}

// retract takes back an intent whose request was not sent, or had no effect. What an earlier
// run left open under the same id is open again.
func (t *task) retract() (wait func() error) {
	if t.open < 0 {
		return noWait
	}
	op := state.Op(t.steps[t.open].Action)
	t.open = -1
	if t.prior != nil {
		return t.run.opts.Journal.Append(state.Record{ID: t.id(), Intent: t.prior})
	}
	return t.run.append(t.id(), state.Result{Op: op, Failed: t.sent, Unsent: !t.sent})
}

// result is where the outcome of the present step is kept.
func (t *task) result() *Step { return &t.run.steps[t.first+t.at] }
