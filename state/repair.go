package state

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Damage is what [File.Inspect] found.
type Damage struct {
	// StateErr says why the state's file is refused; nil: it is as it was written, or there
	// is none.
	StateErr error
	// ParseErr says why Accept cannot take the file as it is; nil: it can.
	ParseErr error
	// BackupErr says why there is nothing to compare with; nil: Differences are the lines that
	// differ from the backup to the file, with a - or a + before, and secrets masked.
	BackupErr   error
	Differences []string
	// JournalErr says why the journal is refused; nil: it is as it was written, or there is
	// none. JournalRecords of it can be saved, not counting the binding, and JournalLost bytes
	// cannot.
	JournalErr     error
	JournalRecords int
	JournalLost    int64
	Endpoint       string // of the state as it is; empty when it cannot be read

	seen [2][sha256.Size]byte // of the two files: only what was shown is accepted

	state   *State   // nil: it cannot be read
	raw     []byte   // the state's file
	backup  *State   // nil: there is none that can be read, or none is needed
	journal *journal // nil: there is none
}

// None tells that there is nothing to repair.
func (d *Damage) None() bool { return d.StateErr == nil && d.JournalErr == nil }

// Inspect looks at the state and its journal and changes nothing. Its error says that a
// file could not be looked at, or is an [ErrNewerVersion]; what is wrong with one is in the [Damage].
func (f *File) Inspect() (*Damage, error) {
	path, err := resolve(f.fs, f.path)
	if err != nil {
		return nil, err
	}
	return f.inspect(path)
}

func (f *File) inspect(path string) (*Damage, error) {
	d := &Damage{}
	if err := f.inspectState(path, d); err != nil {
		return nil, err
	}
	if d.state != nil {
		d.Endpoint = d.state.Endpoint
	}
	data, err := readFile(f.fs, path+JournalSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	d.seen[1] = sha256.Sum256(data)
	d.journal, err = parseJournal(data)
	if err != nil {
		d.JournalErr = fmt.Errorf("read %s: %w", path+JournalSuffix, err)
		if errors.Is(err, ErrNewerVersion) {
			return nil, d.JournalErr
		}
		d.JournalRecords = max(0, len(d.journal.records)-1)
		d.JournalLost = int64(len(data)) - d.journal.size
	}
	return d, nil
}

func (f *File) inspectState(path string, d *Damage) (err error) {
	d.raw, err = readFile(f.fs, path)
	if errors.Is(err, fs.ErrNotExist) {
		d.state = New()
		return nil
	}
	if err != nil {
		return err
	}
	d.seen[0] = sha256.Sum256(d.raw)
	d.state, err = Unmarshal(d.raw)
	if err == nil {
		unwritable := d.state.writable()
		if unwritable == nil {
			return nil
		}
		err = &DamagedError{Document: docState, Reason: unwritable.Error()}
	}
	d.StateErr = fmt.Errorf("read %s: %w", f.path, err)
	if errors.Is(err, ErrNewerVersion) {
		return d.StateErr
	}
	d.state, d.ParseErr = parseEdited(d.raw)
	old, err := readFile(f.fs, path+BackupSuffix)
	if err == nil {
		d.backup, err = Unmarshal(old)
	}
	if err != nil {
		d.BackupErr = fmt.Errorf("read %s: %w", path+BackupSuffix, err)
		return nil
	}
	if d.state != nil {
		d.Differences, err = diffLines(d.backup, d.state)
	}
	return err
}

// Accept takes the state's file as it is, as shown by Inspect: it gets a checksum, and a
// serial above its own and the backup's. Of a damaged journal the records before the damage
// are folded into the state. Clear secrets are encrypted for the recipients. What was damaged is
// kept beside as it was, perhaps with secrets in clear, in the files whose paths Accept returns: their
// names end in .damaged and perhaps a number. The backup stays.
//
// It refuses a state that cannot be read, and files that changed since Inspect.
func (f *File) Accept(ctx context.Context, holder Holder, shown *Damage, to Recipients) (kept []string, err error) {
	if shown.None() {
		return nil, nil
	}
	path, err := resolve(f.fs, f.path)
	if err != nil {
		return nil, err
	}
	unlock, err := f.lock(ctx, path, holder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	d, err := f.inspect(path)
	if err != nil {
		return nil, err
	}
	if d.seen != shown.seen {
		return nil, fmt.Errorf("repair %s: it changed since it was shown; look at it again", f.path)
	}
	if d.state == nil {
		return nil, fmt.Errorf("repair %s: it cannot be read: %w; correct it by hand, or put the state before in its place: %s",
			f.path, d.ParseErr, path+BackupSuffix)
	}
	return f.repair(path, d, to)
}

// repair writes first and moves the damaged journal away last, so that it can be started again
// at any point.
func (f *File) repair(path string, d *Damage, to Recipients) (kept []string, err error) {
	next := d.state
	if d.JournalErr != nil && len(d.journal.records) > 0 {
		replayed, err := d.journal.replay(d.state, path+JournalSuffix)
		if err != nil {
			return nil, err
		}
		next = replayed
	}
	fixed, err := to.encryptState(next.Clone())
	if err != nil {
		return nil, err
	}
	fixed.Serial++
	switch {
	case d.StateErr != nil:
		var name string
		name, err = f.replaceDamaged(path, d, fixed)
		kept = append(kept, name)
	case !SameContent(next, d.state):
		err = f.writeSnapshot(path, fixed)
	}
	if err == nil && d.JournalErr != nil {
		var name string
		name, err = setAside(f.fs, path+JournalSuffix, path+JournalSuffix+damagedSuffix)
		kept = append(kept, name)
	}
	return kept, err
}

// replaceDamaged leaves the backup alone: it is the last state that is known to be whole.
func (f *File) replaceDamaged(path string, d *Damage, fixed *State) (kept string, err error) {
	kept, err = freeName(f.fs, path+damagedSuffix)
	if err == nil {
		err = atomicWrite(f.fs, path, kept, d.raw)
	}
	if err != nil {
		return "", err
	}
	if d.backup != nil {
		fixed.Serial = max(fixed.Serial, d.backup.Serial+1)
	}
	doc, err := Marshal(fixed)
	if err != nil {
		return "", err
	}
	return kept, f.put(path, doc)
}

// setAside renames a journal to a name that is free.
func setAside(fsys FS, path, name string) (free string, err error) {
	free, err = freeName(fsys, name)
	if err == nil {
		err = fsys.Rename(path, free)
	}
	if err == nil {
		err = fsys.SyncDir(filepath.Dir(path))
	}
	return free, err
}

// freeName returns name, or the first of name.2, name.3 and so on that does not exist.
func freeName(fsys FS, name string) (string, error) {
	for n := range 1000 {
		free := numbered(name, n)
		if _, err := fsys.Lstat(free); errors.Is(err, fs.ErrNotExist) {
			return free, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("there are 1,000 files named like %s: move them away", name)
}

func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%s.%d", name, n+1)
}
