package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/planner"
)

// JSON writes v as one indented JSON value.
func JSON(w io.Writer, v any) error { return writeJSON(w, v, "  ") }

func writeJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(EscapeControls(b.Bytes()))
	return err
}

// EscapeControls escapes in JSON what would control a terminal and encoding/json leaves as it
// is: DEL, the C1 controls, and what changes the direction of reading.
func EscapeControls(data []byte) []byte {
	escaped := make([]byte, 0, len(data))
	for _, r := range string(data) {
		if r >= 0x7f && control(r) {
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		} else {
			escaped = utf8.AppendRune(escaped, r)
		}
	}
	return escaped
}

// PlanJSON writes a plan for programs to read, as one indented JSON object. What an apply
// needs besides, such as the paths of certificates, is in saved plans only.
func PlanJSON(w io.Writer, p *planner.Plan) error {
	shown := *p
	shown.OnExisting = ""
	shown.Changes = orEmpty(slices.Clone(p.Changes))
	for i := range shown.Changes {
		if c := shown.Changes[i].Certificate; c != nil {
			shown.Changes[i].Certificate = &planner.Certificate{File: c.File, Fingerprint: c.Fingerprint, BundleID: c.BundleID, NotAfter: c.NotAfter}
		}
	}
	return JSON(w, shown)
}

// change is a change in JSON: as it is planned, on its way, or done. Fields that do not apply
// are left out.
type change struct {
	Type           string            `json:"type,omitempty"` // of a line
	Action         planner.Action    `json:"action"`
	App            string            `json:"app"`
	Environment    jpush.Environment `json:"environment,omitempty"`
	Reason         planner.Reason    `json:"reason,omitempty"`
	AppName        string            `json:"app_name,omitempty"`
	AndroidPackage string            `json:"android_package,omitempty"`
	AppKey         string            `json:"app_key,omitempty"`
	Outcome        executor.Outcome  `json:"outcome,omitempty"`
	Attempt        int               `json:"attempt,omitempty"`  // of an event
	Attempts       int               `json:"attempts,omitempty"` // in all
	Code           int               `json:"code,omitempty"`
	Message        string            `json:"message,omitempty"`
	Remedy         string            `json:"remedy,omitempty"`
	DelayMS        *int64            `json:"delay_ms,omitempty"` // of a retry
}

func planned(c *planner.Change) change {
	return change{Action: c.Action, App: c.App, Environment: c.Environment, Reason: c.Reason,
		AppName: c.AppName, AndroidPackage: c.AndroidPackage, AppKey: c.AppKey}
}

// RunJSON writes an apply as one indented JSON object: what became of each change, what stood
// in the way, and the summary, whose fields are those of [SummaryLine]. Messages
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

// changes are the planned changes with what became of them.
func (r Run) changes() []change {
	list := make([]change, len(r.Plan.Changes))
	for i := range list {
		list[i] = planned(&r.Plan.Changes[i])
		list[i].Outcome = executor.NotStarted
		if r.Result == nil {
			continue
		}
		s := &r.Result.Steps[i]
		list[i].AppKey, list[i].Outcome, list[i].Attempts, list[i].Code = s.AppKey, s.Outcome, s.Attempts, s.Code
		list[i].Message = cmp.Or(s.Message(), s.Note)
		if s.Outcome != executor.NotStarted {
			list[i].Remedy = s.Remedy
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

// The lines of an apply in JSON follow, one object each.

// VersionLine writes the first line.
func VersionLine(w io.Writer, version string) error {
	return writeJSON(w, struct {
		Type          string `json:"type"`
		FormatVersion int    `json:"format_version"`
		JPSyncVersion string `json:"jpsync_version"`
	}{"version", planner.FormatVersion, version}, "")
}

// PlanLines writes a line for each planned change.
func PlanLines(w io.Writer, p *planner.Plan) error {
	for i := range p.Changes {
		line := planned(&p.Changes[i])
		line.Type = "planned_change"
		if err := writeJSON(w, line, ""); err != nil {
			return err
		}
	}
	return nil
}

// EventLine writes one event of the executor.
func EventLine(w io.Writer, e executor.Event) error {
	line := change{Type: string(e.Type), Action: e.Action, App: e.App, Environment: e.Environment, AppKey: e.AppKey,
		Outcome: e.Outcome, Attempt: e.Attempts, Code: e.Code, Message: cmp.Or(e.Message(), e.Note), Remedy: e.Remedy}
	if e.Type == executor.Retry {
		ms := e.Delay.Milliseconds()
		line.DelayMS = &ms
	}
	return writeJSON(w, line, "")
}

// SummaryLine writes the last line.
func SummaryLine(w io.Writer, s Summary) error { return writeJSON(w, s, "") }
