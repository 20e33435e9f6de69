package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/sergi/go-diff/diffmatchpatch"

	"jpsync/planner"
)

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
