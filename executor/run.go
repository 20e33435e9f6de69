package executor

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"jpsync/planner"
	"jpsync/state"
)

// run is one apply under way.
type run struct {
	opts    Options
	plan    *planner.Plan
	state   *state.State // as it was before
	halt    *halt
	pace    *pace
	budget  *budget
	reports *reporter
	keys    *keys
	pending pending

	// steps is what came of each change. A step belongs to the worker of its chain until
	// that has reported it, and to the reporter from then on.
	steps    []Step
	requests atomic.Int64
	retries  atomic.Int64
	recorded int // apps
}

// chain is the steps of one app.
type chain struct {
	first int // index of the first one in the plan
	steps []planner.Change
}

func newRun(plan *planner.Plan, st *state.State, opts Options) *run {
	r := &run{
		opts: opts, plan: plan, state: st,
		halt:    newHalt(),
		pace:    newPace(opts.Parallelism, opts.Rate),
		budget:  newBudget(opts.Parallelism),
		keys:    newKeys(st),
		pending: newPending(plan, st),
		steps:   make([]Step, len(plan.Actions)),
	}
	for i, c := range plan.Actions {
		r.steps[i] = Step{Change: c, Outcome: NotStarted, AppKey: c.AppKey}
	}
	if opts.Adaptive {
		r.pace = newAdaptivePace(opts.Parallelism, opts.Rate)
	}
	r.pace.told = opts.OnPace
	r.reports = newReporter(opts.OnEvent, r.unsaved, func(err error) { r.halt.set(StopPanic, err) })
	return r
}

// record journals what changes in the state alone, and waits until it is on disk.
func (r *run) record(ctx context.Context) {
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
	var last Ack
	for _, id := range order {
		if r.stopped(ctx) != nil {
			return
		}
		app := r.pending.records[id]
		ack, err := r.opts.Journal.Record(state.Result{Op: state.OpRecord, ID: id, App: &app})
		if err != nil {
			r.journalFailed(err)
			return
		}
		last = ack
	}
	if last == nil {
		return
	}
	if err := last.Wait(); err != nil {
		r.journalFailed(err)
		return
	}
	r.recorded = len(order)
}

// phase works through the chains, in their order, as many at a time as the parallelism
// says, and returns when the last one has ended. The intents are written ahead of the
// workers, a window at a time, so that a request seldom waits for a disk.
func (r *run) phase(ctx context.Context, chains []chain) {
	if len(chains) == 0 {
		return
	}
	windows := make(chan []*worker)
	ready := make(chan *worker)
	var group errgroup.Group
	// Each goroutine takes one app after the other: its stack has grown by the second one.
	for range min(r.opts.Parallelism, len(chains)) {
		group.Go(func() error {
			for w := range ready {
				w.work(ctx)
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(windows)
		r.intend(ctx, chains, windows)
		return nil
	})
	for window := range windows {
		for _, w := range window {
			r.reports.room()
			ready <- w
		}
	}
	close(ready)
	_ = group.Wait() // workers return no errors: an app's failure is in its steps
}

// intend writes the intents of the chains and hands the chains over once these are synced.
// When the run stops, no more are written; those of which nothing was sent mean nothing.
func (r *run) intend(ctx context.Context, chains []chain, windows chan<- []*worker) {
	defer func() {
		if v := recover(); v != nil {
			r.halt.set(StopPanic, caught(v))
		}
	}()
	size := r.windowSize()
	for len(chains) > 0 {
		if r.stopped(ctx) != nil {
			return
		}
		n := min(size, len(chains))
		window := make([]*worker, n)
		var intents []state.Planned
		for i, c := range chains[:n] {
			window[i] = newWorker(r, c)
			if in, ok := window[i].intent(0); ok {
				window[i].intended = 0
				intents = append(intents, state.Planned{ID: c.steps[0].App, Intent: in})
			}
		}
		if len(intents) > 0 {
			if err := r.sync(intents); err != nil {
				r.journalFailed(err)
				return
			}
		}
		chains = chains[n:]
		select {
		case windows <- window:
			// Somebody waited for the disk already: so more at a time.
			size = min(2*size, mostAhead)
		default:
			windows <- window
		}
	}
}

// mostAhead bounds the chains that get their intents at once.
const mostAhead = 512

// windowSize is how many chains get their intents at once in the beginning. The next window
// is written while the workers are busy with this one, so that up to two of them are ahead.
// It grows only where the service answers faster than the disk.
func (r *run) windowSize() int { return min(max(32, 2*r.opts.Parallelism), mostAhead) }

// sync writes intents and waits until they are on disk.
func (r *run) sync(intents []state.Planned) error {
	ack, err := r.opts.Journal.IntendAll(intents)
	if err != nil {
		return err
	}
	return ack.Wait()
}

// tell reports an event that needs no record.
func (r *run) tell(e Event) { r.reports.add(report{step: -1, event: &e}) }
