package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"jpsync/planner"
)

// PlanText writes a plan for a person to review: what would change, what stands in the way,
// what to know, and last the counts. now is the time that days left are counted from.
func PlanText(w io.Writer, p *planner.Plan, st Style, now time.Time) error {
	t := &planText{Writer: bufio.NewWriter(w), st: st, now: now}
	t.actions(p)
	t.records(p.Records)
	t.conflicts(p.Conflicts)
	t.problems("Certificates that must not be sent", red, p.Errors)
	t.problems("Warnings", yellow, p.Warnings)
	t.counts(p)
	return t.Flush()
}

type planText struct {
	*bufio.Writer
	st  Style
	now time.Time
}

func (t *planText) line(s string) { t.WriteString(s + "\n") }

// symbols mark the actions; a replacement has both of the last two.
var symbols = map[planner.Action]struct{ sign, color string }{
	planner.Create: {"+", green},
	planner.Upload: {"^", cyan},
	planner.Delete: {"-", red},
}

func (t *planText) sign(a planner.Action) string {
	s := symbols[a]
	return t.st.paint(s.sign, bold, s.color)
}

func (t *planText) actions(p *planner.Plan) {
	if len(p.Actions) == 0 {
		return
	}
	where := printable(p.Endpoint)
	if p.Account != "" {
		where += ", account " + printable(p.Account)
	}
	t.line(t.st.Wrap("", "", "At "+where+", jpsync would"))
	t.line("")
	chains := p.Chains()
	widest := columnWidths(chains)
	for _, chain := range chains {
		t.chain(chain, widest)
	}
	t.line("")
}

func (t *planText) records(records []planner.Record) {
	shown := false
	for _, r := range records {
		if r.Quiet() {
			continue
		}
		if !shown {
			t.line("In the state alone, nothing is sent:")
			shown = true
		}
		t.line(fmt.Sprintf("  %s %s  %s: %s", t.st.paint("~", bold, yellow), printable(r.App), r.Field, t.change(r.Recorded, r.Desired)))
	}
	if shown {
		t.line("")
	}
}

func (t *planText) conflicts(conflicts []planner.Conflict) {
	if len(conflicts) == 0 {
		return
	}
	t.line(t.st.paint("Conflicts, which only a person can settle:", bold, red))
	for _, c := range conflicts {
		t.line(fmt.Sprintf("  %s %s  %s: %s", t.st.paint("!", bold, red), t.st.paint(printable(c.App), bold), c.Field, t.change(c.Recorded, c.Desired)))
		t.line(t.st.Wrap("      ", "      ", printable(c.Message)))
	}
	t.line("")
}

func (t *planText) problems(title, color string, problems []planner.Problem) {
	if len(problems) == 0 {
		return
	}
	t.line(t.st.paint(title+":", bold, color))
	for _, p := range problems {
		who := printable(p.App)
		if p.Environment != "" {
			who += " " + printable(string(p.Environment))
		}
		t.line(t.st.Wrap("  "+t.st.paint("!", color)+" ", "      ", who+": "+printable(p.Text())))
	}
	t.line("")
}

func (t *planText) counts(p *planner.Plan) {
	s := p.Summary
	if !p.Pending() && s.Conflicts == 0 && len(p.Errors) == 0 {
		t.line(fmt.Sprintf("No changes: %s as recorded.%s", isAre(s.Unchanged, "app"), leftOut(p.LeftOut)))
		return
	}
	parts := []string{
		t.st.paint(fmt.Sprintf("%d to create", s.Create), emphasis(s.Create, green)...),
		t.st.paint(fmt.Sprintf("%d to upload", s.Upload), emphasis(s.Upload, cyan)...),
		t.st.paint(fmt.Sprintf("%d to delete", s.Delete), emphasis(s.Delete, red)...),
		fmt.Sprintf("%d unchanged", s.Unchanged),
	}
	if s.Conflicts > 0 {
		parts = append(parts, t.st.paint(count(s.Conflicts, "conflict"), bold, red))
	}
	if n := len(p.Errors); n > 0 {
		parts = append(parts, t.st.paint(count(n, "certificate error"), bold, red))
	}
	t.line("Plan: " + strings.Join(parts, ", ") + "." + leftOut(p.LeftOut))
}

func leftOut(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" %s with changes left out on request.", count(n, "app"))
}

func emphasis(n int, color string) []string {
	if n == 0 {
		return []string{dim}
	}
	return []string{bold, color}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func isAre(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %ss are", n, what)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// short shows enough of a fingerprint to compare by eye.
func short(fingerprint string) string {
	if len(fingerprint) > 16 {
		return fingerprint[:16]
	}
	return fingerprint
}

// ProblemsText writes the certificate errors and the warnings of a plan, and nothing else.
func ProblemsText(w io.Writer, p *planner.Plan, st Style) error {
	t := &planText{Writer: bufio.NewWriter(w), st: st}
	t.problems("Certificates that must not be sent", red, p.Errors)
	t.problems("Warnings", yellow, p.Warnings)
	return t.Flush()
}
