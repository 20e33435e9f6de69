package shared

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"jpsync/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// used is a place where so many runs made an app each, and folded it.
func used(t *testing.T, runs int) *Memory {
	t.Helper()
	memory := NewMemory()
	for i := range runs {
		x, s, _, err := store(t, memory).Open(t.Context(), state.Holder{PID: 1, Command: "apply"})
		require.NoError(t, err)
		for _, rec := range []state.Record{
			{Bind: &state.Binding{Lineage: "l", Endpoint: "https://admin.jpush.cn/v1/", Account: "a"}},
			{ID: fmt.Sprint(i), Result: &state.Result{Op: state.OpCreate, App: &state.App{AppName: "n", AndroidPackage: "p.q", AppKey: "k"}}},
		} {
			require.NoError(t, x.Append(t.Context(), []state.Record{rec}))
			s.Apply(rec)
		}
		s.Serial++
		require.NoError(t, x.Fold(t.Context(), s))
		require.NoError(t, x.Close())
	}
	return memory
}

func store(t *testing.T, place Place) *Store {
	t.Helper()
	s, err := New(place, 0)
	require.NoError(t, err)
	return s
}

// TestEveryByteCounts damages each byte that a state is read from.
func TestEveryByteCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := used(t, 1)
		tried := 0
		for name, o := range memory.objects {
			if name <= logName(3) { // part of the snapshot
				continue
			}
			for i := range o.body {
				o.body[i] ^= 1
				_, err := store(t, memory).Load(t.Context())
				require.Error(t, err, "byte %d of %s", i, name)
				o.body[i] ^= 1
				tried++
			}
		}
		t.Logf("%d bytes tried", tried)
	})
}

// TestDamageIsNamed damages each object that a state is read from, and says which one it was.
func TestDamageIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := used(t, 2)
		x, _, _, err := store(t, memory).Open(t.Context(), state.Holder{PID: 1, Command: "apply"})
		require.NoError(t, err)
		defer x.Close()
		for _, name := range []string{stateName(8), logName(9), logName(10), logName(11)} { // snapshot, fold, close, open
			o := memory.objects[name]
			for what, body := range map[string][]byte{
				"cut":     o.body[:len(o.body)/3],
				"changed": bytes.Replace(o.body, []byte("1"), []byte("2"), 1),
				"empty":   {},
			} {
				memory.objects[name] = object{body: body, time: o.time}
				_, err = store(t, memory).Load(t.Context())
				require.ErrorContains(t, err, "memory: "+name+":", what)
				require.ErrorIs(t, err, state.ErrDamaged)
			}
			if name == logName(9) || name == logName(10) {
				delete(memory.objects, name)
				_, err = store(t, memory).Load(t.Context())
				require.ErrorContains(t, err, "memory: "+name+": ")
				require.ErrorContains(t, err, "it is missing")
			}
			memory.objects[name] = o
		}
		_, err = store(t, memory).Load(t.Context())
		require.NoError(t, err)
	})
}

// TestBodiesCutOnTheirWay reads again what is shorter than the listing says.
func TestBodiesCutOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store(t, &cutting{Memory: used(t, 1), cuts: 40}).Load(t.Context())
		require.NoError(t, err)
		require.Len(t, s.Apps, 1)
	})
}

// cutting cuts some bodies in half without an error.
type cutting struct {
	*Memory
	cuts int
}

func (c *cutting) Read(ctx context.Context, name string) ([]byte, error) {
	body, err := c.Memory.Read(ctx, name)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cuts > 0 {
		c.cuts--
		body = body[:len(body)/2]
	}
	return body, err
}

// TestAnotherSnapshotIsDamage puts a sound snapshot in the place of the one that the log pins.
func TestAnotherSnapshotIsDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := used(t, 1)
		name := stateName(3)
		s, err := state.Unmarshal(memory.objects[name].body)
		require.NoError(t, err)
		s.Serial++
		body, err := state.Marshal(s)
		require.NoError(t, err)
		memory.objects[name] = object{body: body, time: time.Now()}
		_, err = store(t, memory).Load(t.Context())
		require.ErrorIs(t, err, state.ErrDamaged)
	})
}

// late answers late.
type late struct {
	Place
	delay time.Duration
}

func (l late) Create(ctx context.Context, name string, body []byte) error {
	defer time.Sleep(l.delay)
	return l.Place.Create(ctx, name, body)
}

// TestLeaseBeginsBeforeTheCommit: others count from when the store got the entry, and not
// from when its answer came.
func TestLeaseBeginsBeforeTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay = 10 * time.Second
		x, _, _, err := store(t, late{NewMemory(), delay}).Open(t.Context(), state.Holder{PID: 1, Command: "apply"})
		require.NoError(t, err)
		require.NoError(t, x.Append(t.Context(), []state.Record{{Bind: &state.Binding{Lineage: "l", Endpoint: "https://admin.jpush.cn/v1/", Account: "a"}}}))
		require.LessOrEqual(t, x.(*session).Left(), DefaultLease-delay)
		require.NoError(t, x.Close())
	})
}

func TestOldSnapshotsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := used(t, 2*keptSnapshots)
		snapshots, _, err := memory.List(t.Context(), statePrefix, "")
		require.NoError(t, err)
		require.Len(t, snapshots, keptSnapshots)
		entries, _, err := memory.List(t.Context(), logPrefix, "")
		require.NoError(t, err)
		require.Len(t, entries, 2*keptSnapshots+2, "the opens, the last fold and the last close")
	})
}

// Runs that change nothing leave a log that is folded now and then, and the state as it was.
func TestRunsWithoutNewsKeepTheLogShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := used(t, 1)
		before := loaded(t, memory)
		for range longLog + 2 {
			run, err := state.Begin(t.Context(), store(t, memory), state.Options{})
			require.NoError(t, err)
			require.NoError(t, run.Finish(t.Context()))
		}
		v, err := store(t, memory).load(t.Context())
		require.NoError(t, err)
		require.Less(t, len(v.removable), 10)
		require.True(t, state.SameContent(before, v.state))
		require.Equal(t, before.Serial, v.state.Serial)
	})
}

// behind lists the log as it was at a number, for so many listings.
type behind struct {
	*Memory
	number int64
	times  int
	calls  int
}

func (b *behind) List(ctx context.Context, prefix, after string) ([]Entry, time.Time, error) {
	entries, clock, err := b.Memory.List(ctx, prefix, after)
	b.calls++
	if b.times--; b.times >= 0 {
		entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Name > logName(b.number) && prefix == logPrefix })
	}
	return entries, clock, err
}

// A listing that does not show who took the next number is looked at again, with pauses, for as long
// as the lock is waited for.
func TestStaleListing(t *testing.T) {
	for name, c := range map[string]struct {
		times int
		wait  time.Duration
		want  string
		most  int // listings
	}{
		"for ever":              {1000, 0, "lacks an object", 20},
		"for ever, with a wait": {1000, 10 * time.Second, "lacks an object", 200},
		"for a moment":          {4, 0, "locked", 20},
		"for as long as it may": {20, 10 * time.Second, "locked", 100},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := used(t, 1)
				entries, _, err := memory.List(t.Context(), logPrefix, "")
				require.NoError(t, err)
				number, err := numberOf(entries[len(entries)-1].Name)
				require.NoError(t, err)
				x, _, _, err := store(t, memory).Open(t.Context(), state.Holder{PID: 1, Command: "apply"})
				require.NoError(t, err)
				defer x.Close()
				place := &behind{Memory: memory, number: number, times: c.times}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, _, _, err = store(t, place).Open(ctx, state.Holder{PID: 2, Command: "apply", Wait: c.wait})
				require.ErrorContains(t, err, c.want)
				require.Less(t, place.calls, c.most)
			})
		})
	}
}

// doubtful is a place that says of itself that it cannot be trusted.
type doubtful struct {
	*Memory
	err error
}

func (d doubtful) Experimental() string        { return "Some Store" }
func (d doubtful) Check(context.Context) error { return d.err }

// overwriting takes every object.
type overwriting struct{ *Memory }

func (o overwriting) Create(_ context.Context, name string, body []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.objects[name] = object{body: body, time: time.Now()}
	return nil
}

func TestDoubtfulPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := NewMemory()
		_, _, _, err := store(t, doubtful{memory, fmt.Errorf("it has versions")}).Open(t.Context(), state.Holder{})
		require.ErrorContains(t, err, "it has versions")
		require.Empty(t, memory.objects, "nothing is written there")
		x, _, _, err := store(t, doubtful{memory, nil}).Open(t.Context(), state.Holder{})
		require.NoError(t, err)
		require.NoError(t, x.Close())
		require.ErrorIs(t, Race(t.Context(), overwriting{NewMemory()}), ErrUnconditional)
		findings := Examine(t.Context(), overwriting{NewMemory()})
		require.Equal(t, "conditions", findings[3].Check)
		require.ErrorIs(t, findings[3].Err, ErrUnconditional)
	})
}

// unsure does not answer for a name that is taken until a time.
type unsure struct {
	*Memory
	until time.Time
}

func (p unsure) Create(ctx context.Context, name string, body []byte) error {
	err := p.Memory.Create(ctx, name, body)
	if errors.Is(err, ErrExists) && time.Now().Before(p.until) {
		return &UnavailableError{err}
	}
	return err
}

// A lease that is renewed while a place is looked at for the first time says nothing about its clock.
func TestASlowFirstLookFindsNoBadClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(unsure{NewMemory(), time.Now().Add(20 * time.Second)}, 20*time.Second)
		require.NoError(t, err)
		x, _, _, err := s.Open(t.Context(), state.Holder{PID: 1, Command: "apply"})
		require.NoError(t, err)
		require.NoError(t, x.Close())
	})
}

func TestAgeIsTheLongestOfAllClocks(t *testing.T) {
	at := time.Now()
	since := stamp{at: at, boot: time.Hour}
	require.Equal(t, time.Minute, since.age(stamp{at: at.Add(time.Minute), boot: time.Hour}))
	require.Equal(t, time.Hour, since.age(stamp{at: at.Add(time.Minute), boot: 2 * time.Hour}), "the machine was suspended")
	require.Equal(t, time.Minute, since.age(stamp{at: at.Add(time.Minute), boot: 0}), "a clock that goes back counts for nothing")
}

// What is wrong with an object has one remedy.
func TestStrangeObjectsHaveOneRemedy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := used(t, 1)
		require.NoError(t, memory.Create(t.Context(), logPrefix+"notes.txt", []byte("x")))
		_, err := store(t, memory).Load(t.Context())
		require.EqualError(t, err, "read the state memory: log/notes.txt is no object of jpsync's: move it elsewhere")
		delete(memory.objects, logPrefix+"notes.txt")

		v, err := store(t, memory).load(t.Context())
		require.NoError(t, err)
		body, _, err := entry{Number: v.number + 1, Type: "merge", Writer: "w", Epoch: v.last.Epoch}.encode(v.sum)
		require.NoError(t, err)
		require.NoError(t, memory.Create(t.Context(), logName(v.number+1), body))
		_, err = store(t, memory).Load(t.Context())
		require.ErrorIs(t, err, state.ErrNewerVersion)
		require.NotErrorIs(t, err, state.ErrDamaged)
		require.ErrorContains(t, err, logName(v.number+1)+`: unknown type "merge"; use the newer jpsync that wrote it`)
	})
}
