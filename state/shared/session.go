package shared

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"jpsync/state"
)

const (
	// linger is how long a commit may wait for more records, since each one is a request.
	linger = 10 * time.Millisecond
	// lastTries is how long answers are tried to be recorded when the lease is over: the fence
	// keeps that harmless.
	lastTries = 2 * time.Second
	// keptSnapshots is how many snapshots stay, the newest included, to go back to.
	keptSnapshots = 10
)

// session is a [state.Session]: what a run has while it is the writer.
type session struct {
	store  *Store
	writer string
	epoch  int64
	holder state.Holder
	opened []byte // the body of the open entry

	// turn holds a token while nobody commits. The fields below belong to who has it.
	turn    chan struct{}
	next    int64    // number of the next entry
	sum     string   // of the entry before it
	err     error    // why nothing can be appended any more
	entries []logged // since the snapshot
	old     []string // snapshots before

	size         int // of the batches since the snapshot, in bytes
	snapshotSize int // of the newest snapshot that this session made, in bytes

	leaseMu sync.Mutex
	renewed stamp // before the newest commit that succeeded
	lost    bool

	stopBeat, beatDone chan struct{}
	closing            sync.Once
}

// entry is the next one of a type.
func (x *session) entry(kind entryType) entry {
	e := entry{Number: x.next, Type: kind, Writer: x.writer, Epoch: x.epoch}
	if kind == typeOpen || kind == typeFold {
		e.Holder, e.LeaseMS = &x.holder, x.store.lease.Milliseconds()
	}
	return e
}

// advance takes an entry for written.
func (x *session) advance(e entry, sum string) {
	x.next, x.sum = e.Number+1, sum
	x.entries = append(x.entries, logged{number: e.Number, open: e.Type == typeOpen})
}

// Append implements [state.Session]. It returns a [*state.LeaseError] once somebody else is
// the writer, or when the store stays away until the lease is over.
func (x *session) Append(ctx context.Context, batch []state.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	<-x.turn
	defer func() { x.turn <- struct{}{} }()
	e := x.entry(typeBatch)
	e.Records = batch
	return x.commit(e, max(x.Left(), lastTries))
}

// commit appends one entry, and tries for as long as limit says. An interrupt does not end
// it: what was answered has to be recorded. It is the caller's turn.
func (x *session) commit(e entry, limit time.Duration) error {
	if x.err != nil {
		return x.err
	}
	body, sum, err := e.encode(x.sum)
	if err != nil {
		return err // nothing was sent, so nothing is broken
	}
	before := x.store.now()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err = x.store.create(ctx, logName(e.Number), body)
	switch {
	case err == nil:
		x.advance(e, sum)
		x.renew(before)
		if e.Type == typeBatch {
			x.size += len(body)
		}
		return nil
	case errors.Is(err, ErrExists):
		x.err = &state.LeaseError{Location: x.store.Location(), Err: state.ErrFenced}
	default:
		x.err = &state.LeaseError{Location: x.store.Location(), Err: err}
	}
	x.lose()
	return x.err
}

func (x *session) renew(since stamp) {
	x.leaseMu.Lock()
	defer x.leaseMu.Unlock()
	x.renewed = since
}

func (x *session) lose() {
	x.leaseMu.Lock()
	defer x.leaseMu.Unlock()
	x.lost = true
}

// Left implements [state.Session]. Once nothing is left it stays so: whoever slept through
// its lease cannot know what others did meanwhile.
func (x *session) Left() time.Duration {
	x.leaseMu.Lock()
	defer x.leaseMu.Unlock()
	left := x.store.lease - x.renewed.age(x.store.now())
	if x.lost || left <= 0 {
		x.lost = true
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
		err := x.commit(x.entry(typeBeat), max(x.Left(), lastTries))
		x.turn <- struct{}{}
		if err != nil {
			return
		}
	}
}

// idle is how long ago the last commit began.
func (x *session) idle() time.Duration {
	x.leaseMu.Lock()
	defer x.leaseMu.Unlock()
	return x.renewed.age(x.store.now())
}

// Fold implements [state.Session]: it makes a snapshot, and a fold entry that gives it
// force. Until the entry is there the snapshot means nothing. The beat goes on meanwhile. s
// gets the checksum of the last entry that it includes.
func (x *session) Fold(ctx context.Context, s *state.State) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	ref, size, err := x.snapshot(ctx, s)
	if errors.Is(err, ErrExists) {
		// A fold of ours failed after its snapshot was made, with another state. The next
		// number is free: nobody but us makes snapshots now.
		if err = x.append(typeBeat, nil); err == nil {
			ref, size, err = x.snapshot(ctx, s)
		}
	}
	if err != nil {
		return err
	}
	if err := x.append(typeFold, &ref); err != nil {
		return err
	}
	x.size, x.snapshotSize = 0, size
	x.tidy(ctx, ref.Number)
	return nil
}

// append commits an entry without records.
func (x *session) append(kind entryType, ref *snapshotRef) error {
	<-x.turn
	defer func() { x.turn <- struct{}{} }()
	e := x.entry(kind)
	e.Snapshot = ref
	return x.commit(e, max(x.Left(), lastTries))
}

// snapshot makes the snapshot of the state after the last entry.
func (x *session) snapshot(ctx context.Context, s *state.State) (ref snapshotRef, size int, err error) {
	<-x.turn
	number, sum, err := x.next-1, x.sum, x.err
	x.turn <- struct{}{}
	if err != nil {
		return ref, 0, err
	}
	s.Journal = sum
	body, err := state.Marshal(s)
	if err != nil {
		return ref, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, max(x.Left(), lastTries)+moving(len(body)))
	defer cancel()
	if err := x.store.create(ctx, stateName(number), body); err != nil {
		if x.Left() <= 0 {
			return ref, 0, &state.LeaseError{Location: x.store.Location(), Err: err}
		}
		return ref, 0, x.store.failed("write", err)
	}
	hash := sha256.Sum256(body)
	return snapshotRef{Number: number, SHA256: hex.EncodeToString(hash[:])}, len(body), nil
}

// tidy removes what the snapshot with this number made superfluous. It is no matter if that
// fails.
func (x *session) tidy(ctx context.Context, number int64) {
	x.remove(ctx, append(x.folded(number), x.surplus(keptSnapshots)...))
}

// folded takes the entries that are part of the snapshot off the list, and names those that
// can go: never an open, whose number would be free again for a writer who sleeps.
func (x *session) folded(number int64) (names []string) {
	<-x.turn
	defer func() { x.turn <- struct{}{} }()
	var kept []logged
	for _, e := range x.entries {
		switch {
		case e.number > number:
			kept = append(kept, e)
		case !e.open:
			names = append(names, logName(e.number))
		}
	}
	x.entries = kept
	x.old = append(x.old, stateName(number))
	return names
}

// Purge implements [state.Session]. It removes every snapshot but the newest and every entry
// that is part of it, also those that an earlier run failed to remove, and looks whether they
// are gone. Open entries stay: there is no secret in them.
func (x *session) Purge(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	x.surplus(1)
	names, err := x.superfluous(ctx)
	if err != nil || len(names) == 0 {
		return err
	}
	x.remove(ctx, names)
	if names, err = x.superfluous(ctx); err == nil && len(names) > 0 {
		err = fmt.Errorf("%d objects with earlier secrets remain in %s, such as %s: grant the right to delete and run this again, or delete them by hand",
			len(names), x.store.Location(), names[0])
	}
	return err
}

// superfluous names what the newest snapshot has made superfluous and is still there.
func (x *session) superfluous(ctx context.Context) (names []string, err error) {
	newest := x.old[len(x.old)-1]
	snapshots, _, err := x.store.list(ctx, statePrefix, "")
	if err != nil {
		return nil, err
	}
	for _, e := range snapshots {
		if e.Name != newest {
			names = append(names, e.Name)
		}
	}
	entries, _, err := x.store.list(ctx, logPrefix, "")
	if err != nil {
		return nil, err
	}
	last := logPrefix + strings.TrimPrefix(newest, statePrefix)
	folded := entries[:sort.Search(len(entries), func(i int) bool { return entries[i].Name > last })]
	bodies, err := x.store.readAll(ctx, folded)
	if err != nil {
		return nil, err
	}
	for i, body := range bodies {
		if !bytes.Contains(body, []byte(`"type":"open"`)) {
			names = append(names, folded[i].Name)
		}
	}
	return names, nil
}

// surplus takes the oldest snapshots off the list until so many are left.
func (x *session) surplus(kept int) []string {
	<-x.turn
	defer func() { x.turn <- struct{}{} }()
	n := max(0, len(x.old)-kept)
	names := x.old[:n]
	x.old = x.old[n:]
	return names
}

// remove removes objects, as long as we are the writer. The beat goes on meanwhile.
func (x *session) remove(ctx context.Context, names []string) {
	if len(names) == 0 || x.Left() == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	_ = x.store.place.Remove(ctx, names...)
}

// Close implements [state.Session]: it gives the lock back. A session that lost it has
// nothing to give.
func (x *session) Close() (err error) {
	x.closing.Do(func() {
		close(x.stopBeat)
		<-x.turn
		if x.err == nil {
			err = x.commit(x.entry(typeClose), closeTimeout)
			if lost, ok := errors.AsType[*state.LeaseError](err); ok {
				err = fmt.Errorf("give the lock of the state back, which ends by itself within %s: %w", x.store.lease+leaseSlack, lost.Err)
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
