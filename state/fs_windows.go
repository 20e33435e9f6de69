package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows"
)

// Windows renames and removes a file that somebody has open only if it was opened for that.
// [os.OpenFile] does not do so, and [os.Root] does: so a journal gets its name while it is
// written, and a plan that reads the state stops no apply.

func openFile(name string, flag int, perm fs.FileMode) (f *os.File, err error) {
	err = patiently(name, func(dir *os.Root, base string) error {
		f, err = dir.OpenFile(base, flag, perm)
		return err
	})
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		e.Op, e.Path = "open", name
	}
	return f, err
}

func rename(from, to string) error {
	err := patiently(from, func(dir *os.Root, base string) error { return dir.Rename(base, filepath.Base(to)) })
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		e.Op, e.Old, e.New = "rename", from, to
	}
	return err
}

func remove(name string) error {
	return patiently(name, func(*os.Root, string) error { return os.Remove(name) })
}

// patience is how long others may keep a file for themselves.
const patience = 2 * time.Second

// patiently tries again while another program has the file open and shares it with nobody, as
// virus scanners and indexers do for a moment. dir is the directory of name.
func patiently(name string, try func(dir *os.Root, base string) error) error {
	dir, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := try(dir, filepath.Base(name))
		busy := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
		if !busy || time.Now().After(end) {
			return err
		}
	}
}

// lockFile locks a byte far behind the end of the file, not the first one as package flock
// does: nobody can read or write what is locked, and the file has a note.
func lockFile(name string) (unlock func() error, ok bool, err error) {
	f, err := openFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	far := &windows.Overlapped{OffsetHigh: 1 << 30}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, far)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return nil, false, f.Close()
	}
	if err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return f.Close, true, nil
}
