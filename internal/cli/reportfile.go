package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"jpsync/internal/report"
	"jpsync/planner"
	"jpsync/state"
)

// reportForm is a format of a report file: how a plan and how an apply are written in it, nil
// where it has no form for one of them.
type reportForm struct {
	name string
	plan func(io.Writer, *planner.Plan) error
	run  func(io.Writer, report.Run) error
	// broken writes why there is neither, in a form that readers of both understand.
	broken func(io.Writer, report.Broken) error
	// public: only counts and names. Processes of other users pick these up, so everybody may
	// read them. Other reports have mode 0600.
	public bool
}

var reportForms = []reportForm{
	{name: "json", plan: report.PlanJSON, run: report.RunJSON, broken: report.BrokenJSON},
	{name: "markdown", plan: report.PlanMarkdown, run: report.RunMarkdown, broken: report.BrokenMarkdown},
	{name: "gitlab-terraform", plan: report.PlanTerraform, broken: report.BrokenJSON, public: true},
	{name: "junit", run: report.RunJUnit, broken: report.BrokenJUnit, public: true},
	{
		name: "dotenv",
		plan: func(w io.Writer, p *planner.Plan) error { return report.Outputs(w, planPrefix, report.PlanCounts(p)) },
		run: func(w io.Writer, r report.Run) error {
			return report.Outputs(w, applyPrefix, report.ApplyCounts(r.Summary))
		},
		broken: func(w io.Writer, b report.Broken) error {
			return report.Outputs(w, "JPSYNC_"+strings.ToUpper(b.Command), b.Counts())
		},
		public: true,
	},
}

// formOf has the format for a file's extension. Other files are JSON.
var formOf = map[string]string{".md": "markdown", ".xml": "junit", ".env": "dotenv"}

// The prefixes of the variables of a dotenv report. A job that has them in its environment
// may run jpsync, so no flag's variable begins with them.
const (
	planPrefix  = "JPSYNC_PLAN"
	applyPrefix = "JPSYNC_APPLY"
)

// reporting has the flags for a report file.
type reporting struct {
	Report       string `placeholder:"FILE" help:"Also write a report to FILE, for programs."`
	ReportFormat string `enum:",json,markdown,gitlab-terraform,dotenv,junit" default:"" placeholder:"FORM" help:"json, markdown, dotenv, gitlab-terraform (of a plan) or junit (of an apply); by default by the file's name: .md, .env, .xml, or JSON."`
}

// form is the format to write.
func (r *reporting) form() reportForm {
	name := cmp.Or(r.ReportFormat, formOf[strings.ToLower(filepath.Ext(r.Report))], "json")
	return reportForms[slices.IndexFunc(reportForms, func(f reportForm) bool { return f.name == name })]
}

// check refuses a report that could not be written, before anything is done. has reports
// whether the command can write a format; planFile is another file of the command, or "".
func (r *reporting) check(has func(reportForm) bool, planFile string) error {
	switch {
	case r.Report == "" && r.ReportFormat != "":
		return errors.New("--report-format needs --report FILE")
	case r.Report == "":
		return nil
	case sameFile(r.Report, planFile):
		return fmt.Errorf("--report %s is the plan file: name another file", r.Report)
	case !has(r.form()):
		var names []string
		for _, form := range reportForms {
			if has(form) {
				names = append(names, form.name)
			}
		}
		return fmt.Errorf("--report: this command cannot write %s, only %s", r.form().name, strings.Join(names, ", "))
	}
	if info, err := os.Stat(r.Report); err == nil && info.IsDir() {
		return fmt.Errorf("--report %s is a directory: name a file", r.Report)
	}
	dir := filepath.Dir(r.Report)
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return fmt.Errorf("--report %s: there is no directory %s: create it first", r.Report, dir)
	}
	return nil
}

// write replaces the report file, if one is wanted.
func (r *reporting) write(to func(w io.Writer) error) error {
	if r.Report == "" {
		return nil
	}
	var b bytes.Buffer
	err := to(&b)
	if err == nil {
		err = state.WriteFile(r.Report, b.Bytes())
	}
	if err == nil && r.form().public {
		err = os.Chmod(r.Report, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// unplanned reports to the CI system and in the report file that the command ends without a plan. err is
// what it is about to end with. Nothing else has looked at the report's path yet.
func (r *reporting) unplanned(t *terminal, g *globals, command string, err error) error {
	if problem := r.refuseUnlessReport(t, g); problem != nil {
		return new(reporting).noPlan(t, g, command, errors.Join(err, problem))
	}
	return r.noPlan(t, g, command, err)
}

// noPlan is unplanned for a path that was looked at.
func (r *reporting) noPlan(t *terminal, g *globals, command string, err error) error {
	b := report.Broken{Command: command, Version: version(), Err: err, ExitCode: exitCode(err)}
	if has[manifestError](err) {
		b.Manifest = g.Manifest
	}
	err = errors.Join(err, r.write(func(w io.Writer) error { return r.form().broken(w, b) }))
	b.ExitCode = exitCode(err)
	t.tell("the errors are", func(w io.Writer) error { return report.BrokenMarkdown(w, b) }, b.Counts())
	return err
}

// refuseUnlessReport is refuseOverwrite without a manifest that says which files jpsync needs: a
// file that is there and may be no report is not replaced.
func (r *reporting) refuseUnlessReport(t *terminal, g *globals) error {
	store, _ := openStore(t, g) // where the state is may not be known either
	defer store.end()
	if err := g.refuseOverwrite("--report", r.Report, store.files(), nil); err != nil {
		return err
	}
	old, err := readFile(r.Report, planner.MaxSavedSize)
	if err != nil || len(old) == 0 {
		return nil // a file that cannot be read is told by write
	}
	begins := func(text string) bool { return bytes.HasPrefix(old, []byte(text)) }
	if (begins("{") || begins("<?xml") || begins("### jpsync: ") || begins("JPSYNC_")) && !bytes.Contains(old, []byte(`"checksum"`)) {
		return nil
	}
	return fmt.Errorf("--report %s is there and looks like no report, and without a manifest nobody knows whether jpsync needs it: name another file", r.Report)
}

// publish reports a plan to the CI system and in the report file.
func (c *planCmd) publish(t *terminal, w *workspace, p *planner.Plan) error {
	t.actions.remark(w.manifest, p)
	t.tell("the plan is", func(w io.Writer) error { return report.PlanMarkdown(w, p) }, report.PlanCounts(p))
	return c.write(func(w io.Writer) error { return c.form().plan(w, p) })
}

// publish reports how an apply ended to the CI system and in the report file. err is what the
// command is about to end with.
func (a *applying) publish(err error) error {
	r := a.report(err)
	a.t.actions.remark(a.w.manifest, a.plan)
	a.t.actions.stopped(a.w.manifest, a.plan, a.result, err)
	a.t.tell("the result is", func(w io.Writer) error { return report.RunMarkdown(w, r) }, report.ApplyCounts(r.Summary))
	return a.write(func(w io.Writer) error { return a.form().run(w, r) })
}
