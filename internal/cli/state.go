package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/state"
)

type stateCmd struct {
	List    stateListCmd    `cmd:"" help:"List the recorded ids."`
	Show    stateShowCmd    `cmd:"" help:"Show what is recorded of one app."`
	Mv      stateMvCmd      `cmd:"" help:"Change the id of a record; the app and its key stay."`
	Rm      stateRmCmd      `cmd:"" help:"Forget an app; JPush keeps it."`
	Repair  stateRepairCmd  `cmd:"" help:"Show what differs in a damaged or edited state, and accept it as it is."`
	Pull    statePullCmd    `cmd:"" help:"Print the state as JSON, master secrets masked."`
	Push    statePushCmd    `cmd:"" help:"Put the state in a file in the place of the one that is there."`
	Copy    stateCopyCmd    `cmd:"" help:"Move the state to another location."`
	Recover stateRecoverCmd `cmd:"" help:"Merge the answers in a recovery file or a journal into the state."`
	Unlock  stateUnlockCmd  `cmd:"" help:"Take the lock of a shared state from whoever holds it."`
	Rekey   stateRekeyCmd   `cmd:"" help:"Encrypt every master secret anew, for the recipients."`
	SQL     stateSQLCmd     `cmd:"" name:"sql" help:"Print the table of a state in PostgreSQL, with the grants."`
}

type stateListCmd struct{}

// Run prints one id on each line.
func (stateListCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	st, err := readState(ctx, t, g)
	if err != nil {
		return err
	}
	for _, id := range sortedIDs(st) {
		if err := t.printf("%s", id); err != nil {
			return err
		}
	}
	return nil
}

type stateShowCmd struct {
	ID          string `arg:"" help:"The recorded id."`
	ShowSecrets bool   `help:"Include the master secret."`
}

// Run prints one record.
func (c stateShowCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	st, err := readState(ctx, t, g)
	if err != nil {
		return err
	}
	if err := recorded(st, c.ID); err != nil {
		return err
	}
	app := st.Apps[c.ID]
	if c.ShowSecrets {
		if err := t.reveal([]string{c.ID}, []*string{&app.MasterSecret}); err != nil {
			return err
		}
	}
	return report.AppText(t.Out, c.ID, app, c.ShowSecrets)
}

type stateMvCmd struct {
	Old string `arg:"" help:"The recorded id."`
	New string `arg:"" help:"The new id."`
}

// Run renames under the lock. A pending request goes with its app.
func (c stateMvCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	return editState(ctx, t, g, "state mv", func(st *state.State) error {
		if err := recorded(st, c.Old); err != nil {
			return err
		}
		if err := manifest.CheckID(c.New); err != nil {
			return fmt.Errorf("%q cannot be an id: %w", c.New, err)
		}
		_, taken := st.Apps[c.New]
		if _, pending := st.Pending[c.New]; taken || pending {
			return fmt.Errorf("%s is recorded already: choose another id, or remove that record first with jpsync state rm", c.New)
		}
		st.Apps[c.New] = st.Apps[c.Old]
		delete(st.Apps, c.Old)
		if intent, ok := st.Pending[c.Old]; ok {
			st.Pending[c.New] = intent
			delete(st.Pending, c.Old)
		}
		return nil
	}, func(*state.State) { t.printf("moved %s to %s", c.Old, c.New) })
}

type stateRmCmd struct {
	IDs []string `arg:"" name:"id" help:"The recorded ids."`
}

// Run forgets under the lock; all of the ids or none.
func (c stateRmCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	ids := slices.Compact(slices.Sorted(slices.Values(c.IDs)))
	return editState(ctx, t, g, "state rm", func(st *state.State) error {
		for _, id := range ids {
			_, ok := st.Apps[id]
			_, pending := st.Pending[id]
			if !ok && !pending {
				return recorded(st, id)
			}
			delete(st.Apps, id)
			delete(st.Pending, id)
		}
		return nil
	}, func(before *state.State) {
		for _, id := range ids {
			if app, ok := before.Apps[id]; ok {
				t.printf("forgot %s  app key %s", id, app.AppKey)
			} else {
				t.printf("forgot the unanswered %s of %s", before.Pending[id].Op, id)
			}
		}
	})
}

// editState changes the state by hand, under the lock, and calls done with the state before
// once the change is on disk.
func editState(ctx context.Context, t *terminal, g *globals, command string, edit func(*state.State) error, done func(before *state.State)) error {
	store, err := openStore(t, g)
	if err != nil {
		return err
	}
	defer store.end()
	if _, err := store.existing(ctx, g); err != nil {
		return err
	}
	run, err := lockState(ctx, t, g, store, command)
	if err != nil {
		return err
	}
	defer run.Close()
	before := run.State()
	if err := run.Update(ctx, edit); err != nil {
		return err
	}
	done(before)
	return nil
}

// recorded returns an error for an id that the state does not have.
func recorded(st *state.State, id string) error {
	if _, ok := st.Apps[id]; ok {
		return nil
	}
	if near := manifest.Suggest(id, sortedIDs(st)); near != "" {
		return fmt.Errorf("the state has no app with the id %q; did you mean %q?", id, near)
	}
	return fmt.Errorf("the state has no app with the id %q: jpsync state list shows what it has", id)
}

func sortedIDs(st *state.State) []string { return sortedKeys(st.Apps) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
