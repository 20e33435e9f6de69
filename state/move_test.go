package state_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/state"
)

// stopper lets a number of folds through and fails from then on, as a process that is killed
// there.
type stopper struct {
	state.Store
	left *int
}

type stoppedSession struct {
	state.Session
	left *int
}

var errStopped = errors.New("stopped")

func (s stopper) Open(ctx context.Context, h state.Holder) (state.Session, *state.State, int, error) {
	session, st, n, err := s.Store.Open(ctx, h)
	if err != nil {
		return nil, nil, 0, err
	}
	return stoppedSession{session, s.left}, st, n, nil
}

func (s stoppedSession) Fold(ctx context.Context, st *state.State) error {
	if *s.left--; *s.left < 0 {
		return errStopped
	}
	return s.Session.Fold(ctx, st)
}

// fill writes a state with one app.
func fill(t *testing.T, store state.Store, key string) *state.State {
	t.Helper()
	run, err := state.Begin(t.Context(), store, state.Options{})
	require.NoError(t, err)
	defer run.Close()
	require.NoError(t, run.Update(t.Context(), func(s *state.State) error {
		s.Apps["shop"] = state.App{AppName: "Shop", AndroidPackage: "cn.shop", AppKey: key}
		return nil
	}))
	return run.State()
}

func load(t *testing.T, store state.Store) *state.State {
	t.Helper()
	s, err := store.Load(t.Context())
	require.NoError(t, err)
	return s
}

func files(t *testing.T) (a, b *state.File) {
	dir := t.TempDir()
	return state.NewFile(filepath.Join(dir, "a.json"), state.OS{}), state.NewFile(filepath.Join(dir, "b.json"), state.OS{})
}

func TestCopyThereAndBack(t *testing.T) {
	a, b := files(t)
	before := fill(t, a, "key1")
	require.NoError(t, state.Copy(t.Context(), a, b, state.Options{}))
	require.NoError(t, state.Copy(t.Context(), a, b, state.Options{}), "again")

	moved := load(t, b)
	assert.True(t, state.SameContent(before, moved))
	assert.Equal(t, before.Lineage, moved.Lineage)
	assert.Greater(t, moved.Serial, before.Serial)
	require.NoError(t, moved.Moved(b.Location()))
	_, err := state.Begin(t.Context(), a, state.Options{})
	var refused *state.MovedError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, b.Location(), refused.To)

	after := fill(t, b, "key2")
	require.NoError(t, state.Copy(t.Context(), b, a, state.Options{}))
	assert.True(t, state.SameContent(after, load(t, a)))
	require.NoError(t, load(t, a).Moved(""))
	require.Error(t, load(t, b).Moved(""))
}

// Wherever a copy is interrupted, at most one of the two states can be used, and the copy can
// be completed.
func TestCopyInterrupted(t *testing.T) {
	for steps := range 4 {
		t.Run(fmt.Sprintf("after %d writes", steps), func(t *testing.T) {
			a, b := files(t)
			before := fill(t, a, "key1")
			left := steps
			err := state.Copy(t.Context(), stopper{a, &left}, stopper{b, &left}, state.Options{})
			if steps < 3 {
				require.ErrorIs(t, err, errStopped)
			}
			live := 0
			for _, store := range []state.Store{a, b} {
				if s := load(t, store); s.Exists() && s.MovedTo == "" {
					live++
				}
			}
			assert.LessOrEqual(t, live, 1)
			require.NoError(t, state.Copy(t.Context(), a, b, state.Options{}))
			assert.True(t, state.SameContent(before, load(t, b)))
			require.NoError(t, load(t, b).Moved(""))
			require.Error(t, load(t, a).Moved(""))
			if steps < 3 {
				backup := state.NewFile(a.Location()+state.BackupSuffix, state.OS{})
				require.Error(t, load(t, backup).Moved(""), "it must not be taken for the state")
			}
		})
	}
}

// The call that completes a copy encrypts what the interrupted one left in clear in both places.
func TestCopyInterruptedWithoutRecipients(t *testing.T) {
	for name, k := range keepers(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			from := keeper{store: state.NewFile(filepath.Join(dir, "from.json"), state.OS{})}
			run := from.begin(t, state.Recipients{})
			must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: secretApp("a")})))
			require.NoError(t, run.Finish(t.Context()))
			left := 2 // both are marked
			require.ErrorIs(t, state.Copy(t.Context(), stopper{from.store, &left}, stopper{k.store, &left}, state.Options{}), errStopped)

			to, with := keyPair(t)
			require.NoError(t, state.Copy(t.Context(), from.store, k.store, state.Options{Recipients: to}))
			for name, data := range filesIn(t, dir) {
				requireNoCanary(t, name, data)
			}
			k.search(t)
			requireSecrets(t, load(t, k.store), with, "a")
		})
	}
}

func TestCopyRefuses(t *testing.T) {
	a, b := files(t)
	require.ErrorContains(t, state.Copy(t.Context(), a, b, state.Options{}), "there is no state")
	fill(t, a, "key1")
	fill(t, b, "key2")
	require.ErrorIs(t, state.Copy(t.Context(), a, b, state.Options{}), state.ErrOccupied)

	// A state that moved on from b is not brought to life there.
	c := state.NewFile(filepath.Join(t.TempDir(), "c.json"), state.OS{})
	d := state.NewFile(filepath.Join(t.TempDir(), "d.json"), state.OS{})
	require.NoError(t, state.Copy(t.Context(), a, c, state.Options{}))
	require.NoError(t, state.Copy(t.Context(), c, d, state.Options{}))
	var moved *state.MovedError
	require.ErrorAs(t, state.Copy(t.Context(), a, c, state.Options{}), &moved)
	require.NoError(t, load(t, d).Moved(""))
}
