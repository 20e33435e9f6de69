package state

import (
	"errors"
	"fmt"
	"strings"
)

// ErrDamaged is what errors.Is finds in every error that says a state or a journal is not
// what was once written. A damaged file is never read as an empty one.
var ErrDamaged = errors.New("damaged")

// What can be damaged, as [DamagedError] names them.
const (
	docState   = "state"
	docJournal = "journal"
	docObject  = "object" // of a shared state
)

// DamagedError tells what is damaged, where, and how that was noticed. The file's path is in
// the error around it.
type DamagedError struct {
	Document string // "state", "journal", or "object" of a shared state
	Record   int    // of a journal, from 1, which is the header; 0 for a state
	Offset   int64  // in bytes from the start of the file; 0 when it is not known
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
	if e.Document == docObject {
		remedy = "restore that object, or put the newest snapshot that can be read to a new location with jpsync state push FILE --force"
	}
	return b.String() + ": " + e.Reason + "; " + remedy
}

// Is makes every DamagedError an [ErrDamaged].
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// NewerVersionError refuses a file that a newer jpsync wrote.
type NewerVersionError struct {
	Document string // "state" or "journal"
	Version  int    // what the file says; this package writes [Version]
}

func (e *NewerVersionError) Error() string {
	return fmt.Sprintf("the %s has format version %d and this jpsync reads %d; use the newer jpsync that wrote it",
		e.Document, e.Version, Version)
}

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

// MissingError says that there is no state where there has been one: its backup is there.
// The backup is older than what is missing, so it is not used silently.
type MissingError struct {
	Path   string
	Backup string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("there is no state at %s, but a backup of one, %s: put the state back, or use the backup, which lacks what was done last: cp %s %s; "+
		"to begin with an empty state, move the backup away", e.Path, e.Backup, e.Backup, e.Path)
}

// UnfitJournalError says that a journal does not continue the state beside it: one of them
// was replaced, or the state was changed since. Nothing was changed.
type UnfitJournalError struct {
	Path         string // of the journal
	Lineage      string // of the state that the journal continues
	Serial       int64  // of the state that the journal continues
	StateLineage string // of the state beside it; empty when there is none
	StateSerial  int64
}

func (e *UnfitJournalError) Error() string {
	beside := fmt.Sprintf("the state beside it is %s with serial %d", e.StateLineage, e.StateSerial)
	if e.StateLineage == "" {
		beside = "there is no state beside it"
	}
	return fmt.Sprintf("the journal %s of an interrupted run continues state %s with serial %d, but %s: "+
		"put the state back that belongs to it, or record its results in this one: jpsync state recover %s",
		e.Path, e.Lineage, e.Serial, beside, e.Path)
}

// SaveError says that the state could not be saved at the end of a run.
type SaveError struct {
	Location string
	// Journaled says that every record is durable in the journal, which the next run replays.
	// Otherwise [Run.Recover] writes down what only this process knows.
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
