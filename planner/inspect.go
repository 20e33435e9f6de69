package planner

import (
	"jpsync/internal/pushcert"
	"jpsync/manifest"
)

// Inspector looks at certificate files on the planner's behalf.
type Inspector interface {
	// Inspect reads the file that c names. When its SHA-256 is known it is neither opened
	// nor its password asked for, and Inspection.Opened is nil. What goes wrong comes back
	// as an [InspectError].
	Inspect(c manifest.Certificate, known string) (Inspection, error)
}

// Inspection is what an [Inspector] saw.
type Inspection struct {
	FileSHA256 string
	Opened     *pushcert.Certificate // nil: it was not opened
	Password   pushcert.PasswordFacts
}

// InspectError says why a certificate file could not be looked into. Code is one of this
// package's or one of pushcert's kinds.
type InspectError struct {
	Code string
	Err  error
}

func (e *InspectError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *InspectError) Unwrap() error { return e.Err }

// Codes of an [InspectError] that have nothing to do with what is in the file.
const (
	CodeUnreadable         = "file_unreadable"
	CodePasswordNotAtHand  = "password_not_at_hand"
	codeUnknownInspectFail = "unreadable"
)
