package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sergi/go-diff/diffmatchpatch"

	"jpsync/planner"
)

// PlanText writes a plan for a person to review: the changes, the remarks, and last the
// counts. Days left are counted from now.
func PlanText(w io.Writer, p *planner.Plan, st Style, now time.Time) error {
	t := &planText{newText(w, st), now}
	t.changes(p)
	t.sections(planSections(p)...)
	t.counts(p)
	return t.Flush()
}

// ProblemsText writes the certificate errors and the warnings of a plan, and nothing else.
func ProblemsText(w io.Writer, p *planner.Plan, st Style) error {
	t := newText(w, st)
	t.sections(problemSections(p)...)
	return t.Flush()
}

type planText struct {
	*textWriter
	now time.Time
}

// signs mark the actions. A replacement has those of a delete and a create.
var signs = map[planner.Action]struct{ sign, color string }{
	planner.Create: {"+", green},
	planner.Upload: {"^", cyan},
	planner.Delete: {"-", red},
}

func (t *planText) sign(a planner.Action) string {
	return t.st.paint(signs[a].sign, bold, signs[a].color)
}

// The most columns that ids and names are padded to. Longer ones move what follows them.
const (
	maxIDColumn   = 24
	maxNameColumn = 20
)

func (t *planText) changes(p *planner.Plan) {
	if len(p.Changes) == 0 {
		return
	}
	where := Printable(p.Endpoint)
	if p.Account != "" {
		where += ", account " + Printable(p.Account)
	}
	t.line(t.st.Wrap("", "", "At "+where+", jpsync would") + "\n")
	apps := p.Chains()
	var c columns
	for _, steps := range apps {
		c.fit("-/+ "+Printable(steps[0].App), Printable(steps[0].AppName))
	}
	c[0], c[1] = min(len("-/+ ")+maxIDColumn, c[0]), min(maxNameColumn, c[1])
	for _, steps := range apps {
		t.app(steps, c)
	}
	t.line("")
}

// app writes what becomes of one app.
func (t *planText) app(steps []planner.Change, c columns) {
	first := steps[0]
	lost := t.st.paint(": app key "+Printable(first.AppKey)+" and its devices are lost", red)
	switch {
	case first.Action == planner.Delete && len(steps) > 1:
		t.head(t.sign(planner.Delete)+"/"+t.sign(planner.Create), steps[1], c, t.st.paint("replace", red)+lost)
		t.differences(first, steps[1])
		steps = steps[2:]
	case first.Action == planner.Delete:
		t.head("  "+t.sign(first.Action), first, c, t.st.paint("delete", red)+lost)
		steps = steps[1:]
	case first.Action == planner.Create:
		what := "create"
		if first.GroupName != "" {
			what += " in group " + Printable(first.GroupName)
		}
		t.head("  "+t.sign(first.Action), first, c, what)
		steps = steps[1:]
	default:
		t.head("   ", first, c, t.st.paint("app key "+Printable(first.AppKey), dim))
	}
	for _, upload := range steps {
		t.upload(upload)
	}
}

// head is the first line of an app: sign, id, name, package, and what is done. If that is
// wider than the terminal, the package begins a second line.
func (t *planText) head(sign string, change planner.Change, c columns, what string) {
	id, name := sign+" "+t.st.paint(Printable(change.App), bold), Printable(change.AppName)
	rest := Printable(change.AndroidPackage) + "  " + what
	line := c.row(id, name, rest)
	if t.st.Width > 0 && width(line) > t.st.Width {
		line = c.row(id, name) + "\n" + t.st.Wrap("      ", "        ", rest)
	}
	t.line(line)
}

// differences shows what a replacement changes besides the app key.
func (t *planText) differences(before, after planner.Change) {
	for _, d := range []struct {
		field         planner.Field
		before, after string
	}{
		{planner.FieldAppName, before.AppName, after.AppName},
		{planner.FieldAndroidPackage, before.AndroidPackage, after.AndroidPackage},
		{planner.FieldGroupName, before.GroupName, after.GroupName},
	} {
		if d.before != d.after {
			t.line(fmt.Sprintf("      %s %s: %s", t.st.paint("~", bold, yellow), d.field, t.diff(d.before, d.after)))
		}
	}
}

func (t *planText) upload(change planner.Change) {
	cert, previous := change.Certificate, change.Previous
	line := fmt.Sprintf("      %s upload %s %s", t.sign(change.Action), pad(string(change.Environment), len("development")), Printable(cert.File))
	if previous == nil {
		t.line(line)
		t.line(fmt.Sprintf("          %s, expires %s", Printable(cert.BundleID), t.expiry(cert.NotAfter)))
		return
	}
	how := "renewed"
	if !cert.NotAfter.After(previous.NotAfter) {
		how = "replaced"
	}
	bundle := Printable(cert.BundleID)
	if previous.BundleID != "" && previous.BundleID != cert.BundleID {
		bundle = t.diff(previous.BundleID, cert.BundleID)
	}
	t.line(line + "  (" + how + ")")
	t.line("          " + bundle)
	t.line(fmt.Sprintf("          expires      %s -> %s", day(previous.NotAfter), t.expiry(cert.NotAfter)))
	t.line(fmt.Sprintf("          fingerprint  %.16s -> %.16s", previous.Fingerprint, cert.Fingerprint))
}

// expiry adds the days that are left, unless they are many.
func (t *planText) expiry(notAfter time.Time) string {
	left := planner.DaysLeft(notAfter, t.now)
	switch {
	case notAfter.Before(t.now):
		return day(notAfter) + t.st.paint(" (expired)", red)
	case left < 30:
		return day(notAfter) + t.st.paint(" ("+Plural(left, "day")+" left)", yellow)
	case left < 2*365:
		return fmt.Sprintf("%s (%s left)", day(notAfter), Plural(left, "day"))
	}
	return day(notAfter)
}

// diff shows an old and a new value. With colour, the characters that differ stand out.
func (t *planText) diff(before, after string) string {
	before, after = Printable(value(before)), Printable(value(after))
	if !t.st.Color {
		return before + " -> " + after
	}
	dmp := diffmatchpatch.New()
	var from, to strings.Builder
	for _, d := range dmp.DiffCleanupSemantic(dmp.DiffMain(before, after, false)) {
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

func (t *planText) counts(p *planner.Plan) {
	if unchanged(p) {
		t.line("No changes: " + asRecorded(p))
		return
	}
	counted := func(n int, what, color string) string {
		if n == 0 {
			return t.st.paint("0 "+what, dim)
		}
		return t.st.paint(fmt.Sprintf("%d %s", n, what), bold, color)
	}
	s := p.Summary
	parts := []string{counted(s.Create, "to create", green), counted(s.Upload, "to upload", cyan), counted(s.Delete, "to delete", red),
		fmt.Sprintf("%d unchanged", s.Unchanged)}
	if s.Conflicts > 0 {
		parts = append(parts, t.st.paint(Plural(s.Conflicts, "conflict"), bold, red))
	}
	if n := len(p.Errors); n > 0 {
		parts = append(parts, t.st.paint(Plural(n, "certificate error"), bold, red))
	}
	t.line("Plan: " + strings.Join(parts, ", ") + "." + leftOut(p))
}

// unchanged reports whether there is nothing to do and nothing to correct.
func unchanged(p *planner.Plan) bool {
	return !p.HasChanges() && p.Summary.Conflicts == 0 && len(p.Errors) == 0
}

func asRecorded(p *planner.Plan) string {
	return PluralIs(p.Summary.Unchanged, "app") + " as recorded." + leftOut(p)
}

func leftOut(p *planner.Plan) string {
	if p.LeftOut == 0 {
		return ""
	}
	return fmt.Sprintf(" %s with changes left out on request.", Plural(p.LeftOut, "app"))
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
