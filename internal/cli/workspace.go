package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
	"jpsync/manifest"
	"jpsync/state"
)

// workspace is what a command works on, as the global flags say: a manifest, the files it
// refers to, a state, and an account somewhere.
type workspace struct {
	g        *globals
	t        *terminal
	manifest *manifest.Manifest
	files    *manifest.Files
	store    *stateStore
	endpoint string
}

// openWorkspace loads the manifest and finds the rest. Nothing is sent and nothing written.
func openWorkspace(t *terminal, g *globals) (*workspace, error) {
	return openBeside(context.Background(), t, g, func(context.Context, *stateStore) error { return nil })
}

// openBeside is openWorkspace while use reads the state, which for a hundred thousand apps
// takes as long. An error of the manifest comes before one of the state, so that the same
// mistakes give the same answer each time.
func openBeside(ctx context.Context, t *terminal, g *globals, use func(context.Context, *stateStore) error) (*workspace, error) {
	endpoint, err := g.endpoint()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	store, storeErr := openStore(t, g)
	var group errgroup.Group
	if storeErr == nil {
		group.Go(func() error { return use(ctx, store) })
	}
	w, err := loadWorkspace(t, g, endpoint)
	if err != nil {
		cancel()
	}
	useErr := group.Wait()
	if err == nil {
		err = errors.Join(storeErr, useErr)
	}
	if err != nil {
		w.close()
		store.end()
		return nil, err
	}
	w.store = store
	t.detail("manifest %s: %d apps; state %s; endpoint %s", w.manifest.Path, len(w.manifest.Apps), store.Location(), endpoint)
	return w, nil
}

// loadWorkspace loads everything but the state.
func loadWorkspace(t *terminal, g *globals, endpoint string) (*workspace, error) {
	m, err := manifest.Load(g.Manifest, manifest.Options{CertRoot: g.CertRoot})
	if err != nil {
		return nil, manifestError(g, err)
	}
	files, err := manifest.NewFiles(m.CertRoot, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return &workspace{g: g, t: t, manifest: m, files: files, endpoint: endpoint}, nil
}

// openAndLoad opens the workspace with its state, for a command that only reads.
func openAndLoad(ctx context.Context, t *terminal, g *globals) (w *workspace, st *state.State, err error) {
	w, err = openBeside(ctx, t, g, func(ctx context.Context, store *stateStore) (err error) {
		st, err = store.Load(ctx)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if err := w.belongs(st); err != nil {
		w.close()
		return nil, nil, err
	}
	return w, st, nil
}

// openAndLock opens the workspace with its state under the lock. The journal of an
// interrupted run is in the state then.
func openAndLock(ctx context.Context, t *terminal, g *globals, command string) (w *workspace, run *state.Run, err error) {
	w, err = openBeside(ctx, t, g, func(ctx context.Context, store *stateStore) (err error) {
		run, err = lockState(ctx, t, g, store, command)
		return err
	})
	if err == nil {
		if err = w.belongs(run.Saved()); err == nil {
			return w, run, nil
		}
	}
	if run != nil {
		err = errors.Join(err, run.Close())
	}
	w.close()
	return nil, nil, err
}

// close ends what the workspace has open; a nil one has nothing.
func (w *workspace) close() {
	if w == nil {
		return
	}
	w.files.Close()
	w.store.end()
}

// manifestError adds the way out for somebody who has no manifest yet.
func manifestError(g *globals, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w\nwrite one with jpsync init, or name another with --manifest", err)
	}
	return err
}

// endpoint is the Admin API that the flags choose.
func (g *globals) endpoint() (string, error) {
	if g.Sandbox {
		return sandbox.Endpoint, nil
	}
	if g.Endpoint == "" {
		return jpush.DefaultEndpoint, nil
	}
	return jpush.NormalizeEndpoint(g.Endpoint)
}

// directory is where the manifest is, and what belongs to it.
func (g *globals) directory() string {
	if info, err := os.Stat(g.Manifest); err == nil && info.IsDir() {
		return g.Manifest
	}
	return filepath.Dir(g.Manifest)
}

// sandboxDir keeps the embedded simulator's account and state between runs.
func (g *globals) sandboxDir() string { return filepath.Join(g.directory(), ".jpsync", "sandbox") }

// account is the dev_key, or "" when it is not at hand, which only an apply minds.
func (w *workspace) account() string {
	if w.g.Sandbox {
		return sandbox.DevKey
	}
	key, err := w.files.Secret(w.manifest.Account.DevKey)
	if err != nil {
		return ""
	}
	return key
}

// credentials resolves both halves; an error names each that is missing.
func (w *workspace) credentials() (devKey, devSecret string, err error) {
	if w.g.Sandbox {
		return sandbox.DevKey, sandbox.DevSecret, nil
	}
	devKey, keyErr := w.files.Secret(w.manifest.Account.DevKey)
	devSecret, secretErr := w.files.Secret(w.manifest.Account.DevSecret)
	if err := errors.Join(keyErr, secretErr); err != nil {
		return "", "", fmt.Errorf("no credentials to apply with: %w\nset them, or try without an account: --sandbox", err)
	}
	return devKey, devSecret, nil
}

// connect makes the client. closeIdle closes its connections at the end.
func (w *workspace) connect(parallelism int, options jpush.Options) (client *jpush.Client, closeIdle func(), err error) {
	options.DevKey, options.DevSecret, err = w.credentials()
	if err != nil {
		return nil, nil, err
	}
	options.Endpoint, options.Version, options.MaxConns = w.endpoint, version(), parallelism
	if w.g.Sandbox {
		if options.Transport, err = embed(w.g.sandboxDir()); err != nil {
			return nil, nil, err
		}
	}
	if client, err = jpush.New(options); err != nil {
		return nil, nil, err
	}
	return client, client.CloseIdleConnections, nil
}

// embed makes a transport that ends at a simulator inside this process.
func embed(dir string) (http.RoundTripper, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep the sandbox's account: %w", err)
	}
	server, err := sandbox.New(sandbox.Options{Data: filepath.Join(dir, "account.json")})
	if err != nil {
		return nil, err
	}
	return sandbox.Transport(server), nil
}

// lockState takes the state's lock for a command and folds what an interrupted run left.
func lockState(ctx context.Context, t *terminal, g *globals, store *stateStore, command string) (*state.Run, error) {
	return beginRun(ctx, t, g, store, store.options(t, g, command))
}

func beginRun(ctx context.Context, t *terminal, g *globals, store *stateStore, options state.Options) (*state.Run, error) {
	if g.Sandbox {
		if err := os.MkdirAll(g.sandboxDir(), 0o700); err != nil {
			return nil, fmt.Errorf("keep the sandbox's state: %w", err)
		}
	}
	run, err := state.Begin(ctx, store.Store, options)
	if err != nil {
		return nil, err
	}
	if n := run.Replayed(); n > 0 {
		t.info("an earlier run was interrupted: %d records of its journal are in the state now", n)
	}
	return run, nil
}

// bind ties the state to this account, which it keeps from its first change on.
func (w *workspace) bind(run *state.Run) error {
	account := w.account()
	if account == "" {
		account = run.Saved().Account
	}
	if account == "" {
		_, _, err := w.credentials()
		return err
	}
	return run.Bind(w.endpoint, account)
}

// belongs refuses a state that was bound to another endpoint or account. Here is also the
// place for the way out that a user of the sandbox needs.
func (w *workspace) belongs(st *state.State) error {
	if st.Endpoint != "" && st.Endpoint != w.endpoint {
		return &state.MismatchError{Field: "endpoint", Recorded: st.Endpoint, Given: w.endpoint}
	}
	if account := w.account(); st.Account != "" && account != "" && st.Account != account {
		return &state.MismatchError{Field: "account", Recorded: st.Account, Given: account}
	}
	return nil
}
