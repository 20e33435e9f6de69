package executor

import (
	"context"
	"errors"
	"fmt"

	"jpsync/planner"
)

// worker applies one app after the other.
type worker struct {
	run   *run
	queue *queue
	told  chan struct{} // closed when the last event of this worker was told
}

func newWorker(r *run, q *queue) *worker {
	told := make(chan struct{})
	close(told)
	return &worker{run: r, queue: q, told: told}
}

// work returns nil when there is no app left. The error stops the run.
func (w *worker) work(ctx context.Context) (err error) {
	defer catch(&err)
	for t := w.queue.next(); t != nil; t = w.queue.next() {
		earlier := w.told
		if err := w.apply(ctx, t); err != nil {
			w.queue.retract()
			return err
		}
		<-earlier // a slow listener slows the run down
	}
	return nil
}

// apply makes an app's steps in order, until one fails or the run stops.
func (w *worker) apply(ctx context.Context, t *task) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = w.panicked(t, caught(v))
		}
	}()
	for t.at = range t.steps {
		ok, err := w.step(ctx, t)
		if !ok && t.result().Outcome != NotStarted {
			t.skipRest()
		}
		if !ok {
			return err
		}
	}
	return nil
}

// step makes the present step. It returns false when the app ends with it, and an error when
// the whole run does.
func (w *worker) step(ctx context.Context, t *task) (ok bool, err error) {
	if err := w.run.halted(ctx); err != nil {
		t.retract()
		return false, err
	}
	t.sent = false
	t.intend()
	if err := t.durable(); err != nil {
		t.retract()
		return false, journalFailed(err)
	}
	if t.at == len(t.steps)-1 {
		w.queue.prefetch()
	}
	switch c := t.steps[t.at]; c.Action {
	case planner.Create:
		return w.create(ctx, t, c)
	case planner.Delete:
		return w.remove(ctx, t, c)
	default:
		return w.upload(ctx, t, c)
	}
}

// panicked ends the app and the run. After a request went out nobody knows how far it came,
// so its intent stays.
func (w *worker) panicked(t *task, err *PanicError) error {
	if t.result().Outcome == NotStarted {
		outcome, wait := Unknown, noWait
		if !t.sent {
			outcome, wait = Failed, t.retract()
		}
		w.fail(t, outcome, answer{}, err, wait)
	}
	t.skipRest()
	return &Stop{StopPanic, err}
}

var errEarlierStep = errors.New("not started, because an earlier step of this app failed")

// skipRest says why the steps after the present one are not started.
func (t *task) skipRest() {
	for i := t.at + 1; i < len(t.steps); i++ {
		t.run.steps[t.first+i].Err = errEarlierStep
	}
}

// notStarted is the error of a step for which nothing was sent.
func notStarted(stop error) error {
	return fmt.Errorf("not started, because the run stopped: %w", stop)
}
