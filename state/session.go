package state

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// foldAt is how large a journal grows before it is folded within a run, in bytes.
const foldAt = 64 << 20

// fileSession is the [Session] of a [File]. The journal is open from the first Append to the
// Fold.
type fileSession struct {
	store  *File
	path   string // of the snapshot, resolved
	unlock func() error
	serial int64 // of the snapshot

	id     string // of the journal that is there; empty: there is none
	file   Handle // the journal; nil: not open
	writer journalWriter
	size   int64 // of the journal
	bind   *Record
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

// Append writes the batch in one write and syncs once. The journal gets its name only when
// its first batch is durable: so a full disk leaves nothing behind, and a journal without a
// header is a damaged one.
func (s *fileSession) Append(ctx context.Context, batch []Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.file == nil {
		return s.create(batch)
	}
	if err := s.writer.addAll(batch); err != nil {
		return err
	}
	if err := s.flush(s.file); err != nil {
		return fmt.Errorf("write the journal %s: %w", s.path+JournalSuffix, err)
	}
	return nil
}

func (s *fileSession) create(batch []Record) error {
	if batch[0].Bind != nil {
		s.bind = &batch[0]
	} else {
		batch = append([]Record{*s.bind}, batch...) // the journal before was folded
	}
	id := s.store.newID()
	s.writer, s.size = journalWriter{}, 0
	err := s.writer.add(header{ID: id, Version: Version, Serial: s.serial})
	if err == nil {
		err = s.writer.addAll(batch)
	}
	if err != nil {
		return err
	}
	fsys, path := s.store.fs, s.path+JournalSuffix
	fail := func(err error) error { return fmt.Errorf("start the journal %s: %w", path, err) }
	f, temp, err := createTemp(fsys, s.path)
	if err != nil {
		return fail(err)
	}
	if err = s.flush(f); err == nil {
		err = fsys.Rename(temp, path)
	}
	if err != nil {
		return fail(errors.Join(err, f.Close(), fsys.Remove(temp)))
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return fail(errors.Join(err, f.Close(), fsys.Remove(path)))
	}
	s.file, s.id = f, id
	return nil
}

func (s *fileSession) flush(f Handle) error {
	s.size += int64(s.writer.lines.Len())
	defer s.writer.lines.Reset()
	return writeSync(f, s.writer.lines.Bytes())
}

// Full reports whether the journal is larger than the snapshot and than 64 MB.
func (s *fileSession) Full() bool {
	if s.size <= foldAt {
		return false
	}
	info, err := s.store.fs.Lstat(s.path)
	return err != nil || s.size > info.Size()
}

// Fold implements [Session].
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
	return s.removeJournal()
}

// removeJournal is the last step of a fold: until then the journal can be replayed again.
func (s *fileSession) removeJournal() error {
	if s.id == "" {
		return nil
	}
	_ = s.closeJournal() // what broke it does not matter any more
	path := s.path + JournalSuffix
	if err := syncRemove(s.store.fs, path); err != nil {
		return fmt.Errorf("the state is saved, but its journal %s cannot be removed: %w", path, err)
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

// Purge puts a copy of the snapshot in the place of its backup.
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
	return nil
}

// Linger implements [Session]: a commit is one fsync.
func (s *fileSession) Linger() time.Duration { return 0 }

// Left implements [Session]: the lock ends with the process.
func (s *fileSession) Left() time.Duration { return NoEnd }

// Close implements [Session].
func (s *fileSession) Close() error { return errors.Join(s.closeJournal(), s.unlock()) }
