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

func (stateRecoverCmd) Help() string {
	return `Takes the answers in a recovery file into the state. A run that cannot save its state writes one.
A journal that does not continue the state, since one of them was replaced, is taken in the same way.

An app is known by its app key. An id that has another app key by now is reported and left as it is;
a certificate that was uploaded later stays. To do it again changes nothing. A recovery file holds
master secrets: delete it when everything in it is in the state.

Example:
  jpsync state recover errored.jpsync.journal

Exit codes: 0 everything is in the state, 1 error, or something was left out, 6 state locked.`
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
