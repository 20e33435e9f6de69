package sandbox

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// Transport returns an [http.RoundTripper] whose connections lead to h in this process, without
// a network. The host of a request's URL does not matter. A connection serves one request and ends
// with it, so there is nothing to close afterwards. It works in a testing/synctest bubble.
func Transport(h http.Handler) http.RoundTripper {
	return &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go http.Serve(&oneConn{conn: server}, h)
			return client, nil
		},
	}
}

// oneConn is a listener that accepts one connection.
type oneConn struct {
	conn net.Conn
	once sync.Once
}

// Accept returns an error from the second time on, which ends [http.Serve] but not the connection.
func (l *oneConn) Accept() (conn net.Conn, err error) {
	err = io.EOF
	l.once.Do(func() { conn, err = l.conn, nil })
	return conn, err
}

func (*oneConn) Close() error     { return nil }
func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }
