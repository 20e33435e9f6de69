package jpush

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

var (
	errRefused  = errors.New("the credentials were refused meanwhile")
	errTooLong  = errors.New("the answer exceeds 1 MiB")
	errTimedOut = errors.New("no complete answer in time")
)

// call is one request.
type call struct {
	op, target  string
	method      string   // empty: POST
	path        []string // elements below the endpoint, escaped
	body        []byte   // nil: none
	contentType string   // of body; empty if there is none
	secret      string   // that no error repeats, besides the credentials
}

// doApp makes a call about one app.
func (c *Client) doApp(ctx context.Context, cl call, appKey, verb string) error {
	if appKey == "" || appKey == "." || appKey == ".." {
		// These would change the path.
		return c.badArgument(cl, fmt.Errorf("invalid app key %q", appKey))
	}
	cl.path = []string{"app", url.PathEscape(appKey), verb}
	_, err := c.do(ctx, cl)
	return err
}

// do makes one attempt. It sends at most one request and follows no redirect.
func (c *Client) do(parent context.Context, cl call) (responseBody, error) {
	if c.refused.Load() != nil {
		return responseBody{}, c.refusal(cl)
	}
	if parent.Err() != nil {
		return responseBody{}, c.fail(cl, judgeFailure(parent, parent.Err(), false))
	}
	ctx, stop := context.WithTimeoutCause(parent, c.timeout, fmt.Errorf("%w: %v passed", errTimedOut, c.timeout))
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	at := &attempt{client: c, cancel: cancel}
	at.deadline, _ = ctx.Deadline()
	req, err := c.request(at.trace(ctx), cl)
	if err != nil {
		return responseBody{}, c.badArgument(cl, err)
	}
	// An http.Client would follow redirects and keep cookies.
	resp, err := c.transport.RoundTrip(req)
	if err != nil && at.withheld.Load() && !at.sent.Load() {
		return responseBody{}, c.refusal(cl)
	}
	if err != nil {
		return responseBody{}, c.fail(cl, judgeFailure(parent, ownCause(ctx, err), at.maySent()))
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		// The body may take its time, and no other call may send meanwhile.
		c.refuse(&Error{Status: resp.StatusCode, Condition: Unauthorized, Class: ClassAuth})
	}
	r := response{status: resp.StatusCode, header: resp.Header}
	if location := resp.Header.Get("Location"); location != "" {
		r.location = c.cleaner(cl).scrub(location)
	}
	r.body, r.err = c.readBody(ctx, resp.Body)
	if r.err != nil && parent.Err() != nil && resp.StatusCode < 300 {
		return responseBody{}, c.fail(cl, judgeFailure(parent, r.err, true))
	}
	r.err = ownCause(ctx, r.err)
	b, e := judge(cl.op, r, time.Now())
	if e == nil {
		return b, nil
	}
	e = c.fail(cl, e)
	if e.Class == ClassAuth {
		c.refuse(e)
	}
	return responseBody{}, e
}

// request builds the request. net/http sends a POST again only if nothing of it was
// written, or if an HTTP/2 server says that it did not process it. Without GetBody it can't
// do even that to a request with a body.
func (c *Client) request(ctx context.Context, cl call) (*http.Request, error) {
	method, target := cmp.Or(cl.method, http.MethodPost), c.base.JoinPath(cl.path...)
	r, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(cl.body))
	if err != nil {
		return nil, err
	}
	r.GetBody = nil
	r.SetBasicAuth(c.devKey, c.devSecret)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", c.userAgent)
	if cl.contentType != "" {
		r.Header.Set("Content-Type", cl.contentType)
	}
	return r, nil
}

const (
	// maxBody is the most that is read of an answer. The documented ones have about 100
	// bytes.
	maxBody = 1 << 20
	// Larger answers than smallBody are read at most largeBodies at a time.
	smallBody   = 64 << 10
	largeBodies = 8
)

// readBody reads to the end, so that the connection can be used again, or to maxBody.
func (c *Client) readBody(ctx context.Context, r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, smallBody))
	if err != nil || len(body) < smallBody {
		return body, err
	}
	if err := c.large.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer c.large.Release(1)
	rest, err := io.ReadAll(io.LimitReader(r, maxBody+1-smallBody))
	if len(rest) > maxBody-smallBody {
		return nil, errTooLong
	}
	return append(body, rest...), err
}

// ownCause returns why the attempt was cancelled, if it was, in place of the transport's
// "context canceled".
func ownCause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// fail completes an error and removes secrets from its texts.
func (c *Client) fail(cl call, e *Error) *Error {
	clean := c.cleaner(cl)
	e.Op, e.Target = cl.op, clean.text(cl.target, maxMessage)
	e.Message = clean.text(e.Message, maxMessage)
	e.Err = clean.err(e.Err)
	return e
}

// cleaner knows the secrets of a call.
func (c *Client) cleaner(cl call) cleaner {
	pair := c.devKey + ":" + c.devSecret
	return newCleaner(c.devSecret, pair, base64.StdEncoding.EncodeToString([]byte(pair)), cl.secret)
}

func (c *Client) badArgument(cl call, err error) *Error {
	return c.fail(cl, &Error{Condition: BadArgument, Class: ClassApp, Err: err})
}

// refuse records the first refusal. One with a code replaces one without.
func (c *Client) refuse(e *Error) {
	first := *e
	if old := c.refused.Load(); old == nil || (old.Code == 0 && e.Code != 0) {
		c.refused.CompareAndSwap(old, &first)
	}
}

// refusal is the first refusal as the error of a call that was not sent because of it.
func (c *Client) refusal(cl call) *Error {
	e := *c.refused.Load()
	e.Op, e.Target, e.Sent = cl.op, printable(cl.target), false
	return &e
}
