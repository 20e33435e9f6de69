package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"jpsync/internal/report"
	"jpsync/planner"
	"jpsync/state"
)

type showCmd struct {
	PlanFile string `arg:"" optional:"" name:"planfile" help:"A plan saved by jpsync plan --out; without one the state is shown."`
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

// readState reads the state for a command that needs no manifest.
func readState(ctx context.Context, t *terminal, g *globals) (*state.State, error) {
	store, err := openStore(t, g)
	if err != nil {
		return nil, err
	}
	defer store.end()
	return store.existing(ctx, g)
}

// existing reads a state that has to be there.
func (s *stateStore) existing(ctx context.Context, g *globals) (*state.State, error) {
	st, err := s.Load(ctx)
	if err != nil {
		return nil, err
	}
	if st.Serial == 0 && len(st.Apps) == 0 && len(st.Pending) == 0 {
		err := fmt.Errorf("there is no state at %s: it is written by the first jpsync apply; name another with --state or --manifest", s.Location())
		if _, elsewhere := os.Stat(filepath.Join(g.sandboxDir(), stateName)); elsewhere == nil && g.State == "" && !g.Sandbox {
			err = fmt.Errorf("%w, or the sandbox's with --sandbox", err)
		}
		return nil, err
	}
	return st, nil
}
