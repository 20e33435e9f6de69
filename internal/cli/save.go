package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"jpsync/planner"
	"jpsync/state"
)

// save folds the answers into the state. When neither the state nor its journal has them, they
// go into a recovery file, and when no place takes one, the app keys are printed: the API
// cannot tell them a second time.
func (a *application) save(ctx context.Context) error {
	err := a.run.Finish(context.WithoutCancel(ctx))
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*state.SaveError](err); ok && e.Journaled {
		return fmt.Errorf("the state could not be saved: %w", err)
	}
	path, recoverErr := a.run.Recover(filepath.Dir(a.w.store.Location()), ".", os.TempDir())
	if recoverErr == nil {
		return fmt.Errorf("the state could not be saved: %w\nwhat the server answered is in %s, which holds master secrets; take it into the state before the next run: jpsync state recover%s %s",
			err, path, a.w.g.sameFlags(), planner.Quote(path))
	}
	a.printKeys()
	return fmt.Errorf("the state could not be saved: %w\nand neither could a recovery file: %w\nthe app keys are printed above; what is left of the journal stays beside the state, and the next apply on a disk that works replays it", err, recoverErr)
}

// printKeys prints the keys of this run as commands that record them.
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
