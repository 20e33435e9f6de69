package state

import (
	"context"
	"errors"
	"fmt"
)

// Update changes the state by hand, without requests: fn gets a copy and changes it. What
// it leaves is saved, with a backup of the state before and the serial up, unless it is
// the same as before. It cannot be used in a run that was started.
func (r *Run) Update(ctx context.Context, fn func(*State) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queue != nil || r.finished {
		return errors.New("change the state by hand: the run has started, or has ended")
	}
	next := r.state.Clone()
	if err := fn(next); err != nil {
		return err
	}
	if next.Apps == nil || next.Lineage != r.state.Lineage {
		return errors.New("change the state by hand: the apps or the lineage got lost")
	}
	for id, a := range next.Apps {
		next.Apps[id] = a.asWritten()
	}
	if SameContent(r.snapshot, next) && next.Endpoint == r.snapshot.Endpoint && next.Account == r.snapshot.Account {
		return nil
	}
	next.Serial = max(next.Serial, r.snapshot.Serial) + 1
	return r.write(ctx, next)
}

// Replace makes another state the one of this run, whatever was there. It is in use then,
// also if one of the two was marked as moved. The serial only goes up. It cannot be used in a
// run that was started.
func (r *Run) Replace(ctx context.Context, s *State) error { return r.replace(ctx, s, "") }

func (r *Run) replace(ctx context.Context, s *State, movedTo string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queue != nil || r.finished {
		return errors.New("replace the state: the run has started, or has ended")
	}
	next := s.Clone()
	next.Journal, next.MovedTo = "", movedTo
	next.Serial = max(next.Serial, r.snapshot.Serial+1)
	return r.write(ctx, next)
}

// write saves a state with which a run can begin again.
func (r *Run) write(ctx context.Context, next *State) error {
	if err := next.writable(); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	next, err := r.fold(ctx, next)
	if err != nil {
		return err
	}
	r.setSnapshot(next)
	return nil
}

// Rekey encrypts every secret anew, for the run's recipients alone, and saves the state. The
// identities have to open what is encrypted now; otherwise nothing changes. Earlier snapshots
// go, as far as the store lets go of them: they are for the recipients before, or clear.
func (r *Run) Rekey(ctx context.Context, identities Identities) error {
	if !r.Encrypts() {
		return errors.New("encrypt the secrets anew: there are no recipients")
	}
	err := r.Update(ctx, func(s *State) error {
		return RewriteSecrets(s.Apps, func(secret string) (string, error) {
			plain, err := identities.Decrypt(secret)
			if err != nil {
				return "", err
			}
			return r.opts.Recipients.Encrypt(plain)
		})
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unpurged = nil // the error says it
	return r.session.Purge(ctx)
}
