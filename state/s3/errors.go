package s3

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"

	"jpsync/state/shared"
)

// Error is a refusal by the store.
type Error struct {
	Op      string // "create", "list", "read", "remove", "read the versioning of"
	Name    string // of the object; empty for a listing
	Status  int    // of HTTP
	Code    string // of S3, such as NoSuchBucket; may be empty
	Message string // the store's
}

func (e *Error) Error() string {
	text := e.Op
	if e.Name != "" {
		text += " " + e.Name
	}
	text += ": "
	if e.Code != "" {
		text += e.Code
	} else {
		text += fmt.Sprintf("HTTP %d", e.Status)
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if remedy := e.Remedy(); remedy != "" {
		text += "; " + remedy
	}
	return text
}

// Remedy says what to do, or nothing.
func (e *Error) Remedy() string { return remedies[e.Code] }

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
	"AccessDenied":                 "grant s3:ListBucket on the bucket, and s3:GetObject and s3:PutObject below the prefix",
	"NotImplemented":               "the store does not know conditional writes: use one that does, see docs/state.md",
	"InvalidBucketName":            "correct the bucket's name in the state's location",
	codeNoCredentials:              "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a profile or a role",
	"QuotaExceeded":                "the store is full",
	"XMinioStorageFull":            "the store is full",
}

// codeNoCredentials is our own: nothing in the environment tells who we are.
const codeNoCredentials = "NoCredentials"

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

// exists tells the answers that say that a name is taken: AWS and those that follow it,
// Aliyun OSS and Tencent COS.
func exists(status int, code string) bool {
	return status == http.StatusPreconditionFailed ||
		status == http.StatusConflict && (code == "FileAlreadyExists" || code == "ObjectAlreadyExists")
}

// clean makes a store's text fit for a terminal, and short.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return strings.TrimSpace(s)
}
