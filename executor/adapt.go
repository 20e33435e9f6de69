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

// An answer is fast as long as it takes at most slowFactor times as long as the fastest one,
// and slowGrace: what takes longer waits in a queue somewhere, and more requests would only
// make that longer.
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
	// From then on a rate a little higher is tried, first after so many answers, and when it
	// is refused, after twice as many, but at least once a minute.
	tryHigher       = 1.05
	firstPatience   = 2000
	longestPatience = time.Minute
	// As long as no rate is known that is refused, it grows faster and faster.
	fastestGrowth = 2.0
	// The least and the longest that a rate has to do without a 429.
	fewestAnswers = 10
	longestTrial  = 20 * time.Second
)

// Pace is how fast a run may go at the moment.
type Pace struct {
	InFlight  int     // requests at once
	PerSecond float64 // requests that may start per second, in whole numbers; 0: no limit
}

// adaptation finds out what a service can take. Until the first 429 the number in flight
// alone is adapted: it doubles with each round of fast answers, and shrinks by one with each
// round of slow ones.
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
	fastest  time.Duration
	low      float64   // what the service takes; 0: not known
	high     float64   // what it refuses; +Inf: not known
	reserve  int       // how many requests it takes beyond its limit after a rest
	since    time.Time // the last 429; zero: none came yet
	accepted int       // answers since then
	clean    int       // answers since the rate was set
	pressed  bool      // somebody had to wait for the rate since it was set
	growth   float64   // what the rate is multiplied by next
	patience int       // answers before a higher rate is tried
	floor    float64   // the rate falls no lower
}

// newAdaptivePace makes a pace that begins with adaptiveStart requests in flight.
func newAdaptivePace(most int, perSecond float64) *pace {
	p := newPace(most, perSecond)
	p.window = min(adaptiveStart, most)
	p.adapt = &adaptation{
		cap: p.rate, fastest: math.MaxInt64,
		high: math.Inf(1), growth: fastestGrowth, patience: firstPatience,
	}
	return p
}

// answered counts an answer that came at a rate, and returns the rate to go on with. One that
// nobody had to wait for shows nothing.
func (a *adaptation) answered(took time.Duration, rate float64) (next float64) {
	a.accepted++
	a.clean++
	a.fastest = min(a.fastest, took)
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
		return min(a.patience, int(rate*longestPatience.Seconds()))
	}
	n := (1.5*float64(a.reserve) + fewestAnswers) / (1 - a.low/rate)
	return int(min(n, rate*longestTrial.Seconds()))
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

// refused draws the conclusions from the first 429 of a burst, which came at the rate went,
// and returns the rate to go on with.
func (a *adaptation) refused(now time.Time, went float64) (next float64) {
	defer func() { a.since, a.accepted, a.clean, a.pressed = now, 0, 0, false }()
	if a.since.IsZero() {
		// The requests came in bursts until now, and it may be the bursts that it refuses.
		a.reserve = a.accepted
		return went / 2
	}
	// At a 429 the reserve is empty. So between two of them the service gave at least what it
	// answered; it gave more if the reserve got full in between. Had its 429 nothing to do
	// with time, the rate would fall without end, which the floor prevents.
	measured := min(went, float64(a.accepted)/max(now.Sub(a.since).Seconds(), 0.001))
	a.floor = max(a.floor, measured/2)
	if a.accepted < fewestAnswers {
		return max(went/2, a.floor) // the pause was too short to tell
	}
	if a.settled() && went > a.low {
		a.patience *= 2 // it was only tried
	}
	a.high, a.growth = went, tryHigher
	if a.low >= went {
		a.low = 0
	}
	held := went * (1 - float64(a.reserve)/float64(max(1, a.clean)))
	if a.low = max(a.low, measured, held); a.settled() {
		return max(a.low, a.floor)
	}
	return max(a.between(a.low), a.floor)
}

// slowDown sets the rate that an adaptive run goes on with after a 429, which was answered in
// the time took, and makes room for twice what is under way at that rate. The lock is held.
func (p *pace) slowDown(now time.Time, inFlight int, took time.Duration) {
	rtt := max(time.Millisecond, min(took, p.adapt.fastest)).Seconds()
	went := p.rate
	if !p.adapt.pressed {
		went = min(went, float64(inFlight)/rtt)
	}
	p.rate = min(p.adapt.cap, p.adapt.refused(now, went))
	p.window = int(min(float64(p.max), 1+2*p.rate*rtt))
	p.threshold, p.credit = p.window, 0
}

// slow takes one place out of the window for each round of slow answers, and lets it double
// no more. The lock is held.
func (p *pace) slow() {
	p.threshold = min(p.threshold, p.window)
	p.credit--
	if p.credit <= -p.window && p.window > adaptiveStart {
		p.window--
		p.credit = 0
	}
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
