package state_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/shared"
)

func TestLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := begin(t, disk(t, before()))
		require.EqualValues(t, math.MaxInt64, run.Left(), "a local file's lock has no end")
		require.NoError(t, run.Close())

		place := shared.NewMemory()
		store, err := shared.New(place, 10*time.Second)
		require.NoError(t, err)
		run, err = state.Begin(t.Context(), store, state.Options{})
		require.NoError(t, err)
		defer run.Close()
		require.InDelta(t, 10, run.Left().Seconds(), 0.5) // one of its clocks is a real one
		time.Sleep(2 * time.Second)
		require.InDelta(t, 8, run.Left().Seconds(), 0.5)
		require.NoError(t, run.Bind(endpoint, account))
		require.NoError(t, run.Append(creation("first"))())
		require.InDelta(t, 10, run.Left().Seconds(), 0.5, "a commit renews it")
		unlock(t, store)
		require.Error(t, run.Append(creation("a"))())
		require.Zero(t, run.Left())
	})
}

// A run that lost its lock folds nothing. Its recovery file has what did not become durable
// and nothing else: another run has gone on from the rest.
func TestFinishWithoutTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := shared.NewMemory()
		store, err := shared.New(place, 10*time.Second)
		require.NoError(t, err)
		first := func() *state.Run {
			run, err := state.Begin(t.Context(), store, state.Options{})
			require.NoError(t, err)
			require.NoError(t, run.Bind(endpoint, account))
			return run
		}
		run := first()
		for _, id := range []string{"gone", "forgotten", "kept"} {
			must(t, run.Append(result(id, state.Result{Op: state.OpCreate, App: app(id)})))
		}
		require.NoError(t, run.Finish(t.Context()))

		run = first()
		must(t, run.Append(result("forgotten", state.Result{Op: state.OpUpload, App: certified("forgotten")})))
		must(t, run.Append(deletion("gone")))
		must(t, run.Append(creation("new")))
		must(t, run.Append(creation("refused")))
		unlock(t, store)
		other := first()
		require.NoError(t, other.Update(t.Context(), func(s *state.State) error {
			delete(s.Apps, "forgotten") // what is durable is the other run's to change
			return nil
		}))
		require.NoError(t, other.Close())
		for _, rec := range []state.Record{
			result("gone", state.Result{Op: state.OpDelete}),
			result("new", state.Result{Op: state.OpCreate, App: app("new")}),
			result("refused", state.Result{Op: state.OpCreate, Failed: true}),
		} {
			require.ErrorIs(t, run.Append(rec)(), state.ErrFenced)
		}
		snapshots, _, err := place.List(t.Context(), "state/", "")
		require.NoError(t, err)
		err = run.Finish(t.Context())
		var unsaved *state.SaveError
		require.ErrorAs(t, err, &unsaved)
		require.False(t, unsaved.Journaled)
		require.ErrorIs(t, err, state.ErrFenced)
		after, _, err := place.List(t.Context(), "state/", "")
		require.NoError(t, err)
		require.Equal(t, snapshots, after)

		file, err := run.WriteRecovery(t.TempDir())
		require.NoError(t, err)
		r, err := state.Recover(t.Context(), store, state.Options{}, file)
		require.NoError(t, err)
		require.True(t, r.Complete())
		s, err := store.Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[string]state.App{"kept": *app("kept"), "new": *app("new")}, s.Apps)
		require.Empty(t, s.Pending)
	})
}

// A lease that ended by itself is over as well, although everything is durable.
func TestFinishAfterTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := ended{state.NewFile(statePath, disk(t, before()))}
		run, err := state.Begin(t.Context(), store, state.Options{})
		require.NoError(t, err)
		require.NoError(t, run.Bind(endpoint, account))
		must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: app("a")})))
		err = run.Finish(t.Context())
		var unsaved *state.SaveError
		require.ErrorAs(t, err, &unsaved)
		require.True(t, unsaved.Journaled, "the next run replays it")
		var lost *state.LeaseError
		require.ErrorAs(t, err, &lost)
	})
}

// ended is a store whose lease is over from the start.
type ended struct{ state.Store }

type endedSession struct{ state.Session }

func (endedSession) Left() time.Duration { return 0 }

func (e ended) Open(ctx context.Context, h state.Holder) (state.Session, *state.State, int, error) {
	session, s, n, err := e.Store.Open(ctx, h)
	return endedSession{session}, s, n, err
}

// unlock takes the lock away from whoever has it.
func unlock(t *testing.T, store *shared.Store) {
	t.Helper()
	held, err := store.Holder(t.Context())
	require.NoError(t, err)
	require.NoError(t, store.Unlock(t.Context(), held, state.Holder{PID: 2}))
}
