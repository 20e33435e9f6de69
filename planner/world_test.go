package planner_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/pushcert"
	"jpsync/manifest"
	"jpsync/planner"
	"jpsync/state"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func days(n int) time.Time { return now.AddDate(0, 0, n) }

// file is what a certificate file of a test holds.
type file struct {
	sum   string
	holds *pushcert.Certificate
	facts pushcert.PasswordFacts
	err   error // of opening it
}

// files is an inspector over files by path that remembers which ones it opened.
type files struct {
	byPath map[string]file
	opened []string
}

func (f *files) Inspect(c manifest.Certificate, known string) (planner.Inspection, error) {
	got, ok := f.byPath[c.Path]
	if !ok {
		return planner.Inspection{}, &manifest.ReadError{Kind: "certificate", File: c.File, Err: fs.ErrNotExist}
	}
	seen := planner.Inspection{FileSHA256: got.sum}
	if known != "" && known == got.sum {
		return seen, nil
	}
	f.opened = append(f.opened, c.Path)
	if got.err != nil {
		return seen, got.err
	}
	seen.Opened, seen.Password = got.holds, got.facts
	return seen, nil
}

// digest is a fixed SHA-256 for a name, as the fingerprint or the hash of something.
func digest(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// push is a good certificate for a bundle, good for either environment, named by name.
func push(name, bundle string, notAfter time.Time) *pushcert.Certificate {
	return &pushcert.Certificate{
		BundleID: bundle, CommonName: "Apple Push Services: " + bundle, Development: true, Production: true,
		PushCertificate: true, HasKey: true, KeyMatches: true,
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: notAfter, Fingerprint: digest("leaf " + name),
	}
}

// p12 is a file that holds a certificate; another export gives another file of the same.
func p12(c *pushcert.Certificate, export string) file {
	return file{sum: digest(export + " of " + c.Fingerprint), holds: c}
}

// uploaded is the record of a file that was uploaded.
func uploaded(f file) state.Certificate {
	return state.Certificate{FileSHA256: f.sum, Fingerprint: f.holds.Fingerprint, BundleID: f.holds.BundleID,
		NotAfter: f.holds.NotAfter, UploadedAt: days(-100)}
}

func app(name, pkg string, edits ...func(*state.App)) state.App {
	a := state.App{AppName: name, AndroidPackage: pkg, AppKey: "key-of-" + pkg, MasterSecret: "secret-of-" + pkg, CreatedAt: days(-200)}
	for _, edit := range edits {
		edit(&a)
	}
	return a
}

func with(env jpush.Environment, f file) func(*state.App) {
	return func(a *state.App) {
		a.Certificates.Set(env, uploaded(f))
	}
}

func inGroup(name string) func(*state.App) { return func(a *state.App) { a.GroupName = name } }
func kept(a *state.App)                    { a.Protected = true }
func adopted(a *state.App)                 { a.Adopted, a.Protected = true, true }

// applied is a state that some applies have written.
func applied(apps map[string]state.App) *state.State {
	st := state.New()
	st.Lineage, st.Serial = "0b9d4a52-8f5e-4c5e-9d0b-3f1f5a7f3c11", 7
	st.Endpoint, st.Account = "https://admin.jpush.cn/v1/", "dev-key"
	maps.Copy(st.Apps, apps)
	return st
}

// load reads a manifest out of a scratch directory. Its path and hash are fixed, since the
// hash is of the text and the path of the machine.
func load(t testing.TB, yaml string) *manifest.Manifest {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jpsync.yaml")
	require.NoError(t, os.WriteFile(path, []byte("version: 1\n"+yaml), 0o600))
	m, err := manifest.Load(path, manifest.Options{})
	require.NoError(t, err)
	m.Path = "jpsync.yaml"
	return m
}

func input(m *manifest.Manifest, st *state.State, f *files) planner.Input {
	return planner.Input{Manifest: m, State: st, Certificates: f, Endpoint: "https://admin.jpush.cn/v1/",
		Account: "dev-key", Version: "1.2.3", Now: now}
}

// perform does to a state what an apply does that goes well on a server of its own: every
// request succeeds and every answer is recorded.
func perform(p *planner.Plan, before *state.State) (*state.State, error) {
	st := before.Clone()
	if len(p.Conflicts) > 0 {
		return nil, errors.New("a plan with conflicts is not applied")
	}
	for _, r := range p.Corrections {
		a, recorded := st.Apps[r.App]
		if !recorded || r.Field == planner.FieldFile && a.Certificates.Of(r.Environment) == (state.Certificate{}) {
			return nil, fmt.Errorf("%s of %s is corrected although it is not recorded", r.Field, r.App)
		}
		r.Apply(&a)
		st.Apps[r.App] = a
	}
	for i, c := range p.Changes {
		a, recorded := st.Apps[c.App]
		switch c.Action {
		case planner.Create:
			for id, other := range st.Apps {
				if other.AndroidPackage == c.AndroidPackage {
					return nil, fmt.Errorf("the create of %s would adopt %s", c.App, id)
				}
			}
			if recorded {
				return nil, fmt.Errorf("%s is created although it is recorded", c.App)
			}
			st.Apps[c.App] = state.App{AppName: c.AppName, AndroidPackage: c.AndroidPackage, GroupName: c.GroupName,
				AppKey: fmt.Sprintf("new-key-%d-%d", st.Serial, i), Protected: c.Protect != nil && *c.Protect, CreatedAt: now}
		case planner.Upload:
			if !recorded || c.AppKey != "" && c.AppKey != a.AppKey {
				return nil, fmt.Errorf("an upload for %s goes to %q and %q is recorded", c.App, c.AppKey, a.AppKey)
			}
			a.Certificates.Set(c.Environment, state.Certificate{FileSHA256: c.Certificate.FileSHA256,
				Fingerprint: c.Certificate.Fingerprint, BundleID: c.Certificate.BundleID,
				NotAfter: c.Certificate.NotAfter, UploadedAt: now})
			st.Apps[c.App] = a
		case planner.Delete:
			if !recorded || c.AppKey != a.AppKey {
				return nil, fmt.Errorf("the delete of %s is for %q and %q is recorded", c.App, c.AppKey, a.AppKey)
			}
			if a.Protected && c.Reason == planner.Removed {
				return nil, fmt.Errorf("%s is deleted although it is protected", c.App)
			}
			delete(st.Apps, c.App)
		}
		delete(st.Pending, c.App)
	}
	if st.Serial == 0 {
		st.Lineage = "0b9d4a52-8f5e-4c5e-9d0b-3f1f5a7f3c11"
	}
	st.Serial++
	return st, nil
}
