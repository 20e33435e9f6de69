package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
)

// asked answers a verification and keeps what it was asked.
type asked struct {
	latency time.Duration
	answer  func(p Pair, attempt int) error // nil: every pair is good

	mu       sync.Mutex
	pairs    []Pair
	attempts map[string]int
	inFlight int
	most     int
}

func (a *asked) ask(ctx context.Context, p Pair) error {
	a.mu.Lock()
	if a.attempts == nil {
		a.attempts = map[string]int{}
	}
	a.attempts[p.App]++
	attempt := a.attempts[p.App]
	a.pairs = append(a.pairs, p)
	a.inFlight++
	a.most = max(a.most, a.inFlight)
	a.mu.Unlock()

	time.Sleep(a.latency)

	a.mu.Lock()
	a.inFlight--
	a.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if a.answer == nil {
		return nil
	}
	return a.answer(p, attempt)
}

// pairsOf returns n pairs, the last id first.
func pairsOf(n int) (pairs []Pair) {
	for i := range n {
		id := fmt.Sprintf("a%05d", n-i)
		pairs = append(pairs, Pair{App: id, AppKey: "key-" + id, MasterSecret: "secret-" + id})
	}
	return pairs
}

func pairRefused() *jpush.Error {
	return &jpush.Error{Op: jpush.OpVerify, Status: 401, Condition: jpush.PairRefused, Class: jpush.ClassApp, Sent: true}
}

func options() Options {
	return Options{Parallelism: 4, MaxAttempts: 5, Rand: func() float64 { return 0.5 }}
}

// Each pair is asked about once, no more than so many at once, and the results are in the order
// of the pairs whatever answers first.
func TestVerifyAsksAboutEachPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pairs := pairsOf(1000)
		a := &asked{latency: time.Second, answer: func(p Pair, _ int) error {
			if p.App == "a00500" {
				return pairRefused()
			}
			return nil
		}}
		opts := options()
		var events []Event
		opts.OnEvent = func(e Event) { events = append(events, e) }
		began := time.Now()
		res := Verify(t.Context(), pairs, a.ask, opts)
		require.Equal(t, 250*time.Second, time.Since(began))
		require.Equal(t, 4, a.most)
		require.ElementsMatch(t, pairs, a.pairs)
		require.Nil(t, res.Stopped, "a refused pair stops no other")
		require.Equal(t, Counts{Verified: 999, Failed: 1, Requests: 1000}, res.Counts)
		require.False(t, res.Changed())
		require.Len(t, events, 2000, "a start and an end for each")
		for i, s := range res.Steps {
			require.Equal(t, pairs[i].App, s.App)
			require.Equal(t, pairs[i].AppKey, s.AppKey)
			require.Equal(t, 1, s.Attempts)
			require.Equal(t, s.Outcome == Verified, s.Err == nil)
		}
		refused := res.Steps[500]
		require.Equal(t, "a00500", refused.App)
		require.Equal(t, Failed, refused.Outcome)
		require.Equal(t, []Step{refused}, res.Failures)
		require.NotContains(t, fmt.Sprintf("%+v %+v", res, events), "secret-", "no master secret leaves with the result")
	})
}

func TestVerifyRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{answer: func(p Pair, attempt int) error {
			switch {
			case p.App == "a00001" && attempt < 3:
				return lost()
			case p.App == "a00002":
				return tooMany(time.Second)
			case p.App == "a00003":
				return lost()
			}
			return nil
		}}
		opts := options()
		opts.MaxAttempts = 3
		retries := 0
		opts.OnEvent = func(e Event) {
			if e.Type == Retry {
				retries++
			}
		}
		res := Verify(t.Context(), pairsOf(4), a.ask, opts)
		require.Equal(t, map[string]int{"a00001": 3, "a00002": 3, "a00003": 3, "a00004": 1}, a.attempts)
		require.Equal(t, 6, retries)
		require.Equal(t, Counts{Verified: 2, Failed: 2, Requests: 10}, res.Counts)
		require.Equal(t, Verified, step(t, res, verify, "a00001").Outcome)
		require.Equal(t, Failed, step(t, res, verify, "a00002").Outcome, "a 429 is an answer")
		require.Equal(t, Unknown, step(t, res, verify, "a00003").Outcome, "silence is none")
		for _, s := range res.Failures {
			require.Equal(t, 3, s.Attempts)
		}
	})
}

// A total outage costs a hundred requests beyond one per worker, not some for each pair.
func TestVerifyGivesUpInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{latency: time.Millisecond, answer: func(Pair, int) error { return unreachable() }}
		res := Verify(t.Context(), pairsOf(10_000), a.ask, options())
		require.Equal(t, StopOutage, res.Stopped.Reason)
		require.LessOrEqual(t, len(a.pairs), 4+grace)
		require.Equal(t, 10_000, res.Counts.Failed+res.Counts.NotStarted)
		for _, s := range res.Steps {
			require.Error(t, s.Err, s.App)
		}
	})
}

// What no other pair would fare better with stops the run: a wrong address, for instance.
func TestVerifyStopsAtAWrongAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong := &jpush.Error{Op: jpush.OpVerify, Status: 404, Condition: jpush.NoDeviceAPI, Class: jpush.ClassStop, Sent: true}
		a := &asked{latency: time.Millisecond, answer: func(Pair, int) error { return wrong }}
		res := Verify(t.Context(), pairsOf(1000), a.ask, options())
		require.Equal(t, StopEndpoint, res.Stopped.Reason)
		require.ErrorIs(t, res.Stopped, wrong)
		require.LessOrEqual(t, len(a.pairs), 4)
	})
}

// An interrupt waits for what is in flight, and starts nothing more.
func TestAnInterruptedVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2500*time.Millisecond, cancel)
		a := &asked{latency: time.Second}
		began := time.Now()
		res := Verify(ctx, pairsOf(1000), a.ask, options())
		require.Equal(t, 3*time.Second, time.Since(began))
		require.Equal(t, StopInterrupted, res.Stopped.Reason)
		require.EqualError(t, res.Stopped, "interrupted")
		require.Equal(t, Counts{Verified: 12, NotStarted: 988, Requests: 12}, res.Counts)
		outcomes := make([]Outcome, 0, len(res.Steps))
		for _, s := range res.Steps {
			outcomes = append(outcomes, s.Outcome)
		}
		require.Equal(t, []Outcome{Verified, NotStarted}, slices.Compact(outcomes), "the first twelve pairs, in their order")
	})
}

// A verification has no journal: it would panic if anything were recorded in it. Whatever an
// answer is, nothing is.
func TestVerifyJournalsNothing(t *testing.T) {
	for name, answer := range map[string]func(Pair, int) error{
		"good": nil,
		"gone": func(Pair, int) error { return pairRefused() },
		"lost": func(Pair, int) error { return lost() },
		"code": func(Pair, int) error { return refusal(1013) },
		"auth": func(Pair, int) error { return refusal(4004) },
		"busy": func(Pair, int) error { return tooMany(0) },
		"none": func(Pair, int) error { return errors.New("no error of the API's") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &asked{answer: answer}
				res := Verify(t.Context(), pairsOf(20), a.ask, options())
				if res.Stopped != nil {
					require.NotEqual(t, StopPanic, res.Stopped.Reason, "%v", res.Stopped)
				}
			})
		})
	}
}

func TestAPanicWhileVerifyingStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{answer: func(p Pair, _ int) error { panic(p.MasterSecret) }}
		res := Verify(t.Context(), pairsOf(20), a.ask, options())
		require.Equal(t, StopPanic, res.Stopped.Reason)
		require.NotContains(t, res.Stopped.Error(), "secret-")
		require.NotZero(t, res.Counts.NotStarted)
	})
}

func TestVerifyOfNothing(t *testing.T) {
	res := Verify(t.Context(), nil, nil, options())
	require.True(t, res.Complete())
	require.Empty(t, res.Steps)
}
