package executor

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"jpsync/internal/jpush"
	"jpsync/planner"
)

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

func randomFloat() float64 { return rand.Float64() }

// answer is what all attempts of one request came to.
type answer struct {
	attempts int   // that were started
	unknown  bool  // one of them may have taken effect without telling
	err      error // of the last attempt; nil if it succeeded
	stop     *Stop // the run stopped before the request was through; nil otherwise
	told     bool  // the start was told
}

// done reports whether the request succeeded.
func (a answer) done() bool { return a.stop == nil && a.err == nil }

// class is the class of the last error.
func (a answer) class() jpush.Class {
	if e, ok := errors.AsType[*jpush.Error](a.err); ok {
		return e.Class
	}
	return jpush.ClassLost
}

// send makes a request, again and again as long as that may help. It is the only place that
// retries. Whether the run goes on is asked right before each attempt; an attempt that was
// started is never cancelled.
//
// Before the pause after an attempt that certainly had no effect, refused is called.
func (r *run) send(ctx context.Context, c planner.Change, call func(context.Context) error, refused func()) answer {
	var a answer
	for {
		ticket, ok := r.pace.enter(r.halt.c)
		if ok && !r.mayStart(ctx) {
			r.pace.free()
			ok = false
		}
		if !ok {
			a.stop = r.halt.why()
			return a
		}
		if !a.told {
			a.told = true
			r.tell(Event{Type: ApplyStart, Action: c.Action, App: c.App, Environment: c.Environment, AppKey: c.AppKey, Attempt: 1})
		}
		began := time.Now()
		err := call(context.WithoutCancel(ctx))
		if _, unsent := errors.AsType[*unsentError](err); unsent {
			r.pace.free()
			r.journalFailed(err)
			a.stop = r.halt.why()
			return a
		}
		if latched(err) {
			r.pace.free()
			r.halt.set(StopAuth, err)
			a.stop = r.halt.why()
			return a
		}
		again, delay := r.digest(&a, err, ticket, time.Since(began))
		if !again {
			return a
		}
		r.tell(Event{
			Type: Retry, Action: c.Action, App: c.App, Environment: c.Environment, AppKey: c.AppKey,
			Attempt: a.attempts, Code: codeOf(a.err), Message: messageOf(a.err), Delay: delay,
		})
		if !a.unknown {
			refused()
		}
		if !pause(delay, r.halt.c) {
			a.stop = r.halt.why()
			return a
		}
	}
}

// mayStart is the last question before a request goes out.
func (r *run) mayStart(ctx context.Context) bool {
	if r.stopped(ctx) != nil {
		return false
	}
	if err := r.budget.start(); err != nil {
		r.halt.set(StopOutage, err)
		return false
	}
	return true
}

// latched reports whether the client held a request back because another one got a 401.
// Nothing was sent, so this was no attempt.
func latched(err error) bool {
	e, ok := errors.AsType[*jpush.Error](err)
	return ok && e.Class == jpush.ClassAuth && !e.Sent
}

// digest draws the run's conclusions from an attempt, and says whether another one may help
// and after what pause.
func (r *run) digest(a *answer, err error, ticket int, took time.Duration) (again bool, delay time.Duration) {
	a.err = err
	a.attempts++
	r.requests.Add(1)
	if a.attempts > 1 {
		r.retries.Add(1)
	}
	var wait time.Duration
	says := unwell
	if e, ok := errors.AsType[*jpush.Error](err); ok {
		a.unknown = a.unknown || e.OutcomeUnknown()
		wait = e.RetryAfter
		switch {
		case e.Busy():
			says = busy
		case e.Class == jpush.ClassSystem:
			says = strained
		}
	} else if err != nil {
		a.unknown = true
	}
	class := a.class()
	if a.err == nil || !class.Retryable() {
		switch {
		case a.err == nil:
		case class == jpush.ClassAuth:
			r.halt.set(StopAuth, a.err)
		case class == jpush.ClassStop:
			r.halt.set(StopEndpoint, a.err)
		}
		r.budget.answered()
		r.pace.answered(ticket, took)
		return false, 0
	}
	r.budget.lost(a.err)
	// What the service asks for is the least; the jitter on top keeps the run from coming
	// back as one.
	delay = wait + backoff(a.attempts, r.opts.Rand)
	hold := wait
	if says == busy && hold == 0 {
		hold = delay
	}
	r.pace.failed(ticket, says, took, hold)
	return a.attempts < r.opts.MaxAttempts, delay
}
