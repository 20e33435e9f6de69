package jpush

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The operations, the values of [Error.Op].
const (
	OpCreate = "create"
	OpUpload = "upload"
	OpDelete = "delete"
	OpProbe  = "probe"
	OpVerify = "verify"
)

// Error is the outcome of an attempt that did not succeed. All errors of a [Client]'s calls
// are of this type. None of its fields and texts holds a secret.
type Error struct {
	Op     string // OpCreate and its siblings
	Target string // the app or certificate that the call was about
	Status int    // HTTP status; 0 when no answer came
	Code   int    // of the API; 0 when the answer had none
	// Condition names a failure that Code does not explain; empty otherwise.
	Condition Condition
	// Message is the server's, at most 200 characters, without control characters and
	// secrets.
	Message string
	Class   Class
	// Sent is false only if it is certain that no byte of the request left.
	Sent bool
	// RetryAfter is how long the server asks to wait, 0 to 5 minutes; 0 when it does not say.
	RetryAfter time.Duration
	Err        error // the cause, if there is one; the context's error when the caller's context ended
}

// Entry returns the error's row of the table.
func (e *Error) Entry() Entry {
	if row, ok := LookupCondition(e.Condition); ok {
		return row
	}
	if row, ok := LookupCode(e.Code); ok {
		return row
	}
	if e.Code != 0 {
		row, _ := LookupCondition(UnknownCode)
		return row
	}
	if e.Status == 0 {
		row, _ := LookupCondition(LostAnswer)
		return row
	}
	return lookupStatus(e.Status)
}

// OutcomeUnknown reports whether the server may have executed the request although no usable
// answer arrived. A 429 was not executed: if it counted as unknown, somebody else's app in the next
// answer would count as ours.
func (e *Error) OutcomeUnknown() bool { return e.Class == ClassLost && e.Sent && !e.Busy() }

// Busy reports whether the service asks for fewer requests: HTTP 429, or one of the codes
// that JPush's other APIs send with it.
func (e *Error) Busy() bool {
	return e.Status == http.StatusTooManyRequests || e.Code == CodeOverQuota || e.Code == CodeTooFrequent
}

// Remedy returns in English what a person can do. The Chinese text is Entry().Remedy.ZH.
func (e *Error) Remedy() string { return e.Entry().Remedy.EN }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Error says what was tried, on what, what came back, and what to do.
func (e *Error) Error() string {
	what := strings.TrimSuffix(e.Op+" "+e.Target, " ")
	return what + ": " + e.Outcome() + "; " + e.Remedy()
}

// Outcome returns the middle of Error: what came back. The server's own words are in it if
// they are not those of the table.
func (e *Error) Outcome() string {
	row := e.Entry()
	text := row.Meaning.EN + e.answer()
	if e.Message != "" && e.Message != row.Message {
		text += fmt.Sprintf(" (the server says %q)", e.Message)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// answer names what came back in parentheses: a code, or else a status.
func (e *Error) answer() string {
	switch {
	case e.Status != 0 && !e.Sent:
		return fmt.Sprintf(" (not sent, since an earlier request got HTTP %d)", e.Status)
	case e.Code != 0:
		return fmt.Sprintf(" (code %d)", e.Code)
	case e.Status != 0:
		return fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	return ""
}
