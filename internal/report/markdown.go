package report

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"jpsync/executor"
	"jpsync/planner"
)

// MaxMarkdown is the most bytes that [PlanMarkdown] and [RunMarkdown] write. A comment in a
// pull request holds 65,536 characters; the rest is for what a caller puts around it.
const MaxMarkdown = 60_000

// maxSection is the most bytes of each list of remarks. reserve is kept for the end of a table
// that is cut.
const (
	maxSection = MaxMarkdown / 6
	reserve    = 200
)

// The most columns of a name and of a sentence. A conflict's remedy stands at the end of its
// sentence.
const (
	maxName     = 200
	maxSentence = 1000
)

// PlanMarkdown writes a plan for a pull request: the counts, the remarks, and the changes as a
// folded table. What does not fit is counted.
func PlanMarkdown(w io.Writer, p *planner.Plan) error {
	m := &markdown{}
	m.planCounts(p)
	m.sections(planSections(p)...)
	m.table(Plural(len(p.Changes), "change"), []string{"", "app", "name", "package", "what"}, len(p.Changes), func(i int) []string {
		c := p.Changes[i]
		return []string{signs[c.Action].sign, cell(c.App), cell(c.AppName), cell(c.AndroidPackage), changeCell(c)}
	}, "more changes, see the job's log")
	_, err := io.WriteString(w, m.String())
	return err
}

// RunMarkdown writes how an apply ended, for a job's summary page: the counts, why it stopped,
// the remarks, and the app keys as a folded table. What does not fit is counted.
func RunMarkdown(w io.Writer, r Run) error {
	m := &markdown{}
	fmt.Fprintf(m, "### jpsync: %s\n\n%s. Exit code %d.\n", r.verdict(), r.counts(Style{}), r.Summary.ExitCode)
	// The counts and the list of failures say what an IncompleteError does.
	if _, counted := errors.AsType[*IncompleteError](r.Err); r.Err != nil && !counted {
		fmt.Fprintf(m, "\n%s\n", sentence(strings.ReplaceAll(ErrorText(r.Err, r.Lang), "\n", "; ")))
	}
	m.sections(conflictSection(r.Plan), failedSection(r.Plan, r.Result, r.Lang))
	if r.Result != nil {
		m.sections(noteSection(r.Result))
		made := r.made()
		m.table(Plural(len(made), "app key"), []string{"app", "package", "app key"}, len(made), func(i int) []string {
			key := code(made[i].AppKey)
			if made[i].Outcome == executor.Adopted {
				key += " (adopted)"
			}
			return []string{cell(made[i].App), cell(made[i].AndroidPackage), key}
		}, "more: "+code(r.AllKeys))
	}
	_, err := io.WriteString(w, m.String())
	return err
}

type markdown struct{ strings.Builder }

func (m *markdown) planCounts(p *planner.Plan) {
	s := p.Summary
	if unchanged(p) {
		fmt.Fprintf(m, "### jpsync: no changes\n\n%s\n", asRecorded(p))
		return
	}
	fmt.Fprintf(m, "### jpsync: %d to create, %d to upload, %d to delete\n\n%d unchanged", s.Create, s.Upload, s.Delete, s.Unchanged)
	if s.Conflicts > 0 {
		fmt.Fprintf(m, ", **%s**", Plural(s.Conflicts, "conflict"))
	}
	if n := len(p.Errors); n > 0 {
		fmt.Fprintf(m, ", **%s**", Plural(n, "certificate error"))
	}
	fmt.Fprintf(m, ".%s\n", leftOut(p))
	if s.Delete > 0 {
		m.WriteString("\n**Deleting an app is final: its app key and its registered devices are lost.**\n")
	}
}

func (m *markdown) sections(list ...section) {
	for _, s := range list {
		if len(s.remarks) == 0 {
			continue
		}
		fmt.Fprintf(m, "\n**%s**\n\n", s.title)
		limit := m.Len() + maxSection
		for i, r := range s.told() {
			row := fmt.Sprintf("- **%s**: %s", sentence(r.app), sentence(r.text))
			if r.about != "" {
				row = fmt.Sprintf("- **%s** %s: %s", cell(r.app), cell(r.about), sentence(r.text))
			}
			if r.code != "" {
				row += " " + code(r.code)
			}
			if r.remedy != "" {
				row += "<br>" + sentence(r.remedy)
			}
			if m.Len()+len(row)+1 > limit {
				fmt.Fprintf(m, "- and %d more\n", len(s.remarks)-i)
				break
			}
			m.WriteString(row + "\n")
		}
	}
}

// table writes n rows as a folded table. more follows the number of rows that don't fit.
func (m *markdown) table(summary string, header []string, n int, row func(i int) []string, more string) {
	if n == 0 {
		return
	}
	fmt.Fprintf(m, "\n<details><summary>%s</summary>\n\n%s%s", summary, tableRow(header), strings.Repeat("|---", len(header))+"|\n")
	for i := range n {
		line := tableRow(row(i))
		if m.Len()+len(line)+reserve > MaxMarkdown {
			fmt.Fprintf(m, "\nand %d %s\n", n-i, more)
			break
		}
		m.WriteString(line)
	}
	m.WriteString("\n</details>\n")
}

func tableRow(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

func changeCell(c planner.Change) string {
	text := Place(string(c.Action), string(c.Environment))
	switch {
	case c.Action == planner.Upload:
		text += " " + code(c.Certificate.File) + ", expires " + day(c.Certificate.NotAfter)
		if c.Previous != nil {
			text += " (was " + day(c.Previous.NotAfter) + ")"
		}
	case c.Action == planner.Delete && c.Reason == planner.Replace:
		text = "**delete, to be created anew**, app key " + code(c.AppKey)
	case c.Action == planner.Delete:
		text = "**delete**, app key " + code(c.AppKey)
	}
	return text
}

// cell makes a name safe within a table: it cannot end the cell, begin markup or mention a
// user.
func cell(s string) string { return escapes.Replace(cut(Printable(s), maxName)) }

// sentence is cell for a longer text.
func sentence(s string) string { return escapes.Replace(cut(Printable(s), maxSentence)) }

var escapes = strings.NewReplacer("\\", "\\\\", "|", "\\|", "&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "\\`", "*", "\\*", "_", "\\_",
	"~", "\\~", "$", "\\$", "[", "\\[", "]", "\\]", "@", "@\u200b", "#", "\\#")

// code shows a name literally, in a code span whose fence is longer than every run of
// backticks in the name. GitHub looks for pipes before it looks for code, so they are escaped.
// That fails for a pipe after a backslash, so such a name has no span.
func code(s string) string {
	s = cut(Printable(s), maxName)
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
