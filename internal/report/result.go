package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"jpsync/executor"
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
	Lang    Language
}

// outcomes are the words for outcomes.
var outcomes = map[executor.Outcome]struct{ word, color string }{
	executor.Created:      {"created", green},
	executor.Adopted:      {"adopted", yellow},
	executor.Uploaded:     {"uploaded", cyan},
	executor.AlreadyThere: {"already there", cyan},
	executor.Deleted:      {"deleted", red},
	executor.Failed:       {"failed", red},
	executor.NotStarted:   {"not started", yellow},
	executor.Unknown:      {"unknown", red},
}

// EventText returns an event as a line without a newline, or "" for an event that only
// programs need. It is short: keys, notes, whole error messages and remedies are in the
// result, see [ResultText].
func EventText(e executor.Event, st Style) string {
	app := Printable(Place(e.App, string(e.Environment)))
	outcome := outcomes[e.Outcome]
	switch e.Type {
	case executor.Retry:
		message, _ := st.Lang.failure(e.Step)
		return st.Wrap(st.paint("retry", yellow)+" ", "  ", fmt.Sprintf("%s: attempt %d failed: %s; next in %s", app, e.Attempts,
			Printable(message), e.Delay.Round(10*time.Millisecond)))
	case executor.ApplyComplete:
		line := st.paint(outcome.word, outcome.color) + " " + app
		if c := e.Certificate; c != nil {
			line += "  " + Printable(c.BundleID) + ", expires " + day(c.NotAfter)
		}
		return line
	case executor.ApplyErrored:
		line := string(e.Action) + " " + app
		if reason := st.Lang.Reason(e.Err); reason != "" {
			line += ": " + Printable(reason)
		}
		return st.Wrap(st.paint(outcome.word, bold, outcome.color)+" ", "  ", line)
	}
	return ""
}

// maxKeys is how many new app keys the text of a result lists.
const maxKeys = 50

// ResultText writes how an apply ended: the app keys, the notes, what failed, and last the
// counts. Why the run stopped early is left to the command's error.
func ResultText(w io.Writer, r Run, st Style) error {
	t := newText(w, st)
	t.keys(r)
	t.sections(noteSection(r.Result), failedSection(r.Plan, r.Result, st.Lang))
	verdict := r.verdict()
	elapsed := time.Duration(r.Summary.ElapsedMS) * time.Millisecond
	t.line(fmt.Sprintf("%s: %s, in %s.", strings.ToUpper(verdict[:1])+verdict[1:], r.counts(st), elapsed))
	return t.Flush()
}

func (t *textWriter) keys(r Run) {
	made := r.made()
	if len(made) == 0 {
		return
	}
	t.line(t.st.paint("App keys:", bold))
	shown := made[:min(maxKeys, len(made))]
	var c columns
	for _, s := range shown {
		c.fit("  " + Printable(s.App))
	}
	for _, s := range shown {
		key := Printable(s.AppKey)
		if s.Outcome == executor.Adopted {
			key += t.st.paint("  adopted: it existed already", yellow)
		}
		t.line(c.row("  "+Printable(s.App), key))
	}
	if more := len(made) - len(shown); more > 0 {
		t.line(fmt.Sprintf("  and %d more: %s", more, r.AllKeys))
	}
	t.line("")
}

// made returns the steps that brought an app key.
func (r Run) made() []*executor.Step {
	var made []*executor.Step
	for i := range r.Result.Steps {
		if s := &r.Result.Steps[i]; s.Outcome == executor.Created || s.Outcome == executor.Adopted {
			made = append(made, s)
		}
	}
	return made
}

// counts are the numbers of a run, without those that are zero.
func (r Run) counts(st Style) string {
	s := r.Summary
	var parts []string
	for _, c := range []struct {
		n           int
		word, color string
	}{
		{s.Created, "created", green}, {s.Adopted, "adopted", yellow}, {s.Uploaded, "uploaded", cyan}, {s.Deleted, "deleted", red},
		{s.Recorded, "recorded", yellow}, {s.Failed, "failed", red}, {s.NotStarted, "not started", yellow},
	} {
		if c.n > 0 {
			parts = append(parts, st.paint(fmt.Sprintf("%d %s", c.n, c.word), bold, c.color))
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("%d unchanged", s.Unchanged)), ", ")
}

// verdict says how much of the plan was applied.
func (r Run) verdict() string {
	s, res := r.Summary, r.Result
	complete := r.Err == nil && s.Failed == 0 && s.NotStarted == 0 && (res == nil || res.Stopped == nil)
	switch {
	case complete:
		return "applied"
	case res != nil && res.Changed():
		return "applied in part"
	}
	return "nothing applied"
}

// IncompleteError is what an apply ends with if changes failed and nothing stopped the run.
// The result names the changes.
type IncompleteError struct {
	Failed, NotStarted int
	Again              string // what to do once the cause is corrected
}

func (e *IncompleteError) Error() string {
	text := fmt.Sprintf("%d failed", e.Failed)
	if e.NotStarted > 0 {
		text += fmt.Sprintf(" and %d not started", e.NotStarted)
	}
	return text + ": correct the cause and " + e.Again
}

// Summary is the last line of an apply in JSON. Failed counts certificate errors as well.
type Summary struct {
	Type string `json:"type"`
	executor.Counts
	Unchanged int    `json:"unchanged"`
	ElapsedMS int64  `json:"elapsed_ms"`
	ExitCode  int    `json:"exit_code"`
	Message   string `json:"message,omitempty"` // why the run stopped early
}

// NewSummary counts a run. res is nil if nothing was sent.
func NewSummary(p *planner.Plan, res *executor.Result, elapsed time.Duration, exitCode int) Summary {
	s := Summary{Type: "summary", Unchanged: p.Summary.Unchanged, ElapsedMS: elapsed.Milliseconds(), ExitCode: exitCode}
	if res == nil {
		s.Counts.NotStarted = len(p.Changes)
	} else {
		s.Counts = res.Counts
		if res.Stopped != nil {
			s.Message = res.Stopped.Err.Error()
		}
	}
	s.Counts.Failed += len(p.Errors)
	return s
}
