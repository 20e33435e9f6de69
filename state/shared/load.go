package shared

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"jpsync/state"
)

const (
	// readers is how many entries are read side by side.
	readers = 32
	// looks is how often a log is read that seems to have gaps: a writer may fold and remove
	// entries between the listing and the reading.
	looks = 4
)

// load reads the newest snapshot and every entry after it. It needs no lock, and no right
// but to list and to read.
func (s *Store) load(ctx context.Context) (*view, error) { return s.loadAtLeast(ctx, 0) }

// loadAtLeast is load for a log that must reach number, because creating that entry met [ErrExists]. It
// returns [ErrStale] when the listing does not show it.
func (s *Store) loadAtLeast(ctx context.Context, number int64) (*view, error) {
	for look := 1; ; look++ {
		v, err := s.look(ctx)
		if err == nil && v.number < number {
			err = stale()
		}
		if err == nil {
			return v, nil
		}
		_, removed := errors.AsType[listedError](err)
		again := removed || errors.Is(err, state.ErrDamaged) || errors.Is(err, ErrStale) // not when the store does not answer
		if !again || look == looks {
			return nil, s.failed("read", err)
		}
		select {
		case <-ctx.Done():
			return nil, s.failed("read", errors.Join(err, ctx.Err()))
		case <-time.After(time.Duration(look) * 100 * time.Millisecond):
		}
	}
}

// listedError says that an object was listed but cannot be read. It may have been removed
// in between; some stores say "forbidden" then.
type listedError struct{ error }

func (e listedError) Unwrap() error { return e.error }

// readListed reads an object of a listing.
func (s *Store) readListed(ctx context.Context, e Entry) ([]byte, error) {
	body, err := s.read(ctx, e)
	if _, unavailable := errors.AsType[*UnavailableError](err); err == nil || unavailable || ctx.Err() != nil {
		return body, err
	}
	if errors.Is(err, ErrNotFound) {
		err = errors.New(e.Name + " is listed, but it is not there")
	}
	return nil, listedError{err}
}

// look reads the log once. A snapshot counts only when a fold entry after it names it: one
// without is what a writer left behind that was killed or fenced before its fold.
func (s *Store) look(ctx context.Context) (*view, error) {
	snapshots, _, err := s.list(ctx, statePrefix, "")
	if err != nil {
		return nil, err
	}
	bases := append([]Entry{{}}, snapshots...) // the first stands for the beginning of the log
	for i, base := range slices.Backward(bases) {
		v, err := s.lookFrom(ctx, base, false)
		if err != nil {
			return nil, s.blame(ctx, bases[i+1:], err)
		}
		if v != nil {
			v.snapshots = bases[1 : i+1]
			return v, nil
		}
	}
	panic("unreachable: the log without a snapshot is always a view")
}

// blame names what is damaged in a log that has these newer snapshots, which no fold names. Entries
// that seem missing may be part of a newer snapshot whose fold entry is damaged; then that entry is
// named.
func (s *Store) blame(ctx context.Context, newer []Entry, err error) error {
	if !errors.Is(err, state.ErrDamaged) {
		return err
	}
	for _, base := range slices.Backward(newer) {
		if _, damage := s.lookFrom(ctx, base, true); errors.Is(damage, state.ErrDamaged) {
			return damage
		}
	}
	return err
}

// lookFrom reads the snapshot base and the entries after it. It returns nil when no fold
// names that snapshot, unless it is to be read unnamed. The zero base stands for the beginning of
// the log.
func (s *Store) lookFrom(ctx context.Context, base Entry, unnamed bool) (*view, error) {
	number, err := numberOf(base.Name)
	if err != nil {
		return nil, err
	}
	listed, clock, err := s.list(ctx, logPrefix, logName(number))
	if err != nil {
		return nil, err
	}
	bodies, err := s.readAll(ctx, listed)
	if err != nil {
		return nil, err
	}
	v := &view{state: state.New(), number: number, clock: clock}
	if base.Name != "" {
		ref := foldOf(bodies, number)
		if ref == nil && !unnamed {
			return nil, nil
		}
		if err := s.readSnapshot(ctx, v, base, ref); err != nil {
			return nil, err
		}
	}
	before := v.state.Clone()
	for i, body := range bodies {
		if err := v.replay(listed[i], body, base.Name); err != nil {
			return nil, err
		}
	}
	if state.SameContent(before, v.state) {
		v.replayed = 0 // withdrawn intents alone: nothing to fold
	}
	return v, nil
}

// numberOf reads the number in an object's name; 0 for the empty name.
func numberOf(name string) (int64, error) {
	if name == "" {
		return 0, nil
	}
	number, err := strconv.ParseInt(name[strings.LastIndexByte(name, '/')+1:], 10, 64)
	if err != nil || number < 1 || (name != logName(number) && name != stateName(number)) {
		return 0, errors.New(name + " is no object of jpsync's: move it elsewhere")
	}
	return number, nil
}

func (s *Store) readAll(ctx context.Context, listed []Entry) ([][]byte, error) {
	bodies := make([][]byte, len(listed))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, e := range listed {
		group.Go(func() (err error) {
			bodies[i], err = s.readListed(ctx, e)
			return err
		})
	}
	err := group.Wait()
	return bodies, err
}

// foldOf returns how the entries pin the snapshot with this number. The entries are not
// verified yet; replay does that.
func foldOf(bodies [][]byte, number int64) *snapshotRef {
	for _, body := range bodies {
		if !bytes.Contains(body, []byte(`"type":"fold"`)) {
			continue
		}
		var e entry
		if json.Unmarshal(body, &e) == nil && e.Snapshot != nil && e.Snapshot.Number == number {
			return e.Snapshot
		}
	}
	return nil
}

// readSnapshot makes the view one of a snapshot alone. ref may be nil, and then does not pin it.
func (s *Store) readSnapshot(ctx context.Context, v *view, base Entry, ref *snapshotRef) error {
	body, err := s.readListed(ctx, base)
	if err != nil {
		return err
	}
	if ref != nil && fmt.Sprintf("%x", sha256.Sum256(body)) != ref.SHA256 {
		return damagedObject(base.Name, "the checksum is not the one that the log has")
	}
	v.state, err = state.Unmarshal(body)
	if e, ok := errors.AsType[*state.DamagedError](err); ok {
		return damagedObject(base.Name, e.Reason)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", base.Name, err)
	}
	v.sum = v.state.Journal
	return nil
}
