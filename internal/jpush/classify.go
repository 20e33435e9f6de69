package jpush

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody is the most that is read of an answer. The documented ones have some 100 bytes.
const maxBody = 1 << 20

// response is what came back, before anybody judged it.
type response struct {
	status int
	header http.Header
	body   []byte
	err    error // why the body is not whole, if it is not
	// location is where a redirect leads, secrets taken out: cut into its parts, a URL
	// would show pieces of them that nobody recognizes.
	location string
}

// judge returns the answer when it is a success for op, and otherwise the error. The order
// of its questions is the rule: 401 and redirects whatever the body says, then the API's
// code, then the status.
func judge(op string, r response, now time.Time) (answer, *Error) {
	a, isJSON := parseAnswer(r.body)
	isJSON = isJSON && r.err == nil
	code, message, isAPI := a.apiError()
	isAPI = isAPI && isJSON

	e := &Error{Op: op, Status: r.status, Sent: true, RetryAfter: retryAfter(r.header, r.status, now)}
	if isAPI {
		e.Code, e.Message = code, message
	}
	redirect := r.status >= 300 && r.status < 400
	row, known := LookupCode(code)
	switch {
	case r.status == http.StatusUnauthorized && !(isAPI && known && row.Class == ClassAuth):
		e.Condition = Unauthorized
	case redirect:
		e.Condition, e.Err = Redirected, redirectTarget(r.location)
	case isAPI && known:
		e.Class = codeClass(op, row)
		return answer{}, e
	case isAPI && statusDecides(r.status):
		e.Condition = lookupStatus(r.status).Condition
	case isAPI:
		e.Condition = UnknownCode
	case r.status >= 200 && r.status < 300 && isJSON && !a.hasError() && a.answers(op):
		return a, nil
	default:
		e.Condition, e.Err = lookupStatus(r.status).Condition, r.err
		if e.Condition == NotAnAnswer && e.Err == nil {
			e.Err = notAnAnswer(r, isJSON)
		}
	}
	row, _ = LookupCondition(e.Condition)
	e.Class = row.Class
	return answer{}, e
}

// codeClass takes the table's class, but for codes that make no sense after op: a create
// that hears of certificates has failed and has not converged.
func codeClass(op string, row Entry) Class {
	converged := row.Class == ClassConverged && op != OpUpload
	gone := row.Class == ClassGone && op != OpUpload && op != OpDelete
	if converged || gone {
		return ClassApp
	}
	return row.Class
}

// statusDecides reports whether the status outweighs a code that nobody knows: outside 2xx
// and 4xx always, inside where the status has a row of its own that is not about what kind
// of page answered.
func statusDecides(status int) bool {
	row := lookupStatus(status)
	switch row.Condition {
	case Forbidden, NotFound, Refused, NotAnAnswer:
		return false
	}
	return true
}

// answers reports whether a says what a success of op says.
func (a answer) answers(op string) bool {
	if op == OpCreate || op == OpProbe {
		key := text(a.AppKey)
		return key != ""
	}
	return a.succeeded()
}

func notAnAnswer(r response, isJSON bool) error {
	switch {
	case isJSON:
		return errors.New("the JSON has neither an error nor the fields of a success")
	case len(bytes.TrimSpace(r.body)) == 0:
		return errors.New("the body is empty")
	case r.header.Get("Content-Encoding") != "":
		return errors.New("the body is compressed, which was not asked for")
	case bytes.HasPrefix(bytes.TrimSpace(r.body), []byte("<")):
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

// judgeFailure classifies an attempt without an answer. sent says whether a connection
// was obtained.
func judgeFailure(ctx context.Context, op string, err error, sent bool) *Error {
	e := &Error{Op: op, Sent: sent, Err: err, Condition: LostAnswer}
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case ctx.Err() != nil:
		e.Condition, e.Err = Interrupted, context.Cause(ctx)
		if !errors.Is(e.Err, ctx.Err()) {
			e.Err = fmt.Errorf("%w: %w", ctx.Err(), e.Err)
		}
	case errors.As(err, &verification), errors.As(err, &record), isVersionMismatch(err):
		e.Condition = Untrusted
	case !sent:
		e.Condition = Unreachable
	}
	row, _ := LookupCondition(e.Condition)
	e.Class = row.Class
	return e
}

// isVersionMismatch looks at the text, since crypto/tls has no exported error for it: the
// server refused our versions, or chose one that we refuse, or does not speak TLS.
func isVersionMismatch(err error) bool {
	s := err.Error()
	return strings.Contains(s, "tls: protocol version not supported") ||
		strings.Contains(s, "tls: server selected unsupported protocol version") ||
		strings.Contains(s, "server gave HTTP response to HTTPS client")
}
