package executor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"jpsync/planner"
	"jpsync/state"
)

// run is one apply.
type run struct {
	opts       Options
	plan       *planner.Plan
	state      *state.State // as it was before the run
	limiter    *limiter
	keys       sync.Map             // the id of each app key in the state or of this run: no app gets two records
	unanswered map[string][]string  // ids that earlier runs left open, by package or app key
	planned    map[string]bool      // ids that the plan has steps for
	asides     asides               // unanswered creates whose ids have other packages now
	corrected  map[string]state.App // apps as the plan's corrections leave them
	recorded   int                  // how many of them are durable
	unrecorded int                  // how many the journal did not take
	inFlight   context.Context      // of the requests

	verify func(ctx context.Context, id string) error // asks about the pair of an app; nil but in a [Verify]

	// steps is what came of each change. A step belongs to its task until it is reported, and
	// to the reporter from then on.
	steps    []Step
	requests atomic.Int64
	reports  chan report // of the present phase; it is short, so that a slow listener slows the run down

	mu     sync.Mutex
	chains [][]Step // of the present phase that nobody has taken: each is the steps of one app, in order
	ahead  []*task  // prefetched: the first intent, if there is one, is appended and perhaps not durable yet
}

// Apply carries out the plan on the state that it was made from. It changes neither: what
// happened is in the journal and in the result.
//
// The error says that the plan cannot be applied; then nothing was sent and nothing was
// journaled. Once the run began there is a result and no error, however it ended: see
// [Result.Stopped] and [Result.Failures].
//
// Cancelling ctx stops the run. Requests in flight go on until they are answered, or until
// the drain, the client's own timeout or the end of the lease ends them.
func Apply(ctx context.Context, plan *planner.Plan, st *state.State, opts Options) (*Result, error) {
	if err := check(plan, st); err != nil {
		return nil, err
	}
	r, end := newRun(ctx, plan, st, opts)
	defer end()
	early, late := r.split()
	err := r.correct(ctx)
	if err == nil {
		err = r.phase(ctx, early)
	}
	if err == nil {
		err = r.phase(ctx, late)
	}
	return r.result(err), nil
}

// check refuses a plan that needs a decision first, and one that does not fit the state. A plan that
// was just made always fits, and a saved one is pinned to its state. It is looked at all the same: a
// delete of the wrong app, or a second record under one id, cannot be taken back.
func check(plan *planner.Plan, st *state.State) error {
	if n := len(plan.Conflicts); n > 0 {
		return fmt.Errorf("apply: the plan has %d conflicts, the first one is about %q: settle them and plan again", n, plan.Conflicts[0].App)
	}
	for _, c := range plan.Corrections {
		app, recorded := st.Apps[c.App]
		if !recorded || c.Field == planner.FieldFile && app.Certificates.Of(c.Environment) == (state.Certificate{}) {
			return stale(c.App)
		}
	}
	holders := map[string]int{} // how many records have an app key
	if slices.ContainsFunc(plan.Changes, func(c planner.Change) bool { return c.Action == planner.Delete }) {
		for _, app := range st.Apps {
			holders[app.AppKey]++
		}
	}
	planned := map[string]bool{}
	for _, steps := range plan.Chains() {
		id := steps[0].App
		app, recorded := st.Apps[id]
		if planned[id] {
			return stale(id)
		}
		planned[id] = true
		for _, c := range steps {
			isCreate, isDelete := c.Action == planner.Create, c.Action == planner.Delete
			isWrong := c.AppKey == "" || c.AppKey != app.AppKey || holders[c.AppKey] > 1 || app.Protected && c.Reason != planner.Replace
			if recorded == isCreate || isDelete && isWrong {
				return stale(id)
			}
			recorded = !isDelete
		}
	}
	return nil
}

func stale(id string) error {
	return &planner.StaleError{Changed: []string{fmt.Sprintf("what it does to %q does not fit the state", id)}}
}

// newRun prepares a run. end has to be called when it is over.
func newRun(ctx context.Context, plan *planner.Plan, st *state.State, opts Options) (r *run, end context.CancelFunc) {
	opts.setDefaults()
	r = &run{
		opts: opts, plan: plan, state: st,
		limiter:    newLimiter(opts),
		unanswered: unanswered(st),
		planned:    map[string]bool{},
		asides:     asides{ids: map[string]string{}, settled: map[string]bool{}},
		corrected:  map[string]state.App{},
		steps:      make([]Step, len(plan.Changes)),
	}
	for id, app := range st.Apps {
		r.keys.Store(app.AppKey, id)
	}
	for i, c := range plan.Changes {
		r.planned[c.App] = true
		r.steps[i] = Step{Change: c, Outcome: NotStarted}
	}
	r.inFlight, end = withDrain(ctx, opts.Drain)
	return r, end
}

// split separates the deletes of apps that left the manifest. They run last, so a run that stops
// early leaves too many apps rather than too few.
func (r *run) split() (early, late [][]Step) {
	rest := r.steps
	for _, changes := range r.plan.Chains() {
		n := len(changes)
		if changes[0].Action == planner.Delete && changes[0].Reason == planner.Removed {
			late = append(late, rest[:n])
		} else {
			early = append(early, rest[:n])
		}
		rest = rest[n:]
	}
	return early, late
}

// phase applies the chains, as many side by side as there may be requests, and returns when
// the last one has ended and is reported. The error is why the run stopped.
func (r *run) phase(ctx context.Context, chains [][]Step) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.chains, r.reports = chains, make(chan report, 2*r.opts.Parallelism)
	reported := make(chan error, 1)
	go func() { reported <- r.reportAll(stop) }()
	group, ctx := errgroup.WithContext(ctx)
	for range min(r.opts.Parallelism, len(chains)) {
		group.Go(func() error { return r.work(ctx) })
	}
	err := group.Wait()
	close(r.reports)
	if broken := <-reported; err == nil {
		err = broken
	}
	return err
}

// work applies one app after the other, and returns nil when there is none left. The error is
// a [*Stop].
func (r *run) work(ctx context.Context) (err error) {
	defer catch(&err)
	for t := r.next(); t != nil; t = r.next() {
		if stop := t.apply(ctx); stop != nil {
			r.retractAhead()
			return stop
		}
	}
	return nil
}

// next returns the app to go on with, nil when there is none. One whose intent is durable, or
// about to be, comes first.
func (r *run) next() *task {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ahead) == 0 {
		return r.take()
	}
	t := r.ahead[0]
	r.ahead = r.ahead[1:]
	return t
}

// prefetchNext journals the first intent of one more app, without waiting: it becomes durable
// while the present request is in flight. Whichever worker is free first takes that app.
func (r *run) prefetchNext() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.take(); t != nil {
		t.intend()
		r.ahead = append(r.ahead, t)
	}
}

// take returns the next app of the plan. The lock is held.
func (r *run) take() *task {
	if len(r.chains) == 0 {
		return nil
	}
	t := newTask(r, r.chains[0])
	r.chains = r.chains[1:]
	return t
}

// retractAhead takes back the intents that are ahead, because the run stops.
func (r *run) retractAhead() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.ahead {
		t.retract()
	}
	r.ahead, r.chains = nil, nil
}
