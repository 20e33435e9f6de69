package jpush

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The operations, as they stand in [Error.Op].
const (
	OpCreate = "create"
	OpUpload = "upload"
	OpDelete = "delete"
	OpProbe  = "probe"
)

// Error is the outcome of one attempt that did not succeed. Every error that a [Client]'s
// calls return is an *Error. No secret is in any of its fields or texts.
type Error struct {
	Op     string // OpCreate, OpUpload, OpDelete or OpProbe
	Target string // what it was about: a package, an app key, a certificate
	Status int    // HTTP status; 0 when no answer came
	Code   int    // of the API; 0 when the answer had none
	// Condition names a failure that Code alone does not explain; empty otherwise.
	Condition Condition
	// Message is the server's own, with control characters, secrets and whatever exceeds
	// 200 characters taken out.
	Message string
	Class   Class
	// Sent is false only when it is certain that not a byte of the request left.
	Sent bool
	// RetryAfter is how long the server asks to wait, 0 to 5 minutes; 0 when it does not say.
	RetryAfter time.Duration
	Err        error // the cause, where there is one; a caller's context error stands here
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

// OutcomeUnknown reports whether the server may have done what was asked although no
// usable answer came. A service that is busy has answered: it did nothing. Were that taken
// for a lost answer, an app that somebody else made would count as ours after a 429.
func (e *Error) OutcomeUnknown() bool { return e.Class == ClassLost && e.Sent && !e.Busy() }

// Busy reports whether the service asks for fewer requests: HTTP 429, or one of the codes
// that its siblings answer with it.
func (e *Error) Busy() bool {
	return e.Status == http.StatusTooManyRequests || e.Code == 2001 || e.Code == 2002
}

// Remedy says in English what a person can do. The Chinese text is Entry().Remedy.ZH.
func (e *Error) Remedy() string { return e.Entry().Remedy.EN }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Error says what was tried, on what, what came back, and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Target != "" {
		b.WriteString(" " + e.Target)
	}
	return b.String() + ": " + e.Outcome() + "; " + e.Remedy()
}

// Outcome is the middle of Error: what came back, without what was tried and what to do.
func (e *Error) Outcome() string {
	var b strings.Builder
	switch {
	case e.Status != 0 && !e.Sent:
		b.WriteString("not sent, since an earlier request got HTTP " + strconv.Itoa(e.Status))
	case e.Status != 0:
		b.WriteString("HTTP " + strconv.Itoa(e.Status))
	}
	if e.Code != 0 {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString("code " + strconv.Itoa(e.Code))
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Entry().Meaning.EN)
	if e.Message != "" {
		fmt.Fprintf(&b, " (the server says %q)", e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}
