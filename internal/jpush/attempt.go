package jpush

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http/httptrace"
	"sync/atomic"
)

var (
	errLatched  = errors.New("the credentials were refused meanwhile")
	errResend   = errors.New("the connection broke, and a request is never sent again unasked")
	errTooLong  = errors.New("the answer exceeds 1 MiB")
	errTimedOut = errors.New("no complete answer in time")
)

// attempt follows one request through the transport.
type attempt struct {
	cancel  context.CancelCauseFunc
	refused *atomic.Pointer[Error] // the client's latch
	asked   atomic.Bool            // the transport was asked for a connection
	sent    atomic.Bool            // a connection was obtained and the request may be on it
	latched atomic.Bool            // held back at the last moment
}

func (a *attempt) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { a.asked.Store(true) },
		GotConn: a.gotConn,
	}
}

// gotConn is the last moment before the transport writes, and so the place for two guards:
// nothing goes out once the credentials were refused, and nothing goes out twice, which
// net/http would do to a request without a body when a kept connection turns out dead.
func (a *attempt) gotConn(info httptrace.GotConnInfo) {
	switch {
	case a.sent.Load():
		a.cancel(errResend)
	case a.refused.Load() != nil:
		a.latched.Store(true)
		a.cancel(errLatched)
	default:
		a.sent.Store(true)
		return
	}
	// Over HTTP/2 the transport looks at the context before it writes, and others share
	// the connection. Over HTTP/1 it does not, but there the connection is ours alone.
	if c, ok := info.Conn.(*tls.Conn); ok && c.ConnectionState().NegotiatedProtocol == "h2" {
		return
	}
	info.Conn.Close()
}

// maySent reports whether the request may have left. A transport that reports nothing of
// its connections leaves no certainty.
func (a *attempt) maySent() bool {
	if a.latched.Load() && !a.sent.Load() {
		return false
	}
	return a.sent.Load() || !a.asked.Load()
}
