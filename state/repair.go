package state

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Damage is what [File.Inspect] found.
type Damage struct {
	// State says why the state's file is refused; nil: it is as it was written, or there
	// is none.
	State error
	// Readable tells that the file still says something: Accept can take it as it is.
	Readable bool
	// Backup says why there is nothing to compare with; nil: Differences are from the
	// backup to the file.
	Backup      error
	Differences []Difference
	// Journal says why the journal is refused; nil: it is as it was written, or there is
	// none. JournalRecords of it can be saved, the header not counted, and JournalLost
	// bytes cannot.
	Journal        error
	JournalRecords int
	JournalLost    int64

	seen [2][sha256.Size]byte // of the two files: only what was shown is accepted
}

// None tells that there is nothing to repair.
func (d *Damage) None() bool { return d.State == nil && d.Journal == nil }

// Inspect looks at the state and its journal and changes nothing. Its error says that a
// file could not be looked at; what is wrong with one is in the [Damage].
func (f *File) Inspect() (*Damage, error) {
	path, err := resolve(f.fs, f.path)
	if err != nil {
		return nil, err
	}
	p, err := f.inspect(path)
	if err != nil {
		return nil, err
	}
	return p.damage, nil
}

// patient is a state and a journal, as far as they can be read.
type patient struct {
	damage  *Damage
	state   *State // nil: cannot be read
	raw     []byte
	backup  *State  // nil: there is none that can be read
	journal *replay // nil: there is none
}

func (f *File) inspect(path string) (*patient, error) {
	p := &patient{damage: &Damage{}}
	if err := f.inspectState(path, p); err != nil {
		return nil, err
	}
	data, err := readFile(f.fs, path+journalSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	p.damage.seen[1] = sha256.Sum256(data)
	p.journal, err = parseJournal(data)
	if err != nil {
		p.damage.Journal = at(err, path+journalSuffix)
		p.damage.JournalRecords = len(p.journal.entries)
		p.damage.JournalLost = int64(len(data)) - p.journal.good
	}
	return p, nil
}

func (f *File) inspectState(path string, p *patient) (err error) {
	p.raw, err = readFile(f.fs, path)
	if errors.Is(err, fs.ErrNotExist) {
		p.state = New()
		return nil
	}
	if err != nil {
		return err
	}
	p.damage.seen[0] = sha256.Sum256(p.raw)
	p.state, err = Unmarshal(p.raw)
	if err == nil {
		return nil
	}
	p.damage.State = at(err, f.path)
	if p.state, err = parse(p.raw); err == nil {
		_, err = Marshal(p.state)
	}
	p.damage.Readable = err == nil
	if err != nil {
		p.state = nil
	}
	old, err := readFile(f.fs, path+backupSuffix)
	if err == nil {
		p.backup, err = Unmarshal(old)
	}
	if err != nil {
		p.damage.Backup = at(err, path+backupSuffix)
		return nil
	}
	if p.state != nil {
		p.damage.Differences = Diff(p.backup, p.state)
	}
	return nil
}

// Accept takes the state's file as it is, as shown by Inspect: it gets a checksum, and a
// serial above its own and the backup's. Of a damaged journal the records before the damage
// are folded into the state. What was damaged is kept beside, under a name that ends in
// .damaged and perhaps a number; the backup stays.
//
// It refuses a state that cannot be read, and files that changed since Inspect.
func (f *File) Accept(ctx context.Context, holder Holder, shown *Damage) (err error) {
	if shown.None() {
		return nil
	}
	release, err := f.Lock(ctx, holder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	path, err := resolve(f.fs, f.path)
	if err != nil {
		return err
	}
	p, err := f.inspect(path)
	if err != nil {
		return err
	}
	if p.damage.seen != shown.seen {
		return fmt.Errorf("repair %s: it changed since it was shown; look at it again", f.path)
	}
	if p.state == nil {
		return fmt.Errorf("repair %s: it cannot be read: %w; put the state before in its place: %s",
			f.path, p.damage.State, path+backupSuffix)
	}
	return f.heal(ctx, path, p)
}

// heal writes first and moves the damaged journal away last, so that it can be started again
// at any point.
func (f *File) heal(ctx context.Context, path string, p *patient) error {
	next := p.state
	if p.damage.Journal != nil && p.journal.good > 0 {
		folded, err := fold(p.state, p.journal)
		if err != nil {
			return at(err, path+journalSuffix)
		}
		next = folded
	}
	if p.damage.State != nil {
		if err := f.replaceDamaged(path, p, next); err != nil {
			return err
		}
	} else if !sameApps(next, p.state) {
		fixed := next.Clone()
		fixed.Serial++
		if err := f.Write(ctx, fixed); err != nil {
			return err
		}
	}
	if p.damage.Journal == nil {
		return nil
	}
	return f.quarantine(path + journalSuffix)
}

// replaceDamaged leaves the backup alone: it is the last state that is known to be whole.
func (f *File) replaceDamaged(path string, p *patient, next *State) error {
	if err := f.keep(path, p.raw); err != nil {
		return err
	}
	fixed := next.Clone()
	fixed.Serial++
	if p.backup != nil {
		fixed.Serial = max(fixed.Serial, p.backup.Serial+1)
	}
	doc, err := Marshal(fixed)
	if err != nil {
		return err
	}
	return f.put(path, doc)
}

// keep writes a copy of what is damaged.
func (f *File) keep(path string, data []byte) error {
	name, err := f.freeName(path + damagedSuffix)
	if err != nil {
		return err
	}
	return replace(f.fs, name, data)
}

func (f *File) quarantine(path string) error {
	name, err := f.freeName(path + damagedSuffix)
	if err != nil {
		return err
	}
	if err := f.fs.Rename(path, name); err != nil {
		return err
	}
	return f.fs.SyncDir(filepath.Dir(path))
}

func (f *File) freeName(path string) (string, error) {
	for n := range 1000 {
		name := path
		if n > 0 {
			name = fmt.Sprintf("%s.%d", path, n)
		}
		if _, err := f.fs.Lstat(name); errors.Is(err, os.ErrNotExist) {
			return name, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("keep what is damaged: every name like %s is taken", path)
}
