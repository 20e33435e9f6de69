package jpush

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// resender is a transport that takes a second connection for the same request, as
// net/http does when it finds a kept one dead, or a stream refused.
type resender struct{ second net.Conn }

func (r *resender) RoundTrip(req *http.Request) (*http.Response, error) {
	req.Body, req.ContentLength = http.NoBody, 0
	trace := httptrace.ContextClientTrace(req.Context())
	first, _ := net.Pipe()
	defer first.Close()
	for _, conn := range []net.Conn{first, r.second} {
		trace.GetConn("host:80")
		trace.GotConn(httptrace.GotConnInfo{Conn: conn})
	}
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// TestSecondConnectionIsRefused: a request that may be on its way is not put on another.
func TestSecondConnectionIsRefused(t *testing.T) {
	second, _ := net.Pipe()
	c, err := New(Options{DevKey: "k", DevSecret: "s", Transport: &resender{second}, Timeout: DefaultTimeout})
	require.NoError(t, err)
	err = c.DeleteApp(context.Background(), "key")
	require.ErrorIs(t, err, errResend)
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.True(t, e.OutcomeUnknown())
	_, err = second.Write([]byte("x"))
	assert.ErrorContains(t, err, "closed pipe")
}

// mute is a transport that fails without telling of its connections.
type mute struct{}

func (mute) RoundTrip(*http.Request) (*http.Response, error) { return nil, net.ErrClosed }

func TestDoubtCountsAsSent(t *testing.T) {
	c, err := New(Options{DevKey: "k", DevSecret: "s", Transport: mute{}})
	require.NoError(t, err)
	err = c.DeleteApp(context.Background(), "key")
	var e *Error
	require.ErrorAs(t, err, &e)
	assert.True(t, e.OutcomeUnknown())
	assert.ErrorIs(t, err, net.ErrClosed)
}
