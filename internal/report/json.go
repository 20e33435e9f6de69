package report

import (
	"encoding/json"
	"io"
	"time"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/planner"
)

// JSON writes v as one indented JSON value.
func JSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// plannedPlan is a plan as plan --format json shows it. What an apply needs besides, such as
// the paths of certificates, is in saved plans only.
type plannedPlan struct {
	*planner.Plan
	Actions []plannedChange `json:"actions"`
}

type plannedChange struct {
	*planner.Change
	Certificate *plannedCertificate `json:"certificate,omitempty"`
}

type plannedCertificate struct {
	File        string    `json:"file"`
	Fingerprint string    `json:"fingerprint"`
	BundleID    string    `json:"bundle_id"`
	NotAfter    time.Time `json:"not_after"`
}

// PlanJSON writes a plan for programs to read, as one indented JSON object.
func PlanJSON(w io.Writer, p *planner.Plan) error {
	shown := *p
	shown.OnExisting = ""
	out := plannedPlan{Plan: &shown, Actions: make([]plannedChange, len(p.Actions))}
	for i := range p.Actions {
		out.Actions[i].Change = &p.Actions[i]
		if c := p.Actions[i].Certificate; c != nil {
			out.Actions[i].Certificate = &plannedCertificate{c.File, c.Fingerprint, c.BundleID, c.NotAfter}
		}
	}
	return JSON(w, out)
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

// Lines writes the events of an apply as JSON, one object per line. Its methods must not be
// called at the same time.
type Lines struct{ enc *json.Encoder }

// NewLines returns Lines that write to w.
func NewLines(w io.Writer) *Lines {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &Lines{enc}
}

// line is a line of any type. Fields that do not apply are left out.
type line struct {
	Type           string            `json:"type"`
	FormatVersion  int               `json:"format_version,omitempty"`
	JPSyncVersion  string            `json:"jpsync_version,omitempty"`
	Action         planner.Action    `json:"action,omitempty"`
	App            string            `json:"app,omitempty"`
	Environment    jpush.Environment `json:"environment,omitempty"`
	Reason         planner.Reason    `json:"reason,omitempty"`
	AppName        string            `json:"app_name,omitempty"`
	AndroidPackage string            `json:"android_package,omitempty"`
	AppKey         string            `json:"app_key,omitempty"`
	Outcome        executor.Outcome  `json:"outcome,omitempty"`
	Attempt        int               `json:"attempt,omitempty"`
	Code           int               `json:"code,omitempty"`
	Message        string            `json:"message,omitempty"`
	Remedy         string            `json:"remedy,omitempty"`
	DelayMS        *int64            `json:"delay_ms,omitempty"`
}

// Version writes the first line.
func (l *Lines) Version(version string) error {
	return l.enc.Encode(line{Type: "version", FormatVersion: planner.FormatVersion, JPSyncVersion: version})
}

// Plan writes a line for each planned change.
func (l *Lines) Plan(p *planner.Plan) error {
	for i := range p.Actions {
		c := &p.Actions[i]
		err := l.enc.Encode(line{Type: "planned_change", Action: c.Action, App: c.App, Environment: c.Environment,
			Reason: c.Reason, AppName: c.AppName, AndroidPackage: c.AndroidPackage, AppKey: c.AppKey})
		if err != nil {
			return err
		}
	}
	return nil
}

// Event writes one event of the executor.
func (l *Lines) Event(e executor.Event) error {
	out := line{Type: string(e.Type), Action: e.Action, App: e.App, Environment: e.Environment, AppKey: e.AppKey,
		Outcome: e.Outcome, Attempt: e.Attempt, Code: e.Code, Message: e.Message, Remedy: e.Remedy}
	if out.Message == "" {
		out.Message = e.Note
	}
	if e.Type == executor.Retry {
		ms := e.Delay.Milliseconds()
		out.DelayMS = &ms
	}
	return l.enc.Encode(out)
}

// Summary writes the last line.
func (l *Lines) Summary(s Summary) error { return l.enc.Encode(s) }
