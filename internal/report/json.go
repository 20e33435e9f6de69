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
