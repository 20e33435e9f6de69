package sandbox

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// Transport returns an [http.RoundTripper] that calls h in this process, without a network.
// The host of a request's URL does not matter. A call has ended when h has returned and the
// response body is closed, so there is nothing to close afterwards. It works in a
// testing/synctest bubble.
//
// A handler that panics with [http.ErrAbortHandler] cuts the connection. It can't hijack it.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ handler http.Handler }

var errCut = errors.New("the sandbox cut the connection")

// RoundTrip returns when the handler has sent its headers or has returned. It ends the
// handler's context when the request's ends, and then waits for the handler.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	in := r.Clone(ctx)
	if in.Body == nil {
		in.Body = http.NoBody
	}
	body, out := io.Pipe()
	w := &responseWriter{header: http.Header{}, body: out, started: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer in.Body.Close()
		err := serve(t.handler, w, in)
		// A cancelled request has no complete answer.
		w.end(cmp.Or(ctx.Err(), err))
	}()
	end := func() {
		cancel()
		body.Close()
		<-done
	}
	select {
	case <-w.started:
	case <-ctx.Done():
		end()
		return nil, context.Cause(ctx)
	}
	if w.status == 0 {
		end()
		return nil, w.err
	}
	return w.response(r, responseBody{body, end}), nil
}

// serve calls the handler and returns errCut if it aborts.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = errCut
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

// responseWriter is the handler's side of a call.
type responseWriter struct {
	header  http.Header
	body    *io.PipeWriter
	once    sync.Once
	started chan struct{} // closed when the fields below are set
	status  int           // 0: the handler aborted before it sent a status
	sent    http.Header
	err     error
}

func (w *responseWriter) Header() http.Header { return w.header }

func (w *responseWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.started)
	})
}

func (w *responseWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// end ends the response: with err if it is not nil, else as a complete one.
func (w *responseWriter) end(err error) {
	if err == nil {
		w.WriteHeader(http.StatusOK)
	}
	w.once.Do(func() {
		w.err = err
		close(w.started)
	})
	if err == errCut {
		err = io.ErrUnexpectedEOF // what net/http's client returns for half a body
	}
	w.body.CloseWithError(err)
}

func (w *responseWriter) response(r *http.Request, body io.ReadCloser) *http.Response {
	length, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64)
	if err != nil {
		length = -1
	}
	return &http.Response{
		Status:     strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        w.sent,
		Body:          body,
		ContentLength: length,
		Request:       r,
	}
}

// responseBody ends the call when it is closed.
type responseBody struct {
	io.Reader
	end func()
}

func (b responseBody) Close() error {
	b.end()
	return nil
}
