package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

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

// server is an account at JPush: get-or-create by package, with faults on request.
type server struct {
	diary        *diary
	createAlways bool
	latency      time.Duration
	takes        func(c call) time.Duration // the latency of one call; nil: latency
	// fault decides over a request. A nil one lets it through.
	fault func(c call) *fault

	mu       sync.Mutex
	apps     []*serverApp
	calls    []call
	inFlight int
	most     int // in flight at once
	tries    map[string]int
}

type serverApp struct {
	key, name, pkg string
	certs          map[jpush.Environment]string
	deleted        bool
}

// call is one request as the server sees it.
type call struct {
	n       int // from 1, in the order of arrival
	op      planner.Action
	target  string // package, or app key
	env     jpush.Environment
	attempt int // at the same target, from 1
	started time.Time
	ended   time.Time
}

// fault is a misbehaviour: what the client gets instead of the answer, and whether the
// request took effect.
type fault struct {
	err    error
	commit bool
	panics any
}

func newServer() *server { return &server{diary: &diary{}, tries: make(map[string]int)} }

func (s *server) begin(op planner.Action, target string, env jpush.Environment) call {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := fmt.Sprintf("%s %s%s", op, target, env)
	s.tries[what]++
	c := call{n: len(s.calls) + 1, op: op, target: target, env: env, attempt: s.tries[what], started: time.Now()}
	s.calls = append(s.calls, c)
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	s.diary.add("send %s", what)
	return c
}

// do is one request: effect runs under the lock.
func (s *server) do(op planner.Action, target string, env jpush.Environment, effect func() error) error {
	c := s.begin(op, target, env)
	takes := s.latency
	if s.takes != nil {
		takes = s.takes(c)
	}
	if takes > 0 {
		time.Sleep(takes)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	s.calls[c.n-1].ended = time.Now()
	if s.fault != nil {
		if f := s.fault(c); f != nil {
			if f.commit {
				_ = effect()
			}
			if f.panics != nil {
				panic(f.panics)
			}
			return f.err
		}
	}
	return effect()
}

func (s *server) CreateApp(_ context.Context, app jpush.App) (jpush.Created, error) {
	var out jpush.Created
	err := s.do(planner.Create, app.AndroidPackage, "", func() error {
		for _, a := range s.apps {
			if a.pkg == app.AndroidPackage && !a.deleted && !s.createAlways {
				out = jpush.Created{AppKey: a.key, MasterSecret: "secret-" + a.key, AndroidPackage: a.pkg}
				return nil
			}
		}
		a := s.add(app.Name, app.AndroidPackage)
		out = jpush.Created{AppKey: a.key, MasterSecret: "secret-" + a.key, AndroidPackage: a.pkg, IsNew: true}
		return nil
	})
	return out, err
}

// add makes an app without a request.
func (s *server) add(name, pkg string) *serverApp {
	a := &serverApp{key: fmt.Sprintf("key%d", len(s.apps)+1), name: name, pkg: pkg, certs: make(map[jpush.Environment]string)}
	s.apps = append(s.apps, a)
	return a
}

func (s *server) find(key string) *serverApp {
	for _, a := range s.apps {
		if a.key == key && !a.deleted {
			return a
		}
	}
	return nil
}

func (s *server) UploadCertificate(_ context.Context, key string, cert jpush.Certificate) error {
	return s.do(planner.Upload, key, cert.Environment, func() error {
		a := s.find(key)
		switch {
		case a == nil:
			return refusal(1013)
		case a.certs[cert.Environment] == string(cert.Data):
			return refusal(1010)
		}
		a.certs[cert.Environment] = string(cert.Data)
		return nil
	})
}

func (s *server) DeleteApp(_ context.Context, key string) error {
	return s.do(planner.Delete, key, "", func() error {
		a := s.find(key)
		if a == nil {
			return refusal(1013)
		}
		a.deleted = true
		return nil
	})
}

// alive counts the apps of a package that are not deleted.
func (s *server) alive(pkg string) (n int) {
	for _, a := range s.apps {
		if a.pkg == pkg && !a.deleted {
			n++
		}
	}
	return n
}

// refusal is the client's error for a code.
func refusal(code int) *jpush.Error {
	row, ok := jpush.LookupCode(code)
	if !ok {
		panic("no such code")
	}
	return &jpush.Error{Op: "call", Status: row.Status, Code: code, Class: row.Class, Sent: true}
}

// lost is the client's error for an answer that never came.
func lost() *jpush.Error {
	return &jpush.Error{Op: "call", Class: jpush.ClassLost, Condition: jpush.LostAnswer, Sent: true, Err: errors.New("connection reset")}
}

// unreachable is the client's error for a connection that never was.
func unreachable() *jpush.Error {
	return &jpush.Error{Op: "call", Class: jpush.ClassLost, Condition: jpush.Unreachable, Err: errors.New("connection refused")}
}

func tooMany(retryAfter time.Duration) *jpush.Error {
	return &jpush.Error{Op: "call", Status: http.StatusTooManyRequests, Class: jpush.ClassLost, Condition: jpush.Busy, Sent: true, RetryAfter: retryAfter}
}

// journal keeps records in memory as the real one does: written, and synced in groups.
type journal struct {
	diary     *diary
	syncTakes time.Duration
	failWrite int // the write that fails, from 1
	failSync  int // the sync that fails, from 1

	mu      sync.Mutex
	cond    *sync.Cond
	records []entry // everything, also what came after a failure
	writes  int
	syncs   int
	written int
	synced  int
	syncing bool
	err     error
	broke   time.Time // when err came
}

type entry struct {
	id     string
	intent *state.Intent
	result *state.Result
}

func (e entry) String() string {
	if e.intent != nil {
		return fmt.Sprintf("intent %s %s", e.intent.Op, e.id)
	}
	if e.result.Failed {
		return fmt.Sprintf("settled %s %s", e.result.Op, e.id)
	}
	return fmt.Sprintf("result %s %s", e.result.Op, e.id)
}

func newJournal(d *diary) *journal {
	j := &journal{diary: d}
	j.cond = sync.NewCond(&j.mu)
	return j
}

type ack struct {
	j *journal
	n int
}

func (a ack) Wait() error { return a.j.wait(a.n) }

func (j *journal) IntendAll(all []state.Planned) (Ack, error) {
	var entries []entry
	for _, p := range all {
		entries = append(entries, entry{id: p.ID, intent: &p.Intent})
	}
	return j.write(entries)
}

func (j *journal) Record(res state.Result) (Ack, error) {
	if res.App != nil {
		app := res.App.Clone()
		res.App = &app
	}
	return j.write([]entry{{id: res.ID, result: &res}})
}

func (j *journal) write(entries []entry) (Ack, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, entries...)
	j.writes++
	if j.writes == j.failWrite && j.err == nil {
		j.err, j.broke = errors.New("no space left on device"), time.Now()
	}
	if j.err != nil {
		return nil, j.err
	}
	for _, e := range entries {
		j.diary.add("write %s", e)
	}
	j.written = len(j.records)
	return ack{j, j.written}, nil
}

func (j *journal) wait(n int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.synced < n {
		if j.err != nil {
			return j.err
		}
		if j.syncing {
			j.cond.Wait()
			continue
		}
		j.syncing = true
		from, to := j.synced, j.written
		j.mu.Unlock()
		if j.syncTakes > 0 {
			time.Sleep(j.syncTakes)
		}
		j.mu.Lock()
		j.syncing = false
		j.syncs++
		if j.syncs == j.failSync {
			j.err = errors.New("input/output error")
		} else {
			for _, e := range j.records[from:to] {
				j.diary.add("sync %s", e)
			}
			j.synced = to
		}
		j.cond.Broadcast()
	}
	return nil
}

// fold gives the state after the run: what the next one starts from.
func (j *journal) fold(st *state.State) *state.State {
	out := &state.State{Apps: maps.Clone(st.Apps), Pending: maps.Clone(st.Pending)}
	if out.Apps == nil {
		out.Apps = make(map[string]state.App)
	}
	if out.Pending == nil {
		out.Pending = make(map[string]state.Intent)
	}
	for _, e := range j.records {
		if e.intent != nil {
			out.Pending[e.id] = *e.intent
			continue
		}
		delete(out.Pending, e.id)
		switch {
		case e.result.Failed:
		case e.result.App != nil:
			out.Apps[e.id] = *e.result.App
		default:
			delete(out.Apps, e.id)
		}
	}
	return out
}

// files has a certificate for every path, and a password that must not get out.
type files struct {
	err    error
	panics any
	during func() // what happens while a file is read
}

const canary = "p12-password-canary"

func (f files) Load(c planner.Certificate) ([]byte, string, error) {
	if f.panics != nil {
		panic(f.panics)
	}
	if f.during != nil {
		f.during()
	}
	return []byte(c.Fingerprint), canary, f.err
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
		API: w.server, Journal: w.journal, Certificates: files{}, Parallelism: 4,
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
	require.Equal(t, len(plan.Actions), c.Created+c.Adopted+c.Uploaded+c.Deleted+c.Failed+c.NotStarted, "the counts add up")
	for _, s := range res.Steps {
		require.Equal(t, s.Outcome.OK(), s.Err == nil, "%+v", s)
	}
	w.st = w.journal.fold(w.st)
	fresh := newJournal(w.diary)
	fresh.syncTakes = w.journal.syncTakes
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
		p.Actions = append(p.Actions, create(fmt.Sprintf("a%05d", i)))
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

func plan(changes ...planner.Change) *planner.Plan { return &planner.Plan{Actions: changes} }
