package executor

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
)

// A total outage over a hundred thousand apps costs a hundred requests beyond one per
// worker.
func TestOutageBudget(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  *jpush.Error
	}{{"lost", lost()}, {"unreachable", unreachable()}, {"code 10", refusal(10)}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const apps, parallelism = 100_000, 8
				w := newWorld()
				w.opts.Parallelism = parallelism
				w.latency = 10 * time.Millisecond
				w.fault = func(call) *fault { return &fault{err: tt.err} }
				res := w.apply(t, t.Context(), creates(apps))
				require.LessOrEqual(t, len(w.calls), parallelism+100)
				require.Greater(t, len(w.calls), 100)
				require.Equal(t, len(w.calls), res.Counts.Requests)
				require.Equal(t, StopOutage, res.Stopped.Reason)
				require.ErrorIs(t, res.Stopped.Err, tt.err)
				require.ErrorContains(t, res.Stopped.Err, "got no definite answer")
				require.Equal(t, tt.err.Remedy(), RemedyOf(res.Stopped.Err))
				require.ErrorContains(t, res.Stopped.Err, "run again later")
				require.Equal(t, apps, res.Counts.Failed+res.Counts.NotStarted)
				for _, s := range res.Steps {
					if s.Outcome == NotStarted {
						require.ErrorContains(t, s.Err, "got no definite answer")
					}
				}
				unknown := 0
				for _, s := range res.Steps {
					if s.Outcome == Unknown {
						unknown++
					}
				}
				require.Len(t, w.st.Pending, unknown, "what was sent and never answered is pending, and nothing else")
				if tt.err.OutcomeUnknown() {
					require.NotZero(t, unknown)
				}
			})
		})
	}
}

// A definite answer, be it a refusal, shows that the service is there.
func TestTheBudgetFillsUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.MaxAttempts = 2
		w.fault = func(c call) *fault {
			if c.n%50 == 0 {
				return &fault{err: refusal(4003)}
			}
			return &fault{err: refusal(10)}
		}
		res := w.apply(t, t.Context(), creates(1000))
		require.Nil(t, res.Stopped)
		require.Equal(t, 1000, res.Counts.Failed)
	})
}

// With hundreds in flight the first two attempts of all fail before any succeeds. That is
// no outage.
func TestABusyStartIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Parallelism = 256
		w.opts.Rand = nil
		w.latency = time.Millisecond
		w.fault = func(c call) *fault {
			if c.attempt == 1 {
				return &fault{err: refusal(10)}
			}
			return nil
		}
		require.True(t, w.apply(t, t.Context(), creates(1000)).Complete())
	})
}
