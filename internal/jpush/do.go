package jpush

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"
)

// call is one request to be made.
type call struct {
	op, target  string
	path        string // below the endpoint, escaped
	body        []byte // nil: none
	contentType string // of body
	secret      string // in body: never to be repeated
}

// doApp makes a call about one app.
func (c *Client) doApp(ctx context.Context, cl call, appKey, verb string) (answer, error) {
	if appKey == "" || appKey == "." || appKey == ".." {
		// These would change the path and so the meaning.
		return answer{}, c.badArgument(cl, fmt.Errorf("%q is no app key", appKey))
	}
	cl.path = "app/" + url.PathEscape(appKey) + verb
	return c.do(ctx, cl)
}

// do makes one attempt: it sends at most one request, follows nothing and repeats nothing.
func (c *Client) do(ctx context.Context, cl call) (answer, error) {
	if first := c.refused.Load(); first != nil {
		return answer{}, latchedError(first, cl)
	}
	if ctx.Err() != nil {
		return answer{}, c.fail(cl, judgeFailure(ctx, cl.op, ctx.Err(), false))
	}
	attemptCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(c.timeout, func() {
		cancel(fmt.Errorf("%w: %v passed", errTimedOut, c.timeout))
	})
	defer timer.Stop()
	at := &attempt{cancel: cancel, refused: &c.refused}

	// The transport is used without http.Client around it: that one follows redirects,
	// keeps cookies and may send again.
	resp, err := c.transport.RoundTrip(c.request(httptrace.WithClientTrace(attemptCtx, at.trace()), cl))
	if err != nil {
		if first := c.refused.Load(); first != nil && at.latched.Load() {
			return answer{}, latchedError(first, cl)
		}
		return answer{}, c.fail(cl, judgeFailure(ctx, cl.op, ownCause(attemptCtx, err), at.maySent()))
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		// Before the body, which may take its time: whoever starts now must not send.
		c.latch(cl, &Error{Status: resp.StatusCode, Condition: Unauthorized, Class: ClassAuth, Sent: true})
	}
	r := response{status: resp.StatusCode, header: resp.Header}
	if location := resp.Header.Get("Location"); location != "" {
		r.location = c.cleaner(cl).scrub(location)
	}
	var release func()
	r.body, release, r.err = c.readBody(attemptCtx, resp)
	defer release()
	if r.err != nil && ctx.Err() != nil && resp.StatusCode < 300 {
		return answer{}, c.fail(cl, judgeFailure(ctx, cl.op, r.err, true))
	}
	r.err = ownCause(attemptCtx, r.err)
	a, e := judge(cl.op, r, time.Now())
	if e == nil {
		return a, nil
	}
	e = c.fail(cl, e)
	if e.Class == ClassAuth {
		c.latch(cl, e)
	}
	return answer{}, e
}

// request builds the request by hand. Without GetBody the transport has no means to send a
// body a second time.
func (c *Client) request(ctx context.Context, cl call) *http.Request {
	u := *c.base
	u.RawPath = c.base.EscapedPath() + cl.path
	u.Path, _ = url.PathUnescape(u.RawPath)
	r := (&http.Request{
		Method: http.MethodPost,
		URL:    &u,
		Host:   u.Host,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Authorization": {c.authorization},
			"Accept":        {"application/json"},
			"User-Agent":    {c.userAgent},
		},
	}).WithContext(ctx)
	if cl.body != nil {
		r.Header["Content-Type"] = []string{cl.contentType}
		r.Body = io.NopCloser(bytes.NewReader(cl.body))
		r.ContentLength = int64(len(cl.body))
	}
	return r
}

// smallBody is what an answer has at most, unless something is wrong. Larger ones, up to
// [maxBody], are in memory a few at a time.
const (
	smallBody   = 64 << 10
	largeBodies = 8
)

// readBody reads to the end, so that the connection can serve the next request, or to the
// limit, after which it is given up. Call release when the body is not needed any more.
func (c *Client) readBody(ctx context.Context, resp *http.Response) (body []byte, release func(), err error) {
	release = func() {}
	if resp.ContentLength > maxBody {
		return nil, release, errTooLong
	}
	if n := resp.ContentLength; n >= 0 && n <= smallBody {
		body = make([]byte, n)
		read, err := io.ReadFull(resp.Body, body)
		return body[:read], release, err
	}
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(resp.Body, smallBody))
	if err != nil || n < smallBody {
		return b.Bytes(), release, err
	}
	select {
	case c.large <- struct{}{}:
		release = func() { <-c.large }
	case <-ctx.Done():
		return nil, release, ctx.Err()
	}
	more, err := b.ReadFrom(io.LimitReader(resp.Body, maxBody+1-n))
	if n+more > maxBody {
		return nil, release, errTooLong
	}
	return b.Bytes(), release, err
}

// ownCause replaces the transport's "context canceled" by why we cancelled.
func ownCause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return context.Cause(ctx)
	}
	return err
}

// fail completes an error and takes out of it what must not be shown.
func (c *Client) fail(cl call, e *Error) *Error {
	clean := c.cleaner(cl)
	e.Op, e.Target = cl.op, clean.text(cl.target, maxMessage)
	e.Message = clean.text(e.Message, maxMessage)
	e.Err = clean.err(e.Err)
	return e
}

// cleaner knows what this call must not repeat.
func (c *Client) cleaner(cl call) cleaner {
	return newCleaner(c.devSecret, c.pair, base64.StdEncoding.EncodeToString([]byte(c.pair)), cl.secret)
}

func (c *Client) badArgument(cl call, err error) *Error {
	return c.fail(cl, &Error{Condition: BadArgument, Class: ClassApp, Err: err})
}

// latch remembers the first refusal; the same one may come again with more to say.
func (c *Client) latch(cl call, e *Error) {
	first := *e
	first.Op, first.Target = cl.op, printable(cl.target)
	if old := c.refused.Load(); old == nil || (old.Code == 0 && e.Code != 0) {
		c.refused.CompareAndSwap(old, &first)
	}
}

// latchedError is the first refusal again, for a call that was not sent because of it.
func latchedError(first *Error, cl call) *Error {
	e := *first
	e.Op, e.Target, e.Sent = cl.op, printable(cl.target), false
	return &e
}
