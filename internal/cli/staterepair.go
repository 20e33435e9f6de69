package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"jpsync/internal/report"
	"jpsync/state"
	"jpsync/state/shared"
)

type stateRepairCmd struct {
	AutoApprove bool `env:"JPSYNC_REPAIR_AUTO_APPROVE" help:"Don't ask."`
}

// Run shows first and changes only what was shown.
func (c *stateRepairCmd) Run(ctx context.Context, t *terminal, g *globals, store *stateStore) error {
	if store.file == nil {
		return fmt.Errorf("state repair is for a state in a file, and this one is %s", store.Location())
	}
	damage, err := store.file.Inspect()
	if err != nil {
		return err
	}
	if err := g.checkSandbox(&state.State{Endpoint: damage.Endpoint}); err != nil {
		return err
	}
	if damage.None() {
		st, err := store.file.Load(ctx)
		if err != nil {
			return err
		}
		if st.Serial == 0 {
			return fmt.Errorf("there is no state at %s: nothing to repair", store.Location())
		}
		t.printf("%s is as jpsync wrote it: nothing to repair", store.Location())
		return nil
	}
	describe(t, damage)
	if damage.ParseErr != nil {
		return fmt.Errorf("what is left of the state cannot be read: %w\ncorrect it by hand and repair again; or put the older .backup beside it in its place, and import the apps that it lacks with jpsync import", damage.ParseErr)
	}
	if !c.AutoApprove {
		if err := t.confirm(ctx, "take the state as it is", "--auto-approve"); err != nil {
			return err
		}
	}
	kept, err := store.file.Accept(ctx, store.options("state repair").Holder, damage, store.recipients)
	if err != nil {
		return err
	}
	t.printf("repaired %s", store.Location())
	for _, path := range kept {
		t.info("%s is what was damaged, as it was, and may hold master secrets: delete it once you miss nothing", path)
	}
	return nil
}

func describe(t *terminal, d *state.Damage) {
	if d.StateErr != nil {
		t.printf("%v", d.StateErr)
		switch {
		case d.ParseErr != nil: // nothing to compare, and Run says so
		case d.BackupErr != nil:
			t.printf("there is nothing to compare it with: %v", d.BackupErr)
		case len(d.Differences) == 0:
			t.printf("it says the same as the backup")
		default:
			t.printf("from the backup to the file as it is:")
			for _, diff := range d.Differences {
				t.printf("  %s", diff)
			}
		}
	}
	if d.JournalErr != nil {
		t.printf("%v", d.JournalErr)
		t.printf("%d of the journal's records can be saved, %d bytes cannot", d.JournalRecords, d.JournalLost)
	}
}

type stateRecoverCmd struct {
	File string `arg:"" complete:"file" help:"A recovery file (errored.jpsync.journal), or a journal."`
}

// Run merges under the lock and lists what was left out.
func (c *stateRecoverCmd) Run(ctx context.Context, t *terminal, store *stateStore) error {
	r, err := state.Recover(ctx, store.Store, store.options("state recover"), c.File)
	if err != nil {
		return err
	}
	t.printf("recovered from %s: %s in %s", c.File, report.Plural(r.Changed, "change"), store.Location())
	for _, conflict := range r.Conflicts {
		if in := conflict.Request; in != nil {
			t.printf("left out: the %s of %s for %s, sent %s: look for that app in the console, since a newer request was not answered either",
				in.Op, cmp.Or(in.AndroidPackage, in.AppKey), conflict.ID, utc(in.At))
			continue
		}
		t.printf("left out: %s has app key %s in the state and %s in the file", conflict.ID, conflict.Recorded, conflict.Found)
	}
	if r.Damage != nil {
		t.printf("left out: what follows the damage: %v", r.Damage)
	}
	if !r.Complete() {
		return errors.New("not everything was recovered: rename the records that are in the way with jpsync state mv, " +
			"settle the requests with jpsync apply, and recover again from " + r.Kept)
	}
	if r.Kept != "" {
		why := ""
		if r.Clear {
			why = ", it holds master secrets"
		}
		t.info("everything in %s is in the state; delete it%s", r.Kept, why)
	}
	return nil
}

type stateUnlockCmd struct {
	Force bool `env:"JPSYNC_UNLOCK_FORCE" help:"Don't ask."`
}

// Run says who has the lock before it takes it away.
func (c *stateUnlockCmd) Run(ctx context.Context, t *terminal, g *globals, store *stateStore) error {
	if store.shared == nil {
		return fmt.Errorf("the lock of %s ends with the process that has it: end that, there is nothing to unlock", store.Location())
	}
	held, err := store.shared.Holder(ctx)
	if err != nil {
		return err
	}
	if held == nil {
		t.printf("%s is not locked", store.Location())
		return nil
	}
	if st, err := store.Store.Load(ctx); err == nil { // a damaged state is unlocked too
		if err := g.checkSandbox(st); err != nil {
			return err
		}
	}
	who := held.Holder
	t.notice("%s is locked by jpsync %s, process %d of %s on %s, since %s, until %s unless it is renewed",
		store.Location(), who.Command, who.PID, who.User, who.Host, utc(who.Since), utc(held.Until))
	if !c.Force {
		if err := t.confirm(ctx, "take the lock away, so that this run can record nothing any more", "--force"); err != nil {
			return err
		}
	}
	err = store.shared.Unlock(ctx, held, state.Self("state unlock", time.Now()))
	if errors.Is(err, shared.ErrOtherHolder) {
		// A LockedError says how to wait for the lock, which nobody here wants.
		return &exitError{ExitLocked, fmt.Errorf("%w, so nothing was unlocked: run jpsync state unlock again to see which run that is, and decide then", shared.ErrOtherHolder)}
	}
	if err != nil {
		return err
	}
	t.printf("unlocked %s", store.Location())
	return nil
}
