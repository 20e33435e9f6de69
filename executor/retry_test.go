package executor

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"jpsync/internal/jpush"
	"jpsync/planner"
	"jpsync/state"
)

func TestBackoffBounds(t *testing.T) {
	most := []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 20 * time.Second, 20 * time.Second}
	almost := func() float64 { return 0.999999999 }
	for i, m := range most {
		require.Zero(t, backoff(i+1, func() float64 { return 0 }))
		require.Equal(t, m/2, backoff(i+1, func() float64 { return 0.5 }))
		require.InDelta(t, m, backoff(i+1, almost), float64(time.Microsecond))
	}
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.IntRange(1, 1<<40).Draw(t, "attempt")
		x := rapid.Float64Range(0, 0.9999999).Draw(t, "x")
		d := backoff(attempt, func() float64 { return x })
		if d < 0 || d > most[min(attempt, len(most))-1] {
			t.Fatalf("attempt %d: %v", attempt, d)
		}
	})
}

func TestTheDefaultJitterCoversItsRange(t *testing.T) {
	low, high := time.Hour, time.Duration(0)
	for range 10_000 {
		d := backoff(2, rand.Float64)
		low, high = min(low, d), max(high, d)
	}
	require.Less(t, low, 20*time.Millisecond)
	require.Greater(t, high, 980*time.Millisecond)
	require.Less(t, high, time.Second)
}

func TestTheFirstTwoFailTheThirdSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.fault = func(c call) *fault {
			if c.attempt <= 2 {
				return &fault{err: refusal(10)}
			}
			return nil
		}
		began := time.Now()
		res := w.apply(t, t.Context(), creates(1))
		require.Equal(t, 750*time.Millisecond, time.Since(began), "half of 500 ms and half of 1 s")
		require.Equal(t, Counts{Created: 1, Requests: 3}, res.Counts)
		require.Len(t, w.calls, 3)
		require.Equal(t, 3, res.Steps[0].Attempts)
		require.Empty(t, res.Steps[0].Note, "code 10 is a definite no: nothing is in doubt")
		var types []EventType
		for _, e := range w.events {
			types = append(types, e.Type)
		}
		require.Equal(t, []EventType{ApplyStart, Retry, Retry, ApplyComplete}, types)
		require.Equal(t, 250*time.Millisecond, w.events[1].Delay)
		require.Equal(t, 1, w.events[1].Attempts)
		require.Equal(t, 10, w.events[1].Code)
		require.Equal(t, 500*time.Millisecond, w.events[2].Delay)
		require.Equal(t, 3, w.events[3].Attempts)
	})
}

// What is asked again, what it comes to in the end, and what stays open for the next run.
func TestFailures(t *testing.T) {
	appError := func(code int) *jpush.Error { return refusal(code) }
	tests := []struct {
		name     string
		action   planner.Action
		faults   []*fault // the last one repeats
		attempts int
		outcome  Outcome
		pending  bool
	}{
		{"code 10 to the end", planner.Create, []*fault{{err: refusal(10)}}, 5, Failed, false},
		{"no connection to the end", planner.Create, []*fault{{err: unreachable()}}, 5, Failed, false},
		{"lost to the end", planner.Create, []*fault{{err: lost()}}, 5, Unknown, true},
		{"lost once, then code 10", planner.Create, []*fault{{err: lost()}, {err: refusal(10)}}, 5, Unknown, true},
		{"lost, then no connection", planner.Create, []*fault{{err: lost()}, {err: unreachable()}}, 5, Unknown, true},
		{"an error of no kind", planner.Create, []*fault{{err: errors.New("what")}}, 5, Unknown, true},
		{"4003", planner.Create, []*fault{{err: appError(4003)}}, 1, Failed, false},
		{"lost, then 4003", planner.Create, []*fault{{err: lost()}, {err: appError(4003)}}, 2, Failed, true},
		{"1013 for a create", planner.Create, []*fault{{err: appError(1013)}}, 1, Failed, false},
		{"1010 for a create", planner.Create, []*fault{{err: appError(1010)}}, 1, Failed, false},
		{"1015", planner.Delete, []*fault{{err: appError(1015)}}, 1, Failed, false},
		{"1013", planner.Delete, []*fault{{err: appError(1013)}}, 1, Failed, false},
		{"lost delete to the end", planner.Delete, []*fault{{err: lost()}}, 5, Unknown, true},
		{"lost, then 1015", planner.Delete, []*fault{{err: lost()}, {err: appError(1015)}}, 2, Failed, true},
		{"1012", planner.Upload, []*fault{{err: appError(1012)}}, 1, Failed, false},
		{"1013 for an upload", planner.Upload, []*fault{{err: appError(1013)}}, 1, Failed, false},
		{"1014", planner.Upload, []*fault{{err: appError(1014)}}, 1, Failed, false},
		{"lost upload to the end", planner.Upload, []*fault{{err: lost()}}, 5, Unknown, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				before := 0
				p := plan(create("shop"), upload("shop", jpush.Production))
				if tt.action != planner.Create {
					key := w.have("shop")
					before = 1
					p = plan(upload("shop", jpush.Development), upload("shop", jpush.Production))
					if tt.action == planner.Delete {
						p = plan(remove("shop", key, planner.Replace), create("shop"))
					}
				}
				p.Changes = append(p.Changes, create("other"))
				w.fault = func(c call) *fault {
					if c.target == "cn.example.other" {
						return nil
					}
					return tt.faults[min(c.attempt, len(tt.faults))-1]
				}
				res := w.apply(t, t.Context(), p)
				require.Nil(t, res.Stopped)
				failed := res.Steps[0]
				require.Equal(t, tt.outcome, failed.Outcome)
				require.Equal(t, tt.attempts, failed.Attempts)
				require.NotEmpty(t, failed.Err.Error())
				require.Equal(t, codeOf(failed.Err), failed.Code)
				require.Len(t, res.Failures, 1)
				require.Equal(t, "shop", res.Failures[0].App)
				require.NotEmpty(t, res.Failures[0].Message())
				require.Equal(t, NotStarted, res.Steps[1].Outcome, "the app's later steps are not made")
				require.ErrorContains(t, res.Steps[1].Err, "an earlier step of this app failed")
				require.Equal(t, Created, res.Steps[2].Outcome, "the other app is not touched by it")
				_, pending := w.st.Pending["shop"]
				require.Equal(t, tt.pending, pending)
				require.Len(t, w.st.Apps, before+1, "a record stays until its app is certainly gone")
			})
		})
	}
}

func TestMaxAttempts(t *testing.T) {
	for _, most := range []int{1, 2, 7} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.opts.MaxAttempts = most
			w.fault = func(call) *fault { return &fault{err: refusal(10)} }
			res := w.apply(t, t.Context(), creates(1))
			require.Equal(t, most, res.Steps[0].Attempts)
			require.Len(t, w.calls, most)
			require.Nil(t, res.Stopped)
		})
	}
}

func TestNoAttemptAfterTheContextEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p := creates(10)
		p.Corrections = []planner.Correction{{App: "kept", Field: planner.FieldAppName, Desired: "other"}}
		w.have("kept")
		res := w.apply(t, ctx, p)
		require.Equal(t, StopInterrupted, res.Stopped.Reason)
		require.Empty(t, w.calls)
		require.Equal(t, Counts{NotStarted: 10}, res.Counts)
		require.Empty(t, w.st.Pending)
		require.Empty(t, w.events)
		require.Equal(t, "app kept", w.st.Apps["kept"].AppName)
	})
}

func TestThePauseEndsWithTheContext(t *testing.T) {
	for name, err := range map[string]*jpush.Error{"backoff": refusal(10), "gate": tooMany(5 * time.Minute), "lost": lost()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.opts.Rand = func() float64 { return 0.99 }
				w.latency = time.Millisecond
				w.fault = func(call) *fault { return &fault{err: err} }
				ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("the time is up"))
				defer cancel()
				began := time.Now()
				res := w.apply(t, ctx, creates(2))
				require.Equal(t, 100*time.Millisecond, time.Since(began))
				require.Len(t, w.calls, 2)
				require.Equal(t, StopInterrupted, res.Stopped.Reason)
				require.ErrorContains(t, res.Stopped.Err, "the time is up")
				for _, s := range res.Steps {
					require.ErrorContains(t, s.Err, "given up after attempt 1, because the run stopped")
					want := NotStarted
					if err.OutcomeUnknown() {
						want = Unknown
					}
					require.Equal(t, want, s.Outcome)
					_, pending := w.st.Pending[s.Change.App]
					require.Equal(t, err.OutcomeUnknown(), pending)
				}
			})
		})
	}
}

var _ Journal = (*state.Run)(nil)
