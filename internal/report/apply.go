package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"jpsync/executor"
	"jpsync/planner"
)

// EventText is an event as one line without a newline, or "" for one that only a machine
// wants to know of.
func EventText(e executor.Event, st Style) string {
	who := printable(e.App)
	if e.Environment != "" {
		who += " " + string(e.Environment)
	}
	message, _ := st.Lang.failure(e.Code, e.Message, e.Remedy)
	switch e.Type {
	case executor.Retry:
		return st.Wrap(st.paint("retry", yellow)+" ", "  ", fmt.Sprintf("%s: attempt %d failed: %s; next in %s", who, e.Attempt,
			printable(message), e.Delay.Round(10*time.Millisecond)))
	case executor.ApplyComplete:
		s := st.paint(done[e.Outcome].word, done[e.Outcome].color) + " " + who
		if e.AppKey != "" && e.Action == planner.Create {
			s += "  app key " + printable(e.AppKey)
		}
		if c := e.Certificate; c != nil {
			s += "  " + printable(c.BundleID) + ", expires " + day(c.NotAfter)
		}
		if e.Note != "" {
			s += "  (" + printable(e.Note) + ")"
		}
		return s
	case executor.ApplyErrored:
		return st.Wrap(st.paint(done[e.Outcome].word, bold, red)+" ", "  ", fmt.Sprintf("%s %s: %s", e.Action, who, printable(message)))
	}
	return ""
}

// done says each outcome in a word.
var done = map[executor.Outcome]struct{ word, color string }{
	executor.Created:      {"created", green},
	executor.Adopted:      {"adopted", yellow},
	executor.Uploaded:     {"uploaded", cyan},
	executor.AlreadyThere: {"already there", cyan},
	executor.Deleted:      {"deleted", red},
	executor.Failed:       {"failed", red},
	executor.NotStarted:   {"not started", yellow},
	executor.Unknown:      {"unknown", red},
}

// mostKeys is how many new app keys the text of a result lists.
const mostKeys = 50

// ResultText writes how an apply ended: the keys that came back, what failed and why, and last
// the counts. Why the run stopped early is not in it: that is the command's error. allKeys is
// the command that prints every key.
func ResultText(w io.Writer, p *planner.Plan, res *executor.Result, elapsed time.Duration, allKeys string, st Style) error {
	t := &resultText{Writer: bufio.NewWriter(w), st: st}
	t.keys(res.Steps, allKeys)
	t.notes(res.Steps)
	t.failures(p, res)
	t.counts(p, res, elapsed)
	return t.Flush()
}

type resultText struct {
	*bufio.Writer
	st Style
}

func (t *resultText) line(s string) { t.WriteString(s + "\n") }

func (t *resultText) keys(steps []executor.Step, allKeys string) {
	var made []*executor.Step
	more := 0
	w := widths{}
	for i := range steps {
		s := &steps[i]
		switch {
		case s.Outcome != executor.Created && s.Outcome != executor.Adopted:
		case len(made) == mostKeys:
			more++
		default:
			made = append(made, s)
			w.app = max(w.app, width(printable(s.Change.App)))
		}
	}
	if len(made) == 0 {
		return
	}
	t.line(t.st.paint("App keys:", bold))
	for _, s := range made {
		note := ""
		if s.Outcome == executor.Adopted {
			note = t.st.paint("  adopted: it existed already", yellow)
		}
		t.line("  " + pad(printable(s.Change.App), w.app) + "  " + printable(s.AppKey) + note)
	}
	if more > 0 {
		t.line(fmt.Sprintf("  and %d more: %s", more, allKeys))
	}
	t.line("")
}

func (t *resultText) notes(steps []executor.Step) {
	shown := false
	for i := range steps {
		s := &steps[i]
		if s.Note == "" || s.Outcome == executor.Adopted {
			continue
		}
		if !shown {
			t.line(t.st.paint("To know:", bold, yellow))
			shown = true
		}
		t.line(t.st.Wrap("  "+t.st.paint("!", yellow)+" ", "      ", who(s.Change)+": "+printable(s.Note)))
	}
	if shown {
		t.line("")
	}
}

func (t *resultText) failures(p *planner.Plan, res *executor.Result) {
	if len(res.Failures)+len(p.Errors) == 0 {
		return
	}
	t.line(t.st.paint("Failed:", bold, red))
	for i, f := range res.Failures {
		c := planner.Change{App: f.App, Environment: f.Environment}
		message, remedy := t.st.Lang.failure(f.Code, f.Message, f.Remedy)
		what := string(f.Action) + ": " + message
		if f.Outcome == executor.Unknown {
			what = string(f.Action) + ", outcome unknown: " + message
		}
		t.line(t.st.Wrap("  "+t.st.paint("!", bold, red)+" ", "      ", who(c)+": "+printable(what)))
		// Of failures with one remedy the last one tells it: refused credentials fail all
		// that is in flight.
		if last := i+1 == len(res.Failures) || res.Failures[i+1].Remedy != f.Remedy; last && remedy != "" {
			t.line(t.st.Wrap("      ", "      ", printable(remedy)))
		}
	}
	for _, e := range p.Errors {
		t.line(t.st.Wrap("  "+t.st.paint("!", bold, red)+" ", "      ",
			who(planner.Change{App: e.App, Environment: e.Environment})+": not sent: "+printable(e.Text())))
	}
	t.line("")
}

func who(c planner.Change) string {
	if c.Environment != "" {
		return printable(c.App) + " " + string(c.Environment)
	}
	return printable(c.App)
}

func (t *resultText) counts(p *planner.Plan, res *executor.Result, elapsed time.Duration) {
	c := res.Counts
	var parts []string
	for _, n := range []struct {
		count       int
		word, color string
	}{
		{c.Created, "created", green}, {c.Adopted, "adopted", yellow}, {c.Uploaded, "uploaded", cyan}, {c.Deleted, "deleted", red},
		{c.Recorded, "recorded", yellow}, {c.Failed + len(p.Errors), "failed", red}, {c.NotStarted, "not started", yellow},
	} {
		if n.count > 0 {
			parts = append(parts, t.st.paint(fmt.Sprintf("%d %s", n.count, n.word), bold, n.color))
		}
	}
	parts = append(parts, fmt.Sprintf("%d unchanged", p.Summary.Unchanged))
	verdict := "Applied"
	switch {
	case res.Stopped != nil || c.NotStarted > 0 || c.Failed > 0 || len(p.Errors) > 0:
		verdict = "Applied in part"
	}
	if !res.Changed() && verdict != "Applied" {
		verdict = "Nothing applied"
	}
	t.line(fmt.Sprintf("%s: %s, in %s.", verdict, strings.Join(parts, ", "), elapsed.Round(time.Millisecond)))
}
