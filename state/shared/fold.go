package shared

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"jpsync/state"
)

// keptSnapshots is how many snapshots stay, the newest included, to go back to. Each has another
// serial.
const keptSnapshots = 10

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
		if err = x.append(entry{Type: typeBeat}); err == nil {
			ref, size, err = x.snapshot(ctx, s)
		}
	}
	if err != nil {
		return err
	}
	if err := x.append(entry{Type: typeFold, Snapshot: &ref}); err != nil {
		return err
	}
	x.size, x.snapshotSize = 0, size
	gone := x.folded(ref.Number)
	if last := len(x.snapshots) - 1; last >= 0 && s.Serial == x.serial { // the same state once more
		gone, x.snapshots = append(gone, x.snapshots[last].Name), x.snapshots[:last]
	}
	x.snapshots, x.serial = append(x.snapshots, Entry{Name: stateName(ref.Number), Size: int64(size)}), s.Serial
	_ = x.remove(ctx, append(gone, x.surplus()...)) // the next purge finds what is left
	return nil
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
	ctx, cancel := context.WithTimeout(ctx, max(x.Left(), lastTries)+transferTime(len(body)))
	defer cancel()
	if err := x.store.create(ctx, stateName(number), body); err != nil {
		if x.Left() <= 0 {
			return ref, 0, &state.LeaseError{Location: x.store.Location(), Err: err}
		}
		return ref, 0, x.store.failed("write", err)
	}
	return snapshotRef{Number: number, SHA256: fmt.Sprintf("%x", sha256.Sum256(body))}, len(body), nil
}

// folded takes the entries that are part of the snapshot off the list of those that may go.
func (x *session) folded(number int64) (names []string) {
	<-x.turn
	defer func() { x.turn <- struct{}{} }()
	for len(x.removable) > 0 && x.removable[0] <= number {
		names = append(names, logName(x.removable[0]))
		x.removable = x.removable[1:]
	}
	return names
}

// Earlier implements [state.Session]: the oldest snapshot, the one before the newest, and the oldest of
// the entries that should have been removed before those.
func (x *session) Earlier(ctx context.Context) ([]byte, error) {
	last := len(x.snapshots) - 1
	if last < 0 {
		return nil, nil
	}
	included, err := x.included(ctx, x.snapshots[0])
	if err != nil {
		return nil, err
	}
	var earlier []Entry
	for i := 1; i < len(included) && len(earlier) < readers; i++ {
		// The entry before an open is gone, unless none was removed there.
		if number, _ := numberOf(included[i-1].Name); included[i].Name == logName(number+1) {
			earlier = append(earlier, included[i])
		}
	}
	if last > 0 {
		earlier = append(earlier, x.snapshots[0], x.snapshots[last-1]) // one and the same, if there are two
	}
	bodies, err := x.store.readAll(ctx, slices.Compact(earlier))
	return bytes.Join(bodies, nil), err
}

// included lists the entries that are part of a snapshot and still there.
func (x *session) included(ctx context.Context, snapshot Entry) ([]Entry, error) {
	entries, _, err := x.store.list(ctx, logPrefix, "")
	after := logPrefix + strings.TrimPrefix(snapshot.Name, statePrefix)
	return entries[:sort.Search(len(entries), func(i int) bool { return entries[i].Name > after })], err
}

// Purge implements [state.Session]. It removes every earlier snapshot and every entry
// that is part of the newest, also those that an earlier run failed to remove, and looks whether they
// are gone. Open entries stay: there is no secret in them.
func (x *session) Purge(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	names, err := x.superfluous(ctx)
	if err != nil || len(names) == 0 {
		return err
	}
	reason := cmp.Or(x.remove(ctx, names), errKept)
	names, err = x.superfluous(ctx)
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("%d earlier objects, which may hold secrets, remain in %s, such as %s: %w; run this again when they can be removed, or delete them by hand",
			len(names), x.store.Location(), names[0], reason)
	}
	return err
}

// errKept is why objects remain when the store says nothing: some leave out what may not be removed.
var errKept = errors.New("grant the right to delete")

// superfluous names what our newest snapshot has made superfluous and is still there.
func (x *session) superfluous(ctx context.Context) (names []string, err error) {
	newest := x.snapshots[len(x.snapshots)-1]
	snapshots, _, err := x.store.list(ctx, statePrefix, "")
	if err != nil {
		return nil, err
	}
	for _, e := range snapshots {
		if e.Name < newest.Name { // a later one is of who took over
			names = append(names, e.Name)
		}
	}
	included, err := x.included(ctx, newest)
	if err != nil {
		return nil, err
	}
	bodies, err := x.store.readAll(ctx, included)
	if err != nil {
		return nil, err
	}
	for i, body := range bodies {
		if !bytes.Contains(body, []byte(`"type":"open"`)) {
			names = append(names, included[i].Name)
		}
	}
	return names, nil
}

// surplus takes the oldest snapshots off the list that are not kept.
func (x *session) surplus() (names []string) {
	for len(x.snapshots) > keptSnapshots {
		names, x.snapshots = append(names, x.snapshots[0].Name), x.snapshots[1:]
	}
	return names
}

// remove removes objects, as long as we are the writer. The beat goes on meanwhile.
func (x *session) remove(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	if x.Left() == 0 {
		return &state.LeaseError{Location: x.store.Location(), Err: errors.New("its lease is over")}
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return x.store.place.Remove(ctx, names...)
}
