package jpush

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
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

// pages are the conditions that say only what kind of page answered. With these an API code that
// nobody knows becomes UnknownCode; any other condition goes before it.
var pages = []Condition{Forbidden, NotFound, Refused, NotAnAnswer}

// judge returns the answer if it is a success of op, and the error otherwise. A 401 and a
// redirect are decided by the status; then the API's code decides, then the status.
func judge(op string, r response, now time.Time) (responseBody, *Error) {
	b, isJSON := parseBody(r.body)
	isJSON = isJSON && r.err == nil
	code, message, isAPI := b.apiError()
	isAPI = isAPI && isJSON

	e := &Error{Op: op, Status: r.status, Sent: true, RetryAfter: retryAfter(r.header, r.status, now)}
	if isAPI {
		e.Code, e.Message = code, message
	}
	row, known := LookupCode(code)
	byStatus := lookupStatus(r.status).Condition
	switch {
	case r.status == http.StatusUnauthorized && op == OpVerify:
		e.Condition, e.Code = PairRefused, 0 // the Device API's codes are others
	case r.status == http.StatusUnauthorized && !(isAPI && known && row.Class == ClassAuth):
		e.Condition = Unauthorized
	case r.status >= 300 && r.status < 400:
		e.Condition, e.Err = Redirected, redirectTarget(r.location)
	case isAPI && known:
		e.Class = codeClass(op, row)
		return responseBody{}, e
	case isAPI && slices.Contains(pages, byStatus):
		e.Condition = UnknownCode
	case isAPI:
		e.Condition = byStatus
	case r.status >= 200 && r.status < 300 && isJSON && !b.hasError() && b.succeeded(op):
		return b, nil
	default:
		e.Condition, e.Err = byStatus, r.err
		if op == OpVerify && (e.Condition == NotFound || e.Condition == WrongMethod) {
			e.Condition = NoDeviceAPI // those two speak of the Admin API
		}
		if e.Condition == NotAnAnswer && e.Err == nil {
			e.Err = notAnAnswer(r, isJSON)
		}
	}
	e.Class = e.Entry().Class
	return responseBody{}, e
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

// responseBody is a decoded response body. Its fields are raw, so that an unexpected type in one
// of them does not lose the others: an app key must survive a boolean sent as a string.
type responseBody struct {
	AppKey         json.RawMessage `json:"app_key"`
	MasterSecret   json.RawMessage `json:"master_secret"`
	AndroidPackage json.RawMessage `json:"android_package"`
	IsNew          json.RawMessage `json:"is_new_created"`
	Success        json.RawMessage `json:"success"`
	Tags           json.RawMessage `json:"tags"`
	Error          json.RawMessage `json:"error"`
	Code           json.RawMessage `json:"code"`
	Message        json.RawMessage `json:"message"`
}

// parseBody reports whether the body is a JSON object.
func parseBody(body []byte) (responseBody, bool) {
	var b responseBody
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) || json.Unmarshal(body, &b) != nil {
		return responseBody{}, false
	}
	return b, true
}

// apiError returns the code and message of an API error, which are nested in "error" or
// stand at the top.
func (b responseBody) apiError() (code int, message string, ok bool) {
	var nested struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(b.Error, &nested) == nil {
		if code, ok = number(nested.Code); ok {
			return code, text(nested.Message), true
		}
	}
	code, ok = number(b.Code)
	return code, text(b.Message), ok
}

// hasError reports whether the answer contains an error, known or not.
func (b responseBody) hasError() bool {
	_, _, ok := b.apiError()
	return ok || !absent(b.Error)
}

// succeeded reports whether the answer has the field that a success of op has: an app_key, a
// list of tags, or else a "success" that is true or a text.
func (b responseBody) succeeded(op string) bool {
	switch op {
	case OpCreate, OpProbe:
		return text(b.AppKey) != ""
	case OpVerify:
		return bytes.HasPrefix(b.Tags, []byte("["))
	}
	return text(b.Success) != "" || string(b.Success) == "true"
}

// number returns an API code, which is a JSON number or a numeric string. 0 means no error.
func number(raw json.RawMessage) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(strings.Trim(string(raw), `"`)))
	return n, err == nil && n != 0
}

// text returns the value of a JSON string, and "" for any other type.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

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
func judgeFailure(parent context.Context, err error, sent bool) *Error {
	e := &Error{Sent: sent, Err: err, Condition: LostAnswer}
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case parent.Err() != nil:
		e.Condition, e.Err = Interrupted, &endedError{context.Cause(parent), parent.Err()}
	case unverified, noTLS, isVersionMismatch(err):
		e.Condition = Untrusted
	case !sent:
		e.Condition = Unreachable
	default:
		e.Err = unquoted(err)
	}
	e.Class = e.Entry().Class
	return e
}

// unquoted drops what an error of net/http quotes: it is a part of the answer, which may hold a secret.
func unquoted(err error) error {
	text, _, quotes := strings.Cut(err.Error(), `"`)
	if !quotes {
		return err
	}
	return errors.New(strings.TrimRight(text, ": "))
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
