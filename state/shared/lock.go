package shared

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"jpsync/state"
)

// Limits of a lease.
const (
	DefaultLease = 2 * time.Minute
	MinLease     = 5 * time.Second
	leaseSlack   = 2 * time.Second // what others wait beyond the lease
)

// lockPoll is how often somebody who waits for the lock looks again.
const lockPoll = time.Second

// longLog is after how many entries that may go a log without news is folded: runs that change
// nothing leave entries too, and each look at the log reads all of them.
const longLog = 200

// closeTimeout bounds the close entry, not the wait for a beat under way. An interrupted claim and the
// removal of a scratch object have as long.
const closeTimeout = 5 * time.Second

// Store is a [state.Store] on a [Place].
type Store struct {
	place Place
	lease time.Duration
}

// New returns the store at a place. lease is how long this process may be silent before
// others take over, at least [MinLease]; 0 means [DefaultLease].
func New(place Place, lease time.Duration) (*Store, error) {
	if lease == 0 {
		lease = DefaultLease
	}
	if lease < MinLease {
		return nil, fmt.Errorf("a lease of %s is too short: --lease takes at least %s", lease, MinLease)
	}
	return &Store{place: place, lease: lease}, nil
}

// Location implements [state.Store].
func (s *Store) Location() string { return s.place.Location() }

// Load implements [state.Store].
func (s *Store) Load(ctx context.Context) (*state.State, error) {
	v, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	return v.state, nil
}

// Open implements [state.Store]. Errors are a [*state.LockedError] once holder.Wait is over,
// [ErrUnconditional] for a store that ignores conditions, [ErrStale] for one whose listing does not
// show who has the lock, [ErrClock] for one whose clocks disagree, damage, and what the place returns.
func (s *Store) Open(ctx context.Context, holder state.Holder) (state.Session, *state.State, int, error) {
	deadline := time.Now().Add(holder.Wait)
	var taken int64 // the number that somebody was faster to take
	for {
		v, err := s.loadAtLeast(ctx, taken)
		if errors.Is(err, ErrStale) && time.Now().Before(deadline) {
			continue
		}
		if err != nil {
			return nil, nil, 0, err
		}
		if v.free() {
			session, err := s.lock(ctx, v, holder)
			if errors.Is(err, ErrExists) {
				taken = v.number + 1 // look who
				continue
			}
			if errors.Is(err, errRenewed) {
				continue
			}
			if err != nil {
				return nil, nil, 0, err
			}
			return session, v.state, v.replayed, nil
		}
		wait := min(time.Until(deadline), lockPoll)
		if wait <= 0 {
			return nil, nil, 0, v.locked(s.Location())
		}
		select {
		case <-ctx.Done():
			return nil, nil, 0, s.failed("lock", ctx.Err())
		case <-time.After(wait):
		}
	}
}

// lock claims a lock that is free, from a place that proves that it can keep one.
func (s *Store) lock(ctx context.Context, v *view, holder state.Holder) (*session, error) {
	err := s.trust(ctx, v)
	if err == nil && v.overdue() {
		err = s.proveOverdue(ctx, v.number)
	}
	if err != nil {
		return nil, s.failed("lock", err)
	}
	session, err := s.claim(ctx, v, holder)
	if err != nil {
		return nil, err
	}
	err = s.prove(ctx, v, session)
	if err == nil && len(v.removable) >= longLog && v.replayed == 0 && v.state.Exists() {
		err = session.Fold(ctx, v.state)
	}
	if err != nil {
		_ = session.Close()
		return nil, s.failed("lock", err)
	}
	return session, nil
}

func (v *view) locked(location string) *state.LockedError {
	return &state.LockedError{Path: location, Holder: *v.writer.Holder, Until: v.until()}
}

// Lease is the lock that somebody has: who, until when, and for which session.
type Lease struct {
	*state.LockedError
	writer string
}

// Holder returns the lease of whoever has the lock, or nil when nobody has it.
func (s *Store) Holder(ctx context.Context) (*Lease, error) {
	v, err := s.load(ctx)
	if err != nil || v.free() {
		return nil, err
	}
	return &Lease{v.locked(s.Location()), v.writer.Writer}, nil
}

// ErrOtherHolder says that the lock has passed on to somebody else.
var ErrOtherHolder = errors.New("another run has the lock by now")

// Unlock ends a lease at once: it takes over and gives the lock back. The one who had it is
// out with its next commit. It does nothing when nobody has the lock, and returns an
// [ErrOtherHolder] when somebody has whom the lease does not name. self is who unlocks.
func (s *Store) Unlock(ctx context.Context, lease *Lease, self state.Holder) error {
	var taken int64
	for {
		v, err := s.loadAtLeast(ctx, taken)
		if err != nil || v.free() {
			return err
		}
		if v.writer.Writer != lease.writer {
			return s.failed("unlock", fmt.Errorf("%w, so nothing was unlocked: %w", ErrOtherHolder, v.locked(s.Location())))
		}
		session, err := s.claim(ctx, v, self)
		if errors.Is(err, ErrExists) {
			taken = v.number + 1 // it is at work: once more
			continue
		}
		if err != nil {
			return err
		}
		return session.Close()
	}
}

// claim creates the next entry as an open of ours. An [ErrExists] says that somebody else was
// faster.
func (s *Store) claim(ctx context.Context, v *view, holder state.Holder) (*session, error) {
	before := now()
	x := &session{
		store:     s,
		writer:    rand.Text(),
		epoch:     v.last.Epoch + 1,
		holder:    holder,
		next:      v.number + 1,
		sum:       v.sum,
		removable: v.removable,
		snapshots: v.snapshots,
		serial:    v.state.Serial,
		openStamp: before,
		turn:      make(chan struct{}, 1),
		stopBeat:  make(chan struct{}),
		beatDone:  make(chan struct{}),
	}
	x.renewed.Store(&before)
	open := x.numbered(entry{Type: typeOpen})
	body, sum, err := open.encode(x.sum)
	if err != nil {
		return nil, err
	}
	// An interrupt must not leave an open behind that nobody closes. It ends a store's silence all the same.
	creating, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(closeTimeout, cancel) })()
	if err := s.createPatiently(creating, logName(open.Number), body); err != nil {
		return nil, s.failed("lock", err)
	}
	x.openBody = body
	x.advance(open, sum)
	if err = ctx.Err(); err == nil && v.overdue() {
		err = s.proveLast(ctx, open.Number)
	}
	if errors.Is(err, ErrExists) {
		return nil, s.failed("lock", err) // nothing is ours to give back
	}
	x.turn <- struct{}{}
	go x.beat()
	if err != nil {
		_ = x.Close()
		return nil, s.failed("lock", err)
	}
	return x, nil
}

// failed says what was tried, and where.
func (s *Store) failed(what string, err error) error {
	return fmt.Errorf("%s the state %s: %w", what, s.Location(), err)
}
