package state

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"sync"
	"time"
)

// Options say what [Begin] and [View] cannot know from the store.
type Options struct {
	// FS is where the journal is; nil is [OS].
	FS FS
	// Journal is the path of the journal. It may be empty for a [File], whose journal is
	// beside the state. A shared store needs a path on the local disk.
	Journal string
	// Holder is what others are told about who has the lock, and how long to wait for it.
	Holder Holder
	// NewID makes UUIDs for lineages and journals; nil makes random ones.
	NewID func() string
}

// Self describes this process. Name the command without its arguments.
func Self(command string, since time.Time) Holder {
	h := Holder{PID: os.Getpid(), Command: command, Since: since.UTC().Truncate(time.Second)}
	h.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	return h
}

func (o Options) complete(store Store) (Options, error) {
	if o.FS == nil {
		o.FS = OS{}
	}
	if o.NewID == nil {
		o.NewID = newUUID
	}
	if o.Journal != "" {
		return o, nil
	}
	local, ok := store.(interface{ JournalPath() (string, error) })
	if !ok {
		return o, fmt.Errorf("open the state %s: a shared store needs a path for its journal", store.Location())
	}
	var err error
	o.Journal, err = local.JournalPath()
	return o, err
}

// newUUID returns a random UUID: RFC 9562, version 4.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Run is the state under the lock, from [Begin] to Finish or Close.
//
//	run, err := state.Begin(ctx, store, opts)
//	defer run.Close()
//	err = run.Bind(endpoint, account)
//	plan(run.State())
//	err = run.Open(len(plan))                 // the first thing that touches the disk
//	ack, err := run.Intend(id, intent); err = ack.Wait()
//	send()
//	ack, err = run.Record(result); err = ack.Wait()
//	err = run.Finish(ctx)                     // else run.Recover(dirs...)
//
// Its methods may be called from several goroutines, but not Open, Finish, Update and Close
// beside others.
type Run struct {
	store   Store
	opts    Options
	release func() error

	mu       sync.Mutex
	saved    *State // as the store has it
	state    *State // as of now
	owned    bool   // the maps of state are its own, no longer those of saved
	bound    bool
	folded   int
	journal  *Journal
	id       string // of the journal
	reserved string // path of the file that keeps room for the end
	finished bool
	advance  bool // save at the end in any case
}

// Begin takes the store's lock and reads the state. A journal that an earlier run left is
// folded into the state first: its results are recorded, its unanswered intents become
// pending. A state that is new gets a lineage, which is written with its first change.
//
// Errors are [*LockedError], [ErrDamaged], [*NewerVersionError], [*ForeignJournalError],
// [*ConflictError], [*MismatchError] when the old journal is another account's, and what
// the store returns. The lock is free again then.
func Begin(ctx context.Context, store Store, opts Options) (*Run, error) {
	opts, err := opts.complete(store)
	if err != nil {
		return nil, err
	}
	release, err := store.Lock(ctx, opts.Holder)
	if err != nil {
		return nil, err
	}
	r := &Run{store: store, opts: opts, release: release}
	if err := r.load(ctx); err != nil {
		return nil, errors.Join(err, release())
	}
	return r, nil
}

func (r *Run) load(ctx context.Context) error {
	s, err := r.store.Read(ctx)
	if err != nil {
		return err
	}
	if s, err = r.foldOld(ctx, s); err != nil {
		return err
	}
	r.settle(s)
	if r.state.Lineage == "" {
		r.state.Lineage = r.opts.NewID()
	}
	return nil
}

// settle makes s both the saved state and the present one, which share their maps until
// something is recorded: most runs of a pipeline change nothing.
func (r *Run) settle(s *State) {
	now := *s
	r.saved, r.state, r.owned = s, &now, false
}

// take records an entry in the state as of now.
func (r *Run) take(en entry) {
	if !r.owned {
		r.state, r.owned = r.state.Clone(), true
	}
	r.state.take(en)
}

// foldOld folds the journal of an earlier run into the state, if there is one.
func (r *Run) foldOld(ctx context.Context, s *State) (*State, error) {
	path := r.opts.Journal
	if err := removeTemps(r.opts.FS, path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := tighten(r.opts.FS, path); err != nil {
		return nil, err
	}
	old, err := readJournal(r.opts.FS, path)
	if err != nil || old == nil {
		return s, err
	}
	next, err := fold(s, old)
	if err != nil {
		return nil, at(err, path)
	}
	if next == s {
		// The state that has it may not be durable yet: the run may have been killed before
		// it synced the directory.
		if err := r.opts.FS.SyncDir(filepath.Dir(path)); err != nil {
			return nil, err
		}
	} else if !sameApps(s, next) {
		next.Serial = max(s.Serial, old.header.Serial) + 1
		if err := r.store.Write(ctx, next); err != nil {
			return nil, fmt.Errorf("save what the journal %s has: %w", path, err)
		}
		r.folded = len(old.entries)
		s = next
	}
	return s, r.removeJournal()
}

// removeJournal is the last step of a fold: until then the journal can be folded again.
func (r *Run) removeJournal() error {
	path := r.opts.Journal
	err := r.opts.FS.Remove(path)
	if err == nil {
		err = r.opts.FS.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("the state is saved, but its journal %s cannot be removed: %w", path, err)
	}
	return nil
}

// Folded returns how many records of an earlier run's journal Begin folded into the state.
func (r *Run) Folded() int { return r.folded }

// Bind says which endpoint and account this run talks to. The state is bound to them with
// its first change. It returns a [*MismatchError] when it is bound to others.
func (r *Run) Bind(endpoint, account string) error {
	if endpoint == "" || account == "" {
		return errors.New("bind the state: the endpoint or the account is empty")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.state.bind(endpoint, account); err != nil {
		return err
	}
	r.bound = true
	return nil
}

// State returns a copy of the state as of now: with everything that was recorded since
// Begin, durable or not.
func (r *Run) State() *State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Clone()
}

// Saved returns the state as it was read, or last saved: without what was recorded since.
// One that was never saved has no lineage yet. It is no copy, since there may be a hundred
// thousand apps: it must not be changed.
func (r *Run) Saved() *State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.saved
}

// Update changes the state by hand, without requests: fn gets a copy and changes it. What
// it leaves is saved, with a backup of the state before and the serial one up, unless it is
// the same as before. It cannot be used in a run that has a journal.
func (r *Run) Update(ctx context.Context, fn func(*State) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.journal != nil || r.finished {
		return errors.New("change the state by hand: a journal is open, or the run has ended")
	}
	next := r.state.Clone()
	if err := fn(next); err != nil {
		return err
	}
	if next.Apps == nil || next.Lineage != r.state.Lineage {
		return errors.New("change the state by hand: the apps or the lineage got lost")
	}
	if sameApps(r.saved, next) && next.Endpoint == r.saved.Endpoint && next.Account == r.saved.Account {
		return nil
	}
	next.Serial = r.saved.Serial + 1
	if err := r.store.Write(ctx, next); err != nil {
		return err
	}
	r.settle(next)
	return nil
}

// Close gives the lock back. After Finish it does nothing. An open journal stays where it
// is, and the next Begin folds it.
func (r *Run) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished {
		return nil
	}
	r.finished = true
	var err error
	if r.journal != nil {
		err = r.journal.close()
	}
	return errors.Join(err, r.dropReserve(), r.release())
}
