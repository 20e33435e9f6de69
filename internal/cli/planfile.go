package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"

	"jpsync/manifest"
	"jpsync/planner"
)

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
		if len(old) == 0 || planner.Saved(old) {
			return nil
		}
	}
	return refused(fmt.Errorf("%s exists and is no saved plan: name another file", path))
}

// makePlan plans, or loads a saved plan and checks that nothing has changed since.
func (a *application) makePlan(ctx context.Context) (*planner.Plan, error) {
	st := a.run.Saved()
	if a.PlanFile == "" {
		in, err := a.choices.input(a.w, st)
		if err != nil {
			return nil, err
		}
		return build(ctx, a.w, in)
	}
	p, err := loadPlan(a.PlanFile)
	if err != nil {
		return nil, err
	}
	err = p.Verify(planner.Pins{
		Manifest: a.w.manifest.SHA256,
		State:    planner.RefTo(st),
		Endpoint: a.w.endpoint,
		Account:  cmp.Or(a.w.account(), st.Account),
	})
	if err != nil {
		return nil, err
	}
	return p, checkFiles(ctx, a.w.files, p)
}

// checkFiles checks that the certificate files of a saved plan are still the planned ones, as
// many at a time as there are cores.
func checkFiles(ctx context.Context, files *manifest.Files, p *planner.Plan) error {
	var uploads []planner.Change
	for _, change := range p.Actions {
		if change.Certificate != nil {
			uploads = append(uploads, change)
		}
	}
	errs := make([]error, len(uploads))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, change := range uploads {
		group.Go(func() error {
			if ctx.Err() == nil {
				_, errs[i] = certificates{files}.Load(change)
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return errInterruptedPlanning
	}
	var moved []string
	for i, err := range errs {
		change := uploads[i]
		file := "the certificate file " + change.Certificate.File
		if _, changed := errors.AsType[*movedError](err); changed {
			moved = append(moved, file+" has changed")
		} else if e, ok := errors.AsType[*manifest.ReadError](err); ok && e.Env == "" {
			moved = append(moved, file+" or its password cannot be read: "+err.Error())
		} else if err != nil {
			return err
		}
	}
	if len(moved) > 0 {
		return &planner.StaleError{Moved: moved}
	}
	return nil
}

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
