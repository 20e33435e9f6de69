package statetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/shared"
)

// slack is what others wait beyond a lease.
const slack = 2 * time.Second

// TestLease checks what package shared promises about time: in virtual time, so on a place in
// memory alone.
func TestLease(t *testing.T) {
	run := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}
	run("a living holder keeps its lock, a dead one does not", testLeaseEnds)
	run("a sleeper wakes after two take-overs", testSleepThrough)
	run("a store that stays away", testStaysAway)
	run("a store that stays away for a while", testAwayForAWhile)
	run("renewals that are slow, lost or answered late", testSlowRenewals)
	run("a removal that hangs", testHangingRemoval)
	run("a clock that is an hour off", testClockOff)
	run("a store with two clocks is refused", testTwoClocks)
	run("a store whose listing lags is refused", testLaggingList)
}

func leased(t testing.TB, place shared.Place) *shared.Store {
	t.Helper()
	s, err := shared.New(place, shared.MinLease)
	require.NoError(t, err)
	return s
}

func testLeaseEnds(t *testing.T) {
	memory := shared.NewMemory()
	writer := &frozen{Place: memory}
	a := lock(t, leased(t, writer), "apply")
	time.Sleep(20 * shared.MinLease)
	require.Positive(t, a.Left(), "a living holder keeps its lease")
	_, _, _, err := leased(t, memory).Open(t.Context(), state.Holder{})
	require.ErrorAs(t, err, new(*state.LockedError))

	writer.stop()
	began := time.Now()
	b, _, _, err := leased(t, memory).Open(t.Context(), state.Holder{Wait: time.Hour})
	require.NoError(t, err)
	require.LessOrEqual(t, time.Since(began), shared.MinLease+slack+2*time.Second)
	require.Zero(t, a.Left(), "what is left for itself ends before it does for others")
	require.NoError(t, b.Close())
	writer.wake()
	require.ErrorAs(t, a.Append(t.Context(), nil), new(*state.LeaseError))
	require.NoError(t, a.Close())
}

// sleepThrough stops a writer, lets two others take over, fold and remove, and returns what
// the first one meets when it wakes.
func sleepThrough(t *testing.T, place shared.Place) error {
	writer := &frozen{Place: place}
	a := lock(t, leased(t, writer), "apply")
	require.NoError(t, a.Append(t.Context(), []state.Record{binding, created("shop")}))
	writer.stop()
	for _, id := range []string{"taken-1", "taken-2"} {
		require.NoError(t, takeOver(t.Context(), leased(t, place), id))
	}
	require.Zero(t, a.Left(), "it must send nothing")
	writer.wake()
	synctest.Wait()
	err := a.Append(t.Context(), []state.Record{created("late")})
	require.Zero(t, a.Left(), "a lease that was lost stays lost")
	return errors.Join(err, a.Close())
}

func testSleepThrough(t *testing.T) {
	memory := shared.NewMemory()
	require.ErrorAs(t, sleepThrough(t, memory), new(*state.LeaseError))
	s := load(t, memory)
	require.NotContains(t, s.Apps, "late")
	require.Len(t, s.Apps, 3)
	require.NoError(t, sleepThrough(t, careless{shared.NewMemory()}), "this is why an open entry is never removed")
}

// calls counts those of a run on a place that was used before.
func calls(t *testing.T) int {
	t.Helper()
	memory := shared.NewMemory()
	require.NoError(t, FullRun(memory, "first"))
	h := &Hooked{Place: memory}
	require.NoError(t, FullRun(h, "second"))
	return h.Calls()
}

// testStaysAway lets a store fail from each call on, and hang. The run ends in bounded time,
// what it was told is durable is there, and another run goes on.
func testStaysAway(t *testing.T) {
	total := calls(t)
	for n := 1; n <= total; n++ {
		for _, hang := range []bool{false, true} {
			memory := shared.NewMemory()
			require.NoError(t, FullRun(memory, "first"))
			h := &Hooked{Place: memory, Hook: func(ctx context.Context, c Call, do func(context.Context) error) error {
				if c.N < n {
					return do(ctx)
				}
				if hang {
					<-ctx.Done()
				}
				return errCut
			}}
			began, least := time.Now(), 2
			if err := FullRun(h, "second"); err == nil {
				least = 4
			}
			require.LessOrEqual(t, time.Since(began), time.Minute, "call %d", n)
			require.GreaterOrEqual(t, len(load(t, memory).Apps), least, "call %d", n)
			time.Sleep(shared.MinLease + slack + time.Second)
			require.NoError(t, FullRun(memory, "third"), "call %d", n)
		}
	}
}

// testAwayForAWhile is no matter when it is over before the lease.
func testAwayForAWhile(t *testing.T) {
	total := calls(t)
	for n := 1; n <= total; n++ {
		for _, hang := range []bool{false, true} {
			memory := shared.NewMemory()
			require.NoError(t, FullRun(memory, "first"))
			var until atomic.Int64 // the beat calls too
			h := &Hooked{Place: memory, Hook: func(ctx context.Context, c Call, do func(context.Context) error) error {
				if c.N == n {
					until.Store(time.Now().Add(2 * time.Second).UnixNano())
				}
				if time.Now().UnixNano() >= until.Load() {
					return do(ctx)
				}
				if hang {
					<-ctx.Done()
				}
				return errCut
			}}
			require.NoError(t, FullRun(h, "second"), "call %d", n)
			require.Len(t, load(t, memory).Apps, 4)
			require.EqualValues(t, 2, load(t, memory).Serial)
		}
	}
}

// testSlowRenewals holds a lock for long over a store whose answers to renewals take most of
// their time, get lost, or both. It is never lost, and never somebody else's.
func testSlowRenewals(t *testing.T) {
	for _, outcome := range []Outcome{Never, Done, Late} {
		memory := shared.NewMemory()
		var every atomic.Int64
		lossy, arrived := Lossy(memory, outcome, func(c Call) bool { return c.Op == "create" && every.Add(1)%2 == 1 })
		slow := &Hooked{Place: lossy, Hook: func(ctx context.Context, _ Call, do func(context.Context) error) error {
			time.Sleep(time.Second / 2)
			return do(ctx)
		}}
		a := lock(t, leased(t, slow), "apply")
		for range 60 {
			time.Sleep(time.Second)
			require.Positive(t, a.Left(), "%s", outcome)
			_, _, _, err := leased(t, memory).Open(t.Context(), state.Holder{})
			require.ErrorAs(t, err, new(*state.LockedError), "%s", outcome)
		}
		require.NoError(t, a.Close())
		arrived()
	}
}

// testHangingRemoval renews the lease while old entries are being removed.
func testHangingRemoval(t *testing.T) {
	memory := shared.NewMemory()
	h := &Hooked{Place: memory, Hook: func(ctx context.Context, c Call, do func(context.Context) error) error {
		if c.Op == "remove" {
			<-ctx.Done()
			return errCut
		}
		return do(ctx)
	}}
	s := leased(t, h)
	require.NoError(t, FullRun(h, "first"))
	x, st, _, err := s.Open(t.Context(), state.Holder{})
	require.NoError(t, err)
	require.NoError(t, fold(t.Context(), x, st, created("shop")))
	require.Positive(t, x.Left())
	require.NoError(t, x.Append(t.Context(), []state.Record{created("pay")}))
	require.NoError(t, x.Close())
	require.Len(t, load(t, memory).Apps, 4)
}

func testClockOff(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		place := clocked{shared.NewMemory(), off, off}
		writer := &frozen{Place: place}
		a := lock(t, leased(t, writer), "apply")
		time.Sleep(3 * shared.MinLease)
		require.Positive(t, a.Left())
		_, _, _, err := leased(t, place).Open(t.Context(), state.Holder{})
		require.ErrorAs(t, err, new(*state.LockedError), "a living holder keeps its lock")
		writer.stop()
		require.NoError(t, takeOver(t.Context(), leased(t, place), "taken"))
		writer.wake()
		_ = a.Close()
		for _, f := range shared.Examine(t.Context(), place) {
			require.NoError(t, f.Err)
			if f.Check == "clock" {
				require.Contains(t, f.Note, "1h0m0s")
			}
		}
	}
}

func testTwoClocks(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		place := clocked{shared.NewMemory(), 0, off}
		_, _, _, err := leased(t, place).Open(t.Context(), state.Holder{})
		require.ErrorIs(t, err, shared.ErrClock)

		// A store may become so later: a lease that it says is over is not believed.
		memory := shared.NewMemory()
		require.NoError(t, FullRun(memory, "first"))
		a := lock(t, leased(t, memory), "apply")
		_, _, _, err = leased(t, clocked{memory, 0, off}).Open(t.Context(), state.Holder{})
		require.Error(t, err)
		_ = a.Close()
	}
}

func testLaggingList(t *testing.T) {
	memory := shared.NewMemory()
	_, _, _, err := leased(t, lagging{memory}).Open(t.Context(), state.Holder{})
	require.ErrorIs(t, err, shared.ErrStale)
}

// frozen is a place as seen by a process that can be stopped and woken. What it had sent
// before it was stopped arrives when it wakes.
type frozen struct {
	shared.Place
	mu   sync.Mutex
	gate chan struct{} // nil: awake; closed: woken
}

// stop makes every call wait for wake.
func (f *frozen) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gate = make(chan struct{})
}

// wake lets the calls go on.
func (f *frozen) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.gate)
	f.gate = nil
}

// Create implements [shared.Place].
func (f *frozen) Create(ctx context.Context, name string, body []byte) error {
	f.mu.Lock()
	gate := f.gate
	f.mu.Unlock()
	if gate != nil {
		<-gate
		ctx = context.WithoutCancel(ctx)
	}
	return f.Place.Create(ctx, name, body)
}

// clocked is a place whose clocks are not this machine's.
type clocked struct {
	shared.Place
	objects, answers time.Duration // how far ahead
}

// List implements [shared.Place].
func (c clocked) List(ctx context.Context, prefix, after string) ([]shared.Entry, time.Time, error) {
	entries, clock, err := c.Place.List(ctx, prefix, after)
	for i := range entries {
		entries[i].Time = entries[i].Time.Add(c.objects)
	}
	return entries, clock.Add(c.answers), err
}

// lagging does not list what was created just now.
type lagging struct{ shared.Place }

// List implements [shared.Place].
func (l lagging) List(ctx context.Context, prefix, after string) ([]shared.Entry, time.Time, error) {
	entries, clock, err := l.Place.List(ctx, prefix, after)
	for len(entries) > 0 && strings.HasPrefix(prefix, "log/") && clock.Sub(entries[len(entries)-1].Time) < 10*time.Second {
		entries = entries[:len(entries)-1]
	}
	return entries, clock, err
}
