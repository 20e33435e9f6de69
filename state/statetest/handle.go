package statetest

import (
	"io"
	"io/fs"
	"os"
)

type handle struct {
	m      *Memory
	file   *inode
	name   string
	flag   int
	at     int // where the next read starts
	closed bool
}

func (h *handle) Read(p []byte) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.closed {
		return 0, pathError("read", h.name, fs.ErrClosed)
	}
	if h.at >= len(h.file.data) {
		return 0, io.EOF
	}
	n := copy(p, h.file.data[h.at:])
	h.at += n
	return n, nil
}

// Write always goes to the end: nothing in package state writes elsewhere.
func (h *handle) Write(p []byte) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.closed || h.flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return 0, pathError("write", h.name, fs.ErrClosed)
	}
	h.file.data = append(h.file.data, p...)
	return len(p), nil
}

func (h *handle) Sync() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.closed {
		return pathError("sync", h.name, fs.ErrClosed)
	}
	h.file.synced = len(h.file.data)
	return nil
}

func (h *handle) Close() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.closed {
		return pathError("close", h.name, fs.ErrClosed)
	}
	h.closed = true
	return nil
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
