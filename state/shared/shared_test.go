package shared

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"jpsync/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testLease = 10 * time.Second

// faulty asks a hook before and after each call to a place.
type faulty struct {
	Place
	before, after func(op, name string) error // nil: pass
}

func (f *faulty) call(op, name string, do func() error) error {
	if f.before != nil {
		if err := f.before(op, name); err != nil {
			return err
		}
	}
	err := do()
	if f.after != nil && err == nil {
		return f.after(op, name)
	}
	return err
}

func (f *faulty) Create(ctx context.Context, name string, body []byte) error {
	return f.call("create", name, func() error { return f.Place.Create(ctx, name, body) })
}

func (f *faulty) List(ctx context.Context, prefix, after string) (entries []Entry, clock time.Time, err error) {
	err = f.call("list", prefix, func() (err error) { entries, clock, err = f.Place.List(ctx, prefix, after); return err })
	return entries, clock, err
}

func (f *faulty) Read(ctx context.Context, name string) (body []byte, err error) {
	err = f.call("read", name, func() (err error) { body, err = f.Place.Read(ctx, name); return err })
	return body, err
}

func (f *faulty) Remove(ctx context.Context, names ...string) error {
	return f.call("remove", strings.Join(names, " "), func() error { return f.Place.Remove(ctx, names...) })
}

func open(t *testing.T, place Place, wait time.Duration) (*session, *state.State) {
	t.Helper()
	x, s, _, err := store(t, place).Open(t.Context(), state.Holder{PID: 1, Command: "apply", Host: "runner", User: "ci", Wait: wait})
	require.NoError(t, err)
	return x.(*session), s
}

func store(t *testing.T, place Place) *Store {
	t.Helper()
	s, err := New(place, testLease)
	require.NoError(t, err)
	return s
}

var binding = state.Record{Bind: &state.Binding{Lineage: "l", Endpoint: "https://admin.jpush.cn/v1/", Account: "a"}}

func created(id string) state.Record {
	return state.Record{ID: id, Result: &state.Result{Op: state.OpCreate, ID: id,
		App: &state.App{AppName: id, AndroidPackage: "cn.example." + id, AppKey: "key-" + id, MasterSecret: "secret-" + id}}}
}

func load(t *testing.T, place Place) *state.State {
	t.Helper()
	s, err := store(t, place).Load(t.Context())
	require.NoError(t, err)
	return s
}

func TestRecordsAreThereForTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := NewMemory()
		a, s := open(t, place, 0)
		require.Empty(t, s.Apps)
		require.NoError(t, a.Append(t.Context(), []state.Record{binding, created("shop")}))
		require.Equal(t, "key-shop", load(t, place).Apps["shop"].AppKey, "a plan beside a running apply sees it")
		require.NoError(t, a.Close())

		b, s := open(t, place, 0)
		require.Equal(t, "key-shop", s.Apps["shop"].AppKey)
		s.Serial++
		require.NoError(t, b.Fold(t.Context(), s))
		require.NoError(t, b.Append(t.Context(), []state.Record{created("pay")}))
		require.NoError(t, b.Close())
		after := load(t, place)
		require.EqualValues(t, 1, after.Serial)
		require.Len(t, after.Apps, 2)
	})
}

func TestOneWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := NewMemory()
		a, _ := open(t, place, 0)
		_, _, _, err := store(t, place).Open(t.Context(), state.Holder{Command: "plan"})
		locked, ok := errors.AsType[*state.LockedError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "apply", locked.Holder.Command)
		require.Equal(t, "runner", locked.Holder.Host)
		go func() {
			time.Sleep(time.Second)
			assert.NoError(t, a.Close())
		}()
		b, _ := open(t, place, time.Minute)
		require.NoError(t, b.Close())
	})
}

func TestSixteenContenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := NewMemory()
		var won, refused atomic.Int64
		var group sync.WaitGroup
		for range 16 {
			s := store(t, place)
			group.Go(func() {
				x, _, _, err := s.Open(context.Background(), state.Holder{Command: "apply"})
				if _, locked := errors.AsType[*state.LockedError](err); locked {
					refused.Add(1)
					return
				}
				if assert.NoError(t, err) {
					won.Add(1)
					time.Sleep(time.Minute)
					assert.NoError(t, x.Close())
				}
			})
		}
		group.Wait()
		require.EqualValues(t, 1, won.Load())
		require.EqualValues(t, 15, refused.Load())
	})
}

// die ends what a session does on its own, as if its process were stopped.
func (x *session) die() {
	x.closing.Do(func() { close(x.stopBeat) })
	<-x.beatDone
}

// wake returns what a writer meets that slept while another took over, folded and removed.
func wake(t *testing.T, place Place) error {
	t.Helper()
	a, _ := open(t, place, 0)
	require.NoError(t, a.Append(t.Context(), []state.Record{binding, created("shop")}))
	a.die()
	for range 2 { // two take-overs
		b, s := open(t, place, time.Minute)
		require.NoError(t, b.Append(t.Context(), []state.Record{created("pay")}))
		s.Serial++
		s.Apps["pay"] = *created("pay").Result.App
		require.NoError(t, b.Fold(t.Context(), s))
		require.NoError(t, b.Close())
	}
	require.Zero(t, a.Left(), "it must send nothing")
	err := a.Append(t.Context(), []state.Record{created("late")})
	require.NoError(t, a.Close())
	return err
}

func TestSleeperIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := NewMemory()
		require.ErrorIs(t, wake(t, place), state.ErrFenced)
		s := load(t, place)
		require.NotContains(t, s.Apps, "late")
		require.Len(t, s.Apps, 2)
	})
}

// careless removes what it is told, and every open entry as well.
type careless struct{ *Memory }

func (c careless) Remove(ctx context.Context, names ...string) error {
	entries, _, _ := c.List(ctx, logPrefix, "")
	for _, e := range entries[:len(entries)-1] {
		names = append(names, e.Name)
	}
	return c.Memory.Remove(ctx, names...)
}

func TestWithoutOpenEntriesTheSleeperWouldGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, wake(t, careless{NewMemory()}), "this is why an open entry is never removed")
	})
}

func TestLeaseIsRenewedAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := NewMemory()
		a, _ := open(t, place, 0)
		time.Sleep(10 * testLease)
		require.Positive(t, a.Left(), "a living holder keeps its lease")
		_, _, _, err := store(t, place).Open(t.Context(), state.Holder{})
		require.ErrorAs(t, err, new(*state.LockedError))

		a.die()
		began := time.Now()
		b, _ := open(t, place, time.Hour)
		require.LessOrEqual(t, time.Since(began), testLease+leaseSlack+2*lockPoll)
		require.NoError(t, b.Close())
		require.ErrorIs(t, a.Append(t.Context(), nil), state.ErrFenced)
	})
}

func TestUnlockEndsALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := NewMemory()
		a, _ := open(t, place, 0)
		held, err := store(t, place).Holder(t.Context())
		require.NoError(t, err)
		require.Equal(t, "apply", held.Holder.Command)
		require.NoError(t, store(t, place).Unlock(t.Context(), state.Holder{Command: "state unlock"}))
		require.ErrorIs(t, a.Append(t.Context(), []state.Record{binding}), state.ErrFenced)
		require.NoError(t, a.Close())
		b, _ := open(t, place, 0)
		require.NoError(t, b.Close())
		held, err = store(t, place).Holder(t.Context())
		require.NoError(t, err)
		require.Nil(t, held)
	})
}

// fullRun opens, appends, folds, appends and closes.
func fullRun(place Place, id string) error {
	s, err := New(place, testLease)
	if err != nil {
		return err
	}
	x, st, _, err := s.Open(context.Background(), state.Holder{Command: "apply", Wait: time.Minute})
	if err != nil {
		return err
	}
	defer x.Close()
	ctx := context.Background()
	if err := x.Append(ctx, []state.Record{binding, created(id + "-1")}); err != nil {
		return err
	}
	for _, rec := range []state.Record{binding, created(id + "-1")} {
		st.Apply(rec)
	}
	st.Serial++
	if err := x.Fold(ctx, st); err != nil {
		return err
	}
	if err := x.Append(ctx, []state.Record{created(id + "-2")}); err != nil {
		return err
	}
	return x.Close()
}

// calls counts the calls of a full run on a place that was used before.
func calls(t *testing.T) int {
	t.Helper()
	n := 0
	place := &faulty{Place: NewMemory(), before: func(string, string) error { n++; return nil }}
	require.NoError(t, fullRun(place, "first"))
	n = 0
	require.NoError(t, fullRun(place, "second"))
	return n
}

// TestEveryAnswerLost lets the answer to each call get lost, of calls that took effect and of
// calls that did not, once and for a while.
func TestEveryAnswerLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := &UnavailableError{errors.New("connection reset")}
		tried := 0
		for n := 1; n <= calls(t); n++ {
			for _, times := range []int{1, 3} {
				for _, carriedOut := range []bool{false, true} {
					memory := NewMemory()
					require.NoError(t, fullRun(memory, "first"))
					count := 0
					fail := func(string, string) error {
						if count++; count >= n && count < n+times {
							return lost
						}
						return nil
					}
					place := &faulty{Place: memory}
					if carriedOut {
						place.after = fail
					} else {
						place.before = fail
					}
					require.NoError(t, fullRun(place, "second"), "call %d, %d times, carried out %v", n, times, carriedOut)
					require.Len(t, load(t, memory).Apps, 4)
					require.EqualValues(t, 2, load(t, memory).Serial)
					tried++
				}
			}
		}
		t.Logf("%d lost answers tried, 0 records lost", tried)
	})
}

// TestStoreStaysAway stops answering at each call, for ever. The run ends within its lease,
// and what it was told is durable is there.
func TestStoreStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n := 1; n <= calls(t); n++ {
			for _, hang := range []bool{false, true} {
				memory := NewMemory()
				require.NoError(t, fullRun(memory, "first"))
				count, acknowledged := 0, 2
				place := &faulty{Place: memory}
				place.before = func(op, name string) error {
					if count++; count < n {
						return nil
					}
					if hang {
						time.Sleep(time.Minute)
					}
					return &UnavailableError{errors.New("no route to host")}
				}
				place.after = func(op, name string) error {
					return nil
				}
				began := time.Now()
				err := fullRun(place, "second")
				if err == nil {
					acknowledged = 4
				}
				require.LessOrEqual(t, time.Since(began), 5*time.Minute)
				require.GreaterOrEqual(t, len(load(t, memory).Apps), acknowledged)
				time.Sleep(testLease + leaseSlack + time.Second)
				require.NoError(t, fullRun(memory, "third"), "the next run converges after call %d", n)
			}
		}
	})
}

func TestGapIsDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := NewMemory()
		a, _ := open(t, memory, 0)
		require.NoError(t, a.Append(t.Context(), []state.Record{binding, created("shop")}))
		require.NoError(t, a.Append(t.Context(), []state.Record{created("pay")}))
		require.NoError(t, a.Close())
		for n := int64(1); n <= 3; n++ {
			name := logName(n)
			body, err := memory.Read(t.Context(), name)
			require.NoError(t, err)
			require.NoError(t, memory.Remove(t.Context(), name))
			_, err = store(t, memory).Load(t.Context())
			require.ErrorIs(t, err, state.ErrDamaged, "without %s", name)
			require.NoError(t, memory.Create(t.Context(), name, body))
		}
		require.Len(t, load(t, memory).Apps, 2)
	})
}

func TestEveryByteCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := NewMemory()
		require.NoError(t, fullRun(memory, "x"))
		for name, o := range memory.objects {
			for i := range o.body {
				if name <= logName(2) { // before the snapshot
					continue
				}
				o.body[i] ^= 1
				_, err := store(t, memory).Load(t.Context())
				require.Error(t, err, "byte %d of %s", i, name)
				o.body[i] ^= 1
			}
		}
	})
}

func TestMissingSnapshotIsDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := NewMemory()
		keep := &faulty{Place: memory, before: func(op, name string) error {
			if op == "remove" {
				return errors.New("not allowed to")
			}
			return nil
		}}
		require.NoError(t, fullRun(keep, "first"))
		require.NoError(t, fullRun(keep, "second"), "a refused removal is no matter")
		snapshots, _, err := memory.List(t.Context(), statePrefix, "")
		require.NoError(t, err)
		require.Len(t, snapshots, 2)
		require.NoError(t, memory.Remove(t.Context(), snapshots[1].Name))
		_, err = store(t, memory).Load(t.Context())
		require.ErrorIs(t, err, state.ErrDamaged, "an older state must not be taken for the present one")
	})
}

func TestSnapshotWithoutFoldMeansNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := NewMemory()
		require.NoError(t, fullRun(memory, "first"))
		a, s := open(t, memory, 0)
		s.Serial = 99
		clear(s.Apps)
		body, err := state.Marshal(s)
		require.NoError(t, err)
		require.NoError(t, memory.Create(t.Context(), stateName(a.next-1), body))
		require.NoError(t, a.Close())
		require.EqualValues(t, 1, load(t, memory).Serial)
	})
}

func TestOldSnapshotsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := NewMemory()
		for i := range 2 * keptSnapshots {
			require.NoError(t, fullRun(memory, fmt.Sprint(i)))
		}
		snapshots, _, err := memory.List(t.Context(), statePrefix, "")
		require.NoError(t, err)
		require.Len(t, snapshots, keptSnapshots)
		require.Len(t, load(t, memory).Apps, 4*keptSnapshots)
	})
}

// unconditional takes every object, as some stores do.
type unconditional struct{ *Memory }

func (u unconditional) Create(ctx context.Context, name string, body []byte) error {
	_ = u.Memory.Remove(ctx, name)
	return u.Memory.Create(ctx, name, body)
}

func TestStoreWithoutConditionsIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, _, err := store(t, unconditional{NewMemory()}).Open(t.Context(), state.Holder{})
		require.ErrorIs(t, err, ErrUnconditional)
	})
}

// TestClockThatIsOff runs beside a store whose clock is an hour off either way.
func TestClockThatIsOff(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			memory := NewMemory()
			place := &shifted{memory, off}
			a, _ := open(t, place, 0)
			time.Sleep(3 * testLease)
			require.Positive(t, a.Left())
			_, _, _, err := store(t, place).Open(t.Context(), state.Holder{})
			require.ErrorAs(t, err, new(*state.LockedError), "a living holder keeps its lock")
			a.die()
			b, _ := open(t, place, 2*testLease)
			require.NoError(t, b.Close())
		})
	}
}

// shifted is a place whose clock is not the runner's.
type shifted struct {
	*Memory
	off time.Duration
}

func (s *shifted) List(ctx context.Context, prefix, after string) ([]Entry, time.Time, error) {
	entries, clock, err := s.Memory.List(ctx, prefix, after)
	for i := range entries {
		entries[i].Time = entries[i].Time.Add(s.off)
	}
	return entries, clock.Add(s.off), err
}

func TestAgeIsTheLongestOfAllClocks(t *testing.T) {
	at := time.Now()
	since := stamp{at: at, boot: time.Hour}
	require.Equal(t, time.Minute, since.age(stamp{at: at.Add(time.Minute), boot: time.Hour}))
	require.Equal(t, time.Hour, since.age(stamp{at: at.Add(time.Minute), boot: 2 * time.Hour}), "the machine was suspended")
	require.Equal(t, time.Minute, since.age(stamp{at: at.Add(time.Minute), boot: 0}), "a clock that goes back counts for nothing")
}
