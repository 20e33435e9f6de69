//go:build unix

package crashtest

import (
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// theSleeperIsOut stops an apply, lets another one take over, finish, fold and tidy up, and
// wakes the first: it sends nothing more. What it had heard is in its recovery file.
func theSleeperIsOut(t *testing.T, b *backend, certificate []byte) {
	const apps, workers = 160, 16
	var f figures
	var files atomic.Int64
	rounds(t, b.some(20, 2), func(t *testing.T, _ int) {
		w := newShared(t, b, apps, certificate, 50*time.Millisecond)
		p := w.start("apply", "--auto-approve", "--parallelism", "16")
		w.reached(10 + rand.IntN(100))
		p.signal(syscall.SIGSTOP)
		other := w.elsewhere(certificate)
		other.converge()
		requests := w.server.Counts().Requests
		p.signal(syscall.SIGCONT)
		code, out := p.wait()
		require.Equal(t, 6, code, out)
		require.Equal(t, requests, w.server.Counts().Requests, "the sleeper sent something")
		files.Add(int64(w.takeIn(other)))
		f.check(other)
	})
	t.Logf("%d recovery files", files.Load())
	f.verdict(t, workers) // the sleeper gave up waiting for what was in flight
}
