package state_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

const (
	statePath   = "/d/jpsync.state.json"
	journalPath = statePath + ".journal"
	endpoint    = "https://admin.jpush.cn/v1/"
	account     = "0123456789abcdef01234567"
)

var someTime = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

func app(name string) *state.App {
	return &state.App{AppName: name, AndroidPackage: "cn.example." + name, AppKey: "key-" + name, CreatedAt: someTime}
}

func certified(name string) *state.App {
	a := app(name)
	a.Certificates.Production = state.Certificate{
		FileSHA256: strings.Repeat("a", 64), Fingerprint: strings.Repeat("b", 64), UploadedAt: someTime,
	}
	return a
}

// story is an apply with every kind of record. It keeps what the state has to be after each
// record, and how many records are known to be durable.
type story struct {
	run      *state.Run
	expected []*state.State // [n]: after n records
	durable  int            // records whose Wait returned nil
	sent     []string       // requests, in order
}

func (s *story) step(change func(*state.State)) {
	next := s.expected[len(s.expected)-1].Clone()
	change(next)
	s.expected = append(s.expected, next)
}

// intend makes intents durable and then lets the requests go out, as an apply does.
func (s *story) intend(all ...state.Record) error {
	var wait func() error
	for _, rec := range all {
		s.step(func(st *state.State) { st.Pending[rec.ID] = *rec.Intent })
		wait = s.run.Append(rec)
	}
	if err := wait(); err != nil {
		return err
	}
	s.durable = len(s.expected) - 1
	for _, rec := range all {
		s.sent = append(s.sent, string(rec.Intent.Op)+" "+rec.ID)
	}
	return nil
}

// record appends a result that nobody waits for yet.
func (s *story) record(id string, r state.Result) (wait func() error) {
	s.step(func(st *state.State) {
		delete(st.Pending, id)
		switch {
		case r.Failed || r.Unsent:
		case r.App != nil:
			st.Apps[id] = *r.App
		default:
			delete(st.Apps, id)
		}
	})
	return s.run.Append(result(id, r))
}

// answer appends a result and waits until it is durable.
func (s *story) answer(id string, r state.Result) error {
	err := s.record(id, r)()
	if err == nil {
		s.durable = len(s.expected) - 1
	}
	return err
}

func result(id string, r state.Result) state.Record { return state.Record{ID: id, Result: &r} }

func creation(id string) state.Record {
	return state.Record{ID: id, Intent: &state.Intent{Op: state.OpCreate, AppName: id, AndroidPackage: "cn.example." + id, At: someTime}}
}

func deletion(id string) state.Record {
	return state.Record{ID: id, Intent: &state.Intent{Op: state.OpDelete, AppKey: "key-" + id, At: someTime}}
}

func must(t require.TestingT, wait func() error) { require.NoError(t, wait()) }

// lingering is a store whose commits wait for more records. In a bubble of testing/synctest
// that makes it certain which records share a commit.
type lingering struct{ state.Store }

type lingeringSession struct{ state.Session }

func (lingeringSession) Linger() time.Duration { return time.Millisecond }

func (l lingering) Open(ctx context.Context, h state.Holder) (state.Session, *state.State, int, error) {
	session, s, n, err := l.Store.Open(ctx, h)
	return lingeringSession{session}, s, n, err
}

// before is the state that the story starts from.
func before() *state.State {
	s := state.New()
	s.Lineage, s.Serial, s.Endpoint, s.Account = "3b7a9c52-9a0e-4a43-8d2f-0f6f5f1c2d11", 4, endpoint, account
	s.Apps["old"], s.Apps["kept"] = *app("old"), *app("kept")
	return s
}

// tell applies: it begins, records, and leaves the end to the caller.
func tell(fsys state.FS, start *state.State) (s *story, err error) {
	s = &story{expected: []*state.State{start}}
	s.run, err = state.Begin(context.Background(), lingering{state.NewFile(statePath, fsys)}, state.Options{FS: fsys})
	if err != nil {
		return s, err
	}
	if err := s.run.Bind(endpoint, account); err != nil {
		return s, err
	}
	if err := s.run.Start(context.Background()); err != nil {
		return s, err
	}
	steps := []func() error{
		func() error { return s.intend(creation("a"), creation("b")) },
		func() error { return s.answer("a", state.Result{Op: state.OpCreate, App: app("a")}) },
		func() error { return s.answer("b", state.Result{Op: state.OpCreate, Failed: true}) },
		func() error { return s.intend(deletion("old"), creation("withdrawn")) },
		// Three that wait for one sync.
		func() error { s.record("a", state.Result{Op: state.OpUpload, App: certified("a")}); return nil },
		func() error { s.record("withdrawn", state.Result{Op: state.OpCreate, Unsent: true}); return nil },
		func() error { return s.answer("old", state.Result{Op: state.OpDelete}) },
		func() error { return s.intend(creation("c"), creation("unanswered")) },
		// Three that nobody waits for: the end of the run does.
		func() error {
			s.record("kept", state.Result{Op: state.OpUpload, App: certified("kept")})
			return nil
		},
		func() error { s.record("c", state.Result{Op: state.OpCreate, App: app("c")}); return nil },
		func() error { s.record("c", state.Result{Op: state.OpUpload, App: certified("c")}); return nil },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return s, err
		}
	}
	return s, nil
}

// disk returns a file system with a state on it.
func disk(t *testing.T, s *state.State) *statetest.Memory {
	t.Helper()
	mem := &statetest.Memory{}
	if s.Serial == 0 {
		return mem
	}
	statetest.Put(t, state.NewFile(statePath, mem), s)
	return mem
}

// check begins again on what a fault left, and returns how many records are in the state.
func check(mem *statetest.Memory, s *story) (records int, err error) {
	store := state.NewFile(statePath, mem)
	loaded, err := store.Load(context.Background())
	if err != nil {
		return 0, fmt.Errorf("load: %w", err)
	}
	run, err := state.Begin(context.Background(), store, state.Options{FS: mem})
	if err != nil {
		return 0, err
	}
	defer run.Close()
	got := run.State()
	if !sameRecord(loaded, got) {
		return 0, fmt.Errorf("Load found %v, Begin %v", loaded, got)
	}
	names, _ := mem.ReadDir("/d")
	for _, name := range names {
		if strings.Contains(name, ".tmp-") || strings.HasSuffix(name, ".journal") {
			return 0, fmt.Errorf("%s is left over", name)
		}
	}
	for n := len(s.expected) - 1; n >= 0; n-- {
		if sameRecord(s.expected[n], got) {
			if n < s.durable {
				return n, fmt.Errorf("only %d records are left of %d that were durable", n, s.durable)
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("it is like after no record: %v", got)
}

func sameRecord(a, b *state.State) bool {
	return maps.Equal(a.Apps, b.Apps) && maps.Equal(a.Pending, b.Pending)
}
