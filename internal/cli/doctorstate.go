package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"jpsync/manifest"
	"jpsync/state"
)

// The files beside the state, by what their names end in.
const (
	backupSuffix  = ".backup"
	journalSuffix = ".journal"
	lockSuffix    = ".lock"
)

// state looks at the files: readable, of the right mode, out of git, and in a place that can
// be written. It reports whether another process is at work on them.
func (d *doctor) state(ctx context.Context) (locked bool) {
	store, err := openStore(d.t, d.g)
	if err != nil {
		d.trouble("state", err, "")
		return false
	}
	path := store.Location()
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		d.well("state", path+": not there yet, the first apply writes it")
	case err != nil:
		d.trouble("state", err, "make it readable for the user that runs jpsync")
		return false
	default:
		d.well("state", path)
	}
	for _, suffix := range []string{"", backupSuffix, journalSuffix} {
		d.mode(path + suffix)
	}
	d.writable(filepath.Dir(path))
	if !d.g.Sandbox {
		d.outOfGit(ctx, path)
	}
	locked = d.locked(ctx, store)
	if !locked {
		d.journal(path + journalSuffix)
	}
	return locked
}

// mode looks at a file that holds master secrets.
func (d *doctor) mode(path string) {
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		d.trouble("state", fmt.Errorf("%s has mode %04o and holds master secrets", path, info.Mode().Perm()),
			"chmod 600 "+path+" (the next apply does it too)")
	}
}

func (d *doctor) writable(dir string) {
	if d.g.Sandbox {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return // made when it is needed
		}
	}
	f, err := os.CreateTemp(dir, ".jpsync-doctor-*")
	if err != nil {
		d.trouble("state", fmt.Errorf("nothing can be written beside it: %w", err), "make "+dir+" writable, or name another place with --state")
		return
	}
	f.Close()
	os.Remove(f.Name())
}

// locked asks for the lock only when somebody has signed it: asking takes it for a moment,
// and that could turn an apply away that begins just then.
func (d *doctor) locked(ctx context.Context, store *state.File) bool {
	if note, err := os.ReadFile(store.Location() + lockSuffix); err != nil || len(note) == 0 {
		return false
	}
	release, err := store.Lock(ctx, state.Self("doctor", d.now()))
	if err == nil {
		release() // the signature of a process that was killed: it is gone now
		return false
	}
	if e, ok := errors.AsType[*state.LockedError](err); ok {
		d.trouble("state", e, "let that run end; the lock goes with its process")
		return true
	}
	return false
}

// journal tells of a run that did not come to its end.
func (d *doctor) journal(path string) {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		d.warning("state", fmt.Sprintf("%s is of a run that was interrupted %s ago", path, d.now().Sub(info.ModTime()).Round(time.Second)),
			"run jpsync apply again, which takes its answers into the state; don't delete it")
	}
}

// gitTimeout bounds each question to git: a work tree on a network may be slow.
const gitTimeout = 5 * time.Second

// outOfGit warns of a state that others get with the repository. Without git, or outside of a
// work tree, there is nothing to warn of.
func (d *doctor) outOfGit(ctx context.Context, path string) {
	names := []string{filepath.Base(path), filepath.Base(path) + backupSuffix}
	tracked, code := git(ctx, filepath.Dir(path), append([]string{"--literal-pathspecs", "ls-files", "-z", "--"}, names...)...)
	if code != 0 {
		return
	}
	if tracked != "" {
		first, _, _ := strings.Cut(tracked, "\x00")
		d.warning("git", first+" is tracked by git, and whoever has the repository has the master secrets",
			"git rm --cached "+first+", add "+names[0]+"* to .gitignore, and keep it where the pipeline's secrets are; the history still has it")
		return
	}
	for _, name := range names {
		if _, code := git(ctx, filepath.Dir(path), "check-ignore", "-q", "--", "./"+name); code == 1 {
			d.warning("git", name+" is not ignored by git, and it holds master secrets", "echo '"+names[0]+"*' >> .gitignore")
			return
		}
	}
}

// git runs a command of git that only looks, and returns its exit code, -1 when it could not
// be run. A repository may name programs that git starts by itself: the one that this
// command could start is switched off.
func git(ctx context.Context, dir string, args ...string) (out string, code int) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "-c", "core.fsmonitor=false"}, args...)...)
	data, err := cmd.Output()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", e.ExitCode()
	}
	if err != nil {
		return "", -1
	}
	return string(data), 0
}

// secretFiles looks at the files that the manifest has secrets in. Some systems mount them
// readable for all into a container of their own, so this is no trouble.
func (d *doctor) secretFiles(w *workspace) {
	seen := map[string]bool{}
	look := func(s manifest.Secret) {
		if s.Path == "" || seen[s.Path] || len(seen) >= mostFindings {
			return
		}
		path := filepath.Join(w.manifest.CertRoot, filepath.FromSlash(s.Path))
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
			seen[s.Path] = true
			d.warning("secrets", fmt.Sprintf("%s has mode %04o and holds a secret", s.File, info.Mode().Perm()), "chmod 600 "+path)
		}
	}
	look(w.manifest.Account.DevKey)
	look(w.manifest.Account.DevSecret)
	for _, app := range w.manifest.Apps {
		for _, cert := range app.Certificates {
			if cert.Password != nil {
				look(*cert.Password)
			}
		}
	}
}

// belongs reads the state and holds it against the endpoint and the account.
func (d *doctor) belongs(ctx context.Context, w *workspace, locked bool) {
	st, err := state.View(ctx, w.store, state.Options{FS: w.t.FS})
	switch {
	case errors.Is(err, state.ErrDamaged):
		d.trouble("state", err, "jpsync state repair")
		return
	case err != nil:
		d.trouble("state", err, "")
		return
	}
	if err := w.belongs(st); err != nil {
		d.trouble("state", err, "")
		return
	}
	d.clock(st)
	if n := len(st.Apps); n > 0 {
		d.well("state", fmt.Sprintf("serial %d, %s", st.Serial, plural(n, "app")))
	}
	if n := len(st.Pending); n > 0 && !locked {
		d.trouble("state", fmt.Errorf("%s never answered", plural(n, "request")), "run jpsync apply again, which settles them")
	}
}
