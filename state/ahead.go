package state

import (
	"bytes"
	"io"
	"os"
)

// readAhead is a state that was read ahead, and the document it was read from.
type readAhead struct {
	data  []byte
	state *State // nil: it could not be read
}

// Ahead starts to read the state, so that there is less to do for the next Read: that one
// only makes sure that the file is still the same, byte for byte. A caller that has something
// else to do first, such as taking the lock, saves time on a machine of several processors.
func (f *File) Ahead() {
	ahead := make(chan readAhead, 1)
	f.ahead = ahead
	go func() {
		var g readAhead
		// A defect that panics does so again in Read, where somebody can tell it.
		defer func() { _ = recover(); ahead <- g }()
		path, err := resolve(f.fs, f.path)
		if err != nil {
			return
		}
		if g.data, err = readFile(f.fs, path); err != nil {
			return
		}
		if s, err := Unmarshal(g.data); err == nil {
			g.state = s
		}
	}()
}

// takeAhead returns the state that was read ahead, once, or nil if there is none or the file at
// path is another one by now.
func (f *File) takeAhead(path string) *State {
	if f.ahead == nil {
		return nil
	}
	g := <-f.ahead
	f.ahead = nil
	if g.state == nil || !f.unchanged(path, g.data) {
		return nil
	}
	return g.state
}

// unchanged reports whether a file still holds data and nothing else.
func (f *File) unchanged(path string, data []byte) bool {
	info, err := f.fs.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != int64(len(data)) {
		return false
	}
	h, err := f.fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return false
	}
	defer h.Close()
	part := make([]byte, 64<<10)
	for {
		n, err := h.Read(part)
		if !bytes.HasPrefix(data, part[:n]) {
			return false
		}
		data = data[n:]
		if err != nil {
			return err == io.EOF && len(data) == 0
		}
	}
}
