package executor

import (
	"math"
	"time"
)

// An adaptive run begins with adaptiveStart requests in flight, and goes up to AdaptiveMost
// where [Options] don't say otherwise.
const (
	adaptiveStart = 4
	AdaptiveMost  = 64
)

// Answers are fast as long as they take, on the average of a round, at most slowFactor times
// as long as in the fastest round, and slowGrace: what takes longer waits in a queue
// somewhere, and more requests would only make that longer. A round is as many answers as
// may be in flight, at least fewestAnswers.
const (
	slowFactor = 2
	slowGrace  = 5 * time.Millisecond
)

// How an adaptive run searches for the rate that a service limits requests to. The constants
// are what came out best for limits of all common kinds: see TestAnAdaptiveRunFindsTheLimit.
const (
	// A rate that is tried lies so far between one that the service takes and one that it
	// refuses, on a logarithmic scale: a 429 costs more than a rate that is a little too low.
	stepUp = 0.35
	// The search ends when these two are so close.
	closeEnough = 1.15
	// From then on a rate a little higher is tried, first after so many answers or so long, and
	// each time that it is refused, after twice as many, but at least once a minute.
	tryHigher       = 1.05
	firstAnswers    = 2000
	firstPatience   = 15 * time.Second
	longestPatience = time.Minute
	mostRefusals    = 10 // that are counted
	// As long as no rate is known that is refused, it grows faster and faster.
	fastestGrowth = 2.0
	// The least and the longest that a rate has to go without a 429.
	fewestAnswers = 10
	longestTrial  = 5 * time.Second
	// Below one a second it is not searched for: gate and backoff space out what is slower.
	slowest = 1.0
	// A reserve is at most what goes out in that time.
	mostReserve = time.Second
)

// Pace is how fast a run may go at the moment.
type Pace struct {
	InFlight  int     // requests at once
	PerSecond float64 // requests that may start per second, in whole numbers; 0: no limit
}

// adaptation finds out what a service can take. Until the first 429 the number in flight
// alone is adapted: it doubles with each round of fast answers, and shrinks after a slow one.
//
// From the first 429 on requests are spaced evenly, and the limit on their rate is searched
// for between the highest rate that the service took and the lowest that it refused. What
// makes that hard is the reserve that many services have: a second's worth, say, which they
// give at once after a rest. A rate beyond the limit goes well until the reserve is used up.
// How large it is shows in the number of answers before the first 429, and it decides how long
// a rate has to go well before it counts.
//
// Rates are in requests per second.
type adaptation struct {
	cap      float64 // what the user allows
	low      float64 // what the service takes; 0: not known
	high     float64 // what it refuses; +Inf: not known
	floor    float64 // the rate falls no lower
	growth   float64 // what the rate is multiplied by next
	refusals int     // how often a higher rate was tried in vain
	reserve  int     // how many requests the service takes beyond its limit after a rest

	since    time.Time // the last 429; zero: none came yet
	accepted int       // answers since then
	clean    int       // answers since the rate was set
	pressed  bool      // somebody had to wait for the rate since it was set

	took     time.Duration // all answers of the present round
	answers  int           // how many those are
	round    int           // how many it takes
	few      bool          // it began with the least in flight
	usual    time.Duration // the average of the fastest round, or of the last with few; 0: not known
	slowdown bool          // the round before was a slow one
}

// newAdaptivePace makes a pace that begins with adaptiveStart requests in flight.
func newAdaptivePace(most int, perSecond float64) *pace {
	p := newPace(most, perSecond)
	p.window = min(adaptiveStart, most)
	p.adapt = &adaptation{cap: p.rate, high: math.Inf(1), growth: fastestGrowth}
	return p
}

// timed counts how long an answer took, and returns how many may be in flight after it, of
// so many now. After a slow round it is as many as would take just as long as is still fast:
// in a queue all wait for each other. The round after that has answers from before in it, and
// is not looked at.
func (a *adaptation) timed(took time.Duration, window int) int {
	if a.answers == 0 {
		a.round, a.few = max(window, fewestAnswers), window <= adaptiveStart
	}
	a.took += took
	if a.answers++; a.answers < a.round {
		return window
	}
	average := a.took / time.Duration(a.answers)
	a.took, a.answers = 0, 0
	if a.slowdown {
		a.slowdown = false
		return window
	}
	// With so few in flight there is no queue of ours: the service itself takes longer by now,
	// or these are other operations.
	if a.usual == 0 || average < a.usual || a.few {
		a.usual = average
	}
	still := slowFactor*a.usual + slowGrace
	if a.slowdown = average > still; !a.slowdown {
		return window
	}
	return min(window, max(adaptiveStart, int(float64(window)*float64(still)/float64(average))))
}

// answered counts an answer that came at a rate, and returns the rate to go on with. One that
// nobody had to wait for shows nothing.
func (a *adaptation) answered(rate float64) (next float64) {
	a.accepted++
	a.clean++
	if rate >= a.cap || !a.pressed || a.clean < a.enough(rate) {
		return rate
	}
	next = a.higher(rate)
	if rate >= a.high {
		a.high = math.Inf(1) // the service takes more than it did
	}
	a.low = max(a.low, rate)
	a.clean, a.pressed = 0, false
	return min(a.cap, next)
}

// settled reports whether the limit is known well enough.
func (a *adaptation) settled() bool { return a.high <= a.low*closeEnough }

// enough is how many answers without a 429 tell that the service takes a rate: what goes
// beyond the rate that it is known to take has to use up the reserve, and then some.
func (a *adaptation) enough(rate float64) int {
	switch {
	case rate < a.low:
		return fewestAnswers
	case rate == a.low:
		patience := min(firstPatience<<a.refusals, longestPatience)
		return int(min(firstAnswers*float64(int(1)<<a.refusals), rate*patience.Seconds()))
	}
	n := (1.5*float64(a.reserve) + fewestAnswers) / (1 - a.low/rate)
	return int(max(fewestAnswers, min(n, rate*longestTrial.Seconds())))
}

// higher is the rate to try after one that the service takes.
func (a *adaptation) higher(rate float64) float64 {
	switch {
	case rate < a.low:
		return a.low
	case a.high <= rate*closeEnough && rate < a.high:
		return rate * tryHigher
	case math.IsInf(a.high, 1), rate >= a.high:
		rate *= a.growth
		a.growth = min(fastestGrowth, 1+2*(a.growth-1))
		return rate
	}
	return a.between(rate)
}

// between is a rate to try between one that the service takes and what it refuses.
func (a *adaptation) between(low float64) float64 { return low * math.Pow(a.high/low, stepUp) }

// refused draws the conclusions from the first 429 of a burst, which came at the rate went
// when so many were in flight, and returns the rate to go on with.
func (a *adaptation) refused(now time.Time, went float64, inFlight int) (next float64) {
	defer func() { a.since, a.accepted, a.clean, a.pressed = now, 0, 0, false }()
	if a.since.IsZero() {
		// The requests came in bursts until now, and it may be the bursts that it refuses.
		a.reserve = max(inFlight, min(a.accepted, int(went*mostReserve.Seconds())))
		return went / 2
	}
	if a.accepted == 0 {
		return went // it is closed altogether: that says nothing about the rate
	}
	// At a 429 the reserve is empty. So between two of them the service gave at least what it
	// answered; it gave more if the reserve got full in between.
	measured := min(went, float64(a.accepted)/max(now.Sub(a.since).Seconds(), 0.001))
	// Had its 429 nothing to do with time, the rate would fall without end. The floor prevents
	// that, unless the limit has become so low that most of what goes out is too much.
	if went <= a.floor && a.accepted >= fewestAnswers && measured < 0.6*went {
		a.floor = 0
	}
	a.floor = max(a.floor, measured/2)
	if a.accepted < fewestAnswers {
		if a.low > went/2 {
			a.low = 0
		}
		return max(went/2, a.floor) // the pause was too short to tell more
	}
	if a.settled() && went > a.low {
		a.refusals = min(a.refusals+1, mostRefusals)
	}
	a.high, a.growth = went, tryHigher
	if a.low >= went {
		a.low = 0
	}
	held := went * (1 - float64(a.reserve)/float64(max(1, a.clean)))
	a.low = max(a.low, min(max(measured, held), went/closeEnough))
	if a.settled() {
		return max(a.low, a.floor)
	}
	return max(a.between(a.low), a.floor)
}

// roundTrip is how long an answer takes, as far as that is known. A 429 is often faster.
func (a *adaptation) roundTrip(refusal time.Duration) time.Duration {
	switch {
	case a.usual > 0:
		return a.usual
	case a.answers > 0:
		return a.took / time.Duration(a.answers)
	}
	return max(refusal, 20*time.Millisecond)
}

// slowDown sets the rate that an adaptive run goes on with after a 429, which came in the time
// took, and makes room for twice what is under way at that rate. Where nothing was answered
// since the 429 before, or there was none, one request alone tries the water. The lock is held.
func (p *pace) slowDown(now time.Time, inFlight int, took time.Duration) {
	roundTrip := max(p.adapt.roundTrip(took), time.Millisecond).Seconds()
	went := p.rate
	if !p.adapt.pressed {
		went = min(went, float64(inFlight)/roundTrip)
	}
	known := !p.adapt.since.IsZero() && p.adapt.accepted > 0
	p.rate = min(p.adapt.cap, max(slowest, p.adapt.refused(now, went, inFlight)))
	p.window = 1
	if known {
		p.window = int(min(float64(p.max), 1+2*p.rate*roundTrip))
	}
	p.threshold, p.credit = p.max, 0
}

// now is the pace as it is. The lock is held.
func (p *pace) now() Pace {
	v := Pace{InFlight: p.window}
	if !math.IsInf(p.rate, 1) {
		v.PerSecond = max(1, math.Round(p.rate))
	}
	return v
}

// unlockAndTell ends a change of the pace. The listener may take its time, so it hears
// without the lock.
func (p *pace) unlockAndTell() {
	v, told := p.now(), p.told
	changed := v != p.shown
	p.shown = v
	p.mu.Unlock()
	if changed && told != nil {
		told(v)
	}
}
