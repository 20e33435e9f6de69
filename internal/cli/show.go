package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"jpsync/internal/report"
	"jpsync/planner"
)

type showCmd struct {
	PlanFile string `arg:"" optional:"" name:"planfile" complete:"file" help:"A plan saved by jpsync plan --out; without one the state is shown."`
	Format   string `enum:"text,json" default:"text" help:"text or json."`
}

// Run shows one or the other.
func (c *showCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	if c.PlanFile != "" {
		p, err := loadPlan(c.PlanFile)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w\nthe record of an app is shown by: jpsync state show%s %s", err, g.sameFlags(), planner.Quote(c.PlanFile))
		}
		if err != nil {
			return err
		}
		if c.Format == "json" {
			return report.PlanJSON(t.Out, p)
		}
		return report.PlanText(t.Out, p, t.out, time.Now())
	}
	st, err := readState(ctx, t, g)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		return report.StateJSON(t.Out, st)
	}
	return report.StateText(t.Out, st, t.out)
}
