package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

// selectors are the flags that select apps.
type selectors struct {
	Target  []string `sep:"none" placeholder:"GLOB" complete:"every" help:"Only apps with a matching id (repeatable)."`
	Exclude []string `sep:"none" placeholder:"GLOB" complete:"every" help:"No apps with a matching id (repeatable)."`
	Select  []string `sep:"none" placeholder:"KEY=VALUE" complete:"label" help:"Only apps with this label (repeatable)."`
}

// choices are the flags that shape a plan; plan and apply share them.
type choices struct {
	selectors
	Replace    []string `sep:"none" placeholder:"ID" complete:"recorded" help:"Delete the app and create it again, with a new app key: all its devices are lost (repeatable)."`
	Accept     []string `sep:"none" placeholder:"ID" complete:"recorded" help:"Record the app as the manifest has it, because it was changed in the console; nothing is sent (repeatable)."`
	NoDelete   bool     `help:"Plan no deletes."`
	MaxDeletes *limit   `placeholder:"N|P%" help:"How many apps may be deleted without a typed yes (policy.max_deletes, or 0)."`
	AllowCert  []string `placeholder:"CODE" complete:"code" help:"Treat certificate errors of this code as warnings, for instance expired (repeatable)."`
}

// Validate refuses --allow-cert codes that do not exist.
func (c *choices) Validate() error {
	for _, code := range c.AllowCert {
		if !slices.Contains(planner.AllowableCodes, code) {
			return fmt.Errorf("--allow-cert %s: the codes that can be allowed are %s", code, strings.Join(planner.AllowableCodes, ", "))
		}
	}
	return nil
}

// maxDeletes is how many apps may be deleted without a typed yes: the flag, else the policy.
func (c *choices) maxDeletes(m *manifest.Manifest) manifest.Limit {
	if c.MaxDeletes != nil {
		return c.MaxDeletes.Limit
	}
	return m.Policy.MaxDeletes
}

// selection parses the flags. A label has one value, so two values for one key match nothing.
func (c *selectors) selection() (planner.Selection, error) {
	if slices.Contains(c.Target, "") || slices.Contains(c.Exclude, "") {
		return planner.Selection{}, errors.New("--target and --exclude take a pattern, and this one is empty: perhaps a variable was not set")
	}
	labels := make(map[string]string, len(c.Select))
	for _, text := range c.Select {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return planner.Selection{}, fmt.Errorf("--select %s: it takes KEY=VALUE", text)
		}
		if before, twice := labels[key]; twice && before != value {
			return planner.Selection{}, fmt.Errorf("--select %s: %s=%s is selected already, and no app has two values of one label", text, key, before)
		}
		labels[key] = value
	}
	return planner.Selection{Targets: c.Target, Excludes: c.Exclude, Labels: labels}, nil
}

// input is what a plan is made from, except the certificates.
func (c *choices) input(w *workspace, st *state.State) (planner.Input, error) {
	selection, err := c.selection()
	if err != nil {
		return planner.Input{}, err
	}
	spell := planner.Spelling(st)
	for _, ids := range [][]string{c.Replace, c.Accept} {
		for i := range ids {
			ids[i] = spell(ids[i])
		}
	}
	if err := selection.Check(w.manifest, st, append(slices.Clone(c.Replace), c.Accept...)...); err != nil {
		return planner.Input{}, err
	}
	return planner.Input{
		Manifest: w.manifest,
		State:    st,
		Endpoint: w.endpoint,
		Account:  cmp.Or(w.account(), st.Account),
		Version:  version(),
		Now:      time.Now(),
		Options: planner.Options{
			Selection: selection,
			Replace:   c.Replace,
			Accept:    c.Accept,
			NoDelete:  c.NoDelete,
			AllowCert: c.AllowCert,
			Rehearsal: w.g.Sandbox,
		},
	}, nil
}

// build inspects the certificates and plans.
func build(ctx context.Context, w *workspace, in planner.Input) (*planner.Plan, error) {
	var err error
	if in.Certificates, err = inspectAll(ctx, w.files, in.Manifest, in.State); err != nil {
		return nil, err
	}
	p, err := planner.Build(in)
	if ctx.Err() != nil {
		return nil, errInterruptedPlanning
	}
	return p, err
}

type planCmd struct {
	choices
	reporting
	Out              string `placeholder:"FILE" help:"Save the plan, for jpsync apply FILE."`
	DetailedExitcode bool   `help:"Exit 2 if there are changes."`
	Format           string `enum:"text,json,markdown" default:"text" help:"text, json or markdown."`
}

// Validate refuses flags that make no sense, a report that could not be written among them.
func (c *planCmd) Validate() error {
	return errors.Join(c.choices.Validate(), c.check(func(f reportForm) bool { return f.plan != nil }, c.Out))
}

// Run prints the plan. The exit code says whether it could be applied.
func (c *planCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	w, st, err := openWorkspace(ctx, t, g, loadState)
	if err != nil {
		return err
	}
	defer w.close()
	err = errors.Join(
		g.spare("--report", c.Report, w.store.files(), w.manifest),
		g.spare("--out", c.Out, w.store.files(), w.manifest))
	if err != nil {
		return err
	}
	in, err := c.input(w, st)
	if err != nil {
		return err
	}
	p, err := build(ctx, w, in)
	if err != nil {
		return err
	}
	if err := c.print(t, p); err != nil {
		return err
	}
	if err := c.publish(t, w, p); err != nil {
		return err
	}
	if err := obstacles(p, c.Format != "json"); err != nil {
		return err
	}
	if err := p.CheckDeletes(c.maxDeletes(w.manifest), len(st.Apps)); err != nil {
		if c.MaxDeletes != nil {
			return err
		}
		t.info("this deletes apps: apply asks for a typed yes, or takes a saved plan or --max-deletes %d", p.Summary.Delete)
	}
	if c.Out != "" {
		if err := savePlan(t, g, c.Out, p); err != nil {
			return err
		}
	}
	if c.DetailedExitcode && p.Pending() {
		return exit(ExitPending)
	}
	return nil
}

func (c *planCmd) print(t *terminal, p *planner.Plan) error {
	switch c.Format {
	case "json":
		return report.PlanJSON(t.Out, p)
	case "markdown":
		return report.PlanMarkdown(t.Out, p)
	}
	return report.PlanText(t.Out, p, t.out, time.Now())
}

// savePlan writes a plan atomically. It overwrites saved plans alone: with the state's name by
// mistake, every app key would be lost.
func savePlan(t *terminal, g *globals, path string, p *planner.Plan) error {
	if err := overwritable(path); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	data, err := planner.Encode(p)
	if err != nil {
		return err
	}
	if err := writeFile(path, bytes.NewReader(data)); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	t.info("saved the plan to %s: jpsync apply%s %s", path, g.sameFlags(), planner.Quote(path))
	return nil
}

func overwritable(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		old, err := readFile(path, planner.MaxSavedSize)
		if err != nil {
			return err
		}
		// An empty file was made for the plan, for instance by mktemp.
		if len(old) == 0 || planner.IsSaved(old) {
			return nil
		}
	}
	return refused(fmt.Errorf("%s exists and is no saved plan: name another file", path))
}

// loadPlan reads a saved plan.
func loadPlan(path string) (*planner.Plan, error) {
	data, err := readFile(path, planner.MaxSavedSize)
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	p, err := planner.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
