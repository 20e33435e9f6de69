package executor

import (
	"math"
	"time"
)

// How an adaptive run searches for the rate that a service limits requests to. The constants
// are what came out best for limits of all common kinds: see TestAnAdaptiveRunFindsTheLimit.
const (
	// Below one a second it is not searched for: gate and backoff space out what is slower.
	slowest = 1.0
	// After the first 429, and whenever nothing is known any more, the rate grows by a factor
	// of e in fastGrowth. Later it takes worthwhile times the pause that a 429 costs to grow
	// by as much as it may be too low.
	fastGrowth = 500 * time.Millisecond
	worthwhile = 20
	leastHold  = 200 * time.Millisecond
	mostGrowth = 1.2 // with one answer
	// It grows twice as fast after each patience without a 429.
	patience = 15 * time.Second
	// A run of requests may have so many more or less in it than was counted, and an estimate
	// is off by so much, as a share of it.
	miscount   = 2.0
	leastError = 0.02
	mostError  = 0.15
	guessError = 0.1
	// From fewer requests than that nothing is estimated, and so many are kept.
	fewestSent = 10
	mostSent   = 8192
	// A rate that was refused is multiplied by that where nothing better is known.
	lower    = 0.9
	muchLess = 0.85
)

// search looks for the rate that a service limits requests to, in requests per second.
//
// Most limits consist of a rate and a reserve: so many requests the service takes at once after
// a rest. A run of requests that ends with a 429 has used up both, and could have done so with
// a small reserve and a high rate, or the other way round. Two runs, of which one was fast and
// short and the other slow and long, tell which. The first one is what went out before the
// first 429. For the second one the rate starts low, and grows fast. When that ends, the limit
// is known to a few per cent, and each further run makes it more certain.
//
// From then on the rate stays just below the limit. It grows so slowly that the pauses cost
// little, and faster when no 429 comes for long: the limit may have been raised.
type search struct {
	cap   float64 // what the user allows
	limit float64 // what the limit is thought to be
	floor float64 // the rate falls no lower

	since   time.Time   // the last 429 that told something; zero: none came yet
	sent    []time.Time // when requests started since the last 429
	dropped int         // how many more did, before these
	burst   []time.Time // a run that tells of the reserve
	ended   time.Time   // the 429 that ended it

	growth  time.Duration // the rate grows by a factor of e in that time
	grown   time.Time     // when it last grew
	patient time.Time     // when it begins to grow faster
	pressed bool          // somebody had to wait for the rate since the last answer
}

// grow returns the rate to go on with after an answer. Where nobody had to wait for the rate,
// it is something else that limits the run.
func (s *search) grow(now time.Time, rate float64) float64 {
	passed := now.Sub(s.grown)
	if s.since.IsZero() || passed <= 0 {
		return rate
	}
	s.grown = now
	if !s.pressed {
		return rate
	}
	if now.After(s.patient) {
		s.growth, s.patient = max(s.growth/2, fastGrowth), now.Add(patience)
	}
	return min(s.cap, rate*min(mostGrowth, math.Exp(passed.Seconds()/s.growth.Seconds())))
}

// refused draws the conclusions from the first 429 of a burst, whose request was sent when the
// rate was went. It returns the rate to go on with after the hold.
func (s *search) refused(now, sent time.Time, hold time.Duration, went float64) (next float64) {
	s.void(now)
	taken := without(s.sent, sent) // unless they are refused as well: see alsoRefused
	run := before(taken, sent)
	n := float64(s.dropped + len(run))
	s.sent, s.dropped = nil, 0
	s.pressed, s.grown = false, now.Add(hold)
	switch {
	case s.since.IsZero():
		s.since, s.burst, s.ended = now, taken, now
		// The reserve is seldom more than a second's worth, and not much less than a tenth.
		s.limit, s.growth = min(went, math.Sqrt(went*max(1, n)*2))/2, fastGrowth
		s.patient = s.grown.Add(patience)
		return s.limit
	case len(run) == 0:
		return went // it is closed altogether: that says nothing about the rate
	case len(run) < fewestSent:
		return max(s.floor, went*muchLess)
	}
	// At a 429 the reserve is empty. So between two of them the service gave at least what it
	// took; it gave more if the reserve got full in between.
	measured := min(went, n/max(sent.Sub(s.since).Seconds(), 0.001))
	limit, off := s.estimate(run, measured, went, hold)
	// Had its 429 nothing to do with time, the rate would fall without end. The floor prevents
	// that, unless the limit has become so low that most of what goes out is too much.
	if measured < 0.6*s.floor {
		s.floor = 0
	}
	s.floor = max(s.floor, measured/2)
	if went <= s.limit { // the limit is lower than it seemed, and so was the reserve larger
		limit = max(measured, min(limit, muchLess*went))
		s.burst, s.ended = taken, now
	}
	s.since, s.limit = now, limit
	s.growth = time.Duration(worthwhile * float64(max(hold, leastHold)) / off)
	s.patient = s.grown.Add(patience)
	return max(s.floor, measured, min(went, limit*(1-off)))
}

// estimate says what limit, from what was measured up to a rate that was refused, explains best
// why a 429 ended this run and the other one when it did, and how far off that may be.
func (s *search) estimate(run []time.Time, measured, went float64, hold time.Duration) (limit, off float64) {
	n, before := float64(len(run)), float64(len(s.burst))
	took, tookBefore := length(run), length(s.burst)
	if math.Abs(n-before) <= 1+0.03*before {
		// As many as before, however fast they went: it counts up to them, and begins anew after
		// a time, which is a second unless it says more.
		off = leastError
		if measured*(took-tookBefore).Abs().Seconds() <= 0.1*n {
			off = guessError // they went as fast as before, so anything may be behind it
		}
		return max(measured, min(n/max(1, hold.Seconds()), 2*measured)), off
	}
	low, high := measured, went
	for range 20 {
		mid := (low + high) / 2
		mine, _ := reserve(run, mid)
		theirs, _ := reserve(s.burst, mid)
		if mine <= theirs {
			high = mid
		} else {
			low = mid
		}
	}
	steep := went > 1.5*s.limit // the rate grew so fast that it may be far beyond the limit
	if high > measured*1.001 {
		_, users := reserve(run, high)
		// Two runs that took about as long say little about what comes in a time.
		apart := max((took - tookBefore).Abs().Seconds(), 0.001)
		off = max(leastError, min(mostError, max(miscount/float64(users), miscount/(high*apart)), went/high-1))
		if !steep && high < went/1.3 {
			off = mostError // a limit that is that much lower would have shown before
		}
		return high, off
	}
	// The reserve did not get full in the pause, so what was measured is all that it gave; or
	// this is another kind of limit.
	guess := went
	if steep || took < hold/2 {
		guess = math.Sqrt(measured * n / max(took.Seconds(), 0.001))
	}
	return max(measured, min(lower*went, guess)), max(guessError, 2*miscount/n)
}

// reserve is the smallest with which a service that gives so many per second can take all
// requests of a run, and how many of them use it up.
func reserve(run []time.Time, perSecond float64) (least float64, users int) {
	level, full := 0.0, 0
	for i, at := range run {
		if i > 0 {
			level -= perSecond * at.Sub(run[i-1]).Seconds()
		}
		if level <= 0 {
			level, full = 0, i
		}
		if level++; level > least {
			least, users = level, i-full+1
		}
	}
	return least, users
}
