package report

import (
	"fmt"
	"io"
	"strings"

	"jpsync/planner"
)

// MaxMarkdown is the most bytes that [PlanMarkdown] writes. A pull request's comment holds
// 65,536 characters; the rest is for what somebody puts around it.
const MaxMarkdown = 60_000

// PlanMarkdown writes a plan for a pull request: the counts, what stands in the way, and the
// changes as a folded table. What does not fit is counted.
func PlanMarkdown(w io.Writer, p *planner.Plan) error {
	m := &markdown{}
	m.title(p)
	m.section("In the state alone, nothing is sent", recordRows(p.Records))
	m.section("Conflicts, which only a person can settle", conflictRows(p.Conflicts))
	m.section("Certificates that must not be sent", problemRows(p.Errors))
	m.section("Warnings", problemRows(p.Warnings))
	m.changes(p.Actions)
	_, err := io.WriteString(w, m.String())
	return err
}

type markdown struct{ strings.Builder }

func (m *markdown) title(p *planner.Plan) {
	s := p.Summary
	if !p.Pending() && s.Conflicts == 0 && len(p.Errors) == 0 {
		fmt.Fprintf(m, "### jpsync: no changes\n\n%s as recorded.%s\n", isAre(s.Unchanged, "app"), leftOut(p.LeftOut))
		return
	}
	fmt.Fprintf(m, "### jpsync: %d to create, %d to upload, %d to delete\n\n%d unchanged", s.Create, s.Upload, s.Delete, s.Unchanged)
	if s.Conflicts > 0 {
		fmt.Fprintf(m, ", **%s**", count(s.Conflicts, "conflict"))
	}
	if n := len(p.Errors); n > 0 {
		fmt.Fprintf(m, ", **%s**", count(n, "certificate error"))
	}
	fmt.Fprintf(m, ".%s\n", leftOut(p.LeftOut))
	if s.Delete > 0 {
		m.WriteString("\n**Deleting an app is final: its app key and its registered devices are lost.**\n")
	}
}

// room kept for the end of a table that is cut, and for the sections that may follow.
const reserve = 200

// share is how much of the whole each list of remarks may take.
const share = MaxMarkdown / 6

func (m *markdown) section(title string, rows []string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(m, "\n**%s**\n\n", title)
	limit := m.Len() + share
	for i, row := range rows {
		if m.Len()+len(row) > limit {
			fmt.Fprintf(m, "- and %d more\n", len(rows)-i)
			return
		}
		m.WriteString(row)
	}
}

func recordRows(records []planner.Record) []string {
	var rows []string
	for _, r := range records {
		if !r.Quiet() {
			rows = append(rows, fmt.Sprintf("- **%s** %s: %s -> %s\n", cell(r.App), cell(string(r.Field)), cell(value(r.Recorded)), cell(value(r.Desired))))
		}
	}
	return rows
}

func conflictRows(conflicts []planner.Conflict) []string {
	rows := make([]string, len(conflicts))
	for i, c := range conflicts {
		rows[i] = fmt.Sprintf("- **%s** %s: %s\n", cell(c.App), cell(string(c.Field)), text(c.Message))
	}
	return rows
}

func problemRows(problems []planner.Problem) []string {
	rows := make([]string, len(problems))
	for i, p := range problems {
		who := "**" + cell(p.App) + "**"
		if p.Environment != "" {
			who += " " + cell(string(p.Environment))
		}
		rows[i] = fmt.Sprintf("- %s: %s %s\n", who, text(p.Message), code(p.Code))
	}
	return rows
}

func (m *markdown) changes(actions []planner.Change) {
	if len(actions) == 0 {
		return
	}
	fmt.Fprintf(m, "\n<details><summary>%s</summary>\n\n| | app | name | package | what |\n|---|---|---|---|---|\n", count(len(actions), "change"))
	for i, c := range actions {
		row := fmt.Sprintf("| %s | %s | %s | %s | %s |\n", symbols[c.Action].sign, cell(c.App), cell(c.AppName), cell(c.AndroidPackage), what(c))
		if m.Len()+len(row)+reserve > MaxMarkdown {
			fmt.Fprintf(m, "\nand %d more changes, see the job's log\n", len(actions)-i)
			break
		}
		m.WriteString(row)
	}
	m.WriteString("\n</details>\n")
}

func what(c planner.Change) string {
	switch c.Action {
	case planner.Upload:
		s := fmt.Sprintf("upload %s %s, expires %s", c.Environment, code(c.Certificate.File), day(c.Certificate.NotAfter))
		if c.Previous != nil {
			s += " (was " + day(c.Previous.NotAfter) + ")"
		}
		return s
	case planner.Delete:
		return fmt.Sprintf("**%s**, app key %s", deleteWord(c.Reason), code(c.AppKey))
	}
	return string(c.Action)
}

func deleteWord(r planner.Reason) string {
	if r == planner.Replace {
		return "delete, to be created anew"
	}
	return "delete"
}

// The most columns of a name and of a message that are shown.
const (
	nameColumns    = 200
	messageColumns = 1000
)

// cell makes a name safe inside a table: no pipe ends the cell, nothing begins markup, and no
// name mentions a user.
func cell(s string) string { return escapes.Replace(cut(printable(s), nameColumns)) }

// text is cell for a sentence, which may be longer: what settles a conflict stands at its end.
func text(s string) string { return escapes.Replace(cut(printable(s), messageColumns)) }

var escapes = strings.NewReplacer("\\", "\\\\", "|", "\\|", "&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "\\`", "*", "\\*", "_", "\\_",
	"~", "\\~", "$", "\\$", "[", "\\[", "]", "\\]", "@", "@\u200b", "#", "\\#")

// code shows a name literally in a code span, where nothing is markup but the backtick: the
// span's fence is longer than every run of them in the name. In a table GitHub looks for
// pipes before it looks for code, so they are escaped even here. That cannot be said of a
// pipe after a backslash, so such a name is shown without a span.
func code(s string) string {
	s = cut(printable(s), nameColumns)
	if s == "" {
		return ""
	}
	if strings.Contains(s, "\\|") || strings.HasSuffix(s, "\\") {
		return escapes.Replace(s)
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	s = strings.ReplaceAll(s, "|", "\\|")
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") {
		s = " " + s + " "
	}
	return fence + s + fence
}
