package executor

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"jpsync/internal/jpush"
)

// limited is a service that takes so many requests per second, and counts.
type limited struct {
	allow      func(now time.Time) bool
	retryAfter time.Duration
	mu         sync.Mutex
	taken      []time.Time
	refused    []time.Time
}

func (l *limited) fault(call) *fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.allow(now) {
		l.taken = append(l.taken, now)
		return nil
	}
	l.refused = append(l.refused, now)
	return &fault{err: tooMany(l.retryAfter)}
}

// tokens gives so many per second, and up to burst at once after a rest.
func tokens(perSecond, burst int) func(time.Time) bool {
	bucket := rate.NewLimiter(rate.Limit(perSecond), burst)
	return func(now time.Time) bool { return bucket.AllowN(now, 1) }
}

// perAnySecond looks at the second that has just passed.
func perAnySecond(n int) func(time.Time) bool {
	var last []time.Time
	return func(now time.Time) bool {
		for len(last) > 0 && now.Sub(last[0]) >= time.Second {
			last = last[1:]
		}
		if len(last) == n {
			return false
		}
		last = append(last, now)
		return true
	}
}

// course is how a run went.
type course struct {
	perSecond float64 // of the whole run
	refused   float64 // share of 429 answers in its second half
	seen      []Pace
	calls     []call
}

// trial applies n creates to a service.
func trial(t *testing.T, n int, set func(*world), l *limited) (c course) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.latency = 20 * time.Millisecond
		w.opts.OnEvent = nil
		w.opts.OnPace = func(p Pace) {
			w.mu.Lock()
			defer w.mu.Unlock()
			c.seen = append(c.seen, p)
		}
		if l != nil {
			w.fault = l.fault
		}
		set(w)
		began := time.Now()
		res := w.apply(t, t.Context(), creates(n))
		c.perSecond, c.calls = float64(n)/time.Since(began).Seconds(), w.calls
		require.Equal(t, n, res.Counts.Created, "%v", res.Stopped)
		if l != nil {
			late := 0
			for _, at := range l.refused {
				if at.After(l.taken[n/2]) {
					late++
				}
			}
			c.refused = float64(late) / float64(n/2+late)
		}
	})
	return c
}

func auto(w *world) { w.opts.Adaptive, w.opts.Parallelism = true, AdaptiveMost }

// One service of 200 requests a second is not like the other. All of the run counts, and no
// app may use up its attempts.
func TestAnAdaptiveRunKeepsUpWithTheBestFixedNumber(t *testing.T) {
	const n = 4000
	for _, tt := range []struct {
		name                string
		allow               func() func(time.Time) bool
		latency, retryAfter time.Duration
	}{
		{"ten at once", func() func(time.Time) bool { return tokens(200, 10) }, 20 * time.Millisecond, 0},
		{"twenty at once", func() func(time.Time) bool { return tokens(200, 20) }, 50 * time.Millisecond, time.Second},
		{"twenty at once, fast answers", func() func(time.Time) bool { return tokens(200, 20) }, 5 * time.Millisecond, time.Second},
		{"twenty at once, slow answers", func() func(time.Time) bool { return tokens(200, 20) }, 100 * time.Millisecond, time.Second},
		{"fifty at once", func() func(time.Time) bool { return tokens(200, 50) }, 50 * time.Millisecond, time.Second},
		{"a second's worth at once", func() func(time.Time) bool { return tokens(200, 200) }, 20 * time.Millisecond, time.Second},
		{"a second's worth at once, fast answers", func() func(time.Time) bool { return tokens(200, 200) }, 5 * time.Millisecond, 0},
		{"so many in any second", func() func(time.Time) bool { return perAnySecond(200) }, 50 * time.Millisecond, time.Second},
		{"no limit", func() func(time.Time) bool { return func(time.Time) bool { return true } }, 20 * time.Millisecond, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := func(set func(*world)) course {
				l := &limited{allow: tt.allow(), retryAfter: tt.retryAfter}
				return trial(t, n, func(w *world) { w.latency = tt.latency; set(w) }, l)
			}
			best, at := 0.0, 0
			fixed := []int{1, 4, 10, 20, 64}
			if testing.Short() {
				fixed = []int{10, 64}
			}
			for _, parallelism := range fixed {
				if c := run(func(w *world) { w.opts.Parallelism, w.opts.MaxAttempts = parallelism, 20 }); c.perSecond > best {
					best, at = c.perSecond, parallelism
				}
			}
			c := run(auto)
			t.Logf("%.0f per second, %.2f of the best fixed number (%d), %.2f%% refused", c.perSecond, c.perSecond/best, at, 100*c.refused)
			require.Greater(t, c.perSecond, 0.75*best)
			require.Less(t, c.refused, 0.03)
		})
	}
}

// A request that slips out in the moment in which a pause begins belongs to the same burst.
func TestOneBurstIsOneSign(t *testing.T) {
	a := newAIMD(64, true, rate.Inf)
	a.peak = 20
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	opens := at(1250)
	limit := a.adapt(busy, at(200), at(250), time.Time{}, rate.Inf)
	require.Less(t, limit, rate.Inf)
	require.Equal(t, limit, a.adapt(busy, at(240), at(260), opens, limit), "it was in flight")
	require.Equal(t, limit, a.adapt(busy, at(251), at(300), opens, limit), "it slipped out")
	require.Less(t, a.adapt(busy, at(1300), at(1350), opens, limit), limit)
}

// A limit that is raised or lowered meanwhile is found again.
func TestAnAdaptiveRunFollowsTheLimit(t *testing.T) {
	for name, limits := range map[string][2]int{"raised": {50, 400}, "lowered": {400, 50}} {
		t.Run(name, func(t *testing.T) {
			n := 0
			var before, after func(time.Time) bool
			l := &limited{retryAfter: time.Second}
			l.allow = func(now time.Time) bool {
				if n++; n == 1 {
					before, after = tokens(limits[0], limits[0]), tokens(limits[1], limits[1])
				}
				if n < 4000 {
					return before(now)
				}
				return after(now)
			}
			c := trial(t, 12000, func(w *world) { auto(w); w.opts.MaxAttempts = 10 }, l)
			last := l.taken[len(l.taken)-1000:]
			perSecond := 1000 / last[999].Sub(last[0]).Seconds()
			t.Logf("%.0f per second at the end, %.2f%% refused", perSecond, 100*c.refused)
			require.Greater(t, perSecond, 0.5*float64(limits[1]))
			require.Less(t, c.refused, 0.03)
		})
	}
}

func TestAnAdaptiveRunGrowsWhileAnswersAreFast(t *testing.T) {
	highest := func(seen []Pace) (most int) {
		for _, p := range seen {
			most = max(most, p.InFlight)
		}
		return most
	}
	c := trial(t, 5000, auto, nil)
	require.Equal(t, adaptiveStart, c.seen[0].InFlight, "it begins low")
	require.Equal(t, AdaptiveMost, highest(c.seen))
	c = trial(t, 1000, func(w *world) { w.opts.Adaptive, w.opts.Parallelism = true, 10 }, nil)
	require.Equal(t, 10, highest(c.seen), "never beyond what was asked for")
}

// A service that works on ten requests at a time lets the others wait, and more of them
// would only wait longer.
func TestAnAdaptiveRunShrinksWhenAnswersGetSlow(t *testing.T) {
	c := trial(t, 4000, func(w *world) {
		auto(w)
		w.takes = func(call) time.Duration {
			w.server.mu.Lock()
			defer w.server.mu.Unlock()
			return time.Duration(max(10, w.server.inFlight)) * 2 * time.Millisecond
		}
	}, nil)
	most := 0
	for _, p := range c.seen[len(c.seen)/2:] {
		most = max(most, p.InFlight)
	}
	require.Greater(t, most, 10)
	require.LessOrEqual(t, most, 32, "20 ms are the fastest, and more than 45 are slow")
}

// A service that takes longer from some time on, or for other operations, is not taken for one
// with a queue.
func TestAnAdaptiveRunGrowsAgainWhenAllAnswersTakeLonger(t *testing.T) {
	c := trial(t, 6000, func(w *world) {
		auto(w)
		w.takes = func(c call) time.Duration {
			if c.n < 500 {
				return 20 * time.Millisecond
			}
			return 200 * time.Millisecond
		}
	}, nil)
	require.Equal(t, AdaptiveMost, c.seen[len(c.seen)-1].InFlight)
}

// Code 10 halves what an adaptive run has in flight. A fixed number is what the user wants.
func TestAServiceThatCannotCope(t *testing.T) {
	for _, adaptive := range []bool{true, false} {
		c := trial(t, 3000, func(w *world) {
			w.opts.Parallelism, w.opts.Adaptive = 64, adaptive
			w.fault = func(c call) *fault {
				if c.n >= 1000 && c.n < 1010 {
					return &fault{err: refusal(10)}
				}
				return nil
			}
		}, nil)
		lowest := 64
		for i, p := range c.seen {
			if i > 0 && p.InFlight < c.seen[i-1].InFlight {
				lowest = min(lowest, p.InFlight)
			}
		}
		require.Equal(t, map[bool]int{true: 32, false: 64}[adaptive], lowest, "one burst is one sign")
	}
}

// One 429 holds everybody back for as long as the service asks, and the run goes on at a rate
// below the one before. So does a 503 that asks for time.
func TestTooManyRequestsSlowsTheWholeRun(t *testing.T) {
	for _, err := range []*jpush.Error{
		tooMany(30 * time.Second),
		{Status: http.StatusServiceUnavailable, Class: jpush.ClassLost, Sent: true, RetryAfter: 30 * time.Second},
		tooMany(0),
	} {
		t.Run(fmt.Sprint(err.Status, err.RetryAfter), func(t *testing.T) {
			c := trial(t, 200, func(w *world) {
				w.opts.Parallelism, w.latency = 8, 100*time.Millisecond
				w.fault = func(c call) *fault {
					if c.n == 81 {
						return &fault{err: err}
					}
					return nil
				}
			}, nil)
			shut := c.calls[80].ended
			open := shut.Add(max(err.RetryAfter, 250*time.Millisecond)) // without a time it is the jittered pause
			late := 0
			for _, call := range c.calls {
				require.False(t, call.started.After(shut) && call.started.Before(open), "started while the service wanted none")
				if !call.started.Before(open) && call.started.Before(open.Add(time.Second)) {
					late++
				}
			}
			require.Greater(t, late, 10)
			require.Less(t, late, 70, "it was 80 a second before")
			require.InDelta(t, 40, c.seen[1].PerSecond, 5)
		})
	}
}

// A service that answers nothing but 429 stops the run like any outage.
func TestAnAdaptiveRunStopsInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		auto(w)
		w.latency = 20 * time.Millisecond
		w.fault = func(call) *fault { return &fault{err: tooMany(0)} }
		began := time.Now()
		res := w.apply(t, t.Context(), creates(2000))
		require.Equal(t, StopOutage, res.Stopped.Reason)
		require.Less(t, time.Since(began), 10*time.Minute)
	})
}

// A service whose 429 has nothing to do with how much is sent makes no run crawl.
func TestRefusalsByChanceDoNotStarveTheRun(t *testing.T) {
	for _, share := range []float64{0.1, 0.3, 0.5} {
		dice := rand.New(rand.NewPCG(1, 2))
		c := trial(t, 300, func(w *world) {
			auto(w)
			w.opts.MaxAttempts = 50
			w.fault = func(call) *fault {
				if dice.Float64() < share {
					return &fault{err: tooMany(0)}
				}
				return nil
			}
		}, nil)
		require.Greater(t, c.perSecond, 0.3, "hardly slower than one request a second")
	}
}

// The user's own cap holds, whatever the service takes.
func TestTheRateNeverExceedsTheCap(t *testing.T) {
	c := trial(t, 3000, func(w *world) { auto(w); w.opts.Rate = 100 }, &limited{allow: tokens(150, 10)})
	for i, call := range c.calls {
		require.GreaterOrEqual(t, call.started.Sub(c.calls[0].started), time.Duration(i)*10*time.Millisecond-time.Microsecond)
	}
	require.Greater(t, c.perSecond, 80.0)
}
