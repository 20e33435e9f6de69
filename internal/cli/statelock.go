package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"jpsync/state"
	"jpsync/state/postgres"
)

type stateUnlockCmd struct {
	Force bool `env:"JPSYNC_UNLOCK_FORCE" help:"Don't ask."`
}

// Run says who has the lock before it takes it away.
func (c *stateUnlockCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	store, err := openStore(t, g)
	if err != nil {
		return err
	}
	defer store.end()
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
	if err := store.shared.Unlock(ctx, held, state.Self("state unlock", time.Now())); err != nil {
		return err
	}
	t.printf("unlocked %s", store.Location())
	return nil
}

type stateRekeyCmd struct{}

// Run rewrites the secrets under the lock.
func (stateRekeyCmd) Run(ctx context.Context, t *terminal, g *globals) error {
	store, err := openStore(t, g)
	if err != nil {
		return err
	}
	defer store.end()
	if !store.recipients.Any() {
		return errors.New("there are no recipients to encrypt for: name them with state_recipients in the manifest, or JPSYNC_STATE_RECIPIENTS")
	}
	st, err := store.existing(ctx, g)
	if err != nil {
		return err
	}
	var identities state.Identities
	for _, app := range st.Apps {
		if state.Encrypted(app.MasterSecret) {
			if identities, err = readIdentities(); err != nil {
				return fmt.Errorf("the master secrets are encrypted: %w", err)
			}
			break
		}
	}
	run, err := lockState(ctx, t, g, store, "state rekey")
	if err != nil {
		return err
	}
	defer run.Close()
	if err := run.Rekey(ctx, identities, store.recipients); err != nil {
		return err
	}
	t.printf("encrypted the master secrets of %s anew in %s", plural(len(run.Saved().Apps), "app"), store.Location())
	return nil
}

type stateSQLCmd struct{}

// Run prints SQL. The grants are for the user in the location, if there is one; others are in
// comments, since nobody knows their names.
func (stateSQLCmd) Run(t *terminal, g *globals) error {
	settings, err := g.stateSettings()
	if err != nil {
		return err
	}
	user := "jpsync"
	if u, err := url.Parse(settings.Location); err == nil && u.User.Username() != "" && checkLocation(settings.Location) == nil {
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
