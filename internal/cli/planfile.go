package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

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
