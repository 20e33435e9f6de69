package shared

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
)

// A contender is held up while it creates its open. Meanwhile the holder, which had only slept, uses
// that number and another run folds it away: then it is free again, and yet no number to go on from.
func TestANumberThatWasFoldedAwayIsNoClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := NewMemory()
		applied(t, memory, state.Options{}, made("a", "s"))
		x, _, _, err := at(t, memory).Open(t.Context(), state.Holder{PID: 1, Command: "sleeper"})
		require.NoError(t, err)
		sleeper := x.(*session)
		<-sleeper.turn // no beat
		number := logName(sleeper.next)
		time.Sleep(15 * time.Second)

		place := &spoiled{Memory: memory}
		place.create = func(name string) {
			if name != number {
				return
			}
			place.create = nil
			sleeper.turn <- struct{}{}
			require.NoError(t, sleeper.append(entry{Type: typeBeat}))
			require.NoError(t, sleeper.Close())
			applied(t, memory, state.Options{}, made("b", "s"))
		}
		run, err := state.Begin(t.Context(), at(t, place), state.Options{})
		require.NoError(t, err)
		require.Contains(t, run.Snapshot().Apps, "b")
		require.NoError(t, run.Bind("https://admin.jpush.cn/v1/", "a"))
		require.NoError(t, run.Append(made("c", "s"))())
		require.Len(t, loaded(t, memory).Apps, 3)
		require.NoError(t, run.Finish(t.Context()))
		require.Len(t, loaded(t, memory).Apps, 3)
	})
}

// interrupted cancels the caller's context once an open entry has arrived and its answer has not,
// which may never come.
type interrupted struct {
	*Memory
	cancel context.CancelFunc
	hangs  bool
}

func (p interrupted) Create(ctx context.Context, name string, body []byte) error {
	err := p.Memory.Create(ctx, name, body)
	if bytes.Contains(body, []byte(`"type":"open"`)) {
		p.cancel()
		if p.hangs {
			<-ctx.Done()
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// The corrected run must not wait for a lease of the one that was interrupted.
func TestAnInterruptedClaimGivesTheLockBack(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			memory := NewMemory()
			applied(t, memory, state.Options{}, made("a", "s"))
			ctx, cancel := context.WithCancel(t.Context())
			began := time.Now()
			_, _, _, err := at(t, interrupted{memory, cancel, hangs}).Open(ctx, state.Holder{PID: 1, Command: "apply"})
			require.ErrorIs(t, err, context.Canceled)
			require.LessOrEqual(t, time.Since(began), closeTimeout)
			lease, err := at(t, memory).Holder(t.Context())
			require.NoError(t, err)
			require.Equal(t, hangs, lease != nil, "without an answer nothing is known")
		})
	}
}
