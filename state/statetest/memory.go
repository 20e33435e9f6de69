package statetest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing/fstest"

	"jpsync/state"
)

// Memory is a file system in memory that knows what a power loss may take: what was written
// and not synced, and names that were made, changed or removed in a directory that was not
// synced since. [Memory.Lose] returns what is left. Directories need not be made.
//
// It has no links. The zero Memory is empty and ready.
type Memory struct {
	mu      sync.Mutex
	names   map[string]*inode // as processes see them
	durable map[string]*inode // as the disk has them
	pending []change          // names that only processes see, in order
	locks   map[string]bool
}

// inode is a file's content, whatever its name is. What is synced is a prefix of data:
// files only grow, but for O_TRUNC, which takes what was synced with it.
type inode struct {
	data   []byte
	synced int
	mode   fs.FileMode
}

// change is a name that gets an inode, or loses it when there is none.
type change struct {
	name string
	file *inode
	with string // the other name of a rename, which goes in the same step
}

// OpenFile implements [state.FS].
func (m *Memory) OpenFile(name string, flag int, perm fs.FileMode) (state.Handle, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	name = filepath.Clean(name)
	file, ok := m.names[name]
	switch {
	case !ok && flag&os.O_CREATE == 0:
		return nil, pathError("open", name, fs.ErrNotExist)
	case ok && flag&os.O_EXCL != 0:
		return nil, pathError("open", name, fs.ErrExist)
	case !ok:
		file = &inode{mode: perm}
		m.names[name] = file
		m.pending = append(m.pending, change{name: name, file: file})
	case flag&os.O_TRUNC != 0:
		file.data, file.synced = nil, 0
	}
	return &handle{m: m, file: file, name: name, flag: flag}, nil
}

func (m *Memory) init() {
	if m.names == nil {
		m.names, m.durable, m.locks = map[string]*inode{}, map[string]*inode{}, map[string]bool{}
	}
}

// Rename implements [state.FS].
func (m *Memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to = filepath.Clean(from), filepath.Clean(to)
	file, ok := m.names[from]
	if !ok {
		return pathError("rename", from, fs.ErrNotExist)
	}
	delete(m.names, from)
	m.names[to] = file
	m.pending = append(m.pending, change{name: to, file: file, with: from})
	return nil
}

// Remove implements [state.FS].
func (m *Memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = filepath.Clean(name)
	if _, ok := m.names[name]; !ok {
		return pathError("remove", name, fs.ErrNotExist)
	}
	delete(m.names, name)
	m.pending = append(m.pending, change{name: name})
	return nil
}

// Lstat implements [state.FS].
func (m *Memory) Lstat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name = filepath.Clean(name)
	file, ok := m.names[name]
	if !ok {
		return nil, pathError("lstat", name, fs.ErrNotExist)
	}
	base := filepath.Base(name)
	return fstest.MapFS{base: {Data: file.data, Mode: file.mode}}.Stat(base)
}

// Readlink implements [state.FS]: there are no links.
func (m *Memory) Readlink(name string) (string, error) {
	return "", pathError("readlink", name, syscall.EINVAL)
}

// Chmod implements [state.FS].
func (m *Memory) Chmod(name string, mode fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	file, ok := m.names[filepath.Clean(name)]
	if !ok {
		return pathError("chmod", name, fs.ErrNotExist)
	}
	file.mode = mode
	return nil
}

// ReadDir implements [state.FS], sorted so that tests repeat.
func (m *Memory) ReadDir(dir string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.names {
		if filepath.Dir(name) == filepath.Clean(dir) {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// SyncDir implements [state.FS].
func (m *Memory) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	rest := m.pending[:0]
	for _, c := range m.pending {
		if filepath.Dir(c.name) == filepath.Clean(dir) {
			c.apply(m.durable)
		} else {
			rest = append(rest, c)
		}
	}
	m.pending = rest
	return nil
}

func (c change) apply(names map[string]*inode) {
	if c.with != "" {
		delete(names, c.with)
	}
	if c.file == nil {
		delete(names, c.name)
		return
	}
	names[c.name] = c.file
}

// TryLock implements [state.FS]. Locks go with the power.
func (m *Memory) TryLock(name, note string) (unlock func() error, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	name = filepath.Clean(name)
	if m.locks[name] {
		return nil, false, nil
	}
	m.locks[name] = true
	if m.names[name] == nil {
		m.names[name] = &inode{mode: 0o600}
		m.pending = append(m.pending, change{name: name, file: m.names[name]})
	}
	lock := m.names[name]
	lock.data, lock.synced = []byte(note), 0
	return func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.locks[name] = false
		lock.data = nil
		return nil
	}, true, nil
}

// Unlock frees every lock, as the end of the process does that held them.
func (m *Memory) Unlock() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.locks)
}

// String lists names and sizes, for a test's message.
func (m *Memory) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var lines []string
	for name, file := range m.names {
		lines = append(lines, fmt.Sprintf("%s %v %d bytes, %d synced", name, file.mode, len(file.data), file.synced))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
