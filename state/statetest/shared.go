package statetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/shared"
)

// TestShared checks what package shared promises on a place. open makes an empty place with
// each call. No lease is waited for: TestLease does that, in virtual time.
func TestShared(t *testing.T, open func(t *testing.T) shared.Place) {
	t.Run("store", func(t *testing.T) {
		TestStore(t, func(t *testing.T) func() state.Store {
			place := open(t)
			return func() state.Store { return sharedStore(t, place) }
		})
	})
	t.Run("one of sixteen contenders gets the lock", func(t *testing.T) { testContenders(t, open(t)) })
	t.Run("unlock ends a lease at once", func(t *testing.T) { testUnlock(t, open(t)) })
	t.Run("a sleeper is out", func(t *testing.T) {
		place := open(t)
		require.ErrorIs(t, wake(t, place), state.ErrFenced)
		require.NotContains(t, load(t, place).Apps, "late")
		require.Contains(t, load(t, place).Apps, "taken-2")
	})
	t.Run("without open entries the sleeper would go on", func(t *testing.T) {
		require.NoError(t, wake(t, careless{open(t)}), "this is why an open entry is never removed")
	})
	t.Run("lost answers", func(t *testing.T) { testLostAnswers(t, open) })
	t.Run("a gap is damage", func(t *testing.T) { testGap(t, open(t)) })
	t.Run("a missing snapshot is damage", func(t *testing.T) { testMissingSnapshot(t, open(t)) })
	t.Run("a snapshot without a fold means nothing", func(t *testing.T) { testOrphanSnapshot(t, open(t)) })
	t.Run("a fold after one that failed", func(t *testing.T) { testFoldAgain(t, open(t)) })
	t.Run("the right to remove is not needed", func(t *testing.T) {
		place := undeleted{open(t)}
		for i := range 3 {
			require.NoError(t, FullRun(place, fmt.Sprint("app", i)))
		}
		require.Len(t, load(t, place).Apps, 6)
	})
	t.Run("a store that ignores conditions is refused", func(t *testing.T) {
		place := unconditional{open(t)}
		for range 2 {
			_, _, _, err := sharedStore(t, place).Open(t.Context(), state.Holder{})
			require.ErrorIs(t, err, shared.ErrUnconditional)
			require.ErrorContains(t, err, "docs/state.md")
		}
	})
	t.Run("doctor finds nothing wrong", func(t *testing.T) {
		for _, f := range shared.Examine(t.Context(), open(t)) {
			require.NoError(t, f.Err, f.Check)
		}
	})
}

func sharedStore(t testing.TB, place shared.Place) *shared.Store {
	t.Helper()
	s, err := shared.New(place, 0)
	require.NoError(t, err)
	return s
}

func load(t testing.TB, place shared.Place) *state.State {
	t.Helper()
	s, err := sharedStore(t, place).Load(t.Context())
	require.NoError(t, err)
	return s
}

var binding = state.Record{Bind: &state.Binding{Lineage: "lineage", Endpoint: "https://admin.jpush.cn/v1/", Account: "account"}}

func created(id string) state.Record {
	return state.Record{ID: id, Result: &state.Result{Op: state.OpCreate,
		App: &state.App{AppName: id, AndroidPackage: "cn.example." + id, AppKey: "key-" + id, MasterSecret: "secret-" + id}}}
}

// FullRun locks, appends, folds, appends and gives the lock back. It leaves two apps.
func FullRun(place shared.Place, id string) (err error) {
	s, err := shared.New(place, shared.MinLease)
	if err != nil {
		return err
	}
	ctx := context.Background()
	x, st, _, err := s.Open(ctx, state.Holder{PID: 1, Command: "apply", Wait: time.Minute})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	if err := fold(ctx, x, st, binding, created(id+"-1")); err != nil {
		return err
	}
	return x.Append(ctx, []state.Record{created(id + "-2")})
}

// fold appends records and folds them into the state of the session.
func fold(ctx context.Context, x state.Session, st *state.State, records ...state.Record) error {
	if err := x.Append(ctx, records); err != nil {
		return err
	}
	for _, rec := range records {
		st.Apply(rec)
	}
	st.Serial++
	return x.Fold(ctx, st)
}

func testContenders(t *testing.T, place shared.Place) {
	var sessions [16]state.Session
	var group sync.WaitGroup
	for i := range sessions {
		s := sharedStore(t, place)
		group.Go(func() {
			x, _, _, err := s.Open(context.Background(), state.Holder{PID: 1, Command: "apply"})
			sessions[i] = x
			if err != nil {
				_, locked := errors.AsType[*state.LockedError](err)
				assert.True(t, locked, "%v", err)
			}
		})
	}
	group.Wait()
	won := 0
	for _, x := range sessions {
		if x != nil {
			won++
			require.NoError(t, x.Close())
		}
	}
	require.Equal(t, 1, won)
}

func testUnlock(t *testing.T, place shared.Place) {
	ctx := t.Context()
	a := lock(t, sharedStore(t, place), "apply")
	held, err := sharedStore(t, place).Holder(ctx)
	require.NoError(t, err)
	require.Equal(t, "apply", held.Holder.Command)
	require.NoError(t, sharedStore(t, place).Unlock(ctx, held, state.Holder{Command: "state unlock"}))
	require.ErrorIs(t, a.Append(ctx, []state.Record{binding}), state.ErrFenced)
	require.Zero(t, a.Left())
	require.NoError(t, a.Close())
	shown := held
	held, err = sharedStore(t, place).Holder(ctx)
	require.NoError(t, err)
	require.Nil(t, held)
	b := lock(t, sharedStore(t, place), "apply")
	err = sharedStore(t, place).Unlock(ctx, shown, state.Holder{Command: "state unlock"})
	require.ErrorIs(t, err, shared.ErrOtherHolder)
	require.NoError(t, b.Append(ctx, []state.Record{binding}), "the lease that was not shown goes on")
	require.NoError(t, b.Close())
}

// wake returns what a writer meets that slept while two others took over, folded and removed.
func wake(t *testing.T, place shared.Place) error {
	t.Helper()
	ctx := t.Context()
	a := lock(t, sharedStore(t, place), "apply")
	require.NoError(t, a.Append(ctx, []state.Record{binding, created("shop")}))
	for i := range 2 {
		held, err := sharedStore(t, place).Holder(ctx)
		require.NoError(t, err)
		require.NoError(t, sharedStore(t, place).Unlock(ctx, held, state.Holder{}))
		require.NoError(t, takeOver(ctx, sharedStore(t, place), fmt.Sprint("taken-", i+1)))
	}
	err := a.Append(ctx, []state.Record{created("late")})
	require.NoError(t, a.Close())
	return err
}

// takeOver makes an app, folds and removes.
func takeOver(ctx context.Context, s *shared.Store, id string) error {
	b, st, _, err := s.Open(ctx, state.Holder{PID: 2, Command: "apply", Wait: time.Minute})
	if err != nil {
		return err
	}
	if err := fold(ctx, b, st, created(id)); err != nil {
		return err
	}
	return b.Close()
}

// testLostAnswers loses the answer to each call of a run in turn, of calls that took effect,
// that did not, and that do when nobody waits for them any more.
func testLostAnswers(t *testing.T, open func(t *testing.T) shared.Place) {
	counted := &Hooked{Place: open(t)}
	require.NoError(t, FullRun(counted, "first"))
	used := counted.Calls()
	require.NoError(t, FullRun(counted, "second"))
	tried := 0
	for n := 1; n <= counted.Calls()-used; n++ {
		for _, outcome := range []Outcome{Never, Done, Late} {
			t.Run(fmt.Sprintf("call %d %s", n, outcome), func(t *testing.T) { testLostAnswer(t, open(t), n, outcome) })
			tried++
		}
	}
	t.Logf("%d lost answers tried, 0 records lost", tried)
}

func testLostAnswer(t *testing.T, place shared.Place, n int, outcome Outcome) {
	require.NoError(t, FullRun(place, "first"))
	lossy, arrived := Lossy(place, outcome, func(c Call) bool {
		if c.N == n {
			t.Log("lost: ", c)
		}
		return c.N == n
	})
	require.NoError(t, FullRun(lossy, "second"))
	arrived()
	s := load(t, place)
	require.Len(t, s.Apps, 4)
	require.EqualValues(t, 2, s.Serial)
	require.NoError(t, FullRun(place, "third"))
}
