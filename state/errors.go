package state

import (
	"errors"
	"fmt"
	"strings"
)

// ErrDamaged is what errors.Is finds in every error that says a state or a journal is not
// what was once written. A damaged file is never read as an empty one.
var ErrDamaged = errors.New("damaged")

// Errors of files that are as they were written, and are refused all the same.
var (
	// ErrNewerVersion says that a newer jpsync wrote a state or a journal.
	ErrNewerVersion = errors.New("use the newer jpsync that wrote it")
	// ErrUnfitJournal says that a journal does not continue the state beside it: one of them
	// was replaced, or the state was changed since. Nothing was changed.
	ErrUnfitJournal = errors.New("put the state back that belongs to it, or record its results in this one")
)

// newerVersion refuses a document, a state or a journal, of a version above [Version].
func newerVersion(document string, version int) error {
	return fmt.Errorf("the %s has format version %d and this jpsync reads %d; %w", document, version, Version, ErrNewerVersion)
}

// What can be damaged, as [DamagedError] names them.
const (
	docState   = "state"
	docJournal = "journal"
	DocObject  = "object" // of a shared state
)

// DamagedError tells what is damaged, where, and how that was noticed. The file's path is in
// the error around it.
type DamagedError struct {
	Document string // "state", "journal" or [DocObject]
	Record   int    // of a journal, from 1, which is the header; 0 for a state
	Offset   int64  // of a journal, in bytes from the start of the file
	Reason   string
}

func (e *DamagedError) Error() string {
	var b strings.Builder
	b.WriteString("the " + e.Document + " is damaged")
	if e.Record > 0 {
		fmt.Fprintf(&b, " in record %d", e.Record)
	}
	if e.Offset > 0 {
		fmt.Fprintf(&b, " at byte %d", e.Offset)
	}
	remedy := "jpsync state repair shows what can be saved"
	if e.Document == DocObject {
		remedy = "restore that object, or put the newest snapshot that can be read to a new location with jpsync state push FILE --force"
	}
	return b.String() + ": " + e.Reason + "; " + remedy
}

// Is makes every DamagedError an [ErrDamaged].
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// MismatchError refuses to work on another account's or another endpoint's state.
type MismatchError struct {
	Field    string // "endpoint" or "account"
	Recorded string
	Given    string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the state belongs to %s %q and this run uses %q; use the state of that %s, or the %s of that state",
		e.Field, e.Recorded, e.Given, e.Field, e.Field)
}

// ErrFenced says that somebody else is the writer now.
var ErrFenced = errors.New("another run has taken over")

// LeaseError says that a run is not the writer any more: its lease is over, another run took
// over, or the store stayed away for so long. Nothing more may be sent. What was answered and
// could not be recorded goes into a recovery file.
type LeaseError struct {
	Location string // may be empty
	Err      error  // ErrFenced, or the store's error
}

func (e *LeaseError) Error() string {
	if e.Location == "" {
		return fmt.Sprintf("lost the lock of the state: %v", e.Err)
	}
	return fmt.Sprintf("lost the lock of the state %s: %v", e.Location, e.Err)
}

// Unwrap returns the cause.
func (e *LeaseError) Unwrap() error { return e.Err }

// SaveError says that the state could not be saved at the end of a run.
type SaveError struct {
	Location string
	// Journaled says that every record is durable in the journal, which the next run replays.
	// Otherwise [Run.WriteRecovery] writes down what only this process knows.
	Journaled bool
	Err       error
}

func (e *SaveError) Error() string {
	if e.Journaled {
		return fmt.Sprintf("save the state %s: %v; every answer is in its journal, and the next run replays that", e.Location, e.Err)
	}
	return fmt.Sprintf("save the state %s: %v", e.Location, e.Err)
}

func (e *SaveError) Unwrap() error { return e.Err }
