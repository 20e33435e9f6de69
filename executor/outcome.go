package executor

import (
	"errors"
	"fmt"

	"jpsync/planner"
	"jpsync/state"
)

// errEarlierStep is why the later steps of an app are not started.
var errEarlierStep = errors.New("not started, because an earlier step of this app failed")

// save journals what is recorded of the app from now on, and reports the step once that is
// on disk. A nil app removes the record.
func (w *worker) save(c planner.Change, app *state.App, outcome Outcome, a answer, note string) {
	w.open, w.prior = -1, nil
	w.last, w.app = w.app, app
	res := state.Result{Op: state.Op(c.Action), ID: c.App}
	if app != nil {
		recorded := *app
		res.App = &recorded
	}
	ack, err := w.run.opts.Journal.Record(res)
	s := w.result()
	s.Outcome, s.Attempts, s.Note = outcome, a.attempts, note
	if app != nil {
		s.AppKey = app.AppKey
	}
	w.run.wrote(ack, err, report{step: w.chain.first + w.at, event: &Event{
		Type: ApplyComplete, Action: c.Action, App: c.App, Environment: c.Environment,
		AppKey: s.AppKey, Attempt: a.attempts, Outcome: outcome, Note: note, Certificate: c.Certificate,
	}})
}

// fail reports a step that was not made.
func (w *worker) fail(c planner.Change, outcome Outcome, a answer, err error) {
	s := w.result()
	s.Outcome, s.Attempts, s.Code, s.Err, s.Remedy = outcome, a.attempts, codeOf(err), err, remedyOf(err)
	w.run.reports.add(report{step: -1, event: &Event{
		Type: ApplyErrored, Action: c.Action, App: c.App, Environment: c.Environment, AppKey: s.AppKey,
		Attempt: a.attempts, Code: s.Code, Message: messageOf(err), Remedy: s.Remedy, Outcome: outcome,
	}})
}

// refused ends a step whose request did not succeed. Its intent is taken back only if it is
// certain that nothing took effect, of this run's attempts and of an earlier run's that are
// still open.
func (w *worker) refused(c planner.Change, a answer, open bool) {
	if a.attempts == 0 {
		w.settle()
		if a.told {
			w.fail(c, NotStarted, a, notStarted(a.stop))
		}
		return
	}
	if !open {
		w.settle()
	}
	w.open = -1
	outcome, err := Failed, a.err
	if a.unknown && (a.stop != nil || a.class().Retryable() || a.class().StopsRun()) {
		outcome = Unknown
	}
	if a.stop != nil {
		err = fmt.Errorf("given up after attempt %d, because the run stopped: %w; last: %w", a.attempts, a.stop.Err, a.err)
		if !a.unknown {
			// It was to be tried again, and nothing came of it so far: as if it had not been
			// started, with nothing to correct.
			outcome = NotStarted
			err = fmt.Errorf("given up after attempt %d, because the run stopped: %w; last: %s", a.attempts, a.stop.Err, messageOf(a.err))
		}
	}
	if c.Certificate != nil && codeOf(err) == invalidCertificate {
		err = &RejectedError{Certificate: *c.Certificate, Err: err}
	}
	w.fail(c, outcome, a, err)
}

// notStarted is the error of a step for which nothing was sent.
func notStarted(stop *Stop) error {
	return fmt.Errorf("not started, because the run stopped: %w", stop.Err)
}

// settleOthers takes back what earlier runs left open under other ids about the very app
// that this step has settled. An id that the plan has steps for sees to its own intent.
func (w *worker) settleOthers(op state.Op, ids []string) {
	for _, id := range ids {
		if w.run.pending.planned[id] {
			continue
		}
		ack, err := w.run.opts.Journal.Record(state.Result{Op: op, ID: id, Failed: true})
		w.run.wrote(ack, err, report{step: -1})
	}
}

// wrote reports once the record is on disk. When it was not even written, the run stops and
// the step is told as one that could not be recorded.
func (r *run) wrote(ack Ack, err error, rep report) {
	if err != nil {
		rep.wait = func() error { return err }
		r.journalFailed(err)
	} else {
		rep.wait = ack.Wait
	}
	r.reports.add(rep)
}

// UnsavedError says that the server did what was asked, and that this did not get into the
// journal.
type UnsavedError struct {
	Outcome Outcome // what the server did
	AppKey  string
	Err     error
}

func (e *UnsavedError) Error() string {
	return fmt.Sprintf("%s on the server (app_key %s), but the journal did not take it: %v; the end of the run tells where it is kept", e.Outcome, e.AppKey, e.Err)
}

func (e *UnsavedError) Unwrap() error { return e.Err }

// unsaved turns a success into a failure whose record did not reach the disk.
func (r *run) unsaved(rep report, err error) {
	r.journalFailed(err)
	if rep.step < 0 {
		return
	}
	s := &r.steps[rep.step]
	s.Err = &UnsavedError{Outcome: s.Outcome, AppKey: s.AppKey, Err: err}
	s.Outcome = Failed
	e := rep.event
	e.Type, e.Outcome, e.Message = ApplyErrored, Failed, s.Err.Error()
}
