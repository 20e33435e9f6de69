package crashtest

import (
	"bytes"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"jpsync/internal/jpush"
	"jpsync/internal/jpush/sandbox"
	"jpsync/internal/storetest"
)

// partitionsAroundTheLease cuts an apply off its store for a while. Another one waits for the
// lock and applies other apps, so that the ledger tells the two apart. The first one sends
// nothing once the other has the lock, although it is in the middle of its retries.
func partitionsAroundTheLease(t *testing.T, b *backend, certificate []byte) {
	var f figures
	var fenced, files atomic.Int64
	lengths := []time.Duration{0, time.Second, lease / 2, lease - time.Second, lease - time.Second/2, lease, lease + time.Second, lease + slack, lease + 2*slack, 3 * lease}
	rounds(t, b.some(len(lengths), 3), func(t *testing.T, n int) {
		w := newShared(t, b, 160, certificate, 20*time.Millisecond)
		require.NoError(t, w.server.SetFaults(
			sandbox.Fault{Kind: sandbox.Latency, Delay: 100 * time.Millisecond},
			sandbox.Fault{Kind: sandbox.Status, Code: 503, Op: jpush.OpCreate, Name: "App 0*", Prob: 0.25}))
		first := w.start("apply", "--auto-approve", "--parallelism", "8", "--max-attempts", "20", "--target", "app0*")
		w.reached(10 + rand.IntN(40))
		w.door.set(func(call) fate { return hang })

		other := w.elsewhere(certificate)
		var before atomic.Int64 // requests when the other one got the lock
		other.door.set(func(c call) fate {
			if c.kind == "open" && c.answered {
				before.Store(int64(w.server.Counts().Requests))
			}
			return pass
		})
		second := other.start("apply", "--auto-approve", "--parallelism", "8", "--target", "app1*")
		time.Sleep(lengths[n-1])
		w.door.set(nil)
		w.door.breakAll()

		code, out := first.wait()
		require.Contains(t, []int{0, 6}, code, out)
		if code == 6 {
			fenced.Add(1)
		}
		code, out = second.wait()
		require.Equal(t, 0, code, out)
		for _, r := range w.server.Requests()[before.Load():] {
			require.False(t, bytes.Contains(r.Body, []byte("cn.example.app0")), "request %d went out without the lock", r.Number)
		}
		require.NoError(t, w.server.SetFaults())
		files.Add(int64(w.takeIn(other)))
		other.converge()
		f.check(other)
	})
	t.Logf("%d runs lost the lock, %d recovery files", fenced.Load(), files.Load())
	f.verdict(t, 0)
}

// theStoreIsGone takes the store away at each call from the lock on: for ever, or for a while
// that the lease outlasts. The run ends by itself, and what it heard is in the state or in a
// recovery file.
func theStoreIsGone(t *testing.T, b *backend, certificate []byte) {
	args := []string{"apply", "--auto-approve", "--parallelism", "4"}
	clean := newShared(t, b, 20, certificate, 10*time.Millisecond)
	code, out := clean.run("", args...)
	require.Equal(t, 0, code, out)
	calls := clean.door.count()
	var f figures
	var files, through atomic.Int64
	var longest atomic.Int64
	rounds(t, b.some(4*calls, 6), func(t *testing.T, n int) {
		at, away := 1+(n-1)/4, []fate{hang, cut}[n%2]
		forEver := n%4 < 2
		if forEver && at < 5 && !full {
			at = 5 // nobody has the lock yet, so it is tried for half a minute
		}
		w := newShared(t, b, 20, certificate, 10*time.Millisecond)
		var since time.Time
		w.door.set(func(c call) fate {
			switch {
			case c.n < at:
			case since.IsZero():
				since = time.Now()
				return away
			case forEver || time.Since(since) < lease/4:
				return away
			}
			return pass
		})
		code, out := w.run("", args...)
		requests := w.server.Counts().Requests
		switch {
		case code == 0:
			through.Add(1)
		case requests == 0, strings.Contains(out, "the state is saved"):
			require.Contains(t, []int{1, 6}, code, out)
		default:
			require.Equal(t, 6, code, out)
			if !since.IsZero() {
				longest.Store(max(longest.Load(), int64(time.Since(since))))
			}
		}
		if code != 0 && !strings.Contains(out, "recovery") && requests > 0 {
			t.Logf("stopped at call %d after %d requests without a recovery file:\n%s", at, requests, out)
		}
		other := w.elsewhere(certificate)
		if n%3 == 0 {
			files.Add(int64(w.takeIn(other)))
			other.converge()
		} else {
			other.converge()
			files.Add(int64(w.takeIn(other)))
		}
		f.check(other)
	})
	t.Logf("%d calls; %d runs came through, %d recovery files; the longest run ended %s after the cut",
		calls, through.Load(), files.Load(), time.Duration(longest.Load()).Round(100*time.Millisecond))
	require.Less(t, time.Duration(longest.Load()), 4*lease)
	f.verdict(t, 0)
}

// TestTheStoresClockIsAnHourOff: only the store's clock says when a lease ends. While a run is
// at work nobody takes over, and once it is dead somebody does.
func TestTheStoresClockIsAnHourOff(t *testing.T) {
	storetest.SetCredentials(t)
	certificate := p12(t)
	for name, ahead := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := httptest.NewServer(storetest.FakeS3Handler(t, ahead))
			t.Cleanup(store.Close)
			w := newShared(t, bucketAt(store.URL), 160, certificate, 50*time.Millisecond)
			p := w.start("apply", "--auto-approve", "--parallelism", "4")
			w.reached(20)
			other := w.elsewhere(certificate)
			code, out := other.run("", "apply", "--auto-approve", "--lock-timeout", "0s")
			require.Equal(t, 6, code, out)
			require.Contains(t, out, "is locked by jpsync apply")
			p.signal(syscall.SIGKILL)
			p.wait()
			other.converge()
			var f figures
			f.check(other)
			f.verdict(t, 2*4)
		})
	}
}
