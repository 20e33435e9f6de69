package state_test

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age/armor"
	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

// left returns a disk with the journal of a run over before() and in place of that state
// another.
func left(t *testing.T, journal func(*state.Run), s *state.State) *statetest.Memory {
	t.Helper()
	mem := disk(t, before())
	run := begin(t, mem)
	require.NoError(t, run.Start(t.Context()))
	journal(run)
	require.NoError(t, run.Close())
	require.NoError(t, mem.Remove(statePath))
	if s != nil {
		put(t, mem, statePath, marshal(t, s))
	}
	return mem
}

func recorded(t *testing.T, records ...state.Record) func(*state.Run) {
	return func(run *state.Run) {
		for _, rec := range records {
			must(t, run.Append(rec))
		}
	}
}

// sent is a request as if it was sent so much later.
func sent(rec state.Record, later time.Duration) state.Intent {
	in := *rec.Intent
	in.At = in.At.Add(later)
	return in
}

func TestAJournalThatDoesNotFitIsRefused(t *testing.T) {
	other := before()
	other.Lineage = "11111111-1111-4111-8111-111111111111"
	later, earlier := before(), before()
	later.Serial++
	earlier.Serial--
	for name, s := range map[string]*state.State{"another lineage": other, "no state": nil, "a later state": later, "an earlier state": earlier} {
		t.Run(name, func(t *testing.T) {
			mem := left(t, recorded(t, result("a", state.Result{Op: state.OpCreate, App: app("a")})), s)
			journal := content(t, mem, journalPath)
			_, err := view(mem)
			require.ErrorIs(t, err, state.ErrUnfitJournal)
			require.ErrorContains(t, err, "jpsync state recover "+journalPath+" --state "+statePath)
			_, err = state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
			require.ErrorIs(t, err, state.ErrUnfitJournal)
			require.ErrorContains(t, err, "the journal "+journalPath+" of an interrupted run")
			require.Equal(t, journal, content(t, mem, journalPath))
		})
	}
}

func TestAnotherAccountsJournalIsRefused(t *testing.T) {
	other := before()
	other.Account = "other"
	mem := left(t, recorded(t, result("a", state.Result{Op: state.OpCreate, App: app("a")})), other)
	_, err := state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
	var mismatch *state.MismatchError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, "account", mismatch.Field)
}

// The state has moved on since the journal was begun, or is an older one.
func TestRecover(t *testing.T) {
	moved := func(change func(*state.State)) *state.State {
		s := before()
		s.Serial += 3
		change(s)
		return s
	}
	nothing := func(*state.State) {}
	later := certified("kept")
	later.Certificates.Production = state.Certificate{FileSHA256: "f", Fingerprint: "later", UploadedAt: someTime.Add(time.Hour)}
	secret := app("kept")
	secret.MasterSecret = "s3cret"
	intent := func(rec state.Record) func(*state.Run) {
		return func(run *state.Run) { must(t, run.Append(rec)) }
	}
	tests := []struct {
		name     string
		journal  func(*state.Run)
		state    *state.State
		expected func(*state.State) // of the moved state; nil: left out
	}{
		{"a create is added",
			recorded(t, result("a", state.Result{Op: state.OpCreate, App: app("a")})), moved(nothing),
			func(s *state.State) { s.Apps["a"] = *app("a") }},
		{"an upload goes to the id that has the app key",
			recorded(t, result("old", state.Result{Op: state.OpUpload, App: certified("old")})),
			moved(func(s *state.State) { s.Apps["new"] = s.Apps["old"]; delete(s.Apps, "old") }),
			func(s *state.State) { s.Apps["new"] = *certified("old") }},
		{"the certificate that was uploaded later stays",
			recorded(t, result("kept", state.Result{Op: state.OpUpload, App: certified("kept")})),
			moved(func(s *state.State) { s.Apps["kept"] = *later }),
			func(*state.State) {}},
		{"certificates that only the state has stay",
			recorded(t, result("kept", state.Result{Op: state.OpRecord, App: app("kept")})),
			moved(func(s *state.State) { s.Apps["kept"] = *certified("kept") }),
			func(*state.State) {}},
		{"a secret is not overwritten by nothing",
			recorded(t, result("kept", state.Result{Op: state.OpUpload, App: app("kept")})),
			moved(func(s *state.State) { s.Apps["kept"] = *secret }),
			func(*state.State) {}},
		{"a name that changed since stays",
			recorded(t, result("kept", state.Result{Op: state.OpUpload, App: certified("kept")})),
			moved(func(s *state.State) { a := *app("kept"); a.AppName = "renamed"; s.Apps["kept"] = a }),
			func(s *state.State) { a := *certified("kept"); a.AppName = "renamed"; s.Apps["kept"] = a }},
		{"another lineage of the account",
			recorded(t, result("a", state.Result{Op: state.OpCreate, App: app("a")})),
			moved(func(s *state.State) { s.Lineage = "another" }),
			func(s *state.State) { s.Apps["a"] = *app("a") }},
		{"an id with another app key is left out",
			recorded(t, result("a", state.Result{Op: state.OpCreate, App: app("a")})),
			moved(func(s *state.State) { s.Apps["a"] = *app("else") }), nil},
		{"a replacement frees the id",
			func(run *state.Run) {
				intent(deletion("old"))(run)
				recorded(t, result("old", state.Result{Op: state.OpDelete}), result("old", state.Result{Op: state.OpCreate, App: app("b")}))(run)
			}, moved(nothing),
			func(s *state.State) { s.Apps["old"] = *app("b") }},
		{"a delete goes to the id that has the app key",
			func(run *state.Run) {
				intent(deletion("old"))(run)
				recorded(t, result("old", state.Result{Op: state.OpDelete}))(run)
			},
			moved(func(s *state.State) { s.Apps["new"] = s.Apps["old"]; s.Apps["old"] = *app("else") }),
			func(s *state.State) { delete(s.Apps, "new") }},
		{"an app that was made and deleted is no app",
			func(run *state.Run) {
				recorded(t, result("a", state.Result{Op: state.OpCreate, App: app("a")}))(run)
				intent(deletion("a"))(run)
				recorded(t, result("a", state.Result{Op: state.OpDelete}))(run)
			}, moved(func(s *state.State) { s.Apps["a"] = *app("else") }),
			func(*state.State) {}},
		{"an answer ends what was pending",
			recorded(t, result("a", state.Result{Op: state.OpCreate, App: app("a")})),
			moved(func(s *state.State) { s.Pending["a"] = *creation("a").Intent }),
			func(s *state.State) { s.Apps["a"] = *app("a"); delete(s.Pending, "a") }},
		{"a request that was not sent changes nothing",
			func(run *state.Run) {
				intent(creation("a"))(run)
				recorded(t, result("a", state.Result{Op: state.OpCreate, Unsent: true}))(run)
			}, moved(nothing),
			func(*state.State) {}},
		{"a refused request changes nothing",
			recorded(t, result("a", state.Result{Op: state.OpCreate, Failed: true})), moved(nothing),
			func(*state.State) {}},
		{"a create without an answer is pending",
			intent(creation("a")), moved(nothing),
			func(s *state.State) { s.Pending["a"] = *creation("a").Intent }},
		{"but not when the id has an app by now",
			intent(creation("a")), moved(func(s *state.State) { s.Apps["a"] = *app("a") }),
			func(*state.State) {}},
		{"a delete without an answer is pending",
			intent(deletion("old")), moved(nothing),
			func(s *state.State) { s.Pending["old"] = *deletion("old").Intent }},
		{"but not when the app is another by now",
			intent(deletion("old")), moved(func(s *state.State) { s.Apps["old"] = *app("else") }),
			func(*state.State) {}},
		{"a request that was sent again stays the newer one",
			intent(creation("a")), moved(func(s *state.State) { s.Pending["a"] = sent(creation("a"), time.Hour) }),
			func(*state.State) {}},
		{"also when the file has that one",
			intent(creation("a")), moved(func(s *state.State) { s.Pending["a"] = sent(creation("a"), -time.Hour) }),
			func(s *state.State) { s.Pending["a"] = *creation("a").Intent }},
		{"a restored backup",
			recorded(t, result("a", state.Result{Op: state.OpCreate, App: app("a")})),
			func() *state.State { s := before(); s.Serial--; delete(s.Apps, "kept"); return s }(),
			func(s *state.State) { s.Apps["a"] = *app("a") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mem := left(t, tt.journal, tt.state)
			store := state.NewFile(statePath, mem)
			journal := content(t, mem, journalPath)
			r, err := state.Recover(t.Context(), store, state.Options{FS: mem}, journalPath)
			require.NoError(t, err)
			got, err := view(mem)
			require.NoError(t, err)
			require.NotContains(t, mem.String(), journalPath)
			if tt.expected == nil {
				require.Equal(t, []state.Conflict{{ID: "a", Recorded: "key-else", Found: "key-a"}}, r.Conflicts)
				require.Equal(t, tt.state, got)
				require.Equal(t, "/d/errored.jpsync.journal", filepath.ToSlash(r.Kept))
				require.Equal(t, journal, content(t, mem, r.Kept))
				return
			}
			want := tt.state.Clone()
			tt.expected(want)
			require.True(t, r.Complete())
			require.Empty(t, r.Kept)
			require.Equal(t, want.Apps, got.Apps)
			require.Equal(t, want.Pending, got.Pending)
			require.Equal(t, !sameRecord(want, tt.state), r.Changed > 0)
			if r.Changed > 0 {
				require.Greater(t, got.Serial, max(tt.state.Serial, before().Serial))
			}
			put(t, mem, "/d/again", journal)
			r, err = state.Recover(t.Context(), store, state.Options{FS: mem}, "/d/again")
			require.NoError(t, err)
			require.Equal(t, &state.Recovery{Kept: "/d/again"}, r, "a second time changes nothing")
		})
	}
}

// Of two requests for one id, neither of which was answered, the newer one stays, and the other is told.
func TestRecoverKeepsTheNewerRequest(t *testing.T) {
	found := *creation("a").Intent
	for name, later := range map[string]time.Duration{"the state's": time.Hour, "the file's": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := before()
			s.Serial++
			recorded := sent(creation("a"), later)
			recorded.AndroidPackage = "cn.example.renamed"
			s.Pending["a"] = recorded
			mem := left(t, func(run *state.Run) { must(t, run.Append(creation("a"))) }, s)
			r, err := state.Recover(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem}, journalPath)
			require.NoError(t, err)
			newer, older := recorded, found
			if later < 0 {
				newer, older = older, newer
			}
			require.Equal(t, []state.Conflict{{ID: "a", Request: &older}}, r.Conflicts)
			require.False(t, r.Complete())
			require.NotEmpty(t, content(t, mem, r.Kept))
			got, err := view(mem)
			require.NoError(t, err)
			require.Equal(t, newer, got.Pending["a"])
		})
	}
}

func TestRecoverSaysWhetherSecretsAreClear(t *testing.T) {
	for secret, clear := range map[string]bool{"": false, "s3cret": true, armor.Header + "…": false} {
		a := app("a")
		a.MasterSecret = secret
		mem := left(t, recorded(t, result("a", state.Result{Op: state.OpCreate, App: a})), before())
		r, err := state.Recover(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem}, journalPath)
		require.NoError(t, err)
		require.Equal(t, clear, r.Clear, "%q", secret)
	}
}

func TestRecoverRefusesAnotherAccount(t *testing.T) {
	other := before()
	other.Account = "other"
	mem := left(t, recorded(t, result("a", state.Result{Op: state.OpCreate, App: app("a")})), other)
	_, err := state.Recover(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem}, journalPath)
	var mismatch *state.MismatchError
	require.ErrorAs(t, err, &mismatch)
	require.NotEmpty(t, content(t, mem, journalPath), "the journal stays")
}

// What comes before the damage of a recovery file is recovered, the rest is reported.
func TestRecoverFromADamagedFile(t *testing.T) {
	mem, journal := interrupted(t)
	put(t, mem, "/d/damaged", bytes.Replace(journal, []byte(`"failed":true`), []byte(`"failed":TRUE`), 1))
	require.NoError(t, mem.Remove(journalPath))
	store := state.NewFile(statePath, mem)
	r, err := state.Recover(t.Context(), store, state.Options{FS: mem}, "/d/damaged")
	require.NoError(t, err)
	require.ErrorIs(t, r.Damage, state.ErrDamaged)
	require.False(t, r.Complete())
	s, err := view(mem)
	require.NoError(t, err)
	require.Equal(t, *app("a"), s.Apps["a"])
	put(t, mem, "/d/damaged", []byte("junk"))
	_, err = state.Recover(t.Context(), store, state.Options{FS: mem}, "/d/damaged")
	require.ErrorIs(t, err, state.ErrDamaged)
	_, err = state.Recover(t.Context(), store, state.Options{FS: mem}, "/d/missing")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A recovery that is cut off can be done again.
func TestCrashWhileRecovering(t *testing.T) {
	moved := before()
	moved.Serial += 3
	for n := 1; ; n++ {
		mem := left(t, recorded(t, result("a", state.Result{Op: state.OpCreate, App: app("a")})), moved)
		faulty := statetest.NewFaulty(mem, statetest.FailFrom(n, errCrash))
		_, err := state.Recover(t.Context(), state.NewFile(statePath, faulty), state.Options{FS: faulty}, journalPath)
		for _, loss := range mem.Losses() {
			left := mem.Lose(loss)
			store := state.NewFile(statePath, left)
			if _, err := left.Lstat(journalPath); err == nil {
				_, err = state.Recover(t.Context(), store, state.Options{FS: left}, journalPath)
				require.NoError(t, err, "operation %d, %v", n, loss)
			}
			run := begin(t, left)
			require.Equal(t, *app("a"), run.State().Apps["a"], "operation %d, %v", n, loss)
			require.NoError(t, run.Close())
		}
		if err == nil {
			require.Greater(t, n, 10)
			return
		}
	}
}
