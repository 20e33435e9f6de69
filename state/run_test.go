package state_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

func TestARunWithoutChangesTouchesNothing(t *testing.T) {
	path := place(t)
	doc := save(t, path, before())
	faulty := statetest.NewFaulty(state.OS{}, nil)
	run, err := state.Begin(t.Context(), state.NewFile(path, faulty), state.Options{FS: faulty})
	require.NoError(t, err)
	require.NoError(t, run.Bind(endpoint, account))
	require.NoError(t, run.Update(t.Context(), func(*state.State) error { return nil }))
	require.NoError(t, run.Finish(t.Context()))
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(doc), string(after))
	require.Len(t, faulty.Log(), 2, "lock and unlock")
}

// Requests that all failed leave the state as it was, too.
func TestARunThatOnlyFailedLeavesTheSerial(t *testing.T) {
	mem := disk(t, before())
	run := begin(t, mem)
	must(t, run.Append(creation("a")))
	must(t, run.Append(result("a", state.Result{Op: state.OpCreate, Failed: true})))
	require.NoError(t, run.Finish(t.Context()))
	require.Equal(t, string(marshal(t, before())), string(content(t, mem, statePath)))
	names, _ := mem.ReadDir("/d")
	require.Equal(t, []string{"jpsync.state.json", "jpsync.state.json.lock"}, names)
}

func TestTheFirstChangeBindsAndNames(t *testing.T) {
	mem := &statetest.Memory{}
	run, err := state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
	require.NoError(t, err)
	require.Regexp(t, regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`), run.State().Lineage)
	require.ErrorContains(t, run.Start(t.Context()), "bound")
	require.Error(t, run.Bind("", account))
	require.NoError(t, run.Bind(endpoint, account))
	must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: app("a")})))
	require.NoError(t, run.Finish(t.Context()))
	s, err := view(mem)
	require.NoError(t, err)
	require.EqualValues(t, 1, s.Serial)
	require.Equal(t, endpoint, s.Endpoint)
	require.Equal(t, account, s.Account)
	require.Equal(t, run.State(), s)
	require.NotEmpty(t, s.Journal)
}

func TestAnotherAccountOrEndpointIsRefused(t *testing.T) {
	mem := disk(t, before())
	for _, tt := range []struct{ endpoint, account, field string }{
		{"https://other/", account, "endpoint"}, {endpoint, "other", "account"},
	} {
		run, err := state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
		require.NoError(t, err)
		var mismatch *state.MismatchError
		require.ErrorAs(t, run.Bind(tt.endpoint, tt.account), &mismatch)
		require.Equal(t, tt.field, mismatch.Field)
		require.NotEqual(t, mismatch.Recorded, mismatch.Given)
		require.NoError(t, run.Close())
	}
}

func TestStateIsACopyAsOfNow(t *testing.T) {
	mem := disk(t, before())
	run := begin(t, mem)
	must(t, run.Append(result("kept", state.Result{Op: state.OpUpload, App: certified("kept")})))
	s := run.State()
	require.Equal(t, *certified("kept"), s.Apps["kept"])
	clear(s.Apps)
	require.Equal(t, *certified("kept"), run.State().Apps["kept"])
	require.NoError(t, run.Finish(t.Context()))
}

func TestARecordedAppIsACopy(t *testing.T) {
	run := begin(t, disk(t, before()))
	a := certified("kept")
	must(t, run.Append(result("kept", state.Result{Op: state.OpUpload, App: a})))
	a.Certificates = state.Certificates{}
	require.Equal(t, *certified("kept"), run.State().Apps["kept"])
	require.NoError(t, run.Close())
}

func TestUpdate(t *testing.T) {
	mem := disk(t, before())
	run := begin(t, mem)
	boom := errors.New("boom")
	require.ErrorIs(t, run.Update(t.Context(), func(s *state.State) error { clear(s.Apps); return boom }), boom)
	require.Len(t, run.State().Apps, 2)
	require.Error(t, run.Update(t.Context(), func(s *state.State) error { s.Lineage = ""; return nil }))
	require.NoError(t, run.Update(t.Context(), func(s *state.State) error {
		s.Apps["new"] = s.Apps["old"]
		delete(s.Apps, "old")
		return nil
	}))
	s, err := view(mem)
	require.NoError(t, err)
	require.EqualValues(t, before().Serial+1, s.Serial)
	require.Contains(t, s.Apps, "new")
	require.Equal(t, string(marshal(t, before())), string(content(t, mem, statePath+".backup")))
	require.NoError(t, run.Start(t.Context()))
	require.Error(t, run.Update(t.Context(), func(*state.State) error { return nil }), "a journal continues the state as it is")
	require.NoError(t, run.Finish(t.Context()))
	require.Error(t, run.Start(t.Context()))
	require.Error(t, run.Update(t.Context(), func(*state.State) error { return nil }))
}

func TestFinishSavesAlsoAfterAnInterrupt(t *testing.T) {
	mem := disk(t, before())
	run := begin(t, mem)
	must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: app("a")})))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, run.Finish(ctx))
	require.NoError(t, run.Finish(ctx))
	require.NoError(t, run.Close())
	s, err := state.NewFile(statePath, mem).Load(t.Context())
	require.NoError(t, err)
	require.Contains(t, s.Apps, "a")
}

func TestTheLockGoesAlsoWhenBeginFails(t *testing.T) {
	mem := disk(t, before())
	put(t, mem, journalPath, []byte("{}\n"))
	store := state.NewFile(statePath, mem)
	_, err := state.Begin(t.Context(), store, state.Options{FS: mem})
	require.ErrorIs(t, err, state.ErrDamaged)
	unlock, ok, err := mem.TryLock(statePath+".lock", "{}")
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, unlock())
}

func TestRecoverNeverOverwrites(t *testing.T) {
	mem := disk(t, before())
	faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
		if op.Kind == statetest.Rename && op.Name == statePath || filepath.ToSlash(filepath.Dir(op.Name)) == "/full" {
			return syscall.ENOSPC
		}
		return nil
	})
	run := begin(t, faulty)
	must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: app("a")})))
	err := run.Finish(t.Context())
	var unsaved *state.SaveError
	require.ErrorAs(t, err, &unsaved)
	require.True(t, unsaved.Journaled)
	require.ErrorIs(t, err, syscall.ENOSPC)

	_, err = run.WriteRecovery("/full")
	require.ErrorIs(t, err, syscall.ENOSPC)
	for _, want := range []string{"errored.jpsync.journal", "errored.jpsync.journal.2", "errored.jpsync.journal.3"} {
		path, err := run.WriteRecovery("/full", "/rescue")
		require.NoError(t, err)
		require.Equal(t, "/rescue/"+want, filepath.ToSlash(path))
	}
	next := begin(t, mem)
	require.Equal(t, 1, next.Replayed())
	require.Equal(t, "key-a", next.State().Apps["a"].AppKey)
	require.EqualValues(t, before().Serial+1, next.State().Serial)
	require.NoError(t, next.Close())
}

// A recovery file has everything that makes one state of the other.
func TestARecoveryFileHasEveryChange(t *testing.T) {
	start := before()
	start.Pending["withdrawn"] = *creation("withdrawn").Intent
	mem := disk(t, start)
	faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
		if op.Kind == statetest.Sync && strings.HasPrefix(op.Name, statePath) {
			return syscall.EIO
		}
		return nil
	})
	run := begin(t, faulty)
	for _, rec := range []state.Record{
		deletion("old"),
		result("old", state.Result{Op: state.OpDelete}),
		result("old", state.Result{Op: state.OpCreate, App: app("b")}),
		result("kept", state.Result{Op: state.OpUpload, App: certified("kept")}),
		result("withdrawn", state.Result{Op: state.OpCreate, Failed: true}),
		creation("open"),
	} {
		require.ErrorIs(t, run.Append(rec)(), syscall.EIO)
	}
	want := run.State()
	err := run.Finish(t.Context())
	var unsaved *state.SaveError
	require.ErrorAs(t, err, &unsaved)
	require.False(t, unsaved.Journaled)
	path, err := run.WriteRecovery("/rescue")
	require.NoError(t, err)
	r, err := state.Recover(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem}, path)
	require.NoError(t, err)
	require.True(t, r.Complete())
	require.Equal(t, 4, r.Changed)
	got, err := view(mem)
	require.NoError(t, err)
	require.Equal(t, want.Apps, got.Apps)
	require.Equal(t, want.Pending, got.Pending)
}

func TestManyGoroutines(t *testing.T) {
	path := place(t)
	run, err := state.Begin(t.Context(), state.NewFile(path, state.OS{}), state.Options{})
	require.NoError(t, err)
	require.NoError(t, run.Bind(endpoint, account))
	var g sync.WaitGroup
	for w := range 8 {
		g.Go(func() {
			for i := range 20 {
				id := string(rune('a'+w)) + string(rune('a'+i))
				err := run.Append(creation(id))()
				if err == nil {
					err = run.Append(result(id, state.Result{Op: state.OpCreate, App: app(id)}))()
				}
				if err != nil {
					t.Error(err)
				}
				run.State()
			}
		})
	}
	g.Wait()
	loaded, err := state.NewFile(path, state.OS{}).Load(t.Context())
	require.NoError(t, err)
	require.Len(t, loaded.Apps, 160)
	require.NoError(t, run.Finish(t.Context()))
	s, err := state.NewFile(path, state.OS{}).Load(t.Context())
	require.NoError(t, err)
	require.Equal(t, loaded.Apps, s.Apps)
	require.Empty(t, s.Pending)
}

// A state that was removed by mistake must not look like an account without apps.
func TestAMissingStateBesideItsBackupIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jpsync.state.json")
	store := state.NewFile(path, state.OS{})
	s := statetest.Sample()
	statetest.Put(t, store, s)
	s.Serial++
	statetest.Put(t, store, s)
	require.NoError(t, os.Remove(path))
	_, err := store.Load(t.Context())
	require.ErrorContains(t, err, "there is no state at "+path)
	require.ErrorContains(t, err, "cp "+path+".backup "+path)
	require.NoError(t, os.Remove(path+".backup"))
	s, err = store.Load(t.Context())
	require.NoError(t, err)
	require.Empty(t, s.Apps)
}

// A run that failed altogether still uses up what is pinned to its serial, if it says so.
func TestAdvance(t *testing.T) {
	store := state.NewFile(filepath.Join(t.TempDir(), "jpsync.state.json"), state.OS{})
	for want := range int64(3) {
		run, err := state.Begin(t.Context(), store, state.Options{})
		require.NoError(t, err)
		require.Equal(t, want, run.State().Serial)
		require.NoError(t, run.Bind("https://example.com/v1/", "account"))
		require.NoError(t, run.Start(t.Context()))
		run.Advance()
		require.NoError(t, run.Finish(t.Context()))
	}
}

// An intent without a result is pending: its request may have gone out. One that was
// withdrawn is not.
func TestIntentsWithoutAResultArePending(t *testing.T) {
	mem := disk(t, before())
	run := begin(t, mem)
	must(t, run.Append(creation("a")))
	must(t, run.Append(creation("b")))
	must(t, run.Append(result("b", state.Result{Op: state.OpCreate, Unsent: true})))
	require.NoError(t, run.Close())
	again := begin(t, mem)
	defer again.Close()
	require.Contains(t, again.State().Pending, "a")
	require.NotContains(t, again.State().Pending, "b")
	require.NotContains(t, again.State().Apps, "b")
}

// fullStore is a store whose journal is full after each commit.
type fullStore struct{ state.Store }

type fullSession struct{ state.Session }

func (fullSession) Full() bool { return true }

func (f fullStore) Open(ctx context.Context, h state.Holder) (state.Session, *state.State, int, error) {
	session, s, n, err := f.Store.Open(ctx, h)
	return fullSession{session}, s, n, err
}

// A large journal is folded within the run, and a crash at any point loses nothing.
func TestALargeJournalIsFoldedWithinTheRun(t *testing.T) {
	for n := 1; ; n++ {
		mem := disk(t, before())
		faulty := statetest.NewFaulty(mem, statetest.FailFrom(n, errCrash))
		run, err := state.Begin(t.Context(), fullStore{state.NewFile(statePath, faulty)}, state.Options{FS: faulty})
		if err != nil {
			continue
		}
		require.NoError(t, run.Bind(endpoint, account))
		durable := 0
		for i := range 5 {
			id := string(rune('a' + i))
			if run.Append(result(id, state.Result{Op: state.OpCreate, App: app(id)}))() == nil {
				durable++
			}
		}
		err = run.Finish(t.Context())
		for _, loss := range mem.Losses() {
			s, err := view(mem.Lose(loss))
			require.NoError(t, err, "operation %d, %v", n, loss)
			require.GreaterOrEqual(t, len(s.Apps), 2+durable, "operation %d, %v", n, loss)
		}
		if err == nil {
			s, err := view(mem)
			require.NoError(t, err)
			require.Len(t, s.Apps, 7)
			require.Greater(t, s.Serial, before().Serial+2, "several snapshots")
			return
		}
	}
}

// A journal that cannot be removed for a moment holds up nothing: all of it is in the snapshot.
func TestAJournalThatStays(t *testing.T) {
	mem := disk(t, before())
	removals := 0
	faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
		if op.Kind == statetest.Remove && op.Name == journalPath {
			if removals++; removals == 1 {
				return syscall.EBUSY
			}
		}
		return nil
	})
	run, err := state.Begin(t.Context(), fullStore{state.NewFile(statePath, faulty)}, state.Options{FS: faulty})
	require.NoError(t, err)
	require.NoError(t, run.Bind(endpoint, account))
	require.NoError(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: app("a")}))())
	require.NoError(t, run.Append(result("b", state.Result{Op: state.OpCreate, App: app("b")}))())
	require.NoError(t, run.Finish(t.Context()))
	s, err := view(mem)
	require.NoError(t, err)
	require.Contains(t, s.Apps, "a")
	require.Contains(t, s.Apps, "b")
}

// Nor at the end of a run: the next one removes it.
func TestAJournalThatStaysAtTheEnd(t *testing.T) {
	mem := disk(t, before())
	run := begin(t, statetest.NewFaulty(mem, func(op statetest.Op) error {
		if op.Kind == statetest.Remove && op.Name == journalPath {
			return syscall.EBUSY
		}
		return nil
	}))
	must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: app("a")})))
	require.NoError(t, run.Finish(t.Context()))
	s, err := view(mem)
	require.NoError(t, err)
	require.Contains(t, s.Apps, "a")
	require.NotEmpty(t, content(t, mem, journalPath))
	next := begin(t, mem)
	require.Zero(t, next.Replayed())
	_, err = mem.Lstat(journalPath)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, next.Close())
}
