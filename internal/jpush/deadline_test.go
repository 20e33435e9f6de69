package jpush

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// overdue has a deadline that is over, and a timer that has not fired yet.
type overdue struct{ context.Context }

func (overdue) Deadline() (time.Time, bool) { return time.Now().Add(-time.Second), true }

// counting counts the connections on which anything arrives.
type counting struct {
	net.Listener
	talked *atomic.Int64
}

type countedConn struct {
	net.Conn
	talked *atomic.Int64
	spoke  bool
}

func (l counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &countedConn{Conn: c, talked: l.talked}, err
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.spoke {
		c.spoke = true
		c.talked.Add(1)
	}
	return n, err
}

// TestNothingIsSentAfterTheDeadline: not even the headers, whether the connection is new or
// was used before.
func TestNothingIsSentAfterTheDeadline(t *testing.T) {
	for name, secure := range map[string]bool{"HTTP/1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			var requests, talked atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				_, _ = io.WriteString(w, `{"app_key":"0123456789abcdef01234567","is_new_created":true}`)
			}))
			server.Listener = counting{server.Listener, &talked}
			server.EnableHTTP2 = true
			if secure {
				server.StartTLS()
			} else {
				server.Start()
			}
			t.Cleanup(server.Close)
			endpoint, err := url.Parse(server.URL)
			require.NoError(t, err)
			transport := newTransport(endpoint, 1)
			if secure {
				transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			}
			c, err := New(Options{Endpoint: server.URL, DevKey: "key", DevSecret: "secret", Transport: transport})
			require.NoError(t, err)
			t.Cleanup(c.CloseIdleConnections)
			send := func(ctx context.Context) error {
				_, err := c.CreateApp(ctx, App{Name: "App", AndroidPackage: "cn.example.app"})
				return err
			}

			require.ErrorIs(t, send(overdue{t.Context()}), os.ErrDeadlineExceeded)
			require.Zero(t, requests.Load())
			if !secure {
				require.Zero(t, talked.Load(), "a part of the request arrived")
			}
			require.NoError(t, send(t.Context()))
			require.ErrorIs(t, send(overdue{t.Context()}), os.ErrDeadlineExceeded)
			require.EqualValues(t, 1, requests.Load())
			require.NoError(t, send(t.Context()), "the next one gets a connection that works")
		})
	}
}

// The wall clock counts too: the monotonic one stands still while a machine is suspended.
func TestPassed(t *testing.T) {
	require.False(t, passed(time.Now().Add(time.Minute)))
	require.True(t, passed(time.Now().Add(-time.Minute)))
	require.True(t, passed(time.Now().Round(0).Add(-time.Minute)))
}
