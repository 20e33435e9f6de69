package crashtest

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// theRunnerVanishes kills an apply while requests are in flight and removes its folder.
// Another one converges with the manifest alone. It may lack the master secrets of the requests
// in flight, and of the answers that were on their way to the store.
func theRunnerVanishes(t *testing.T, b *backend, certificate []byte) {
	const apps, workers = 160, 16
	const requests = apps + apps/5
	var f figures
	rounds(t, b.some(40, 3), func(t *testing.T, _ int) {
		w := newShared(t, b, apps, certificate, 20*time.Millisecond)
		p := w.start("apply", "--auto-approve", "--parallelism", strconv.Itoa(workers))
		w.reached(1 + rand.IntN(requests))
		time.Sleep(rand.N(20 * time.Millisecond))
		p.signal(syscall.SIGKILL)
		p.wait()
		require.NoError(t, os.RemoveAll(w.dir))
		other := w.elsewhere(certificate)
		other.converge()
		f.check(other)
	})
	f.verdict(t, 2*workers)
}

// killedAtEveryCall kills an apply before each call to the store gets there, and before each
// answer comes back.
func killedAtEveryCall(t *testing.T, b *backend, certificate []byte) {
	const apps, workers = 20, 4
	args := []string{"apply", "--auto-approve", "--parallelism", strconv.Itoa(workers)}
	clean := newShared(t, b, apps, certificate, 10*time.Millisecond)
	code, out := clean.run("", args...)
	require.Equal(t, 0, code, out)
	var f figures
	var killed atomic.Int64
	rounds(t, b.some(2*clean.door.count(), 7), func(t *testing.T, n int) {
		w := newShared(t, b, apps, certificate, 10*time.Millisecond)
		var p *process
		started := make(chan struct{})
		w.door.set(func(c call) fate {
			<-started
			if c.n == (n+1)/2 && c.answered == (n%2 == 0) {
				p.signal(syscall.SIGKILL)
				return hang
			}
			return pass
		})
		p = w.start(args...)
		close(started)
		if code, out := p.wait(); code == -1 {
			killed.Add(1)
		} else {
			require.Equal(t, 0, code, out) // it needed fewer calls
		}
		require.NoError(t, os.RemoveAll(w.dir))
		other := w.elsewhere(certificate)
		other.converge()
		f.check(other)
	})
	t.Logf("%d calls, %d killed", clean.door.count(), killed.Load())
	require.NotZero(t, killed.Load())
	f.verdict(t, 2*workers)
}

// takeIn merges the recovery files that w left into the state, from another folder, and
// returns how many there were.
func (w *world) takeIn(other *world) int {
	w.t.Helper()
	files, err := filepath.Glob(w.path("errored.jpsync.journal*"))
	require.NoError(w.t, err)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(w.t, err)
		require.True(w.t, runtime.GOOS == "windows" || info.Mode().Perm() == 0o600, info.Mode())
		code, out := other.run("", "state", "recover", file)
		require.Equal(w.t, 0, code, out)
	}
	return len(files)
}
