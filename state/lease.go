package state

import (
	"errors"
	"fmt"
	"time"
)

// ErrFenced says that somebody else is the writer now.
var ErrFenced = errors.New("another run has taken over")

var errLeaseOver = errors.New("its lease is over")

// LeaseError says that a run is not the writer any more: its lease is over, another run took
// over, or the store stayed away for so long. Nothing more may be sent. What was answered and
// could not be recorded goes into a recovery file.
type LeaseError struct {
	Location string // may be empty
	Err      error  // ErrFenced, or the store's error
}

func (e *LeaseError) Error() string {
	if e.Location == "" {
		return fmt.Sprintf("lost the lock of the state: %v", e.Err)
	}
	return fmt.Sprintf("lost the lock of the state %s: %v", e.Location, e.Err)
}

// Unwrap returns the cause.
func (e *LeaseError) Unwrap() error { return e.Err }

// Left returns for how long this run is still the only writer: what is left of its lease, 0
// once that is over or lost. A lock on a local file lasts as long as the run does.
func (r *Run) Left() time.Duration { return r.session.Left() }

// lost returns a [*LeaseError] when this run may not be the only writer any more.
func (r *Run) lost() error {
	if err, ok := errors.AsType[*LeaseError](r.queue.err); ok {
		return err
	}
	if r.Left() <= 0 {
		return &LeaseError{Location: r.store.Location(), Err: errLeaseOver}
	}
	return nil
}
