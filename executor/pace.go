package executor

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace decides when the next request of the run may start. Three things hold it back: the
// number in flight, a gate that a busy service closes for everybody, and the rate.
//
// The number in flight follows the scheme of TCP's congestion control (RFC 5681): after a
// 429 one request alone tries the water; each answer lets one more through until half of
// what was allowed before is reached, and from there on it takes a full round of answers.
//
// In an adaptive run it begins low as well, and the rate is found out: see adaptation.
type pace struct {
	max     int
	limiter *rate.Limiter
	told    func(Pace) // hears of each change; may be nil

	mu        sync.Mutex
	adapt     *adaptation // nil: the number and the rate are fixed
	shown     Pace        // what was told last
	window    int         // how many may be in flight now, 1 to max
	threshold int         // up to here the window grows with every answer
	credit    int         // answers since the window last grew
	inFlight  int
	notBefore time.Time // the gate
	epoch     int       // how many times the window was shut
	waiting   int
	changed   chan struct{} // closed when there may be room again
}

// sign is what a request that failed says about the service.
type sign int

const (
	unwell   sign = iota // nothing about how much it can take
	strained             // it could not cope: code 10
	busy                 // it asks for less: 429
)

func newPace(parallelism int, perSecond float64) *pace {
	p := &pace{max: parallelism, window: parallelism, threshold: parallelism, changed: make(chan struct{})}
	p.limiter = rate.NewLimiter(rate.Inf, 1)
	if perSecond > 0 {
		p.limiter.SetLimit(rate.Limit(perSecond))
	}
	return p
}

// enter waits until a request may start and takes its place. The ticket is for leave. It
// returns false when halted is closed before.
func (p *pace) enter(halted <-chan struct{}) (ticket int, ok bool) {
	for {
		ticket, ok = p.place(halted)
		if !ok || p.limiter.Limit() == rate.Inf {
			return ticket, ok
		}
		token := p.limiter.Reserve()
		delay := token.Delay()
		if delay > 0 {
			p.heldBack()
		}
		if !pause(delay, halted) {
			token.Cancel()
			p.free()
			return 0, false
		}
		// The gate may have closed while this one waited for the rate.
		if p.stillOpen(ticket) {
			return ticket, true
		}
		p.free()
	}
}

// place waits for the gate and for a place in the window.
func (p *pace) place(halted <-chan struct{}) (ticket int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		closed := time.Duration(0)
		if !p.notBefore.IsZero() {
			closed = time.Until(p.notBefore)
		}
		switch {
		case closed > 0:
			p.mu.Unlock()
			ok = pause(closed, halted)
			p.mu.Lock()
		case p.inFlight >= p.window:
			changed := p.changed
			p.waiting++
			p.mu.Unlock()
			ok = true
			select {
			case <-changed:
			case <-halted:
				ok = false
			}
			p.mu.Lock()
			p.waiting--
		default:
			p.inFlight++
			return p.epoch, true
		}
		if !ok {
			return 0, false
		}
	}
}

func (p *pace) stillOpen(ticket int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch == ticket && !time.Now().Before(p.notBefore)
}

// free gives back a place that was not used.
func (p *pace) free() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	p.roomMade()
}

// answered gives back the place of a request that got a definite answer, after the given
// time. One that was under way when the window was shut says nothing about how it goes now.
func (p *pace) answered(ticket int, took time.Duration) {
	p.mu.Lock()
	defer p.unlockAndTell()
	current, fast := ticket == p.epoch, true
	if p.adapt != nil {
		fast = p.adapt.answered(took, p.limiter)
		// A window that is not used shows nothing.
		current = current && 2*p.inFlight > p.window
	}
	p.inFlight--
	switch {
	case current && !fast:
		p.slow()
	case current && p.window < p.max:
		p.credit++
		if p.window < p.threshold || p.credit >= p.window {
			p.window++
			p.credit = 0
		}
	}
	p.roomMade()
}

// failed gives back the place of a request without a definite answer. A hold of more than
// zero shuts the gate for that long; busy halves what may be in flight, and in an adaptive
// run strained does so too. Those that were under way when this was found out before add
// nothing to it: one burst is one sign.
func (p *pace) failed(ticket int, s sign, hold time.Duration) {
	p.mu.Lock()
	defer p.unlockAndTell()
	p.inFlight--
	now, opened := time.Now(), p.notBefore
	if until := now.Add(hold); hold > 0 && until.After(p.notBefore) {
		p.notBefore = until
	}
	switch {
	case ticket != p.epoch:
	case s == busy || hold > 0:
		p.threshold = max(p.window, p.threshold)
		if s == busy {
			p.threshold = max(1, p.window/2)
			if p.adapt != nil {
				p.adapt.refused(now, opened, p.limiter)
			}
		}
		p.window, p.credit = 1, 0
		p.epoch++
	case s == strained && p.adapt != nil:
		p.threshold = max(1, p.window/2)
		p.window, p.credit = p.threshold, 0
		p.epoch++
	}
	p.roomMade()
}

// roomMade wakes who waits for a place. The lock is held.
func (p *pace) roomMade() {
	if p.waiting > 0 && p.inFlight < p.window {
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

// pause sleeps for d, or returns false as soon as halted is closed.
func pause(d time.Duration, halted <-chan struct{}) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-halted:
		return false
	}
}
