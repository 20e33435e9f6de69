package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"jpsync/planner"
	"jpsync/state"
)

// save folds the answers into the state. When neither the state nor its journal has them, they
// go into a recovery file, and when no place takes one, the app keys are printed: the API
// cannot tell them a second time.
func (a *application) save(ctx context.Context) error {
	err := a.w.run.Finish(context.WithoutCancel(ctx))
	if err == nil {
		if remains := a.w.run.Unpurged(); remains != nil {
			a.t.warn("the secrets are encrypted from now on, but not where they were before: %v", remains)
		}
		return nil
	}
	unsaved, ok := errors.AsType[*state.SaveError](err)
	if !ok {
		return fmt.Errorf("the state is saved, but: %w", err)
	}
	if unsaved.Journaled {
		return fmt.Errorf("the state could not be saved: %w", err)
	}
	path, recoverErr := a.w.run.Recover(a.w.store.directory(), ".", os.TempDir())
	secrets := "which holds master secrets"
	if a.w.run.Encrypts() {
		secrets = "whose master secrets are encrypted"
		a.printRecovery()
	}
	if recoverErr == nil {
		return fmt.Errorf("the state could not be saved: %w\nwhat the server answered is in %s, %s; take it into the state before the next run: jpsync state recover%s %s",
			err, path, secrets, a.w.g.sameFlags(), planner.Quote(path))
	}
	a.printKeys()
	return fmt.Errorf("the state could not be saved: %w\nand neither could a recovery file: %w\nthe app keys are printed above; what is left of the journal stays with the state, and the next apply that can read it replays it", err, recoverErr)
}

// printRecovery prints what a recovery file has, whose secrets are encrypted: a job's log
// outlives its runner.
func (a *application) printRecovery() {
	data, err := a.w.run.Recovery()
	if err != nil {
		return
	}
	fmt.Fprintf(a.t.Err, "what the server answered follows, for a file that jpsync state recover takes:\n%s", data)
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
