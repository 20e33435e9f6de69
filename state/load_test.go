package state_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

func TestLoadWorksWhereNothingCanBeWritten(t *testing.T) {
	mem, _ := interrupted(t)
	require.NoError(t, mem.Chmod(statePath, 0o644))
	faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
		if op.N > 0 {
			t.Errorf("%v", op)
		}
		return nil
	})
	s, err := state.NewFile(statePath, faulty).Load(t.Context())
	require.NoError(t, err)
	require.Contains(t, s.Apps, "a")
}

func TestLoadOfNothing(t *testing.T) {
	path := place(t)
	s, err := state.NewFile(path, state.OS{}).Load(t.Context())
	require.NoError(t, err)
	require.Equal(t, state.New(), s)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Empty(t, entries)
}

// race is a disk on which something happens when the state is opened to be read.
type race struct {
	state.FS
	before func()
}

func (r race) OpenFile(name string, flag int, perm fs.FileMode) (state.Handle, error) {
	if name == statePath {
		r.before()
	}
	return r.FS.OpenFile(name, flag, perm)
}

// A run ends, and others follow, while Load is between the journal and the state.
func TestLoadWhileRunsEnd(t *testing.T) {
	apply := func(mem *statetest.Memory, id string) {
		run, err := state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
		require.NoError(t, err)
		require.NoError(t, run.Bind(endpoint, account))
		must(t, run.Append(result(id, state.Result{Op: state.OpCreate, App: app(id)})))
		require.NoError(t, run.Finish(t.Context()))
	}
	change := func(mem *statetest.Memory) {
		run, err := state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
		require.NoError(t, err)
		require.NoError(t, run.Update(t.Context(), func(s *state.State) error { delete(s.Apps, "a"); return nil }))
		require.NoError(t, run.Close())
	}
	for name, meanwhile := range map[string]func(*statetest.Memory){
		"the journal is folded":               func(mem *statetest.Memory) { apply(mem, "x") },
		"two runs later":                      func(mem *statetest.Memory) { apply(mem, "x"); apply(mem, "y") },
		"folded, and the app removed by hand": change,
		"folded, removed and another run begins": func(mem *statetest.Memory) {
			change(mem)
			run, err := state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
			require.NoError(t, err)
			require.NoError(t, run.Bind(endpoint, account))
			require.NoError(t, run.Start(t.Context()))
			require.NoError(t, run.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			mem, _ := interrupted(t)
			var once sync.Once
			store := state.NewFile(statePath, race{mem, func() { once.Do(func() { meanwhile(mem) }) }})
			s, err := store.Load(t.Context())
			require.NoError(t, err)
			now, err := view(mem)
			require.NoError(t, err)
			require.True(t, sameRecord(now, s))
		})
	}
}

// A journal that is another one each time cannot be replayed onto anything.
func TestLoadGivesUp(t *testing.T) {
	mem, one := interrupted(t)
	elsewhere, _ := interrupted(t)
	run, err := state.Begin(t.Context(), state.NewFile(statePath, elsewhere), state.Options{FS: elsewhere})
	require.NoError(t, err)
	require.NoError(t, run.Bind(endpoint, account))
	require.NoError(t, run.Start(t.Context()))
	other := content(t, elsewhere, journalPath)
	require.NoError(t, run.Close())
	store := state.NewFile(statePath, race{mem, func() {
		one, other = other, one
		put(t, mem, journalPath, one)
	}})
	_, err = store.Load(t.Context())
	require.ErrorContains(t, err, "try again")
}
