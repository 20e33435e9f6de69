package state_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
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
	_, err := run.Sent("a", creation("a").Intent)
	require.NoError(t, err)
	_, err = run.Record(state.Result{Op: state.OpCreate, ID: "a", Failed: true})
	require.NoError(t, err)
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
	require.ErrorContains(t, run.Open(1), "bound")
	require.Error(t, run.Bind("", account))
	require.NoError(t, run.Bind(endpoint, account))
	_, err = run.Record(state.Result{Op: state.OpCreate, ID: "a", App: app("a")})
	require.NoError(t, err)
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
	_, err := run.Record(state.Result{Op: state.OpUpload, ID: "kept", App: certified("kept")})
	require.NoError(t, err)
	s := run.State()
	require.Equal(t, *certified("kept"), s.Apps["kept"])
	clear(s.Apps)
	require.Equal(t, *certified("kept"), run.State().Apps["kept"])
	require.NoError(t, run.Finish(t.Context()))
}

func TestARecordedAppIsACopy(t *testing.T) {
	run := begin(t, disk(t, before()))
	a := certified("kept")
	_, err := run.Record(state.Result{Op: state.OpUpload, ID: "kept", App: a})
	require.NoError(t, err)
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
	require.NoError(t, run.Open(1))
	require.Error(t, run.Update(t.Context(), func(*state.State) error { return nil }), "a journal continues the state as it is")
	require.NoError(t, run.Finish(t.Context()))
	require.Error(t, run.Open(1))
	require.Error(t, run.Update(t.Context(), func(*state.State) error { return nil }))
}

func TestFinishSavesAlsoAfterAnInterrupt(t *testing.T) {
	mem := disk(t, before())
	run := begin(t, mem)
	_, err := run.Record(state.Result{Op: state.OpCreate, ID: "a", App: app("a")})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, run.Finish(ctx))
	require.NoError(t, run.Finish(ctx))
	require.NoError(t, run.Close())
	s, err := state.NewFile(statePath, mem).Read(t.Context())
	require.NoError(t, err)
	require.Contains(t, s.Apps, "a")
}

func TestTheLockGoesAlsoWhenBeginFails(t *testing.T) {
	mem := disk(t, before())
	put(t, mem, journalPath, []byte("{}\n"))
	store := state.NewFile(statePath, mem)
	_, err := state.Begin(t.Context(), store, state.Options{FS: mem})
	require.ErrorIs(t, err, state.ErrDamaged)
	release, err := store.Lock(t.Context(), state.Holder{})
	require.NoError(t, err)
	require.NoError(t, release())
}

func TestASharedStoreNeedsAJournalPath(t *testing.T) {
	store := struct{ state.Store }{state.NewFile(place(t), state.OS{})}
	_, err := state.Begin(t.Context(), store, state.Options{})
	require.ErrorContains(t, err, "journal")
	_, err = state.View(t.Context(), store, state.Options{})
	require.ErrorContains(t, err, "journal")
	journal := filepath.Join(t.TempDir(), "j")
	run, err := state.Begin(t.Context(), store, state.Options{Journal: journal})
	require.NoError(t, err)
	require.NoError(t, run.Bind(endpoint, account))
	require.NoError(t, run.Open(1))
	require.FileExists(t, journal)
	require.NoError(t, run.Finish(t.Context()))
	require.NoFileExists(t, journal)
}

func TestRecoverNeverOverwrites(t *testing.T) {
	mem := disk(t, before())
	faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
		if op.Kind == statetest.Rename && op.Name == statePath || filepath.Dir(op.Name) == "/full" {
			return syscall.ENOSPC
		}
		return nil
	})
	run := begin(t, faulty)
	_, err := run.Record(state.Result{Op: state.OpCreate, ID: "a", App: app("a")})
	require.NoError(t, err)
	err = run.Finish(t.Context())
	var unsaved *state.SaveError
	require.ErrorAs(t, err, &unsaved)
	require.True(t, unsaved.JournalWhole)
	require.ErrorIs(t, err, syscall.ENOSPC)

	_, err = run.Recover("/full")
	require.ErrorIs(t, err, syscall.ENOSPC)
	for _, want := range []string{"errored.jpsync.state.json", "errored.jpsync.state.1.json", "errored.jpsync.state.2.json"} {
		path, err := run.Recover("/full", "/rescue")
		require.NoError(t, err)
		require.Equal(t, "/rescue/"+want, path)
	}
	// Put in its place, the recovery file is the state, and the journal is in it.
	put(t, mem, statePath, content(t, mem, "/rescue/errored.jpsync.state.json"))
	next := begin(t, mem)
	require.Zero(t, next.Folded())
	require.Equal(t, "key-a", next.State().Apps["a"].AppKey)
	require.EqualValues(t, before().Serial+1, next.State().Serial)
	require.NoError(t, next.Close())
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
				ack, err := run.Sent(id, creation(id).Intent)
				if err == nil {
					err = ack.Wait()
				}
				if err == nil {
					ack, err = run.Record(state.Result{Op: state.OpCreate, ID: id, App: app(id)})
				}
				if err == nil {
					err = ack.Wait()
				}
				if err != nil {
					t.Error(err)
				}
				run.State()
			}
		})
	}
	g.Wait()
	viewed, err := state.View(t.Context(), state.NewFile(path, state.OS{}), state.Options{})
	require.NoError(t, err)
	require.Len(t, viewed.Apps, 160)
	require.NoError(t, run.Finish(t.Context()))
	s, err := state.NewFile(path, state.OS{}).Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, viewed.Apps, s.Apps)
	require.Empty(t, s.Pending)
}

// A state that was removed by mistake must not look like an account without apps.
func TestAMissingStateBesideItsBackupIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jpsync.state.json")
	store := state.NewFile(path, state.OS{})
	s := statetest.Sample()
	require.NoError(t, store.Write(t.Context(), s))
	s.Serial++
	require.NoError(t, store.Write(t.Context(), s))
	require.NoError(t, os.Remove(path))
	_, err := store.Read(t.Context())
	missing, ok := errors.AsType[*state.MissingError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, path+".backup", missing.Backup)
	require.NoError(t, os.Remove(missing.Backup))
	s, err = store.Read(t.Context())
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
		require.NoError(t, run.Open(1))
		run.Advance()
		require.NoError(t, run.Finish(t.Context()))
	}
}

// Intents are written ahead of the requests. Of a run that was killed, only what had gone out
// by then may be on the server: taking the rest for ours would make a stranger's app ours.
func TestAnIntentIsNoRequest(t *testing.T) {
	mem := disk(t, before())
	run := begin(t, mem)
	ack, err := run.IntendAll([]state.Planned{creation("a"), creation("b")})
	require.NoError(t, err)
	require.NoError(t, ack.Wait())
	_, err = run.Sent("a", creation("a").Intent)
	require.NoError(t, err)
	require.Contains(t, run.State().Pending, "a")
	require.NotContains(t, run.State().Pending, "b")
	mem.Unlock()
	again := begin(t, mem)
	require.Contains(t, again.State().Pending, "a")
	require.NotContains(t, again.State().Pending, "b")
}
