package cli

import (
	"bytes"
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
)

// The formats of a report file. planForms and runForms list those of each command.
const (
	formJSON      = "json"
	formMarkdown  = "markdown"
	formTerraform = "gitlab-terraform"
	formDotenv    = "dotenv"
	formJUnit     = "junit"
)

var (
	planForms = []string{formJSON, formMarkdown, formTerraform, formDotenv}
	runForms  = []string{formJSON, formMarkdown, formJUnit, formDotenv}
)

// formOf has the format for a file's extension. Other files are JSON.
var formOf = map[string]string{".md": formMarkdown, ".xml": formJUnit, ".env": formDotenv}

// publicForms are the formats that hold only counts and names. Processes of other users pick
// them up, so everybody may read them. Other reports have mode 0600.
var publicForms = map[string]bool{formTerraform: true, formDotenv: true, formJUnit: true}

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
func (r *reporting) form() string {
	if r.ReportFormat != "" {
		return r.ReportFormat
	}
	if form, ok := formOf[strings.ToLower(filepath.Ext(r.Report))]; ok {
		return form
	}
	return formJSON
}

// check refuses a report that could not be written, before anything is done. planFile is
// another file of the command, or "".
func (r *reporting) check(forms []string, planFile string) error {
	switch {
	case r.Report == "" && r.ReportFormat != "":
		return errors.New("--report-format needs --report FILE")
	case r.Report == "":
		return nil
	case sameFile(r.Report, planFile):
		return fmt.Errorf("--report %s is the plan file: name another file", r.Report)
	case !slices.Contains(forms, r.form()):
		return fmt.Errorf("--report: this command cannot write %s, only %s", r.form(), strings.Join(forms, ", "))
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
		err = writeFile(r.Report, &b)
	}
	if err == nil && publicForms[r.form()] {
		err = os.Chmod(r.Report, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// publish reports a plan to the CI system and in the report file.
func (c *planCmd) publish(t *terminal, w *workspace, p *planner.Plan) error {
	t.actions.remark(w.manifest, p)
	if err := t.actions.tell(func(w io.Writer) error { return report.PlanMarkdown(w, p) }, report.PlanCounts(p)); err != nil {
		t.warn("the plan is not in the step's summary or outputs: %v", err)
	}
	return c.write(func(w io.Writer) error {
		switch c.form() {
		case formMarkdown:
			return report.PlanMarkdown(w, p)
		case formTerraform:
			return report.PlanTerraform(w, p)
		case formDotenv:
			return report.Dotenv(w, planPrefix, report.PlanCounts(p))
		}
		return report.PlanJSON(w, p)
	})
}

// publish reports how an apply ended to the CI system and in the report file. err is what the
// command is about to end with.
func (a *application) publish(err error) error {
	if a.plan == nil {
		return nil
	}
	r := a.report(err)
	lang := a.t.out.Lang
	a.t.actions.remark(a.w.manifest, a.plan)
	a.t.actions.stopped(a.w.manifest, a.plan, a.result, err)
	if err := a.t.actions.tell(func(w io.Writer) error { return report.RunMarkdown(w, r, lang) }, report.ApplyCounts(r.Summary)); err != nil {
		a.t.warn("the result is not in the step's summary or outputs: %v", err)
	}
	return a.write(func(w io.Writer) error {
		switch a.form() {
		case formMarkdown:
			return report.RunMarkdown(w, r, lang)
		case formJUnit:
			return report.RunJUnit(w, r)
		case formDotenv:
			return report.Dotenv(w, applyPrefix, report.ApplyCounts(r.Summary))
		}
		return report.RunJSON(w, r)
	})
}

// report returns the apply for its reports. err is what the command ends with, nil if it has
// not ended.
func (a *application) report(err error) report.Run {
	return report.Run{Version: version(), Plan: a.plan, Result: a.result, Err: err, Summary: a.summary(err), AllKeys: a.allKeys()}
}
