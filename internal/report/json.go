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

// planned is a plan as plan --format json shows it: a certificate is what is in it, and how
// an apply gets at the file again is left to saved plans.
type planned struct {
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
	shown.OnExisting = "" // how to apply it, which is for saved plans
	out := planned{Plan: &shown, Actions: make([]plannedChange, len(p.Actions))}
	for i := range p.Actions {
		out.Actions[i].Change = &p.Actions[i]
		if c := p.Actions[i].Certificate; c != nil {
			out.Actions[i].Certificate = &plannedCertificate{c.File, c.Fingerprint, c.BundleID, c.NotAfter}
		}
	}
	return JSON(w, out)
}

// Lines writes what happens during an apply as JSON, one object per line. Its methods are
// called one after the other, as the executor delivers events.
type Lines struct{ enc *json.Encoder }

// NewLines returns Lines that write to w.
func NewLines(w io.Writer) *Lines {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &Lines{enc}
}

// line is every kind of line; what does not apply is left out.
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

// Summary is the last line of an apply, and its machine-readable result.
type Summary struct {
	Type       string `json:"type"`
	Created    int    `json:"created"`
	Adopted    int    `json:"adopted"`
	Uploaded   int    `json:"uploaded"`
	Deleted    int    `json:"deleted"`
	Unchanged  int    `json:"unchanged"`
	Failed     int    `json:"failed"`
	NotStarted int    `json:"not_started"`
	ElapsedMS  int64  `json:"elapsed_ms"`
	ExitCode   int    `json:"exit_code"`
	Message    string `json:"message,omitempty"` // why the run stopped early
}

// NewSummary counts up a run. res is nil for one that sent nothing.
func NewSummary(p *planner.Plan, res *executor.Result, elapsed time.Duration, exitCode int) Summary {
	s := Summary{Type: "summary", Unchanged: p.Summary.Unchanged, ElapsedMS: elapsed.Milliseconds(), ExitCode: exitCode}
	if res == nil {
		s.NotStarted, s.Failed = len(p.Actions), len(p.Errors)
		return s
	}
	c := res.Counts
	s.Created, s.Adopted, s.Uploaded, s.Deleted = c.Created, c.Adopted, c.Uploaded, c.Deleted
	s.Failed, s.NotStarted = c.Failed+len(p.Errors), c.NotStarted
	if res.Stopped != nil {
		s.Message = res.Stopped.Err.Error()
	}
	return s
}

// Summary writes the last line.
func (l *Lines) Summary(s Summary) error { return l.enc.Encode(s) }
