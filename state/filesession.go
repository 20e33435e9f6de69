package state

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// fileSession is the [Session] of a [File]. The journal is open from the first Append to the
// Fold; what is written to it is in journal.go.
type fileSession struct {
	store  *File
	path   string // of the snapshot, resolved
	unlock func() error
	serial int64 // of the snapshot

	id     string // of the journal that is there; empty: there is none
	file   Handle // the journal; nil: not open
	writer journalWriter
	size   int64   // of the journal
	bind   *Record // the run's binding: each new journal begins with it
}

func (s *fileSession) load() (st *State, replayed int, err error) {
	st, err = s.store.readSnapshot(s.path)
	if err != nil {
		return nil, 0, err
	}
	s.serial = st.Serial
	if s.store.recovering {
		return st, 0, nil
	}
	old, err := readJournal(s.store.fs, s.path+JournalSuffix)
	if err != nil || old == nil {
		return st, 0, err
	}
	next, err := old.replay(st, s.path+JournalSuffix)
	if err != nil {
		return nil, 0, err
	}
	s.id = old.header.ID
	if !SameContent(st, next) {
		return next, len(old.records) - 1, nil
	}
	// A snapshot that includes the journal may not be durable yet: the run may have been
	// killed before it synced the directory.
	if err := s.store.fs.SyncDir(filepath.Dir(s.path)); err != nil {
		return nil, 0, err
	}
	return st, 0, s.removeJournal()
}

// Fold implements [Session]. A journal that cannot be removed is part of the snapshot, which names
// it: the next one takes its place, or the next run removes it.
func (s *fileSession) Fold(ctx context.Context, st *State) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if st.Serial != s.serial {
		if s.id != "" {
			st.Journal = s.id
		}
		if err := s.store.writeSnapshot(s.path, st); err != nil {
			return err
		}
		s.serial = st.Serial
	}
	_ = s.removeJournal()
	return nil
}

// removeJournal removes a journal that says no more than the snapshot.
func (s *fileSession) removeJournal() error {
	if s.id == "" {
		return nil
	}
	_ = s.closeJournal() // what broke it does not matter any more
	path := s.path + JournalSuffix
	if err := syncRemove(s.store.fs, path); err != nil {
		return fmt.Errorf("the journal %s cannot be removed, although all of it is in the state: %w", path, err)
	}
	s.id, s.size = "", 0
	return nil
}

func (s *fileSession) closeJournal() error {
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}

// Earlier implements [Session].
func (s *fileSession) Earlier(context.Context) ([]byte, error) {
	return s.store.backup(s.path)
}

// Purge puts a copy of the snapshot in the place of its backup. A journal that Fold left goes too.
func (s *fileSession) Purge(context.Context) error {
	fsys, backup := s.store.fs, s.path+BackupSuffix
	data, err := readFile(fsys, s.path)
	if err == nil {
		err = atomicWrite(fsys, s.path, backup, data)
	}
	if err == nil {
		err = fsys.SyncDir(filepath.Dir(s.path))
	}
	if err != nil {
		return fmt.Errorf("the state is saved, but its backup %s has secrets from before: %w", backup, err)
	}
	return s.removeJournal()
}

// Linger implements [Session]: a commit is one fsync.
func (s *fileSession) Linger() time.Duration { return 0 }

// Left implements [Session]: the lock ends with the process.
func (s *fileSession) Left() time.Duration { return NoEnd }

// Close implements [Session].
func (s *fileSession) Close() error { return errors.Join(s.closeJournal(), s.unlock()) }
