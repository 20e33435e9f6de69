package state

import (
	"fmt"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// encryptRecord encrypts the secret of a record in place: [Record.Checked] has copied it.
func (r Recipients) encryptRecord(rec Record) error {
	if rec.Result == nil || rec.Result.App == nil {
		return nil
	}
	encrypted, err := r.Encrypt(rec.Result.App.MasterSecret)
	if err != nil {
		return err
	}
	rec.Result.App.MasterSecret = encrypted
	return nil
}

// encryptState returns st when it has no secret in clear, or may have them. Otherwise it returns a
// copy, in which all are encrypted.
func (r Recipients) encryptState(st *State) (*State, error) {
	if !r.Any() {
		return st, nil
	}
	for _, app := range st.Apps {
		if app.MasterSecret != "" && !Encrypted(app.MasterSecret) {
			encrypted := st.Clone()
			return encrypted, RewriteSecrets(encrypted.Apps, r.Encrypt)
		}
	}
	return st, nil
}

// Encrypts reports whether the secrets that this run writes are encrypted.
func (r *Run) Encrypts() bool { return r.opts.Recipients.Any() }

// Unpurged says where secrets remain in clear although they are encrypted in the state now.
func (r *Run) Unpurged() error { return r.unpurged }

// RewriteSecrets changes the master secret of every app that has one, in place and several side
// by side. After an error the apps are as they were.
func RewriteSecrets(apps map[string]App, rewrite func(secret string) (string, error)) error {
	ids := slices.Sorted(maps.Keys(apps))
	secrets := make([]string, len(ids))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, id := range ids {
		secret := apps[id].MasterSecret
		if secret == "" {
			continue
		}
		group.Go(func() (err error) {
			if secrets[i], err = rewrite(secret); err != nil {
				return fmt.Errorf("the master secret of %q: %w", id, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, id := range ids {
		app := apps[id]
		app.MasterSecret = secrets[i]
		apps[id] = app
	}
	return nil
}
