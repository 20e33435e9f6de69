package statetest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"jpsync/state"
)

// Kind names an operation on a file system.
type Kind string

// The operations. The first group changes something, the second only looks.
const (
	Create  Kind = "create" // open a file that may be new
	Write   Kind = "write"
	Sync    Kind = "sync"
	Rename  Kind = "rename"
	Remove  Kind = "remove"
	Chmod   Kind = "chmod"
	SyncDir Kind = "syncdir"
	Lock    Kind = "lock"
	Unlock  Kind = "unlock"

	Open     Kind = "open"
	Read     Kind = "read"
	Close    Kind = "close"
	Lstat    Kind = "lstat"
	Readlink Kind = "readlink"
	ReadDir  Kind = "readdir"
)

// Op is one operation, about to be carried out.
type Op struct {
	N    int // from 1, over the operations that change something; 0 for the others
	Kind Kind
	Name string // the file; of a rename the new name
}

func (o Op) String() string { return fmt.Sprintf("%d %s %s", o.N, o.Kind, o.Name) }

// Faulty passes operations on to another file system and asks a hook before each. When the
// hook returns an error the operation fails with it and is not carried out, but for a
// [ShortWrite], half of which is. A hook may as well end the process.
type Faulty struct {
	under state.FS
	hook  func(Op) error

	mu  sync.Mutex
	n   int
	log []Op
}

// NewFaulty wraps a file system. A nil hook lets everything pass. The hook is called under a
// lock: one operation at a time.
func NewFaulty(under state.FS, hook func(Op) error) *Faulty {
	return &Faulty{under: under, hook: hook}
}

// FailFrom makes operation n fail and every one after it, those that only look as well: the
// disk is gone, or the process.
func FailFrom(n int, err error) func(Op) error {
	gone := false
	return func(op Op) error {
		if gone = gone || op.N == n; gone {
			return err
		}
		return nil
	}
}

// ShortWrite makes a write fail after half of its bytes. Other operations fail with Err.
type ShortWrite struct{ Err error }

func (s ShortWrite) Error() string { return "short write: " + s.Err.Error() }
func (s ShortWrite) Unwrap() error { return s.Err }

// Log returns the operations so far that changed something, or would have.
func (f *Faulty) Log() []Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Op(nil), f.log...)
}

func (f *Faulty) ask(kind Kind, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	op := Op{Kind: kind, Name: name}
	switch kind {
	case Create, Write, Sync, Rename, Remove, Chmod, SyncDir, Lock, Unlock:
		f.n++
		op.N = f.n
		f.log = append(f.log, op)
	}
	if f.hook == nil {
		return nil
	}
	if err := f.hook(op); err != nil {
		return pathError(string(kind), name, err)
	}
	return nil
}

// do carries out an operation unless the hook lets it fail.
func (f *Faulty) do(kind Kind, name string, operation func() error) error {
	if err := f.ask(kind, name); err != nil {
		return err
	}
	return operation()
}

// OpenFile implements [state.FS].
func (f *Faulty) OpenFile(name string, flag int, perm fs.FileMode) (state.Handle, error) {
	kind := Open
	if flag&os.O_CREATE != 0 {
		kind = Create
	}
	if err := f.ask(kind, name); err != nil {
		return nil, err
	}
	h, err := f.under.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultyHandle{f: f, h: h, name: name}, nil
}

// Rename implements [state.FS].
func (f *Faulty) Rename(from, to string) error {
	return f.do(Rename, to, func() error { return f.under.Rename(from, to) })
}

// Remove implements [state.FS].
func (f *Faulty) Remove(name string) error {
	return f.do(Remove, name, func() error { return f.under.Remove(name) })
}

// Lstat implements [state.FS].
func (f *Faulty) Lstat(name string) (fs.FileInfo, error) {
	if err := f.ask(Lstat, name); err != nil {
		return nil, err
	}
	return f.under.Lstat(name)
}

// Readlink implements [state.FS].
func (f *Faulty) Readlink(name string) (string, error) {
	if err := f.ask(Readlink, name); err != nil {
		return "", err
	}
	return f.under.Readlink(name)
}

// Chmod implements [state.FS].
func (f *Faulty) Chmod(name string, mode fs.FileMode) error {
	return f.do(Chmod, name, func() error { return f.under.Chmod(name, mode) })
}

// ReadDir implements [state.FS].
func (f *Faulty) ReadDir(name string) ([]string, error) {
	if err := f.ask(ReadDir, name); err != nil {
		return nil, err
	}
	return f.under.ReadDir(name)
}

// SyncDir implements [state.FS].
func (f *Faulty) SyncDir(name string) error {
	return f.do(SyncDir, name, func() error { return f.under.SyncDir(name) })
}

// TryLock implements [state.FS]. A lock goes even when the hook lets the unlock fail.
func (f *Faulty) TryLock(name, note string) (unlock func() error, ok bool, err error) {
	if err := f.ask(Lock, name); err != nil {
		return nil, false, err
	}
	release, ok, err := f.under.TryLock(name, note)
	if !ok || err != nil {
		return nil, ok, err
	}
	return func() error {
		if err := f.ask(Unlock, name); err != nil {
			return errors.Join(err, release())
		}
		return release()
	}, true, nil
}

type faultyHandle struct {
	f    *Faulty
	h    state.Handle
	name string
}

func (h *faultyHandle) Read(p []byte) (int, error) {
	if err := h.f.ask(Read, h.name); err != nil {
		return 0, err
	}
	return h.h.Read(p)
}

func (h *faultyHandle) Write(p []byte) (n int, err error) {
	if err := h.f.ask(Write, h.name); err != nil {
		if short, ok := errors.AsType[ShortWrite](err); ok {
			n, _ = h.h.Write(p[:len(p)/2])
			err = pathError("write", h.name, short.Err)
		}
		return n, err
	}
	return h.h.Write(p)
}

func (h *faultyHandle) Sync() error {
	return h.f.do(Sync, h.name, h.h.Sync)
}

func (h *faultyHandle) Close() error {
	if err := h.f.ask(Close, h.name); err != nil {
		return errors.Join(err, h.h.Close())
	}
	return h.h.Close()
}
