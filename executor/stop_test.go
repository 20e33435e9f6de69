package executor

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/planner"
	"jpsync/state"
)

// After the first 401 nothing starts any more, and the answers of what was in flight are
// recorded.
func TestARefusalOfTheCredentialsStopsTheRun(t *testing.T) {
	tests := []struct {
		err    *jpush.Error
		reason StopReason
	}{
		{refusal(4004), StopAuth},
		{refusal(4007), StopAuth},
		{&jpush.Error{Status: 401, Class: jpush.ClassAuth, Condition: jpush.Unauthorized, Sent: true}, StopAuth},
		{refusal(4001), StopEndpoint},
		{&jpush.Error{Status: 410, Class: jpush.ClassStop, Condition: jpush.Retired, Sent: true}, StopEndpoint},
	}
	for _, tt := range tests {
		t.Run(tt.err.Outcome(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.opts.Parallelism = 8
				w.takes = func(c call) time.Duration { return time.Duration(1+c.n*7%13) * time.Millisecond }
				w.fault = func(c call) *fault {
					if c.n == 101 {
						return &fault{err: tt.err}
					}
					return nil
				}
				res := w.apply(t, t.Context(), creates(1000))
				require.Equal(t, tt.reason, res.Stopped.Reason)
				require.ErrorIs(t, res.Stopped.Err, tt.err)
				refused := w.calls[100]
				after, inFlight := 0, 0
				for _, c := range w.calls {
					if c.started.After(refused.ended) {
						after++
					}
					if c.n != refused.n && !c.started.After(refused.ended) && c.ended.After(refused.ended) {
						inFlight++
					}
				}
				require.Zero(t, after, "requests that started after the refusal")
				require.NotZero(t, inFlight)
				require.Equal(t, len(w.apps), res.Counts.Created)
				require.Len(t, w.st.Apps, len(w.apps), "every app that was made is recorded")
				require.Empty(t, w.st.Pending, "a refusal is definite, and what was not sent is not open")
				require.Equal(t, 1000-len(w.calls), res.Counts.NotStarted)
				for _, s := range res.Steps {
					if s.Outcome == NotStarted {
						require.ErrorIs(t, s.Err, tt.err)
						require.ErrorContains(t, s.Err, "not started, because the run stopped")
					}
				}
			})
		})
	}
}

// The client holds requests back on its own once it saw a 401. Those were not sent.
func TestWhatTheClientHeldBackWasNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Parallelism = 2
		w.takes = func(c call) time.Duration {
			if c.target == "cn.example.a00000" {
				return time.Millisecond // it is held back first, and the refusal comes after
			}
			return 2 * time.Millisecond
		}
		held := *refusal(4004)
		held.Sent = false
		real := refusal(4004)
		w.fault = func(c call) *fault {
			if c.target == "cn.example.a00000" {
				return &fault{err: &held}
			}
			return &fault{err: real}
		}
		res := w.apply(t, t.Context(), creates(2))
		require.Equal(t, StopAuth, res.Stopped.Reason)
		require.ErrorIs(t, res.Stopped.Err, real, "the refusal itself is told, not the request that was held back")
		require.Equal(t, Counts{Failed: 1, NotStarted: 1, Requests: 1}, res.Counts)
		require.Equal(t, NotStarted, res.Steps[0].Outcome)
		require.Zero(t, res.Steps[0].Attempts)
		require.Empty(t, w.st.Pending)
	})
}

// Ctrl-C: nothing new starts, what is in flight goes on to its end and is recorded.
func TestAnInterruptDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Parallelism = 4
		w.latency = time.Second
		w.journal.syncTakes = 10 * time.Millisecond
		ctx, cancel := context.WithCancel(t.Context())
		strict := watchful{server: w.server, t: t}
		w.opts.API = strict
		time.AfterFunc(2500*time.Millisecond, cancel)
		began := time.Now()
		res := w.apply(t, ctx, creates(1000))
		require.Less(t, time.Since(began), 3200*time.Millisecond)
		require.Equal(t, StopInterrupted, res.Stopped.Reason)
		require.ErrorIs(t, res.Stopped.Err, context.Canceled)
		require.Equal(t, Counts{Created: 12, NotStarted: 988, Requests: 12}, res.Counts)
		require.Len(t, w.st.Apps, 12)
		require.Empty(t, w.st.Pending, "intents that were written ahead are settled")
		require.Empty(t, res.Failures)
		require.Len(t, w.events, 24)
	})
}

// watchful fails the test when a request's context ends.
type watchful struct {
	*server
	t *testing.T
}

func (s watchful) CreateApp(ctx context.Context, app jpush.App) (jpush.Created, error) {
	made, err := s.server.CreateApp(ctx, app)
	if ctx.Err() != nil {
		s.t.Errorf("the request for %s was cancelled in flight", app.AndroidPackage)
	}
	return made, err
}

// Intents that were written ahead and not used don't cost what an earlier run left open.
func TestAnUnusedIntentKeepsWhatWasOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Parallelism = 1
		before := intentFor("a00009", "cn.example.a00009")
		w.st.Pending["a00009"] = before
		w.fault = func(call) *fault { return &fault{err: refusal(4005)} }
		w.apply(t, t.Context(), creates(20))
		require.Equal(t, map[string]state.Intent{"a00009": before}, w.st.Pending)
		w.diary.at(t, "write intent create a00008")
		require.NotContains(t, w.diary.lines, "write sent create a00008")
	})
}

// A slow listener slows the run down in the end, and does not fill the memory: events wait
// for it by the thousand, not without bound.
func TestASlowListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		told, furthest := 0, 0
		w.opts.OnEvent = func(Event) {
			time.Sleep(time.Millisecond)
			told++
			w.mu.Lock()
			defer w.mu.Unlock()
			furthest = max(furthest, 2*len(w.calls)-told)
		}
		res := w.apply(t, t.Context(), creates(20_000))
		require.Equal(t, 20_000, res.Counts.Created)
		require.Equal(t, 40_000, told)
		require.LessOrEqual(t, furthest, 2*backlog+4*w.opts.Parallelism)
	})
}

func TestNoSecretGetsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.fault = func(c call) *fault {
			switch {
			case c.op == planner.Upload && c.attempt == 1:
				return &fault{err: lost()}
			case c.op == planner.Upload && c.n > 6:
				return &fault{err: refusal(1012)}
			}
			return nil
		}
		res := w.apply(t, t.Context(), plan(create("a"), upload("a", jpush.Production), create("b"), upload("b", jpush.Production)))
		out := fmt.Sprintf("%+v %+v %#v", res, w.events, res.Steps)
		for _, s := range res.Steps {
			out += fmt.Sprint(s.Err)
		}
		require.NotContains(t, out, canary)
		require.NotContains(t, out, "secret-key")
		require.Contains(t, fmt.Sprintf("%+v", w.st.Apps), "secret-key", "the state alone has it")
	})
}
