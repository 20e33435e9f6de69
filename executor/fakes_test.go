package executor

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"jpsync/internal/jpush"
	"jpsync/planner"
	"jpsync/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary keeps what everybody does in one order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// at returns the place of a line; the line has to be there exactly once.
func (d *diary) at(t *testing.T, line string) int {
	t.Helper()
	found := -1
	for i, l := range d.lines {
		if l == line {
			require.Equal(t, -1, found, "%q is there twice", line)
			found = i
		}
	}
	require.NotEqual(t, -1, found, "%q is missing in %q", line, d.lines)
	return found
}

// count returns how many lines begin with a text.
func (d *diary) count(prefix string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lines {
		if strings.HasPrefix(l, prefix) {
			n++
		}
	}
	return n
}

// files has a certificate for every path, and a password that must not get out.
type files struct {
	err    error
	panics any
	during func() // what happens while a file is read
}

const canary = "p12-password-canary"

func (f files) Load(c planner.Change) (Loaded, error) {
	if f.panics != nil {
		panic(f.panics)
	}
	if f.during != nil {
		f.during()
	}
	return Loaded{FileSHA256: c.Certificate.FileSHA256, Data: []byte(c.Certificate.Fingerprint), Password: canary}, f.err
}

// world is a server, a journal and a run's events.
type world struct {
	*server
	journal *journal
	st      *state.State
	opts    Options
	events  []Event
}

func newWorld() *world {
	w := &world{server: newServer(), st: &state.State{Apps: make(map[string]state.App), Pending: make(map[string]state.Intent)}}
	w.journal = newJournal(w.diary)
	w.opts = Options{
		API: w.server, Journal: w.journal, Certificates: files{}, Parallelism: 4, MaxAttempts: 5, Flags: " -m other.yaml",
		Rand: func() float64 { return 0.5 },
		OnEvent: func(e Event) {
			w.events = append(w.events, e)
			w.diary.add("event %s %s %s", e.Type, e.Action, e.App)
		},
	}
	return w
}

// apply runs a plan and folds the journal, so that the world is ready for the next run.
func (w *world) apply(t *testing.T, ctx context.Context, plan *planner.Plan) *Result {
	t.Helper()
	res, err := Apply(ctx, plan, w.st, w.opts)
	require.NoError(t, err)
	c := res.Counts
	require.Equal(t, len(plan.Changes), c.Created+c.Adopted+c.Uploaded+c.Deleted+c.Failed+c.NotStarted, "the counts add up")
	for _, s := range res.Steps {
		require.Equal(t, s.Outcome.OK(), s.Err == nil, "%+v", s)
	}
	w.st = w.journal.fold(w.st)
	fresh := newJournal(w.diary)
	fresh.commitTakes = w.journal.commitTakes
	w.journal, w.opts.Journal = fresh, fresh
	return res
}

// step returns what came of the one step of that action and app.
func step(t *testing.T, res *Result, action planner.Action, app string) Step {
	t.Helper()
	for _, s := range res.Steps {
		if s.Change.Action == action && s.Change.App == app {
			return s
		}
	}
	t.Fatalf("no %s of %s", action, app)
	return Step{}
}

func create(id string) planner.Change {
	return planner.Change{Action: planner.Create, App: id, Reason: planner.New, AppName: "app " + id, AndroidPackage: "cn.example." + id}
}

func creates(n int) *planner.Plan {
	p := &planner.Plan{}
	for i := range n {
		p.Changes = append(p.Changes, create(fmt.Sprintf("a%05d", i)))
	}
	return p
}

func upload(id string, env jpush.Environment) planner.Change {
	return planner.Change{
		Action: planner.Upload, App: id, Environment: env, Reason: planner.New,
		AppName: "app " + id, AndroidPackage: "cn.example." + id,
		Certificate: &planner.Certificate{File: "certs/" + id + ".p12", Path: "certs/" + id + ".p12", Fingerprint: "fp-" + id, FileSHA256: "sum-" + id, BundleID: "bundle." + id},
	}
}

func remove(id, key string, reason planner.Reason) planner.Change {
	return planner.Change{Action: planner.Delete, App: id, Reason: reason, AppName: "app " + id, AndroidPackage: "cn.example." + id, AppKey: key}
}

// have puts an app on the server and into the state.
func (w *world) have(id string) string {
	a := w.add("app "+id, "cn.example."+id)
	w.st.Apps[id] = state.App{AppName: "app " + id, AndroidPackage: a.pkg, AppKey: a.key, MasterSecret: "secret-" + a.key}
	return a.key
}

func plan(changes ...planner.Change) *planner.Plan { return &planner.Plan{Changes: changes} }
