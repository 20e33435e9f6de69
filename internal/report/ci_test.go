package report_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"jpsync/executor"
	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/planner"
)

func TestAnnotate(t *testing.T) {
	for _, c := range []struct {
		level   report.Level
		at      manifest.Position
		message string
		want    string
	}{
		{report.LevelError, manifest.Position{File: "push/jpsync.yaml", Line: 3, Column: 7}, "unknown key",
			"::error file=push/jpsync.yaml,line=3,col=7::unknown key\n"},
		{report.LevelWarning, manifest.Position{File: "a,b:c%.yaml", Line: 3}, "50%\r\n::error::no",
			"::warning file=a%2Cb%3Ac%25.yaml,line=3::50%25%0D%0A::error::no\n"},
		{report.LevelError, manifest.Position{File: "teams"}, "x", "::error file=teams::x\n"},
		{report.LevelError, manifest.Position{File: "teams"}, "x\x1b[2J\u009b\ny", "::error file=teams::x\uFFFD[2J\uFFFD%0Ay\n"},
		{report.LevelError, manifest.Position{Line: 3}, "x", "::error::x\n"},
	} {
		require.Equal(t, c.want, written(t, func(w io.Writer) error { return report.Annotate(w, c.level, c.at, c.message) }))
	}
}

func TestMask(t *testing.T) {
	for secret, want := range map[string]string{
		"hunter2%":           "::add-mask::hunter2%25\n",
		"line one\r\nline 2": "::add-mask::line one\n::add-mask::line 2\n",
		"abc":                "", // its holes would spell it
		"":                   "",
	} {
		require.Equal(t, want, written(t, func(w io.Writer) error { return report.Mask(w, secret) }))
	}
}

// GitHub's runner obeys ::name:: at the beginning of a line, after spaces too, and ##[name]
// anywhere in it. What a manifest or a server calls itself must come to neither.
func TestNamesCommandNoRunner(t *testing.T) {
	for _, name := range []string{"::add-mask::a", "  ::error::b", "x ##[set-output name=changes]false", "##[error]", "####[[stop-commands]x"} {
		p := &planner.Plan{Changes: []planner.Change{change(planner.Create, name, name, name)}, Conflicts: []planner.Conflict{{App: name, Message: name}},
			Warnings: []planner.Problem{{App: name, Message: name}}}
		res := &executor.Result{Steps: []executor.Step{{Change: p.Changes[0], Outcome: executor.Created, Note: name}},
			Failures: []executor.Step{{Change: p.Changes[0], Err: errors.New(name), Remedy: name}}}
		res.Steps[0].AppKey = name
		text := written(t, func(w io.Writer) error {
			for _, kind := range []executor.EventType{executor.Retry, executor.ApplyComplete, executor.ApplyErrored} {
				io.WriteString(w, report.EventText(executor.Event{Type: kind, Step: executor.Step{Change: planner.Change{App: name}, Err: errors.New(name), Note: name}}, report.Style{})+"\n")
			}
			report.Finding(w, report.Style{}, report.Trouble, "state", name, name)
			return report.ResultText(w, report.Run{Plan: p, Result: res}, report.Style{})
		}) + written(t, func(w io.Writer) error { return report.PlanText(w, p, report.Style{}, now) })
		require.NotContains(t, text, "##[")
		for line := range strings.Lines(text) {
			require.False(t, strings.HasPrefix(strings.TrimSpace(line), "::"), line)
		}
	}
}
