package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"jpsync/internal/report"
	"jpsync/manifest"
	"jpsync/state"
)

// masked stands for a master secret that is not shown.
const masked = "(secret)"

// maxStateBytes bounds a file with a state.
const maxStateBytes = 1 << 30

type statePullCmd struct {
	ShowSecrets bool `help:"Include the master secrets, decrypted."`
}

// Run prints the state as it would be in a file. Also one that has moved: it may be all that
// is left.
func (c *statePullCmd) Run(ctx context.Context, t *terminal, store *stateStore) error {
	st, err := store.Store.Load(ctx)
	if err != nil {
		return err
	}
	if !st.Exists() {
		return fmt.Errorf("there is no state at %s", store.Location())
	}
	if err := st.Moved(store.Location()); err != nil {
		t.warn("%v", err)
	}
	if c.ShowSecrets {
		if err := t.reveal(st.Apps); err != nil {
			return err
		}
	} else {
		for id, app := range st.Apps {
			if app.MasterSecret != "" && !state.Encrypted(app.MasterSecret) {
				app.MasterSecret = masked
				st.Apps[id] = app
			}
		}
	}
	data, err := state.Marshal(st)
	if err != nil {
		return err
	}
	if isTerminal(t.Out) { // elsewhere the bytes are what the checksum is of
		data = report.EscapeControls(data)
	}
	_, err = t.Out.Write(data)
	return err
}

type statePushCmd struct {
	File  string `arg:"" complete:"file" help:"A state, as jpsync state pull --show-secrets prints it, or a state file."`
	Force bool   `env:"JPSYNC_PUSH_FORCE" help:"Also in the place of another state, a newer one, or one that has moved."`
}

// Run replaces the state under the lock.
func (c *statePushCmd) Run(ctx context.Context, t *terminal, g *globals, store *stateStore) error {
	data, err := readFile(c.File, maxStateBytes)
	if err != nil {
		return err
	}
	st, err := state.Unmarshal(append(bytes.TrimRight(data, "\n"), '\n')) // psql adds a newline of its own
	if err != nil {
		return fmt.Errorf("read %s: %w", c.File, err)
	}
	for _, app := range st.Apps {
		if app.MasterSecret == masked {
			return fmt.Errorf("the master secrets in %s are masked, and would be lost: pull it again with --show-secrets", c.File)
		}
	}
	if err := st.Moved(c.File); err != nil && !c.Force {
		return err
	}
	options := store.options("state push")
	options.AllowMoved = c.Force
	run, err := store.begin(ctx, options)
	if err != nil {
		return err
	}
	if !c.Force {
		if err := continues(st, run.Snapshot(), store.Location()); err != nil {
			return refused(err)
		}
	}
	if err := g.checkSandbox(st); err != nil {
		return err
	}
	if err := run.Replace(ctx, st); err != nil {
		return err
	}
	t.printf("pushed %s to %s: serial %d, %s", c.File, store.Location(), run.Snapshot().Serial, report.Plural(len(st.Apps), "app"))
	return nil
}

// continues refuses a state that is not a later one of what is there.
func continues(st, there *state.State, location string) error {
	switch {
	case !there.Exists():
		return nil
	case st.Lineage != there.Lineage:
		return fmt.Errorf("%s has another state, of lineage %s: --force replaces it", location, there.Lineage)
	case st.Serial < there.Serial:
		return fmt.Errorf("%s has a newer state, with serial %d: --force goes back to serial %d", location, there.Serial, st.Serial)
	}
	return nil
}

// inManifest is the location of a state as the manifest names it: a path is relative to its directory.
func (g *globals) inManifest(s *stateStore) string {
	if rel, err := filepath.Rel(g.directory(), s.Location()); s.file != nil && err == nil {
		return filepath.ToSlash(rel)
	}
	return s.Location()
}

type stateCopyCmd struct {
	Location string `arg:"" complete:"file" help:"Where to: a file, s3://BUCKET/PREFIX or postgres://USER@HOST/DB."`
}

// Run moves the state under both locks.
func (c *stateCopyCmd) Run(ctx context.Context, t *terminal, g *globals, from *stateStore) error {
	to, err := openLocation(t, g, c.Location)
	if err != nil {
		return err
	}
	defer to.end()
	if from.Location() == to.Location() || sameFile(from.Location(), to.Location()) {
		return errors.New("the state is at " + to.Location() + " already")
	}
	if slices.ContainsFunc(from.files(), func(own string) bool { return sameFile(own, to.Location()) }) {
		return fmt.Errorf("%s is a file of the state %s: name another place", to.Location(), from.Location())
	}
	if err := state.Copy(ctx, from.Store, to.Store, from.options("state copy")); err != nil {
		return err
	}
	t.printf("the state is at %s now; %s is marked as moved", to.Location(), from.Location())
	if said, err := manifest.LoadState(g.Manifest); err != nil || said.Location != to.Location() {
		t.info("say so in the manifest, state: %s, or give %s as --state or JPSYNC_STATE", g.inManifest(to), to.Location())
	}
	return nil
}
