package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"jpsync/executor"
	"jpsync/internal/jpush"
	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/planner"
)

// actions talks to the runner of GitHub Actions, which reads commands from standard error,
// shows a Markdown summary and passes outputs to later steps. A nil *actions does nothing; it
// is what commands have elsewhere.
type actions struct {
	w         io.Writer // standard error: standard output is for results
	workspace string    // the repository's root; empty if unknown
	summary   string    // files to append to; empty for none
	outputs   string
	masks     bool // only the runner reads w

	failures int // annotated by failed
}

func findActions(host Host) *actions {
	if os.Getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	return &actions{
		w:         host.Err,
		workspace: os.Getenv("GITHUB_WORKSPACE"),
		summary:   os.Getenv("GITHUB_STEP_SUMMARY"),
		outputs:   os.Getenv("GITHUB_OUTPUT"),
		masks:     goesToRunner(host.Err),
	}
}

// goesToRunner reports whether w leads to a process, as a step's output does. In a file, such
// as a step's own log, a command to mask a secret would only reveal it.
func goesToRunner(w io.Writer) bool {
	f, ok := w.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeCharDevice) != 0
}

// mask has the runner replace a secret by asterisks wherever it would show it from now on.
func (a *actions) mask(secret string) {
	if a != nil && a.masks {
		_ = report.Mask(a.w, secret) // an error here could only be written to a.w
	}
}

// place annotates the files of a manifest with what is wrong in them.
func (a *actions) place(err error) {
	if a == nil || err == nil {
		return
	}
	list, ok := errors.AsType[manifest.Errors](err)
	if e, one := errors.AsType[*manifest.ReadError](err); !ok && one {
		list = manifest.Errors{{Pos: e.Pos, Message: strings.TrimPrefix(e.Error(), e.Pos.String()+": ")}}
	}
	for _, e := range list {
		a.annotate(report.LevelError, e.Pos, e.Message)
	}
}

// mostAnnotations is how many annotations of each kind are written. GitHub shows ten of a
// step; the plan has all of them.
const mostAnnotations = 50

// remark annotates the manifest with a plan's conflicts, errors and warnings.
func (a *actions) remark(m *manifest.Manifest, p *planner.Plan) {
	if a == nil {
		return
	}
	for _, c := range p.Conflicts[:min(mostAnnotations, len(p.Conflicts))] {
		a.annotate(report.LevelError, position(m, c.App, ""), c.App+": "+c.Message)
	}
	for _, e := range p.Errors[:min(mostAnnotations, len(p.Errors))] {
		a.annotate(report.LevelError, position(m, e.App, e.Environment), problem(e))
	}
	for _, e := range p.Warnings[:min(mostAnnotations, len(p.Warnings))] {
		a.annotate(report.LevelWarning, position(m, e.App, e.Environment), problem(e))
	}
}

// position finds an app, or one of its certificates, in a manifest. At most mostAnnotations of a
// kind are looked for, so a loop does.
func position(m *manifest.Manifest, id string, env jpush.Environment) manifest.Position {
	for i := range m.Apps {
		app := &m.Apps[i]
		if app.ID != id {
			continue
		}
		if c, ok := app.Certificates[env]; ok && c.Pos != (manifest.Position{}) {
			return c.Pos
		}
		return app.Pos
	}
	return manifest.Position{File: m.Path} // an orphan
}

// failed annotates the manifest with a change that failed. It reports whether it did.
func (a *actions) failed(m *manifest.Manifest, e executor.Event, lang report.Language) bool {
	if a == nil || a.failures == mostAnnotations {
		return false
	}
	a.failures++
	reason := cmp.Or(lang.Reason(e.Err), e.Message())
	a.annotate(report.LevelError, position(m, e.App, e.Environment), fmt.Sprintf("%s: %s failed: %s", report.Place(e.App, string(e.Environment)), e.Action, reason))
	return true
}

// stopped annotates the manifest with why nothing was applied, or why an apply stopped, unless
// an app or a conflict is annotated already.
func (a *actions) stopped(m *manifest.Manifest, p *planner.Plan, res *executor.Result, err error) {
	switch {
	case a == nil || err == nil:
	case res == nil && len(p.Conflicts)+len(p.Errors) == 0:
		a.annotate(report.LevelError, manifest.Position{File: m.Path}, err.Error())
	case res != nil && res.Stopped != nil && len(res.Failures) == 0:
		a.annotate(report.LevelError, manifest.Position{File: m.Path}, res.Stopped.Err.Error())
	}
}

func (a *actions) annotate(level report.Level, pos manifest.Position, message string) {
	pos.File = a.relative(pos.File)
	_ = report.Annotate(a.w, level, pos, message)
}

// relative makes a path relative to the repository, since a step may run in a subdirectory.
func (a *actions) relative(path string) string {
	if path == "" {
		return ""
	}
	if full, err := filepath.Abs(path); err == nil && a.workspace != "" {
		if rel, err := filepath.Rel(a.workspace, full); err == nil && filepath.IsLocal(rel) {
			path = rel
		}
	}
	return filepath.ToSlash(path)
}

// tell appends to the step's summary and outputs. The command has done its work by then, so an
// error deserves a warning only, which begins with what.
func (t *terminal) tell(what string, markdown func(io.Writer) error, counts []report.Count) {
	if t.actions == nil {
		return
	}
	err := errors.Join(
		appendTo(t.actions.summary, func(w io.Writer) error { return errors.Join(markdown(w), newline(w)) }),
		appendTo(t.actions.outputs, func(w io.Writer) error { return report.Outputs(w, "", counts) }))
	if err != nil {
		t.warn("%s not in the step's summary or outputs: %v", what, err)
	}
}

// newline separates a table from what the next command appends.
func newline(w io.Writer) error {
	_, err := io.WriteString(w, "\n")
	return err
}

func appendTo(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
