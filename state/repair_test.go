package state_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
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
	statetest.Put(t, state.NewFile(statePath, mem), next)
	doc := content(t, mem, statePath)
	changed := bytes.Replace(doc, []byte(old), []byte(new), 1)
	require.NotEqual(t, string(doc), string(changed))
	put(t, mem, statePath, changed)
	return mem
}

func accept(t *testing.T, store *state.File, d *state.Damage) error {
	t.Helper()
	_, err := store.Accept(t.Context(), state.Holder{}, d, state.Recipients{})
	return err
}

func TestRepairTakesAnEditedState(t *testing.T) {
	mem := edited(t, `"app_key": "key-kept"`, `"app_key": "key-edited"`)
	store := state.NewFile(statePath, mem)
	d, err := store.Inspect()
	require.NoError(t, err)
	require.False(t, d.None())
	require.ErrorIs(t, d.StateErr, state.ErrDamaged)
	require.NoError(t, d.JournalErr)
	require.NoError(t, d.BackupErr)
	require.NoError(t, d.ParseErr)
	shown := strings.Join(d.Differences, "\n")
	require.NotContains(t, shown, "canary-secret")
	require.Contains(t, shown, `-   "serial": 4,
+   "serial": 5,
      "kept": {
-       "app_key": "key-kept",
+       "app_key": "key-edited",
`)
	require.Contains(t, shown, `+     "secretive": {
+       "app_name": "s",`)
	backup, damaged := content(t, mem, statePath+".backup"), content(t, mem, statePath)

	kept, err := store.Accept(t.Context(), state.Holder{}, d, state.Recipients{})
	require.NoError(t, err)
	require.Equal(t, []string{statePath + ".damaged"}, kept)
	s, err := store.Load(t.Context())
	require.NoError(t, err)
	require.Equal(t, "key-edited", s.Apps["kept"].AppKey)
	require.EqualValues(t, 6, s.Serial)
	require.Equal(t, backup, content(t, mem, statePath+".backup"))
	require.Equal(t, damaged, content(t, mem, statePath+".damaged"))
	d, err = store.Inspect()
	require.NoError(t, err)
	require.True(t, d.None())
	before := mem.String()
	require.NoError(t, accept(t, store, d))
	require.Equal(t, before, mem.String(), "nothing to repair")
}

// A state that can be read but not saved again is found before the first request. Whoever corrects it by
// hand can repair it.
func TestAStateThatCannotBeSavedAgain(t *testing.T) {
	good := string(marshal(t, statetest.Sample()))
	tests := []struct{ name, old, new, reason string }{
		{"serial without room", `"serial": 7`, `"serial": 4611686018427387905`, "serial 4611686018427387905 is above 4611686018427387904"},
		{"negative serial", `"serial": 7`, `"serial": -7`, "serial -7 is negative"},
		{"year 10000", `"2026-03-04T05:06:07Z"`, `"9999-12-31T23:59:59-01:00"`, "out of range"},
		{"pending upload", `"op": "create"`, `"op": "upload"`, `operation "upload" has no intent`},
		{"pending request without an id", `"news": {`, `"": {`, "it has no id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mem := &statetest.Memory{}
			store := state.NewFile(statePath, mem)
			put(t, mem, statePath, resealed(strings.Replace(good, tt.old, tt.new, 1)))
			_, err := store.Load(t.Context())
			require.NoError(t, err, "it can be read")
			_, err = state.Begin(t.Context(), store, state.Options{FS: mem})
			require.ErrorIs(t, err, state.ErrDamaged)
			require.ErrorContains(t, err, tt.reason)
			d, err := store.Inspect()
			require.NoError(t, err)
			require.ErrorContains(t, d.StateErr, tt.reason)
			require.ErrorContains(t, d.ParseErr, tt.reason)
			require.ErrorContains(t, accept(t, store, d), tt.reason)

			put(t, mem, statePath, []byte(strings.Replace(good, "sha256:", "sha256:of the state before", 1)))
			d, err = store.Inspect()
			require.NoError(t, err)
			require.NoError(t, accept(t, store, d))
			run, err := state.Begin(t.Context(), store, state.Options{FS: mem})
			require.NoError(t, err)
			require.NoError(t, run.Close())
		})
	}
}

// Nor does a change by hand make such a state.
func TestNoChangeByHandUsesUpTheSerial(t *testing.T) {
	mem := disk(t, before())
	run := begin(t, mem)
	next := before()
	next.Serial = 1<<62 + 1
	require.ErrorContains(t, run.Replace(t.Context(), next), "serial")
	require.ErrorContains(t, run.Update(t.Context(), func(s *state.State) error {
		s.Serial = next.Serial
		delete(s.Apps, "old")
		return nil
	}), "serial")
	require.NoError(t, run.Close())
	require.Equal(t, string(marshal(t, before())), string(content(t, mem, statePath)))
}

func TestRepairEncrypts(t *testing.T) {
	to, with := keyPair(t)
	mem := edited(t, "canary-secret", "canary-edited")
	store := state.NewFile(statePath, mem)
	d, err := store.Inspect()
	require.NoError(t, err)
	_, err = store.Accept(t.Context(), state.Holder{}, d, to)
	require.NoError(t, err)
	s, err := store.Load(t.Context())
	require.NoError(t, err)
	secret := s.Apps["secretive"].MasterSecret
	require.True(t, state.Encrypted(secret))
	secret, err = with.Decrypt(secret)
	require.NoError(t, err)
	require.Equal(t, "canary-edited", secret)
}

func TestRepairRaisesALoweredSerial(t *testing.T) {
	mem := edited(t, `"serial": 5`, `"serial": 1`)
	store := state.NewFile(statePath, mem)
	d, err := store.Inspect()
	require.NoError(t, err)
	require.NoError(t, accept(t, store, d))
	s, err := store.Load(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 5, s.Serial)
}

func TestRepairTakesOnlyWhatWasShown(t *testing.T) {
	mem := edited(t, `"app_key": "key-kept"`, `"app_key": "key-edited"`)
	store := state.NewFile(statePath, mem)
	d, err := store.Inspect()
	require.NoError(t, err)
	put(t, mem, statePath, bytes.Replace(content(t, mem, statePath), []byte("key-edited"), []byte("key-twice"), 1))
	require.ErrorContains(t, accept(t, store, d), "changed since")
	unlock, ok, err := mem.TryLock(statePath+".lock", "{}")
	require.NoError(t, err)
	require.True(t, ok, "the lock is free")
	defer unlock()
	d, err = store.Inspect()
	require.NoError(t, err)
	var locked *state.LockedError
	require.ErrorAs(t, accept(t, store, d), &locked)
}

func TestRepairRefusesWhatCannotBeRead(t *testing.T) {
	for _, doc := range []string{"", "{", `{"version": 1}`, "\x00\x00"} {
		mem := edited(t, "key-kept", "key-edited")
		put(t, mem, statePath, []byte(doc))
		store := state.NewFile(statePath, mem)
		d, err := store.Inspect()
		require.NoError(t, err)
		require.Error(t, d.StateErr)
		require.Error(t, d.ParseErr)
		require.ErrorContains(t, accept(t, store, d), statePath+".backup")
		require.Equal(t, doc, string(content(t, mem, statePath)))
	}
}

// What a newer jpsync wrote is as it was written.
func TestRepairLeavesANewerVersionAlone(t *testing.T) {
	header, sum := state.Seal([]byte(`{"seq":0,"journal":"x","version":2,"serial":4}`), "")
	line, _ := state.Seal([]byte(`{"seq":1}`), sum)
	for path, data := range map[string][]byte{statePath: []byte(`{"version": 2}`), journalPath: append(header, line...)} {
		mem, _ := interrupted(t)
		put(t, mem, path, data)
		_, err := state.NewFile(statePath, mem).Inspect()
		require.ErrorIs(t, err, state.ErrNewerVersion)
		require.ErrorContains(t, err, "read "+path)
	}
}

func TestRepairWithoutABackup(t *testing.T) {
	mem := edited(t, "key-kept", "key-edited")
	require.NoError(t, mem.Remove(statePath+".backup"))
	d, err := state.NewFile(statePath, mem).Inspect()
	require.NoError(t, err)
	require.ErrorIs(t, d.BackupErr, fs.ErrNotExist)
	require.NoError(t, d.ParseErr)
	require.NoError(t, accept(t, state.NewFile(statePath, mem), d))
}

func TestRepairSavesWhatADamagedJournalHas(t *testing.T) {
	mem, journal := interrupted(t)
	lines := bytes.SplitAfter(journal, []byte("\n"))
	bad := bytes.Replace(journal, []byte(`"failed":true`), []byte(`"failed":TRUE`), 1) // record 6 of 7
	put(t, mem, journalPath, bad)
	store := state.NewFile(statePath, mem)
	d, err := store.Inspect()
	require.NoError(t, err)
	require.NoError(t, d.StateErr)
	require.ErrorIs(t, d.JournalErr, state.ErrDamaged)
	require.Equal(t, 3, d.JournalRecords)
	require.EqualValues(t, len(lines[5])+len(lines[6]), d.JournalLost)

	require.NoError(t, accept(t, store, d))
	require.Equal(t, bad, content(t, mem, journalPath+".damaged"))
	run := begin(t, mem)
	require.Zero(t, run.Replayed())
	s := run.State()
	require.Equal(t, *app("a"), s.Apps["a"])
	require.Contains(t, s.Pending, "old")
	require.EqualValues(t, before().Serial+1, s.Serial)
	require.Equal(t, string(marshal(t, before())), string(content(t, mem, statePath+".backup")))
	require.NoError(t, run.Close())

	put(t, mem, journalPath, []byte("junk"))
	d, err = store.Inspect()
	require.NoError(t, err)
	kept, err := store.Accept(t.Context(), state.Holder{}, d, state.Recipients{})
	require.NoError(t, err)
	require.Equal(t, []string{journalPath + ".damaged.2"}, kept)
	require.Equal(t, "junk", string(content(t, mem, journalPath+".damaged.2")), "nothing is overwritten")
	require.Equal(t, bad, content(t, mem, journalPath+".damaged"))
}

// Nothing of a journal that does not say whose it is can be taken.
func TestRepairTakesNothingWithoutABinding(t *testing.T) {
	header, sum := state.Seal([]byte(`{"seq":0,"journal":"x","version":1,"serial":4}`), "")
	line, _ := state.Seal([]byte(`{"seq":1,"synced":1,"id":"a","intent":{"op":"create"}}`), sum)
	journal := slices.Concat(header, line, []byte("junk\n"))
	mem, _ := interrupted(t)
	put(t, mem, journalPath, journal)
	store := state.NewFile(statePath, mem)
	d, err := store.Inspect()
	require.NoError(t, err)
	require.ErrorContains(t, d.JournalErr, "the first record is no binding")
	require.Zero(t, d.JournalRecords)
	require.NoError(t, accept(t, store, d))
	require.Equal(t, journal, content(t, mem, journalPath+".damaged"))
	run := begin(t, mem)
	require.Equal(t, before(), run.State())
	require.NoError(t, run.Close())
}

// A journal is of one state, whatever its later records say.
func TestASecondBindingIsDamage(t *testing.T) {
	header, sum := state.Seal([]byte(`{"seq":0,"journal":"x","version":1,"serial":4}`), "")
	bind := `"bind":{"lineage":"` + before().Lineage + `","endpoint":"` + before().Endpoint + `","account":"` + before().Account + `"}}`
	first, sum := state.Seal([]byte(`{"seq":1,"synced":1,`+bind), sum)
	second, _ := state.Seal([]byte(`{"seq":2,"synced":2,`+strings.Replace(bind, before().Account, "someone", 1)), sum)
	mem, _ := interrupted(t)
	put(t, mem, journalPath, slices.Concat(header, first, second))
	_, err := state.NewFile(statePath, mem).Load(t.Context())
	require.ErrorIs(t, err, state.ErrDamaged)
	require.ErrorContains(t, err, "a second binding")
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
		err = accept(t, state.NewFile(statePath, faulty), d)
		for _, loss := range mem.Losses() {
			left := mem.Lose(loss)
			d, inspectErr := state.NewFile(statePath, left).Inspect()
			require.NoError(t, inspectErr)
			require.NoError(t, accept(t, state.NewFile(statePath, left), d), "operation %d, %v", n, loss)
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

// A killed repair leaves copies with secrets under names on their way. The next command that
// takes the lock removes them.
func TestAKilledRepairLeavesNoTemporaryFile(t *testing.T) {
	leftovers := 0
	for n := 1; ; n++ {
		mem, journal := interrupted(t)
		put(t, mem, statePath, bytes.Replace(content(t, mem, statePath), []byte("key-kept"), []byte("key-edited"), 1))
		put(t, mem, journalPath, append(journal, "junk\n"...))
		faulty := statetest.NewFaulty(mem, statetest.FailFrom(n, errCrash))
		d, err := state.NewFile(statePath, faulty).Inspect()
		require.NoError(t, err)
		err = accept(t, state.NewFile(statePath, faulty), d)
		mem.Unlock()
		leftovers += strings.Count(mem.String(), ".tmp-")
		session, _, _, openErr := state.NewFile(statePath, mem).Open(t.Context(), state.Holder{})
		if openErr == nil {
			require.NoError(t, session.Close())
		}
		names, dirErr := mem.ReadDir("/d")
		require.NoError(t, dirErr)
		for _, name := range names {
			require.NotContains(t, name, ".tmp-", "operation %d", n)
		}
		if err == nil {
			require.Greater(t, leftovers, 3)
			return
		}
	}
}

func TestEditedStatesAreReadStrictly(t *testing.T) {
	doc := string(marshal(t, statetest.Sample()))
	tests := []struct{ name, old, new, reason string }{
		{"unknown field", `"serial"`, `"serials"`, `unknown field at byte 73`},
		{"unknown field of an app", `"app_key"`, `"appkey"`, `unknown field in "/apps/shop" at byte`},
		{"unknown field of a certificate", `"not_after"`, `"not_before"`, `unknown field in "/apps/shop/certificates/production" at byte`},
		{"repeated field", `"serial": 7,`, `"serial": 7, "serial": 7,`, `duplicate field at byte`},
		{"repeated app", `"apps": {`, `"apps": {"shop": {"app_name":"","android_package":"","app_key":""},`, `duplicate field in "/apps" at byte`},
		{"repeated by an escape", `"apps": {`, `"apps": {"sh\u006fp": {"app_name":"","android_package":"","app_key":""},`, `duplicate field in "/apps" at byte`},
		{"missing field", `"app_key": "c0ffee"`, `"group_name": "g"`, `has no "app_key"`},
		{"no apps", `"apps"`, `"apps_"`, "unknown field"},
		{"wrong type", `"serial": 7`, `"serial": "7"`, `invalid value in "/serial" at byte`},
		{"negative", `"serial": 7`, `"serial": -7`, "negative"},
		{"null", `"adopted": true`, `"adopted": null`, `invalid value in "/apps/shop/adopted" at byte`},
		{"environment", `"production"`, `"staging"`, `unknown field in "/apps/shop/certificates" at byte`},
		{"operation", `"op": "create"`, `"op": "upload"`, "upload"},
		{"version 0", `"version": 1`, `"version": 0`, "version is 0"},
		{"trailing comma", "\"checksum\"", ",\"checksum\"", "invalid character"},
		{"case", `"adopted"`, `"Adopted"`, `unknown field in "/apps/shop" at byte`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mem := disk(t, before())
			bad := strings.Replace(doc, tt.old, tt.new, 1)
			require.NotEqual(t, doc, bad)
			put(t, mem, statePath, []byte(bad))
			d, err := state.NewFile(statePath, mem).Inspect()
			require.NoError(t, err)
			require.ErrorIs(t, d.StateErr, state.ErrDamaged)
			require.ErrorContains(t, d.ParseErr, tt.reason)
		})
	}
}

func TestDiffLines(t *testing.T) {
	a, b := statetest.Sample(), statetest.Sample()
	none, err := state.DiffLines(a, b)
	require.NoError(t, err)
	require.Empty(t, none)
	shop := b.Apps["shop"]
	shop.MasterSecret, shop.Protected = "canary-secret", false
	shop.Certificates.Production.Fingerprint = "other"
	b.Apps["shop"] = shop
	delete(b.Apps, "tab\t\"quoted\"")
	clear(b.Pending)
	lines, err := state.DiffLines(a, b)
	require.NoError(t, err)
	require.NotContains(t, strings.Join(lines, ""), "canary-secret")
	require.NotContains(t, strings.Join(lines, ""), a.Apps["shop"].MasterSecret)
	golden(t, "diff.golden", []byte(strings.Join(lines, "\n")+"\n"))
}

func TestDiffOfManyAppsIsCutOff(t *testing.T) {
	a, b := large(1500-2), large(1500-2)
	for id, app := range b.Apps {
		app.AppKey += "x"
		b.Apps[id] = app
	}
	lines, err := state.DiffLines(a, b)
	require.NoError(t, err)
	require.Equal(t, "and 500 more apps differ", lines[len(lines)-1])
}

// What stands where a name or another value is expected may be a secret.
func TestReasonsDoNotQuoteTheDocument(t *testing.T) {
	secret := statetest.Sample().Apps["shop"].MasterSecret
	doc := string(marshal(t, statetest.Sample()))
	tests := []struct{ name, old, new, reason string }{
		{"number", `"serial": 7`, `"serial": "` + secret + `"`, `"/serial" at byte`},
		{"boolean", `"adopted": true`, `"adopted": "` + secret + `"`, `"/apps/shop/adopted" at byte`},
		{"time", `"created_at": "2026-03-04T05:06:07Z"`, `"created_at": "` + secret + `"`, `"/apps/shop/created_at" at byte`},
		{"the name is lost", `"master_secret": "`, `"`, "at byte"},
		{"half a surrogate pair", `"master_secret": "`, `"master_secret": "\ud800`, "at byte"},
		{"escape", `"master_secret": "`, `"master_secret": "\uX`, "at byte"},
		{"escape before a quote", `"master_secret": "`, `"master_secret": "\u"`, "at byte"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(doc, tt.old, tt.new, 1)
			require.NotEqual(t, doc, bad)
			mem := disk(t, before())
			put(t, mem, statePath, []byte(bad))
			d, err := state.NewFile(statePath, mem).Inspect()
			require.NoError(t, err)
			require.ErrorIs(t, d.StateErr, state.ErrDamaged)
			require.ErrorContains(t, d.StateErr, tt.reason)
			for i := range len(secret) - 2 {
				part := secret[i : i+3]
				require.NotContains(t, d.StateErr.Error(), part)
				if d.ParseErr != nil {
					require.NotContains(t, d.ParseErr.Error(), part)
				}
			}
		})
	}
}

// A person decides about a byte that is no text: the difference to the backup shows it.
func TestAnInvalidByteCanBeRepaired(t *testing.T) {
	mem := disk(t, before())
	doc := string(marshal(t, statetest.Sample()))
	put(t, mem, statePath, []byte(strings.Replace(doc, "cn.example.shop.ios", "cn.example.sh\xffp.ios", 1)))
	d, err := state.NewFile(statePath, mem).Inspect()
	require.NoError(t, err)
	require.ErrorContains(t, d.StateErr, "invalid UTF-8 at byte")
	require.NoError(t, d.ParseErr)
	require.NoError(t, accept(t, state.NewFile(statePath, mem), d))
	s, err := view(mem)
	require.NoError(t, err)
	require.Equal(t, "cn.example.sh\uFFFDp.ios", s.Apps["shop"].Certificates.Production.BundleID)
}

func TestAStateWithoutAppsIsNotAnEmptyOne(t *testing.T) {
	doc := string(marshal(t, statetest.Sample()))
	doc = strings.Replace(doc, `"apps": {`, `"Apps": {`, 1)
	line := regexp.MustCompile(`(?m)^  "checksum": .*\n`)
	sum := sha256.Sum256([]byte(line.ReplaceAllString(doc, "")))
	doc = line.ReplaceAllString(doc, fmt.Sprintf("  \"checksum\": \"sha256:%x\",\n", sum))
	_, err := state.Unmarshal([]byte(doc))
	require.ErrorIs(t, err, state.ErrDamaged)
	require.ErrorContains(t, err, `missing field "apps"`)
}
