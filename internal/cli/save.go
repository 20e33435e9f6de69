package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"jpsync/planner"
)

// save folds the answers into the state. If the disk does not let it, they go into a file
// elsewhere, and if no place takes one, the app keys are printed: they cannot be had a
// second time.
func (a *application) save(ctx context.Context) error {
	err := a.run.Finish(context.WithoutCancel(ctx))
	if err == nil {
		return nil
	}
	store := a.w.store.Location()
	path, recoverErr := a.run.Recover(filepath.Dir(store), ".", os.TempDir())
	if recoverErr == nil {
		return fmt.Errorf("the state could not be saved: %w\nwhat the server answered is in %s, which holds master secrets; put it in place before the next run: mv %s %s",
			err, path, planner.Quote(path), planner.Quote(store))
	}
	a.printKeys()
	return fmt.Errorf("the state could not be saved: %w\nand neither could a recovery file: %w\nthe app keys are printed above; what is left of the journal stays beside the state, and the next apply on a disk that works folds it", err, recoverErr)
}

// printKeys tells the keys of this run as commands that bring them back.
func (a *application) printKeys() {
	if a.result == nil {
		return
	}
	for _, s := range a.result.Steps {
		if s.AppKey != "" && s.Change.AppKey != s.AppKey && s.Change.Environment == "" {
			fmt.Fprintf(a.t.Err, "jpsync import %s %s\n", planner.Quote(s.Change.App), s.AppKey)
		}
	}
}
