package executor

import (
	"time"

	"golang.org/x/time/rate"
)

// An adaptive run begins with adaptiveStart requests in flight and never goes below that.
// AdaptiveMost is a good bound for one.
const (
	adaptiveStart = 4
	AdaptiveMost  = 64
)

// Answers are slow when the average of a round is more than slowFactor times that of the
// fastest round, and slowGrace: they wait in a queue somewhere, which more requests would
// only make longer.
const (
	slowFactor = 2
	slowGrace  = 5 * time.Millisecond
)

// The rate never falls below minRate, in requests per second. The sooner a 429 comes after the
// pause for the last one, the farther is the rate above the limit: refusedAtOnce and refusedSoon
// choose by how much it falls. These numbers, and the factors below, were chosen by how the
// services of auto_test.go fare.
const (
	minRate       = 1
	refusedAtOnce = 200 * time.Millisecond
	refusedSoon   = 2 * time.Second
)

// aimd adapts two numbers by additive increase and multiplicative decrease. An adaptive run
// adapts how many requests are in flight: more after a round of fast answers, fewer after
// slow ones and code 10. Any run adapts the rate from its first 429 on.
type aimd struct {
	window   int // how many requests may be in flight
	most     int
	auto     bool // the window is adapted
	inFlight int
	peak     int // the most in flight in the present round

	answers int           // of the present round
	took    time.Duration // all of them
	fastest time.Duration // the average of the fastest round; 0: not known

	allowed rate.Limit // what the user allows
	ceiling rate.Limit // the rate grows fast up to here, and slowly beyond
	lowered time.Time  // when the window or the rate was last lowered
	refused time.Time  // when the rate was last lowered
	grown   time.Time  // when the rate last grew
	pressed bool       // somebody waited for the rate since the last answer
}

func newAIMD(most int, auto bool, limit rate.Limit) aimd {
	a := aimd{window: most, most: most, auto: auto, allowed: limit}
	if auto {
		a.window = min(adaptiveStart, most)
	}
	return a
}

// adapt takes the sign of a request that began at began and ended now, and returns the rate to go on
// with. The last pause that the service asked for ends at opens.
func (a *aimd) adapt(s sign, began, now, opens time.Time, limit rate.Limit) rate.Limit {
	// Of the requests that were in flight when something was lowered, or that slipped out as a
	// pause began, nothing more is learned: one burst is one sign.
	if s == unclear || began.Before(a.lowered) || began.Before(opens) {
		return limit
	}
	switch {
	case s == answered:
		a.round(now.Sub(began), now)
		return a.faster(now, limit)
	case s == busy:
		return a.slower(now.Sub(began), now, opens, limit)
	case a.auto:
		a.shrink(now, a.window/2)
	}
	return limit
}

// round counts an answer, and adapts the window at the end of a round.
func (a *aimd) round(took time.Duration, now time.Time) {
	a.took += took
	if a.answers++; a.answers < max(a.window, 2*adaptiveStart) {
		return
	}
	average := a.took / time.Duration(a.answers)
	used := 2*a.peak > a.window
	a.answers, a.took, a.peak = 0, 0, 0
	// With so few in flight there is no queue of ours: the service itself got slower, or these
	// are other operations.
	if a.fastest == 0 || average < a.fastest || a.window <= adaptiveStart {
		a.fastest = average
	}
	switch {
	case !a.auto:
	case average > slowFactor*a.fastest+slowGrace:
		a.shrink(now, a.window*3/4)
	case used && !a.pressed:
		a.window = min(a.window+adaptiveStart, a.most)
	}
}

func (a *aimd) shrink(now time.Time, window int) {
	a.window = min(a.window, max(adaptiveStart, window))
	a.lowered, a.answers, a.took, a.peak = now, 0, 0, 0
}

// slower returns the rate to go on with after a 429 that took so long. The first one tells how
// fast the run went: as many as are in flight in the time of an answer.
func (a *aimd) slower(took time.Duration, now, opens time.Time, limit rate.Limit) rate.Limit {
	if a.refused.IsZero() {
		answer := max(a.fastest, took, time.Millisecond)
		limit = min(limit, rate.Limit(float64(a.peak)/answer.Seconds()))
	}
	resumed := a.refused
	if opens.After(resumed) {
		resumed = opens
	}
	quiet := now.Sub(resumed)
	factor := rate.Limit(0.85)
	switch {
	case a.refused.IsZero(), quiet > refusedAtOnce && quiet < refusedSoon:
		factor = 0.5
	case quiet <= refusedAtOnce:
		factor = 0.25
	}
	a.lowered, a.refused, a.grown = now, now, now
	a.pressed = false
	a.ceiling = (0.2 + 0.85*factor) * limit
	return min(a.allowed, max(minRate, factor*limit))
}

// faster returns the rate to go on with after an answer. It grows to the ceiling within
// seconds, and beyond it by a hundredth a second, the faster the longer no 429 came. It
// does not grow while something else than the rate limits the run.
func (a *aimd) faster(now time.Time, limit rate.Limit) rate.Limit {
	passed := rate.Limit(min(now.Sub(a.grown), time.Second/4).Seconds())
	a.grown = now
	if !a.pressed || a.refused.IsZero() {
		return limit
	}
	a.pressed = false
	quiet := rate.Limit(max(1, now.Sub(a.refused).Seconds()/4))
	limit += 0.01 * quiet * a.ceiling * passed
	if limit < a.ceiling {
		limit += 2 * (a.ceiling - limit) * passed
	}
	return min(a.allowed, limit)
}
