package executor

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

// limited is a service that takes so many requests per second, with a reserve of some size,
// and counts what it refused.
type limited struct {
	bucket     *rate.Limiter
	retryAfter time.Duration
	mu         sync.Mutex
	refused    []time.Time
}

func (l *limited) fault(call) *fault {
	if l.bucket.Allow() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = append(l.refused, time.Now())
	return &fault{err: tooMany(l.retryAfter)}
}

// trial applies n creates to a service and returns how many it took per second, and the
// share of 429 answers in the second half of the run.
func trial(t *testing.T, n int, set func(*world), l *limited) (perSecond, refusals float64, seen []Pace) {
	w := newWorld()
	w.latency = 20 * time.Millisecond
	w.opts.MaxAttempts = 50
	w.opts.OnEvent = nil
	var mu sync.Mutex
	w.opts.OnPace = func(p Pace) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, p)
	}
	if l != nil {
		w.fault = l.fault
	}
	set(w)
	began := time.Now()
	res := w.apply(t, t.Context(), creates(n))
	took := time.Since(began)
	require.Equal(t, n, res.Counts.Created)
	late := 0
	if l != nil {
		for _, at := range l.refused {
			if at.Sub(began) > took/2 {
				late++
			}
		}
	}
	return float64(n) / took.Seconds(), float64(late) / (float64(n)/2 + float64(late)), seen
}

// An adaptive run has no idea of the limit and comes near to what the best fixed number of
// requests gets, whatever the limit is.
func TestAnAdaptiveRunFindsTheLimit(t *testing.T) {
	for _, tt := range []struct {
		perSecond  float64
		burst, n   int
		retryAfter time.Duration
		least      float64 // share of the best fixed number's throughput
	}{
		{10, 10, 1000, time.Second, 0.9},
		{50, 50, 1500, time.Second, 0.9},
		{200, 200, 3000, time.Second, 0.9},
		// With so small a reserve each 429 costs a second in which tokens are lost.
		{200, 20, 3000, time.Second, 0.7},
		{200, 200, 3000, 0, 0.9},
		{1000, 1000, 9000, time.Second, 0.9},
	} {
		t.Run(fmt.Sprintf("%v per second, %d at once, retry after %v", tt.perSecond, tt.burst, tt.retryAfter), func(t *testing.T) {
			service := func() *limited {
				return &limited{bucket: rate.NewLimiter(rate.Limit(tt.perSecond), tt.burst), retryAfter: tt.retryAfter}
			}
			best, at := 0.0, 0
			for _, parallelism := range []int{1, 2, 4, 8, 16, 32, 64} {
				synctest.Test(t, func(t *testing.T) {
					// A tenth of the apps shows it: there is nothing to find out here.
					got, _, _ := trial(t, tt.n/5, func(w *world) { w.opts.Parallelism = parallelism }, service())
					if got > best {
						best, at = got, parallelism
					}
				})
			}
			best = min(best, tt.perSecond) // the reserve is a gift to short runs
			synctest.Test(t, func(t *testing.T) {
				got, refusals, _ := trial(t, tt.n, func(w *world) { w.opts.Adaptive, w.opts.Parallelism = true, 0 }, service())
				t.Logf("%.1f per second, %.1f with the best fixed number (%d), %.2f%% refused", got, best, at, 100*refusals)
				require.GreaterOrEqual(t, got, tt.least*best)
				require.Less(t, refusals, 0.01)
			})
		})
	}
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
		got, _, seen := trial(t, 5000, func(w *world) { w.opts.Adaptive, w.opts.Parallelism = true, 0 }, nil)
		require.Equal(t, adaptiveStart+1, seen[0].InFlight, "it begins low")
		require.Equal(t, AdaptiveMost, highest(seen))
		require.Greater(t, got, 0.9*AdaptiveMost/0.02, "of what the most requests at once get")
	})
	synctest.Test(t, func(t *testing.T) {
		_, _, seen := trial(t, 1000, func(w *world) { w.opts.Adaptive, w.opts.Parallelism = true, 10 }, nil)
		require.Equal(t, 10, highest(seen), "never beyond what was asked for")
	})
}

// A service that works on ten requests at a time lets the others wait, and more of them
// would only wait longer.
func TestAnAdaptiveRunStopsGrowingWhenAnswersGetSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *world
		_, _, seen := trial(t, 4000, func(fresh *world) {
			w = fresh
			w.opts.Adaptive, w.opts.Parallelism = true, 0
			w.takes = func(call) time.Duration {
				w.server.mu.Lock()
				defer w.server.mu.Unlock()
				return time.Duration(max(10, w.server.inFlight)) * 2 * time.Millisecond
			}
		}, nil)
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
			p.failed(ticket, strained, 0)
		}
		require.Equal(t, 16, p.window, "one burst is one sign")
		require.Equal(t, 16, p.threshold, "and from there on it grows slowly")
		require.Equal(t, []Pace{{InFlight: 16}}, told)

		fixed := newPace(32, 0)
		for _, ticket := range round(t, fixed) {
			fixed.failed(ticket, strained, 0)
		}
		require.Equal(t, 32, fixed.window, "a fixed number is what the user wants")
	})
}

// What the service shows is measured between two 429, and the user's own cap holds.
func TestTheLimitIsMeasuredBetweenTwoRefusals(t *testing.T) {
	for _, tt := range []struct{ userCap, want float64 }{{0, 95}, {50, 50}} {
		synctest.Test(t, func(t *testing.T) {
			p := newAdaptivePace(64, tt.userCap)
			began := time.Now()
			p.adapt.refused(began, time.Time{}, p.limiter)
			require.Equal(t, p.adapt.cap, p.limiter.Limit(), "one 429 says nothing yet")
			for range 1000 {
				p.adapt.answered(time.Millisecond, p.limiter)
			}
			p.adapt.refused(began.Add(10*time.Second), began.Add(time.Second), p.limiter)
			require.InDelta(t, tt.want, float64(p.limiter.Limit()), 0.001)
			require.Equal(t, tt.want, p.now().PerSecond)
		})
	}
}

// The rate is raised only while it holds the run back, and more each time.
func TestTheRateGrowsWhereItIsUsed(t *testing.T) {
	p := newAdaptivePace(64, 0)
	p.limiter.SetLimit(100)
	for range 3 * probeEvery {
		p.adapt.answered(time.Millisecond, p.limiter)
	}
	require.EqualValues(t, 100, p.limiter.Limit())
	var steps []float64
	for range 8 {
		before := p.limiter.Limit()
		for range probeEvery {
			p.heldBack()
			p.adapt.answered(time.Millisecond, p.limiter)
		}
		steps = append(steps, float64(p.limiter.Limit()/before)-1)
	}
	require.InDeltaSlice(t, []float64{0.02, 0.025, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03}, steps, 1e-9)
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
