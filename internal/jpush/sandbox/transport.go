package sandbox

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// PipeTransport is an [http.RoundTripper] that leads to a handler in the same process, over
// connections in memory. A real HTTP server and a real HTTP client sit at their ends, so
// that what is cut is cut. It opens no socket and works in a testing/synctest bubble.
type PipeTransport struct {
	client *http.Transport
	server *http.Server
	pipes  *pipeListener
	served chan struct{}
	busy   sync.WaitGroup // connections that are served, and calls of the handler
}

// Transport starts to serve h. The host in a request's URL does not matter.
func Transport(h http.Handler) *PipeTransport {
	pipes := &pipeListener{arrived: make(chan net.Conn), closed: make(chan struct{}), open: map[*pipeConn]bool{}}
	t := &PipeTransport{
		pipes:  pipes,
		served: make(chan struct{}),
		client: &http.Transport{
			DialContext:            pipes.dial,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    256,
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        30 * time.Second,
		},
	}
	t.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t.busy.Add(1)
			defer t.busy.Done()
			h.ServeHTTP(w, r)
		}),
		ConnState: t.count,
		// A connection that the other side cut is the daily work here and no news.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(t.served)
		t.server.Serve(pipes)
	}()
	return t
}

// RoundTrip sends one request to the handler.
func (t *PipeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.client.RoundTrip(r)
}

// CloseIdleConnections closes the connections that no request uses.
func (t *PipeTransport) CloseIdleConnections() { t.client.CloseIdleConnections() }

// Close cuts all connections, waits until the handler's last call has returned, and lets
// every later request fail. It may be called twice.
func (t *PipeTransport) Close() error {
	err := t.server.Close()
	<-t.served
	t.pipes.cutAll()
	t.busy.Wait()
	t.client.CloseIdleConnections()
	return err
}

// count follows a connection from its acceptance to its end. One that a handler took over
// ends with the handler, which is counted by itself.
func (t *PipeTransport) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		t.busy.Add(1)
	case http.StateClosed, http.StateHijacked:
		t.busy.Done()
	}
}

// pipeListener gives the server its end of each connection that the client dials.
type pipeListener struct {
	arrived chan net.Conn
	closed  chan struct{}
	once    sync.Once

	mu   sync.Mutex
	open map[*pipeConn]bool // both ends, also those that a handler took over
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	c, s := newPipe()
	client, server := c.(*pipeConn), s.(*pipeConn)
	select {
	case <-l.closed:
		return nil, errClosed
	default:
	}
	l.track(client)
	l.track(server)
	select {
	case l.arrived <- server:
		return client, nil
	case <-l.closed:
		client.Close()
		server.Close()
		return nil, errClosed
	case <-ctx.Done():
		client.Close()
		server.Close()
		return nil, ctx.Err()
	}
}

var errClosed = errors.New("the sandbox is closed")

func (l *pipeListener) track(c *pipeConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = true
	c.onClose = func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, c)
	}
}

func (l *pipeListener) cutAll() {
	l.mu.Lock()
	var open []*pipeConn
	for c := range l.open {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.arrived:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }
