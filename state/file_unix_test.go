//go:build unix

package state_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

// Every file has mode 0600, whatever the umask, from the moment it has a name.
func TestModes(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := place(t)
	dir := filepath.Dir(path)
	save(t, path, before())
	faulty := statetest.NewFaulty(state.OS{}, func(statetest.Op) error {
		for name, mode := range modes(t, dir) {
			require.Equal(t, fs.FileMode(0o600), mode, name)
		}
		return nil
	})
	s := &story{expected: []*state.State{before()}}
	var err error
	s.run, err = state.Begin(t.Context(), state.NewFile(path, faulty), state.Options{FS: faulty})
	require.NoError(t, err)
	require.NoError(t, s.run.Bind(endpoint, account))
	require.NoError(t, s.intend(creation("a")))
	require.NoError(t, s.answer("a", state.Result{Op: state.OpCreate, App: app("a")}))
	require.Len(t, modes(t, dir), 3, "state, lock, journal")
	require.NoError(t, s.run.Finish(t.Context()))
	require.Len(t, modes(t, dir), 3, "state, lock, backup")
}

func TestLooserModesAreTightened(t *testing.T) {
	path := place(t)
	save(t, path, before())
	next := before()
	next.Serial++
	save(t, path, next)
	run, err := state.Begin(t.Context(), state.NewFile(path, state.OS{}), state.Options{})
	require.NoError(t, err)
	require.NoError(t, run.Bind(endpoint, account))
	must(t, run.Append(creation("a")))
	require.NoError(t, run.Close())
	for _, suffix := range []string{"", ".backup", ".journal", ".lock"} {
		require.NoError(t, os.Chmod(path+suffix, 0o664))
	}
	session, _, _, err := state.NewFile(path, state.OS{}).Open(t.Context(), state.Holder{})
	require.NoError(t, err)
	defer session.Close()
	for name, mode := range modes(t, filepath.Dir(path)) {
		require.Equal(t, fs.FileMode(0o600), mode, name)
	}
}

// Nothing that a lock is a link to is emptied.
func TestALockThatIsALink(t *testing.T) {
	path := place(t)
	precious := filepath.Join(t.TempDir(), "precious")
	require.NoError(t, os.WriteFile(precious, []byte("precious"), 0o600))
	require.NoError(t, os.Symlink(precious, path+".lock"))
	_, err := state.Begin(t.Context(), state.NewFile(path, state.OS{}), state.Options{})
	require.ErrorContains(t, err, path+".lock is no regular file: move it away")
	data, err := os.ReadFile(precious)
	require.NoError(t, err)
	require.Equal(t, "precious", string(data))
}

// Nobody waits for a FIFO's other end.
func TestAFIFO(t *testing.T) {
	path := place(t)
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	_, err := state.NewFile(path, state.OS{}).Load(t.Context())
	require.ErrorContains(t, err, "no regular file")

	path = place(t)
	require.NoError(t, syscall.Mkfifo(path+".fifo", 0o600))
	require.NoError(t, os.Symlink(path+".fifo", path+".journal"))
	_, err = state.NewFile(path, state.OS{}).Load(t.Context())
	require.ErrorContains(t, err, "no regular file", "nor at the end of a link")
}
