package executor

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"jpsync/internal/jpush"
)

// Pace is how fast a run may go at the moment.
type Pace struct {
	InFlight  int     // requests at once
	PerSecond float64 // requests that may start per second, in whole numbers; 0: no limit
}

// grace is how many requests in a row, beyond one per worker, may go without a definite
// answer before the run gives up on the service. Retries of single requests are bounded by
// MaxAttempts; without this bound a total outage would still cost that many for every app.
const grace = 100

// limiter decides when the next request of the run may start, if any may. It holds requests
// back while too many are in flight, while the service has asked for a pause, and to keep the
// rate.
type limiter struct {
	turn   chan struct{} // held by the worker that is next; the others queue for it
	freed  chan struct{} // a request may have room now
	rate   *rate.Limiter
	onPace func(Pace) // hears of each change; may be nil

	mu         sync.Mutex
	pauseEnds  time.Time    // of the pause that the service asked for
	lastPace   Pace         // what was told last
	unanswered int          // requests that were started since the service last gave a definite answer
	lastLost   *jpush.Error // what the last one without an answer came to
	pacer      aimd
}

func newLimiter(o Options) *limiter {
	limit := rate.Inf
	if o.Rate > 0 {
		limit = rate.Limit(o.Rate)
	}
	return &limiter{
		turn: make(chan struct{}, 1), freed: make(chan struct{}, 1),
		rate: rate.NewLimiter(limit, 1), onPace: o.OnPace,
		pacer: newAIMD(o.Parallelism, o.Adaptive, limit),
	}
}

// acquire waits until a request may start, and then needs a release. Otherwise it returns why
// the run stops: ctx is done, or too many requests in a row got no definite answer.
func (l *limiter) acquire(ctx context.Context) *Stop {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return stopped(ctx)
	}
	for l.full() {
		select {
		case <-l.freed:
		case <-ctx.Done():
			return stopped(ctx)
		}
	}
	wait := l.rate.Reserve().Delay()
	if pause(ctx, wait) != nil {
		return stopped(ctx)
	}
	for left := l.pauseLeft(); left > 0; left = l.pauseLeft() {
		if pause(ctx, left) != nil {
			return stopped(ctx)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unanswered >= l.pacer.most+grace {
		text := fmt.Sprintf("gave up: %d requests in a row got no definite answer; last: %s; run again later", l.unanswered, l.lastLost.Outcome())
		return &Stop{StopOutage, &retold{text, l.lastLost.Remedy(), l.lastLost}}
	}
	l.unanswered++
	l.pacer.inFlight++
	l.pacer.peak = max(l.pacer.peak, l.pacer.inFlight)
	l.pacer.pressed = l.pacer.pressed || wait > 0
	return nil
}

func (l *limiter) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pacer.inFlight >= l.pacer.window
}

// pauseLeft is how much longer the service wants no requests.
func (l *limiter) pauseLeft() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.pauseEnds)
}

// sign is what an answer, or the lack of one, says about the service.
type sign int

const (
	unclear  sign = iota // nothing about how much it can take
	answered             // it copes: a definite answer, be it a refusal
	strained             // it could not cope: code 10
	busy                 // it asks for less: 429
)

// release ends a request that began at a time. lost is why it got no definite answer, nil if
// it got one or was not sent. A hold of more than zero keeps every request of the run from
// starting for that long.
func (l *limiter) release(s sign, lost *jpush.Error, began time.Time, hold time.Duration) {
	now := time.Now()
	l.mu.Lock()
	limit := l.pacer.adapt(s, began, now, l.pauseEnds, l.rate.Limit())
	l.pacer.inFlight--
	if s == answered {
		l.unanswered = l.pacer.inFlight // the service was there a moment ago
	}
	if lost != nil {
		l.lastLost = lost
	}
	if until := now.Add(hold); hold > 0 && until.After(l.pauseEnds) {
		l.pauseEnds = until
	}
	if limit != l.rate.Limit() {
		l.rate.SetLimit(limit)
	}
	pace := Pace{InFlight: l.pacer.window}
	if limit != rate.Inf {
		pace.PerSecond = max(1, math.Round(float64(limit)))
	}
	changed := pace != l.lastPace
	l.lastPace = pace
	l.mu.Unlock()
	select {
	case l.freed <- struct{}{}:
	default:
	}
	if changed && l.onPace != nil {
		l.onPace(pace)
	}
}
