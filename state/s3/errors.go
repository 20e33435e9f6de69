package s3

import (
	"cmp"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"jpsync/state/shared"
)

// Error is a refusal by the store.
type Error struct {
	Op      string // opCreate and so on, or "find credentials"
	Name    string // of the object; empty for a listing
	Status  int    // of HTTP
	Code    string // of S3, such as NoSuchBucket; may be empty
	Message string // the store's

	err error // of the network
}

// Unwrap returns the network's error, if it was one.
func (e *Error) Unwrap() error { return e.err }

func (e *Error) Error() string {
	text := e.Op
	if e.Name != "" {
		text += " " + e.Name
	}
	text += ": " + cmp.Or(e.Code, fmt.Sprintf("HTTP %d", e.Status))
	if e.Message != "" {
		text += ": " + e.Message
	}
	if remedy := e.Remedy(); remedy != "" {
		text += "; " + remedy
	}
	return text
}

// Remedy says what to do, or nothing.
func (e *Error) Remedy() string {
	switch {
	case e.Status == http.StatusForbidden && (e.Code == "AccessDenied" || e.Code == "" || e.Code == "Forbidden"):
		return "grant " + rights[e.Op]
	case e.Code == "NotImplemented" && e.Op != opCreate:
		return "the store does not know this request: use one that does, see docs/state.md"
	case e.Code == "" && e.Status/100 == 3:
		return "redirects are not followed: give the endpoint that answers, and the bucket's region, in the state's location"
	case e.Code == "" && e.Status/100 == 4:
		return "check the endpoint and the bucket in the state's location, and a proxy before them"
	}
	return remedies[e.Code]
}

// rights are those that an operation needs.
var rights = map[string]string{
	opCreate:     "s3:PutObject below the prefix",
	opList:       "s3:ListBucket on the bucket",
	opRead:       "s3:GetObject below the prefix",
	opRemove:     "s3:DeleteObject below the prefix, if old entries are to be removed",
	opVersioning: "s3:GetBucketVersioning on the bucket",
}

// remedies tell what to do about the answers of the first day. The codes are those of the
// Amazon S3 API, which the compatible stores use as well.
var remedies = map[string]string{
	"NoSuchBucket":                 "create the bucket, or correct its name or its region in the state's location",
	"PermanentRedirect":            "the bucket is in another region: give it as region=… in the state's location",
	"TemporaryRedirect":            "the bucket is in another region: give it as region=… in the state's location",
	"AuthorizationHeaderMalformed": "the bucket is in another region: give it as region=… in the state's location",
	"IllegalLocationConstraint":    "the bucket is in another region: give it as region=… in the state's location",
	"InvalidAccessKeyId":           "the store does not know the access key: check AWS_ACCESS_KEY_ID, or the profile",
	"SignatureDoesNotMatch":        "the secret key is not the access key's: check AWS_SECRET_ACCESS_KEY",
	"ExpiredToken":                 "the credentials have expired: get new ones",
	"ExpiredTokenException":        "the credentials have expired: get new ones",
	"TokenRefreshRequired":         "the credentials have expired: get new ones",
	"InvalidToken":                 "the session token is not valid: check AWS_SESSION_TOKEN",
	"RequestTimeTooSkewed":         "this machine's clock is off by more than 15 minutes: set it",
	"RequestExpired":               "this machine's clock is off by more than 15 minutes: set it",
	"NotImplemented":               "the store does not know conditional writes: use one that does, see docs/state.md",
	"InvalidBucketName":            "correct the bucket's name in the state's location",
	codeNotS3:                      "the answer is not that of an S3 store, but perhaps a proxy's: check the endpoint in the state's location",
	codeTLS:                        "check the endpoint, and that this machine trusts the authority that signed its certificate (SSL_CERT_FILE)",
	codeUnreachable:                "check the endpoint in the state's location, the network and its proxy",
	codeNoCredentials:              "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a profile or a role",
	"QuotaExceeded":                "the store is full",
	"XMinioStorageFull":            "the store is full",
}

// Codes of our own, for what no store says.
const (
	codeNoCredentials = "NoCredentials" // nothing in the environment tells who we are
	codeNotS3         = "NotS3"         // the answer is something else
	codeTLS           = "TLS"           // the certificate, or no TLS at all
	codeUnreachable   = "Unreachable"   // no connection
)

// failure turns an answer that is no success into an error.
func failure(op, name string, res *http.Response) error {
	e := &Error{Op: op, Name: name, Status: res.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	var told struct{ Code, Message string }
	if xml.Unmarshal(body, &told) == nil {
		e.Code, e.Message = clean(told.Code), clean(told.Message)
	}
	switch {
	case exists(res.StatusCode, e.Code):
		return shared.ErrExists
	case res.StatusCode == http.StatusNotFound && (e.Code == "NoSuchKey" || e.Code == "" && op == opRead):
		return shared.ErrNotFound
	case res.StatusCode == http.StatusNotImplemented:
		e.Code = "NotImplemented"
		return e
	case res.StatusCode == http.StatusConflict, res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= 500,
		e.Code == "RequestTimeout", e.Code == "SlowDown":
		return &shared.UnavailableError{Err: e}
	}
	return e
}

// networkFailure is what became of a request without an answer. A wrong certificate stays
// wrong; anything else may pass. The URL is left out, since the caller names the place.
func networkFailure(op, name string, err error) error {
	e := &Error{Op: op, Name: name, err: cause(err)}
	e.Message = clean(e.err.Error())
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	_, dial := errors.AsType[*net.OpError](err)
	switch {
	case untrusted, noTLS, strings.Contains(e.Message, "server gave HTTP response to HTTPS client"):
		e.Code = codeTLS
		return e
	case dial && strings.Contains(e.Message, "dial"):
		e.Code = codeUnreachable
	default:
		e.Code = "no answer"
	}
	return &shared.UnavailableError{Err: e}
}

// cause is a network error without the URL.
func cause(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// exists tells the answers that say that a name is taken: AWS and those that follow it,
// Aliyun OSS and Tencent COS.
func exists(status int, code string) bool {
	return status == http.StatusPreconditionFailed ||
		status == http.StatusConflict && (code == "FileAlreadyExists" || code == "ObjectAlreadyExists")
}

// clean makes a store's text fit for a terminal, and short.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return strings.TrimSpace(s)
}
