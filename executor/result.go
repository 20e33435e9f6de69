package executor

import (
	"errors"

	"jpsync/internal/jpush"
	"jpsync/planner"
)

// Outcome says how a change ended.
type Outcome string

// The outcomes.
const (
	Created      Outcome = "created"
	Adopted      Outcome = "adopted" // a create that found the app on the server
	Uploaded     Outcome = "uploaded"
	AlreadyThere Outcome = "already_there" // an upload of what the server has (code 1010)
	Deleted      Outcome = "deleted"
	Failed       Outcome = "failed"
	NotStarted   Outcome = "not_started" // nothing was sent, or nothing came of it before the run stopped
	Unknown      Outcome = "unknown"     // sent, and nobody knows whether it took effect
)

// OK reports whether the change is made and recorded.
func (o Outcome) OK() bool {
	switch o {
	case Created, Adopted, Uploaded, AlreadyThere, Deleted:
		return true
	}
	return false
}

// Step is what came of one change of the plan.
type Step struct {
	Change   planner.Change
	Outcome  Outcome
	AppKey   string // empty while it is not known
	Attempts int    // requests sent for it
	Note     string // what a person should know although it went well; mostly empty
	Code     int    // the API's error code, 0 where there is none
	Err      error  // nil exactly if Outcome.OK
	Remedy   string // what to do about Err; may be empty
}

// Counts adds up a run. Adopted is not part of Created, and AlreadyThere counts as uploaded;
// Unknown counts as failed. The six add up to the number of changes.
type Counts struct {
	Created    int
	Adopted    int
	Uploaded   int
	Deleted    int
	Failed     int
	NotStarted int
	Retries    int // requests beyond the first of each change
	Requests   int // requests sent, retries among them
	Recorded   int // apps whose record alone changed
}

// Failure is one change that was tried and failed, or whose outcome is unknown.
type Failure struct {
	App         string
	Action      planner.Action
	Environment jpush.Environment
	Outcome     Outcome // Failed or Unknown
	Code        int
	Message     string
	Remedy      string
}

// Result is how a run ended.
type Result struct {
	Steps    []Step // one for each of the plan's actions, in their order
	Counts   Counts
	Failures []Failure // in the plan's order, one per app
	Stopped  *Stop     // nil if the run went to its end
}

// Complete reports whether every change was made.
func (r *Result) Complete() bool {
	return r.Stopped == nil && r.Counts.Failed == 0 && r.Counts.NotStarted == 0
}

// Changed reports whether anything was made or recorded.
func (r *Result) Changed() bool {
	c := r.Counts
	return c.Created+c.Adopted+c.Uploaded+c.Deleted+c.Recorded > 0
}

// result adds up when every worker and the reporter have ended.
func (r *run) result() *Result {
	res := &Result{Steps: r.steps, Stopped: r.halt.why()}
	res.Counts.Requests = int(r.requests.Load())
	res.Counts.Retries = int(r.retries.Load())
	res.Counts.Recorded = r.recorded
	if res.Stopped != nil {
		stopped := notStarted(res.Stopped) // one for all of them: they may be a hundred thousand
		for i := range res.Steps {
			if s := &res.Steps[i]; s.Outcome == NotStarted && s.Err == nil {
				s.Err = stopped
			}
		}
	}
	res.count()
	return res
}

// Saved tells that the state has been saved although the journal broke: the run keeps in
// memory what the journal did not take. What failed for that reason alone has succeeded.
func (r *Result) Saved() {
	for i := range r.Steps {
		s := &r.Steps[i]
		if e, ok := errors.AsType[*UnsavedError](s.Err); ok {
			s.Outcome, s.Err, s.Remedy = e.Outcome, nil, ""
		}
	}
	r.count()
}

// count adds up the outcomes of the steps.
func (r *Result) count() {
	c := Counts{Requests: r.Counts.Requests, Retries: r.Counts.Retries, Recorded: r.Counts.Recorded}
	r.Failures = nil
	for i := range r.Steps {
		s := &r.Steps[i]
		switch s.Outcome {
		case Created:
			c.Created++
		case Adopted:
			c.Adopted++
		case Uploaded, AlreadyThere:
			c.Uploaded++
		case Deleted:
			c.Deleted++
		case NotStarted:
			c.NotStarted++
		default:
			c.Failed++
			r.Failures = append(r.Failures, Failure{
				App: s.Change.App, Action: s.Change.Action, Environment: s.Change.Environment,
				Outcome: s.Outcome, Code: s.Code, Message: messageOf(s.Err), Remedy: s.Remedy,
			})
		}
	}
	r.Counts = c
}

// codeOf returns the API's code in an error, 0 if there is none.
func codeOf(err error) int {
	if e, ok := errors.AsType[*jpush.Error](err); ok {
		return e.Code
	}
	return 0
}

// messageOf returns an error's text without the remedy, which is told on its own.
func messageOf(err error) string {
	if e, ok := err.(*jpush.Error); ok {
		text := e.Op
		if e.Target != "" {
			text += " " + e.Target
		}
		return text + ": " + e.Outcome()
	}
	return err.Error()
}

// remedyOf returns what to do about an error, if the error knows.
func remedyOf(err error) string {
	if e, ok := errors.AsType[interface {
		error
		Remedy() string
	}](err); ok {
		return e.Remedy()
	}
	return ""
}
