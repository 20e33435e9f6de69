package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jpsync/state"
)

type stateRecoverCmd struct {
	File string `arg:"" help:"A recovery file (errored.jpsync.journal), or a journal."`
}

// Run merges under the lock and lists what was left out.
func (c *stateRecoverCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	holder := state.Self("state recover", time.Now())
	holder.Wait = g.LockTimeout
	store := openStore(t, g)
	r, err := state.Recover(ctx, store, state.Options{FS: t.FS, Holder: holder}, c.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "recovered from %s: %s in %s\n", c.File, plural(r.Changed, "change"), store.Location())
	for _, left := range r.Left {
		fmt.Fprintf(t.Out, "left out: %s has app key %s in the state and %s in the file\n", left.ID, left.Recorded, left.Found)
	}
	if r.Damage != nil {
		fmt.Fprintf(t.Out, "left out: what follows the damage: %v\n", r.Damage)
	}
	if !r.Complete() {
		return errors.New("not everything was recovered: rename the records that are in the way with jpsync state mv, and recover again from " + r.Kept)
	}
	if r.Kept != "" {
		t.info("everything in %s is in the state; delete it, it holds master secrets", r.Kept)
	}
	return nil
}
