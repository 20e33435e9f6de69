package executor

import (
	"math"
	"time"

	"golang.org/x/time/rate"
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

// The rate of an adaptive run keeps belowLimit of the limit that the service showed, and
// grows to find out whether that is still there: with each probeEvery answers without a 429
// by one probeGrowth more than the time before, up to mostGrowth. By counting answers and not seconds, the
// share of 429 answers that this costs is the same for slow and fast services. A limit is
// measured over at least fewestMeasured requests.
const (
	belowLimit     = 0.95
	probeEvery     = 100
	probeGrowth    = 0.005
	mostGrowth     = 0.03
	fewestMeasured = 10
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
// From the first 429 on the answers are counted. A service that limits requests by time
// gives tokens at a fixed rate, up to a reserve of some size that nobody tells. At each 429
// that reserve is empty; so between two of them it answered exactly as many requests as it
// gave tokens, however large the reserve, and whatever the run did meanwhile. That is the
// limit, and from then on the run keeps a little below it: a 429 costs a pause for everybody,
// a rate that is a little too low costs next to nothing.
type adaptation struct {
	cap      rate.Limit // what the user allows
	fastest  time.Duration
	since    time.Time  // the 429 from which on answers are counted; zero: none came yet
	accepted int        // answers since then
	before   int        // those of them that came before the last 429 of all
	pressed  bool       // somebody had to wait for the rate since it was last raised
	highest  rate.Limit // of all limits that were measured
}

// newAdaptivePace makes a pace that begins with adaptiveStart requests in flight.
func newAdaptivePace(most int, perSecond float64) *pace {
	p := newPace(most, perSecond)
	p.window = min(adaptiveStart, most)
	p.adapt = &adaptation{cap: p.limiter.Limit(), fastest: math.MaxInt64}
	return p
}

// answered counts an answer and reports whether it was fast. The rate grows only while it is
// what holds the run back.
func (a *adaptation) answered(took time.Duration, limiter *rate.Limiter) (fast bool) {
	a.accepted++
	a.fastest = min(a.fastest, took)
	if limit := limiter.Limit(); limit < a.cap && a.pressed && a.accepted%probeEvery == 0 {
		growth := min(mostGrowth, probeGrowth*rate.Limit(a.accepted/probeEvery))
		limiter.SetLimit(min(a.cap, limit*(1+growth)))
		a.pressed = false
	}
	return took <= slowFactor*a.fastest+slowGrace
}

// refused draws the conclusions from the first 429 of a burst. opened is when the gate was
// last opened.
//
// A reserve that was full before the pause was over has lost tokens, and makes the limit look
// lower than it is; so the rate falls to no less than half of how fast it went since then.
// And a service whose 429 has nothing to do with time would bring it down to nothing, which
// half of the highest limit prevents.
func (a *adaptation) refused(now, opened time.Time, limiter *rate.Limiter) {
	if a.since.IsZero() {
		a.since, a.accepted = now, 0
		return
	}
	if a.accepted < fewestMeasured || !now.After(opened) || !now.After(a.since) {
		a.before = a.accepted
		return
	}
	measured := rate.Limit(float64(a.accepted) / now.Sub(a.since).Seconds())
	went := measured
	if opened.After(a.since) {
		went = rate.Limit(float64(a.accepted-a.before) / now.Sub(opened).Seconds())
	}
	a.highest = max(a.highest, measured)
	limiter.SetLimit(min(a.cap, max(belowLimit*measured, went/2, a.highest/2)))
	a.since, a.accepted, a.before, a.pressed = now, 0, 0, false
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

// heldBack notes that a request has to wait for the rate.
func (p *pace) heldBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.adapt != nil {
		p.adapt.pressed = true
	}
}

// now is the pace as it is. The lock is held.
func (p *pace) now() Pace {
	v := Pace{InFlight: p.window}
	if limit := p.limiter.Limit(); limit != rate.Inf {
		v.PerSecond = math.Max(1, math.Round(float64(limit)))
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
