package state_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/shared"
	"jpsync/state/statetest"
)

// secretOf is a master secret with bytes that base64 and URLs change.
func secretOf(id string) string { return "canary+/?&" + id + "-0123456789" }

func secretApp(id string) *state.App {
	a := app(id)
	a.MasterSecret = secretOf(id)
	return a
}

// keyPair makes a recipient and its identity.
func keyPair(t testing.TB) (state.Recipients, state.Identities) {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return recipients(t, key), identities(t, key)
}

func recipients(t testing.TB, key *age.X25519Identity) state.Recipients {
	t.Helper()
	to, err := state.ParseRecipients([]string{key.Recipient().String()})
	require.NoError(t, err)
	return to
}

func identities(t testing.TB, all ...*age.X25519Identity) state.Identities {
	t.Helper()
	file := "# a comment\n"
	for _, key := range all {
		file += key.String() + "\n"
	}
	with, err := state.ParseIdentities(strings.NewReader(file))
	require.NoError(t, err)
	return with
}

// requireNoCanary searches for a secret as it is, in base64 at each offset, and in a URL.
func requireNoCanary(t *testing.T, where string, data []byte) {
	t.Helper()
	canary := []byte("canary+/?&")
	forms := [][]byte{canary, []byte(url.QueryEscape(string(canary))), []byte(url.PathEscape(string(canary)))}
	quoted, err := json.Marshal(string(canary))
	require.NoError(t, err)
	forms = append(forms, bytes.Trim(quoted, `"`))
	for offset := range 3 {
		text := base64.StdEncoding.EncodeToString(append(make([]byte, offset), canary...))
		forms = append(forms, []byte(text[4*((offset+2)/3):len(text)-4]))
	}
	for _, form := range forms {
		require.False(t, bytes.Contains(data, form), "%s has a secret, as %q", where, form)
	}
}

// keeper is a store whose content can be searched.
type keeper struct {
	store state.Store
	all   func(t *testing.T) map[string][]byte
}

// keepers are the stores that secrets are looked for in.
func keepers(t *testing.T) map[string]keeper {
	dir := t.TempDir()
	memory := shared.NewMemory()
	inMemory, err := shared.New(memory, 0)
	require.NoError(t, err)
	return map[string]keeper{
		"file": {state.NewFile(filepath.Join(dir, "jpsync.state.json"), state.OS{}), func(t *testing.T) map[string][]byte { return filesIn(t, dir) }},
		"shared": {inMemory, func(t *testing.T) map[string][]byte {
			found := map[string][]byte{}
			for _, prefix := range []string{"log/", "state/"} {
				entries, _, err := memory.List(t.Context(), prefix, "")
				require.NoError(t, err)
				for _, e := range entries {
					found[e.Name], err = memory.Read(t.Context(), e.Name)
					require.NoError(t, err)
				}
			}
			return found
		}},
	}
}

func filesIn(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		found[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
	}
	return found
}

func (k keeper) begin(t *testing.T, to state.Recipients) *state.Run {
	t.Helper()
	run, err := state.Begin(t.Context(), k.store, state.Options{Recipients: to})
	require.NoError(t, err)
	require.NoError(t, run.Bind(endpoint, account))
	return run
}

func (k keeper) search(t *testing.T) {
	t.Helper()
	for name, data := range k.all(t) {
		requireNoCanary(t, name, data)
	}
}

// requireSecrets checks that every app has its secret, for whom it is meant.
func requireSecrets(t *testing.T, s *state.State, with state.Identities, ids ...string) {
	t.Helper()
	require.Len(t, s.Apps, len(ids))
	for _, id := range ids {
		require.True(t, state.Encrypted(s.Apps[id].MasterSecret), id)
		got, err := with.Decrypt(s.Apps[id].MasterSecret)
		require.NoError(t, err)
		require.Equal(t, secretOf(id), got)
	}
}

func TestNoSecretInClear(t *testing.T) {
	for name, k := range keepers(t) {
		t.Run(name, func(t *testing.T) {
			to, with := keyPair(t)
			run := k.begin(t, to)
			require.True(t, run.Encrypts())
			must(t, run.Append(creation("a")))
			must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: secretApp("a")})))
			k.search(t)                // the journal
			uploaded := secretApp("a") // as a run knows it that has just made the app
			uploaded.Certificates = certified("a").Certificates
			must(t, run.Append(result("a", state.Result{Op: state.OpUpload, App: uploaded})))
			recorded := run.State().Apps["a"].MasterSecret
			s, err := k.store.Load(t.Context())
			require.NoError(t, err)
			require.Equal(t, recorded, s.Apps["a"].MasterSecret, "the journal has the same text as the state")
			require.Equal(t, secretOf("a"), uploaded.MasterSecret, "the caller's record is left alone")

			file, err := run.WriteRecovery(t.TempDir())
			require.NoError(t, err)
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Contains(t, string(data), "BEGIN AGE ENCRYPTED FILE")
			requireNoCanary(t, "the recovery file", data)
			require.NoError(t, run.Close())
			k.search(t)

			run = k.begin(t, to) // folds what was left
			k.search(t)
			again := run.State().Apps["a"]
			require.Equal(t, recorded, again.MasterSecret)
			again.Certificates.Development = again.Certificates.Production
			must(t, run.Append(result("a", state.Result{Op: state.OpUpload, App: &again})))
			require.Equal(t, recorded, run.State().Apps["a"].MasterSecret, "what is encrypted stays as it is")
			require.NoError(t, run.Finish(t.Context()))
			k.search(t)
			s, err = k.store.Load(t.Context())
			require.NoError(t, err)
			requireSecrets(t, s, with, "a")

			r, err := state.Recover(t.Context(), k.store, state.Options{Recipients: to}, file)
			require.NoError(t, err)
			require.True(t, r.Complete())
			k.search(t)
		})
	}
}

func TestRecipientsThatDoNotGoTogether(t *testing.T) {
	classic, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	quantum, err := age.GenerateHybridIdentity()
	require.NoError(t, err)
	one, other := classic.Recipient().String(), quantum.Recipient().String()
	for _, keys := range [][]string{{one}, {other}, {one, one}, {other, other}} {
		_, err := state.ParseRecipients(keys)
		require.NoError(t, err)
	}
	_, err = state.ParseRecipients([]string{one, other})
	require.ErrorContains(t, err, "the state's recipients do not go together")
	require.ErrorContains(t, err, "can't mix post-quantum and classic recipients")
}

func TestRecipientsAreNotRepeated(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	public, secret := key.Recipient().String(), key.String()
	for wrong, want := range map[string]string{
		secret:                      "state recipient 2 is a secret key",
		`"` + secret + `"`:          "state recipient 2 is a secret key",
		"key=" + secret:             "state recipient 2 is a secret key",
		public + ";" + secret:       "state recipient 2 is a secret key",
		strings.ToLower(secret):     "state recipient 2 is a secret key",
		secret[len("AGE-SECRET-"):]: "state recipient 2 is invalid",
	} {
		_, err := state.ParseRecipients([]string{public, wrong})
		require.ErrorContains(t, err, want)
		require.NotContains(t, strings.ToUpper(err.Error()), secret[len("AGE-SECRET-KEY-1"):])
	}
}

// failing is a recipient that cannot be encrypted for at times.
type failing struct {
	age.Recipient
	times int
}

func (f *failing) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	if f.times--; f.times >= 0 {
		return nil, errors.New("no randomness")
	}
	return f.Recipient.Wrap(fileKey)
}

// An answer whose secret cannot be encrypted stops the run like a commit that failed, and is not lost.
func TestAnswerThatCannotBeEncrypted(t *testing.T) {
	for name, k := range keepers(t) {
		t.Run(name, func(t *testing.T) {
			key, err := age.GenerateX25519Identity()
			require.NoError(t, err)
			run := k.begin(t, state.RecipientsOf(&failing{key.Recipient(), 1}))
			must(t, run.Append(creation("a")))
			require.ErrorContains(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: secretApp("a")}))(), "no randomness")
			require.ErrorContains(t, run.Append(creation("b"))(), "no randomness")
			k.search(t)
			file, err := run.RecoveryFile()
			require.NoError(t, err)
			requireNoCanary(t, "the recovery file", file)
			require.Contains(t, string(file), "BEGIN AGE ENCRYPTED FILE")
			require.NoError(t, run.Finish(t.Context()))
			k.search(t)
			s, err := k.store.Load(t.Context())
			require.NoError(t, err)
			requireSecrets(t, s, identities(t, key), "a")
		})
	}
}

// What was in clear is encrypted with the next change, also in what is kept of the state
// before. A run without a change leaves everything alone.
func TestClearSecretsAreEncryptedAtTheNextWrite(t *testing.T) {
	writes := map[string]func(t *testing.T, run *state.Run){
		"an apply": func(t *testing.T, run *state.Run) {
			must(t, run.Append(result("c", state.Result{Op: state.OpCreate, App: secretApp("c")})))
			require.NoError(t, run.Finish(t.Context()))
		},
		"by hand": func(t *testing.T, run *state.Run) {
			require.NoError(t, run.Update(t.Context(), func(s *state.State) error {
				s.Apps["c"] = *secretApp("c")
				return nil
			}))
			require.NoError(t, run.Close())
		},
		"a run that was killed": func(t *testing.T, run *state.Run) {
			must(t, run.Append(result("c", state.Result{Op: state.OpCreate, App: secretApp("c")})))
			require.NoError(t, run.Close())
		},
	}
	for write, change := range writes {
		for name, k := range keepers(t) {
			t.Run(write+" "+name, func(t *testing.T) {
				none := state.Recipients{}
				for _, id := range []string{"a", "b"} {
					run := k.begin(t, none)
					must(t, run.Append(result(id, state.Result{Op: state.OpCreate, App: secretApp(id)})))
					require.NoError(t, run.Finish(t.Context()))
				}
				to, with := keyPair(t)
				run := k.begin(t, to)
				serial := run.Snapshot().Serial
				require.NoError(t, run.Update(t.Context(), func(*state.State) error { return nil }))
				require.NoError(t, run.Finish(t.Context()))
				s, err := k.store.Load(t.Context())
				require.NoError(t, err)
				require.Equal(t, serial, s.Serial)
				require.Equal(t, secretOf("a"), s.Apps["a"].MasterSecret)

				change(t, k.begin(t, to))
				require.NoError(t, k.begin(t, to).Close())
				k.search(t)
				s, err = k.store.Load(t.Context())
				require.NoError(t, err)
				requireSecrets(t, s, with, "a", "b", "c")
			})
		}
	}
}

// An apply whose requests were all refused writes too, and encrypts what it writes.
func TestClearSecretsAreEncryptedWithoutAChange(t *testing.T) {
	for name, k := range keepers(t) {
		t.Run(name, func(t *testing.T) {
			for _, id := range []string{"a", "b"} {
				run := k.begin(t, state.Recipients{})
				must(t, run.Append(result(id, state.Result{Op: state.OpCreate, App: secretApp(id)})))
				require.NoError(t, run.Finish(t.Context()))
			}
			to, with := keyPair(t)
			run := k.begin(t, to)
			must(t, run.Append(creation("c")))
			must(t, run.Append(result("c", state.Result{Op: state.OpCreate, Failed: true})))
			require.NoError(t, run.Finish(t.Context()))
			k.search(t)
			s, err := k.store.Load(t.Context())
			require.NoError(t, err)
			requireSecrets(t, s, with, "a", "b")
			require.EqualValues(t, 3, s.Serial)
			require.Equal(t, run.Snapshot().Apps, s.Apps)
		})
	}
}

// A state whose secrets are encrypted already may take the place of one in clear.
func TestReplacedSecretsAreNotKept(t *testing.T) {
	for name, k := range keepers(t) {
		t.Run(name, func(t *testing.T) {
			run := k.begin(t, state.Recipients{})
			must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: secretApp("a")})))
			require.NoError(t, run.Finish(t.Context()))
			to, _ := keyPair(t)
			run = k.begin(t, to)
			next := run.State()
			require.NoError(t, state.RewriteSecrets(next.Apps, to.Encrypt))
			require.NoError(t, run.Replace(t.Context(), next))
			k.search(t)
			require.NoError(t, run.Close())
		})
	}
}

// A run that encrypts is killed before it purges. The next one does that, though it has nothing to
// write, and leaves the backup of a state that is in clear itself alone.
func TestPurgeThatIsOwed(t *testing.T) {
	mem := &statetest.Memory{}
	k := keeper{state.NewFile(statePath, mem), func(t *testing.T) map[string][]byte {
		return map[string][]byte{"the state": content(t, mem, statePath), "the backup": content(t, mem, statePath+state.BackupSuffix)}
	}}
	change := func(id string) func(*state.State) error {
		return func(s *state.State) error { s.Apps[id] = *secretApp(id); return nil }
	}
	for _, id := range []string{"a", "b"} {
		run := k.begin(t, state.Recipients{})
		require.NoError(t, run.Update(t.Context(), change(id)))
		require.NoError(t, run.Close())
	}
	to, with := keyPair(t)
	before := k.all(t)
	require.NoError(t, k.begin(t, to).Close())
	require.Equal(t, before, k.all(t))

	renames := 0
	k.store = state.NewFile(statePath, statetest.NewFaulty(mem, func(op statetest.Op) error {
		if op.Kind == statetest.Rename {
			renames++
		}
		if renames >= 3 { // after those of the backup and the snapshot
			return errCrash
		}
		return nil
	}))
	run := k.begin(t, to)
	require.NoError(t, run.Update(t.Context(), change("c")))
	require.ErrorIs(t, run.Unpurged(), errCrash)
	mem.Unlock()
	require.Contains(t, string(k.all(t)["the backup"]), "canary")

	k.store = state.NewFile(statePath, mem)
	require.NoError(t, k.begin(t, to).Close())
	k.search(t)
	s, err := k.store.Load(t.Context())
	require.NoError(t, err)
	requireSecrets(t, s, with, "a", "b", "c")
}

func TestRekey(t *testing.T) {
	for name, k := range keepers(t) {
		t.Run(name, func(t *testing.T) {
			oldKey, err := age.GenerateX25519Identity()
			require.NoError(t, err)
			newKey, err := age.GenerateX25519Identity()
			require.NoError(t, err)
			before, after := recipients(t, oldKey), recipients(t, newKey)
			with, newWith := identities(t, oldKey), identities(t, newKey)
			run := k.begin(t, before)
			for _, id := range []string{"a", "b"} {
				must(t, run.Append(result(id, state.Result{Op: state.OpCreate, App: secretApp(id)})))
			}
			must(t, run.Append(result("none", state.Result{Op: state.OpCreate, App: app("none")})))
			require.NoError(t, run.Finish(t.Context()))

			run = k.begin(t, state.Recipients{})
			require.ErrorContains(t, run.Rekey(t.Context(), with), "no recipients")
			require.NoError(t, run.Close())
			run = k.begin(t, after)
			require.ErrorContains(t, run.Rekey(t.Context(), newWith), "encrypted for other recipients")
			unchanged := run.Snapshot()
			must(t, run.Append(result("c", state.Result{Op: state.OpCreate, App: secretApp("c")})))
			_, err = newWith.Decrypt(run.State().Apps["c"].MasterSecret)
			require.NoError(t, err, "new secrets are for the new recipients")
			require.Equal(t, unchanged.Apps["a"], run.State().Apps["a"])
			require.NoError(t, run.Finish(t.Context()))

			key := fmt.Sprint(unchanged.Apps["a"].MasterSecret)
			run = k.begin(t, after)
			require.NoError(t, run.Rekey(t.Context(), identities(t, oldKey, newKey)))
			require.NoError(t, run.Close())
			s, err := k.store.Load(t.Context())
			require.NoError(t, err)
			require.Empty(t, s.Apps["none"].MasterSecret)
			delete(s.Apps, "none")
			requireSecrets(t, s, newWith, "a", "b", "c")
			quoted, err := json.Marshal(key)
			require.NoError(t, err)
			for name, data := range k.all(t) {
				require.NotContains(t, string(data), string(quoted), name)
			}
		})
	}
}

// Repair shows that a secret differs, and not even how it is encrypted.
func TestDifferencesMaskEncryptedSecrets(t *testing.T) {
	to, _ := keyPair(t)
	mem := &statetest.Memory{}
	store := state.NewFile(statePath, mem)
	s := before()
	for range 2 {
		a := s.Apps["kept"]
		var err error
		a.MasterSecret, err = to.Encrypt(secretOf("kept"))
		require.NoError(t, err)
		s.Apps["kept"] = a
		s.Serial++
		statetest.Put(t, store, s)
	}
	doc := bytes.Replace(content(t, mem, statePath), []byte("key-kept"), []byte("key-edit"), 1)
	put(t, mem, statePath, doc)
	damage, err := store.Inspect()
	require.NoError(t, err)
	shown := strings.Join(damage.Differences, "\n")
	require.Contains(t, shown, "key-edit")
	require.Contains(t, shown, "(secret)")
	require.NotContains(t, shown, "AGE ENCRYPTED")
}

func BenchmarkEncryptAll(b *testing.B) {
	to, _ := keyPair(b)
	s := state.New()
	for i := range 10_000 {
		id := fmt.Sprint(i)
		s.Apps[id] = *secretApp(id)
	}
	for b.Loop() {
		mem := &statetest.Memory{}
		run, err := state.Begin(b.Context(), state.NewFile(statePath, mem), state.Options{FS: mem, Recipients: to})
		require.NoError(b, err)
		require.NoError(b, run.Update(b.Context(), func(next *state.State) error {
			next.Apps = s.Clone().Apps
			return nil
		}))
		require.NoError(b, run.Close())
	}
}
