package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"jpsync/internal/report"
	"jpsync/planner"
	"jpsync/state"
)

type planCmd struct {
	choices
	reporting
	Out              string `placeholder:"FILE" help:"Save the plan, for jpsync apply FILE."`
	DetailedExitcode bool   `help:"Exit 2 if there are changes."`
	Format           string `enum:"text,json,markdown" default:"text" help:"text, json or markdown."`
}

// Validate refuses flags that make no sense, a report that could not be written among them.
func (c *planCmd) Validate() error {
	return c.check(func(f reportForm) bool { return f.plan != nil }, c.Out)
}

// Run prints the plan. The exit code says whether it could be applied.
func (c *planCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	w, err := openWorkspace(ctx, t, g, loadState)
	if err != nil {
		return c.unplanned(t, g, "plan", err)
	}
	defer w.close()
	err = errors.Join(
		g.refuseOverwrite("--report", c.Report, w.store.files(), w.manifest),
		g.refuseOverwrite("--out", c.Out, w.store.files(), w.manifest))
	if err != nil {
		return err
	}
	p, err := c.build(ctx, w)
	if err != nil {
		return c.noPlan(t, g, "plan", err)
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
	if err := p.CheckDeletes(c.maxDeletes(w.manifest), len(w.state.Apps)); err != nil {
		if c.MaxDeletes != nil {
			return refused(err)
		}
		t.info("this deletes apps: apply asks for a typed yes, or takes a saved plan or --max-deletes %d", p.Summary.Delete)
	}
	if c.Out != "" {
		if err := savePlan(t, g, c.Out, p); err != nil {
			return err
		}
	}
	if c.DetailedExitcode && p.HasChanges() {
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
	if err := state.WriteFile(path, data); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	t.info("saved the plan to %s; apply it with: jpsync apply%s %s", path, g.sameFlags(), planner.Quote(path))
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
