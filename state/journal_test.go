package state_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

// counted makes the IDs of a test repeat.
func counted() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
	}
}

func begin(t testing.TB, fsys state.FS) *state.Run {
	t.Helper()
	store := state.NewFile(statePath, fsys)
	state.SetNewID(store, counted())
	run, err := state.Begin(t.Context(), store, state.Options{FS: fsys, NewID: counted()})
	require.NoError(t, err)
	require.NoError(t, run.Bind(endpoint, account))
	return run
}

func put(t testing.TB, fsys state.FS, path string, data []byte) {
	t.Helper()
	if _, err := fsys.Lstat(path); err == nil {
		require.NoError(t, fsys.Remove(path))
	}
	f, err := fsys.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	require.NoError(t, err)
	_, err = f.Write(data)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
	require.NoError(t, fsys.SyncDir("/d"))
}

func content(t testing.TB, fsys state.FS, path string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(f)
	require.NoError(t, err)
	return b.Bytes()
}

// interrupted returns a disk with the journal of a run that never ended.
func interrupted(t testing.TB) (*statetest.Memory, []byte) {
	t.Helper()
	mem := &statetest.Memory{}
	statetest.Put(t, state.NewFile(statePath, mem), before())
	run := begin(t, mem)
	require.NoError(t, run.Start(t.Context()))
	must(t, run.Append(creation("a")))
	must(t, run.Append(deletion("old")))
	must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: app("a")})))
	must(t, run.Append(result("old", state.Result{Op: state.OpDelete, Failed: true})))
	must(t, run.Append(result("a", state.Result{Op: state.OpUpload, App: certified("a")})))
	require.NoError(t, run.Close())
	return mem, content(t, mem, journalPath)
}

func view(mem *statetest.Memory) (*state.State, error) {
	return state.NewFile(statePath, mem).Load(context.Background())
}

// A journal may have these characters as they are, or escaped as it is written now.
func TestEscapesInAJournal(t *testing.T) {
	const name = "R&D <1>"
	mem := disk(t, before())
	run := begin(t, mem)
	named := app("a")
	named.AppName = name
	must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: named})))
	require.NoError(t, run.Close())
	var plain []byte
	was, is := "", ""
	for line := range bytes.Lines(content(t, mem, journalPath)) {
		object, sum, ok := state.Unseal(line, was)
		require.True(t, ok)
		was = sum
		object = []byte(strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(object)))
		line, is = state.Seal(object, is)
		plain = append(plain, line...)
	}
	for _, journal := range [][]byte{content(t, mem, journalPath), plain} {
		put(t, mem, journalPath, journal)
		s, err := view(mem)
		require.NoError(t, err)
		require.Equal(t, name, s.Apps["a"].AppName)
	}
	require.Contains(t, string(plain), name)
}

func TestJournalFormat(t *testing.T) {
	_, journal := interrupted(t)
	golden(t, "journal.golden", journal)
}

func TestEveryFlippedBitOfAJournalIsRefused(t *testing.T) {
	mem, journal := interrupted(t)
	refused := 0
	for i := range journal {
		for bit := range 8 {
			bad := bytes.Clone(journal)
			bad[i] ^= 1 << bit
			put(t, mem, journalPath, bad)
			if _, err := view(mem); !isRefusal(err) {
				t.Fatalf("byte %d (%q) bit %d: %v", i, journal[i], bit, err)
			}
			refused++
		}
	}
	t.Logf("%d flipped bits refused", refused)
}

// A cut in the header is damage. A later one loses the record that it cuts, and no other.
func TestEveryCutOfAJournal(t *testing.T) {
	mem, journal := interrupted(t)
	header := bytes.IndexByte(journal, '\n')
	header += 1 + bytes.IndexByte(journal[header+1:], '\n') // the binding belongs to it
	for n := range journal {
		put(t, mem, journalPath, journal[:n])
		s, err := view(mem)
		if n < header {
			require.ErrorIs(t, err, state.ErrDamaged, "the first %d bytes", n)
			continue
		}
		require.NoError(t, err, "the first %d bytes", n)
		// A record that lacks its newline alone is whole.
		records := bytes.Count(journal[:n+1], []byte("\n")) - 2
		require.Equal(t, records >= 3, s.Apps["a"].AppKey != "", "the first %d bytes", n)
		require.Equal(t, records >= 1 && records < 3, s.Pending["a"].Op != "", "the first %d bytes", n)
		require.Equal(t, records >= 2 && records < 4, s.Pending["old"].Op != "", "the first %d bytes", n)
	}
}

func TestJournalDamage(t *testing.T) {
	mem, journal := interrupted(t)
	lines := bytes.SplitAfter(journal, []byte("\n"))
	lines = lines[:len(lines)-1]
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	starts := make([]int, len(lines)+1)
	for i, line := range lines {
		starts[i+1] = starts[i] + len(line)
	}
	zero := func(from, to int) []byte {
		data := bytes.Clone(journal)
		clear(data[from:to])
		return data
	}
	later := before()
	later.Serial += 5
	elsewhere := disk(t, later)
	run := begin(t, elsewhere)
	require.NoError(t, run.Start(t.Context()))
	must(t, run.Append(creation("b")))
	require.NoError(t, run.Close())
	others := bytes.SplitAfter(content(t, elsewhere, journalPath), []byte("\n"))
	tests := []struct {
		name    string
		journal []byte
		record  int // that is damaged; 0: forgiven
	}{
		{"empty", nil, 1},
		{"zeros alone", make([]byte, 700), 1},
		{"no header", join(lines[1:]...), 1},
		{"dropped record", join(lines[0], lines[1], lines[3], lines[4]), 3},
		{"repeated record", join(lines[0], lines[1], lines[1], lines[2]), 3},
		{"records in another order", join(lines[0], lines[2], lines[1]), 2},
		{"another journal's record", join(lines[0], []byte("{\"seq\":1}\n")), 2},
		{"another journal's record of the same number", join(lines[0], lines[1], others[2]), 3},
		{"text after the end", join(journal, []byte("\n")), 8},
		{"last record's middle", bytes.Replace(journal, []byte(`"uploaded_at"`), []byte(`"uploaded_aT"`), 1), 7},
		{"last record, then junk without a newline", join(journal[:len(journal)-1], []byte("x")), 7},
		{"torn record", join(journal, lines[1][:20]), 0},
		{"torn record that is garbage", join(journal, []byte("\xff\xfe{")), 0},
		{"zeros after the end", join(journal, make([]byte, 300)), 0},
		{"zeros in place of what was not synced", zero(starts[6], len(journal)), 0},
		{"zeros up to a sector's end", zero(starts[6], (starts[6]/512+1)*512), 0},
		{"zeros from a sector's start", zero((starts[4]/512+1)*512, len(journal)), 0},
		{"zeros within a record", zero(starts[5]+3, starts[5]+9), 6},
		{"zeros in place of what was synced", zero(starts[2], starts[3]), 3},
		{"a sector of zeros before a record that was synced later", zero(starts[1], (starts[1]/512+1)*512), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			put(t, mem, journalPath, tt.journal)
			_, err := view(mem)
			if tt.record == 0 {
				require.NoError(t, err)
				return
			}
			var damaged *state.DamagedError
			require.ErrorAs(t, err, &damaged)
			require.Equal(t, tt.record, damaged.Record, "%v", err)
			require.ErrorContains(t, err, journalPath)
			if tt.record <= len(lines) {
				require.EqualValues(t, starts[tt.record-1], damaged.Offset)
			}
			_, err = state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
			require.ErrorIs(t, err, state.ErrDamaged, "Begin and Load judge alike")
		})
	}
}

func TestInvalidRecordsAreRefused(t *testing.T) {
	run := begin(t, disk(t, before()))
	for _, r := range []state.Result{
		{Op: state.OpCreate},
		{Op: state.OpUpload},
		{Op: state.OpRecord},
		{Op: state.OpDelete, App: app("a")},
		{Op: state.OpCreate, App: app("a"), Unsent: true},
		{Op: "patch", App: app("a")},
		{Op: state.OpCreate, App: &state.App{AppKey: "\xff"}},
		{Op: state.OpCreate, App: &state.App{AppKey: strings.Repeat("k", 9<<20)}},
		{Op: state.OpCreate, App: &state.App{CreatedAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}},
	} {
		require.Error(t, run.Append(result("a", r))())
	}
	for _, in := range []state.Intent{{Op: state.OpUpload}, {}, {Op: state.OpCreate, AppName: "\xff"}} {
		require.Error(t, run.Append(state.Record{ID: "a", Intent: &in})())
	}
	both := result("a", state.Result{Op: state.OpDelete})
	both.Intent = deletion("a").Intent
	noID := result("", state.Result{Op: state.OpDelete})
	for _, rec := range []state.Record{{}, noID, {Intent: creation("a").Intent}, {Bind: &state.Binding{}}, both} {
		require.Error(t, run.Append(rec)())
	}
	require.Equal(t, before().Apps, run.State().Apps)
	must(t, run.Append(creation("a"))) // none of these broke the journal
	require.NoError(t, run.Finish(t.Context()))
}

func FuzzJournal(f *testing.F) {
	mem, journal := interrupted(f)
	f.Add(journal)
	f.Add(journal[:len(journal)-5])
	f.Add(append(bytes.Clone(journal), make([]byte, 100)...))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		put(t, mem, journalPath, data)
		s, err := view(mem)
		if err == nil {
			require.Contains(t, s.Apps, "kept")
			return
		}
		var mismatch *state.MismatchError
		if !isRefusal(err) && !errors.Is(err, state.ErrUnfitJournal) && !errors.As(err, &mismatch) {
			t.Fatal(err)
		}
	})
}
