package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Options say what [Begin] cannot know from the store.
type Options struct {
	// FS is where recovery files are written and read; nil is [OS].
	FS FS
	// Holder is what others are told about who has the lock, and how long to wait for it.
	Holder Holder
	// NewID makes UUIDs for lineages and recovery files; nil makes random ones.
	NewID func() string
	// Recipients are who can read the master secrets that are written from now on. With any, no
	// secret is written in clear: new ones are encrypted at once, those that the state still has
	// in clear with the next snapshot. What is encrypted for others stays so until [Run.Rekey].
	Recipients Recipients
	// Check refuses a state that was read, before anything is written; nil takes any.
	Check func(*State) error
	// AllowMoved does not refuse a state that is in use elsewhere: see [Copy].
	AllowMoved bool
}

// Run is the state under the lock, from [Begin] to Finish or Close.
//
//	run, err := state.Begin(ctx, store, opts)
//	defer run.Close()
//	err = run.Bind(endpoint, account)
//	plan(run.Snapshot())
//	err = run.Start(ctx)                                         // the first record on the disk
//	err = run.Append(state.Record{ID: id, Intent: &intent})()    // wait: it is durable
//	send()
//	err = run.Append(state.Record{ID: id, Result: &result})()
//	err = run.Finish(ctx)                                        // else run.WriteRecovery(dirs...)
//
// Append, Left, State and Snapshot are safe for concurrent use. Any other method has to be the only
// one that runs.
type Run struct {
	store    Store
	session  Session
	opts     Options
	replayed int
	unpurged error

	mu       sync.Mutex
	snapshot *State // as it was read, or last saved
	state    *State // as of now
	bound    bool
	finished bool
	advance  bool // save at the end in any case

	queue *queue // nil: nothing was appended yet
}

// Begin takes the store's lock and reads the state. A journal that an earlier run left is
// folded into it first: its results are recorded, its intents without a result are pending. A
// backup with secrets in clear goes once the state has none.
// A state that is new gets a lineage, which is written with its first change.
//
// Begin returns the errors of [Store.Open], opts.Check and the fold, or a [*MovedError]. A state that
// could not be saved again is an [ErrDamaged]. On error it releases the lock.
func Begin(ctx context.Context, store Store, opts Options) (*Run, error) {
	if opts.FS == nil {
		opts.FS = OS{}
	}
	if opts.NewID == nil {
		opts.NewID = newUUID
	}
	session, s, replayed, err := store.Open(ctx, opts.Holder)
	if err != nil {
		return nil, err
	}
	if err := s.Moved(store.Location()); err != nil && !opts.AllowMoved {
		return nil, errors.Join(err, session.Close())
	}
	if opts.Check != nil {
		if err := opts.Check(s); err != nil {
			return nil, errors.Join(err, session.Close())
		}
	}
	if err := s.writable(); err != nil {
		err = fmt.Errorf("read %s: %w", store.Location(), &DamagedError{Document: docState, Reason: err.Error()})
		return nil, errors.Join(err, session.Close())
	}
	r := &Run{store: store, session: session, opts: opts, replayed: replayed, snapshot: s}
	if replayed > 0 {
		s.Serial++
		if s, err = r.fold(ctx, s); err != nil {
			return nil, errors.Join(fmt.Errorf("fold the journal of an interrupted run: %w", err), session.Close())
		}
	}
	if err := r.purgeOwed(ctx, s); err != nil {
		r.unpurged = err
	}
	r.setSnapshot(s)
	return r, nil
}

// purgeOwed purges where an earlier run encrypted the secrets of s and was killed, or failed,
// before it purged: then what the store has from before has them in clear.
func (r *Run) purgeOwed(ctx context.Context, s *State) error {
	if !r.Encrypts() || s.inClear() {
		return nil
	}
	earlier, err := r.session.Earlier(ctx)
	if err != nil || !textInClear(earlier) {
		return err
	}
	return r.session.Purge(ctx)
}

// setSnapshot makes s both the snapshot and the present state, which share their maps until
// something is appended: most runs of a pipeline change nothing.
func (r *Run) setSnapshot(s *State) {
	now := *s
	r.snapshot, r.state = s, &now
	if now.Lineage == "" {
		now.Lineage = r.opts.NewID()
	}
}

// Replayed returns how many records of an earlier run's journal Begin folded into the state.
func (r *Run) Replayed() int { return r.replayed }

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

// State returns a copy of the state as of now: with everything that was appended, durable or
// not.
func (r *Run) State() *State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Clone()
}

// Snapshot returns the state as it was read, or last saved: without what was appended since.
// One that was never saved has no lineage yet. It is no copy, since there may be a hundred
// thousand apps: it must not be changed.
func (r *Run) Snapshot() *State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.snapshot
}

// fold writes s as the store's snapshot, with every secret encrypted, and returns what was written.
// Where secrets were in clear before, no earlier snapshot is kept. If that fails, r.unpurged says why.
func (r *Run) fold(ctx context.Context, s *State) (*State, error) {
	encrypted, err := r.opts.Recipients.encryptState(s)
	if err != nil {
		return nil, err
	}
	if err := r.session.Fold(ctx, encrypted); err != nil {
		return nil, err
	}
	if r.Encrypts() && r.snapshot.inClear() {
		r.unpurged = r.session.Purge(ctx)
	}
	return encrypted, nil
}

// Encrypts reports whether the secrets that this run writes are encrypted.
func (r *Run) Encrypts() bool { return r.opts.Recipients.Any() }

// Unpurged says where secrets remain in clear although they are encrypted in the state now.
func (r *Run) Unpurged() error { return r.unpurged }

// Left returns for how long this run is still the only writer: what is left of its lease, 0
// once that is over or lost. A lock on a local file lasts as long as the run does.
func (r *Run) Left() time.Duration { return r.session.Left() }

// lost returns a [*LeaseError] when this run may not be the only writer any more.
func (r *Run) lost() error {
	if err, ok := errors.AsType[*LeaseError](r.queue.err); ok {
		return err
	}
	if r.Left() <= 0 {
		return &LeaseError{Location: r.store.Location(), Err: errors.New("its lease is over")}
	}
	return nil
}

// Advance makes Finish save the state with its serial up even if no request succeeds, so that
// whatever is pinned to the serial before cannot be used a second time.
func (r *Run) Advance() { r.advance = true }

// Finish ends the run: it folds the journal into the state and gives the lock back, which it
// does in any case. It saves even if ctx is cancelled. A run that changed nothing leaves
// the state's serial alone, unless secrets are to be encrypted.
//
// A journal that broke during the run is no obstacle: what it should have taken is in
// memory. When the state cannot be saved the error is a [*SaveError]. Once the lease is over
// nothing is tried, since another run may have gone on; that is a SaveError too.
func (r *Run) Finish(ctx context.Context) error {
	if !r.end() {
		return nil
	}
	var err error
	if r.queue != nil {
		err = r.save(context.WithoutCancel(ctx))
	}
	return errors.Join(err, r.session.Close())
}

func (r *Run) save(ctx context.Context) error {
	next := r.snapshot
	toEncrypt := r.Encrypts() && r.snapshot.inClear()
	if r.advance || toEncrypt || !SameContent(r.snapshot, r.state) {
		next = r.state
		next.Serial = r.snapshot.Serial + 1
	}
	err := r.lost()
	if err == nil {
		next, err = r.fold(ctx, next)
	}
	if err != nil {
		return &SaveError{Location: r.store.Location(), Journaled: r.queue.err == nil, Err: err}
	}
	r.snapshot = next
	return nil
}

// Close gives the lock back. After Finish it does nothing. A journal stays where it is, and
// the next Begin folds it; what broke it is the error of every wait.
func (r *Run) Close() error {
	if !r.end() {
		return nil
	}
	return r.session.Close()
}

// end stops the commits, after those that are queued. It returns false the second time.
func (r *Run) end() bool {
	r.mu.Lock()
	ended := r.finished
	r.finished = true
	r.mu.Unlock()
	if r.queue != nil && !ended {
		close(r.queue.wake)
		<-r.queue.stopped
	}
	return !ended
}
