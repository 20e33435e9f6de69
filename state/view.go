package state

import (
	"context"
	"fmt"
)

// viewTries is how often View looks again when a run ends while it looks.
const viewTries = 10

// View returns the state as it is, with the journal of a run that is under way or was
// interrupted folded in, and changes nothing: it takes no lock and works where nothing can
// be written. What such a run records later is not in it.
//
// Its errors are those of [Begin] but for the lock.
func View(ctx context.Context, store Store, opts Options) (*State, error) {
	opts, err := opts.complete(store)
	if err != nil {
		return nil, err
	}
	for range viewTries {
		s, settled, err := glance(ctx, store, opts)
		if settled || err != nil {
			return s, err
		}
	}
	return nil, fmt.Errorf("read the state %s: it changed %d times meanwhile; try again", store.Location(), viewTries)
}

// glance reads the journal and then the state. In this order a journal that is folded in
// between shows in the state. It has not settled when the journal is another one, or gone,
// afterwards: then the state may be of two runs later.
func glance(ctx context.Context, store Store, opts Options) (s *State, settled bool, err error) {
	before, journalErr := readJournal(opts.FS, opts.Journal)
	s, err = store.Read(ctx)
	if err != nil {
		return nil, false, err
	}
	if journalErr == nil && (before == nil || before.header.ID == s.Journal) {
		return s, true, nil
	}
	after, err := readJournal(opts.FS, opts.Journal)
	if journalErr != nil {
		if err == nil {
			return nil, false, nil
		}
		return nil, false, journalErr
	}
	if err != nil || after == nil || after.header.ID != before.header.ID {
		return nil, false, err
	}
	if s, err = fold(s, before); err != nil {
		return nil, false, at(err, opts.Journal)
	}
	return s, true, nil
}
