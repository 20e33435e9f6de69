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

// Sample returns a state of two apps and a pending create that has every field set somewhere.
func Sample() *state.State {
	s := state.New()
	s.Lineage = "3b7a9c52-9a0e-4a43-8d2f-0f6f5f1c2d11"
	s.Serial = 7
	s.Endpoint = "https://admin.jpush.cn/v1/"
	s.Account = "0123456789abcdef01234567"
	s.Journal = "8c1d4e70-11b5-4b0a-9a58-6b1f2f5d9e02"
	s.Apps["shop"] = state.App{
		AppName: "商城", AndroidPackage: "cn.example.shop", GroupName: "Retail",
		AppKey: "7d431e42dfa6a6d693ac2d04", MasterSecret: "5e987ac6d2e04d95a9d8f0d1",
		Adopted: true, Protected: true, CreatedAt: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Certificates: state.Certificates{
			Production: state.Certificate{FileSHA256: "aa11", Fingerprint: "bb22", BundleID: "cn.example.shop.ios",
				NotAfter:   time.Date(2027, 4, 5, 6, 7, 8, 0, time.UTC),
				UploadedAt: time.Date(2026, 3, 4, 5, 6, 9, 0, time.UTC)},
			Development: state.Certificate{FileSHA256: "cc33", Fingerprint: "dd44"},
		},
	}
	s.Apps["tab\t\"quoted\""] = state.App{AppName: `a\b`, AndroidPackage: "cn.example.b", AppKey: "c0ffee"}
	s.Pending["news"] = state.Intent{Op: state.OpCreate, AppName: "新闻", AndroidPackage: "cn.example.news",
		GroupName: "Media", At: time.Date(2026, 3, 4, 5, 7, 0, 0, time.UTC)}
	return s
}

// TestStore checks the [state.Store] contract. open makes an empty place and returns a
// function that gives a new client of that place with each call.
func TestStore(t *testing.T, open func(t *testing.T) func() state.Store) {
	t.Run("nothing there is an empty state", func(t *testing.T) {
		s, err := open(t)().Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, state.New(), s)
	})
	t.Run("what one client writes another reads", func(t *testing.T) {
		client := open(t)
		write(t, client(), Sample())
		s, err := client().Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, Sample(), s)
	})
	t.Run("a written state is a copy", func(t *testing.T) {
		store := open(t)()
		s := Sample()
		write(t, store, s)
		clear(s.Apps)
		again, err := store.Read(t.Context())
		require.NoError(t, err)
		clear(again.Apps)
		again, err = store.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, Sample(), again)
	})
	t.Run("a state that cannot be written leaves the one before", func(t *testing.T) {
		store := open(t)()
		write(t, store, Sample())
		bad := Sample()
		bad.Serial++
		bad.Apps["x"] = state.App{AppName: "\xff"}
		release := lock(t, store, "bad")
		defer release()
		require.Error(t, store.Write(t.Context(), bad))
		s, err := store.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, Sample(), s)
	})
	t.Run("a context that is over is honoured", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		store := open(t)()
		_, err := store.Read(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, store.Write(ctx, Sample()), context.Canceled)
		_, err = store.Lock(ctx, state.Holder{Wait: time.Hour})
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("it says where it is", func(t *testing.T) { require.NotEmpty(t, open(t)().Location()) })
	t.Run("readers see whole states", func(t *testing.T) { testReaders(t, open(t)) })
	testLock(t, open)
}

func testLock(t *testing.T, open func(t *testing.T) func() state.Store) {
	t.Run("one writer at a time", func(t *testing.T) {
		client := open(t)
		release := lock(t, client(), "apply")
		_, err := client().Lock(t.Context(), state.Holder{PID: 2})
		var locked *state.LockedError
		require.ErrorAs(t, err, &locked)
		require.Equal(t, "apply", locked.Holder.Command)
		require.Equal(t, 1, locked.Holder.PID)
		require.NoError(t, release())
		require.NoError(t, release(), "a second release does nothing")
		next := lock(t, client(), "plan")
		require.NoError(t, release(), "nor does one after somebody else has the lock")
		_, err = client().Lock(t.Context(), state.Holder{})
		require.ErrorAs(t, err, &locked)
		require.NoError(t, next())
	})
	t.Run("a wait ends with the lock", func(t *testing.T) {
		client := open(t)
		release := lock(t, client(), "apply")
		got := make(chan error)
		go func() {
			release, err := client().Lock(context.Background(), state.Holder{Wait: time.Hour})
			if err == nil {
				err = release()
			}
			got <- err
		}()
		require.NoError(t, release())
		require.NoError(t, <-got)
	})
	t.Run("a wait ends with its time", func(t *testing.T) {
		client := open(t)
		defer lock(t, client(), "apply")()
		_, err := client().Lock(t.Context(), state.Holder{Wait: time.Millisecond})
		var locked *state.LockedError
		require.ErrorAs(t, err, &locked)
	})
	t.Run("a wait ends with its context", func(t *testing.T) {
		client := open(t)
		defer lock(t, client(), "apply")()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := client().Lock(ctx, state.Holder{Wait: time.Hour})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// testReaders reads while another client writes states that are whole only when the serial
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
				s, err := store.Read(context.Background())
				if err != nil {
					t.Errorf("read after serial %d: %v", last, err)
					return
				}
				if int64(len(s.Apps)) != s.Serial || s.Serial < last {
					t.Errorf("read serial %d with %d apps after serial %d", s.Serial, len(s.Apps), last)
					return
				}
				last = s.Serial
			}
		})
	}
	store := client()
	release := lock(t, store, "apply")
	defer release()
	s := state.New()
	s.Lineage = "readers"
	for range writes {
		s.Serial++
		s.Apps[string(rune('a'+s.Serial))] = state.App{AppName: "n", AndroidPackage: "p.q", AppKey: "k"}
		if err := store.Write(t.Context(), s); err != nil {
			cancel()
			t.Fatal(err)
		}
	}
	g.Wait()
	cancel()
}

func lock(t *testing.T, store state.Store, command string) func() error {
	t.Helper()
	release, err := store.Lock(t.Context(), state.Holder{PID: 1, Command: command})
	require.NoError(t, err)
	return release
}

func write(t *testing.T, store state.Store, s *state.State) {
	t.Helper()
	release := lock(t, store, "test")
	require.NoError(t, store.Write(t.Context(), s))
	require.NoError(t, release())
}
