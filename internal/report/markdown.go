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

func conflictRows(conflicts []planner.Conflict) []string {
	rows := make([]string, len(conflicts))
	for i, c := range conflicts {
		rows[i] = fmt.Sprintf("- **%s** %s: %s\n", cell(c.App), c.Field, cell(c.Message))
	}
	return rows
}

func problemRows(problems []planner.Problem) []string {
	rows := make([]string, len(problems))
	for i, p := range problems {
		rows[i] = fmt.Sprintf("- **%s** %s: %s `%s`\n", cell(p.App), p.Environment, cell(p.Message), p.Code)
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
		s := fmt.Sprintf("upload %s `%s`, expires %s", c.Environment, strings.ReplaceAll(cell(c.Certificate.File), "`", "'"), day(c.Certificate.NotAfter))
		if c.Previous != nil {
			s += " (was " + day(c.Previous.NotAfter) + ")"
		}
		return s
	case planner.Delete:
		return fmt.Sprintf("**%s**, app key `%s`", deleteWord(c.Reason), cell(c.AppKey))
	}
	return string(c.Action)
}

func deleteWord(r planner.Reason) string {
	if r == planner.Replace {
		return "delete, to be created anew"
	}
	return "delete"
}

// cell makes text safe inside a table: no pipe ends the cell, no bracket begins markup, and
// no name mentions a user.
func cell(s string) string {
	return escapes.Replace(cut(printable(s), 400))
}

var escapes = strings.NewReplacer("|", "\\|", "<", "&lt;", ">", "&gt;", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "@", "@\u200b", "#", "\\#")
