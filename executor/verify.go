package executor

import (
	"context"
	"time"

	"jpsync/planner"
	"jpsync/state"
)

// verify is the action of the steps of [Verify]. No plan has it.
const verify planner.Action = "verify"

// Pair is an app's key pair.
type Pair struct {
	App          string // the id
	AppKey       string
	MasterSecret string
}

// Verify asks the service about each pair, several side by side, with the limits and retries
// of [Apply]. ask makes one attempt, and its errors are expected to be [*jpush.Error]. Nothing
// changes and nothing is journaled, so opts needs no API and no Journal. No two pairs have one id.
//
// The steps of the result are in the order of the pairs, each Verified, Failed, Unknown when it
// was not answered, or NotStarted.
func Verify(ctx context.Context, pairs []Pair, ask func(context.Context, Pair) error, opts Options) *Result {
	opts.Journal = noJournal{}
	plan := &planner.Plan{Changes: make([]planner.Change, len(pairs))}
	byID := make(map[string]Pair, len(pairs))
	for i, p := range pairs {
		byID[p.App] = p
		plan.Changes[i] = planner.Change{Action: verify, App: p.App, AppKey: p.AppKey}
	}
	r, end := newRun(ctx, plan, state.New(), opts)
	defer end()
	r.verify = func(ctx context.Context, id string) error { return ask(ctx, byID[id]) }
	early, _ := r.split()
	return r.result(r.phase(ctx, early))
}

// noJournal is the journal of a run that changes nothing.
type noJournal struct{}

func (noJournal) Append(state.Record) (wait func() error) { panic("nothing changes") }
func (noJournal) Left() time.Duration                     { return state.NoEnd }

func (t *task) verify(ctx context.Context) (ok bool, stop *Stop) {
	a, stop := t.send(ctx, func(ctx context.Context) error { return t.run.verify(ctx, t.id()) })
	if stop != nil || a.err != nil {
		return false, t.endUnsuccessful(a, stop, a.unknown)
	}
	s := t.step()
	s.Outcome, s.Attempts = Verified, a.attempts
	t.run.report(noWait, s, Event{Type: ApplyComplete, Step: *s})
	return true, nil
}
