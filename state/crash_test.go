package state_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

var errCrash = errors.New("the process is gone")

// crash tells the story until operation n, which is done by half if it is a write and torn
// is set, and ends there. done tells that the story came to its end before.
func crash(t *testing.T, start *state.State, n int, torn bool) (mem *statetest.Memory, s *story, done bool) {
	mem = disk(t, start)
	var fault error = errCrash
	if torn {
		fault = statetest.ShortWrite{Err: errCrash}
	}
	gone := false
	faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
		if gone {
			return errCrash
		}
		if gone = op.N == n; gone {
			return fault
		}
		return nil
	})
	synctest.Test(t, func(*testing.T) {
		var err error
		s, err = tell(faulty, start)
		if s.run == nil {
			return
		}
		if err == nil {
			err = s.run.Finish(context.Background())
		}
		done = err == nil && !gone
		_ = s.run.Close() // of a crash: the disk takes nothing any more
	})
	return mem, s, done
}

// A power loss before each operation of a run, with everything that it may take.
func TestPowerLoss(t *testing.T) {
	for name, start := range map[string]*state.State{"first run": state.New(), "later run": before()} {
		t.Run(name, func(t *testing.T) {
			points, outcomes := 0, 0
			for n := 1; ; n++ {
				for _, torn := range []bool{false, true} {
					mem, s, done := crash(t, start, n, torn)
					if done {
						t.Logf("%d points, %d outcomes, 0 losses", points, outcomes)
						require.Greater(t, points, 50)
						return
					}
					points++
					for _, loss := range mem.Losses() {
						outcomes++
						if _, err := check(mem.Lose(loss), s); err != nil {
							left := mem.Lose(loss)
							t.Fatalf("operation %d, torn %v, %v: %v\n%v", n, torn, loss, err, left)
						}
					}
				}
			}
		})
	}
}

// A killed process leaves what it wrote, synced or not.
func TestKill(t *testing.T) {
	for n := 1; ; n++ {
		mem, s, done := crash(t, before(), n, false)
		if done {
			t.Logf("%d points, 0 losses", n-1)
			return
		}
		kept := mem.Lose(statetest.Loss{Data: statetest.DataKept, Names: statetest.NamesKept})
		records, err := check(kept, s)
		require.NoError(t, err, "operation %d", n)
		require.GreaterOrEqual(t, records, s.durable, "operation %d", n)
	}
}

// What is folded after a crash may crash itself.
func TestCrashWhileFolding(t *testing.T) {
	points := 0
	mem := disk(t, before())
	s, err := tell(mem, before())
	require.NoError(t, err)
	require.NoError(t, s.run.Close(), "the journal stays")
	s.durable = len(s.expected) - 1
	for n := 1; ; n++ {
		again := mem.Lose(statetest.Loss{Names: statetest.NamesKept})
		faulty := statetest.NewFaulty(again, statetest.FailFrom(n, errCrash))
		run, err := state.Begin(t.Context(), state.NewFile(statePath, faulty), state.Options{FS: faulty})
		if err == nil {
			require.Equal(t, len(s.expected)-1, run.Replayed())
			require.NotEmpty(t, run.State().Journal, "which it is not to fold again")
			require.NotEqual(t, before().Journal, run.State().Journal)
			break
		}
		for _, loss := range again.Losses() {
			points++
			_, err := check(again.Lose(loss), s)
			require.NoError(t, err, "operation %d, %v", n, loss)
		}
	}
	t.Logf("%d outcomes, 0 losses", points)
	require.Greater(t, points, 50)
}

// A killed process, another one that goes on from there, and a power loss under that one.
func TestPowerLossAfterAKill(t *testing.T) {
	outcomes := 0
	for n := 1; ; n++ {
		killed, s, done := crash(t, before(), n, false)
		if done {
			break
		}
		want, err := check(killed.Lose(statetest.Loss{Data: statetest.DataKept, Names: statetest.NamesKept}), s)
		require.NoError(t, err)
		for m := 1; ; m++ {
			again, s, _ := crash(t, before(), n, false)
			again.Unlock()
			s.durable = min(s.durable, want)
			faulty := statetest.NewFaulty(again, statetest.FailFrom(m, errCrash))
			_, err := state.Begin(t.Context(), state.NewFile(statePath, faulty), state.Options{FS: faulty})
			if err == nil {
				s.durable = want // the second process read all of it, and may have told
			}
			for _, loss := range again.Losses() {
				outcomes++
				_, err := check(again.Lose(loss), s)
				require.NoError(t, err, "operations %d and %d, %v", n, m, loss)
			}
			if err == nil {
				break
			}
		}
	}
	t.Logf("%d outcomes, 0 losses", outcomes)
	require.Greater(t, outcomes, 1000)
}
