package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush/sandbox"
	"jpsync/internal/pushcert"
	"jpsync/state"
)

// world is a server with an account and a directory with a manifest for it. The state is a
// file in the directory, unless the world has a backend.
type world struct {
	t       *testing.T
	server  *sandbox.Server
	http    *httptest.Server
	dir     string
	apps    int
	backend *backend
	place   string   // of the state in the backend
	door    *door    // to the backend, for this directory's processes
	env     []string // more of the environment
}

// p12 is one look-alike for all apps; what is in it does not matter here.
func p12(t *testing.T) []byte {
	t.Helper()
	data, err := pushcert.Mint(pushcert.MintOptions{BundleID: "cn.example.crash", EC: true})
	require.NoError(t, err)
	return data
}

// newWorld makes apps apps, every fifth of them with a certificate.
func newWorld(t *testing.T, apps int, certificate []byte, options sandbox.Options) *world {
	t.Helper()
	options.KeepRequests = true
	server, err := sandbox.New(options)
	require.NoError(t, err)
	w := &world{t: t, server: server, http: httptest.NewServer(server), apps: apps}
	t.Cleanup(func() { w.http.CloseClientConnections(); w.http.Close() })
	w.settle(certificate)
	return w
}

// settle makes a directory with the manifest and its certificate, and nothing else.
func (w *world) settle(certificate []byte) {
	w.dir = w.t.TempDir()
	var b strings.Builder
	b.WriteString("version: 1\napps:\n")
	for i := range w.apps {
		fmt.Fprintf(&b, "  - {id: app%03d, app_name: App %03d, android_package: cn.example.app%03d", i, i, i)
		if i%5 == 0 {
			b.WriteString(", certificates: {production: {file: push.p12}}")
		}
		b.WriteString("}\n")
	}
	w.write("jpsync.yaml", b.String())
	w.write("push.p12", string(certificate))
}

func (w *world) write(name, content string) {
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, name), []byte(content), 0o600))
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// run is one jpsync process; it returns the exit code, -1 when a signal ended it.
func (w *world) run(fault string, args ...string) (code int, output string) {
	w.t.Helper()
	cmd := w.command(fault, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited { //nolint:errorlint // Run returns it bare
		w.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

func (w *world) command(fault string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	w.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Dir = w.dir
	cmd.Env = []string{
		"GORACE=atexit_sleep_ms=0", // with the race detector, each process would rest for a second
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + w.dir,
		childVar + "=1", faultVar + "=" + fault, countVar + "=" + w.path("operations"), memoryVar + "=" + w.path("memory"),
		"JPSYNC_ENDPOINT=" + w.http.URL + "/v1/",
		"JPUSH_DEV_KEY=" + sandbox.DevKey, "JPUSH_DEV_SECRET=" + sandbox.DevSecret,
	}
	cmd.Env = append(cmd.Env, w.env...)
	return cmd
}

// operations of the last run that ended by itself.
func (w *world) operations() []string {
	data, err := os.ReadFile(w.path("operations"))
	require.NoError(w.t, err)
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// losses are differences between what the server has and what is recorded.
type losses struct{ answers, duplicates int }

func (l *losses) add(m losses) {
	l.answers += m.answers
	l.duplicates += m.duplicates
}

// compare holds the recorded apps against the server's ledger: an app of the server that
// has no record under its key is lost, a package with two living apps is a duplicate.
func (w *world) compare(recorded map[string]state.App) (l losses) {
	keys := map[string]bool{}
	for _, app := range recorded {
		keys[app.AppKey] = true
	}
	packages := map[string]int{}
	for _, app := range w.server.Apps() {
		if app.Deleted {
			continue
		}
		packages[app.AndroidPackage]++
		if !keys[app.AppKey] {
			l.answers++
		}
	}
	for _, n := range packages {
		l.duplicates += n - 1
	}
	return l
}

// state is the snapshot with the journal replayed, as any command would see it.
func (w *world) state() *state.State {
	var store state.Store = state.NewFile(w.path("jpsync.state.json"), state.OS{})
	if w.backend != nil {
		store = w.backend.store(w.t, w.place)
	}
	st, err := store.Load(w.t.Context())
	require.NoError(w.t, err)
	return st
}

func (w *world) recorded() map[string]state.App { return w.state().Apps }

// rescued is what a recovery file has, if there is one.
func (w *world) rescued() map[string]state.App {
	apps := map[string]state.App{}
	files, err := filepath.Glob(w.path("errored.jpsync.journal*"))
	require.NoError(w.t, err)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(w.t, err)
		require.True(w.t, runtime.GOOS == "windows" || info.Mode().Perm() == 0o600, info.Mode())
		store := state.NewFile(filepath.Join(w.t.TempDir(), "jpsync.state.json"), state.OS{})
		recovery, err := state.Recover(w.t.Context(), store, state.Options{}, file)
		require.NoError(w.t, err)
		require.True(w.t, recovery.Complete())
		st, err := store.Load(w.t.Context())
		require.NoError(w.t, err)
		for id, app := range st.Apps {
			apps[id] = app
		}
	}
	return apps
}

// converge runs until everything is done, checks that nothing is left to do, and returns what
// the run said.
func (w *world) converge() (said string) {
	w.t.Helper()
	code, said := w.run("", "apply", "--auto-approve", "--max-deletes", "100%")
	require.Equal(w.t, 0, code, said)
	code, out := w.run("", "plan", "--format", "json", "--detailed-exitcode")
	require.Equal(w.t, 0, code, out)
	var plan struct {
		Actions []any `json:"actions"`
	}
	require.NoError(w.t, json.Unmarshal([]byte(out), &plan))
	require.Empty(w.t, plan.Actions)
	recorded := w.recorded()
	require.Len(w.t, recorded, w.apps)
	for id, app := range recorded {
		require.False(w.t, app.Adopted, "%s was made by jpsync and is recorded as adopted", id)
	}
	return said
}
