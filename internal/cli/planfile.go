package cli

import (
	"bytes"
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

// savePlan writes a plan so that the file is there whole or not at all. Only a saved plan is
// ever overwritten: the same flag with the name of the state would cost every app key.
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
		// An empty file is one that was made for the plan, as mktemp does.
		if len(old) == 0 || planner.Saved(old) {
			return nil
		}
	}
	return refused(fmt.Errorf("%s is there and is no saved plan, so it stays as it is: name another file", path))
}

// makePlan compares, or reads a saved plan and makes sure that nothing moved since.
func (a *application) makePlan(ctx context.Context) error {
	if a.PlanFile == "" {
		in, err := a.choices.input(a.w, a.run.Saved())
		if err != nil {
			return err
		}
		a.plan, err = build(ctx, a.w, in)
		return err
	}
	p, err := loadPlan(a.PlanFile)
	if err != nil {
		return err
	}
	st := a.run.Saved()
	err = p.Verify(planner.Pins{
		Manifest: a.w.manifest.SHA256,
		State:    planner.RefTo(st),
		Endpoint: a.w.endpoint,
		Account:  a.account(),
	})
	if err != nil {
		return err
	}
	a.plan = p
	return a.checkFiles(ctx)
}

// account is the dev_key, or, when that is not at hand, the one that the state is bound to.
func (a *application) account() string {
	if account := a.w.account(); account != "" {
		return account
	}
	return a.run.Saved().Account
}

// checkFiles makes sure that the certificate files of a saved plan are still the planned ones,
// as many at a time as there are cores.
func (a *application) checkFiles(ctx context.Context) error {
	var uploads []planner.Change
	for _, change := range a.plan.Actions {
		if change.Certificate != nil {
			uploads = append(uploads, change)
		}
	}
	errs := make([]error, len(uploads))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, change := range uploads {
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			_, errs[i] = certificates{a.w.files}.Load(change)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs, in the plan's order
	if ctx.Err() != nil {
		return interruptedPlanning()
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
