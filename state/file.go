package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// What the names of the files beside the state end in.
const (
	LockSuffix    = ".lock"
	BackupSuffix  = ".backup"
	JournalSuffix = ".journal"
	damagedSuffix = ".damaged"
)

// lockPoll is how often a waiting process tries again: flock(2) has no wait that ends with
// a context.
const lockPoll = 50 * time.Millisecond

// loadTries is how often Load looks again when a run ends while it looks.
const loadTries = 10

// File is the [Store] on the local disk: the snapshot at a path, the one before at
// PATH.backup, the journal at PATH.journal, the lock at PATH.lock. Every file is 0600 from its
// first byte on, and looser ones are tightened by Open. A path that is a link stands for the
// file that it points to, also when that is yet to be made, and the other files are beside
// that one.
type File struct {
	path  string
	fs    FS
	newID func() string // for journals
	// recovering leaves the journal alone: see Recover.
	recovering bool
}

// NewFile returns the store at path. fsys is [OS] outside tests.
func NewFile(path string, fsys FS) *File { return &File{path: path, fs: fsys, newID: newUUID} }

// Location returns the path as it was given.
func (f *File) Location() string { return f.path }

// Load implements [Store]. Only a missing file is an empty state; an empty file is a damaged
// one, and a missing file whose backup is there is an error. The backup is older than what is
// missing, so it is not used silently.
func (f *File) Load(ctx context.Context) (*State, error) {
	path, err := resolve(f.fs, f.path)
	if err != nil {
		return nil, err
	}
	for range loadTries {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read the state %s: %w", f.path, err)
		}
		if s, err := f.tryLoad(path); s != nil || err != nil {
			return s, err
		}
	}
	return nil, fmt.Errorf("read the state %s: it changed %d times meanwhile; try again", f.path, loadTries)
}

// tryLoad reads the journal and then the snapshot. In this order a journal that is folded in
// between shows in the snapshot. It returns nil when the journal is another one, or gone,
// afterwards: then the snapshot may be of two runs later.
func (f *File) tryLoad(path string) (*State, error) {
	before, journalErr := readJournal(f.fs, path+JournalSuffix)
	s, err := f.readSnapshot(path)
	if err != nil {
		return nil, err
	}
	if journalErr == nil && (before == nil || before.header.ID == s.Journal) {
		return s, nil
	}
	after, err := readJournal(f.fs, path+JournalSuffix)
	switch {
	case journalErr != nil && err != nil:
		return nil, journalErr
	case journalErr != nil:
		return nil, nil
	case err != nil || after == nil || after.header.ID != before.header.ID:
		return nil, err
	}
	return before.replay(s, path+JournalSuffix)
}

// Open implements [Store].
func (f *File) Open(ctx context.Context, holder Holder) (Session, *State, int, error) {
	path, err := resolve(f.fs, f.path)
	if err != nil {
		return nil, nil, 0, err
	}
	unlock, err := f.lock(ctx, path, holder)
	if err != nil {
		return nil, nil, 0, err
	}
	session := &fileSession{store: f, path: path, unlock: unlock}
	s, replayed, err := session.load()
	if err != nil {
		return nil, nil, 0, errors.Join(err, unlock())
	}
	return session, s, replayed, nil
}

func (f *File) readSnapshot(path string) (*State, error) {
	data, err := readFile(f.fs, path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := f.fs.Lstat(path + BackupSuffix); err != nil {
			return New(), nil
		}
		// Between the two looks somebody may have written the first states of all.
		if data, err = readFile(f.fs, path); errors.Is(err, fs.ErrNotExist) {
			backup := path + BackupSuffix
			return nil, fmt.Errorf("there is no state at %s, but a backup of one, %s: put the state back, or use the backup, which lacks what was done last: cp %s %s; "+
				"to begin with an empty state, move the backup away", path, backup, backup, path)
		}
	}
	if err != nil {
		return nil, err
	}
	s, err := Unmarshal(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	return s, nil
}

// writeSnapshot replaces the snapshot durably. What was there becomes the backup, unless it
// is damaged: then nothing is written, since the backup may be all that is left.
func (f *File) writeSnapshot(path string, s *State) error {
	data, err := Marshal(s)
	if err != nil {
		return err
	}
	old, err := readFile(f.fs, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !intact(old):
		return fmt.Errorf("write %s: %w", f.path, &DamagedError{Document: docState, Reason: "it would be overwritten"})
	default:
		if err := atomicWrite(f.fs, path, path+BackupSuffix, old); err != nil {
			return err
		}
	}
	return f.put(path, data)
}

// put makes data the snapshot, durably.
func (f *File) put(path string, data []byte) error {
	if err := atomicWrite(f.fs, path, path, data); err != nil {
		return err
	}
	if err := f.fs.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: sync its directory: %w", path, err)
	}
	return nil
}

// lock takes an operating system lock on PATH.lock, whose content says who holds it. The file
// is never removed: two processes could each hold a lock on one of two files of that name.
// Under the lock it tightens modes and removes what a killed process left.
func (f *File) lock(ctx context.Context, path string, holder Holder) (unlock func() error, err error) {
	note, err := json.Marshal(holder)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", f.path, err)
	}
	unlock, err = f.acquire(ctx, path+LockSuffix, string(note)+"\n", holder.Wait)
	if err != nil {
		return nil, err
	}
	for _, suffix := range []string{"", BackupSuffix, JournalSuffix} {
		if err := tighten(f.fs, path+suffix); err != nil {
			return nil, errors.Join(err, unlock())
		}
	}
	if err := removeTemps(f.fs, path); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return sync.OnceValue(unlock), nil
}

func (f *File) acquire(ctx context.Context, path, note string, wait time.Duration) (unlock func() error, err error) {
	deadline := time.Now().Add(wait)
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		unlock, ok, err := f.fs.TryLock(path, note)
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if ok {
			return unlock, nil
		}
		pause := min(time.Until(deadline), lockPoll)
		if pause <= 0 {
			return nil, f.locked(path)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// locked reads who holds the lock. The holder may be about to write that, or to clear it.
func (f *File) locked(path string) error {
	e := &LockedError{Path: path}
	note, err := readFile(f.fs, path)
	if err != nil || json.Unmarshal(note, &e.Holder) != nil {
		e.Holder = Holder{}
	}
	return e
}
