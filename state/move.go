package state

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// MovedError refuses to work on a state that is in use elsewhere.
type MovedError struct {
	Location string // where it was looked for
	To       string // where it is
}

func (e *MovedError) Error() string {
	return fmt.Sprintf("the state %s has moved to %s: name that one in the manifest or with --state; if jpsync state copy was interrupted, run it again",
		e.Location, e.To)
}

// Moved returns a [*MovedError] for a state that was read at a location and is in use at
// another one.
func (s *State) Moved(location string) error {
	if s.MovedTo == "" {
		return nil
	}
	return &MovedError{Location: location, To: s.MovedTo}
}

// Exists reports whether the state was ever written.
func (s *State) Exists() bool { return s.Lineage != "" }

// ErrOccupied says that another state is where one was to be written.
var ErrOccupied = errors.New("there is another state")

// Copy moves a whole state from one store to another one, which has none yet, or has this
// state marked as moved. The old one stays where it is, marked as moved. It does nothing when
// the state has moved there already.
//
// Both locks are held meanwhile. First the copy is written, marked as moved itself; then the
// old state is marked; then the copy's mark goes. So wherever it is interrupted, at most one
// of the two can be used, and calling it again completes it.
func Copy(ctx context.Context, from, to Store, opts Options) (err error) {
	opts.AllowMoved = true
	source, err := Begin(ctx, from, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := Begin(ctx, to, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()

	fromPlace, toPlace := place(from), place(to)
	original, existing := source.snapshot, target.snapshot
	// Encrypted once, so that both have the same text in the place of a secret.
	encrypted, err := opts.Recipients.encryptState(original)
	if err != nil {
		return err
	}
	switch {
	case !encrypted.Exists():
		return fmt.Errorf("there is no state at %s", from.Location())
	case existing.Exists() && existing.Lineage != encrypted.Lineage:
		return fmt.Errorf("%w at %s: name a location that has none", ErrOccupied, to.Location())
	case encrypted.MovedTo == toPlace && existing.Exists() && existing.MovedTo == "":
		return nil // an earlier call came to its end
	case encrypted.MovedTo == toPlace && existing.MovedTo == fromPlace && SameContent(withoutSecrets(encrypted), withoutSecrets(existing)):
		// An earlier call marked both: all of it again, since what follows a mark may be missing.
	case encrypted.MovedTo != "":
		return encrypted.Moved(from.Location())
	case existing.Exists() && existing.MovedTo == "":
		return fmt.Errorf("%w at %s: it has the same lineage and is in use too; keep the one with the answers, and move the other away", ErrOccupied, to.Location())
	}
	if err := target.replace(ctx, encrypted, fromPlace); err != nil {
		return err
	}
	if err := source.replace(ctx, encrypted, toPlace); err != nil {
		return err
	}
	if _, local := from.(*File); local || encrypted != original {
		// A backup must not be taken for the state, nor keep a secret in clear.
		if err := source.session.Purge(ctx); err != nil {
			return err
		}
	}
	return target.replace(ctx, encrypted, "")
}

// withoutSecrets returns a copy of the state that has no master secrets. An encrypted one has
// another text each time.
func withoutSecrets(s *State) *State {
	c := s.Clone()
	for id, app := range c.Apps {
		app.MasterSecret = ""
		c.Apps[id] = app
	}
	return c
}

// place is how a mark names a store: a file's path does not depend on the working directory.
func place(s Store) string {
	if _, ok := s.(*File); ok {
		if path, err := filepath.Abs(s.Location()); err == nil {
			return path
		}
	}
	return s.Location()
}
