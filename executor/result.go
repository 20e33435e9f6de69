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
	Verified     Outcome = "verified"
	Failed       Outcome = "failed"
	NotStarted   Outcome = "not_started" // nothing was sent, or nothing came of it before the run stopped
	Unknown      Outcome = "unknown"     // sent, and nobody knows whether it took effect
)

// OK reports whether the change is made and recorded.
func (o Outcome) OK() bool {
	switch o {
	case Created, Adopted, Uploaded, AlreadyThere, Deleted, Verified:
		return true
	}
	return false
}

// Step is what came of one change of the plan. Its AppKey is empty while it is not known.
type Step struct {
	planner.Change
	Outcome  Outcome
	Attempts int    // requests sent for it
	Note     string // what a person should know although it went well; mostly empty
	Code     int    // the API's error code, 0 where there is none
	Err      error  // nil exactly if Outcome.OK
	Remedy   string // what to do about Err; may be empty
}

// Message says what went wrong, without the remedy; empty if nothing did.
func (s Step) Message() string {
	switch e := s.Err.(type) {
	case nil:
		return ""
	case *jpush.Error:
		return e.Outcome() // the app and the request are told beside it
	default:
		return e.Error()
	}
}

// Counts adds up a run. Adopted is not part of Created, and AlreadyThere counts as uploaded;
// Unknown counts as failed. Those from Created to NotStarted add up to the number of changes. The
// JSON output of an apply has those that are about its changes.
type Counts struct {
	Created    int `json:"created"`
	Adopted    int `json:"adopted"`
	Uploaded   int `json:"uploaded"`
	Deleted    int `json:"deleted"`
	Verified   int `json:"-"`
	Failed     int `json:"failed"`
	NotStarted int `json:"not_started"`
	Requests   int `json:"-"` // requests sent, retries among them
	Recorded   int `json:"-"` // apps whose record alone changed
}

// Result is how a run ended.
type Result struct {
	Steps    []Step // one for each of the plan's changes, in their order
	Counts   Counts
	Failures []Step // those that failed or whose outcome is unknown: one per app
	Stopped  *Stop  // nil if the run went to its end

	unrecorded int // apps whose record alone should have changed, and that the journal did not take
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

// result adds up a run that has ended; err is why it stopped, if it did.
func (r *run) result(err error) *Result {
	res := &Result{Steps: r.steps, Counts: Counts{Requests: int(r.requests.Load()), Recorded: r.recorded}, unrecorded: r.unrecorded}
	if stop, ok := errors.AsType[*Stop](err); ok {
		res.Stopped = stop
		if stop.Reason == StopAuth && !unauthorized(stop.Err) {
			res.Stopped = realRefusal(stop, r.steps)
		}
		cause := notStarted(res.Stopped) // one for all of them: they may be a hundred thousand
		for i := range res.Steps {
			if s := &res.Steps[i]; s.Outcome == NotStarted && s.Err == nil {
				s.Err = cause
			}
		}
	}
	res.count()
	return res
}

// MarkSaved tells that the state has been saved although the journal broke: the run keeps in
// memory what the journal did not take. What failed for that reason alone has succeeded.
func (r *Result) MarkSaved() {
	for i := range r.Steps {
		s := &r.Steps[i]
		if e, ok := errors.AsType[*UnsavedError](s.Err); ok {
			s.Outcome, s.Err, s.Remedy = e.Outcome, nil, ""
		}
	}
	r.Counts.Recorded, r.unrecorded = r.Counts.Recorded+r.unrecorded, 0
	r.count()
}

// realRefusal finds the request whose credentials were refused. It says more than stop, which is
// about a request that the client held back because of it.
func realRefusal(stop *Stop, steps []Step) *Stop {
	for i := range steps {
		if err := steps[i].Err; unauthorized(err) {
			return &Stop{StopAuth, err}
		}
	}
	return stop
}

// count adds up the outcomes of the steps.
func (r *Result) count() {
	c := Counts{Requests: r.Counts.Requests, Recorded: r.Counts.Recorded}
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
		case Verified:
			c.Verified++
		case NotStarted:
			c.NotStarted++
		default:
			c.Failed++
			r.Failures = append(r.Failures, *s)
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

// retold is an error of the API in words of jpsync's own.
type retold struct {
	text   string
	remedy string
	err    *jpush.Error
}

func (e *retold) Error() string  { return e.text }
func (e *retold) Remedy() string { return e.remedy }
func (e *retold) Unwrap() error  { return e.err }

// RemedyOf returns what to do about an error, if the error knows.
func RemedyOf(err error) string {
	if e, ok := errors.AsType[interface {
		error
		Remedy() string
	}](err); ok {
		return e.Remedy()
	}
	return ""
}
