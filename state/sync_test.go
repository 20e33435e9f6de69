package state_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/state"
	"jpsync/state/statetest"
)

// What was sent was durable before, and what was reported too.
func TestOrderOfOperations(t *testing.T) {
	mem := disk(t, before())
	faulty := statetest.NewFaulty(mem, nil)
	run := begin(t, faulty)
	require.NoError(t, run.Start(t.Context()))
	durable := func(what string) {
		t.Helper()
		log := faulty.Log()
		require.Equal(t, []statetest.Kind{statetest.Write, statetest.Sync},
			[]statetest.Kind{log[len(log)-2].Kind, log[len(log)-1].Kind}, what)
	}
	must(t, run.Append(creation("a")))
	durable("intent")
	must(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: app("a")})))
	durable("result")
	require.NoError(t, run.Finish(t.Context()))

	var got []string
	for _, op := range faulty.Log() {
		name, _, _ := strings.Cut(strings.TrimPrefix(op.Name, "/d/jpsync.state.json"), ".tmp-")
		if name != strings.TrimPrefix(op.Name, "/d/jpsync.state.json") {
			name += " (new)"
		}
		got = append(got, strings.TrimSpace(string(op.Kind)+" "+filepath.ToSlash(name)))
	}
	require.Equal(t, []string{
		"lock .lock",
		"create  (new)", "write  (new)", "sync  (new)", "rename .journal", "syncdir /d",
		"write  (new)", "sync  (new)", // the intent; a file keeps the name it was opened by
		"write  (new)", "sync  (new)", // the result
		"create  (new)", "write  (new)", "sync  (new)", "rename .backup",
		"create  (new)", "write  (new)", "sync  (new)", "rename", "syncdir /d",
		"remove .journal", "syncdir /d", "unlock .lock",
	}, got)
}

// gate is a disk whose syncs take as long as a test likes.
type gate struct {
	state.FS
	syncs chan chan error
}

type gatedHandle struct {
	state.Handle
	syncs chan chan error
}

func (g gate) OpenFile(name string, flag int, perm fs.FileMode) (state.Handle, error) {
	h, err := g.FS.OpenFile(name, flag, perm)
	return gatedHandle{h, g.syncs}, err
}

func (h gatedHandle) Sync() error {
	done := make(chan error)
	h.syncs <- done
	if err := <-done; err != nil {
		return err
	}
	return h.Handle.Sync()
}

// pass lets one sync end, with err.
func (g gate) pass(err error) { (<-g.syncs) <- err }

func opened(t *testing.T, g gate) *state.Run {
	run := begin(t, g)
	go g.pass(nil) // the header and the binding
	require.NoError(t, run.Start(t.Context()))
	return run
}

func TestWaitersShareASync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{&statetest.Memory{}, make(chan chan error)}
		run := opened(t, g)
		var mu sync.Mutex
		done := 0
		wait := func(id string) {
			wait := run.Append(creation(id))
			go func() {
				must(t, wait)
				mu.Lock()
				done++
				mu.Unlock()
			}()
		}
		count := func() int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return done
		}
		wait("first")
		time.Sleep(time.Millisecond) // until its sync has begun
		require.Zero(t, count())
		for i := range 64 {
			wait(fmt.Sprint("later", i))
		}
		require.Zero(t, count())
		g.pass(nil)
		require.Equal(t, 1, count(), "a sync that began before a record was written says nothing about it")
		g.pass(nil)
		require.Equal(t, 65, count(), "one sync for all who came meanwhile")
		require.NoError(t, run.Close())
	})
}

// Workers append their intents one after the other. A commit waits for all of them, but not for
// one that is busy with something else.
func TestACommitWaitsForAsManyIntentsAsEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := begin(t, &statetest.Memory{})
		require.NoError(t, run.Start(t.Context()))
		durableAfter := func(ids ...string) time.Duration {
			began := time.Now()
			var wait func() error
			for _, id := range ids {
				time.Sleep(time.Microsecond)
				wait = run.Append(creation(id))
			}
			must(t, wait)
			return time.Since(began)
		}
		require.Greater(t, durableAfter("a", "b", "c"), 100*time.Microsecond, "nobody knows yet how many there are")
		require.Equal(t, 3*time.Microsecond, durableAfter("d", "e", "f"))
		require.Greater(t, durableAfter("g", "h"), 100*time.Microsecond)
		require.Equal(t, 3*time.Microsecond, durableAfter("i", "j", "k"))
		require.NoError(t, run.Finish(t.Context()))
	})
}

func TestAFailedSyncBreaksTheJournalForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := &statetest.Memory{}
		g := gate{mem, make(chan chan error)}
		run := opened(t, g)
		wait := run.Append(creation("a"))
		errs := make(chan error, 3)
		for range 3 {
			go func() { errs <- wait() }()
		}
		g.pass(syscall.EIO)
		for range 3 {
			require.ErrorIs(t, <-errs, syscall.EIO)
		}
		require.ErrorIs(t, wait(), syscall.EIO, "no second sync: nobody would let it pass")
		require.ErrorIs(t, run.Append(creation("b"))(), syscall.EIO)
		require.ErrorIs(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: app("a")}))(), syscall.EIO)
		go func() {
			g.pass(nil) // the state's
		}()
		require.NoError(t, run.Finish(t.Context()), "the state takes what the journal did not")
		s, err := view(mem)
		require.NoError(t, err)
		require.Equal(t, *app("a"), s.Apps["a"])
	})
}

func TestAFailedWriteBreaksTheJournalForGood(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, statetest.ShortWrite{Err: syscall.ENOSPC}} {
		mem, writes := disk(t, before()), 0
		faulty := statetest.NewFaulty(mem, func(op statetest.Op) error {
			if op.Kind == statetest.Write {
				writes++
			}
			if op.Kind == statetest.Write && writes == 3 {
				return fault
			}
			return nil
		})
		run := begin(t, faulty)
		require.NoError(t, run.Start(t.Context()))
		must(t, run.Append(creation("a")))
		require.ErrorIs(t, run.Append(result("a", state.Result{Op: state.OpCreate, App: app("a")}))(), syscall.ENOSPC)
		require.ErrorIs(t, run.Append(creation("b"))(), syscall.ENOSPC)
		require.NoError(t, run.Close())
		s, err := view(mem)
		require.NoError(t, err, "half a record is a torn one")
		require.Contains(t, s.Pending, "a")
	}
}
