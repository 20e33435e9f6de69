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
	slowFactor    = 2
	slowGrace     = 5 * time.Millisecond
	fewestAnswers = 10
)

// Pace is how fast a run may go at the moment.
type Pace struct {
	InFlight  int     // requests at once
	PerSecond float64 // requests that may start per second, in whole numbers; 0: no limit
}

// adaptation finds out what a service can take. Until the first 429 the number in flight
// alone is adapted: it doubles with each round of fast answers, and shrinks after a slow one.
// From the first 429 on requests are spaced evenly, and there is a search for the limit on
// their rate. As many are in flight as that takes.
type adaptation struct {
	search

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
	p.adapt = &adaptation{search: search{cap: p.rate}}
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
// took and shuts the gate for a hold. It makes room for twice what is under way at that rate;
// where the service took nothing since the 429 before, one request alone tries the water. The
// lock is held.
func (p *pace) slowDown(now time.Time, inFlight int, took, hold time.Duration) {
	roundTrip := max(p.adapt.roundTrip(took), time.Millisecond).Seconds()
	went, sent := p.rate, now.Add(-took)
	if p.adapt.since.IsZero() {
		went = min(went, float64(inFlight)/roundTrip)
	}
	closed := len(before(p.adapt.sent, sent)) == 0
	p.rate = min(p.adapt.cap, max(slowest, p.adapt.refused(now, sent, hold, went)))
	p.window = 1
	if !closed {
		p.window = int(min(float64(p.max), 1+2*p.rate*roundTrip))
	}
	p.threshold, p.credit = p.max, 0
}

// cramped reports whether more requests in flight may get more done. A number in flight that is
// not used shows nothing, and where requests wait for the rate anyway, more of them would only
// have booked their turns when it was another one. The lock is held.
func (p *pace) cramped(took time.Duration) bool {
	a := p.adapt
	enough := a.pressed && float64(p.window) >= 2+1.5*p.rate*a.roundTrip(took).Seconds()
	return 2*p.inFlight > p.window && !a.slowdown && !enough
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
