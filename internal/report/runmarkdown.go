package report

import (
	"fmt"
	"io"
	"strings"

	"jpsync/executor"
	"jpsync/planner"
)

// RunMarkdown writes how an apply ended, for a job's summary page: the counts, why it stopped,
// what failed and what to do about it, what to know, and the app keys as a folded table. It
// writes at most [MaxMarkdown] bytes; what does not fit is counted.
func RunMarkdown(w io.Writer, r Run, l Language) error {
	m := &markdown{}
	m.outcome(r.Summary)
	if why := r.message(l); why != "" {
		fmt.Fprintf(m, "\n%s\n", text(strings.ReplaceAll(why, "\n", "; ")))
	}
	m.section("Conflicts, which only a person can settle", conflictRows(r.Plan.Conflicts))
	m.section("Certificates that must not be sent", problemRows(r.Plan.Errors))
	if r.Result != nil {
		m.section("Failed", failureRows(r.Result.Failures, l))
		m.section("To know", noteRows(r.Result.Steps))
		m.keys(r.Result.Steps, r.AllKeys)
	}
	_, err := io.WriteString(w, m.String())
	return err
}

func (m *markdown) outcome(s Summary) {
	var parts []string
	for _, c := range ApplyCounts(s) {
		if c.Name != "exit_code" && (c.Value != "0" || c.Name == "unchanged") {
			parts = append(parts, c.Value+" "+strings.ReplaceAll(c.Name, "_", " "))
		}
	}
	verdict := "applied"
	switch changed := s.Created+s.Adopted+s.Uploaded+s.Deleted > 0; {
	case s.ExitCode != 0 && changed:
		verdict = "applied in part"
	case s.ExitCode != 0:
		verdict = "nothing applied"
	}
	fmt.Fprintf(m, "### jpsync: %s\n\n%s. Exit code %d.\n", verdict, strings.Join(parts, ", "), s.ExitCode)
}

func failureRows(failures []executor.Failure, l Language) []string {
	var rows []string
	for _, f := range failures {
		message, remedy := l.failure(f.Code, f.Message, f.Remedy)
		row := fmt.Sprintf("- **%s** %s: %s", cell(f.App), cell(step(string(f.Action), string(f.Environment))), text(message))
		if remedy != "" {
			row += "<br>" + text(remedy)
		}
		rows = append(rows, row+"\n")
	}
	return rows
}

func noteRows(steps []executor.Step) []string {
	var rows []string
	for _, s := range steps {
		if s.Note != "" {
			rows = append(rows, fmt.Sprintf("- **%s** %s: %s\n", cell(s.Change.App), cell(step(string(s.Change.Action), string(s.Change.Environment))), text(s.Note)))
		}
	}
	return rows
}

// keys lists the app keys that came back.
func (m *markdown) keys(steps []executor.Step, allKeys string) {
	var made []executor.Step
	for _, s := range steps {
		if s.Change.Action == planner.Create && s.Outcome.OK() {
			made = append(made, s)
		}
	}
	if len(made) == 0 {
		return
	}
	fmt.Fprintf(m, "\n<details><summary>%s</summary>\n\n| app | package | app key |\n|---|---|---|\n", count(len(made), "app key"))
	for i, s := range made {
		row := fmt.Sprintf("| %s | %s | %s |\n", cell(s.Change.App), cell(s.Change.AndroidPackage), code(s.AppKey))
		if m.Len()+len(row)+reserve > MaxMarkdown {
			fmt.Fprintf(m, "\nand %d more: %s\n", len(made)-i, code(allKeys))
			break
		}
		m.WriteString(row)
	}
	m.WriteString("\n</details>\n")
}
