package shared

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"
)

// Errors of a place that cannot keep a lock.
var (
	// ErrUnconditional says that a store overwrites what it was told not to. Two runs at once
	// would both write there, so nothing is kept in it.
	ErrUnconditional = errors.New("the store ignores the condition that an object must not exist yet")
	// ErrClock says that the clock of a store's answers is not the clock of its objects, so
	// that nobody could tell when a lease ends.
	ErrClock = errors.New("the store's clocks disagree")
	// ErrStale says that a listing lacks what was there before it.
	ErrStale = errors.New("the store's listing lacks an object that was created before")
)

// errRenewed says that a lease that seemed to be over is not.
var errRenewed = errors.New("the holder has been at work since")

func stale() error {
	return fmt.Errorf("%w: use a store that lists what was written at once, and no cache before it", ErrStale)
}

// trust looks at a place before its lock is claimed.
func (s *Store) trust(ctx context.Context, v *view) error {
	checker, ok := s.place.(Checker)
	if !ok {
		return nil
	}
	err := s.patient(ctx, 0, checker.Check)
	if err == nil && checker.Experimental() != "" && !v.state.Exists() {
		err = Race(ctx, s.place)
	}
	return err
}

// prove makes sure that a place honours conditions and that its clock can be believed. It does so after
// a lock was claimed, until something is recorded there. It creates the open entry once more: a store
// that takes it ignores conditions.
func (s *Store) prove(ctx context.Context, v *view, x *session) error {
	if v.state.Exists() {
		return nil
	}
	name := logName(v.number + 1)
	err := s.patient(ctx, 0, func(ctx context.Context) error { return s.place.Create(ctx, name, x.openBody) })
	switch {
	case err == nil:
		return fmt.Errorf("%w: use a store that supports conditional writes, see docs/state.md", ErrUnconditional)
	case !errors.Is(err, ErrExists):
		return err
	}
	return s.proveClock(ctx, logName(v.number), name, x.openStamp)
}

// overdue reports that nobody gave the lock back: where it is free, its lease ran out.
func (v *view) overdue() bool { return v.number > 0 && v.last.Type != typeClose }

// proveOverdue makes sure that a lease is over before it is taken away: the clock that said so
// has to fit an object of a moment ago, and another look at the log has to say so too. With
// [errRenewed] the holder has been at work since.
func (s *Store) proveOverdue(ctx context.Context, number int64) error {
	name, before := scratchName(), now()
	if err := s.createPatiently(ctx, name, nil); err != nil {
		return err
	}
	err := s.proveClock(ctx, "", name, before)
	s.discard(ctx, name)
	if err != nil {
		return err
	}
	v, err := s.load(ctx)
	if err == nil && (!v.free() || v.number != number) {
		return errRenewed
	}
	return err
}

// proveLast makes sure that the log does not go on after an open entry of ours, or returns an
// [ErrExists]. It took a lease away, so its number need not have been free all the time: the holder
// may have used it, and a run after that have folded it away, whose own open is there for good.
func (s *Store) proveLast(ctx context.Context, number int64) error {
	later, _, err := s.list(ctx, logPrefix, logName(number))
	if err == nil && len(later) > 0 {
		err = ErrExists
	}
	return err
}

// proveClock looks whether the object name, which was created since the moment before, is
// as old as that by the store's own clock.
func (s *Store) proveClock(ctx context.Context, after, name string, before stamp) error {
	entries, clock, err := s.list(ctx, path.Dir(name)+"/", after)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return stale()
	}
	created := entries[i].Time
	age, most := clock.Sub(created), before.age(now())
	if age < -leaseSlack || age > most+leaseSlack {
		return fmt.Errorf("%w: it says that it is %s, and that an object of a moment ago is of %s: set the clocks of the store's servers, and of a proxy before them",
			ErrClock, clock.UTC().Format(time.RFC3339), created.UTC().Format(time.RFC3339))
	}
	return nil
}

// racers is how many callers create the same name at once in [Race].
const racers = 16

// racePrefix begins the names of objects that mean nothing.
const racePrefix = "race/"

func scratchName() string { return racePrefix + rand.Text() }

// discard removes a scratch object again, if that is allowed.
func (s *Store) discard(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = s.place.Remove(ctx, name)
}

// Race lets sixteen callers create one scratch object at once, of whom exactly one may win.
// It returns [ErrUnconditional] when several do, and what the place returns. The object is
// removed again if that is allowed.
func Race(ctx context.Context, place Place) error {
	s := &Store{place: place, lease: DefaultLease}
	name := scratchName()
	defer s.discard(ctx, name)
	var group sync.WaitGroup
	var errs [racers]error
	for i := range racers {
		group.Go(func() { errs[i] = s.createPatiently(ctx, name, racer(i)) })
	}
	group.Wait()
	winner, wins := 0, 0
	for i, err := range errs {
		switch {
		case err == nil:
			winner = i
			wins++
		case !errors.Is(err, ErrExists):
			return err
		}
	}
	if wins > 1 {
		return fmt.Errorf("%d of %d callers made the same object at once: %w: use a store that supports conditional writes, see docs/state.md", wins, racers, ErrUnconditional)
	}
	var left []byte
	err := s.patient(ctx, 0, func(ctx context.Context) (err error) { left, err = place.Read(ctx, name); return err })
	if err == nil && (wins == 0 || !bytes.Equal(left, racer(winner))) {
		err = errors.New("many callers made the same object at once, and the one that is there is not the winner's: use another store, see docs/state.md")
	}
	return err
}

// racer is what the caller with this number writes.
func racer(i int) []byte { return fmt.Appendf(nil, "%d", i) }
