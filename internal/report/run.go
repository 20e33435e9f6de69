package report

import (
	"io"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/planner"
)

// Run is one apply, as its reports need it.
type Run struct {
	Version string // of jpsync
	Plan    *planner.Plan
	Result  *executor.Result // nil if nothing was sent
	Summary Summary
	Err     error  // what the command ended with; nil if all went well
	AllKeys string // the command that prints every app key
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

// RunJSON writes an apply as one indented JSON object: what became of each change, what stood
// in the way, and the summary, whose fields are those of the last line of [Lines]. Messages
// are English; programs go by codes and outcomes.
func RunJSON(w io.Writer, r Run) error {
	return JSON(w, struct {
		FormatVersion int                `json:"format_version"`
		JPSyncVersion string             `json:"jpsync_version"`
		Endpoint      string             `json:"endpoint"`
		Account       string             `json:"account"`
		Changes       []change           `json:"changes"`
		Conflicts     []planner.Conflict `json:"conflicts"`
		Errors        []planner.Problem  `json:"errors"`
		Summary       Summary            `json:"summary"`
	}{planner.FormatVersion, r.Version, r.Plan.Endpoint, r.Plan.Account, r.changes(), orEmpty(r.Plan.Conflicts), orEmpty(r.Plan.Errors), r.Summary})
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
	failures := r.Result.Failures // in the order of the steps
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
			c.Message, c.Remedy = failures[0].Message, failures[0].Remedy
			failures = failures[1:]
		}
	}
	return list
}

// orEmpty makes JSON's null an empty list.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
