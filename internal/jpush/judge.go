package jpush

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// response is what the server returned, before it is judged.
type response struct {
	status int
	header http.Header
	body   []byte
	err    error // why the body is incomplete, if it is
	// location is the target of a redirect without the secrets in it. They have to be
	// removed before it is split: the host alone may hold a part of one.
	location string
}

// judge returns the answer if it is a success of op, and the error otherwise. A 401 and a
// redirect are decided by the status; then the API's code decides, then the status.
func judge(op string, r response, now time.Time) (answer, *Error) {
	a, isJSON := parseAnswer(r.body)
	isJSON = isJSON && r.err == nil
	code, message, isAPI := a.apiError()
	isAPI = isAPI && isJSON

	e := &Error{Op: op, Status: r.status, Sent: true, RetryAfter: retryAfter(r.header, r.status, now)}
	if isAPI {
		e.Code, e.Message = code, message
	}
	row, known := LookupCode(code)
	switch {
	case r.status == http.StatusUnauthorized && op == OpVerify:
		e.Condition, e.Code = PairRefused, 0 // the Device API's codes are others
	case r.status == http.StatusUnauthorized && !(isAPI && known && row.Class == ClassAuth):
		e.Condition = Unauthorized
	case r.status >= 300 && r.status < 400:
		e.Condition, e.Err = Redirected, redirectTarget(r.location)
	case isAPI && known:
		e.Class = codeClass(op, row)
		return answer{}, e
	case isAPI && statusDecides(r.status):
		e.Condition = lookupStatus(r.status).Condition
	case isAPI:
		e.Condition = UnknownCode
	case r.status >= 200 && r.status < 300 && isJSON && !a.hasError() && a.succeeded(op):
		return a, nil
	default:
		e.Condition, e.Err = lookupStatus(r.status).Condition, r.err
		if op == OpVerify && (e.Condition == NotFound || e.Condition == WrongMethod) {
			e.Condition = NoDeviceAPI // those two speak of the Admin API
		}
		if e.Condition == NotAnAnswer && e.Err == nil {
			e.Err = notAnAnswer(r, isJSON)
		}
	}
	row, _ = LookupCondition(e.Condition)
	e.Class = row.Class
	return answer{}, e
}

// codeClass returns the class of a code in an answer to op. A create cannot have converged,
// and its app cannot be gone: it failed.
func codeClass(op string, row Entry) Class {
	switch {
	case row.Class == ClassConverged && op != OpUpload:
		return ClassApp
	case row.Class == ClassGone && op != OpUpload && op != OpDelete:
		return ClassApp
	case row.Class == ClassAuth && op == OpVerify: // each app has a pair of its own
		return ClassApp
	}
	return row.Class
}

// statusDecides reports whether the status tells more than an unknown code. For the
// conditions below it does not: they say only what kind of page answered.
func statusDecides(status int) bool {
	switch lookupStatus(status).Condition {
	case Forbidden, NotFound, Refused, NotAnAnswer:
		return false
	}
	return true
}

func notAnAnswer(r response, isJSON bool) error {
	body := bytes.TrimSpace(r.body)
	switch {
	case isJSON:
		return errors.New("the JSON has neither an error nor the fields of a success")
	case len(body) == 0:
		return errors.New("the body is empty")
	case r.header.Get("Content-Encoding") != "":
		return errors.New("the body is compressed, which was not asked for")
	case bytes.HasPrefix(body, []byte("<")):
		return errors.New("the body is a page, as a proxy or a login would send it")
	}
	return errors.New("the body is not JSON")
}

func redirectTarget(location string) error {
	if location == "" {
		return errors.New("it names no target")
	}
	u, err := url.Parse(location)
	switch {
	case err != nil:
		return errors.New("its target is not a URL")
	case u.Host == "":
		return errors.New("its target is another path of the same host")
	}
	return errors.New("its target is the host " + u.Hostname())
}

// judgeFailure returns the error of an attempt without an answer. sent tells whether the
// request may have left.
func judgeFailure(ctx context.Context, err error, sent bool) *Error {
	e := &Error{Sent: sent, Err: err, Condition: LostAnswer}
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case ctx.Err() != nil:
		e.Condition, e.Err = Interrupted, &endedError{context.Cause(ctx), ctx.Err()}
	case errors.As(err, &verification), errors.As(err, &record), isVersionMismatch(err):
		e.Condition = Untrusted
	case !sent:
		e.Condition = Unreachable
	}
	row, _ := LookupCondition(e.Condition)
	e.Class = row.Class
	return e
}

// endedError says why the caller's context ended. It is the context's error too.
type endedError struct{ cause, err error }

func (e *endedError) Error() string   { return e.cause.Error() }
func (e *endedError) Unwrap() []error { return []error{e.cause, e.err} }

// isVersionMismatch reports whether client and server have no TLS version in common, or the
// server does not speak TLS. crypto/tls and net/http export no error for it, so the text
// decides.
func isVersionMismatch(err error) bool {
	s := err.Error()
	return strings.Contains(s, "tls: protocol version not supported") ||
		strings.Contains(s, "tls: server selected unsupported protocol version") ||
		strings.Contains(s, "server gave HTTP response to HTTPS client")
}

// maxRetryAfter limits how long a server can make a run wait.
const maxRetryAfter = 5 * time.Minute

// retryAfter returns how long the server asks to wait: Retry-After in seconds or as a date
// (RFC 9110, 10.2.3), or else, on a 429, X-Rate-Limit-Reset, which the documents of JPush's
// other APIs define as the seconds until the quota starts anew. An invalid value is 0.
func retryAfter(h http.Header, status int, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if d, ok := seconds(value); ok {
		return d
	}
	if t, err := http.ParseTime(value); err == nil {
		return min(max(t.Sub(now), 0), maxRetryAfter)
	}
	if status != http.StatusTooManyRequests {
		return 0
	}
	d, _ := seconds(strings.TrimSpace(h.Get("X-Rate-Limit-Reset")))
	return d
}

func seconds(value string) (time.Duration, bool) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	// Out of range, ParseInt returns the nearest value that fits.
	n = min(max(n, 0), int64(maxRetryAfter/time.Second))
	return time.Duration(n) * time.Second, true
}
