package state

import (
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// encrypter encrypts the secrets that a run writes. It remembers them, so that a record that is
// written again, with another certificate, has the same text in the place of the secret.
type encrypter struct {
	to Recipients

	mu    sync.Mutex
	known map[string]string // encrypted, by the secret in clear
}

// encryptRecord encrypts the secret of a record in place: [Record.Checked] has copied it.
func (e *encrypter) encryptRecord(rec Record) error {
	if rec.Result == nil || rec.Result.App == nil {
		return nil
	}
	app := rec.Result.App
	if !e.to.Any() || app.MasterSecret == "" || Encrypted(app.MasterSecret) {
		return nil
	}
	e.mu.Lock()
	encrypted, ok := e.known[app.MasterSecret]
	e.mu.Unlock()
	if !ok {
		var err error
		if encrypted, err = e.to.Encrypt(app.MasterSecret); err != nil {
			return err
		}
		e.mu.Lock()
		if e.known == nil {
			e.known = map[string]string{}
		}
		e.known[app.MasterSecret] = encrypted
		e.mu.Unlock()
	}
	app.MasterSecret = encrypted
	return nil
}

// encryptState returns st when it has no secret in clear, or may have them. Otherwise it returns a
// copy, in which all are encrypted.
func (e *encrypter) encryptState(st *State) (*State, error) {
	if !e.to.Any() {
		return st, nil
	}
	for _, app := range st.Apps {
		if app.MasterSecret != "" && !Encrypted(app.MasterSecret) {
			encrypted := st.Clone()
			return encrypted, RewriteSecrets(encrypted.Apps, e.to.Encrypt)
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
	ids := keys(apps, nil)
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
