package executor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/state"
)

// bounded is a server that gives no answer until the caller's time is up.
type bounded struct {
	*server
	hangs     bool
	deadlines []time.Time
}

func (s *bounded) CreateApp(ctx context.Context, app jpush.App) (jpush.Created, error) {
	end, _ := ctx.Deadline()
	s.mu.Lock()
	s.deadlines = append(s.deadlines, end)
	s.mu.Unlock()
	if s.hangs {
		<-ctx.Done()
		return jpush.Created{}, lost()
	}
	return s.server.CreateApp(ctx, app)
}

// stoppedByLease checks what every run says that stopped because of its lease.
func stoppedByLease(t *testing.T, res *Result) {
	t.Helper()
	require.NotNil(t, res.Stopped)
	require.Equal(t, StopLease, res.Stopped.Reason)
	var lost *state.LeaseError
	require.ErrorAs(t, res.Stopped, &lost)
	for _, s := range res.Steps {
		if s.Outcome == NotStarted {
			require.ErrorContains(t, s.Err, "because the run stopped")
		}
	}
}

// No request starts in the last second of a lease, and none goes on beyond it.
func TestNoRequestWithoutTimeLeft(t *testing.T) {
	tests := map[string]func(w *world){
		"many apps":         func(*world) {},
		"a retry after 429": func(w *world) { w.fault = func(call) *fault { return &fault{err: tooMany(1200 * time.Millisecond)} } },
		"a slow rate":       func(w *world) { w.opts.Rate = 0.5 },
		"slow intents":      func(w *world) { w.journal.commitTakes = 700 * time.Millisecond },
	}
	for name, set := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.latency = 300 * time.Millisecond
				w.opts.MaxAttempts = 100
				w.journal.ends = time.Now().Add(10 * time.Second)
				set(w)
				defer time.Sleep(2 * time.Second) // for the last commits, which nobody waits for
				ends, api := w.journal.ends, &bounded{server: w.server}
				w.opts.API = api
				res := w.apply(t, t.Context(), creates(1000))
				stoppedByLease(t, res)
				for _, c := range w.calls {
					require.True(t, c.started.Before(ends.Add(-leaseMargin)), "a request started %s before the end", ends.Sub(c.started))
				}
				for _, end := range api.deadlines {
					require.False(t, end.After(ends.Add(-leaseMargin)), "a request may go on until %s before the end", ends.Sub(end))
				}
				require.Len(t, w.st.Apps, len(w.apps), "what was answered is recorded")
				require.Empty(t, w.st.Pending, "what was not sent is not open")
				require.Equal(t, 1000-len(w.apps), res.Counts.NotStarted)
			})
		})
	}
}

// A request that hangs ends before the lease does. Its outcome stays open.
func TestTheLeaseEndsARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.journal.ends = time.Now().Add(10 * time.Second)
		ends := w.journal.ends
		w.opts.API = &bounded{server: w.server, hangs: true}
		res := w.apply(t, t.Context(), creates(20))
		require.True(t, time.Now().Before(ends))
		stoppedByLease(t, res)
		require.Len(t, w.st.Pending, 4)
		require.Equal(t, Counts{Failed: 4, NotStarted: 16, Requests: 4}, res.Counts)
		for _, f := range res.Failures {
			require.Equal(t, Unknown, f.Outcome)
		}
		for _, e := range w.events {
			require.NotEqual(t, Retry, e.Type)
		}
	})
}

// The lock is lost while requests are in flight. Their answers go to the journal all the
// same, and the run stops.
func TestTheLockIsLostInFlight(t *testing.T) {
	tests := map[string]struct{ over, fenced bool }{
		"its time is over":                         {over: true},
		"the journal says so":                      {fenced: true},
		"its time is over and the journal says so": {over: true, fenced: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.latency = time.Second
				w.journal.ends = time.Now().Add(time.Hour)
				j := w.journal
				time.AfterFunc(2500*time.Millisecond, func() {
					j.mu.Lock()
					defer j.mu.Unlock()
					if tt.over {
						j.ends = time.Now()
					}
					if tt.fenced {
						j.failCommit, j.failure = j.commits+1, &state.LeaseError{Location: "memory", Err: state.ErrFenced}
					}
				})
				res := w.apply(t, t.Context(), creates(100))
				stoppedByLease(t, res)
				require.Len(t, w.st.Apps, len(w.calls), "every answer was handed over")
				require.Empty(t, w.st.Pending)
				if !tt.over {
					require.LessOrEqual(t, len(w.calls), 16, "what was sent before the journal said so")
					return
				}
				require.Len(t, w.calls, 12, "nothing was sent after that")
				if !tt.fenced {
					require.Equal(t, Counts{Created: 12, NotStarted: 88, Requests: 12}, res.Counts)
					return
				}
				require.Equal(t, Counts{Created: 8, Failed: 4, NotStarted: 88, Requests: 12}, res.Counts)
				for _, f := range res.Failures {
					require.Contains(t, f.Message(), "app_key")
					require.Contains(t, f.Message(), state.ErrFenced.Error())
				}
			})
		})
	}
}

// Without time left nothing is even journaled.
func TestNothingIsSentWithoutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		j := w.journal
		j.ends = time.Now()
		res := w.apply(t, t.Context(), creates(3))
		stoppedByLease(t, res)
		require.Empty(t, w.calls)
		require.Empty(t, j.records)
		require.Empty(t, w.events)
		require.Equal(t, Counts{NotStarted: 3}, res.Counts)
	})
}
