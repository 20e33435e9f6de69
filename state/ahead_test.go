package state_test

import (
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
)

// patient is a file system that tells when a file is opened and closed, and that notes the
// sizes of the reads.
type patient struct {
	state.OS
	opened chan struct{}
	closed chan struct{}
	sizes  *[]int
}

func (p patient) OpenFile(name string, flag int, perm fs.FileMode) (state.Handle, error) {
	p.opened <- struct{}{}
	h, err := p.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return patientHandle{h, p}, nil
}

type patientHandle struct {
	state.Handle
	patient
}

func (h patientHandle) Read(b []byte) (int, error) {
	*h.sizes = append(*h.sizes, len(b))
	return h.Handle.Read(b)
}

func (h patientHandle) Close() error {
	defer func() { h.closed <- struct{}{} }()
	return h.Handle.Close()
}

// What was read ahead counts only if the file still is what it was, byte for byte.
func TestReadingAhead(t *testing.T) {
	later := before()
	later.Serial++
	doc, err := state.Marshal(later)
	require.NoError(t, err)
	for _, tt := range []struct {
		name      string
		meanwhile func(t *testing.T, path string)
		serial    int64
		wrong     error
	}{
		{"nothing happens", func(*testing.T, string) {}, before().Serial, nil},
		{"an apply ends", func(t *testing.T, path string) { save(t, path, later) }, later.Serial, nil},
		{"it is written in place", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, doc, 0o600))
		}, later.Serial, nil},
		{"it is cut", func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 100)) }, 0, state.ErrDamaged},
		{"it loses its last byte", func(t *testing.T, path string) {
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, info.Size()-2))
		}, 0, state.ErrDamaged},
		{"something is appended", func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteString("{}")
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}, 0, state.ErrDamaged},
		{"it goes away", func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.RemoveAll(path+".backup"))
		}, 0, nil},
		{"another file takes its place and time", func(t *testing.T, path string) {
			info, err := os.Stat(path)
			require.NoError(t, err)
			save(t, path, later)
			require.NoError(t, os.Chtimes(path, time.Time{}, info.ModTime()))
		}, later.Serial, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := place(t)
			save(t, path, before())
			p := patient{opened: make(chan struct{}, 10), closed: make(chan struct{}, 10), sizes: new([]int)}
			store := state.NewFile(path, p)
			store.Ahead()
			<-p.opened
			<-p.closed
			tt.meanwhile(t, path)
			*p.sizes = nil
			for range 2 { // what was read ahead is good for once
				s, err := store.Read(t.Context())
				require.ErrorIs(t, err, tt.wrong)
				if tt.wrong == nil {
					require.Equal(t, tt.serial, s.Serial)
					s.Serial = 1000 // whoever reads may change what it got
				}
			}
		})
	}
}

// What was read ahead is compared in parts, and not read and parsed a second time.
func TestReadingAheadSavesReading(t *testing.T) {
	path := place(t)
	save(t, path, before())
	p := patient{opened: make(chan struct{}, 10), closed: make(chan struct{}, 10), sizes: new([]int)}
	store := state.NewFile(path, p)
	read := func() int {
		*p.sizes = nil
		_, err := store.Read(t.Context())
		require.NoError(t, err)
		return (*p.sizes)[0]
	}
	whole := read()
	<-p.opened
	<-p.closed
	store.Ahead()
	<-p.opened
	<-p.closed
	require.NotEqual(t, whole, read(), "it is compared")
	require.Equal(t, whole, read(), "and that is good for once")
}

// Nothing to read ahead, a damaged state and a defect are left to Read.
func TestReadingAheadInVain(t *testing.T) {
	path := place(t)
	store := state.NewFile(path, state.OS{})
	store.Ahead()
	s, err := store.Read(t.Context())
	require.NoError(t, err)
	require.Zero(t, s.Serial)

	require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
	store.Ahead()
	_, err = store.Read(t.Context())
	require.ErrorIs(t, err, state.ErrDamaged)

	store = state.NewFile(path, nil) // no file system: a nil pointer is met
	store.Ahead()
	require.Panics(t, func() { _, _ = store.Read(t.Context()) })
}
