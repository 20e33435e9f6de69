package executor

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"jpsync/planner"
	"jpsync/state"
)

// run is one apply.
type run struct {
	opts    Options
	plan    *planner.Plan
	state   *state.State // as it was before the run
	limiter *limiter
	budget  *budget
	keys    *keys
	pending pending

	// group has the workers and the reports of the present phase. Its error is why the run
	// stops, always a *Stop.
	group *errgroup.Group
	// steps is what came of each change. A step belongs to the worker of its app until it is
	// reported, and to the report from then on.
	steps    []Step
	requests atomic.Int64
	retries  atomic.Int64
	recorded int           // apps whose record alone changed
	telling  chan struct{} // held by who tells an event
}

// chain is the steps of one app.
type chain struct {
	first int // index of the first one in the plan
	steps []planner.Change
}

func newRun(plan *planner.Plan, st *state.State, opts Options) *run {
	r := &run{
		opts: opts, plan: plan, state: st,
		limiter: newLimiter(opts),
		budget:  newBudget(opts.Parallelism),
		keys:    newKeys(st),
		pending: newPending(plan, st),
		steps:   make([]Step, len(plan.Actions)),
		telling: make(chan struct{}, 1),
	}
	for i, c := range plan.Actions {
		r.steps[i] = Step{Change: c, Outcome: NotStarted, AppKey: c.AppKey}
	}
	return r
}

// record journals what changes in the state alone, and waits until it is durable.
func (r *run) record(ctx context.Context) error {
	var order []string
	for _, rec := range r.plan.Records {
		app, ok := r.pending.records[rec.App]
		if !ok {
			app = r.state.Apps[rec.App]
			order = append(order, rec.App)
		}
		rec.Apply(&app)
		r.pending.records[rec.App] = app
	}
	if len(order) == 0 {
		return nil
	}
	if err := r.halted(ctx); err != nil {
		return err
	}
	var wait func() error
	for _, id := range order {
		app := r.pending.records[id]
		wait = r.append(id, state.Result{Op: state.OpRecord, App: &app})
	}
	if err := wait(); err != nil {
		return journalFailed(err)
	}
	r.recorded = len(order)
	return nil
}

// append journals a result.
func (r *run) append(id string, res state.Result) (wait func() error) {
	res.ID = id
	return r.opts.Journal.Append(state.Record{ID: id, Result: &res})
}

// phase applies the chains, as many side by side as there may be requests, and returns when
// the last one has ended and is reported. The error is why the run stopped.
func (r *run) phase(ctx context.Context, chains []chain) error {
	group, ctx := errgroup.WithContext(ctx)
	r.group = group
	q := &queue{run: r, chains: chains}
	for range min(r.opts.Parallelism, len(chains)) {
		w := newWorker(r, q)
		group.Go(func() error { return w.work(ctx) })
	}
	return group.Wait()
}

// journalFailed is the reason to stop when a record did not become durable.
func journalFailed(err error) error {
	if _, lost := errors.AsType[*state.LeaseError](err); lost {
		return &Stop{StopLease, err}
	}
	return &Stop{StopJournal, fmt.Errorf("writing the journal: %w", err)}
}
