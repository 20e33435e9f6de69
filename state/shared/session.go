package shared

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"jpsync/state"
)

const (
	// linger is how long a commit may wait for more records, since each one is a request.
	linger = 10 * time.Millisecond
	// lastTries is how long a commit is still tried once the lease is over; the fence makes that
	// safe.
	lastTries = 2 * time.Second
)

// session is a [state.Session]: what a run has while it is the writer.
type session struct {
	store     *Store
	writer    string
	epoch     int64
	holder    state.Holder
	openBody  []byte
	openStamp stamp // before the open entry was written

	// turn holds a token while nobody commits. The fields below belong to who has it. It is a
	// channel because the beat does not wait for it.
	turn      chan struct{}
	next      int64   // number of the next entry
	sum       string  // of the entry before it
	err       error   // why nothing can be appended any more
	removable []int64 // entries since the snapshot that may go once they are part of the next

	// Append, Fold and Purge have these, which are called one at a time; the beat does not.
	snapshots    []Entry // oldest first; the last is the one in force
	serial       int64   // of the newest snapshot
	size         int     // of the batches since the snapshot, in bytes
	snapshotSize int     // of the newest snapshot that this session made, in bytes

	renewed atomic.Pointer[stamp] // before the newest commit that succeeded
	lost    atomic.Bool

	stopBeat, beatDone chan struct{}
	closing            sync.Once
}

// numbered makes e the next entry of this session.
func (x *session) numbered(e entry) entry {
	e.Number, e.Writer, e.Epoch = x.next, x.writer, x.epoch
	if e.Type == typeOpen || e.Type == typeFold {
		e.Holder, e.LeaseMS = &x.holder, x.store.lease.Milliseconds()
	}
	return e
}

// advance takes an entry for written.
func (x *session) advance(e entry, sum string) {
	x.next, x.sum = e.Number+1, sum
	if e.removable() {
		x.removable = append(x.removable, e.Number)
	}
}

// Append implements [state.Session]. It returns a [*state.LeaseError] once somebody else is
// the writer, or when the store stays away until the lease is over.
func (x *session) Append(ctx context.Context, batch []state.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return x.append(entry{Type: typeBatch, Records: batch})
}

// append commits an entry once nobody else does.
func (x *session) append(e entry) error {
	<-x.turn
	defer func() { x.turn <- struct{}{} }()
	return x.commit(e, max(x.Left(), lastTries))
}

// commit appends one entry, and tries for as long as limit says. An interrupt does not end
// it: what was answered has to be recorded. It is the caller's turn.
func (x *session) commit(e entry, limit time.Duration) error {
	if x.err != nil {
		return x.err
	}
	e = x.numbered(e)
	body, sum, err := e.encode(x.sum)
	if err != nil {
		return err // nothing was sent, so nothing is broken
	}
	before := now()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err = x.store.create(ctx, logName(e.Number), body)
	switch {
	case err == nil:
		x.advance(e, sum)
		x.renewed.Store(&before)
		if e.Type == typeBatch {
			x.size += len(body)
		}
		return nil
	case errors.Is(err, ErrExists):
		x.err = &state.LeaseError{Location: x.store.Location(), Err: state.ErrFenced}
	default:
		x.err = &state.LeaseError{Location: x.store.Location(), Err: err}
	}
	x.lost.Store(true)
	return x.err
}

// Left implements [state.Session]. Once nothing is left it stays so: whoever slept through
// its lease cannot know what others did meanwhile.
func (x *session) Left() time.Duration {
	left := x.store.lease - x.idle()
	if x.lost.Load() || left <= 0 {
		x.lost.Store(true)
		return 0
	}
	return left
}

// foldAt is how large the batches since a snapshot grow before they are folded within a run,
// in bytes.
const foldAt = 64 << 20

// Full implements [state.Session].
func (x *session) Full() bool {
	return x.size > max(foldAt, x.snapshotSize)
}

// Linger implements [state.Session].
func (x *session) Linger() time.Duration { return linger }

// beat renews the lease while nothing else does.
func (x *session) beat() {
	defer close(x.beatDone)
	quarter := x.store.lease / 4
	timer := time.NewTimer(quarter)
	defer timer.Stop()
	for {
		select {
		case <-x.stopBeat:
			return
		case <-timer.C:
		}
		if idle := x.idle(); idle < quarter {
			timer.Reset(quarter - idle)
			continue
		}
		timer.Reset(quarter)
		select {
		case <-x.turn:
		default:
			continue // a commit is under way
		}
		err := x.commit(entry{Type: typeBeat}, max(x.Left(), lastTries))
		x.turn <- struct{}{}
		if err != nil {
			return
		}
	}
}

// idle is how long ago the last commit began.
func (x *session) idle() time.Duration { return x.renewed.Load().age(now()) }

// Close implements [state.Session]: it gives the lock back. A session that lost it has
// nothing to give.
func (x *session) Close() (err error) {
	x.closing.Do(func() {
		close(x.stopBeat)
		<-x.turn
		if x.err == nil {
			err = x.commit(entry{Type: typeClose}, closeTimeout)
			if lost, ok := errors.AsType[*state.LeaseError](err); ok {
				err = fmt.Errorf("give back the lock (it ends by itself within %s): %w", x.store.lease+leaseSlack, lost.Err)
			}
			if errors.Is(err, state.ErrFenced) {
				err = nil
			}
			x.err = errClosed
		}
		x.turn <- struct{}{}
		<-x.beatDone
	})
	return err
}

var errClosed = errors.New("the session is closed")
