package executor

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
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

// perClockSecond begins anew whenever the clock shows another second.
func perClockSecond(n int) func(time.Time) bool {
	second, used := int64(0), 0
	return func(now time.Time) bool {
		if now.Unix() != second {
			second, used = now.Unix(), 0
		}
		used++
		return used <= n
	}
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
	perSecond float64 // of the whole
	settled   float64 // of the second half
	refused   float64 // share of 429 answers in the second half
	seen      []Pace
}

// trial applies n creates to a service.
func trial(t *testing.T, n int, set func(*world), l *limited) (c course) {
	w := newWorld()
	w.latency = 20 * time.Millisecond
	w.opts.MaxAttempts = 50
	w.opts.OnEvent = nil
	var mu sync.Mutex
	w.opts.OnPace = func(p Pace) {
		mu.Lock()
		defer mu.Unlock()
		c.seen = append(c.seen, p)
	}
	if l != nil {
		w.fault = l.fault
	}
	set(w)
	began := time.Now()
	res := w.apply(t, t.Context(), creates(n))
	c.perSecond = float64(n) / time.Since(began).Seconds()
	require.Equal(t, n, res.Counts.Created)
	if l == nil {
		return c
	}
	half := l.taken[n/2]
	late := 0
	for _, at := range l.refused {
		if at.After(half) {
			late++
		}
	}
	c.settled = float64(n/2) / time.Since(half).Seconds()
	c.refused = float64(late) / float64(n/2+late)
	return c
}

func auto(w *world) { w.opts.Adaptive, w.opts.Parallelism = true, 0 }

// An adaptive run has no idea of the limit and comes near to it, however the service counts,
// and with next to no 429 once it has.
func TestAnAdaptiveRunFindsTheLimit(t *testing.T) {
	const perSecond = 200
	latencies := []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond}
	if testing.Short() {
		latencies = latencies[1:2]
	}
	for name, allow := range map[string]func() func(time.Time) bool{
		"tokens, a second's worth at once": func() func(time.Time) bool { return tokens(perSecond, perSecond) },
		"tokens, twenty at once":           func() func(time.Time) bool { return tokens(perSecond, 20) },
		"so many in each second":           func() func(time.Time) bool { return perClockSecond(perSecond) },
		"so many in any second":            func() func(time.Time) bool { return perAnySecond(perSecond) },
	} {
		for _, latency := range latencies {
			for _, retryAfter := range []time.Duration{0, time.Second} {
				t.Run(fmt.Sprintf("%s, answers after %v, retry after %v", name, latency, retryAfter), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						c := trial(t, 6000, func(w *world) { auto(w); w.latency = latency }, &limited{allow: allow(), retryAfter: retryAfter})
						t.Logf("%.0f per second, %.0f once settled, %.2f%% refused", c.perSecond, c.settled, 100*c.refused)
						require.Greater(t, c.perSecond, 0.65*perSecond, "the search may not take all of the run")
						require.Greater(t, c.settled, 0.8*perSecond)
						require.Less(t, c.refused, 0.01)
					})
				})
			}
		}
	}
}

// hasty makes a service refuse in a millisecond what it has no room for, as a gateway does.
func hasty(w *world, l *limited) {
	var refused sync.Map // by number of the call
	w.takes = func(c call) time.Duration {
		f := l.fault(c)
		if f == nil {
			return w.latency
		}
		refused.Store(c.n, f)
		return time.Millisecond
	}
	w.fault = func(c call) *fault {
		if f, ok := refused.Load(c.n); ok {
			return f.(*fault)
		}
		return nil
	}
}

// What makes a limit hard to find: no reserve at all, one that others have used up, refusals
// that come faster than answers, answers that take now this long and now that.
func TestAnAdaptiveRunFindsAHardLimit(t *testing.T) {
	const perSecond = 200
	drained := func() func(time.Time) bool {
		bucket := rate.NewLimiter(perSecond, 20)
		bucket.AllowN(time.Now(), 20)
		return func(now time.Time) bool { return bucket.AllowN(now, 1) }
	}
	for name, tt := range map[string]struct {
		allow func() func(time.Time) bool
		set   func(*world, *limited)
	}{
		"one at a time":        {func() func(time.Time) bool { return tokens(perSecond, 1) }, func(*world, *limited) {}},
		"used up":              {drained, func(*world, *limited) {}},
		"hasty":                {func() func(time.Time) bool { return tokens(perSecond, 20) }, hasty},
		"hasty, one at a time": {func() func(time.Time) bool { return tokens(perSecond, 1) }, hasty},
		"uneven": {func() func(time.Time) bool { return tokens(perSecond, 20) }, func(w *world, _ *limited) {
			w.takes = func(c call) time.Duration { return time.Duration(20+c.n*37%61) * time.Millisecond }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &limited{allow: tt.allow(), retryAfter: time.Second}
				c := trial(t, 8000, func(w *world) { auto(w); w.latency = 100 * time.Millisecond; tt.set(w, l) }, l)
				t.Logf("%.0f per second, %.0f once settled, %.2f%% refused", c.perSecond, c.settled, 100*c.refused)
				require.Greater(t, c.settled, 0.6*perSecond)
				require.Less(t, c.refused, 0.01)
			})
		})
	}
}

// A service that answers nothing but 429 stops the run like any outage, and one that comes
// back after a while costs not much more than that.
func TestAnAdaptiveRunOutlivesAnOutage(t *testing.T) {
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
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		l := &limited{retryAfter: time.Second}
		l.allow = func(now time.Time) bool { return now.Sub(began) < time.Second || now.Sub(began) > 20*time.Second }
		trial(t, 5000, auto, l)
		require.Less(t, time.Since(began), 40*time.Second)
	})
}

// Most users have never heard of the limit, and the number that is best for it is hard to find.
func TestAnAdaptiveRunIsAsFastAsTheBestFixedNumber(t *testing.T) {
	for _, perSecond := range []int{10, 50, 200, 1000} {
		t.Run(fmt.Sprint(perSecond), func(t *testing.T) {
			service := func() *limited { return &limited{allow: tokens(perSecond, perSecond), retryAfter: time.Second} }
			best, at := 0.0, 0
			for _, parallelism := range []int{1, 2, 4, 8, 16, 32, 64} {
				synctest.Test(t, func(t *testing.T) {
					c := trial(t, 6*perSecond, func(w *world) { w.opts.Parallelism = parallelism }, service())
					if c.perSecond > best {
						best, at = c.perSecond, parallelism
					}
				})
			}
			best = min(best, float64(perSecond)) // the reserve is a gift to short runs
			synctest.Test(t, func(t *testing.T) {
				c := trial(t, 20*perSecond, auto, service())
				t.Logf("%.1f per second, %.1f with the best fixed number (%d), %.2f%% refused", c.perSecond, best, at, 100*c.refused)
				require.Greater(t, c.perSecond, 0.9*best)
				require.Less(t, c.refused, 0.02)
			})
		})
	}
}

// One limit of 200 per second is not like the other, and a pause of a second for each 429 makes
// the search dear. All of the run counts, and no app may use up its attempts.
func TestAnAdaptiveRunIsAsFastWhateverTheReserve(t *testing.T) {
	const n = 4000
	for _, tt := range []struct {
		name                string
		allow               func() func(time.Time) bool
		latency, retryAfter time.Duration
	}{
		{"ten at once", func() func(time.Time) bool { return tokens(200, 10) }, 20 * time.Millisecond, 0},
		{"twenty at once", func() func(time.Time) bool { return tokens(200, 20) }, 50 * time.Millisecond, time.Second},
		{"fifty at once", func() func(time.Time) bool { return tokens(200, 50) }, 50 * time.Millisecond, time.Second},
		{"a second's worth at once", func() func(time.Time) bool { return tokens(200, 200) }, 20 * time.Millisecond, time.Second},
		{"so many in any second", func() func(time.Time) bool { return perAnySecond(200) }, 50 * time.Millisecond, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run := func(set func(*world)) (c course) {
				synctest.Test(t, func(t *testing.T) {
					l := &limited{allow: tt.allow(), retryAfter: tt.retryAfter}
					c = trial(t, n, func(w *world) { w.latency = tt.latency; set(w) }, l)
				})
				return c
			}
			best, at := 0.0, 0
			for _, parallelism := range []int{4, 8, 16, 32} { // others are slower
				if c := run(func(w *world) { w.opts.Parallelism = parallelism }); c.perSecond > best {
					best, at = c.perSecond, parallelism
				}
			}
			c := run(func(w *world) { auto(w); w.opts.MaxAttempts = DefaultMaxAttempts })
			t.Logf("%.1f per second, %.1f with the best fixed number (%d), %.2f%% refused", c.perSecond, best, at, 100*c.refused)
			require.Greater(t, c.perSecond, 0.9*best)
			require.Less(t, c.refused, 0.01)
		})
	}
}

// A limit that is raised or lowered meanwhile is found again.
func TestAnAdaptiveRunFollowsTheLimit(t *testing.T) {
	for name, limits := range map[string][2]int{"raised": {50, 400}, "lowered": {400, 50}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				before, after := tokens(limits[0], limits[0]), tokens(limits[1], limits[1])
				l := &limited{retryAfter: time.Second}
				l.allow = func(now time.Time) bool {
					if n++; n < 4000 {
						return before(now)
					}
					return after(now)
				}
				c := trial(t, 12000, auto, l)
				last := l.taken[len(l.taken)-1000:]
				perSecond := 1000 / last[999].Sub(last[0]).Seconds()
				pace := c.seen[len(c.seen)-1].PerSecond
				t.Logf("%.0f per second at the end, at a pace of %.0f, %.2f%% refused", perSecond, pace, 100*c.refused)
				require.Greater(t, perSecond, 0.5*float64(limits[1]))
				if name == "lowered" {
					require.Less(t, pace, 1.5*float64(limits[1]), "a run that sends far too much gets as much through")
					require.Less(t, c.refused, 0.01)
				}
			})
		})
	}
}

// The user's own cap holds, whatever the service takes.
func TestTheRateNeverExceedsTheCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := trial(t, 3000, func(w *world) { auto(w); w.opts.Rate = 100 }, &limited{allow: tokens(150, 10)})
		require.LessOrEqual(t, c.settled, 101.0)
		require.Greater(t, c.settled, 80.0)
		for _, p := range c.seen {
			require.LessOrEqual(t, p.PerSecond, 100.0)
		}
	})
}

// highest is the most requests at once that a run was told of.
func highest(seen []Pace) (most int) {
	for _, p := range seen {
		most = max(most, p.InFlight)
	}
	return most
}

func TestAnAdaptiveRunGrowsWhileAnswersAreFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := trial(t, 5000, auto, nil)
		got, seen := c.perSecond, c.seen
		require.Equal(t, adaptiveStart+1, seen[0].InFlight, "it begins low")
		require.Equal(t, AdaptiveMost, highest(seen))
		require.Greater(t, got, 0.9*AdaptiveMost/0.02, "of what the most requests at once get")
	})
	synctest.Test(t, func(t *testing.T) {
		seen := trial(t, 1000, func(w *world) { w.opts.Adaptive, w.opts.Parallelism = true, 10 }, nil).seen
		require.Equal(t, 10, highest(seen), "never beyond what was asked for")
	})
}

// A service that works on ten requests at a time lets the others wait, and more of them
// would only wait longer.
func TestAnAdaptiveRunStopsGrowingWhenAnswersGetSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		seen := trial(t, 4000, func(fresh *world) {
			w = fresh
			auto(w)
			w.takes = func(call) time.Duration {
				w.server.mu.Lock()
				defer w.server.mu.Unlock()
				return time.Duration(max(10, w.server.inFlight)) * 2 * time.Millisecond
			}
		}, nil).seen
		last := seen[len(seen)-1].InFlight
		require.Greater(t, last, 10)
		require.LessOrEqual(t, last, 24, "20 ms were the fastest, and 50 are slow")
	})
}

func TestAnAdaptiveRunBacksOffFromAServiceThatCannotCope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newAdaptivePace(64, 0)
		p.window, p.threshold = 32, 64
		var told []Pace
		p.told = func(v Pace) { told = append(told, v) }
		for _, ticket := range round(t, p) {
			p.failed(ticket, strained, time.Millisecond, 0)
		}
		require.Equal(t, 16, p.window, "one burst is one sign")
		require.Equal(t, 16, p.threshold, "and from there on it grows slowly")
		require.Equal(t, []Pace{{InFlight: 16}}, told)

		fixed := newPace(32, 0)
		for _, ticket := range round(t, fixed) {
			fixed.failed(ticket, strained, time.Millisecond, 0)
		}
		require.Equal(t, 32, fixed.window, "a fixed number is what the user wants")
	})
}

// A service whose 429 has nothing to do with how much is sent makes no run crawl.
func TestRefusalsByChanceDoNotStarveTheRun(t *testing.T) {
	for _, tt := range []struct {
		name string
		say  func(n int, dice *rand.Rand) bool
	}{
		{"a tenth by chance", func(_ int, dice *rand.Rand) bool { return dice.Float64() < 0.1 }},
		{"a third by chance", func(_ int, dice *rand.Rand) bool { return dice.Float64() < 0.3 }},
		{"half by chance", func(_ int, dice *rand.Rand) bool { return dice.Float64() < 0.5 }},
		{"each second", func(n int, _ *rand.Rand) bool { return n%2 == 0 }},
		{"each third", func(n int, _ *rand.Rand) bool { return n%3 == 0 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dice := rand.New(rand.NewPCG(1, 2))
				w := newWorld()
				auto(w)
				w.latency, w.opts.MaxAttempts = 20*time.Millisecond, 50
				var mu sync.Mutex
				w.fault = func(c call) *fault {
					mu.Lock()
					defer mu.Unlock()
					if tt.say(c.n, dice) {
						return &fault{err: tooMany(0)}
					}
					return nil
				}
				began := time.Now()
				res := w.apply(t, t.Context(), creates(500))
				t.Log(time.Since(began), res.Counts.Requests)
				require.True(t, res.Complete())
				require.Less(t, time.Since(began), time.Duration(res.Counts.Requests)*1500*time.Millisecond, "hardly slower than one a second")
			})
		})
	}
}

// A service that takes longer from some time on, or for other operations, is not taken for one
// with a queue.
func TestAnAdaptiveRunGrowsAgainWhenAllAnswersTakeLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
		require.Greater(t, c.perSecond, 200.0)
	})
}

// A service that answers each fifteenth request with 429, for a reason of its own, is not slowed
// down without end.
func TestRefusalsWithoutALimitDoNotStarveTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []Pace
		w := newWorld()
		w.latency = 20 * time.Millisecond
		w.opts.Adaptive, w.opts.Parallelism, w.opts.MaxAttempts = true, 0, 50
		var mu sync.Mutex
		w.opts.OnPace = func(p Pace) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, p)
		}
		w.fault = func(c call) *fault {
			if c.n%15 == 0 {
				return &fault{err: tooMany(time.Second)}
			}
			return nil
		}
		require.True(t, w.apply(t, t.Context(), creates(500)).Complete())
		lowest := 1000.0
		for _, p := range seen {
			if p.PerSecond > 0 {
				lowest = min(lowest, p.PerSecond)
			}
		}
		require.GreaterOrEqual(t, lowest, 3.0)
	})
}
