package executor

import (
	"math"
	"sync"
	"time"
)

// pace decides when the next request of the run may start. Three things hold it back: the
// number in flight, a gate that a busy service closes for everybody, and the rate.
//
// The number in flight follows the scheme of TCP's congestion control (RFC 5681): after a
// 429 one request alone tries the water; each answer lets one more through until half of
// what was allowed before is reached, and from there on it takes a full round of answers.
//
// In an adaptive run it begins low, and a 429 lowers the rate instead: see adaptation.
type pace struct {
	max  int
	told func(Pace) // hears of each change; may be nil

	mu        sync.Mutex
	adapt     *adaptation // nil: the number and the rate are fixed
	rate      float64     // requests that may start per second; +Inf: no limit
	next      time.Time   // when the rate lets the next one start
	shown     Pace        // what was told last
	window    int         // how many may be in flight now, 1 to max
	threshold int         // up to here the window grows with every answer
	credit    int         // answers since the window last grew
	inFlight  int
	notBefore time.Time // the gate
	epoch     int       // how many times the window was shut
	waiting   int
	changed   chan struct{} // closed when there may be room again
	shut      chan struct{} // closed with the epoch
}

// sign is what a request that failed says about the service.
type sign int

const (
	unwell   sign = iota // nothing about how much it can take
	strained             // it could not cope: code 10
	busy                 // it asks for less: 429
)

func newPace(parallelism int, perSecond float64) *pace {
	if perSecond <= 0 {
		perSecond = math.Inf(1)
	}
	return &pace{
		max: parallelism, window: parallelism, threshold: parallelism, rate: perSecond,
		changed: make(chan struct{}), shut: make(chan struct{}),
	}
}

// turn is when a request may start.
type turn struct {
	at     time.Time
	ticket int
	shut   <-chan struct{} // closed when the turn is void
}

// enter waits until a request may start and takes its place, which answered, failed or free
// give back; they want the ticket. It returns false when halted is closed before.
func (p *pace) enter(halted <-chan struct{}) (int, bool) {
	for {
		t, ok := p.place(halted)
		if !ok {
			return 0, false
		}
		wait := time.Until(t.at)
		if wait <= 0 {
			return t.ticket, true
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			if p.stillOpen(t.ticket) {
				return t.ticket, true
			}
		case <-t.shut: // the gate has closed meanwhile
		case <-halted:
			ok = false
		}
		timer.Stop()
		p.free()
		if !ok {
			return 0, false
		}
	}
}

// place waits for the gate and for a place in the window. The rate may let the request start
// only when its turn has come: these times are evenly spaced.
func (p *pace) place(halted <-chan struct{}) (t turn, ok bool) {
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
			return turn{p.book(time.Now()), p.epoch, p.shut}, true
		}
		if !ok {
			return turn{}, false
		}
	}
}

// book takes the next time at which the rate lets a request start. The lock is held.
func (p *pace) book(now time.Time) time.Time {
	at := now
	if !math.IsInf(p.rate, 1) {
		if p.next.After(now) {
			at = p.next
		}
		p.next = at.Add(p.interval())
	}
	if p.adapt != nil {
		p.adapt.note(at)
		p.adapt.pressed = p.adapt.pressed || at.After(now)
	}
	return at
}

// interval is the time from one request to the next, at most a hundred years.
func (p *pace) interval() time.Duration {
	return time.Duration(min(float64(time.Second)/p.rate, 100*365*24*float64(time.Hour)))
}

// shutAll makes void what was booked, and tells who has a turn. The lock is held.
func (p *pace) shutAll(now time.Time) {
	p.epoch++
	close(p.shut)
	p.shut = make(chan struct{})
	if p.adapt != nil {
		p.adapt.void(now)
	}
	if soonest := now.Add(p.interval()); p.next.After(soonest) {
		p.next = soonest
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
	grows := ticket == p.epoch && p.window < p.max
	if p.adapt != nil {
		p.rate = p.adapt.grow(time.Now(), p.rate)
		if window := p.adapt.timed(took, p.window); window < p.window {
			p.window, p.threshold, p.credit = window, window, 0
		}
		grows = grows && p.cramped(took)
		p.adapt.pressed = false
	}
	p.inFlight--
	if grows {
		p.credit++
		if p.window < p.threshold || p.credit >= p.window {
			p.window++
			p.credit = 0
		}
	}
	p.roomMade()
}

// failed gives back the place of a request without a definite answer, which came after the
// time took. A hold of more than zero shuts the gate for that long. Busy halves what may be
// in flight; in an adaptive run it is strained that does so, and busy lowers the rate. Of those
// that were under way when this was found out before, only the hold counts: one burst is one
// sign.
func (p *pace) failed(ticket int, s sign, took, hold time.Duration) {
	p.mu.Lock()
	defer p.unlockAndTell()
	now, inFlight := time.Now(), p.inFlight
	p.inFlight--
	if until := now.Add(hold); hold > 0 && until.After(p.notBefore) {
		p.notBefore = until
	}
	switch {
	case ticket != p.epoch:
		if s == busy && p.adapt != nil {
			p.adapt.alsoRefused(now.Add(-took))
		}
	case s == busy && p.adapt != nil:
		p.slowDown(now, inFlight, took, hold)
		p.shutAll(now)
	case s == busy || hold > 0:
		p.threshold = max(p.window, p.threshold)
		if s == busy {
			p.threshold = max(1, p.window/2)
		}
		p.window, p.credit = 1, 0
		p.shutAll(now)
	case s == strained && p.adapt != nil:
		p.threshold = max(1, p.window/2)
		p.window, p.credit = p.threshold, 0
		p.shutAll(now)
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
