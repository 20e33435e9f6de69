package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"jpsync/internal/report"
	"jpsync/planner"
	"jpsync/state"
)

// state looks at the state, wherever it is.
func (d *doctor) state(ctx context.Context) {
	store, err := openStore(d.t, d.g)
	if err != nil {
		if !d.knows(err) {
			d.trouble("state", err, "")
		}
		return
	}
	defer store.end()
	if store.shared != nil {
		d.sharedState(ctx, store)
		return
	}
	d.files(ctx, store)
}

// knows reports whether an error of [openStore] was reported with the manifest.
func (d *doctor) knows(err error) bool {
	return d.told != nil && (has[manifestError](err) || err.Error() == d.told.Error())
}

// files looks at a state file and the files beside it.
func (d *doctor) files(ctx context.Context, store *stateStore) {
	path := store.Location()
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		d.well("state", path+": not there yet, the first apply writes it")
	case err != nil:
		d.trouble("state", err, "make it readable for the user that runs jpsync")
		return
	default:
		d.well("state", path)
	}
	for _, suffix := range []string{"", state.BackupSuffix, state.JournalSuffix} {
		d.mode(path + suffix)
	}
	d.writable(filepath.Dir(path))
	if !d.g.Sandbox {
		d.git(ctx, path)
	}
	locked := d.locked(ctx, store.file)
	if !locked {
		d.journal(path + state.JournalSuffix)
	}
	if d.w != nil {
		d.recorded(ctx, store, locked)
	}
}

// mode looks at the mode of a file that holds master secrets.
func (d *doctor) mode(path string) {
	if info, err := os.Stat(path); err == nil && loose(info) {
		d.trouble("state", fmt.Errorf("%s has mode %04o and holds master secrets", path, info.Mode().Perm()),
			"chmod 600 "+path+" (the next apply does it too)")
	}
}

// writable tries to write a file.
func (d *doctor) writable(dir string) {
	if _, err := os.Stat(dir); d.g.Sandbox && errors.Is(err, fs.ErrNotExist) {
		return // the first apply makes it
	}
	f, err := os.CreateTemp(dir, ".jpsync-doctor-*")
	if err != nil {
		d.trouble("state", fmt.Errorf("no file can be written beside it: %w", err), "make "+dir+" writable, or name another place with --state")
		return
	}
	f.Close()
	os.Remove(f.Name())
}

// locked reports whether another run is at work. It takes the lock only if a holder has
// written its name there: taking it could turn away an apply that starts at the same moment.
func (d *doctor) locked(ctx context.Context, store *state.File) bool {
	if holder, err := os.ReadFile(store.Location() + state.LockSuffix); err != nil || len(holder) == 0 {
		return false
	}
	session, _, _, err := store.Open(ctx, state.Self("doctor", d.now()))
	if err == nil {
		session.Close() // the holder was killed; its name is gone now
		return false
	}
	if e, ok := errors.AsType[*state.LockedError](err); ok {
		d.trouble("state", e, "the lock ends with that process")
		return true
	}
	return false
}

// journal reports a run that did not come to its end.
func (d *doctor) journal(path string) {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		d.warning("state", fmt.Sprintf("%s is of a run that was interrupted %s ago", path, d.now().Sub(info.ModTime()).Round(time.Second)),
			"run jpsync apply again, which replays it; do not delete it")
	}
}

// recorded reads the state: whether it is this account's, and what is in it.
func (d *doctor) recorded(ctx context.Context, store *stateStore, locked bool) {
	st, err := store.Load(ctx)
	switch {
	case errors.Is(err, state.ErrDamaged):
		d.trouble("state", err, "jpsync state repair")
		return
	case err == nil:
		err = d.w.checkState(st)
	}
	if err != nil {
		d.trouble("state", err, "")
		return
	}
	planner.Align(d.w.manifest, st)
	d.apps = st.Apps
	d.clock(st)
	d.encryption(store, st)
	if n := len(st.Apps); n > 0 {
		d.well("state", fmt.Sprintf("serial %d, %s", st.Serial, report.Plural(n, "app")))
		d.well("state", "jpsync verify asks JPush whether they are still there")
	}
	if n := len(st.Pending); n > 0 && !locked {
		d.trouble("state", fmt.Errorf("%s without a recorded answer", report.Plural(n, "request")), "run jpsync apply again, which finds out about those that jpsync plan does not warn of")
	}
}

// earliest is before the first release: a clock that says less is not set.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// maxSkew is how far the clocks of two machines may differ.
const maxSkew = 5 * time.Minute

const setClock = "set the clock, for instance by NTP: TLS and the expiry of certificates depend on it"

// clock compares the clock with the latest time in the state, which may be another machine's.
func (d *doctor) clock(st *state.State) {
	now, latest := d.now(), earliest
	for _, app := range st.Apps {
		times := []time.Time{app.CreatedAt, app.Certificates.Development.UploadedAt, app.Certificates.Production.UploadedAt}
		for _, at := range times {
			if at.After(latest) {
				latest = at
			}
		}
	}
	switch {
	case now.Before(earliest):
		d.trouble("clock", fmt.Errorf("it is not set: it says %s", utc(now)), setClock)
	case latest.Sub(now) > maxSkew:
		d.warning("clock", fmt.Sprintf("it says %s, but the state has a record of %s", utc(now), utc(latest)), setClock)
	}
}

// tlsClock reports that a wrong clock may be why a TLS certificate was refused.
func (d *doctor) tlsClock(err error) {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired && e.Cert != nil {
		d.trouble("clock", fmt.Errorf("it says %s, but the endpoint's certificate is valid from %s to %s",
			utc(d.now()), utc(e.Cert.NotBefore), utc(e.Cert.NotAfter)), setClock)
	}
}

func utc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// git warns if the state is, or could get, into a git repository. Without git, or outside of
// a work tree, there is nothing to warn of.
func (d *doctor) git(ctx context.Context, path string) {
	dir, base := filepath.Split(path)
	names := []string{base, base + state.BackupSuffix}
	tracked, code := git(ctx, dir, append([]string{"--literal-pathspecs", "ls-files", "-z", "--"}, names...)...)
	if code != 0 {
		return
	}
	if tracked != "" {
		first, _, _ := strings.Cut(tracked, "\x00")
		d.warning("git", first+" is tracked by git: whoever has the repository has the master secrets",
			"git rm --cached "+first+", add "+base+"* to .gitignore, and keep the state with the pipeline's secrets; the history still has it")
		return
	}
	for _, name := range names {
		if _, code := git(ctx, dir, "check-ignore", "-q", "--", "./"+name); code == 1 {
			d.warning("git", name+" is not ignored by git, and it holds master secrets", "echo '"+base+"*' >> .gitignore")
			return
		}
	}
}

// gitTimeout bounds each run of git: a work tree on a network may be slow.
const gitTimeout = 5 * time.Second

// git runs a command of git that changes nothing, and returns its output and exit code, or -1
// if it could not be run. A repository's configuration can make git run a program, as
// core.fsmonitor: that is switched off.
func git(ctx context.Context, dir string, args ...string) (out string, code int) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", filepath.Clean(dir), "-c", "core.fsmonitor=false"}, args...)...)
	data, err := cmd.Output()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", e.ExitCode()
	}
	if err != nil {
		return "", -1
	}
	return string(data), 0
}
