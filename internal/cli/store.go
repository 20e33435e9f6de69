package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"jpsync/internal/jpush/sandbox"
	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/state"
	"jpsync/state/postgres"
	"jpsync/state/s3"
	"jpsync/state/shared"
)

// stateName is the name of the state file beside the manifest.
const stateName = "jpsync.state.json"

// stateStore is where the state is, for a command with its flags. Either file or shared is set.
type stateStore struct {
	state.Store
	t          *terminal
	g          *globals
	file       *state.File
	shared     *shared.Store
	place      shared.Place     // of a shared state
	recipients state.Recipients // who can read its master secrets
	run        *state.Run       // the last one; nil: none
}

// openStore finds the state: --state or JPSYNC_STATE, the manifest, or the file beside the
// manifest. With --sandbox it is the sandbox's own file, unless --state is among the arguments.
// Nothing is read of it yet, and nothing sent. The sandbox's directory is made when something is
// first written into it.
func openStore(t *terminal, g *globals) (*stateStore, error) {
	settings, err := g.stateSettings()
	if err != nil {
		return nil, err
	}
	recipients, err := state.ParseRecipients(settings.Recipients)
	if err != nil {
		return nil, err
	}
	store, err := openLocation(t, g, settings.Location)
	if err != nil {
		return nil, err
	}
	store.recipients = recipients
	return store, nil
}

// stateSettings are what the flags, the environment and the manifest say about the state, in
// this order. A manifest that is missing says nothing.
func (g *globals) stateSettings() (manifest.StateSettings, error) {
	settings, err := manifest.LoadState(g.Manifest)
	switch {
	case has[manifest.Errors](err):
		return settings, manifestError{err} // with their places, as everywhere
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return settings, manifestError{fmt.Errorf("find the state: %w", err)}
	}
	switch {
	case g.State != "":
		settings.Location = g.State
	case g.Sandbox:
		settings.Location = filepath.Join(g.sandboxDir(), stateName)
	case settings.Location == "":
		settings.Location = filepath.Join(g.directory(), stateName)
	}
	if keys := os.Getenv("JPSYNC_STATE_RECIPIENTS"); keys != "" {
		settings.Recipients = strings.FieldsFunc(keys, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		if len(settings.Recipients) == 0 {
			return settings, errors.New("JPSYNC_STATE_RECIPIENTS is set and names no key: give public keys that begin with age1, or unset it")
		}
	}
	return settings, nil
}

// secretForm is what a path does not have, and a mistyped location with a password in it does:
// USER:PASSWORD@ without the scheme's ://, or libpq's password=.
var secretForm = regexp.MustCompile(`(?is):.*@|pass\w*\s*=`)

// openLocation makes the store of a location: a path, a bucket or a database. Nothing is connected.
// A location that is refused is not repeated: it may hold a password.
func openLocation(t *terminal, g *globals, location string) (*stateStore, error) {
	scheme, _, ok := strings.Cut(location, ":")
	scheme = strings.ToLower(scheme)
	store := &stateStore{t: t, g: g}
	switch {
	case ok && scheme == s3.Scheme:
		where, err := s3.FromEnvironment(location)
		if err != nil {
			return nil, err
		}
		store.place = s3.New(where)
	case ok && slices.Contains(postgres.Schemes, scheme):
		where, err := postgres.Parse(location)
		if err != nil {
			return nil, err
		}
		store.place = postgres.New(where)
	case strings.Contains(location, "://"):
		return nil, errors.New("the state's location has an unknown scheme: it is a path, s3://BUCKET/PREFIX or postgres://USER@HOST/DB")
	case secretForm.MatchString(location):
		return nil, errors.New("the state's location looks like a mistyped one with a password, which ends up in logs: it is a path, " +
			"s3://BUCKET/PREFIX or postgres://USER@HOST/DB, and the credentials come from the environment")
	default:
		store.file = state.NewFile(location, t.FS)
		store.Store = store.file
		return store, nil
	}
	var err error
	store.shared, err = shared.New(store.place, g.Lease)
	store.Store = store.shared
	return store, err
}

// checkLocation says why openLocation would refuse a location.
func checkLocation(location string) error {
	store, err := openLocation(&terminal{}, &globals{}, location)
	if err == nil {
		store.end()
	}
	return err
}

// end gives the lock back, if that is not done, ends the connections of a store, and warns of master
// secrets that stay in clear where they were before.
func (s *stateStore) end() {
	if s == nil {
		return
	}
	if s.run != nil {
		if err := s.run.Close(); err != nil {
			s.t.warn("%v", err)
		}
		if err := s.run.Unpurged(); err != nil {
			s.t.warn("master secrets may remain in clear in earlier versions of the state: %v", err)
		}
	}
	if database, ok := s.place.(*postgres.Place); ok {
		database.Close()
	}
}

// readState reads the state for a command that needs no manifest.
func readState(ctx context.Context, t *terminal, g *globals) (*state.State, error) {
	store, err := openStore(t, g)
	if err != nil {
		return nil, err
	}
	defer store.end()
	return store.existing(ctx)
}

// existing reads a state that has to be there.
func (s *stateStore) existing(ctx context.Context) (*state.State, error) {
	st, err := s.Load(ctx)
	if err != nil {
		return nil, err
	}
	if st.Serial == 0 && len(st.Apps) == 0 && len(st.Pending) == 0 {
		err := fmt.Errorf("there is no state at %s: it is written by the first jpsync apply; name another with --state or --manifest", s.Location())
		if _, elsewhere := os.Stat(filepath.Join(s.g.sandboxDir(), stateName)); elsewhere == nil && s.g.State == "" && !s.g.Sandbox {
			err = fmt.Errorf("%w, or the sandbox's with --sandbox", err)
		}
		return nil, err
	}
	return st, nil
}

// Load implements [state.Store]. It refuses a state that is in use elsewhere.
func (s *stateStore) Load(ctx context.Context) (*state.State, error) {
	st, err := s.Store.Load(ctx)
	if err != nil {
		return nil, err
	}
	return st, st.Moved(s.Location())
}

// begin takes the state's lock and folds what an interrupted run left. The store's end gives the
// lock back.
func (s *stateStore) begin(ctx context.Context, options state.Options) (*state.Run, error) {
	if s.g.Sandbox {
		if err := os.MkdirAll(s.g.sandboxDir(), 0o700); err != nil {
			return nil, fmt.Errorf("keep the sandbox's state: %w", err)
		}
	}
	run, err := state.Begin(ctx, s.Store, options)
	if err != nil {
		return nil, err
	}
	s.run = run
	if n := run.Replayed(); n > 0 {
		s.t.info("an earlier run was interrupted: the state has %s of its journal now", report.Plural(n, "record"))
	}
	return run, nil
}

// options are how a command holds the lock.
func (s *stateStore) options(command string) state.Options {
	holder := state.Self(command, time.Now())
	holder.Wait = s.g.LockTimeout
	return state.Options{FS: s.t.FS, Holder: holder, Recipients: s.recipients, Check: s.g.checkSandbox}
}

// checkSandbox refuses to write a state of the sandbox without --sandbox, and any other with
// it. Commands that edit by hand never ask for the account, so nothing else stops them.
func (g *globals) checkSandbox(st *state.State) error {
	if st.Endpoint == "" || g.Sandbox == (st.Endpoint == sandbox.Endpoint) {
		return nil
	}
	given, err := g.endpoint()
	if err != nil {
		return err
	}
	return &state.MismatchError{Field: "endpoint", Recorded: st.Endpoint, Given: given}
}

// edit changes the state by hand, under the lock, and returns what it was before.
func (s *stateStore) edit(ctx context.Context, command string, change func(*state.State) error) (before *state.State, err error) {
	if _, err := s.existing(ctx); err != nil {
		return nil, err
	}
	run, err := s.begin(ctx, s.options(command))
	if err != nil {
		return nil, err
	}
	before = run.State()
	return before, run.Update(ctx, change)
}

// files are the files that belong to a local state, also by the name of the file that a link leads to.
// A shared one has none.
func (s *stateStore) files() []string {
	if s == nil || s.file == nil {
		return nil
	}
	paths := []string{s.Location()}
	if target, err := filepath.EvalSymlinks(s.Location()); err == nil {
		paths = append(paths, target)
	}
	var files []string
	for _, path := range paths {
		files = append(files, path, path+state.BackupSuffix, path+state.JournalSuffix, path+state.LockSuffix)
	}
	return files
}

// directory is where a recovery file goes first: beside a local state, else beside the manifest.
func (s *stateStore) directory() string {
	if s.file != nil {
		return filepath.Dir(s.Location())
	}
	return s.g.directory()
}
