package state

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// FS is the small part of a file system that this package uses. Its errors are those of
// package os: they match [fs.ErrNotExist] and [fs.ErrExist] where they should. Tests put in
// one that fails, stops or forgets; everybody else uses [OS].
type FS interface {
	// OpenFile opens as [os.OpenFile] does.
	OpenFile(name string, flag int, perm fs.FileMode) (Handle, error)
	// Rename replaces to, in the directory of from, by from, atomically. Both may be open.
	Rename(from, to string) error
	Remove(name string) error
	Lstat(name string) (fs.FileInfo, error)
	Readlink(name string) (string, error)
	Chmod(name string, mode fs.FileMode) error
	// ReadDir returns the names in a directory, in no order.
	ReadDir(name string) ([]string, error)
	// SyncDir makes the names in a directory durable: what was created in it, renamed or
	// removed.
	SyncDir(name string) error
	// TryLock takes the exclusive lock on a file, which it makes with mode 0600 where it is
	// missing, and replaces what the file says by note. ok is false while somebody else
	// holds it. The lock goes with the process, however that ends; the file stays.
	TryLock(name, note string) (unlock func() error, ok bool, err error)
}

// Handle is an open file.
type Handle interface {
	io.ReadWriteCloser
	// Sync makes what was written durable.
	Sync() error
}

// OS is the operating system's file system.
type OS struct{}

// OpenFile is [os.OpenFile], but for the sharing of fs_windows.go.
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (Handle, error) {
	f, err := openFile(name, flag, perm)
	if err != nil {
		return nil, err // and no Handle with a nil file in it
	}
	return f, nil
}

// Rename is [os.Rename], also of and over files that are open.
func (OS) Rename(from, to string) error { return rename(from, to) }

// Remove is [os.Remove].
func (OS) Remove(name string) error { return remove(name) }

// Lstat is [os.Lstat].
func (OS) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

// Readlink is [os.Readlink].
func (OS) Readlink(name string) (string, error) { return os.Readlink(name) }

// Chmod is [os.Chmod].
func (OS) Chmod(name string, mode fs.FileMode) error { return os.Chmod(name, mode) }

// ReadDir returns the names alone.
func (OS) ReadDir(name string) (names []string, err error) {
	d, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// SyncDir calls fsync on the directory. File systems that know no such thing, and Windows,
// order names on their own: there it does nothing.
func (OS) SyncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

// TryLock implements [FS].
func (OS) TryLock(name, note string) (unlock func() error, ok bool, err error) {
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, false, fmt.Errorf("%s is no regular file: move it away", name)
	}
	release, ok, err := lockFile(name)
	if err != nil || !ok {
		return nil, false, err
	}
	if err = tighten(OS{}, name); err == nil {
		err = os.WriteFile(name, []byte(note), 0o600)
	}
	if err != nil {
		return nil, false, errors.Join(err, release())
	}
	return func() error {
		// Whoever looks at the file from now on should not find us in it. When that fails
		// the lock goes all the same.
		return errors.Join(os.Truncate(name, 0), release())
	}, true, nil
}

// readFile reads a regular file of at most maxSize bytes.
func readFile(fsys FS, path string) ([]byte, error) {
	target, err := resolve(fsys, path)
	if err != nil {
		return nil, err
	}
	info, err := fsys.Lstat(target)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: it is no regular file", path)
	}
	if info.Size() > maxSize {
		return nil, fmt.Errorf("read %s: it has %d bytes, and %d is the limit", path, info.Size(), maxSize)
	}
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var buf bytes.Buffer
	buf.Grow(int(info.Size()) + bytes.MinRead) // so that the last read finds the end without growing
	n, err := buf.ReadFrom(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if n > maxSize {
		return nil, fmt.Errorf("read %s: it grew beyond %d bytes", path, maxSize)
	}
	return buf.Bytes(), nil
}

// tighten takes a file's permissions for group and others away. It does nothing for a missing file,
// nor on Windows: there the access list comes from the directory, and the mode says nothing about
// others.
func tighten(fsys FS, path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	info, err := fsys.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := fsys.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("make %s readable for its owner alone: %w", path, err)
	}
	return nil
}

// resolve follows the links that path itself may be, also to a file that is yet to be made:
// two names of one state must not have two locks.
func resolve(fsys FS, path string) (string, error) {
	for range 40 {
		info, err := fsys.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return path, nil
		}
		target, err := fsys.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return "", fmt.Errorf("resolve %s: too many links", path)
}
