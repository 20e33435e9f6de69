package sandbox

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPipeIsASocket checks what net/http relies on.
func TestPipeIsASocket(t *testing.T) {
	t.Run("carries more than it buffers, both ways at once", func(t *testing.T) {
		a, b := newPipe()
		sent := bytes.Repeat([]byte("0123456789"), 100_000)
		var g sync.WaitGroup
		for _, c := range []net.Conn{a, b} {
			g.Go(func() { _, err := c.Write(sent); assert.NoError(t, err) })
			g.Go(func() {
				got := make([]byte, len(sent))
				_, err := io.ReadFull(c, got)
				assert.NoError(t, err)
				assert.True(t, bytes.Equal(sent, got))
			})
		}
		g.Wait()
	})
	t.Run("what was written before a close can still be read", func(t *testing.T) {
		a, b := newPipe()
		_, err := a.Write([]byte("last words"))
		require.NoError(t, err)
		require.NoError(t, a.Close())
		require.NoError(t, a.Close(), "twice is fine")
		got, err := io.ReadAll(b)
		require.NoError(t, err)
		assert.Equal(t, "last words", string(got))
		_, err = b.Write([]byte("x"))
		assert.ErrorIs(t, err, io.ErrClosedPipe)
		_, err = a.Read(make([]byte, 1))
		assert.ErrorIs(t, err, io.ErrClosedPipe)
		_, err = a.Write([]byte("x"))
		assert.ErrorIs(t, err, io.ErrClosedPipe)
	})
	t.Run("a close wakes who waits", func(t *testing.T) {
		for _, closer := range []int{0, 1} {
			a, b := newPipe()
			reading := make(chan error)
			go func() { _, err := a.Read(make([]byte, 1)); reading <- err }()
			writing := make(chan error)
			go func() { _, err := a.Write(make([]byte, 2*pipeBuffer)); writing <- err }()
			require.NoError(t, []net.Conn{a, b}[closer].Close())
			assert.Error(t, <-reading)
			assert.Error(t, <-writing)
		}
	})
}

func TestPipeDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPipe()
		start := time.Now()
		require.NoError(t, a.SetDeadline(start.Add(2*time.Second)))
		_, err := a.Read(make([]byte, 1))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, 2*time.Second, time.Since(start))
		_, err = a.Write(make([]byte, 1))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)

		// A new deadline forgives the old one, and none waits for ever.
		require.NoError(t, a.SetReadDeadline(time.Time{}))
		go func() { time.Sleep(time.Hour); b.Write([]byte("x")) }()
		_, err = a.Read(make([]byte, 1))
		require.NoError(t, err)
		assert.Equal(t, time.Hour+2*time.Second, time.Since(start))

		// A deadline that is moved does not fire at its old time.
		require.NoError(t, a.SetReadDeadline(time.Now().Add(time.Second)))
		require.NoError(t, a.SetReadDeadline(time.Now().Add(time.Minute)))
		now := time.Now()
		_, err = a.Read(make([]byte, 1))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(now))

		// One in the past interrupts a read that is under way, as net/http does it.
		require.NoError(t, a.SetReadDeadline(time.Time{}))
		interrupted := make(chan error)
		go func() { _, err := a.Read(make([]byte, 1)); interrupted <- err }()
		synctest.Wait()
		require.NoError(t, a.SetReadDeadline(time.Unix(1, 0)))
		assert.ErrorIs(t, <-interrupted, os.ErrDeadlineExceeded)

		require.NoError(t, b.SetWriteDeadline(time.Now().Add(time.Second)))
		n, err := b.Write(make([]byte, pipeBuffer+1))
		assert.Equal(t, pipeBuffer, n)
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, "sandbox", a.RemoteAddr().String())
		assert.Equal(t, "memory", a.LocalAddr().Network())
		a.Close()
		b.Close()
	})
}

// TestCloseLeavesNothing closes while requests hang, drip and wait for their turn. The
// bubble itself fails when a goroutine is left.
func TestCloseLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entered, left := make(chan struct{}, 3), make(chan struct{}, 3)
		rt := Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			entered <- struct{}{}
			defer func() { left <- struct{}{} }()
			switch r.URL.Path {
			case "/hijack":
				conn, _, err := http.NewResponseController(w).Hijack()
				if assert.NoError(t, err) {
					io.Copy(io.Discard, conn)
				}
			case "/body":
				for r.Context().Err() == nil {
					w.Write(make([]byte, 1<<16))
				}
			default:
				<-r.Context().Done()
			}
		}))
		for _, path := range []string{"/hijack", "/body", "/hang"} {
			go func() {
				r, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://x"+path, nil)
				resp, err := rt.RoundTrip(r)
				if err == nil {
					synctest.Wait() // nobody reads: the writer fills the buffers
					resp.Body.Close()
				}
			}()
			<-entered
		}
		require.NoError(t, rt.Close())
		assert.Len(t, left, 3, "Close returns after the handlers have")
		require.NoError(t, rt.Close())
		r, _ := http.NewRequest(http.MethodPost, "http://x/", nil)
		_, err := rt.RoundTrip(r)
		assert.ErrorIs(t, err, errClosed)
	})
}
