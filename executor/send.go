package executor

import (
	"context"
	"errors"
	"time"

	"jpsync/internal/jpush"
)

// answer is what all attempts of one request came to.
type answer struct {
	attempts int          // that were sent
	unknown  bool         // one of them may have taken effect, and was never answered
	err      *jpush.Error // of the last attempt; nil if it succeeded
	started  bool         // an ApplyStart was told
}

// send makes a request, again and again as long as that may help. It is the only place that
// retries. Stop is why the run stopped before the request was through. An attempt that was
// started goes on to its end, or to that of the drain or the lease.
func (t *task) send(ctx context.Context, call func(context.Context) error) (a answer, stop *Stop) {
	r := t.run
	e := Event{Step: Step{Change: t.step().Change}}
	for {
		if stop := r.limiter.acquire(ctx); stop != nil {
			return a, stop
		}
		end, ok := r.deadline()
		if !ok {
			r.limiter.release(unclear, nil, time.Now(), 0)
			return a, leaseOver()
		}
		if !a.started {
			a.started = true
			e.Type, e.Attempts = ApplyStart, 1
			r.report(noWait, nil, e)
		}
		t.sent = true
		began := time.Now()
		err := r.attempt(end, call)
		if err != nil && err.Class == jpush.ClassAuth && !err.Sent {
			// The client held the request back, because another one got a 401: no attempt was made.
			t.sent = a.attempts > 0
			r.limiter.release(unclear, nil, began, 0)
			return a, &Stop{StopAuth, err}
		}
		again, delay := r.assess(&a, err, began)
		if !again {
			return a, nil
		}
		if stop := r.halted(ctx); stop != nil {
			return a, stop
		}
		e.Type, e.Attempts, e.Code, e.Err, e.Delay = Retry, a.attempts, err.Code, err, delay
		r.report(noWait, nil, e)
		if pause(ctx, delay) != nil {
			return a, stopped(ctx)
		}
	}
}

// assess counts an attempt, tells the limiter how it went, and says whether another one may
// help, after what pause.
func (r *run) assess(a *answer, err *jpush.Error, began time.Time) (again bool, delay time.Duration) {
	a.err = err
	a.attempts++
	r.requests.Add(1)
	if err == nil || !err.Class.Retryable() {
		r.limiter.release(answered, nil, began, 0)
		return false, 0
	}
	a.unknown = a.unknown || err.OutcomeUnknown()
	says := unclear
	switch {
	case err.Busy() || err.RetryAfter > 0:
		says = busy
	case err.Class == jpush.ClassSystem:
		says = strained
	}
	// What the service asks for is the least. The jitter keeps the run from coming back as one.
	delay = err.RetryAfter + backoff(a.attempts, r.opts.Rand)
	hold := err.RetryAfter
	if says == busy && hold == 0 {
		hold = delay
	}
	r.limiter.release(says, err, began, hold)
	return a.attempts < r.opts.MaxAttempts, delay
}

var errCutByTime = errors.New("the lease of the state was about to end")

// attempt makes a call that has until end, if that is not zero. What stops the run does not cancel
// it, and an interrupt only once the drain is over. An error of another type is a lost answer.
func (r *run) attempt(end time.Time, call func(context.Context) error) *jpush.Error {
	ctx := r.inFlight
	if !end.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, end, errCutByTime)
		defer cancel()
	}
	err := call(ctx)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*jpush.Error](err); ok {
		return e
	}
	return &jpush.Error{Class: jpush.ClassLost, Condition: jpush.LostAnswer, Sent: true, Err: err}
}

// The backoff doubles from base up to limit, and the pause is drawn from all of it ("full
// jitter"), so that many clients that failed together don't come back together.
const (
	backoffBase  = 500 * time.Millisecond
	backoffLimit = 20 * time.Second
)

// backoff is the pause after the given attempt, counted from 1.
func backoff(attempt int, random func() float64) time.Duration {
	most := backoffLimit
	if shift := attempt - 1; shift < 6 { // 500 ms * 2^6 is beyond the limit
		most = min(most, backoffBase<<shift)
	}
	return time.Duration(random() * float64(most))
}

// pause sleeps for d, or returns an error as soon as ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	if d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}
