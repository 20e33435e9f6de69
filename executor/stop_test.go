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
		w.journal.commitTakes = 10 * time.Millisecond
		ctx, cancel := context.WithCancel(t.Context())
		strict := watchful{server: w.server, t: t}
		w.opts.API = strict
		time.AfterFunc(2500*time.Millisecond, cancel)
		began := time.Now()
		res := w.apply(t, ctx, creates(1000))
		require.Less(t, time.Since(began), 3200*time.Millisecond)
		require.Equal(t, StopInterrupted, res.Stopped.Reason)
		require.EqualError(t, res.Stopped, "interrupted")
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

// What an earlier run left open stays so when nothing is sent: the intent of this run takes its place
// only until that is clear.
func TestWhatAnEarlierRunLeftOpenStaysOpen(t *testing.T) {
	for name, pkg := range map[string]string{"the same request": "cn.example.a00001", "another one": "cn.example.old"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.opts.Parallelism = 1
				w.latency = time.Millisecond
				before := intentFor("a00001", pkg)
				w.st.Pending["a00001"] = before
				w.fault = func(call) *fault { return &fault{err: refusal(4005)} }
				j := w.journal
				w.apply(t, t.Context(), creates(20))
				require.Equal(t, map[string]state.Intent{"a00001": before}, w.st.Pending)
				ahead := 0
				for _, e := range j.records {
					if e.ID == "a00001" {
						ahead++
					}
				}
				require.Equal(t, 2, ahead)
			})
		})
	}
}

// A worker that stops takes back the intent that it did not send, before the run is over.
func TestAStopTakesBackWhatWasAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.opts.Parallelism = 1
		w.latency = time.Millisecond
		w.fault = func(call) *fault { return &fault{err: refusal(4005)} }
		w.apply(t, t.Context(), creates(20))
		require.Less(t, w.diary.at(t, "append intent create a00001"), w.diary.at(t, "append unsent create a00001"))
		require.NotContains(t, w.diary.lines, "append intent create a00002")
		require.Empty(t, w.st.Pending)
	})
}

// A slow listener slows the run down, and does not fill the memory: at most two apps of each
// worker wait to be told.
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
		res := w.apply(t, t.Context(), creates(2_000))
		require.Equal(t, 2_000, res.Counts.Created)
		require.Equal(t, 4_000, told)
		require.LessOrEqual(t, furthest, 6*w.opts.Parallelism)
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

// An interrupt lets requests in flight go on for the drain and no longer: an answer that comes
// in time is recorded, and any other request is open, as after a kill.
func TestTheDrainHasAnEnd(t *testing.T) {
	for _, answered := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.opts.Parallelism = 4
			w.opts.Drain = 8 * time.Second
			w.latency = 7 * time.Second
			w.opts.API = &bounded{server: w.server, hangs: !answered}
			ctx, interrupt := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, interrupt)
			began := time.Now()
			res := w.apply(t, ctx, creates(20))
			require.LessOrEqual(t, time.Since(began), 8*time.Second+time.Millisecond)
			require.Equal(t, StopInterrupted, res.Stopped.Reason)
			require.Equal(t, 4, res.Counts.Requests)
			for _, e := range w.events {
				require.NotEqual(t, Retry, e.Type)
			}
			if answered {
				require.Equal(t, 4, res.Counts.Created)
				require.Empty(t, w.st.Pending)
				return
			}
			require.Equal(t, 4, res.Counts.Failed)
			for _, f := range res.Failures {
				require.Equal(t, Unknown, f.Outcome)
			}
			require.Len(t, w.st.Pending, 4)
		})
	}
}

// A request that the drain ended before anything of it left was not started: nothing of it is
// open, and nobody has to find out what became of it.
func TestARequestThatNeverLeftIsNotUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		ctx, interrupt := context.WithCancel(t.Context())
		w.fault = func(call) *fault {
			interrupt()
			return &fault{err: &jpush.Error{Condition: jpush.Interrupted, Class: jpush.ClassLost, Err: context.Canceled}}
		}
		res := w.apply(t, ctx, creates(1))
		require.Equal(t, NotStarted, res.Steps[0].Outcome)
		require.Empty(t, w.st.Pending)
	})
}
