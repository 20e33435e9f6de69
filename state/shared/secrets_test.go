package shared

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"jpsync/state"
)

// spoiled lets a test spoil calls to a place.
type spoiled struct {
	*Memory
	skew   time.Duration // of the clock of its listings
	create func(name string)
	remove func(names []string) error
}

func (s *spoiled) List(ctx context.Context, prefix, after string) ([]Entry, time.Time, error) {
	entries, clock, err := s.Memory.List(ctx, prefix, after)
	return entries, clock.Add(s.skew), err
}

func (s *spoiled) Create(ctx context.Context, name string, body []byte) error {
	if s.create != nil {
		s.create(name)
	}
	return s.Memory.Create(ctx, name, body)
}

func (s *spoiled) Remove(ctx context.Context, names ...string) error {
	if s.remove != nil {
		if err := s.remove(names); err != nil {
			return err
		}
	}
	return s.Memory.Remove(ctx, names...)
}

func at(t *testing.T, place Place) *Store {
	t.Helper()
	s, err := New(place, 10*time.Second)
	require.NoError(t, err)
	return s
}

func made(id, secret string) state.Record {
	return state.Record{ID: id, Result: &state.Result{Op: state.OpCreate, App: &state.App{AppName: "n", AndroidPackage: "p.q", AppKey: "k" + id, MasterSecret: secret}}}
}

const canary = "CANARYSECRET"

func recipients(t *testing.T) (state.Recipients, state.Identities) {
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	r, err := state.ParseRecipients([]string{id.Recipient().String()})
	require.NoError(t, err)
	i, err := state.ParseIdentities(strings.NewReader(id.String()))
	require.NoError(t, err)
	return r, i
}

func leaks(m *Memory) (names []string) {
	for name, o := range m.objects {
		if bytes.Contains(o.body, []byte(canary)) {
			names = append(names, name)
		}
	}
	return names
}

func applied(t *testing.T, place Place, opts state.Options, recs ...state.Record) {
	t.Helper()
	run, err := state.Begin(t.Context(), at(t, place), opts)
	require.NoError(t, err)
	require.NoError(t, run.Bind("https://admin.jpush.cn/v1/", "a"))
	for _, r := range recs {
		require.NoError(t, run.Append(r)())
	}
	require.NoError(t, run.Finish(t.Context()))
}

// A taker whose view of the clock is wrong must not end a living lease.
func TestABadClockEndsNoLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := NewMemory()
		applied(t, memory, state.Options{}, made("a", "s"))
		x, s, _, err := at(t, memory).Open(t.Context(), state.Holder{PID: 1, Command: "living"})
		require.NoError(t, err)
		_, _, _, err = at(t, &spoiled{Memory: memory, skew: time.Hour}).Open(t.Context(), state.Holder{Command: "taker"})
		require.ErrorIs(t, err, ErrClock)
		require.NoError(t, x.Append(t.Context(), []state.Record{{Bind: &state.Binding{Lineage: s.Lineage, Endpoint: s.Endpoint, Account: s.Account}}, made("b", "s")}))
		require.NoError(t, x.Close())
	})
}

// A removal that failed once, and a snapshot whose fold never came, keep no secret in clear.
func TestRekeyFindsWhatEarlierRunsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := NewMemory()
		killed := &spoiled{Memory: memory, remove: func([]string) error { return errors.New("killed here") }}
		applied(t, killed, state.Options{}, made("a", canary))
		x, s, _, err := at(t, memory).Open(t.Context(), state.Holder{PID: 1})
		require.NoError(t, err)
		s.Serial++
		_, _, err = x.(*session).snapshot(t.Context(), s)
		require.NoError(t, err)
		require.NoError(t, x.Close())
		require.NotEmpty(t, leaks(memory))

		r, _ := recipients(t)
		applied(t, memory, state.Options{Recipients: r}, made("b", canary))
		require.Empty(t, leaks(memory))
		require.Len(t, loaded(t, memory).Apps, 2)
	})
}

// What a run left in clear is found by the first that may remove it, however many have folded since: its
// snapshot, and its entries if it was killed before it had one. One that may not says so.
func TestSecretsInClearAreFoundLater(t *testing.T) {
	for name, first := range map[string]func(t *testing.T, run *state.Run){
		"folded": func(t *testing.T, run *state.Run) { require.NoError(t, run.Finish(t.Context())) },
		"killed": func(t *testing.T, run *state.Run) { require.NoError(t, run.Close()) },
	} {
		for _, folds := range []int{1, 2, 4} {
			t.Run(fmt.Sprint(name, folds), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					memory := NewMemory()
					refuse := &spoiled{Memory: memory, remove: func([]string) error { return errors.New("AccessDenied") }}
					run, err := state.Begin(t.Context(), at(t, memory), state.Options{})
					require.NoError(t, err)
					require.NoError(t, run.Bind("https://admin.jpush.cn/v1/", "a"))
					require.NoError(t, run.Append(made("a", canary))())
					first(t, run)

					r, _ := recipients(t)
					for n := range folds {
						applied(t, refuse, state.Options{Recipients: r}, made(fmt.Sprint("b", n), canary))
					}
					run, err = state.Begin(t.Context(), at(t, refuse), state.Options{Recipients: r})
					require.NoError(t, err)
					require.ErrorContains(t, run.Unpurged(), "remain")
					require.NoError(t, run.Close())
					run, err = state.Begin(t.Context(), at(t, memory), state.Options{Recipients: r})
					require.NoError(t, err)
					require.NoError(t, run.Unpurged())
					require.NoError(t, run.Close())
					require.Empty(t, leaks(memory))
				})
			})
		}
	}
}

// Who has had recipients all the time is not warned, whatever the store keeps.
func TestNothingInClearIsNothingToPurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := &spoiled{Memory: NewMemory(), remove: func([]string) error { return errors.New("AccessDenied") }}
		r, _ := recipients(t)
		for n := range 4 {
			run, err := state.Begin(t.Context(), at(t, refuse), state.Options{Recipients: r})
			require.NoError(t, err)
			require.NoError(t, run.Unpurged())
			require.NoError(t, run.Close())
			applied(t, refuse, state.Options{Recipients: r}, made(fmt.Sprint(n), canary))
		}
		require.Empty(t, leaks(refuse.Memory))
	})
}

func loaded(t *testing.T, place Place) *state.State {
	t.Helper()
	s, err := at(t, place).Load(t.Context())
	require.NoError(t, err)
	return s
}

// mute removes nothing and does not say so, as some stores do where the right is missing.
type mute struct{ *Memory }

func (mute) Remove(context.Context, ...string) error { return nil }

// A store that lets go of nothing is told, and not taken for one that did.
func TestWhatRemainsInClearIsTold(t *testing.T) {
	memory := NewMemory()
	applied(t, memory, state.Options{}, made("a", canary))
	r, i := recipients(t)
	keeps := &spoiled{Memory: memory, remove: func([]string) error { return errors.New("AccessDenied") }}
	run, err := state.Begin(t.Context(), at(t, keeps), state.Options{Recipients: r})
	require.NoError(t, err)
	err = run.Rekey(t.Context(), i)
	require.ErrorContains(t, err, "remain")
	require.ErrorContains(t, err, "AccessDenied")
	require.NoError(t, run.Unpurged(), "it is said once")
	require.NoError(t, run.Close())
	run, err = state.Begin(t.Context(), at(t, mute{memory}), state.Options{Recipients: r})
	require.NoError(t, err)
	require.ErrorContains(t, run.Unpurged(), "grant the right to delete")
	require.NoError(t, run.Close())
	run, err = state.Begin(t.Context(), at(t, memory), state.Options{Recipients: r})
	require.NoError(t, err)
	require.NoError(t, run.Rekey(t.Context(), i))
	require.NoError(t, run.Close())
	require.Empty(t, leaks(memory))
}

// A fold within a run encrypts what is saved; what the run has in memory may be clear still.
func TestARecoveryFileIsEncryptedAlsoAfterAFoldWithinTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := NewMemory()
		applied(t, memory, state.Options{}, made("old", canary))
		r, _ := recipients(t)
		run, err := state.Begin(t.Context(), at(t, memory), state.Options{Recipients: r})
		require.NoError(t, err)
		require.NoError(t, run.Bind("https://admin.jpush.cn/v1/", "a"))
		large := strings.Repeat("x", 900<<10)
		for n := range 76 {
			rec := made("n"+string(rune('A'+n)), "s")
			rec.Result.App.GroupName = large
			require.NoError(t, run.Append(rec)())
		}
		time.Sleep(time.Second)
		data, err := run.RecoveryFile()
		require.NoError(t, err)
		require.NotContains(t, string(data), canary)
		require.NoError(t, run.Close())
	})
}

type named struct {
	*Store
	name string
}

func (n named) Location() string { return n.name }

// A copy that is killed at any of its writes is completed by running it again, with recipients
// as well, whose encryption gives another text each time.
func TestACopyOfClearSecretsCanBeCompleted(t *testing.T) {
	r, _ := recipients(t)
	for step := 1; step <= 2; step++ {
		from, to := NewMemory(), NewMemory()
		applied(t, from, state.Options{}, made("a", canary))
		steps := 0
		killed := &spoiled{Memory: to, create: func(name string) {
			if strings.HasPrefix(name, statePrefix) {
				if steps++; steps == step {
					panic("killed")
				}
			}
		}}
		opts := state.Options{Recipients: r, Holder: state.Holder{PID: 1}}
		require.Panics(t, func() {
			_ = state.Copy(t.Context(), named{at(t, from), "A"}, named{at(t, killed), "B"}, opts)
		})
		require.NoError(t, state.Copy(t.Context(), named{at(t, from), "A"}, named{at(t, to), "B"}, opts), "step %d", step)
		require.Equal(t, "B", loaded(t, from).MovedTo)
		require.Empty(t, loaded(t, to).MovedTo)
		require.Empty(t, append(leaks(from), leaks(to)...))
	}
}
