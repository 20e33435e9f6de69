package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"
)

// What the files beside the state are called.
const (
	lockSuffix    = ".lock"
	backupSuffix  = ".backup"
	journalSuffix = ".journal"
	damagedSuffix = ".damaged"
)

// lockPoll is how often a waiting process tries again: flock(2) has no wait that ends with
// a context.
const lockPoll = 50 * time.Millisecond

// File is the [Store] on the local disk: the state at a path, the one before at PATH.backup,
// the lock at PATH.lock. Every file is 0600 from its first byte on, and looser ones are
// tightened by Lock. A path that is a link stands for the file that it points to, also when
// that is yet to be made, and the other files are beside that one.
type File struct {
	path  string
	fs    FS
	ahead <-chan readAhead // nil: nothing was read ahead
}

// NewFile returns the store at path. fsys is [OS] outside tests.
func NewFile(path string, fsys FS) *File { return &File{path: path, fs: fsys} }

// Location returns the path as it was given.
func (f *File) Location() string { return f.path }

// JournalPath returns where the journal of an apply against this store belongs.
func (f *File) JournalPath() (string, error) {
	path, err := resolve(f.fs, f.path)
	return path + journalSuffix, err
}

// Read implements [Store]. Only a missing file is an empty state; an empty file is a damaged
// one, and a missing file whose backup is there is a [*MissingError]. It tightens no modes, so that it works where nothing can be written.
func (f *File) Read(ctx context.Context) (*State, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path, err := resolve(f.fs, f.path)
	if err != nil {
		return nil, err
	}
	if s := f.takeAhead(path); s != nil {
		return s, nil
	}
	data, err := readFile(f.fs, path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := f.fs.Lstat(path + backupSuffix); err != nil {
			return New(), nil
		}
		// Between the two looks somebody may have written the first states of all.
		if data, err = readFile(f.fs, path); errors.Is(err, fs.ErrNotExist) {
			return nil, &MissingError{Path: f.path, Backup: f.path + backupSuffix}
		}
	}
	if err != nil {
		return nil, err
	}
	s, err := Unmarshal(data)
	return s, at(err, f.path)
}

// Write implements [Store] by temporary file, sync, rename and directory sync.
func (f *File) Write(ctx context.Context, s *State) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := Marshal(s)
	if err != nil {
		return err
	}
	path, err := resolve(f.fs, f.path)
	if err != nil {
		return err
	}
	old, err := readFile(f.fs, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !intact(old):
		// The backup may be all that is left; what is damaged must not replace it.
		return at(damagedState(0, "it would be overwritten"), f.path)
	default:
		if err := replace(f.fs, path+backupSuffix, old); err != nil {
			return err
		}
	}
	return f.put(path, data)
}

// put makes data the state, durably.
func (f *File) put(path string, data []byte) error {
	if err := replace(f.fs, path, data); err != nil {
		return err
	}
	if err := f.fs.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: sync its directory: %w", path, err)
	}
	return nil
}

// Lock implements [Store] with an operating system lock on PATH.lock, whose content says who
// holds it. The file is never removed: two processes could each hold a lock on one of two
// files of that name. Once it has the lock it clears away what a killed process left.
func (f *File) Lock(ctx context.Context, holder Holder) (release func() error, err error) {
	path, err := resolve(f.fs, f.path)
	if err != nil {
		return nil, err
	}
	note, err := json.Marshal(holder)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", f.path, err)
	}
	unlock, err := f.acquire(ctx, path+lockSuffix, string(note)+"\n", holder.Wait)
	if err != nil {
		return nil, err
	}
	if err := f.tidy(path); err != nil {
		return nil, errors.Join(err, unlock())
	}
	return sync.OnceValue(unlock), nil
}

func (f *File) acquire(ctx context.Context, path, note string, wait time.Duration) (unlock func() error, err error) {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	poll := time.NewTicker(lockPoll)
	defer poll.Stop()
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
		if wait <= 0 {
			return nil, f.locked(path)
		}
		select {
		case <-ctx.Done():
		case <-poll.C:
		case <-deadline.C:
			wait = 0 // one last try
		}
	}
}

// locked reads who holds the lock. The holder may be about to write that, or to clear it.
func (f *File) locked(path string) error {
	e := &LockedError{Path: path}
	if note, err := readFile(f.fs, path); err == nil {
		if json.Unmarshal(note, &e.Holder) != nil {
			e.Holder = Holder{}
		}
	}
	return e
}

// tidy makes the files beside the state as they should be.
func (f *File) tidy(path string) error {
	for _, suffix := range []string{"", backupSuffix, journalSuffix} {
		if err := tighten(f.fs, path+suffix); err != nil {
			return err
		}
	}
	return removeTemps(f.fs, path)
}
