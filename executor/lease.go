package executor

import (
	"context"
	"errors"
	"time"

	"jpsync/state"
)

// leaseMargin is how long before the end of the lease the last request has to be through. It
// covers what passes between a look at the clock and the request.
const leaseMargin = time.Second

var (
	errNoTime    = errors.New("its lease has no time left for a request")
	errCutByTime = errors.New("the lease of the state was about to end")
)

// leaseOver is the reason to stop when another run may take over.
func leaseOver() error { return &Stop{StopLease, &state.LeaseError{Err: errNoTime}} }

// halted returns why the run stops, a *Stop, or nil.
func (r *run) halted(ctx context.Context) error {
	if err := stopped(ctx); err != nil {
		return err
	}
	if _, ok := r.deadline(); !ok {
		return leaseOver()
	}
	return nil
}

// deadline is when a request that starts now has to be through. ok is false when there is no
// time for one. The clock is read before the lease: whatever holds this process up in
// between makes the time shorter, never longer.
func (r *run) deadline() (end time.Time, ok bool) {
	now := time.Now()
	left := r.opts.Journal.Left() - leaseMargin
	return now.Add(left), left > 0
}

// attempt makes a call that has until end. An interrupt does not cancel it.
func attempt(ctx context.Context, end time.Time, call func(context.Context) error) error {
	ctx, cancel := context.WithDeadlineCause(context.WithoutCancel(ctx), end, errCutByTime)
	defer cancel()
	return call(ctx)
}
