package state_test

import (
	"testing"
	"time"

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
	require.NoError(t, run.Open(1))
	journal(run)
	require.NoError(t, run.Close())
	require.NoError(t, mem.Remove(statePath))
	if s != nil {
		put(t, mem, statePath, marshal(t, s))
	}
	return mem
}

func recorded(t *testing.T, results ...state.Result) func(*state.Run) {
	return func(run *state.Run) {
		for _, r := range results {
			_, err := run.Record(r)
			require.NoError(t, err)
		}
	}
}

func TestAForeignJournalIsRefused(t *testing.T) {
	other := before()
	other.Lineage = "11111111-1111-4111-8111-111111111111"
	for name, s := range map[string]*state.State{"another lineage": other, "no state": nil} {
		t.Run(name, func(t *testing.T) {
			mem := left(t, recorded(t, state.Result{Op: state.OpCreate, ID: "a", App: app("a")}), s)
			journal := content(t, mem, journalPath)
			_, err := view(mem)
			var foreign *state.ForeignJournalError
			require.ErrorAs(t, err, &foreign)
			_, err = state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
			require.ErrorAs(t, err, &foreign)
			require.Equal(t, journalPath, foreign.Path)
			require.Equal(t, journal, content(t, mem, journalPath))
		})
	}
}

func TestAnotherAccountsJournalIsRefused(t *testing.T) {
	other := before()
	other.Account = "other"
	mem := left(t, recorded(t, state.Result{Op: state.OpCreate, ID: "a", App: app("a")}), other)
	_, err := state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
	var mismatch *state.MismatchError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, "account", mismatch.Field)
}

// The state has moved on since the journal was begun, or is an older one.
func TestMerge(t *testing.T) {
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
	intent := func(p state.Planned) func(*state.Run) {
		return func(run *state.Run) {
			_, err := run.Sent(p.ID, p.Intent)
			require.NoError(t, err)
		}
	}
	tests := []struct {
		name     string
		journal  func(*state.Run)
		state    *state.State
		expected func(*state.State) // of the moved state; nil: a conflict
	}{
		{"a create is added",
			recorded(t, state.Result{Op: state.OpCreate, ID: "a", App: app("a")}), moved(nothing),
			func(s *state.State) { s.Apps["a"] = *app("a") }},
		{"an upload goes to the id that has the app key",
			recorded(t, state.Result{Op: state.OpUpload, ID: "old", App: certified("old")}),
			moved(func(s *state.State) { s.Apps["new"] = s.Apps["old"]; delete(s.Apps, "old") }),
			func(s *state.State) { s.Apps["new"] = *certified("old") }},
		{"the certificate that was uploaded later stays",
			recorded(t, state.Result{Op: state.OpUpload, ID: "kept", App: certified("kept")}),
			moved(func(s *state.State) { s.Apps["kept"] = *later }),
			func(*state.State) {}},
		{"certificates that only the state has stay",
			recorded(t, state.Result{Op: state.OpRecord, ID: "kept", App: app("kept")}),
			moved(func(s *state.State) { s.Apps["kept"] = *certified("kept") }),
			func(*state.State) {}},
		{"a secret is not overwritten by nothing",
			recorded(t, state.Result{Op: state.OpUpload, ID: "kept", App: app("kept")}),
			moved(func(s *state.State) { s.Apps["kept"] = *secret }),
			func(*state.State) {}},
		{"an id with another app key is a conflict",
			recorded(t, state.Result{Op: state.OpCreate, ID: "a", App: app("a")}),
			moved(func(s *state.State) { s.Apps["a"] = *app("else") }), nil},
		{"a replacement frees the id",
			func(run *state.Run) {
				intent(deletion("old"))(run)
				recorded(t, state.Result{Op: state.OpDelete, ID: "old"}, state.Result{Op: state.OpCreate, ID: "old", App: app("b")})(run)
			}, moved(nothing),
			func(s *state.State) { s.Apps["old"] = *app("b") }},
		{"a delete goes to the id that has the app key",
			func(run *state.Run) {
				intent(deletion("old"))(run)
				recorded(t, state.Result{Op: state.OpDelete, ID: "old"})(run)
			},
			moved(func(s *state.State) { s.Apps["new"] = s.Apps["old"]; s.Apps["old"] = *app("else") }),
			func(s *state.State) { delete(s.Apps, "new") }},
		{"a refused request changes nothing",
			recorded(t, state.Result{Op: state.OpCreate, ID: "a", Failed: true}), moved(nothing),
			func(*state.State) {}},
		{"a create without an answer is pending",
			intent(creation("a")), moved(nothing),
			func(s *state.State) { s.Pending["a"] = creation("a").Intent }},
		{"but not when the id has an app by now",
			intent(creation("a")), moved(func(s *state.State) { s.Apps["a"] = *app("a") }),
			func(*state.State) {}},
		{"a delete without an answer is pending",
			intent(deletion("old")), moved(nothing),
			func(s *state.State) { s.Pending["old"] = deletion("old").Intent }},
		{"but not when the app is another by now",
			intent(deletion("old")), moved(func(s *state.State) { s.Apps["old"] = *app("else") }),
			func(*state.State) {}},
		{"a restored backup",
			recorded(t, state.Result{Op: state.OpCreate, ID: "a", App: app("a")}),
			func() *state.State { s := before(); s.Serial--; delete(s.Apps, "kept"); return s }(),
			func(s *state.State) { s.Apps["a"] = *app("a") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mem := left(t, tt.journal, tt.state)
			if tt.expected == nil {
				_, err := state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
				var conflict *state.ConflictError
				require.ErrorAs(t, err, &conflict)
				require.Equal(t, journalPath, conflict.Path)
				require.Equal(t, string(marshal(t, tt.state)), string(content(t, mem, statePath)))
				return
			}
			want := tt.state.Clone()
			tt.expected(want)
			viewed, err := view(mem)
			require.NoError(t, err)
			run := begin(t, mem)
			got := run.State()
			require.NoError(t, run.Close())
			require.Equal(t, want.Apps, got.Apps)
			require.Equal(t, want.Pending, got.Pending)
			require.True(t, sameRecord(viewed, got))
			require.NotContains(t, mem.String(), ".journal")
			if !sameRecord(want, tt.state) {
				require.Greater(t, got.Serial, max(tt.state.Serial, before().Serial))
			}
		})
	}
}
