package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"jpsync/internal/report"
	"jpsync/state"
)

// identityVariable names the file with the identity that opens encrypted master secrets.
const identityVariable = "JPSYNC_STATE_IDENTITY"

// readIdentities reads the identity file. It is an error when none is given.
func readIdentities() (state.Identities, error) {
	path := os.Getenv(identityVariable)
	if path == "" {
		return state.Identities{}, errors.New("set " + identityVariable + " to the identity file of one of the recipients")
	}
	f, err := os.Open(path)
	if err != nil {
		return state.Identities{}, fmt.Errorf("%s: %w", identityVariable, err)
	}
	defer f.Close()
	identities, err := state.ParseIdentities(f)
	if err != nil {
		return state.Identities{}, fmt.Errorf("%s: %s: %w", identityVariable, path, err)
	}
	return identities, nil
}

// decrypt opens the master secrets of some recorded apps in place. The identity file is only
// read when one of them is encrypted.
func decrypt(apps map[string]state.App) error {
	n := encrypted(apps)
	if n == 0 {
		return nil
	}
	identities, err := readIdentities()
	if err != nil {
		return fmt.Errorf("%s encrypted: %w", report.PluralIs(n, "master secret"), err)
	}
	if err := state.RewriteSecrets(apps, identities.Decrypt); err != nil {
		return fmt.Errorf("%w; name another identity file with %s", err, identityVariable)
	}
	return nil
}

// encrypted counts the apps whose master secret is encrypted.
func encrypted(apps map[string]state.App) (n int) {
	for _, app := range apps {
		if state.Encrypted(app.MasterSecret) {
			n++
		}
	}
	return n
}

// reveal is decrypt for secrets that go to standard output.
func (t *terminal) reveal(apps map[string]state.App) error {
	if err := decrypt(apps); err != nil {
		return err
	}
	t.warnOfSecrets()
	t.maskAll(apps)
	return nil
}

// warnOfSecrets warns a person at a terminal.
func (t *terminal) warnOfSecrets() {
	if isTerminal(t.Out) {
		t.warn("the output has master secrets: with one, anybody can push to every device of its app")
	}
}

// maskAll has GitHub Actions mask the master secrets in the job's log.
func (t *terminal) maskAll(apps map[string]state.App) {
	for _, id := range sortedKeys(apps) {
		t.actions.mask(apps[id].MasterSecret)
	}
}

type stateRekeyCmd struct{}

// Run rewrites the secrets under the lock.
func (stateRekeyCmd) Run(ctx context.Context, t *terminal, store *stateStore) error {
	if !store.recipients.Any() {
		return errors.New("there are no recipients to encrypt for: name them with state_recipients in the manifest, or JPSYNC_STATE_RECIPIENTS")
	}
	st, err := store.existing(ctx)
	if err != nil {
		return err
	}
	var identities state.Identities
	if encrypted(st.Apps) > 0 {
		if identities, err = readIdentities(); err != nil {
			return fmt.Errorf("the master secrets are encrypted: %w", err)
		}
	}
	run, err := store.begin(ctx, store.options("state rekey"))
	if err != nil {
		return err
	}
	if err := run.Rekey(ctx, identities); err != nil {
		return err
	}
	t.printf("encrypted the master secrets of %s anew in %s", report.Plural(len(run.Snapshot().Apps), "app"), store.Location())
	return nil
}
