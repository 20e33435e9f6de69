package state_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

func TestViewWorksWhereNothingCanBeWritten(t *testing.T) {
	mem, _ := interrupted(t)
	require.NoError(t, mem.Chmod(statePath, 0o644))
	faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
		if op.N > 0 {
			t.Errorf("%v", op)
		}
		return nil
	})
	s, err := state.View(t.Context(), state.NewFile(statePath, faulty), state.Options{FS: faulty})
	require.NoError(t, err)
	require.Contains(t, s.Apps, "a")
}

func TestViewOfNothing(t *testing.T) {
	path := place(t)
	s, err := state.View(t.Context(), state.NewFile(path, state.OS{}), state.Options{})
	require.NoError(t, err)
	require.Equal(t, state.New(), s)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Empty(t, entries)
}

// race is a store that does something between View's two looks.
type race struct {
	state.Store
	journal string
	before  func()
	after   func()
}

func (r race) JournalPath() (string, error) { return r.journal, nil }

func (r race) Read(ctx context.Context) (*state.State, error) {
	if r.before != nil {
		r.before()
	}
	s, err := r.Store.Read(ctx)
	if r.after != nil {
		r.after()
	}
	return s, err
}

// A run ends, and others follow, while View is between the journal and the state.
func TestViewWhileRunsEnd(t *testing.T) {
	apply := func(mem *statetest.Memory, id string) {
		run, err := state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
		require.NoError(t, err)
		require.NoError(t, run.Bind(endpoint, account))
		_, err = run.Record(state.Result{Op: state.OpCreate, ID: id, App: app(id)})
		require.NoError(t, err)
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
			require.NoError(t, run.Open(1))
		},
	} {
		for _, when := range []string{"before", "after"} {
			t.Run(name+" "+when, func(t *testing.T) {
				mem, _ := interrupted(t)
				once := func() func() {
					done := false
					return func() {
						if !done {
							done = true
							meanwhile(mem)
						}
					}
				}()
				store := race{Store: state.NewFile(statePath, mem), journal: journalPath}
				if when == "before" {
					store.before = once
				} else {
					store.after = once
				}
				s, err := state.View(t.Context(), store, state.Options{FS: mem})
				require.NoError(t, err)
				now, err := view(mem)
				require.NoError(t, err)
				require.True(t, sameRecord(now, s), "%v", state.Diff(now, s))
			})
		}
	}
}

// A journal that is another one each time cannot be folded into anything.
func TestViewGivesUp(t *testing.T) {
	mem, one := interrupted(t)
	run, err := state.Begin(t.Context(), state.NewFile(statePath, disk(t, before())), state.Options{FS: mem, Journal: "/e/j"})
	require.NoError(t, err)
	require.NoError(t, run.Bind(endpoint, account))
	require.NoError(t, run.Open(1))
	other := content(t, mem, "/e/j")
	store := race{Store: state.NewFile(statePath, mem), journal: journalPath, after: func() {
		one, other = other, one
		put(t, mem, journalPath, one)
	}}
	_, err = state.View(t.Context(), store, state.Options{FS: mem})
	require.ErrorContains(t, err, "try again")
}
