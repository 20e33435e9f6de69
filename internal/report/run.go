package report

import (
	"io"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/planner"
)

// Run is one apply, as its reports tell it.
type Run struct {
	Version string // of jpsync
	Plan    *planner.Plan
	Result  *executor.Result // nil: nothing was sent
	Summary Summary
	Err     error  // what the command ended with; nil if all went well
	AllKeys string // the command that prints every app key
}

// message is why a run did not end well, for people.
func (r Run) message(l Language) string {
	if r.Err == nil {
		return ""
	}
	return ErrorText(r.Err, l)
}

// runJSON is the form of [RunJSON].
type runJSON struct {
	FormatVersion int                `json:"format_version"`
	JPSyncVersion string             `json:"jpsync_version"`
	Endpoint      string             `json:"endpoint"`
	Account       string             `json:"account"`
	Changes       []change           `json:"changes"`
	Conflicts     []planner.Conflict `json:"conflicts"`
	Errors        []planner.Problem  `json:"errors"`
	Summary       Summary            `json:"summary"`
}

// change is what became of one planned change.
type change struct {
	Action         planner.Action    `json:"action"`
	App            string            `json:"app"`
	Environment    jpush.Environment `json:"environment,omitempty"`
	Reason         planner.Reason    `json:"reason"`
	AppName        string            `json:"app_name"`
	AndroidPackage string            `json:"android_package"`
	AppKey         string            `json:"app_key,omitempty"`
	Outcome        executor.Outcome  `json:"outcome"`
	Attempts       int               `json:"attempts,omitempty"`
	Code           int               `json:"code,omitempty"`
	Message        string            `json:"message,omitempty"`
	Remedy         string            `json:"remedy,omitempty"`
}

// RunJSON writes a whole apply as one indented JSON object: what became of each change, what
// stood in the way, and the summary, whose fields are those of the last JSON line. Its
// messages are English; codes and outcomes are what a program should look at.
func RunJSON(w io.Writer, r Run) error {
	out := runJSON{FormatVersion: planner.FormatVersion, JPSyncVersion: r.Version, Endpoint: r.Plan.Endpoint, Account: r.Plan.Account,
		Changes: r.changes(), Conflicts: r.Plan.Conflicts, Errors: r.Plan.Errors, Summary: r.Summary}
	if out.Conflicts == nil {
		out.Conflicts = []planner.Conflict{}
	}
	if out.Errors == nil {
		out.Errors = []planner.Problem{}
	}
	if out.Summary.Message == "" {
		out.Summary.Message = r.message(English)
	}
	return JSON(w, out)
}

// changes joins each planned change with what became of it.
func (r Run) changes() []change {
	list := make([]change, len(r.Plan.Actions))
	for i, c := range r.Plan.Actions {
		list[i] = change{Action: c.Action, App: c.App, Environment: c.Environment, Reason: c.Reason, AppName: c.AppName,
			AndroidPackage: c.AndroidPackage, AppKey: c.AppKey, Outcome: executor.NotStarted}
	}
	if r.Result == nil {
		return list
	}
	failed := 0 // the failures stand in the order of the steps
	for i, s := range r.Result.Steps {
		c := &list[i]
		c.Outcome, c.Attempts, c.Code, c.Message = s.Outcome, s.Attempts, s.Code, s.Note
		if s.AppKey != "" {
			c.AppKey = s.AppKey
		}
		switch {
		case s.Outcome.OK():
		case s.Outcome == executor.NotStarted:
			if s.Err != nil {
				c.Message = s.Err.Error()
			}
		default:
			f := r.Result.Failures[failed]
			c.Message, c.Remedy = f.Message, f.Remedy
			failed++
		}
	}
	return list
}
