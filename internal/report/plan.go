package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sergi/go-diff/diffmatchpatch"

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

// widths of the two columns that most lines share, so that they stand below each other.
type widths struct{ app, name int }

func columnWidths(chains [][]planner.Change) widths {
	var w widths
	for _, c := range chains {
		w.app = max(w.app, min(24, width(printable(c[0].App))))
		w.name = max(w.name, min(20, width(printable(c[0].AppName))))
	}
	return w
}

func (t *planText) chain(chain []planner.Change, w widths) {
	head := chain[0]
	lost := func(what string) string {
		return t.st.paint(what+": app key "+printable(head.AppKey)+" and its devices are lost", red)
	}
	switch {
	case head.Action == planner.Delete && len(chain) > 1:
		t.head(t.sign(planner.Delete)+"/"+t.sign(planner.Create), chain[1], w, lost("replace"))
		t.differences(head, chain[1])
		chain = chain[2:]
	case head.Action == planner.Delete:
		t.head("  "+t.sign(head.Action), head, w, lost("delete"))
		chain = chain[1:]
	case head.Action == planner.Create:
		what := "create"
		if head.GroupName != "" {
			what += " in group " + printable(head.GroupName)
		}
		t.head("  "+t.sign(head.Action), head, w, what)
		chain = chain[1:]
	default:
		t.head("   ", head, w, t.st.paint("app key "+printable(head.AppKey), dim))
	}
	for _, c := range chain {
		t.upload(c)
	}
}

// head is the line of an app: sign, id, name, package, and what becomes of it. Where that is
// too much for one line, the package begins the next.
func (t *planText) head(sign string, c planner.Change, w widths, what string) {
	names := sign + " " + t.st.paint(pad(printable(c.App), w.app), bold) + "  " + pad(printable(c.AppName), w.name)
	rest := printable(c.AndroidPackage) + "  " + what
	if t.st.Width > 0 && width(names)+2+width(rest) > t.st.Width {
		t.line(strings.TrimRight(names, " "))
		t.line(t.st.Wrap("      ", "        ", rest))
		return
	}
	t.line(names + "  " + rest)
}

// differences shows what a replacement changes besides the app key.
func (t *planText) differences(before, after planner.Change) {
	for _, d := range []struct {
		field      planner.Field
		gone, come string
	}{
		{planner.FieldAppName, before.AppName, after.AppName},
		{planner.FieldAndroidPackage, before.AndroidPackage, after.AndroidPackage},
		{planner.FieldGroupName, before.GroupName, after.GroupName},
	} {
		if d.gone != d.come {
			t.line(fmt.Sprintf("      %s %s: %s", t.st.paint("~", bold, yellow), d.field, t.change(d.gone, d.come)))
		}
	}
}

func (t *planText) upload(c planner.Change) {
	cert := c.Certificate
	line := fmt.Sprintf("      %s upload %s %s", t.sign(c.Action), pad(string(c.Environment), len("development")), printable(cert.File))
	if c.Previous == nil {
		t.line(line)
		t.line(fmt.Sprintf("          %s, expires %s", printable(cert.BundleID), t.expiry(cert.NotAfter)))
		return
	}
	how := "  (renewed)"
	if !cert.NotAfter.After(c.Previous.NotAfter) {
		how = "  (replaced)"
	}
	t.line(line + how)
	bundle := printable(cert.BundleID)
	if c.Previous.BundleID != "" && c.Previous.BundleID != cert.BundleID {
		bundle = t.change(c.Previous.BundleID, cert.BundleID)
	}
	t.line("          " + bundle)
	t.line(fmt.Sprintf("          expires      %s -> %s", day(c.Previous.NotAfter), t.expiry(cert.NotAfter)))
	t.line(fmt.Sprintf("          fingerprint  %s -> %s", short(c.Previous.Fingerprint), short(cert.Fingerprint)))
}

func (t *planText) expiry(at time.Time) string {
	left := int(at.Sub(t.now).Hours() / 24)
	switch {
	case at.Before(t.now):
		return day(at) + t.st.paint(" (expired)", red)
	case left < 30:
		return day(at) + t.st.paint(" ("+count(left, "day")+" left)", yellow)
	case left < 2*365:
		return fmt.Sprintf("%s (%s left)", day(at), count(left, "day"))
	}
	return day(at)
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
		t.line(t.st.Wrap("  "+t.st.paint("!", color)+" ", "      ", who+": "+printable(p.Message+" ["+p.Code+"]")))
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

// change shows an old and a new value, with what differs between them set off.
func (t *planText) change(before, after string) string {
	if before == "" || after == "" || !t.st.Color {
		return value(before) + " -> " + value(after)
	}
	dmp := diffmatchpatch.New()
	var from, to strings.Builder
	for _, d := range dmp.DiffCleanupSemantic(dmp.DiffMain(printable(before), printable(after), false)) {
		switch d.Type {
		case diffmatchpatch.DiffDelete:
			from.WriteString(t.st.paint(d.Text, red))
		case diffmatchpatch.DiffInsert:
			to.WriteString(t.st.paint(d.Text, green))
		case diffmatchpatch.DiffEqual:
			from.WriteString(d.Text)
			to.WriteString(d.Text)
		}
	}
	return from.String() + " -> " + to.String()
}

func value(s string) string {
	if s == "" {
		return "(unset)"
	}
	return printable(s)
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
