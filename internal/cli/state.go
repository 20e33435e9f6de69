package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
	"jpsync/state/postgres"
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
func (stateListCmd) Run(ctx context.Context, t *terminal, store *stateStore) error {
	st, err := store.existing(ctx)
	if err != nil {
		return err
	}
	for _, id := range sortedKeys(st.Apps) {
		t.printf("%s", id)
	}
	return nil
}

type stateShowCmd struct {
	ID          string `arg:"" complete:"recorded" help:"The recorded id."`
	ShowSecrets bool   `help:"Include the master secret."`
}

// Run prints one record.
func (c stateShowCmd) Run(ctx context.Context, t *terminal, store *stateStore) error {
	st, err := store.existing(ctx)
	if err != nil {
		return err
	}
	if c.ID, err = recorded(st, c.ID); err != nil {
		return err
	}
	shown := map[string]state.App{c.ID: st.Apps[c.ID]}
	if c.ShowSecrets {
		if err := t.reveal(shown); err != nil {
			return err
		}
	}
	return report.AppText(t.Out, c.ID, shown[c.ID], c.ShowSecrets)
}

type stateMvCmd struct {
	Old string `arg:"" complete:"recorded" help:"The recorded id."`
	New string `arg:"" complete:"unrecorded" help:"The new id."`
}

// Run renames under the lock. A pending request goes with its app.
func (c stateMvCmd) Run(ctx context.Context, t *terminal, store *stateStore) error {
	_, err := store.edit(ctx, "state mv", func(st *state.State) (err error) {
		if c.Old, err = recorded(st, c.Old); err != nil {
			return err
		}
		if err := manifest.CheckID(c.New); err != nil {
			return fmt.Errorf("%q cannot be an id: %w", c.New, err)
		}
		same := planner.Spelling(st)(c.New) // another Unicode form of an id is the same id
		_, taken := st.Apps[same]
		if _, pending := st.Pending[same]; (taken || pending) && (same != c.Old || c.New == c.Old) {
			return fmt.Errorf("%s is recorded already: choose another id, or remove that record first with jpsync state rm", c.New)
		}
		st.Apps[c.New] = st.Apps[c.Old]
		delete(st.Apps, c.Old)
		if intent, ok := st.Pending[c.Old]; ok {
			st.Pending[c.New] = intent
			delete(st.Pending, c.Old)
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.printf("moved %s to %s", c.Old, c.New)
	return nil
}

type stateRmCmd struct {
	IDs []string `arg:"" name:"id" complete:"recorded" help:"The recorded ids."`
}

// Run forgets under the lock; all of the ids or none.
func (c stateRmCmd) Run(ctx context.Context, t *terminal, store *stateStore) error {
	ids := slices.Clone(c.IDs)
	before, err := store.edit(ctx, "state rm", func(st *state.State) error {
		spell := planner.Spelling(st)
		for i, id := range ids {
			ids[i] = spell(id)
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		for _, id := range ids {
			_, ok := st.Apps[id]
			_, pending := st.Pending[id]
			if !ok && !pending {
				_, err := recorded(st, id)
				return err
			}
			delete(st.Apps, id)
			delete(st.Pending, id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if app, ok := before.Apps[id]; ok {
			t.printf("forgot %s  app key %s", id, app.AppKey)
		} else {
			t.printf("forgot the unanswered %s of %s", before.Pending[id].Op, id)
		}
	}
	return nil
}

// recorded returns the id of an app as the state has it, or an error if it has none.
func recorded(st *state.State, id string) (string, error) {
	id = planner.Spelling(st)(id)
	if _, ok := st.Apps[id]; ok {
		return id, nil
	}
	hint := cmp.Or(nearest("; did you mean %q?", id, sortedKeys(st.Apps)), ": jpsync state list shows what it has")
	return "", fmt.Errorf("the state has no app with the id %q%s", id, hint)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

type stateSQLCmd struct{}

// Run prints SQL. The grants are for the user in the location, if there is one; others are in
// comments, since nobody knows their names.
func (stateSQLCmd) Run(t *terminal, g *globals) error {
	settings, err := g.stateSettings()
	if err != nil {
		return err
	}
	user := "jpsync"
	if u, err := url.Parse(settings.Location); err == nil && u.User.Username() != "" {
		user = u.User.Username()
	}
	_, err = fmt.Fprintf(t.Out, `%s;

-- For a job that applies. DELETE is only used to tidy up and may be left out.
GRANT SELECT, INSERT, DELETE ON jpsync_log TO %s;

-- For a job that only plans, or prints app keys:
-- GRANT SELECT ON jpsync_log TO …;
`, postgres.Table, `"`+strings.ReplaceAll(user, `"`, `""`)+`"`)
	return err
}
