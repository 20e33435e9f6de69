package state_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
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
	a.Certificates = map[jpush.Environment]state.Certificate{
		jpush.Production: {FileSHA256: strings.Repeat("a", 64), Fingerprint: strings.Repeat("b", 64), UploadedAt: someTime},
	}
	return a
}

// story is an apply with every kind of record. It keeps what the state has to be after each
// record, and how many records are known to be durable.
type story struct {
	run      *state.Run
	expected []*state.State // [n]: after n records
	durable  int            // records whose Wait returned nil
	returned int            // records whose call returned: they are with the operating system
	sent     []string       // requests, in order
}

func (s *story) step(change func(*state.State)) {
	next := s.expected[len(s.expected)-1].Clone()
	change(next)
	s.expected = append(s.expected, next)
}

func (s *story) intend(all ...state.Planned) error {
	for _, p := range all {
		s.step(func(st *state.State) { st.Pending[p.ID] = p.Intent })
	}
	ack, err := s.run.IntendAll(all)
	if err == nil {
		s.returned = len(s.expected) - 1
		err = ack.Wait()
	}
	if err != nil {
		return err
	}
	s.durable = len(s.expected) - 1
	for _, p := range all {
		s.sent = append(s.sent, string(p.Intent.Op)+" "+p.ID)
	}
	return nil
}

func (s *story) record(r state.Result) (state.Ack, error) {
	s.step(func(st *state.State) {
		delete(st.Pending, r.ID)
		switch {
		case r.Failed:
		case r.App != nil:
			st.Apps[r.ID] = r.App.Clone()
		default:
			delete(st.Apps, r.ID)
		}
	})
	ack, err := s.run.Record(r)
	if err == nil {
		s.returned = len(s.expected) - 1
	}
	return ack, err
}

func (s *story) settle(r state.Result) error {
	ack, err := s.record(r)
	if err == nil {
		err = ack.Wait()
	}
	if err == nil {
		s.durable = len(s.expected) - 1
	}
	return err
}

func creation(id string) state.Planned {
	return state.Planned{ID: id, Intent: state.Intent{Op: state.OpCreate, AppName: id, AndroidPackage: "cn.example." + id, At: someTime}}
}

func deletion(id string) state.Planned {
	return state.Planned{ID: id, Intent: state.Intent{Op: state.OpDelete, AppKey: "key-" + id, At: someTime}}
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
	s.run, err = state.Begin(context.Background(), state.NewFile(statePath, fsys), state.Options{FS: fsys})
	if err != nil {
		return s, err
	}
	if err := s.run.Bind(endpoint, account); err != nil {
		return s, err
	}
	if err := s.run.Open(8); err != nil {
		return s, err
	}
	steps := []func() error{
		func() error { return s.intend(creation("a"), creation("b")) },
		func() error { return s.settle(state.Result{Op: state.OpCreate, ID: "a", App: app("a")}) },
		func() error { return s.settle(state.Result{Op: state.OpCreate, ID: "b", Failed: true}) },
		func() error { return s.intend(deletion("old")) },
		// Two answers that wait for one sync.
		func() error {
			_, err := s.record(state.Result{Op: state.OpUpload, ID: "a", App: certified("a")})
			return err
		},
		func() error { return s.settle(state.Result{Op: state.OpDelete, ID: "old"}) },
		func() error { return s.intend(creation("c"), creation("unanswered")) },
		// Three that nobody waits for: the end of the run does.
		func() error {
			_, err := s.record(state.Result{Op: state.OpUpload, ID: "kept", App: certified("kept")})
			return err
		},
		func() error {
			_, err := s.record(state.Result{Op: state.OpCreate, ID: "c", App: app("c")})
			return err
		},
		func() error {
			_, err := s.record(state.Result{Op: state.OpUpload, ID: "c", App: certified("c")})
			return err
		},
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
	require.NoError(t, state.NewFile(statePath, mem).Write(t.Context(), s))
	return mem
}

// check begins again on what a fault left, and returns how many records are in the state.
func check(mem *statetest.Memory, s *story) (records int, err error) {
	store := state.NewFile(statePath, mem)
	viewed, err := state.View(context.Background(), store, state.Options{FS: mem})
	if err != nil {
		return 0, fmt.Errorf("view: %w", err)
	}
	run, err := state.Begin(context.Background(), store, state.Options{FS: mem})
	if err != nil {
		return 0, err
	}
	defer run.Close()
	got := run.State()
	if !sameRecord(viewed, got) {
		return 0, fmt.Errorf("View shows %v, Begin found %v", viewed, got)
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
	for _, d := range state.Diff(a, b) {
		if d.App != "" {
			return false
		}
	}
	return true
}

var errCrash = errors.New("the process is gone")

// crash tells the story until operation n, which is done by half if it is a write and torn
// is set, and ends there. done tells that the story came to its end before.
func crash(t *testing.T, start *state.State, n int, torn bool) (mem *statetest.Memory, s *story, done bool) {
	mem = disk(t, start)
	var fault error = errCrash
	if torn {
		fault = statetest.ShortWrite{Err: errCrash}
	}
	gone := false
	faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
		if gone {
			return errCrash
		}
		if gone = op.N == n; gone {
			return fault
		}
		return nil
	})
	s, err := tell(faulty, start)
	if s.run != nil && err == nil {
		err = s.run.Finish(context.Background())
	}
	return mem, s, err == nil && !gone
}

// A power loss before each operation of a run, with everything that it may take.
func TestPowerLoss(t *testing.T) {
	for name, start := range map[string]*state.State{"first run": state.New(), "later run": before()} {
		t.Run(name, func(t *testing.T) {
			points, outcomes := 0, 0
			for n := 1; ; n++ {
				for _, torn := range []bool{false, true} {
					mem, s, done := crash(t, start, n, torn)
					if done {
						t.Logf("%d points, %d outcomes, 0 losses", points, outcomes)
						require.Greater(t, points, 60)
						return
					}
					points++
					for _, loss := range mem.Losses() {
						outcomes++
						if _, err := check(mem.Lose(loss), s); err != nil {
							left := mem.Lose(loss)
							t.Fatalf("operation %d, torn %v, %v: %v\n%v", n, torn, loss, err, left)
						}
					}
				}
			}
		})
	}
}

// A killed process leaves what it wrote, synced or not: then no record at all is lost.
func TestKill(t *testing.T) {
	for n := 1; ; n++ {
		mem, s, done := crash(t, before(), n, false)
		if done {
			t.Logf("%d points, 0 losses", n-1)
			return
		}
		kept := mem.Lose(statetest.Loss{Data: statetest.DataKept, Names: statetest.NamesKept})
		records, err := check(kept, s)
		require.NoError(t, err, "operation %d", n)
		require.GreaterOrEqual(t, records, s.returned, "operation %d", n)
	}
}

// What is folded after a crash may crash itself.
func TestCrashWhileFolding(t *testing.T) {
	points := 0
	mem := disk(t, before())
	s, err := tell(mem, before())
	require.NoError(t, err)
	require.NoError(t, s.run.Close(), "the journal stays")
	s.durable = len(s.expected) - 1
	for n := 1; ; n++ {
		again := mem.Lose(statetest.Loss{Names: statetest.NamesKept})
		faulty := statetest.NewFaulty(again, statetest.FailFrom(n, errCrash))
		run, err := state.Begin(t.Context(), state.NewFile(statePath, faulty), state.Options{FS: faulty})
		if err == nil {
			require.Equal(t, len(s.expected)-1, run.Folded())
			break
		}
		for _, loss := range again.Losses() {
			points++
			_, err := check(again.Lose(loss), s)
			require.NoError(t, err, "operation %d, %v", n, loss)
		}
	}
	t.Logf("%d outcomes, 0 losses", points)
	require.Greater(t, points, 50)
}

// A disk that is full or broken: at one operation, or from one on.
func TestFullAndBrokenDisk(t *testing.T) {
	points, refused, recovered := 0, 0, 0
	for _, sick := range []error{syscall.ENOSPC, syscall.EIO, statetest.ShortWrite{Err: syscall.ENOSPC}} {
		for _, sticky := range []bool{false, true} {
			for n := 1; ; n++ {
				mem := disk(t, before())
				calls, hit := 0, false
				faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
					if strings.HasPrefix(op.Name, "/rescue") || op.Kind == statetest.Unlock {
						return nil
					}
					calls++ // those that only look fail as well
					if calls == n || (sticky && calls > n) {
						hit = true
						return sick
					}
					return nil
				})
				s, err := tell(faulty, before())
				if s.run == nil {
					refused++
					require.Empty(t, s.sent)
					continue
				}
				require.True(t, err == nil || errors.Is(err, errors.Unwrap(wrap(sick))), "%v", err)
				path := ""
				if err := s.run.Finish(t.Context()); err != nil {
					path, err = s.run.Recover("/d", "/rescue")
					require.NoError(t, err)
					recovered++
				}
				if !hit {
					break
				}
				points++
				checkRescue(t, mem, s, path)
			}
		}
	}
	t.Logf("%d points, %d found before the run began, %d recovery files, 0 losses", points, refused, recovered)
	require.Greater(t, recovered, 20)
}

func wrap(err error) error {
	var short statetest.ShortWrite
	if errors.As(err, &short) {
		err = short.Err
	}
	return fmt.Errorf("%w", err)
}

// checkRescue looks for every result that the run was told, durable or not: in the recovery
// file if there is one, else in the state.
func checkRescue(t *testing.T, mem *statetest.Memory, s *story, path string) {
	t.Helper()
	var got *state.State
	if path != "" {
		var err error
		got, err = state.NewFile(path, mem).Read(t.Context())
		require.NoError(t, err)
		info, err := mem.Lstat(path)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
	} else {
		run, err := state.Begin(t.Context(), state.NewFile(statePath, mem), state.Options{FS: mem})
		require.NoError(t, err)
		defer run.Close()
		got = run.State()
	}
	want := s.expected[len(s.expected)-1]
	require.True(t, maps.EqualFunc(want.Apps, got.Apps, func(a, b state.App) bool {
		return a.AppKey == b.AppKey && len(a.Certificates) == len(b.Certificates)
	}), "after %d records: %v", len(s.expected)-1, got.Apps)
}

// A full disk and a read-only place are found before there is anything to lose.
func TestOpenFindsABadDisk(t *testing.T) {
	ops := 0
	for n := 1; ; n++ {
		mem := disk(t, before())
		start := 0
		faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
			if start > 0 && op.N == start+n {
				return syscall.ENOSPC
			}
			return nil
		})
		run, err := state.Begin(t.Context(), state.NewFile(statePath, faulty), state.Options{FS: faulty})
		require.NoError(t, err)
		require.NoError(t, run.Bind(endpoint, account))
		start = len(faulty.Log())
		err = run.Open(20)
		start = 0
		if err == nil {
			require.NoError(t, run.Finish(t.Context()))
			break
		}
		ops++
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.NoError(t, run.Close())
		names, _ := mem.ReadDir("/d")
		require.Equal(t, []string{"jpsync.state.json", "jpsync.state.json.lock"}, names, "operation %d", n)
	}
	require.Equal(t, 8, ops, "create, write and sync of the room; create, write, sync, rename and directory sync of the journal")
}
