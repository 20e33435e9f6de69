package state_test

import (
	"bytes"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

// edited returns a disk with a state, its backup, and the state changed by hand.
func edited(t *testing.T, old, new string) *statetest.Memory {
	t.Helper()
	mem := disk(t, before())
	next := before()
	next.Serial++
	next.Apps["secretive"] = state.App{AppName: "s", AndroidPackage: "cn.example.s", AppKey: "key-s", MasterSecret: "canary-secret"}
	require.NoError(t, state.NewFile(statePath, mem).Write(t.Context(), next))
	doc := content(t, mem, statePath)
	changed := bytes.Replace(doc, []byte(old), []byte(new), 1)
	require.NotEqual(t, string(doc), string(changed))
	put(t, mem, statePath, changed)
	return mem
}

func TestRepairTakesAnEditedState(t *testing.T) {
	mem := edited(t, `"app_key": "key-kept"`, `"app_key": "key-edited"`)
	store := state.NewFile(statePath, mem)
	d, err := store.Inspect()
	require.NoError(t, err)
	require.False(t, d.None())
	require.ErrorIs(t, d.State, state.ErrDamaged)
	require.NoError(t, d.Journal)
	require.NoError(t, d.Backup)
	require.True(t, d.Readable)
	require.Equal(t, []state.Difference{
		{Field: "serial", Before: "4", After: "5"},
		{App: "kept", Field: "app_key", Before: "key-kept", After: "key-edited"},
		{App: "secretive", After: "s (cn.example.s), app key key-s"},
	}, d.Differences)
	backup, damaged := content(t, mem, statePath+".backup"), content(t, mem, statePath)

	require.NoError(t, store.Accept(t.Context(), state.Holder{}, d))
	s, err := store.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "key-edited", s.Apps["kept"].AppKey)
	require.EqualValues(t, 6, s.Serial)
	require.Equal(t, backup, content(t, mem, statePath+".backup"))
	require.Equal(t, damaged, content(t, mem, statePath+".damaged"))
	d, err = store.Inspect()
	require.NoError(t, err)
	require.True(t, d.None())
	before := mem.String()
	require.NoError(t, store.Accept(t.Context(), state.Holder{}, d))
	require.Equal(t, before, mem.String(), "nothing to repair")
}

func TestRepairRaisesALoweredSerial(t *testing.T) {
	mem := edited(t, `"serial": 5`, `"serial": 1`)
	store := state.NewFile(statePath, mem)
	d, err := store.Inspect()
	require.NoError(t, err)
	require.NoError(t, store.Accept(t.Context(), state.Holder{}, d))
	s, err := store.Read(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 5, s.Serial)
}

func TestRepairTakesOnlyWhatWasShown(t *testing.T) {
	mem := edited(t, `"app_key": "key-kept"`, `"app_key": "key-edited"`)
	store := state.NewFile(statePath, mem)
	d, err := store.Inspect()
	require.NoError(t, err)
	put(t, mem, statePath, bytes.Replace(content(t, mem, statePath), []byte("key-edited"), []byte("key-twice"), 1))
	require.ErrorContains(t, store.Accept(t.Context(), state.Holder{}, d), "changed since")
	release, err := store.Lock(t.Context(), state.Holder{})
	require.NoError(t, err, "the lock is free")
	defer release()
	d, err = store.Inspect()
	require.NoError(t, err)
	var locked *state.LockedError
	require.ErrorAs(t, store.Accept(t.Context(), state.Holder{}, d), &locked)
}

func TestRepairRefusesWhatCannotBeRead(t *testing.T) {
	for _, doc := range []string{"", "{", `{"version": 1}`, "\x00\x00", `{"version": 2}`} {
		mem := edited(t, "key-kept", "key-edited")
		put(t, mem, statePath, []byte(doc))
		store := state.NewFile(statePath, mem)
		d, err := store.Inspect()
		require.NoError(t, err)
		require.Error(t, d.State)
		require.False(t, d.Readable)
		require.ErrorContains(t, store.Accept(t.Context(), state.Holder{}, d), statePath+".backup")
		require.Equal(t, doc, string(content(t, mem, statePath)))
	}
}

func TestRepairWithoutABackup(t *testing.T) {
	mem := edited(t, "key-kept", "key-edited")
	require.NoError(t, mem.Remove(statePath+".backup"))
	d, err := state.NewFile(statePath, mem).Inspect()
	require.NoError(t, err)
	require.ErrorIs(t, d.Backup, fs.ErrNotExist)
	require.True(t, d.Readable)
	require.NoError(t, state.NewFile(statePath, mem).Accept(t.Context(), state.Holder{}, d))
}

func TestRepairSavesWhatADamagedJournalHas(t *testing.T) {
	mem, journal := interrupted(t)
	lines := bytes.SplitAfter(journal, []byte("\n"))
	bad := bytes.Replace(journal, []byte(`"failed":true`), []byte(`"failed":TRUE`), 1) // record 5 of 6
	put(t, mem, journalPath, bad)
	store := state.NewFile(statePath, mem)
	d, err := store.Inspect()
	require.NoError(t, err)
	require.NoError(t, d.State)
	require.ErrorIs(t, d.Journal, state.ErrDamaged)
	require.Equal(t, 3, d.JournalRecords)
	require.EqualValues(t, len(lines[4])+len(lines[5]), d.JournalLost)

	require.NoError(t, store.Accept(t.Context(), state.Holder{}, d))
	require.Equal(t, bad, content(t, mem, journalPath+".damaged"))
	run := begin(t, mem)
	require.Zero(t, run.Folded())
	s := run.State()
	require.Equal(t, *app("a"), s.Apps["a"])
	require.Contains(t, s.Pending, "old")
	require.EqualValues(t, before().Serial+1, s.Serial)
	require.Equal(t, string(marshal(t, before())), string(content(t, mem, statePath+".backup")))
	require.NoError(t, run.Close())

	put(t, mem, journalPath, []byte("junk"))
	d, err = store.Inspect()
	require.NoError(t, err)
	require.NoError(t, store.Accept(t.Context(), state.Holder{}, d))
	require.Equal(t, "junk", string(content(t, mem, journalPath+".damaged.1")), "nothing is overwritten")
	require.Equal(t, bad, content(t, mem, journalPath+".damaged"))
}

// A repair that is cut off can be done again.
func TestCrashWhileRepairing(t *testing.T) {
	for n := 1; ; n++ {
		mem, journal := interrupted(t)
		put(t, mem, statePath, bytes.Replace(content(t, mem, statePath), []byte("key-kept"), []byte("key-edited"), 1))
		put(t, mem, journalPath, append(journal, "junk\n"...))
		faulty := statetest.NewFaulty(mem, statetest.FailFrom(n, errCrash))
		d, err := state.NewFile(statePath, faulty).Inspect()
		require.NoError(t, err)
		err = state.NewFile(statePath, faulty).Accept(t.Context(), state.Holder{}, d)
		for _, loss := range mem.Losses() {
			left := mem.Lose(loss)
			d, inspectErr := state.NewFile(statePath, left).Inspect()
			require.NoError(t, inspectErr)
			require.NoError(t, state.NewFile(statePath, left).Accept(t.Context(), state.Holder{}, d), "operation %d, %v", n, loss)
			run := begin(t, left)
			require.Equal(t, "key-edited", run.State().Apps["kept"].AppKey)
			require.Equal(t, "key-a", run.State().Apps["a"].AppKey)
			require.NoError(t, run.Close())
		}
		if err == nil {
			require.Greater(t, n, 10)
			return
		}
	}
}

func TestDiff(t *testing.T) {
	a, b := statetest.Sample(), statetest.Sample()
	require.Empty(t, state.Diff(a, b))
	shop := b.Apps["shop"]
	shop.MasterSecret, shop.Protected = "canary-secret", false
	shop.Certificates.Production.Fingerprint = "other"
	shop.Certificates.Development = state.Certificate{}
	b.Apps["shop"] = shop
	delete(b.Apps, "tab\t\"quoted\"")
	clear(b.Pending)
	var got []string
	for _, d := range state.Diff(a, b) {
		require.NotContains(t, d.String(), "canary-secret")
		require.NotContains(t, d.String(), a.Apps["shop"].MasterSecret)
		got = append(got, d.String())
	}
	require.Equal(t, []string{
		`app "shop" master_secret: (the one before) -> (another one)`,
		`app "shop" protected: removed: true`,
		`app "shop" certificates.development.file_sha256: removed: cc33`,
		`app "shop" certificates.development.fingerprint: removed: dd44`,
		`app "shop" certificates.production.fingerprint: bb22 -> other`,
		`app "tab\t\"quoted\"": removed: a\b (cn.example.b), app key c0ffee`,
		`app "news" pending: removed: create sent 2026-03-04T05:07:00Z, never answered`,
	}, got)
}
