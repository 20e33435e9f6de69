package cli

import (
	"cmp"
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
	"jpsync/planner"
	"jpsync/state"
)

// workspace is what a command works on, as the global flags say: a manifest, the files it
// refers to, a state, and an account somewhere.
type workspace struct {
	g        *globals
	manifest *manifest.Manifest
	files    *manifest.Files
	store    *stateStore
	state    *state.State // as it was read
	run      *state.Run   // the state under the lock; nil for a command that does not lock it
	endpoint string
}

// openWorkspace loads the manifest and reads the state at the same time: with 100,000 apps each
// takes about as long. An error of the manifest comes before one of the state, so that the same
// mistakes give the same answer each time.
func openWorkspace(ctx context.Context, t *terminal, g *globals, open stateOpener) (*workspace, error) {
	endpoint, err := g.endpoint()
	if err != nil {
		return nil, err
	}
	w := &workspace{g: g, endpoint: endpoint}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group errgroup.Group
	group.Go(func() (err error) {
		if w.store, err = openStore(t, g); err == nil {
			w.state, err = open(ctx, w)
		}
		return err
	})
	manifestErr := w.loadManifest()
	if manifestErr != nil {
		cancel()
	}
	err = group.Wait()
	if manifestErr != nil {
		err = manifestErr
	}
	if err == nil {
		t.detail("manifest %s: %d apps; state %s; endpoint %s", w.manifest.Path, len(w.manifest.Apps), w.store.Location(), endpoint)
		err = w.checkState(w.state)
	}
	if err == nil {
		planner.Align(w.manifest, w.state)
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// stateOpener is how a command gets at the state: [noState], [loadState], [existingState], or [lockAs]
// to change it.
type stateOpener func(context.Context, *workspace) (*state.State, error)

// noState reads nothing and returns an empty state.
func noState(context.Context, *workspace) (*state.State, error) { return state.New(), nil }

// loadState reads the state without its lock.
func loadState(ctx context.Context, w *workspace) (*state.State, error) { return w.store.Load(ctx) }

// existingState reads a state that has to be there.
func existingState(ctx context.Context, w *workspace) (*state.State, error) {
	return w.store.existing(ctx)
}

// lockAs locks the state for command and stores the run in the workspace. The journal of an
// interrupted run is in the state.
func lockAs(command string) stateOpener {
	return func(ctx context.Context, w *workspace) (*state.State, error) {
		run, err := w.store.begin(ctx, w.store.options(command))
		if err != nil {
			return nil, err
		}
		w.run = run
		return run.Snapshot(), nil
	}
}

// loadManifest loads the manifest and finds its files.
func (w *workspace) loadManifest() (err error) {
	if w.manifest, err = manifest.Load(w.g.Manifest, manifest.Options{CertRoot: w.g.CertRoot}); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w\nwrite one with jpsync init, or name another with --manifest", err)
		}
		return manifestError{err}
	}
	w.files, err = manifest.NewFiles(w.manifest.CertRoot, os.LookupEnv)
	return err
}

// checkState refuses a state that was bound to another endpoint or account.
func (w *workspace) checkState(st *state.State) error {
	return st.BelongsTo(w.endpoint, cmp.Or(w.account(), st.Account))
}

// bind ties the state to this account, which it keeps from its first change on.
func (w *workspace) bind() error {
	account := cmp.Or(w.account(), w.run.Snapshot().Account)
	if account == "" {
		_, _, err := w.credentials()
		return err
	}
	return w.run.Bind(w.endpoint, account)
}

// connect makes the client. Its idle connections are the caller's to close.
func (w *workspace) connect(options jpush.Options) (_ *jpush.Client, err error) {
	if options.DevKey, options.DevSecret, err = w.credentials(); err != nil {
		return nil, err
	}
	options.Endpoint, options.Version = w.endpoint, version()
	if w.g.Sandbox {
		if options.Transport, err = w.g.simulator(); err != nil {
			return nil, err
		}
	}
	return jpush.New(options)
}

// simulator makes a transport that ends at a simulator inside this process.
func (g *globals) simulator() (http.RoundTripper, error) {
	dir := g.sandboxDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep the sandbox's account: %w", err)
	}
	server, err := sandbox.New(sandbox.Options{Data: filepath.Join(dir, "account.json")})
	if err != nil {
		return nil, err
	}
	return sandbox.Transport(server), nil
}

// account returns the dev_key, or "" if it cannot be read: commands that send nothing do without it.
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

// close gives the lock back and ends what else the workspace has open.
func (w *workspace) close() {
	if w.files != nil {
		w.files.Close()
	}
	w.store.end()
}

// manifestError says that the manifest cannot be read, see [reporting.noPlan].
type manifestError struct{ error }

func (e manifestError) Unwrap() error { return e.error }

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
