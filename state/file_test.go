package state_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

func TestFileOnDisk(t *testing.T) {
	statetest.TestStore(t, func(t *testing.T) func() state.Store {
		path := filepath.Join(t.TempDir(), "jpsync.state.json")
		return func() state.Store { return state.NewFile(path, state.OS{}) }
	})
}

func TestFileInMemory(t *testing.T) {
	statetest.TestStore(t, func(t *testing.T) func() state.Store {
		mem := &statetest.Memory{}
		return func() state.Store { return state.NewFile(statePath, mem) }
	})
}

// place returns the path of a state in a new directory.
func place(t testing.TB) string { return filepath.Join(t.TempDir(), "jpsync.state.json") }

func save(t testing.TB, path string, s *state.State) []byte {
	t.Helper()
	statetest.Put(t, state.NewFile(path, state.OS{}), s)
	doc, err := os.ReadFile(path)
	require.NoError(t, err)
	return doc
}

func modes(t testing.TB, dir string) map[string]fs.FileMode {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	got := map[string]fs.FileMode{}
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		got[e.Name()] = info.Mode()
	}
	return got
}

func TestBackupIsTheStateBefore(t *testing.T) {
	path := place(t)
	first := save(t, path, before())
	require.NoFileExists(t, path+".backup")
	next := before()
	next.Serial++
	second := save(t, path, next)
	backup, err := os.ReadFile(path + ".backup")
	require.NoError(t, err)
	require.Equal(t, string(first), string(backup))
	next.Serial++
	save(t, path, next)
	backup, err = os.ReadFile(path + ".backup")
	require.NoError(t, err)
	require.Equal(t, string(second), string(backup))
}

func TestALinkStandsForItsTarget(t *testing.T) {
	for _, exists := range []bool{true, false} {
		real, dir := place(t), t.TempDir()
		if exists {
			save(t, real, before())
		}
		middle, link := filepath.Join(dir, "middle"), filepath.Join(dir, "link")
		require.NoError(t, os.Symlink(real, middle))
		require.NoError(t, os.Symlink("middle", link))
		run, err := state.Begin(t.Context(), state.NewFile(link, state.OS{}), state.Options{})
		require.NoError(t, err)
		defer run.Close()
		_, _, _, err = state.NewFile(real, state.OS{}).Open(t.Context(), state.Holder{})
		var locked *state.LockedError
		require.ErrorAs(t, err, &locked, "both names have one lock")
		require.NoError(t, run.Bind(endpoint, account))
		must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: app("a")})))
		require.FileExists(t, real+".journal")
		require.NoError(t, run.Finish(t.Context()))
		s, err := state.NewFile(real, state.OS{}).Load(t.Context())
		require.NoError(t, err)
		require.Contains(t, s.Apps, "a")
		for name, mode := range modes(t, dir) {
			require.NotZero(t, mode&fs.ModeSymlink, name)
		}
	}
	loop := place(t)
	require.NoError(t, os.Symlink(loop, loop))
	_, err := state.NewFile(loop, state.OS{}).Load(t.Context())
	require.ErrorContains(t, err, "too many links")
}

func TestStaleTemporaryFilesGo(t *testing.T) {
	path := place(t)
	own := []string{path + ".tmp-ABCDEFGHIJKL", path + ".tmp-234567234567"}
	foreign := []string{path + ".tmp", path + ".tmp-before-friday", path + ".tmp-abcdefghijkl", path + ".tmp-ABCDEFGHIJKLM", filepath.Join(filepath.Dir(path), "other.state.json.tmp-D"), path + ".journal.notes"}
	for _, name := range append(own, foreign...) {
		require.NoError(t, os.WriteFile(name, nil, 0o600))
	}
	run, err := state.Begin(t.Context(), state.NewFile(path, state.OS{}), state.Options{})
	require.NoError(t, err)
	require.NoError(t, run.Close())
	for _, name := range own {
		require.NoFileExists(t, name)
	}
	for _, name := range foreign {
		require.FileExists(t, name)
	}
}

func TestADamagedStateIsNotOverwritten(t *testing.T) {
	path := place(t)
	save(t, path, before())
	next := before()
	next.Serial++
	save(t, path, next)
	for _, junk := range []string{"", "{", "\x00\x00\x00"} {
		require.NoError(t, os.WriteFile(path, []byte(junk), 0o600))
		store := state.NewFile(path, state.OS{})
		_, err := store.Load(t.Context())
		require.ErrorIs(t, err, state.ErrDamaged)
		require.ErrorContains(t, err, path)
		_, err = state.Begin(t.Context(), store, state.Options{})
		require.ErrorIs(t, err, state.ErrDamaged)
		_, err = state.NewFile(path+".backup", state.OS{}).Load(t.Context())
		require.NoError(t, err, "the backup is as it was")
	}
}

// A journal gets its name while it is open, and a plan may read what an apply replaces.
func TestFilesThatAreOpen(t *testing.T) {
	var disk state.OS
	path := place(t)
	write := func(name, text string) state.Handle {
		f, err := disk.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		_, err = f.Write([]byte(text))
		require.NoError(t, err)
		return f
	}
	writer := write(path+".tmp-x", "new")
	require.NoError(t, disk.Rename(path+".tmp-x", path))
	_, err := writer.Write([]byte("er"))
	require.NoError(t, err)
	doc, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "newer", string(doc))

	reader, err := disk.OpenFile(path, os.O_RDONLY, 0)
	require.NoError(t, err)
	defer reader.Close()
	t.Run("replaced", func(t *testing.T) {
		write(path+".tmp-y", "newest")
		require.NoError(t, disk.Rename(path+".tmp-y", path))
		doc, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.Equal(t, "newer", string(doc))
	})
	t.Run("removed", func(t *testing.T) {
		require.NoError(t, disk.Remove(path))
		require.NoFileExists(t, path)
	})
}

// Whatever else has the state's name costs neither time nor memory.
func TestOtherThanAFile(t *testing.T) {
	path := place(t)
	require.NoError(t, os.Mkdir(path, 0o700))
	_, err := state.NewFile(path, state.OS{}).Load(t.Context())
	require.ErrorContains(t, err, "no regular file")

	path = place(t)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, 2<<30))
	_, err = state.NewFile(path, state.OS{}).Load(t.Context())
	require.ErrorContains(t, err, "is the limit")
}

func TestAMissingDirectory(t *testing.T) {
	store := state.NewFile(filepath.Join(t.TempDir(), "no", "jpsync.state.json"), state.OS{})
	_, _, _, err := store.Open(t.Context(), state.Holder{Wait: time.Hour})
	require.ErrorIs(t, err, fs.ErrNotExist)
}
