// Package statetest helps to test what is built on package state: the [state.Store] contract
// as a test, a file system in memory that loses power, and one that fails on request.
//
//	mem := &statetest.Memory{}
//	disk := statetest.NewFaulty(mem, statetest.FailFrom(17, syscall.EIO))
//	apply(state.NewFile("/jpsync.state.json", disk))
//	for _, loss := range mem.Losses() {
//		check(state.NewFile("/jpsync.state.json", mem.Lose(loss)))
//	}
package statetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
)

// TestStore checks the [state.Store] and the [state.Session] contract. open makes an empty
// place and returns a function that gives a new client of that place with each call.
func TestStore(t *testing.T, open func(t *testing.T) func() state.Store) {
	t.Run("nothing there is an empty state", func(t *testing.T) {
		s, err := open(t)().Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, state.New(), s)
	})
	t.Run("it says where it is", func(t *testing.T) { require.NotEmpty(t, open(t)().Location()) })
	t.Run("what one client folds another loads", func(t *testing.T) {
		client := open(t)
		Put(t, client(), Sample())
		s, err := client().Load(t.Context())
		require.NoError(t, err)
		requireSame(t, Sample(), s)
	})
	t.Run("a state that cannot be written leaves the one before", func(t *testing.T) {
		store := open(t)()
		Put(t, store, Sample())
		session, bad, _, err := store.Open(t.Context(), state.Holder{})
		require.NoError(t, err)
		bad.Serial++
		bad.Apps["x"] = state.App{AppName: "\xff"}
		require.Error(t, session.Fold(t.Context(), bad))
		require.NoError(t, session.Close())
		s, err := store.Load(t.Context())
		require.NoError(t, err)
		requireSame(t, Sample(), s)
	})
	t.Run("a context that is over is honoured", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		store := open(t)()
		_, err := store.Load(ctx)
		require.ErrorIs(t, err, context.Canceled)
		_, _, _, err = store.Open(ctx, state.Holder{Wait: time.Hour})
		require.ErrorIs(t, err, context.Canceled)
		session, s, _, err := store.Open(t.Context(), state.Holder{})
		require.NoError(t, err)
		require.ErrorIs(t, session.Append(ctx, journal()[:1]), context.Canceled)
		require.ErrorIs(t, session.Fold(ctx, s), context.Canceled)
		require.NoError(t, session.Close())
	})
	t.Run("readers see whole states", func(t *testing.T) { testReaders(t, open(t)) })
	testJournal(t, open)
	testLock(t, open)
}

// journal returns the records of a run over an empty place.
func journal() []state.Record {
	news := Sample().Apps["shop"]
	return []state.Record{
		{Bind: &state.Binding{Lineage: "lineage", Endpoint: "https://admin.jpush.cn/v1/", Account: "account"}},
		{ID: "news", Intent: &state.Intent{Op: state.OpCreate, AppName: "news"}},
		{ID: "news", Result: &state.Result{Op: state.OpCreate, App: &news}},
		{ID: "open", Intent: &state.Intent{Op: state.OpCreate, AppName: "open"}},
	}
}

// testJournal checks what becomes of a journal.
func testJournal(t *testing.T, open func(t *testing.T) func() state.Store) {
	check := func(t *testing.T, s *state.State, err error) {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, "lineage", s.Lineage)
		require.Equal(t, "account", s.Account)
		require.Equal(t, map[string]state.App{"news": Sample().Apps["shop"]}, s.Apps)
		require.Equal(t, map[string]state.Intent{"open": {Op: state.OpCreate, AppName: "open"}}, s.Pending)
	}
	appended := func(t *testing.T, store state.Store) state.Session {
		t.Helper()
		session, s, replayed, err := store.Open(t.Context(), state.Holder{})
		require.NoError(t, err)
		require.Zero(t, replayed)
		require.Equal(t, state.New(), s)
		require.NoError(t, session.Append(t.Context(), journal()[:2]))
		require.NoError(t, session.Append(t.Context(), journal()[2:]))
		return session
	}
	t.Run("what is appended can be loaded at once", func(t *testing.T) {
		client := open(t)
		session := appended(t, client())
		s, err := client().Load(t.Context())
		check(t, s, err)
		require.NoError(t, session.Close())
	})
	t.Run("a journal stays for the next run", func(t *testing.T) {
		client := open(t)
		require.NoError(t, appended(t, client()).Close())
		for range 2 { // until it is folded
			session, s, replayed, err := client().Open(t.Context(), state.Holder{})
			check(t, s, err)
			require.Equal(t, 3, replayed)
			require.NoError(t, session.Close())
		}
	})
	t.Run("a fold ends the journal", func(t *testing.T) {
		client := open(t)
		session := appended(t, client())
		s, err := client().Load(t.Context())
		require.NoError(t, err)
		s.Serial++
		require.NoError(t, session.Fold(t.Context(), s))
		require.NoError(t, session.Append(t.Context(), []state.Record{{ID: "news", Result: &state.Result{Op: state.OpDelete}}}),
			"another journal follows")
		require.NoError(t, session.Close())
		session, s, replayed, err := client().Open(t.Context(), state.Holder{})
		require.NoError(t, err)
		require.Equal(t, 1, replayed)
		require.Empty(t, s.Apps)
		require.EqualValues(t, 1, s.Serial)
		require.NoError(t, session.Close())
	})
	t.Run("a fold without a change ends the journal too", func(t *testing.T) {
		client := open(t)
		session := appended(t, client())
		require.NoError(t, session.Fold(t.Context(), state.New()))
		require.NoError(t, session.Close())
		s, err := client().Load(t.Context())
		require.NoError(t, err)
		requireSame(t, state.New(), s)
	})
}

func testLock(t *testing.T, open func(t *testing.T) func() state.Store) {
	t.Run("one writer at a time", func(t *testing.T) {
		client := open(t)
		session := lock(t, client(), "apply")
		_, _, _, err := client().Open(t.Context(), state.Holder{PID: 2})
		var locked *state.LockedError
		require.ErrorAs(t, err, &locked)
		require.Equal(t, "apply", locked.Holder.Command)
		require.Equal(t, 1, locked.Holder.PID)
		require.NoError(t, session.Close())
		require.NoError(t, session.Close(), "a second Close does nothing")
		next := lock(t, client(), "plan")
		require.NoError(t, session.Close(), "nor does one after somebody else has the lock")
		_, _, _, err = client().Open(t.Context(), state.Holder{})
		require.ErrorAs(t, err, &locked)
		require.NoError(t, next.Close())
	})
	t.Run("a wait ends with the lock", func(t *testing.T) {
		client := open(t)
		session := lock(t, client(), "apply")
		got := make(chan error)
		go func() {
			session, _, _, err := client().Open(context.Background(), state.Holder{Wait: time.Hour})
			if err == nil {
				err = session.Close()
			}
			got <- err
		}()
		require.NoError(t, session.Close())
		require.NoError(t, <-got)
	})
	t.Run("a wait ends with its time", func(t *testing.T) {
		client := open(t)
		defer lock(t, client(), "apply").Close()
		_, _, _, err := client().Open(t.Context(), state.Holder{Wait: time.Millisecond})
		var locked *state.LockedError
		require.ErrorAs(t, err, &locked)
	})
	t.Run("a wait ends with its context", func(t *testing.T) {
		client := open(t)
		defer lock(t, client(), "apply").Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, _, _, err := client().Open(ctx, state.Holder{Wait: time.Hour})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// testReaders loads while another client folds states that are whole only when the serial
// fits the number of apps.
func testReaders(t *testing.T, client func() state.Store) {
	const writes = 20
	ctx, cancel := context.WithCancel(context.Background())
	var g sync.WaitGroup
	defer g.Wait()
	for range 3 {
		g.Go(func() {
			store, last := client(), int64(0)
			for last < writes && ctx.Err() == nil {
				s, err := store.Load(context.Background())
				if err != nil {
					t.Errorf("load after serial %d: %v", last, err)
					return
				}
				if int64(len(s.Apps)) != s.Serial || s.Serial < last {
					t.Errorf("loaded serial %d with %d apps after serial %d", s.Serial, len(s.Apps), last)
					return
				}
				last = s.Serial
			}
		})
	}
	session := lock(t, client(), "apply")
	defer session.Close()
	s := state.New()
	s.Lineage = "readers"
	for range writes {
		s.Serial++
		s.Apps[string(rune('a'+s.Serial))] = state.App{AppName: "n", AndroidPackage: "p.q", AppKey: "k"}
		if err := session.Fold(t.Context(), s); err != nil {
			cancel()
			t.Fatal(err)
		}
	}
	g.Wait()
	cancel()
}

func lock(t *testing.T, store state.Store, command string) state.Session {
	t.Helper()
	session, _, _, err := store.Open(t.Context(), state.Holder{PID: 1, Command: command})
	require.NoError(t, err)
	return session
}
